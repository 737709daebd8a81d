// Texts by number: the same text has the same number.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/io/hash.h"
#include "formats/record/arena.h"

namespace tracebraid::analyzers::diff {

using TextNumber = std::uint32_t;

// Memory: the distinct texts.
class Texts {
 public:
  [[nodiscard]] TextNumber number_of(std::string_view text) {
    if (const auto found = numbers_.find(text); found != numbers_.end()) return found->second;
    const std::string_view kept = memory_.keep(text);
    const auto number = static_cast<TextNumber>(texts_.size());
    numbers_.emplace(kept, number);
    texts_.push_back(kept);
    return number;
  }
  // Valid as long as the texts.
  [[nodiscard]] std::string_view text(TextNumber number) const { return texts_[number]; }
  [[nodiscard]] std::size_t size() const { return texts_.size(); }

 private:
  struct Hash {
    std::size_t operator()(std::string_view text) const { return formats::io::hash_text(text); }
  };
  formats::record::Arena memory_;
  std::unordered_map<std::string_view, TextNumber, Hash> numbers_;
  std::vector<std::string_view> texts_;
};

}  // namespace tracebraid::analyzers::diff
