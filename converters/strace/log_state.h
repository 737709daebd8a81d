// What StraceLog knows while it reads: of threads and processes, calls that have begun, and logs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "converters/strace/strace_log.h"

namespace tracebraid::converters::strace {

struct StraceLog::Younger {
  bool operator()(const Thread* left, const Thread* right) const;
};

struct StraceLog::ProcessState {
  std::uint32_t tgid = 0;  // 0: unknown
  std::shared_ptr<DescriptorTable> table = std::make_shared<DescriptorTable>();
  // All that made descriptors is in the log: what was closed and not opened again is closed.
  bool is_whole = false;
  bool is_noted_for_uring = false;
};

struct StraceLog::Process : ProcessState {
  std::set<Thread*, Younger> threads;  // those that are there, the youngest first
};

// Where a line stands in the log, and what its prefix says. Its time is no std::optional: a copy of
// one waits for its halves where they have just been written.
struct StraceLog::Start {
  std::uint64_t line = 0;
  std::string_view input;
  bool has_ts = false;
  bool has_ip = false;
  std::int32_t nr = -1;
  std::int64_t ts_ns = 0;
  std::int64_t resolution_ns = 0;
  std::string_view clock;
  std::uint64_t ip = 0;
  std::string_view comm;

  [[nodiscard]] std::optional<formats::record::Time> ts() const {
    return has_ts ? std::optional(formats::record::Time{ts_ns}) : std::nullopt;
  }
};

// A line with what stands below it; valid until the next one is read.
struct StraceLog::Entry {
  std::string_view text;
  std::uint64_t number = 0;
  bool is_last = false;          // the log ends in it
  bool is_final = false;         // none follows
  bool is_before_empty = false;  // an empty line follows
  const Stack* stack = nullptr;  // null: nothing stands below it
};

// A call that is over, or whose end is not in the log.
struct StraceLog::Ended {
  const formats::strace::Call& call;
  const Start& start;
  const Start* end = nullptr;   // where that is a line of its own
  std::string_view state = {};  // empty: what the call itself says
  const Stack* stack = nullptr;
  bool has_begun = false;  // the thread's Pending::began is of it

  // Its result is in the log.
  [[nodiscard]] bool has_returned() const {
    return call.ending == formats::strace::Ending::kReturned && state.empty();
  }
  // The line that its end stands in.
  [[nodiscard]] const Start& last() const { return end != nullptr ? *end : start; }
};

// A call whose end is to come.
struct StraceLog::Pending {
  std::string text;  // "read(3, "
  std::string name;
  Start start;  // its comm is a view of that below
  std::string comm;
  std::string frames;
  bool has_begun = false;  // `began` is known
  FilePtr began;           // what its descriptor stood for then

  void set(const formats::strace::Call& call, const Start& from, const Stack* stack) {
    text.assign(call.name).append("(").append(call.args);
    name = call.name;
    comm = from.comm;
    start = from;
    start.comm = comm;
    frames.assign(stack != nullptr ? std::string_view(stack->frames) : std::string_view());
    has_begun = false;
    began.reset();
  }

  // Goes on in another thread, whose descriptor it is not.
  void move_to(Pending& other) {
    other = std::move(*this);
    other.start.comm = other.comm;
    other.has_begun = false;
    other.began.reset();
  }
};

struct StraceLog::Thread {
  std::uint32_t key = 0;     // in threads_
  std::uint64_t number = 0;  // in the order in which they came to threads_
  std::uint32_t tid = 0;     // 0: unknown
  std::shared_ptr<Process> process;
  bool is_linked = false;  // its parent is known
  bool is_seen = false;    // the log has lines of it

  bool is_pending = false;
  Pending pending;

  std::string interrupted;  // a call that returned ERESTART…
  std::uint64_t interrupted_line = 0;
  bool is_in_handler = false;
};

inline bool StraceLog::Younger::operator()(const Thread* left, const Thread* right) const {
  return left->number > right->number;
}

struct StraceLog::Input {
  Input(formats::io::Source& source, std::size_t window, std::string_view input_name)
      : lines(source, window), name(input_name) {}

  formats::io::LineReader lines;
  std::string_view name;
  std::uint32_t tid = 0;     // -ff
  std::int64_t time_ns = 0;  // -ff: of the line that is next

  std::optional<formats::strace::CallTable> table;
  formats::strace::CallCounts tables;  // all of one place in the log
  bool has_tables = false;
  std::uint64_t table_line = 0;

  std::string held;  // the beginning of a line that something else broke into
  Start held_start;  // without its comm
  std::uint64_t held_lines = 0;
  bool is_held_for_output = false;
  std::optional<std::uint32_t> owner;  // of the held line, when it names no thread
};

// The place of a line in messages.
[[nodiscard]] std::string line_place(std::uint64_t number);

// Calls whose end is not in the log, and is no end of the log.
extern const formats::io::Counter kCutCall;

}  // namespace tracebraid::converters::strace
