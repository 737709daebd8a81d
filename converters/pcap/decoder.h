// From a captured frame to the IP packets in it: link layers, VLANs, MPLS, PPPoE, IP with its
// extension headers and fragments, tunnels, and the TCP, UDP and ICMP headers.
//
// Sources: tcpdump.org/linktypes.html and IEEE 802 for link layers; RFC 791, 8200, 9293, 768, 792,
// 4443; RFC 2784 and 2890 (GRE), 7348 (VXLAN), 8926 (Geneve), 3GPP TS 29.281 (GTP-U), 4380
// (Teredo), draft-foschiano-erspan. Not read: encrypted 802.11, IPsec payloads, AYIYA.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "converters/pcap/datagram.h"
#include "converters/pcap/fragments.h"
#include "formats/io/diagnostics.h"
#include "formats/pcap/packet.h"

namespace tracebraid::converters::pcap {

// What became of a frame; a frame that holds several IP packets counts as the best of them.
enum class Outcome : std::uint8_t {
  kCounted,
  kFragment,  // kept for a datagram that is not complete yet
  kNonIp,
  kMalformed,  // a header is cut, or contradicts what is there
  kUnsupportedLink,
};

class Decoder {
 public:
  struct Options {
    bool inner = true;  // look into tunnels
    bool vlans_in_key = false;
    bool tunnels_in_key = false;
    std::vector<std::uint16_t> vxlan_ports = {4789};
    // No flow is silent for so long and then goes on.
    std::int64_t shortest_time_out_ns = 8'000'000'000;
    // Flows of whose payloads is known how many were kept: a power of two. Of more flows than that,
    // payloads are kept in vain.
    std::size_t flows_known = std::size_t{1} << 16U;
    // Of the flows' hash; unknown to those who send packets, unless it is set.
    std::optional<std::uint64_t> hash_seed = {};
  };

  Decoder(Options options, formats::io::Diagnostics& diagnostics);

  // Appends the frame's datagrams to `out`: the UDP datagram of a tunnel before what is inside.
  // keep() must be called while the frame and `out` are the same.
  [[nodiscard]] Outcome decode(const formats::pcap::Packet& packet, std::uint64_t number,
                               DatagramBatch& out);

  // Copies what is needed of the payloads of the frames so far, into `out`, where all of them were
  // decoded to. Nothing points into the frames afterwards.
  void keep(DatagramBatch& out);

 private:
  // A piece of the frame: what was captured of it, and its length on the wire.
  struct Bytes;
  struct Frame;

  Outcome link(Frame& frame, Bytes bytes);
  Outcome ethernet(Frame& frame, Bytes bytes);
  Outcome ether_type(Frame& frame, std::uint16_t type, Bytes bytes);
  Outcome logical_link(Frame& frame, Bytes bytes);
  Outcome mpls(Frame& frame, Bytes bytes);
  Outcome pppoe(Frame& frame, Bytes bytes);
  Outcome ppp(Frame& frame, Bytes bytes);
  Outcome wlan(Frame& frame, Bytes bytes);
  Outcome ip(Frame& frame, Bytes bytes);
  Outcome ipv4(Frame& frame, Bytes bytes);
  Outcome ipv6(Frame& frame, Bytes bytes);
  Outcome fragment(Frame& frame, const struct IpPacket& ip, Bytes bytes);
  Outcome transport(Frame& frame, const struct IpPacket& ip, Bytes bytes);
  Outcome tcp(Frame& frame, const struct IpPacket& ip, Datagram& datagram, Bytes bytes);
  Outcome udp(Frame& frame, const struct IpPacket& ip, Datagram& datagram, Bytes bytes);
  Outcome icmp(Frame& frame, const struct IpPacket& ip, Datagram& datagram, Bytes bytes);
  Outcome udp_tunnel(Frame& frame, std::uint16_t source, std::uint16_t destination, Bytes bytes);
  Outcome gre(Frame& frame, Bytes bytes);
  [[nodiscard]] bool enter(Frame& frame, TunnelKind kind, std::uint32_t id);
  const formats::pcap::Interface* intern(const formats::pcap::Interface* interface);
  void keep_later(Frame& frame, const Datagram& datagram, std::span<const std::uint8_t> options,
                  std::span<const std::uint8_t> payload);
  void finish(Frame& frame, const struct IpPacket& ip, Datagram& datagram, std::uint16_t source,
              std::uint16_t destination);

  Options options_;
  formats::io::Diagnostics& diagnostics_;
  std::uint64_t hash_seed_;
  FragmentTable fragments_;
  std::deque<formats::pcap::Interface> interfaces_;  // the readers' own go with the readers
  const formats::pcap::Interface* last_interface_ = nullptr;
  const formats::pcap::Interface* last_interned_ = nullptr;

  // How many payloads of a flow were kept lately: the flow table looks at its first few only.
  // Small, since every packet looks at one of them. Of the last packet's time, in units of 2^30 ns,
  // the lower bits: 18 years of them.
  struct Kept {
    static constexpr unsigned kTickBits = 29;
    std::uint32_t tag = 0;
    std::uint32_t payloads : 3 = 0;
    std::uint32_t last_tick : kTickBits = 0;
  };
  std::vector<Kept> kept_;
  // Options and payloads that may be kept. Looked at some packets later, when the cache has fetched
  // what is known of the flow.
  struct ToKeep {
    std::uint32_t datagram = 0;  // index in the batch
    std::span<const std::uint8_t> options, payload;
  };
  std::array<ToKeep, 8> to_keep_;
  std::size_t to_keep_count_ = 0;
  std::vector<std::uint32_t> unsupported_;  // link types that were reported
};

}  // namespace tracebraid::converters::pcap
