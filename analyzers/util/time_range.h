// The part of the time that --since and --until cut out, in one language for all analyzers that
// have them:
//
//   1795417770.2             seconds since 1970
//   2026-11-23 07:09:30.2    also with a T instead of the blank
//   07:09:30.2               of the day of the first record
//   +5                       seconds after the first record
//
// Days and times of day are UTC's, as analyzers show them, or those of the zone that --tz names:
// both the same, and never the machine's, so that a line tells the same on every machine.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <variant>

#include "formats/cli/clock_options.h"
#include "formats/cli/program.h"

namespace tracebraid::analyzers {

// Whether the moment that --until names still belongs to the range; --since's does.
enum class UntilIs : std::uint8_t { kInside, kOutside };

// Rows for an analyzer's option table.
[[nodiscard]] constexpr formats::cli::Option since_option(std::string_view group,
                                                          std::string_view brief) {
  return {0,
          "since",
          formats::cli::Argument::kText,
          "TIME",
          group,
          brief,
          "Seconds since 1970; '2026-11-23 08:00:00'; 08:00:00 of the first record's day; or +5: "
          "seconds after the first record. A part of a second may follow. Days and times of day "
          "are UTC, or in the zone of --tz."};
}
[[nodiscard]] constexpr formats::cli::Option until_option(std::string_view group,
                                                          std::string_view brief,
                                                          std::string_view detail = {}) {
  return {0, "until", formats::cli::Argument::kText, "TIME", group, brief, detail};
}

class TimeRange {
 public:
  // All of it.
  TimeRange() = default;
  // Throws UsageError.
  TimeRange(const formats::cli::Arguments& arguments, UntilIs until);

  // Neither end was given.
  [[nodiscard]] bool is_all() const { return is_all_; }

  // To be told of every record with a time before has() is asked; what is counted from the first
  // one becomes known with that.
  void note(std::int64_t ts) {
    if (!has_first_) begin(ts);
  }

  // Whether what lasted from `begin_ts` to `end_ts` has a part in it; ns since 1970.
  [[nodiscard]] bool has(std::int64_t begin_ts, std::int64_t end_ts) const {
    return end_ts >= since_ns_ && begin_ts <= last_ns_;
  }
  [[nodiscard]] bool has(std::int64_t ts) const { return has(ts, ts); }

 private:
  struct AfterFirst {
    std::int64_t ns;
  };
  // As it was given; nothing: the range is open.
  using End =
      std::variant<std::monostate, formats::record::Time, formats::cli::TimeOfDay, AfterFirst>;

  [[nodiscard]] End end_option(const formats::cli::Arguments& arguments,
                               std::string_view name) const;
  [[nodiscard]] std::optional<std::int64_t> resolved(const End& end, std::int64_t first_ts) const;
  void begin(std::int64_t first_ts);

  formats::cli::Zone zone_ = formats::cli::Zone::kUtc;
  UntilIs until_is_ = UntilIs::kInside;
  End since_, until_;
  bool is_all_ = true;
  bool has_first_ = false;
  std::int64_t since_ns_ = std::numeric_limits<std::int64_t>::min();
  std::int64_t last_ns_ = std::numeric_limits<std::int64_t>::max();
};

}  // namespace tracebraid::analyzers
