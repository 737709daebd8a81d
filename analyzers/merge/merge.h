// tracebraid merge: all inputs as one stream in order of time.
#pragma once

#include "formats/cli/program.h"

namespace tracebraid::analyzers {

extern const formats::cli::Program kMerge;

}  // namespace tracebraid::analyzers
