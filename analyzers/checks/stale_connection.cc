// Requests on connections that the server had given up while nobody used them: a pool keeps a
// connection for longer than its server does.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

struct Group {
  Finding finding;
  std::int64_t shortest = INT64_MAX, longest = 0;  // that one was not used
  std::int64_t last_end = INT64_MIN;
  bool is_sure = false;
};

constexpr std::string_view kCalls[] = {"connect"};

class StaleConnection final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls}; }

  // Who connects again at once had wanted an answer.
  void call(const CallEvent& event) override {
    if (groups_.empty() || event.socket == nullptr || !event.begin) return;
    const auto found = groups_.find(shown_end(event.socket->peer));
    if (found == groups_.end()) return;
    Group& group = found->second;
    if (*event.begin >= group.last_end && *event.begin - group.last_end < kSecond) {
      group.is_sure = true;
    }
  }

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    (void)socket;
    // Of a client, with an exchange before, and with a last request behind a while without any.
    if (life.kind != "tcp" || life.listener || !life.connect_ts || !life.last_in ||
        !life.last_out || *life.last_out - *life.last_in < kSecond) {
      return;
    }
    const bool has_broken = life.by_error.has("ECONNRESET") || life.by_error.has("EPIPE");
    const bool has_ended =
        life.eof_ts && *life.eof_ts >= *life.last_out && *life.eof_ts - *life.last_out < kSecond;
    // A side that says goodbye itself expects no answer.
    if ((!has_broken && !has_ended) || life.by_call.has("shutdown")) return;
    constexpr std::size_t kMostGroups = 10'000;
    const std::string peer = shown_end(life.peer);
    if (groups_.size() >= kMostGroups && !groups_.contains(peer)) return;
    add(life, has_broken, groups_[peer]);
  }

  void finish() override {
    for (auto& [peer, group] : groups_) {
      Finding& finding = group.finding;
      finding.severity = group.is_sure ? Severity::kWarning : Severity::kNote;
      finding.summary = fmt::format(
          "{} to {} had no answer: the connection had been idle for {}{}, and its peer ended it",
          counted(finding.count, "request", "requests"), peer, shown_duration(group.shortest),
          group.longest > group.shortest ? " to " + shown_duration(group.longest) : std::string());
      finding.detail = "As a rule the peer has given it up before the request is sent";
      finding.hint =
          "let the pool give connections up sooner than the server's keep-alive time-out, "
          "or look whether one is still open before it is used";
      report(std::move(finding));
    }
  }

 private:
  void add(const SocketLife& life, bool is_sure, Group& group) {
    Finding& finding = group.finding;
    const std::int64_t idle = *life.last_out - *life.last_in;
    if (finding.evidence.empty()) {
      finding.ts = life.last_out;
      finding.pid = life.pid;
      finding.tid = life.tid;
      finding.socket = life.shown();
      finding.file = life.file;
    } else {
      ++finding.count;
    }
    finding.last_ts = life.last_out;
    group.shortest = std::min(group.shortest, idle);
    group.longest = std::max(group.longest, idle);
    group.is_sure |= is_sure;
    group.last_end = std::max(group.last_end, life.eof_ts.value_or(*life.last_out));
    constexpr std::size_t kShown = 3;
    if (finding.evidence.size() >= kShown) return;
    if (life.eof_ts) {
      finding.evidence.push_back(fmt::format("{}: the end of {}, {} after the request",
                                             scene_.place(life.input, life.eof_line), life.shown(),
                                             shown_duration(*life.eof_ts - *life.last_out)));
    } else {
      finding.evidence.push_back(fmt::format(
          "{}: {} was broken off by its peer",
          scene_.place(life.input, life.end_line.value_or(life.line.value_or(0))), life.shown()));
    }
  }

  std::map<std::string, Group> groups_;  // by peer
};

}  // namespace

extern constinit const Check kStaleConnection = {
    .id = "stale_connection",
    .title = "a request on a connection that the server had given up",
    .explain =
        "A client had used a connection, left it alone for a second or more, and sent a request; "
        "all that came was the connection's end (within a second), ECONNRESET or EPIPE. A warning "
        "for an error, and where it connects to the same peer again within a second; a note "
        "otherwise: the last request may have been a farewell. Needs times in the log.\n\n"
        "  30.000 recvfrom(4, \"HTTP/1.1 200 OK\", 4096, 0, NULL, NULL) = 15\n"
        "  95.000 sendto(4, \"GET / HTTP/1.1\", 14, 0, NULL, 0) = 14\n"
        "  95.001 recvfrom(4, \"\", 4096, 0, NULL, NULL) = 0\n\n"
        "The server's keep-alive time-out is 60 s, and the pool keeps connections for longer.",
    .needs = "log; of a stream also file records",
    .make = &make_detector<StaleConnection>,
};

}  // namespace tracebraid::analyzers::checks
