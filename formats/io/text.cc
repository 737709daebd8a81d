#include "formats/io/text.h"

#include <algorithm>
#include <cstdint>

#include "formats/io/error.h"

namespace tracebraid::formats::io {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void append_byte_escape(std::string& out, unsigned char byte) {
  out.append("\\x");
  out.push_back(kHex[byte >> 4]);
  out.push_back(kHex[byte & 15]);
}

void append_unicode_escape(std::string& out, std::uint32_t code_point) {
  out.append("\\u");
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kHex[(code_point >> shift) & 15]);
}

struct Decoded {
  std::uint32_t code_point;
  std::size_t length;  // 0: not UTF-8
};

// One UTF-8 sequence (RFC 3629), surrogates let through as CPython's "surrogatepass" writes them.
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto continues = [&](std::size_t at) {
    return at < text.size() && (byte(at) & 0xC0) == 0x80;
  };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first >= 0xC2 && first < 0xE0 && continues(1)) {
    return {(first & 0x1F) << 6 | (byte(1) & 0x3FU), 2};
  }
  if (first >= 0xE0 && first < 0xF0 && continues(1) && continues(2)) {
    const std::uint32_t value = (first & 0x0F) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU);
    if (value >= 0x800) return {value, 3};
  }
  if (first >= 0xF0 && first < 0xF5 && continues(1) && continues(2) && continues(3)) {
    const std::uint32_t value =
        (first & 0x07) << 18 | (byte(1) & 0x3FU) << 12 | (byte(2) & 0x3FU) << 6 | (byte(3) & 0x3FU);
    if (value >= 0x10000 && value <= 0x10FFFF) return {value, 4};
  }
  return {0, 0};
}

bool begins_code_point(char each) {
  return (static_cast<unsigned char>(each) & 0xC0U) != 0x80;
}

bool needs_unicode_escape(std::uint32_t code_point) {
  return (code_point >= 0xD800 && code_point < 0xE000) ||   // surrogates
         code_point == 0x2028 || code_point == 0x2029 ||    // line separators
         (code_point >= 0x202A && code_point <= 0x202E) ||  // bidi embeddings
         (code_point >= 0x2066 && code_point <= 0x2069) || code_point == 0xFEFF;
}

}  // namespace

bool is_plain(std::string_view text) {
  for (const char each : text) {
    if (each < ' ' || each > '~') return false;
  }
  return true;
}

void append_escaped(std::string& out, std::string_view text) {
  if (is_plain(text)) {
    out.append(text);
    return;
  }
  while (!text.empty()) {
    const Decoded next = decode(text);
    if (next.length == 0) {
      append_byte_escape(out, static_cast<unsigned char>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    if (next.code_point < 0x20 || (next.code_point >= 0x7F && next.code_point < 0xA0)) {
      append_byte_escape(out, static_cast<unsigned char>(next.code_point));
    } else if (needs_unicode_escape(next.code_point)) {
      append_unicode_escape(out, next.code_point);
    } else {
      out.append(text.substr(0, next.length));
    }
    text.remove_prefix(next.length);
  }
}

std::string quoted(std::string_view text, std::size_t most) {
  std::string out;
  append_escaped(out, text.substr(0, most));
  if (text.size() > most) out.append("…");
  return out;
}

void append_valid_utf8(std::string& out, std::string_view text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  while (!text.empty()) {
    const Decoded next = decode(text);
    const bool is_surrogate = next.code_point >= 0xD800 && next.code_point < 0xE000;
    if (next.length == 0 || is_surrogate) {
      out.append(kReplacement);
    } else {
      out.append(text.substr(0, next.length));
    }
    text.remove_prefix(next.length == 0 ? 1 : next.length);
  }
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_code_point));
}

std::string_view front_of(std::string_view text, std::size_t width) {
  std::size_t at = 0;
  for (std::size_t seen = 0; at < text.size(); ++at) {
    if (begins_code_point(text[at]) && seen++ == width) break;
  }
  return text.substr(0, at);
}

}  // namespace tracebraid::formats::io
