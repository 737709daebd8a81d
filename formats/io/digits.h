// Numbers from text: no blanks and no plus in front, and never more than fits.
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace tracebraid::formats::io {

// The value of a digit; `Base` or more for what is none. Hexadecimal ones are in lower case.
template <unsigned Base = 10>
[[nodiscard]] constexpr unsigned digit_value(char c) {
  const unsigned value = static_cast<unsigned char>(c - '0');
  if constexpr (Base > 10) {
    if (value >= 10) return c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a') + 10 : Base;
  }
  return value;
}

[[nodiscard]] constexpr bool is_digit(char c) {
  return digit_value(c) < 10;
}

// Reads digits at `at`, `most` of them at most, and returns what is behind them. `value` is theirs,
// 0 where there are none; `Number` has to hold what `most` digits can say.
template <unsigned Base = 10, typename Number>
[[nodiscard]] constexpr const char* take_digits(const char* at, const char* end,
                                                std::ptrdiff_t most, Number& value) {
  value = 0;
  for (end -= std::max<std::ptrdiff_t>(end - at - most, 0); at < end; ++at) {
    const unsigned digit = digit_value<Base>(*at);
    if (digit >= Base) break;
    value = static_cast<Number>(value * Base + digit);
  }
  return at;
}

// The number that `text` begins with, whatever follows it; nothing where there is none, or it does
// not fit. Signed ones may have a minus; hexadecimal ones have no 0x here.
template <typename Number>
[[nodiscard]] std::optional<Number> leading_number(std::string_view text, int base = 10) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

// The same, of a text that is nothing else.
template <typename Number>
[[nodiscard]] std::optional<Number> whole_number(std::string_view text) {
  Number value{};
  const char* const behind = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), behind, value);
  if (error != std::errc{} || end != behind) return std::nullopt;
  return value;
}

// Digits eight at a time, for what every line of a log has.
inline constexpr bool kTakesEight = std::endian::native == std::endian::little;

[[nodiscard]] inline std::uint64_t eight_bytes(const char* at) {
  std::uint64_t chunk = 0;
  std::memcpy(&chunk, at, sizeof chunk);
  return chunk;
}

// Eight decimal digits, the first in the lowest byte, as a number; false when they are not digits.
[[nodiscard]] constexpr bool parse_eight(std::uint64_t chunk, std::uint64_t& value) {
  chunk -= 0x3030303030303030U;
  // A byte above 9, or one that went below 0 and carried.
  if (((chunk + 0x7676767676767676U) | chunk) & 0x8080808080808080U) return false;
  chunk = chunk * 10 + (chunk >> 8U);
  value = (((chunk & 0x000000FF000000FFU) * 0x000F424000000064U) +
           (((chunk >> 16U) & 0x000000FF000000FFU) * 0x0000271000000001U)) >>
          32U;
  return true;
}

}  // namespace tracebraid::formats::io
