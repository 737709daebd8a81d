// Lines that repeat: a line, or up to four lines in turn, again and again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tracebraid::analyzers::timeline {

// Told of every line by a hash of what must be equal. What repeats is shown twice; from then on it
// is folded, until another line comes.
class Fold {
 public:
  static constexpr std::size_t kMostPeriod = 4;

  [[nodiscard]] bool is_folding() const { return period_ > 0; }

  // While folding: whether the line continues what is folded, and so is not to be shown. If not,
  // end() comes next.
  bool takes(std::uint64_t line, std::int64_t ts) {
    if (line != seen_[(count_ - period_) % kKept]) return false;
    note(line);
    if (folded_++ == 0) first_ts_ = ts;
    last_ts_ = ts;
    return true;
  }

  // A line is shown; not while folding.
  void shown(std::uint64_t line) {
    note(line);
    for (std::size_t period = 1; period <= kMostPeriod; ++period) {
      if (count_ < 2 * period) return;
      bool is_equal = true;
      for (std::size_t back = 1; back <= period && is_equal; ++back) {
        is_equal = seen_[(count_ - back) % kKept] == seen_[(count_ - back - period) % kKept];
      }
      if (is_equal) {
        period_ = period;
        return;
      }
    }
  }

  struct Folded {
    std::uint64_t lines = 0;
    std::size_t period = 0;
    std::int64_t first_ts = 0, last_ts = 0;
  };

  // What was folded since the last end(); nothing repeats any more.
  Folded end() {
    const Folded folded{folded_, period_, first_ts_, last_ts_};
    folded_ = 0;
    period_ = 0;
    count_ = 0;
    return folded;
  }

 private:
  static constexpr std::size_t kKept = 2 * kMostPeriod;
  void note(std::uint64_t line) { seen_[count_++ % kKept] = line; }

  std::array<std::uint64_t, kKept> seen_{};
  std::size_t count_ = 0;
  std::size_t period_ = 0;
  std::uint64_t folded_ = 0;
  std::int64_t first_ts_ = 0, last_ts_ = 0;
};

}  // namespace tracebraid::analyzers::timeline
