// Bytes that nobody read: they lay there when the socket was closed, or came after that.

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/record/socket.h"

namespace tracebraid::analyzers::checks {
namespace {

// When bytes came.
enum class When : std::uint8_t { kBefore, kAfter, kUnknown };

struct Unread {
  std::uint64_t before = 0, after = 0, unknown = 0;
  std::int64_t late_ns = 0;  // by which the first of those after it came
};

// Of what came, when it was closed. Segments tell exactly, else the flow's first and last payload.
Unread unread_of(const SocketLife& life, std::uint64_t bytes, const Skew& skew) {
  const bool are_clocks_known = skew.low <= skew.high;
  if (!life.end_ts || !are_clocks_known) return {.unknown = bytes};
  const std::int64_t ahead = std::clamp<std::int64_t>(0, skew.low, skew.high);
  const std::int64_t end = *life.end_ts + ahead;
  Unread unread;
  if (life.is_measured && life.in.waiting_bytes() == bytes) {
    life.in.each_waiting([&](std::uint64_t some, std::int64_t ts) {
      if (ts > end && unread.after == 0) unread.late_ns = ts - end;
      (ts == Mark::kUnknown ? unread.unknown : ts > end ? unread.after : unread.before) += some;
    });
    return unread;
  }
  const std::size_t peer = 1 - life.side;
  const std::int64_t first = life.wire->first_data[peer];
  const std::int64_t last = life.wire->last_data[peer];
  if (first != Mark::kUnknown && first > end) return {.after = bytes, .late_ns = first - end};
  if (last != Mark::kUnknown && last <= end) return {.before = bytes};
  return {.unknown = bytes};
}

struct Group {
  Finding finding;
  std::uint64_t bytes = 0;
};

class UnreadData final : public Detector {
 public:
  using Detector::Detector;

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    if (life.kind != "tcp" || !life.wire || !socket.wire_in || life.made_by.empty() ||
        life.ended_by.empty() || *socket.wire_in <= life.bytes_in) {
      return;
    }
    const Unread unread = unread_of(life, *socket.wire_in - life.bytes_in, scene_.skew());
    const When when = unread.before > 0    ? When::kBefore
                      : unread.unknown > 0 ? When::kUnknown
                                           : When::kAfter;
    const std::uint64_t bytes = when == When::kBefore    ? unread.before
                                : when == When::kUnknown ? unread.unknown
                                                         : unread.after;
    const bool is_client = !life.listener;
    Group& group = groups_[{is_client, life.bytes_in == 0, when,
                            shown_end(is_client ? life.peer : life.local)}];
    Finding& finding = group.finding;
    if (finding.evidence.empty()) {
      finding.ts = life.end_ts;
      finding.pid = life.end_pid;
      finding.tid = life.end_tid;
      finding.file = life.file;
      finding.socket = life.shown();
      finding.uid = std::string(socket.uid);
      if (!life.fds.empty()) finding.fd = life.fds.front();
    } else {
      ++finding.count;
    }
    finding.last_ts = life.end_ts;
    group.bytes += bytes;
    constexpr std::size_t kShown = 3;
    if (finding.evidence.size() >= kShown) return;
    std::string text = fmt::format(
        "{}: {} of {}", scene_.place(life.input, life.end_line.value_or(life.line.value_or(0))),
        life.ended_by, life.shown());
    if (when == When::kAfter) {
      text += fmt::format("; {}", counted(bytes, "byte", "bytes"));
    } else {
      text += fmt::format(" with {} unread", counted(bytes, "byte", "bytes"));
      if (unread.after > 0) text += fmt::format("; {} more", shown_count(unread.after));
    }
    if (unread.after > 0) {
      text += fmt::format(" came {} after it", shown_duration(unread.late_ns));
    }
    finding.evidence.push_back(std::move(text));
  }

  void finish() override {
    for (auto& [key, group] : groups_) {
      const auto& [is_client, is_whole, when, where] = key;
      Finding& finding = group.finding;
      finding.severity =
          when == When::kBefore && is_whole && is_client ? Severity::kWarning : Severity::kNote;
      const std::string bytes = counted(group.bytes, "byte", "bytes");
      const std::string connections =
          fmt::format("{} {} {}", counted(finding.count, "connection", "connections"),
                      is_client ? "to" : "of clients to", where);
      finding.summary =
          when == When::kAfter
              ? fmt::format("{} arrived after the close of {}", bytes, connections)
              : fmt::format("{} ended with {} that the program never read", connections, bytes);
      if (is_whole) finding.summary += "; it had read none";
      if (when == When::kAfter) {
        finding.detail =
            "The peer was still sending, and nobody could read that any more; the kernel "
            "answers with a RST, and the peer sees its connection reset";
        finding.hint = "if it was wanted: read until recv returns b'' before closing";
      } else {
        finding.detail =
            when == When::kBefore
                ? "They had come before the close; the kernel then sends a RST, and the peer sees "
                  "its connection reset"
                : "Whether they had come before the close is not known; the kernel answers with a "
                  "RST, and the peer sees its connection reset";
        finding.hint =
            is_client ? "read the answer to its end before closing, or shut down first"
                      : "read what the client sends to its end before closing, or shut down first";
      }
      report(std::move(finding));
    }
  }

 private:
  // To a server or of its clients, nothing at all was read, and when it came.
  std::map<std::tuple<bool, bool, When, std::string>, Group> groups_;
};

}  // namespace

extern constinit const Check kUnreadData = {
    .id = "unread_data",
    .title = "data came and was never read",
    .explain =
        "More bytes had come over the wire than calls had received when the socket was closed. A "
        "warning when a client read nothing of the answer, a note otherwise. A note of its own "
        "when all of them arrived after the close: then the peer was still sending, and nobody "
        "could read them any more. When they came is told by the capture's segments (as a stream, "
        "of pcapflows --segments), or by the flow's first and last payload where that is enough.",
    .needs = "log and capture; of a stream also file records",
    .make = &make_detector<UnreadData>,
};

}  // namespace tracebraid::analyzers::checks
