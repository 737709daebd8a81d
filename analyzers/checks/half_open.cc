// Connections of which one end has closed, and the other never does.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/flows.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

namespace record = formats::record;

constexpr std::int64_t kLong = 10'000'000'000;

class HalfOpen final : public FlowDetector {
 public:
  using FlowDetector::FlowDetector;

  void flow(const record::Flow& flow) override {
    if (flow.proto != "tcp") return;
    end_ts_ = std::max(end_ts_, flow.last_ts.ns);
    const bool is_server = flow.conn_state == "S2";  // that is still open
    if ((!is_server && flow.conn_state != "S3") || !flow.final || kept_.size() >= kMostKept) return;
    watch(flow);
    kept_.push_back(
        {std::string(flow.uid), shown_server(flow), is_server, flow.ts.ns, flow.last_ts.ns});
  }

  void finish() override {
    struct Group : FlowGroup {
      std::int64_t longest = 0;
    };
    std::map<std::pair<bool, std::string>, Group> groups;
    for (const One& one : kept_) {
      const std::int64_t silent = end_ts_ - one.last_ts;
      if (silent < kLong || is_traced(one.uid)) continue;  // close_wait's
      Group& group = groups[{one.is_server, one.server}];
      group.add(one.ts, one.last_ts, one.uid);
      group.longest = std::max(group.longest, silent);
    }
    for (const auto& [key, group] : groups) {
      const auto& [is_server, server] = key;
      Finding finding = group.finding(Severity::kNote);
      finding.summary = fmt::format(
          "{} with {}: {} had closed, and {} did not, in the {} that were captured behind it",
          counted(group.flows, "connection", "connections"), server,
          is_server ? "the client" : "the server", is_server ? "the server" : "the client",
          shown_duration(group.longest));
      finding.detail = "The socket of the end that is open stays in CLOSE_WAIT until it is closed";
      finding.evidence.push_back(fmt::format("flow {}: the first of them", group.uid));
      finding.hint = "close when recv returns b''; strace of that end shows (close_wait)";
      report(std::move(finding));
    }
  }

 private:
  struct One {
    std::string uid, server;
    bool is_server;
    std::int64_t ts, last_ts;
  };
  std::vector<One> kept_;
  std::int64_t end_ts_ = INT64_MIN;
};

}  // namespace

extern constinit const Check kHalfOpen = {
    .id = "half_open",
    .title = "one end of a connection has closed, the other does not",
    .explain =
        "One end of a TCP connection has sent its FIN, the other has not, and in 10 s or more "
        "nothing came any more (a capture that ends sooner does not tell). Where the open end is "
        "in a log, close_wait tells of it.\n\n"
        "   1.000 10.0.0.1:40000 > 10.0.0.2:80  FIN\n"
        "   1.001 10.0.0.2:80 > 10.0.0.1:40000  ACK\n"
        "  60.000 the capture ends",
    .needs = "capture",
    .make = &make_detector<HalfOpen>,
};

}  // namespace tracebraid::analyzers::checks
