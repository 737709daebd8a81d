// Two sides' values of one measure, and what can be told of their difference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "analyzers/diff/rank_test.h"

namespace tracebraid::analyzers::diff {

enum class Evidence : std::uint8_t {
  kOneRun,  // a side: how much runs differ by themselves is not known
  // By the rank test: p is at most alpha, or not.
  kSignificant,
  kNoise,
  // So few runs that no p could be that small: whether the sides' ranges touch.
  kApart,
  kOverlap,
};
inline constexpr std::string_view kEvidenceNames[] = {"one_run", "significant", "noise", "apart",
                                                      "overlap"};

// One side's.
struct Summary {
  std::int64_t median = 0;  // of an even number, the middle of the two in the middle, rounded down
  std::int64_t least = 0, most = 0;
  std::size_t runs = 0;
};

[[nodiscard]] Summary summary(std::span<const std::int64_t> values);

struct Comparison {
  std::optional<Summary> a, b;  // nothing: no run of the side tells
  Evidence evidence = Evidence::kOneRun;
  std::optional<double> p;  // two runs or more

  [[nodiscard]] bool is_known() const { return a && b; }
  // Of the medians; saturated.
  [[nodiscard]] std::int64_t change() const;
  [[nodiscard]] bool may_be_noise() const {
    return evidence == Evidence::kNoise || evidence == Evidence::kOverlap;
  }
  // The larger, the more it matters: the change times its share of what both have together.
  [[nodiscard]] double weight() const;
};

// `alpha` is the largest p that is significant.
[[nodiscard]] Comparison compare(std::span<const std::int64_t> a, std::span<const std::int64_t> b,
                                 double alpha, RankTest& test);

// change as part of `of`, in millionths, cut; saturated. Nothing when `of` is 0.
[[nodiscard]] std::optional<std::int64_t> millionths(std::int64_t change, std::int64_t of);

}  // namespace tracebraid::analyzers::diff
