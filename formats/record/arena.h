// Memory that is given back all at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace tracebraid::formats::record {

class Arena {
 public:
  Arena() = default;
  // `chunk` bytes are asked for at a time.
  explicit Arena(std::size_t chunk) : chunk_(chunk) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  Arena(Arena&&) = default;
  Arena& operator=(Arena&&) = default;

  // Aligned for any type; valid until clear().
  [[nodiscard]] void* room(std::size_t size) {
    constexpr std::size_t kAlign = alignof(std::max_align_t);
    used_ = (used_ + kAlign - 1) / kAlign * kAlign;
    if (left() < size) grow(size);
    return take(size);
  }

  [[nodiscard]] std::string_view keep(std::string_view text) {
    if (text.empty()) return {};
    if (left() < text.size()) grow(text.size());
    char* const place = take(text.size());
    std::memcpy(place, text.data(), text.size());
    return {place, text.size()};
  }

  // Bytes handed out since the last clear().
  [[nodiscard]] std::size_t size() const { return full_ + used_; }

  void clear() {
    if (chunks_.size() != 1 || capacity_ != chunk_) {
      chunks_.clear();
      capacity_ = 0;
    }
    full_ = used_ = 0;
  }

  // What one allocation holds, when nothing else was asked for.
  static constexpr std::size_t kChunk = std::size_t{256} * 1024;

 private:
  [[nodiscard]] std::size_t left() const { return used_ < capacity_ ? capacity_ - used_ : 0; }
  [[nodiscard]] char* take(std::size_t size) {
    char* const place = chunks_.back().get() + used_;
    used_ += size;
    return place;
  }
  void grow(std::size_t size) {
    full_ += used_;
    used_ = 0;
    capacity_ = std::max(size, chunk_);
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(capacity_));
  }

  std::size_t chunk_ = kChunk;
  std::vector<std::unique_ptr<char[]>> chunks_;
  std::size_t capacity_ = 0;  // of the last chunk
  std::size_t used_ = 0;      // of the last chunk
  std::size_t full_ = 0;      // in the others
};

}  // namespace tracebraid::formats::record
