// Packets built octet by octet from the RFCs, and what the decoder and the flow table make of them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "converters/pcap/decoder.h"
#include "converters/pcap/flow_table.h"
#include "formats/io/diagnostics.h"
#include "formats/pcap/packet.h"
#include "formats/record/flow.h"

namespace tracebraid::tests {

namespace record = formats::record;

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kStart = 1'700'000'000 * kSecond;

constexpr std::uint32_t kLinkEthernet = 1;
constexpr std::uint32_t kLinkRaw = 101;

// In network order; at most eight octets.
inline std::string number(std::uint64_t value, int octets) {
  std::string out;
  for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift & 0xFF));
  }
  return out;
}

// "45 00" as octets; blanks do not count.
inline std::string hex(std::string_view digits) {
  std::string octets;
  int high = -1;
  for (const char each : digits) {
    if (each == ' ') continue;
    const int value = each <= '9' ? each - '0' : each - 'a' + 10;
    if (high >= 0) octets.push_back(static_cast<char>(high << 4 | value));
    high = high < 0 ? value : -1;
  }
  return octets;
}

// RFC 1071, word by word.
inline std::uint16_t checksum(std::string_view octets) {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < octets.size(); ++at) {
    const auto octet = static_cast<unsigned char>(octets[at]);
    sum += at % 2 == 0 ? static_cast<std::uint32_t>(octet) << 8U : octet;
    sum = (sum & 0xFFFFU) + (sum >> 16U);
  }
  return static_cast<std::uint16_t>(~sum);
}

// Source and destination: 4 octets each, or 16.
struct Hosts {
  std::string source;
  std::string destination;
  [[nodiscard]] Hosts turned() const { return {destination, source}; }
};

inline std::string host4(int last) {
  return "\x0A" + number(static_cast<unsigned>(last), 3);
}
inline std::string host6(int last) {
  return hex("20 01 0d b8 00 00 00 00") + number(static_cast<unsigned>(last), 8);
}
inline Hosts hosts4() {
  return {host4(1), host4(2)};
}
inline Hosts hosts6() {
  return {host6(1), host6(2)};
}

struct Ipv4 {
  std::string options = {};
  std::uint8_t ttl = 64;
  std::uint16_t id = 0;
  std::uint16_t fragment = 0;  // flags and offset, as in the header
  int total = -1;              // -1: what it is
};

inline std::string ipv4(const Hosts& hosts, int protocol, const std::string& payload,
                        const Ipv4& more = {}) {
  const std::size_t header = 20 + more.options.size();
  const std::size_t total =
      more.total < 0 ? header + payload.size() : static_cast<std::size_t>(more.total);
  std::string out = number(0x40U | header / 4, 1) + number(0, 1) + number(total, 2) +
                    number(more.id, 2) + number(more.fragment, 2) + number(more.ttl, 1) +
                    number(static_cast<unsigned>(protocol), 1) + number(0, 2) + hosts.source +
                    hosts.destination + more.options;
  out.replace(10, 2, number(checksum(out), 2));
  return out + payload;
}

inline std::string ipv6(const Hosts& hosts, int next, const std::string& payload, int length = -1) {
  return hex("60 00 00 00") +
         number(length < 0 ? payload.size() : static_cast<std::size_t>(length), 2) +
         number(static_cast<unsigned>(next), 1) + number(64, 1) + hosts.source + hosts.destination +
         payload;
}

// The checksum, of the pseudo header too, put at `at` of `segment`.
inline std::string summed(const Hosts& hosts, int protocol, std::string segment, std::size_t at) {
  const bool is_ipv6 = hosts.source.size() == 16;
  const auto next = static_cast<unsigned>(protocol);
  const std::string pseudo = hosts.source + hosts.destination +
                             (is_ipv6 ? number(segment.size(), 4) + number(next, 4)
                                      : number(next, 2) + number(segment.size(), 2));
  segment.replace(at, 2, number(checksum(pseudo + segment), 2));
  return segment;
}

struct Tcp {
  std::uint16_t source = 40000;
  std::uint16_t destination = 12345;
  std::uint32_t seq = 1;
  std::uint32_t ack = 0;
  std::uint8_t flags = 0x10;
  std::uint16_t window = 1000;
  std::string options = {};  // a multiple of four octets
};

inline std::string tcp(const Hosts& hosts, const Tcp& header, const std::string& payload = {}) {
  return summed(hosts, 6,
                number(header.source, 2) + number(header.destination, 2) + number(header.seq, 4) +
                    number(header.ack, 4) + number((20 + header.options.size()) / 4 << 4U, 1) +
                    number(header.flags, 1) + number(header.window, 2) + number(0, 4) +
                    header.options + payload,
                16);
}

inline std::string udp(const Hosts& hosts, int source, int destination,
                       const std::string& payload) {
  return summed(hosts, 17,
                number(static_cast<unsigned>(source), 2) +
                    number(static_cast<unsigned>(destination), 2) + number(8 + payload.size(), 2) +
                    number(0, 2) + payload,
                6);
}

inline std::string icmp4(int type, int code, const std::string& rest) {
  std::string out = number(static_cast<unsigned>(type), 1) +
                    number(static_cast<unsigned>(code), 1) + number(0, 2) + rest;
  out.replace(2, 2, number(checksum(out), 2));
  return out;
}

inline std::string ethernet(int type, const std::string& payload) {
  return hex("02 00 00 00 00 02 02 00 00 00 00 01") + number(static_cast<unsigned>(type), 2) +
         payload;
}

class Silent final : public formats::io::Messages {
 public:
  void line(std::string_view) override {}
};

// Keeps the records, and the texts that they point to.
class KeepingSink final : public converters::pcap::FlowSink {
 public:
  void flow(const record::Flow& flow) override {
    record::Flow kept = flow;
    const auto keep = [&](const auto& field) {
      auto& value = kept.*field.member;
      if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>) {
        value = *texts_.emplace(value).first;
      }
    };
    record::Flow::kFields.apply([&](const auto&... field) { (keep(field), ...); });
    flows.push_back(kept);
  }
  void segment(const record::Segment& segment) override {
    segments.push_back(segment);
    segments.back().uid = *texts_.emplace(segment.uid).first;
  }
  void flush() override {}

  std::vector<record::Flow> flows;
  std::vector<record::Segment> segments;

 private:
  std::set<std::string> texts_;
};

// The decoder and the flow table with nothing between them.
class Capture {
 public:
  using TableOptions = converters::pcap::FlowTable::Options;
  using DecoderOptions = converters::pcap::Decoder::Options;

  // Servers are likely at 80/tcp and 53/udp.
  explicit Capture(const TableOptions& options = {}, const DecoderOptions& decoder = {})
      : decoder_(decoder, diagnostics_), table_(with_servers(options), sink_) {}

  converters::pcap::Outcome add(std::int64_t ts_ns, std::string_view frame,
                                std::uint32_t link_type = kLinkRaw, std::uint32_t length = 0) {
    formats::pcap::Interface interface;
    interface.link_type = link_type;
    // A copy of just that size, so that AddressSanitizer sees every read behind it.
    const std::vector<unsigned char> bytes(frame.begin(), frame.end());
    const auto captured = static_cast<std::uint32_t>(bytes.size());
    batch_.clear();
    const converters::pcap::Outcome outcome =
        decoder_.decode({.data = bytes.data(),
                         .captured = captured,
                         .length = length == 0 ? captured : length,
                         .ts_ns = ts_ns,
                         .interface = &interface},
                        ++packets_, batch_);
    decoder_.keep(batch_);
    table_.add(batch_);
    return outcome;
  }

  // The end of the capture; all flows.
  const std::vector<record::Flow>& finish() {
    table_.finish();
    return sink_.flows;
  }

  [[nodiscard]] const std::vector<record::Flow>& ended() const { return sink_.flows; }
  [[nodiscard]] const std::vector<record::Segment>& segments() const { return sink_.segments; }
  // Of the last packet.
  [[nodiscard]] const std::vector<converters::pcap::Datagram>& datagrams() const {
    return batch_.datagrams;
  }
  [[nodiscard]] const std::vector<converters::pcap::Encapsulation>& encapsulations() const {
    return batch_.encapsulations;
  }
  [[nodiscard]] const converters::pcap::FlowTable& table() const { return table_; }
  [[nodiscard]] bool was_warned() const { return diagnostics_.damaged(); }

 private:
  static TableOptions with_servers(TableOptions options) {
    options.server_ports.tcp.set(80);
    options.server_ports.udp.set(53);
    return options;
  }

  Silent messages_;
  formats::io::Diagnostics diagnostics_{messages_, "test"};
  KeepingSink sink_;
  converters::pcap::Decoder decoder_;
  converters::pcap::FlowTable table_;
  converters::pcap::DatagramBatch batch_;
  std::uint64_t packets_ = 0;
};

enum class Side : std::uint8_t { kClient, kServer };

// A segment as people write them down: numbers count from the sender's, and the receiver's, SYN,
// which has 0.
struct Said {
  Side who;
  std::string_view flags;  // of SAFRP
  std::uint32_t seq;
  std::uint32_t ack = 0;  // written when `flags` has A
  std::uint32_t payload = 0;
  std::int64_t after_ns = kMillisecond;  // since the segment before
  std::uint16_t window = 1000;
  std::string options = {};
};

// A TCP connection, segment by segment.
class Talk {
 public:
  struct Options {
    std::uint32_t client_isn = 1000;
    std::uint32_t server_isn = 5'000'000;
    std::uint16_t server_port = 12345;
    Capture::TableOptions table = {};
  };

  Talk() : Talk(Options{}) {}
  explicit Talk(Options options) : options_(std::move(options)), capture_(options_.table) {}

  void say(const Said& said) {
    now_ += said.after_ns;
    const bool is_client = said.who == Side::kClient;
    const Hosts hosts = is_client ? hosts4() : hosts4().turned();
    constexpr std::string_view kFlags = "FSRPA";
    std::uint8_t flags = 0;
    for (const char each : said.flags) {
      flags = static_cast<std::uint8_t>(flags | 1U << kFlags.find(each));
    }
    const std::uint32_t mine = is_client ? options_.client_isn : options_.server_isn;
    const std::uint32_t other = is_client ? options_.server_isn : options_.client_isn;
    constexpr std::uint16_t kClientPort = 40000;
    // Of what is long, only the headers are captured.
    constexpr std::uint32_t kLong = 2000;
    const std::string payload(said.payload < kLong ? said.payload : 0, 'x');
    const std::string segment = tcp(hosts,
                                    {.source = is_client ? kClientPort : options_.server_port,
                                     .destination = is_client ? options_.server_port : kClientPort,
                                     .seq = mine + said.seq,
                                     .ack = (flags & 0x10U) != 0 ? other + said.ack : 0,
                                     .flags = flags,
                                     .window = said.window,
                                     .options = said.options},
                                    payload);
    const std::size_t length = 20 + segment.size() - payload.size() + said.payload;
    capture_.add(now_, ipv4(hosts, 6, segment, {.id = ++id_, .total = static_cast<int>(length)}),
                 kLinkRaw, static_cast<std::uint32_t>(length));
  }
  void say(std::initializer_list<Said> all) {
    for (const Said& each : all) say(each);
  }
  void wait(std::int64_t ns) { now_ += ns; }
  [[nodiscard]] std::int64_t now() const { return now_; }
  [[nodiscard]] Capture& capture() { return capture_; }
  Options& options() { return options_; }

  const std::vector<record::Flow>& finish() { return capture_.finish(); }

 private:
  Options options_;
  Capture capture_;
  std::int64_t now_ = kStart;
  std::uint16_t id_ = 0;
};

}  // namespace tracebraid::tests
