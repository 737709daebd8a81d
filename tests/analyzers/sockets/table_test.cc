#include "analyzers/sockets/table.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;
using record::Time;

constexpr std::int64_t kSecond = 1'000'000'000;

class Matches final : public SocketSink {
 public:
  void socket(const SocketLife& life, const record::Socket& socket) override {
    all.push_back(std::to_string(life.lane) + " " + std::string(socket.uid));
  }
  std::vector<std::string> all;
};

record::Address host(std::uint8_t last) {
  record::Address address;
  address.size = 4;
  address.bytes[3] = last;
  return address;
}

// Its own port is not told.
record::Syscall connect_at(std::int64_t ts, std::uint64_t file) {
  record::Syscall call;
  call.ts = Time{ts};
  call.end_ts = Time{ts + 1000};
  call.syscall = "connect";
  call.kind = "tcp";
  call.file = file;
  call.tid = 7;
  call.result = 0;
  call.peer_h = host(2);
  call.peer_p = 80;
  return call;
}

record::Flow flow_at(std::int64_t ts) {
  record::Flow flow;
  flow.ts = flow.last_ts = {ts};
  flow.uid = "Cone";
  flow.proto = "tcp";
  flow.orig_h = host(1);
  flow.orig_p = 40'000;
  flow.resp_h = host(2);
  flow.resp_p = 80;
  flow.history = "S";
  flow.orig_bytes = 10;
  flow.final = true;
  return flow;
}

TEST(SocketTable, ConnectsAreMatchedByTheTimeOfTheirSyn) {
  Matches matches;
  SocketTable table(matches);
  table.syscall(connect_at(kSecond, 3), 0);
  table.flow(flow_at(kSecond + 500));
  table.finish();
  EXPECT_EQ(matches.all, std::vector<std::string>({"0 Cone"}));
}

// Logs number their files each for itself: the same number at the same time is another socket, and
// the flow may be either's.
TEST(SocketTable, EqualFilesOfTwoLogsAreTwoSockets) {
  Matches matches;
  SocketTable table(matches);
  table.syscall(connect_at(kSecond, 3), 0);
  table.syscall(connect_at(kSecond, 3), 1);
  table.flow(flow_at(kSecond + 500));
  table.finish();
  EXPECT_EQ(matches.all, std::vector<std::string>({"0 ", "1 "}));
}

TEST(NameCounts, AreShownFromTheMostFrequent) {
  const std::string names[] = {"read", "write", "recv", "send"};
  NameCounts counts;
  for (const std::size_t at : {0U, 1U, 2U, 1U, 3U, 3U}) counts.add(&names[at]);
  EXPECT_EQ(counts.shown(), "write 2, send 2, read 1, recv 1");
  EXPECT_TRUE(counts.has("recv"));
  EXPECT_FALSE(counts.has("poll"));
  EXPECT_EQ(NameCounts().shown(), "");
}

TEST(NameCounts, CountMany) {
  std::vector<std::string> names;
  for (int at = 0; at < 100; ++at) names.push_back("call" + std::to_string(at));
  NameCounts counts;
  std::string expected;
  for (int at = 0; at < 100; ++at) {
    for (int time = 0; time < 100 - at; ++time) {
      counts.add(&names[static_cast<std::size_t>(99 - at)]);
    }
    if (at > 0) expected += ", ";
    expected += "call" + std::to_string(99 - at) + " " + std::to_string(100 - at);
  }
  EXPECT_EQ(counts.shown(), expected);
}

}  // namespace
}  // namespace tracebraid::analyzers
