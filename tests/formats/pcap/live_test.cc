// On the loopback interface, where that is allowed.
#include "formats/pcap/live.h"

#include <array>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "formats/io/error.h"

namespace tracebraid::formats::pcap {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kDiscard = 9;

void send_udp(const std::string& text) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(kDiscard);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sendto(fd, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  close(fd);
}

// Nothing where capturing is not allowed here.
std::unique_ptr<LiveCapture> open_or_skip(LiveOptions options) {
  options.interface = "lo";
  try {
    return open_live(options);
  } catch (const io::Error&) {
    return nullptr;
  }
}

TEST(LiveCapture, SeesWhatPasses) {
  LiveOptions options;
  options.filter = "udp dst port 9 and udp[8:4] = 0x74726163";
  options.most_packets = 2;
  options.longest = 10s;
  const auto capture = open_or_skip(options);
  if (!capture) GTEST_SKIP() << "not allowed to capture on lo";
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  for (const char* const each : {"trac1", "other", "trac2", "trac3"}) send_udp(each);
  std::array<Packet, 8> packets;
  std::string seen;
  while (const std::size_t count = capture->read(packets)) {
    for (const Packet& each : std::span(packets).first(count)) {
      seen.append(reinterpret_cast<const char*>(each.data) + each.captured - 5, 5);
      EXPECT_EQ(each.interface->name, "lo");
      EXPECT_EQ(each.interface->link_type, 1U);
      EXPECT_LT(std::abs(each.ts_ns - now.count()), 5'000'000'000);
    }
  }
  EXPECT_EQ(seen, "trac1trac2");
  EXPECT_EQ(capture->statistics().dropped_by_kernel, 0U);
}

TEST(LiveCapture, ASignalEndsIt) {
  LiveOptions options;
  options.filter = "udp dst port 9 and udp[8:4] = 0x7369676e";
  for (const int signal : {SIGINT, SIGTERM}) {
    const auto capture = open_or_skip(options);
    if (!capture) GTEST_SKIP() << "not allowed to capture on lo";
    send_udp("sign");
    std::raise(signal);
    std::array<Packet, 8> packets;
    EXPECT_EQ(capture->read(packets), 1U);  // what had come before the signal
    EXPECT_EQ(capture->read(packets), 0U);
  }
}

TEST(LiveCapture, EndsInTime) {
  LiveOptions options;
  options.filter = "udp dst port 9 and udp[8:4] = 0x6e6f6e65";
  options.longest = 50ms;
  const auto capture = open_or_skip(options);
  if (!capture) GTEST_SKIP() << "not allowed to capture on lo";
  std::array<Packet, 8> packets;
  EXPECT_EQ(capture->read(packets), 0U);
}

TEST(LiveCapture, NamesTheInterfacesThereAre) {
  try {
    (void)open_live({.interface = "none0"});
    FAIL();
  } catch (const io::Error& error) {
    EXPECT_EQ(error.input, "none0");
    EXPECT_EQ(error.what, "no such interface");
    EXPECT_NE(error.hint.find("lo"), std::string::npos) << error.hint;
  }
}

TEST(LiveCapture, BadFilter) {
  LiveOptions options;
  options.filter = "prot 80";
  try {
    EXPECT_EQ(open_or_skip(options), nullptr);
  } catch (const io::UsageError& error) {
    EXPECT_NE(error.what.find("syntax error"), std::string::npos) << error.what;
  }
}

}  // namespace
}  // namespace tracebraid::formats::pcap
