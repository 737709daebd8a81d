// Strace logs by name: one after another, or those of -ff together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "converters/strace/strace_log.h"
#include "formats/cli/program.h"

namespace tracebraid::converters::strace {

// The thread whose file strace -ff called `path`: its ending behind a point; 0: none.
[[nodiscard]] std::uint32_t thread_of_path(std::string_view path);

// When the file behind `path` was last written to, in seconds since 1970.
[[nodiscard]] std::optional<std::int64_t> modified(const std::string& path);

// Whether `head`, the beginning of an input, looks like an strace log.
[[nodiscard]] bool looks_like_log(std::string_view head);

// Reads all of `paths` into `log`. What cannot be read is reported, and the others are read all the
// same.
void read_logs(const std::vector<std::string>& paths, StraceLog& log,
               formats::cli::Context& context);

// "2026-11-23 08:00:00.5" (zone of the process), or seconds since 1970; throws UsageError.
[[nodiscard]] formats::record::Time parse_start(std::string_view text);

}  // namespace tracebraid::converters::strace
