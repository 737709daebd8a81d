#include "analyzers/timeline/fold.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::analyzers::timeline {
namespace {

// Shows a letter for each line; what is folded as one number of lines and the period.
std::vector<Fold::Folded> folds(std::string_view lines, std::string* shown) {
  Fold fold;
  std::vector<Fold::Folded> all;
  std::int64_t ts = 0;
  for (const char line : lines) {
    ++ts;
    const auto hash = static_cast<std::uint64_t>(line);
    if (fold.is_folding()) {
      if (fold.takes(hash, ts)) continue;
      all.push_back(fold.end());
    }
    fold.shown(hash);
    shown->push_back(line);
  }
  all.push_back(fold.end());
  std::erase_if(all, [](const Fold::Folded& each) { return each.lines == 0; });
  return all;
}

TEST(Fold, ShowsTwiceWhatRepeatsAndCountsTheRest) {
  std::string shown;
  const auto all = folds("xaaaaay", &shown);
  EXPECT_EQ(shown, "xaay");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].lines, 3U);
  EXPECT_EQ(all[0].period, 1U);
  EXPECT_EQ(all[0].first_ts, 4);
  EXPECT_EQ(all[0].last_ts, 6);
}

TEST(Fold, TakesUpToFourLinesInTurn) {
  for (const auto& [lines, expected, folded, period] :
       {std::tuple("ababababx", "ababx", 4U, 2U), std::tuple("abcabcabcabc", "abcabc", 6U, 3U),
        std::tuple("abcdabcdabcdx", "abcdabcdx", 4U, 4U)}) {
    std::string shown;
    const auto all = folds(lines, &shown);
    EXPECT_EQ(shown, expected);
    ASSERT_EQ(all.size(), 1U) << lines;
    EXPECT_EQ(all[0].lines, folded) << lines;
    EXPECT_EQ(all[0].period, period) << lines;
  }
  std::string shown;
  EXPECT_TRUE(folds("abcdeabcdeabcde", &shown).empty());
  EXPECT_EQ(shown, "abcdeabcdeabcde");
}

// A turn that breaks off: what came of it is folded, and the line that breaks it is shown.
TEST(Fold, EndsWhereAnotherLineComes) {
  std::string shown;
  const auto all = folds("ababaxabab", &shown);
  EXPECT_EQ(shown, "ababxabab");
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].lines, 1U);
}

TEST(Fold, BeginsAnewBehindItsEnd) {
  std::string shown;
  const auto all = folds("aaaxaaa", &shown);
  EXPECT_EQ(shown, "aaxaa");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].lines, 1U);
  EXPECT_EQ(all[1].lines, 1U);
}

}  // namespace
}  // namespace tracebraid::analyzers::timeline
