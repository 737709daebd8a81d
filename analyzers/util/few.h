// Sequences that mostly have few items, which stand where the sequence does: no memory of their
// own, no further cache miss.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <unordered_set>
#include <vector>

#include "formats/io/hash.h"

namespace tracebraid::analyzers {

template <typename Item, std::size_t kHere>
class Few {
 public:
  [[nodiscard]] std::size_t size() const { return here_count_ + (more_ ? more_->size() : 0); }
  [[nodiscard]] bool empty() const { return here_count_ == 0; }
  [[nodiscard]] const Item& front() const { return here_[0]; }
  [[nodiscard]] Item& operator[](std::size_t at) {
    return at < kHere ? here_[at] : (*more_)[at - kHere];
  }
  [[nodiscard]] const Item& operator[](std::size_t at) const {
    return at < kHere ? here_[at] : (*more_)[at - kHere];
  }
  void push_back(const Item& item) {
    if (here_count_ < kHere) {
      here_[here_count_++] = item;
      return;
    }
    if (!more_) more_ = std::make_unique<std::vector<Item>>();
    more_->push_back(item);
  }
  [[nodiscard, gnu::always_inline]] bool has(const Item& item) const {
    for (std::size_t at = 0; at < here_count_; ++at) {
      if (here_[at] == item) return true;
    }
    return more_ && std::find(more_->begin(), more_->end(), item) != more_->end();
  }
  [[nodiscard]] std::vector<Item> all() const {
    std::vector<Item> items(here_.begin(),
                            here_.begin() + static_cast<std::ptrdiff_t>(here_count_));
    if (more_) items.insert(items.end(), more_->begin(), more_->end());
    return items;
  }

 private:
  std::size_t here_count_ = 0;
  std::array<Item, kHere> here_{};
  std::unique_ptr<std::vector<Item>> more_;
};

// Numbers, each once, in the order in which they came.
template <typename Number, std::size_t kHere>
class FewOnce {
 public:
  [[nodiscard]] bool empty() const { return numbers_.empty(); }
  [[nodiscard]] Number front() const { return numbers_.front(); }
  [[nodiscard]] std::vector<Number> all() const { return numbers_.all(); }
  [[gnu::always_inline]] void add(Number number) {
    if (!index_ && numbers_.has(number)) return;
    add_new(number);
  }

 private:
  // Most have been there before: not in line.
  [[gnu::noinline]] void add_new(Number number) {
    if (index_ && !index_->insert(number).second) return;
    numbers_.push_back(number);
    // Looking at all of them is fast while they are few.
    constexpr std::size_t kFew = 32;
    if (index_ || numbers_.size() <= kFew) return;
    const std::vector<Number> all = numbers_.all();
    index_ = std::make_unique<Index>(all.begin(), all.end());
  }

  using Index = std::unordered_set<Number, formats::io::NumberHash>;
  Few<Number, kHere> numbers_;
  std::unique_ptr<Index> index_;  // of all, where they are not few
};

// First in, first out.
template <typename Item, std::size_t kHere>
class FewWaiting {
 public:
  [[nodiscard]] bool empty() const { return here_count_ == 0; }
  [[nodiscard]] std::size_t size() const {
    return here_count_ + (more_ ? more_->items.size() - more_->head : 0);
  }
  [[nodiscard]] const Item& front() const { return here_[0]; }
  template <typename Look>
  void each(Look look) const {
    for (std::size_t at = 0; at < here_count_; ++at) look(here_[at]);
    if (!more_) return;
    for (std::size_t at = more_->head; at < more_->items.size(); ++at) look(more_->items[at]);
  }
  void push(const Item& item) {
    if (here_count_ < kHere) {
      here_[here_count_++] = item;
      return;
    }
    if (!more_) more_ = std::make_unique<More>();
    more_->items.push_back(item);
  }
  void pop() {
    for (std::size_t at = 1; at < here_count_; ++at) here_[at - 1] = here_[at];
    --here_count_;
    if (!more_) return;
    here_[here_count_++] = more_->items[more_->head++];
    if (more_->head == more_->items.size()) {
      more_.reset();
    } else if (more_->head >= kMany && more_->head * 2 >= more_->items.size()) {
      more_->items.erase(more_->items.begin(),
                         more_->items.begin() + static_cast<std::ptrdiff_t>(more_->head));
      more_->head = 0;
    }
  }

 private:
  static constexpr std::size_t kMany = 64;
  struct More {
    std::vector<Item> items;
    std::size_t head = 0;
  };
  std::size_t here_count_ = 0;
  std::array<Item, kHere> here_{};
  std::unique_ptr<More> more_;
};

}  // namespace tracebraid::analyzers
