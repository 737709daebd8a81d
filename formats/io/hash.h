#pragma once

#include <cstdint>
#include <string_view>

namespace tracebraid::formats::io {

// XXH3, 64 bits: the same for the same text on every machine. Not for untrusted keys that must not
// collide on purpose; users compare the texts, or can live with a collision.
[[nodiscard]] std::uint64_t hash_text(std::string_view text);

}  // namespace tracebraid::formats::io
