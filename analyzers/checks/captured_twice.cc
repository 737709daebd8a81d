// Packets that a capture shows several times.

#include <cstdint>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/flows.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::uint64_t kFew = 4;
constexpr std::uint64_t kPercent = 100;

class CapturedTwice final : public Detector {
 public:
  using Detector::Detector;

  void flow(const formats::record::Flow& flow) override {
    packets_ += flow.orig_pkts + flow.resp_pkts;
    if (flow.dup_pkts == 0) return;
    copies_ += flow.dup_pkts;
    group_.add(flow.ts.ns, flow.last_ts.ns, flow.uid);
  }

  void finish() override {
    if (copies_ < kFew || copies_ * kPercent < packets_) return;
    Finding finding = group_.finding(Severity::kNote);
    finding.count = copies_;
    finding.summary = fmt::format(
        "packets were captured twice or more often: {} of {} are copies, in {}; they are not "
        "counted as sent again",
        shown_count(copies_), shown_count(packets_), counted(group_.flows, "flow", "flows"));
    finding.detail =
        "A bridge, a container's network or a VLAN shows a packet on each interface that it passes";
    finding.evidence.push_back(fmt::format("flow {}: the first of them", group_.uid));
    finding.hint = "record one interface (tcpdump -i eth0) instead of -i any";
    report(std::move(finding));
  }

 private:
  FlowGroup group_;
  std::uint64_t packets_ = 0, copies_ = 0;
};

}  // namespace

extern constinit const Check kCapturedTwice = {
    .id = "captured_twice",
    .title = "packets are in the capture twice",
    .explain =
        "The same packet (by IP identification, or TCP's numbers within a millisecond) is in the "
        "capture again, as behind tcpdump -i any on a host with containers. Told from 4 copies "
        "and one in a hundred packets on. Copies count in numbers of packets alone: they are no "
        "retransmissions.\n\n"
        "  0.000000 veth1 Out 10.0.0.1:40000 > 10.0.0.2:9000  id 101, seq 1:101\n"
        "  0.000004 eth0  In  10.0.0.1:40000 > 10.0.0.2:9000  id 101, seq 1:101",
    .needs = "capture",
    .make = &make_detector<CapturedTwice>,
};

}  // namespace tracebraid::analyzers::checks
