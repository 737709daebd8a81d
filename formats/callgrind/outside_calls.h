// Calls that a profiler saw without a caller: made by code outside the profile, or by code that
// began before the profiler did. cProfile leaves them out of a function's callers; what they cost
// is what the callers leave over of the function's inclusive time.
#pragma once

#include <cstdint>

namespace tracebraid::formats::callgrind {

// Of one function.
struct CallsOfFunction {
  std::uint64_t calls = 0, primitive_calls = 0;  // all; those that are not recursive
  std::uint64_t inclusive_ns = 0;
  std::uint64_t callers_calls = 0;  // of all callers, itself included
  std::uint64_t outer_calls = 0;    // of the callers other than itself
  std::uint64_t outer_ns = 0;       // their inclusive time
};

struct OutsideCalls {
  std::uint64_t calls = 0;
  std::uint64_t inclusive_ns = 0;
  bool is_estimated = false;  // the function is recursive through others: calls overlap
};

[[nodiscard]] OutsideCalls outside_calls(const CallsOfFunction& function);

// whole * part / all, rounded to nearest; part <= all, all > 0.
[[nodiscard]] std::uint64_t share(std::uint64_t whole, std::uint64_t part, std::uint64_t all);

}  // namespace tracebraid::formats::callgrind
