#include "analyzers/util/bit_set.h"

#include <cstddef>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::analyzers {
namespace {

std::vector<std::size_t> all(const BitSet& set) {
  std::vector<std::size_t> numbers;
  set.each([&](std::size_t number) { numbers.push_back(number); });
  return numbers;
}

TEST(BitSet, NumbersOfAnySizeComeInTheirOrder) {
  BitSet set;
  for (const std::size_t number : {1000, 64, 0, 63, 127, 128, 64}) set.insert(number);
  EXPECT_EQ(all(set), (std::vector<std::size_t>{0, 63, 64, 127, 128, 1000}));
  EXPECT_TRUE(set.contains(1000));
  EXPECT_FALSE(set.contains(1001));
  EXPECT_FALSE(set.contains(100'000));
}

TEST(BitSet, EmptySetsHoldNothingAndLoseNothing) {
  BitSet set;
  set.erase(3);
  set.erase(300);
  set.add(BitSet{});
  EXPECT_EQ(all(set), (std::vector<std::size_t>{}));
  EXPECT_FALSE(set.contains(0));
  EXPECT_FALSE(set.contains(64));
}

TEST(BitSet, IsAsStdSetIs) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    BitSet sets[2];
    std::set<std::size_t> expected[2];
    for (int step = 0; step < 60; ++step) {
      const std::size_t which = random() % 2;
      const std::size_t number = random() % 260;
      if (random() % 3 == 0) {
        sets[which].erase(number);
        expected[which].erase(number);
      } else {
        sets[which].insert(number);
        expected[which].insert(number);
      }
    }
    sets[0].add(sets[1]);
    expected[0].insert(expected[1].begin(), expected[1].end());
    for (int which = 0; which < 2; ++which) {
      EXPECT_EQ(all(sets[which]),
                std::vector<std::size_t>(expected[which].begin(), expected[which].end()));
      for (std::size_t number = 0; number < 330; ++number) {
        ASSERT_EQ(sets[which].contains(number), expected[which].contains(number)) << number;
      }
    }
  }
}

}  // namespace
}  // namespace tracebraid::analyzers
