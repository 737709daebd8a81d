// What one IP packet says to the flow it belongs to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

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

// Two cache lines; the flow table looks ahead at the first.
struct alignas(64) Datagram {
  FlowKey key;
  std::uint64_t hash = 0;
  std::int64_t ts_ns = 0;
  std::uint64_t packet = 0;  // number among all that were read, from 1
  // Captured bytes: options_size of TCP's options, then payload_size of payload, which need not be
  // all that was captured. They live as long as the batch.
  const std::uint8_t* bytes = nullptr;
  const formats::pcap::Interface* interface = nullptr;
  std::uint32_t seq = 0;  // UDP: the checksum
  std::uint32_t ack = 0;
  std::uint32_t ip_bytes = 0;       // on the wire, IP headers included
  std::uint32_t payload_bytes = 0;  // on the wire
  std::int32_t parent = -1;         // index, in the batch, of the datagram it was tunnelled in
  std::int32_t around = -1;         // index, in the batch, of its encapsulation; -1: none
  std::uint16_t options_size = 0;
  std::uint16_t payload_size = 0;
  std::uint16_t window = 0;
  std::uint16_t ip_id = 0;
  std::uint16_t sctp_ports[2] = {0, 0};  // source, destination: they are not part of the key
  std::uint16_t fragments = 0;           // IP fragments it came in; 0 when it was whole
  std::uint8_t tcp_flags = 0;
  std::uint8_t ttl = 0;
  std::uint8_t icmp_type = 0;
  std::uint8_t icmp_code = 0;
  TransportHeader header = TransportHeader::kNone;
  bool from_a : 1 = true;  // the sender is the key's `a`
  bool is_truncated : 1 = false;
  bool is_bad_checksum : 1 = false;
  bool is_one_way : 1 = false;    // ICMP without a counterpart
  bool to_broadcast : 1 = false;  // 255.255.255.255

  [[nodiscard]] std::span<const std::uint8_t> options() const { return {bytes, options_size}; }
  [[nodiscard]] std::span<const std::uint8_t> payload() const {
    return {bytes + options_size, payload_size};
  }
};

// Datagrams on their way from the decoder to the flow table, with what they point to.
struct DatagramBatch {
  std::vector<Datagram> datagrams;
  std::vector<Encapsulation> encapsulations;
  std::vector<std::unique_ptr<std::uint8_t[]>> blocks;  // for bytes
  std::size_t block = 0;                                // the one being filled
  std::size_t used = 0;                                 // of it
  std::optional<std::string> input;                     // these and later ones are of this input
  bool is_followed_by_wait = false;                     // the input has no more at the moment

  static constexpr std::size_t kBlock = std::size_t{1} << 18U;

  // Room that lives as long as the batch; `count` is at most kBlock.
  [[nodiscard]] std::uint8_t* room(std::size_t count) {
    if (block < blocks.size() && kBlock - used < count) {
      ++block;
      used = 0;
    }
    if (block == blocks.size()) {
      blocks.push_back(std::make_unique_for_overwrite<std::uint8_t[]>(kBlock));
    }
    std::uint8_t* const at = blocks[block].get() + used;
    used += count;
    return at;
  }

  void clear() {
    datagrams.clear();
    encapsulations.clear();
    block = used = 0;
    input.reset();
    is_followed_by_wait = false;
  }
};

static_assert(sizeof(Datagram) == 128);

inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kRst = 0x04;
inline constexpr std::uint8_t kAck = 0x10;

}  // namespace tracebraid::converters::pcap
