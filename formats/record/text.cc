#include "formats/record/text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

#include "formats/io/text.h"

namespace tracebraid::formats::record {
namespace {

constexpr std::uint64_t kNanoseconds = 1'000'000'000;
constexpr char kHex[] = "0123456789abcdef";
constexpr std::size_t kNumberRoom = 20;

constexpr auto kPairs = [] {
  std::array<char, 200> digits{};
  for (std::size_t at = 0; at < 100; ++at) {
    digits[2 * at] = static_cast<char>('0' + at / 10);
    digits[2 * at + 1] = static_cast<char>('0' + at % 10);
  }
  return digits;
}();

char* put_pair(char* at, std::uint32_t value) {
  std::memcpy(at, &kPairs[std::size_t{2} * value], 2);
  return at + 2;
}

char* put_nine_digits(char* at, std::uint32_t value) {
  *at++ = static_cast<char>('0' + value / 100'000'000);
  at = put_pair(at, value / 1'000'000 % 100);
  at = put_pair(at, value / 10'000 % 100);
  at = put_pair(at, value / 100 % 100);
  return put_pair(at, value % 100);
}

char* put(char* at, std::string_view text) {
  return at + text.copy(at, text.size());
}

char* put_group(char* at, std::uint32_t group) {
  for (int shift = 12; shift >= 0; shift -= 4) {
    if (group >> shift != 0 || shift == 0) *at++ = kHex[(group >> shift) & 15U];
  }
  return at;
}

char* put_dotted(char* at, const char* bytes) {
  for (int each = 0; each < 4; ++each) {
    if (each > 0) *at++ = '.';
    at = put_uint(at, static_cast<unsigned char>(bytes[each]));
  }
  return at;
}

char* put_ipv6(char* at, const char* bytes) {
  std::array<std::uint32_t, 8> groups{};
  for (std::size_t each = 0; each < groups.size(); ++each) {
    groups[each] = static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[2 * each])) << 8 |
                   static_cast<unsigned char>(bytes[2 * each + 1]);
  }
  // "::" stands for the first of the longest runs of zeros, if longer than one group.
  std::size_t run_at = groups.size();
  std::size_t run_size = 1;
  for (std::size_t each = 0; each < groups.size();) {
    std::size_t end = each;
    while (end < groups.size() && groups[end] == 0) ++end;
    if (end - each > run_size) {
      run_at = each;
      run_size = end - each;
    }
    each = std::max(end, each + 1);
  }
  // RFC 5952, section 5, as inet_ntop does: ::ffff:192.0.2.1
  const bool is_mapped = run_at == 0 && run_size == 5 && groups[5] == 0xFFFF;
  const std::size_t group_count = is_mapped ? 6 : groups.size();
  for (std::size_t each = 0; each < group_count;) {
    if (each == run_at) {
      at = put(at, "::");
      each += run_size;
      continue;
    }
    if (each > 0 && each != run_at + run_size) *at++ = ':';
    at = put_group(at, groups[each++]);
  }
  if (!is_mapped) return at;
  *at++ = ':';
  return put_dotted(at, bytes + 12);
}

bool is_json_plain(char each) {
  const auto byte = static_cast<unsigned char>(each);
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

// Eight bytes at a time: a byte's high bit is set where it is not plain, and maybe in bytes after
// such a one.
std::size_t plain_length(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  std::size_t length = 0;
  if constexpr (std::endian::native == std::endian::little) {
    for (; text.size() - length >= sizeof(std::uint64_t); length += sizeof(std::uint64_t)) {
      std::uint64_t bytes;
      std::memcpy(&bytes, text.data() + length, sizeof bytes);
      const std::uint64_t odd = bytes | (bytes - kOnes * 0x20) | ((bytes ^ kOnes * '"') - kOnes) |
                                ((bytes ^ kOnes * '\\') - kOnes);
      const std::uint64_t found = odd & (kOnes * 0x80);
      if (found != 0) return length + static_cast<std::size_t>(std::countr_zero(found)) / 8;
    }
  }
  while (length < text.size() && is_json_plain(text[length])) ++length;
  return length;
}

// The escape of the byte that `text` begins with; takes what it stands for from `text`.
std::string_view take_escaped(std::string_view& text, std::array<char, 6>& room) {
  const auto byte = static_cast<unsigned char>(text[0]);
  const std::size_t length = utf8_length(text);
  if (length > 1) {
    const std::string_view sequence = text.substr(0, length);
    text.remove_prefix(length);
    return sequence;
  }
  text.remove_prefix(1);
  if (length == 0) return "\\ufffd";
  switch (byte) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      room = {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15U]};
      return {room.data(), room.size()};
  }
}

template <typename Out>
void append_json(Out& out, std::string_view text) {
  std::array<char, 6> room{};
  while (!text.empty()) {
    const std::size_t plain = plain_length(text);
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (!text.empty()) out.append(take_escaped(text, room));
  }
}

}  // namespace

char* put_uint(char* at, std::uint64_t value) {
  return std::to_chars(at, at + kNumberRoom, value).ptr;
}

char* put_int(char* at, std::int64_t value) {
  return std::to_chars(at, at + kNumberRoom, value).ptr;
}

char* put_seconds(char* at, std::int64_t ns) {
  auto magnitude = static_cast<std::uint64_t>(ns);
  if (ns < 0) {
    *at++ = '-';
    magnitude = 0 - magnitude;
  }
  at = put_uint(at, magnitude / kNanoseconds);
  *at++ = '.';
  return put_nine_digits(at, static_cast<std::uint32_t>(magnitude % kNanoseconds));
}

char* put_address(char* at, std::string_view bytes) {
  if (bytes.size() == 4) return put_dotted(at, bytes.data());
  if (bytes.size() == 16) return put_ipv6(at, bytes.data());
  constexpr std::size_t kMost = 16;
  for (const char each : bytes.substr(0, kMost)) {
    *at++ = kHex[static_cast<unsigned char>(each) >> 4];
    *at++ = kHex[static_cast<unsigned char>(each) & 15U];
  }
  return at;
}

char* put_plain(char* at, const Value& value) {
  switch (value.kind()) {
    case Kind::kBool:
      return put(at, value.as_uint() != 0 ? "true" : "false");
    case Kind::kUint:
      return put_uint(at, value.as_uint());
    case Kind::kInt:
      return put_int(at, value.as_int());
    case Kind::kTime:
    case Kind::kDuration:
      return put_seconds(at, value.as_int());
    case Kind::kAddress:
      return put_address(at, value.bytes());
    case Kind::kNil:
    case Kind::kText:
      break;
  }
  return at;
}

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto continues = [&](std::size_t from, std::size_t to) {
    if (to > text.size()) return false;
    for (std::size_t at = from; at < to; ++at) {
      if ((byte(at) & 0xC0U) != 0x80) return false;
    }
    return true;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF && continues(1, 2)) return 2;
  if (first >= 0xE0 && first <= 0xEF && continues(1, 3)) {
    const bool is_long = first == 0xE0 && byte(1) < 0xA0;
    const bool is_surrogate = first == 0xED && byte(1) >= 0xA0;
    return is_long || is_surrogate ? 0 : 3;
  }
  if (first >= 0xF0 && first <= 0xF4 && continues(1, 4)) {
    const bool is_long = first == 0xF0 && byte(1) < 0x90;
    const bool is_beyond = first == 0xF4 && byte(1) >= 0x90;
    return is_long || is_beyond ? 0 : 4;
  }
  return 0;
}

char* put_json_text(char* at, std::string_view text) {
  struct Place {
    char* at;
    void append(std::string_view piece) {
      std::memcpy(at, piece.data(), piece.size());
      at += piece.size();
    }
  };
  Place place{at};
  append_json(place, text);
  return place.at;
}

void append_json_text(io::BlockWriter& out, std::string_view text) {
  append_json(out, text);
}
void append_json_text(std::string& out, std::string_view text) {
  append_json(out, text);
}

void append_shown(std::string& out, const Value& value) {
  if (value.is_nil()) {
    out.push_back('-');
  } else if (value.kind() == Kind::kText) {
    io::append_escaped(out, value.bytes());
  } else {
    std::array<char, kValueRoom> room;
    out.append(room.data(), put_plain(room.data(), value));
  }
}

bool parse_decimal(std::string_view text, int scale, Decimal& decimal) {
  decimal = {0, false, true};
  if (!text.empty() && text[0] == '-') {
    decimal.is_negative = true;
    text.remove_prefix(1);
  }
  const auto is_digit = [](char each) { return each >= '0' && each <= '9'; };
  std::size_t whole = 0;
  while (whole < text.size() && is_digit(text[whole])) ++whole;
  std::string_view fraction;
  std::string_view rest = text.substr(whole);
  if (!rest.empty() && rest[0] == '.') {
    std::size_t size = 1;
    while (size < rest.size() && is_digit(rest[size])) ++size;
    fraction = rest.substr(1, size - 1);
    rest.remove_prefix(size);
  }
  if (whole + fraction.size() == 0) return false;
  // A number of digits that no value of ours has; more would overflow what follows.
  constexpr int kMostShift = 100'000;
  int exponent = 0;
  if (!rest.empty()) {
    if (rest[0] != 'e' && rest[0] != 'E') return false;
    rest.remove_prefix(1);
    if (!rest.empty() && rest[0] == '+') rest.remove_prefix(1);
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), exponent);
    if (error != std::errc{} || end != rest.data() + rest.size()) return false;
    exponent = std::clamp(exponent, -kMostShift, kMostShift);
  }
  // How many of all the digits stand before the point of the result.
  const std::int64_t kept = static_cast<std::int64_t>(whole) + scale + exponent;
  const auto count = static_cast<std::int64_t>(whole + fraction.size());
  const auto digit_at = [&](std::int64_t at) {
    const auto index = static_cast<std::size_t>(at);
    const char digit = index < whole ? text[index] : fraction[index - whole];
    return static_cast<unsigned>(digit - '0');
  };
  for (std::int64_t at = 0; at < count; ++at) {
    if (at >= kept) {
      if (digit_at(at) != 0) decimal.is_exact = false;
      continue;
    }
    const unsigned digit = digit_at(at);
    if (decimal.magnitude > (UINT64_MAX - digit) / 10) return false;
    decimal.magnitude = decimal.magnitude * 10 + digit;
  }
  for (std::int64_t at = count; at < kept && decimal.magnitude != 0; ++at) {
    if (decimal.magnitude > UINT64_MAX / 10) return false;
    decimal.magnitude *= 10;
  }
  return true;
}

bool parse_seconds(std::string_view text, std::int64_t& ns) {
  constexpr int kDecimals = 9;
  Decimal decimal;
  if (!parse_decimal(text, kDecimals, decimal)) return false;
  const std::uint64_t limit = static_cast<std::uint64_t>(INT64_MAX) + (decimal.is_negative ? 1 : 0);
  if (decimal.magnitude > limit) return false;
  ns = static_cast<std::int64_t>(decimal.is_negative ? 0 - decimal.magnitude : decimal.magnitude);
  return true;
}

std::size_t parse_address(std::string_view text, char* bytes) {
  std::array<char, INET6_ADDRSTRLEN> room{};
  if (text.size() >= room.size()) return 0;
  text.copy(room.data(), text.size());
  if (::inet_pton(AF_INET, room.data(), bytes) == 1) return 4;
  return ::inet_pton(AF_INET6, room.data(), bytes) == 1 ? 16 : 0;
}

}  // namespace tracebraid::formats::record
