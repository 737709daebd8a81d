// Descriptors that are opened and never closed, more and more of them.

#include <algorithm>
#include <map>
#include <tuple>

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

class FdLeak final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.failing = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (call.error != "EMFILE" && call.error != "ENFILE") return;
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

  void file(const formats::record::File& file, std::size_t lane) override {
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
    if (is_accepted) return;
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

  void finish() override {
    for (auto& [key, group] : groups_) {
      if (group.left < kMany || group.left * 2 < group.made) continue;
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
  std::map<std::tuple<std::size_t, std::uint64_t, std::string, std::string>, Group> groups_;
  std::map<std::pair<std::size_t, std::uint64_t>, Full> full_;  // by process
};

}  // namespace

extern constinit const Check kFdLeak = {
    .id = "fd_leak",
    .title = "descriptors are opened and never closed",
    .explain =
        "20 or more descriptors of a process that the same call made for the same thing (file of "
        "one path, sockets to one host, pipes, …) were still open when it ended, or when the log "
        "did, and they are at least half of all such. Accepted connections are left out: that they "
        "are open may be right; close_wait tells of those that are not. An error when a call "
        "failed with EMFILE or ENFILE.",
    .needs = "log; of a stream also file records",
    .make = &make_detector<FdLeak>,
};

}  // namespace tracebraid::analyzers::checks
