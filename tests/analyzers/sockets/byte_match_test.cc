// The n-th byte here is the n-th byte there: whatever pieces, holes and order it went in.
#include "analyzers/sockets/byte_match.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::analyzers {
namespace {

using Found = std::vector<Passage>;

TEST(ByteMatch, OneSegmentReadInTwoCalls) {
  ByteMatch match;
  Found found;
  const auto note = [&](const Passage& passage) { found.push_back(passage); };
  match.first(100, 5, note);
  match.second(60, 7, note);
  match.second(100, 9, note);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].bytes, 60U);
  EXPECT_EQ(found[0].second_ts - found[0].first_ts, 2);
  EXPECT_EQ(found[1].bytes, 40U);
  EXPECT_EQ(found[1].second_ts - found[1].first_ts, 4);
  EXPECT_EQ(match.waiting(), 0U);
}

TEST(ByteMatch, EitherSideMayComeFirst) {
  ByteMatch match;
  Found found;
  const auto note = [&](const Passage& passage) { found.push_back(passage); };
  match.second(10, 3, note);
  EXPECT_TRUE(found.empty());
  match.first(4, 1, note);
  match.first(10, 2, note);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].bytes + found[1].bytes, 10U);
}

TEST(ByteMatch, WhatCameTwiceCountsOnce) {
  ByteMatch match;
  std::uint64_t bytes = 0;
  const auto note = [&](const Passage& passage) { bytes += passage.bytes; };
  match.first(10, 1, note);
  match.first(10, 2, note);
  match.first(8, 3, note);
  match.second(10, 4, note);
  match.second(10, 5, note);
  EXPECT_EQ(bytes, 10U);
}

TEST(ByteMatch, WhatWaitsIsToldPieceByPiece) {
  ByteMatch match;
  const auto ignore = [](const Passage&) {};
  for (std::uint64_t end = 10; end <= 60; end += 10) {
    match.first(end, static_cast<std::int64_t>(end) + 1, ignore);
  }
  match.second(15, 100, ignore);
  std::vector<std::pair<std::uint64_t, std::int64_t>> waiting;
  match.each_waiting(
      [&](std::uint64_t bytes, std::int64_t ts) { waiting.emplace_back(bytes, ts); });
  const std::vector<std::pair<std::uint64_t, std::int64_t>> wanted = {
      {5, 21}, {10, 31}, {10, 41}, {10, 51}, {10, 61}};
  EXPECT_EQ(waiting, wanted);
  EXPECT_EQ(match.waiting_bytes(), 45U);
  match.second(80, 101, ignore);
  EXPECT_EQ(match.waiting_bytes(), 0U);
}

// Against an array with a time for each byte.
TEST(ByteMatch, RandomPiecesAgainstBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const std::size_t total = 1 + random() % 500;
    std::vector<std::int64_t> arrived(total);
    std::vector<std::int64_t> read(total);
    ByteMatch match;
    std::vector<std::int64_t> waits;
    const auto note = [&](const Passage& passage) {
      waits.insert(waits.end(), passage.bytes, passage.second_ts - passage.first_ts);
    };
    std::size_t first = 0;
    std::size_t second = 0;
    for (std::int64_t ts = 1; first < total || second < total; ++ts) {
      const bool is_first = second == total || (first < total && random() % 2 == 0);
      std::size_t& at = is_first ? first : second;
      const std::size_t size = std::min<std::size_t>(1 + random() % 40, total - at);
      std::fill_n((is_first ? arrived : read).begin() + static_cast<std::ptrdiff_t>(at), size, ts);
      at += size;
      if (is_first) {
        match.first(at, ts, note);
      } else {
        match.second(at, ts, note);
      }
    }
    ASSERT_EQ(waits.size(), total);
    for (std::size_t at = 0; at < total; ++at) ASSERT_EQ(waits[at], read[at] - arrived[at]);
  }
}

struct Seen {
  std::vector<std::pair<std::uint64_t, std::int64_t>> marks;
  auto operator()() {
    return [this](std::uint64_t end, std::int64_t ts) { marks.emplace_back(end, ts); };
  }
};

TEST(StreamOrder, AHoleHoldsBackWhatIsAboveUntilItIsFilled) {
  StreamOrder order;
  Seen seen;
  order.add(0, 10, 1, seen());
  order.add(20, 10, 2, seen());
  order.add(40, 10, 3, seen());
  EXPECT_EQ(seen.marks.size(), 1U);
  order.add(10, 10, 4, seen());
  EXPECT_EQ(seen.marks.back(), (std::pair<std::uint64_t, std::int64_t>{30, 4}));
  order.add(30, 12, 5, seen());
  EXPECT_EQ(seen.marks.back(), (std::pair<std::uint64_t, std::int64_t>{50, 5}));
}

TEST(StreamOrder, RetransmissionsChangeNothing) {
  StreamOrder order;
  Seen seen;
  order.add(0, 10, 1, seen());
  order.add(0, 10, 2, seen());
  order.add(5, 5, 3, seen());
  EXPECT_EQ(seen.marks.size(), 1U);
}

TEST(StreamOrder, WhatTheProgramHasReadHadArrivedWhateverTheCaptureMisses) {
  StreamOrder order;
  Seen seen;
  order.add(0, 10, 1, seen());
  order.add(20, 10, 2, seen());  // 10 to 20 is not in the capture
  order.known_to(25, 3, seen());
  ASSERT_EQ(seen.marks.size(), 3U);
  EXPECT_EQ(seen.marks[1], (std::pair<std::uint64_t, std::int64_t>{20, Mark::kUnknown}));
  EXPECT_EQ(seen.marks[2].first, 30U);
}

TEST(DatagramMatch, LostDatagramsAreLeftOut) {
  DatagramMatch match;
  Found found;
  const auto note = [&](const Passage& passage) { found.push_back(passage); };
  match.first(100, 1, note);
  match.first(200, 2, note);
  match.first(300, 3, note);
  match.second(200, 10, note);
  match.second(300, 11, note);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].first_ts, 2);
  EXPECT_EQ(found[1].first_ts, 3);
}

TEST(DatagramMatch, EqualSizesGoInOrder) {
  DatagramMatch match;
  Found found;
  const auto note = [&](const Passage& passage) { found.push_back(passage); };
  match.second(5, 20, note);
  match.first(5, 1, note);
  match.first(5, 2, note);
  match.second(5, 21, note);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].first_ts, 1);
  EXPECT_EQ(found[0].second_ts, 20);
  EXPECT_EQ(found[1].first_ts, 2);
  EXPECT_EQ(found[1].second_ts, 21);
}

}  // namespace
}  // namespace tracebraid::analyzers
