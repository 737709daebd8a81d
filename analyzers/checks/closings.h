// What one process closed, by number of the descriptor: the last close of each number, so that a
// use after it can be told from a use of what the number stands for now.
//
// Memory: one Closing for each number that was ever closed, and 512 bytes for each 64 numbers of
// which one was, until the process ends.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>

#include "analyzers/checks/notes.h"
#include "formats/io/hash.h"

namespace tracebraid::analyzers::checks {

class Closings {
 public:
  // Null when the number was not closed, or has been given out again since.
  [[nodiscard]] const Closing* of_closed(std::uint64_t fd) const {
    const Slot* const slot = find(fd);
    return slot == nullptr || slot->closing == 0 || slot->is_open ? nullptr
                                                                  : &all_[slot->closing - 1];
  }
  // What is known of the close before, for overwriting.
  Closing& close(std::uint64_t fd) {
    Slot& slot = slot_of(fd);
    slot.is_open = false;
    if (slot.closing == 0) {
      all_.emplace_back();
      slot.closing = static_cast<std::uint32_t>(all_.size());
    }
    return all_[slot.closing - 1];
  }
  void open(std::uint64_t fd) {
    if (Slot* const slot = find(fd)) slot->is_open = true;
  }

 private:
  static constexpr std::uint64_t kInPage = 64;
  struct Slot {
    std::uint32_t closing = 0;  // 1: the first of all_
    bool is_open = false;
  };
  using Page = std::array<Slot, kInPage>;

  [[nodiscard]] Slot* find(std::uint64_t fd) const {
    const std::uint64_t number = fd / kInPage;
    if (number != last_number_) {
      const auto found = pages_.find(number);
      if (found == pages_.end()) return nullptr;
      last_ = found->second.get();
      last_number_ = number;
    }
    return &(*last_)[fd % kInPage];
  }
  Slot& slot_of(std::uint64_t fd) {
    if (Slot* const known = find(fd)) return *known;
    auto& page = pages_[fd / kInPage];
    page = std::make_unique<Page>();
    return (*page)[fd % kInPage];
  }

  // By descriptor. Of one process the numbers are near each other; one that closes a high number
  // alone, and thousands of its kind, must not cost what all below it would.
  std::unordered_map<std::uint64_t, std::unique_ptr<Page>, formats::io::NumberHash> pages_;
  mutable std::uint64_t last_number_ = UINT64_MAX;
  mutable Page* last_ = nullptr;
  std::deque<Closing> all_;
};

}  // namespace tracebraid::analyzers::checks
