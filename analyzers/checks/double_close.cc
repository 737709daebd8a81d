// close() of a number that the process has closed: harmless only until another thread gets that
// number in between.

#include <map>
#include <set>

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
    if (closing == nullptr) return;
    Group& group = groups_[event.thread.lane];
    Finding& finding = group.finding;
    group.processes.insert(event.thread.pid);
    if (finding.evidence.empty()) {
      set_call(finding, event);
      finding.fd = call.fd;
      finding.detail = fmt::format("Descriptor {} was the {}", *call.fd, closing->what.shown());
      if (closing->ts && event.begin) {
        finding.detail +=
            fmt::format(", closed {} before", shown_duration(*event.begin - *closing->ts));
      }
    } else {
      ++finding.count;
    }
    finding.last_ts = event.begin;
    constexpr std::size_t kShown = 6;
    if (finding.evidence.size() < kShown) {
      finding.evidence.push_back(scene_.evidence(call));
      finding.evidence.push_back(scene_.evidence(closing->call));
    }
  }

  void finish() override {
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
  struct Group {
    Finding finding;
    std::set<std::uint64_t> processes;
  };
  std::map<std::size_t, Group> groups_;
};

}  // namespace

extern constinit const Check kDoubleClose = {
    .id = "double_close",
    .title = "a descriptor is closed twice",
    .explain =
        "close failed with EBADF on a number that the same process had closed, and that nothing "
        "had opened since. Programs that close all numbers to be sure, whether they are open or "
        "not, are not meant.",
    .needs = "log",
    .make = &make_detector<DoubleClose>,
};

}  // namespace tracebraid::analyzers::checks
