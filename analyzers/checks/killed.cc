// Processes that died: killed by a signal, as their own lines or their parent's tell; ended behind
// a message that says why; and children that ended and were never waited for.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
#include "analyzers/util/shown.h"
#include "formats/io/digits.h"
#include "formats/strace/line.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::size_t kMost = 10'000;  // processes that are kept in mind
constexpr std::string_view kCalls[] = {"kill",    "tgkill", "tkill", "pidfd_send_signal", "wait4",
                                       "waitpid", "waitid", "write", "rt_sigaction"};
constexpr std::string_view kLastWords[] = {"Traceback (most recent",
                                           "panic:",
                                           "terminate called",
                                           "ssertion",
                                           "Fatal Python error",
                                           "fatal error:",
                                           "stack smashing",
                                           "double free",
                                           "corrupted",
                                           "what():",
                                           "MemoryError",
                                           "out of memory",
                                           "Out of memory"};

bool is_crash(std::string_view signal) {
  return signal == "SIGSEGV" || signal == "SIGABRT" || signal == "SIGBUS" || signal == "SIGILL" ||
         signal == "SIGFPE" || signal == "SIGSYS";
}

bool is_end(std::string_view signal) {
  return signal == "SIGTERM" || signal == "SIGINT" || signal == "SIGHUP" || signal == "SIGQUIT";
}

std::int64_t number_in(std::string_view text) {
  return formats::io::leading_number<std::int64_t>(text).value_or(0);
}

using formats::strace::value_of;

using Pid = std::pair<std::size_t, std::uint64_t>;  // lane, number

struct Death {
  std::string signal, evidence;
  std::optional<std::int64_t> ts;
  bool by_parent = false;  // as its parent tells
};

class Killed final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (call.syscall == "write") return hear(event);
    if (call.syscall.starts_with("wait")) return wait(event);
    if (call.syscall == "rt_sigaction") {
      ignores_ |= call.args.starts_with("SIGCHLD, {") &&
                  (call.args.find("SIG_IGN") != std::string_view::npos ||
                   call.args.find("SA_NOCLDWAIT") != std::string_view::npos);
      return;
    }
    if (call.error.empty()) send(event);
  }

  void signal(const formats::record::Signal& signal, Thread& thread) override {
    if (signal.signal != "SIGCHLD" || !signal.sender_pid) return;
    const Pid child(thread.lane, *signal.sender_pid);
    if (signal.code == "CLD_EXITED") return end(child);
    if (signal.code != "CLD_KILLED" && signal.code != "CLD_DUMPED") return;
    end(child);
    add(child, value_of(signal.info, "si_status="), signal.ts,
        fmt::format("{}: SIGCHLD {}", scene_.place(signal.input, signal.line), signal.info), true);
  }

  void process(const formats::record::Process& event, Thread& thread) override {
    if (event.event == "clone" && event.child && event.is_thread == false) {
      if (children_.size() < kMost) children_.insert({thread.lane, *event.child});
      return;
    }
    if (event.event != "killed" && event.event != "exit") return;
    // A process's threads are told of one by one.
    if (thread.pid != 0 && thread.tid != thread.pid) return;
    const Pid pid(thread.lane, thread.tid);
    if (event.event == "exit") return exit(event, thread);
    end(pid);
    add(pid, event.signal, event.ts,
        fmt::format("{}: +++ killed by {} +++", scene_.place(event.input, event.line),
                    event.signal),
        false);
  }

  void finish() override {
    std::map<std::tuple<std::size_t, std::string, std::uint64_t>, std::vector<const Pid*>> groups;
    for (const auto& [pid, death] : deaths_) {
      groups[{pid.first, death.signal, killer_of(pid, death.signal)}].push_back(&pid);
    }
    for (const auto& [key, pids] : groups) {
      tell(std::get<1>(key), std::get<2>(key), pids);
    }
    tell_zombies();
  }

 private:
  void add(const Pid& pid, std::string_view signal, const std::optional<formats::record::Time>& ts,
           std::string evidence, bool by_parent) {
    if (signal.empty() || deaths_.size() >= kMost) return;
    Death& death = deaths_[pid];
    if (!death.signal.empty() && (by_parent || !death.by_parent)) return;
    death.signal = signal;
    death.evidence = std::move(evidence);
    if (ts) death.ts = ts->ns;
    death.by_parent = by_parent;
  }

  // kill(29786, SIGKILL), tgkill(7, 7, SIGABRT): to itself, it is no other's deed.
  void send(const CallEvent& event) {
    const std::string_view args = event.call.args;
    const std::int64_t target = number_in(args);
    const std::size_t at = args.find("SIG");
    if (at == std::string_view::npos || event.call.syscall == "pidfd_send_signal") return;
    const std::string_view text = args.substr(at);
    const std::uint64_t sender = event.thread.pid != 0 ? event.thread.pid : event.thread.tid;
    if (static_cast<std::uint64_t>(target) == sender) return;
    const std::uint64_t whom = target <= 0 ? 0 : static_cast<std::uint64_t>(target);
    if (sent_.size() < kMost) {
      sent_[{event.thread.lane, whom, std::string(text.substr(0, text.find_first_of(", )")))}] =
          sender == 0 ? kNameless : sender;
    }
  }

  // Who sent it that signal, by a number, or to its group; 0: nobody whom the log shows.
  [[nodiscard]] std::uint64_t killer_of(const Pid& pid, const std::string& signal) const {
    for (const std::uint64_t whom : {pid.second, std::uint64_t{0}}) {
      const auto found = sent_.find({pid.first, whom, signal});
      if (found != sent_.end()) return found->second;
    }
    return 0;
  }

  void wait(const CallEvent& event) {
    const auto& call = event.call;
    if (!call.error.empty() || !call.result) return;
    const bool is_waitid = call.syscall == "waitid";
    const std::int64_t child = is_waitid ? number_in(value_of(call.args, "si_pid=")) : *call.result;
    if (child <= 0) return;
    const Pid pid(event.thread.lane, static_cast<std::uint64_t>(child));
    if (children_.erase(pid) > 0) ended_.erase(pid);
    ++waited_;
    std::string_view signal = value_of(call.args, "WTERMSIG(s) == ");
    if (is_waitid && call.args.find("CLD_EXITED") == std::string_view::npos &&
        call.args.find("CLD_STOPPED") == std::string_view::npos &&
        call.args.find("CLD_CONTINUED") == std::string_view::npos) {
      signal = value_of(call.args, "si_status=");
    }
    if (signal.starts_with("SIG")) add(pid, signal, call.ts, scene_.evidence(call), true);
  }

  void end(const Pid& pid) {
    if (children_.contains(pid)) ended_.insert(pid);
  }

  // What it says on standard error.
  void hear(const CallEvent& event) {
    const auto& call = event.call;
    if (call.fd != 2 || !call.error.empty()) return;
    const bool is_one = std::ranges::any_of(kLastWords, [&](std::string_view words) {
      return call.args.find(words) != std::string_view::npos;
    });
    const Pid pid(event.thread.lane, event.thread.pid != 0 ? event.thread.pid : event.thread.tid);
    if (!is_one || (words_.size() >= kMost && !words_.contains(pid))) return;
    auto& [quote, ts] = words_[pid];
    quote.set(call);
    ts = event.begin;
  }

  void exit(const formats::record::Process& event, const Thread& thread) {
    const Pid pid(thread.lane, thread.tid);
    end(pid);
    const auto found = words_.find(pid);
    if (found == words_.end() || event.code.value_or(0) == 0) return;
    const auto& [quote, ts] = found->second;
    constexpr std::int64_t kSoon = 3'000'000'000;
    if (ts && event.ts && event.ts->ns - *ts > kSoon) return;
    Finding finding;
    finding.severity = Severity::kWarning;
    if (thread.tid != 0) finding.pid = thread.tid;
    if (event.ts) finding.ts = finding.last_ts = event.ts->ns;
    finding.summary = fmt::format(
        "{} ended with status {}, behind a message that says why",
        thread.tid != 0 ? fmt::format("process {}", thread.tid) : std::string("the process"),
        *event.code);
    finding.evidence.push_back(scene_.evidence(quote));
    finding.evidence.push_back(fmt::format("{}: +++ exited with {} +++",
                                           scene_.place(event.input, event.line), *event.code));
    finding.hint = "strace -s 300 shows more of the message";
    report(std::move(finding));
    words_.erase(found);
  }

  void tell(const std::string& signal, std::uint64_t killer, const std::vector<const Pid*>& pids) {
    const Death& first = deaths_.at(*pids.front());
    Finding finding;
    const bool by_own = killer != 0;
    finding.severity = by_own && !is_crash(signal)   ? Severity::kNote
                       : is_crash(signal) && !by_own ? Severity::kError
                       : is_end(signal)              ? Severity::kNote
                                                     : Severity::kWarning;
    finding.count = pids.size();
    std::vector<std::uint64_t> numbers;
    constexpr std::size_t kShown = 3;
    for (const Pid* const pid : pids) {
      const Death& death = deaths_.at(*pid);
      if (death.ts) {
        finding.ts = std::min(finding.ts.value_or(*death.ts), *death.ts);
        finding.last_ts = std::max(finding.last_ts.value_or(*death.ts), *death.ts);
      }
      if (finding.evidence.size() < kShown) finding.evidence.push_back(death.evidence);
      if (numbers.size() < kShown) numbers.push_back(pid->second);
      const auto words = words_.find(*pid);
      if (words == words_.end() || !finding.detail.empty()) continue;
      finding.detail = fmt::format("Process {} said before why", pid->second);
      finding.evidence.push_back(scene_.evidence(words->second.first));
    }
    const std::string_view whose = first.by_parent ? "child " : "";
    if (pids.size() == 1) {
      finding.pid = pids.front()->second;
      finding.tid = finding.pid;
      finding.summary = fmt::format("{}process {} was killed by {}", whose, *finding.pid, signal);
    } else {
      finding.summary =
          fmt::format("{} {}processes were killed by {}: {}{}", shown_count(pids.size()), whose,
                      signal, joined(numbers), pids.size() > numbers.size() ? ", …" : "");
    }
    if (by_own) {
      finding.summary += killer == kNameless ? ", which a process of this log sent"
                                             : fmt::format(", which process {} sent", killer);
    }
    finding.hint =
        by_own                ? "find out why it was killed: was it stuck, or not asked to end?"
        : is_crash(signal)    ? "python -X faulthandler shows the Python stack of the next one"
        : signal == "SIGKILL" ? "by hand, or by the kernel for want of memory: dmesg tells"
                              : "somebody ended it";
    report(std::move(finding));
  }

  void tell_zombies() {
    constexpr std::size_t kMany = 10;
    if (ended_.size() < kMany || ended_.size() < waited_ || ignores_) return;
    Finding finding;
    finding.severity = Severity::kWarning;
    finding.count = ended_.size();
    finding.summary = fmt::format(
        "{} child processes ended, and the log shows nobody who waited for them: each stays as a "
        "zombie",
        shown_count(ended_.size()));
    finding.hint = "call wait() of each child (subprocess: wait, communicate), or ignore SIGCHLD";
    report(std::move(finding));
  }

  static constexpr std::uint64_t kNameless = UINT64_MAX;
  std::map<Pid, Death> deaths_;
  std::map<Pid, std::pair<Quote, std::optional<std::int64_t>>> words_;
  std::map<std::tuple<std::size_t, std::uint64_t, std::string>, std::uint64_t> sent_;
  std::set<Pid> children_, ended_;  // that nobody waited for
  std::uint64_t waited_ = 0;
  bool ignores_ = false;
};

}  // namespace

extern constinit const Check kKilled = {
    .id = "killed",
    .title = "a process was killed by a signal, or died with a message",
    .explain =
        "An error for SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE and SIGSYS, a note for SIGTERM, "
        "SIGINT, SIGHUP and SIGQUIT, a warning for others, such as SIGKILL (of which no process "
        "of the log is the sender: by hand, or by the kernel for want of memory). The process's "
        "own line tells, or its parent's SIGCHLD and wait4. Who is killed by a process of the "
        "same log is a note (for the first six a warning), one for all of them.\n\n"
        "A status that is not 0 within 3 s behind a traceback, an assertion, a panic or the like "
        "on standard error is a warning. So are 10 children or more that ended, and for which "
        "nobody waited, where those are at least as many as those that were waited for.\n\n"
        "  wait4(4442, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV}], 0, NULL) = 4442\n\n"
        "The child 4442 crashed; the log of the parent alone tells.",
    .needs = "log",
    .make = &make_detector<Killed>,
};

}  // namespace tracebraid::analyzers::checks
