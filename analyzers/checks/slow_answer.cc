// Servers whose first answers came late.

#include <algorithm>
#include <cstddef>
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

constexpr std::int64_t kSlow = 1'000'000'000;
constexpr std::int64_t kTimes = 10;
constexpr std::size_t kEnough = 5;  // answers for an ordinary time

// The first answers of a server's connections: their number, and of the first ones how long each
// took.
struct Answers {
  std::uint64_t all = 0;
  std::vector<std::uint32_t> ms;
  FlowGroup slow;
  std::int64_t longest = 0;
  std::string worst_uid;
};

class SlowAnswer final : public FlowDetector {
 public:
  using FlowDetector::FlowDetector;

  void flow(const record::Flow& flow) override {
    if (flow.proto != "tcp" || !flow.response_latency || flow.part > 0) return;
    const std::int64_t took = flow.response_latency->ns;
    if (servers_.size() >= kMostKept) return;
    Answers& answers = servers_[shown_server(flow)];
    ++answers.all;
    constexpr std::size_t kMostTimes = 100;
    constexpr std::int64_t kMillisecond = 1'000'000;
    if (answers.ms.size() < kMostTimes) {
      answers.ms.push_back(
          static_cast<std::uint32_t>(std::min<std::int64_t>(took / kMillisecond, UINT32_MAX)));
    }
    if (took < kSlow) return;
    watch(flow);
    answers.slow.add(flow.ts.ns, flow.last_ts.ns, flow.uid);
    if (took <= answers.longest) return;
    answers.longest = took;
    answers.worst_uid = flow.uid;
  }

  void finish() override {
    for (auto& [server, answers] : servers_) {
      if (answers.slow.flows == 0 || is_traced(answers.worst_uid, 1)) continue;
      const auto middle = answers.ms.begin() + static_cast<std::ptrdiff_t>(answers.ms.size() / 2);
      std::nth_element(answers.ms.begin(), middle, answers.ms.end());
      constexpr std::int64_t kMillisecond = 1'000'000;
      const std::int64_t usual = std::int64_t{*middle} * kMillisecond;
      // Whether it is late for this server: others wait for events, and that is how they work.
      const bool is_late = answers.all >= kEnough && answers.longest >= usual * kTimes;
      Finding finding = answers.slow.finding(is_late ? Severity::kWarning : Severity::kNote);
      finding.uid = answers.worst_uid;
      finding.summary = fmt::format(
          "the first answer of {} took a second or more on {} of {}: {} at most", server,
          shown_count(answers.slow.flows), counted(answers.all, "connection", "connections"),
          shown_duration(answers.longest));
      if (answers.all >= kEnough) {
        finding.detail = fmt::format("Half of its first answers came within {}",
                                     shown_duration(usual + kMillisecond));
      }
      finding.evidence.push_back(
          fmt::format("flow {}: {} from the last byte that was asked to the "
                      "first that was answered",
                      answers.worst_uid, shown_duration(answers.longest)));
      finding.hint = "strace -f -ttt -T -yy of the server shows what it did meanwhile";
      report(std::move(finding));
    }
  }

 private:
  std::map<std::string, Answers> servers_;
};

}  // namespace

extern constinit const Check kSlowAnswer = {
    .id = "slow_answer",
    .title = "a server's first answers came late",
    .explain =
        "From the originator's last payload to the responder's first, a second or more passed in a "
        "capture. A warning when the longest is ten times what half of that server's connections "
        "took (5 or more of them), else a note: a server may wait for events, as long polling "
        "does. Later answers of a connection are not looked at.\n\n"
        "  0.100 10.0.0.1:40000 > 10.0.0.2:80  GET /\n"
        "  4.300 10.0.0.2:80 > 10.0.0.1:40000  HTTP/1.1 200 OK",
    .needs = "capture",
    .make = &make_detector<SlowAnswer>,
};

}  // namespace tracebraid::analyzers::checks
