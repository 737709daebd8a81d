#include "analyzers/checks/turns.h"

#include <cstdint>
#include <string_view>

#include <gtest/gtest.h>

namespace tracebraid::analyzers::checks {
namespace {

// Each letter is a symbol.
Turns turns_of(std::string_view letters) {
  Turns turns;
  for (const char letter : letters) turns.step(static_cast<std::uint32_t>(letter));
  return turns;
}

TEST(Turns, ThreeOccurrencesOfTheFirstAreARow) {
  EXPECT_EQ(turns_of("aa").period(), 0U);
  EXPECT_EQ(turns_of("aaa").period(), 1U);
  EXPECT_EQ(turns_of("abab").period(), 0U);
  EXPECT_EQ(turns_of("ababa").period(), 2U);
  EXPECT_EQ(turns_of("abcabc").period(), 0U);
  EXPECT_EQ(turns_of("abcabca").period(), 3U);
}

TEST(Turns, TheShortestPeriodIsTold) {
  EXPECT_EQ(turns_of("abababababab").period(), 2U);
  EXPECT_EQ(turns_of("aabbaabba").period(), 4U);
  EXPECT_EQ(turns_of("aabaabaab").period(), 3U);
}

TEST(Turns, WhatCameBeforeIsNoPartOfIt) {
  const Turns turns = turns_of("xyzababab");
  EXPECT_EQ(turns.period(), 2U);
  EXPECT_EQ(turns.repeated(2), 4U);
  EXPECT_EQ(turns.steps(), 9U);
}

TEST(Turns, AnotherSymbolEndsIt) {
  EXPECT_EQ(turns_of("ababababx").period(), 0U);
  EXPECT_EQ(turns_of("ababababxab").period(), 0U);
  EXPECT_FALSE(turns_of("ababx").is_repeated());
  EXPECT_TRUE(turns_of("ababxa").is_repeated());
}

TEST(Turns, UpToSixteen) {
  constexpr std::string_view kSixteen = "abcdefghijklmnop", kSeventeen = "abcdefghijklmnopq";
  Turns sixteen, seventeen;
  for (int turn = 0; turn < 3; ++turn) {
    for (const char letter : kSixteen) sixteen.step(static_cast<std::uint32_t>(letter));
    for (const char letter : kSeventeen) seventeen.step(static_cast<std::uint32_t>(letter));
  }
  EXPECT_EQ(sixteen.period(), 16U);
  EXPECT_EQ(seventeen.period(), 0U);
}

TEST(Turns, ResetForgetsAll) {
  Turns turns = turns_of("aaa");
  turns.reset();
  EXPECT_EQ(turns.steps(), 0U);
  EXPECT_EQ(turns.repeated(1), 0U);
  turns.step('a');
  turns.step('a');
  EXPECT_EQ(turns.period(), 0U);
}

}  // namespace
}  // namespace tracebraid::analyzers::checks
