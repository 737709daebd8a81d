// The times and durations that are believed: 145 years, so that two of them can be added or
// subtracted in 64 bits, with months to spare. Others come of damaged or forged inputs alone.
#pragma once

#include <algorithm>
#include <cstdint>

namespace tracebraid::formats::io {

inline constexpr std::int64_t kFarthestNs = 4'600'000'000'000'000'000;

[[nodiscard]] constexpr bool is_too_far(std::int64_t ns) {
  return ns < -kFarthestNs || ns > kFarthestNs;
}

[[nodiscard]] constexpr std::int64_t not_too_far(std::int64_t ns) {
  return std::clamp(ns, -kFarthestNs, kFarthestNs);
}

}  // namespace tracebraid::formats::io
