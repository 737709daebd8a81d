#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "analyzers/callgrind/outputs.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers {

std::string attribution_line(const Attribution::Summary& summary) {
  const auto count = [&](Evidence evidence) {
    return summary.by_evidence[static_cast<std::size_t>(evidence)];
  };
  return fmt::format(
      "{} system calls by stack, {} by built-in function, {} estimated by numbers of calls, {} not "
      "attributed",
      count(Evidence::kStack), count(Evidence::kMethod), count(Evidence::kCount),
      count(Evidence::kNone));
}

namespace {

std::string calls_line(const Attribution::Summary& summary, std::uint64_t not_returned) {
  std::string line = attribution_line(summary);
  std::vector<std::string> reasons;
  const auto reason = [&](std::uint64_t calls, std::string_view text) {
    if (calls > 0) reasons.push_back(fmt::format("{} {}", calls, text));
  };
  reason(summary.unseen, "of threads that the profiler did not see");
  reason(summary.outside, "before the profiler began or after it ended");
  if (!reasons.empty()) line += fmt::format(" ({})", joined(reasons, ", "));
  if (not_returned > 0) line += fmt::format("; {} that did not return are left out", not_returned);
  return line;
}

// What stacks would tell, or do not.
std::string_view stacks_line(const Attribution::Summary& summary) {
  if (summary.is_stripped) {
    return "the stacks name wrong functions: this Python's symbols are stripped; numbers of calls "
           "are used instead";
  }
  if (summary.with_stack == 0) return "with strace -k the functions would be exact";
  if (!summary.has_symbols) {
    return "with the process's perf map (python -X perf, /tmp/perf-PID.map) stacks would tell the "
           "Python functions, too";
  }
  return {};
}

}  // namespace

void tell(const Findings& findings, formats::cli::Context& context) {
  const Attribution::Summary& summary = findings.attribution.summary();
  const bool has_profile = findings.graph.has_profile();
  const auto note = [&](std::string_view line) { context.diagnostics.note(line); };
  if (!has_profile) note("no profile among the inputs");
  if (findings.inputs.calls() == 0) return note("no system calls in the inputs: time only");
  note(calls_line(summary, findings.inputs.not_returned()));
  if (!summary.threads.empty() && has_profile) {
    note("the profiler is taken to have seen " + summary.threads);
  }
  if (const std::string_view line = stacks_line(summary); !line.empty()) note(line);
  if (summary.unresolved > 0) {
    note(fmt::format("{} calls were made by code that is in no perf map", summary.unresolved));
  }
}

}  // namespace tracebraid::analyzers
