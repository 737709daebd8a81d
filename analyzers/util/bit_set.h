// Sets of small numbers, made for sets that are asked for every record and of which there are many.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace tracebraid::analyzers {

// Numbers below 64 stand where the set does, a bit each; there may be others, in memory of their
// own: a bit for each number up to the largest.
class BitSet {
 public:
  void insert(std::size_t number) {
    if (number < kBits) {
      here_ |= bit(number);
      return;
    }
    if (!more_) more_ = std::make_unique<std::vector<std::uint64_t>>();
    if (number / kBits > more_->size()) more_->resize(number / kBits);
    (*more_)[number / kBits - 1] |= bit(number);
  }
  void erase(std::size_t number) {
    if (number < kBits) {
      here_ &= ~bit(number);
    } else if (more_ && number / kBits <= more_->size()) {
      (*more_)[number / kBits - 1] &= ~bit(number);
    }
  }
  [[nodiscard]] bool contains(std::size_t number) const {
    if (number < kBits) return (here_ & bit(number)) != 0;
    return more_ && number / kBits <= more_->size() &&
           ((*more_)[number / kBits - 1] & bit(number)) != 0;
  }
  // All of the other's, too.
  void add(const BitSet& other) {
    here_ |= other.here_;
    if (other.more_) add_more(*other.more_);
  }
  // In ascending order.
  template <typename Visit>
  void each(Visit visit) const {
    each_of(here_, 0, visit);
    if (!more_) return;
    for (std::size_t at = 0; at < more_->size(); ++at)
      each_of((*more_)[at], (at + 1) * kBits, visit);
  }

 private:
  static constexpr std::size_t kBits = 64;
  static std::uint64_t bit(std::size_t number) { return std::uint64_t{1} << number % kBits; }

  template <typename Visit>
  static void each_of(std::uint64_t bits, std::size_t first, Visit& visit) {
    for (; bits != 0; bits &= bits - 1) {
      visit(first + static_cast<std::size_t>(std::countr_zero(bits)));
    }
  }
  void add_more(const std::vector<std::uint64_t>& other) {
    if (!more_) more_ = std::make_unique<std::vector<std::uint64_t>>();
    if (other.size() > more_->size()) more_->resize(other.size());
    for (std::size_t at = 0; at < other.size(); ++at) (*more_)[at] |= other[at];
  }

  std::uint64_t here_ = 0;
  std::unique_ptr<std::vector<std::uint64_t>> more_;  // from 64 on
};

}  // namespace tracebraid::analyzers
