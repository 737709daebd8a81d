// The forms in which `tracebraid callgrind` writes what was found.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/callgrind/attribution.h"
#include "analyzers/callgrind/call_graph.h"
#include "analyzers/callgrind/merged_inputs.h"
#include "analyzers/callgrind/network.h"
#include "formats/cli/program.h"
#include "formats/cli/record_output.h"
#include "formats/io/output.h"
#include "formats/record/attribution.h"

namespace tracebraid::analyzers {

struct EventName {
  std::string_view name, long_name;
};

// In the order of Event.
inline constexpr std::array<EventName, kMostCosts> kEventNames = {{
    {"Syscalls", "System calls"},
    {"SysTime", "Nanoseconds in system calls"},
    {"Errors", "Failed system calls"},
    {"Sent", "Bytes sent or written"},
    {"Received", "Bytes received or read"},
    {"Estimated", "System calls found by numbers of calls"},
    {"Wait", "Nanoseconds that received bytes lay in the kernel"},
    {"Retrans", "Segments sent again"},
}};

struct Findings {
  Attribution& attribution;
  CallGraph& graph;  // sealed
  MergedInputs& inputs;
  Network& network;
  const std::vector<Attributed>& calls;
  bool by_greenlet;
  std::string command;  // that made them
};

// Into the call graph, and all of it for KCachegrind. profile.cc.
void write_profile(Findings& findings, formats::io::Output& output);

// Which function made which system calls, those that took longest first. records.cc.
inline constexpr const formats::record::TypeInfo* kAttributionTypes[] = {
    &formats::record::kTypeInfo<formats::record::Attribution>};
void write_records(const Findings& findings, const formats::cli::RecordRequest& request,
                   formats::cli::Context& context);

// Flame graphs of the stacks of strace -k, with the Python functions that perf maps name.
// stacks.cc.
enum class FlameForm : std::uint8_t { kFolded, kSpeedscope };
void write_stacks(const Findings& findings, FlameForm form, std::size_t event,
                  formats::io::Output& output, formats::cli::Context& context);

// What was found, in sentences on standard error. notes.cc.
void tell(const Findings& findings, formats::cli::Context& context);
// "3 system calls by stack, 0 by built-in function, …".
[[nodiscard]] std::string attribution_line(const Attribution::Summary& summary);

}  // namespace tracebraid::analyzers
