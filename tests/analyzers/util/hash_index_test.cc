#include "analyzers/util/hash_index.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::analyzers {
namespace {

struct Thing {
  std::uint64_t hash = 0;
  bool is_there = false;
};

// Against a set, with hashes that meet at all places: few of them, and large ones.
TEST(HashIndex, HasWhatWasPutThereAndNotTakenOut) {
  for (const std::uint64_t different : {4U, 60U, 1000U}) {
    std::mt19937_64 random(different);
    HashIndex<Thing> index;
    std::deque<Thing> things(300);
    std::size_t count = 0;
    for (Thing& thing : things) thing.hash = random() % different * 0x100000001;
    for (int step = 0; step < 20'000; ++step) {
      Thing& thing = things[random() % things.size()];
      if (thing.is_there) {
        index.erase(thing.hash, &thing);
        --count;
      } else {
        index.insert(thing.hash, &thing);
        ++count;
      }
      thing.is_there = !thing.is_there;
      ASSERT_EQ(index.size(), count);
      const Thing& other = things[random() % things.size()];
      const Thing* const found =
          index.find(other.hash, [&](const Thing& each) { return &each == &other; });
      ASSERT_EQ(found, other.is_there ? &other : nullptr) << step;
      // What is not there is not taken out.
      if (!other.is_there) index.erase(other.hash, &other);
    }
    std::set<const Thing*> seen;
    index.each([&](const Thing& thing) { EXPECT_TRUE(seen.insert(&thing).second); });
    EXPECT_EQ(seen.size(), count);
    for (const Thing& thing : things) EXPECT_EQ(seen.contains(&thing), thing.is_there);
  }
}

TEST(HashIndex, OneStandsForAnother) {
  HashIndex<Thing> index;
  Thing one{7, true};
  Thing two{7, true};
  Thing three{7, true};
  const auto any = [](const Thing&) { return true; };
  EXPECT_EQ(index.find(7, any), nullptr);
  EXPECT_EQ(index.peek(7), nullptr);
  index.insert(7, &one);
  index.replace(7, &two, &three);  // which is not there
  EXPECT_EQ(index.find(7, any), &one);
  index.replace(7, &one, &two);
  EXPECT_EQ(index.find(7, any), &two);
  EXPECT_EQ(index.peek(7), &two);
  EXPECT_EQ(index.find(8, any), nullptr);
  EXPECT_EQ(index.size(), 1U);
}

}  // namespace
}  // namespace tracebraid::analyzers
