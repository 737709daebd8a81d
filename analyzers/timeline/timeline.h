// tracebraid timeline: what happened, in order, on one clock.
#pragma once

#include "formats/cli/program.h"

namespace tracebraid::analyzers {

extern const formats::cli::Program kTimeline;

}  // namespace tracebraid::analyzers
