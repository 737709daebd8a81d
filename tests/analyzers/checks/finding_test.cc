#include "analyzers/checks/finding.h"

#include <optional>

#include <gtest/gtest.h>

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(ShownRate, TellsHowLongAndHowOften) {
  EXPECT_EQ(shown_rate(29'000, 3 * kSecond, 5 * kSecond), " in 2.00 s (14,500/s)");
}

TEST(ShownRate, ARateBelowOneOrOfOneCallIsNone) {
  EXPECT_EQ(shown_rate(2, 0, 4 * kSecond), " in 4.00 s");
  EXPECT_EQ(shown_rate(1, 0, kSecond), " in 1.00 s");
  // Nor is that of less than a millisecond.
  EXPECT_EQ(shown_rate(100, 0, 999'000), " in 1.00 ms");
  EXPECT_EQ(shown_rate(100, 0, 999'999), " in 1.00 ms");
  EXPECT_EQ(shown_rate(100, 0, 1'000'000), " in 1.00 ms (100,000/s)");
  EXPECT_EQ(shown_rate(4, 0, 4 * kSecond), " in 4.00 s (1/s)");
}

TEST(ShownRate, WithoutTimesThereIsNothingToTell) {
  EXPECT_EQ(shown_rate(100, std::nullopt, kSecond), "");
  EXPECT_EQ(shown_rate(100, kSecond, std::nullopt), "");
  EXPECT_EQ(shown_rate(100, kSecond, kSecond), "");
}

}  // namespace
}  // namespace tracebraid::analyzers::checks
