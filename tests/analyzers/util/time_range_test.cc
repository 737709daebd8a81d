#include "analyzers/util/time_range.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "formats/io/error.h"
#include "tests/support/in_zone.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kFirst = 1795417769 * kSecond;  // 2026-11-23 07:09:29 UTC

constexpr cli::Option kOptions[] = {since_option("Time", "since"), until_option("Time", "until"),
                                    cli::kClockOptions[1]};

TimeRange range(const std::vector<std::string>& words, UntilIs until = UntilIs::kInside) {
  return {cli::parse(kOptions, words), until};
}

// The first moment of the range, for one that begins with `seconds`.
void expect_begin(const std::vector<std::string>& words, std::int64_t ns) {
  TimeRange of = range(words);
  of.note(kFirst);
  EXPECT_FALSE(of.has(ns - 1)) << words.back();
  EXPECT_TRUE(of.has(ns)) << words.back();
}

// In a machine's zone that is not to matter; --tz's is the process's from then on.
class TimeRangeTest : public testing::Test {
  tests::InZone zone_{"EST5"};
};

TEST_F(TimeRangeTest, BeginsWhereEveryFormOfSinceSays) {
  constexpr std::int64_t kWanted = 1795417770 * kSecond + kSecond / 2;
  for (const char* const text :
       {"1795417770.5", "2026-11-23 07:09:30.5", "2026-11-23T07:09:30.5", "07:09:30.5", "+1.5"}) {
    expect_begin({"--since", text}, kWanted);
  }
}

TEST_F(TimeRangeTest, TakesDaysAndTimesOfDayInTheSameZone) {
  constexpr std::int64_t kWanted = 1795417770 * kSecond;
  expect_begin({"--tz", "CET-1", "--since", "2026-11-23 08:09:30"}, kWanted);
  expect_begin({"--tz", "CET-1", "--since", "08:09:30"}, kWanted);
  expect_begin({"--tz", "UTC", "--since", "07:09:30"}, kWanted);
  // The first record's day is the 22nd there.
  expect_begin({"--tz", "XYZ8", "--since", "23:09:30"}, kWanted);
}

TEST_F(TimeRangeTest, EndsAtUntilOrBeforeIt) {
  for (const char* const text : {"1795417770", "2026-11-23 07:09:30", "07:09:30", "+1"}) {
    for (const UntilIs until : {UntilIs::kInside, UntilIs::kOutside}) {
      TimeRange of = range({"--until", text}, until);
      of.note(kFirst);
      EXPECT_TRUE(of.has(kFirst + kSecond - 1)) << text;
      EXPECT_EQ(of.has(kFirst + kSecond), until == UntilIs::kInside) << text;
      EXPECT_FALSE(of.has(kFirst + kSecond + 1)) << text;
    }
  }
}

TEST_F(TimeRangeTest, HasWhatLastsInToIt) {
  TimeRange of = range({"--since", "+1", "--until", "+2"});
  of.note(kFirst);
  EXPECT_TRUE(of.has(kFirst, kFirst + kSecond));
  EXPECT_TRUE(of.has(kFirst, kFirst + 5 * kSecond));
  EXPECT_TRUE(of.has(kFirst + 2 * kSecond, kFirst + 5 * kSecond));
  EXPECT_FALSE(of.has(kFirst, kFirst + kSecond - 1));
  EXPECT_FALSE(of.has(kFirst + 2 * kSecond + 1, kFirst + 5 * kSecond));
}

TEST_F(TimeRangeTest, CountsFromTheFirstRecordAlone) {
  TimeRange of = range({"--since", "+1"});
  of.note(kFirst);
  of.note(kFirst + 5 * kSecond);
  of.note(kFirst - 5 * kSecond);
  EXPECT_TRUE(of.has(kFirst + kSecond));
  EXPECT_FALSE(of.has(kFirst + kSecond - 1));
}

TEST_F(TimeRangeTest, IsAllWithoutEnds) {
  const TimeRange of = range({});
  EXPECT_TRUE(of.is_all());
  EXPECT_TRUE(of.has(INT64_MIN));
  EXPECT_TRUE(of.has(INT64_MAX));
  EXPECT_FALSE(range({"--since", "0"}).is_all());
  EXPECT_FALSE(range({"--until", "+0"}).is_all());
}

TEST_F(TimeRangeTest, IsOpenBeyondWhatTimesHold) {
  TimeRange of = range({"--until", "+9000000000"}, UntilIs::kOutside);
  of.note(kFirst);
  EXPECT_TRUE(of.has(INT64_MAX - 1));
  TimeRange early = range({"--since", "07:09:30", "--until", "07:09:31"}, UntilIs::kOutside);
  early.note(INT64_MIN);
  EXPECT_FALSE(early.has(kFirst));
}

TEST_F(TimeRangeTest, RefusesWhatIsNoTime) {
  for (const char* const text : {"noon", "", "+", "+-1", "+x", "-1", "7:09", "25:00:00",
                                 "2026-02-30 08:00:00", "2026-11-23", "1795417770 "}) {
    try {
      (void)range({"--until", text});
      ADD_FAILURE() << text;
    } catch (const formats::io::UsageError& error) {
      EXPECT_TRUE(error.what.starts_with("--until: not a time: ")) << error.what;
      EXPECT_NE(error.hint.find("+5"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace tracebraid::analyzers
