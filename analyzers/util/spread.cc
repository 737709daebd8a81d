#include "analyzers/util/spread.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tracebraid::analyzers {

// 0 to 127 are steps of their own; then 64 for every doubling.
std::size_t Spread::step_of(std::uint64_t value) {
  if (value < 128) return static_cast<std::size_t>(value);
  const int shift = static_cast<int>(std::bit_width(value)) - 7;
  return static_cast<std::size_t>(shift) * 64 + static_cast<std::size_t>(value >> shift);
}

std::uint64_t Spread::middle_of(std::size_t step) {
  if (step < 128) return step;
  const std::size_t shift = step / 64 - 1;
  const std::uint64_t low = static_cast<std::uint64_t>(step - shift * 64) << shift;
  return low + ((std::uint64_t{1} << shift) >> 1U);
}

void Spread::add(std::int64_t value) {
  value = std::max<std::int64_t>(value, 0);
  ++count_;
  if (counts_.empty()) {
    if (values_.size() < kExact) {
      constexpr std::size_t kSome = 8;
      if (values_.empty()) values_.reserve(kSome);
      values_.push_back(value);
      return;
    }
    for (const std::int64_t known : values_) {
      const std::size_t step = step_of(static_cast<std::uint64_t>(known));
      if (step >= counts_.size()) counts_.resize(step + 1);
      ++counts_[step];
    }
    values_ = {};
  }
  const std::size_t step = step_of(static_cast<std::uint64_t>(value));
  if (step >= counts_.size()) counts_.resize(step + 1);
  ++counts_[step];
}

std::int64_t Spread::percentile(double percent) {
  if (count_ == 0) return 0;
  const auto rank = static_cast<std::uint64_t>(std::clamp(
      std::ceil(percent / 100 * static_cast<double>(count_)), 1.0, static_cast<double>(count_)));
  if (is_exact()) {
    const auto at = values_.begin() + static_cast<std::ptrdiff_t>(rank - 1);
    std::nth_element(values_.begin(), at, values_.end());
    return *at;
  }
  std::uint64_t sum = 0;
  for (std::size_t step = 0; step < counts_.size(); ++step) {
    sum += counts_[step];
    if (sum >= rank) return static_cast<std::int64_t>(middle_of(step));
  }
  return 0;
}

}  // namespace tracebraid::analyzers
