#include "formats/cli/clock_options.h"

#include <charconv>
#include <cstdlib>
#include <string>

#include "formats/io/error.h"

namespace tracebraid::formats::cli {

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

record::Time parse_time(std::string_view text, std::string_view option) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const auto fail = [&]() -> record::Time {
    throw io::UsageError{"--" + std::string(option) + ": not a time: " + io::quoted(text),
                         "seconds since 1970, or '2026-11-23 08:00:00'"};
  };
  std::string_view rest = text;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), seconds);
  if (error != std::errc{} || seconds < 0) return fail();
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  if (rest.starts_with('-')) {
    const std::optional<CalendarDay> day = parse_day(text.substr(0, 10));
    if (!day || text.size() < 19 || (text[10] != ' ' && text[10] != 'T')) return fail();
    std::tm time{};
    const std::string clock(text.substr(11, 8));
    const char* const behind = ::strptime(clock.c_str(), "%H:%M:%S", &time);
    if (behind == nullptr || *behind != '\0') return fail();
    time.tm_year = day->year - 1900;
    time.tm_mon = day->month - 1;
    time.tm_mday = day->day;
    time.tm_isdst = -1;
    seconds = static_cast<std::int64_t>(std::mktime(&time));
    rest = text.substr(19);
  }
  if (seconds > 9'000'000'000) return fail();
  std::int64_t fraction = 0;
  if (rest.starts_with('.')) {
    std::int64_t unit = kSecond;
    rest.remove_prefix(1);
    while (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') {
      unit /= 10;
      fraction += (rest[0] - '0') * unit;
      rest.remove_prefix(1);
    }
  }
  if (!rest.empty()) return fail();
  return {seconds * kSecond + fraction};
}

namespace {

void set_zone(const Arguments& arguments) {
  const auto zone = arguments.value("tz");
  if (!zone) return;
  ::setenv("TZ", zone->c_str(), 1);
  ::tzset();
}

}  // namespace

std::optional<record::Time> time_option(const Arguments& arguments, std::string_view name) {
  const auto text = arguments.value(name);
  if (!text) return std::nullopt;
  set_zone(arguments);
  return parse_time(*text, name);
}

ClockOptions clock_options(const Arguments& arguments) {
  ClockOptions options;
  set_zone(arguments);
  if (const auto date = arguments.value("date")) {
    options.day = parse_day(*date);
    if (!options.day) {
      throw io::UsageError{"--date: not a day such as 2026-11-23: " + io::quoted(*date)};
    }
  }
  if (const auto start = arguments.value("start")) options.start = parse_time(*start, "start");
  return options;
}

}  // namespace tracebraid::formats::cli
