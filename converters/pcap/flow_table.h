// The open flows of a capture: which datagram belongs to which, when a flow ends, and what is said
// of it then.
//
// Orientation, connection states, history letters, sizes, gaps, reuse and time-outs follow Zeek
// (src/packet_analysis/protocol/tcp/TCPSessionAdapter.cc, src/analyzer/protocol/tcp/*, and
// scripts/base/protocols/conn/main.zeek), so that the rows can be compared with its conn.log. They
// differ where Zeek loses what a developer on one machine needs: packets cut by the snaplen and
// packets with a wrong checksum are counted in; an ICMP reply seen first does not turn the flow
// round; a SYN that comes late in the file joins its flow.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "converters/pcap/datagram.h"
#include "converters/pcap/dns_tally.h"
#include "converters/pcap/stream.h"
#include "formats/io/huge_pages.h"
#include "formats/pcap/flow_time_outs.h"
#include "formats/record/flow.h"

namespace tracebraid::converters::pcap {

// Ports whose owner is likely the server (Zeek's likely_server_ports).
struct ServerPorts {
  std::bitset<65536> tcp;
  std::bitset<65536> udp;
};

using formats::pcap::TimeOuts;

// Receives records as flows go on and end. Their texts live until the call returns.
class FlowSink {
 public:
  virtual ~FlowSink() = default;
  virtual void flow(const formats::record::Flow& flow) = 0;
  virtual void segment(const formats::record::Segment& segment) = 0;
  // The input has nothing more at the moment: show what there is.
  virtual void flush() = 0;
};

enum class EndReason : std::uint8_t {
  kClosed,
  kReset,
  kIdle,
  kAttempt,
  kActive,
  kReuse,
  kEof,
  kEvicted
};

enum class TcpState : std::uint8_t {
  kInactive,
  kSynSent,
  kSynAckSent,
  kPartial,
  kEstablished,
  kClosed,
  kReset,
};

// A flow's history: letters, mostly few.
class History {
 public:
  static constexpr std::size_t kMost = 1024;

  // What is too much is left out.
  void add(char letter) {
    if (size_ < few_.size()) {
      few_[size_++] = letter;
    } else {
      add_to_many(letter);
    }
  }
  void assign(std::string_view text) {
    size_ = 0;
    for (const char letter : text) add(letter);
  }
  [[nodiscard]] std::string_view text() const {
    return many_ ? std::string_view(*many_) : std::string_view(few_.data(), size_);
  }

 private:
  void add_to_many(char letter);

  std::array<char, 15> few_;
  std::uint8_t size_ = 0;
  std::unique_ptr<std::string> many_;  // all of them, when they are not few
};

// One direction of a flow: what the endpoint has sent. Each paragraph is a cache line.
struct alignas(64) Endpoint {
  static constexpr std::int64_t kNever = formats::pcap::Packet::kNoTime;
  static constexpr std::size_t kMostTimed = 6;

  struct Rtt {
    std::int64_t min = INT64_MAX;
    std::int64_t max = 0;
    std::int64_t sum = 0;
  };

  // Of every packet, in either direction. Sequence numbers are continued beyond 32 bits.
  std::int64_t start = 0;
  std::int64_t last = 0;  // one past the highest sent
  std::int64_t ack = 0;   // highest that the peer acknowledged
  Stream stream;
  TcpState state = TcpState::kInactive;
  TcpState previous = TcpState::kInactive;
  bool did_close : 1 = false;
  bool did_end : 1 = false;
  bool has_acked : 1 = false;
  bool has_fin : 1 = false;
  std::uint8_t timed_count = 0;
  std::uint8_t history = 0;  // letters written that are written once
  std::uint8_t flags = 0;
  std::uint8_t ttl = 0;

  // Of every packet sent.
  std::int64_t packets = 0, ip_bytes = 0, payload_bytes = 0;
  std::int64_t first_ts = kNever, last_ts = kNever;
  std::uint32_t last_ack = 0;
  std::uint16_t last_window = 0;
  std::uint32_t duplicate_acks = 0;
  std::uint32_t reordered_packets = 0;

  // Of payload, and of its acknowledgement. Segments on their way that will be timed, where they
  // end (relative, 32 bits of it) and when they were seen; the others are not.
  std::array<std::uint32_t, kMostTimed> timed_end;
  std::uint32_t rtt_samples = 0;
  Rtt rtt;
  std::int64_t unique_bytes = 0;

  std::array<std::int64_t, kMostTimed> timed_ts;
  std::int64_t first_data = kNever, last_data = kNever;

  // Rarely.
  std::int64_t fin = 0;     // relative, one past the FIN
  std::int64_t before = 0;  // payload in earlier parts: by sequence numbers, of UDP as seen
  std::uint64_t rexmit_bytes = 0;
  std::uint32_t rexmit_packets = 0;
  std::uint32_t last_syn = 0, last_fin = 0, last_rst = 0;  // relative, for the history
  std::uint32_t zero_windows = 0;
  std::uint32_t part_zero_windows = 0;
  std::uint32_t gaps = 0, retransmissions = 0, bad_checksums = 0;  // for the history's scale
  std::uint16_t mss = 0;
};

// What goes wrong with what an end sends, and with its window.
struct Trouble {
  std::uint32_t copies = 0;                 // packets that were captured twice
  std::uint32_t probes = 0;                 // keep-alives and probes of a zero window, of a byte
  std::uint32_t probed = 0;                 // where the last of them began: relative, 32 bits
  std::uint32_t unacknowledged = 0;         // segments sent again for which there was no ACK
  std::int64_t longest_wait = -1;           // from the first sending of one of them to the second
  std::int64_t shut_ts = Endpoint::kNever;  // since when its window is 0
  std::int64_t longest_shut = -1;
};

// What most flows do not have.
struct FlowExtras {
  std::string host, query;
  std::string tunnel_parents;
  Encapsulation around;
  std::array<std::uint16_t, 2> sctp_ports{};  // of the key's a and b
  std::array<Trouble, 2> troubles;            // of originator, responder
  std::unique_ptr<DnsTally> dns;
};

// Two cache lines that nearly every packet touches, the endpoints, and two that few do.
struct FlowState {
  static constexpr std::uint32_t kNone = UINT32_MAX;

  FlowKey key;
  std::int64_t first_ts = 0;
  std::int64_t last_ts = 0;
  std::int64_t counted_ts = 0;  // last packet before both sides had closed

  std::int64_t lag = 0;  // how far its packets' times lag behind the capture's clock
  std::int64_t max_idle = -1;
  std::int64_t synack_ts = Endpoint::kNever;
  std::int64_t handshake_ack_ts = Endpoint::kNever;
  std::unique_ptr<FlowExtras> extras;
  std::uint32_t tag = 0;  // of its slot
  std::uint32_t input = 0;
  std::uint32_t truncated = 0, bad_checksum = 0;
  bool orig_is_a : 1 = true;
  bool is_partial : 1 = false;
  bool close_deferred : 1 = false;
  bool is_active : 1 = true;
  bool is_finished : 1 = false;  // over for good: only late packets may come
  bool has_part : 1 = true;      // something to report since the last part
  // Of the handshake's times, those not reported yet.
  bool has_new_syn : 1 = false;
  bool has_new_synack : 1 = false;
  bool has_new_handshake_ack : 1 = false;
  std::uint8_t seen_first : 2 = 0;  // bit 0: the originator's first packet, bit 1: the responder's
  std::uint8_t payloads_looked_at : 3 = 0;
  std::int8_t closed_by = -1, reset_by = -1;
  std::uint8_t icmp_type = 0, icmp_code = 0;

  Endpoint ends[2];  // originator, responder

  std::uint64_t serial = 0;
  std::uint32_t next = kNone, previous = kNone;  // in its bucket of the wheel
  std::uint32_t bucket = kNone;
  std::uint32_t duplicates = 0;
  std::int64_t created_ts = 0;
  // Once finished, when it ends; before that, when Zeek's six-second check of closed ones began, 0
  // if it has not.
  std::int64_t closing_ts = 0;
  std::int64_t syn_ts = Endpoint::kNever;
  std::int64_t latency = -1;
  std::uint64_t missed_bytes = 0;
  const formats::pcap::Interface* interface = nullptr;
  const char* service = "";
  History history;
  std::array<char, 16> uid;  // without the C in front
  std::uint32_t part = 0;
  std::uint32_t fragments = 0;
};

[[nodiscard]] inline FlowExtras& extras_of(FlowState& flow) {
  if (!flow.extras) flow.extras = std::make_unique<FlowExtras>();
  return *flow.extras;
}

// Which packets were there before: a bridge, a container's network and `tcpdump -i any` show one
// packet several times, a few microseconds and any number of packets apart. It has the same IP
// identification each time, which what is sent again has not. Where there is none (IPv6, and 0),
// TCP's numbers and TSval tell, within a millisecond, in which nothing is sent again.
//
// Memory: 64 KB, the last packet of each place.
class RecentPackets {
 public:
  // Whether it is a copy; notes it for later ones.
  [[nodiscard]] bool has(const FlowState& flow, const Datagram& datagram);
  void note(const FlowState& flow, const Datagram& datagram) {
    const std::uint64_t print = print_of(flow, datagram);
    places_[print % kPlaces] = {print, datagram.ts_ns};
  }

 private:
  static constexpr std::size_t kPlaces = 4096;
  struct Place {
    std::uint64_t print = 0;
    std::int64_t ts = 0;
  };
  [[nodiscard]] static std::uint64_t print_of(const FlowState& flow, const Datagram& datagram) {
    std::uint64_t print =
        (std::uint64_t{datagram.seq} << 32U | datagram.ack) + flow.serial * 0x9E37'79B9'7F4A'7C15U;
    print ^= (std::uint64_t{datagram.ip_bytes} << 33U | std::uint64_t{datagram.from_a} << 32U |
              std::uint32_t{datagram.ip_id} << 16U | datagram.window) *
             0xC2B2'AE3D'27D4'EB4FU;
    return ((print ^ print >> 29U) * 0x9FB2'1C65'1E98'DF25U >> 8U) ^ datagram.tcp_flags;
  }
  [[nodiscard]] static bool is_certain(const FlowState& flow, const Datagram& datagram,
                                       std::int64_t apart);

  std::vector<Place> places_ = std::vector<Place>(kPlaces);
};

class FlowTable {
 public:
  struct Options {
    TimeOuts time_outs;
    ServerPorts server_ports;
    std::size_t max_flows = 1'000'000;
    std::uint16_t community_id_seed = 0;
    bool check_checksums = false;  // packets with a wrong checksum do not count, as in Zeek
    bool segments = false;
  };

  FlowTable(const Options& options, FlowSink& sink);
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  // In the order of the capture. A datagram's parent comes before it. Flows are fetched into the
  // cache ahead, so that many datagrams at once are faster than one by one.
  void add(const DatagramBatch& batch);

  // Ends all flows: the capture is over.
  void finish();

  [[nodiscard]] std::size_t open() const { return open_; }
  [[nodiscard]] std::uint64_t reported() const { return reported_; }
  [[nodiscard]] std::uint64_t evicted() const { return evicted_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  static constexpr std::uint32_t kNone = FlowState::kNone;
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t flow = kNone;
  };

  struct Bucket {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
  };

  [[gnu::always_inline]] void fetch_ahead(const std::vector<Datagram>& datagrams,
                                          std::size_t index);
  std::uint32_t add_one(const Datagram& datagram, const DatagramBatch& batch);
  [[nodiscard]] FlowState& at(std::uint32_t flow) { return chunks_[flow / kChunk][flow % kChunk]; }

  std::uint32_t find(const Datagram& datagram);
  std::uint32_t create(const Datagram& datagram, const DatagramBatch& batch);
  void add_parent(std::uint32_t index, const Datagram& datagram, const DatagramBatch& batch);
  void grow();
  void insert_slot(const Slot& slot);
  void erase_slot(std::uint32_t flow);

  void orient(FlowState& flow, const Datagram& datagram) const;
  [[nodiscard]] bool is_likely_server(std::uint8_t protocol, std::uint16_t port) const;
  [[nodiscard]] bool is_reuse(const FlowState& flow, const Datagram& datagram) const;

  static void count(FlowState& flow, Endpoint& end, const Datagram& datagram, bool is_copy);
  static void look_at_payload(FlowState& flow, const Datagram& datagram, bool is_orig);
  void report_segment(const FlowState& flow, const Datagram& datagram, bool is_orig,
                      std::int64_t offset, bool is_rexmit);

  // Whether the flow has ended before `ts`, and why.
  [[nodiscard]] bool is_over(const FlowState& flow, std::int64_t ts, EndReason& reason) const;
  // When the flow ends if no packet comes, on its own clock; and why.
  [[nodiscard]] std::int64_t deadline(const FlowState& flow, EndReason& reason) const;
  void advance(std::int64_t clock);
  void link(std::uint32_t index);
  void unlink(std::uint32_t index);
  void evict();

  void end(std::uint32_t index, EndReason reason);
  void report(FlowState& flow, EndReason reason, bool is_final);

  static constexpr std::size_t kChunk = 16384;  // flows: huge pages, and at most one of them idle
  static constexpr unsigned kTickShift = 30;    // of the wheel: 2^30 ns
  static constexpr std::size_t kBuckets = 4096;

  Options options_;
  std::int64_t shortest_idle_;  // no flow that goes on ends sooner
  FlowSink& sink_;
  std::vector<Slot, formats::io::HugePageAllocator<Slot>> slots_;
  std::vector<std::vector<FlowState, formats::io::HugePageAllocator<FlowState>>> chunks_;
  std::vector<std::uint32_t> free_;
  std::uint32_t used_ = 0;
  std::size_t open_ = 0;
  std::uint64_t serial_ = 0;
  std::uint64_t reported_ = 0;
  std::uint64_t evicted_ = 0;
  std::uint64_t dropped_ = 0;
  std::vector<Bucket> wheel_;
  std::int64_t tick_ = INT64_MIN;
  std::int64_t clock_ = INT64_MIN;
  std::vector<std::string> inputs_;
  RecentPackets recent_;
  std::vector<std::uint32_t> batch_flows_;  // of the batch at hand: the flow of each datagram
};

}  // namespace tracebraid::converters::pcap
