// Several inputs read at the same time, so that what happened at the same time is seen together.
#pragma once

#include <functional>
#include <vector>

#include "analyzers/input/visitor.h"
#include "converters/input.h"
#include "formats/cli/program.h"
#include "formats/record/moments.h"

namespace tracebraid::analyzers {

// What one thread reads: one converter, with one input or several one after another.
struct Lane {
  // Runs in a thread of its own, or in this one by turns (fiber.h), where none can be made.
  std::function<void(converters::InputSink& sink, formats::cli::Context& context)> read;
  bool may_wait = false;  // a pipe: may not end when nobody wants its records any more
};

// Runs the lanes of each group, one group after another, and shows their records to `visitor` in
// this thread: each lane's in their order, and always those of the lane that has come least far (by
// Moments), the first among equals. A lane is at most a few batches ahead of the others. Lanes are
// numbered through all groups. Calls all functions of RecordVisitor but begin().
//
// Memory: six batches of 512 KiB for each lane.
void read_in_step(std::vector<std::vector<Lane>> groups, formats::record::Order order,
                  RecordVisitor& visitor, formats::cli::Context& context);

}  // namespace tracebraid::analyzers
