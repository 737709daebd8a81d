// The shortest sequence that a row of symbols repeats.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tracebraid::analyzers::checks {

// Symbols are hashes of what is the same in every turn. Of periods up to kLongest: a step costs as
// many comparisons, which compilers make of four at once, wherever the row goes.
class Turns {
 public:
  static constexpr std::size_t kLongest = 16;

  void step(std::uint32_t symbol) {
    const std::uint32_t* const before = &last_[at_];  // the oldest first
    for (std::size_t back = 0; back < kLongest; ++back) {
      same_[back] = before[back] == symbol ? same_[back] + 1 : 0;
    }
    last_[at_] = last_[at_ + kLongest] = symbol;
    at_ = (at_ + 1) % kLongest;
    ++steps_;
  }
  void reset() { *this = {}; }

  // Symbols since the last reset.
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  // How many of the last symbols were the same as those `period` before them.
  [[nodiscard]] std::uint64_t repeated(std::size_t period) const {
    return steps_ < period ? 0 : std::uint64_t{same_[kLongest - period]};
  }
  // The shortest period whose turn has been repeated, and begun a third time; 0: there is none.
  [[nodiscard]] std::size_t period() const {
    for (std::size_t period = 1; period <= kLongest; ++period) {
      if (repeated(period) > period) return period;
    }
    return 0;
  }
  // Whether the last symbol was there before.
  [[nodiscard]] bool is_repeated() const {
    for (const std::uint32_t same : same_) {
      if (same != 0) return true;
    }
    return false;
  }

 private:
  // Each symbol stands twice, so that the last ones are in a row wherever they begin. Symbols are
  // not 0 but for those that have not come.
  std::array<std::uint32_t, 2 * kLongest> last_{};
  std::array<std::uint32_t, kLongest> same_{};
  std::size_t at_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace tracebraid::analyzers::checks
