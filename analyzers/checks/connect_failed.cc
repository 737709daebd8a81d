// Connections that could not be made.

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
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
  if (error == "EADDRNOTAVAIL") return "no local port is free, or this machine has no such address";
  if (error == "ECONNRESET") return "the peer broke it off at once";
  if (error == "EACCES" || error == "EPERM") return "it is not allowed";
  if (error == "EAGAIN") return "its listener's queue is full";
  if (error == "ENOENT") return "there is no such socket";
  return "";
}

// Services on the same machine that are tried, and done without.
bool is_optional(std::string_view path) {
  constexpr std::string_view kOptional[] = {"nscd",  "/dev/log", "systemd", "dbus",  ".X11-unix",
                                            "avahi", "pulse",    "wayland", "sssd",  "winbind",
                                            "lirc",  "gnupg",    "ssh-",    "docker"};
  return std::ranges::any_of(
      kOptional, [&](std::string_view one) { return path.find(one) != std::string_view::npos; });
}

// Of "SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]", which old versions print as a number.
std::string_view error_asked(std::string_view args) {
  const std::size_t at = args.find("SO_ERROR, [");
  if (at == std::string_view::npos) return {};
  const std::string_view error = args.substr(at + 11, args.find(']', at) - at - 11);
  constexpr std::pair<std::string_view, std::string_view> kNumbers[] = {{"0", ""},
                                                                        {"13", "EACCES"},
                                                                        {"32", "EPIPE"},
                                                                        {"99", "EADDRNOTAVAIL"},
                                                                        {"101", "ENETUNREACH"},
                                                                        {"104", "ECONNRESET"},
                                                                        {"110", "ETIMEDOUT"},
                                                                        {"111", "ECONNREFUSED"},
                                                                        {"113", "EHOSTUNREACH"}};
  for (const auto& [number, name] : kNumbers) {
    if (error == number) return name;
  }
  return error;
}

bool is_beginning(std::string_view error) {
  return error == "EINPROGRESS" || error == "EALREADY" || error == "EISCONN" || error == "EINTR" ||
         error == "EAGAIN" || error.starts_with("ERESTART");
}

struct Group {
  Finding finding;
  std::uint64_t successes = 0, by_other = 0;  // by IPv4 instead
  std::uint64_t pauses = 0;                   // without times: waits between
  bool is_datagram = false;
};

constexpr std::string_view kCalls[] = {"connect", "getsockopt"};

class ConnectFailed final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls, .failing = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (call.syscall == "connect") return connect(event);
    if (call.syscall == "getsockopt") return asked(event, error_asked(call.args));
    if (keeps(event.thread)) wait(event);
    const bool is_refusal =
        call.error == "ECONNREFUSED" || call.error == "EHOSTUNREACH" || call.error == "ENETUNREACH";
    if (!is_refusal && call.error != "ETIMEDOUT") return;
    if (call.direction.empty() && !event.name.sends && !call.syscall.starts_with("re")) return;
    const SocketLife* const socket = event.socket;
    if (socket == nullptr) {
      if (is_refusal) add(event, call.error, peer_of(event));
      return;
    }
    // The answer of a connect that was not waited for.
    forget(event);
    const bool was_used = socket->bytes_in + socket->bytes_out > 0;
    const bool is_udp = socket->kind == "udp";
    if (!is_udp && (was_used || (!is_refusal && socket->connected_ts))) return;
    add(event, call.error, shown_end(socket->peer));
  }

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    if (const auto polled = polled_.find(life.key()); polled != polled_.end()) {
      const bool has_failed = !life.connected_ts && life.bytes_in + life.bytes_out == 0;
      if (has_failed) add_polled(life, polled->second);
      polled_.erase(polled);
      if (has_failed) return;
    }
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

  void gone(Thread& thread) override {
    last_.erase(&thread);
    connecting_.erase(&thread);
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
      rate(group, peer, error);
      finding.summary =
          fmt::format("{} to {} failed: {}",
                      group.is_datagram ? counted(finding.count, "datagram", "datagrams")
                                        : counted(finding.count, "connection", "connections"),
                      peer, error);
      if (!reason(error).empty()) finding.summary += fmt::format(", {}", reason(error));
      finding.hint = peer.starts_with("unix ") && error != "EAGAIN"
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

  void connect(const CallEvent& event) {
    const auto& call = event.call;
    std::string peer = peer_of(event);
    if (call.error.empty() || call.error == "EINPROGRESS") {
      succeed(event, peer);
      if (event.socket != nullptr) call.error.empty() ? forget(event) : expect(event);
      if (call.error.empty() || event.socket != nullptr || !call.fd) return;
      // A descriptor that is older than the log: the answer names it alone.
      constexpr std::size_t kMost = 10'000;
      if (asked_.size() < kMost) asked_[place_of(event)] = std::move(peer);
      return;
    }
    const bool is_full = call.error == "EAGAIN" && peer.starts_with("unix ");
    if (is_beginning(call.error) && !is_full) return;
    // How getaddrinfo() sorts addresses: nothing is sent.
    if (event.socket != nullptr && event.socket->kind == "udp") return;
    if (call.error == "EBADF" || call.error == "ENOTSOCK" || call.error == "EAFNOSUPPORT") return;
    add(event, call.error, peer.empty() ? "a peer that the log does not name" : peer);
  }

  // SO_ERROR, the answer of a connect that was waited for.
  void asked(const CallEvent& event, std::string_view error) {
    if (event.socket != nullptr) forget(event);
    if (error.empty()) return;
    if (event.socket == nullptr) {
      const auto found = asked_.find(place_of(event));
      if (error == "ECONNREFUSED" || found != asked_.end()) add(event, error, peer_of(event));
      return;
    }
    if (event.socket->bytes_in + event.socket->bytes_out > 0) return;
    add(event, error, peer_of(event));
  }

  // A loop may look no further than at what epoll says.
  void expect(const CallEvent& event) {
    constexpr std::size_t kMost = 64;
    auto& connecting = connecting_[&event.thread];
    if (connecting.size() >= kMost) connecting.erase(connecting.begin());
    connecting.emplace_back(event.call.fd.value_or(-1), event.socket->key());
    keep(event.thread);
  }

  void forget(const CallEvent& event) {
    polled_.erase(event.socket->key());
    const auto found = connecting_.find(&event.thread);
    if (found == connecting_.end()) return;
    std::erase_if(found->second,
                  [&](const auto& one) { return one.second == event.socket->key(); });
    if (!found->second.empty()) return;
    connecting_.erase(found);
    if (event.begin) let_go(event.thread);
  }

  // {events=EPOLLERR|EPOLLHUP, data={u32=4, u64=4}}, {fd=4, revents=POLLERR|POLLHUP}
  static bool tells_error(std::string_view args, std::int64_t fd) {
    for (std::size_t at = args.find("ERR"); at != std::string_view::npos;
         at = args.find("ERR", at + 1)) {
      const std::size_t begin = args.rfind("{e", at), poll = args.rfind("{fd=", at);
      const bool is_poll =
          poll != std::string_view::npos && (begin == std::string_view::npos || poll > begin);
      const std::string_view text = args.substr(is_poll ? poll : at);
      const std::string number = fmt::format("{}", fd);
      const std::string_view key = is_poll ? "{fd=" : "u32=";
      const std::size_t value = text.find(key);
      if (value == std::string_view::npos) continue;
      const std::string_view rest = text.substr(value + key.size());
      if (rest.starts_with(number) && rest.find_first_not_of("0123456789") == number.size()) {
        return true;
      }
    }
    return false;
  }

  void look_at_poll(const CallEvent& event) {
    const auto found = connecting_.find(&event.thread);
    const auto& call = event.call;
    // poll's answer stands behind its result.
    const std::string_view answer = call.aux.empty() ? call.args : call.aux;
    if (found == connecting_.end() || answer.find("ERR") == std::string_view::npos) return;
    constexpr std::size_t kMost = 10'000;
    for (const auto& [fd, key] : found->second) {
      if (polled_.size() < kMost && tells_error(answer, fd)) polled_[key].set(event);
    }
  }

  static std::tuple<std::size_t, std::uint64_t, std::int64_t> place_of(const CallEvent& event) {
    return {event.thread.lane, event.thread.pid, event.call.fd.value_or(-1)};
  }

  [[nodiscard]] std::string peer_of(const CallEvent& event) const {
    const SocketLife* const socket = event.socket;
    if (socket != nullptr && socket->kind == "unix") return "unix socket " + socket->path;
    if (socket != nullptr && socket->peer.port) return shown_end(socket->peer);
    if (event.call.syscall == "connect") return named_end(event.call.args);
    const auto found = asked_.find(place_of(event));
    if (found != asked_.end()) return found->second;
    if (event.call.peer_p) {
      return shown_end({event.call.peer_h, static_cast<std::uint16_t>(*event.call.peer_p)});
    }
    return event.call.fd ? fmt::format("the peer of descriptor {}", *event.call.fd) : std::string();
  }

  // A program that takes another address when IPv6 fails has lost nothing.
  void succeed(const CallEvent& event, const std::string& peer) {
    if (groups_.empty()) return;
    if (event.call.error.empty()) {
      for (auto at = groups_.lower_bound({peer, {}}); at != groups_.end(); ++at) {
        if (at->first.first != peer) break;
        ++at->second.successes;
      }
    }
    const auto found = last_.find(&event.thread);
    if (found == last_.end() || peer.starts_with('[')) return;
    const auto& [failed, group] = *found->second;
    const std::string_view port = std::string_view(peer).substr(peer.rfind(':') + 1);
    const bool is_other = failed.first.starts_with('[') &&
                          failed.first.ends_with(fmt::format(":{}", port)) &&
                          group.by_other < group.finding.count;
    if (is_other) ++found->second->second.by_other;
  }

  // Without times, waiting between two attempts is all that tells of a pause.
  void wait(const CallEvent& event) {
    if (event.name.is_poll) look_at_poll(event);
    const auto found = last_.find(&event.thread);
    if (found == last_.end()) return;
    const bool timed_out = event.name.is_poll && event.call.result == 0;
    if (event.name.is_sleep || timed_out) ++found->second->second.pauses;
  }

  void rate(Group& group, const std::string& peer, const std::string& error) const {
    Finding& finding = group.finding;
    if (group.is_datagram) {
      finding.severity = Severity::kNote;
      return;
    }
    if (peer.starts_with("unix ")) {
      constexpr std::uint64_t kAgain = 3;
      if (is_optional(peer) || (error == "ENOENT" && finding.count < kAgain)) {
        finding.severity = Severity::kNote;
        return;
      }
    } else if (group.by_other >= finding.count) {
      finding.severity = Severity::kNote;
      finding.detail = "It connected over IPv4 instead";
      return;
    }
    constexpr std::uint64_t kStorm = 20;
    if (finding.count < kStorm || group.successes > 0) return;
    const bool has_times = finding.ts && finding.last_ts && *finding.last_ts > *finding.ts;
    // A pause of 50 ms or more on the average is one.
    constexpr std::int64_t kPause = 50'000'000;
    const bool is_storm =
        has_times
            ? (*finding.last_ts - *finding.ts) / static_cast<std::int64_t>(finding.count) < kPause
            : group.pauses * 2 < finding.count;
    if (!is_storm) return;
    finding.severity = Severity::kError;
    finding.detail = fmt::format("{} attempts{}, without a pause that lets the peer come back",
                                 shown_count(finding.count),
                                 shown_rate(finding.count, finding.ts, finding.last_ts));
  }

  void add(const CallEvent& event, std::string_view error, const std::string& peer) {
    constexpr std::size_t kMostGroups = 10'000;
    auto found = groups_.find({peer, std::string(error)});
    if (found == groups_.end()) {
      if (groups_.size() >= kMostGroups) return;
      found = groups_.emplace(std::pair(peer, std::string(error)), Group{}).first;
    }
    Group& group = found->second;
    Finding& finding = group.finding;
    if (finding.evidence.empty()) {
      set_call(finding, event);
      finding.socket = peer.starts_with("unix ") ? peer : finding.socket;
      finding.evidence.push_back(scene_.evidence(event.call));
      group.is_datagram = event.socket != nullptr && event.socket->kind == "udp";
    } else {
      ++finding.count;
      constexpr std::size_t kShown = 3;
      if (finding.evidence.size() < kShown) {
        finding.evidence.push_back(scene_.evidence(event.call));
      }
    }
    finding.last_ts = event.begin;
    last_[&event.thread] = &*found;
    if (!event.begin) keep(event.thread);
  }

  void add_polled(const SocketLife& life, const CallNote& poll) {
    Group& group = groups_[{shown_end(life.peer), "an error that only a poll tells of"}];
    Finding one = poll.finding(scene_);
    one.socket = life.shown();
    if (group.finding.evidence.empty()) {
      group.finding = std::move(one);
      return;
    }
    ++group.finding.count;
    group.finding.last_ts = one.last_ts;
    constexpr std::size_t kShown = 3;
    if (group.finding.evidence.size() < kShown) {
      group.finding.evidence.push_back(one.evidence.front());
    }
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

  using Groups = std::map<std::pair<std::string, std::string>, Group>;  // by peer, error
  Groups groups_;
  // Of connects that go on: their descriptors, and the poll that told of an error.
  std::unordered_map<Thread*, std::vector<std::pair<std::int64_t, FileKey>>> connecting_;
  std::unordered_map<FileKey, CallNote, FileKey::Hash> polled_;
  // Of connects that go on, on descriptors that the log does not know.
  std::map<std::tuple<std::size_t, std::uint64_t, std::int64_t>, std::string> asked_;
  std::unordered_map<Thread*, Groups::value_type*> last_;  // that failed
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
        "error. Unanswered connections to a listener that is in the log are a backlog_overflow.\n\n"
        "Whatever call is the first to tell counts: connect, SO_ERROR, a send or recv (of UDP, "
        "too, which is a note); also on descriptors that are older than the log. 20 attempts or "
        "more without a pause (less than 50 ms for each) and without success are an error. A "
        "local service that most callers do without (nscd, /dev/log), and IPv6 where IPv4 is "
        "taken instead, are notes.\n\n"
        "  connect(4, {sa_family=AF_INET, sin_port=htons(6379), "
        "sin_addr=inet_addr(\"10.0.0.5\")}, 16) = -1 ECONNREFUSED (Connection refused)\n\n"
        "No server listens at 10.0.0.5:6379: it is down, or listens at another address.",
    .needs = "log",
    .make = &make_detector<ConnectFailed>,
};

}  // namespace tracebraid::analyzers::checks
