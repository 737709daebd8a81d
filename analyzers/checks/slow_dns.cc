// Name servers that answer late or not at all.

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/record/dns.h"

namespace tracebraid::analyzers::checks {
namespace {

namespace record = formats::record;

constexpr std::int64_t kSlow = 500'000'000;

struct Query {
  std::int64_t ts;
  std::uint64_t sent = 0;
  Finding finding;
};

struct Group {
  Finding finding;
  std::int64_t longest = 0;
  std::uint64_t silent = 0;
};

class SlowDns final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.datagrams = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (event.socket == nullptr || event.socket->kind != "udp") return;
    const bool is_dns =
        event.socket->peer.port == record::kDnsPort || call.peer_p == record::kDnsPort;
    if (!is_dns || !call.bytes || !event.begin) return;
    const FileKey place = event.socket->key();
    if (call.direction == "out") {
      Query& query = queries_[place];
      if (query.sent++ == 0) {
        query.ts = *event.begin;
        query.finding = {};
        set_call(query.finding, event);
        query.finding.evidence.push_back(scene_.evidence(call));
      }
      return;
    }
    const auto found = queries_.find(place);
    if (found == queries_.end() || found->second.sent == 0 || !event.end) return;
    const std::int64_t took = *event.end - found->second.ts;
    if (took >= kSlow) add(*event.socket, found->second, took, false);
    queries_.erase(found);
  }

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    (void)socket;
    const auto found = queries_.find(life.key());
    if (found == queries_.end()) return;
    if (const auto end = end_of(life, scene_); end && *end - found->second.ts >= kSlow) {
      add(life, found->second, *end - found->second.ts, true);
    }
    queries_.erase(found);
  }

  void finish() override {
    for (auto& [server, group] : groups_) {
      Finding& finding = group.finding;
      finding.summary =
          fmt::format("the name server {} answered {} late or not at all: {} at most", server,
                      counted(finding.count, "query", "queries"), shown_duration(group.longest));
      if (group.silent > 0) {
        finding.summary += fmt::format(", {} without an answer", shown_count(group.silent));
      }
      finding.hint =
          "/etc/resolv.conf names the servers; in an event loop a blocking lookup stops "
          "everything";
      report(std::move(finding));
    }
  }

 private:
  void add(const SocketLife& life, Query& query, std::int64_t ns, bool is_silent) {
    Group& group = groups_[shown_end(life.peer)];
    if (group.finding.evidence.empty()) {
      group.finding = std::move(query.finding);
    } else {
      ++group.finding.count;
    }
    group.finding.last_ts = query.ts + ns;
    group.longest = std::max(group.longest, ns);
    if (is_silent) ++group.silent;
  }

  std::map<FileKey, Query> queries_;
  std::map<std::string, Group> groups_;
};

}  // namespace

extern constinit const Check kSlowDns = {
    .id = "slow_dns",
    .title = "a name server is slow or silent",
    .explain =
        "From the first query that a UDP socket to port 53 sent to its next answer, half a second "
        "or more passed, or the socket was closed without one after that time (of a stream, file "
        "records tell of the close).",
    .needs = "log",
    .make = &make_detector<SlowDns>,
};

}  // namespace tracebraid::analyzers::checks
