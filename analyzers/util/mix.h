// The one hash of numbers, for tables in memory. Texts have formats/io/hash.h.
#pragma once

#include <cstdint>

namespace tracebraid::analyzers {

// 2^64 divided by the golden ratio: multiplying by it spreads what is low over all bits above.
constexpr std::uint64_t kGoldenOdd = 0x9e3779b97f4a7c15U;

// Of two numbers, or of a hash and the next number; (a, b) and (b, a) differ. The low bits are as
// good as the high ones.
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t left, std::uint64_t right) {
  const std::uint64_t hash = (left ^ (right * kGoldenOdd)) * kGoldenOdd;
  return hash ^ (hash >> 32U);
}

}  // namespace tracebraid::analyzers
