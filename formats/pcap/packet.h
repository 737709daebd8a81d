// A captured packet, whatever it was read from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace tracebraid::formats::pcap {

// What packets of one interface have in common. A pcap file has one, a pcapng file any number.
struct Interface {
  std::uint32_t link_type = 0;      // LINKTYPE_ value (https://www.tcpdump.org/linktypes.html)
  std::uint32_t snaplen = 0;        // 0: none
  std::optional<std::uint32_t> id;  // pcapng: number within its section
  std::string name = {};            // pcapng: if_name; empty where unknown
};

// Valid until the next read() of the reader it came from.
struct Packet {
  static constexpr std::int64_t kNoTime = INT64_MIN;  // pcapng's simple packet blocks have none

  const unsigned char* data = nullptr;
  std::uint32_t captured = 0;            // bytes at data
  std::uint32_t length = 0;              // bytes on the wire; never less than captured
  std::int64_t ts_ns = kNoTime;          // since the Unix epoch
  const Interface* interface = nullptr;  // lives as long as the reader
};

// Where packets come from: a capture file, a live interface.
class PacketSource {
 public:
  virtual ~PacketSource() = default;

  // Fills the front of `packets` and returns how many; 0 only at the end. Waits for the first
  // packet only, so that what a live capture has written is handed on at once. Throws io::Error
  // when the input is no capture, is damaged or cannot be read; packets before that have been
  // returned by earlier calls.
  [[nodiscard]] virtual std::size_t read(std::span<Packet> packets) = 0;
};

}  // namespace tracebraid::formats::pcap
