// What one process closed, by number of the descriptor: the last close of each number, so that a
// use after it can be told from a use of what the number stands for now.
//
// Memory: one Closing for each number that was ever closed, until the process ends.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "analyzers/checks/notes.h"

namespace tracebraid::analyzers::checks {

class Closings {
 public:
  // Null when the number was not closed, or has been given out again since.
  [[nodiscard]] const Closing* of_closed(std::uint64_t fd) const {
    const Slot* slot = nullptr;
    if (fd < slots_.size()) {
      slot = &slots_[fd];
    } else if (const auto found = high_.find(fd); found != high_.end()) {
      slot = &found->second;
    }
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
    if (fd < slots_.size()) {
      slots_[fd].is_open = true;
    } else if (const auto found = high_.find(fd); found != high_.end()) {
      found->second.is_open = true;
    }
  }

 private:
  struct Slot {
    std::uint32_t closing = 0;  // 1: the first of all_
    bool is_open = false;
  };
  Slot& slot_of(std::uint64_t fd) {
    constexpr std::uint64_t kHigh = std::uint64_t{1} << 20U;
    if (fd >= kHigh) return high_[fd];
    if (fd >= slots_.size()) slots_.resize(fd + 1);
    return slots_[fd];
  }

  std::vector<Slot> slots_;  // by descriptor
  std::unordered_map<std::uint64_t, Slot> high_;
  std::deque<Closing> all_;
};

}  // namespace tracebraid::analyzers::checks
