// Data that had arrived and lay in the kernel, or a timer that was due, while the thread that is to
// take it did something else.

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kLong = 100 * kMillisecond;
constexpr std::int64_t kVeryLong = 1000 * kMillisecond;
constexpr std::string_view kComputing = "no system call";
constexpr std::string_view kMuchElse = "much else";

struct Group {
  Finding finding;
  std::int64_t longest = 0;
  std::int64_t begin = 0, end = 0;  // of the longest
  std::set<std::uint64_t> sockets;
  std::int64_t last_stretch = INT64_MIN;
  bool is_loop = false;
};

// What a thread did most of some time.
struct Doing {
  const Stretch* most = nullptr;  // null: nothing long
  std::int64_t ns = 0;
  std::string name;
};

Doing doing_between(const Thread& thread, std::int64_t begin, std::int64_t end) {
  Doing doing;
  for (const Stretch& stretch : thread.stretches) {
    const std::int64_t ns = std::min(stretch.end, end) - std::max(stretch.begin, begin);
    if (ns > doing.ns) {
      doing.most = &stretch;
      doing.ns = ns;
    }
  }
  doing.name = doing.most == nullptr || doing.ns * 2 < end - begin ? std::string(kMuchElse)
               : doing.most->is_gap                                ? std::string(kComputing)
                                                                   : doing.most->call.syscall;
  return doing;
}

class LoopStall final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.polls = true}; }

  void waited(const SocketLife& life, const Thread& thread, std::int64_t arrived_ts,
              std::int64_t read_ts) override {
    if (read_ts - arrived_ts < kLong) return;
    const Doing doing = doing_between(thread, arrived_ts, read_ts);
    // Threads of a pool are alike.
    Group& group =
        groups_[{thread.lane, thread.is_loop() ? thread.tid : thread.pid, doing.name, false}];
    constexpr std::size_t kMostSockets = 10'000;
    if (group.sockets.size() < kMostSockets) group.sockets.insert(life.file);
    if (!add(group, thread, doing, arrived_ts, read_ts)) return;
    Finding& finding = group.finding;
    finding.file = life.file;
    finding.socket = life.shown();
    finding.uid = life.wire ? std::string(life.wire->uid.view()) : std::string();
    finding.detail = fmt::format("The longest: bytes for {} lay in the kernel for {}{}",
                                 life.shown(), shown_duration(group.longest), told(doing));
  }

  // When a loop's next timer is due, its poll's time-out tells: that of the last poll that was
  // ready to wait.
  void call(const CallEvent& event) override {
    const auto& call = event.call;
    Thread& thread = event.thread;
    if (&event.name != thread.poll || !event.begin || !event.end) return;
    const std::optional<std::int64_t> timeout = poll_timeout(call);
    const auto found = due_.find(&thread);
    if (found != due_.end()) {
      Due& due = found->second;
      if (*event.begin - due.ts >= kLong && thread.is_loop()) {
        away(thread, due, *event.begin);
        due_.erase(found);
      } else if (timeout == 0 && *event.begin < due.ts) {
        due.away_since = *event.end;
      } else {
        due_.erase(found);
      }
    }
    const bool has_events = call.result && *call.result > 0;
    if (timeout && *timeout > 0 && has_events && is_of_several(call)) {
      due_[&thread] = {*event.begin + *timeout, *event.end};
    }
  }

  void gone(Thread& thread) override { due_.erase(&thread); }

  void finish() override {
    for (auto& [key, group] : groups_) {
      const std::string& doing = std::get<2>(key);
      const bool is_timer = std::get<3>(key);
      Finding& finding = group.finding;
      finding.severity = group.is_loop
                             ? (group.longest >= kVeryLong ? Severity::kError : Severity::kWarning)
                         : group.longest >= kVeryLong ? Severity::kWarning
                                                      : Severity::kNote;
      if (is_timer && is_told_of_data(key, finding.count)) continue;
      if (doing == kComputing && scene_.starved_ns(group.begin, group.end) * 3 >= group.longest) {
        finding.severity = Severity::kNote;
        finding.detail +=
            ". Calls that cannot wait took long at that time, too: the processor was "
            "another's";
      }
      finding.summary = fmt::format(
          "{} {} for up to {}, {}, while it was {}", group.is_loop ? "the event loop" : "a thread",
          is_timer ? std::string("was away from its poll")
                   : fmt::format("left {} with data waiting",
                                 counted(group.sockets.size(), "socket", "sockets")),
          shown_duration(group.longest), counted(finding.count, "time", "times"),
          doing == kComputing  ? "computing without a system call"
          : doing == kMuchElse ? "busy with other things"
                               : "in " + doing);
      finding.hint =
          !group.is_loop ? "the thread came to read late: was it made late, or short of processor "
                           "time?"
          : doing == kComputing
              ? "a profile of that time shows the function: move it to a thread or "
                "process, or give way in between"
              : "what blocks belongs in a thread; the loop should wait in its poll alone";
      report(std::move(finding));
    }
  }

 private:
  struct Due {
    std::int64_t ts, away_since;
  };

  // What blocks in a call is a blocking_call.
  void away(const Thread& thread, const Due& due, std::int64_t back) {
    const Doing doing = doing_between(thread, due.away_since, back);
    if (doing.name != kComputing && doing.name != kMuchElse) return;
    Group& group = groups_[{thread.lane, thread.tid, doing.name, true}];
    if (!add(group, thread, doing, due.away_since, back)) return;
    group.finding.detail = fmt::format(
        "The longest: its next timer was due {} before it came back, by the time-out of its poll, "
        "if it was not cancelled{}",
        shown_duration(back - due.ts), told(doing));
  }

  using Key = std::tuple<std::size_t, std::uint64_t, std::string, bool>;
  // The same stalls, seen by the data that waited.
  bool is_told_of_data(const Key& key, std::uint64_t count) const {
    const auto& [lane, tid, doing, is_timer] = key;
    const auto found = groups_.find({lane, tid, doing, false});
    return found != groups_.end() && found->second.finding.count >= count;
  }

  // True when it is the longest so far.
  bool add(Group& group, const Thread& thread, const Doing& doing, std::int64_t begin,
           std::int64_t end) {
    Finding& finding = group.finding;
    if (!finding.ts) {
      finding.pid = thread.pid;
      finding.ts = begin;
      finding.count = 0;
      group.is_loop = thread.is_loop();
    }
    finding.ts = std::min(*finding.ts, begin);
    finding.last_ts = end;
    const Stretch* const most = doing.most;
    const std::int64_t stretch = most == nullptr ? begin : most->begin;
    if (stretch != group.last_stretch) ++finding.count;
    group.last_stretch = stretch;
    if (end - begin <= group.longest) return false;
    group.longest = end - begin;
    group.begin = begin;
    group.end = end;
    finding.tid = thread.tid;
    finding.greenlet = most != nullptr ? most->greenlet : thread.greenlet;
    finding.evidence.clear();
    if (most != nullptr && most->is_gap) {
      finding.evidence.push_back(
          fmt::format("{}: {}, {} after the thread's call before it (line {})",
                      scene_.place(most->call.input, most->call.line), most->call.syscall,
                      shown_duration(most->end - most->begin), most->line_before));
    } else if (most != nullptr) {
      finding.evidence.push_back(scene_.evidence(most->call));
    }
    return true;
  }

  static std::string told(const Doing& doing) {
    if (doing.most == nullptr || doing.ns <= 0) return {};
    const Stretch& most = *doing.most;
    return fmt::format(", {} of which the thread was {}{}", shown_duration(doing.ns),
                       most.is_gap ? "computing, or not running, without a system call"
                                   : "in " + most.call.syscall,
                       most.greenlet.empty() ? "" : ", in greenlet " + most.greenlet);
  }

  // Process or thread, what it was doing, whether a timer tells of it.
  std::map<Key, Group> groups_;
  std::unordered_map<Thread*, Due> due_;
};

}  // namespace

extern constinit const Check kLoopStall = {
    .id = "loop_stall",
    .title = "data or a timer waited while the program did something else",
    .explain =
        "Bytes had arrived on the wire 100 ms or more before the call that read them returned; or "
        "a loop came back to its poll 100 ms or more after its next timer had been due, as the "
        "time-out of its poll before tells, and was in no call that blocks. What the thread did "
        "meanwhile is taken from its calls: in which one it was, or that it made none, for most of "
        "that time. In a thread that polls for events a warning, from 1 s on an error; in other "
        "threads a note, from 1 s on a warning; a note as well where calls that cannot wait "
        "(getpid) "
        "took long within a second of it: the processor was another's.",
    .needs = "log; for data also the capture",
    .make = &make_detector<LoopStall>,
};

}  // namespace tracebraid::analyzers::checks
