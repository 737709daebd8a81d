// What is wrong, as tracebraid check says it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

struct Finding {
  using Text = std::string_view;
  using Count = std::optional<std::uint64_t>;

  Text id, severity, summary, detail;
  std::uint64_t count = 0;
  std::optional<Time> ts, last_ts;
  Count pid, tid;
  std::optional<std::int64_t> fd;
  Count file;
  Text socket, uid, greenlet, function, evidence, hint;

  static constexpr std::string_view kType = "finding";
  static constexpr std::string_view kDoc = "something that is wrong, or worth a look";
  static constexpr auto kFields = Fields{
      Field{&Finding::id, "id", "enum", "what kind: tracebraid check --list"},
      Field{&Finding::severity, "severity", "enum", "error, warning or note"},
      Field{&Finding::summary, "summary", "", "what happened, in a sentence"},
      Field{&Finding::detail, "detail", "", "what led to it, and what is not certain"},
      Field{&Finding::count, "count", "", "how often"},
      Field{&Finding::ts, "ts", "", "when it began"},
      Field{&Finding::last_ts, "last_ts", "", "when it was seen last"},
      Field{&Finding::pid, "pid", "", "process, if it was one"},
      Field{&Finding::tid, "tid", "", "thread, if it was one"},
      Field{&Finding::fd, "fd", "", "descriptor, if it was one"},
      Field{&Finding::file, "file", "", "number of what the descriptor stood for, as in syscall"},
      Field{&Finding::socket, "socket", "", "the socket: its addresses"},
      Field{&Finding::uid, "uid", "", "the socket's flow"},
      Field{&Finding::greenlet, "greenlet", "", "greenlet that ran"},
      Field{&Finding::function, "function", "", "Python function, from the profile's numbers"},
      Field{&Finding::evidence, "evidence", "",
            "where to see it: inputs with lines or packets, one a line"},
      Field{&Finding::hint, "hint", "", "where to look next"},
  };
};

}  // namespace tracebraid::formats::record
