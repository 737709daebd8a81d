#include "analyzers/util/shown.h"

#include <cstdio>

namespace tracebraid::analyzers {

std::string shown_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  constexpr std::size_t kGroup = 3;
  for (std::size_t at = digits.size(); at > kGroup;) {
    at -= kGroup;
    digits.insert(at, ",");
  }
  return digits;
}

std::string shown_duration(std::int64_t ns) {
  if (ns < 0) return "-" + shown_duration(-ns);
  struct Unit {
    std::int64_t from, ns;
    const char* name;
  };
  constexpr Unit kUnits[] = {
      {999'500'000, 1'000'000'000, " s"}, {99'500, 1'000'000, " ms"}, {1000, 1000, " µs"}};
  for (const Unit& unit : kUnits) {
    if (ns < unit.from) continue;
    // Three digits tell enough.
    const double value = static_cast<double>(ns) / static_cast<double>(unit.ns);
    constexpr double kTen = 10;
    constexpr double kHundred = 100;
    const int decimals = value < kTen ? 2 : value < kHundred ? 1 : 0;
    if (decimals == 0) return shown_count(static_cast<std::uint64_t>(value + 0.5)) + unit.name;
    char room[32];
    const int size = std::snprintf(room, sizeof room, "%.*f", decimals, value);
    return std::string(room, static_cast<std::size_t>(size)) + unit.name;
  }
  return ns == 0 ? "0 s" : std::to_string(ns) + " ns";
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return shown_count(count) + " " + std::string(count == 1 ? one : many);
}

}  // namespace tracebraid::analyzers
