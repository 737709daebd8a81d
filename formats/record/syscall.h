// What strace saw: system calls, signals, processes, and lines that were nothing of these.
//
// Names are strace's and the kernel's. What is null was not in the log and cannot be told from it:
// a log without -T and -t has no times, one without -f no thread ids. Fields from `file` to
// `peer_p` come from replaying the calls that make, copy and close descriptors, with what -y and
// -yy print in the gaps (converters/strace/descriptors.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

struct Syscall {
  using Text = std::string_view;
  using Number = std::optional<std::int64_t>;
  using Count = std::optional<std::uint64_t>;

  std::optional<Time> ts, end_ts;
  std::optional<Duration> duration;
  Text duration_src, clock;
  std::optional<Duration> ts_resolution;
  Count pid, tid;
  Text comm, syscall;
  Number nr;
  Count ip;
  Text args;
  Number result;
  Text result_text, error, aux, state;
  Number fd, fd2;
  Text fd_text;
  Count file, new_file;
  Text kind, path, proto;
  Address local_h;
  Count local_p;
  Address peer_h;
  Count peer_p;
  Count bytes;
  Text direction, wait;
  bool split = false, injected = false, delayed = false;
  Count restart_of;
  Text stack, dump;
  std::uint64_t line = 0, end_line = 0;
  Text input;

  static constexpr std::string_view kType = "syscall";
  static constexpr std::string_view kDoc = "a system call";
  static constexpr auto kFields = Fields{
      Field{&Syscall::ts, "ts", "", "when it began"},
      Field{&Syscall::duration, "duration", "", "from entry to exit, waiting included"},
      Field{&Syscall::pid, "pid", "", "process (thread group), as far as the log tells"},
      Field{&Syscall::tid, "tid", "", "thread: the number strace prints"},
      Field{&Syscall::comm, "comm", "", "the thread's name (-Y)"},
      Field{&Syscall::syscall, "syscall", "", "name of the call"},
      Field{&Syscall::args, "args", "", "the arguments as printed, both halves joined"},
      Field{&Syscall::result, "result", "", "what it returned; missing where strace prints ?"},
      Field{&Syscall::result_text, "result_text", "",
            "the same as printed, with what strace adds: 3</etc/passwd>"},
      Field{&Syscall::error, "error", "enum", "errno's name: EAGAIN, ERESTARTSYS, or its number"},
      Field{&Syscall::aux, "aux", "", "what strace prints behind in parentheses: Timeout"},
      Field{&Syscall::state, "state", "enum",
            "complete, noreturn, restarted, unfinished, detached, superseded, orphan (its start is "
            "not in the log), cut or unavailable"},
      Field{&Syscall::fd, "fd", "", "descriptor that it is about"},
      Field{&Syscall::fd2, "fd2", "", "second descriptor: of dup2, sendfile, splice, epoll_ctl"},
      Field{&Syscall::fd_text, "fd_text", "", "what strace prints of fd (-y)"},
      Field{&Syscall::file, "file", "",
            "number of what fd stood for (open file description) in this log, from 1"},
      Field{&Syscall::new_file, "new_file", "", "the same of the descriptor that it returned"},
      Field{&Syscall::kind, "kind", "enum",
            "what fd stood for: file, tcp, udp, unix, netlink, socket, pipe, epoll, eventfd, "
            "timerfd, signalfd, inotify, pidfd, memfd, io_uring, anon, closed"},
      Field{&Syscall::path, "path", "", "path of the call, or of the file or unix socket of fd"},
      Field{&Syscall::proto, "proto", "enum", "transport of fd, as in flow: tcp, udp, …"},
      Field{&Syscall::local_h, "local_h", "", "address of this end of fd"},
      Field{&Syscall::local_p, "local_p", "port", "its port"},
      Field{&Syscall::peer_h, "peer_h", "", "address of the other end of fd"},
      Field{&Syscall::peer_p, "peer_p", "port", "its port"},
      Field{&Syscall::bytes, "bytes", "bytes", "what it moved"},
      Field{&Syscall::direction, "direction", "enum", "in, out or both"},
      Field{&Syscall::wait, "wait", "enum",
            "what it waits for where it does: net, pipe, timer, lock, child, disk"},
      Field{&Syscall::restart_of, "restart_of", "",
            "line of the interrupted call that it goes on with"},
      Field{&Syscall::end_ts, "end_ts", "", "when it returned"},
      Field{&Syscall::duration_src, "duration_src", "enum",
            "where duration is from: T (-T), or stamps of a call's two lines"},
      Field{&Syscall::clock, "clock", "enum",
            "epoch (-ttt), time_of_day (-t and -tt, the date added), or start (-r: ts is the time "
            "since the log began)"},
      Field{&Syscall::ts_resolution, "ts_resolution", "", "digits that ts has in the log"},
      Field{&Syscall::split, "split", "", "printed in two parts, unfinished and resumed"},
      Field{&Syscall::injected, "injected", "", "strace's fault injection made the result"},
      Field{&Syscall::delayed, "delayed", "", "strace's fault injection held it up"},
      Field{&Syscall::nr, "nr", "", "number of the call (-n)"},
      Field{&Syscall::ip, "ip", "", "instruction pointer (-i)"},
      Field{&Syscall::stack, "stack", "", "frames as printed, innermost first, one a line (-k)"},
      Field{&Syscall::dump, "dump", "", "bytes that were read or written (-e read, -e write)"},
      Field{&Syscall::line, "line", "",
            "number of its first line among all that were read, from 1"},
      Field{&Syscall::end_line, "end_line", "", "number of its last line, frames left out"},
      Field{&Syscall::input, "input", "", "log of its first line, when there are several"},
  };
};

struct Signal {
  using Text = std::string_view;

  std::optional<Time> ts;
  std::optional<std::uint64_t> pid, tid;
  Text comm, signal, kind, code;
  std::optional<std::uint64_t> sender_pid, sender_uid;
  std::optional<std::int64_t> child_status;
  Text info, clock, stack;
  std::uint64_t line = 0;
  Text input;

  static constexpr std::string_view kType = "signal";
  static constexpr std::string_view kDoc = "a signal as a thread took it";
  static constexpr auto kFields = Fields{
      Field{&Signal::ts, "ts", "", "when"},
      Field{&Signal::pid, "pid", "", "process that took it, as far as the log tells"},
      Field{&Signal::tid, "tid", "", "thread that took it"},
      Field{&Signal::comm, "comm", "", "the thread's name (-Y)"},
      Field{&Signal::signal, "signal", "enum", "SIGCHLD, SIGRT_1, …"},
      Field{&Signal::kind, "kind", "enum", "delivered, or stopped (the whole process)"},
      Field{&Signal::code, "code", "enum", "si_code: SI_USER, CLD_EXITED, SEGV_MAPERR"},
      Field{&Signal::sender_pid, "si_pid", "", "process that sent it"},
      Field{&Signal::sender_uid, "si_uid", "", "and its user"},
      Field{&Signal::child_status, "si_status", "", "a child's exit code or signal"},
      Field{&Signal::info, "info", "", "all that strace prints of it"},
      Field{&Signal::clock, "clock", "enum", "as in syscall"},
      Field{&Signal::stack, "stack", "", "as in syscall"},
      Field{&Signal::line, "line", "", "number of its line among all that were read, from 1"},
      Field{&Signal::input, "input", "", "its log, when there are several"},
  };
};

struct Process {
  using Text = std::string_view;

  std::optional<Time> ts;
  std::optional<std::uint64_t> pid, tid;
  Text comm, event;
  std::optional<std::uint64_t> child;
  std::optional<bool> is_thread;
  Text flags, path;
  std::optional<std::int64_t> code;
  Text signal;
  std::optional<bool> core_dumped;
  std::optional<std::uint64_t> old_tid;
  Text abi, clock;
  std::uint64_t line = 0;
  Text input;

  static constexpr std::string_view kType = "process";
  static constexpr std::string_view kDoc = "a beginning, a change or an end of a thread or process";
  static constexpr auto kFields = Fields{
      Field{&Process::ts, "ts", "", "when"},
      Field{&Process::pid, "pid", "", "process, as far as the log tells"},
      Field{&Process::tid, "tid", "", "thread"},
      Field{&Process::comm, "comm", "", "the thread's name (-Y)"},
      Field{&Process::event, "event", "enum",
            "clone, exec, exit, killed, superseded (by another thread's exec), attached, detached, "
            "changed (its thread id) or personality"},
      Field{&Process::child, "child", "", "clone: the new thread or process"},
      Field{&Process::is_thread, "is_thread", "", "clone: whether child is a thread of pid"},
      Field{&Process::flags, "flags", "set", "clone: its flags"},
      Field{&Process::path, "path", "", "exec: the program"},
      Field{&Process::code, "code", "", "exit: its code"},
      Field{&Process::signal, "signal", "enum", "killed: by what"},
      Field{&Process::core_dumped, "core_dumped", "", "killed: whether there is a core dump"},
      Field{&Process::old_tid, "old_tid", "",
            "superseded: the thread that called exec; changed: the id before"},
      Field{&Process::abi, "abi", "enum", "personality: 32, 64 or x32"},
      Field{&Process::clock, "clock", "enum", "as in syscall"},
      Field{&Process::line, "line", "", "number of its line among all that were read, from 1"},
      Field{&Process::input, "input", "", "its log, when there are several"},
  };
};

// A line that is no call, signal, event, message, table, frame or dump.
struct Problem {
  using Text = std::string_view;

  Text kind, text;
  std::uint64_t line = 0;
  Text input;

  static constexpr std::string_view kType = "problem";
  static constexpr std::string_view kDoc = "a line that was not understood";
  static constexpr auto kFields = Fields{
      Field{&Problem::kind, "kind", "enum",
            "foreign (not strace's: the program's own output, as a rule), damaged (begins like "
            "strace's), cut (the log ends in it), too_long, or mismatch (--verify)"},
      Field{&Problem::text, "text", "", "the line, its first 1,000 bytes"},
      Field{&Problem::line, "line", "", "its number among all that were read, from 1"},
      Field{&Problem::input, "input", "", "its log, when there are several"},
  };
};

// What became of every line that was read (--ledger).
struct LineLedger {
  std::uint64_t lines = 0;
  std::uint64_t calls = 0, unfinished = 0, resumed = 0;
  std::uint64_t signals = 0, processes = 0, messages = 0, frames = 0, dumps = 0, tables = 0;
  std::uint64_t glued = 0, empty = 0, problems = 0;
  std::uint64_t syscalls = 0, complete = 0, errors = 0, noreturn = 0, pending = 0, orphans = 0;
  std::optional<Time> first_ts, last_ts;
  std::string_view failure;

  static constexpr std::string_view kType = "line_ledger";
  static constexpr std::string_view kDoc = "what became of every line of an strace log";
  static constexpr auto kFields = Fields{
      Field{&LineLedger::lines, "lines", "lines", "the sum of the next twelve"},
      Field{&LineLedger::calls, "calls", "lines", "those with a whole call"},
      Field{&LineLedger::unfinished, "unfinished", "lines", "those that a call begins on"},
      Field{&LineLedger::resumed, "resumed", "lines", "those that a call ends on"},
      Field{&LineLedger::signals, "signals", "lines", "signals and stops"},
      Field{&LineLedger::processes, "processes", "lines", "ends of threads, personalities"},
      Field{&LineLedger::messages, "messages", "lines", "strace's own messages"},
      Field{&LineLedger::frames, "frames", "lines", "of stacks (-k)"},
      Field{&LineLedger::dumps, "dumps", "lines", "of dumps (-e read, -e write)"},
      Field{&LineLedger::tables, "tables", "lines", "of -c's and -C's tables"},
      Field{&LineLedger::glued, "glued", "lines",
            "parts of a line that a message or the program's output broke"},
      Field{&LineLedger::empty, "empty", "lines", "without anything"},
      Field{&LineLedger::problems, "problems", "lines", "not understood: problem records"},
      Field{&LineLedger::syscalls, "syscalls", "", "syscall records, of any state"},
      Field{&LineLedger::complete, "complete", "", "of them, those that returned"},
      Field{&LineLedger::errors, "errors", "", "of them, with an error; ERESTARTSYS too"},
      Field{&LineLedger::noreturn, "noreturn", "", "syscalls that never return: exit_group"},
      Field{&LineLedger::pending, "pending", "", "syscalls whose end is not in the log"},
      Field{&LineLedger::orphans, "orphans", "", "syscalls whose start is not in the log"},
      Field{&LineLedger::first_ts, "first_ts", "", "earliest time"},
      Field{&LineLedger::last_ts, "last_ts", "", "latest time"},
      Field{&LineLedger::failure, "failure", "",
            "the first message of strace itself that tells of a failure, its first 300 bytes"},
  };
};

TRACEBRAID_MADE_ONCE(extern, Syscall)

}  // namespace tracebraid::formats::record
