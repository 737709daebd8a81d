// A call that signals interrupt again and again before it gets anything done.

#include <unordered_map>

#include "analyzers/checks/checks.h"

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
    const bool is_interrupted = call.error == "EINTR" || call.error.starts_with("ERESTART");
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
    for (auto& [thread, run] : runs_) end(run);
  }

 private:
  void end(Run& run) {
    if (run.finding.count < kLoop) return;
    Finding& finding = run.finding;
    finding.id = "interrupted_loop";
    finding.summary = run.syscall + " was interrupted " + shown_count(finding.count) + " times" +
                      shown_rate(finding.count, finding.ts, finding.last_ts) +
                      (run.signal.empty() ? std::string() : " by " + run.signal) +
                      " before it could finish";
    finding.evidence.push_back(scene_.place(run.last_input, run.last_line) + ": the last of them");
    finding.hint = "a timer (setitimer, a profiler's) that fires faster than the call can finish";
    scene_.report(std::move(finding));
  }

  std::unordered_map<Thread*, Run> runs_;
};

}  // namespace

const Check kInterruptedLoop = {
    "interrupted_loop",
    "a call is interrupted by signals again and again",
    "A thread's call ended in EINTR or one of ERESTART 20 times or more, without one of the same "
    "kind that ended otherwise in between.",
    "log",
    &make_detector<InterruptedLoop>,
};

}  // namespace tracebraid::analyzers::checks
