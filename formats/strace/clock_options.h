// Rows for the option table of every program that reads strace logs: what logs without a date need
// for their times (converters/strace/clock.h).
#pragma once

#include "formats/cli/program.h"

namespace tracebraid::formats::strace {

inline constexpr cli::Option kClockOptions[] = {
    {0, "date", cli::Argument::kText, "DATE", "Input",
     "day of the first line, for strace logs of -t and -tt",
     "Such as 2026-11-23. Default: the latest day that fits when the log was last written."},
    {0, "tz", cli::Argument::kText, "ZONE", "Input", "time zone of strace logs of -t and -tt",
     "Such as Europe/Berlin or UTC. Default: the machine's."},
    {0, "start", cli::Argument::kText, "TIME", "Input", "when the log began, for strace logs of -r",
     "Seconds since 1970, or '2026-11-23 08:00:00'."},
};

}  // namespace tracebraid::formats::strace
