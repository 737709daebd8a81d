// close() of a number that the process has closed: harmless only until another thread gets that
// number in between.

#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

class DoubleClose final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.failing = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (call.syscall != "close" || call.error != "EBADF" || !call.fd || *call.fd < 0) return;
    const Closing* const closing = scene_.closing(event.thread, *call.fd);
    Sweep& sweep = sweeps_[&event.thread];
    // Numbers in a row, with open ones between.
    constexpr std::int64_t kNear = 8;
    const std::int64_t step = *call.fd - sweep.fd;
    const bool goes_on = sweep.failed > 0 && step != 0 && step <= kNear && step >= -kNear &&
                         (sweep.step == 0 || (step > 0) == (sweep.step > 0));
    if (!goes_on) {
      flush(event.thread.lane, sweep);
      sweep = {};
    }
    if (goes_on) sweep.step = step;
    sweep.fd = *call.fd;
    ++sweep.failed;
    if (closing == nullptr) {
      sweep.has_never_open = true;
    } else if (sweep.held.size() < Sweep::kMostHeld) {
      sweep.held.push_back(hold(event, *closing));
    }
  }

  void gone(Thread& thread) override {
    const auto found = sweeps_.find(&thread);
    if (found == sweeps_.end()) return;
    flush(thread.lane, found->second);
    sweeps_.erase(found);
  }

  void finish() override {
    for (const auto& [thread, sweep] : in_order(sweeps_)) flush(thread->lane, *sweep);
    for (auto& [lane, group] : groups_) {
      Finding& finding = group.finding;
      finding.severity = Severity::kWarning;
      finding.summary =
          fmt::format("close failed with EBADF {}: the descriptor had been closed before",
                      counted(finding.count, "time", "times"));
      if (group.processes.size() > 1) {
        finding.summary += fmt::format(", in {} processes", shown_count(group.processes.size()));
        finding.pid.reset();
        finding.tid.reset();
      }
      finding.hint =
          "two owners close the same number; with threads, the second close can hit a "
          "socket that was opened in between";
      report(std::move(finding));
    }
  }

 private:
  // One that has been seen; whether it is told of, the next closes show.
  struct Held {
    Finding finding;
    std::uint64_t pid = 0;
  };
  // Failing closes of a thread, number by number: so a daemon closes all there may be.
  struct Sweep {
    static constexpr std::size_t kMostHeld = 64;
    std::int64_t fd = -1, step = 0;
    std::uint64_t failed = 0;
    bool has_never_open = false;
    std::vector<Held> held;
  };

  Held hold(const CallEvent& event, const Closing& closing) const {
    const auto& call = event.call;
    Held held;
    held.pid = event.thread.pid;
    Finding& finding = held.finding;
    set_call(finding, event);
    finding.fd = call.fd;
    finding.detail = fmt::format("Descriptor {} was the {}", *call.fd, closing.what.shown());
    if (closing.ts && event.begin) {
      finding.detail +=
          fmt::format(", closed {} before", shown_duration(*event.begin - *closing.ts));
    }
    finding.evidence.push_back(scene_.evidence(call));
    finding.evidence.push_back(scene_.evidence(closing.call));
    return held;
  }

  void flush(std::size_t lane, Sweep& sweep) {
    constexpr std::uint64_t kSweep = 3;
    if (sweep.failed < kSweep || !sweep.has_never_open) {
      for (Held& held : sweep.held) add(lane, held);
    }
    sweep.held.clear();
  }

  void add(std::size_t lane, Held& held) {
    Group& group = groups_[lane];
    group.processes.insert(held.pid);
    Finding& finding = group.finding;
    if (finding.evidence.empty()) {
      finding = std::move(held.finding);
      return;
    }
    ++finding.count;
    finding.last_ts = held.finding.ts;
    constexpr std::size_t kShown = 6;
    for (std::string& line : held.finding.evidence) {
      if (finding.evidence.size() < kShown) finding.evidence.push_back(std::move(line));
    }
  }

  struct Group {
    Finding finding;
    std::set<std::uint64_t> processes;
  };
  std::map<std::size_t, Group> groups_;
  std::unordered_map<Thread*, Sweep> sweeps_;
};

}  // namespace

extern constinit const Check kDoubleClose = {
    .id = "double_close",
    .title = "a descriptor is closed twice",
    .explain =
        "close failed with EBADF on a number that the same process had closed, and that nothing "
        "had opened since. Programs that close all numbers to be sure, whether they are open or "
        "not, are not meant: three failing closes or more in a row of numbers, some of which were "
        "never open.",
    .needs = "log",
    .make = &make_detector<DoubleClose>,
};

}  // namespace tracebraid::analyzers::checks
