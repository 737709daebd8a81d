// Segments that were sent again.

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/flows.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/record/flow.h"

namespace tracebraid::analyzers::checks {
namespace {

struct Group {
  std::uint64_t segments = 0, again = 0, bytes = 0, flows = 0;
  std::uint64_t worst = 0;
  bool is_loopback = false;
  std::uint64_t unacknowledged = 0;
  std::int64_t longest_wait = 0;  // of those
  std::string worst_uid;
  std::int64_t first_ts = INT64_MAX, last_ts = INT64_MIN;
};

class Retransmissions final : public Detector {
 public:
  using Detector::Detector;

  void flow(const formats::record::Flow& flow) override {
    if (flow.proto != "tcp") return;
    const std::uint64_t again = flow.orig_rexmit_pkts + flow.resp_rexmit_pkts;
    const std::string server = shown_end({flow.resp_h, flow.resp_p});
    constexpr std::size_t kMostGroups = 100'000;
    auto found = groups_.find(server);
    if (found == groups_.end()) {
      if (again == 0 || groups_.size() >= kMostGroups) {
        // Groups are those with losses; what went well before is in none of them.
        return;
      }
      found = groups_.emplace(server, Group{}).first;
      found->second.is_loopback = is_loopback(flow.resp_h);
    }
    Group& group = found->second;
    group.segments += flow.orig_pkts + flow.resp_pkts;
    if (again == 0) return;
    group.again += again;
    group.bytes += flow.orig_rexmit_bytes + flow.resp_rexmit_bytes;
    ++group.flows;
    group.unacknowledged += flow.orig_unacked_rexmit_pkts + flow.resp_unacked_rexmit_pkts;
    for (const auto& wait : {flow.orig_rexmit_wait, flow.resp_rexmit_wait}) {
      if (wait) group.longest_wait = std::max(group.longest_wait, wait->ns);
    }
    group.first_ts = std::min(group.first_ts, flow.ts.ns);
    group.last_ts = std::max(group.last_ts, flow.last_ts.ns);
    if (again > group.worst) {
      group.worst = again;
      group.worst_uid = flow.uid;
    }
  }

  void finish() override {
    if (groups_.size() > kMostServers) put_together();
    for (auto& [server, group] : groups_) {
      constexpr std::uint64_t kFew = 10;
      constexpr std::uint64_t kPercent = 100;
      // One in a hundred is what a good network has at worst.
      const bool is_much =
          !group.is_loopback && group.again >= kFew && group.again * kPercent >= group.segments;
      Finding finding;
      finding.severity = is_much ? Severity::kWarning : Severity::kNote;
      finding.count = group.again;
      finding.ts = group.first_ts;
      finding.last_ts = group.last_ts;
      finding.uid = group.worst_uid;
      finding.summary =
          fmt::format("{} ({} bytes) of {} with {} were sent again",
                      counted(group.again, "segment", "segments"), shown_count(group.bytes),
                      counted(group.flows, "flow", "flows"), server);
      finding.evidence.push_back(
          fmt::format("flow {}: {} of them", group.worst_uid, shown_count(group.worst)));
      tell_why(group, finding);
      report(std::move(finding));
    }
  }

 private:
  // More servers than that are told at once: a port for each test, say.
  static constexpr std::size_t kMostServers = 8;
  void put_together() {
    Group all;
    std::string where = fmt::format("{} servers ({}", groups_.size(), groups_.begin()->first);
    all.is_loopback = true;
    for (const auto& [server, group] : groups_) {
      all.segments += group.segments;
      all.again += group.again;
      all.bytes += group.bytes;
      all.flows += group.flows;
      all.unacknowledged += group.unacknowledged;
      all.longest_wait = std::max(all.longest_wait, group.longest_wait);
      all.is_loopback &= group.is_loopback;
      all.first_ts = std::min(all.first_ts, group.first_ts);
      all.last_ts = std::max(all.last_ts, group.last_ts);
      if (group.worst <= all.worst) continue;
      all.worst = group.worst;
      all.worst_uid = group.worst_uid;
    }
    groups_.clear();
    groups_.emplace(where + ", …)", std::move(all));
  }

  // Loopback has no wire that could lose them: what the capture shows has come to the receiver's
  // kernel. From Linux's least time-out on the sender waited in vain for an ACK; sooner it asked
  // (tail loss probe).
  static void tell_why(const Group& group, Finding& finding) {
    constexpr std::int64_t kTimeOut = 200'000'000;
    if (!group.is_loopback) {
      finding.hint = "loss on the way, or a receiver that acknowledges late";
      return;
    }
    if (group.longest_wait < kTimeOut) {
      finding.hint =
          "nothing is lost on loopback: the receiver acknowledged or read late, and the kernel "
          "asked (tail loss probe)";
      return;
    }
    finding.detail = fmt::format(
        "The receiver had dropped what came: its ACK stood still for {} of them, and they were "
        "sent again after up to {}",
        shown_count(group.unacknowledged), shown_duration(group.longest_wait));
    finding.hint =
        "its buffer was full (a small SO_RCVBUF, a program that reads late): each drop costs a "
        "time-out of 200 ms and more";
  }

  std::map<std::string, Group> groups_;
};

}  // namespace

extern constinit const Check kRetransmissions = {
    .id = "retransmissions",
    .title = "TCP segments were sent again",
    .explain =
        "Payload that had been seen in the capture was sent again, grouped by server. A warning "
        "from 10 segments and one in a hundred of the server's packets on, a note below, and on "
        "loopback, where no wire loses anything: there the receiver's kernel dropped what its "
        "buffer "
        "had no room for (its ACK stood still for a time-out of 0.2 s or more), or acknowledged "
        "late. Packets that were captured twice, keep-alives and probes of a zero window do not "
        "count.",
    .needs = "capture",
    .make = &make_detector<Retransmissions>,
};

}  // namespace tracebraid::analyzers::checks
