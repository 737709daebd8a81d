#include "analyzers/sockets/early_marks.h"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::analyzers {
namespace {

std::vector<std::uint64_t> ends(const EarlyMarks& early, const EarlyMarks::Chain& chain) {
  std::vector<Mark> marks;
  EXPECT_TRUE(early.collect(chain, marks));
  std::vector<std::uint64_t> found;
  for (const Mark& mark : marks) found.push_back(mark.end);
  return found;
}

TEST(EarlyMarks, DirectionsAreApartAndInOrder) {
  EarlyMarks early;
  EarlyMarks::Chain there;
  EarlyMarks::Chain back;
  EarlyMarks::Chain silent;
  early.add(there, 100, 1);
  early.add(back, 7, 2);
  early.add(there, 250, 3);
  early.add(there, 300, 4);
  EXPECT_EQ(ends(early, there), (std::vector<std::uint64_t>{100, 250, 300}));
  EXPECT_EQ(ends(early, back), (std::vector<std::uint64_t>{7}));
  EXPECT_EQ(ends(early, silent), (std::vector<std::uint64_t>{}));
  EXPECT_EQ(there.count, 3U);
}

TEST(EarlyMarks, CollectAppends) {
  EarlyMarks early;
  EarlyMarks::Chain chain;
  early.add(chain, 1, 10);
  early.add(chain, 2, 20);
  std::vector<Mark> marks{{99, 0}};
  ASSERT_TRUE(early.collect(chain, marks));
  ASSERT_EQ(marks.size(), 3U);
  EXPECT_EQ(marks[0].end, 99U);
  EXPECT_EQ(marks[1].ts, 10);
  EXPECT_EQ(marks[2].ts, 20);
}

TEST(EarlyMarks, WhatIsOverwrittenIsMissed) {
  EarlyMarks early;
  EarlyMarks::Chain old;
  EarlyMarks::Chain later;
  EarlyMarks::Chain other;
  early.add(old, 1, 1);
  early.add(later, 2, 2);
  for (std::uint64_t at = 2; at < EarlyMarks::kMost; ++at) early.add(other, at, 3);
  EXPECT_EQ(ends(early, old), (std::vector<std::uint64_t>{1}));
  early.add(old, 5, 4);  // in the place of its own first
  std::vector<Mark> marks;
  EXPECT_FALSE(early.collect(old, marks));
  EXPECT_EQ(ends(early, later), (std::vector<std::uint64_t>{2}));
  early.add(other, 6, 5);
  marks.clear();
  EXPECT_FALSE(early.collect(later, marks));
}

}  // namespace
}  // namespace tracebraid::analyzers
