// Texts by number: the same text has the same number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "formats/io/hash.h"
#include "formats/record/arena.h"

namespace tracebraid::analyzers::diff {

using TextNumber = std::uint32_t;

// Memory: the distinct texts, and some 50 bytes for each.
class Texts {
 public:
  [[nodiscard]] TextNumber number_of(std::string_view text) {
    if ((texts_.size() + 1) * 2 > slots_.size()) grow();
    const std::uint64_t hash = formats::io::hash_text(text);
    std::size_t at = hash & (slots_.size() - 1);
    for (; slots_[at].number != kNone; at = (at + 1) & (slots_.size() - 1)) {
      if (slots_[at].hash == hash && texts_[slots_[at].number] == text) return slots_[at].number;
    }
    slots_[at] = {hash, static_cast<TextNumber>(texts_.size())};
    texts_.push_back(memory_.keep(text));
    return slots_[at].number;
  }
  // Valid as long as the texts.
  [[nodiscard]] std::string_view text(TextNumber number) const { return texts_[number]; }

 private:
  static constexpr TextNumber kNone = UINT32_MAX;
  struct Slot {
    std::uint64_t hash = 0;
    TextNumber number = kNone;
  };

  void grow() {
    constexpr std::size_t kLeast = 1024;
    std::vector<Slot> old(slots_.empty() ? kLeast : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.number == kNone) continue;
      std::size_t at = slot.hash & (slots_.size() - 1);
      while (slots_[at].number != kNone) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = slot;
    }
  }

  formats::record::Arena memory_;
  std::vector<Slot> slots_;  // a power of two
  std::vector<std::string_view> texts_;
};

}  // namespace tracebraid::analyzers::diff
