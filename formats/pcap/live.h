// Packets of a network interface as they pass, through libpcap.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/pcap/packet.h"

namespace tracebraid::formats::pcap {

// Loss depends on how much is captured of each packet. Measured on lo with 25,000 packets a second
// of up to 64 KiB, 2 busy cores: a snaplen of 256 lost none, the whole packets 1 to 18 %.
struct LiveOptions {
  std::string interface;  // "any" is all of them
  std::uint32_t snaplen = 262144;
  bool promiscuous = false;
  std::string filter = {};      // pcap-filter(7); applied in the kernel
  int buffer_bytes = 64 << 20;  // the kernel's, for packets that wait to be read
  // The capture ends at a signal, or before that:
  std::optional<std::uint64_t> most_packets = std::nullopt;
  std::optional<std::chrono::nanoseconds> longest = std::nullopt;
};

struct LiveStatistics {
  std::uint64_t received = 0;              // by the filter; on lo twice what is captured
  std::uint64_t dropped_by_kernel = 0;     // no room in the buffer: they are missing
  std::uint64_t dropped_by_interface = 0;  // 0 where the driver does not tell
};

// SIGINT and SIGTERM end the capture as an end of input, so that what is open can be written; what
// the kernel has by then is still handed on. The second signal has its usual effect. Only one such
// capture at a time in a process.
class LiveCapture : public PacketSource {
 public:
  [[nodiscard]] virtual LiveStatistics statistics() const = 0;
};

// Throws io::Error when the interface does not exist or may not be captured on, io::UsageError for
// a bad filter.
[[nodiscard]] std::unique_ptr<LiveCapture> open_live(const LiveOptions& options);

// Names of the interfaces that can be captured on; empty when that cannot be found out.
[[nodiscard]] std::vector<std::string> live_interfaces();

}  // namespace tracebraid::formats::pcap
