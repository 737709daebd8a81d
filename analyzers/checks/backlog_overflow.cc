// A listener that accepts too slowly: the kernel drops SYNs when its queue is full.

#include <map>

#include "analyzers/checks/checks.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::int64_t kPatience = 100'000'000;

struct Group {
  Finding finding;
  std::uint64_t retransmitted = 0, unanswered = 0;
};

struct Listener {
  std::string shown, evidence;
  std::uint64_t file;
  std::optional<std::uint64_t> pid;
};

class BacklogOverflow final : public Detector {
 public:
  using Detector::Detector;

  void call(const CallEvent& event) override {
    if (event.call.syscall != "listen" || event.call.result != 0 || event.socket == nullptr) return;
    if (!event.socket->local.port) {
      // Its port shows later (getsockname, -yy).
      pending_[event.socket->file] = scene_.evidence(event.call);
      return;
    }
    listeners_[*event.socket->local.port] = {event.socket->shown(), scene_.evidence(event.call),
                                             event.socket->file, event.socket->pid};
  }

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    if (life.is_listener && life.local.port && !listeners_.contains(*life.local.port)) {
      listeners_[*life.local.port] = {life.shown(), pending_[life.file], life.file, life.pid};
    }
    if (life.kind != "tcp" || !life.connect_ts || life.connected_ts || !life.peer.port ||
        life.connect_error != "EINPROGRESS" || life.bytes_in + life.bytes_out > 0) {
      return;
    }
    const std::int64_t waited = life.end_ts.value_or(scene_.last_ts()) - *life.connect_ts;
    if (waited < kPatience || (!socket.uid.empty() && socket.conn_state != "S0")) return;
    Group& group = groups_[*life.peer.port];
    ++group.unanswered;
    note(group, *life.connect_ts,
         scene_.place(life.input, life.line.value_or(0)) + ": " + life.shown() +
             " had no answer for " + shown_duration(waited));
  }

  void flow(const formats::record::Flow& flow) override {
    if (flow.proto != "tcp" || !flow.syn_ts || flow.syn_ts->ns <= flow.ts.ns) {
      if (flow.proto != "tcp" || flow.conn_state != "S0" || flow.orig_pkts < 2) return;
    }
    Group& group = groups_[flow.resp_p];
    ++group.retransmitted;
    std::string text = "flow " + std::string(flow.uid) + ": SYN sent again";
    if (flow.syn_ts && flow.syn_ts->ns > flow.ts.ns) {
      text += ", answered after " + shown_duration(flow.syn_ts->ns - flow.ts.ns);
    }
    note(group, flow.ts.ns, std::move(text));
  }

  void finish() override {
    for (auto& [port, group] : groups_) {
      const auto listener = listeners_.find(port);
      if (listener == listeners_.end()) continue;
      Finding& finding = group.finding;
      finding.id = "backlog_overflow";
      finding.count = std::max(group.retransmitted, group.unanswered);
      finding.pid = listener->second.pid;
      finding.file = listener->second.file;
      finding.socket = listener->second.shown;
      finding.summary = counted(finding.count, "connection", "connections") + " to the " +
                        listener->second.shown +
                        " had to ask again or got no answer: its queue "
                        "was full";
      finding.evidence.push_back(listener->second.evidence);
      finding.hint =
          "accept faster, or give listen() a longer backlog (net.core.somaxconn is its "
          "limit)";
      scene_.report(std::move(finding));
    }
  }

 private:
  static void note(Group& group, std::int64_t ts, std::string text) {
    Finding& finding = group.finding;
    finding.ts = std::min(finding.ts.value_or(ts), ts);
    finding.last_ts = std::max(finding.last_ts.value_or(ts), ts);
    constexpr std::size_t kShown = 3;
    if (finding.evidence.size() < kShown) finding.evidence.push_back(std::move(text));
  }

  std::map<std::uint16_t, Group> groups_;  // by the listener's port
  std::map<std::uint16_t, Listener> listeners_;
  std::map<std::uint64_t, std::string> pending_;
};

}  // namespace

const Check kBacklogOverflow = {
    "backlog_overflow",
    "a listener's queue was full",
    "Connections to a listener that is in the log had to send their SYN again (seen in the "
    "capture), or were given up without an answer after 100 ms or more (seen in the log). The "
    "kernel drops SYNs when more connections wait for accept than listen() allowed.",
    "log",
    &make_detector<BacklogOverflow>,
};

}  // namespace tracebraid::analyzers::checks
