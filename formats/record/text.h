// Values as text. The put_ functions write at `at` and return where the next byte goes; the caller
// has made sure of the room that is named.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "formats/io/output.h"
#include "formats/record/value.h"

namespace tracebraid::formats::record {

// Room for any value but text.
inline constexpr std::size_t kValueRoom = 48;

char* put_uint(char* at, std::uint64_t value);
char* put_int(char* at, std::int64_t value);

// Seconds with nine decimals: -0.000000001 for -1 ns.
char* put_seconds(char* at, std::int64_t ns);

// An IPv4 address in dotted decimal, an IPv6 address as RFC 5952 has it; `bytes` are 4 or 16 (a few
// of any other number come out as hex digits).
char* put_address(char* at, std::string_view bytes);

// kBool as "true" and "false"; nothing for kNil and kText.
char* put_plain(char* at, const Value& value);

// Length of the well-formed UTF-8 sequence (RFC 3629) that `text`, not empty, begins with; 0 when
// it does not.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

// A JSON string without its quotes. What is not UTF-8 becomes U+FFFD, byte by byte. put_ needs room
// for kMostJson bytes for each byte of the text.
inline constexpr std::size_t kMostJson = 6;
char* put_json_text(char* at, std::string_view text);
void append_json_text(io::BlockWriter& out, std::string_view text);
void append_json_text(std::string& out, std::string_view text);

// Text for a terminal or a message: the value of any kind, "-" when missing, control characters
// escaped.
void append_shown(std::string& out, const Value& value);

struct Decimal {
  std::uint64_t magnitude;
  bool is_negative;
  bool is_exact;  // nothing was cut off
};

// A JSON number times 10^scale, cut to an integer; false when it is not a number, or too large.
[[nodiscard]] bool parse_decimal(std::string_view text, int scale, Decimal& decimal);

// Times and durations: false when it is not a number, or outside of ±292 years.
[[nodiscard]] bool parse_seconds(std::string_view text, std::int64_t& ns);

// "192.0.2.1" or "2001:db8::1" into `bytes` (room for 16); the number of bytes, 0 when it is no
// address.
[[nodiscard]] std::size_t parse_address(std::string_view text, char* bytes);

}  // namespace tracebraid::formats::record
