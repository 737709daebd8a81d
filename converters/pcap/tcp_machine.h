// The TCP connection as both endpoints' packets show it: Zeek's state machine, history and sizes.
#pragma once

#include <cstdint>

#include "converters/pcap/flow_table.h"

namespace tracebraid::converters::pcap {

// What a segment did, for those who report segments.
struct SegmentEffect {
  std::int64_t offset = 0;  // of its payload in the stream, from 0
  bool is_rexmit = false;
};

// Takes in one segment that is counted already. `flow.ends` may change places.
[[nodiscard]] SegmentEffect take_segment(FlowState& flow, const Datagram& datagram, bool is_orig,
                                         const TimeOuts& time_outs);

// Payload bytes the endpoint has sent by its sequence numbers.
[[nodiscard]] std::int64_t stream_size(const Endpoint& end, const Endpoint& peer);

// Zeek's conn_state.
[[nodiscard]] std::string_view connection_state(const FlowState& flow);

// Writes a letter of the history, in upper case for the originator.
void write_history(FlowState& flow, bool is_orig, char letter);
// The 1st, 10th, 100th … time.
void write_scaled_history(FlowState& flow, bool is_orig, char letter, std::uint32_t& times);

}  // namespace tracebraid::converters::pcap
