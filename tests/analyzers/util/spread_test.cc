#include "analyzers/util/spread.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::analyzers {
namespace {

// The nearest rank: the least value that so many percent of all are not above.
std::int64_t by_sorting(std::vector<std::int64_t> values, double percent) {
  std::ranges::sort(values);
  for (std::size_t at = 0; at < values.size(); ++at) {
    if (100.0 * static_cast<double>(at + 1) >= percent * static_cast<double>(values.size())) {
      return values[at];
    }
  }
  return values.back();
}

constexpr double kPercents[] = {0, 1, 25, 49, 50, 51, 75, 99, 99.9, 100};

TEST(Spread, IsExactWhileThereAreFew) {
  std::mt19937_64 random(3);
  for (const std::size_t count : {1U, 2U, 3U, 4U, 10U, 99U, 100U, 101U, 256U}) {
    Spread spread;
    std::vector<std::int64_t> values;
    for (std::size_t at = 0; at < count; ++at) {
      values.push_back(static_cast<std::int64_t>(random() >> (random() % 60 + 2)));
      spread.add(values.back());
    }
    EXPECT_TRUE(spread.is_exact());
    EXPECT_EQ(spread.count(), count);
    for (const double percent : kPercents) {
      EXPECT_EQ(spread.percentile(percent), by_sorting(values, percent)) << count << " " << percent;
    }
  }
}

// Beyond, within 1/128 of the value; small ones are exact.
TEST(Spread, IsNearWhereThereAreMany) {
  for (const int bits : {3, 6, 7, 8, 20, 40, 62}) {
    std::mt19937_64 random(5);
    Spread spread;
    std::vector<std::int64_t> values;
    for (int at = 0; at < 3000; ++at) {
      values.push_back(static_cast<std::int64_t>(random() >> (64 - bits)));
      spread.add(values.back());
    }
    EXPECT_FALSE(spread.is_exact());
    for (const double percent : kPercents) {
      const std::int64_t exact = by_sorting(values, percent);
      const std::int64_t slack = exact < 128 ? 0 : exact / 128 + 1;
      EXPECT_LE(std::abs(spread.percentile(percent) - exact), slack) << bits << " " << percent;
    }
  }
}

// Each value by itself, at the borders of the steps.
TEST(Spread, OfOneValueIsThatValue) {
  for (int shift = 0; shift < 62; ++shift) {
    for (const std::int64_t off : {-1, 0, 1}) {
      const std::int64_t value = std::max<std::int64_t>((std::int64_t{1} << shift) + off, 0);
      Spread spread;
      for (std::size_t at = 0; at <= Spread::kExact; ++at) spread.add(value);
      EXPECT_LE(std::abs(spread.percentile(50) - value), value < 128 ? 0 : value / 128) << value;
    }
  }
}

TEST(Spread, WhatIsBelowNothingIsNothing) {
  Spread spread;
  EXPECT_EQ(spread.percentile(50), 0);
  spread.add(-5);
  spread.add(7);
  EXPECT_EQ(spread.percentile(50), 0);
  EXPECT_EQ(spread.percentile(100), 7);
}

}  // namespace
}  // namespace tracebraid::analyzers
