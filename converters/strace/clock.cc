#include "converters/strace/clock.h"

#include <ctime>

#include "formats/io/farthest.h"
#include "formats/io/saturate.h"

namespace tracebraid::converters::strace {
namespace {

namespace io = formats::io;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;

}  // namespace

std::int64_t Clock::local(std::int64_t day, std::int64_t hour) {
  if (day * 24 + hour != known_hour_) {
    std::tm time = formats::cli::broken_down(*first_, day, hour);
    known_hour_ = day * 24 + hour;
    // Of an hour that the end of summer time repeats, the first unless the log has gone back.
    std::tm summer = time;
    summer.tm_isdst = 1;
    std::tm winter = time;
    winter.tm_isdst = 0;
    const bool is_repeated = std::mktime(&summer) + kHour / kSecond == std::mktime(&winter) &&
                             summer.tm_isdst == 1 && winter.tm_isdst == 0;
    if (is_repeated) time.tm_isdst = is_repeating_ ? 0 : 1;
    // A log that goes on for longer is none: its clock stands still.
    const auto seconds = static_cast<std::int64_t>(std::mktime(&time));
    constexpr std::int64_t kMost = (io::kFarthestNs - kDay) / kSecond;
    if (seconds >= -kMost && seconds <= kMost) known_ns_ = seconds * kSecond;
  }
  return known_ns_;
}

bool Clock::read_other(const formats::strace::Prefix& prefix, std::int64_t& ns) {
  switch (prefix.stamp) {
    case formats::strace::Stamp::kTimeOfDay: {
      kind_ = kTimeOfDay;
      if (!first_) {
        if (options_.day) {
          first_ = options_.day;
        } else {
          has_assumed_day_ = true;
          const std::time_t modified =
              modified_ ? static_cast<std::time_t>(*modified_) : std::time(nullptr);
          std::tm time{};
          ::localtime_r(&modified, &time);
          const std::int64_t time_of_day =
              ((time.tm_hour * 60LL + time.tm_min) * 60 + time.tm_sec) * kSecond;
          first_ = CalendarDay{time.tm_year + 1900, time.tm_mon + 1, time.tm_mday};
          // A second for the part of it that a file's time may lack.
          if (prefix.time_ns >= time_of_day + kSecond) --first_->day;
        }
      }
      if (last_time_of_day_ >= 0) {
        if (prefix.time_ns < last_time_of_day_ - kDay / 2) ++day_;
        if (prefix.time_ns > last_time_of_day_ + kDay / 2) --day_;
        // Lines that were printed late are so by less than half an hour.
        const std::int64_t step = prefix.time_ns - last_time_of_day_;
        const bool is_back = step < -kHour / 2 && step > -kDay / 2;
        const bool is_forth = step > kHour / 2 && step < kDay / 2;
        if (is_back || (is_repeating_ && is_forth)) {
          is_repeating_ = is_back;
          known_hour_ = INT64_MIN;
        }
      }
      last_time_of_day_ = prefix.time_ns;
      const std::int64_t hour = prefix.time_ns / kHour;
      ns = local(day_, hour) + prefix.time_ns % kHour;
      return true;
    }
    case formats::strace::Stamp::kEpoch:
    case formats::strace::Stamp::kNone:
      break;
  }
  if (!prefix.has_delta) {
    kind_ = kNone;
    return false;
  }
  kind_ = options_.start ? kEpoch : kStart;
  const std::int64_t start_ns = options_.start ? options_.start->ns : 0;
  // What leads too far is not counted.
  const std::int64_t elapsed_ns = io::saturated_sum(elapsed_ns_, prefix.delta_ns);
  if (!io::is_too_far(io::saturated_sum(start_ns, elapsed_ns))) elapsed_ns_ = elapsed_ns;
  ns = start_ns + elapsed_ns_;
  return true;
}

}  // namespace tracebraid::converters::strace
