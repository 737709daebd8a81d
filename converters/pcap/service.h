// Which application protocol a TCP or UDP conversation speaks, told by its first payload bytes.
//
// Sources: RFC 9112 (HTTP/1.1) and 9113 (HTTP/2's preface), 8446 and 6066 (TLS, server name), 1035,
// 6762, 4795 and 1002 (DNS, mDNS, LLMNR, NetBIOS names), 4253 (SSH), 9000 and 9369 (QUIC), 5905
// (NTP), 5321 (SMTP), 959 (FTP); PostgreSQL's and MySQL's protocol chapters, Redis' RESP, AMQP
// 0-9-1, memcached's protocol.txt and binary protocol, MQTT 3.1.1.
//
// Not supported: names inside of QUIC's encrypted hello, a hello or header that goes on in the next
// segment, DTLS, and protocols that Zeek knows but this list does not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tracebraid::converters::pcap {

enum class Transport : std::uint8_t { kTcp, kUdp };

struct Service {
  // As in Zeek's conn.log: http, ssl (which is TLS), dns, ssh, postgresql, mysql, redis, amqp,
  // memcached, quic, ntp, smtp, ftp or mqtt. Empty: not known. Static.
  std::string_view name;
  // Value of HTTP's Host or TLS' server name, when all of it was captured. Points into the payload:
  // any bytes.
  std::string_view host;
  // HTTP's method and target, such as "GET /path", as far as captured: points into the payload, any
  // bytes above the blank. DNS' first question, such as "www.example.com", when all of it was
  // captured: in `scratch`, in lower case, everything but printable ASCII as \DDD (RFC 1035, 5.1);
  // the root is ".".
  std::string_view query;
};

// Any DNS name's text fits: 255 bytes, four characters each.
inline constexpr std::size_t kDnsNameChars = 1024;

// `payload` is what was captured of one segment or datagram: cut anywhere, and any bytes. The
// content decides. Ports count where it is weak: DNS, NTP, "220" of SMTP or FTP, USER, one-word
// commands of memcached, MySQL's refusal. The originator may be either side. Wherever a payload is
// cut, it does not get another protocol's name. What does not fit into `scratch` is left out. Takes
// time in the payload's size only where HTTP's header is searched for Host.
[[nodiscard]] Service detect_service(Transport transport, bool is_from_originator,
                                     std::uint16_t originator_port, std::uint16_t responder_port,
                                     std::span<const unsigned char> payload,
                                     std::span<char> scratch);

}  // namespace tracebraid::converters::pcap
