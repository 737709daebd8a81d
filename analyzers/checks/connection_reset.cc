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

constexpr std::string_view kCalls[] = {"shutdown"};

class ConnectionReset final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls, .failing = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (event.socket == nullptr || event.socket->kind != "tcp") return;
    if (call.syscall == "shutdown" && call.error.empty() &&
        call.args.find("SHUT_RD)") == std::string_view::npos && !call.args.ends_with("SHUT_RD")) {
      shut_.insert(event.socket->key());
      keep(*event.socket);
    }
    if (call.error != "ECONNRESET" && call.error != "EPIPE" && call.error != "ETIMEDOUT" &&
        call.error != "ECONNABORTED") {
      return;
    }
    if (call.syscall == "connect") return;
    const bool is_server = event.socket->listener.has_value() || event.socket->is_listener;
    const std::string where = shown_end(is_server ? event.socket->local : event.socket->peer);
    // Who sends after its own shutdown gets EPIPE, whatever the peer does.
    const bool is_own = call.error == "EPIPE" && shut_.contains(event.socket->key());
    const Key key{is_server, where, is_own ? std::string(kOwn) : std::string(call.error)};
    Finding& finding = groups_[key];
    if (finding.evidence.empty()) {
      set_call(finding, event);
    } else {
      ++finding.count;
    }
    finding.last_ts = event.begin;
    constexpr std::size_t kShown = 3;
    if (finding.evidence.size() < kShown) finding.evidence.push_back(scene_.evidence(call));
    if (!event.socket->wire) return;
    const Wire& wire = *event.socket->wire;
    if (wire.is_over) {
      tell_who(finding, is_server, wire.reset_by, wire.uid);
    } else {
      wires_[std::string(wire.uid.view())] = key;
    }
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
      const auto& [is_server, where, error] = key;
      finding.severity = Severity::kWarning;
      const bool is_own = error == kOwn;
      const char* const meaning = is_own             ? "this side had shut its sending down before"
                                  : error == "EPIPE" ? "the peer had closed before"
                                  : error == "ETIMEDOUT" ? "the peer did not answer any more"
                                                         : "the peer broke it off";
      finding.summary = fmt::format(
          "{} on connections {}{} failed with {}: {}", counted(finding.count, "call", "calls"),
          is_server ? "of clients to " : "to ", where, is_own ? "EPIPE" : error, meaning);
      if (finding.detail.empty() && !scene_.has_capture() && !is_own) {
        finding.detail = "with a capture, tracebraid could tell who sent the RST";
      }
      finding.hint = is_own ? "something still answers on a connection that was given up"
                     : error == "EPIPE" ? "what was sent last was not read; did the peer time out?"
                                        : "a peer that closes with unread data, or that crashed, "
                                          "resets its connections";
      report(std::move(finding));
    }
  }

 private:
  static void tell_who(Finding& finding, bool is_server, std::string_view reset_by,
                       std::string_view uid) {
    if (!finding.detail.empty() || reset_by.empty()) return;
    const bool by_peer = (reset_by == "orig") == is_server;
    finding.detail = fmt::format("on the wire, {} sent the RST of flow {}",
                                 by_peer ? "the peer" : "this side", uid);
  }

  using Key = std::tuple<bool, std::string, std::string>;  // server, address, error
  static constexpr std::string_view kOwn = "EPIPE of its own";
  std::set<FileKey> shut_;
  std::map<Key, Finding> groups_;
  std::map<std::string, Key> wires_;
};

}  // namespace

extern constinit const Check kConnectionReset = {
    .id = "connection_reset",
    .title = "connections were reset",
    .explain =
        "Calls on TCP sockets failed with ECONNRESET, EPIPE, ECONNABORTED or ETIMEDOUT, grouped by "
        "address and error. With a capture, who sent the RST.",
    .needs = "log",
    .make = &make_detector<ConnectionReset>,
};

}  // namespace tracebraid::analyzers::checks
