// The program stracecalls: its table, and what it does with its arguments.
#pragma once

#include "converters/strace/clock.h"
#include "formats/cli/program.h"

namespace tracebraid::converters::strace {

[[nodiscard]] const formats::cli::Program& stracecalls();

// What the options of formats/strace/clock_options.h say. --tz becomes the zone of the process.
// Throws UsageError.
[[nodiscard]] ClockOptions clock_options(const formats::cli::Arguments& arguments);

}  // namespace tracebraid::converters::strace
