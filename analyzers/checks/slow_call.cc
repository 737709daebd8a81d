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
  std::int64_t begin = 0;  // of the longest
  bool cannot_wait = false;
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
        call.syscall == "exit_group" || call.syscall == "vfork" ||
        call.syscall == "restart_syscall") {  // a wait that goes on
      return;
    }
    const std::size_t number = event.name.number;
    if (number >= by_number_.size()) by_number_.resize(number + 1);
    if (by_number_[number] == nullptr) by_number_[number] = &kinds_[event.name.text];
    Kind& kind = *by_number_[number];
    kind.cannot_wait = event.name.cannot_wait;
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
      kind.begin = event.begin.value_or(0);
      kind.finding.evidence.insert(kind.finding.evidence.begin(), scene_.evidence(call));
      constexpr std::size_t kShown = 3;
      if (kind.finding.evidence.size() > kShown) kind.finding.evidence.resize(kShown);
    }
  }

  void finish() override {
    tell_of_starving();
    for (auto& [name, kind] : kinds_) {
      if (kind.longest == 0 || kind.cannot_wait) continue;
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
      // The processor was another's: nothing is known of the disk.
      // One of many is chance.
      constexpr std::uint64_t kMany = 500;
      if (kind.begin != 0 &&
          scene_.starved_ns(kind.begin, kind.begin + kind.longest) * 3 >= kind.longest) {
        finding.severity = Severity::kNote;
        finding.detail = "Calls that cannot wait took long at that time, too";
      } else {
        const bool is_chance = finding.count == 1 && kind.spread.count() >= kMany;
        finding.severity = is_chance ? Severity::kNote : Severity::kWarning;
      }
      report(std::move(finding));
    }
  }

 private:
  // One note of all calls that cannot wait, and took long.
  void tell_of_starving() {
    Kind* longest = nullptr;
    std::string longest_name;
    std::uint64_t count = 0;
    std::optional<std::int64_t> first, last;
    for (auto& [name, kind] : kinds_) {
      if (kind.longest == 0 || !kind.cannot_wait) continue;
      count += kind.finding.count;
      if (kind.finding.ts && (!first || *kind.finding.ts < *first)) first = kind.finding.ts;
      if (kind.finding.last_ts && (!last || *kind.finding.last_ts > *last)) {
        last = kind.finding.last_ts;
      }
      if (longest != nullptr && kind.longest <= longest->longest) continue;
      longest = &kind;
      longest_name = name;
    }
    if (longest == nullptr) return;
    Finding finding = std::move(longest->finding);
    finding.severity = Severity::kNote;
    finding.count = count;
    finding.ts = first;
    finding.last_ts = last;
    finding.summary = fmt::format(
        "{} took 100 ms or more, {} at most ({}): the processor was another's, or memory was short",
        counted(count, "call that waits for nothing", "calls that wait for nothing"),
        shown_duration(longest->longest), longest_name);
    finding.hint =
        "other waits of that time may have the same cause: record on a machine with less to do, "
        "or with fewer calls traced (strace -e)";
    report(std::move(finding));
  }

  std::map<std::string, Kind> kinds_;
  std::vector<Kind*> by_number_;
};

}  // namespace

extern constinit const Check kSlowCall = {
    .id = "slow_call",
    .title = "system calls that took long without waiting for anybody",
    .explain =
        "A call that waits for no peer, lock, child or timer took 100 ms or more, and 20 times as "
        "long as the median of its kind. Calls that cannot wait (getpid, epoll_ctl, munmap) show "
        "that the processor was another's when they took so long: they are one note, and other "
        "calls within a second of them are notes as well.",
    .needs = "log with -T",
    .make = &make_detector<SlowCall>,
};

}  // namespace tracebraid::analyzers::checks
