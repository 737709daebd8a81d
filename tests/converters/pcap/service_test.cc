#include "converters/pcap/service.h"

#include <array>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::converters::pcap {
namespace {

using namespace std::string_literals;

// "16 03 01" as bytes; blanks do not count.
std::string hex(std::string_view digits) {
  std::string bytes;
  int high = -1;
  for (const char each : digits) {
    if (each == ' ') continue;
    const int value = each <= '9' ? each - '0' : each - 'a' + 10;
    if (high < 0) {
      high = value;
    } else {
      bytes.push_back(static_cast<char>(high << 4 | value));
      high = -1;
    }
  }
  return bytes;
}

std::string number(std::size_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift & 0xFF));
  }
  return out;
}

// `body` behind its own length.
std::string counted(const std::string& body, int bytes) {
  return number(body.size(), bytes) + body;
}

std::string client_hello(const std::string& extensions) {
  return "\x16\x03\x01"s + counted("\x01"s + counted("\x03\x03"s + std::string(32, 'r') +
                                                         counted(std::string(32, 's'), 1) +
                                                         counted("\x13\x01\x13\x02"s, 2) +
                                                         counted("\0"s, 1) + counted(extensions, 2),
                                                     3),
                                   2);
}

std::string extension(std::size_t kind, const std::string& body) {
  return number(kind, 2) + counted(body, 2);
}

std::string server_name(const std::string& name) {
  return extension(0, counted("\0"s + counted(name, 2), 2));
}

// What a Service says, on its own.
struct Seen {
  std::string name, host, query;
  bool operator==(const Seen&) const = default;
};

void PrintTo(const Seen& seen, std::ostream* out) {
  *out << '{' << seen.name << ", " << seen.host << ", " << seen.query << '}';
}

struct Example {
  Transport transport;
  bool is_from_originator;
  std::uint16_t responder_port;
  std::string payload;
  Seen expected;
};

Seen detect(const Example& example, std::size_t cut, std::size_t scratch_size = kDnsNameChars) {
  // A copy of just that size, so that AddressSanitizer sees every read behind it.
  const std::vector<unsigned char> payload(
      example.payload.begin(),
      example.payload.begin() + static_cast<std::ptrdiff_t>(std::min(cut, example.payload.size())));
  std::vector<char> scratch(scratch_size);
  const Service service = detect_service(example.transport, example.is_from_originator, 40000,
                                         example.responder_port, payload, scratch);
  return {std::string(service.name), std::string(service.host), std::string(service.query)};
}

Seen detect(const Example& example) {
  return detect(example, example.payload.size());
}

Seen tcp_client(std::uint16_t port, const std::string& payload) {
  return detect({Transport::kTcp, true, port, payload, {}});
}

Seen tcp_server(std::uint16_t port, const std::string& payload) {
  return detect({Transport::kTcp, false, port, payload, {}});
}

Seen udp(std::uint16_t port, const std::string& payload) {
  return detect({Transport::kUdp, true, port, payload, {}});
}

std::string dns_header(std::size_t flags, std::size_t questions, std::size_t answers = 0,
                       std::size_t additional = 0) {
  return number(0x1A2B, 2) + number(flags, 2) + number(questions, 2) + number(answers, 2) +
         number(0, 2) + number(additional, 2);
}

// RFC 1034, 6.2.1: QNAME=SRI-NIC.ARPA., QCLASS=IN, QTYPE=A.
const std::string kSriNic = "\7SRI-NIC\4ARPA\0"s + hex("0001 0001");

// RFC 8448, 3: the client's first flight, up to the supported groups, and the server's.
const std::string kRfc8448Client = hex(
    "16030100c4 010000c0 0303 cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7 00"
    "0006 130113031302 0100 0091 0000000b0009000006736572766572 ff01000100 "
    "000a00140012001d0017001800"
    "19010001010102010301 04");
const std::string kRfc8448Server = hex(
    "160303005a 02000056 0303 a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e26928 00"
    "1301 00 002e");

const std::string kMysqlGreeting = hex(  // MySQL's documentation of HandshakeV10
    "36 00 00 00 0a 35 2e 35 2e 32 2d 6d 32 00 0b 00 00 00 64 76 48 40 49 2d 43 4a 00 ff f7 08 02 "
    "00"
    "00 00 00 00 00 00 00 00 00 00 00 00 00 00 2a 34 64 7c 63 5a 77 6b 34 5e 5d 3a 00");

std::vector<Example> examples() {
  constexpr Transport kTcp = Transport::kTcp;
  constexpr Transport kUdp = Transport::kUdp;
  const std::string query = dns_header(0x0100, 1) + kSriNic;
  const std::string answer =
      dns_header(0x8580, 1, 1) + kSriNic + hex("c00c 0001 0001 00015180 0004 1a000049");
  return {
      // RFC 9112, 2.1 and 3.2; RFC 9110, 9.3.6; RFC 9113, 3.4.
      {kTcp,
       true,
       8000,
       "GET /hello.txt HTTP/1.1\r\nUser-Agent: curl/7.64.1\r\nhOsT: \twww.example.com \r\n"
       "Accept-Language: en, mi\r\n\r\n",
       {"http", "www.example.com", "GET /hello.txt"}},
      {kTcp,
       true,
       3128,
       "CONNECT server.example.com:80 HTTP/1.1\r\nHost: server.example.com\r\n\r\n",
       {"http", "server.example.com", "CONNECT server.example.com:80"}},
      {kTcp,
       true,
       80,
       "OPTIONS * HTTP/1.1\r\nHost: www.example.org:8001\r\n\r\n",
       {"http", "www.example.org:8001", "OPTIONS *"}},
      {kTcp, true, 80, "PATCH /file.txt HTTP/1.1\nHost: a\n\n", {"http", "a", "PATCH /file.txt"}},
      {kTcp, true, 80, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {"http", "", ""}},
      {kTcp, true, 80, "GET /\r\n\r\n", {"http", "", "GET /"}},  // HTTP/0.9
      {kTcp, false, 8000, "HTTP/1.1 200 OK\r\nHost: no\r\n\r\n", {"http", "", ""}},
      {kTcp,
       true,
       8443,
       client_hello(extension(16, "\0\3\2h2"s) + server_name("db.example.net")),
       {"ssl", "db.example.net", ""}},
      {kTcp, true, 443, client_hello(extension(16, "\0\3\2h2"s)), {"ssl", "", ""}},
      {kTcp, true, 443, kRfc8448Client, {"ssl", "server", ""}},
      {kTcp, false, 443, kRfc8448Server, {"ssl", "", ""}},
      {kTcp, false, 2222, "SSH-2.0-billsSSH_3.6.3q3\r\n", {"ssh", "", ""}},  // RFC 4253, 4.2
      {kUdp, true, 53, query, {"dns", "", "sri-nic.arpa"}},
      {kUdp, false, 53, answer, {"dns", "", "sri-nic.arpa"}},
      {kUdp, true, 9953, query, {"dns", "", "sri-nic.arpa"}},
      {kUdp, false, 9953, answer, {"dns", "", "sri-nic.arpa"}},
      {kTcp, true, 53, counted(query, 2), {"dns", "", "sri-nic.arpa"}},
      {kTcp, true, 9953, counted(query, 2), {"dns", "", "sri-nic.arpa"}},
      {kTcp, false, 9953, counted(answer, 2), {"dns", "", "sri-nic.arpa"}},
      {kUdp,
       true,
       9953,
       dns_header(0x0120, 1, 0, 1) + kSriNic + hex("00 0029 04d0 00000000 0000"),
       {"dns", "", "sri-nic.arpa"}},
      // PostgreSQL's "Message Formats".
      {kTcp, true, 5432, hex("00000008 04d2162f"), {"postgresql", "", ""}},
      {kTcp, true, 5432, hex("00000008 04d21630"), {"postgresql", "", ""}},
      {kTcp, true, 5432, hex("00000010 04d2162e 00001000 12345678"), {"postgresql", "", ""}},
      {kTcp,
       true,
       15432,
       number(22, 4) + hex("00030000") + "user\0postgres\0"s,
       {"postgresql", "", ""}},
      {kTcp, false, 5432, hex("52 0000000c 00000005 01020304"), {"postgresql", "", ""}},
      {kTcp,
       false,
       5432,
       hex("52 00000017 0000000a") + "SCRAM-SHA-256\0\0"s,
       {"postgresql", "", ""}},
      {kTcp, false, 5432, "E\0\0\0\x20SFATAL\0C53300\0Mtoo many\0\0"s, {"postgresql", "", ""}},
      {kTcp, false, 13306, kMysqlGreeting, {"mysql", "", ""}},
      {kTcp, false, 3306, counted("\xFF\x10\x04Too many connections"s, 1), {"", "", ""}},
      {kTcp, false, 3306, "\x17\0\0\0\xFF\x10\x04Too many connections"s, {"mysql", "", ""}},
      {kTcp, true, 16379, "*2\r\n$4\r\nLLEN\r\n$6\r\nmylist\r\n", {"redis", "", ""}},
      {kTcp, true, 6379, "PING\r\n", {"redis", "", ""}},
      {kTcp, true, 5672, "AMQP\0\0\x09\x01"s, {"amqp", "", ""}},
      {kTcp, true, 5672, "AMQP\3\1\0\0"s, {"amqp", "", ""}},
      {kTcp, true, 11211, "get foo bar\r\n", {"memcached", "", ""}},
      {kTcp, true, 21211, "set key 0 -1 5 noreply\r\nhello\r\n", {"memcached", "", ""}},
      {kTcp, true, 21211, "incr hits 1\r\n", {"memcached", "", ""}},
      {kTcp, true, 11211, "version\r\n", {"memcached", "", ""}},
      {kTcp,
       true,
       11211,  // the binary protocol's Get and Add
       hex("80000005 00000000 00000005 00000000 00000000 00000000") + "Hello",
       {"memcached", "", ""}},
      {kTcp,
       true,
       11211,
       hex("80020005 08000000 00000012 00000000 00000000 00000000 deadbeef 00000e10") +
           "HelloWorld",
       {"memcached", "", ""}},
      // RFC 9001, A.2 and A.3; RFC 9369, A.2.
      {kUdp, true, 443, hex("c000000001088394c8f03e5157080000449e7b9aec34"), {"quic", "", ""}},
      {kUdp, false, 4433, hex("cf000000010008f067a5502a4262b5004075c0d9"), {"quic", "", ""}},
      {kUdp, true, 443, hex("d76b3343cf088394c8f03e5157080000449ea0c95e82"), {"quic", "", ""}},
      {kUdp, true, 443, hex("c3ff00001d088394c8f03e5157080000449e"), {"quic", "", ""}},
      {kUdp, true, 123, "\x23" + std::string(47, '\0'), {"ntp", "", ""}},
      // RFC 5321, D.1; RFC 959, 7.
      {kTcp, false, 25, "220 foo.com Simple Mail Transfer Service Ready\r\n", {"smtp", "", ""}},
      {kTcp, true, 2525, "EHLO bar.com\r\n", {"smtp", "", ""}},
      {kTcp, true, 2525, "HELO bar.com\r\n", {"smtp", "", ""}},
      {kTcp, false, 2525, "220 mail.example.org ESMTP Postfix, no FTP here\r\n", {"smtp", "", ""}},
      {kTcp, false, 21, "220 Service ready for new user.\r\n", {"ftp", "", ""}},
      {kTcp, false, 2121, "220-Welcome\r\n220 pyftpdlib FTP\r\n", {"", "", ""}},
      {kTcp, false, 2121, "220 (vsFTPd 3.0.3)\r\n", {"ftp", "", ""}},
      {kTcp, true, 21, "USER anonymous\r\n", {"ftp", "", ""}},
      // MQTT 3.1.1, figure 3.6, with the client identifier "a".
      {kTcp, true, 1883, hex("10 0d 0004 4d515454 04 ce 000a 0001 61"), {"mqtt", "", ""}},
  };
}

TEST(Service, NamesWhatProtocolDefinitionsShow) {
  for (const Example& each : examples()) {
    SCOPED_TRACE(testing::PrintToString(each.payload));
    EXPECT_EQ(detect(each), each.expected);
  }
}

TEST(Service, ACutPayloadIsNamedTheSameOrNotAtAll) {
  for (const Example& each : examples()) {
    SCOPED_TRACE(testing::PrintToString(each.payload));
    for (std::size_t cut = 0; cut < each.payload.size(); ++cut) {
      const Seen seen = detect(each, cut);
      EXPECT_TRUE(seen.name.empty() || seen.name == each.expected.name) << cut << ": " << seen.name;
      EXPECT_TRUE(seen.host.empty() || seen.host == each.expected.host) << cut << ": " << seen.host;
      EXPECT_TRUE(each.expected.query.starts_with(seen.query)) << cut << ": " << seen.query;
    }
  }
}

std::string lower(std::string text) {
  for (char& each : text) {
    if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
  }
  return text;
}

// Texts are told as they stand in the payload; DNS's names are made of its labels.
void expect_of_payload(const Seen& seen, const std::string& payload) {
  EXPECT_NE(payload.find(seen.host), std::string::npos) << seen.host;
  if (seen.name != "dns") {
    EXPECT_NE(payload.find(seen.query), std::string::npos) << seen.query;
    return;
  }
  std::istringstream labels(seen.query);
  for (std::string label; std::getline(labels, label, '.');) {
    if (label.find('\\') != std::string::npos) continue;  // escaped
    EXPECT_NE(lower(payload).find(label), std::string::npos) << seen.query;
  }
}

TEST(Service, AChangedByteGivesAnotherNameOrNoneAndTextsOfThePayload) {
  std::set<std::string> names;
  for (const Example& each : examples()) names.insert(each.expected.name);
  std::size_t unnamed = 0;
  for (Example each : examples()) {
    SCOPED_TRACE(testing::PrintToString(each.payload));
    for (char& byte : each.payload) {
      const char before = byte;
      for (const int value : {0x00, 0x01, 0x3F, 0x7F, 0x80, 0xC0, 0xFF}) {
        byte = static_cast<char>(value);
        const Seen seen = detect(each);
        EXPECT_TRUE(names.contains(seen.name)) << seen.name;
        expect_of_payload(seen, each.payload);
        if (!seen.name.empty()) continue;
        EXPECT_EQ(seen, Seen());
        ++unnamed;
      }
      byte = before;
    }
  }
  // Some bytes decide.
  EXPECT_GT(unnamed, examples().size());
}

TEST(Service, SaysNothingOfOtherBytes) {
  const Seen nothing;
  for (const std::string& each : {""s,
                                  "\0"s,
                                  "hello world\r\n"s,
                                  "GETAWAY / HTTP/1.1\r\n"s,
                                  "GET  / HTTP/1.1\r\n"s,
                                  "GET / RTSP/1.0\r\n"s,
                                  "OPTIONS sip:a@b SIP/2.0\r\n"s,
                                  "OPTIONS *"s,
                                  "get /\n"s,
                                  "set key zero 0 5\r\n"s,
                                  "stats\r\n"s,
                                  "PING :irc.example.org\r\n"s,
                                  "USER guest 0 * :R\r\n"s,
                                  "220 \r\n"s,
                                  "*1\r\n+OK\r\n"s,
                                  "AMQPlain"s,
                                  "R"s,
                                  "S"s,
                                  "N"s,
                                  "S\0\0\0\x16"s,
                                  hex("160305002f0100002b0303"),
                                  hex("16030100030100002b0303"),
                                  hex("15030100020228"),
                                  hex("802e0103010015000000100000"),
                                  hex("00000009 04d2162f"),
                                  hex("00000008 00030000 75"),
                                  std::string(64, '\0'),
                                  std::string(64, '\xFF'),
                                  std::string(300, 'a')}) {
    SCOPED_TRACE(testing::PrintToString(each));
    EXPECT_EQ(tcp_client(9000, each), nothing);
    EXPECT_EQ(tcp_server(9000, each), nothing);
    EXPECT_EQ(udp(9000, each), nothing);
  }
  // No service of one transport speaks the other.
  EXPECT_EQ(udp(80, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), nothing);
  EXPECT_EQ(udp(123, std::string(47, '\x23')), nothing);
  EXPECT_EQ(tcp_client(443, hex("c000000001088394c8f03e5157080000449e7b9aec34")), nothing);
}

TEST(Service, PortsOnlyBreakTies) {
  EXPECT_EQ(tcp_client(22, "GET / HTTP/1.1\r\n\r\n").name, "http");
  EXPECT_EQ(tcp_server(80, "SSH-2.0-OpenSSH_9.2\r\n").name, "ssh");
  EXPECT_EQ(udp(53, hex("c000000001088394c8f03e5157080000449e7b9aec34")).name, "quic");
  EXPECT_EQ(tcp_client(9000, "USER anonymous\r\n").name, "");
  // The side that greets is the server, wherever the capture began.
  EXPECT_EQ(tcp_client(21, "220 ready\r\n").name, "");
  std::array<char, 1> scratch{};
  const std::string greeting = "220 ready\r\n";
  const std::span bytes(reinterpret_cast<const unsigned char*>(greeting.data()), greeting.size());
  EXPECT_EQ(detect_service(Transport::kTcp, true, 21, 40000, bytes, scratch).name, "ftp");
}

TEST(Service, HttpHostNeedsItsWholeLineInTheHeader) {
  EXPECT_EQ(tcp_client(80, "GET / HTTP/1.1\r\nHost: www.exam").host, "");
  EXPECT_EQ(tcp_client(80, "GET / HTTP/1.1\r\nHost:\r\n\r\n").host, "");
  EXPECT_EQ(tcp_client(80, "POST / HTTP/1.1\r\nX-Host: a\r\n\r\nHost: b\r\n").host, "");
  EXPECT_EQ(tcp_client(80, "POST / HTTP/1.1\r\nHost:b\r\n\r\n").host, "b");
  const std::string target = "/" + std::string(3000, 'x');
  EXPECT_EQ(tcp_client(80, "GET " + target), (Seen{"http", "", "GET " + target}));
}

TEST(Service, TlsLengthsAreNotTrusted) {
  const std::string hello = client_hello(server_name("db.example.net"));
  // The name's own length, its list's, its extension's, all extensions'.
  for (const std::size_t back : {16U, 19U, 21U, 25U}) {
    std::string damaged = hello;
    damaged[hello.size() - back] = '\x7F';
    const Seen seen = tcp_client(443, damaged);
    EXPECT_EQ(seen.name, "ssl") << back;
    EXPECT_TRUE(seen.host.empty() || seen.host == "db.example.net") << back << ": " << seen.host;
  }
  // A hello whose name is in its second record is not followed.
  std::string split = hello;
  split[4] = static_cast<char>(split.size() - 5 - 10);
  EXPECT_EQ(tcp_client(443, split), (Seen{"ssl", "", ""}));
}

TEST(Service, DnsNamesArePrintedSafelyAndHaveNoPointers) {
  const std::string tail = hex("0001 0001");
  const std::string head = dns_header(0x0100, 1);
  EXPECT_EQ(udp(53, head + "\3foo\xC0\x0C"s + tail), Seen());  // a loop
  EXPECT_EQ(udp(53, head + "\xC0\x0C"s + tail).name, "");
  EXPECT_EQ(udp(53, head + "\xC0\x20"s + tail + std::string(40, '\0')).name, "");
  EXPECT_EQ(udp(53, head + "\xC0\x00"s + tail).name, "");
  EXPECT_EQ(udp(53, head + "\x40xyz\0"s + tail).name, "");
  EXPECT_EQ(udp(53, head + "\0"s + tail), (Seen{"dns", "", "."}));
  EXPECT_EQ(udp(53, head + "\3a.b\4\\c \xE9\1\x7F\0"s + tail).query, "a\\.b.\\\\c\\032\\233.\\127");
}

TEST(Service, DnsNamesHave255BytesAtMost) {
  const std::string tail = hex("0001 0001");
  std::string name;
  for (int label = 0; label < 3; ++label) name += counted(std::string(63, '\x01'), 1);
  const std::string longest = name + counted(std::string(61, '\x01'), 1) + '\0';
  ASSERT_EQ(longest.size(), 255U);
  const Example example{Transport::kUdp, true, 53, dns_header(0x0100, 1) + longest + tail, {}};
  EXPECT_EQ(detect(example).query.size(), 4 * 250U + 3);
  // A smaller scratch space gets the front, no half escape.
  EXPECT_EQ(detect(example, SIZE_MAX, 10).query, "\\001\\001");
  EXPECT_EQ(detect(example, SIZE_MAX, 0), (Seen{"dns", "", ""}));
  EXPECT_EQ(udp(53, dns_header(0x0100, 1) + name + counted(std::string(62, 'a'), 1) + '\0' + tail),
            Seen());
}

TEST(Service, DnsElsewhereMustBeOrdinary) {
  const std::string question = kSriNic;
  EXPECT_EQ(udp(9953, dns_header(0x0100, 1) + question).name, "dns");
  EXPECT_EQ(udp(9953, dns_header(0x0100, 1) + question + "x").name, "");
  EXPECT_EQ(udp(9953, dns_header(0x0100, 2) + question).name, "");
  EXPECT_EQ(udp(9953, dns_header(0x0140, 1) + question).name, "");
  EXPECT_EQ(udp(9953, dns_header(0x2900, 1) + question).name, "");
  EXPECT_EQ(udp(9953, dns_header(0x0100, 1) + "\0"s + hex("0001 0001")).name, "");
  EXPECT_EQ(udp(9953, dns_header(0x0100, 1) + "\3f o\0"s + hex("0001 0001")).name, "");
  EXPECT_EQ(udp(9953, dns_header(0x0100, 1) + "\3foo\0"s + hex("1234 0001")).name, "");
  // RFC 6762: several questions, the top bit of the class, answers without a question.
  const std::string local = "\5_http\4_tcp\5local\0"s + hex("000c 8001");
  EXPECT_EQ(udp(5353, dns_header(0, 2) + local + local), (Seen{"dns", "", "_http._tcp.local"}));
  EXPECT_EQ(udp(5353, dns_header(0x8400, 0, 1) + local), (Seen{"dns", "", ""}));
  EXPECT_EQ(udp(53, dns_header(0, 2) + question + question).name, "");
}

}  // namespace
}  // namespace tracebraid::converters::pcap
