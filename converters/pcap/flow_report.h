// A flow's state as the record that users see.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "converters/pcap/flow_table.h"
#include "formats/record/flow.h"

namespace tracebraid::converters::pcap {

// As records have them.
[[nodiscard]] formats::record::Address record_address(const HostAddress& host, bool is_ipv6);
[[nodiscard]] std::string_view protocol_name(std::uint8_t protocol);

using Uid = std::array<char, 17>;
[[nodiscard]] inline Uid uid_of(const FlowState& flow) {
  Uid uid;
  uid[0] = 'C';
  std::copy(flow.uid.begin(), flow.uid.end(), uid.begin() + 1);
  return uid;
}

class FlowReport {
 public:
  // All must outlive the report, whose record points into them and into itself.
  FlowReport(const FlowState& flow, EndReason reason, bool is_final, std::string_view input,
             std::uint16_t community_id_seed);
  FlowReport(const FlowReport&) = delete;
  FlowReport& operator=(const FlowReport&) = delete;

  [[nodiscard]] const formats::record::Flow& record() const { return record_; }

 private:
  void ends(const FlowState& flow);
  void times(const FlowState& flow);
  void surroundings(const Encapsulation& around);
  void troubles(const FlowState& flow);

  formats::record::Flow record_;
  Uid uid_;
  std::array<char, 31> community_id_{};
  std::array<std::array<char, 8>, 2> flags_{};
  std::string tunnel_, dns_rcodes_;
};

}  // namespace tracebraid::converters::pcap
