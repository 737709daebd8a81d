#include "formats/cli/clock_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <string>

#include "formats/io/digits.h"
#include "formats/io/error.h"
#include "formats/io/farthest.h"
#include "formats/record/text.h"

namespace tracebraid::formats::cli {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT", "<+0330>-3:30": letters and an offset, POSIX's own form
// of TZ (environment variables in its base definitions); what follows the offset is not checked.
bool is_posix_zone(std::string_view zone) {
  const bool is_quoted = zone.starts_with('<');
  std::size_t at = is_quoted ? 1 : 0;
  const auto is_of_name = [&](char c) {
    const bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return is_letter || (is_quoted && (io::is_digit(c) || c == '+' || c == '-'));
  };
  const std::size_t begin = at;
  while (at < zone.size() && is_of_name(zone[at])) ++at;
  constexpr std::size_t kShortest = 3;
  if (at - begin < kShortest) return false;
  if (is_quoted && (at == zone.size() || zone[at++] != '>')) return false;
  if (at < zone.size() && (zone[at] == '+' || zone[at] == '-')) ++at;
  return at < zone.size() && io::is_digit(zone[at]);
}

// A file of the time zone database (RFC 8536).
bool is_zone_file(const std::string& zone) {
  if (zone.empty() || zone.find("..") != std::string::npos) return false;
  const char* const folder = std::getenv("TZDIR");
  const std::string path =
      zone.starts_with('/')
          ? zone
          : std::string(folder != nullptr ? folder : "/usr/share/zoneinfo") + "/" + zone;
  std::array<char, 4> magic{};
  std::ifstream file(path, std::ios::binary);
  return file.read(magic.data(), magic.size()) &&
         std::string_view(magic.data(), magic.size()) == "TZif";
}

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
  constexpr int kLastYear = 2114;  // io::kFarthestNs is in the next
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
  constexpr std::int64_t kMost = io::kFarthestNs / kSecond;
  return {std::clamp<std::int64_t>(seconds, -kMost, kMost) * kSecond + time.fraction_ns};
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
  return io::is_too_far(moment.ns) ? std::nullopt : std::optional(moment);
}

bool set_zone(const Arguments& arguments) {
  const auto zone = arguments.value("tz");
  if (!zone) return false;
  // The C library takes what it does not know for UTC.
  const std::string_view name = std::string_view(*zone).substr(zone->starts_with(':') ? 1 : 0);
  if (name != "UTC" && name != "UTC0" && !is_zone_file(std::string(name)) && !is_posix_zone(name)) {
    throw io::UsageError{"--tz: no such time zone: " + io::quoted(*zone),
                         "such as Europe/Berlin (of the package tzdata), or CET-1CEST"};
  }
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
