// Bytes that went over the wire and are not in the capture.

#include <algorithm>
#include <cstdint>
#include <string>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/flows.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

namespace record = formats::record;

// missed_bytes, as Zeek counts it, gives up where more than 10 MB are missing: of a connection that
// was captured from its beginning, and began but once, what its numbers span without what was seen.
std::uint64_t missing_of(const std::optional<std::uint64_t>& bytes, std::uint64_t seen) {
  constexpr std::uint64_t kGivenUp = 10 << 20;
  return bytes && seen > 0 && *bytes > seen + kGivenUp ? *bytes - seen : 0;
}

std::uint64_t missing_of(const record::Flow& flow) {
  const bool is_whole = flow.part == 0 && flow.final &&
                        (flow.conn_state == "SF" || flow.conn_state == "S1") &&
                        flow.history.starts_with("Sh") &&
                        flow.history.find_first_of("SsHh", 2) == std::string_view::npos;
  if (!is_whole) return flow.missed_bytes;
  return std::max(flow.missed_bytes, missing_of(flow.orig_bytes, flow.orig_uniq_bytes) +
                                         missing_of(flow.resp_bytes, flow.resp_uniq_bytes));
}

class MissingPackets final : public Detector {
 public:
  using Detector::Detector;

  void flow(const record::Flow& flow) override {
    if (flow.proto != "tcp") return;
    const std::uint64_t missing = missing_of(flow);
    seen_bytes_ += flow.orig_uniq_bytes + flow.resp_uniq_bytes;
    if (missing == 0) return;
    group_.add(flow.ts.ns, flow.last_ts.ns, flow.uid);
    bytes_ += missing;
    if (missing <= worst_) return;
    worst_ = missing;
    worst_uid_ = flow.uid;
    where_ = shown_server(flow);
  }

  void finish() override {
    if (group_.flows == 0) return;
    Finding finding = group_.finding(Severity::kNote);
    finding.uid = worst_uid_;
    constexpr std::uint64_t kAll = 100;
    finding.summary = fmt::format(
        "the capture lacks packets: {} bytes of {} were acknowledged and not captured ({} % of "
        "the payload)",
        shown_count(bytes_), counted(group_.flows, "connection", "connections"),
        shown_count(bytes_ * kAll / (bytes_ + seen_bytes_)));
    finding.detail = "What is told of these connections is of what was captured alone";
    finding.evidence.push_back(
        fmt::format("flow {} with {}: {} bytes", worst_uid_, where_, shown_count(worst_)));
    finding.hint =
        "tcpdump says at its end how many the kernel dropped; -B 16384 gives it a larger buffer, "
        "-s 256 less to write";
    report(std::move(finding));
  }

 private:
  FlowGroup group_;
  std::uint64_t bytes_ = 0, seen_bytes_ = 0, worst_ = 0;
  std::string worst_uid_, where_;
};

}  // namespace

extern constinit const Check kMissingPackets = {
    .id = "missing_packets",
    .title = "the capture lacks packets",
    .explain =
        "Payload that its receiver acknowledged is not in the capture: dropped by the kernel "
        "before tcpdump got it, or sent another way. One note for the capture.\n\n"
        "  10.0.0.2:9000 > 10.0.0.1:40000  seq 1:1001\n"
        "  10.0.0.2:9000 > 10.0.0.1:40000  seq 2001001:2002001\n"
        "  10.0.0.1:40000 > 10.0.0.2:9000  ACK 2002001\n\n"
        "Nobody sends 2,000,000 bytes again: they had arrived, and only the capture lacks them.",
    .needs = "capture",
    .make = &make_detector<MissingPackets>,
};

}  // namespace tracebraid::analyzers::checks
