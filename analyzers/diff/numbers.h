// Numbers of records as those that are compared.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "formats/io/saturate.h"
#include "formats/record/value.h"

namespace tracebraid::analyzers::diff {

using formats::io::saturated_sum;

// At most what is signed.
[[nodiscard]] inline std::int64_t to_signed(std::uint64_t value) {
  return static_cast<std::int64_t>(
      std::min<std::uint64_t>(value, std::numeric_limits<std::int64_t>::max()));
}

// Without a sign; 0 for what goes backwards.
[[nodiscard]] inline std::uint64_t positive(formats::record::Duration time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.ns, 0));
}

}  // namespace tracebraid::analyzers::diff
