// Numbers as people read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "analyzers/diff/comparison.h"
#include "analyzers/diff/measures.h"

namespace tracebraid::analyzers::diff {

// 29,790; 0.54 ms; 1,024 B
[[nodiscard]] std::string shown_value(Unit unit, std::int64_t value);
// The same with its sign; "0" and "=" for none.
[[nodiscard]] std::string shown_change(Unit unit, std::int64_t change);
// "+4.4 %", "-50 %", "×12"; empty when `a` is 0.
[[nodiscard]] std::string shown_relative(std::int64_t a, std::int64_t b);
// "106 → 247 (+133 %)"
[[nodiscard]] std::string shown_medians(Unit unit, const Comparison& comparison);
// "5", "0.1"
[[nodiscard]] std::string shown_number(double number);
// "0.10"; two digits that tell.
[[nodiscard]] std::string shown_p(double p);

}  // namespace tracebraid::analyzers::diff
