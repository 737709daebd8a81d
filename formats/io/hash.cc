#include "formats/io/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tracebraid::formats::io {

std::uint64_t hash_text(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

WideHash wide_hash(std::string_view text, std::uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(text.data(), text.size(), seed);
  return {hash.low64, hash.high64};
}

}  // namespace tracebraid::formats::io
