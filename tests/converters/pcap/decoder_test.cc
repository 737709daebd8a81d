// Frames are built from the documents that define them; what is expected is what those say.
#include "converters/pcap/decoder.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/converters/pcap/packets.h"

namespace tracebraid::converters::pcap {
namespace {

using namespace tests;

constexpr std::uint64_t kIpv4Prefix = 0x0000'FFFF'0000'0000;
constexpr int kIpv4Type = 0x0800;
constexpr int kIpv6Type = 0x86DD;

// A UDP datagram of eleven octets, from port 1111 to 2222.
std::string datagram(const Hosts& hosts) {
  return udp(hosts, 1111, 2222, "hello world");
}
std::string packet4() {
  return ipv4(hosts4(), 17, datagram(hosts4()));
}
std::string packet6() {
  return ipv6(hosts6(), 17, datagram(hosts6()));
}

// The last of the frame's datagrams is that of packet4() or packet6().
void expect_datagram(Capture& capture, bool is_ipv6 = false) {
  ASSERT_FALSE(capture.datagrams().empty());
  const Datagram& seen = capture.datagrams().back();
  EXPECT_EQ(seen.key.is_ipv6, is_ipv6);
  EXPECT_EQ(seen.key.protocol, 17);
  EXPECT_EQ(seen.key.a.low, is_ipv6 ? 1U : kIpv4Prefix | 0x0A000001U);
  EXPECT_EQ(seen.key.b.low, is_ipv6 ? 2U : kIpv4Prefix | 0x0A000002U);
  EXPECT_EQ(seen.key.a.high, is_ipv6 ? 0x2001'0DB8'0000'0000U : 0U);
  EXPECT_EQ(seen.key.port_a, 1111);
  EXPECT_EQ(seen.key.port_b, 2222);
  EXPECT_TRUE(seen.from_a);
  EXPECT_EQ(seen.header, TransportHeader::kWhole);
  EXPECT_EQ(seen.payload_bytes, 11U);
  EXPECT_FALSE(seen.is_bad_checksum);
  EXPECT_FALSE(seen.is_truncated);
  const std::span<const std::uint8_t> payload = seen.payload();
  EXPECT_EQ(std::string(payload.begin(), payload.end()), "hello world");
}

void expect_counted(const std::string& frame, std::uint32_t link_type, bool is_ipv6 = false) {
  Capture capture;
  ASSERT_EQ(capture.add(kStart, frame, link_type), Outcome::kCounted);
  ASSERT_EQ(capture.datagrams().size(), 1U);
  expect_datagram(capture, is_ipv6);
}

Outcome outcome_of(const std::string& frame, std::uint32_t link_type = kLinkRaw,
                   std::uint32_t length = 0) {
  Capture capture;
  const Outcome outcome = capture.add(kStart, frame, link_type, length);
  EXPECT_EQ(outcome == Outcome::kCounted, !capture.datagrams().empty());
  return outcome;
}

struct Link {
  std::uint32_t type;
  const char* header4;
  const char* header6;
};

// tcpdump.org/linktypes.html
constexpr Link kLinks[] = {
    {0, "02 00 00 00", "1e 00 00 00"},  // NULL: little-endian, macOS' AF_INET6
    {0, "00 00 00 02", "00 00 00 1c"},  // big-endian, FreeBSD's
    {0, "02 00 00 00", "18 00 00 00"},  // OpenBSD's and NetBSD's
    {0, "02 00 00 00", "0a 00 00 00"},  // Linux'
    {1, "02 00 00 00 00 02 02 00 00 00 00 01 08 00", "02 00 00 00 00 02 02 00 00 00 00 01 86 dd"},
    {9, "ff 03 00 21", "ff 03 00 57"},
    {9, "21", "57"},  // PPP, both fields compressed
    {10, "50 02 00 00 00 00 02 02 00 00 00 00 01 aa aa 03 00 00 00 08 00",
     "50 02 00 00 00 00 02 02 00 00 00 00 01 aa aa 03 00 00 00 86 dd"},
    {12, "", ""},
    {14, "", ""},
    {50, "ff 03 00 21", "ff 03 00 57"},
    {51, "11 00 00 01 00 29 00 21", "11 00 00 01 00 3d 00 57"},
    {101, "", ""},
    {104, "0f 00 08 00", "0f 00 86 dd"},
    {105,
     "08 01 00 00 02 00 00 00 00 02 02 00 00 00 00 01 02 00 00 00 00 03 00 00 aa aa 03 00 00 00 "
     "08 00",
     "08 01 00 00 02 00 00 00 00 02 02 00 00 00 00 01 02 00 00 00 00 03 00 00 aa aa 03 00 00 00 "
     "86 dd"},
    // With QoS, and between distribution systems.
    {105,
     "88 03 00 00 02 00 00 00 00 02 02 00 00 00 00 01 02 00 00 00 00 03 00 00 02 00 00 00 00 04 "
     "00 00 aa aa 03 00 00 00 08 00",
     "88 03 00 00 02 00 00 00 00 02 02 00 00 00 00 01 02 00 00 00 00 03 00 00 02 00 00 00 00 04 "
     "00 00 aa aa 03 00 00 00 86 dd"},
    {108, "00 00 00 02", "00 00 00 18"},
    {113, "00 00 00 01 00 06 02 00 00 00 00 01 00 00 08 00",
     "00 00 00 01 00 06 02 00 00 00 00 01 00 00 86 dd"},
    {127,
     "00 00 08 00 00 00 00 00 08 01 00 00 02 00 00 00 00 02 02 00 00 00 00 01 02 00 00 00 00 03 "
     "00 00 aa aa 03 00 00 00 08 00",
     "00 00 0c 00 04 00 00 00 02 00 00 00 08 01 00 00 02 00 00 00 00 02 02 00 00 00 00 01 02 00 00 "
     "00 00 03 00 00 aa aa 03 00 00 00 86 dd"},
    {166, "01 ff 03 00 21", "00 ff 03 00 57"},
    {204, "01 ff 03 00 21", "00 00 57"},
    {276, "08 00 00 00 00 00 00 01 00 01 00 06 02 00 00 00 00 01 00 00",
     "86 dd 00 00 00 00 00 01 00 01 00 06 02 00 00 00 00 01 00 00"},
};

TEST(Decoder, EveryLinkTypeGivesTheSame) {
  for (const Link& link : kLinks) {
    SCOPED_TRACE("link type " + std::to_string(link.type) + ": " + link.header4);
    expect_counted(hex(link.header4) + packet4(), link.type);
    expect_counted(hex(link.header6) + packet6(), link.type, true);
  }
  expect_counted(packet4(), 228);
  expect_counted(packet6(), 229, true);
}

TEST(Decoder, ACutLinkHeaderIsMalformed) {
  for (const Link& link : kLinks) {
    const std::string header = hex(link.header4);
    for (std::size_t cut = 0; cut < header.size(); ++cut) {
      const Outcome outcome = outcome_of(header.substr(0, cut), link.type);
      // With fewer than three octets there is no 802.2 header that could say IP.
      EXPECT_TRUE(outcome == Outcome::kMalformed || outcome == Outcome::kNonIp)
          << "link type " << link.type << " cut at " << cut;
    }
  }
}

TEST(Decoder, HalfOfPppsAddressIsCut) {
  // 0xFF is no compressed protocol number (RFC 1661, 6.5).
  EXPECT_EQ(outcome_of(hex("ff"), 9), Outcome::kMalformed);
}

TEST(Decoder, OtherLinkTypesAreSaidToBeUnsupported) {
  Capture capture;
  EXPECT_EQ(capture.add(kStart, packet4(), 147), Outcome::kUnsupportedLink);
  EXPECT_TRUE(capture.datagrams().empty());
  EXPECT_TRUE(capture.was_warned());
}

TEST(Decoder, WithoutIpIsNonIp) {
  const std::string arp = hex("00 01 08 00 06 04 00 01") + std::string(20, '\0');
  EXPECT_EQ(outcome_of(ethernet(0x0806, arp), kLinkEthernet), Outcome::kNonIp);
  EXPECT_EQ(outcome_of(ethernet(0x88CC, "lldp"), kLinkEthernet), Outcome::kNonIp);
  EXPECT_EQ(outcome_of(hex("07 00 00 00") + arp, 0), Outcome::kNonIp);
  // Spanning tree: 802.2 with a length.
  EXPECT_EQ(outcome_of(ethernet(38, hex("42 42 03") + std::string(35, '\0')), kLinkEthernet),
            Outcome::kNonIp);
  EXPECT_EQ(outcome_of(hex("11 00 00 01 00 06 c0 21") + "lcp!", 51), Outcome::kNonIp);
  EXPECT_EQ(outcome_of(hex("80 00") + std::string(40, '\0'), 105), Outcome::kNonIp);  // a beacon
}

TEST(Decoder, VlansArePassedAndKept) {
  struct Row {
    std::string frame;
    int vlans;
    int vlan;
    int inner;
  };
  const auto tag = [](int id, int type) {
    return number(0xE000U | static_cast<unsigned>(id), 2) + number(static_cast<unsigned>(type), 2);
  };
  const Row rows[] = {
      {ethernet(0x8100, tag(7, kIpv4Type) + packet4()), 1, 7, 0},
      {ethernet(0x88A8, tag(7, 0x8100) + tag(9, kIpv4Type) + packet4()), 2, 7, 9},
      {ethernet(0x9100, tag(0, 0x9100) + tag(9, 0x8100) + tag(5, kIpv4Type) + packet4()), 3, 0, 9},
  };
  for (const Row& row : rows) {
    Capture capture;
    ASSERT_EQ(capture.add(kStart, row.frame, kLinkEthernet), Outcome::kCounted);
    expect_datagram(capture);
    const Encapsulation& around = capture.encapsulations().front();
    EXPECT_EQ(around.vlans, row.vlans);
    EXPECT_EQ(around.vlan, row.vlan);
    EXPECT_EQ(around.inner_vlan, row.inner);
    for (std::size_t cut = 14; cut < 14 + 4 * static_cast<std::size_t>(row.vlans); ++cut) {
      EXPECT_EQ(outcome_of(row.frame.substr(0, cut), kLinkEthernet), Outcome::kMalformed) << cut;
    }
  }
}

TEST(Decoder, OtherLayersAreSeenThrough) {
  const std::string pppoe = hex("11 00 12 34 00 29 00 21");
  const std::string rows[] = {
      ethernet(0x8847, hex("00 02 a1 40") + packet4()),                       // MPLS, label 42
      ethernet(0x8847, hex("00 02 a0 40 00 01 11 40") + packet4()),           // two labels
      ethernet(0x8847, hex("00 02 a1 40 00 00 00 00") +                       // a pseudowire
                           ethernet(kIpv4Type, packet4())),                   //
      ethernet(0x8864, pppoe + packet4()),                                    //
      ethernet(0x88E7, hex("00 00 00 01") + ethernet(kIpv4Type, packet4())),  // 802.1ah
      ethernet(0x8926, hex("00 00 00 01 08 00") + packet4()),                 // VN-Tag
      ethernet(0x8903, hex("00 01") + ethernet(kIpv4Type, packet4())),        // FabricPath
      ethernet(static_cast<int>(packet4().size() + 8),
               hex("aa aa 03 00 00 00 08 00") + packet4()),  // LLC and SNAP
      ethernet(static_cast<int>(packet4().size() + 3), hex("06 06 03") + packet4()),
  };
  for (const std::string& row : rows) {
    expect_counted(row, kLinkEthernet);
    for (std::size_t cut = 0; cut < row.size(); ++cut) {
      // On the wire it was whole.
      const Outcome outcome =
          outcome_of(row.substr(0, cut), kLinkEthernet, static_cast<std::uint32_t>(row.size()));
      const std::size_t needed = row.size() - packet4().size() + 24;  // up to the ports
      EXPECT_EQ(outcome == Outcome::kCounted, cut >= needed) << cut;
    }
  }
  Capture mpls;
  static_cast<void>(mpls.add(kStart, rows[0], kLinkEthernet));
  EXPECT_TRUE(mpls.encapsulations().front().has_mpls);
  EXPECT_EQ(mpls.encapsulations().front().mpls, 42U);
}

TEST(Decoder, AggregatesOf80211HoldSeveralPackets) {
  const std::string inner = hex("aa aa 03 00 00 00 08 00") + packet4();
  const std::string part = std::string(12, '\2') + number(inner.size(), 2) + inner;
  const std::string padding(3 - (part.size() + 3) % 4, '\0');
  const std::string frame =
      hex("88 01") + std::string(22, '\0') + hex("80 00") + part + padding + part;
  Capture capture;
  ASSERT_EQ(capture.add(kStart, frame, 105), Outcome::kCounted);
  EXPECT_EQ(capture.datagrams().size(), 2U);
  expect_datagram(capture);
  // Counted is counted, whatever else there is.
  const std::string arp = std::string(12, '\2') + number(8, 2) + hex("aa aa 03 00 00 00 08 06");
  EXPECT_EQ(outcome_of(frame + std::string(3 - (part.size() + 3) % 4, '\0') + arp, 105),
            Outcome::kCounted);
}

TEST(Decoder, Ipv4OptionsAreSkipped) {
  for (std::size_t words = 1; words <= 10; ++words) {
    const std::string options(4 * words, '\1');
    expect_counted(ipv4(hosts4(), 17, datagram(hosts4()), {.options = options}), kLinkRaw);
  }
}

TEST(Decoder, EthernetPaddingIsNoPayload) {
  expect_counted(ethernet(kIpv4Type, packet4() + std::string(7, '\0')), kLinkEthernet);
  expect_counted(ethernet(kIpv6Type, packet6() + std::string(4, 'F')), kLinkEthernet, true);
}

TEST(Decoder, ALengthOfZeroIsThatOfTheWire) {
  // Segmentation offload (IPv4, BIG TCP).
  expect_counted(ipv4(hosts4(), 17, datagram(hosts4()), {.total = 0}), kLinkRaw);
  expect_counted(ipv6(hosts6(), 17, datagram(hosts6()), 0), kLinkRaw, true);
}

TEST(Decoder, Ipv6MayHoldNothingButPadding) {
  // Frames have 60 octets at least, of which Ethernet and IPv6 have 54. Protocol 99 has no header
  // that is known; 59 says that nothing follows (RFC 8200, 4.7).
  for (const int next : {99, 59, 253}) {
    Capture capture;
    EXPECT_EQ(
        capture.add(kStart, ethernet(kIpv6Type, ipv6(hosts6(), next, std::string(6, '\0'), 0)),
                    kLinkEthernet),
        Outcome::kCounted);
    EXPECT_EQ(capture.datagrams().back().payload_bytes, 0U) << next;
    EXPECT_EQ(capture.datagrams().back().ip_bytes, 40U) << next;
  }
}

TEST(Decoder, ContradictionsInIpv4AreMalformed) {
  std::string short_header = packet4();
  short_header[0] = '\x44';
  EXPECT_EQ(outcome_of(short_header), Outcome::kMalformed);
  std::string long_header = ipv4(hosts4(), 17, "1234");
  long_header[0] = '\x4F';  // 60 octets of 24
  EXPECT_EQ(outcome_of(long_header), Outcome::kMalformed);
  EXPECT_EQ(outcome_of(ipv4(hosts4(), 17, datagram(hosts4()), {.total = 19})), Outcome::kMalformed);
  EXPECT_EQ(outcome_of(ipv4(hosts4(), 17, datagram(hosts4()), {.total = 40})), Outcome::kMalformed);
  std::string version = packet4();
  version[0] = '\x55';
  EXPECT_EQ(outcome_of(version), Outcome::kMalformed);
  EXPECT_EQ(outcome_of(ethernet(kIpv4Type, packet6()), kLinkEthernet), Outcome::kMalformed);
}

TEST(Decoder, ContradictionsInIpv6AreMalformed) {
  EXPECT_EQ(outcome_of(ipv6(hosts6(), 17, datagram(hosts6()), 20)), Outcome::kMalformed);
  EXPECT_EQ(outcome_of(ipv6(hosts6(), 17, datagram(hosts6()), 3)), Outcome::kMalformed);
  // A hop-by-hop header longer than the packet.
  EXPECT_EQ(outcome_of(ipv6(hosts6(), 0, hex("11 09 01 04 00 00 00 00"))), Outcome::kMalformed);
}

TEST(Decoder, Ipv6ExtensionHeadersAreSkipped) {
  const std::string segment = datagram(hosts6());
  const std::string six = hex("01 04 00 00 00 00");  // PadN
  const std::string rows[] = {
      ipv6(hosts6(), 0, hex("11 00") + six + segment),                          // hop by hop
      ipv6(hosts6(), 60, hex("11 00") + six + segment),                         // destination
      ipv6(hosts6(), 0, hex("3c 00") + six + hex("11 00") + six + segment),     // both
      ipv6(hosts6(), 60, hex("11 01") + six + std::string(8, '\0') + segment),  // 16 octets
      ipv6(hosts6(), 51, hex("11 04") + std::string(22, '\0') + segment),       // authentication
      ipv6(hosts6(), 44, hex("11 00 00 00 00 00 00 07") + segment),             // atomic fragment
      ipv6(hosts6(), 43, hex("11 00 00 00 00 00 00 00") + segment),             // routing, arrived
  };
  for (const std::string& row : rows) {
    expect_counted(row, kLinkRaw, true);
    for (std::size_t cut = 0; cut < row.size(); ++cut) {
      const Outcome outcome =
          outcome_of(row.substr(0, cut), kLinkRaw, static_cast<std::uint32_t>(row.size()));
      EXPECT_EQ(outcome == Outcome::kCounted, cut >= row.size() - segment.size() + 4) << cut;
    }
  }
}

TEST(Decoder, ARouteEndsAtItsLastAddress) {
  // RFC 8200, 8.1: the checksum is that of the final destination, and so is the flow.
  const std::string segment = datagram(hosts6());
  const Hosts hop = {host6(1), host6(99)};
  const std::string type0 = hex("11 02 00 01 00 00 00 00") + host6(2);
  expect_counted(ipv6(hop, 43, type0 + segment), kLinkRaw, true);
  // RFC 8754, 2: the last segment stands first.
  const std::string segments = hex("11 04 04 01 01 00 00 00") + host6(2) + host6(99);
  expect_counted(ipv6(hop, 43, segments + segment), kLinkRaw, true);
}

TEST(Decoder, TcpCutAnywhereKeepsWhatIsThere) {
  const std::string options = hex("02 04 05 b4 01 03 03 07");
  const std::string segment = tcp(
      hosts4(), {.seq = 77, .ack = 88, .flags = 0x12, .window = 99, .options = options}, "data!");
  const std::string packet = ipv4(hosts4(), 6, segment);
  const auto length = static_cast<std::uint32_t>(packet.size());
  for (std::size_t cut = 0; cut <= packet.size(); ++cut) {
    SCOPED_TRACE(cut);
    Capture capture;
    const Outcome outcome = capture.add(kStart, packet.substr(0, cut), kLinkRaw, length);
    if (cut < 24) {  // the ports are not there
      EXPECT_EQ(outcome, Outcome::kMalformed);
      EXPECT_TRUE(capture.datagrams().empty());
      continue;
    }
    ASSERT_EQ(outcome, Outcome::kCounted);
    const Datagram& seen = capture.datagrams().front();
    EXPECT_EQ(seen.key.port_a, 40000);
    EXPECT_EQ(seen.key.port_b, 12345);
    EXPECT_EQ(seen.ip_bytes, length);
    EXPECT_EQ(seen.is_truncated, cut < packet.size());
    EXPECT_FALSE(seen.is_bad_checksum);  // what is cut cannot be summed
    const bool is_whole = cut >= 40;
    EXPECT_EQ(seen.header, is_whole ? TransportHeader::kWhole : TransportHeader::kPortsOnly);
    if (!is_whole) continue;
    EXPECT_EQ(seen.seq, 77U);
    EXPECT_EQ(seen.ack, 88U);
    EXPECT_EQ(seen.tcp_flags, 0x12);
    EXPECT_EQ(seen.window, 99);
    EXPECT_EQ(seen.payload_bytes, 5U);
    EXPECT_EQ(seen.options().size(), std::min<std::size_t>(cut - 40, 8));
    EXPECT_EQ(seen.payload().size(), cut < 48 ? 0 : cut - 48);
  }
}

TEST(Decoder, ContradictionsInTcpAndUdpAreMalformed) {
  std::string segment = tcp(hosts4(), {}, "data");
  for (const char words : {'\x40', '\x70'}) {  // 16 octets; 28 of 24
    segment[12] = words;
    EXPECT_EQ(outcome_of(ipv4(hosts4(), 6, segment)), Outcome::kMalformed);
  }
  // Shorter on the wire than their headers are.
  EXPECT_EQ(outcome_of(ipv4(hosts4(), 6, tcp(hosts4(), {}).substr(0, 19))), Outcome::kMalformed);
  EXPECT_EQ(outcome_of(ipv4(hosts4(), 17, "1234567")), Outcome::kMalformed);
  EXPECT_EQ(outcome_of(ipv4(hosts4(), 1, "1")), Outcome::kMalformed);
}

// Any length, with words that carry; an octet that differs is seen wherever it is.
TEST(Decoder, ChecksumsHoldEveryOctet) {
  std::mt19937 random(1);
  for (std::size_t length = 0; length < 80; ++length) {
    SCOPED_TRACE(length);
    std::string data(length, '\xFF');
    for (char& each : data) {
      if (random() % 2 == 0) each = static_cast<char>(random());
    }
    const auto is_bad = [&](const Hosts& hosts, const std::string& segment) {
      Capture capture;
      static_cast<void>(capture.add(
          kStart, hosts.source.size() == 4 ? ipv4(hosts, 17, segment) : ipv6(hosts, 17, segment)));
      return bool{capture.datagrams().back().is_bad_checksum};
    };
    for (const Hosts& hosts : {hosts4(), hosts6()}) {
      const std::string right = udp(hosts, 7, 9, data);
      EXPECT_FALSE(is_bad(hosts, right));
      for (std::size_t at = 8; at < right.size(); ++at) {
        std::string wrong = right;
        wrong[at] = static_cast<char>(wrong[at] ^ 0x40);
        EXPECT_TRUE(is_bad(hosts, wrong)) << at;
      }
    }
  }
}

TEST(Decoder, ChecksumsAreVerified) {
  const auto is_bad = [](const std::string& packet) {
    Capture capture;
    EXPECT_EQ(capture.add(kStart, packet), Outcome::kCounted);
    return bool{capture.datagrams().back().is_bad_checksum};
  };
  for (const std::string& data : {std::string(), std::string("odd"), std::string(1000, 'x')}) {
    for (const Hosts& hosts : {hosts4(), hosts6()}) {
      const bool is_ipv6 = hosts.source.size() == 16;
      const auto packet = [&](int protocol, const std::string& segment) {
        return is_ipv6 ? ipv6(hosts, protocol, segment) : ipv4(hosts, protocol, segment);
      };
      std::string segment = tcp(hosts, {}, data);
      EXPECT_FALSE(is_bad(packet(6, segment)));
      segment[5] = static_cast<char>(segment[5] ^ 1);
      EXPECT_TRUE(is_bad(packet(6, segment)));
      segment = udp(hosts, 1, 2, data);
      EXPECT_FALSE(is_bad(packet(17, segment)));
      segment[7] = static_cast<char>(segment[7] ^ 1);
      EXPECT_TRUE(is_bad(packet(17, segment)));
      segment.replace(6, 2, 2, '\0');  // none was made
      EXPECT_FALSE(is_bad(packet(17, segment)));
    }
    EXPECT_FALSE(is_bad(ipv4(hosts4(), 1, icmp4(8, 0, "abcd" + data))));
    std::string echo = icmp4(8, 0, "abcd" + data);
    echo[4] = 'A';
    EXPECT_TRUE(is_bad(ipv4(hosts4(), 1, echo)));
    const std::string echo6 = hex("80 00 00 00") + "abcd" + data;
    EXPECT_FALSE(is_bad(ipv6(hosts6(), 58, summed(hosts6(), 58, echo6, 2))));
    EXPECT_TRUE(is_bad(ipv6(hosts6(), 58, echo6)));
  }
}

TEST(Decoder, IcmpRequestsAndRepliesAreOneFlow) {
  Capture capture;
  const auto key = [&](const Hosts& hosts, int type, int code) {
    EXPECT_EQ(capture.add(kStart, ipv4(hosts, 1, icmp4(type, code, "abcd"))), Outcome::kCounted);
    return capture.datagrams().front().key;
  };
  const Hosts there = hosts4();
  for (const auto& [request, reply] : {std::pair{8, 0}, {13, 14}, {15, 16}, {17, 18}, {10, 9}}) {
    EXPECT_TRUE(key(there, request, 0) == key(there.turned(), reply, 0)) << request;
    EXPECT_FALSE(key(there, request, 0) == key(there.turned(), 3, 0)) << request;
  }
  // Nobody answers "unreachable": its code is part of the flow, and each direction is one.
  EXPECT_FALSE(key(there, 3, 1) == key(there, 3, 3));
  EXPECT_FALSE(key(there, 3, 1) == key(there.turned(), 3, 1));
  EXPECT_TRUE(capture.datagrams().front().is_one_way);
}

struct Tunnelled {
  std::string name;
  std::string packet;
  std::uint32_t id;
  std::size_t datagrams;  // 2: the UDP around it is one, too
};

std::vector<Tunnelled> tunnels() {
  const Hosts outer4 = {host4(11), host4(12)};
  const Hosts outer6 = {host6(11), host6(12)};
  const std::string frame = ethernet(kIpv4Type, packet4());
  const auto gre = [&](const char* header, const std::string& inner) {
    return ipv4(outer4, 47, hex(header) + inner);
  };
  const auto in_udp = [&](int port, const std::string& header, const std::string& inner) {
    return ipv4(outer4, 17, udp(outer4, 5555, port, header + inner));
  };
  const std::string gtp_length = number(packet4().size(), 2);
  const std::string gtp_longer = number(packet4().size() + 8, 2);
  return {
      {"ip", ipv4(outer4, 4, packet4()), 0, 1},
      {"ip", ipv6(outer6, 4, packet4()), 0, 1},
      {"gre", gre("00 00 08 00", packet4()), 0, 1},
      {"gre", gre("b0 00 08 00 12 34 00 00 00 00 00 2a 00 00 00 01", packet4()), 42, 1},
      {"gre", gre("20 00 65 58 00 00 00 2a", frame), 42, 1},  // Ethernet inside
      {"gre",
       gre("30 81 88 0b 00 21 00 2a 00 00 00 01 00 00 00 02", hex("ff 03 00 21") + packet4()),
       0x0021002A, 1},                              // version 1: PPTP
      {"erspan", gre("00 00 88 be", frame), 0, 1},  // type I
      {"erspan", gre("10 00 88 be 00 00 00 01 10 00 00 2a 00 00 00 00", frame), 42, 1},
      {"erspan", gre("10 00 22 eb 00 00 00 01 20 00 00 2a 00 00 00 00 00 00 00 00", frame), 42, 1},
      {"erspan",
       gre("10 00 22 eb 00 00 00 01 20 00 00 2a 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00",
           frame),
       42, 1},
      {"vxlan", in_udp(4789, hex("08 00 00 00 00 00 2a 00"), frame), 42, 2},
      {"geneve", in_udp(6081, hex("00 00 65 58 00 00 2a 00"), frame), 42, 2},
      {"geneve", in_udp(6081, hex("01 00 08 00 00 00 2a 00 01 02 03 00"), packet4()), 42, 2},
      {"gtpu", in_udp(2152, hex("30 ff") + gtp_length + hex("00 00 00 2a"), packet4()), 42, 2},
      {"gtpu",
       in_udp(2152, hex("34 ff") + gtp_longer + hex("00 00 00 2a 00 00 00 85 01 00 09 00"),
              packet4()),
       42, 2},
      {"gre", in_udp(4754, hex("20 00 08 00 00 00 00 2a"), packet4()), 42, 2},
  };
}

constexpr const char* kTunnelNames[] = {"ip", "gre", "erspan", "vxlan", "geneve", "gtpu", "teredo"};

TEST(Decoder, TunnelsAreSeenThrough) {
  for (const Tunnelled& each : tunnels()) {
    SCOPED_TRACE(each.name + " of " + std::to_string(each.packet.size()));
    Capture capture;
    ASSERT_EQ(capture.add(kStart, each.packet), Outcome::kCounted);
    ASSERT_EQ(capture.datagrams().size(), each.datagrams);
    expect_datagram(capture);
    const Encapsulation& around = capture.encapsulations().back();
    ASSERT_EQ(around.tunnels, 1);
    EXPECT_STREQ(kTunnelNames[static_cast<std::size_t>(around.tunnel[0].kind)], each.name.c_str());
    EXPECT_EQ(around.tunnel[0].id, each.id);
    EXPECT_EQ(capture.datagrams().back().parent, each.datagrams == 2 ? 0 : -1);
    EXPECT_EQ(capture.datagrams().front().around == -1, each.datagrams == 2);
  }
}

TEST(Decoder, TeredoHoldsIpv6) {
  const Hosts outer = {host4(11), host4(12)};
  // RFC 4380, 5.1.1: authentication and origin indication, none, one or both.
  const std::string authentication = hex("00 01 00 00") + std::string(9, '\0');
  const std::string origin = hex("00 00 aa bb cc dd ee ff");
  for (const std::string& front :
       {std::string(), authentication, origin, authentication + origin}) {
    Capture capture;
    ASSERT_EQ(capture.add(kStart, ipv4(outer, 17, udp(outer, 3544, 5555, front + packet6()))),
              Outcome::kCounted);
    ASSERT_EQ(capture.datagrams().size(), 2U);
    expect_datagram(capture, true);
  }
}

TEST(Decoder, ATunnelCutAnywhereIsMalformedOrAsMuchAsIsThere) {
  for (const Tunnelled& each : tunnels()) {
    const auto length = static_cast<std::uint32_t>(each.packet.size());
    for (std::size_t cut = 0; cut < each.packet.size(); ++cut) {
      SCOPED_TRACE(each.name + " cut at " + std::to_string(cut));
      Capture capture;
      const Outcome outcome = capture.add(kStart, each.packet.substr(0, cut), kLinkRaw, length);
      // Of what is around it, the ports must be there; of what is inside, they too.
      const bool has_outer = each.datagrams == 2 && cut >= 24;
      const bool has_inner = cut >= each.packet.size() - 19 + 4;
      EXPECT_EQ(outcome, has_outer || has_inner ? Outcome::kCounted : Outcome::kMalformed);
      EXPECT_EQ(capture.datagrams().size(), (has_outer ? 1U : 0U) + (has_inner ? 1U : 0U));
      for (const Datagram& seen : capture.datagrams()) EXPECT_TRUE(seen.is_truncated);
    }
  }
}

TEST(Decoder, TunnelsAreNotLookedIntoWhenNotAskedTo) {
  for (const Tunnelled& each : tunnels()) {
    Capture capture({}, {.inner = false});
    ASSERT_EQ(capture.add(kStart, each.packet), Outcome::kCounted);
    ASSERT_EQ(capture.datagrams().size(), 1U);
    EXPECT_EQ(capture.datagrams().front().ip_bytes, each.packet.size());
    EXPECT_EQ(capture.datagrams().front().around, -1);
  }
}

TEST(Decoder, TunnelsAreFollowedFourDeep) {
  std::string packet = packet4();
  for (int depth = 1; depth <= 5; ++depth) {
    packet = ipv4({host4(10 + depth), host4(20 + depth)}, 4, packet);
    EXPECT_EQ(outcome_of(packet), depth <= 4 ? Outcome::kCounted : Outcome::kMalformed) << depth;
  }
}

TEST(Decoder, WhatIsAroundIsPartOfTheKeyWhenAskedFor) {
  const auto key = [](const Decoder::Options& options, const std::string& frame) {
    Capture capture({}, options);
    EXPECT_EQ(capture.add(kStart, frame, kLinkEthernet), Outcome::kCounted);
    return capture.datagrams().back().key;
  };
  const auto tagged = [](const char* tag) {
    return ethernet(0x8100, hex(tag) + hex("08 00") + packet4());
  };
  const auto vxlan = [](const char* network) {
    const Hosts outer = {host4(11), host4(12)};
    return ethernet(kIpv4Type, ipv4(outer, 17,
                                    udp(outer, 5555, 4789,
                                        hex("08 00 00 00 00 00") + hex(network) + hex("00") +
                                            ethernet(kIpv4Type, packet4()))));
  };
  EXPECT_TRUE(key({}, tagged("00 01")) == key({}, tagged("00 02")));
  const Decoder::Options vlans = {.vlans_in_key = true};
  EXPECT_TRUE(key(vlans, tagged("00 01")) == key(vlans, tagged("e0 01")));  // priority
  EXPECT_FALSE(key(vlans, tagged("00 01")) == key(vlans, tagged("00 02")));
  EXPECT_FALSE(key(vlans, tagged("00 00")) ==
               key(vlans, ethernet(kIpv4Type, packet4())));  // VLAN 0 is one
  EXPECT_TRUE(key({}, vxlan("01")) == key({}, vxlan("02")));
  const Decoder::Options in_tunnels = {.tunnels_in_key = true};
  EXPECT_FALSE(key(in_tunnels, vxlan("01")) == key(in_tunnels, vxlan("02")));
}

TEST(Decoder, FragmentsAreOneDatagram) {
  const Hosts hosts = hosts4();
  const std::string segment = udp(hosts, 1111, 2222, std::string(100, 'x'));
  constexpr std::uint16_t kMore = 0x2000;
  const std::string first = ipv4(hosts, 17, segment.substr(0, 48),
                                 {.options = std::string(4, '\1'), .id = 7, .fragment = kMore});
  const std::string second =
      ipv4(hosts, 17, segment.substr(48, 40), {.id = 7, .fragment = kMore | 6});
  const std::string third = ipv4(hosts, 17, segment.substr(88), {.id = 7, .fragment = 11});
  for (const auto& order : {std::vector{first, second, third}, {third, second, first}}) {
    Capture capture;
    EXPECT_EQ(capture.add(kStart, order[0]), Outcome::kFragment);
    EXPECT_EQ(capture.add(kStart, order[1]), Outcome::kFragment);
    ASSERT_EQ(capture.add(kStart, order[2]), Outcome::kCounted);
    ASSERT_EQ(capture.datagrams().size(), 1U);
    const Datagram& seen = capture.datagrams().front();
    EXPECT_EQ(seen.key.port_a, 1111);
    EXPECT_EQ(seen.payload_bytes, 100U);
    EXPECT_EQ(seen.fragments, 3);
    EXPECT_EQ(seen.ip_bytes, 24U + 108U);  // the first's header
    EXPECT_FALSE(seen.is_bad_checksum);
    EXPECT_FALSE(seen.is_truncated);
  }
}

TEST(Decoder, Ipv6FragmentsAreOneDatagram) {
  const std::string segment = udp(hosts6(), 1111, 2222, std::string(100, 'x'));
  const std::string first =
      ipv6(hosts6(), 44, hex("11 00 00 01 00 00 00 07") + segment.substr(0, 56));
  const std::string last = ipv6(hosts6(), 44, hex("11 00 00 38 00 00 00 07") + segment.substr(56));
  Capture capture;
  EXPECT_EQ(capture.add(kStart, last), Outcome::kFragment);
  ASSERT_EQ(capture.add(kStart, first), Outcome::kCounted);
  const Datagram& seen = capture.datagrams().front();
  EXPECT_EQ(seen.payload_bytes, 100U);
  EXPECT_EQ(seen.fragments, 2);
  EXPECT_EQ(seen.ip_bytes, 48U + 108U);
  EXPECT_FALSE(seen.is_bad_checksum);
}

TEST(Decoder, AFragmentThatIsNotTheLastMustBeOfWholeUnits) {
  EXPECT_EQ(outcome_of(ipv4(hosts4(), 17, std::string(13, 'x'), {.fragment = 0x2000})),
            Outcome::kMalformed);
}

TEST(Decoder, OtherProtocolsAreCountedWithoutPorts) {
  Capture capture;
  ASSERT_EQ(capture.add(kStart, ipv4(hosts4(), 89, "ospf")), Outcome::kCounted);
  EXPECT_EQ(capture.datagrams().front().key.port_a, 0);
  EXPECT_EQ(capture.datagrams().front().header, TransportHeader::kNone);
  EXPECT_EQ(capture.datagrams().front().payload_bytes, 4U);
  ASSERT_EQ(capture.add(kStart, ipv4(hosts4(), 132, hex("04 57 08 ae") + std::string(8, '\0'))),
            Outcome::kCounted);
  EXPECT_EQ(capture.datagrams().front().sctp_ports[0], 1111);
  EXPECT_EQ(capture.datagrams().front().sctp_ports[1], 2222);
}

}  // namespace
}  // namespace tracebraid::converters::pcap
