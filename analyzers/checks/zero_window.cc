// Receivers whose window was 0: nobody read, and the sender had to wait.

#include <algorithm>
#include <map>
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

constexpr std::int64_t kNoted = 200'000'000;
constexpr std::int64_t kLong = 1'000'000'000;

class ZeroWindow final : public FlowDetector {
 public:
  using FlowDetector::FlowDetector;

  void flow(const record::Flow& flow) override {
    add(flow, 0, flow.orig_zero_win_time);
    add(flow, 1, flow.resp_zero_win_time);
  }

  void finish() override {
    struct Group : FlowGroup {
      std::int64_t longest = 0;
    };
    std::map<std::pair<bool, std::string>, Group> groups;
    for (const One& one : kept_) {
      if (is_traced(one.uid, 1 - one.side)) continue;  // peer_not_reading's
      Group& group = groups[{one.side == 1, one.where}];
      group.add(one.ts, one.last_ts, one.uid);
      if (one.ns <= group.longest) continue;
      group.longest = one.ns;
      group.uid = one.uid;
    }
    for (const auto& [key, group] : groups) {
      const auto& [is_server, where] = key;
      Finding finding =
          group.finding(group.longest >= kLong ? Severity::kWarning : Severity::kNote);
      finding.summary = fmt::format(
          "{} did not read: its receive window was 0 for {}{}",
          is_server ? "the server " + where : "the client of " + where,
          shown_duration(group.longest),
          group.flows > 1 ? fmt::format(" at most, on {} connections", shown_count(group.flows))
                          : "");
      finding.detail =
          "Its buffer was full, and the other end had to wait until it read on: a program that is "
          "busy, blocked or stopped";
      finding.evidence.push_back(
          fmt::format("flow {}: window 0 for {}", group.uid, shown_duration(group.longest)));
      finding.hint = "what did the receiver do meanwhile? strace -f -ttt -T -yy of it shows";
      report(std::move(finding));
    }
  }

 private:
  struct One {
    std::string uid, where;
    std::size_t side;
    std::int64_t ts, last_ts, ns;
  };

  void add(const record::Flow& flow, std::size_t side,
           const std::optional<record::Duration>& shut) {
    if (!shut || shut->ns < kNoted || kept_.size() >= kMostKept) return;
    watch(flow);
    kept_.push_back(
        {std::string(flow.uid), shown_server(flow), side, flow.ts.ns, flow.last_ts.ns, shut->ns});
  }

  std::vector<One> kept_;
};

}  // namespace

extern constinit const Check kZeroWindow = {
    .id = "zero_window",
    .title = "a receiver's window was 0",
    .explain =
        "An end of a TCP connection said that it has no room, and that it has again (or the "
        "capture or the connection ended) so much later: a warning from a second on, a note from "
        "0.2 s on. Where the sender is in a log, too, peer_not_reading tells of it.\n\n"
        "   0.110 10.0.0.2:9000 > 10.0.0.1:40000  ACK, window 0\n"
        "  12.000 10.0.0.2:9000 > 10.0.0.1:40000  ACK, window 65,000\n\n"
        "The program at 10.0.0.2 did not read for about 12 s.",
    .needs = "capture",
    .make = &make_detector<ZeroWindow>,
};

}  // namespace tracebraid::analyzers::checks
