// Calls that took much longer than their like, and that wait for nobody.

#include <map>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/util/shown.h"
#include "analyzers/util/spread.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::int64_t kSlow = 100'000'000;
constexpr std::int64_t kTimes = 20;

struct Kind {
  Spread spread;
  std::int64_t slow_ns = 0, longest = 0;
  Finding finding;
};

class SlowCall final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.all = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (!call.duration) return;
    // Waiting is not slowness; disks are.
    if (!call.wait.empty() && call.wait != "disk") return;
    if (event.name.is_poll || event.name.is_sleep || call.syscall == "execve" ||
        call.syscall == "exit_group" || call.syscall == "vfork") {
      return;
    }
    const std::size_t number = event.name.number;
    if (number >= by_number_.size()) by_number_.resize(number + 1);
    if (by_number_[number] == nullptr) by_number_[number] = &kinds_[event.name.text];
    Kind& kind = *by_number_[number];
    kind.spread.add(call.duration->ns);
    if (call.duration->ns < kSlow) return;
    if (kind.finding.evidence.empty()) {
      set_call(kind.finding, event);
      kind.finding.count = 0;
    }
    ++kind.finding.count;
    kind.finding.last_ts = event.begin;
    kind.slow_ns += call.duration->ns;
    if (call.duration->ns > kind.longest) {
      kind.longest = call.duration->ns;
      kind.finding.evidence.insert(kind.finding.evidence.begin(), scene_.evidence(call));
      constexpr std::size_t kShown = 3;
      if (kind.finding.evidence.size() > kShown) kind.finding.evidence.resize(kShown);
    }
  }

  void finish() override {
    for (auto& [name, kind] : kinds_) {
      if (kind.longest == 0) continue;
      constexpr double kHalf = 50;
      const std::int64_t median = kind.spread.percentile(kHalf);
      if (median > kind.longest / kTimes) continue;
      Finding& finding = kind.finding;
      finding.summary =
          fmt::format("{} took 100 ms or more {}, {} at most; half of its {} took under {}", name,
                      counted(finding.count, "time", "times"), shown_duration(kind.longest),
                      counted(kind.spread.count(), "call", "calls"), shown_duration(median));
      finding.function = scene_.function(name, kind.spread.count());
      finding.hint = "a slow disk or file system, or a machine with too much to do";
      report(std::move(finding));
    }
  }

 private:
  std::map<std::string, Kind> kinds_;
  std::vector<Kind*> by_number_;
};

}  // namespace

extern constinit const Check kSlowCall = {
    .id = "slow_call",
    .title = "system calls that took long without waiting for anybody",
    .explain =
        "A call that waits for no peer, lock, child or timer took 100 ms or more, and 20 times as "
        "long as the median of its kind.",
    .needs = "log with -T",
    .make = &make_detector<SlowCall>,
};

}  // namespace tracebraid::analyzers::checks
