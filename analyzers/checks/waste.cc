#include "analyzers/checks/waste.h"

#include "analyzers/util/shown.h"
#include "formats/io/saturate.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::checks {

void CallSum::add(const CallEvent& event) {
  if (count++ == 0) {
    first.set(event);
    first_ts = event.begin;
  }
  last_ts = event.end;
  if (!event.call.duration) return;
  ++timed;
  took_ns = formats::io::saturated_sum(took_ns, event.call.duration->ns);
}

std::string CallSum::shown_time() const {
  if (timed == count && count > 0) {
    std::string text = ": they took " + shown_duration(took_ns);
    const bool has_span = first_ts && last_ts && *last_ts > *first_ts;
    if (!has_span) return text;
    constexpr std::int64_t kAll = 100;
    const std::int64_t percent = took_ns * kAll / (*last_ts - *first_ts);
    return text + ", " + std::to_string(percent) + " % of the time from the first to the last";
  }
  if (!first_ts || !last_ts || *last_ts <= *first_ts) return {};
  return ", in " + shown_duration(*last_ts - *first_ts) + " from the first to the last";
}

bool CallSum::is_slower_than(std::int64_t per_second) const {
  if (!first_ts || !last_ts) return false;
  constexpr std::int64_t kSecond = 1'000'000'000;
  return static_cast<std::int64_t>(count) * kSecond < per_second * (*last_ts - *first_ts);
}

Finding CallSum::finding(const Scene& scene) const {
  Finding finding = first.finding(scene);
  finding.severity = Severity::kNote;
  finding.count = count;
  finding.last_ts = last_ts;
  return finding;
}

bool is_much(std::uint64_t count, std::uint64_t many, std::uint64_t few, std::uint64_t of_calls,
             std::uint64_t percent) {
  constexpr std::uint64_t kAll = 100;
  return count >= many || (count >= few && count * kAll >= of_calls * percent);
}

}  // namespace tracebraid::analyzers::checks
