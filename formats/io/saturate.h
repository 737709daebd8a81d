// Sums that stay at the end of the numbers when they would go beyond it: counts and times of
// damaged files, and of strangers' records, may be any.
#pragma once

#include <concepts>
#include <limits>
#include <string_view>

namespace tracebraid::formats::io {

// What is said where it happened.
inline constexpr std::string_view kEndOfNumbers =
    "sums beyond what 64 bits hold: the largest number stands for them";

template <std::integral Number>
[[nodiscard]] constexpr Number saturated_sum(Number left, Number right) {
  Number sum = 0;
  if (!__builtin_add_overflow(left, right, &sum)) [[likely]]
    return sum;
  return left < 0 ? std::numeric_limits<Number>::min() : std::numeric_limits<Number>::max();
}

template <std::integral Number>
[[nodiscard]] constexpr Number saturated_difference(Number left, Number right) {
  Number difference = 0;
  if (!__builtin_sub_overflow(left, right, &difference)) [[likely]]
    return difference;
  return left < right ? std::numeric_limits<Number>::min() : std::numeric_limits<Number>::max();
}

}  // namespace tracebraid::formats::io
