// The filter language of tcpdump (pcap-filter(7)), compiled and run by libpcap.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "formats/pcap/packet.h"

namespace tracebraid::formats::pcap {

class PacketFilter {
 public:
  // E.g. "tcp port 80 and host 10.0.0.1"; an empty one lets everything through. Throws
  // io::UsageError with libpcap's own words when no link type makes sense of it. Names of hosts are
  // looked up.
  explicit PacketFilter(std::string expression);
  ~PacketFilter();
  PacketFilter(const PacketFilter&) = delete;
  PacketFilter& operator=(const PacketFilter&) = delete;

  // Judges by the captured bytes; what a cut packet does not hold does not match. Throws
  // io::UsageError when the expression asks for what the packet's link type does not have.
  [[nodiscard]] bool matches(const Packet& packet);

 private:
  class Program;

  Program& program_for(std::uint32_t link_type);

  std::string expression_;
  std::vector<std::unique_ptr<Program>> programs_;  // one for each link type met
  Program* last_ = nullptr;
};

}  // namespace tracebraid::formats::pcap
