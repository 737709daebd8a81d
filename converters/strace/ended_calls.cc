// The end of a call: what becomes its record, and what it tells of others.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "converters/strace/log_state.h"
#include "formats/io/farthest.h"

namespace tracebraid::converters::strace {
namespace {

using formats::record::Duration;
using formats::record::Syscall;
using formats::record::Time;
using formats::strace::Body;
using formats::strace::Call;
using formats::strace::CallCount;
using formats::strace::Effect;
using formats::strace::Ending;
using formats::strace::SyscallRow;
using formats::strace::value_of;
using formats::strace::Wait;

template <typename... Fields>
void clear(Fields&... fields) {
  (std::construct_at(&fields), ...);
}

// What not every call has. `record = {}` takes three times as long: it is 3 % of all.
void clear_rare(Syscall& record) {
  clear(record.ts, record.end_ts, record.duration, record.duration_src, record.ts_resolution,
        record.pid, record.tid, record.nr, record.ip, record.result, record.fd, record.fd2,
        record.fd_text, record.file, record.new_file, record.kind, record.path, record.proto,
        record.local_h, record.local_p, record.peer_h, record.peer_p, record.bytes,
        record.direction, record.wait, record.restart_of, record.stack, record.dump);
}

// What a call that is over says of its fate.
std::string_view fate_of(const Call& call) {
  if (call.error.starts_with("ERESTART")) return "restarted";  // -e raw prints -1 for ?
  if (call.has_result) return "complete";
  return call.is_unavailable ? "unavailable" : "noreturn";
}

std::string_view wait_of(Wait wait, std::string_view kind) {
  switch (wait) {
    case Wait::kNet:
      return "net";
    case Wait::kTimer:
      return "timer";
    case Wait::kLock:
      return "lock";
    case Wait::kChild:
      return "child";
    case Wait::kDisk:
      return "disk";
    case Wait::kData:
      break;
    case Wait::kNone:
      return {};
  }
  if (kind == "file" || kind == "memfd") return "disk";
  if (kind == "pipe") return "pipe";
  if (kind == "timerfd") return "timer";
  return kind.empty() || kind == "closed" ? std::string_view() : "net";
}

// Calls that may close descriptors which they do not name.
bool can_close(Effect effect) {
  return effect == Effect::kClose || effect == Effect::kCloseRange || effect == Effect::kDup2 ||
         effect == Effect::kExec || effect == Effect::kUnshare;
}

}  // namespace

void StraceLog::emit_pending(Thread& thread, std::string_view state) {
  thread.is_pending = false;
  cloning_.erase(thread.key);
  Call call;
  joined_ = thread.pending.text;
  (void)formats::strace::parse_call(joined_, call);
  const Start start = thread.pending.start;
  const Stack stack{std::exchange(thread.pending.frames, {}), {}};
  complete(thread, {.call = call,
                    .start = start,
                    .state = state,
                    .stack = &stack,
                    .has_begun = thread.pending.has_begun});
}

void StraceLog::take_resumed(Thread& thread, const Start& start, const Stack* stack) {
  Call call;
  if (!thread.is_pending || thread.pending.name != line_.call.name) {
    // Its beginning is not in the log.
    if (thread.is_pending) emit_pending(thread, "unfinished");
    joined_.assign(line_.call.name).append("(").append(line_.text);
    (void)formats::strace::parse_call(joined_, call);
    Start unknown = start;
    unknown.has_ts = false;
    complete(thread,
             {.call = call, .start = unknown, .end = &start, .state = "orphan", .stack = stack});
    return;
  }
  // Both halves make the whole line, as they are: strace prints what it knows when a call begins,
  // and what it learns when that ends.
  joined_ = thread.pending.text;
  joined_.append(line_.text);
  const Body body = formats::strace::parse_call(joined_, call);
  thread.is_pending = false;
  std::string_view state;
  if (body != Body::kCall || call.ending == Ending::kOpen) state = "cut";
  if (call.ending == Ending::kDetached) state = "detached";
  if (state == "cut") diagnostics_.count(kCutCall, line_place(start.line));
  const Start begin = thread.pending.start;
  // Where the stack was printed below the first half.
  const Stack early{stack == nullptr ? std::exchange(thread.pending.frames, {}) : std::string(),
                    {}};
  complete(thread, {.call = call,
                    .start = begin,
                    .end = &start,
                    .state = state,
                    .stack = stack == nullptr ? &early : stack,
                    .has_begun = thread.pending.has_begun});
}

void StraceLog::complete(Thread& thread, const Ended& ended) {
  clear_rare(record_);
  set_times(ended, record_);
  set_printed(ended, record_);
  set_ids(thread);
  count(ended);
  link_restart(thread, ended);
  replay(thread, ended);
  const SyscallRow* const row = ended.call.row;
  if (row != nullptr && row->wait != Wait::kNone && ended.call.error != "EBADF") {
    record_.wait = wait_of(row->wait, record_.kind);
  }
  if (row != nullptr && row->effect >= Effect::kClone) {
    follow(thread, ended);
    set_ids(thread);  // which the call may have told
  }
  sink_.syscall(record_);
  if (options_.files) report_closed(thread, ended);
  if (row != nullptr) report_effects(thread, ended);
}

// The parts of complete() are inline: each is called there alone, and a call of each for every line
// took 50 instructions.

// What is printed, and what follows from that.
inline void StraceLog::set_times(const Ended& ended, Syscall& record) {
  const Start& start = ended.start;
  if (start.has_ts) record.ts = Time{start.ts_ns};
  record.clock = start.has_ts ? start.clock : ended.last().clock;
  if (start.resolution_ns != 0) record.ts_resolution = Duration{start.resolution_ns};
  const std::int64_t duration_ns = ended.call.duration_ns;
  if (duration_ns >= 0) {
    record.duration = Duration{duration_ns};
    record.duration_src = "T";
    if (start.has_ts) record.end_ts = Time{formats::io::not_too_far(start.ts_ns + duration_ns)};
  }
  if (ended.end == nullptr || !ended.end->has_ts) return;
  // The second line's time is that of the end, a little late; -T is more exact.
  record.end_ts = Time{ended.end->ts_ns};
  if (!record.duration && start.has_ts && ended.call.ending == Ending::kReturned) {
    record.duration = Duration{std::max<std::int64_t>(ended.end->ts_ns - start.ts_ns, 0)};
    record.duration_src = "stamps";
  }
}

inline void StraceLog::set_printed(const Ended& ended, Syscall& record) {
  const Call& call = ended.call;
  const Start& start = ended.start;
  record.comm = start.comm;
  record.syscall = call.name;
  if (start.nr >= 0) record.nr = start.nr;
  if (start.has_ip) record.ip = start.ip;
  record.args = call.args;
  if (call.has_result) record.result = call.result;
  record.result_text = call.result_text;
  record.error = call.error;
  record.aux = call.aux;
  record.split = ended.end != nullptr;
  record.injected = call.is_injected;
  record.delayed = call.is_delayed;
  record.line = start.line;
  record.end_line = ended.last().line;
  record.input = start.input;
  if (ended.stack != nullptr) {
    record.stack = ended.stack->frames;
    record.dump = ended.stack->dump;
  }
  record.state = ended.state.empty() ? fate_of(call) : ended.state;
}

inline void StraceLog::set_ids(const Thread& thread) {
  if (thread.process->tgid != 0) record_.pid = thread.process->tgid;
  if (thread.tid != 0) record_.tid = thread.tid;
}

// The ledger, and the counts that a table of -C is compared with.
void StraceLog::count(const Ended& ended) {
  const Call& call = ended.call;
  const bool has_failed = !call.error.empty();
  ++ledger_.syscalls;
  if (ended.has_returned() && (call.has_result || has_failed)) {
    ++ledger_.complete;
    if (has_failed) ++ledger_.errors;
    if (options_.verify) {
      CallCount& sum = counts_[std::string(call.name)];
      ++sum.calls;
      if (has_failed) ++sum.errors;
    }
  } else if (record_.state == "noreturn") {
    ++ledger_.noreturn;
  } else if (record_.state == "orphan") {
    ++ledger_.orphans;
    if (has_failed) ++ledger_.errors;
  } else {
    ++ledger_.pending;
  }
}

// A call that returned ERESTARTSYS and the like goes on: as itself or as restart_syscall, next in
// its thread, with no more than a signal's handler in between.
inline void StraceLog::link_restart(Thread& thread, const Ended& ended) {
  const std::string_view name = ended.call.name;
  const bool is_handlers_end = name == "rt_sigreturn";
  if (!thread.interrupted.empty()) {
    if (name == thread.interrupted || name == "restart_syscall") {
      record_.restart_of = thread.interrupted_line;
      thread.interrupted.clear();
    } else if (!thread.is_in_handler && !is_handlers_end) {
      thread.interrupted.clear();
    }
  }
  if (is_handlers_end) thread.is_in_handler = false;
  if (record_.state == "restarted") {
    thread.interrupted = name;
    thread.interrupted_line = ended.start.line;
    thread.is_in_handler = false;
  }
}

// What its descriptors stood for, and what it moved.
inline void StraceLog::replay(Thread& thread, const Ended& ended) {
  const Call& call = ended.call;
  if (options_.replay) {
    Pending& pending = thread.pending;
    descriptors_.replay(call, call.row, thread.process->table,
                        ended.has_begun ? &pending.began : nullptr, record_);
    pending.began.reset();
    // What opened it may not be in the log: only EBADF proves that it was closed, and that only
    // where no thread is unseen.
    if (record_.kind == "closed" && record_.fd && *record_.fd >= 0 &&
        (call.error != "EBADF" || !thread.process->is_whole)) {
      record_.kind = {};
    }
  } else if (call.row != nullptr && call.row->direction != formats::strace::Direction::kNone &&
             call.has_result && call.error.empty()) {
    descriptors_.count_bytes(call, *call.row, record_);
  }
}

// The files whose last descriptor it closed.
void StraceLog::report_closed(const Thread& thread, const Ended& ended) {
  Start when = ended.start;
  if (record_.end_ts) {
    when.has_ts = true;
    when.ts_ns = record_.end_ts->ns;
  }
  when.line = record_.end_line;
  const SyscallRow* const row = ended.call.row;
  report_ended(row != nullptr && can_close(row->effect) ? row->name : "unseen",
               {thread.process->tgid, thread.tid}, &when);
}

// What a clone or an exec did.
inline void StraceLog::report_effects(Thread& thread, const Ended& ended) {
  const Call& call = ended.call;
  const Effect effect = call.row->effect;
  const bool has_succeeded = ended.has_returned() && call.error.empty() && call.has_result;
  if (effect == Effect::kClone && !has_succeeded) {
    cloning_.erase(thread.key);
  } else if (effect == Effect::kClone && call.result > 0 && call.result <= INT32_MAX) {
    cloned(thread, static_cast<std::uint32_t>(call.result), value_of(call.args, "flags="),
           ended.last());
  } else if (effect == Effect::kExec && has_succeeded && call.result == 0) {
    formats::record::Process event;
    event.event = "exec";
    event.path = record_.path;
    emit_process(event, thread, ended.last());
  }
}

void StraceLog::report_ended(std::string_view by, Owner owner, const Start* start) {
  // Those that were sent to one that ended come after it.
  while (true) {
    const std::vector<OpenFile*>& ended = descriptors_.take_ended();
    if (ended.empty()) return;
    for (const OpenFile* const file : ended) {
      formats::record::File record;
      record.ts = file->made_by.empty() ? std::nullopt : file->ts;
      record.file = file->number;
      record.kind = file->kind;
      record.proto = file->proto;
      record.path = file->path();
      record.local_h = file->local_host;
      record.peer_h = file->peer_host;
      if (file->local_port) record.local_p = *file->local_port;
      if (file->peer_port) record.peer_p = *file->peer_port;
      record.made_by = file->made_by;
      record.pid = file->pid;
      record.tid = file->tid;
      if (file->fd >= 0) record.fd = file->fd;
      if (file->line != 0) record.line = file->line;
      record.input = file->input;
      record.ended_by = by;
      if (owner.pid != 0) record.end_pid = owner.pid;
      if (owner.tid != 0) record.end_tid = owner.tid;
      if (start != nullptr) {
        record.end_ts = start->ts();
        record.end_line = start->line;
      }
      sink_.file(record);
    }
  }
}

}  // namespace tracebraid::converters::strace
