// All runs' profiles as one callgrind profile, with two columns for each run: its time, and its
// numbers of calls. A function has one node, whichever runs have it. Viewers show no negative
// costs, so that there is no column of differences.
//
// What holds of each run's column of time is what holds of cprof2callgrind's file of its profile:
// self costs and totals are exactly the profile's, inclusive costs too, and calls from outside come
// from `(root)`. In a column of calls a function's own cost is its calls, and the cost of a call
// its number; the total is that of all functions' calls.
#pragma once

#include <string>
#include <vector>

#include "analyzers/diff/comparisons.h"
#include "analyzers/diff/runs.h"
#include "formats/io/output.h"

namespace tracebraid::analyzers::diff {

// `collector` was made with calls, and is used up. `creator` is for the header.
void write_callgrind(Collector& collector, const std::vector<Run>& a, const std::vector<Run>& b,
                     const std::string& creator, formats::io::Output& output);

}  // namespace tracebraid::analyzers::diff
