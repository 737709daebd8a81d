#include "formats/io/saturate.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace tracebraid::formats::io {
namespace {

// Every pair of int8_t and of uint8_t, compared with what int says.
template <typename Small>
void compare_with_int() {
  const int least = std::numeric_limits<Small>::min();
  const int most = std::numeric_limits<Small>::max();
  for (int left = least; left <= most; ++left) {
    for (int right = least; right <= most; ++right) {
      ASSERT_EQ(saturated_sum(static_cast<Small>(left), static_cast<Small>(right)),
                std::clamp(left + right, least, most))
          << left << " + " << right;
      ASSERT_EQ(saturated_difference(static_cast<Small>(left), static_cast<Small>(right)),
                std::clamp(left - right, least, most))
          << left << " - " << right;
    }
  }
}

TEST(Saturate, IsTheSumCutToWhatTheTypeHolds) {
  compare_with_int<std::int8_t>();
  compare_with_int<std::uint8_t>();
}

TEST(Saturate, HoldsForTheTypesThatRecordsHave) {
  EXPECT_EQ(saturated_sum(INT64_MAX, std::int64_t{1}), INT64_MAX);
  EXPECT_EQ(saturated_sum(INT64_MIN, std::int64_t{-1}), INT64_MIN);
  EXPECT_EQ(saturated_sum(UINT64_MAX, std::uint64_t{1}), UINT64_MAX);
  EXPECT_EQ(saturated_difference(INT64_MIN, std::int64_t{1}), INT64_MIN);
  EXPECT_EQ(saturated_difference(INT64_MAX, std::int64_t{-1}), INT64_MAX);
}

}  // namespace
}  // namespace tracebraid::formats::io
