// The first of a few characters in a text, sixteen at a time.
#pragma once

#include <cstddef>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace tracebraid::formats::io {

// `end` when there is none of `Wanted` in [at, end).
template <char... Wanted>
[[nodiscard]] inline const char* find_any(const char* at, const char* end) {
#ifdef __SSE2__
  while (end - at >= 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    __m128i found = _mm_setzero_si128();
    ((found = _mm_or_si128(found, _mm_cmpeq_epi8(block, _mm_set1_epi8(Wanted)))), ...);
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
    if (mask != 0) return at + __builtin_ctz(mask);
    at += 16;
  }
#endif
  while (at < end && !((*at == Wanted) || ...)) ++at;
  return at;
}

}  // namespace tracebraid::formats::io
