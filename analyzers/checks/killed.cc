// Processes that a signal killed.

#include <fmt/core.h>

#include "analyzers/checks/checks.h"

namespace tracebraid::analyzers::checks {
namespace {

class Killed final : public Detector {
 public:
  using Detector::Detector;

  void process(const formats::record::Process& event, Thread& thread) override {
    if (event.event != "killed") return;
    // A process's threads are told of one by one.
    if (thread.pid != 0 && thread.tid != thread.pid) return;
    const bool is_crash = event.signal == "SIGSEGV" || event.signal == "SIGABRT" ||
                          event.signal == "SIGBUS" || event.signal == "SIGILL" ||
                          event.signal == "SIGFPE" || event.signal == "SIGSYS";
    const bool is_end = event.signal == "SIGTERM" || event.signal == "SIGINT" ||
                        event.signal == "SIGHUP" || event.signal == "SIGQUIT";
    Finding finding;
    finding.severity = is_crash ? Severity::kError : is_end ? Severity::kNote : Severity::kWarning;
    finding.pid = thread.pid;
    finding.tid = thread.tid;
    if (event.ts) finding.ts = finding.last_ts = event.ts->ns;
    finding.summary = fmt::format("process {} was killed by {}", thread.tid, event.signal);
    finding.evidence.push_back(fmt::format("{}: +++ killed by {} +++",
                                           scene_.place(event.input, event.line), event.signal));
    finding.hint = is_crash ? "python -X faulthandler shows the Python stack of the next one"
                   : event.signal == "SIGKILL"
                       ? "by hand, or by the kernel for want of memory: dmesg tells"
                       : "somebody ended it";
    report(std::move(finding));
  }
};

}  // namespace

extern constinit const Check kKilled = {
    .id = "killed",
    .title = "a process was killed by a signal",
    .explain =
        "An error for SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE and SIGSYS, a note for SIGTERM, "
        "SIGINT, SIGHUP and SIGQUIT, a warning for others, such as SIGKILL.",
    .needs = "log",
    .make = &make_detector<Killed>,
};

}  // namespace tracebraid::analyzers::checks
