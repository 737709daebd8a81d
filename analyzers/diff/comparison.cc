#include "analyzers/diff/comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace tracebraid::analyzers::diff {
namespace {

__extension__ using Int128 = __int128;

std::int64_t saturated(Int128 value) {
  constexpr Int128 kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr Int128 kMost = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp(value, kLeast, kMost));
}

}  // namespace

Summary summary(std::span<const std::int64_t> values) {
  if (values.empty()) return {};
  std::vector<std::int64_t> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  const std::int64_t low = sorted[(sorted.size() - 1) / 2];
  const std::int64_t high = sorted[sorted.size() / 2];
  return {std::midpoint(low, high), sorted.front(), sorted.back(), sorted.size()};
}

std::int64_t Comparison::change() const {
  return is_known() ? saturated(Int128{b->median} - a->median) : 0;
}

double Comparison::weight() const {
  if (!is_known()) return 0;
  const auto from = static_cast<double>(a->median);
  const auto to = static_cast<double>(b->median);
  const double sum = std::abs(from) + std::abs(to);
  return sum == 0 ? 0 : (to - from) * (to - from) / sum;
}

Comparison compare(std::span<const std::int64_t> a, std::span<const std::int64_t> b, double alpha,
                   RankTest& test) {
  Comparison result;
  if (!a.empty()) result.a = summary(a);
  if (!b.empty()) result.b = summary(b);
  if (!result.is_known() || (a.size() == 1 && b.size() == 1)) return result;
  result.p = test.p(a, b);
  constexpr double kRounding = 1 + 1e-12;
  if (RankTest::least_p(a.size(), b.size()) > alpha * kRounding) {
    const bool is_apart = result.a->most < result.b->least || result.b->most < result.a->least;
    result.evidence = is_apart ? Evidence::kApart : Evidence::kOverlap;
  } else {
    result.evidence = *result.p <= alpha * kRounding ? Evidence::kSignificant : Evidence::kNoise;
  }
  return result;
}

std::optional<std::int64_t> millionths(std::int64_t change, std::int64_t of) {
  if (of == 0) return std::nullopt;
  constexpr Int128 kMillion = 1'000'000;
  return saturated(Int128{change} * kMillion / of);
}

}  // namespace tracebraid::analyzers::diff
