// Sockets of strace's logs joined with flows of captures: which socket was which flow, and how long
// bytes waited between the wire and the program.
//
// A socket is an open file description; the strace converter numbers them, so that nothing is
// replayed here. It is matched with a flow of the same transport and addresses (either way round,
// so that on loopback both ends find their one flow), and where the addresses were used again, by
// time: a SYN leaves during connect() and comes before accept() returns. A client whose own port
// the log does not tell is matched by the peer's address and the time of its SYN, if only one flow
// began then, else by its number of bytes; of the connects of one thread, the SYN is that of the
// last that was entered before it left, when log and capture are of one clock. A datagram socket
// without a known port is matched by when and how long a datagram was. What none of that decides
// stays unmatched.
//
// The n-th byte of a direction on the wire is the n-th byte that calls sent or received. That needs
// both beginnings: the socket's making in the log, the SYN in the capture.
//
// SocketTable's functions are in two files: what follows the records in socket_table.cc, and what
// matches sockets with flows in socket_match.cc. socket_record.h makes the record of a socket.
//
// Memory: sockets and flows that are open or ended less than five minutes of the traces' time ago
// (at most kMostEnded of each), what was on the wire and not yet read, and the last segments of
// flows whose sockets have not shown (early_marks.h).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/sockets/byte_match.h"
#include "analyzers/sockets/early_marks.h"
#include "analyzers/util/bit_set.h"
#include "analyzers/util/blocks.h"
#include "analyzers/util/distance.h"
#include "analyzers/util/few.h"
#include "analyzers/util/hash_index.h"
#include "analyzers/util/names.h"
#include "analyzers/util/spread.h"
#include "formats/record/any_record.h"
#include "formats/record/file.h"
#include "formats/record/flow.h"
#include "formats/record/socket.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers {

// No one host: not known, or every one (0.0.0.0, ::).
[[nodiscard]] inline bool is_any(const formats::record::Address& host) {
  return std::ranges::all_of(host.bytes, [](std::uint8_t byte) { return byte == 0; });
}

struct HostPort {
  formats::record::Address host;  // size 0: unknown
  std::optional<std::uint16_t> port;
  bool operator==(const HostPort&) const = default;
};

// "127.0.0.1:80", "[::1]:80"; what is unknown as *.
void append_shown(std::string& text, const HostPort& end);

// "127.0.0.1:36588→127.0.0.1:34949", "listener 127.0.0.1:80", "unix socket /run/x".
[[nodiscard]] std::string shown_socket(std::string_view kind, std::string_view path,
                                       const HostPort& local, const HostPort& peer,
                                       bool is_listener);

struct Wire;

// Numbers of a kind of waiting.
struct Waiting {
  std::uint64_t count = 0;
  std::int64_t longest_ns = 0, total_ns = 0, longest_ts = 0;
  std::uint64_t unmeasured_bytes = 0;
  Spread spread;
  void add(std::int64_t ns, std::int64_t since);
};

// How often there was what: by name (names.h).
class NameCounts {
 public:
  void add(const std::string* name) {
    for (std::size_t at = 0; at < items_.size(); ++at) {
      if (items_[at].name != name) continue;
      ++items_[at].count;
      return;
    }
    items_.push_back({name, 1});
  }
  [[nodiscard]] bool has(std::string_view name) const {
    for (std::size_t at = 0; at < items_.size(); ++at) {
      if (*items_[at].name == name) return true;
    }
    return false;
  }
  // "recvfrom 12, sendto 3", the most frequent first.
  void append_shown(std::string& text) const;

 private:
  struct Item {
    const std::string* name;
    std::uint64_t count;
  };
  Few<Item, 3> items_;
};

// One socket, as far as is known. What every call and segment touches comes first.
struct SocketLife {
  std::size_t lane = 0;
  std::uint64_t file = 0;
  std::string_view kind, proto;  // of few kinds: kept by the table
  std::shared_ptr<Wire> wire;    // UDP: the first of its flows
  std::size_t side = 0;          // of the wire: 0 is its originator
  bool is_measured = false;      // both beginnings of its streams are known
  bool is_given_up = false;      // too much was moved before its flow showed
  bool is_listener = false, is_closed = false;
  bool is_connecting = false;  // its connect() has not been answered yet
  bool early_lost = false;
  BitSet kept_by;  // check's detectors that keep something of it, by number
  HostPort local, peer;
  std::uint64_t calls = 0, bytes_in = 0, bytes_out = 0;
  std::int64_t blocked_ns = -1;
  std::uint64_t last_in_tid = 0, last_out_tid = 0;  // threads that received and sent last
  std::optional<std::int64_t> last_out;
  struct Datagram {
    HostPort peer;
    std::uint64_t bytes;
    std::int64_t ts, returned;
    bool is_out;
  };
  std::vector<Datagram> early;  // UDP: whose flow has not shown yet
  std::optional<std::int64_t> first_in, first_out;
  Few<std::int64_t, 2> fds;
  NameCounts by_call;
  Few<std::uint64_t, 2> pids;
  ByteMatch in;
  Waiting waits;
  ByteMatch out;
  Waiting send_waits;

  std::string_view made_by, ended_by, input, connect_error;  // kept by the table
  std::string path;
  std::optional<std::int64_t> ts, end_ts;
  std::optional<std::uint64_t> pid, tid, end_pid, end_tid, line, end_line, listener;

  // The last connect(), or the accept() that made it.
  std::optional<std::int64_t> connect_ts, connect_end_ts, connected_ts;
  std::uint64_t connect_tid = 0;

  std::uint64_t errors = 0;
  NameCounts by_error;
  std::optional<std::int64_t> eof_ts;
  std::uint64_t eof_line = 0;

  std::string_view match;
  std::optional<std::uint64_t> peer_file;
  // UDP: all its flows together, and those that go on.
  std::uint64_t flows = 0;
  std::vector<Wire*> open_wires;
  std::uint64_t wire_bytes_in = 0, wire_bytes_out = 0;
  // What it is registered under; key 0: nothing.
  std::uint64_t key = 0;
  std::int64_t key_ts = 0;

  void bring_input_near() const { bring_near(&in, &out); }
  void bring_output_near() const { bring_near(&out, &made_by); }

  [[nodiscard]] std::string shown() const {
    return shown_socket(kind, path, local, peer, is_listener);
  }
};

// A flow's identifier, which rarely is longer than here.
class Uid {
 public:
  explicit Uid(std::string_view text) : size_(text.size()) {
    if (size_ > here_.size()) {
      more_ = text;
    } else {
      text.copy(here_.data(), size_);
    }
  }
  [[nodiscard]] std::string_view view() const {
    return size_ > here_.size() ? std::string_view(more_) : std::string_view(here_.data(), size_);
  }
  operator std::string_view() const { return view(); }

 private:
  std::size_t size_;
  std::array<char, 24> here_{};
  std::string more_;
};

// One flow of a capture, as far as is known. What every segment touches comes first.
struct Wire : std::enable_shared_from_this<Wire> {
  explicit Wire(std::string_view text) : uid(text) {}

  Uid uid;
  SocketLife* sockets[2] = {nullptr, nullptr};
  bool is_claimed[2] = {false, false};
  bool early_lost[2] = {false, false};
  bool is_udp = false;
  bool is_from_start = true;
  bool is_over = false;
  std::int64_t first_data[2] = {Mark::kUnknown, Mark::kUnknown};
  StreamOrder order[2];        // of what each end sent
  EarlyMarks::Chain early[2];  // until both ends have their sockets
  // UDP: by the end that sent; and its place in the open wires of each end's socket.
  struct Datagrams {
    DatagramMatch sent[2], received[2];
    std::size_t open_at[2] = {0, 0};
  };
  std::unique_ptr<Datagrams> datagrams;

  std::shared_ptr<Wire> self;  // while the table has it
  std::uint64_t uid_hash = 0, serial = 0;
  std::string_view proto;          // kept by the table, as are the others
  HostPort ends[2];                // originator, responder
  std::uint64_t keys[2] = {0, 0};  // for the sockets of each end
  std::int64_t ts = 0, last_ts = 0;
  std::string_view conn_state, reset_by, closed_by;
  std::uint64_t bytes[2] = {0, 0};
  std::uint64_t missed = 0;
  std::uint64_t rexmit_pkts[2] = {0, 0};
  std::int64_t last_data[2] = {Mark::kUnknown, Mark::kUnknown};
  // Of the sockets, when they are gone, too.
  std::optional<std::uint64_t> files[2];
  std::size_t lanes[2] = {0, 0};
};

// How far the capture's clock is ahead of the log's, from what must come before what: a byte leaves
// after send() was entered and arrives before recv() returns. `low` <= ahead <= `high`.
struct Skew {
  std::int64_t low = INT64_MIN, high = INT64_MAX;
  std::uint64_t low_count = 0, high_count = 0;
};

// The earliest and the latest packet; nothing without a capture.
using Captured = std::optional<std::pair<std::int64_t, std::int64_t>>;

class SocketSink {
 public:
  virtual ~SocketSink() = default;
  // At its end, and when its flow has ended, too. `record` and its texts are valid during the call.
  virtual void socket(const SocketLife& life, const formats::record::Socket& record) = 0;
  // A call has read bytes that had arrived `ns` before it returned.
  virtual void waited(const SocketLife& life, std::int64_t arrived_ts, std::int64_t read_ts) {
    (void)life, (void)arrived_ts, (void)read_ts;
  }
  // Bytes that a call entered at `entry_ts` was given have left.
  virtual void sent(const SocketLife& life, std::int64_t entry_ts, std::int64_t left_ts) {
    (void)life, (void)entry_ts, (void)left_ts;
  }
};

// Whether syscall() and file() would do anything with it.
[[nodiscard]] bool is_about_sockets(const formats::record::Syscall& call);
[[nodiscard]] bool is_about_sockets(const formats::record::File& file);

class SocketTable {
 public:
  static constexpr std::size_t kMostEnded = 100'000;
  // A flow is reported when it has been silent for that long (pcapflows' time-out).
  static constexpr std::int64_t kFlowLingers = 330'000'000'000;
  // A connection can wait for accept() after its end.
  static constexpr std::int64_t kAcceptLingers = 60'000'000'000;

  explicit SocketTable(SocketSink& sink) : sink_(sink) {}
  SocketTable(const SocketTable&) = delete;
  SocketTable& operator=(const SocketTable&) = delete;
  ~SocketTable();

  // Whether flows may come: without, sockets are reported as soon as they end.
  void expect_flows(bool expected) { expects_flows_ = expected; }

  // What a record that comes soon is about is brought near.
  void expect(const formats::record::AnyRecord& any, std::size_t lane, Distance distance) const;

  // In step (in_step.h). The socket that a call was about, null for other calls; valid until the
  // next file() or finish().
  SocketLife* syscall(const formats::record::Syscall& call, std::size_t lane);
  void file(const formats::record::File& file, std::size_t lane);
  void segment(const formats::record::Segment& segment);
  void flow(const formats::record::Flow& flow);
  // Reports all that is left.
  void finish();

  [[nodiscard]] SocketLife* find(std::uint64_t file, std::size_t lane);
  [[nodiscard]] const Skew& skew() const { return skew_; }
  // The log does not tell when calls returned (no -T): waiting is measured to their entry.
  [[nodiscard]] bool lacks_returns() const { return lacks_returns_; }

  struct Counts {
    std::uint64_t sockets = 0, matched = 0, flows = 0, flows_without_socket = 0;
    std::vector<std::pair<std::string_view, std::uint64_t>> unmatched;  // by reason
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  // From the earliest to the latest packet; nothing without a capture.
  [[nodiscard]] Captured captured() const { return captured_; }

 private:
  struct Place {
    std::size_t lane;
    std::uint64_t file;
    bool operator==(const Place&) const = default;
  };
  static std::uint64_t hash_of(std::uint64_t file, std::size_t lane) {
    const std::uint64_t mixed = (file ^ std::uint64_t{lane} << 48U) * 0x9e3779b97f4a7c15U;
    return mixed ^ mixed >> 32U;
  }
  // A flow that began, for clients whose own port is not known.
  struct Begun {
    std::int64_t ts;
    std::uint64_t uid_hash, serial;
  };
  // By key, then time: addresses can be used again many times.
  template <typename What>
  struct At {
    std::uint64_t key;
    std::int64_t ts;
    std::uint64_t serial;
    What* what;
    bool operator<(const At& other) const {
      return std::tie(key, ts, serial) < std::tie(other.key, other.ts, other.serial);
    }
  };

  // In socket_table.cc.
  SocketLife& make(std::size_t lane, std::uint64_t file);
  void learn(SocketLife& life, const formats::record::Syscall& call);
  void count(SocketLife& life, const formats::record::Syscall& call);
  void move_bytes(SocketLife& life, const formats::record::Syscall& call);
  [[nodiscard]] bool may_be_measured(SocketLife& life) const;
  void move_datagrams(SocketLife& life, const formats::record::Syscall& call);
  void move_datagram(SocketLife& life, const SocketLife::Datagram& datagram);
  void pass_datagram(SocketLife& life, Wire& wire, std::size_t side,
                     const SocketLife::Datagram& datagram);
  static void leave_open_wires(SocketLife& life, Wire& wire, std::size_t side);
  Wire& wire_of(std::string_view uid, std::string_view proto, const HostPort& orig,
                const HostPort& resp, std::int64_t ts, bool is_from_start);
  void passed(Wire& wire, std::size_t from, std::uint64_t end, std::int64_t ts);
  void arrived(SocketLife& life, std::uint64_t end, std::int64_t ts);
  void left(SocketLife& life, std::uint64_t end, std::int64_t ts);
  void received(SocketLife& life, const Passage& passage);
  void sent(SocketLife& life, const Passage& passage);
  void expect_call(const formats::record::Syscall& call, std::size_t lane, Distance distance) const;
  void expect_segment(const formats::record::Segment& segment, Distance distance) const;
  void expect_flow(const formats::record::Flow& flow, Distance distance) const;
  const Wire* expect_wire(std::string_view uid, Distance distance) const;
  void seen_at(std::int64_t ts);
  void drop_old();
  void report(SocketLife& life);
  void forget(SocketLife& life);
  void report_if_over(SocketLife& life);
  void count_flow(const Wire& wire);
  void erase(Wire& wire);

  // Which socket is which flow: in socket_match.cc.
  void place(SocketLife& life);
  void displace(SocketLife& life);
  void place(Wire& wire);
  void look_for_wire(SocketLife& life);
  void look_for_wire_by_time(SocketLife& life);
  template <typename Look>
  void each_begun(std::string_view proto, const HostPort& peer, std::int64_t from,
                  std::int64_t until, Look look);
  template <typename Look>
  void each_begun(const SocketLife& life, Look look);
  void look_for_sockets(Wire& wire);
  [[nodiscard]] SocketLife* best_socket(Wire& wire, std::size_t side, std::string_view& match);
  void claim(SocketLife& life, Wire& wire, std::size_t side, std::string_view match);
  Wire* wire_of_datagram(SocketLife& life, const SocketLife::Datagram& datagram);
  void settle_early(SocketLife& life);
  [[nodiscard]] bool is_clock_shared() const;
  [[nodiscard]] std::int64_t earliest(std::int64_t ts) const;
  void match_by_bytes(SocketLife& life);

  SocketSink& sink_;
  bool expects_flows_ = true;
  Blocks life_memory_, wire_memory_;
  std::int64_t clock_ = INT64_MIN;
  Captured captured_;
  HashIndex<SocketLife> lives_;  // by hash of lane and file; they are the table's
  HashIndex<Wire> wires_;        // by hash of the uid
  Names names_;
  Wire* last_wire_ = nullptr;
  std::uint64_t wires_made_ = 0;
  // By hash of transport, peer and own port; sockets also by transport and peer alone.
  std::set<At<SocketLife>> sockets_by_key_;  // TCP's: those that have no flow yet
  HashIndex<Wire> wires_by_key_;
  // By transport and responder, in the order in which they were seen.
  std::unordered_map<std::uint64_t, Fifo<Begun>> begun_;
  std::deque<std::pair<std::int64_t, Place>> ended_sockets_;
  std::deque<std::pair<std::int64_t, std::weak_ptr<Wire>>> ended_wires_;
  EarlyMarks early_;
  bool lacks_returns_ = false;
  Skew skew_;
  Counts counts_;
};

}  // namespace tracebraid::analyzers
