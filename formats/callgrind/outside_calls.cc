#include "formats/callgrind/outside_calls.h"

#include <algorithm>

namespace tracebraid::formats::callgrind {
namespace {

__extension__ using Uint128 = unsigned __int128;

}  // namespace

std::uint64_t share(std::uint64_t whole, std::uint64_t part, std::uint64_t all) {
  return static_cast<std::uint64_t>((Uint128{whole} * part + all / 2) / all);
}

OutsideCalls outside_calls(const CallsOfFunction& function) {
  OutsideCalls outside;
  if (function.calls <= function.callers_calls) return outside;
  outside.calls = function.calls - function.callers_calls;
  const auto rest_of = [&](std::uint64_t ns) {
    return function.inclusive_ns > ns ? function.inclusive_ns - ns : 0;
  };
  if (function.primitive_calls <= outside.calls) {
    // Whatever else called it did so within these calls.
    outside.inclusive_ns = function.inclusive_ns;
  } else if (function.primitive_calls == outside.calls + function.outer_calls) {
    outside.inclusive_ns = rest_of(function.outer_ns);
  } else {
    // Some of the callers' calls were inside others. A guess: they all had the same share.
    const std::uint64_t inner =
        function.outer_calls == 0
            ? 0
            : share(function.outer_ns,
                    std::min(function.primitive_calls - outside.calls, function.outer_calls),
                    function.outer_calls);
    outside.inclusive_ns = rest_of(inner);
    outside.is_estimated = true;
  }
  return outside;
}

}  // namespace tracebraid::formats::callgrind
