// Flow records that are parts of one flow, added up: those of --active-timeout, and those of a
// capture whose pieces were converted apart.
//
// Parts of one run name each other: uid and part. Their converter knew all of the flow, so that
// what it says adds up exactly; only the rtt averages may be 1 ns off, for a part's is rounded
// down, and max_idle where packets' times go backwards at a part's begin.
//
// Of pieces, a flow continues another one with the same addresses, ports and protocol when the
// converter, reading on, would have taken its first packet for the other's: before its time-out
// (the converter's default) has passed, and without a SYN that opens a connection anew. Nobody saw
// both sides of the cut. So exact are: ts, uid, last_ts, the addresses and ports, packets, IP
// bytes, payload bytes, first and last times of each side, TTLs, TCP flags, who closed and who
// reset first, counts of truncated packets, wrong checksums and fragments, and what comes from the
// first packet. What was on its way at the cut makes others differ: sizes (orig_bytes,
// missed_bytes), what was sent again or out of order across it (and so uniq_bytes), duplicate
// acknowledgements, zero windows, rtt samples. history and conn_state follow from the letters of
// both (flow_sum.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "analyzers/input/typed.h"
#include "analyzers/merge/flow_sum.h"
#include "formats/io/hash.h"
#include "formats/record/any_record.h"
#include "formats/record/arena.h"
#include "formats/record/flow.h"

namespace tracebraid::analyzers {

// Memory: the flows that wait for a continuation, some 2 KB each, at most `most_flows`: those that
// went on when their input ended, and those whose time-out has not passed.
class FlowParts {
 public:
  // Told of each flow that is complete; the record's views are valid during the call.
  using Complete = std::function<void(const formats::record::AnyRecord&)>;

  FlowParts(std::size_t most_flows, Complete complete)
      : most_flows_(most_flows), complete_(std::move(complete)) {}

  // In order of ts. False for what is no flow.
  bool add(const formats::record::AnyRecord& any);
  // There are no more.
  void finish();

  [[nodiscard]] std::uint64_t joined() const { return joined_; }
  // Those that were complete for want of room alone.
  [[nodiscard]] std::uint64_t evicted() const { return evicted_; }

 private:
  struct Waiting;
  using Place = std::list<Waiting>::iterator;
  struct Waiting {
    formats::record::Arena memory{kTexts};
    formats::record::AnyRecord record;  // as it came, or the sum
    FlowPart part;                      // the same
    std::string key;
    std::string first_uid, last_uid;  // of the first part and the last
    std::uint64_t last_part = 0;
    std::multimap<std::int64_t, Place>::iterator until = {};  // from when on nothing continues it

    explicit Waiting(const formats::record::AnyRecord& any) : record(any.kept_in(memory)) {}
  };
  static constexpr std::size_t kTexts = 1024;

  [[nodiscard]] bool join_one(Waiting& next);
  void keep(Waiting&& waiting);
  void release(Place place);
  void forget(Place place);
  [[nodiscard]] static Waiting sum(Waiting& earlier, Waiting& later, bool is_one_run);

  std::size_t most_flows_;
  Complete complete_;
  Typed<formats::record::Flow> typed_;
  std::list<Waiting> waiting_;
  std::unordered_multimap<std::string_view, Place, formats::io::TextHash>
      by_key_;  // views of Waiting::key
  std::multimap<std::int64_t, Place> by_until_;
  std::uint64_t joined_ = 0;
  std::uint64_t evicted_ = 0;
};

}  // namespace tracebraid::analyzers
