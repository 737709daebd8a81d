// Hashes of numbers, for tables in memory (formats/io/hash.h).
#pragma once

#include <cstdint>

#include "formats/io/hash.h"

namespace tracebraid::analyzers {

using formats::io::mixed;

// 2^64 divided by the golden ratio: multiplying by it spreads what is low over all bits above.
constexpr std::uint64_t kGoldenOdd = 0x9e3779b97f4a7c15U;

}  // namespace tracebraid::analyzers
