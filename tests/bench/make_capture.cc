// make_capture [options] OUT: a made-up capture of a busy server's network, and the truth about it.
// A classic pcap file, little-endian, microseconds, Ethernet, every packet captured whole:
//   d4c3b2a1 0200 0400 00.. 00.. 00000400 01000000   magic, 2.4, zone, sigfigs, snaplen, Ethernet
//   00f15365 e8030000 4a000000 4a000000 <74 bytes>   s, us, captured, length, the frame
// From draft-ietf-opsawg-pcap, RFC 791, 8200, 768, 9293, 7323 (timestamps), 1071 (checksums).
// Addresses are those set aside for benchmarks: 198.18.0.0/15 (RFC 2544), 2001:2::/48 (RFC 5180).
// Kept, because the speed and memory of what makes flows of packets depend on it:
// * Interleaving: --open flows at a time; when one ends, another begins. A packet is mostly
//   followed by one of another flow. The flows' lengths have a long tail.
// * TCP: handshake, requests and answers, an ACK for every second segment, timestamps, 0.5 % of
//   the segments with payload repeated, 0.3 % exchanged with their successor, FIN or RST at the
//   end. Some SYNs are refused or never answered. Short frames are padded to Ethernet's 60 bytes.
// * UDP: a quarter of the flows, mostly one request and its answer.
// No two flows have the same originator's address and port, so none is a reuse of another.
// What is not in it: fragments, VLANs, ICMP, payload that means something, lost packets.
//
// --calls writes the strace log of the server that all flows come to, too (server_calls.h): the
// responders' addresses are its own. Its draws are made apart: the capture's bytes do not change.
//
// The truth is counted where packets are written. stderr gets the sums as one JSON object, --truth
// one JSON object per flow, in the order in which they ended; names and meanings are those of
// pcapflows' flow records. conn_state is null for flows that the end of the capture cut off.
// The bytes depend on the arguments only: no std::*_distribution, no libm.

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "server_calls.h"

namespace {

constexpr std::uint64_t kStartSeconds = 1'700'000'000;
constexpr std::uint32_t kClients = 1U << 14;  // each has 2^15 ports
constexpr std::uint64_t kMostFlows = std::uint64_t{kClients} << 15;
constexpr std::uint32_t kMostOpen = 1U << 20;
constexpr std::uint32_t kPool = 1U << 16;  // bytes of payload, letters: few dissectors claim them
constexpr std::size_t kBlock = 1U << 20;   // bytes per write
constexpr std::size_t kMostPacket = 2048;  // with the record's header
// Ports that no dissector of Wireshark claims.
constexpr std::array<std::uint16_t, 8> kTcpPorts = {8001, 8002, 8003, 8010,
                                                    8090, 9011, 9090, 10443};
constexpr std::array<std::uint16_t, 4> kUdpPorts = {8125, 9011, 9999, 30053};

enum Flag : std::uint8_t { kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16 };

// splitmix64 (Steele, Lea, Flood, 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t x = state_ += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
  }
  // 0 <= result < limit.
  std::uint32_t below(std::uint32_t limit) { return skewed(limit, 1); }
  bool one_in(std::uint32_t chance) { return below(chance) == 0; }
  bool percent(std::uint32_t chance) { return below(100) < chance; }
  // Below limit, too, with a mean of limit / (power + 1).
  std::uint32_t skewed(std::uint32_t limit, int power) {
    const std::uint64_t drawn = next() >> 32;
    std::uint64_t product = drawn;
    while (--power > 0) product = product * drawn >> 32;
    return static_cast<std::uint32_t>(product * limit >> 32);
  }

 private:
  std::uint64_t state_;
};

// What one end of a flow has sent.
struct Side {
  std::array<std::uint8_t, 16> address{};  // IPv4: the first four
  std::uint16_t port = 0;
  std::uint8_t ttl = 64;
  bool fin = false;
  std::uint32_t first_sequence = 0;
  std::uint32_t clock_ms = 0;        // of its TCP timestamps, when the capture began
  std::uint32_t last_timestamp = 0;  // that it sent
  std::uint32_t sent = 0;            // offset of the next payload byte
  std::uint64_t packets = 0, ip_bytes = 0, payload_bytes = 0;
  std::uint64_t rexmit_packets = 0, rexmit_bytes = 0, ooo_packets = 0;
};

struct Range {  // of payload in a direction's stream
  std::uint32_t offset = 0, length = 0;
};

// What comes next.
enum class Phase : std::uint8_t {
  kSyn,
  kSynAck,
  kHandshakeAck,
  kPayload,
  kPayloadAck,
  kFirstFin,
  kSecondFin,
  kLastAck,
  kReset,
  kUdp
};

struct Flow {
  std::array<Side, 2> sides;  // originator, responder
  bool v6 = false, tcp = true;
  bool refused = false, unanswered = false, reset = false;
  bool resend = false;  // `last` follows once more
  Phase phase = Phase::kSyn;
  std::uint8_t sender = 0;          // whose turn it is
  std::uint8_t closer = 0;          // who sends the first FIN, or the RST
  std::uint8_t tries = 0;           // SYNs
  std::uint8_t unacknowledged = 0;  // segments
  std::uint32_t exchanges = 0;      // left
  std::uint32_t segments = 0;       // left in this turn
  std::uint32_t bulk = 0;           // segments of each answer, where it is a download
  std::uint32_t rtt_us = 0;
  std::uint32_t salt = 0;  // where in the pool its payload begins
  Range last, held;        // held: a segment that its successor overtook
  std::uint64_t first_us = 0, last_us = 0;
  // In the log: what of the request has come without a gap, and what waits behind one; what was
  // sent by calls, and what a call takes that has not been written.
  bench::Served served;
  std::uint32_t received = 0;
  Range ahead;
  std::uint32_t sent = 0, sending = 0;
  std::uint64_t sending_us = 0;
};

class Capture {
 public:
  Capture(std::FILE* out, std::FILE* truth, std::FILE* calls, std::uint64_t seed, bool checksums)
      : out_(out), truth_(truth), random_(seed), call_random_(seed + 1), checksums_(checksums) {
    if (calls != nullptr) begin_calls(calls);
    pool_.resize(kPool + kMostPacket);
    for (std::uint32_t i = 0; i < kPool; ++i) {
      pool_[i] = static_cast<char>('a' + random_.below(26));
    }
    std::copy_n(pool_.begin(), kMostPacket, pool_.begin() + kPool);
    buffer_.resize(kBlock + kMostPacket);
    for (const std::uint32_t word : {0xa1b2c3d4U, 0x00040002U, 0U, 0U, 0x00040000U, 1U}) {
      store_little(buffer_.data() + filled_, word);
      filled_ += 4;
    }
  }

  // Exactly so many packets; `open` flows at a time. False: a write failed.
  bool write_traffic(std::uint64_t packets, std::uint32_t open) {
    std::vector<Flow> flows(open);
    // The next packet's time in microseconds and its flow's place in `flows`.
    std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> queue;
    for (std::uint32_t place = 0; place < open; ++place) {
      flows[place] = new_flow();
      queue.push(std::uint64_t{random_.below(20'000'000)} * kMostOpen + place);
    }
    while (packets_ < packets && good_) {
      const std::uint64_t top = queue.top();
      queue.pop();
      now_us_ = top / kMostOpen;
      const std::uint32_t place = static_cast<std::uint32_t>(top % kMostOpen);
      std::uint32_t pause_us = step(flows[place]);
      if (pause_us == 0) {
        flows[place] = new_flow();
        pause_us = 1 + random_.below(200'000);
      }
      queue.push((now_us_ + pause_us) * kMostOpen + place);
    }
    for (Flow& flow : flows) {
      if (calls_) send(flow);
      if (flow.sides[0].packets > 0) end(flow, "");
    }
    if (calls_ && !calls_->end()) return false;
    return flush();
  }

  // One SYN each of so many originators, 200,000 a second.
  bool write_syn_flood(std::uint64_t packets) {
    while (packets_ < packets && good_) {
      Flow flow = new_flow();
      flow.tcp = true;
      emit(flow, 0, kSyn, {});
      end(flow, "S0");
      now_us_ += 5;
    }
    return flush();
  }

  void print_sums(std::FILE* file) const {
    std::fprintf(file, "{\"packets\":%llu,\"captured_bytes\":%llu,\"file_bytes\":%llu,",
                 number(packets_), number(captured_bytes_), number(written_));
    std::fprintf(file, "\"seconds\":%llu,\"flows_tcp\":%llu,\"flows_udp\":%llu,\"flows_cut\":%llu",
                 number(now_us_ / 1'000'000), number(tcp_flows_), number(udp_flows_),
                 number(cut_flows_));
    print_side(file, "orig", sums_[0]);
    print_side(file, "resp", sums_[1]);
    if (calls_) {
      const bench::CallLog::Sums& sums = calls_->sums();
      std::fprintf(file,
                   ",\"calls\":%llu,\"log_lines\":%llu,\"log_bytes\":%llu,\"accepted\":%llu,"
                   "\"bytes_in\":%llu,\"bytes_out\":%llu",
                   number(sums.calls), number(sums.lines), number(sums.bytes),
                   number(sums.accepted), number(sums.bytes_in), number(sums.bytes_out));
    }
    std::fputs("}\n", file);
  }

 private:
  static unsigned long long number(std::uint64_t value) { return value; }
  static void store_little(char* to, std::uint32_t value) {
    for (int i = 0; i < 4; ++i) to[i] = static_cast<char>(value >> 8 * i);
  }
  static void store16(std::uint8_t* to, std::uint32_t value) {
    to[0] = static_cast<std::uint8_t>(value >> 8);
    to[1] = static_cast<std::uint8_t>(value);
  }
  static void store32(std::uint8_t* to, std::uint32_t value) {
    store16(to, value >> 16);
    store16(to + 2, value);
  }

  // RFC 1071, without the last complement.
  static std::uint64_t add_words(const std::uint8_t* data, std::size_t size) {
    std::uint64_t sum = 0;
    for (; size >= 2; data += 2, size -= 2)
      sum += static_cast<std::uint64_t>(data[0]) << 8 | data[1];
    return size == 0 ? sum : sum + (static_cast<std::uint64_t>(data[0]) << 8);
  }
  static std::uint32_t checksum(std::uint64_t sum) {
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return ~static_cast<std::uint32_t>(sum) & 0xffff;
  }

  // The number of a flow and its originator's address and port determine each other.
  Flow new_flow() {
    const std::uint64_t id = begun_++;
    const std::uint32_t client = static_cast<std::uint32_t>(id * 7919 % kClients);
    const std::uint32_t turn = static_cast<std::uint32_t>(id / kClients);
    const std::uint32_t server = 1 + random_.skewed(200, 2);
    Flow flow;
    flow.tcp = !random_.percent(25);
    flow.v6 = random_.percent(10);
    for (std::uint32_t i = 0; i < 2; ++i) {
      const std::uint32_t host = i == 0 ? client : server;
      std::uint8_t* const address = flow.sides[i].address.data();
      if (flow.v6) {
        store32(address, 0x20010002);
        store16(address + 6, 1 + i);
        store16(address + 14, host);
      } else {
        store32(address, 0xc6120000U + (i << 16) + host);
      }
    }
    flow.sides[0].port =
        static_cast<std::uint16_t>(32768 + ((turn * 12'345 + client * 977) & 32767));
    flow.sides[1].port = flow.tcp ? kTcpPorts[random_.skewed(kTcpPorts.size(), 2)]
                                  : kUdpPorts[random_.skewed(kUdpPorts.size(), 2)];
    for (Side& side : flow.sides) {
      side.first_sequence = static_cast<std::uint32_t>(random_.next());
      side.clock_ms = static_cast<std::uint32_t>(random_.next());
    }
    flow.sides[1].ttl = static_cast<std::uint8_t>(64 - random_.below(12));
    flow.rtt_us = 200 + random_.skewed(80'000, 3);
    flow.salt = random_.below(kPool);
    if (flow.tcp) {
      flow.unanswered = random_.one_in(100);
      flow.refused = random_.one_in(100);
      flow.reset = random_.one_in(12);
      // A refusal has the sequence number 0 (RFC 9293, 3.5.2).
      if (flow.refused) flow.sides[1].first_sequence = 0xffffffffU;
      flow.closer = random_.one_in(3) ? 1 : 0;
      flow.exchanges = 1 + random_.skewed(29, 3);
      if (random_.one_in(1100)) flow.bulk = 150 + random_.skewed(2800, 3);
      if (flow.bulk != 0) flow.exchanges = 1;
    } else {
      flow.phase = Phase::kUdp;
      flow.unanswered = random_.one_in(30);
      flow.exchanges = random_.one_in(200) ? 100 + random_.below(900) : 1 + random_.skewed(3, 2);
      if (flow.unanswered) flow.exchanges = 1;
    }
    return flow;
  }

  // Writes the flow's next packet. Returns the microseconds to the one after it; 0: it has ended.
  std::uint32_t step(Flow& flow) {
    Side& sender = flow.sides[flow.sender];
    const std::uint8_t receiver = flow.sender ^ 1;
    const std::uint32_t soon_us = 20 + random_.skewed(600, 2);
    switch (flow.phase) {
      case Phase::kSyn:
        emit(flow, 0, kSyn, {});
        if (!flow.unanswered) return go(flow, Phase::kSynAck, flow.rtt_us);
        if (flow.tries++ < 3) return 1'000'000U << (flow.tries - 1);
        return end(flow, "S0");
      case Phase::kSynAck:
        emit(flow, 1, flow.refused ? kRst | kAck : kSyn | kAck, {});
        return flow.refused ? end(flow, "REJ") : go(flow, Phase::kHandshakeAck, soon_us);
      case Phase::kHandshakeAck:
        emit(flow, 0, kAck, {});
        flow.segments = 1 + random_.one_in(8);
        return go(flow, Phase::kPayload, soon_us);
      case Phase::kPayload:
        return step_payload(flow);
      case Phase::kPayloadAck:
        emit(flow, receiver, kAck, {});
        flow.unacknowledged = 0;
        return flow.segments > 0 ? go(flow, Phase::kPayload, soon_us) : take_turns(flow);
      case Phase::kFirstFin:
        emit(flow, flow.closer, kFin | kAck, {});
        flow.sides[flow.closer].fin = true;
        return go(flow, Phase::kSecondFin, flow.rtt_us);
      case Phase::kSecondFin:
        emit(flow, flow.closer ^ 1, kFin | kAck, {});
        flow.sides[flow.closer ^ 1].fin = true;
        return go(flow, Phase::kLastAck, soon_us);
      case Phase::kLastAck:
        emit(flow, flow.closer, kAck, {});
        return end(flow, "SF");
      case Phase::kReset:
        emit(flow, flow.closer, kRst | kAck, {});
        return end(flow, flow.closer == 0 ? "RSTO" : "RSTR");
      case Phase::kUdp: {
        const std::uint32_t length = 40 + random_.skewed(flow.sender == 0 ? 260 : 1100, 3);
        emit(flow, flow.sender, 0, {sender.sent, length});
        sender.sent += length;
        flow.sender = receiver;
        if (flow.sender == 1 && !flow.unanswered) return flow.rtt_us;
        if (--flow.exchanges > 0) return 10'000 + random_.skewed(200'000, 2);
        return end(flow, flow.unanswered ? "S0" : "SF");
      }
    }
    return 0;
  }

  static std::uint32_t go(Flow& flow, Phase phase, std::uint32_t pause_us) {
    flow.phase = phase;
    return pause_us;
  }

  std::uint32_t step_payload(Flow& flow) {
    Side& side = flow.sides[flow.sender];
    const std::uint8_t flags = flow.segments <= 1 ? kAck | kPsh : kAck;
    if (flow.resend) {
      flow.resend = false;
      emit(flow, flow.sender, flags, flow.last);
      ++side.rexmit_packets;
      side.rexmit_bytes += flow.last.length;
    } else if (flow.held.length > 0) {
      emit(flow, flow.sender, flags, flow.held);
      ++side.ooo_packets;
      flow.held = {};
    } else {
      // Of a turn's segments the last cannot be overtaken: 0.3 % of all come late.
      if (flow.segments > 1 && random_.one_in(190)) {
        flow.held = draw_segment(flow);
        ++flow.unacknowledged;
      }
      flow.last = draw_segment(flow);
      emit(flow, flow.sender, flags, flow.last);
      ++flow.unacknowledged;
      flow.resend = flow.held.length == 0 && random_.one_in(200);
    }
    if (flow.resend) return 200'000 + random_.below(50'000);
    if (flow.held.length > 0) return 5 + random_.below(300);
    if (flow.segments > 0 && flow.unacknowledged < 2) return 10 + random_.skewed(200, 2);
    // The answer acknowledges most requests.
    if (flow.segments == 0 && flow.sender == 0 && random_.percent(60)) return take_turns(flow);
    flow.phase = Phase::kPayloadAck;
    return flow.segments > 0 ? flow.rtt_us / 8 + 10 : flow.rtt_us;
  }

  Range draw_segment(Flow& flow) {
    Side& side = flow.sides[flow.sender];
    const std::uint32_t most = flow.v6 ? 1428 : 1448;  // beside timestamps in 1500 bytes
    std::uint32_t length = 40 + random_.skewed(flow.sender == 0 ? 560 : most - 39, 5);
    if (flow.sender == 1 && flow.segments > 1 && (flow.bulk != 0 || random_.one_in(32)))
      length = most;
    const Range range = {side.sent, length};
    side.sent += length;
    --flow.segments;
    return range;
  }

  // A turn is over: the responder's comes, or the next request, or the end.
  std::uint32_t take_turns(Flow& flow) {
    flow.phase = Phase::kPayload;
    flow.unacknowledged = 0;
    flow.sender ^= 1;
    if (flow.sender == 1) {
      flow.segments = flow.bulk != 0 ? flow.bulk : 1 + random_.skewed(7, 2);
      return flow.rtt_us + random_.skewed(200'000, 4);
    }
    flow.segments = 1 + random_.one_in(8);
    if (--flow.exchanges > 0) return 1'000 + random_.skewed(24'000'000, 2);
    flow.phase = flow.reset ? Phase::kReset : Phase::kFirstFin;
    return 100 + random_.skewed(8'000'000, 3);
  }

  // The server's log.

  static std::string host_of(const Flow& flow, std::size_t side) {
    const std::uint8_t* const at = flow.sides[side].address.data();
    std::array<char, 48> room{};
    if (flow.v6) {  // 2001:2:0:X::Y is its canonical form (RFC 5952)
      const unsigned host = static_cast<unsigned>(at[14]) << 8 | at[15];
      std::snprintf(room.data(), room.size(),
                    host != 0 ? "2001:2:0:%x::%x" : "2001:2:0:%x::", at[7], host);
    } else {
      std::snprintf(room.data(), room.size(), "%u.%u.%u.%u", at[0], at[1], at[2], at[3]);
    }
    return room.data();
  }
  static std::string end_of(const Flow& flow, std::size_t side) {
    const std::string host = host_of(flow, side);
    return (flow.v6 ? "[" + host + "]" : host) + ":" + std::to_string(flow.sides[side].port);
  }
  static std::string address_of(const Flow& flow, std::size_t side) {
    const std::string port = std::to_string(flow.sides[side].port);
    const std::string host = host_of(flow, side);
    if (!flow.v6) {
      return "{sa_family=AF_INET, sin_port=htons(" + port + "), sin_addr=inet_addr(\"" + host +
             "\")}";
    }
    return "{sa_family=AF_INET6, sin6_port=htons(" + port +
           "), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, \"" + host +
           "\", &sin6_addr), sin6_scope_id=0}";
  }

  // The parent's descriptors: listeners of both families, then datagram sockets of both.
  static std::string socket_of(bool tcp, bool v6, std::uint16_t port) {
    return std::string(tcp ? "TCP" : "UDP") + (v6 ? "v6:[[::]:" : ":[0.0.0.0:") +
           std::to_string(port) + "]";
  }
  void begin_calls(std::FILE* file) {
    calls_ = std::make_unique<bench::CallLog>(file, kStartSeconds);
    std::vector<std::string> listeners, sockets;
    for (const bool v6 : {false, true}) {
      for (const std::uint16_t port : kTcpPorts) listeners.push_back(socket_of(true, v6, port));
      for (const std::uint16_t port : kUdpPorts) sockets.push_back(socket_of(false, v6, port));
    }
    calls_->begin(listeners, sockets);
  }
  static std::uint32_t fd_of(const Flow& flow) {
    const auto place = [&](const auto& ports) {
      const auto found = std::find(ports.begin(), ports.end(), flow.sides[1].port);
      return static_cast<std::uint32_t>(found - ports.begin() +
                                        (flow.v6 ? static_cast<std::ptrdiff_t>(ports.size()) : 0));
    };
    constexpr std::uint32_t kFirst = 3;
    return flow.tcp ? kFirst + place(kTcpPorts)
                    : kFirst + static_cast<std::uint32_t>(2 * kTcpPorts.size()) + place(kUdpPorts);
  }

  [[nodiscard]] std::string_view payload_at(const Flow& flow, std::uint32_t offset) const {
    return std::string_view(pool_).substr((flow.salt + offset) % kPool, 64);
  }

  void send(Flow& flow) {
    if (flow.sending == 0) return;
    calls_->send(flow.served, flow.sending_us, payload_at(flow, flow.sent), flow.sending);
    flow.sent += flow.sending;
    flow.sending = 0;
  }

  // What the server does about a packet that is about to be written.
  void call(Flow& flow, std::uint8_t from, std::uint8_t flags, Range payload) {
    // Data lies in the kernel for a while, for some of it long, but the answer is still to come;
    // what is sent leaves soon.
    const std::uint64_t later = now_us_ + 60 + call_random_.skewed(flow.rtt_us / 3, 4);
    const std::uint64_t before = now_us_ - std::min<std::uint64_t>(now_us_, 45);
    const std::uint64_t number = flow.sides[0].port + flow.salt;
    calls_->write_until(now_us_);
    if (!flow.tcp) {
      calls_->datagram(number, from == 1, from == 1 ? before : later, fd_of(flow),
                       socket_of(false, flow.v6, flow.sides[1].port),
                       payload_at(flow, payload.offset), payload.length, address_of(flow, 0),
                       flow.v6 ? 28 : 16);
      return;
    }
    bench::Served& served = flow.served;
    if (flow.phase == Phase::kHandshakeAck) {
      served.ends = std::string(flow.v6 ? "TCPv6:[" : "TCP:[") + end_of(flow, 1) + "->" +
                    end_of(flow, 0) + "]";
      calls_->accept(served, now_us_ + 20, number, fd_of(flow),
                     socket_of(true, flow.v6, flow.sides[1].port), address_of(flow, 0),
                     flow.v6 ? "[28]" : "[16]");
      return;
    }
    if (!served.is_open) return;
    if (payload.length > 0 && from == 1) {
      const std::uint32_t drawn = flow.sides[1].sent;  // with one that is overtaken
      if (drawn == flow.sent + flow.sending) return;
      if (flow.sending == 0) flow.sending_us = before;
      flow.sending = drawn - flow.sent;
      // One call for an answer, as far as it leaves at once.
      constexpr std::uint64_t kLongUs = 20'000;
      if (flow.segments == 0 || now_us_ - flow.sending_us > kLongUs) send(flow);
    } else if (payload.length > 0) {
      const std::uint32_t was = flow.received;
      if (payload.offset == flow.received) flow.received += payload.length;
      if (payload.offset > flow.received) flow.ahead = payload;
      if (flow.ahead.length > 0 && flow.ahead.offset == flow.received) {
        flow.received += flow.ahead.length;
        flow.ahead = {};
      }
      if (flow.received == was) return;
      calls_->receive(served, later, payload_at(flow, was), flow.received - was);
    } else if ((flags & kRst) != 0) {
      calls_->finish(served, from == 1 ? before - 80 : later + 4000,
                     from == 1 ? ""
                               : "0x7f0158e97910, 65536, 0, NULL, NULL) = -1 ECONNRESET "
                                 "(Connection reset by peer)");
    } else if (flow.phase == Phase::kSecondFin) {
      // The other end's FIN has come, or this one's was sent by shutdown.
      calls_->finish(served, from == 1 ? before - 100 : later + 4000,
                     "\"\", 65536, 0, NULL, NULL) = 0");
    }
  }

  // Writes one packet of side `from` and counts it.
  void emit(Flow& flow, std::uint8_t from, std::uint8_t flags, Range payload) {
    if (calls_) call(flow, from, flags, payload);
    Side& sender = flow.sides[from];
    Side& receiver = flow.sides[from ^ 1];
    const bool syn = (flags & kSyn) != 0;
    const std::uint32_t options = (flags & kRst) != 0 ? 0 : syn ? 20 : 12;
    const std::uint32_t ip_header = flow.v6 ? 40 : 20;
    const std::uint32_t transport = (flow.tcp ? 20 + options : 8) + payload.length;
    const std::uint32_t captured = std::max(14 + ip_header + transport, 60U);
    char* const record = buffer_.data() + filled_;
    store_little(record, static_cast<std::uint32_t>(kStartSeconds + now_us_ / 1'000'000));
    store_little(record + 4, static_cast<std::uint32_t>(now_us_ % 1'000'000));
    store_little(record + 8, captured);
    store_little(record + 12, captured);
    std::uint8_t* const frame = reinterpret_cast<std::uint8_t*>(record) + 16;
    std::memset(frame, 0, 60);
    frame[0] = frame[6] = 2;  // locally administered
    frame[5] = static_cast<std::uint8_t>(2 - from);
    frame[11] = static_cast<std::uint8_t>(1 + from);
    store16(frame + 12, flow.v6 ? 0x86dd : 0x0800);

    std::uint8_t* const ip = frame + 14;
    std::uint8_t* const segment = ip + ip_header;
    const std::uint8_t protocol = flow.tcp ? 6 : 17;
    const std::size_t address_size = flow.v6 ? 16 : 4;
    std::uint8_t* const addresses = ip + (flow.v6 ? 8 : 12);
    if (flow.v6) {
      ip[0] = 0x60;
      store16(ip + 4, transport);
      ip[6] = protocol;
      ip[7] = sender.ttl;
    } else {
      ip[0] = 0x45;
      store16(ip + 2, ip_header + transport);
      store16(ip + 4, static_cast<std::uint32_t>(flow.salt + sender.packets));
      ip[6] = 0x40;  // don't fragment
      ip[8] = sender.ttl;
      ip[9] = protocol;
    }
    std::memcpy(addresses, sender.address.data(), address_size);
    std::memcpy(addresses + address_size, receiver.address.data(), address_size);
    if (!flow.v6) store16(ip + 10, checksum(add_words(ip, 20)));

    std::memset(segment, 0, 40);
    store16(segment, sender.port);
    store16(segment + 2, receiver.port);
    if (flow.tcp) {
      // SYN and FIN take a sequence number each.
      const std::uint32_t position = payload.length > 0 ? payload.offset : sender.sent;
      store32(segment + 4, sender.first_sequence + position + (syn ? 0 : 1) + (sender.fin ? 1 : 0));
      if ((flags & kAck) != 0) {
        store32(segment + 8, receiver.first_sequence + 1 + receiver.sent + (receiver.fin ? 1 : 0));
      }
      segment[12] = static_cast<std::uint8_t>((20 + options) << 2);
      segment[13] = flags;
      store16(segment + 14, (flags & kRst) != 0 ? 0 : syn ? 64240 : 501);
      if (options != 0) write_options(flow, from, syn, (flags & kAck) != 0, segment + 20);
    } else {
      store16(segment + 4, transport);
    }
    std::memcpy(segment + transport - payload.length,
                pool_.data() + (flow.salt + payload.offset) % kPool, payload.length);
    if (checksums_) {
      const std::uint64_t sum = add_words(addresses, 2 * address_size) + protocol + transport +
                                add_words(segment, transport);
      const std::uint32_t result = checksum(sum);
      // In UDP 0 means that there is none.
      store16(segment + (flow.tcp ? 16 : 6), result == 0 && !flow.tcp ? 0xffff : result);
    }

    if (flow.sides[0].packets == 0) flow.first_us = now_us_;
    flow.last_us = now_us_;
    ++sender.packets;
    sender.ip_bytes += ip_header + transport;
    sender.payload_bytes += payload.length;
    ++packets_;
    captured_bytes_ += captured;
    filled_ += 16 + captured;
    if (filled_ >= kBlock) flush();
  }

  void write_options(Flow& flow, std::uint8_t from, bool syn, bool acknowledges, std::uint8_t* to) {
    Side& sender = flow.sides[from];
    if (syn) {
      store32(to, 0x02040000U + (flow.v6 ? 1440 : 1460));
      store16(to + 4, 0x0402);
      store32(to + 16, 0x01030307);
    } else {
      store16(to, 0x0101);
    }
    std::uint8_t* const timestamps = to + (syn ? 6 : 2);
    sender.last_timestamp = sender.clock_ms + static_cast<std::uint32_t>(now_us_ / 1000);
    store16(timestamps, 0x080a);
    store32(timestamps + 2, sender.last_timestamp);
    if (acknowledges) store32(timestamps + 6, flow.sides[from ^ 1].last_timestamp);
  }

  bool flush() {
    good_ = good_ && std::fwrite(buffer_.data(), 1, filled_, out_) == filled_;
    written_ += filled_;
    filled_ = 0;
    return good_;
  }

  std::uint32_t end(const Flow& flow, const char* conn_state) {
    ++(flow.tcp ? tcp_flows_ : udp_flows_);
    if (conn_state[0] == '\0') ++cut_flows_;
    for (std::size_t i = 0; i < 2; ++i) {
      const Side& side = flow.sides[i];
      sums_[i].packets += side.packets;
      sums_[i].ip_bytes += side.ip_bytes;
      sums_[i].payload_bytes += side.payload_bytes;
      sums_[i].rexmit_packets += side.rexmit_packets;
      sums_[i].rexmit_bytes += side.rexmit_bytes;
      sums_[i].ooo_packets += side.ooo_packets;
    }
    if (truth_ != nullptr) print_flow(flow, conn_state);
    return 0;
  }

  void print_flow(const Flow& flow, const char* conn_state) {
    std::fputs("{\"ts\":", truth_);
    print_time(flow.first_us);
    std::fputs(",\"last_ts\":", truth_);
    print_time(flow.last_us);
    for (std::size_t i = 0; i < 2; ++i) {
      const Side& side = flow.sides[i];
      const std::uint8_t* const at = side.address.data();
      const char* const name = i == 0 ? "orig" : "resp";
      if (flow.v6) {  // 2001:2:0:X::Y is its canonical form (RFC 5952)
        std::fprintf(truth_, ",\"id.%s_h\":\"2001:2:0:%x::", name, at[7]);
        const unsigned host = static_cast<unsigned>(at[14]) << 8 | at[15];
        std::fprintf(truth_, host != 0 ? "%x\"" : "\"", host);
      } else {
        std::fprintf(truth_, ",\"id.%s_h\":\"%u.%u.%u.%u\"", name, at[0], at[1], at[2], at[3]);
      }
      std::fprintf(truth_, ",\"id.%s_p\":%u", name, side.port);
    }
    std::fprintf(truth_, ",\"proto\":\"%s\",\"conn_state\":", flow.tcp ? "tcp" : "udp");
    std::fprintf(truth_, conn_state[0] != '\0' ? "\"%s\"" : "null", conn_state);
    print_side(truth_, "orig", flow.sides[0]);
    print_side(truth_, "resp", flow.sides[1]);
    std::fputs("}\n", truth_);
  }

  void print_time(std::uint64_t time_us) {
    std::fprintf(truth_, "%llu.%06llu000", number(kStartSeconds + time_us / 1'000'000),
                 number(time_us % 1'000'000));
  }

  static void print_side(std::FILE* file, const char* name, const Side& side) {
    const auto field = [file, name](const char* what, std::uint64_t value) {
      std::fprintf(file, ",\"%s_%s\":%llu", name, what, number(value));
    };
    field("pkts", side.packets);
    field("ip_bytes", side.ip_bytes);
    field("payload_bytes", side.payload_bytes);
    field("uniq_bytes", side.payload_bytes - side.rexmit_bytes);
    field("rexmit_pkts", side.rexmit_packets);
    field("rexmit_bytes", side.rexmit_bytes);
    field("ooo_pkts", side.ooo_packets);
  }

  std::FILE* out_;
  std::FILE* truth_;  // or null
  Random random_, call_random_;
  std::unique_ptr<bench::CallLog> calls_;  // or null
  bool checksums_;
  bool good_ = true;
  std::string pool_, buffer_;
  std::size_t filled_ = 0;
  std::uint64_t now_us_ = 0, begun_ = 0, packets_ = 0, captured_bytes_ = 0, written_ = 0;
  std::uint64_t tcp_flows_ = 0, udp_flows_ = 0, cut_flows_ = 0;
  std::array<Side, 2> sums_;
};

int usage() {
  std::fputs(
      "usage: make_capture [--packets N] [--open FLOWS] [--seed S] [--checksums]\n"
      "                    [--truth FILE] [--calls LOG] [--syn-flood N] OUT\n"
      "N is 5000000, FLOWS 20000 (at most 1048576); OUT - is stdout. --checksums fills TCP's and\n"
      "UDP's in, --truth writes a JSON line per flow, --calls the strace log of the server, and\n"
      "--syn-flood makes nothing but N SYNs.\n",
      stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t packets = 5'000'000, open = 20'000, seed = 1, flood = 0;
  const std::map<std::string_view, std::uint64_t*> options = {
      {"--packets", &packets}, {"--open", &open}, {"--seed", &seed}, {"--syn-flood", &flood}};
  const char* path = nullptr;
  const char* truth_path = nullptr;
  const char* calls_path = nullptr;
  bool checksums = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto option = options.find(word);
    if (option != options.end() && i + 1 < argc) {
      const char* const text = argv[++i];
      const auto [stop, error] = std::from_chars(text, std::strchr(text, '\0'), *option->second);
      if (error != std::errc() || *stop != '\0') return usage();
    } else if (word == "--truth" && i + 1 < argc) {
      truth_path = argv[++i];
    } else if (word == "--calls" && i + 1 < argc) {
      calls_path = argv[++i];
    } else if (word == "--checksums") {
      checksums = true;
    } else if (path == nullptr && (word[0] != '-' || word == "-")) {
      path = argv[i];
    } else {
      return usage();
    }
  }
  // A traffic flow has one packet or more, and up to `open` have none yet.
  if (path == nullptr || open < 1 || open > kMostOpen || packets > kMostFlows - kMostOpen ||
      flood > kMostFlows) {
    return usage();
  }
  const char* failed = path;
  std::FILE* const out = path == std::string_view("-") ? stdout : std::fopen(path, "wb");
  const auto open_file = [&failed](const char* name) -> std::FILE* {
    if (name == nullptr) return nullptr;
    std::FILE* const file = std::fopen(name, "wb");
    if (file == nullptr) failed = name;
    return file;
  };
  std::FILE* const truth = out == nullptr ? nullptr : open_file(truth_path);
  std::FILE* const calls = out == nullptr ? nullptr : open_file(calls_path);
  const bool are_open = out != nullptr && (truth != nullptr || truth_path == nullptr) &&
                        (calls != nullptr || calls_path == nullptr);
  if (are_open) {
    std::setvbuf(out, nullptr, _IONBF, 0);  // written in blocks as it is
    Capture capture(out, truth, calls, seed, checksums);
    const bool good = flood > 0 ? capture.write_syn_flood(flood)
                                : capture.write_traffic(packets, static_cast<std::uint32_t>(open));
    const auto close_file = [&failed](std::FILE* file, const char* name) {
      if (file == nullptr || (std::ferror(file) == 0 && std::fclose(file) == 0)) return true;
      failed = name;
      return false;
    };
    if (good && close_file(out, path) && close_file(truth, truth_path) &&
        close_file(calls, calls_path)) {
      capture.print_sums(stderr);
      return 0;
    }
  }
  std::fprintf(stderr, "make_capture: %s: %s\n", failed, std::strerror(errno));
  return 1;
}
