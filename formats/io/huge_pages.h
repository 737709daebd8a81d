// Memory for large tables that are looked up at random, in pages of 2 MB where the system has them.
//
// With pages of 4 KiB nearly every look-up in a table of tens of megabytes misses the processor's
// cache of page addresses, which costs more than the cache line itself, most of all in a virtual
// machine: the flows of a capture took 20 % more time (tests/bench/captures, 65 MB of flows).
#pragma once

#include <cstddef>
#include <new>

#include <sys/mman.h>

namespace tracebraid::formats::io {

// For containers. Memory is zero-filled by the system as it is touched; less than a huge page comes
// from the heap.
template <typename T>
struct HugePageAllocator {
  using value_type = T;
  static constexpr std::size_t kPage = std::size_t{2} << 20U;

  HugePageAllocator() = default;
  template <typename Other>
  explicit HugePageAllocator(const HugePageAllocator<Other>& /*other*/) {}

  [[nodiscard]] T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    if (bytes < kPage) return static_cast<T*>(::operator new (bytes, std::align_val_t{alignof(T)}));
    void* const at = ::operator new (bytes, std::align_val_t{kPage});
    (void)::madvise(at, bytes, MADV_HUGEPAGE);
    return static_cast<T*>(at);
  }
  void deallocate(T* at, std::size_t count) {
    const std::size_t alignment = count * sizeof(T) < kPage ? alignof(T) : kPage;
    ::operator delete (at, std::align_val_t{alignment});
  }
  bool operator==(const HugePageAllocator&) const = default;
};

}  // namespace tracebraid::formats::io
