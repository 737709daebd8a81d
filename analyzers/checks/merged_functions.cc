// Entries of a profile that are several functions.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/profile.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

namespace record = formats::record;

class MergedFunctions final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.profile = true}; }

  void function(const record::Function& function) override {
    if (function.sampled || !function.calls) return;
    // Of recursive calls cumulative time counts the outermost alone.
    Entry& entry = entries_[key_of(function)];
    entry.is_recursive |= function.primitive_calls != function.calls;
    entry.is_there = true;
    entry.own += function.tottime.ns;
    entry.all += function.cumtime.ns;
    is_negative_ |= function.tottime.ns < 0 || function.cumtime.ns < 0;
  }

  void called(const record::Call& call) override {
    if (call.sampled || !call.calls || !call.cumtime) return;
    // Of greenlets and mixed threads (untrue_callers) no sum holds.
    if (*call.calls == 0 ||
        (call.callee_name == "_bootstrap" && call.callee_file.ends_with("threading.py"))) {
      is_mixed_ = true;
    }
    Entry& entry = entries_[caller_of(call)];
    entry.callees += call.cumtime->ns;
    entry.is_recursive |= call.primitive_calls && call.primitive_calls != call.calls;
  }

  void finish() override {
    if (is_mixed_ || is_negative_) return;
    std::vector<std::pair<std::int64_t, const ProfileKey*>> found;
    for (const auto& [key, entry] : entries_) {
      const std::int64_t excess = entry.own + entry.callees - entry.all;
      // pstats' floating-point seconds are right to some ns.
      constexpr std::int64_t kRounding = 2'000;
      constexpr std::int64_t kThousandth = 1'000;
      if (entry.is_there && !entry.is_recursive && !key.is_builtin() &&
          excess > kRounding + entry.all / kThousandth) {
        found.emplace_back(excess, &key);
      }
    }
    if (found.empty()) return;
    std::ranges::sort(found, [](const auto& left, const auto& right) {
      return left.first != right.first ? left.first > right.first : *left.second < *right.second;
    });
    const ProfileKey& worst = *found.front().second;
    Finding finding;
    finding.severity = Severity::kNote;
    finding.count = found.size();
    finding.summary =
        fmt::format("{} of the profile {} several functions: {}",
                    found.size() == 1 ? "1 entry" : shown_count(found.size()) + " entries",
                    found.size() == 1 ? "is" : "are each", worst.shown());
    if (found.size() > 1) finding.summary += " and others";
    finding.detail =
        "cProfile keeps one entry for what has the same file, line and name (two lambdas on a "
        "line, generated code, a module that is run again), and of them the last: its numbers are "
        "too small";
    constexpr std::size_t kShown = 3;
    for (std::size_t at = 0; at < std::min(found.size(), kShown); ++at) {
      const Entry& entry = entries_.at(*found[at].second);
      finding.evidence.push_back(fmt::format(
          "{}: {} of its own and {} in what it called are more than the {} that it took",
          found[at].second->shown(), shown_duration(entry.own), shown_duration(entry.callees),
          shown_duration(entry.all)));
    }
    finding.hint = "name them, or put them on lines of their own";
    report(std::move(finding));
  }

 private:
  struct Entry {
    std::int64_t own = 0, all = 0, callees = 0;
    bool is_recursive = false, is_there = false;
  };
  std::map<ProfileKey, Entry> entries_;
  bool is_mixed_ = false, is_negative_ = false;
};

}  // namespace

extern constinit const Check kMergedFunctions = {
    .id = "merged_functions",
    .title = "an entry of a profile is several functions",
    .explain =
        "Of an entry that is not recursive, own time and what its callees say that they took on "
        "its behalf are more than its cumulative time, by a thousandth or more. Not looked for in "
        "profiles whose callers cannot be trusted (untrue_callers).\n\n"
        "  f, g = (lambda: time.sleep(0.05)), (lambda: time.sleep(0.001))\n\n"
        "  <lambda> (lam.py:2)              cumtime 0.15171\n"
        "  time.sleep, called by <lambda>   cumtime 0.15472",
    .needs = "profile",
    .make = &make_detector<MergedFunctions>,
};

}  // namespace tracebraid::analyzers::checks
