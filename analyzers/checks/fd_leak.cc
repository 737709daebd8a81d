// Descriptors that are opened and never closed, more and more of them.

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/record/file.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::uint64_t kMany = 20;

// A process with as many descriptors as it may have.
struct Full {
  Finding finding;
  std::string call, error;  // the first
};

struct Group {
  std::uint64_t made = 0, left = 0;
  std::optional<std::int64_t> first_ts, last_ts;
  std::optional<std::uint64_t> pid;
  std::vector<std::string> evidence;
  std::string what;
};

// Processes that closed a file: its maker, and children with copies.
struct Closers {
  std::vector<std::uint64_t> pids;
  void add(std::uint64_t pid) {
    constexpr std::size_t kMost = 8;
    if (!contains(pid) && pids.size() < kMost) pids.push_back(pid);
  }
  [[nodiscard]] bool contains(std::uint64_t pid) const {
    return std::ranges::find(pids, pid) != pids.end();
  }
};

constexpr std::string_view kCalls[] = {"close"};

class FdLeak final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls, .failing = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (call.syscall == "close" && call.error.empty() && call.file) return note_close(event);
    if (call.error != "EMFILE" && call.error != "ENFILE") return;
    if (call.syscall.starts_with("inotify_init")) return;  // call_failed's: another limit
    Full& full = full_[{event.thread.lane, event.thread.pid}];
    if (full.error.empty()) {
      set_call(full.finding, event);
      full.finding.evidence.push_back(scene_.evidence(call));
      full.call = call.syscall;
      full.error = call.error;
    } else {
      ++full.finding.count;
    }
    full.finding.last_ts = event.begin;
  }

  void process(const formats::record::Process& event, Thread& thread) override {
    (void)thread;
    has_children_ |= event.event == "clone" && event.is_thread != true;
  }

  void file(const formats::record::File& file, std::size_t lane) override {
    const bool is_closed_by_own = has_closed(file, lane);
    if (file.made_by.empty()) return;
    // What sockets are for is told apart by their peers; files by their paths.
    std::string what(file.kind);
    const bool is_accepted = file.made_by.starts_with("accept");
    if (file.kind == "tcp" || file.kind == "udp") {
      what += is_accepted ? " accepted" : " to " + shown_end({file.peer_h, {}});
    } else if (!file.path.empty() && file.kind == "file") {
      what = "file " + std::string(file.path);
    }
    constexpr std::size_t kMostGroups = 50'000;
    const auto key = std::tuple(lane, file.pid.value_or(0), std::string(file.made_by), what);
    auto found = groups_.find(key);
    if (found == groups_.end()) {
      if (groups_.size() >= kMostGroups) return;
      found = groups_.emplace(key, Group{}).first;
    }
    Group& group = found->second;
    ++group.made;
    group.what = what;
    if (!file.ended_by.empty() && file.ended_by != "exit") return;
    // A connection that goes on may be wanted; one whose peer has finished is another check's.
    if (is_accepted || is_closed_by_own) return;
    ++group.left;
    group.pid = file.pid;
    const std::optional<std::int64_t> ts = file.ts ? std::optional(file.ts->ns) : std::nullopt;
    if (ts && (!group.first_ts || *ts < *group.first_ts)) group.first_ts = ts;
    if (ts && (!group.last_ts || *ts > *group.last_ts)) group.last_ts = ts;
    constexpr std::size_t kShown = 3;
    if (group.evidence.size() < kShown && file.line) {
      group.evidence.push_back(fmt::format("{}: {} made descriptor {}, {}",
                                           scene_.place(file.input, *file.line), file.made_by,
                                           file.fd ? fmt::to_string(*file.fd) : "?", what));
    }
  }

  // A connection that is used to the end is none that was forgotten.
  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    (void)socket;
    if (life.made_by != "socket" || !life.ts || (!life.last_in && !life.last_out)) return;
    if (!life.ended_by.empty() && life.ended_by != "exit") return;
    const std::int64_t last =
        std::max(life.last_in.value_or(*life.ts), life.last_out.value_or(*life.ts));
    const std::int64_t end = life.end_ts.value_or(scene_.last_ts());
    if (end - last > last - *life.ts) return;
    const auto key = std::tuple(life.lane, life.pid.value_or(0), std::string(life.made_by),
                                std::string(life.kind) + " to " + shown_end({life.peer.host, {}}));
    constexpr std::size_t kMostGroups = 50'000;
    if (used_.size() < kMostGroups || used_.contains(key)) ++used_[key];
  }

  void finish() override {
    for (auto& [key, group] : groups_) {
      const auto used = used_.find(key);
      if (used != used_.end()) group.left -= std::min(group.left, used->second);
      // Of a pipe one end is for a child, as a rule, and is closed at once.
      const std::uint64_t part = group.what == "pipe" ? 3 : 2;
      if (group.left < kMany || group.left * part < group.made) continue;
      // What leaks grows: connections that were made all at one time, and none in ten times as
      // long, are wanted. Nobody wants one file so often.
      constexpr std::int64_t kRest = 10;
      const bool may_be_pool = !group.what.starts_with("file ") && !group.what.starts_with("udp");
      if (may_be_pool && group.first_ts && group.last_ts &&
          (*group.last_ts - *group.first_ts) * kRest < scene_.last_ts() - *group.first_ts) {
        continue;
      }
      Finding finding;
      finding.count = group.left;
      finding.pid = group.pid;
      finding.ts = group.first_ts;
      finding.last_ts = group.last_ts;
      finding.summary = fmt::format("{} of {} descriptors that {} made ({}) were never closed",
                                    shown_count(group.left), shown_count(group.made),
                                    std::get<2>(key), group.what);
      finding.evidence = std::move(group.evidence);
      finding.hint = "tracebraid sockets shows those without an end; close what is not used";
      report(std::move(finding));
    }
    for (auto& [place, full] : full_) {
      Finding& finding = full.finding;
      finding.severity = Severity::kError;
      finding.summary = fmt::format(
          "{} and the like failed with {} {}: the process has as many descriptors open as it may",
          full.call, full.error, counted(finding.count, "time", "times"));
      finding.hint = "ulimit -n is the limit; see what is open with tracebraid sockets -a";
      report(std::move(finding));
    }
  }

 private:
  using Key = std::tuple<std::size_t, std::uint64_t, std::string, std::string>;

  // Copies of descriptors live on in children, which may not be in the log, or be killed. What the
  // process that made one has closed is not its leak.
  void note_close(const CallEvent& event) {
    constexpr std::size_t kMostClosed = 100'000;
    const FileKey key{event.thread.lane, *event.call.file};
    if (!has_children_ || closed_.size() >= kMostClosed) return;
    closed_[key].add(event.thread.pid != 0 ? event.thread.pid : event.thread.tid);
  }

  bool has_closed(const formats::record::File& file, std::size_t lane) {
    const auto found = closed_.find({lane, file.file});
    if (found == closed_.end()) return false;
    const std::uint64_t maker = file.pid ? *file.pid : file.tid.value_or(0);
    const bool has = found->second.contains(maker);
    closed_.erase(found);
    return has;
  }

  std::map<Key, Group> groups_;
  std::map<Key, std::uint64_t> used_;
  bool has_children_ = false;
  std::unordered_map<FileKey, Closers, FileKey::Hash> closed_;  // of files that live
  std::map<std::pair<std::size_t, std::uint64_t>, Full> full_;  // by process
};

}  // namespace

extern constinit const Check kFdLeak = {
    .id = "fd_leak",
    .title = "descriptors are opened and never closed",
    .explain =
        "20 or more descriptors of a process that the same call made for the same thing (file of "
        "one path, sockets to one host, pipes, …) were still open when it ended, or when the log "
        "did, and they are at least half of all such (a third of pipes' ends). Copies in children "
        "are not counted when the "
        "process that made them has closed its own, connections that are in use to the end are "
        "not, and neither is what was opened at one time, with nothing added in ten times as "
        "long: what leaks grows. Accepted connections are left out: that they "
        "are open may be right; close_wait tells of those that are not. An error when a call "
        "failed with EMFILE or ENFILE.",
    .needs = "log; of a stream also file records",
    .make = &make_detector<FdLeak>,
};

}  // namespace tracebraid::analyzers::checks
