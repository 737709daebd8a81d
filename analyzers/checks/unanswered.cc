// Connects that a capture shows to have no answer.

#include <algorithm>
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

constexpr std::int64_t kSecond = 1'000'000'000;

// SYNs of one number are one attempt. A flow ends a few seconds behind a SYN, and those that follow
// are flows of their own: from the same port, to the same server.
class Unanswered final : public FlowDetector {
 public:
  using FlowDetector::FlowDetector;

  void flow(const record::Flow& flow) override {
    if (flow.proto != "tcp") return;
    end_ts_ = std::max(end_ts_, flow.last_ts.ns);
    if (flow.resp_pkts > 0) has_answers_ = true;
    const bool is_asking = flow.conn_state == "S0" && flow.history == "S" &&
                           flow.orig_payload_bytes == 0 && flow.part == 0;
    if (!is_asking && open_.empty()) return;
    const Key key{flow.orig_h, flow.orig_p, flow.resp_h, flow.resp_p};
    const auto known = open_.find(key);
    // The kernel waits for 64 s and more between the last ones.
    constexpr std::int64_t kPatience = 130 * kSecond;
    if (known != open_.end() && flow.ts.ns - known->second.last_ts <= kPatience) {
      if (is_asking) {
        known->second.syns += flow.orig_pkts - flow.dup_pkts;
        known->second.last_ts = std::max(known->second.last_ts, flow.last_ts.ns);
      } else {
        open_.erase(known);  // answered at last, or refused
      }
      return;
    }
    if (!is_asking) return;
    if (known != open_.end()) {
      done_.push_back(std::move(known->second));
      open_.erase(known);
    }
    if (open_.size() + done_.size() >= kMostKept) return;
    watch(flow);
    open_[key] = {std::string(flow.uid),   shown_server(flow),
                  shown_host(flow.orig_h), flow.ts.ns,
                  flow.last_ts.ns,         flow.orig_pkts - flow.dup_pkts};
  }

  void finish() override {
    for (auto& [key, one] : open_) done_.push_back(std::move(one));
    std::map<std::string, ServerFlows> by_server;
    for (const One& one : done_) {
      // A SYN alone: was there time to answer, and are answers captured at all?
      // The same again comes after a second; sooner it is a copy.
      const bool was_repeated = one.syns > 1 && one.last_ts - one.ts >= kSecond / 2;
      const bool is_sure = was_repeated || (has_answers_ && end_ts_ - one.last_ts >= kSecond);
      if (!is_sure || is_traced(one.uid, 0)) continue;
      ServerFlows& group = by_server[one.server];
      group.add(one.ts, one.last_ts, one.uid);
      group.syns += one.syns;
      group.add_client(one.client);
    }
    for (const ServerFlows& group : told_servers(by_server)) {
      Finding finding = group.finding(Severity::kWarning);
      finding.summary = fmt::format(
          "{} to {} had no answer: {}{}", counted(group.flows, "connect", "connects"),
          group.shown_servers(), counted(group.syns, "SYN", "SYNs"),
          group.last_ts > group.first_ts ? " in " + shown_duration(group.last_ts - group.first_ts)
                                         : "");
      finding.detail = "No SYN-ACK and no RST came back; " + group.shown_clients();
      finding.evidence.push_back(fmt::format("flow {}: the first of them", group.uid));
      finding.hint =
          "a firewall that drops, a host that is down, a full accept queue; or the answers went "
          "another way than by where the capture was made";
      report(std::move(finding));
    }
  }

 private:
  using Key = std::tuple<record::Address, std::uint16_t, record::Address, std::uint16_t>;
  struct One {
    std::string uid, server, client;
    std::int64_t ts = 0, last_ts = 0;
    std::uint64_t syns = 0;
  };
  std::map<Key, One> open_;
  std::vector<One> done_;
  std::int64_t end_ts_ = INT64_MIN;
  bool has_answers_ = false;
};

}  // namespace

extern constinit const Check kUnanswered = {
    .id = "unanswered",
    .title = "connects had no answer",
    .explain =
        "SYNs to which neither a SYN-ACK nor a RST came, in a capture. All SYNs from one port to "
        "one server are one connect: the kernel sends the same again after 1, 2, 4 … seconds. A "
        "single SYN counts when the capture goes on for a second behind it and holds answers of "
        "others. One finding for a server, one for all when they are more than 8. Connections of a "
        "log that is given, too, are connect_failed's and backlog_overflow's.\n\n"
        "  0.000 10.0.0.1:40000 > 10.0.0.2:9000  SYN\n"
        "  1.000 10.0.0.1:40000 > 10.0.0.2:9000  SYN\n"
        "  3.000 10.0.0.1:40000 > 10.0.0.2:9000  SYN",
    .needs = "capture",
    .make = &make_detector<Unanswered>,
};

}  // namespace tracebraid::analyzers::checks
