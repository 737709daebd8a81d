#include "formats/cli/clock_options.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string>

#include "formats/io/error.h"
#include "formats/record/text.h"

namespace tracebraid::formats::cli {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

}  // namespace

std::tm broken_down(const CalendarDay& day, std::int64_t days, std::int64_t hour) {
  std::tm time{};
  time.tm_year = day.year - 1900;
  time.tm_mon = day.month - 1;
  time.tm_mday = day.day + static_cast<int>(days);
  time.tm_hour = static_cast<int>(hour);
  time.tm_isdst = -1;
  return time;
}

std::optional<CalendarDay> parse_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  CalendarDay day{};
  const auto number = [&](std::size_t at, std::size_t length, int& into) {
    const char* const begin = text.data() + at;
    const auto [end, error] = std::from_chars(begin, begin + length, into);
    return error == std::errc{} && end == begin + length;
  };
  if (!number(0, 4, day.year) || !number(5, 2, day.month) || !number(8, 2, day.day)) {
    return std::nullopt;
  }
  std::tm time = broken_down(day, 0, 12);
  // The 31st of February becomes another day.
  constexpr int kLastYear = 2261;  // whose nanoseconds fit into 64 bits
  if (day.year < 1970 || day.year > kLastYear || std::mktime(&time) == -1 ||
      time.tm_mday != day.day || time.tm_mon + 1 != day.month) {
    return std::nullopt;
  }
  return day;
}

std::optional<TimeOfDay> parse_time_of_day(std::string_view text) {
  // One or two digits, and what ends them.
  const auto number = [&](unsigned most, char end, int& into) {
    unsigned value = 0;
    const char* const begin = text.data();
    const auto [stop, error] =
        std::from_chars(begin, begin + std::min<std::size_t>(text.size(), 2), value);
    if (error != std::errc{} || value > most) return false;
    into = static_cast<int>(value);
    text.remove_prefix(static_cast<std::size_t>(stop - begin));
    if (text.empty()) return end == '.';
    if (text.front() != end) return false;
    text.remove_prefix(1);
    return true;
  };
  TimeOfDay time{};
  constexpr unsigned kLeapSecond = 60;
  if (!number(23, ':', time.hour) || !number(59, ':', time.minute) ||
      !number(kLeapSecond, '.', time.second)) {
    return std::nullopt;
  }
  std::int64_t unit = kSecond;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    unit /= 10;
    time.fraction_ns += (digit - '0') * unit;
  }
  return time;
}

record::Time time_at(const CalendarDay& day, const TimeOfDay& time, Zone zone) {
  std::tm parts = broken_down(day, 0, time.hour);
  parts.tm_min = time.minute;
  parts.tm_sec = time.second;
  const std::time_t seconds = zone == Zone::kUtc ? ::timegm(&parts) : std::mktime(&parts);
  record::Time moment{};
  // What 64 bits do not hold is as far as they go.
  if (__builtin_mul_overflow(static_cast<std::int64_t>(seconds), kSecond, &moment.ns) ||
      __builtin_add_overflow(moment.ns, time.fraction_ns, &moment.ns)) {
    moment.ns = seconds < 0 ? INT64_MIN : INT64_MAX;
  }
  return moment;
}

CalendarDay day_of(record::Time time, Zone zone) {
  // Towards the past, before 1970 too.
  const std::time_t seconds = time.ns / kSecond - (time.ns % kSecond < 0 ? 1 : 0);
  std::tm parts{};
  if (zone == Zone::kUtc) {
    ::gmtime_r(&seconds, &parts);
  } else {
    ::localtime_r(&seconds, &parts);
  }
  return {parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday};
}

std::optional<record::Time> parse_time(std::string_view text, Zone zone) {
  constexpr std::size_t kDaySize = 10;
  record::Time moment{};
  if (text.size() > kDaySize && (text[kDaySize] == ' ' || text[kDaySize] == 'T')) {
    const auto day = parse_day(text.substr(0, kDaySize));
    const auto time = parse_time_of_day(text.substr(kDaySize + 1));
    if (!day || !time) return std::nullopt;
    moment = time_at(*day, *time, zone);
  } else if (text.starts_with('-') || !record::parse_seconds(text, moment.ns)) {
    return std::nullopt;
  }
  constexpr std::int64_t kMost = 9'000'000'000 * kSecond;  // the year 2255
  return moment.ns <= kMost ? std::optional(moment) : std::nullopt;
}

bool set_zone(const Arguments& arguments) {
  const auto zone = arguments.value("tz");
  if (!zone) return false;
  ::setenv("TZ", zone->c_str(), 1);
  ::tzset();
  return true;
}

ClockOptions clock_options(const Arguments& arguments) {
  ClockOptions options;
  (void)set_zone(arguments);
  if (const auto date = arguments.value("date")) {
    options.day = parse_day(*date);
    if (!options.day) {
      throw io::UsageError{"--date: not a day such as 2026-11-23: " + io::quoted(*date)};
    }
  }
  if (const auto start = arguments.value("start")) {
    options.start = parse_time(*start, Zone::kProcess);
    if (!options.start) {
      throw io::UsageError{"--start: not a time: " + io::quoted(*start),
                           "seconds since 1970, or '2026-11-23 08:00:00'"};
    }
  }
  return options;
}

}  // namespace tracebraid::formats::cli
