// Connections that could not be made.

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/record/socket.h"

namespace tracebraid::analyzers::checks {
namespace {

std::string_view reason(std::string_view error) {
  if (error == "ECONNREFUSED") return "nobody listens there";
  if (error == "ETIMEDOUT") return "nobody answered";
  if (error == "EHOSTUNREACH" || error == "ENETUNREACH") return "there is no way there";
  if (error == "EADDRNOTAVAIL") return "no local port is free";
  return "";
}

struct Group {
  Finding finding;
  std::int64_t longest = 0;
};

constexpr std::string_view kCalls[] = {"connect", "getsockopt"};

class ConnectFailed final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (event.socket == nullptr) return;
    std::string_view error;
    if (call.syscall == "connect") {
      error = call.error;
      if (error == "EINPROGRESS" || error == "EALREADY" || error == "EISCONN" || error == "EINTR" ||
          error == "EAGAIN" || error.starts_with("ERESTART")) {
        return;
      }
    } else if (call.syscall == "getsockopt") {
      // The answer of a connect that was not waited for.
      const std::size_t at = call.args.find("SO_ERROR, [");
      if (at == std::string_view::npos) return;
      error = call.args.substr(at + 11);
      error = error.substr(0, error.find(']'));
      if (error == "0" || event.socket->bytes_in + event.socket->bytes_out > 0) return;
    }
    if (error.empty() || error == "0") return;
    if (event.socket->kind == "unix") {
      add(event, error, "unix socket " + event.socket->path);
      return;
    }
    add(event, error, shown_end(event.socket->peer));
  }

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    if (life.kind != "tcp" || !life.connect_ts || life.connected_ts ||
        life.connect_error != "EINPROGRESS" || life.bytes_in + life.bytes_out > 0 ||
        life.first_in) {
      if (life.is_listener && life.local.port) listeners_[*life.local.port].push_back(life.local);
      return;
    }
    // With a capture: answered or not; a connection that the program did not wait for is no
    // failure.
    const bool was_refused = socket.conn_state == "REJ";
    const bool was_silent = socket.conn_state == "S0" || socket.conn_state == "SH";
    constexpr std::int64_t kPatience = 100'000'000;
    const std::optional<std::int64_t> end = end_of(life, scene_);
    std::optional<std::int64_t> waited;
    if (end) waited = *end - *life.connect_ts;
    if (!was_refused && !was_silent && (!socket.uid.empty() || waited.value_or(0) < kPatience)) {
      return;
    }
    unanswered_.push_back({life.shown(), life.peer, shown_end(life.peer), life.connect_ts, waited,
                           life.pid, life.tid, std::string(life.input), life.line.value_or(0),
                           std::string(socket.uid), was_refused});
  }

  void finish() override {
    for (const Unanswered& one : unanswered_) {
      if (!one.was_refused && has_listener(one.server)) continue;  // backlog_overflow's
      Group& group = groups_[{one.peer, one.was_refused ? "ECONNREFUSED" : "no answer"}];
      start(group, one);
    }
    for (auto& [key, group] : groups_) {
      const auto& [peer, error] = key;
      Finding& finding = group.finding;
      // Services on the same machine are tried, and done without: nscd.
      if (peer.starts_with("unix ")) finding.severity = Severity::kNote;
      finding.summary = fmt::format(
          "{} to {} failed: {}", counted(finding.count, "connection", "connections"), peer, error);
      if (!reason(error).empty()) finding.summary += fmt::format(", {}", reason(error));
      finding.hint = peer.starts_with("unix ")
                         ? "a service of this machine that does not run; most callers do without it"
                     : error == "ECONNREFUSED"
                         ? "was the server up at that time, and on that address?"
                         : "tracebraid timeline with a capture shows who did not answer";
      report(std::move(finding));
    }
  }

 private:
  struct Unanswered {
    std::string shown;
    HostPort server;
    std::string peer;
    std::optional<std::int64_t> ts;
    std::optional<std::int64_t> waited;  // nothing: nobody knows until when
    std::optional<std::uint64_t> pid, tid;
    std::string input;
    std::uint64_t line;
    std::string uid;
    bool was_refused;
  };

  bool has_listener(const HostPort& server) const {
    const auto found = listeners_.find(server.port.value_or(0));
    return found != listeners_.end() &&
           std::ranges::any_of(found->second,
                               [&](const HostPort& local) { return serves(local, server); });
  }

  void add(const CallEvent& event, std::string_view error, const std::string& peer) {
    Group& group = groups_[{peer, std::string(error)}];
    Finding& finding = group.finding;
    if (finding.evidence.empty()) {
      set_call(finding, event);
      finding.evidence.push_back(scene_.evidence(event.call));
    } else {
      ++finding.count;
    }
    finding.last_ts = event.begin;
  }

  void start(Group& group, const Unanswered& one) {
    Finding& finding = group.finding;
    if (finding.evidence.empty()) {
      finding.ts = one.ts;
      finding.pid = one.pid;
      finding.tid = one.tid;
      finding.socket = one.shown;
      finding.uid = one.uid;
    } else {
      ++finding.count;
    }
    finding.last_ts = one.ts;
    constexpr std::size_t kShown = 3;
    if (finding.evidence.size() < kShown) {
      finding.evidence.push_back(fmt::format(
          "{}: socket of a connect that had no answer{}", scene_.place(one.input, one.line),
          one.waited ? " for " + shown_duration(*one.waited) : ""));
    }
  }

  std::map<std::pair<std::string, std::string>, Group> groups_;  // by peer, error
  std::vector<Unanswered> unanswered_;
  std::map<std::uint16_t, std::vector<HostPort>> listeners_;  // by port
};

}  // namespace

extern constinit const Check kConnectFailed = {
    .id = "connect_failed",
    .title = "a connection could not be made",
    .explain =
        "connect failed, at once or as SO_ERROR tells later, with the error's meaning; or it was "
        "given up without an answer (which file records tell of a stream). Grouped by peer and "
        "error. Unanswered connections to a listener that is in the log are a backlog_overflow.",
    .needs = "log",
    .make = &make_detector<ConnectFailed>,
};

}  // namespace tracebraid::analyzers::checks
