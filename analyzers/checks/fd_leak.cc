// Descriptors that are opened and never closed, more and more of them.

#include <algorithm>
#include <map>
#include <tuple>

#include "analyzers/checks/checks.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::uint64_t kMany = 20;

struct Group {
  std::uint64_t made = 0, left = 0, idle = 0;
  std::optional<std::int64_t> first_ts, last_ts;
  std::optional<std::uint64_t> pid;
  std::vector<std::string> evidence;
  std::string what;
};

class DescriptorLeak final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.failing = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (call.error != "EMFILE" && call.error != "ENFILE") return;
    Finding& finding = full_[{event.thread.lane, event.thread.pid}];
    if (finding.evidence.empty()) {
      set_call(finding, event);
      finding.evidence.push_back(scene_.evidence(call));
      finding.summary = std::string(call.error);
      first_call_[{event.thread.lane, event.thread.pid}] = call.syscall;
    } else {
      ++finding.count;
    }
    finding.last_ts = event.begin;
  }

  void file(const formats::record::File& file, std::size_t lane) override {
    if (file.made_by.empty()) return;
    // What sockets are for is told apart by their peers; files by their paths.
    std::string what(file.kind);
    const bool is_socket = file.kind == "tcp" || file.kind == "udp";
    if (is_socket) {
      const HostPort end{file.made_by.starts_with("accept") ? file.local_h : file.peer_h, {}};
      what += file.made_by.starts_with("accept") ? " accepted" : " to ";
      if (!file.made_by.starts_with("accept")) append_shown(what, end);
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
    if (file.made_by.starts_with("accept")) return;
    ++group.left;
    group.pid = file.pid;
    const std::optional<std::int64_t> ts = file.ts ? std::optional(file.ts->ns) : std::nullopt;
    if (ts && (!group.first_ts || *ts < *group.first_ts)) group.first_ts = ts;
    if (ts && (!group.last_ts || *ts > *group.last_ts)) group.last_ts = ts;
    constexpr std::size_t kShown = 3;
    if (group.evidence.size() < kShown && file.line) {
      group.evidence.push_back(scene_.place(file.input, *file.line) + ": " +
                               std::string(file.made_by) + " made descriptor " +
                               (file.fd ? std::to_string(*file.fd) : std::string("?")) + ", " +
                               what);
    }
  }

  void finish() override {
    for (auto& [key, group] : groups_) {
      if (group.left < kMany || group.left * 2 < group.made) continue;
      Finding finding;
      finding.id = "fd_leak";
      finding.count = group.left;
      finding.pid = group.pid;
      finding.ts = group.first_ts;
      finding.last_ts = group.last_ts;
      finding.summary = shown_count(group.left) + " of " + shown_count(group.made) +
                        " descriptors that " + std::get<2>(key) + " made (" + group.what +
                        ") were never closed";
      finding.evidence = std::move(group.evidence);
      finding.hint = "tracebraid sockets shows those without an end; close what is not used";
      scene_.report(std::move(finding));
    }
    for (auto& [place, finding] : full_) {
      const std::string error = finding.summary;
      finding.id = "fd_leak";
      finding.severity = Severity::kError;
      finding.summary = first_call_[place] + " and the like failed with " + error + " " +
                        counted(finding.count, "time", "times") +
                        ": the process has as many descriptors open as it may";
      finding.hint = "ulimit -n is the limit; see what is open with tracebraid sockets -a";
      scene_.report(std::move(finding));
    }
  }

 private:
  std::map<std::tuple<std::size_t, std::uint64_t, std::string, std::string>, Group> groups_;
  std::map<std::pair<std::size_t, std::uint64_t>, Finding> full_;
  std::map<std::pair<std::size_t, std::uint64_t>, std::string> first_call_;
};

}  // namespace

const Check kFdLeak = {
    "fd_leak",
    "descriptors are opened and never closed",
    "20 or more descriptors of a process that the same call made for the same thing (file of one "
    "path, sockets to one host, pipes, …) were still open when it ended, or when the log did, and "
    "they are at least half of all such. Accepted connections are left out: that they are open may "
    "be right; close_wait tells of those that are not. An error when a call failed with EMFILE or "
    "ENFILE.",
    "log; of a stream also file records",
    &make_detector<DescriptorLeak>,
};

}  // namespace tracebraid::analyzers::checks
