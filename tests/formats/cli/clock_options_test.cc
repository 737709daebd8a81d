#include "formats/cli/clock_options.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/support/in_zone.h"

namespace tracebraid::formats::cli {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

using tests::InZone;

std::int64_t ns(std::string_view text, Zone zone) {
  const auto time = parse_time(text, zone);
  EXPECT_TRUE(time) << text;
  return time ? time->ns : -1;
}

// Seconds are Python's: datetime(…, tzinfo=ZoneInfo(…)).timestamp().
TEST(Times, AreSecondsSince1970OrADayAndATimeOfDay) {
  const InZone zone("CET-1CEST,M3.5.0,M10.5.0/3");
  EXPECT_EQ(ns("1795417770", Zone::kUtc), 1795417770 * kSecond);
  EXPECT_EQ(ns("1795417770.2", Zone::kProcess), 1795417770 * kSecond + 200'000'000);
  EXPECT_EQ(ns("2026-11-23 07:09:30", Zone::kUtc), 1795417770 * kSecond);
  EXPECT_EQ(ns("2026-11-23T07:09:30.000000001", Zone::kUtc), 1795417770 * kSecond + 1);
  EXPECT_EQ(ns("2026-11-23 07:09:30.5", Zone::kProcess), 1795414170 * kSecond + 500'000'000);
  EXPECT_EQ(ns("2026-07-01 00:00:00", Zone::kProcess), 1782856800 * kSecond);
  EXPECT_EQ(ns("0", Zone::kUtc), 0);
}

TEST(Times, OfAnyOtherFormAreNone) {
  for (const char* const text : {"",
                                 "noon",
                                 "-1",
                                 "+1",
                                 "2026-11-23",
                                 "2026-11-23 ",
                                 "2026-11-23 07:09",
                                 "2026-02-30 07:09:30",
                                 "2026-11-23_07:09:30",
                                 "2026-11-23 24:00:00",
                                 "2026-11-23 07:60:00",
                                 "2026-11-23 07:09:61",
                                 "2026-11-23 07:09:30,5",
                                 "2026-11-23 07:09:30.5s",
                                 "2026-11-23 07:09:30.5e1",
                                 "2026-11-23 -7:09:30",
                                 "07:09:30",
                                 "1795417770s",
                                 "9000000001",
                                 "2261-12-31 00:00:00"}) {
    EXPECT_FALSE(parse_time(text, Zone::kUtc)) << text;
  }
}

TEST(Times, OfDayHaveOneOrTwoDigitsAndAPartOfASecond) {
  const auto time = parse_time_of_day("7:09:30.25");
  ASSERT_TRUE(time);
  EXPECT_EQ(time->hour, 7);
  EXPECT_EQ(time->minute, 9);
  EXPECT_EQ(time->second, 30);
  EXPECT_EQ(time->fraction_ns, 250'000'000);
  EXPECT_EQ(parse_time_of_day("00:00:00.1234567899")->fraction_ns, 123'456'789);
  for (const char* const text : {"", "7", "7:09", "7:09:", "24:00:00", "007:09:30", "07:009:30",
                                 "07:09:030", " 7:09:30", "7:09:30 ", "7.5", "7:+9:30"}) {
    EXPECT_FALSE(parse_time_of_day(text)) << text;
  }
}

TEST(Times, FallOnTheDayOfTheZone) {
  const InZone zone("EST5");
  const auto text = [](std::int64_t seconds, std::int64_t more, Zone of) {
    const CalendarDay day = day_of({seconds * kSecond + more}, of);
    return std::to_string(day.year) + "-" + std::to_string(day.month) + "-" +
           std::to_string(day.day);
  };
  EXPECT_EQ(text(1795480200, 0, Zone::kUtc), "2026-11-24");  // 00:30
  EXPECT_EQ(text(1795480200, 0, Zone::kProcess), "2026-11-23");
  EXPECT_EQ(text(0, 0, Zone::kUtc), "1970-1-1");
  EXPECT_EQ(text(0, -1, Zone::kUtc), "1969-12-31");
}

// What the C library would take for UTC without a word.
TEST(Zones, ThatNobodyKnowsAreRefused) {
  const InZone zone("UTC");
  const auto set = [](const char* name) {
    return set_zone(parse(kClockOptions, {"--tz", name}, false));
  };
  for (const char* const name :
       {"UTC", "UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT", "XYZ8", "<+0330>-3:30", ":CET-1"}) {
    EXPECT_TRUE(set(name)) << name;
  }
  for (const char* const name : {"", "Europe/Berlni", "CE-1", "CET-", "../../etc/passwd",
                                 "/etc/passwd", "/dev/null", "<+0330-3:30", "3"}) {
    EXPECT_THROW((void)set(name), io::UsageError) << name;
  }
}

}  // namespace
}  // namespace tracebraid::formats::cli
