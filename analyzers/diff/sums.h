// Sums that stay at the largest number there is when they are more.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "formats/record/value.h"

namespace tracebraid::analyzers::diff {

[[nodiscard]] inline std::int64_t sum(std::int64_t left, std::int64_t right) {
  std::int64_t result = 0;
  const bool is_more = __builtin_add_overflow(left, right, &result);
  return is_more ? std::numeric_limits<std::int64_t>::max() : result;
}

[[nodiscard]] inline std::uint64_t sum(std::uint64_t left, std::uint64_t right) {
  std::uint64_t result = 0;
  const bool is_more = __builtin_add_overflow(left, right, &result);
  return is_more ? std::numeric_limits<std::uint64_t>::max() : result;
}

[[nodiscard]] inline std::int64_t to_signed(std::uint64_t value) {
  return static_cast<std::int64_t>(
      std::min<std::uint64_t>(value, std::numeric_limits<std::int64_t>::max()));
}

[[nodiscard]] inline std::uint64_t positive(formats::record::Duration time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.ns, 0));
}

// A hash of two.
[[nodiscard]] inline std::uint64_t mixed(std::uint64_t left, std::uint64_t right) {
  std::uint64_t hash =
      (left ^ (right + 0x9e3779b97f4a7c15U + (left << 6U) + (left >> 2U))) * 0xbf58476d1ce4e5b9U;
  return hash ^ (hash >> 32U);
}

}  // namespace tracebraid::analyzers::diff
