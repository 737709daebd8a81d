#include "analyzers/checks/alike.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::analyzers::checks {
namespace {

Finding finding(std::string_view id, std::string summary, std::int64_t ts) {
  Finding one;
  one.id = id;
  one.summary = std::move(summary);
  one.ts = ts;
  one.count = 2;
  one.pid = 7;
  one.evidence = {"log:" + std::to_string(ts)};
  return one;
}

std::vector<Finding> resets(int count) {
  std::vector<Finding> all;
  for (int at = 0; at < count; ++at) {
    all.push_back(finding(
        "reset",
        "1,00" + std::to_string(at) + " calls to :" + std::to_string(40000 + 1000 * at) + " failed",
        100 - at));
  }
  return all;
}

TEST(ToldOnce, ThreeAreThreeAndFourAreOne) {
  EXPECT_EQ(told_once(resets(3)).size(), 3U);
  const auto one = told_once(resets(4));
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].summary, "1,000 calls to :40000 failed; 3 more like it (--all shows them)");
  EXPECT_EQ(one[0].count, 8U);
  EXPECT_EQ(one[0].ts, 97);
  EXPECT_EQ(one[0].last_ts, 100);
  EXPECT_EQ(one[0].pid, 7U);
  EXPECT_EQ(one[0].evidence.size(), 4U);
}

TEST(ToldOnce, OthersStayWhereTheyAre) {
  auto all = resets(4);
  all.insert(all.begin() + 1, finding("other", "1,000 calls to :40000 failed", 5));
  all.push_back(finding("reset", "1 call to :40000 was slow", 6));
  all[2].pid = 8;
  all.push_back(finding("reset", "1,009 calls to :1 failed", 7));
  all.back().severity = Severity::kError;
  const auto told = told_once(std::move(all));
  ASSERT_EQ(told.size(), 4U);
  EXPECT_EQ(told[0].count, 8U);
  EXPECT_EQ(told[0].pid, std::nullopt);  // not that of all
  EXPECT_EQ(told[1].id, "other");
  EXPECT_EQ(told[2].summary, "1 call to :40000 was slow");
  EXPECT_EQ(told[3].severity, Severity::kError);
}

}  // namespace
}  // namespace tracebraid::analyzers::checks
