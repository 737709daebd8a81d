#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <range/v3/range/conversion.hpp>
#include <range/v3/view/addressof.hpp>
#include <range/v3/view/map.hpp>

#include "analyzers/callgrind/outputs.h"

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;

constexpr std::string_view kColumns[] = {"calls", "errors",  "time",     "sent", "received",
                                         "wait",  "syscall", "evidence", "name", "builtin"};

struct Row {
  const Attributed* of;
  Costs costs;
};
using Key =
    std::tuple<std::string_view, std::string_view, Evidence, CallGraph::Index, CallGraph::Index>;

std::map<Key, Row> rows_of(const Findings& findings) {
  std::map<Key, Row> rows;
  for (const Attributed& each : findings.calls) {
    const Key key = {findings.by_greenlet ? each.greenlet : std::string_view(), each.syscall,
                     each.evidence, each.function, each.callee};
    add_costs(rows.try_emplace(key, Row{&each, {}}).first->second.costs, each.costs);
  }
  return rows;
}

record::Attribution record_of(const Row& row, const Findings& findings) {
  const CallGraph& graph = findings.graph;
  const Attributed& of = *row.of;
  record::Attribution record;
  record.evidence = kEvidenceNames[static_cast<std::size_t>(of.evidence)];
  if (of.function != CallGraph::kNone) {
    record.name = graph.name_of(of.function);
    record.file = graph.file_of(of.function);
    if (graph.line_of(of.function) > 0) record.line = graph.line_of(of.function);
  }
  if (of.callee != CallGraph::kNone) record.builtin = graph.name_of(of.callee);
  record.syscall = of.syscall;
  if (findings.by_greenlet) record.greenlet = of.greenlet;
  record.calls = row.costs[kSyscalls];
  record.errors = row.costs[kErrors];
  record.time = {static_cast<std::int64_t>(row.costs[kSysTime])};
  record.sent = row.costs[kSent];
  record.received = row.costs[kReceived];
  if (findings.inputs.has_capture()) {
    record.wait = record::Duration{static_cast<std::int64_t>(row.costs[kWait])};
    record.rexmit_pkts = row.costs[kRetrans];
  }
  return record;
}

}  // namespace

void write_records(const Findings& findings, const formats::cli::RecordRequest& request,
                   formats::cli::Context& context) {
  const std::map<Key, Row> rows = rows_of(findings);
  auto order = rows | ranges::views::values | ranges::views::addressof | ranges::to<std::vector>();
  std::ranges::stable_sort(order, std::greater<>(), [](const Row* row) {
    return std::pair(row->costs[kSysTime], row->costs[kSyscalls]);
  });
  formats::cli::RecordOutput output(request, "tracebraid callgrind", kAttributionTypes, kColumns);
  for (const Row* const row : order) output.writer().write(record_of(*row, findings));
  output.finish(context.diagnostics);
}

}  // namespace tracebraid::analyzers
