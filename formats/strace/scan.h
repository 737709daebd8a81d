// Steps of the readers of strace's lines (line.cc has the grammar). All have one shape: `at` is
// where the thing begins, `end` where the line ends, and what is returned is where the thing ends.
//
//   skip_…  goes past it; null when it is not closed
//   take_…  gives what it says, too; null when it is something else
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "formats/io/digits.h"
#include "formats/io/farthest.h"
#include "formats/io/find_any.h"
#include "formats/strace/line.h"

namespace tracebraid::formats::strace {

using io::digit_value;
using io::is_digit;
using io::leading_number;
using io::take_digits;

[[nodiscard]] inline std::string_view view(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

// Without the blanks around it.
[[nodiscard]] inline std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

[[nodiscard]] inline bool is_at(const char* at, const char* end, std::string_view what) {
  return static_cast<std::size_t>(end - at) >= what.size() &&
         std::memcmp(at, what.data(), what.size()) == 0;
}

// Of system calls, and of errno's values.
inline constexpr auto kNameChars = [] {
  std::array<bool, 256> is_name{};
  for (int c = 'a'; c <= 'z'; ++c) is_name[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) is_name[static_cast<std::size_t>(c)] = true;
  for (int c = '0'; c <= '9'; ++c) is_name[static_cast<std::size_t>(c)] = true;
  is_name['_'] = is_name['?'] = true;
  return is_name;
}();

[[nodiscard]] inline const char* skip_name(const char* at, const char* end) {
  while (at < end && kNameChars[static_cast<unsigned char>(*at)]) ++at;
  return at;
}

[[nodiscard]] inline bool is_name(const char* at, const char* end) {
  return at < end && !is_digit(*at) && skip_name(at, end) == end;
}

[[nodiscard]] inline const char* skip_blanks(const char* at, const char* end) {
  while (at < end && *at == ' ') ++at;
  return at;
}

// Past the next `last`, which is a single character.
[[nodiscard]] inline const char* skip_past(char last, const char* at, const char* end) {
  const void* const found = std::memchr(at, last, static_cast<std::size_t>(end - at));
  return found == nullptr ? nullptr : static_cast<const char*>(found) + 1;
}

// "\"a \\\" in it\"". Quotes in strings are always escaped, also in the hexadecimal styles.
[[nodiscard]] inline const char* skip_string(const char* at, const char* end) {
  ++at;
  while (at < end) {
    at = io::find_any<'"', '\\'>(at, end);
    if (at >= end) break;
    if (*at == '"') return at + 1;
    at += 2;
  }
  return nullptr;
}

// "/* 37 vars */".
[[nodiscard]] inline const char* skip_comment(const char* at, const char* end) {
  const std::size_t closing = view(at, end).find("*/", 2);
  return closing == std::string_view::npos ? nullptr : at + closing + 2;
}

// A path has 4,096 bytes at most, four times that escaped.
inline constexpr std::ptrdiff_t kMostNote = 32768;

// "<TCP:[127.0.0.1:34415->127.0.0.1:43478]>": what -y, -yy and -Y print behind a number, from its
// "<" on. Takes kMostNote steps at most.
[[nodiscard]] const char* skip_annotation(const char* at, const char* end);

inline constexpr std::int64_t kSecond = 1'000'000'000;  // in nanoseconds

// The decimals of a number of seconds: ".520582", or nothing. `unit_ns` is what the last digit is
// worth; digits beyond nine are left out. Returns what is behind them.
[[nodiscard]] inline const char* take_fraction(const char* at, const char* end, std::int64_t& ns,
                                               std::int64_t& unit_ns) {
  ns = 0;
  unit_ns = kSecond;
  if (at >= end || *at != '.') return at;
  const char* const digits = ++at;
  at = take_digits(at, end, 9, ns);
  for (std::ptrdiff_t count = at - digits; count > 0; --count) unit_ns /= 10;
  ns *= unit_ns;
  while (at < end && is_digit(*at)) ++at;
  return at;
}

// "1795418241", "0.000018", "1795418241.536688367": seconds and their decimals. Null where no digit
// is, or where they are more than 64 bits of nanoseconds hold.
[[nodiscard]] inline const char* take_seconds(const char* at, const char* end, std::int64_t& ns,
                                              std::int64_t& unit_ns) {
  std::int64_t seconds = 0;
  const char* const behind = take_digits(at, end, 18, seconds);
  if (behind == at || seconds >= io::kFarthestNs / kSecond) return nullptr;
  at = take_fraction(behind, end, ns, unit_ns);
  ns += seconds * kSecond;
  return at;
}

// What -r, -t, -n, -i and the like print in front of a body. Returns where that begins: at `at`
// when there is nothing in front. `prefix` is new.
[[nodiscard]] const char* parse_prefix(const char* at, const char* end, Prefix& prefix);

// As that of line.h; what stands from `floor` on may be looked at, too.
[[nodiscard]] Body parse_call(const char* floor, const char* at, const char* end, Call& call);

}  // namespace tracebraid::formats::strace
