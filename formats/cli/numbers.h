// Numbers that options are given.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>

namespace tracebraid::formats::cli {

// All of `text` as a decimal number: digits, with a - before them where the type is signed. Nothing
// for anything else, and for what the type does not hold.
template <std::integral Number>
[[nodiscard]] std::optional<Number> whole_number(std::string_view text) {
  Number number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

// "OPTION: not WANTED: TEXT".
[[noreturn]] void refuse(std::string_view option, std::string_view wanted, std::string_view text);

// The number that `option`, such as "--max-flows", was given, from `least` to `most`. Throws
// UsageError, which names `wanted`.
template <std::integral Number = std::uint64_t>
[[nodiscard]] Number number(std::string_view option, std::string_view text,
                            Number least = std::numeric_limits<Number>::min(),
                            Number most = std::numeric_limits<Number>::max(),
                            std::string_view wanted = "a number") {
  const std::optional<Number> value = whole_number<Number>(text);
  if (!value || *value < least || *value > most) refuse(option, wanted, text);
  return *value;
}

// The same, where the message tells the range: "a number from 1 to 65535".
[[nodiscard]] std::uint64_t number_between(std::string_view option, std::string_view text,
                                           std::uint64_t least, std::uint64_t most);

// A decimal number of seconds, not negative and at most 10^9, as nanoseconds. Throws UsageError.
[[nodiscard]] std::int64_t seconds(std::string_view option, std::string_view text);

}  // namespace tracebraid::formats::cli
