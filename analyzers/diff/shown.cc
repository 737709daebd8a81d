#include "analyzers/diff/shown.h"

#include <cmath>

#include <fmt/format.h>

#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::diff {

std::string shown_value(Unit unit, std::int64_t value) {
  if (unit == Unit::kNs) return shown_duration(value);
  const std::uint64_t size =
      value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  std::string text = (value < 0 ? "-" : "") + shown_count(size);
  if (unit == Unit::kBytes) text.append(" B");
  return text;
}

std::string shown_change(Unit unit, std::int64_t change) {
  if (change == 0) return "=";
  return (change > 0 ? "+" : "") + shown_value(unit, change);
}

std::string shown_relative(std::int64_t a, std::int64_t b) {
  if (a <= 0) return {};
  constexpr double kTen = 10;
  constexpr double kPercent = 100;
  const double ratio = static_cast<double>(b) / static_cast<double>(a);
  if (ratio >= kTen) return "×" + shown_count(static_cast<std::uint64_t>(ratio + 0.5));
  const double percent = (ratio - 1) * kPercent;
  // What is not gone has lost less than all.
  constexpr double kNearlyGone = -99.5;
  const bool needs_digit = std::abs(percent) < kTen || (percent < kNearlyGone && b != 0);
  return fmt::format("{:+.{}f} %", percent, needs_digit ? 1 : 0);
}

std::string shown_medians(Unit unit, const Comparison& comparison) {
  const auto one = [&](const std::optional<Summary>& side) {
    return side ? shown_value(unit, side->median) : std::string("-");
  };
  const std::string medians = fmt::format("{} → {}", one(comparison.a), one(comparison.b));
  if (!comparison.is_known()) return medians;
  const std::string relative = shown_relative(comparison.a->median, comparison.b->median);
  return relative.empty() ? medians : fmt::format("{} ({})", medians, relative);
}

std::string shown_number(double number) {
  return fmt::format("{:g}", number);
}

std::string shown_p(double p) {
  constexpr double kSmall = 0.001;
  if (p < kSmall) return fmt::format("{:.1e}", p);
  constexpr double kTenth = 0.0995;
  return p < kTenth ? fmt::format("{:.2g}", p) : fmt::format("{:.2f}", p);
}

}  // namespace tracebraid::analyzers::diff
