// Strace logs by name: one after another, or those of -ff together.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converters/strace/strace_log.h"
#include "formats/io/diagnostics.h"
#include "formats/io/rewound.h"

namespace tracebraid::converters::strace {

// The thread whose file strace -ff called `path`: its ending behind a point; 0: none.
[[nodiscard]] std::uint32_t thread_of_path(std::string_view path);

// Whether it is one thread's log of strace -ff: named by it, and without threads in its lines.
[[nodiscard]] bool is_thread_log(std::string_view path, std::string_view head);

// When the file behind `path` was last written to, in seconds since 1970.
[[nodiscard]] std::optional<std::int64_t> modified(const std::string& path);

// Whether a line of `head`, the beginning of an input, is strace's.
[[nodiscard]] bool looks_like_log(std::string_view head);

// Logs in the order in which they are given. Those of -ff wait until all are known.
class LogFiles {
 public:
  LogFiles(StraceLog& log, formats::io::Diagnostics& diagnostics)
      : log_(log), diagnostics_(diagnostics) {}

  // `is_only`: there is no other input. Throws what the source throws, after the lines before it.
  void add(const std::string& path, std::unique_ptr<formats::io::Rewound> source, bool is_only);

  // Reads those that have waited, and finishes the log.
  void finish();

 private:
  StraceLog& log_;
  formats::io::Diagnostics& diagnostics_;
  std::vector<std::unique_ptr<formats::io::Rewound>> sources_;
  std::vector<StraceLog::ThreadFile> together_;
};

}  // namespace tracebraid::converters::strace
