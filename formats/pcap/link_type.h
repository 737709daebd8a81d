// libpcap's link-layer values (DLT_) and those of files (LINKTYPE_): the same but for a few early
// ones. As pcap-common.c of libpcap 1.10.3 has them; libpcap offers no function for it.
#pragma once

#include <cstdint>

namespace tracebraid::formats::pcap {

[[nodiscard]] std::uint32_t link_type_of_dlt(int dlt);
[[nodiscard]] int dlt_of_link_type(std::uint32_t link_type);

}  // namespace tracebraid::formats::pcap
