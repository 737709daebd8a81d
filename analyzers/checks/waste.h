// What checks of needless work share: how many calls, what they took, and whether that is much for
// this log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "analyzers/checks/detector.h"
#include "analyzers/checks/notes.h"

namespace tracebraid::analyzers::checks {

struct CallSum {
  std::uint64_t count = 0;
  std::uint64_t timed = 0;  // of them, those of which the duration is known
  std::int64_t took_ns = 0;
  CallNote first;
  std::optional<std::int64_t> first_ts, last_ts;

  void add(const CallEvent& event);
  // ": they took 0.35 s", ", 0.35 s from the first to the last", or nothing.
  [[nodiscard]] std::string shown_time() const;
  // Slower than so many a second from the first to the last; false without times.
  [[nodiscard]] bool is_slower_than(std::int64_t per_second) const;
  // A note, with times and the first call.
  [[nodiscard]] Finding finding(const Scene& scene) const;
};

// Whether `count` calls are worth a word: many in any log, or a large part of a short one.
[[nodiscard]] bool is_much(std::uint64_t count, std::uint64_t many, std::uint64_t few,
                           std::uint64_t of_calls, std::uint64_t percent);

}  // namespace tracebraid::analyzers::checks
