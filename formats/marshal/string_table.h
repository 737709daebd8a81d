// Distinct strings, each stored once and known by a dense number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace tracebraid::formats::marshal {

using StringId = std::uint32_t;

// Memory: the text of the distinct strings and 16 to 24 bytes for each.
class StringTable {
 public:
  // The number of `text`, which is stored if it is new. At most 2^32 - 2 strings.
  StringId intern(std::string_view text);

  // Valid as long as the table.
  [[nodiscard]] std::string_view text(StringId id) const {
    return {strings_[id].text, strings_[id].size};
  }
  [[nodiscard]] std::size_t size() const { return strings_.size(); }

 private:
  struct Stored {
    const char* text;
    std::uint32_t size;
    std::uint32_t hash;
  };

  const char* store(std::string_view text);
  void grow();

  static constexpr std::size_t kPage = std::size_t{256} * 1024;

  std::vector<Stored> strings_;
  std::vector<std::uint32_t> buckets_;  // open addressing; id + 1, or 0
  std::vector<std::unique_ptr<char[]>> pages_;
  char* free_ = nullptr;
  std::size_t free_size_ = 0;
};

}  // namespace tracebraid::formats::marshal
