// Calls that took much longer than their like: a disk's, and those that wait for nothing, which
// show that the processor was another's.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/util/shown.h"
#include "analyzers/util/spread.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::int64_t kSlow = 100'000'000;
constexpr std::int64_t kTimes = 20;
constexpr std::size_t kShown = 3;

// What took kSlow or more, of one name or of several.
struct Slow {
  std::int64_t longest = 0;
  Finding finding;

  void add(const CallEvent& event, const Scene& scene) {
    const std::int64_t took = event.call.duration->ns;
    if (finding.evidence.empty()) {
      set_call(finding, event);
      finding.count = 0;
    }
    ++finding.count;
    finding.last_ts = event.begin;
    if (took <= longest) return;
    longest = took;
    finding.evidence.insert(finding.evidence.begin(), scene.evidence(event.call));
    if (finding.evidence.size() > kShown) finding.evidence.resize(kShown);
  }
};

struct Kind {
  Spread spread;
  Slow slow;
};

class SlowCall final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.all = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (!call.duration) return;
    if (event.name.never_waits) {
      if (call.duration->ns < kSlow) return;
      taken_.add(event, scene_);
      if (std::ranges::find(taken_names_, event.name.text) == taken_names_.end()) {
        taken_names_.push_back(event.name.text);
      }
      return;
    }
    // What has a path asks a file system.
    const bool is_of_files = call.wait.empty() && !call.path.empty() && !call.fd &&
                             call.syscall != "execve" && call.syscall != "execveat";
    if (call.wait != "disk" && !is_of_files) return;
    const std::size_t number = event.name.number;
    if (number >= by_number_.size()) by_number_.resize(number + 1);
    if (by_number_[number] == nullptr) by_number_[number] = &kinds_[event.name.text];
    Kind& kind = *by_number_[number];
    kind.spread.add(call.duration->ns);
    if (call.duration->ns >= kSlow) kind.slow.add(event, scene_);
  }

  void finish() override {
    for (auto& [name, kind] : kinds_) tell_of_disk(name, kind);
    tell_of_processor();
  }

 private:
  void tell_of_disk(const std::string& name, Kind& kind) {
    Slow& slow = kind.slow;
    if (slow.longest == 0) return;
    constexpr double kHalf = 50;
    const std::int64_t median = kind.spread.percentile(kHalf);
    if (median > slow.longest / kTimes) return;
    Finding& finding = slow.finding;
    // A single one is no trouble yet, however long.
    constexpr std::uint64_t kOften = 3;
    const bool is_doubted =
        finding.ts &&
        scene_.without_processor(*finding.ts, finding.last_ts.value_or(*finding.ts)) > 0;
    finding.severity = finding.count < kOften || is_doubted ? Severity::kNote : Severity::kWarning;
    if (is_doubted) {
      finding.detail =
          "The processor was another's at that time, too, as calls show that wait for "
          "nothing: it need not be the disk";
    }
    finding.summary =
        fmt::format("{} took 100 ms or more {}, {} at most; half of its {} took under {}", name,
                    counted(finding.count, "time", "times"), shown_duration(slow.longest),
                    counted(kind.spread.count(), "call", "calls"), shown_duration(median));
    finding.function = scene_.function(name, kind.spread.count());
    finding.hint = "a slow disk or file system, or a machine with too much to do";
    report(std::move(finding));
  }

  void tell_of_processor() {
    if (taken_.longest == 0) return;
    Finding& finding = taken_.finding;
    finding.severity = Severity::kNote;
    finding.summary = fmt::format(
        "the processor was another's: {} ({}) took 100 ms or more, {} at most",
        counted(finding.count, "call that waits for nothing", "calls that wait for nothing"),
        joined(taken_names_), shown_duration(taken_.longest));
    finding.detail =
        "Other calls that took long at that time need not have waited for what they "
        "were for";
    finding.hint =
        "how long the machine let programs wait is in /proc/pressure/cpu; in a "
        "container, its limit throttles: cpu.stat";
    report(std::move(finding));
  }

  std::map<std::string, Kind> kinds_;
  std::vector<Kind*> by_number_;
  Slow taken_;
  std::vector<std::string> taken_names_;
};

}  // namespace

extern constinit const Check kSlowCall = {
    .id = "slow_call",
    .title = "a slow disk, or a processor that was another's",
    .explain =
        "A call on a disk or on a path took 100 ms or more, and 20 times as long as the median of "
        "its kind: a "
        "note, and a warning from the third on. A call that waits for nothing, such as getpid or "
        "rt_sigprocmask, and took 100 ms or more shows that the processor was another's: one note "
        "for the log. Slow disks within a second of such a call (from 20 ms on) are doubted.\n\n"
        "  0.5 getpid() = 4711 <0.180000>\n\n"
        "gives: note slow_call: the processor was another's: 1 call that waits for nothing "
        "(getpid) took 100 ms or more, 180 ms at most. Other calls (memory, a lock, a peer, a "
        "child) are not looked at.",
    .needs = "log with -T",
    .make = &make_detector<SlowCall>,
};

}  // namespace tracebraid::analyzers::checks
