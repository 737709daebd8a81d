// System calls by the Python function that made them, and how that was found.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

struct Attribution {
  std::string_view evidence;
  std::string_view name, file;
  std::optional<std::uint64_t> line;
  std::string_view builtin, syscall, greenlet;
  std::uint64_t calls = 0, errors = 0;
  Duration time;
  std::uint64_t sent = 0, received = 0;
  std::optional<Duration> wait;
  std::optional<std::uint64_t> rexmit_pkts;

  static constexpr std::string_view kType = "attribution";
  static constexpr std::string_view kDoc =
      "system calls of one name that one function made through one built-in function";
  static constexpr auto kFields = Fields{
      Field{&Attribution::evidence, "evidence", "enum",
            "how it was found: stack (exact, the Python function), method (exact, the built-in "
            "function), count (estimated, by numbers of calls), none"},
      Field{&Attribution::name, "name", "", "the Python function, where a stack tells it"},
      Field{&Attribution::file, "file", "", "its file"},
      Field{&Attribution::line, "line", "", "its first line, where the profile has it"},
      Field{&Attribution::builtin, "builtin", "",
            "built-in function as cProfile names it, or the C function"},
      Field{&Attribution::syscall, "syscall", "", "name of the call"},
      Field{&Attribution::greenlet, "greenlet", "", "greenlet that ran, with --by-greenlet"},
      Field{&Attribution::calls, "calls", "", "system calls that returned"},
      Field{&Attribution::errors, "errors", "", "of them, failed or interrupted"},
      Field{&Attribution::time, "time", "", "time in them, waiting included"},
      Field{&Attribution::sent, "sent", "bytes", "sent or written"},
      Field{&Attribution::received, "received", "bytes", "received or read"},
      Field{&Attribution::wait, "wait", "",
            "time that received bytes lay in the kernel before; missing without a capture"},
      Field{&Attribution::rexmit_pkts, "rexmit_pkts", "packets",
            "segments sent again; missing without a capture"},
  };
};

}  // namespace tracebraid::formats::record
