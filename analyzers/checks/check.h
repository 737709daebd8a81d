// tracebraid check: what is wrong.
#pragma once

#include "formats/cli/program.h"

namespace tracebraid::analyzers {

extern const formats::cli::Program kCheck;

}  // namespace tracebraid::analyzers
