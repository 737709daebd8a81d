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
// What is known of each socket and flow is in life.h. SocketTable's functions are in four files:
// table.cc follows the log's records, datagrams.cc those of datagrams, wires.cc the capture's, and
// match.cc finds which socket is which flow, with flows found by wire_index.h. record.h makes the
// record of a socket.
//
// Memory: sockets and flows that are open or ended less than five minutes of the traces' time ago
// (at most kMostEnded of each; of open flows at most set_most_flows()), what was on the wire and
// not yet read, and the last segments of flows whose sockets have not shown (early_marks.h).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "analyzers/input/kinds.h"
#include "analyzers/sockets/byte_match.h"
#include "analyzers/sockets/early_marks.h"
#include "analyzers/sockets/life.h"
#include "analyzers/sockets/wire_index.h"
#include "analyzers/util/blocks.h"
#include "analyzers/util/distance.h"
#include "analyzers/util/hash_index.h"
#include "analyzers/util/names.h"
#include "formats/io/diagnostics.h"
#include "formats/record/any_record.h"
#include "formats/record/file.h"
#include "formats/record/flow.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers {

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

  explicit SocketTable(SocketSink& sink);
  SocketTable(const SocketTable&) = delete;
  SocketTable& operator=(const SocketTable&) = delete;
  ~SocketTable();

  // What the inputs may give. Without flows, sockets are reported as soon as they end; without
  // calls and files, nothing is kept of flows.
  void begin(const InputKinds& kinds);
  // Most flows that are known, besides those that ended lately: those that began first, and have no
  // socket, are forgotten. What converters make of captures is within their own bound; a record
  // stream need not be. Default: what the memory has room for.
  void set_most_flows(std::size_t most) { most_flows_ = most; }
  // Memory for each, with its datagrams and what a converter keeps of it.
  static constexpr std::size_t kFlowBytes = 1200;

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

  [[nodiscard]] SocketLife* find(const FileKey& key);
  [[nodiscard]] const Skew& skew() const { return skew_; }
  // The log does not tell when calls returned (no -T): waiting is measured to their entry.
  [[nodiscard]] bool lacks_returns() const { return lacks_returns_; }

  struct Counts {
    std::uint64_t sockets = 0, matched = 0, flows = 0, flows_without_socket = 0;
    std::uint64_t forgotten = 0;  // of the flows: set_most_flows()
    std::vector<std::pair<std::string_view, std::uint64_t>> unmatched;  // by reason
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  // From the earliest to the latest packet; nothing without a capture.
  [[nodiscard]] Captured captured() const { return captured_; }

 private:
  // A flow that may have to be forgotten.
  struct Begun {
    std::uint64_t hash, serial;
  };
  // By its ends, then time: addresses can be used again many times.
  struct Placed {
    std::uint64_t ends_hash;
    std::int64_t ts;
    FileKey key;
    SocketLife* life;
    bool operator<(const Placed& other) const {
      return std::tie(ends_hash, ts, key) < std::tie(other.ends_hash, other.ts, other.key);
    }
  };

  // Of a socket whose flow has not shown, or of a flow whose socket has not: so much is kept.
  static constexpr std::size_t kMostEarly = 256;

  // In table.cc.
  SocketLife& make(const FileKey& key);
  void learn(SocketLife& life, const formats::record::Syscall& call);
  // These two tell whether there was news.
  bool learn_ends(SocketLife& life, const formats::record::Syscall& call);
  bool learn_connect(SocketLife& life, const formats::record::Syscall& call);
  void count(SocketLife& life, const formats::record::Syscall& call);
  void move_bytes(SocketLife& life, const formats::record::Syscall& call);
  [[nodiscard]] bool may_be_measured(SocketLife& life) const;
  void expect_call(const formats::record::Syscall& call, std::size_t lane, Distance distance) const;
  void seen_at(std::int64_t ts);
  void drop_old();
  void report(SocketLife& life);
  void forget(SocketLife& life);
  void report_if_over(SocketLife& life);

  // In datagrams.cc.
  void move_datagrams(SocketLife& life, const formats::record::Syscall& call);
  void move_datagram(SocketLife& life, const SocketLife::Datagram& datagram);
  void pass_datagram(SocketLife& life, Wire& wire, std::size_t side,
                     const SocketLife::Datagram& datagram);
  static void leave_open_wires(SocketLife& life, Wire& wire, std::size_t side);

  // In wires.cc.
  Wire& wire_of(std::string_view uid, std::string_view proto, const HostPort& orig,
                const HostPort& resp, std::int64_t ts, bool is_from_start);
  void passed(Wire& wire, std::size_t from, std::uint64_t end, std::int64_t ts);
  void arrived(SocketLife& life, std::uint64_t end, std::int64_t ts);
  void left(SocketLife& life, std::uint64_t end, std::int64_t ts);
  void received(SocketLife& life, const Passage& passage);
  void sent(SocketLife& life, const Passage& passage);
  void expect_segment(const formats::record::Segment& segment, Distance distance) const;
  void expect_flow(const formats::record::Flow& flow, Distance distance) const;
  const Wire* expect_wire(std::string_view uid, Distance distance) const;
  void count_flow(const Wire& wire);
  [[nodiscard]] Wire* open_wire(const Begun& begun) const;
  void forget_oldest();
  void erase(Wire& wire);

  // In match.cc: which socket is which flow.
  void place(SocketLife& life);
  void displace(SocketLife& life);
  void place(Wire& wire);
  void look_for_wire(SocketLife& life);
  void look_for_wire_by_time(SocketLife& life);
  struct Times {
    std::int64_t from, until;
  };
  [[nodiscard]] Times when_begun(const SocketLife& life) const;
  void look_for_sockets(Wire& wire);
  class BestSocket;
  [[nodiscard]] SocketLife* best_socket(const Wire& wire, std::size_t side,
                                        std::string_view& match) const;
  void claim(SocketLife& life, Wire& wire, std::size_t side, std::string_view match);
  Wire* wire_of_datagram(SocketLife& life, const SocketLife::Datagram& datagram);
  Wire* wire_by_time(const SocketLife& life, const SocketLife::Datagram& datagram);
  void settle_early(SocketLife& life);
  [[nodiscard]] bool is_clock_shared() const;
  [[nodiscard]] std::int64_t earliest(std::int64_t ts) const;
  void match_by_bytes(SocketLife& life);

  SocketSink& sink_;
  bool expects_flows_ = true, expects_sockets_ = true;
  std::size_t most_flows_;
  Blocks life_memory_, wire_memory_;
  std::int64_t clock_ = INT64_MIN;
  Captured captured_;
  HashIndex<SocketLife> lives_;  // by their keys; they are the table's
  HashIndex<Wire> wires_;        // by hash of the uid
  Names names_;
  Wire* last_wire_ = nullptr;
  std::deque<Begun> begun_;  // the oldest first; those that are gone or have a socket, too
  std::uint64_t wires_made_ = 0;
  // By hash of transport, peer and own port, or of transport and peer alone.
  std::set<Placed> sockets_by_ends_;  // TCP's: those that have no flow yet
  WireIndex wire_index_{wires_};
  std::deque<std::pair<std::int64_t, FileKey>> ended_sockets_;
  std::deque<std::pair<std::int64_t, std::weak_ptr<Wire>>> ended_wires_;
  EarlyMarks early_;
  bool lacks_returns_ = false;
  Skew skew_;
  Counts counts_;
};

// A note, if the table had to forget flows.
void tell_forgotten(const SocketTable& table, formats::io::Diagnostics& diagnostics);

}  // namespace tracebraid::analyzers
