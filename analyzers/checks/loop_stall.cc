// Data that had arrived and lay in the kernel while the thread that reads it did something else.

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "analyzers/checks/checks.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kLong = 100 * kMillisecond;
constexpr std::int64_t kVeryLong = 1000 * kMillisecond;

struct Group {
  Finding finding;
  std::int64_t longest = 0;
  std::set<std::uint64_t> sockets;
  std::int64_t last_stretch = INT64_MIN;
  bool is_loop = false;
};

class LoopStall final : public Detector {
 public:
  using Detector::Detector;

  void waited(const SocketLife& life, const Thread& thread, std::int64_t arrived_ts,
              std::int64_t read_ts) override {
    if (read_ts - arrived_ts < kLong) return;
    // What the thread did most of that time.
    const Stretch* most = nullptr;
    std::int64_t most_ns = 0;
    for (const Stretch& stretch : thread.stretches) {
      const std::int64_t ns = std::min(stretch.end, read_ts) - std::max(stretch.begin, arrived_ts);
      if (ns > most_ns) {
        most = &stretch;
        most_ns = ns;
      }
    }
    const std::string doing = most == nullptr || most_ns * 2 < read_ts - arrived_ts
                                  ? std::string("much else")
                              : most->is_gap ? std::string("no system call")
                                             : most->call.syscall;
    // Threads of a pool are alike.
    Group& group = groups_[{thread.lane, thread.is_loop() ? thread.tid : thread.pid, doing}];
    Finding& finding = group.finding;
    if (!finding.ts) {
      finding.pid = thread.pid;
      finding.ts = arrived_ts;
      finding.count = 0;
      group.is_loop = thread.is_loop();
    }
    finding.ts = std::min(*finding.ts, arrived_ts);
    finding.last_ts = read_ts;
    const std::int64_t stretch = most == nullptr ? arrived_ts : most->begin;
    if (stretch != group.last_stretch) ++finding.count;
    group.last_stretch = stretch;
    constexpr std::size_t kMostSockets = 10'000;
    if (group.sockets.size() < kMostSockets) group.sockets.insert(life.file);
    if (read_ts - arrived_ts <= group.longest) return;
    group.longest = read_ts - arrived_ts;
    finding.tid = thread.tid;
    finding.file = life.file;
    finding.socket = life.shown();
    finding.uid = life.wire ? life.wire->uid : std::string();
    finding.greenlet = most != nullptr ? most->greenlet : thread.greenlet;
    finding.evidence.clear();
    if (most != nullptr && most->is_gap) {
      finding.evidence.push_back(
          scene_.place(most->call.input, most->call.line) + ": " + most->call.syscall + ", " +
          shown_duration(most->end - most->begin) + " after the thread's call before it (line " +
          std::to_string(most->line_before) + ")");
    } else if (most != nullptr) {
      finding.evidence.push_back(scene_.evidence(most->call));
    }
    finding.detail = "The longest: bytes for " + life.shown() + " lay in the kernel for " +
                     shown_duration(group.longest);
    if (most != nullptr && most_ns > 0) {
      finding.detail += ", " + shown_duration(most_ns) + " of which the thread was " +
                        (most->is_gap ? "computing, or not running, without a system call"
                                      : "in " + most->call.syscall);
      if (!most->greenlet.empty()) finding.detail += ", in greenlet " + most->greenlet;
    }
  }

  void finish() override {
    for (auto& [key, group] : groups_) {
      const std::string& doing = std::get<2>(key);
      Finding& finding = group.finding;
      finding.id = "loop_stall";
      finding.severity = group.is_loop
                             ? (group.longest >= kVeryLong ? Severity::kError : Severity::kWarning)
                         : group.longest >= kVeryLong ? Severity::kWarning
                                                      : Severity::kNote;
      finding.summary = std::string(group.is_loop ? "the event loop" : "a thread") + " left " +
                        counted(group.sockets.size(), "socket", "sockets") +
                        " with data waiting for up to " + shown_duration(group.longest) + ", " +
                        counted(finding.count, "time", "times") + ", while it was " +
                        (doing == "no system call" ? "computing without a system call"
                         : doing == "much else"    ? "busy with other things"
                                                   : "in " + doing);
      finding.hint =
          !group.is_loop ? "the thread came to read late: was it made late, or short of processor "
                           "time?"
          : doing == "no system call"
              ? "a profile of that time shows the function: move it to a thread or "
                "process, or give way in between"
              : "what blocks belongs in a thread; the loop should wait in its poll alone";
      scene_.report(std::move(finding));
    }
  }

 private:
  std::map<std::tuple<std::size_t, std::uint64_t, std::string>, Group> groups_;
};

}  // namespace

const Check kLoopStall = {
    "loop_stall",
    "data waited while the program did something else",
    "Bytes had arrived on the wire 100 ms or more before the call that read them returned. What "
    "the "
    "thread did meanwhile is taken from its calls: in which one it was, or that it made none, for "
    "most of that time. In a thread that polls for events a warning, from 1 s on an error; in "
    "other "
    "threads a note, from 1 s on a warning.",
    "log and capture",
    &make_detector<LoopStall>,
};

}  // namespace tracebraid::analyzers::checks
