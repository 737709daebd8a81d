// From what strace prints in front of a line to nanoseconds since 1970.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/cli/clock_options.h"
#include "formats/strace/line.h"

namespace tracebraid::converters::strace {

using formats::cli::CalendarDay;
using formats::cli::ClockOptions;

// Times of day are taken for the zone of the process (TZ). A day begins when they jump back by more
// than half a day; small steps back are lines that were printed late (-z).
class Clock {
 public:
  explicit Clock(const ClockOptions& options) : options_(options) {}

  // When the log was last written to, in seconds since 1970: without ClockOptions::day, the first
  // line is of the latest day on which its time was not after that.
  void set_modified(std::int64_t seconds) { modified_ = seconds; }

  // The time of a line in nanoseconds; false when the line has none. -r's are added up.
  [[nodiscard]] bool read(const formats::strace::Prefix& prefix, std::int64_t& ns) {
    if (prefix.stamp != formats::strace::Stamp::kEpoch) return read_other(prefix, ns);
    kind_ = kEpoch;
    ns = prefix.time_ns;
    return true;
  }

  // Of the time that read() gave last: epoch, time_of_day, start, or empty.
  [[nodiscard]] std::string_view kind() const { return kKinds[kind_]; }
  // Whether the day was taken from when the log was written.
  [[nodiscard]] bool has_assumed_day() const { return has_assumed_day_; }

 private:
  enum Kind : std::uint8_t { kNone, kEpoch, kTimeOfDay, kStart };
  static constexpr std::string_view kKinds[] = {"", "epoch", "time_of_day", "start"};

  [[nodiscard]] bool read_other(const formats::strace::Prefix& prefix, std::int64_t& ns);
  [[nodiscard]] std::int64_t local(std::int64_t day, std::int64_t hour);

  ClockOptions options_;
  std::optional<std::int64_t> modified_;
  Kind kind_ = kNone;
  std::optional<CalendarDay> first_;
  bool has_assumed_day_ = false;
  std::int64_t day_ = 0;  // since the first
  std::int64_t last_time_of_day_ = -1;
  bool is_repeating_ = false;            // the hour that summer time's end repeats
  std::int64_t known_hour_ = INT64_MIN;  // day * 24 + hour whose begin is known_ns_
  std::int64_t known_ns_ = 0;
  std::int64_t elapsed_ns_ = 0;
};

}  // namespace tracebraid::converters::strace
