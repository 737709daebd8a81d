// Memory for objects of one type that come and go and are looked up at random: next to each other,
// and on large pages (formats/io/huge_pages.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "formats/io/huge_pages.h"

namespace tracebraid::analyzers {

// Blocks of one size, that of the first. What was given back is used again; all is freed at the
// end.
class Blocks {
 public:
  Blocks() = default;
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;
  ~Blocks() {
    for (const Chunk& chunk : chunks_) memory_.deallocate(chunk.units, chunk.count);
  }

  [[nodiscard]] void* take(std::size_t size) {
    if (free_ != nullptr) {
      void* const block = free_;
      free_ = *static_cast<void**>(block);
      return block;
    }
    const std::size_t units = (size + sizeof(Unit) - 1) / sizeof(Unit);
    if (left_ < units) {
      constexpr std::size_t kFirst = 16;
      constexpr std::size_t kMost = 4096;
      blocks_ = blocks_ == 0 ? kFirst : std::min(blocks_ * 4, kMost);
      left_ = blocks_ * units;
      chunks_.push_back({memory_.allocate(left_), left_});
    }
    Unit* const block = chunks_.back().units + (chunks_.back().count - left_);
    left_ -= units;
    return block;
  }
  void give_back(void* block) {
    *static_cast<void**>(block) = free_;
    free_ = block;
  }

 private:
  struct alignas(64) Unit {  // a cache line
    std::byte bytes[64];
  };
  struct Chunk {
    Unit* units;
    std::size_t count;
  };

  formats::io::HugePageAllocator<Unit> memory_;
  std::vector<Chunk> chunks_;
  std::size_t blocks_ = 0;  // of the last chunk
  std::size_t left_ = 0;    // units of it
  void* free_ = nullptr;
};

// For std::allocate_shared. `blocks` are for nothing else, and outlive what is made.
template <typename T>
struct BlockAllocator {
  using value_type = T;

  explicit BlockAllocator(Blocks& of) : blocks(&of) {}
  template <typename Other>
  BlockAllocator(const BlockAllocator<Other>& other) : blocks(other.blocks) {}

  [[nodiscard]] T* allocate(std::size_t /*one*/) {
    return static_cast<T*>(blocks->take(sizeof(T)));
  }
  void deallocate(T* at, std::size_t /*one*/) { blocks->give_back(at); }
  bool operator==(const BlockAllocator&) const = default;

  Blocks* blocks;
};

}  // namespace tracebraid::analyzers
