#include "analyzers/util/rings.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::analyzers {
namespace {

struct Item {
  int number = 0;
  std::uint64_t hash = 0;
  Item* before = nullptr;
  Item* behind = nullptr;
};

std::vector<int> first(const Rings<Item>& rings, std::uint64_t hash, std::size_t most) {
  std::vector<int> seen;
  rings.each_of_first(hash, most, [&](const Item& item) {
    seen.push_back(item.number);
    return true;
  });
  return seen;
}

std::vector<int> last(const Rings<Item>& rings, std::uint64_t hash, std::size_t most) {
  std::vector<int> seen;
  rings.each_of_last(hash, most, [&](const Item& item) { seen.push_back(item.number); });
  return seen;
}

TEST(Rings, KeepTheOrderInWhichThingsCame) {
  Rings<Item> rings;
  std::deque<Item> items;
  for (int number = 0; number < 5; ++number) rings.add(7, items.emplace_back(Item{number}));
  EXPECT_EQ(first(rings, 7, 9), std::vector<int>({0, 1, 2, 3, 4}));
  EXPECT_EQ(first(rings, 7, 2), std::vector<int>({0, 1}));
  EXPECT_EQ(last(rings, 7, 9), std::vector<int>({0, 1, 2, 3, 4}));
  EXPECT_EQ(last(rings, 7, 2), std::vector<int>({3, 4}));
  EXPECT_EQ(last(rings, 8, 2), std::vector<int>());
  int seen = 0;
  rings.each_of_first(7, 9, [&](const Item&) { return ++seen < 3; });
  EXPECT_EQ(seen, 3);
  rings.take(items[0]);
  rings.take(items[2]);
  rings.take(items[2]);  // it is in none
  EXPECT_EQ(first(rings, 7, 9), std::vector<int>({1, 3, 4}));
  rings.add(7, items[0]);
  EXPECT_EQ(last(rings, 7, 3), std::vector<int>({3, 4, 0}));
}

// Against lists, with hashes that are neighbours in the index.
TEST(Rings, AreListsByHash) {
  std::mt19937 random(1);
  Rings<Item> rings;
  std::deque<Item> items;
  std::map<std::uint64_t, std::vector<int>> lists;
  for (int number = 0; number < 300; ++number) items.push_back(Item{number});
  for (int step = 0; step < 20'000; ++step) {
    Item& item = items[random() % items.size()];
    if (item.hash == 0) {
      const std::uint64_t hash = 1 + random() % 40;
      rings.add(hash, item);
      lists[hash].push_back(item.number);
    } else {
      std::erase(lists[item.hash], item.number);
      rings.take(item);
    }
    const std::uint64_t looked_at = 1 + random() % 40;
    ASSERT_EQ(first(rings, looked_at, 1000), lists[looked_at]);
    ASSERT_EQ(last(rings, looked_at, 1000), lists[looked_at]);
  }
}

}  // namespace
}  // namespace tracebraid::analyzers
