// A listener that accepts too slowly: the kernel drops SYNs when its queue is full.

#include <map>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/record/flow.h"
#include "formats/record/socket.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::int64_t kPatience = 100'000'000;

struct Group {
  HostPort server;
  Finding finding;
  std::uint64_t retransmitted = 0, unanswered = 0;
};

struct Listener {
  HostPort local;
  std::string shown, evidence;
  std::uint64_t file;
  std::optional<std::uint64_t> pid;
};

constexpr std::string_view kCalls[] = {"listen"};

class BacklogOverflow final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls}; }

  void call(const CallEvent& event) override {
    if (event.call.syscall != "listen" || event.call.result != 0 || event.socket == nullptr) return;
    if (!event.socket->local.port) {
      // Its port shows later (getsockname, -yy).
      pending_[event.socket->key()] = scene_.evidence(event.call);
      return;
    }
    add_listener(*event.socket, scene_.evidence(event.call));
  }

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    const auto pending = pending_.find(life.key());
    if (pending != pending_.end()) {
      if (life.local.port) add_listener(life, std::move(pending->second));
      pending_.erase(pending);
    }
    if (life.kind != "tcp" || !life.connect_ts || life.connected_ts || !life.peer.port ||
        life.connect_error != "EINPROGRESS" || life.bytes_in + life.bytes_out > 0) {
      return;
    }
    const std::optional<std::int64_t> end = end_of(life, scene_);
    if (!end) return;
    const std::int64_t waited = *end - *life.connect_ts;
    if (waited < kPatience || (!socket.uid.empty() && socket.conn_state != "S0")) return;
    Group& group = group_of(life.peer);
    ++group.unanswered;
    note(group, *life.connect_ts,
         fmt::format("{}: {} had no answer for {}", scene_.place(life.input, life.line.value_or(0)),
                     life.shown(), shown_duration(waited)));
  }

  void flow(const formats::record::Flow& flow) override {
    if (flow.proto != "tcp" || !flow.syn_ts || flow.syn_ts->ns <= flow.ts.ns) {
      if (flow.proto != "tcp" || flow.conn_state != "S0" || flow.orig_pkts < 2) return;
    }
    Group& group = group_of({flow.resp_h, flow.resp_p});
    ++group.retransmitted;
    std::string text = fmt::format("flow {}: SYN sent again", flow.uid);
    if (flow.syn_ts && flow.syn_ts->ns > flow.ts.ns) {
      text += fmt::format(", answered after {}", shown_duration(flow.syn_ts->ns - flow.ts.ns));
    }
    note(group, flow.ts.ns, std::move(text));
  }

  void finish() override {
    for (auto& [shown, group] : groups_) {
      const Listener* const listener = listener_of(group.server);
      if (listener == nullptr) continue;
      Finding& finding = group.finding;
      finding.count = std::max(group.retransmitted, group.unanswered);
      finding.pid = listener->pid;
      finding.file = listener->file;
      finding.socket = listener->shown;
      finding.summary =
          fmt::format("{} to the {} had to ask again or got no answer: its queue was full",
                      counted(finding.count, "connection", "connections"), listener->shown);
      finding.evidence.push_back(listener->evidence);
      finding.hint =
          "accept faster, or give listen() a longer backlog (net.core.somaxconn is its "
          "limit)";
      report(std::move(finding));
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

  void add_listener(const SocketLife& life, std::string evidence) {
    std::vector<Listener>& all = listeners_[*life.local.port];
    // The one of a program that was started anew has the same address.
    std::erase_if(all, [&](const Listener& other) { return other.local == life.local; });
    all.push_back({life.local, life.shown(), std::move(evidence), life.file, life.pid});
  }

  const Listener* listener_of(const HostPort& server) const {
    const auto found = listeners_.find(*server.port);
    if (found == listeners_.end()) return nullptr;
    for (const Listener& listener : found->second) {
      if (serves(listener.local, server)) return &listener;
    }
    return nullptr;
  }

  Group& group_of(const HostPort& server) {
    Group& group = groups_[shown_end(server)];
    group.server = server;
    return group;
  }

  std::map<std::string, Group> groups_;                       // by the server's address
  std::map<std::uint16_t, std::vector<Listener>> listeners_;  // by port
  std::map<FileKey, std::string> pending_;
};

}  // namespace

extern constinit const Check kBacklogOverflow = {
    .id = "backlog_overflow",
    .title = "a listener's queue was full",
    .explain =
        "Connections to a listener that is in the log had to send their SYN again (seen in the "
        "capture), or were given up without an answer after 100 ms or more (seen in the log, of a "
        "stream in its file records). The kernel drops SYNs when more connections wait for accept "
        "than listen() allowed.",
    .needs = "log",
    .make = &make_detector<BacklogOverflow>,
};

}  // namespace tracebraid::analyzers::checks
