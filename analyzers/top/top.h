// tracebraid top: records in groups, the heaviest first.
#pragma once

#include "formats/cli/program.h"

namespace tracebraid::analyzers {

extern const formats::cli::Program kTop;

}  // namespace tracebraid::analyzers
