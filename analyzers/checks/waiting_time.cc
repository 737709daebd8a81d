// How much of a profile's time is waiting.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/hot.h"
#include "analyzers/checks/profile.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

namespace record = formats::record;

constexpr std::int64_t kLeast = 100'000'000;
constexpr std::int64_t kWait = 1'000'000;  // a call, on average
constexpr std::int64_t kPercent = 100;
constexpr std::int64_t kMuch = 20;  // %

class WaitingTime final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.profile = true}; }

  void function(const record::Function& function) override {
    if (function.sampled || function.tottime.ns <= 0) return;
    all_ += function.tottime.ns;
    if (function.line != 0 || !waits(function.name)) return;
    // A call that returns at once, as of a socket that does not block, is work.
    const auto calls = static_cast<std::int64_t>(function.calls.value_or(1));
    if (calls > 0 && function.tottime.ns / calls < kWait) return;
    waiting_ += function.tottime.ns;
    by_name_[std::string(function.name)] += function.tottime.ns;
  }

  void finish() override {
    if (waiting_ < kLeast || waiting_ * kPercent < all_ * kMuch) return;
    std::vector<std::pair<std::int64_t, std::string>> most;
    for (const auto& [name, ns] : by_name_) most.emplace_back(ns, name);
    std::ranges::sort(most, std::greater<>());
    Finding finding;
    finding.severity = Severity::kNote;
    finding.count = most.size();
    finding.summary = fmt::format("{} of the {} in the profile are waiting, not work: {} in {}",
                                  shown_duration(waiting_), shown_duration(all_),
                                  shown_duration(most.front().first), most.front().second);
    finding.detail = fmt::format("Work is {}: {} %", shown_duration(all_ - waiting_),
                                 (all_ - waiting_) * kPercent / all_);
    constexpr std::size_t kShown = 3;
    for (std::size_t at = 0; at < std::min(most.size(), kShown); ++at) {
      finding.evidence.push_back(
          fmt::format("{}: {}", most[at].second, shown_duration(most[at].first)));
    }
    finding.hint =
        "a faster program waits as long: look at who waits for what (strace), or at the "
        "rest of the profile";
    report(std::move(finding));
  }

 private:
  std::int64_t all_ = 0, waiting_ = 0;
  std::map<std::string, std::int64_t> by_name_;
};

}  // namespace

extern constinit const Check kWaitingTime = {
    .id = "waiting_time",
    .title = "much of a profile's time is waiting",
    .explain =
        "Built-in functions that sleep or wait (time.sleep, poll, select, accept, recv, locks, "
        "waitpid …), 1 ms or more in each call on average, have 20 % or more of all own times, and "
        "0.1 s or more. cProfile counts time "
        "that passes, not the processor's.\n\n"
        "  tottime 5.10  {built-in method time.sleep}\n"
        "  tottime 0.90  all others",
    .needs = "profile",
    .make = &make_detector<WaitingTime>,
};

}  // namespace tracebraid::analyzers::checks
