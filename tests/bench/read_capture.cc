// Time per packet of reading a capture with CaptureReader and with libpcap, in the same run:
//   read_capture make FILE MEGABYTES BYTES_PER_PACKET    (0: a mix of 60, 590 and 1514)
//   read_capture FILE...
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <pcap/pcap.h>

#include "formats/io/diagnostics.h"
#include "formats/io/source.h"
#include "formats/pcap/capture_reader.h"

namespace {

namespace io = tracebraid::formats::io;
namespace pcap = tracebraid::formats::pcap;

class StandardError final : public io::Messages {
 public:
  void line(std::string_view text) override {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
  }
};

struct Sum {
  std::uint64_t packets = 0;
  std::uint64_t value = 0;  // so that nothing is optimised away, and both are seen to agree
};

Sum with_capture_reader(const char* path) {
  StandardError messages;
  io::Diagnostics diagnostics(messages, "read_capture");
  const auto source = io::open_source(path);
  pcap::CaptureReader reader(*source, diagnostics);
  std::vector<pcap::Packet> packets(256);
  Sum sum;
  while (const std::size_t count = reader.read(packets)) {
    for (std::size_t i = 0; i < count; ++i) {
      const pcap::Packet& each = packets[i];
      sum.value += static_cast<std::uint64_t>(each.ts_ns) + each.captured + each.data[0];
    }
    sum.packets += count;
  }
  return sum;
}

Sum with_libpcap(const char* path) {
  char error[PCAP_ERRBUF_SIZE] = "";
  pcap_t* const handle =
      pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error);
  if (handle == nullptr) {
    std::fprintf(stderr, "libpcap: %s\n", error);
    return {};
  }
  Sum sum;
  pcap_pkthdr* head = nullptr;
  const u_char* bytes = nullptr;
  while (pcap_next_ex(handle, &head, &bytes) == 1) {
    const std::int64_t ts_ns = std::int64_t{head->ts.tv_sec} * 1'000'000'000 + head->ts.tv_usec;
    sum.value += static_cast<std::uint64_t>(ts_ns) + head->caplen + bytes[0];
    ++sum.packets;
  }
  pcap_close(handle);
  return sum;
}

int make(const char* path, std::uint64_t megabytes, std::uint32_t fixed) {
  pcap_t* const handle =
      pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 262144, PCAP_TSTAMP_PRECISION_NANO);
  pcap_dumper_t* const dumper = pcap_dump_open(handle, path);
  if (dumper == nullptr) return 1;
  constexpr std::uint32_t kMix[] = {60, 60, 590, 1514, 60, 1514, 60};
  std::vector<unsigned char> bytes(1U << 16, 7);
  std::uint64_t written = 0;
  for (std::uint64_t i = 0; written < megabytes * 1'000'000; ++i) {
    pcap_pkthdr head{};
    head.ts.tv_sec = static_cast<time_t>(1'700'000'000 + i / 1'000'000);
    head.ts.tv_usec = static_cast<suseconds_t>(i % 1'000'000 * 1000);
    head.caplen = head.len = fixed != 0 ? fixed : kMix[i % std::size(kMix)];
    bytes[0] = static_cast<unsigned char>(i);
    pcap_dump(reinterpret_cast<u_char*>(dumper), &head, bytes.data());
    written += 16 + head.caplen;
  }
  pcap_dump_close(dumper);
  pcap_close(handle);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5 && std::strcmp(argv[1], "make") == 0) {
    return make(argv[2], std::strtoull(argv[3], nullptr, 10),
                static_cast<std::uint32_t>(std::strtoul(argv[4], nullptr, 10)));
  }
  constexpr int kRounds = 5;
  for (int i = 1; i < argc; ++i) {
    double best[2] = {1e99, 1e99};
    Sum sums[2];
    for (int round = 0; round < kRounds; ++round) {
      for (int which = 0; which < 2; ++which) {
        const auto start = std::chrono::steady_clock::now();
        sums[which] = which == 0 ? with_capture_reader(argv[i]) : with_libpcap(argv[i]);
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
        best[which] = std::min(best[which], taken.count());
      }
    }
    const auto packets = static_cast<double>(std::max<std::uint64_t>(sums[0].packets, 1));
    std::printf("%s: %llu packets; CaptureReader %.1f ns, libpcap %.1f ns a packet: 1/%.2f%s\n",
                argv[i], static_cast<unsigned long long>(sums[0].packets), best[0] / packets * 1e9,
                best[1] / packets * 1e9, best[1] / best[0],
                sums[0].value == sums[1].value ? "" : "; THEY DIFFER");
  }
}
