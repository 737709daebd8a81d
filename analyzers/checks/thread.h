// A thread that makes calls, as detectors see it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/checks/finding.h"
#include "analyzers/util/bit_set.h"

namespace tracebraid::analyzers::checks {

struct CallName;

// A long while that a thread spent in one call, or without any.
struct Stretch {
  std::int64_t begin, end;
  bool is_gap;                // it computed, or was not scheduled
  Quote call;                 // or the one behind the gap
  std::uint64_t line_before;  // of the gap
  std::string greenlet;       // that ran, for the longest part of a gap
};

struct Thread {
  std::size_t lane = 0;
  std::uint64_t tid = 0;
  std::uint64_t pid = 0;  // 0: unknown
  std::string greenlet;   // that runs at the moment; empty: not known
  // Of the call at hand: when the one before it returned.
  std::optional<std::int64_t> before_end;
  std::uint64_t before_line = 0;
  // Since then: when greenlets were switched last, and which has run the longest by then.
  std::int64_t switched_ts = INT64_MIN, longest_run = 0;
  std::string longest_greenlet;
  // It polls for events of several descriptors again and again, with this call.
  std::uint64_t polls = 0;
  const CallName* poll = nullptr;
  [[nodiscard]] bool is_loop() const { return polls >= 3; }
  // By call that moved bytes or accepted: the socket that it was for last.
  std::vector<std::pair<const CallName*, std::uint64_t>> used;
  BitSet kept_by;  // numbers of the detectors that keep something of it
  // The last ones of 10 ms and more.
  static constexpr std::int64_t kLongStretch = 10'000'000;
  static constexpr std::size_t kMostStretches = 64;
  std::deque<Stretch> stretches;
};

}  // namespace tracebraid::analyzers::checks
