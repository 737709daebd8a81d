// Numbers that options are given.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "formats/io/digits.h"

namespace tracebraid::formats::cli {

// "OPTION: not WANTED: TEXT".
[[noreturn]] void refuse(std::string_view option, std::string_view wanted, std::string_view text);

// The number that `option`, such as "--max-flows", was given, from `least` to `most`: digits, with
// a
// - before them where the type is signed. Throws UsageError, which names `wanted`.
template <std::integral Number = std::uint64_t>
[[nodiscard]] Number number(std::string_view option, std::string_view text,
                            Number least = std::numeric_limits<Number>::min(),
                            Number most = std::numeric_limits<Number>::max(),
                            std::string_view wanted = "a number") {
  const std::optional<Number> value = io::whole_number<Number>(text);
  if (!value || *value < least || *value > most) refuse(option, wanted, text);
  return *value;
}

// The same, where the message tells the range: "a number from 1 to 65535".
[[nodiscard]] std::uint64_t number_between(std::string_view option, std::string_view text,
                                           std::uint64_t least, std::uint64_t most);

// A decimal number of seconds, not negative and at most 10^9, as nanoseconds. Throws UsageError.
[[nodiscard]] std::int64_t seconds(std::string_view option, std::string_view text);

}  // namespace tracebraid::formats::cli
