// Things by a hash of what they are looked up by: one array, so that finding costs one cache miss
// where std::unordered_multimap's chains cost four (measured: a third of the time of joining five
// million segments with 20,000 open flows).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tracebraid::analyzers {

// Several things may have the same hash; where many may, adding them costs their square (rings.h).
// The hashes are of formats/io/hash.h, which nobody can make meet. Does not own the things.
template <typename What>
class HashIndex {
 public:
  void insert(std::uint64_t hash, What* what) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    place(hash, what);
    ++size_;
  }

  // The first of this hash that `is_it` agrees to; null when there is none.
  template <typename Predicate>
  [[nodiscard]] What* find(std::uint64_t hash, Predicate is_it) const {
    if (slots_.empty()) return nullptr;
    for (std::size_t at = home(hash); slots_[at].what != nullptr; at = next(at)) {
      if (slots_[at].hash == hash && is_it(*slots_[at].what)) return slots_[at].what;
    }
    return nullptr;
  }

  // For what is to be found soon: brings near where it is looked up; then, what is there.
  void prefetch(std::uint64_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[home(hash)]);
  }
  [[nodiscard]] What* peek(std::uint64_t hash) const {
    if (slots_.empty()) return nullptr;
    std::size_t at = home(hash);
    while (slots_[at].what != nullptr && slots_[at].hash != hash) at = next(at);
    return slots_[at].what;
  }

  // `by` stands where `what` did, if that is there. Both have this hash.
  void replace(std::uint64_t hash, const What* what, What* by) {
    if (slots_.empty()) return;
    std::size_t at = home(hash);
    while (slots_[at].what != nullptr && slots_[at].what != what) at = next(at);
    if (slots_[at].what == what) slots_[at].what = by;
  }

  void erase(std::uint64_t hash, const What* what) {
    if (slots_.empty()) return;
    std::size_t at = home(hash);
    while (slots_[at].what != what) {
      if (slots_[at].what == nullptr) return;
      at = next(at);
    }
    // What stands behind it moves up, unless it would get before its home.
    std::size_t hole = at;
    for (at = next(at); slots_[at].what != nullptr; at = next(at)) {
      const std::size_t wanted = home(slots_[at].hash);
      const bool may_move = ((at - wanted) & mask()) >= ((at - hole) & mask());
      if (!may_move) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
    --size_;
  }

  [[nodiscard]] std::size_t size() const { return size_; }

  template <typename Visit>
  void each(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (slot.what != nullptr) visit(*slot.what);
    }
  }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    What* what = nullptr;
  };

  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }
  [[nodiscard]] std::size_t home(std::uint64_t hash) const {
    return static_cast<std::size_t>(hash) & mask();
  }
  [[nodiscard]] std::size_t next(std::size_t at) const { return (at + 1) & mask(); }
  void place(std::uint64_t hash, What* what) {
    std::size_t at = home(hash);
    while (slots_[at].what != nullptr) at = next(at);
    slots_[at] = {hash, what};
  }
  void grow() {
    constexpr std::size_t kLeast = 64;
    std::vector<Slot> old(slots_.empty() ? kLeast : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.what != nullptr) place(slot.hash, slot.what);
    }
  }

  std::vector<Slot> slots_;  // a power of two
  std::size_t size_ = 0;
};

}  // namespace tracebraid::analyzers
