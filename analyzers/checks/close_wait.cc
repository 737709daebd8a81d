// Connections whose peer has finished, and that are never closed.

#include <algorithm>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/record/socket.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::int64_t kLate = 1'000'000'000;

class CloseWait final : public Detector {
 public:
  using Detector::Detector;

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    const std::optional<std::int64_t> known_end = end_of(life, scene_);
    if (life.kind != "tcp" || !life.eof_ts || !known_end) return;
    const std::int64_t end = *known_end;
    const bool was_closed = !life.ended_by.empty() && life.ended_by != "exit";
    if (was_closed && end - *life.eof_ts < kLate) return;
    // Half-closed connections that still send are in use.
    if (life.last_out && *life.last_out > *life.eof_ts && was_closed) return;
    if (finding_.evidence.empty()) {
      finding_.pid = life.pid;
      finding_.tid = life.tid;
      finding_.ts = life.eof_ts;
      if (!life.fds.empty()) finding_.fd = life.fds.front();
      finding_.file = life.file;
      finding_.socket = life.shown();
      finding_.uid = std::string(socket.uid);
      finding_.count = 0;
    }
    ++finding_.count;
    finding_.ts = std::min(*finding_.ts, *life.eof_ts);
    finding_.last_ts = std::max(finding_.last_ts.value_or(end), end);
    if (!was_closed) ++open_;
    longest_ = std::max(longest_, end - *life.eof_ts);
    constexpr std::size_t kShown = 3;
    if (finding_.evidence.size() < kShown && life.eof_line != 0) {
      finding_.evidence.push_back(fmt::format("{}: end of the peer's data on {}",
                                              scene_.place(life.input, life.eof_line),
                                              life.shown()));
    }
  }

  void finish() override {
    if (finding_.count == 0 || !finding_.ts) return;
    finding_.summary = fmt::format("{} kept open although the peer had finished, for up to {}",
                                   counted(finding_.count, "connection was", "connections were"),
                                   shown_duration(longest_));
    if (open_ > 0) finding_.summary += fmt::format("; {} of them to the end", shown_count(open_));
    finding_.detail =
        "A read returned 0 bytes, and no close followed: the kernel shows such "
        "sockets as CLOSE_WAIT";
    finding_.hint = "close the socket when recv returns b''";
    report(std::move(finding_));
  }

 private:
  Finding finding_;
  std::uint64_t open_ = 0;
  std::int64_t longest_ = 0;
};

}  // namespace

extern constinit const Check kCloseWait = {
    .id = "close_wait",
    .title = "the peer has finished, and the socket is not closed",
    .explain =
        "A TCP socket on which a read had returned 0 (the peer's FIN) was closed a second or more "
        "later, or only by the process's end, or not at all. One that still sends afterwards and "
        "is closed then is half-closed on purpose, and not meant.",
    .needs = "log; of a stream also file records",
    .make = &make_detector<CloseWait>,
};

}  // namespace tracebraid::analyzers::checks
