// Words that come again and again (names of calls, errors, kinds), kept once, with what is known of
// them: what points to one stays valid, and equal words have equal pointers.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>

#include "analyzers/util/mix.h"

namespace tracebraid::analyzers {

template <typename What>
class WordTable {
 public:
  // Made of the word when it is new.
  [[nodiscard]] What& of(std::string_view word) {
    std::uint64_t head = 0;
    if (!word.empty()) std::memcpy(&head, word.data(), std::min(word.size(), sizeof head));
    // The last of each place is found at once.
    Recent& recent = recent_[((head ^ word.size()) * kGoldenOdd) >> 57U];
    if (recent.head == head && recent.item != nullptr && recent.item->first == word) {
      return recent.item->second;
    }
    auto found = all_.find(word);
    if (found == all_.end()) found = all_.emplace(word, word).first;
    recent = {head, &*found};
    return found->second;
  }
  [[nodiscard]] std::size_t size() const { return all_.size(); }

 private:
  using All = std::map<std::string, What, std::less<>>;
  struct Recent {
    std::uint64_t head = 0;
    typename All::value_type* item = nullptr;
  };
  std::array<Recent, 128> recent_{};
  All all_;
};

class Names {
 public:
  [[nodiscard]] const std::string* of(std::string_view word) { return &words_.of(word); }
  [[nodiscard]] std::string_view view(std::string_view word) {
    return word.empty() ? std::string_view{} : std::string_view(*of(word));
  }

 private:
  WordTable<std::string> words_;
};

}  // namespace tracebraid::analyzers
