// What the letters of a TCP flow's history (Zeek's: S a SYN, h the responder's SYN-ACK, …) tell of
// the connection, where the packets themselves are gone.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace tracebraid::analyzers {

// One side, as the converter's own state (converters/pcap/tcp_machine.h).
struct TcpEnd {
  enum class State : std::uint8_t { kNone, kAsking, kPartial, kOpen, kClosed, kReset };
  State state = State::kNone;
  State before = State::kNone;
  void go(State next) {
    if (next != state) before = std::exchange(state, next);
  }
};

// Originator, responder.
using TcpEnds = std::array<TcpEnd, 2>;
[[nodiscard]] TcpEnds tcp_ends(std::string_view history);

// Zeek's conn_state of a TCP flow with such a history.
[[nodiscard]] std::string_view tcp_state(std::string_view history, bool has_payload);

// A history and then another one of the same flow: letters are written once, and those of repeated
// events (retransmissions, gaps, …) at the 1st, 10th, 100th time, so that of the second those count
// that go beyond the first's.
[[nodiscard]] std::string continued_history(std::string_view first, std::string_view second);

// Without the ^ of a flow whose sides have changed places.
[[nodiscard]] inline std::string_view without_turn(std::string_view history) {
  if (history.starts_with('^')) history.remove_prefix(1);
  return history;
}

}  // namespace tracebraid::analyzers
