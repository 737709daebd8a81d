// tracebraid diff: one side's runs against the other's.
#pragma once

#include "formats/cli/program.h"

namespace tracebraid::analyzers {

extern const formats::cli::Program kDiff;

}  // namespace tracebraid::analyzers
