#include "formats/io/hash.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::formats::io {
namespace {

// xxHash's own sanity tests (tests/sanity_test_vectors.h) have this for no bytes and no seed.
TEST(Hash, LastingHashIsXxh3) {
  EXPECT_EQ(lasting_hash(""), 0x2D06800538D394C2U);
  EXPECT_EQ(lasting_hash("a"), lasting_hash(std::string("a")));
}

TEST(Hash, TablesHaveAnother) {
  for (const char* text : {"", "a", "read", "C4J4Th3PJpwUYZZ6gc"}) {
    EXPECT_NE(hash_text(text), lasting_hash(text)) << text;
    EXPECT_EQ(hash_text(text), TextHash{}(text));
  }
  EXPECT_NE(kHashSeeds.left, kHashSeeds.right);
  EXPECT_NE(kHashSeeds.left, 0U);
}

// A bit of either number changes half of the hash's bits, those of the low half, too.
TEST(Hash, EveryBitMatters) {
  const std::uint64_t base = mixed(1, 2);
  double low = 0;
  double high = 0;
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t other :
         {mixed(1 ^ std::uint64_t{1} << bit, 2), mixed(1, 2 ^ std::uint64_t{1} << bit)}) {
      low += std::popcount((base ^ other) & UINT32_MAX);
      high += std::popcount((base ^ other) >> 32U);
    }
  }
  EXPECT_NEAR(low / 128, 16, 3);
  EXPECT_NEAR(high / 128, 16, 3);
}

// Multiples of libstdc++'s number of buckets: with its own hash they are all in one.
TEST(Hash, NumbersThatMeetInTheStandardLibraryDoNot) {
  constexpr std::size_t kNumbers = 20'000;
  std::unordered_set<std::uint64_t> plain;
  std::unordered_set<std::uint64_t, NumberHash> seeded;
  plain.reserve(kNumbers);
  seeded.reserve(kNumbers);
  ASSERT_EQ(plain.bucket_count(), seeded.bucket_count());
  for (std::size_t at = 0; at < kNumbers; ++at) {
    plain.insert(at * plain.bucket_count());
    seeded.insert(at * plain.bucket_count());
  }
  ASSERT_EQ(plain.bucket_size(0), kNumbers);
  std::size_t most = 0;
  for (std::size_t at = 0; at < seeded.bucket_count(); ++at) {
    most = std::max(most, seeded.bucket_size(at));
  }
  // Thrown at random, one bucket in 10^9 has more than 12.
  EXPECT_LE(most, 12U);
}

}  // namespace
}  // namespace tracebraid::formats::io
