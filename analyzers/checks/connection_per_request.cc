// A client that makes a connection for each of its requests to one server.

#include <map>
#include <string>
#include <tuple>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/io/saturate.h"

namespace tracebraid::analyzers::checks {
namespace {

// Fewer may be how the program begins.
constexpr std::uint64_t kMany = 50;

struct Group {
  Finding finding;
  std::uint64_t all = 0, single = 0;
  std::int64_t connecting_ns = 0;
};

class ConnectionPerRequest final : public Detector {
 public:
  using Detector::Detector;

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    (void)socket;
    const bool is_client = life.made_by == "socket" && !life.listener && !life.is_listener;
    if (life.kind != "tcp" || !is_client || !life.peer.port || life.bytes_out == 0) return;
    constexpr std::size_t kMostGroups = 10'000;
    const std::tuple key(life.lane, life.pid.value_or(0), shown_end(life.peer));
    auto found = groups_.find(key);
    if (found == groups_.end()) {
      if (groups_.size() >= kMostGroups) return;
      found = groups_.emplace(key, Group{}).first;
    }
    Group& group = found->second;
    ++group.all;
    // All that it sent came before all that it received. Without times, the number of calls tells.
    constexpr std::uint64_t kFewCalls = 15;
    const bool is_single =
        life.first_in && life.last_out ? *life.last_out <= *life.first_in : life.calls <= kFewCalls;
    if (life.bytes_in == 0 || !life.is_closed || !is_single) return;
    ++group.single;
    if (life.connect_ts && life.connect_end_ts) {
      group.connecting_ns =
          formats::io::saturated_sum(group.connecting_ns, *life.connect_end_ts - *life.connect_ts);
    }
    note(life, group);
  }

  void finish() override {
    for (auto& [key, group] : groups_) {
      // Nine of ten: others may be kept.
      if (group.single < kMany || group.single * 10 < group.all * 9) continue;
      Finding& finding = group.finding;
      finding.severity = Severity::kNote;
      finding.count = group.single;
      finding.summary =
          fmt::format("{} to {}, each for one request",
                      counted(group.single, "connection", "connections"), std::get<2>(key)) +
          shown_rate(group.single, finding.ts, finding.last_ts);
      if (group.connecting_ns > 0) {
        finding.detail =
            fmt::format("{} went into connect alone", shown_duration(group.connecting_ns));
      }
      finding.hint = "keep the connection (a session, a pool, keep-alive) and use it again";
      report(std::move(finding));
    }
  }

 private:
  void note(const SocketLife& life, Group& group) {
    Finding& finding = group.finding;
    const std::optional<std::int64_t> ts = life.connect_ts;
    if (finding.evidence.empty()) {
      finding.ts = ts;
      finding.pid = life.pid;
      finding.tid = life.tid;
    }
    finding.last_ts = ts;
    constexpr std::size_t kShown = 3;
    if (finding.evidence.size() >= kShown || !life.line) return;
    finding.evidence.push_back(fmt::format(
        "{}: {}, {} sent and {} received", scene_.place(life.input, *life.line), life.shown(),
        counted(life.bytes_out, "byte", "bytes"), counted(life.bytes_in, "byte", "bytes")));
  }

  // By lane, process, server.
  std::map<std::tuple<std::size_t, std::uint64_t, std::string>, Group> groups_;
};

}  // namespace

extern constinit const Check kConnectionPerRequest = {
    .id = "connection_per_request",
    .title = "a connection is made for each request",
    .explain =
        "A process made 50 connections or more to one server, and nine of ten served for one "
        "request and its answer alone (all that was sent came before all that was received), then "
        "were closed. Each costs a round trip, with TLS more, and a port that is taken for a "
        "minute (TIME_WAIT). A note.\n\n"
        "  connect(4, {sa_family=AF_INET, sin_port=htons(80), …}, 16) = 0\n"
        "  sendto(4, \"GET / HTTP/1.0\", 14, 0, NULL, 0) = 14\n"
        "  recvfrom(4, \"HTTP/1.0 200 OK\", 4096, 0, NULL, NULL) = 15\n"
        "  close(4) = 0\n\n"
        "and the same again: a session object would keep the connection.",
    .needs = "log; of a stream also file records",
    .make = &make_detector<ConnectionPerRequest>,
};

}  // namespace tracebraid::analyzers::checks
