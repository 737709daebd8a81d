// A message in two pieces, of which the second waits 40 ms: Nagle's algorithm and delayed ACKs.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::checks {
namespace {

// Linux acknowledges after 40 ms at the least (TCP_DELACK_MIN), and the answer comes soon behind.
constexpr std::int64_t kLeast = 38'000'000;
constexpr std::int64_t kMost = 50'000'000;
constexpr std::uint64_t kFew = 3;
constexpr std::uint64_t kSmall = 1448;  // a segment's payload on Ethernet: the rest waits

class NagleDelay final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kReceives}; }

  // Looks at all calls of a socket from the first answer of such a time on.
  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (event.socket == nullptr || event.socket->kind != "tcp") return;
    SocketLife& life = *event.socket;
    if (keeps(life)) {
      see(event, turns_[life.key()]);
      return;
    }
    if (call.direction != "in" || !life.last_out || !event.end) return;
    const std::int64_t after = *event.end - *life.last_out;
    if (after < kLeast || after > kMost || turns_.size() >= kMostSockets) return;
    keep(life);
    turns_.try_emplace(life.key());
  }

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    (void)socket;
    if (!keeps(life)) return;
    const auto found = turns_.find(life.key());
    if (found == turns_.end()) return;
    Turns& turns = found->second;
    if (turns.late >= kFew && turns.late * 2 >= turns.all) {
      Group& group = groups_[shown_end(life.listener ? life.local : life.peer)];
      if (group.late == 0) group.finding = turns.first.finding(scene_);
      group.late += turns.late;
      ++group.sockets;
      group.finding.last_ts = turns.last_ts;
    }
    turns_.erase(found);
  }

  void finish() override {
    for (auto& [where, group] : groups_) {
      Finding& finding = group.finding;
      finding.severity = Severity::kNote;
      finding.count = group.late;
      finding.uid.clear();  // known or not by what came first, the call or its flow
      finding.summary = fmt::format(
          "{} on {} with {} what came back came 40 ms after a message that was sent in pieces: "
          "some "
          "{} in all",
          counted(group.late, "time", "times"), counted(group.sockets, "connection", "connections"),
          where, shown_duration(static_cast<std::int64_t>(group.late) * kDelay));
      finding.detail =
          "So it is where the kernel keeps a small second piece until the first is acknowledged "
          "(Nagle), and the peer delays its ACK for 40 ms; a capture would show it";
      finding.hint = "send what belongs together in one call (sendmsg), or set TCP_NODELAY";
      report(std::move(finding));
    }
  }

 private:
  static constexpr std::size_t kMostSockets = 10'000;
  static constexpr std::int64_t kDelay = 40'000'000;
  struct Turns {
    std::uint64_t sends = 0;  // in a row
    std::uint64_t last_bytes = 0;
    std::optional<std::int64_t> sent_ts;
    std::uint64_t all = 0, late = 0;  // answers to requests in pieces
    CallNote first;
    std::optional<std::int64_t> last_ts;
  };
  struct Group {
    Finding finding;
    std::uint64_t late = 0, sockets = 0;
  };

  static void see(const CallEvent& event, Turns& turns) {
    const auto& call = event.call;
    if (!call.error.empty() || !call.bytes || *call.bytes == 0) return;
    if (call.direction == "out") {
      ++turns.sends;
      turns.last_bytes = *call.bytes;
      turns.sent_ts = event.end;
      return;
    }
    if (turns.sends >= 2 && turns.last_bytes < kSmall && turns.sent_ts && event.end) {
      const std::int64_t after = *event.end - *turns.sent_ts;
      ++turns.all;
      if (after >= kLeast && after <= kMost && turns.late++ == 0) turns.first.set(event);
      turns.last_ts = event.end;
    }
    turns.sends = 0;
  }

  std::unordered_map<FileKey, Turns, FileKey::Hash> turns_;
  std::map<std::string, Group> groups_;
};

}  // namespace

extern constinit const Check kNagleDelay = {
    .id = "nagle_delay",
    .title = "messages in pieces wait 40 ms (Nagle and delayed ACK)",
    .explain =
        "On a TCP socket two or more sends in a row, the last of less than a segment, and the "
        "answer 38 to 50 ms behind it: 3 times or more, and in half of such turns. The kernel "
        "keeps the second piece back until the peer has acknowledged the first, and the peer waits "
        "40 ms with that.\n\n"
        "  0.000000 sendto(4, \"POST …\", 150) = 150\n"
        "  0.000050 sendto(4, \"body\", 20) = 20\n"
        "  0.000080 recvfrom(4, \"HTTP/1.1 200\"…) = 90 <0.041>",
    .needs = "log with times",
    .make = &make_detector<NagleDelay>,
};

}  // namespace tracebraid::analyzers::checks
