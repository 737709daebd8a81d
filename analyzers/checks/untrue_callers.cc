// Profiles whose callers cannot be true: greenlets, and threads from Python 3.12 on.

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

class UntrueCallers final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.profile = true}; }

  void function(const record::Function& function) override {
    if (function.sampled) return;
    has_greenlets_ |= function.name.find("greenlet") != std::string_view::npos;
  }

  void called(const record::Call& call) override {
    if (call.sampled || !call.calls) return;
    Callers& callers = callers_[callee_of(call)];
    if (*call.calls == 0) {
      ++empty_;
      callers.empty = caller_of(call).shown();
      return;
    }
    if (*call.calls > callers.most_calls) {
      callers.most_calls = *call.calls;
      callers.most = caller_of(call).shown();
    }
    // What begins a thread is called by C.
    const bool is_start =
        call.callee_name == "_bootstrap" && call.callee_file.ends_with("threading.py");
    if (is_start && ++starts_ == 1) start_edge_ = edge(call);
  }

  void finish() override {
    if (empty_ == 0 && starts_ == 0) return;
    Finding finding;
    finding.severity = Severity::kNote;
    finding.count = empty_ + starts_;
    finding.summary =
        empty_ > 0 ? fmt::format("the profile's callers cannot be trusted: {} of 0 calls",
                                 counted(empty_, "edge is", "edges are"))
                   : "the profile's callers cannot be trusted: threads have been taken for calls";
    if (empty_ > 0) {
      finding.detail =
          has_greenlets_
              ? "cProfile takes the greenlet that ran before for the caller of the one it is "
                "switched to: who called, and cumulative times, are of the order in which "
                "greenlets "
                "ran. Numbers of calls are right"
              : "A call that never returned to its caller stands behind each: greenlets, or "
                "threads "
                "in Python 3.12 and later, which share one stack in cProfile. Numbers of calls are "
                "right";
      show(finding);
    } else {
      finding.detail =
          "From Python 3.12 on cProfile sees all threads, and keeps one stack for them: callers, "
          "own and cumulative times are mixed. Numbers of calls are right";
      finding.evidence.push_back(start_edge_ + ": what begins a thread has no Python caller");
    }
    finding.hint =
        "trust its numbers of calls alone; a log of greenlet switches or a profile for each thread "
        "tells more";
    report(std::move(finding));
  }

 private:
  static std::string edge(const record::Call& call) {
    return caller_of(call).shown() + " → " + callee_of(call).shown();
  }

  // The function that has both an edge of 0 calls and the most calls by another.
  void show(Finding& finding) const {
    const auto* worst = &*callers_.begin();
    const auto weight = [](const Callers& callers) {
      return callers.empty.empty() ? 0 : callers.most_calls + 1;
    };
    for (const auto& one : callers_) {
      if (weight(one.second) > weight(worst->second)) worst = &one;
    }
    const auto& [callee, callers] = *worst;
    finding.evidence.push_back(fmt::format("{} → {}: 0 calls", callers.empty, callee.shown()));
    if (callers.most.empty()) return;
    finding.evidence.push_back(fmt::format("{} → {}: {}", callers.most, callee.shown(),
                                           counted(callers.most_calls, "call", "calls")));
  }

  struct Callers {
    std::string empty, most;  // of 0 calls; of the most
    std::uint64_t most_calls = 0;
  };
  std::map<ProfileKey, Callers> callers_;  // of each function
  std::uint64_t empty_ = 0, starts_ = 0;
  std::string start_edge_;
  bool has_greenlets_ = false;
};

}  // namespace

extern constinit const Check kUntrueCallers = {
    .id = "untrue_callers",
    .title = "a profile's callers cannot be trusted",
    .explain =
        "A profile has an edge from a caller to a function with 0 calls, or Python's "
        "threading._bootstrap, with which a thread begins, has a caller. The first is what "
        "greenlets leave (cProfile keeps one stack for all of them), the second what threads leave "
        "from Python 3.12 on (sys.monitoring shows it all of them).\n\n"
        "  accept (base.py:214) → _recv_loop (base.py:320)       0 calls\n"
        "  _recv_loop (base.py:320) → accept (base.py:214)  48,670 calls\n\n"
        "_recv_loop never called accept: it ran before.",
    .needs = "profile",
    .make = &make_detector<UntrueCallers>,
};

}  // namespace tracebraid::analyzers::checks
