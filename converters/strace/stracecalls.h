// The program stracecalls: its table, and what it does with its arguments.
#pragma once

#include "formats/cli/program.h"

namespace tracebraid::converters::strace {

[[nodiscard]] const formats::cli::Program& stracecalls();

}  // namespace tracebraid::converters::strace
