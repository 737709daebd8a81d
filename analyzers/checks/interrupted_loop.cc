// A call that signals interrupt again and again before it gets anything done.

#include <unordered_map>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::uint64_t kLoop = 20;

struct Run {
  std::string syscall, last_input;
  std::uint64_t last_line = 0;
  Finding finding;
  std::string signal;
};

class InterruptedLoop final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.failing = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    // It ends a handler, and shows what the interrupted call gave.
    if (call.syscall == "rt_sigreturn") return;
    const bool is_interrupted = is_interruption(call.error);
    const auto found = runs_.find(&event.thread);
    if (!is_interrupted) {
      if (found == runs_.end() || call.syscall != found->second.syscall) return;
      end(found->second);
      runs_.erase(found);
      let_go(event.thread);
      return;
    }
    if (found != runs_.end() && found->second.syscall == call.syscall) {
      Run& run = found->second;
      ++run.finding.count;
      run.finding.last_ts = event.begin;
      run.last_input.assign(call.input);
      run.last_line = call.line;
      return;
    }
    if (found != runs_.end()) end(found->second);
    keep(event.thread);
    Run& run = runs_[&event.thread];
    run = {};
    run.syscall = call.syscall;
    set_call(run.finding, event);
    run.finding.evidence.push_back(scene_.evidence(call));
  }

  void signal(const formats::record::Signal& signal, Thread& thread) override {
    const auto found = runs_.find(&thread);
    if (found != runs_.end()) found->second.signal.assign(signal.signal);
  }

  void gone(Thread& thread) override {
    const auto found = runs_.find(&thread);
    if (found == runs_.end()) return;
    end(found->second);
    runs_.erase(found);
  }

  void finish() override {
    for (const auto& [thread, run] : in_order(runs_)) end(*run);
  }

 private:
  void end(Run& run) {
    if (run.finding.count < kLoop) return;
    Finding& finding = run.finding;
    finding.summary = fmt::format("{} was interrupted {} times{}{} before it could finish",
                                  run.syscall, shown_count(finding.count),
                                  shown_rate(finding.count, finding.ts, finding.last_ts),
                                  run.signal.empty() ? "" : " by " + run.signal);
    finding.evidence.push_back(
        fmt::format("{}: the last of them", scene_.place(run.last_input, run.last_line)));
    finding.hint = "a timer (setitimer, a profiler's) that fires faster than the call can finish";
    report(std::move(finding));
  }

  std::unordered_map<Thread*, Run> runs_;
};

}  // namespace

extern constinit const Check kInterruptedLoop = {
    .id = "interrupted_loop",
    .title = "a call is interrupted by signals again and again",
    .explain =
        "A thread's call ended in EINTR or one of ERESTART 20 times or more, without one of the "
        "same kind that ended otherwise in between.",
    .needs = "log",
    .make = &make_detector<InterruptedLoop>,
};

}  // namespace tracebraid::analyzers::checks
