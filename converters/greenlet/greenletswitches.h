// The program greenletswitches: its table, and what it does with its arguments.
#pragma once

#include "formats/cli/program.h"

namespace tracebraid::converters::greenlet {

[[nodiscard]] const formats::cli::Program& greenletswitches();

}  // namespace tracebraid::converters::greenlet
