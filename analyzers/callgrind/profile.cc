#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/callgrind/outputs.h"
#include "formats/callgrind/writer.h"

namespace tracebraid::analyzers {
namespace {

// Puts what was found into the graph.
class Links {
 public:
  explicit Links(Findings& findings)
      : graph_(findings.graph), inputs_(findings.inputs), by_greenlet_(findings.by_greenlet) {}

  void link(const Attributed& each) {
    const std::uint64_t calls = each.costs[kSyscalls];
    CallGraph::Index at = kernel_node(graph_, each.syscall);
    const auto call_from = [&](CallGraph::Index caller) {
      graph_.link(caller, at, calls, each.costs);
      at = caller;
    };
    if (each.callee != CallGraph::kNone) call_from(each.callee);
    if (each.function != CallGraph::kNone) call_from(each.function);
    if (each.evidence == Evidence::kNone) call_from(unattributed());
    if (by_greenlet_ && !each.greenlet.empty()) {
      call_from(
          graph_.node("(greenlets)", 0, "greenlet " + std::string(each.greenlet), "greenlets"));
      call_from(graph_.root());
    } else if (each.evidence == Evidence::kNone || !each.is_seen) {
      call_from(graph_.root());
    } else {
      graph_.share(at, each.costs);
    }
  }

  // Of a call on a socket it is not known whether it was found by count: that is borne by the name
  // of the call.
  void bear_estimates(const std::vector<Attributed>& all) {
    std::map<std::string_view, std::uint64_t> estimated;
    for (const Attributed& each : all) estimated[each.syscall] += each.costs[kEstimated];
    for (const auto& [name, calls] : estimated) {
      Costs costs{};
      costs[kEstimated] = calls;
      graph_.bear(kernel_node(graph_, name), costs);
    }
  }

  void bear_plain_costs() {
    const std::vector<Costs>& plain = inputs_.plain_costs();
    for (std::uint32_t call = 0; call < plain.size(); ++call) {
      graph_.bear(inputs_.kernel(call), plain[call]);
    }
  }

  void link_foreign_flows() {
    if (inputs_.foreign_rexmit_pkts() == 0) return;
    Costs costs{};
    costs[kRetrans] = inputs_.foreign_rexmit_pkts();
    const CallGraph::Index flows =
        graph_.node(Network::kFile, 0, "flows without a socket", Network::kObject);
    graph_.bear(flows, costs);
    graph_.link(unattributed(), flows, 0, costs);
    graph_.link(graph_.root(), unattributed(), 0, costs);
  }

 private:
  CallGraph::Index unattributed() {
    return graph_.node("(unknown)", 0, "<unattributed>", "unknown");
  }

  CallGraph& graph_;
  MergedInputs& inputs_;
  bool by_greenlet_;
};

}  // namespace

void write_profile(Findings& findings, formats::io::Output& output) {
  MergedInputs& inputs = findings.inputs;
  Links links(findings);
  for (const Attributed& each : findings.calls) links.link(each);
  links.bear_estimates(findings.calls);
  links.bear_plain_costs();
  findings.network.write(findings.graph, [&](std::uint32_t call) { return inputs.kernel(call); });
  links.link_foreign_flows();

  formats::callgrind::Header header;
  header.creator = "tracebraid " + std::string(formats::cli::version());
  header.command = findings.command;
  if (inputs.calls() > 0) {
    header.descriptions.push_back("Attribution: " +
                                  attribution_line(findings.attribution.summary()));
    header.descriptions.emplace_back(
        "Estimated: what a function's callers have of its costs, but Time, where it has several");
  }
  header.events.push_back({"Time", "Nanoseconds in Python, as cProfile measured them", ""});
  const std::size_t count = inputs.calls() == 0 ? 0 : inputs.has_capture() ? kMostCosts : kWait;
  for (std::size_t at = 0; at < count; ++at) {
    const EventName& event = kEventNames[at];
    header.events.push_back({std::string(event.name), std::string(event.long_name), ""});
  }
  if (count > 0) header.events.push_back({"Bytes", "Bytes moved", "Sent + Received"});
  (void)findings.graph.write(output, header, count);
  output.commit();
}

}  // namespace tracebraid::analyzers
