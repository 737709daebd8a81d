#include "converters/strace/clock.h"

#include <ctime>

namespace tracebraid::converters::strace {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;

}  // namespace

std::int64_t Clock::local(std::int64_t day, std::int64_t hour) {
  if (day * 24 + hour != known_hour_) {
    std::tm time = formats::cli::broken_down(*first_, day, hour);
    known_hour_ = day * 24 + hour;
    // A log that goes on beyond what 64 bits hold is none: its clock stands still.
    std::int64_t ns = 0;
    if (!__builtin_mul_overflow(static_cast<std::int64_t>(std::mktime(&time)), kSecond, &ns) &&
        ns <= INT64_MAX - kDay) {
      known_ns_ = ns;
    }
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
  // What does not fit into 64 bits is not counted.
  std::int64_t elapsed_ns = 0;
  if (!__builtin_add_overflow(elapsed_ns_, prefix.delta_ns, &elapsed_ns) &&
      !__builtin_add_overflow(start_ns, elapsed_ns, &ns)) {
    elapsed_ns_ = elapsed_ns;
  } else {
    ns = start_ns + elapsed_ns_;
  }
  return true;
}

}  // namespace tracebraid::converters::strace
