// Name servers that fail, refuse, do not know names, answer late or not at all.

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/dns_watch.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::int64_t kSlow = 500'000'000;
constexpr std::int64_t kPatience = 5'000'000'000;  // resolvers ask again after 5 s
constexpr std::uint64_t kFewUnknown = 3;
constexpr std::uint64_t kTenth = 10;

struct Server {
  Finding finding;
  std::uint64_t answers = 0, failed = 0, refused = 0, unknown = 0, slow = 0, silent = 0;
  std::int64_t longest = 0;
};

class DnsFailed final : public DnsWatch {
 public:
  using DnsWatch::DnsWatch;

 protected:
  void answered(const std::string& server, const CallEvent& event,
                const DnsMessage& message) override {
    Server& known = servers_[server];
    ++known.answers;
    const bool is_failure = message.rcode == kServerFailure;
    if (!is_failure && message.rcode != kRefusedQuery) return;
    ++(is_failure ? known.failed : known.refused);
    Finding& finding = known.finding;
    if (!finding.ts) set_call(finding, event);
    finding.last_ts = event.begin;
    see(finding,
        fmt::format("{}: {}", scene_.evidence(event.call), is_failure ? "SERVFAIL" : "REFUSED"));
  }

  void seen(const DnsFlow& flow) override {
    Server& known = servers_[flow.server];
    known.answers += flow.answers;
    std::string what;
    const auto add = [&](std::uint64_t& sum, std::uint64_t count, std::string_view name) {
      sum += count;
      if (count > 0) what += (what.empty() ? "" : ", ") + std::string(name);
    };
    std::uint64_t unknown = 0;  // of look-ups: see looked_up()
    add(known.failed, flow.rcodes[kServerFailure], "SERVFAIL");
    add(known.refused, flow.rcodes[kRefusedQuery], "REFUSED");
    add(unknown, flow.rcodes[kNameError], "NXDOMAIN");
    if (flow.longest >= kSlow) {
      add(known.slow, 1, "answered after " + shown_duration(flow.longest));
      known.longest = std::max(known.longest, flow.longest);
    }
    const bool is_known = flow.again > 0 || capture_end() - flow.last_ts >= kPatience;
    if (flow.queries > flow.answers && has_answers() && is_known) {
      add(known.silent, flow.queries - flow.answers, "never answered");
    }
    if (what.empty()) return;
    Finding& finding = known.finding;
    if (!finding.ts || *finding.ts > flow.ts) {
      finding.ts = flow.ts;
      finding.uid = flow.uid;
    }
    finding.last_ts = std::max(finding.last_ts.value_or(flow.last_ts), flow.last_ts);
    see(finding, fmt::format("flow {}: {}: {}", flow.uid, flow.name, what));
  }

  void looked_up(const std::string& server, const LookUps::Done& done) override {
    // What comes of search domains is dns_search's.
    if (done.names == 1) servers_[server].unknown += done.unknown;
  }

  void tell() override {
    for (auto& [server, known] : servers_) {
      const std::uint64_t bad = known.failed + known.refused + known.slow + known.silent;
      const bool are_many = known.unknown >= kFewUnknown && known.unknown * kTenth >= known.answers;
      if (bad == 0 && !are_many) continue;
      std::vector<std::string> parts;
      const auto add = [&](std::uint64_t count, std::string_view what) {
        if (count > 0) parts.push_back(fmt::format("{} {}", shown_count(count), what));
      };
      add(known.failed, "SERVFAIL");
      add(known.refused, "REFUSED");
      add(known.unknown, "NXDOMAIN (no such name)");
      add(known.slow, fmt::format("answered after up to {}", shown_duration(known.longest)));
      add(known.silent, "never answered");
      Finding& finding = known.finding;
      finding.severity = bad > 0 ? Severity::kWarning : Severity::kNote;
      finding.count = bad + known.unknown;
      finding.summary = fmt::format("DNS queries to {} went wrong: {}; {} answered in all", server,
                                    joined(parts), shown_count(known.answers));
      finding.hint =
          "dig @SERVER NAME asks the same; /etc/resolv.conf names the servers; in an event loop a "
          "blocking look-up stops everything";
      report(std::move(finding));
    }
  }

 private:
  static void see(Finding& finding, std::string line) {
    constexpr std::size_t kShown = 5;
    if (finding.evidence.size() < kShown) finding.evidence.push_back(std::move(line));
  }

  std::map<std::string, Server> servers_;
};

}  // namespace

extern constinit const Check kDnsFailed = {
    .id = "dns_failed",
    .title = "DNS queries fail",
    .explain =
        "A name server answered SERVFAIL or REFUSED, as the bytes of calls to port 53 tell, or a "
        "capture; of a capture also answers after 0.5 s or more, and queries without an answer "
        "that were sent again, or had 5 s for one: a warning. NXDOMAIN alone is a note, from 3 and "
        "one in ten answers on, and not for search domains (dns_search). Of a log slow_dns tells "
        "what is late or silent.\n\n"
        "  0.000 10.0.0.1:40002 > 10.0.0.53:53  2+ A? sf.example.\n"
        "  0.020 10.0.0.53:53 > 10.0.0.1:40002  2 ServFail",
    .needs = "log or capture",
    .make = &make_detector<DnsFailed>,
};

}  // namespace tracebraid::analyzers::checks
