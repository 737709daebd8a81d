#include "analyzers/top/profile_sums.h"

#include <gtest/gtest.h>

namespace tracebraid::analyzers {
namespace {

using formats::record::Duration;

std::string shown(const FunctionKey& key) {
  std::string text;
  key.append_shown(text);
  return text;
}

TEST(FunctionKey, IsShownAsByPstats) {
  // func_std_string() of CPython's Lib/pstats.py.
  EXPECT_EQ(shown({"/srv/server.py", 12, "handle"}), "/srv/server.py:12(handle)");
  EXPECT_EQ(shown({"~", 0, "<built-in method builtins.len>"}), "{built-in method builtins.len}");
  EXPECT_EQ(shown({"~", 0, "len"}), "len");
  EXPECT_EQ(shown({"~", 0, "<"}), "<");
  EXPECT_EQ(shown({"~", 1, "<x>"}), "~:1(<x>)");
  EXPECT_EQ(shown({"", 0, "len"}), ":0(len)");
}

TEST(ProfileSums, FunctionsOfOneKeyAreOne) {
  ProfileSums sums(false);
  std::string name = "handle";
  sums.add({"a.py", 1, name}, {2, 1, Duration{10}, Duration{100}});
  name = "xxxxxx";  // its memory is not needed any longer
  sums.add({"a.py", 2, "handle"}, {1, 1, Duration{1}, Duration{1}});
  sums.add({"a.py", 1, "handle"}, {3, 3, Duration{5}, Duration{7}});
  ASSERT_EQ(sums.functions().size(), 2U);
  const ProfileCost& cost = sums.functions()[0]->cost;
  EXPECT_EQ(cost.calls, 5U);
  EXPECT_EQ(cost.primitive_calls, 4U);
  EXPECT_EQ(cost.tottime, Duration{15});
  EXPECT_EQ(cost.cumtime, Duration{107});
  EXPECT_EQ(sums.total().calls, 6U);
  EXPECT_EQ(sums.total().tottime, Duration{16});
}

TEST(ProfileSums, WhatNobodyTellsIsMissing) {
  ProfileSums sums(false);
  sums.add({"", 0, ""}, {});
  EXPECT_EQ(sums.functions()[0]->cost.calls, std::nullopt);
  sums.add({"", 0, ""}, {.calls = 0, .primitive_calls = {}, .tottime = {}, .cumtime = {}});
  EXPECT_EQ(sums.functions()[0]->cost.calls, 0U);
  EXPECT_EQ(sums.functions()[0]->cost.cumtime, std::nullopt);
}

TEST(ProfileSums, SumsStopAtTheLargestNumber) {
  ProfileSums sums(false);
  for (int times = 0; times < 3; ++times) {
    sums.add({"a.py", 1, "f"}, {UINT64_MAX - 1, 1, Duration{INT64_MAX - 1}, Duration{-INT64_MAX}});
  }
  const ProfileCost& cost = sums.functions()[0]->cost;
  EXPECT_EQ(cost.calls, UINT64_MAX);
  EXPECT_EQ(cost.primitive_calls, 3U);
  EXPECT_EQ(cost.tottime, Duration{INT64_MAX});
  EXPECT_EQ(cost.cumtime, Duration{INT64_MIN});
}

TEST(ProfileSums, CallsOfOnePairAreOne) {
  ProfileSums sums(false);
  const ProfileSums::Function& first = sums.known({"a.py", 1, "first"});
  const ProfileSums::Function& second = sums.known({"a.py", 2, "second"});
  sums.add_call(first, second, {1, 1, Duration{1}, Duration{1}});
  sums.add_call(second, first, {2, 2, Duration{2}, Duration{2}});
  sums.add_call(first, second, {3, 3, Duration{3}, Duration{3}});
  ASSERT_EQ(sums.calls().size(), 2U);
  EXPECT_EQ(sums.calls()[0].cost.calls, 4U);
  EXPECT_EQ(sums.calls()[1].cost.calls, 2U);
  EXPECT_TRUE(sums.functions().empty()) << "calls alone tell of no function";
}

TEST(ProfileSums, StrippedFilesAreTheirLastParts) {
  // os.path.basename()
  ProfileSums sums(true);
  sums.add({"/usr/lib/a.py", 1, "f"}, {1, 1, Duration{1}, Duration{1}});
  sums.add({"a.py", 1, "f"}, {1, 1, Duration{1}, Duration{1}});
  sums.add({"/srv/", 1, "f"}, {1, 1, Duration{1}, Duration{1}});
  ASSERT_EQ(sums.functions().size(), 2U);
  EXPECT_EQ(sums.functions()[0]->key.file, "a.py");
  EXPECT_EQ(sums.functions()[1]->key.file, "");
}

TEST(ProfileSums, StrippedFilesOfWindowsAreTheirLastParts) {
  ProfileSums sums(true);
  sums.add({"C:\\proj\\app\\utils.py", 1, "parse"}, {1, 1, {}, {}});
  sums.add({"/proj/app/utils.py", 1, "parse"}, {2, 2, {}, {}});
  ASSERT_EQ(sums.functions().size(), 1U);
  EXPECT_EQ(sums.functions()[0]->key.file, "utils.py");
}

}  // namespace
}  // namespace tracebraid::analyzers
