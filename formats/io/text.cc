#include "formats/io/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

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
  const bool is_short = code_point < 0x10000;
  out.append(is_short ? "\\u" : "\\U");
  for (int shift = is_short ? 12 : 28; shift >= 0; shift -= 4) {
    out.push_back(kHex[(code_point >> shift) & 15U]);
  }
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

struct Range {
  std::uint32_t first, last;
};

// What shows nothing of itself, ends a line or turns the order of what is around it: Unicode's
// Default_Ignorable_Code_Point (DerivedCoreProperties.txt of Unicode 14: bidirectional controls,
// joiners, fillers, variation selectors, tags, the byte order mark, …), line separators, surrogates
// and the anchors of interlinear annotation. Sorted.
constexpr auto kHidden = std::to_array<Range>({
    {0xAD, 0xAD},        // soft hyphen
    {0x34F, 0x34F},      // combining grapheme joiner
    {0x61C, 0x61C},      // Arabic letter mark
    {0x115F, 0x1160},    // Hangul fillers
    {0x17B4, 0x17B5},    // Khmer inherent vowels
    {0x180B, 0x180F},    // Mongolian variation selectors
    {0x200B, 0x200F},    // zero width space and joiners, left-to-right and right-to-left marks
    {0x2028, 0x202E},    // line and paragraph separators, bidirectional embeddings
    {0x2060, 0x206F},    // word joiner, invisible operators, bidirectional isolates
    {0x3164, 0x3164},    // Hangul filler
    {0xD800, 0xDFFF},    // surrogates
    {0xFE00, 0xFE0F},    // variation selectors
    {0xFEFF, 0xFEFF},    // byte order mark
    {0xFFA0, 0xFFA0},    // halfwidth Hangul filler
    {0xFFF0, 0xFFFB},    // unassigned ones, interlinear annotation
    {0x1BCA0, 0x1BCA3},  // shorthand format controls
    {0x1D173, 0x1D17A},  // musical format controls
    {0xE0000, 0xE0FFF},  // tags, more variation selectors
});

bool is_hidden(std::uint32_t code_point) {
  const auto* const found = std::ranges::lower_bound(kHidden, code_point, {}, &Range::last);
  return found != kHidden.end() && found->first <= code_point;
}

// How many bytes in front are printable ASCII; eight at a time.
std::size_t plain_front(std::string_view text) {
  constexpr std::uint64_t kEach = 0x0101010101010101;
  std::size_t at = 0;
  for (std::uint64_t bytes = 0; at + sizeof bytes <= text.size(); at += sizeof bytes) {
    std::memcpy(&bytes, text.data() + at, sizeof bytes);
    // The high bit of what is below a blank, DEL, or no ASCII. Carries reach bytes only behind one.
    if ((((bytes - kEach * ' ') | (bytes + kEach) | bytes) & (kEach << 7U)) != 0) break;
  }
  while (at < text.size() && text[at] >= ' ' && text[at] <= '~') ++at;
  return at;
}

}  // namespace

bool is_plain(std::string_view text) {
  return plain_front(text) == text.size();
}

void append_escaped(std::string& out, std::string_view text) {
  while (true) {
    const std::size_t plain = plain_front(text);
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;
    const Decoded next = decode(text);
    if (next.length == 0) {
      append_byte_escape(out, static_cast<unsigned char>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    if (next.code_point < 0xA0) {  // a control
      append_byte_escape(out, static_cast<unsigned char>(next.code_point));
    } else if (is_hidden(next.code_point)) {
      append_unicode_escape(out, next.code_point);
    } else {
      out.append(text.substr(0, next.length));
    }
    text.remove_prefix(next.length);
  }
}

std::string escaped(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

std::size_t unfinished_end(std::string_view text) {
  constexpr std::size_t kMost = 3;
  for (std::size_t back = 1; back <= std::min(kMost, text.size()); ++back) {
    const char each = text[text.size() - back];
    if (!begins_code_point(each)) continue;
    const auto byte = static_cast<unsigned char>(each);
    const std::size_t length = byte < 0xC2 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    return length > back ? back : 0;
  }
  return 0;
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
