// Look-ups that a resolver's search domains multiply.

#include <map>
#include <string>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/dns_watch.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::uint64_t kFew = 3;

class DnsSearch final : public DnsWatch {
 public:
  using DnsWatch::DnsWatch;

 protected:
  void answered(const std::string& server, const CallEvent& event,
                const DnsMessage& message) override {
    if (message.rcode != kNameError) return;
    Server& known = servers_[server];
    Finding& finding = known.finding;
    constexpr std::size_t kShown = 3;
    if (finding.evidence.empty()) set_call(finding, event);
    finding.last_ts = event.begin;
    if (finding.evidence.size() < kShown) finding.evidence.push_back(scene_.evidence(event.call));
  }

  void seen(const DnsFlow& flow) override {
    if (flow.rcodes[kNameError] == 0) return;
    Finding& finding = servers_[flow.server].finding;
    if (!finding.ts || *finding.ts > flow.ts) {
      finding.ts = flow.ts;
      finding.uid = flow.uid;
    }
    finding.last_ts = std::max(finding.last_ts.value_or(flow.last_ts), flow.last_ts);
    constexpr std::size_t kShown = 3;
    if (finding.evidence.size() < kShown) {
      finding.evidence.push_back(fmt::format("flow {}: {}: NXDOMAIN", flow.uid, flow.name));
    }
  }

  void looked_up(const std::string& server, const LookUps::Done& done) override {
    servers_[server].sum.add(done);
  }

  void tell() override {
    for (auto& [server, known] : servers_) {
      const SearchSum& sum = known.sum;
      if (sum.unknown < kFew) continue;
      Finding& finding = known.finding;
      finding.severity = Severity::kNote;
      finding.count = sum.unknown;
      finding.summary = fmt::format(
          "search domains multiply DNS queries: {} NXDOMAIN answers from {} for {}, which took {}",
          shown_count(sum.unknown), server, counted(sum.look_ups, "look-up", "look-ups"),
          counted(sum.queries, "query", "queries"));
      finding.detail =
          fmt::format("The longest asked for {}: from {} to {}",
                      counted(sum.worst.names, "name", "names"), sum.worst.name, sum.worst.last);
      finding.hint =
          "end the name with a dot (redis.example.), or lower ndots in /etc/resolv.conf; in "
          "Kubernetes: dnsConfig";
      report(std::move(finding));
    }
  }

 private:
  struct Server {
    SearchSum sum;
    Finding finding;
  };
  std::map<std::string, Server> servers_;
};

}  // namespace

extern constinit const Check kDnsSearch = {
    .id = "dns_search",
    .title = "search domains multiply DNS queries",
    .explain =
        "One look-up asked for several names that begin alike, and NXDOMAIN came to them, 3 times "
        "or more: the resolver appends each search domain before it takes the name as it is, and "
        "asks for A and AAAA each. From the bytes of calls to port 53, or of a capture.\n\n"
        "  sendto(4, \"\\22\\64\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\5redis\\2ns\\3svc\\7cluste\"…\n"
        "  recvfrom(4, \"\\22\\64\\201\\203…  (NXDOMAIN)\n"
        "  sendto(4, \"\\22\\64\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\5redis\\3svc\\7cluster\\5l\"…",
    .needs = "log or capture",
    .make = &make_detector<DnsSearch>,
};

}  // namespace tracebraid::analyzers::checks
