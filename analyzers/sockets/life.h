// What is known of a socket, its life, and of a flow of a capture, its wire; and who is told of
// them (SocketSink). SocketTable (table.h) makes them of the records; who only looks at them
// includes this file alone.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/sockets/byte_match.h"
#include "analyzers/sockets/early_marks.h"
#include "analyzers/util/bit_set.h"
#include "analyzers/util/distance.h"
#include "analyzers/util/few.h"
#include "analyzers/util/mix.h"
#include "analyzers/util/spread.h"
#include "formats/record/socket.h"
#include "formats/record/value.h"

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
    // Looking at all of them is fast while they are few.
    constexpr std::size_t kFew = 32;
    const std::size_t count = items_.size();
    for (std::size_t at = 0; at < std::min(count, kFew); ++at) {
      if (items_[at].name != name) continue;
      ++items_[at].count;
      return;
    }
    if (count < kFew) return items_.push_back({name, 1});
    add_to_many(name);
  }
  [[nodiscard]] bool has(std::string_view name) const {
    for (std::size_t at = 0; at < items_.size(); ++at) {
      if (*items_[at].name == name) return true;
    }
    return false;
  }
  // "recvfrom 12, sendto 3", the most frequent first.
  [[nodiscard]] std::string shown() const;

 private:
  struct Item {
    const std::string* name;
    std::uint64_t count;
  };
  [[gnu::noinline]] void add_to_many(const std::string* name) {
    if (!index_) index_ = std::make_unique<Index>();
    const auto [known, is_new] = index_->try_emplace(name, items_.size());
    if (!is_new) {
      ++items_[known->second].count;
    } else {
      items_.push_back({name, 1});
    }
  }

  using Index = std::unordered_map<const std::string*, std::size_t>;
  Few<Item, 3> items_;
  std::unique_ptr<Index> index_;  // of those behind the first few
};

// An open file: its number, which is of its log alone, and the lane (visitor.h) of that log.
struct FileKey {
  std::size_t lane = 0;
  std::uint64_t file = 0;

  bool operator==(const FileKey&) const = default;
  auto operator<=>(const FileKey&) const = default;
  [[nodiscard]] std::uint64_t hash() const { return mixed(file, lane); }
  // For std::unordered_map.
  struct Hash {
    std::size_t operator()(const FileKey& key) const {
      return static_cast<std::size_t>(key.hash());
    }
  };
};

struct Wire;

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
  std::optional<std::int64_t> last_in, last_out;
  struct Datagram {
    HostPort peer;
    std::uint64_t bytes;
    std::int64_t ts, returned;
    bool is_out;
  };
  std::vector<Datagram> early;  // UDP: whose flow has not shown yet
  std::optional<std::int64_t> first_in, first_out;
  FewOnce<std::int64_t, 2> fds;
  NameCounts by_call;
  FewOnce<std::uint64_t, 2> pids;
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
  // What the table finds it by when a flow shows: hash 0: nothing.
  std::uint64_t ends_hash = 0;
  std::int64_t ends_ts = 0;

  void bring_input_near() const { bring_near(&in, &out); }
  void bring_output_near() const { bring_near(&out, &made_by); }

  [[nodiscard]] FileKey key() const { return {lane, file}; }
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

// Where one end of a flow stands in a WireIndex.
struct WirePlace {
  std::uint64_t hash = 0;
  WirePlace* before = nullptr;
  WirePlace* behind = nullptr;
  Wire* wire = nullptr;
  std::size_t side = 0;
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
  std::string_view proto;  // kept by the table, as are the others
  HostPort ends[2];        // originator, responder
  // The WireIndex's; by_peer where it was asked for.
  WirePlace by_ends[2];
  std::unique_ptr<std::array<WirePlace, 2>> by_peer;
  std::uint64_t size_hash = 0;
  std::int64_t ts = 0, last_ts = 0;
  std::string_view conn_state, reset_by, closed_by;
  std::uint64_t bytes[2] = {0, 0};
  std::uint64_t missed = 0;
  std::uint64_t rexmit_pkts[2] = {0, 0};
  std::int64_t last_data[2] = {Mark::kUnknown, Mark::kUnknown};
  std::optional<FileKey> files[2];  // of the sockets, when they are gone, too
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

}  // namespace tracebraid::analyzers
