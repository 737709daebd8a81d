// Bringing what is needed soon near the processor, while it works on something else.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tracebraid::analyzers {

// How soon a record comes. Far ahead, where things are looked up is brought near, then what is
// found there, then what that leads to.
enum class Distance : std::uint8_t { kFar, kNear, kNext };

inline void bring_near(const void* begin, const void* end) {
  constexpr std::ptrdiff_t kLine = 64;
  for (const auto* at = static_cast<const char*>(begin); at < end; at += kLine) {
    __builtin_prefetch(at);
  }
}

}  // namespace tracebraid::analyzers
