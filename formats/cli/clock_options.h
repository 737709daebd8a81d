// Options about clocks: rows for the option table of every program that reads strace logs, which
// may lack dates, and times and days as every program takes them.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string_view>

#include "formats/cli/program.h"
#include "formats/record/value.h"

namespace tracebraid::formats::cli {

inline constexpr Option kClockOptions[] = {
    {0, "date", Argument::kText, "DATE", "Input",
     "day of the first line, for strace logs of -t and -tt",
     "Such as 2026-11-23. Default: the latest day that fits when the log was last written."},
    {0, "tz", Argument::kText, "ZONE", "Input", "time zone of strace logs of -t and -tt",
     "Such as Europe/Berlin or UTC. Default: the machine's."},
    {0, "start", Argument::kText, "TIME", "Input", "when the log began, for strace logs of -r",
     "Seconds since 1970, or '2026-11-23 08:00:00'."},
};

struct CalendarDay {
  int year, month, day;
};

// The day `days` later at this hour, for std::mktime.
[[nodiscard]] std::tm broken_down(const CalendarDay& day, std::int64_t days, std::int64_t hour);

// What a clock on the wall shows.
struct TimeOfDay {
  int hour, minute, second;
  std::int64_t fraction_ns;
};

// Where a day begins.
enum class Zone : std::uint8_t {
  kUtc,
  kProcess,  // TZ's, which --tz sets
};

// "2026-11-23"; nothing for anything else.
[[nodiscard]] std::optional<CalendarDay> parse_day(std::string_view text);

// "08:00:00.5"; nothing for anything else.
[[nodiscard]] std::optional<TimeOfDay> parse_time_of_day(std::string_view text);

// Seconds since 1970, or "2026-11-23 08:00:00.5", also with a T; nothing for anything else.
[[nodiscard]] std::optional<record::Time> parse_time(std::string_view text, Zone zone);

[[nodiscard]] record::Time time_at(const CalendarDay& day, const TimeOfDay& time, Zone zone);
[[nodiscard]] CalendarDay day_of(record::Time time, Zone zone);

// What --tz names becomes the zone of the process. False when it was not given.
bool set_zone(const Arguments& arguments);

// What kClockOptions say.
struct ClockOptions {
  std::optional<CalendarDay> day;     // of the first line, for -t and -tt
  std::optional<record::Time> start;  // of the first line, for -r
};

// With --tz as set_zone() has it. Throws UsageError.
[[nodiscard]] ClockOptions clock_options(const Arguments& arguments);

}  // namespace tracebraid::formats::cli
