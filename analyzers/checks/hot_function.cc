// A function that takes most of a profile's working time.

#include <algorithm>
#include <cstdint>
#include <string>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/hot.h"
#include "analyzers/checks/profile.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

namespace record = formats::record;

constexpr std::int64_t kLeast = 100'000'000;
constexpr std::int64_t kPercent = 100;
constexpr std::int64_t kMuch = 40;  // %

class HotFunction final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.profile = true}; }

  void function(const record::Function& function) override {
    if (function.sampled || function.tottime.ns <= 0) return;
    constexpr std::int64_t kWait = 1'000'000;  // as waiting_time has it
    const auto calls = static_cast<std::int64_t>(function.calls.value_or(1));
    const bool is_slow = calls == 0 || function.tottime.ns / calls >= kWait;
    if (function.line == 0 && is_slow && waits(function.name)) return;
    work_ += function.tottime.ns;
    if (function.tottime.ns <= most_) return;
    most_ = function.tottime.ns;
    calls_ = function.calls.value_or(0);
    hot_ = key_of(function);
  }

  void finish() override {
    if (most_ < kLeast || most_ * kPercent < work_ * kMuch) return;
    Finding finding;
    finding.severity = Severity::kNote;
    finding.count = std::max<std::uint64_t>(calls_, 1);
    finding.summary = fmt::format(
        "{} takes {} % of the profile's working time: {} of its own in {}", hot_.shown(),
        most_ * kPercent / work_, shown_duration(most_), counted(calls_, "call", "calls"));
    finding.evidence.push_back(fmt::format("{}:{}: {} of {} (without waiting)", hot_.file,
                                           hot_.line, shown_duration(most_),
                                           shown_duration(work_)));
    finding.hint = "tracebraid top of the profile shows its callers and what comes next";
    report(std::move(finding));
  }

 private:
  std::int64_t work_ = 0, most_ = 0;
  std::uint64_t calls_ = 0;
  ProfileKey hot_;
};

}  // namespace

extern constinit const Check kHotFunction = {
    .id = "hot_function",
    .title = "one function takes most of a profile's time",
    .explain =
        "One function's own time (tottime) is 40 % or more of all own times but those of built-in "
        "functions that wait (waiting_time), and 0.1 s or more.\n\n"
        "  tottime 3.20  parse (feed.py:88)\n"
        "  tottime 1.10  all others",
    .needs = "profile",
    .make = &make_detector<HotFunction>,
};

}  // namespace tracebraid::analyzers::checks
