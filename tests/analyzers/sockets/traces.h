// Small logs and captures, record by record, as SocketTable is shown them. Times are ns; hosts are
// 0.0.0.N, or ::N.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/sockets/table.h"

namespace tracebraid::tests {

namespace record = formats::record;

constexpr std::int64_t kMicrosecond = 1000;
constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;

inline record::Address host(std::uint8_t last, std::uint8_t size = 4) {
  record::Address address;
  address.size = size;
  address.bytes[size - 1U] = last;
  return address;
}

struct End {
  record::Address host;
  std::optional<std::uint16_t> port;
};

// What was told of a socket when it was over.
struct Told {
  std::string uid, match, by_call, difference;
  std::size_t side = 0;
  std::optional<std::uint64_t> peer_file, wire_in, wire_out, unmeasured_in, unmeasured_out, flows;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::optional<std::int64_t> connected_ts, eof_ts, blocked, wire_first_in, wire_first_out;
  // How long bytes waited: (since when, how long).
  std::vector<std::pair<std::int64_t, std::int64_t>> waits, sends;
};

// A SocketTable, what it is shown and what it tells: by lane and file.
class Traces final : public analyzers::SocketSink {
 public:
  using Key = std::pair<std::size_t, std::uint64_t>;
  struct Where {
    std::uint64_t file = 0;
    std::size_t lane = 0;
    std::uint64_t tid = 7;
    std::string_view kind = "tcp";
  };

  record::Syscall call(const Where& where, std::string_view name, std::int64_t ts,
                       std::int64_t took = 0) const {
    record::Syscall made;
    made.syscall = name;
    made.ts = record::Time{ts};
    made.end_ts = record::Time{ts + took};
    made.tid = where.tid;
    made.kind = where.kind;
    made.file = where.file;
    made.result = 0;
    return made;
  }
  void show(const record::Syscall& made, const Where& where) {
    (void)table.syscall(made, where.lane);
  }
  void make(const Where& where, std::int64_t ts) {
    record::Syscall made = call(where, "socket", ts);
    made.file.reset();
    made.new_file = where.file;
    made.kind = {};
    show(made, where);
  }
  void connect(const Where& where, std::int64_t ts, std::int64_t took, const End& peer,
               const End& own = {}) {
    record::Syscall made = call(where, "connect", ts, took);
    name(made, own, peer);
    show(made, where);
  }
  void accept(const Where& where, std::int64_t ts, std::uint64_t made_file, const End& own,
              const End& peer) {
    record::Syscall made = call(where, "accept4", ts);
    made.new_file = made_file;
    name(made, own, {});
    show(made, where);
    record::Syscall named = call({made_file, where.lane, where.tid}, "getpeername", ts);
    name(named, own, peer);
    show(named, where);
  }
  // A call that names both ends, as -yy does.
  void use(const Where& where, std::string_view syscall, std::int64_t ts, const End& own,
           const End& peer) {
    record::Syscall made = call(where, syscall, ts);
    name(made, own, peer);
    show(made, where);
  }
  void move(const Where& where, std::string_view direction, std::uint64_t bytes, std::int64_t ts,
            std::int64_t took = 0, const End& peer = {}) {
    record::Syscall made = call(where, direction == "out" ? "sendto" : "recvfrom", ts, took);
    name(made, {}, peer);
    made.direction = direction;
    made.bytes = bytes;
    made.result = static_cast<std::int64_t>(bytes);
    show(made, where);
  }
  // Its last descriptor is closed.
  void close(const Where& where, std::int64_t ts, std::string_view made_by = {}) {
    record::File file;
    file.file = where.file;
    file.kind = where.kind;
    file.made_by = made_by;
    file.ended_by = "close";
    file.end_ts = record::Time{ts};
    table.file(file, where.lane);
  }

  static record::Flow flow_of(std::string_view uid, std::int64_t ts, const End& orig,
                              const End& resp, std::string_view proto = "tcp") {
    record::Flow flow;
    flow.uid = uid;
    flow.ts = flow.last_ts = {ts};
    flow.proto = proto;
    flow.orig_h = orig.host;
    flow.orig_p = orig.port.value_or(0);
    flow.resp_h = resp.host;
    flow.resp_p = resp.port.value_or(0);
    flow.history = proto == "tcp" ? "ShA" : "Dd";
    flow.orig_bytes = flow.resp_bytes = 0;
    flow.final = true;
    return flow;
  }
  void flow(std::string_view uid, std::int64_t ts, const End& orig, const End& resp,
            std::uint64_t orig_bytes = 0, std::uint64_t resp_bytes = 0,
            std::string_view proto = "tcp") {
    record::Flow made = flow_of(uid, ts, orig, resp, proto);
    made.orig_bytes = orig_bytes;
    made.resp_bytes = resp_bytes;
    table.flow(made);
  }
  static record::Segment segment_of(std::string_view uid, std::int64_t flow_ts, const End& orig,
                                    const End& resp, std::string_view proto = "tcp") {
    record::Segment segment;
    segment.uid = uid;
    segment.flow_ts = segment.ts = {flow_ts};
    segment.proto = proto;
    segment.orig_h = orig.host;
    segment.orig_p = orig.port.value_or(0);
    segment.resp_h = resp.host;
    segment.resp_p = resp.port.value_or(0);
    return segment;
  }
  void segment(record::Segment made, std::int64_t ts, bool is_orig, std::uint64_t offset,
               std::uint64_t length) {
    made.ts = {ts};
    made.is_orig = is_orig;
    made.offset = offset;
    made.length = length;
    table.segment(made);
  }

  // After the end of all inputs.
  const Told& told(std::uint64_t file, std::size_t lane = 0) {
    if (!std::exchange(is_over_, true)) table.finish();
    return told_[{lane, file}];
  }

  analyzers::SocketTable table{*this};

 private:
  static void name(record::Syscall& made, const End& own, const End& peer) {
    made.local_h = own.host;
    made.local_p = own.port;
    made.peer_h = peer.host;
    made.peer_p = peer.port;
  }
  void socket(const analyzers::SocketLife& life, const record::Socket& socket) override {
    Told& told = told_[{life.lane, life.file}];
    const auto ns = [](const auto& time) { return time ? std::optional(time->ns) : std::nullopt; };
    told.uid = socket.uid;
    told.match = socket.match;
    told.by_call = socket.by_call;
    told.difference = socket.difference;
    told.side = life.side;
    told.peer_file = socket.peer_file;
    told.wire_in = socket.wire_in;
    told.wire_out = socket.wire_out;
    told.unmeasured_in = socket.unmeasured_in;
    told.unmeasured_out = socket.unmeasured_out;
    told.flows = socket.flows;
    told.bytes_in = socket.bytes_in;
    told.bytes_out = socket.bytes_out;
    told.connected_ts = ns(socket.connected_ts);
    told.eof_ts = ns(socket.eof_ts);
    told.blocked = ns(socket.blocked);
    told.wire_first_in = ns(socket.wire_first_in);
    told.wire_first_out = ns(socket.wire_first_out);
  }
  void waited(const analyzers::SocketLife& life, std::int64_t arrived_ts,
              std::int64_t read_ts) override {
    told_[{life.lane, life.file}].waits.emplace_back(arrived_ts, read_ts - arrived_ts);
  }
  void sent(const analyzers::SocketLife& life, std::int64_t entry_ts,
            std::int64_t left_ts) override {
    told_[{life.lane, life.file}].sends.emplace_back(entry_ts, left_ts - entry_ts);
  }

  bool is_over_ = false;
  std::map<Key, Told> told_;
};

}  // namespace tracebraid::tests
