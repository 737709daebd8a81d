// Words that come again and again (names of calls, errors, kinds), kept once: what points to one
// stays valid, and equal words have equal pointers.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <set>
#include <string>
#include <string_view>

namespace tracebraid::analyzers {

class Names {
 public:
  [[nodiscard]] const std::string* of(std::string_view word) {
    std::uint64_t head = 0;
    std::memcpy(&head, word.data(), word.size() < sizeof head ? word.size() : sizeof head);
    // The last of each place is found at once.
    constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15U;
    Recent& recent = recent_[((head ^ word.size()) * kOdd) >> 57U];
    if (recent.head == head && recent.word != nullptr && *recent.word == word) return recent.word;
    auto found = all_.find(word);
    if (found == all_.end()) found = all_.emplace(word).first;
    recent = {head, &*found};
    return recent.word;
  }
  [[nodiscard]] std::string_view view(std::string_view word) {
    return word.empty() ? std::string_view{} : std::string_view(*of(word));
  }

 private:
  struct Recent {
    std::uint64_t head = 0;
    const std::string* word = nullptr;
  };
  std::array<Recent, 128> recent_{};
  std::set<std::string, std::less<>> all_;
};

}  // namespace tracebraid::analyzers
