#include "formats/pcap/link_type.h"

#include <array>

#include <pcap/dlt.h>

namespace tracebraid::formats::pcap {
namespace {

struct Pair {
  int dlt;
  std::uint32_t link_type;
};

constexpr auto kDifferent = std::to_array<Pair>({
    {DLT_ATM_RFC1483, 100},
    {DLT_RAW, 101},
    {DLT_SLIP_BSDOS, 102},
    {DLT_PPP_BSDOS, 103},
    {DLT_ATM_CLIP, 106},
    {DLT_PFSYNC, 246},
    {DLT_PKTAP, 258},
});

}  // namespace

std::uint32_t link_type_of_dlt(int dlt) {
  for (const Pair& each : kDifferent) {
    if (each.dlt == dlt) return each.link_type;
  }
  return static_cast<std::uint32_t>(dlt);
}

int dlt_of_link_type(std::uint32_t link_type) {
  for (const Pair& each : kDifferent) {
    if (each.link_type == link_type) return each.dlt;
  }
  return static_cast<int>(link_type);
}

}  // namespace tracebraid::formats::pcap
