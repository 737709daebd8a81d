// Recordings that went wrong: inputs that hold nothing of what they are made for, and logs of the
// wrong process.

#include <string>
#include <unordered_set>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/input/kinds.h"
#include "analyzers/util/shown.h"
#include "formats/io/error.h"
#include "formats/io/hash.h"
#include "formats/record/flow.h"
#include "formats/record/function.h"
#include "formats/record/switch.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::checks {
namespace {

namespace io = formats::io;
namespace record = formats::record;

std::string_view advice(std::string_view failure) {
  const auto says = [&](std::string_view words) { return failure.find(words) != failure.npos; };
  if (says("Operation not permitted") || says("Permission denied")) {
    return "run strace as root, or as the program's user with /proc/sys/kernel/yama/ptrace_scope "
           "set to 0; in a container, give it the capability SYS_PTRACE; a process has one tracer "
           "at a time";
  }
  if (says("No such process"))
    return "the process was gone, or its number was that of another pid namespace";
  if (says("exec") || says("stat")) return "the program to run was not found: give its path";
  return "";
}

class EmptyInput final : public Detector {
 public:
  using Detector::Detector;

  void ledger(const record::LineLedger& lines) override {
    if (lines.syscalls > 0) return;
    if (!lines.failure.empty()) {
      return tell(Severity::kWarning,
                  fmt::format("strace recorded nothing: {}", io::quoted(lines.failure)),
                  advice(lines.failure));
    }
    if (lines.tables > 0) {
      return tell(Severity::kNote, "the log is a table of strace -c: sums, and no single call",
                  "strace without -c writes the calls, with -C both");
    }
    if (lines.lines == 0) {
      return tell(Severity::kNote, "the log holds no line",
                  "was strace stopped too soon, or did the program write nothing yet?");
    }
    tell(Severity::kNote,
         fmt::format("the log holds no system call: none of {} is one",
                     counted(lines.lines, "line", "lines")),
         "");
  }

  void ledger(const record::Ledger& packets) override {
    constexpr std::string_view kSoon =
        "was tcpdump stopped too soon, or did it listen on another interface? -i any takes all, -U "
        "writes each packet at once, and SIGINT lets it write the rest";
    if (packets.read == 0) {
      return tell(Severity::kNote, "the capture holds no packet", kSoon);
    }
    if (packets.counted + packets.fragments > 0) return;
    const std::string all = counted(packets.read, "packet", "packets");
    if (packets.malformed == packets.read) {
      tell(Severity::kWarning, fmt::format("all {} of the capture are malformed", all),
           "is its link type right? tcpdump -s 0 keeps whole packets");
    } else if (packets.unsupported_link == packets.read) {
      tell(Severity::kWarning, fmt::format("all {} are of a link type that is not read", all), "");
    } else {
      tell(Severity::kNote, fmt::format("none of the {} of the capture is IP", all), "");
    }
  }

  // A log of one process alone which has made others.
  void process(const record::Process& event, Thread& thread) override {
    if (event.event == "exec" && !event.path.empty()) program_ = event.path;
    if (event.event == "clone" && event.is_thread == false && event.child) {
      if (children_.empty()) place_ = scene_.place(event.input, event.line);
      parent_ = thread.pid != 0 ? thread.pid : thread.tid;
      if (children_.size() < kMostChildren) children_.insert(*event.child);
    }
    seen(thread);
  }

  void finish() override {
    const InputKinds& kinds = scene_.kinds();
    if (kinds.give<record::Switch>() && scene_.counts().switches == 0) {
      tell(Severity::kNote, "the log of greenlet switches holds none",
           "does the probe name the greenlet module that this Python loads, and did the program "
           "run meanwhile?");
    }
    if (kinds.give<record::Function>() && scene_.counts().functions == 0) {
      tell(Severity::kNote, "the profile holds no function", "");
    }
    tell_of_children();
  }

 private:
  static constexpr std::size_t kMostChildren = 10'000;

  void seen(const Thread& thread) { children_.erase(thread.tid); }

  void tell_of_children() {
    if (children_.empty() || scene_.counts().threads != 1) return;
    Finding finding;
    finding.severity = Severity::kNote;
    finding.count = children_.size();
    if (parent_ != 0) finding.pid = parent_;
    finding.summary =
        fmt::format("the log shows one process alone{}, and not the {} that it started",
                    program_.empty() ? std::string() : fmt::format(", {}", io::quoted(program_)),
                    counted(children_.size(), "process", "processes"));
    finding.evidence.push_back(place_ + ": the first of them");
    finding.hint = "strace -f follows them; -p with the number of the process that does the work";
    report(std::move(finding));
  }

  void tell(Severity severity, std::string summary, std::string_view hint) const {
    Finding finding;
    finding.severity = severity;
    finding.summary = std::move(summary);
    finding.hint = hint;
    report(std::move(finding));
  }

  std::unordered_set<std::uint64_t, io::NumberHash> children_;
  std::string program_, place_;
  std::uint64_t parent_ = 0;
};

}  // namespace

extern constinit const Check kEmptyInput = {
    .id = "empty_input",
    .title = "an input holds nothing of what it is for",
    .explain =
        "A log without a system call, with what strace said of it; a capture without packets, or "
        "of which no packet is understood; a log of greenlet switches without one; a profile "
        "without functions: notes, and a warning where the recording has failed. Also a log of "
        "one process alone that has made others, which are not in it: strace without -f, as of "
        "timeout, tox or a supervisor.\n\n"
        "  strace: attach: ptrace(PTRACE_SEIZE, 4711): Operation not permitted\n\n"
        "gives: WARNING empty_input: strace recorded nothing: attach: ptrace(PTRACE_SEIZE, 4711): "
        "Operation not permitted.",
    .needs = "anything",
    .make = &make_detector<EmptyInput>,
};

}  // namespace tracebraid::analyzers::checks
