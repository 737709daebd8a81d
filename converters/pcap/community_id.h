// Community ID, version 1: a hash that many tools compute alike for a flow's addresses and ports
// (https://github.com/corelight/community-id-spec): "1:" and the base64 of a SHA-1 over seed,
// addresses, protocol and ports, the lower end first. One-way ICMP keeps its order; SCTP's ports
// are part of it, as the specification has it (Zeek hashes zeros).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "converters/pcap/datagram.h"

namespace tracebraid::converters::pcap {

// `ports`: of the key's a and b. The view is of `into`.
[[nodiscard]] std::string_view community_id(const FlowKey& key, std::uint16_t port_a,
                                            std::uint16_t port_b, std::uint16_t seed,
                                            std::array<char, 31>& into);

}  // namespace tracebraid::converters::pcap
