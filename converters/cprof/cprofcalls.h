// The program cprofcalls: its table, and what it does with its arguments.
#pragma once

#include "formats/cli/program.h"

namespace tracebraid::converters::cprof {

[[nodiscard]] const formats::cli::Program& cprofcalls();

}  // namespace tracebraid::converters::cprof
