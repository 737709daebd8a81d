// Sockets that nobody closed until Python's garbage collector did.
//
// CPython from 3.6 on formats a socket that it collects for the ResourceWarning, shown or not:
// getsockname, getpeername and close of one descriptor, back to back (measured with 3.6 to 3.13).

#include <deque>
#include <map>
#include <unordered_map>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

struct Steps {
  std::int64_t fd = -1;
  int done = 0;
};

constexpr std::string_view kCalls[] = {"getsockname", "exit_group"};

class CollectedSocket final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (call.syscall == "exit_group") forgive(event);
    const bool is_name = call.syscall == "getsockname";
    if (is_name && call.fd) {
      keep(event.thread);
      steps_[&event.thread] = {*call.fd, 1};
      return;
    }
    if (!keeps(event.thread) || event.name.is_aside) return;
    const auto found = steps_.find(&event.thread);
    Steps& steps = found->second;
    if (call.fd != steps.fd) {
      let_go(event.thread);
      steps_.erase(found);
      return;
    }
    if (call.syscall == "getpeername" && steps.done == 1) {
      steps.done = 2;
      return;
    }
    const bool is_collected = call.syscall == "close" && steps.done == 2 && call.error.empty();
    let_go(event.thread);
    steps_.erase(found);
    if (!is_collected) return;
    Group& group = groups_[{event.thread.lane, event.thread.pid}];
    Finding& finding = group.finding;
    group.lines.push_back(call.line);
    if (group.lines.size() > kLast) group.lines.pop_front();
    if (finding.evidence.empty()) {
      set_call(finding, event);
    } else {
      ++finding.count;
    }
    finding.last_ts = event.begin;
    constexpr std::size_t kShown = 3;
    if (finding.evidence.size() < kShown) finding.evidence.push_back(scene_.evidence(call));
  }

  void gone(Thread& thread) override { steps_.erase(&thread); }

  void finish() override {
    for (auto& [place, group] : groups_) {
      constexpr std::uint64_t kMany = 3;
      Finding& finding = group.finding;
      finding.severity =
          finding.count - group.at_exit >= kMany ? Severity::kWarning : Severity::kNote;
      finding.summary = fmt::format("{} closed by Python's garbage collector, not by the program",
                                    counted(finding.count, "socket was", "sockets were"));
      if (group.at_exit > 0) {
        finding.detail =
            fmt::format("{} of them when the process ended", shown_count(group.at_exit));
      }
      finding.hint =
          "python -X dev shows where they were made (ResourceWarning); use with, or "
          "close()";
      report(std::move(finding));
    }
  }

 private:
  static constexpr std::size_t kLast = 100;
  struct Group {
    Finding finding;
    std::deque<std::uint64_t> lines;  // of the last ones
    std::uint64_t at_exit = 0;
  };

  // At the interpreter's end everything is collected.
  void forgive(const CallEvent& event) {
    const auto found = groups_.find({event.thread.lane, event.thread.pid});
    if (found == groups_.end()) return;
    constexpr std::uint64_t kLines = 400;
    for (const std::uint64_t line : found->second.lines) {
      if (line + kLines >= event.call.line) ++found->second.at_exit;
    }
  }

  std::unordered_map<Thread*, Steps> steps_;
  std::map<std::pair<std::size_t, std::uint64_t>, Group> groups_;
};

}  // namespace

extern constinit const Check kCollectedSocket = {
    .id = "collected_socket",
    .title = "sockets are left to the garbage collector",
    .explain =
        "getsockname, getpeername and close of one descriptor back to back: what CPython (3.6 and "
        "later) does when it collects a socket that was not closed. A warning from three in a "
        "process on that were not collected by its very end.",
    .needs = "log",
    .make = &make_detector<CollectedSocket>,
};

}  // namespace tracebraid::analyzers::checks
