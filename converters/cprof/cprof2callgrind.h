// The program cprof2callgrind: its table, and what it does with its arguments.
#pragma once

#include "formats/cli/program.h"

namespace tracebraid::converters::cprof {

[[nodiscard]] const formats::cli::Program& cprof2callgrind();

}  // namespace tracebraid::converters::cprof
