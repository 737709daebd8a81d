// Inputs of any kind as records, told by their content (converters/inputs.h).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "analyzers/input/visitor.h"
#include "converters/input.h"
#include "formats/cli/program.h"

namespace tracebraid::analyzers {

using converters::Wanted;

// Rows for an analyzer's option table and its manual.
inline constexpr formats::cli::Option kShiftOption = {
    0,
    "shift",
    formats::cli::Argument::kText,
    "INPUT=SECONDS",
    "Input",
    "add SECONDS to all times of INPUT",
    "For files from machines whose clocks differ. INPUT as on the command line; may be repeated."};

// For analyzers that follow flows: Wanted::most_flows.
inline constexpr formats::cli::Option kMaxFlowsOption = {
    0,
    "max-flows",
    formats::cli::Argument::kText,
    "NUMBER",
    "Input",
    "most flows of captures that are open at a time",
    "When there are more, the one that would time out first is ended (end_reason evicted), and how "
    "many were is said at the end. Default: what fits into a quarter of the memory, the machine's "
    "or the container's."};
// How many a quarter of the memory holds where an analyzer keeps `flow_bytes` of each.
[[nodiscard]] std::size_t default_most_flows(std::size_t flow_bytes);
// What the option was given, or that default.
[[nodiscard]] std::size_t most_flows(const formats::cli::Arguments& arguments,
                                     std::size_t flow_bytes);

[[nodiscard]] std::string_view described_inputs();

inline constexpr formats::cli::Section kInputSection = {"Input", {}, &described_inputs};

// What kind of input a file is.
struct Recognized {
  const converters::InputKind* kind = nullptr;  // null: nothing known, or it cannot be read
  std::string common_path;                      // InputKind::common_path
};
// A pipe cannot be looked at and then read: it is taken for a record stream, which may hold any.
[[nodiscard]] Recognized recognize_file(const std::string& path);

// All of the following read the inputs that the command line names, and show their records to
// `visitor` (visitor.h): those of a kind by one converter, one after another, in a lane. What
// cannot be read is reported, and the others are read all the same.

// All lanes at the same time, each in a thread (in_step.h), in the order in which things were
// known; timeless ones first.
void read_inputs_in_step(const formats::cli::Arguments& arguments, const Wanted& wanted,
                         RecordVisitor& visitor, formats::cli::Context& context);

// How inputs become one sequence in order of ts.
struct Ordering {
  bool sort_streams = false;   // record streams too, which else are in order, or reported
  std::size_t most_bytes = 0;  // memory for sorting
};

// The same, in order of the records' ts, and among equals in that of the inputs. A record without
// ts stays behind the one before it in its input. What converters make is sorted (sorter.h); a
// record stream is shown as it comes, and reported where it goes backwards.
void read_inputs_by_ts(const formats::cli::Arguments& arguments, const Wanted& wanted,
                       const Ordering& ordering, RecordVisitor& visitor,
                       formats::cli::Context& context);

// One lane after another, in the order of their first inputs, in the calling thread: nothing is
// copied, and what a converter keeps until its next input, such as the texts of a profile's
// records, stays valid until then or at_end().
void read_inputs_in_turn(const formats::cli::Arguments& arguments, const Wanted& wanted,
                         RecordVisitor& visitor, formats::cli::Context& context);

}  // namespace tracebraid::analyzers
