#include "analyzers/sockets/record.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "analyzers/util/shown.h"

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;
using record::Duration;
using record::Time;

template <typename Item>
std::string shown_set(std::vector<Item> items) {
  std::ranges::sort(items);
  return joined(items, ",");
}

std::optional<Time> maybe_time(std::int64_t ts) {
  if (ts == Mark::kUnknown) return std::nullopt;
  return Time{ts};
}

std::optional<Time> maybe_time(const std::optional<std::int64_t>& ts) {
  if (!ts) return std::nullopt;
  return Time{*ts};
}

std::string_view role_of(const SocketLife& life) {
  if (life.is_listener) return "listener";
  if (life.kind == "unix") return "unix";
  if (life.listener) return "accepted";
  if (life.connect_ts || life.peer.port) return "connecting";
  if (life.kind == "udp") return "unconnected";
  if (life.local.port) return "bound";
  return "other";
}

bool is_on_network(const SocketLife& life) {
  return life.kind == "tcp" || life.kind == "udp";
}

std::string_view why_unmatched(const SocketLife& life, const Captured& captured) {
  return life.is_listener            ? "listener"
         : !is_on_network(life)      ? "local"
         : !is_talking(life)         ? "unconnected"
         : !captured                 ? "no_capture"
         : life.match == "ambiguous" ? "ambiguous"
         : (life.end_ts && *life.end_ts < captured->first) ||
                 (life.ts && *life.ts > captured->second)
             ? "outside"
             : "absent";
}

}  // namespace

bool is_talking(const SocketLife& life) {
  return is_on_network(life) && !life.is_listener &&
         (life.peer.port || (life.kind == "udp" && life.calls > 0));
}

SocketRecord::SocketRecord(SocketLife& life, const Captured& captured) {
  record_.ts = life.made_by.empty() ? std::nullopt : maybe_time(life.ts);
  record_.end_ts = maybe_time(life.end_ts);
  if (record_.ts && record_.end_ts) record_.duration = Duration{*life.end_ts - *life.ts};
  pids_ = shown_set(life.pids.all());
  fds_ = shown_set(life.fds.all());
  record_.pids = pids_;
  record_.fds = fds_;
  record_.role = role_of(life);
  record_.proto = life.proto.empty() ? life.kind : life.proto;
  record_.local_h = life.local.host;
  if (life.local.port) record_.local_p = *life.local.port;
  record_.peer_h = life.peer.host;
  if (life.peer.port) record_.peer_p = *life.peer.port;
  record_.path = life.path;

  if (life.wire) {
    tell_wire(life);
  } else {
    record_.match = why_unmatched(life, captured);
  }

  record_.bytes_in = life.bytes_in;
  record_.bytes_out = life.bytes_out;
  record_.difference = difference_;
  record_.calls = life.calls;
  record_.errors = life.errors;
  by_call_ = life.by_call.shown();
  by_error_ = life.by_error.shown();
  record_.by_call = by_call_;
  record_.by_error = by_error_;
  if (life.blocked_ns >= 0) record_.blocked = Duration{life.blocked_ns};
  record_.connected_ts = maybe_time(life.connected_ts);
  record_.first_in = maybe_time(life.first_in);
  record_.first_out = maybe_time(life.first_out);
  record_.eof_ts = maybe_time(life.eof_ts);

  tell_waits(life);

  record_.made_by = life.made_by;
  record_.ended_by = life.ended_by;
  record_.file = life.file;
  record_.listener = life.listener;
  record_.pid = life.pid;
  record_.tid = life.tid;
  record_.end_pid = life.end_pid;
  record_.end_tid = life.end_tid;
  record_.line = life.line;
  record_.end_line = life.end_line;
  record_.input = life.input;
}

void SocketRecord::tell_wire(const SocketLife& life) {
  std::vector<std::string> differences;
  const auto differs = [&](std::uint64_t bytes, std::string_view what) {
    differences.push_back(fmt::format("{} {} {}", bytes, bytes == 1 ? "byte" : "bytes", what));
  };
  const Wire& wire = *life.wire;
  record_.uid = wire.uid;
  record_.conn_state = wire.conn_state;
  record_.match = life.match;
  const bool is_udp = life.kind == "udp";
  if (is_udp) record_.flows = life.flows;
  if (wire.is_over || is_udp) {
    const std::uint64_t in = is_udp ? life.wire_bytes_in : wire.bytes[1 - life.side];
    const std::uint64_t out = is_udp ? life.wire_bytes_out : wire.bytes[life.side];
    record_.wire_in = in;
    record_.wire_out = out;
    const bool is_whole = !life.made_by.empty();
    if (in > life.bytes_in) {
      differs(in - life.bytes_in, !is_whole         ? "received before the log began, or never read"
                                  : !life.is_closed ? "not read"
                                  : life.ended_by.empty() ? "not read when the log ended"
                                                          : "never read");
    } else if (in < life.bytes_in) {
      differs(life.bytes_in - in, "received that the capture does not have");
    }
    if (out > life.bytes_out) {
      differs(out - life.bytes_out,
              is_whole ? "sent by calls that the log does not show" : "sent before the log began");
    } else if (out < life.bytes_out) {
      differs(life.bytes_out - out, wire.reset_by.empty()
                                        ? "sent that the capture does not have"
                                        : "sent that never left: the connection was reset");
    }
  }
  if (const std::uint64_t count = wire.rexmit_pkts[life.side]; count > 0) {
    differences.push_back(
        fmt::format("{} {} retransmitted", count, count == 1 ? "segment" : "segments"));
  }
  if (wire.missed > 0) differs(wire.missed, "missing in the capture");
  difference_ = joined(differences, "; ");
  record_.wire_first_in = maybe_time(wire.first_data[1 - life.side]);
  record_.wire_first_out = maybe_time(wire.first_data[life.side]);
  record_.peer_file = life.peer_file;
}

void SocketRecord::tell_waits(SocketLife& life) {
  const auto show = [](Waiting& waiting, std::uint64_t& count, auto& longest, auto& mean, auto& p99,
                       auto& total) {
    count = waiting.count;
    if (waiting.count == 0) return;
    longest = Duration{waiting.longest_ns};
    mean = Duration{waiting.total_ns / static_cast<std::int64_t>(waiting.count)};
    constexpr double kPercent = 99;
    p99 = Duration{waiting.spread.percentile(kPercent)};
    total = Duration{waiting.total_ns};
  };
  show(life.waits, record_.waits, record_.wait_max, record_.wait_mean, record_.wait_p99,
       record_.wait_total);
  if (life.waits.count > 0) record_.wait_max_ts = Time{life.waits.longest_ts};
  show(life.send_waits, record_.send_waits, record_.send_wait_max, record_.send_wait_mean,
       record_.send_wait_p99, record_.send_wait_total);
  if (life.wire && life.kind == "tcp" && !life.is_measured) {
    record_.unmeasured_in = life.bytes_in;
    record_.unmeasured_out = life.bytes_out;
  } else if (life.wire) {
    record_.unmeasured_in = life.waits.unmeasured_bytes;
    record_.unmeasured_out = life.send_waits.unmeasured_bytes;
  }
}

}  // namespace tracebraid::analyzers
