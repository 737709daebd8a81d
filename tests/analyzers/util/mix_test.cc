#include "analyzers/util/mix.h"

#include <cstddef>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include "analyzers/sockets/life.h"

namespace tracebraid::analyzers {
namespace {

TEST(Mix, TellsOnePairFromItsReverse) {
  EXPECT_NE(mixed(1, 2), mixed(2, 1));
  EXPECT_NE(mixed(mixed(1, 2), 3), mixed(1, mixed(2, 3)));
}

// As files are: numbered one by one in a few logs, for tables whose sizes are powers of two.
TEST(Mix, LowBitsSpreadConsecutiveKeys) {
  constexpr std::size_t kFiles = 4096;
  constexpr std::size_t kLanes = 4;
  constexpr std::size_t kSlots = 4 * kFiles * kLanes;
  std::unordered_set<std::uint64_t> whole;
  std::vector<int> slots(kSlots);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    for (std::uint64_t file = 0; file < kFiles; ++file) {
      const std::uint64_t hash = FileKey{lane, file}.hash();
      EXPECT_TRUE(whole.insert(hash).second);
      ++slots[hash % kSlots];
    }
  }
  // Thrown at random, of n keys in 4n slots n²/8n = n/8 pairs would meet.
  std::size_t pairs = 0;
  for (const int keys : slots) pairs += static_cast<std::size_t>(keys * (keys - 1) / 2);
  EXPECT_LT(pairs, kFiles * kLanes / 8 * 3 / 2);
}

}  // namespace
}  // namespace tracebraid::analyzers
