// A socket's life: what the program did with it, and what went over the wire meanwhile.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

struct Socket {
  using Text = std::string_view;
  using Count = std::uint64_t;
  using MaybeCount = std::optional<std::uint64_t>;
  using MaybeTime = std::optional<Time>;
  using MaybeDuration = std::optional<Duration>;

  MaybeTime ts, end_ts;
  MaybeDuration duration;
  Text pids, fds;
  Text role, proto;
  Address local_h;
  MaybeCount local_p;
  Address peer_h;
  MaybeCount peer_p;
  Text path;
  Text uid, conn_state, match;
  MaybeCount flows;
  Count bytes_in = 0, bytes_out = 0;
  MaybeCount wire_in, wire_out;
  Text difference;
  Count calls = 0, errors = 0;
  Text by_call, by_error;
  MaybeDuration blocked;
  MaybeTime connected_ts, first_in, first_out, wire_first_in, wire_first_out, eof_ts;
  Count waits = 0;
  MaybeDuration wait_max, wait_mean, wait_p99, wait_total;
  MaybeTime wait_max_ts;
  Count send_waits = 0;
  MaybeDuration send_wait_max, send_wait_mean, send_wait_p99, send_wait_total;
  MaybeCount unmeasured_in, unmeasured_out;
  Text made_by, ended_by;
  Count file = 0;
  MaybeCount listener, peer_file;
  MaybeCount pid, tid;
  MaybeCount end_pid, end_tid;
  MaybeCount line, end_line;
  Text input;

  static constexpr std::string_view kType = "socket";
  static constexpr std::string_view kDoc =
      "a socket from its making to its last close, with the flow that it was on the wire";
  static constexpr auto kFields = Fields{
      Field{&Socket::ts, "ts", "", "when it was made; missing: before the log, or unknown"},
      Field{&Socket::end_ts, "end_ts", "",
            "when its last descriptor was closed; missing: not in "
            "the log"},
      Field{&Socket::duration, "duration", "", "from ts to end_ts"},
      Field{&Socket::pids, "pids", "set", "processes that used it"},
      Field{&Socket::fds, "fds", "set", "descriptors that it was used by"},
      Field{&Socket::role, "role", "enum",
            "listener, accepted, connecting, unconnected (UDP), bound, unix or other"},
      Field{&Socket::proto, "proto", "enum", "tcp, udp, unix, …"},
      Field{&Socket::local_h, "local_h", "", "address of this end"},
      Field{&Socket::local_p, "local_p", "port", "its port"},
      Field{&Socket::peer_h, "peer_h", "", "address of the other end"},
      Field{&Socket::peer_p, "peer_p", "port", "its port"},
      Field{&Socket::path, "path", "", "of a unix socket"},
      Field{&Socket::uid, "uid", "", "the flow that it was on the wire; UDP: the first of flows"},
      Field{&Socket::conn_state, "conn_state", "", "the flow's, as Zeek's: SF, S0, REJ, …"},
      Field{&Socket::match, "match", "enum",
            "how the flow was found: address (both ends' address and port), time (the peer's, and "
            "when it began), bytes (the same and its size); or why there is none: listener, "
            "unconnected, local (not on a network), no_capture, outside (the capture does not "
            "cover it), ambiguous, absent"},
      Field{&Socket::flows, "flows", "", "UDP: flows that it took part in"},
      Field{&Socket::bytes_in, "bytes_in", "bytes", "what calls received"},
      Field{&Socket::bytes_out, "bytes_out", "bytes", "what calls sent"},
      Field{&Socket::wire_in, "wire_in", "bytes",
            "payload that came over the wire, retransmissions not counted"},
      Field{&Socket::wire_out, "wire_out", "bytes", "payload that left over the wire, likewise"},
      Field{&Socket::difference, "difference", "", "what explains unequal numbers of bytes"},
      Field{&Socket::calls, "calls", "", "system calls on it"},
      Field{&Socket::errors, "errors", "", "of them, failed"},
      Field{&Socket::by_call, "by_call", "", "calls by name"},
      Field{&Socket::by_error, "by_error", "", "failures by error"},
      Field{&Socket::blocked, "blocked", "", "time in calls on it, from entry to exit"},
      Field{&Socket::connected_ts, "connected_ts", "", "when connect or accept had succeeded"},
      Field{&Socket::first_in, "first_in", "", "return of the first call that received bytes"},
      Field{&Socket::first_out, "first_out", "", "entry of the first call that sent bytes"},
      Field{&Socket::wire_first_in, "wire_first_in", "", "first payload that came over the wire"},
      Field{&Socket::wire_first_out, "wire_first_out", "", "first payload that left"},
      Field{&Socket::eof_ts, "eof_ts", "", "when a call saw the end of the peer's data"},
      Field{&Socket::waits, "waits", "", "ranges of received bytes whose waiting was measured"},
      Field{&Socket::wait_max, "wait_max", "",
            "longest time from a byte's arrival to the return of the call that read it"},
      Field{&Socket::wait_mean, "wait_mean", "", "mean of the same over the ranges"},
      Field{&Socket::wait_p99, "wait_p99", "", "99th percentile of the same"},
      Field{&Socket::wait_total, "wait_total", "", "sum of the same"},
      Field{&Socket::wait_max_ts, "wait_max_ts", "", "arrival of the range that waited longest"},
      Field{&Socket::send_waits, "send_waits", "", "ranges of sent bytes that were measured"},
      Field{&Socket::send_wait_max, "send_wait_max", "",
            "longest time from the entry of the call that sent a byte to its leaving"},
      Field{&Socket::send_wait_mean, "send_wait_mean", "", "mean of the same"},
      Field{&Socket::send_wait_p99, "send_wait_p99", "", "99th percentile of the same"},
      Field{&Socket::send_wait_total, "send_wait_total", "", "sum of the same"},
      Field{&Socket::unmeasured_in, "unmeasured_in", "bytes",
            "received bytes whose arrival is not known"},
      Field{&Socket::unmeasured_out, "unmeasured_out", "bytes",
            "sent bytes whose leaving is not known"},
      Field{&Socket::made_by, "made_by", "", "call that made it; missing: not in the log"},
      Field{&Socket::ended_by, "ended_by", "", "call that closed it, or exit; missing: none"},
      Field{&Socket::file, "file", "", "its number, as in syscall"},
      Field{&Socket::listener, "listener", "", "accepted: number of the listening socket"},
      Field{&Socket::peer_file, "peer_file", "", "number of the other end, when it is in the log"},
      Field{&Socket::pid, "pid", "", "process that made it"},
      Field{&Socket::tid, "tid", "", "its thread"},
      Field{&Socket::end_pid, "end_pid", "", "process that closed it"},
      Field{&Socket::end_tid, "end_tid", "", "its thread"},
      Field{&Socket::line, "line", "", "line of the log that it was made in"},
      Field{&Socket::end_line, "end_line", "", "line that it was closed in"},
      Field{&Socket::input, "input", "", "log of these lines, when there are several"},
  };
};

TRACEBRAID_MADE_ONCE(extern, Socket)

}  // namespace tracebraid::formats::record
