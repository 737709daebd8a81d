// Positions are relative sequence numbers: the SYN has 0, the first byte of payload 1.
#include "converters/pcap/stream.h"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace tracebraid::converters::pcap {
namespace {

TEST(Stream, CountsWhatComesInOrderOnce) {
  Stream stream;
  EXPECT_EQ(stream.add(1, 100, false).fresh, 100U);
  EXPECT_EQ(stream.add(101, 50, false).fresh, 50U);
  EXPECT_EQ(stream.delivered(), 151);
  EXPECT_EQ(stream.top(), 151);
}

TEST(Stream, WhatWasSeenIsNotFresh) {
  Stream stream;
  static_cast<void>(stream.add(1, 100, false));
  const Stream::Added again = stream.add(1, 100, false);
  EXPECT_EQ(again.fresh, 0U);
  EXPECT_FALSE(again.fills_hole);
  // Half of it is new.
  EXPECT_EQ(stream.add(51, 100, false).fresh, 50U);
  EXPECT_EQ(stream.delivered(), 151);
}

TEST(Stream, FillsHoles) {
  Stream stream;
  static_cast<void>(stream.add(1, 10, false));
  EXPECT_FALSE(stream.add(21, 10, false).fills_hole);  // above all: leaves a hole, fills none
  EXPECT_EQ(stream.delivered(), 11);
  const Stream::Added filling = stream.add(11, 10, false);
  EXPECT_EQ(filling.fresh, 10U);
  EXPECT_TRUE(filling.fills_hole);
  EXPECT_EQ(stream.delivered(), 31);
}

TEST(Stream, WhatLiesBeforeTheStartCountsOnlyWithoutOne) {
  Stream with_syn;
  static_cast<void>(with_syn.add(1, 10, false));
  EXPECT_EQ(with_syn.add(-9, 10, false).fresh, 0U);
  Stream without;
  static_cast<void>(without.add(1, 10, true));
  const Stream::Added before = without.add(-9, 10, true);
  EXPECT_EQ(before.fresh, 10U);
  EXPECT_TRUE(before.fills_hole);
  EXPECT_EQ(without.add(-9, 20, true).fresh, 0U);
}

TEST(Stream, AcknowledgedAndNotSeenIsMissed) {
  Stream stream;
  static_cast<void>(stream.add(1, 10, false));
  static_cast<void>(stream.add(21, 10, false));
  static_cast<void>(stream.add(41, 10, false));
  // Nothing is missing before 11.
  EXPECT_EQ(stream.acknowledge(11, false).bytes, 0U);
  const Stream::Missed missed = stream.acknowledge(51, false);
  EXPECT_EQ(missed.bytes, 20U);
  EXPECT_EQ(missed.gaps, 2U);
  // Once only, and an old acknowledgement says nothing.
  EXPECT_EQ(stream.acknowledge(51, false).bytes, 0U);
  EXPECT_EQ(stream.acknowledge(31, false).bytes, 0U);
  // Behind all that was seen.
  EXPECT_EQ(stream.acknowledge(61, false).bytes, 10U);
}

TEST(Stream, TheOctetOfAnUnseenSynIsNotMissed) {
  Stream met_in_the_middle;
  EXPECT_EQ(met_in_the_middle.acknowledge(2, true).bytes, 0U);
  Stream whole;
  EXPECT_EQ(whole.acknowledge(2, false).bytes, 1U);
}

TEST(Stream, NothingIsMissedOnceGivenUp) {
  Stream stream;
  stream.give_up();
  static_cast<void>(stream.add(101, 10, false));
  EXPECT_EQ(stream.acknowledge(111, false).bytes, 0U);
}

TEST(Stream, HolesAreLimited) {
  Stream stream;
  std::uint32_t fresh = 0;
  constexpr std::uint32_t kHoles = 10 * Stream::kMostRanges;
  for (std::uint32_t hole = 0; hole < kHoles; ++hole) {
    fresh += stream.add(11 + 20 * static_cast<std::int64_t>(hole), 10, false).fresh;
  }
  EXPECT_EQ(fresh, 10 * kHoles);
  // The lowest hole was given up, the highest was not.
  EXPECT_EQ(stream.add(1, 10, false).fresh, 0U);
  EXPECT_EQ(stream.add(20 * (kHoles - 1) + 1, 10, false).fresh, 10U);
}

// Against a set of all positions, in whatever order pieces and acknowledgements come.
TEST(Stream, AgreesWithASetOfPositions) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto upto = [&](int most) { return static_cast<int>(random() % (most + 1U)); };
    const bool may_precede = seed % 2 == 0;
    Stream stream;
    std::set<std::int64_t> seen;
    std::int64_t settled = 1;  // before it nothing can be missed any more
    for (int step = 0; step < 60; ++step) {
      if (upto(3) > 0) {
        const std::int64_t begin = (may_precede ? -50 : 1) + upto(400);
        const auto length = static_cast<std::uint32_t>(1 + upto(40));
        const std::int64_t top = seen.empty() ? 1 : std::max<std::int64_t>(1, *seen.rbegin() + 1);
        std::uint32_t fresh = 0;
        bool fills = false;
        for (std::int64_t at = begin; at < begin + length; ++at) {
          if (!seen.insert(at).second) continue;
          ++fresh;
          fills = fills || at < top;
        }
        const Stream::Added added = stream.add(begin, length, may_precede);
        ASSERT_EQ(added.fresh, fresh) << begin << " " << length;
        if (fresh > 0) {
          ASSERT_EQ(added.fills_hole, fills) << begin << " " << length;
        }
      } else {
        const std::int64_t position = 3 + upto(420);
        std::uint64_t missing = 0;
        std::uint32_t gaps = 0;
        bool is_in_gap = false;
        for (std::int64_t at = settled; at < position; ++at) {
          const bool is_missing = !seen.contains(at);
          if (is_missing) ++missing;
          if (is_missing && !is_in_gap) ++gaps;
          is_in_gap = is_missing;
        }
        settled = std::max(settled, position);
        const Stream::Missed missed = stream.acknowledge(position, false);
        ASSERT_EQ(missed.bytes, missing) << position;
        ASSERT_EQ(missed.gaps, gaps) << position;
      }
    }
  }
}

}  // namespace
}  // namespace tracebraid::converters::pcap
