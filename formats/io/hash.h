#pragma once

#include <cstdint>
#include <string_view>

namespace tracebraid::formats::io {

// XXH3, 64 bits: the same for the same text on every machine. Not for untrusted keys that must not
// collide on purpose; users compare the texts, or can live with a collision.
[[nodiscard]] std::uint64_t hash_text(std::string_view text);

// The same with 128 bits and a seed: wide enough to stand for the text where nobody makes
// collisions on purpose.
struct WideHash {
  std::uint64_t low = 0, high = 0;
  bool operator==(const WideHash&) const = default;
};
[[nodiscard]] WideHash wide_hash(std::string_view text, std::uint64_t seed);

}  // namespace tracebraid::formats::io
