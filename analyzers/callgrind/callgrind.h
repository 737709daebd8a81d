// `tracebraid callgrind`: a profile with the system calls and flows that its functions caused.
#pragma once

#include "formats/cli/program.h"

namespace tracebraid::analyzers {

extern const formats::cli::Program kCallgrind;

}  // namespace tracebraid::analyzers
