// One line of an strace log, taken apart.
//
// Source of the format: strace's printing code, versions 4.6 to 7.2 (printleader() in strace.c,
// syscall.c, util.c, unwind.c, count.c). A line is
//
//   [pid] [security context] [time] [time since the line before] [number] [ip] BODY
//   30311 1795418241.520582 read(3</etc/hosts>, "127.0.0.1\tlo"..., 4096) = 187 <0.000018>
//
// Every part is known by its shape, so that nobody has to say which options strace had; line.cc has
// the grammar. Arguments are read once from left to right, past strings, comments, descriptors'
// texts and brackets: a file may well be called `a) = 5 <unfinished ...>`.
//
// Not understood: output of `perf trace` and of other tracers; hex dumps without their call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "formats/strace/syscalls.h"

namespace tracebraid::formats::strace {

enum class Stamp : std::uint8_t {
  kNone,
  kEpoch,      // -ttt: since 1970
  kTimeOfDay,  // -t, -tt: since midnight, local time
};

struct Prefix {
  std::uint32_t pid = 0;      // a thread's id; 0: none printed
  bool is_bracketed = false;  // "[pid 123] ": a log on standard error
  Stamp stamp = Stamp::kNone;
  bool has_delta = false;  // -r
  bool has_ip = false;
  std::int32_t number = -1;        // -n; -1: none
  std::int64_t time_ns = 0;        // of `stamp`
  std::int64_t resolution_ns = 0;  // of time_ns, or of delta_ns where that is all there is
  std::int64_t delta_ns = 0;       // since the line before, of whatever thread
  std::uint64_t ip = 0;
  std::string_view comm;
};

enum class Body : std::uint8_t {
  kEmpty,
  kCall,         // whole, or its beginning: see Call::ending
  kResumed,      // "<... read resumed>" and what follows, in `text`
  kSignal,       // "--- SIGCHLD {…} ---"; `text` is what stands between the hyphens
  kExit,         // "+++ … +++"; `text` is what stands between the pluses
  kPersonality,  // "[ Process PID=29669 runs in 32 bit mode. ]"
  kMessage,      // of strace itself; `text` is without "strace: "
  kFrame,        // " > /lib/libc.so.6(recv+0x19) [0x1a11ec]"
  kDump,         // " | 00000  78 29 …  x) |", " * 2 bytes in buffer 0"
  kTable,        // a heading of -c's table
  kForeign,      // nothing of strace's
  kDamaged,      // begins like a line of strace's, but does not go on like one
};

enum class Ending : std::uint8_t {
  kReturned,    // ")" and a result
  kUnfinished,  // " <unfinished ...>"
  kDetached,    // " <detached ...>"
  kMoved,       // " <pid changed to 123 ...>": goes on in that thread's file
  kOpen,        // the line ends in the middle
  kDamaged,     // the arguments end, but no result follows
};

// "/etc/passwd" of `3</etc/passwd>`: what -y and -yy print behind a descriptor; empty when there is
// nothing. Still escaped; "(deleted)" behind it is left out.
[[nodiscard]] std::string_view annotation(std::string_view descriptor);

struct Note {
  std::string_view text;  // of annotation()
  bool is_plain = false;  // it is known to hold no escapes, quotes, < and >
};

// Views of the text that was parsed.
struct Call {
  std::string_view name;
  const SyscallRow* row = nullptr;  // what is known of calls of that name; null: nothing
  std::string_view args;            // between the parentheses, without the marks of `ending`
  Ending ending = Ending::kOpen;
  bool was_cut_short = false;  // "<unfinished ...>) = ?": the thread ended in it
  std::uint32_t moved_to = 0;  // of Ending::kMoved

  // Of Ending::kReturned:
  bool has_result = false;      // false: "?"
  bool is_unavailable = false;  // "= ? <unavailable>"
  bool is_injected = false;
  bool is_delayed = false;
  std::int64_t result = 0;
  std::string_view result_text;   // with what is glued to it: "3</etc/passwd>"
  std::string_view error;         // "EAGAIN"; digits where the kernel has no name; empty: none
  std::string_view aux;           // "Timeout"
  std::int64_t duration_ns = -1;  // -T; -1: none

  // Argument `index`, without its name where -N printed one; empty when there are fewer. Looks
  // for it in `args`, from the front.
  [[nodiscard]] std::string_view argument(std::size_t index) const;

  // The first argument where it is a decimal number, with what -y prints behind it: most calls are
  // asked for that alone. Empty otherwise, and where the line ends behind it.
  std::string_view first;
  Note first_note;
  std::int64_t first_number = 0;

  // Of one of the arguments, without looking for it where it is known.
  [[nodiscard]] Note note(std::string_view argument) const {
    return argument.data() == first.data() ? first_note : Note{annotation(argument), false};
  }
};

struct Line {
  Prefix prefix;
  Body body = Body::kForeign;
  Call call;              // of Body::kCall; of Body::kResumed its name
  std::string_view text;  // see Body
};

// Whether `line` is about the one above it: a frame of -k, or a line of a dump.
[[nodiscard]] inline bool is_attachment(std::string_view line) {
  return line.size() >= 3 && line[0] == ' ' && line[2] == ' ' &&
         (line[1] == '>' || line[1] == '|' || line[1] == '*' || line[1] == '=');
}

// `text` holds neither the line's end nor colour codes. Views live as long as it. Takes time in
// proportion to its length, whatever it holds.
void parse_line(std::string_view text, Line& line);

// From the call's name on.
[[nodiscard]] Body parse_call(std::string_view text, Call& call);

// Takes out what --color=always puts in: ESC [ … m. Bytes of escape in strings are printed \33.
void remove_colors(std::string_view text, std::string& into);

// A decimal, 0x…, or (as umask's) octal number at the front of `text`, and how long it is;
// false when there is none or it does not fit.
[[nodiscard]] bool parse_number(std::string_view text, std::int64_t& value, std::size_t& length);

// What stands behind `key` in "{si_signo=SIGCHLD, si_pid=7, …}" or the flags of a clone; `key`
// holds its "=", or what stands for it. Empty when it is not there.
[[nodiscard]] std::string_view value_of(std::string_view text, std::string_view key);

// Appends the bytes that a string (in quotes, or bare as in descriptors' texts) was printed for:
// escapes resolved. `text` is without its quotes.
void append_unescaped(std::string& out, std::string_view text);

// The part of `text` from the front that belongs to a string that begins with its quote, both
// quotes included; empty when it is not closed.
[[nodiscard]] std::string_view quoted_string(std::string_view text);

}  // namespace tracebraid::formats::strace
