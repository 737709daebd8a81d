// Hashes of numbers, for tables in memory (formats/io/hash.h).
#pragma once

#include "formats/io/hash.h"

namespace tracebraid::analyzers {

using formats::io::kGoldenOdd;
using formats::io::mixed;

}  // namespace tracebraid::analyzers
