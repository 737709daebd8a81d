#include "analyzers/util/shown_time.h"

#include <cstdio>
#include <ctime>

namespace tracebraid::analyzers {

std::string shown_time(std::int64_t ns, bool with_day) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t whole = ns / kSecond;
  std::int64_t rest = ns % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --whole;
  }
  const auto seconds = static_cast<std::time_t>(whole);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char day[32];
  const std::size_t day_size =
      with_day ? std::strftime(day, sizeof day, "%Y-%m-%d ", &parts) : std::size_t{0};
  char room[64];
  const int size = std::snprintf(room, sizeof room, "%02d:%02d:%02d.%06lld", parts.tm_hour,
                                 parts.tm_min, parts.tm_sec, static_cast<long long>(rest / 1000));
  return std::string(day, day_size).append(room, static_cast<std::size_t>(size));
}

}  // namespace tracebraid::analyzers
