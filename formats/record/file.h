// What a descriptor stands for, from its making to its end: an open file description, as strace's
// logs tell of it (converters/strace/descriptors.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

struct File {
  using Text = std::string_view;
  using Count = std::optional<std::uint64_t>;

  std::optional<Time> ts, end_ts;
  std::uint64_t file = 0;
  Text kind, proto, path;
  Address local_h;
  Count local_p;
  Address peer_h;
  Count peer_p;
  Text made_by, ended_by;
  Count pid, tid;
  std::optional<std::int64_t> fd;
  Count line;
  Count end_pid, end_tid, end_line;
  Text input;

  static constexpr std::string_view kType = "file";
  static constexpr std::string_view kDoc =
      "an open file description: a file, socket or pipe from its opening to its last close";
  static constexpr auto kFields = Fields{
      Field{&File::ts, "ts", "", "when it was made; missing where the log does not show that"},
      Field{&File::end_ts, "end_ts", "", "when its last descriptor was closed, as far as known"},
      Field{&File::file, "file", "", "its number, as in syscall"},
      Field{&File::kind, "kind", "enum", "as in syscall"},
      Field{&File::proto, "proto", "enum", "as in syscall"},
      Field{&File::path, "path", "", "of a file or unix socket"},
      Field{&File::local_h, "local_h", "", "address of this end"},
      Field{&File::local_p, "local_p", "port", "its port"},
      Field{&File::peer_h, "peer_h", "", "address of the other end"},
      Field{&File::peer_p, "peer_p", "port", "its port"},
      Field{&File::made_by, "made_by", "", "call that made it; missing: it was there before"},
      Field{&File::ended_by, "ended_by", "",
            "call that closed it, or exit; missing: it was open when the log ended"},
      Field{&File::pid, "pid", "", "process that made it, or that was first seen with it"},
      Field{&File::tid, "tid", "", "its thread"},
      Field{&File::fd, "fd", "", "first descriptor that it had"},
      Field{&File::line, "line", "", "line of the call that made it, or that first named it"},
      Field{&File::end_pid, "end_pid", "", "process that closed it"},
      Field{&File::end_tid, "end_tid", "", "its thread"},
      Field{&File::end_line, "end_line", "", "line of the call that closed it"},
      Field{&File::input, "input", "", "log of these lines, when there are several"},
  };
};

}  // namespace tracebraid::formats::record
