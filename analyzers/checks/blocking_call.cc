// Calls that block an event loop's thread: nothing else is served meanwhile.

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/ready.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/io/saturate.h"
#include "formats/record/file.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kLong = 50 * kMillisecond;

struct Blocked {
  std::string syscall, what, evidence;
  std::int64_t ns;
  std::optional<std::int64_t> begin, end;
  std::optional<std::int64_t> fd;
  bool is_sleep;
  Finding finding;
};

struct Loop {
  std::vector<Blocked> pending;
  bool watches = false;  // its last poll had descriptors to watch, besides its own wake-up
  std::vector<std::int64_t> asked;  // what it has sent on since what is pending
};

// The others may tell that a descriptor is not to block.
constexpr std::string_view kCalls[] = {"epoll_ctl", "ioctl",  "fcntl",
                                       "accept4",   "socket", "socketpair"};

// What follows a descriptor's number in strace -yy: a loop wakes itself up by an eventfd or a pair
// of sockets without a name. A pipe may as well be where its work comes from.
bool is_own_wakeup(std::string_view name) {
  return name.starts_with("<anon_inode:[eventfd") ||
         (name.starts_with("<UNIX-STREAM:[") &&
          name.substr(0, name.find('>')).find('"') == std::string_view::npos);
}

// What stands behind the first number from `at` on.
std::string_view behind_number(std::string_view args, std::size_t at) {
  const std::size_t end = args.find_first_not_of("0123456789", at);
  return end == std::string_view::npos ? std::string_view() : args.substr(end);
}

class BlockingCall final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override {
    return {.calls = kCalls, .polls = true, .failing = true, .from_ns = kLong};
  }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    Thread& thread = event.thread;
    if (call.syscall == "epoll_ctl") return learn_watched(event);
    learn_blocking(event);
    if (&event.name == thread.poll) {
      Loop& loop = loops_[&thread];
      loop.watches = watches(event);
      if (loop.pending.empty()) return;
      const bool has_waited = finds_more(event, loop.asked);
      for (Blocked& blocked : loop.pending) confirm(thread, blocked, has_waited);
      let_go(thread);
      loop.pending.clear();
      return;
    }
    if (event.name.sends && call.fd && keeps(thread)) loops_[&thread].asked.push_back(*call.fd);
    if (!call.duration || call.duration->ns < kLong || !thread.is_loop()) return;
    const bool sleeps = event.name.is_sleep;
    const bool is_other_poll = event.name.is_poll;
    if (!sleeps && !is_other_poll && call.wait != "disk" && call.wait != "child" &&
        call.wait != "net" && call.wait != "pipe") {
      return;
    }
    // A pipe alone is, as a rule, a child's that is waited for on purpose.
    if (is_other_poll &&
        (is_of_several(call) || call.args.find("<pipe:[") != std::string_view::npos ||
         poll_timeout(call) == 0 || !watches(event)))
      return;
    if (call.wait == "net" || call.wait == "pipe") {
      // It waited for nobody: the processor was another's.
      if (!call.error.empty() && call.error != "ETIMEDOUT" && call.syscall != "connect") return;
      if (call.error == "EINPROGRESS" || is_nonblocking(event)) return;
    }
    // The bytes were there: it was the thread or its tracer that had to wait for the processor.
    if (event.arrived && event.begin && *event.arrived <= *event.begin) return;
    Loop& loop = loops_[&thread];
    // A hub that has nothing to watch sleeps until its next timer, and serves nobody.
    if (!loop.watches) return;
    constexpr std::size_t kMostPending = 64;
    if (loop.pending.size() >= kMostPending) return;
    if (loop.pending.empty()) loop.asked.clear();
    keep(thread);
    Blocked blocked;
    blocked.syscall = call.syscall;
    blocked.what = sleeps                      ? "slept"
                   : is_other_poll             ? "waited for one descriptor alone"
                   : call.wait == "disk"       ? "waited for the disk"
                   : call.wait == "child"      ? "waited for another process"
                   : call.syscall == "connect" ? "waited for a connection"
                                               : "waited for a peer";
    blocked.evidence = scene_.evidence(call);
    blocked.ns = call.duration->ns;
    blocked.begin = event.begin;
    blocked.end = event.end;
    blocked.fd = call.fd;
    blocked.is_sleep = sleeps;
    set_call(blocked.finding, event);
    loop.pending.push_back(std::move(blocked));
  }

  void gone(Thread& thread) override { loops_.erase(&thread); }

  void file(const formats::record::File& file, std::size_t lane) override {
    watched_.erase({lane, file.file});
    nonblocking_.erase({lane, file.file});
  }

  void finish() override {
    for (auto& [key, group] : groups_) {
      Finding& finding = group.finding;
      // A sleep does not end before its time.
      const bool is_doubted =
          group.what != "slept" && finding.ts && finding.last_ts &&
          scene_.without_processor(*finding.ts, *finding.last_ts) * 2 >= group.longest;
      finding.severity = !group.has_hurt || is_doubted          ? Severity::kNote
                         : group.longest >= 1000 * kMillisecond ? Severity::kError
                                                                : Severity::kWarning;
      finding.summary =
          fmt::format("the event loop's thread {} in {} {}, for {} in all and {} at most",
                      group.what, std::get<2>(key), counted(finding.count, "time", "times"),
                      shown_duration(group.total), shown_duration(group.longest));
      finding.detail = is_doubted ? "Calls that wait for nothing took long at that time, too: the "
                                    "processor was another's"
                       : group.has_hurt
                           ? "Meanwhile it served nobody"
                           : "Nobody seems to have waited: its next poll found nothing "
                             "that had come meanwhile";
      finding.function = scene_.function(std::get<2>(key), finding.count);
      finding.hint = group.what == "slept"
                         ? "use the loop's own sleep (await asyncio.sleep, eventlet.sleep)"
                         : "use the loop's own form of the call, or a thread for it";
      report(std::move(finding));
    }
  }

 private:
  struct Group {
    Finding finding;
    std::string what;
    std::int64_t total = 0, longest = 0;
    bool has_hurt = false;  // something had come when it polled again
  };

  void learn_watched(const CallEvent& event) {
    const auto& call = event.call;
    if (!call.error.empty() || !call.file || !call.fd2) return;
    constexpr std::string_view kAdd = "EPOLL_CTL_ADD, ";
    const std::size_t add = call.args.find(kAdd);
    auto& fds = watched_[key_of(event)];
    if (add == std::string_view::npos) {
      if (call.args.find("EPOLL_CTL_DEL") != std::string_view::npos) fds.erase(*call.fd2);
      return;
    }
    if (!is_own_wakeup(behind_number(call.args, add + kAdd.size()))) fds.insert(*call.fd2);
  }

  // Which descriptors do not block.
  void learn_blocking(const CallEvent& event) {
    const auto& call = event.call;
    if (!call.error.empty()) {
      if (call.error == "EAGAIN" && call.file && call.fd) nonblocking_.insert(key_of(event));
      return;
    }
    constexpr std::size_t kNone = std::string_view::npos;
    if (call.new_file) {
      if (call.args.find("SOCK_NONBLOCK") != kNone) {
        nonblocking_.insert({event.thread.lane, *call.new_file});
      }
      return;
    }
    if (!call.file) return;
    const bool is_set = call.syscall == "ioctl" && call.args.find("FIONBIO") != kNone;
    if (is_set || (call.syscall == "fcntl" && call.args.find("F_SETFL") != kNone)) {
      const bool blocks =
          is_set ? call.args.find("[0]") != kNone : call.args.find("O_NONBLOCK") == kNone;
      if (blocks) {
        nonblocking_.erase(key_of(event));
      } else {
        nonblocking_.insert(key_of(event));
      }
    }
  }

  [[nodiscard]] bool is_nonblocking(const CallEvent& event) const {
    if (event.call.args.find("MSG_DONTWAIT") != std::string_view::npos) return true;
    return event.call.file && nonblocking_.contains(key_of(event));
  }

  // Of the epoll, or whatever the call is about.
  static FileKey key_of(const CallEvent& event) { return {event.thread.lane, *event.call.file}; }

  // Whether a poll had anything to watch besides its time-out.
  [[nodiscard]] bool watches(const CallEvent& event) const {
    const auto& call = event.call;
    if (call.syscall.starts_with("epoll")) {
      if (!call.file) return true;
      const auto found = watched_.find(key_of(event));
      return found == watched_.end() || !found->second.empty();
    }
    if (call.syscall.starts_with("p") && call.syscall.find("select") == std::string_view::npos) {
      for (std::size_t at = call.args.find("{fd="); at != std::string_view::npos;
           at = call.args.find("{fd=", at + 4)) {
        if (!is_own_wakeup(behind_number(call.args, at + 4))) return true;
      }
      return false;
    }
    return !call.args.starts_with("0,");
  }

  // Whether a poll found at once something that does not answer what was asked meanwhile.
  [[nodiscard]] bool finds_more(const CallEvent& event,
                                const std::vector<std::int64_t>& asked) const {
    const auto& call = event.call;
    const bool is_quick = !call.duration || call.duration->ns < kMillisecond;
    if (!is_quick || call.result.value_or(0) <= 0) return false;
    const ReadySet& ready = scene_.ready_sets().of(event);
    if (!ready.is_known) return true;
    return ready.ones.empty() || std::ranges::any_of(ready.ones, [&](const ReadyOne& one) {
             return std::ranges::find(asked, one.fd.value_or(-1)) == asked.end();
           });
  }

  void confirm(Thread& thread, Blocked& blocked, bool has_waited) {
    Group& group = groups_[{thread.lane, thread.tid, blocked.syscall}];
    group.has_hurt |= has_waited;
    if (group.finding.evidence.empty()) {
      group.finding = std::move(blocked.finding);
      group.finding.count = 0;
      group.what = blocked.what;
    }
    ++group.finding.count;
    group.finding.last_ts = blocked.end;
    group.total = formats::io::saturated_sum(group.total, blocked.ns);
    if (blocked.ns > group.longest) {
      group.longest = blocked.ns;
      group.finding.evidence.insert(group.finding.evidence.begin(), blocked.evidence);
      constexpr std::size_t kShown = 3;
      if (group.finding.evidence.size() > kShown) group.finding.evidence.resize(kShown);
    }
  }

  std::unordered_map<Thread*, Loop> loops_;
  // By epoll, without its own wake-up.
  std::unordered_map<FileKey, std::unordered_set<std::int64_t>, FileKey::Hash> watched_;
  std::unordered_set<FileKey, FileKey::Hash> nonblocking_;
  std::map<std::tuple<std::size_t, std::uint64_t, std::string>, Group> groups_;
};

}  // namespace

extern constinit const Check kBlockingCall = {
    .id = "blocking_call",
    .title = "the event loop's thread blocks in another call",
    .explain =
        "A thread that polls for events (three times and more) spent 50 ms or more in a call that "
        "waits for something else (sleep, disk, another process, a connection, a single "
        "descriptor, as a name lookup does), and polled again afterwards. An event loop is what "
        "polls "
        "several descriptors, or an epoll: to poll one descriptor is how a socket with a time-out "
        "is waited for. A loop that watches no descriptor, or only its own wake-up, serves nobody, "
        "and is not meant; nor are calls that said EAGAIN or are on a descriptor that does not "
        "block: the processor was another's. A warning, from 1 s on an error; a note where its "
        "next "
        "poll never found at once what had come meanwhile.",
    .needs = "log",
    .make = &make_detector<BlockingCall>,
};

}  // namespace tracebraid::analyzers::checks
