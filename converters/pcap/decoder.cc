#include "converters/pcap/decoder.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <tuple>

#include "formats/io/hash.h"
#include "formats/record/dns.h"

namespace tracebraid::converters::pcap {

namespace io = formats::io;

// The captured bytes and how many there were on the wire. Every read is preceded by has().
struct Decoder::Bytes {
  const std::uint8_t* at;
  std::uint32_t captured;
  std::uint32_t wire;

  [[nodiscard]] bool has(std::size_t count) const { return captured >= count; }
  void skip(std::uint32_t count) {
    at += count;
    captured -= count;
    wire -= count;
  }
  // Forgets what is behind the first `count` bytes of the wire.
  void limit(std::uint32_t count) {
    wire = count;
    captured = std::min(captured, count);
  }
  [[nodiscard]] std::uint8_t u8(std::size_t offset) const { return at[offset]; }
  [[nodiscard]] std::uint16_t u16(std::size_t offset) const {
    std::uint16_t value = 0;
    std::memcpy(&value, at + offset, sizeof value);
    return std::endian::native == std::endian::little ? __builtin_bswap16(value) : value;
  }
  [[nodiscard]] std::uint32_t u32(std::size_t offset) const {
    std::uint32_t value = 0;
    std::memcpy(&value, at + offset, sizeof value);
    return std::endian::native == std::endian::little ? __builtin_bswap32(value) : value;
  }
  [[nodiscard]] std::uint64_t u64(std::size_t offset) const {
    std::uint64_t value = 0;
    std::memcpy(&value, at + offset, sizeof value);
    return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
  }
};

struct Decoder::Frame {
  const formats::pcap::Packet& packet;
  std::uint64_t number;
  DatagramBatch& out;
  Encapsulation encapsulation{};
  std::int32_t parent = -1;
  int layers = 0;  // headers seen so far: a loop of headers ends
  std::uint16_t fragments = 0;
};

// An IP header, of either version.
struct IpPacket {
  HostAddress source;
  HostAddress destination;
  bool is_ipv6 = false;
  bool is_truncated = false;  // the capture has less of it than the wire had
  std::uint8_t protocol = 0;
  std::uint8_t ttl = 0;
  std::uint16_t id = 0;
  std::uint32_t total_bytes = 0;
  // Of the piece at hand, when it is one.
  bool is_fragment = false;
  bool more_fragments = false;
  std::uint32_t fragment_offset = 0;
  std::uint32_t fragment_id = 0;
  std::uint32_t header_bytes = 0;
};

namespace {

constexpr int kMostLayers = 32;
constexpr std::uint64_t kIpv4Prefix = 0x0000'FFFF'0000'0000;

constexpr std::uint16_t kEtherIpv4 = 0x0800;
constexpr std::uint16_t kEtherIpv6 = 0x86DD;
constexpr std::uint16_t kEtherBridged = 0x6558;  // a whole Ethernet frame inside GRE or Geneve

constexpr io::Counter kUnknownLink = {"unsupported_link_type", io::Severity::kDamage,
                                      "packets of a link type that is not read"};
constexpr io::Counter kTooDeep = {"tunnels_too_deep", io::Severity::kWarning,
                                  "more tunnels in one another than are followed"};

// Sum of `bytes`, congruent modulo 0xFFFF to that of its 16-bit words in memory order.
std::uint64_t sum_words(std::span<const std::uint8_t> bytes) {
  using Lanes [[gnu::vector_size(16)]] = std::uint64_t;
  constexpr std::size_t kLanes = sizeof(Lanes);
  static constexpr std::array<std::uint8_t, 2 * kLanes> kMasks = [] {
    std::array<std::uint8_t, 2 * kLanes> masks{};
    for (std::size_t at = kLanes; at < masks.size(); ++at) masks[at] = 0xFF;
    return masks;
  }();
  const std::uint8_t* at = bytes.data();
  std::size_t count = bytes.size();
  std::uint64_t sum = 0;
  const auto load = [](const std::uint8_t* from) {
    Lanes lanes;
    std::memcpy(&lanes, from, sizeof lanes);
    return lanes;
  };
  if (count >= kLanes) {
    // What is left over after whole vectors, and the last byte of an odd number, without a branch:
    // lengths cannot be predicted.
    sum = at[count - 1] & (0U - (count & 1U));
    count &= ~std::size_t{1};
    Lanes next = load(at + count - kLanes) & load(kMasks.data() + count % kLanes);
    Lanes all = next;  // modulo 2^64
    Lanes high = next >> 32U;
    for (std::size_t vector = count / kLanes; vector > 0; --vector, at += kLanes) {
      next = load(at);
      all += next;
      high += next >> 32U;
    }
    all += high - (high << 32U);
    return sum + all[0] + all[1];
  }
  for (; count >= 2; count -= 2, at += 2) {
    std::uint16_t word = 0;
    std::memcpy(&word, at, sizeof word);
    sum += word;
  }
  return sum + (count > 0 ? *at : 0U);
}

// Whether the Internet checksum (RFC 1071) in what was summed is wrong.
bool is_bad_sum(std::uint64_t sum) {
  constexpr std::uint64_t kOnes = 0xFFFF;
  return sum % kOnes != 0 || sum == 0;
}

// Of `bytes` and the pseudo header in front.
bool has_bad_checksum(const IpPacket& ip, std::span<const std::uint8_t> bytes,
                      std::uint8_t protocol) {
  const auto words = [](std::uint64_t value) { return (value & 0xFFFFFFFFU) + (value >> 32U); };
  std::uint64_t head =
      (ip.source.low & 0xFFFFFFFFU) + (ip.destination.low & 0xFFFFFFFFU) + protocol + bytes.size();
  if (ip.is_ipv6) {
    head += words(ip.source.high) + words(ip.destination.high) + (ip.source.low >> 32U) +
            (ip.destination.low >> 32U);
  }
  // In memory order, words have their bytes the other way round: modulo 0xFFFF, that is 256 times
  // as much.
  constexpr unsigned kSwap = std::endian::native == std::endian::little ? 8 : 0;
  return is_bad_sum(sum_words(bytes) + (head << kSwap));
}

using formats::io::folded_product;
__extension__ using Wide = unsigned __int128;

std::uint64_t hash_of(const FlowKey& key, std::uint64_t seed) {
  const std::uint64_t ports = (std::uint64_t{key.port_a} << 48U) |
                              (std::uint64_t{key.port_b} << 32U) |
                              (std::uint64_t{key.around} << 16U) |
                              (std::uint64_t{key.protocol} << 8U) | (key.is_ipv6 ? 1U : 0U);
  // Neither factor is to be made 0 by who does not know the seed.
  std::uint64_t hash = folded_product(key.a.low ^ seed, key.b.low ^ ports ^ std::rotl(seed, 32));
  if (key.is_ipv6) {
    hash = folded_product(hash ^ key.a.high ^ 0xA076'1D64'78BD'642FU, key.b.high ^ seed);
  }
  return folded_product(hash ^ ports ^ 0xE703'7ED1'A0B4'28DBU, seed | 1U);
}

// The type of the message that answers, for those that have one: RFC 792, 950, 4443, 4861, 2710,
// 4620, 6275.
int icmp_counterpart(std::uint8_t type, bool is_ipv6) {
  if (!is_ipv6) {
    switch (type) {
      case 0:
        return 8;
      case 8:
        return 0;
      case 9:
        return 10;
      case 10:
        return 9;
      case 13:
        return 14;
      case 14:
        return 13;
      case 15:
        return 16;
      case 16:
        return 15;
      case 17:
        return 18;
      case 18:
        return 17;
      default:
        return -1;
    }
  }
  switch (type) {
    case 128:
      return 129;
    case 129:
      return 128;
    case 130:
      return 131;
    case 131:
      return 130;
    case 133:
      return 134;
    case 134:
      return 133;
    case 135:
      return 136;
    case 136:
      return 135;
    case 139:
      return 140;
    case 140:
      return 139;
    case 144:
      return 145;
    case 145:
      return 144;
    default:
      return -1;
  }
}

// Whether IPv6's next header says that there is more: an extension, or a transport that is known to
// have a header.
bool begins_with_header(std::uint8_t next) {
  constexpr std::uint8_t kThese[] = {0,
                                     4,
                                     41,
                                     43,
                                     44,
                                     47,
                                     51,
                                     60,
                                     135,
                                     139,
                                     140,
                                     kProtocolTcp,
                                     kProtocolUdp,
                                     kProtocolIcmp6,
                                     kProtocolSctp};
  return std::find(std::begin(kThese), std::end(kThese), next) != std::end(kThese);
}

Outcome better(Outcome left, Outcome right) {
  return static_cast<int>(left) <= static_cast<int>(right) ? left : right;
}

}  // namespace

Decoder::Decoder(Options options, io::Diagnostics& diagnostics)
    : options_(std::move(options)),
      diagnostics_(diagnostics),
      hash_seed_(options_.hash_seed.value_or(io::kHashSeeds.flows)),
      kept_(options_.flows_known) {}

Outcome Decoder::decode(const formats::pcap::Packet& packet, std::uint64_t number,
                        DatagramBatch& out) {
  if (packet.interface != last_interface_) {
    last_interface_ = packet.interface;
    last_interned_ = intern(packet.interface);
  }
  Frame frame{.packet = packet, .number = number, .out = out};
  return link(frame, {packet.data, packet.captured, packet.length});
}

Outcome Decoder::link(Frame& frame, Bytes bytes) {
  switch (frame.packet.interface->link_type) {
    case 1:
      return ethernet(frame, bytes);
    case 0:      // NULL: an address family in the byte order of the machine that captured
    case 108: {  // LOOP: in network order
      if (!bytes.has(4)) return Outcome::kMalformed;
      std::uint32_t family = bytes.u32(0);
      if (family > 0xFFFF) family = __builtin_bswap32(family);
      bytes.skip(4);
      constexpr std::uint32_t kFamilies[] = {2, 10, 23, 24, 28, 30};
      if (std::find(std::begin(kFamilies), std::end(kFamilies), family) == std::end(kFamilies)) {
        return Outcome::kNonIp;
      }
      return ip(frame, bytes);
    }
    case 12:
    case 14:
    case 101:
      return ip(frame, bytes);
    case 228:
      return ipv4(frame, bytes);
    case 229:
      return ipv6(frame, bytes);
    case 113: {  // LINUX_SLL
      constexpr std::uint32_t kHeader = 16;
      if (!bytes.has(kHeader)) return Outcome::kMalformed;
      const std::uint16_t type = bytes.u16(14);
      bytes.skip(kHeader);
      return type == 4 ? logical_link(frame, bytes) : ether_type(frame, type, bytes);
    }
    case 276: {  // LINUX_SLL2
      constexpr std::uint32_t kHeader = 20;
      if (!bytes.has(kHeader)) return Outcome::kMalformed;
      const std::uint16_t type = bytes.u16(0);
      bytes.skip(kHeader);
      return type == 4 ? logical_link(frame, bytes) : ether_type(frame, type, bytes);
    }
    case 9:
    case 50:
    case 204:
    case 166: {
      if (frame.packet.interface->link_type >= 166) {  // a direction in front
        if (!bytes.has(1)) return Outcome::kMalformed;
        if (frame.packet.interface->link_type == 204 || bytes.u8(0) <= 1) bytes.skip(1);
      }
      return ppp(frame, bytes);
    }
    case 51:
      return pppoe(frame, bytes);
    case 10: {  // FDDI
      constexpr std::uint32_t kHeader = 13;
      if (!bytes.has(kHeader)) return Outcome::kMalformed;
      bytes.skip(kHeader);
      return logical_link(frame, bytes);
    }
    case 104: {  // Cisco HDLC
      if (!bytes.has(4)) return Outcome::kMalformed;
      const std::uint16_t type = bytes.u16(2);
      bytes.skip(4);
      return ether_type(frame, type, bytes);
    }
    case 105:
      return wlan(frame, bytes);
    case 127: {  // radiotap: its length is little-endian
      if (!bytes.has(4)) return Outcome::kMalformed;
      const auto length = static_cast<std::uint32_t>(bytes.u8(2) | (bytes.u8(3) << 8));
      if (length < 8 || !bytes.has(length)) return Outcome::kMalformed;
      bytes.skip(length);
      return wlan(frame, bytes);
    }
    default: {
      const std::uint32_t type = frame.packet.interface->link_type;
      if (std::find(unsupported_.begin(), unsupported_.end(), type) == unsupported_.end()) {
        constexpr std::size_t kMost = 64;
        if (unsupported_.size() < kMost) unsupported_.push_back(type);
        diagnostics_.count(kUnknownLink, "packet " + std::to_string(frame.number),
                           "link type " + std::to_string(type));
      }
      return Outcome::kUnsupportedLink;
    }
  }
}

Outcome Decoder::ethernet(Frame& frame, Bytes bytes) {
  constexpr std::uint32_t kHeader = 14;
  if (!bytes.has(kHeader)) return Outcome::kMalformed;
  const std::uint16_t type = bytes.u16(12);
  bytes.skip(kHeader);
  return ether_type(frame, type, bytes);
}

Outcome Decoder::ether_type(Frame& frame, std::uint16_t type, Bytes bytes) {
  constexpr std::uint16_t kLongestLength = 1500;
  for (;;) {
    if (type == kEtherIpv4) return ipv4(frame, bytes);
    if (type == kEtherIpv6) return ipv6(frame, bytes);
    if (type <= kLongestLength) {
      if (type < bytes.wire) bytes.limit(type);
      return logical_link(frame, bytes);
    }
    if (++frame.layers > kMostLayers) return Outcome::kMalformed;
    switch (type) {
      case 0x8100:
      case 0x88A8:
      case 0x9100:
      case 0x9200:
      case 0x9300: {
        if (!bytes.has(4)) return Outcome::kMalformed;
        const auto tag = static_cast<std::uint16_t>(bytes.u16(0) & 0x0FFFU);
        Encapsulation& around = frame.encapsulation;
        if (around.vlans == 0) around.vlan = tag;
        if (around.vlans == 1) around.inner_vlan = tag;
        if (around.vlans < UINT8_MAX) ++around.vlans;
        type = bytes.u16(2);
        bytes.skip(4);
        continue;
      }
      case 0x8847:
      case 0x8848:
        return mpls(frame, bytes);
      case 0x8864:
        return pppoe(frame, bytes);
      case 0x88E7:  // provider backbone bridging (802.1ah): the I-tag, then the customer's frame
        if (!bytes.has(4)) return Outcome::kMalformed;
        bytes.skip(4);
        return ethernet(frame, bytes);
      case 0x8926:  // VN-Tag
        if (!bytes.has(6)) return Outcome::kMalformed;
        type = bytes.u16(4);
        bytes.skip(6);
        continue;
      case 0x8903:  // FabricPath: a tag, then the inner frame
        if (!bytes.has(2)) return Outcome::kMalformed;
        bytes.skip(2);
        return ethernet(frame, bytes);
      case kEtherBridged:
        return ethernet(frame, bytes);
      case 0x880B:
        return ppp(frame, bytes);
      default:
        return Outcome::kNonIp;
    }
  }
}

// 802.2, with SNAP.
Outcome Decoder::logical_link(Frame& frame, Bytes bytes) {
  if (!bytes.has(3)) return Outcome::kNonIp;
  if (bytes.u8(0) == 0xAA && bytes.u8(1) == 0xAA) {
    if (!bytes.has(8)) return Outcome::kMalformed;
    const std::uint16_t type = bytes.u16(6);
    bytes.skip(8);
    constexpr std::uint16_t kFirstType = 0x0600;
    return type < kFirstType ? Outcome::kNonIp : ether_type(frame, type, bytes);
  }
  if (bytes.u8(0) == 0x06 && bytes.u8(1) == 0x06) {
    bytes.skip(3);
    return ipv4(frame, bytes);
  }
  return Outcome::kNonIp;
}

Outcome Decoder::mpls(Frame& frame, Bytes bytes) {
  for (;;) {
    if (!bytes.has(4)) return Outcome::kMalformed;
    const std::uint32_t entry = bytes.u32(0);
    bytes.skip(4);
    if (!frame.encapsulation.has_mpls) {
      frame.encapsulation.has_mpls = true;
      frame.encapsulation.mpls = entry >> 12U;
    }
    constexpr std::uint32_t kBottom = 0x100;
    if ((entry & kBottom) != 0) break;
    if (++frame.layers > kMostLayers) return Outcome::kMalformed;
  }
  if (!bytes.has(1)) return Outcome::kMalformed;
  const unsigned version = bytes.u8(0) >> 4U;
  if (version == 4 || version == 6) return ip(frame, bytes);
  // A pseudowire: a control word, which begins with zeros (RFC 4385), then Ethernet.
  if (version == 0 && bytes.has(4)) bytes.skip(4);
  return ethernet(frame, bytes);
}

Outcome Decoder::pppoe(Frame& frame, Bytes bytes) {
  constexpr std::uint32_t kHeader = 6;
  if (!bytes.has(kHeader + 2)) return Outcome::kMalformed;
  if (bytes.u8(1) != 0) return Outcome::kNonIp;  // not session data
  // Its own length is not always true; the IP header tells what is padding.
  bytes.skip(kHeader);
  return ppp(frame, bytes);
}

Outcome Decoder::ppp(Frame& frame, Bytes bytes) {
  // An address, if it is 0xFF: that is no protocol (RFC 1661, 6.5).
  if (!bytes.has(1) || (bytes.u8(0) == 0xFF && !bytes.has(2))) return Outcome::kMalformed;
  if (bytes.u8(0) == 0xFF && bytes.u8(1) == 0x03) bytes.skip(2);
  if (!bytes.has(1)) return Outcome::kMalformed;
  std::uint16_t protocol = bytes.u8(0);
  if ((protocol & 1U) != 0) {  // compressed to one byte
    bytes.skip(1);
  } else {
    if (!bytes.has(2)) return Outcome::kMalformed;
    protocol = bytes.u16(0);
    bytes.skip(2);
  }
  switch (protocol) {
    case 0x0021:
      return ipv4(frame, bytes);
    case 0x0057:
      return ipv6(frame, bytes);
    case 0x0281:
    case 0x0283:
      return mpls(frame, bytes);
    default:
      return Outcome::kNonIp;
  }
}

Outcome Decoder::wlan(Frame& frame, Bytes bytes) {
  constexpr std::uint32_t kHeader = 24;
  if (!bytes.has(2)) return Outcome::kMalformed;
  const std::uint8_t control = bytes.u8(0);
  const std::uint8_t flags = bytes.u8(1);
  constexpr unsigned kData = 2;
  constexpr unsigned kNoData = 4;
  constexpr unsigned kQos = 8;
  const unsigned subtype = control >> 4U;
  constexpr unsigned kProtected = 0x40;
  if (((control >> 2U) & 3U) != kData || (subtype & kNoData) != 0 || (flags & kProtected) != 0) {
    return Outcome::kNonIp;
  }
  std::uint32_t header = kHeader;
  if ((flags & 3U) == 3U) header += 6;  // between distribution systems: a fourth address
  bool is_aggregate = false;
  if ((subtype & kQos) != 0) {
    if (!bytes.has(header + 2)) return Outcome::kMalformed;
    is_aggregate = (bytes.u8(header) & 0x80U) != 0;
    header += 2;
    constexpr unsigned kOrder = 0x80;
    if ((flags & kOrder) != 0) header += 4;
  }
  if (!bytes.has(header)) return Outcome::kMalformed;
  bytes.skip(header);
  if (!is_aggregate) return logical_link(frame, bytes);

  // An A-MSDU: frames of their own, each with addresses, length and padding to four bytes.
  Outcome outcome = Outcome::kMalformed;
  constexpr std::uint32_t kSubheader = 14;
  while (bytes.has(kSubheader)) {
    const std::uint32_t length = bytes.u16(12);
    bytes.skip(kSubheader);
    Bytes part = bytes;
    if (length < part.wire) part.limit(length);
    outcome = better(outcome, logical_link(frame, part));
    const std::uint32_t padded = (kSubheader + length + 3) / 4 * 4 - kSubheader;
    if (!bytes.has(padded)) break;
    bytes.skip(padded);
  }
  return outcome;
}

Outcome Decoder::ip(Frame& frame, Bytes bytes) {
  if (!bytes.has(1)) return Outcome::kMalformed;
  const unsigned version = bytes.u8(0) >> 4U;
  if (version == 4) return ipv4(frame, bytes);
  if (version == 6) return ipv6(frame, bytes);
  return Outcome::kMalformed;
}

Outcome Decoder::ipv4(Frame& frame, Bytes bytes) {
  constexpr std::uint32_t kHeader = 20;
  if (!bytes.has(kHeader) || bytes.u8(0) >> 4U != 4) return Outcome::kMalformed;
  if (++frame.layers > kMostLayers) return Outcome::kMalformed;
  const std::uint32_t header = (bytes.u8(0) & 0x0FU) * 4U;
  std::uint32_t total = bytes.u16(2);
  // Segmentation offload leaves the length 0: then it is what the wire had.
  if (total == 0) total = bytes.wire;
  if (header < kHeader || total < header || total > bytes.wire) return Outcome::kMalformed;
  bytes.limit(total);
  if (!bytes.has(header)) return Outcome::kMalformed;

  IpPacket packet;
  packet.source = {0, kIpv4Prefix | bytes.u32(12)};
  packet.destination = {0, kIpv4Prefix | bytes.u32(16)};
  packet.is_truncated = bytes.captured < bytes.wire;
  packet.protocol = bytes.u8(9);
  packet.ttl = bytes.u8(8);
  packet.id = bytes.u16(4);
  packet.total_bytes = total;
  packet.header_bytes = header;
  const std::uint16_t fragment_word = bytes.u16(6);
  packet.more_fragments = (fragment_word & 0x2000U) != 0;
  packet.fragment_offset = (fragment_word & 0x1FFFU) * 8U;
  packet.is_fragment = packet.more_fragments || packet.fragment_offset != 0;
  packet.fragment_id = packet.id;
  bytes.skip(header);
  return packet.is_fragment ? fragment(frame, packet, bytes) : transport(frame, packet, bytes);
}

Outcome Decoder::ipv6(Frame& frame, Bytes bytes) {
  constexpr std::uint32_t kHeader = 40;
  if (!bytes.has(kHeader) || bytes.u8(0) >> 4U != 6) return Outcome::kMalformed;
  if (++frame.layers > kMostLayers) return Outcome::kMalformed;
  std::uint32_t length = bytes.u16(4);
  // Jumbograms (RFC 2675), BIG TCP and segmentation offload have 0 there. Else it may be true, and
  // what follows be padding.
  constexpr std::uint32_t kMostWithoutJumbo = 65535;
  const std::uint32_t rest = bytes.wire - kHeader;
  if (length == 0 && (begins_with_header(bytes.u8(6)) || rest > kMostWithoutJumbo)) length = rest;
  if (length > bytes.wire - kHeader) return Outcome::kMalformed;
  bytes.limit(kHeader + length);

  IpPacket packet;
  packet.is_ipv6 = true;
  packet.source = {bytes.u64(8), bytes.u64(16)};
  packet.destination = {bytes.u64(24), bytes.u64(32)};
  packet.is_truncated = bytes.captured < bytes.wire;
  packet.protocol = bytes.u8(6);
  packet.ttl = bytes.u8(7);
  packet.total_bytes = kHeader + length;
  packet.header_bytes = kHeader;
  bytes.skip(kHeader);

  for (int count = 0; count < kMostLayers; ++count) {
    std::uint32_t size = 0;
    switch (packet.protocol) {
      case 0:    // hop-by-hop options
      case 60:   // destination options
      case 43:   // routing
      case 135:  // mobility
      case 139:  // HIP
      case 140:  // shim6
        if (!bytes.has(8)) return Outcome::kMalformed;
        size = (bytes.u8(1) + 1U) * 8U;
        break;
      case 51:  // authentication
        if (!bytes.has(8)) return Outcome::kMalformed;
        size = (bytes.u8(1) + 2U) * 4U;
        break;
      case 44: {  // fragment
        if (!bytes.has(8)) return Outcome::kMalformed;
        const std::uint16_t word = bytes.u16(2);
        packet.fragment_offset = word & 0xFFF8U;
        packet.more_fragments = (word & 1U) != 0;
        packet.is_fragment = packet.more_fragments || packet.fragment_offset != 0;
        packet.fragment_id = bytes.u32(4);
        packet.protocol = bytes.u8(0);
        packet.header_bytes += 8;
        bytes.skip(8);
        if (packet.is_fragment) return fragment(frame, packet, bytes);
        continue;
      }
      default:
        return transport(frame, packet, bytes);
    }
    if (!bytes.has(size)) return Outcome::kMalformed;
    // With segments left, the last address of the route is where it goes: type 0 (RFC 5095) and 2
    // (RFC 6275) have it last, segment routing (RFC 8754) first.
    if (packet.protocol == 43 && bytes.u8(3) > 0 && size >= 24) {
      const std::uint8_t type = bytes.u8(2);
      const std::size_t at = type == 4 ? 8 : size - 16;
      if (type == 0 || type == 2 || type == 4) {
        packet.destination = {bytes.u64(at), bytes.u64(at + 8)};
      }
    }
    const std::uint8_t next = bytes.u8(0);
    if (packet.protocol == 135 && next == 59) return transport(frame, packet, bytes);
    packet.protocol = next;
    packet.header_bytes += size;
    bytes.skip(size);
  }
  return Outcome::kMalformed;
}

Outcome Decoder::fragment(Frame& frame, const IpPacket& ip, Bytes bytes) {
  if (ip.more_fragments && bytes.wire % 8 != 0) return Outcome::kMalformed;
  FragmentTable::Whole whole;
  const FragmentTable::Key key{ip.source, ip.destination, ip.fragment_id,
                               ip.is_ipv6 ? std::uint8_t{0} : ip.protocol};
  const FragmentTable::Piece piece{.offset = ip.fragment_offset,
                                   .length = bytes.wire,
                                   .is_last = !ip.more_fragments,
                                   .header_bytes = ip.header_bytes,
                                   .captured = {bytes.at, bytes.captured}};
  if (!fragments_.add(key, frame.packet.ts_ns, piece, whole)) return Outcome::kFragment;
  IpPacket joined = ip;
  joined.is_fragment = false;
  joined.header_bytes = whole.header_bytes;
  joined.total_bytes = whole.header_bytes + whole.length;
  joined.is_truncated = whole.captured < whole.length;
  frame.fragments = static_cast<std::uint16_t>(std::min<std::uint32_t>(whole.pieces, UINT16_MAX));
  const Outcome outcome =
      transport(frame, joined, {whole.bytes.get(), whole.captured, whole.length});
  keep(frame.out);  // as long as the bytes live
  return outcome;
}

Outcome Decoder::transport(Frame& frame, const IpPacket& ip, Bytes bytes) {
  constexpr std::uint8_t kIpv4InIp = 4;
  constexpr std::uint8_t kIpv6InIp = 41;
  constexpr std::uint8_t kGre = 47;
  if (options_.inner) {
    if (ip.protocol == kIpv4InIp || ip.protocol == kIpv6InIp) {
      if (!enter(frame, TunnelKind::kIp, 0)) return Outcome::kMalformed;
      return ip.protocol == kIpv4InIp ? ipv4(frame, bytes) : ipv6(frame, bytes);
    }
    if (ip.protocol == kGre) return gre(frame, bytes);
  }

  // Copied, since GCC zeroes with `rep stos`, which is slow for so little.
  static constexpr Datagram kBlank;
  Datagram& datagram = frame.out.datagrams.emplace_back(kBlank);
  datagram.ts_ns = frame.packet.ts_ns;
  datagram.packet = frame.number;
  datagram.ttl = ip.ttl;
  datagram.ip_id = ip.id;
  datagram.fragments = frame.fragments;
  datagram.ip_bytes = ip.total_bytes;
  datagram.is_truncated = ip.is_truncated;
  datagram.interface = last_interned_;
  datagram.parent = frame.parent;
  datagram.key.protocol = ip.protocol;
  datagram.key.is_ipv6 = ip.is_ipv6;
  const auto or_drop = [&](Outcome outcome) {
    if (outcome == Outcome::kMalformed) frame.out.datagrams.pop_back();
    return outcome;
  };
  switch (ip.protocol) {
    case kProtocolTcp:
      return or_drop(tcp(frame, ip, datagram, bytes));
    case kProtocolUdp:
      return or_drop(udp(frame, ip, datagram, bytes));
    case kProtocolIcmp:
    case kProtocolIcmp6:
      if ((ip.protocol == kProtocolIcmp6) == ip.is_ipv6) {
        return or_drop(icmp(frame, ip, datagram, bytes));
      }
      break;
    case kProtocolSctp:
      if (bytes.has(4)) {
        datagram.sctp_ports[0] = bytes.u16(0);
        datagram.sctp_ports[1] = bytes.u16(2);
      }
      break;
    default:
      break;
  }
  datagram.payload_bytes = bytes.wire;
  finish(frame, ip, datagram, 0, 0);
  return Outcome::kCounted;
}

void Decoder::finish(Frame& frame, const IpPacket& ip, Datagram& datagram, std::uint16_t source,
                     std::uint16_t destination) {
  FlowKey& key = datagram.key;
  // Without a branch: which direction a packet has cannot be predicted.
  const auto wide = [](const HostAddress& address) {
    return static_cast<Wide>(address.high) << 64U | address.low;
  };
  const Wide from = wide(ip.source);
  const Wide to = wide(ip.destination);
  const unsigned is_in_order =
      static_cast<unsigned>(from < to) |
      (static_cast<unsigned>(from == to) & static_cast<unsigned>(source <= destination));
  // Nobody answers what is one-way: the other direction is another flow.
  const unsigned from_a = is_in_order | static_cast<unsigned>(datagram.is_one_way);
  const std::uint64_t swap = std::uint64_t{from_a} - 1;
  const std::uint64_t high = (ip.source.high ^ ip.destination.high) & swap;
  const std::uint64_t low = (ip.source.low ^ ip.destination.low) & swap;
  const auto port = static_cast<std::uint16_t>((source ^ destination) & swap);
  datagram.from_a = from_a != 0;
  key.a = {ip.source.high ^ high, ip.source.low ^ low};
  key.b = {ip.destination.high ^ high, ip.destination.low ^ low};
  key.port_a = source ^ port;
  key.port_b = destination ^ port;
  constexpr std::uint64_t kBroadcast = kIpv4Prefix | 0xFFFF'FFFF;
  datagram.to_broadcast = ip.destination.high == 0 && ip.destination.low == kBroadcast;
  const Encapsulation& around = frame.encapsulation;
  if (options_.vlans_in_key || options_.tunnels_in_key) {
    std::uint64_t hash = 0;
    if (options_.vlans_in_key && around.vlans > 0) {
      hash = folded_product(around.vlan + 1U, formats::io::kGoldenOdd) ^
             (around.vlans > 1 ? around.inner_vlan + 1U : 0U);
    }
    for (std::size_t level = 0; options_.tunnels_in_key && level < around.tunnels; ++level) {
      const Encapsulation::Tunnel& tunnel = around.tunnel[level];
      hash = folded_product(hash ^ tunnel.id ^ (static_cast<std::uint64_t>(tunnel.kind) + 1) << 32U,
                            0xA076'1D64'78BD'642FU);
    }
    key.around = static_cast<std::uint16_t>(hash ^ (hash >> 16U) ^ (hash >> 32U) ^ (hash >> 48U));
  }
  datagram.hash = hash_of(key, hash_seed_);
  __builtin_prefetch(&kept_[datagram.hash & (kept_.size() - 1)], 1);  // for keep()
  if (around.vlans > 0 || around.tunnels > 0 || around.has_mpls) {
    datagram.around = static_cast<std::int32_t>(frame.out.encapsulations.size());
    frame.out.encapsulations.push_back(around);
  }
}

void Decoder::keep_later(Frame& frame, const Datagram& datagram,
                         std::span<const std::uint8_t> options,
                         std::span<const std::uint8_t> payload) {
  const bool is_syn = (datagram.tcp_flags & kSyn) != 0;
  if (!is_syn && payload.empty()) return;
  if (to_keep_count_ == to_keep_.size()) keep(frame.out);
  to_keep_[to_keep_count_++] = {
      .datagram = static_cast<std::uint32_t>(&datagram - frame.out.datagrams.data()),
      .options = is_syn ? options : std::span<const std::uint8_t>(),
      .payload = payload};
}

// Not of every payload: a copy costs more than all the rest.
void Decoder::keep(DatagramBatch& out) {
  constexpr std::size_t kMostOptions = 40;
  constexpr std::size_t kMostPayload = 2048;
  constexpr std::uint8_t kMostPayloads = 4;
  constexpr unsigned kTickShift = 30;
  constexpr std::uint64_t kTicks = (std::uint64_t{1} << Kept::kTickBits) - 1;
  // Fewer ticks than that: less time than the time-out. To keep in vain is no harm.
  const auto least_ticks = static_cast<std::uint64_t>(options_.shortest_time_out_ns) >> kTickShift;
  for (std::size_t index = 0; index < to_keep_count_; ++index) {
    const ToKeep& bytes = to_keep_[index];
    Datagram& datagram = out.datagrams[bytes.datagram];
    std::span<const std::uint8_t> payload = bytes.payload;
    Kept& kept = kept_[datagram.hash & (kept_.size() - 1)];
    const auto tag = static_cast<std::uint32_t>(datagram.hash >> 32U);
    const std::uint64_t tick = static_cast<std::uint64_t>(datagram.ts_ns) >> kTickShift & kTicks;
    if (kept.tag != tag || (datagram.tcp_flags & kSyn) != 0 ||
        ((tick - kept.last_tick) & kTicks) >= least_ticks) {
      kept.tag = tag;
      kept.payloads = 0;
    }
    kept.last_tick = tick & kTicks;
    const FlowKey& key = datagram.key;
    const bool is_dns = key.protocol == kProtocolUdp && (key.port_a == formats::record::kDnsPort ||
                                                         key.port_b == formats::record::kDnsPort);
    if (payload.empty() || (kept.payloads == kMostPayloads && !is_dns)) {
      payload = {};
    } else if (!is_dns) {
      ++kept.payloads;
    }
    const std::size_t options_size = std::min(bytes.options.size(), kMostOptions);
    const std::size_t payload_size = std::min(payload.size(), kMostPayload);
    if (options_size + payload_size == 0) continue;
    std::uint8_t* const room = out.room(options_size + payload_size);
    std::copy_n(bytes.options.begin(), options_size, room);
    std::copy_n(payload.begin(), payload_size, room + options_size);
    datagram.bytes = room;
    datagram.options_size = static_cast<std::uint16_t>(options_size);
    datagram.payload_size = static_cast<std::uint16_t>(payload_size);
  }
  to_keep_count_ = 0;
}

const formats::pcap::Interface* Decoder::intern(const formats::pcap::Interface* interface) {
  if (interface == nullptr || (!interface->id && interface->name.empty())) return nullptr;
  for (const formats::pcap::Interface& known : interfaces_) {
    if (known.id == interface->id && known.name == interface->name) return &known;
  }
  constexpr std::size_t kMost = 1024;
  return interfaces_.size() < kMost ? &interfaces_.emplace_back(*interface) : nullptr;
}

Outcome Decoder::tcp(Frame& frame, const IpPacket& ip, Datagram& datagram, Bytes bytes) {
  constexpr std::uint32_t kHeader = 20;
  constexpr std::uint32_t kPorts = 4;
  if (!bytes.has(kPorts) || bytes.wire < kHeader) return Outcome::kMalformed;
  const std::uint16_t source = bytes.u16(0);
  const std::uint16_t destination = bytes.u16(2);
  if (!bytes.has(kHeader)) {
    datagram.header = TransportHeader::kPortsOnly;
    finish(frame, ip, datagram, source, destination);
    return Outcome::kCounted;
  }
  const std::uint32_t header = (bytes.u8(12) >> 4U) * 4U;
  if (header < kHeader || header > bytes.wire) return Outcome::kMalformed;
  datagram.header = TransportHeader::kWhole;
  datagram.seq = bytes.u32(4);
  datagram.ack = bytes.u32(8);
  datagram.tcp_flags = bytes.u8(13);
  datagram.window = bytes.u16(14);
  datagram.payload_bytes = bytes.wire - header;
  const std::uint32_t seen = std::min(header, bytes.captured);
  finish(frame, ip, datagram, source, destination);
  datagram.is_bad_checksum =
      !ip.is_truncated && has_bad_checksum(ip, {bytes.at, bytes.captured}, kProtocolTcp);
  keep_later(frame, datagram, {bytes.at + kHeader, seen - kHeader},
             {bytes.at + seen, bytes.captured - seen});
  return Outcome::kCounted;
}

Outcome Decoder::udp(Frame& frame, const IpPacket& ip, Datagram& datagram, Bytes bytes) {
  constexpr std::uint32_t kHeader = 8;
  constexpr std::uint32_t kPorts = 4;
  if (!bytes.has(kPorts) || bytes.wire < kHeader) return Outcome::kMalformed;
  const std::uint16_t source = bytes.u16(0);
  const std::uint16_t destination = bytes.u16(2);
  if (!bytes.has(kHeader)) {
    datagram.header = TransportHeader::kPortsOnly;
    datagram.payload_bytes = bytes.wire - kHeader;
    finish(frame, ip, datagram, source, destination);
    return Outcome::kCounted;
  }
  datagram.header = TransportHeader::kWhole;
  datagram.seq = bytes.u16(6);  // tells copies from other packets
  // No checksum is 0, which IPv6 has too where tunnels ask for it (RFC 6935).
  datagram.is_bad_checksum = !ip.is_truncated && bytes.u16(6) != 0 &&
                             has_bad_checksum(ip, {bytes.at, bytes.captured}, kProtocolUdp);
  bytes.skip(kHeader);
  datagram.payload_bytes = bytes.wire;
  finish(frame, ip, datagram, source, destination);
  keep_later(frame, datagram, {}, {bytes.at, bytes.captured});
  if (options_.inner) {
    const std::int32_t parent = frame.parent;
    const Encapsulation around = frame.encapsulation;
    frame.parent = static_cast<std::int32_t>(frame.out.datagrams.size()) - 1;
    static_cast<void>(udp_tunnel(frame, source, destination, bytes));
    frame.parent = parent;
    frame.encapsulation = around;
  }
  return Outcome::kCounted;
}

Outcome Decoder::icmp(Frame& frame, const IpPacket& ip, Datagram& datagram, Bytes bytes) {
  constexpr std::uint32_t kHeader = 8;
  if (!bytes.has(2)) return Outcome::kMalformed;
  datagram.header = TransportHeader::kWhole;
  datagram.icmp_type = bytes.u8(0);
  datagram.icmp_code = bytes.u8(1);
  if (!ip.is_truncated) {
    const std::span<const std::uint8_t> all{bytes.at, bytes.captured};
    datagram.is_bad_checksum =
        ip.is_ipv6 ? has_bad_checksum(ip, all, kProtocolIcmp6) : is_bad_sum(sum_words(all));
  }
  datagram.payload_bytes = bytes.wire > kHeader ? bytes.wire - kHeader : 0;
  const int counterpart = icmp_counterpart(datagram.icmp_type, ip.is_ipv6);
  datagram.is_one_way = counterpart < 0;
  finish(frame, ip, datagram, datagram.icmp_type,
         counterpart < 0 ? datagram.icmp_code : static_cast<std::uint16_t>(counterpart));
  return Outcome::kCounted;
}

bool Decoder::enter(Frame& frame, TunnelKind kind, std::uint32_t id) {
  Encapsulation& around = frame.encapsulation;
  if (around.tunnels == Encapsulation::kMostTunnels) {
    diagnostics_.count(kTooDeep, "packet " + std::to_string(frame.number));
    return false;
  }
  around.tunnel[around.tunnels++] = {kind, id};
  frame.fragments = 0;
  return true;
}

Outcome Decoder::udp_tunnel(Frame& frame, std::uint16_t source, std::uint16_t destination,
                            Bytes bytes) {
  constexpr std::uint16_t kGeneve = 6081;
  constexpr std::uint16_t kGtpu = 2152;
  constexpr std::uint16_t kGreInUdp = 4754;
  constexpr std::uint16_t kTeredo = 3544;
  const auto is_port = [&](std::uint16_t port) { return source == port || destination == port; };
  const std::vector<std::uint16_t>& vxlan = options_.vxlan_ports;
  if (std::any_of(vxlan.begin(), vxlan.end(), is_port)) {
    // Flags with only I set, 24 reserved bits, the network's number, 8 reserved bits.
    if (!bytes.has(8) || (bytes.u8(0) & 0x08U) == 0) return Outcome::kNonIp;
    const std::uint32_t network = bytes.u32(4) >> 8U;
    bytes.skip(8);
    return enter(frame, TunnelKind::kVxlan, network) ? ethernet(frame, bytes) : Outcome::kMalformed;
  }
  if (is_port(kGeneve)) {
    if (!bytes.has(8) || bytes.u8(0) >> 6U != 0) return Outcome::kNonIp;
    const std::uint32_t options = (bytes.u8(0) & 0x3FU) * 4U;
    const std::uint16_t type = bytes.u16(2);
    const std::uint32_t network = bytes.u32(4) >> 8U;
    if (!bytes.has(8 + options)) return Outcome::kMalformed;
    bytes.skip(8 + options);
    constexpr std::uint16_t kFirstType = 0x0600;
    if (type < kFirstType || !enter(frame, TunnelKind::kGeneve, network)) {
      return Outcome::kMalformed;
    }
    return ether_type(frame, type, bytes);
  }
  if (is_port(kGtpu)) {
    constexpr std::uint8_t kUserData = 0xFF;
    if (!bytes.has(8) || bytes.u8(0) >> 4U != 3 || bytes.u8(1) != kUserData) return Outcome::kNonIp;
    const std::uint8_t flags = bytes.u8(0);
    const std::uint32_t length = bytes.u16(2);
    const std::uint32_t tunnel = bytes.u32(4);
    bytes.skip(8);
    if (length < bytes.wire) bytes.limit(length);
    if ((flags & 7U) != 0) {  // sequence number, N-PDU number, next extension
      if (!bytes.has(4)) return Outcome::kMalformed;
      std::uint8_t next = (flags & 4U) != 0 ? bytes.u8(3) : std::uint8_t{0};
      bytes.skip(4);
      while (next != 0) {
        if (!bytes.has(1)) return Outcome::kMalformed;
        const std::uint32_t size = bytes.u8(0) * 4U;
        if (size == 0 || !bytes.has(size)) return Outcome::kMalformed;
        next = bytes.u8(size - 1);
        bytes.skip(size);
      }
    }
    return enter(frame, TunnelKind::kGtpu, tunnel) ? ip(frame, bytes) : Outcome::kMalformed;
  }
  if (is_port(kGreInUdp)) return gre(frame, bytes);
  if (is_port(kTeredo)) {
    // Authentication, then origin indication, either of which may be missing (RFC 4380, 5.1.1).
    if (bytes.has(4) && bytes.u16(0) == 1) {
      const std::uint32_t size = 13U + bytes.u8(2) + bytes.u8(3);
      if (!bytes.has(size)) return Outcome::kMalformed;
      bytes.skip(size);
    }
    if (bytes.has(8) && bytes.u16(0) == 0) bytes.skip(8);
    constexpr std::uint32_t kIpv6Header = 40;
    if (!bytes.has(kIpv6Header) || bytes.u8(0) >> 4U != 6 ||
        bytes.u16(4) + kIpv6Header > bytes.wire) {
      return Outcome::kNonIp;
    }
    return enter(frame, TunnelKind::kTeredo, 0) ? ipv6(frame, bytes) : Outcome::kMalformed;
  }
  return Outcome::kNonIp;
}

Outcome Decoder::gre(Frame& frame, Bytes bytes) {
  if (!bytes.has(4)) return Outcome::kMalformed;
  const std::uint16_t flags = bytes.u16(0);
  const std::uint16_t type = bytes.u16(2);
  const unsigned version = flags & 7U;
  constexpr std::uint16_t kChecksum = 0x8000;
  constexpr std::uint16_t kRouting = 0x4000;
  constexpr std::uint16_t kKey = 0x2000;
  constexpr std::uint16_t kSequence = 0x1000;
  constexpr std::uint16_t kAcknowledge = 0x0080;  // version 1 only
  if (version > 1 || (flags & kRouting) != 0) return Outcome::kMalformed;
  std::uint32_t header = 4;
  if ((flags & kChecksum) != 0) header += 4;
  const std::uint32_t key_at = header;
  if ((flags & kKey) != 0) header += 4;
  if ((flags & kSequence) != 0) header += 4;
  if (version == 1 && (flags & kAcknowledge) != 0) header += 4;
  if (!bytes.has(header)) return Outcome::kMalformed;
  const std::uint32_t key = (flags & kKey) != 0 ? bytes.u32(key_at) : 0;
  bytes.skip(header);

  constexpr std::uint16_t kErspan = 0x88BE;  // types I and II
  constexpr std::uint16_t kErspan3 = 0x22EB;
  if (type == kErspan || type == kErspan3) {
    std::uint32_t session = 0;
    const bool has_header = type == kErspan3 || (flags & kSequence) != 0;
    if (has_header) {
      std::uint32_t size = type == kErspan3 ? 12U : 8U;
      if (!bytes.has(size)) return Outcome::kMalformed;
      session = bytes.u16(2) & 0x03FFU;
      if (type == kErspan3 && (bytes.u8(11) & 1U) != 0) size += 8;
      if (!bytes.has(size)) return Outcome::kMalformed;
      bytes.skip(size);
    }
    return enter(frame, TunnelKind::kErspan, session) ? ethernet(frame, bytes)
                                                      : Outcome::kMalformed;
  }
  constexpr std::uint16_t kFirstType = 0x0600;
  if (type < kFirstType) return Outcome::kNonIp;
  return enter(frame, TunnelKind::kGre, key) ? ether_type(frame, type, bytes) : Outcome::kMalformed;
}

}  // namespace tracebraid::converters::pcap
