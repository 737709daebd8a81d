#include "analyzers/merge/tcp_history.h"

#include <algorithm>
#include <cctype>

namespace tracebraid::analyzers {
namespace {

using State = TcpEnd::State;

void see_end(TcpEnd& end, TcpEnd& peer, bool is_reset) {
  const bool is_closed = end.state == State::kClosed;
  if (end.state == State::kReset || (is_closed && (!is_reset || peer.state == State::kClosed))) {
    return;
  }
  end.go(is_reset ? State::kReset : State::kClosed);
  // A FIN and then a RST of the peer was an ordinary end after all.
  if (!is_reset && peer.state == State::kReset && peer.before == State::kClosed) {
    peer.go(State::kClosed);
  }
}

void see_syn(TcpEnd& end, TcpEnd& peer, bool is_orig, bool is_answer) {
  if (end.state == State::kPartial && peer.state == State::kNone && !is_answer) {
    end.go(State::kAsking);
  }
  if (end.state != State::kNone) return;
  if (!is_orig && peer.state == State::kAsking) peer.go(State::kOpen);
  end.go(is_orig ? State::kAsking : State::kOpen);
}

}  // namespace

TcpEnds tcp_ends(std::string_view history) {
  TcpEnds ends;
  for (const char letter : history) {
    const bool is_orig = std::isupper(static_cast<unsigned char>(letter)) != 0;
    const char event = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    TcpEnd& end = ends[is_orig ? 0 : 1];
    TcpEnd& peer = ends[is_orig ? 1 : 0];
    if (event == 'F' || event == 'R') {
      see_end(end, peer, event == 'R');
    } else if (event == 'S' || event == 'H') {
      see_syn(end, peer, is_orig, event == 'H');
    } else if ((event == 'A' || event == 'D') && end.state == State::kNone) {
      if (letter == 'a' && peer.state == State::kAsking) continue;
      end.go(peer.state == State::kOpen ? State::kOpen : State::kPartial);
    }
  }
  return ends;
}

std::string_view tcp_state(std::string_view history, bool has_payload) {
  const TcpEnds ends = tcp_ends(history);
  const State orig = ends[0].state;
  const State resp = ends[1].state;
  const auto is_silent = [](State state) {
    return state == State::kNone || state == State::kPartial;
  };
  if (resp == State::kReset) {
    if (orig == State::kAsking || (orig == State::kReset && !has_payload)) return "REJ";
    return is_silent(orig) ? "RSTRH" : "RSTR";
  }
  if (orig == State::kReset) {
    if (!is_silent(resp)) return "RSTO";
    const std::string_view letters = without_turn(history);
    const std::size_t stop = letters.find_first_of("HAFGIQR");
    const bool is_syn_then_rst =
        letters.starts_with('S') && stop != std::string_view::npos && letters[stop] == 'R';
    return is_syn_then_rst ? "RSTOS0" : "OTH";
  }
  if (orig == State::kClosed && resp == State::kClosed) return "SF";
  if (orig == State::kClosed) return is_silent(resp) ? "SH" : "S2";
  if (resp == State::kClosed) return is_silent(orig) ? "SHR" : "S3";
  if (orig == State::kAsking && resp == State::kNone) return "S0";
  if (orig == State::kOpen && resp == State::kOpen) return "S1";
  return "OTH";
}

std::string continued_history(std::string_view first, std::string_view second) {
  constexpr std::size_t kMost = 1024;
  std::string all(first);
  std::array<std::size_t, 256> counts{};
  for (const char letter : without_turn(second)) {
    const std::size_t times = ++counts[static_cast<unsigned char>(letter)];
    const bool is_news =
        times > static_cast<std::size_t>(std::count(first.begin(), first.end(), letter));
    if (is_news && all.size() < kMost) all += letter;
  }
  return all;
}

}  // namespace tracebraid::analyzers
