// What --fail-if says: when a change is too much.
//
//   any KIND.MEASURE[PATTERN] OPERATOR VALUE     any and [PATTERN] may be left out
//
//   function.calls > +10%                 of all functions together, a tenth more than in A
//   syscall.calls[EBADF] > 0              of all those that the pattern fits, in B
//   any function.tottime[shop/*] > +50ms  of one of them
//
// A value with a sign, or with %, is compared with the change from A to B, one without with B's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/diff/comparisons.h"
#include "formats/cli/program.h"

namespace tracebraid::analyzers::diff {

struct Gate {
  enum class Operator : std::uint8_t { kLess, kLessOrEqual, kMore, kMoreOrEqual, kEqual, kUnequal };

  std::string text;  // as it was written
  bool is_any = false;
  std::size_t kind = 0, measure = 0;
  std::optional<std::string> pattern;
  Operator comparison = Operator::kMore;
  bool is_change = false;   // of the change; else of B's value
  bool is_percent = false;  // of A's value
  std::int64_t value = 0;   // in the measure's unit, or in millionths

  // Whether it holds when A's value is `a` and B's `b`.
  [[nodiscard]] bool holds(std::int64_t a, std::int64_t b) const;
};

// Throws io::UsageError, which tells what there is.
[[nodiscard]] Gate parse_gate(std::string_view text);

// Shows which of `gates` hold, one line each, and whether there was one. A gate on what a side does
// not tell is reported as an error. One on functions that nothing fits is wrong, too, and makes the
// exit status 2, unless they `may_be_missing`; of other kinds, such as errors, it is good that
// there are none.
[[nodiscard]] bool show_gates(const std::vector<Gate>& gates, bool may_be_missing,
                              Comparisons& comparisons, formats::cli::Context& context);

}  // namespace tracebraid::analyzers::diff
