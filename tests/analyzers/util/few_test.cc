#include "analyzers/util/few.h"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::analyzers {
namespace {

TEST(FewOnce, KeepsEachOnceInTheOrderInWhichTheyCame) {
  FewOnce<std::int64_t, 2> numbers;
  EXPECT_TRUE(numbers.empty());
  std::vector<std::int64_t> expected;
  for (std::int64_t number = 0; number < 100; ++number) {
    // All that have come so far, again.
    for (const std::int64_t known : expected) numbers.add(known);
    numbers.add(number * 7 % 101);
    expected.push_back(number * 7 % 101);
    ASSERT_EQ(numbers.all(), expected);
  }
  EXPECT_EQ(numbers.front(), 0);
}

}  // namespace
}  // namespace tracebraid::analyzers
