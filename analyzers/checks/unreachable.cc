// Hosts, networks and ports that could not be reached, as ICMP tells.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/flows.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

namespace record = formats::record;

constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kIcmp6 = 58;

// Of "destination unreachable" (RFC 792, RFC 1122 3.2.2.1; RFC 4443 3.1).
std::string_view meaning(bool is_ipv6, std::uint8_t code) {
  if (is_ipv6) {
    constexpr std::string_view kCodes[] = {"no route there", "communication is prohibited",
                                           "beyond the scope of the source",
                                           "the address is unreachable", "the port is unreachable"};
    return code < std::size(kCodes) ? kCodes[code] : "the destination is unreachable";
  }
  switch (code) {
    case 0:
      return "the network is unreachable";
    case 1:
      return "the host is unreachable";
    case 2:
      return "the protocol is unreachable";
    case 3:
      return "the port is unreachable";
    case 9:
    case 10:
    case 13:
      return "communication is prohibited";
    default:
      return "the destination is unreachable";
  }
}

class Unreachable final : public Detector {
 public:
  using Detector::Detector;

  void flow(const record::Flow& flow) override {
    constexpr std::size_t kMost = 10'000;
    const auto ends = std::tuple(flow.orig_h, flow.resp_h);
    if (flow.proto == "udp" && flow.resp_pkts == 0 && flow.orig_pkts > 0) {
      if (silent_.size() < kMost) silent_.try_emplace(ends, flow.resp_p);
      return;
    }
    if (!flow.icmp_type || !flow.icmp_code || flow.proto != "icmp") return;
    const bool is_ipv6 = flow.ip_proto == kIcmp6;
    constexpr std::uint8_t kUnreachable = 3;
    constexpr std::uint8_t kUnreachable6 = 1;
    constexpr std::uint8_t kTooBig = 4;  // how the path's MTU is found
    const bool is_told = is_ipv6 ? *flow.icmp_type == kUnreachable6
                                 : flow.ip_proto == kIcmp && *flow.icmp_type == kUnreachable &&
                                       *flow.icmp_code != kTooBig;
    if (!is_told || groups_.size() >= kMost) return;
    Group& group = groups_[{flow.orig_h, flow.resp_h, *flow.icmp_code}];
    group.add(flow.ts.ns, flow.last_ts.ns, flow.uid);
    group.packets += flow.orig_pkts - flow.orig_dup_pkts;
  }

  void finish() override {
    for (const auto& [key, group] : groups_) {
      const auto& [from, to, code] = key;
      const bool is_ipv6 = from.size == 16;
      const bool is_port = code == (is_ipv6 ? 4 : 3);
      const auto asked = silent_.find({to, from});
      // A port of a client that no longer waits for a late answer is nobody's loss.
      const bool is_lost = !is_port || asked != silent_.end();
      Finding finding = group.finding(is_lost ? Severity::kWarning : Severity::kNote);
      finding.count = group.packets;
      finding.summary =
          fmt::format("{} told {} {}: {} (ICMP)", shown_host(from), shown_host(to),
                      counted(group.packets, "time", "times"), meaning(is_ipv6, code));
      if (is_port && asked != silent_.end()) {
        finding.detail = fmt::format("{} had sent UDP to its port {}, and nobody listens there",
                                     shown_host(to), asked->second);
      }
      finding.evidence.push_back(fmt::format("flow {}: the first of them", group.uid));
      finding.hint = is_port ? "is the service up that these datagrams were for?"
                             : "a route, a firewall, or a host that is down";
      report(std::move(finding));
    }
  }

 private:
  struct Group : FlowGroup {
    std::uint64_t packets = 0;
  };
  std::map<std::tuple<record::Address, record::Address, std::uint8_t>, Group> groups_;
  // UDP that had no answer: a port of each two hosts.
  std::map<std::tuple<record::Address, record::Address>, std::uint16_t> silent_;
};

}  // namespace

extern constinit const Check kUnreachable = {
    .id = "unreachable",
    .title = "ICMP tells that something is unreachable",
    .explain =
        "ICMP messages of \"destination unreachable\" in a capture, by who told whom. A warning, "
        "and for a port a warning only when the one who was told had sent UDP to that host and got "
        "no answer: else it is the late answer to a socket that was closed, a note.\n\n"
        "  10.0.0.1:40000 > 10.0.0.2:8125  UDP\n"
        "  10.0.0.2 > 10.0.0.1  ICMP 10.0.0.2 udp port 8125 unreachable",
    .needs = "capture",
    .make = &make_detector<Unreachable>,
};

}  // namespace tracebraid::analyzers::checks
