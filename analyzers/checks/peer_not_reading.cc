// Sending that does not get on because the peer does not read.

#include <map>
#include <unordered_map>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::int64_t kLong = 1'000'000'000;

struct Full {
  std::optional<std::int64_t> since;
  CallNote first;
};

class PeerNotReading final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.failing = true, .from_ns = kLong}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (!event.name.sends || event.socket == nullptr || event.socket->kind != "tcp") return;
    if (call.error == "EAGAIN") {
      keep(*event.socket);
      Full& full = full_[event.socket->key()];
      if (!full.since && event.begin) {
        full.since = event.begin;
        full.first.set(event);
      }
      return;
    }
    if (keeps(*event.socket)) {
      const auto found = full_.find(event.socket->key());
      if (event.begin) judge(found->second, *event.begin, false, *event.socket);
      full_.erase(found);
      let_go(*event.socket);
    }
    // A blocking send.
    if (call.duration && call.duration->ns >= kLong) {
      Finding finding;
      set_call(finding, event);
      finding.evidence.push_back(scene_.evidence(call));
      tell(std::move(finding), call.duration->ns, false, *event.socket);
    }
  }

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    (void)socket;
    if (!keeps(life)) return;
    const auto found = full_.find(life.key());
    if (const auto end = end_of(life, scene_)) judge(found->second, *end, true, life);
    full_.erase(found);
  }

 private:
  void judge(Full& full, std::int64_t until, bool is_end, const SocketLife& life) {
    if (!full.since) return;
    const std::int64_t ns = until - *full.since;
    if (ns < kLong && !(is_end && ns > kLong / 10)) return;
    tell(full.first.finding(scene_), ns, is_end, life);
  }

  void tell(Finding finding, std::int64_t ns, bool is_end, const SocketLife& life) {
    finding.summary = fmt::format("the peer of {} did not read: sending was stuck for {}{}",
                                  life.shown(), shown_duration(ns), is_end ? ", to the end" : "");
    if (scene_.has_capture() && life.wire) {
      finding.detail =
          "its flow's zero windows are in orig_zero_win and resp_zero_win of pcapflows";
      finding.uid = life.wire->uid;
    }
    if (finding.ts) finding.last_ts = *finding.ts + ns;
    finding.hint = "bound what is kept for slow peers, and give up on them after a while";
    if (++reported_ <= kMost) report(std::move(finding));
  }

  static constexpr std::uint64_t kMost = 100;
  std::map<FileKey, Full> full_;
  std::uint64_t reported_ = 0;
};

}  // namespace

extern constinit const Check kPeerNotReading = {
    .id = "peer_not_reading",
    .title = "sending is stuck because the peer does not read",
    .explain =
        "A send on a TCP socket blocked for a second or more, or failed with EAGAIN and none "
        "succeeded for a second or more, or (100 ms) to the socket's end, which file records tell "
        "of a stream. The first 100 are reported.",
    .needs = "log",
    .make = &make_detector<PeerNotReading>,
};

}  // namespace tracebraid::analyzers::checks
