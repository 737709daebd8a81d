// Connections that a capture shows to end in a RST when data had passed.

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/flows.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

namespace record = formats::record;

// What the RST cut off.
enum class What : std::uint8_t { kUnansweredByServer, kByServer, kByClient };

class BrokenOff final : public FlowDetector {
 public:
  using FlowDetector::FlowDetector;

  void flow(const record::Flow& flow) override {
    // A RST behind a FIN of its sender is how much that does not care closes, and harmless.
    const bool is_clean_end = flow.reset_by.empty() || flow.closed_by == flow.reset_by;
    if (flow.proto != "tcp" || is_clean_end || !flow.final || kept_.size() >= kMostKept) return;
    if (flow.orig_uniq_bytes + flow.resp_uniq_bytes == 0) return;
    const bool has_start = flow.history.starts_with('S');
    const What what = flow.reset_by == "orig" ? What::kByClient
                      : has_start && flow.orig_uniq_bytes > 0 && flow.resp_uniq_bytes == 0
                          ? What::kUnansweredByServer
                          : What::kByServer;
    watch(flow);
    kept_.push_back({std::string(flow.uid), shown_server(flow), what, flow.ts.ns, flow.last_ts.ns});
  }

  void finish() override {
    std::map<What, std::map<std::string, ServerFlows>> groups;
    for (const One& one : kept_) {
      if (is_traced(one.uid)) continue;  // connection_reset's, unread_data's
      groups[one.what][one.server].add(one.ts, one.last_ts, one.uid);
    }
    for (auto& [what, servers] : groups) {
      for (const ServerFlows& group : told_servers(servers)) tell(what, group);
    }
  }

 private:
  void tell(What what, const ServerFlows& group) const {
    const std::string server = group.shown_servers();
    const bool is_unanswered = what == What::kUnansweredByServer;
    Finding finding = group.finding(is_unanswered ? Severity::kWarning : Severity::kNote);
    const std::string connections = counted(group.flows, "connection", "connections");
    finding.summary =
        is_unanswered ? fmt::format(
                            "the server {} reset {} without an answer to "
                            "what it had been sent",
                            server, connections)
        : what == What::kByServer
            ? fmt::format("the server {} reset {} after data had passed", server, connections)
            : fmt::format("clients reset {} to {} after data had passed", connections, server);
    finding.detail = is_unanswered
                         ? "Whoever asked sees its connection reset by peer"
                         : "Their sender gave up, or closed with data that it had not read";
    finding.evidence.push_back(fmt::format("flow {}: the first of them", group.uid));
    finding.hint = is_unanswered ? "did the server crash, or refuse after it had accepted?"
                                 : "an abrupt end may be meant; a time-out of the one who sent "
                                   "the RST is not";
    report(std::move(finding));
  }

  struct One {
    std::string uid, server;
    What what;
    std::int64_t ts, last_ts;
  };
  std::vector<One> kept_;
};

}  // namespace

extern constinit const Check kBrokenOff = {
    .id = "broken_off",
    .title = "connections were reset after data had passed",
    .explain =
        "A TCP connection with payload ended in a RST of one that had not sent a FIN before, in a "
        "capture: a warning when a server sent it and had not answered at all, else a note. "
        "Grouped by server and who sent it. Connections of a log that is given, too, are "
        "connection_reset's and unread_data's; those reset without payload are refused's.\n\n"
        "  10.0.0.1:40000 > 10.0.0.2:80  seq 1:101\n"
        "  10.0.0.2:80 > 10.0.0.1:40000  RST",
    .needs = "capture",
    .make = &make_detector<BrokenOff>,
};

}  // namespace tracebraid::analyzers::checks
