// What a flow's record says that is the sum of two of its parts.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "formats/record/flow.h"

namespace tracebraid::analyzers {

struct FlowPart {
  formats::record::Flow flow;
  // What the means of round trip times were made of.
  std::uint64_t orig_rtt_sum = 0, resp_rtt_sum = 0;
};
[[nodiscard]] FlowPart flow_part(const formats::record::Flow& flow);

// By its converter's own word: of one of its connections both sides were closed, or it was reset.
[[nodiscard]] bool has_closed(const formats::record::Flow& flow);
// The last packet before that, or of all.
[[nodiscard]] std::int64_t counted_end(const formats::record::Flow& flow);

class FlowSum {
 public:
  // Parts of one run were made by a converter that knew all of the flow. Either may change places
  // of its sides.
  FlowSum(FlowPart& earlier, FlowPart& later, bool is_one_run);
  FlowSum(const FlowSum&) = delete;
  FlowSum& operator=(const FlowSum&) = delete;

  // Its texts are of the parts and of the sum, which all outlive it.
  [[nodiscard]] const formats::record::Flow& flow() const { return all_; }
  [[nodiscard]] std::uint64_t orig_rtt_sum() const { return orig_rtt_sum_; }
  [[nodiscard]] std::uint64_t resp_rtt_sum() const { return resp_rtt_sum_; }

 private:
  void orient(FlowPart& earlier, FlowPart& later);
  void add_numbers(const formats::record::Flow& one, const formats::record::Flow& two);
  void add_end(const formats::record::Flow& one, const formats::record::Flow& two);
  void add_times(const formats::record::Flow& one, const formats::record::Flow& two);
  void add_rtts(const formats::record::Flow& two);
  void add_texts(const formats::record::Flow& one, const formats::record::Flow& two);

  bool is_one_run_;
  std::array<std::string, 2> histories_;  // of parts that have been turned round
  std::uint64_t orig_rtt_sum_ = 0, resp_rtt_sum_ = 0;
  std::string orig_flags_, resp_flags_, parents_, history_, rcodes_;
  formats::record::Flow all_;
};

}  // namespace tracebraid::analyzers
