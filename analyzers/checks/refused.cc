// Connections that a capture shows to be refused.

#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/flows.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

namespace record = formats::record;

constexpr std::string_view kCalls[] = {"connect"};

class Refused final : public FlowDetector {
 public:
  using FlowDetector::FlowDetector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls}; }

  // Of what a log's connects are for connect_failed tells.
  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (!call.peer_p || called_.size() >= kMostKept) return;
    called_.insert(shown_end({call.peer_h, static_cast<std::uint16_t>(*call.peer_p)}));
  }

  void flow(const record::Flow& flow) override {
    if (flow.conn_state != "REJ" || flow.proto != "tcp" || flow.part > 0 ||
        flow.orig_tcp_flags.find('S') == std::string_view::npos ||
        flow.resp_tcp_flags.find('S') != std::string_view::npos || kept_.size() >= kMostKept) {
      return;
    }
    watch(flow);
    kept_.push_back({std::string(flow.uid), shown_server(flow), shown_host(flow.orig_h), flow.ts.ns,
                     flow.last_ts.ns});
  }

  void finish() override {
    std::map<std::string, ServerFlows> by_server;
    for (const One& one : kept_) {
      if (is_traced(one.uid, 0) || called_.contains(one.server)) continue;
      ServerFlows& group = by_server[one.server];
      group.add(one.ts, one.last_ts, one.uid);
      group.add_client(one.client);
    }
    for (const ServerFlows& group : told_servers(by_server)) {
      Finding finding = group.finding(Severity::kWarning);
      finding.summary = fmt::format(
          "{} refused by {}: it answered the SYN with a RST",
          group.flows == 1 ? "1 connection was" : shown_count(group.flows) + " connections were",
          group.shown_servers());
      finding.detail = "Nobody listened there, or a firewall rejects; " + group.shown_clients();
      finding.evidence.push_back(fmt::format("flow {}: the first of them", group.uid));
      finding.hint = "was the server up at that time, and on that address and port?";
      report(std::move(finding));
    }
  }

 private:
  struct One {
    std::string uid, server, client;
    std::int64_t ts, last_ts;
  };
  std::vector<One> kept_;
  std::set<std::string> called_;
};

}  // namespace

extern constinit const Check kRefused = {
    .id = "refused",
    .title = "connections were refused",
    .explain =
        "The answer to a SYN was a RST, in a capture: one finding for a server, one for all when "
        "they are more than 8. Connections of a log that is given, too, are connect_failed's.\n\n"
        "  10.0.0.1:41000 > 10.0.0.2:9000  SYN\n"
        "  10.0.0.2:9000 > 10.0.0.1:41000  RST, ACK\n\n"
        "Nobody listens at that address and port, or a firewall rejects.",
    .needs = "capture",
    .make = &make_detector<Refused>,
};

}  // namespace tracebraid::analyzers::checks
