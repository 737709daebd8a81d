// Percentiles of durations.
#pragma once

#include <cstdint>
#include <vector>

namespace tracebraid::analyzers {

// Exact while there are kExact values; beyond, within 1/128 of the value: counts in 64 steps for
// every doubling. Memory: 2 KiB, then at most 30 KiB.
class Spread {
 public:
  static constexpr std::size_t kExact = 256;

  // Negative values count as 0.
  void add(std::int64_t value);

  // What add() writes to.
  void bring_near() const { __builtin_prefetch(values_.data() + values_.size(), 1); }

  // The value that a share of `percent` of all values is not above (nearest rank); 0 without
  // values. `percent` from 0 to 100.
  [[nodiscard]] std::int64_t percentile(double percent);

  [[nodiscard]] bool is_exact() const { return counts_.empty(); }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  [[nodiscard]] static std::size_t step_of(std::uint64_t value);
  [[nodiscard]] static std::uint64_t middle_of(std::size_t step);

  std::vector<std::int64_t> values_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
};

}  // namespace tracebraid::analyzers
