// What one IP packet says to the flow it belongs to.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "formats/pcap/packet.h"

namespace tracebraid::converters::pcap {

inline constexpr std::uint8_t kProtocolIcmp = 1;
inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kProtocolIcmp6 = 58;
inline constexpr std::uint8_t kProtocolSctp = 132;

// 16 bytes in network order, IPv4 in the last four.
struct HostAddress {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool operator==(const HostAddress&) const = default;
};

// Both ends of a conversation, the same whoever sends: `a` is the lower of the two by address, then
// port.
struct FlowKey {
  HostAddress a;
  HostAddress b;
  std::uint16_t port_a = 0;
  std::uint16_t port_b = 0;
  std::uint16_t around = 0;  // hash of the VLAN tags or tunnels that are part of the key, else 0
  std::uint8_t protocol = 0;
  bool is_ipv6 = false;
  bool operator==(const FlowKey&) const = default;
};

enum class TunnelKind : std::uint8_t { kIp, kGre, kErspan, kVxlan, kGeneve, kGtpu, kTeredo };

// What was around the IP packet, outermost first.
struct Encapsulation {
  static constexpr std::size_t kMostTunnels = 4;
  struct Tunnel {
    TunnelKind kind;
    std::uint32_t id;  // VNI, GRE key, ERSPAN session, TEID; 0 where there is none
  };

  std::uint8_t vlans = 0;  // tags seen
  std::uint8_t tunnels = 0;
  bool has_mpls = false;
  std::uint16_t vlan = 0;
  std::uint16_t inner_vlan = 0;
  std::uint32_t mpls = 0;
  std::array<Tunnel, kMostTunnels> tunnel{};
};

// How much of the transport header the capture holds.
enum class TransportHeader : std::uint8_t {
  kWhole,      // all fixed fields
  kPortsOnly,  // cut by the snaplen behind the ports
  kNone,       // a protocol without ports
};

struct Datagram {
  FlowKey key;
  std::uint64_t hash = 0;
  std::int64_t ts_ns = 0;
  std::uint64_t packet = 0;  // number among all that were read, from 1
  bool from_a = true;        // the sender is the key's `a`
  TransportHeader header = TransportHeader::kNone;
  bool is_truncated = false;
  bool is_bad_checksum = false;
  bool is_one_way = false;      // ICMP without a counterpart
  bool to_broadcast = false;    // 255.255.255.255
  std::uint8_t tcp_flags = 0;
  std::uint8_t ttl = 0;
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
  std::uint16_t window = 0;
  std::uint16_t ip_id = 0;
  std::uint16_t sctp_ports[2] = {0, 0};  // source, destination: they are not part of the key
  std::uint16_t fragments = 0;  // IP fragments it came in; 0 when it was whole
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::uint32_t ip_bytes = 0;       // on the wire, IP headers included
  std::uint32_t payload_bytes = 0;  // on the wire
  std::int32_t parent = -1;         // index, in the batch, of the datagram it was tunnelled in
  std::span<const std::uint8_t> payload;  // captured part
  std::span<const std::uint8_t> options;  // of TCP, captured part
  Encapsulation encapsulation;
  const formats::pcap::Interface* interface = nullptr;
};

inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kRst = 0x04;
inline constexpr std::uint8_t kAck = 0x10;

}  // namespace tracebraid::converters::pcap
