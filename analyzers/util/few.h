// Sequences that mostly have few items, which stand where the sequence does: no memory of their
// own, no further cache miss.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

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
  void add_once(const Item& item) {
    for (std::size_t at = 0; at < here_count_; ++at) {
      if (here_[at] == item) return;
    }
    if (more_) {
      for (const Item& known : *more_) {
        if (known == item) return;
      }
    }
    push_back(item);
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
