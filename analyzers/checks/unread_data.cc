// Answers that nobody read.

#include <map>

#include "analyzers/checks/checks.h"

namespace tracebraid::analyzers::checks {
namespace {

struct Group {
  Finding finding;
  std::uint64_t bytes = 0;
  bool is_whole = true;  // nothing at all was read of them
};

class UnreadData final : public Detector {
 public:
  using Detector::Detector;

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    if (life.kind != "tcp" || !life.wire || !socket.wire_in || life.made_by.empty() ||
        life.ended_by.empty() || *socket.wire_in <= life.bytes_in) {
      return;
    }
    const bool is_client = !life.listener;
    std::string where;
    append_shown(where, is_client ? life.peer : life.local);
    const bool is_unread = life.bytes_in == 0;
    Group& group = groups_[{is_client, is_unread, where}];
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
    group.bytes += *socket.wire_in - life.bytes_in;
    constexpr std::size_t kShown = 3;
    if (finding.evidence.size() < kShown) {
      finding.evidence.push_back(
          scene_.place(life.input, life.end_line.value_or(life.line.value_or(0))) + ": " +
          std::string(life.ended_by) + " of " + life.shown() + " with " +
          shown_count(*socket.wire_in - life.bytes_in) + " bytes unread");
    }
  }

  void finish() override {
    for (auto& [key, group] : groups_) {
      const auto& [is_client, is_unread, where] = key;
      Finding& finding = group.finding;
      finding.id = "unread_data";
      finding.severity = is_unread && is_client ? Severity::kWarning : Severity::kNote;
      finding.summary = counted(finding.count, "connection", "connections") +
                        (is_client ? " to " : " of clients to ") + where + " ended with " +
                        counted(group.bytes, "byte", "bytes") + " that the program never read" +
                        (is_unread ? "; it had read none" : "");
      finding.detail = "The kernel then answers with a RST, and the peer sees its connection reset";
      finding.hint = "read the answer to its end before closing, or shut down first";
      scene_.report(std::move(finding));
    }
  }

 private:
  std::map<std::tuple<bool, bool, std::string>, Group> groups_;
};

}  // namespace

const Check kUnreadData = {
    "unread_data",
    "data had come and was never read",
    "More bytes had come over the wire than calls had received when the socket was closed. A "
    "warning when a client read nothing of the answer, a note otherwise.",
    "log and capture",
    &make_detector<UnreadData>,
};

}  // namespace tracebraid::analyzers::checks
