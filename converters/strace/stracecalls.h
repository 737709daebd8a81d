// The program stracecalls: its table, and what it does with its arguments.
#pragma once

#include "converters/strace/clock.h"
#include "formats/cli/program.h"

namespace tracebraid::converters::strace {

[[nodiscard]] const formats::cli::Program& stracecalls();

// Rows for the option table of every program that reads logs.
inline constexpr formats::cli::Option kClockOptions[] = {
    {0, "date", formats::cli::Argument::kText, "DATE", "Input",
     "day of the first line, for logs of -t and -tt",
     "Such as 2026-11-23. Default: the latest day that fits when the log was last written."},
    {0, "tz", formats::cli::Argument::kText, "ZONE", "Input", "time zone of logs of -t and -tt",
     "Such as Europe/Berlin or UTC. Default: the machine's."},
    {0, "start", formats::cli::Argument::kText, "TIME", "Input",
     "when the log began, for logs of -r", "Seconds since 1970, or '2026-11-23 08:00:00'."},
};

// What they say. --tz becomes the zone of the process. Throws UsageError.
[[nodiscard]] ClockOptions clock_options(const formats::cli::Arguments& arguments);

}  // namespace tracebraid::converters::strace
