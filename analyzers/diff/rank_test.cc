#include "analyzers/diff/rank_test.h"

#include <algorithm>
#include <cmath>

namespace tracebraid::analyzers::diff {

double RankTest::p(std::span<const std::int64_t> a, std::span<const std::int64_t> b) {
  const std::size_t count = a.size() + b.size();
  if (a.empty() || b.empty()) return 1;
  if (a.size() > b.size()) std::swap(a, b);  // the sums differ from their means by the same
  std::vector<std::pair<std::int64_t, bool>> values;  // whether it is a's
  values.reserve(count);
  for (const std::int64_t value : a) values.emplace_back(value, true);
  for (const std::int64_t value : b) values.emplace_back(value, false);
  std::ranges::sort(values);
  if (values.front().first == values.back().first) return 1;

  Ranks ranks(count);
  std::int64_t sum = 0;  // twice that of a's ranks
  double ties = 0;       // sum of n^3 - n over groups of n equal values
  for (std::size_t begin = 0; begin < count;) {
    std::size_t end = begin + 1;
    while (end < count && values[end].first == values[begin].first) ++end;
    for (std::size_t at = begin; at < end; ++at) {
      ranks[at] = static_cast<std::uint32_t>(begin + 1 + end);
      if (values[at].second) sum += ranks[at];
    }
    const auto equal = static_cast<double>(end - begin);
    ties += equal * equal * equal - equal;
    begin = end;
  }
  const auto mean = static_cast<std::int64_t>(a.size() * (count + 1));
  const std::int64_t distance = std::abs(sum - mean);

  if (count * a.size() * count * (count + 1) > kMostSteps) {
    const auto n = static_cast<double>(count);
    const double variance = static_cast<double>(a.size()) * static_cast<double>(b.size()) / 12 *
                            (n + 1 - ties / (n * (n - 1)));
    // Half a step of the ranks for continuity.
    const double z = std::max(0.0, static_cast<double>(distance) / 2 - 0.5) / std::sqrt(variance);
    return std::min(1.0, std::erfc(z / std::sqrt(2.0)));
  }
  const std::vector<double>& of_sum = ways(ranks, a.size());
  double all = 0;
  double as_far = 0;
  for (std::size_t at = 0; at < of_sum.size(); ++at) {
    all += of_sum[at];
    if (std::abs(static_cast<std::int64_t>(at) - mean) >= distance) as_far += of_sum[at];
  }
  return as_far / all;
}

double RankTest::least_p(std::size_t a, std::size_t b) {
  if (a == 0 || b == 0) return 1;
  double ways = 1;  // of choosing a from a + b
  for (std::size_t at = 1; at <= a; ++at) {
    ways *= static_cast<double>(b + at) / static_cast<double>(at);
  }
  return std::min(1.0, 2 / ways);
}

const std::vector<double>& RankTest::ways(const Ranks& ranks, std::size_t chosen) {
  constexpr std::size_t kMostKept = 1000;
  if (ways_.size() >= kMostKept) ways_.clear();
  const auto [found, is_new] = ways_.try_emplace({chosen, ranks});
  if (!is_new) return found->second;
  // of[n][s]: ways to choose n of the values so far whose ranks add up to s.
  const std::size_t most = ranks.size() * (ranks.size() + 1);
  std::vector<std::vector<double>> of(chosen + 1, std::vector<double>(most + 1));
  of[0][0] = 1;
  for (const std::uint32_t rank : ranks) {
    for (std::size_t n = chosen; n > 0; --n) {
      for (std::size_t sum = most; sum >= rank; --sum) of[n][sum] += of[n - 1][sum - rank];
    }
  }
  found->second = std::move(of[chosen]);
  return found->second;
}

}  // namespace tracebraid::analyzers::diff
