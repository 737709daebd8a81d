// Connections that ended in a reset: ECONNRESET, EPIPE.

#include <map>
#include <set>
#include <tuple>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/record/flow.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::string_view kCalls[] = {"shutdown", "getsockopt", "accept", "accept4"};

// What is known of who broke it off.
enum class Cause : std::uint8_t {
  kPeer,
  kIdleClient,      // a client that had been answered, and asked for nothing more
  kOwnShutdown,     // who sends after its own shutdown gets EPIPE, whatever the peer does
  kNeverConnected,  // a socket without a peer
  kConnectFailed
};

bool is_break(std::string_view error) {
  return error == "ECONNRESET" || error == "EPIPE" || error == "ETIMEDOUT" ||
         error == "ECONNABORTED" || error == "ENETRESET" || error == "EHOSTUNREACH" ||
         error == "ENETUNREACH";
}

bool is_receive(std::string_view name) {
  return name.starts_with("recv") || name.starts_with("read");
}

class ConnectionReset final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls, .failing = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (call.syscall == "shutdown" && call.error.empty()) return shut(event);
    if (event.name.accepts && call.error.empty()) {
      if (event.socket != nullptr) ++accepted_[shown_end(event.socket->local)];
      return;
    }
    std::string_view error = call.error;
    if (call.syscall == "getsockopt" && error.empty()) {
      // Of a connection that was in use, a loop asks why it is ready.
      const std::size_t at = call.args.find("SO_ERROR, [E");
      if (at == std::string_view::npos || event.socket == nullptr ||
          event.socket->bytes_in + event.socket->bytes_out == 0) {
        return;
      }
      error = call.args.substr(at + 11, call.args.find(']', at) - at - 11);
    } else if (event.name.sends && error != "EPIPE" && has_no_peer(event)) {
      if (error == "ENOTCONN" || error == "EDESTADDRREQ") add(event, error, Cause::kNeverConnected);
      return;
    }
    if (!is_break(error) || call.syscall == "connect") return;
    if (event.socket == nullptr) return add_unknown(event, error);
    const SocketLife& socket = *event.socket;
    const bool is_used = socket.bytes_in + socket.bytes_out > 0;
    if ((error == "EHOSTUNREACH" || error == "ENETUNREACH") && !is_used) return;
    if (socket.kind != "tcp" && socket.kind != "unix" && socket.kind != "socket") return;
    // connect_failed's: the answer of a connect that was not waited for.
    if (error == "ETIMEDOUT" && !is_used && !socket.connected_ts) return;
    // Who sends after its own shutdown gets EPIPE, whatever the peer does.
    Cause cause = Cause::kPeer;
    if (error == "EPIPE" && shut_.contains(socket.key())) {
      cause = Cause::kOwnShutdown;
    } else if (error == "EPIPE" && has_no_peer(event)) {
      cause = is_refused(socket) ? Cause::kConnectFailed : Cause::kNeverConnected;
    } else if (socket.kind != "tcp" && socket.kind != "unix") {
      return;
    } else if (error == "ECONNRESET" && is_receive(call.syscall) && is_answered(socket)) {
      cause = Cause::kIdleClient;
    }
    add(event, error, cause);
  }

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    (void)socket;
    if (keeps(life)) shut_.erase(life.key());
  }

  void flow(const formats::record::Flow& flow) override {
    const auto found = wires_.find(std::string(flow.uid));
    if (found == wires_.end()) return;
    tell_who(groups_[found->second], std::get<0>(found->second), flow.reset_by, flow.uid);
    wires_.erase(found);
  }

  void finish() override {
    for (auto& [key, finding] : groups_) {
      const auto& [is_server, where, error, cause] = key;
      // A client may leave whenever it wants to, if few do.
      constexpr std::uint64_t kOneIn = 20;
      const auto accepted = accepted_.find(where);
      const bool are_few = is_server && cause == Cause::kPeer && accepted != accepted_.end() &&
                           finding.count * kOneIn <= accepted->second;
      const bool is_of_clients = are_few || cause == Cause::kIdleClient;
      finding.severity =
          where.starts_with("unix") || is_of_clients ? Severity::kNote : Severity::kWarning;
      const std::string calls = counted(finding.count, "call", "calls");
      if (cause == Cause::kNeverConnected) {
        finding.summary =
            fmt::format("{} failed with {}: the socket was never connected", calls, error);
        finding.hint = "find the code that sends before connect, or on a socket that it only made";
      } else if (cause == Cause::kConnectFailed) {
        finding.summary = fmt::format("{} to {} failed with {}: its connect had not succeeded",
                                      calls, where, error);
        finding.hint = "find the code that goes on although connect failed";
      } else {
        tell(key, calls, finding);
      }
      report(std::move(finding));
    }
  }

 private:
  using Key = std::tuple<bool, std::string, std::string, Cause>;  // server, address, error

  void tell(const Key& key, const std::string& calls, Finding& finding) const {
    const auto& [is_server, where, error, cause] = key;
    const bool is_own = cause == Cause::kOwnShutdown;
    const char* const meaning =
        is_own                        ? "this side had shut its sending down before"
        : error == "EPIPE"            ? "the peer had closed before"
        : error == "ETIMEDOUT"        ? "the peer did not answer any more"
        : error.ends_with("UNREACH")  ? "there is no way to the peer any more"
        : cause == Cause::kIdleClient ? "the client left when it had its answers"
                                      : "the peer broke it off";
    const std::string connections = where.starts_with("descriptor") ? where
                                    : is_server ? fmt::format("connections of clients to {}", where)
                                                : fmt::format("connections to {}", where);
    finding.summary =
        fmt::format("{} on {} failed with {}: {}", calls, connections, error, meaning);
    if (finding.detail.empty() && !scene_.has_capture() && !is_own && !where.starts_with("unix") &&
        error != "ETIMEDOUT" && !error.ends_with("UNREACH")) {
      finding.detail = "with a capture, tracebraid could tell who sent the RST";
    }
    finding.hint = is_own             ? "something still answers on a connection that was given up"
                   : error == "EPIPE" ? "what was sent last was not read; did the peer time out?"
                   : error == "ETIMEDOUT" || error.ends_with("UNREACH")
                       ? "is the peer's machine up, and the way there? keep-alive and time-outs of "
                         "its own tell a program sooner"
                       : "a peer that closes with unread data, or that crashed, "
                         "resets its connections";
  }

  void shut(const CallEvent& event) {
    if (event.socket == nullptr || event.call.args.ends_with("SHUT_RD") ||
        event.call.args.find("SHUT_RD)") != std::string_view::npos) {
      return;
    }
    shut_.insert(event.socket->key());
    keep(*event.socket);
  }

  static bool is_answered(const SocketLife& socket) {
    return socket.listener && socket.bytes_in > 0 && socket.last_in && socket.last_out &&
           *socket.last_out >= *socket.last_in;
  }

  static bool is_refused(const SocketLife& socket) {
    return !socket.connect_error.empty() && socket.connect_error != "EINPROGRESS";
  }

  // The log shows its making, and nothing that gave it a peer.
  static bool has_no_peer(const CallEvent& event) {
    if (event.socket == nullptr) return event.call.error == "EDESTADDRREQ";
    const SocketLife& socket = *event.socket;
    if (socket.made_by != "socket" || socket.connected_ts || socket.is_listener ||
        socket.listener || socket.bytes_in + socket.bytes_out > 0) {
      return false;
    }
    return !socket.by_call.has("connect") || is_refused(socket);
  }

  // Of a descriptor that is older than the log. It may be a pipe, which has no address either.
  void add_unknown(const CallEvent& event, std::string_view error) {
    const auto& call = event.call;
    if (!call.fd || (call.kind != "" && call.kind != "tcp" && call.kind != "socket")) return;
    const bool is_transfer = event.name.sends || is_receive(call.syscall);
    if (!is_transfer || error.ends_with("UNREACH")) return;
    constexpr std::int64_t kStandardError = 2;
    if (*call.fd <= kStandardError && call.syscall.starts_with("write")) return;
    if (call.peer_p) {
      return add_at(event, error, Cause::kPeer, false,
                    shown_end({call.peer_h, static_cast<std::uint16_t>(*call.peer_p)}));
    }
    constexpr std::size_t kMostDescriptors = 20;
    const bool is_one = groups_.size() < kMostDescriptors;
    add_at(event, error, Cause::kPeer, false,
           is_one ? fmt::format("descriptor {}", *call.fd) : std::string("descriptors"));
  }

  void add(const CallEvent& event, std::string_view error, Cause cause) {
    if (event.socket == nullptr) return add_at(event, error, cause, false, "");
    const SocketLife& socket = *event.socket;
    const bool is_server = socket.listener.has_value() || socket.is_listener;
    if (socket.kind == "unix") {
      return add_at(
          event, error, cause, is_server,
          socket.path.empty() ? std::string("unix sockets") : "unix socket " + socket.path);
    }
    const std::string where = cause == Cause::kNeverConnected
                                  ? std::string()
                                  : shown_end(is_server ? socket.local : socket.peer);
    add_at(event, error, cause, is_server, where);
  }

  void add_at(const CallEvent& event, std::string_view error, Cause cause, bool is_server,
              std::string where) {
    const Key key{is_server, std::move(where), std::string(error), cause};
    constexpr std::size_t kMostGroups = 10'000;
    if (groups_.size() >= kMostGroups && !groups_.contains(key)) return;
    Finding& finding = groups_[key];
    if (finding.evidence.empty()) {
      set_call(finding, event);
    } else {
      ++finding.count;
    }
    finding.last_ts = event.begin;
    constexpr std::size_t kShown = 3;
    if (finding.evidence.size() < kShown) finding.evidence.push_back(scene_.evidence(event.call));
    if (event.socket == nullptr || !event.socket->wire) return;
    const Wire& wire = *event.socket->wire;
    if (wire.is_over) {
      tell_who(finding, is_server, wire.reset_by, wire.uid);
    } else {
      wires_[std::string(wire.uid.view())] = key;
    }
  }

  static void tell_who(Finding& finding, bool is_server, std::string_view reset_by,
                       std::string_view uid) {
    if (!finding.detail.empty() || reset_by.empty()) return;
    const bool by_peer = (reset_by == "orig") == is_server;
    finding.detail = fmt::format("on the wire, {} sent the RST of flow {}",
                                 by_peer ? "the peer" : "this side", uid);
  }

  std::set<FileKey> shut_;
  std::map<std::string, std::uint64_t> accepted_;  // connections, by the listener's address
  std::map<Key, Finding> groups_;
  std::map<std::string, Key> wires_;
};

}  // namespace

extern constinit const Check kConnectionReset = {
    .id = "connection_reset",
    .title = "connections were reset",
    .explain =
        "Calls on TCP sockets failed with ECONNRESET, EPIPE, ECONNABORTED, ENETRESET or ETIMEDOUT, "
        "grouped by address and error; also on descriptors that are older than the log, and as "
        "SO_ERROR tells of a connection in use. With a capture, who sent the RST. Of unix sockets, "
        "of one in 20 of a server's clients or fewer, and of clients that had been answered, it is "
        "a "
        "note. What is sent on a socket "
        "that the "
        "log never shows connected is told of as "
        "that: no peer had a part in it.\n\n"
        "  sendto(12, \"x\", 1, 0, NULL, 0) = -1 EPIPE (Broken pipe)\n\n"
        "The other end of descriptor 12 had closed; what was sent before may be lost.",
    .needs = "log",
    .make = &make_detector<ConnectionReset>,
};

}  // namespace tracebraid::analyzers::checks
