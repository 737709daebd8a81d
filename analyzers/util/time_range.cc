#include "analyzers/util/time_range.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "formats/io/error.h"
#include "formats/record/text.h"

namespace tracebraid::analyzers {

namespace cli = formats::cli;
namespace record = formats::record;

TimeRange::TimeRange(const cli::Arguments& arguments, UntilIs until)
    : zone_(cli::set_zone(arguments) ? cli::Zone::kProcess : cli::Zone::kUtc),
      until_is_(until),
      since_(end_option(arguments, "since")),
      until_(end_option(arguments, "until")),
      is_all_(std::holds_alternative<std::monostate>(since_) &&
              std::holds_alternative<std::monostate>(until_)) {}

TimeRange::End TimeRange::end_option(const cli::Arguments& arguments, std::string_view name) const {
  const auto text = arguments.value(name);
  if (!text) return {};
  if (const auto moment = cli::parse_time(*text, zone_)) return *moment;
  if (const auto time = cli::parse_time_of_day(*text)) return *time;
  AfterFirst after{};
  if (text->starts_with('+') && record::parse_seconds(text->substr(1), after.ns) && after.ns >= 0) {
    return after;
  }
  throw formats::io::UsageError{
      "--" + std::string(name) + ": not a time: " + formats::io::quoted(*text),
      "1795417770.2, '2026-11-23 07:09:30.2' or 07:09:30.2 (of --tz, else UTC), or +5 from the "
      "first record"};
}

std::optional<std::int64_t> TimeRange::resolved(const End& end, std::int64_t first_ts) const {
  if (const auto* const moment = std::get_if<record::Time>(&end)) return moment->ns;
  if (const auto* const time = std::get_if<cli::TimeOfDay>(&end)) {
    return cli::time_at(cli::day_of({first_ts}, zone_), *time, zone_).ns;
  }
  if (const auto* const after = std::get_if<AfterFirst>(&end)) {
    std::int64_t ns = 0;
    // Further than times go is open.
    if (!__builtin_add_overflow(first_ts, after->ns, &ns)) return ns;
    return std::numeric_limits<std::int64_t>::max();
  }
  return std::nullopt;
}

void TimeRange::begin(std::int64_t first_ts) {
  has_first_ = true;
  since_ns_ = resolved(since_, first_ts).value_or(since_ns_);
  if (const auto until = resolved(until_, first_ts)) {
    last_ns_ = until_is_ == UntilIs::kInside ? *until : std::max(*until, INT64_MIN + 1) - 1;
  }
}

}  // namespace tracebraid::analyzers
