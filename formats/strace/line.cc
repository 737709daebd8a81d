#include "formats/strace/line.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "formats/io/find_any.h"

namespace tracebraid::formats::strace {
namespace {

using io::find_any;

constexpr std::int64_t kSecond = 1'000'000'000;

constexpr auto kNameChars = [] {
  std::array<bool, 256> is_name{};
  for (int c = 'a'; c <= 'z'; ++c) is_name[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) is_name[static_cast<std::size_t>(c)] = true;
  for (int c = '0'; c <= '9'; ++c) is_name[static_cast<std::size_t>(c)] = true;
  is_name['_'] = is_name['?'] = true;
  return is_name;
}();

bool is_digit(char c) {
  return static_cast<unsigned char>(c - '0') < 10;
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}

std::string_view view(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

// Past blanks.
const char* skip_blanks(const char* at, const char* end) {
  while (at < end && *at == ' ') ++at;
  return at;
}

// `at` is behind the point. Digits beyond nine are left out.
const char* parse_fraction(const char* at, const char* end, std::int64_t& ns, std::int64_t& unit) {
  std::int64_t value = 0;
  unit = kSecond;
  while (at < end && is_digit(*at)) {
    if (unit > 1) {
      value = value * 10 + (*at - '0');
      unit /= 10;
    }
    ++at;
  }
  ns = value * unit;
  return at;
}

// Behind the closing quote of the string whose opening one is at `at`; null when it is not closed.
const char* skip_string(const char* at, const char* end) {
  ++at;
  while (at < end) {
    at = find_any<'"', '\\'>(at, end);
    if (at >= end) break;
    if (*at == '"') return at + 1;
    at += 2;
  }
  return nullptr;
}

// A path has 4,096 bytes at most, four times that escaped.
constexpr std::ptrdiff_t kMostNote = 32768;

// Behind the ">" of what -y prints, whose "<" is at `at`, if it holds nothing that has to be looked
// at more closely; null otherwise.
const char* skip_plain_annotation(const char* at, const char* end) {
  end = std::min(end, at + std::min(end - at, kMostNote));
  const char* const mark = find_any<'<', '>', '"', '\\'>(at + 1, end);
  return mark < end && *mark == '>' && mark[-1] != '-' ? mark + 1 : nullptr;
}

// Behind the ">" of what -y prints, whose "<" is at `at`; null when it is not closed.
const char* skip_annotation(const char* at, const char* end) {
  end = std::min(end, at + std::min(end - at, kMostNote));
  // A socket's text holds arrows. A path may end in a hyphen: its own ">" is escaped (since 4.22).
  const bool has_arrows = at + 1 < end && at[1] >= 'A' && at[1] <= 'Z';
  int depth = 0;
  while ((at = find_any<'<', '>', '"', '\\'>(at, end)) < end) {
    switch (*at) {
      case '<':
        ++depth;
        break;
      case '>':
        if (has_arrows && at[-1] == '-') break;
        if (--depth == 0) return at + 1;
        break;
      case '"':
        if (has_arrows) {
          if (const char* const behind = skip_string(at, end); behind != nullptr) {
            at = behind;
            continue;
          }
        }
        break;
      default:
        ++at;
        break;
    }
    ++at;
    if (at > end) break;
  }
  return nullptr;
}

// The characters of a call's text that decide where its arguments end: quotes, parentheses, "<",
// and "*" for comments. Found for 64 bytes at a time.
class Marks {
 public:
  // From `at` on; what stands from `floor` on may be looked at, too.
  Marks(const char* floor, const char* at, const char* end) : floor_(floor), end_(end) { load(at); }

  // The first one at or behind `at`, which never moves back; `end` when there is none.
  const char* next(const char* at) {
    for (;;) {
      const std::ptrdiff_t skip = at - block_;
      if (skip >= 64) {
        if (at >= end_) return end_;
        load(at);
        continue;
      }
      const std::uint64_t left = bits_ >> static_cast<unsigned>(skip);
      if (left != 0) return at + __builtin_ctzll(left);
      if (end_ - block_ <= 64) return end_;
      load(block_ + 64);
      at = block_;
    }
  }

 private:
  void load(const char* at) {
    block_ = at;
    const std::ptrdiff_t count = end_ - at;
    if (count >= 64) {
      bits_ = marks_of(at);
    } else if (count > 0 && end_ - floor_ >= 64) {
      bits_ = marks_of(end_ - 64) >> static_cast<unsigned>(64 - count);
    } else {
      bits_ = 0;
      std::array<char, 64> padded{};
      if (count > 0) {
        std::memcpy(padded.data(), at, static_cast<std::size_t>(count));
        bits_ = marks_of(padded.data());
      }
    }
  }

  // Bit n is set when text[n] is a mark.
  static std::uint64_t marks_of(const char* text) {
    std::uint64_t bits = 0;
#ifdef __SSE2__
    for (unsigned part = 0; part < 4; ++part) {
      const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + part * 16));
      const auto is = [](__m128i bytes, char c) { return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)); };
      // ( and ) differ in their last bit.
      const __m128i found =
          _mm_or_si128(_mm_or_si128(is(_mm_or_si128(block, _mm_set1_epi8(1)), ')'), is(block, '"')),
                       _mm_or_si128(is(block, '<'), is(block, '*')));
      bits |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(found)))
              << (part * 16);
    }
#else
    for (unsigned at = 0; at < 64; ++at) {
      const char c = text[at];
      const bool is_mark = c == '(' || c == ')' || c == '"' || c == '<' || c == '*';
      bits |= static_cast<std::uint64_t>(is_mark) << at;
    }
#endif
    return bits;
  }

  const char* floor_;
  const char* end_;
  const char* block_ = nullptr;
  std::uint64_t bits_ = 0;
};

// Eight decimal digits, the first in the lowest byte, as a number; false when they are not digits.
bool parse_eight(std::uint64_t chunk, std::uint64_t& value) {
  chunk -= 0x3030303030303030U;
  // A byte above 9, or one that went below 0 and carried.
  if (((chunk + 0x7676767676767676U) | chunk) & 0x8080808080808080U) return false;
  chunk = chunk * 10 + (chunk >> 8U);
  value = (((chunk & 0x000000FF000000FFU) * 0x000F424000000064U) +
           (((chunk >> 16U) & 0x000000FF000000FFU) * 0x0000271000000001U)) >>
          32U;
  return true;
}

constexpr bool kIsLittleEndian = std::endian::native == std::endian::little;

std::uint64_t eight_bytes(const char* at) {
  std::uint64_t chunk;
  std::memcpy(&chunk, at, sizeof chunk);
  return chunk;
}

// "1795418241.520582 ": -ttt's usual form.
bool parse_epoch(const char* at, const char* end, Prefix& prefix) {
  if (!kIsLittleEndian || end - at < 20 || at[10] != '.' || at[17] != ' ') return false;
  // Digits 0 to 7; then, around the point, 9 and 10 of the seconds and the six behind it.
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  const std::uint64_t seconds_end = eight_bytes(at + 8) & 0xFFFFU;
  const std::uint64_t fraction = eight_bytes(at + 9) & 0xFFFFFFFFFFFF0000U;
  if (!parse_eight(eight_bytes(at), high) || !parse_eight(seconds_end | fraction, low)) {
    return false;
  }
  const std::uint64_t micro = low % 1'000'000;
  const std::uint64_t seconds = high * 100 + low / 1'000'000;
  prefix.stamp = Stamp::kEpoch;
  prefix.time_ns = static_cast<std::int64_t>(seconds * 1'000'000'000 + micro * 1000);
  prefix.resolution_ns = 1000;
  return true;
}

// "<0.000018>": -T's usual form. Returns what is behind it, or null when it is none.
const char* parse_duration(const char* at, const char* end, std::int64_t& duration_ns) {
  if (!kIsLittleEndian || end - at < 10 || at[0] != '<' || at[2] != '.' || at[9] != '>') {
    return nullptr;
  }
  // The point's place is taken by the second, and the second's by a nought.
  const std::uint64_t text = eight_bytes(at + 1);
  std::uint64_t micro = 0;
  if (!parse_eight((text & 0xFFFFFFFFFFFF0000U) | (text & 0xFFU) << 8U | '0', micro)) {
    return nullptr;
  }
  duration_ns = static_cast<std::int64_t>(micro) * 1000;
  return at + 10;
}

bool is_at(const char* at, const char* end, std::string_view what) {
  return static_cast<std::size_t>(end - at) >= what.size() &&
         std::memcmp(at, what.data(), what.size()) == 0;
}

// "30311 1795418241.520582 ": what most logs are made of. Returns where the body begins, or null
// when it is anything else; `prefix` is as new then.
const char* parse_usual_prefix(const char* at, const char* end, Prefix& prefix) {
  if (!is_digit(*at)) return nullptr;
  const char* const begin = at;
  std::uint32_t pid = 0;
  while (at < end && is_digit(*at) && at - begin < 7) {
    pid = pid * 10 + static_cast<unsigned>(*at++ - '0');
  }
  if (pid == 0 || at >= end || *at != ' ') return nullptr;
  ++at;
  while (at < end && *at == ' ' && at - begin < 6) ++at;
  if (!parse_epoch(at, end, prefix)) return nullptr;
  at += 18;
  if (*at == ' ' || *at == '(' || *at == '[' || is_digit(*at)) {
    prefix = Prefix{};
    return nullptr;
  }
  prefix.pid = pid;
  return at;
}

// What -r, -t, -n and -i print. Returns where the body begins.
const char* parse_prefix(const char* at, const char* end, Prefix& prefix) {
  const char* const begin = at;
  if (is_at(at, end, "[pid ")) {
    const char* p = skip_blanks(at + 5, end);
    std::uint64_t pid = 0;
    const char* const digits = p;
    while (p < end && is_digit(*p) && p - digits < 10) {
      pid = pid * 10 + static_cast<std::uint64_t>(*p++ - '0');
    }
    const char* behind = p;
    if (behind < end && *behind == '<') {
      behind = skip_annotation(behind, end);
      if (behind != nullptr) prefix.comm = view(p + 1, behind - 1);
    }
    if (p > digits && behind != nullptr && behind + 1 < end && *behind == ']' && behind[1] == ' ') {
      prefix.pid = static_cast<std::uint32_t>(pid);
      prefix.is_bracketed = true;
      at = behind + 2;
    }
  }
  bool had_time = false;
  for (;;) {
    const char* p = at;
    if (p >= end) return at;
    if (*p == ' ') {
      p = skip_blanks(p, end);
      if (p >= end || !is_digit(*p)) return at == begin ? at : p;
    }
    if (is_digit(*p)) {
      if (!had_time && parse_epoch(p, end, prefix)) {
        had_time = true;
        at = p + 18;
        continue;
      }
      const char* const digits = p;
      std::int64_t value = 0;
      while (p < end && is_digit(*p) && p - digits < 18) value = value * 10 + (*p++ - '0');
      const auto count = p - digits;
      if (p >= end) return at;
      if (*p == ':' && count == 2) {
        if (end - p < 6 || !is_digit(p[1]) || !is_digit(p[2]) || p[3] != ':' || !is_digit(p[4]) ||
            !is_digit(p[5])) {
          return at;
        }
        const std::int64_t minutes = (p[1] - '0') * 10 + (p[2] - '0');
        const std::int64_t seconds = (p[4] - '0') * 10 + (p[5] - '0');
        std::int64_t fraction = 0;
        std::int64_t unit = kSecond;
        p += 6;
        if (p < end && *p == '.') p = parse_fraction(p + 1, end, fraction, unit);
        if (p >= end || *p != ' ' || value > 24 || minutes > 59 || seconds > 60) return at;
        prefix.stamp = Stamp::kTimeOfDay;
        prefix.time_ns = ((value * 60 + minutes) * 60 + seconds) * kSecond + fraction;
        prefix.resolution_ns = unit;
        had_time = true;
        at = p + 1;
        continue;
      }
      if (*p == '.' || count >= 9 || (*p == ' ' && (prefix.pid != 0 || digits != begin))) {
        std::int64_t fraction = 0;
        std::int64_t unit = kSecond;
        if (*p == '.') p = parse_fraction(p + 1, end, fraction, unit);
        if (p >= end || *p != ' ' || value > INT64_MAX / kSecond - 1) return at;
        if (count >= 9) {
          if (had_time) return at;
          prefix.stamp = Stamp::kEpoch;
          prefix.time_ns = value * kSecond + fraction;
          prefix.resolution_ns = unit;
        } else {
          if (prefix.has_delta) return at;
          prefix.has_delta = true;
          prefix.delta_ns = value * kSecond + fraction;
          if (prefix.stamp == Stamp::kNone) prefix.resolution_ns = unit;
        }
        had_time = true;
        at = p + 1;
        continue;
      }
      // A thread's id stands first, and blanks or its name follow.
      if (digits != begin || value == 0 || value > 4'194'304'000) return at;
      if (*p == '<') {
        const char* const behind = skip_annotation(p, end);
        if (behind == nullptr || behind >= end || *behind != ' ') return at;
        prefix.comm = view(p + 1, behind - 1);
        p = behind;
      }
      if (*p != ' ') return at;
      prefix.pid = static_cast<std::uint32_t>(value);
      at = p + 1;
      // Padded to five columns; -r's blanks come on top and are skipped with its number.
      while (at < end && *at == ' ' && at - begin < 6) ++at;
      continue;
    }
    if (*p == '(' && is_at(p, end, "(+")) {
      const char* q = skip_blanks(p + 2, end);
      std::int64_t value = 0;
      while (q < end && is_digit(*q) && value < INT64_MAX / kSecond / 10) {
        value = value * 10 + (*q++ - '0');
      }
      std::int64_t fraction = 0;
      std::int64_t unit = kSecond;
      if (q < end && *q == '.') q = parse_fraction(q + 1, end, fraction, unit);
      if (!is_at(q, end, ") ")) return at;
      prefix.has_delta = true;
      prefix.delta_ns = value * kSecond + fraction;
      at = q + 2;
      continue;
    }
    if (*p == '[' && !is_at(p, end, "[ Process ")) {
      const char* const closing =
          static_cast<const char*>(std::memchr(p, ']', static_cast<std::size_t>(end - p)));
      if (closing == nullptr || closing + 1 >= end || closing[1] != ' ') return p;
      const std::string_view inside = view(p + 1, closing);
      if (inside.empty()) return p;
      const bool is_address = (inside.size() == 16 || inside.size() == 8) &&
                              (std::ranges::all_of(inside, is_hex) ||
                               inside.find_first_not_of('?') == std::string_view::npos);
      const bool is_number =
          inside.find_first_not_of(" 0123456789") == std::string_view::npos || inside == "???";
      if (is_address) {
        prefix.has_ip = inside[0] != '?';
        std::from_chars(inside.data(), inside.data() + inside.size(), prefix.ip, 16);
      } else if (is_number) {
        const char* const q = skip_blanks(p + 1, closing);
        std::from_chars(q, closing, prefix.number);
      } else if (inside.find(' ') != std::string_view::npos) {
        return p;  // neither is it a security context
      }
      at = closing + 2;
      continue;
    }
    return p;
  }
}

}  // namespace

bool parse_number(std::string_view text, std::int64_t& value, std::size_t& length) {
  const char* at = text.data();
  const char* const end = at + text.size();
  if (at == end || !is_digit(*at)) return false;
  if (at + 1 == end || (*at != '0' && !is_digit(at[1])) || (*at == '0' && at[1] == ' ')) {
    value = *at - '0';
    length = 1;
    return true;
  }
  std::uint64_t number = 0;
  if (*at == '0' && at + 1 < end && at[1] == 'x') {
    const auto [behind, error] = std::from_chars(at + 2, end, number, 16);
    if (error != std::errc{}) return false;
    at = behind;
  } else if (*at == '0' && at + 1 < end && is_digit(at[1])) {
    const auto [behind, error] = std::from_chars(at, end, number, 8);
    if (error != std::errc{}) return false;
    at = behind;
  } else {
    int digits = 0;
    while (at < end && is_digit(*at) && digits < 19) {
      number = number * 10 + static_cast<std::uint64_t>(*at++ - '0');
      ++digits;
    }
    if (at < end && is_digit(*at)) {
      const auto [behind, error] = std::from_chars(text.data(), end, number);
      if (error != std::errc{}) return false;
      at = behind;
    }
  }
  value = static_cast<std::int64_t>(number);
  length = static_cast<std::size_t>(at - text.data());
  return true;
}

namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

constexpr std::string_view kUnfinished = "<unfinished ...>";
constexpr std::string_view kDetached = "<detached ...>";
constexpr std::string_view kMoved = "<pid changed to ";

// Reads the result, from behind the closing parenthesis. False when there is none.
bool parse_result(const char* at, const char* end, Call& call) {
  at = skip_blanks(at, end);
  if (at >= end || *at != '=') return false;
  const char* const text = skip_blanks(at + 1, end);
  if (text >= end) return false;
  at = text;
  if (*at == '?') {
    ++at;
  } else {
    std::size_t length = 0;
    const bool is_negative = *at == '-';
    std::int64_t value = 0;
    if (!parse_number(view(is_negative ? at + 1 : at, end), value, length)) return false;
    call.has_result = true;
    call.result = is_negative ? -value : value;
    at += length + (is_negative ? 1 : 0);
    if (at < end && *at == '<') {
      if (const char* const behind = skip_annotation(at, end); behind != nullptr) {
        at = behind;
        if (is_at(at, end, "(deleted)")) at += 9;
      }
    }
  }
  call.result_text = view(text, at);
  while (at < end) {
    at = skip_blanks(at, end);
    if (at >= end) break;
    const char* const token = at;
    if (*at == '(') {
      int depth = 0;
      const char* p = at;
      while (p < end) {
        if (*p == '"') {
          if (const char* const behind = skip_string(p, end); behind != nullptr) {
            p = behind;
            continue;
          }
        }
        if (*p == '(') ++depth;
        if (*p == ')' && --depth == 0) break;
        ++p;
      }
      if (p >= end) return false;
      const std::string_view inside = view(at + 1, p);
      if (inside.starts_with("INJECTED")) {
        call.is_injected = true;
      } else if (inside.starts_with("DELAYED")) {
        call.is_delayed = true;
      } else if (inside.starts_with("errno ") && call.error.empty()) {
        call.error = inside.substr(6);
      } else if (call.error.empty() || at[-1] != ' ' ||
                 call.error.data() + call.error.size() + 1 != at) {
        call.aux = inside;
      }
      at = p + 1;
      continue;
    }
    if (*at == '<') {
      if (const char* const behind = parse_duration(at, end, call.duration_ns); behind != nullptr) {
        at = behind;
        continue;
      }
      const char* const closing =
          static_cast<const char*>(std::memchr(at, '>', static_cast<std::size_t>(end - at)));
      if (closing == nullptr) return false;
      if (is_digit(at[1])) {
        std::int64_t seconds = 0;
        const char* p = at + 1;
        // What would not fit into 64 bits is no duration.
        while (p < closing && is_digit(*p) && seconds < kSecond / 2) {
          seconds = seconds * 10 + (*p++ - '0');
        }
        std::int64_t fraction = 0;
        std::int64_t unit = kSecond;
        if (*p == '.') p = parse_fraction(p + 1, closing, fraction, unit);
        if (p != closing) return false;
        call.duration_ns = seconds * kSecond + fraction;
      } else if (view(at, closing + 1) == "<unavailable>") {
        call.is_unavailable = true;
      } else {
        return false;
      }
      at = closing + 1;
      continue;
    }
    if (*at == '/' && is_at(at, end, "/*")) {
      const std::string_view rest = view(at, end);
      const std::size_t closing = rest.find("*/");
      if (closing == std::string_view::npos) return false;
      at += closing + 2;
      continue;
    }
    while (at < end && kNameChars[static_cast<unsigned char>(*at)]) ++at;
    if (at == token || *token != 'E' || !call.error.empty()) return false;
    call.error = view(token, at);
  }
  return true;
}

constexpr std::string_view kTableWords[] = {"%",      "time",    "seconds",  "usecs/call", "calls",
                                            "errors", "syscall", "shortest", "longest",    "wall",
                                            "stime",  "min",     "max",      "avg",        "total"};

// A heading of -c's table: nothing but names of columns, with blanks between (wall-* are 7.1's).
bool is_table_heading(std::string_view text) {
  if (text.starts_with("System call usage summary for ")) return true;
  std::size_t words = 0;
  bool names_calls = false;
  while (!(text = trim(text)).empty()) {
    const std::size_t length = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, length);
    if (std::ranges::find(kTableWords, word) == std::end(kTableWords) &&
        !word.starts_with("wall-") && !word.starts_with("%")) {
      return false;
    }
    names_calls = names_calls || word == "syscall" || word == "calls";
    ++words;
    text.remove_prefix(length);
  }
  return words >= 1 && names_calls;
}

// Before 4.11, messages had no "strace: " in front.
bool is_old_message(std::string_view text) {
  if (!text.starts_with("Process ")) return false;
  text.remove_prefix(8);
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0) return false;
  text.remove_prefix(digits);
  return text.starts_with(" attached") || text.starts_with(" detached") ||
         text.starts_with(" suspended") || text.starts_with(" resumed");
}

}  // namespace

std::string_view Call::argument(std::size_t index) const {
  if (index == 0 && !first.empty()) return first;
  const char* at = args.data();
  const char* const end = at + args.size();
  const char* begin = at;
  at += first.size();
  int depth = 0;
  int annotations_left = 64;
  for (;;) {
    at = find_any<',', '"', '(', ')', '[', ']', '{', '}', '<', '/'>(at, end);
    if (at >= end) break;
    switch (*at) {
      case ',':
        if (depth != 0) break;
        if (index == 0) goto found;
        --index;
        begin = at + 1;
        break;
      case '"': {
        const char* const behind = skip_string(at, end);
        at = behind == nullptr ? end : behind;
        continue;
      }
      case '<':
        if (at > begin && at[-1] != ' ' && annotations_left-- > 0) {
          if (const char* const behind = skip_annotation(at, end); behind != nullptr) {
            at = behind;
            continue;
          }
        }
        break;
      case '/':
        if (at + 1 < end && at[1] == '*') {
          const std::size_t closing = view(at, end).find("*/", 2);
          if (closing != std::string_view::npos) {
            at += closing + 2;
            continue;
          }
        }
        break;
      case '(':
      case '[':
      case '{':
        ++depth;
        break;
      default:
        if (depth > 0) --depth;
        break;
    }
    ++at;
  }
  if (index != 0) return {};
  at = end;
found:
  std::string_view text = view(begin, at);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  std::size_t length = 0;
  while (length < text.size() && ((text[length] >= 'a' && text[length] <= 'z') ||
                                  text[length] == '_' || (length > 0 && is_digit(text[length])))) {
    ++length;
  }
  if (length > 0 && length < text.size() && text[length] == '=') text.remove_prefix(length + 1);
  return text;
}

namespace {

bool is_name(const char* at, const char* end) {
  if (at == end || is_digit(*at)) return false;
  while (at < end && kNameChars[static_cast<unsigned char>(*at)]) ++at;
  return at == end;
}

// The first argument, if it is a number, with what -y prints behind it. Returns what is behind it.
const char* parse_first(const char* at, const char* end, Call& call) {
  if (at >= end || !is_digit(*at)) return at;
  const char* const begin = at;
  std::int64_t number = *at++ - '0';
  constexpr std::ptrdiff_t kMostDigits = 10;
  // What begins with a nought is octal, or a nought.
  while (number != 0 && at < end && is_digit(*at) && at - begin < kMostDigits) {
    number = number * 10 + (*at++ - '0');
  }
  if (at >= end) return begin;
  const char* const digits_end = at;
  if (*at == '<') {
    if (at + 1 < end && at[1] == '<') return begin;
    at = skip_plain_annotation(at, end);
    call.first_note.is_plain = at != nullptr;
    if (at == nullptr) at = skip_annotation(digits_end, end);
    if (at == nullptr || at >= end) return begin;
  }
  if (*at != ',' && *at != ')') return begin;
  call.first = view(begin, at);
  call.first_number = number;
  if (at != digits_end) call.first_note.text = view(digits_end + 1, at - 1);
  return at;
}

// call = Call{}, of which g++ 12 makes a slow `rep stos`; a chain of assignments would read what it
// has just written.
void clear(Call& call) {
  call.name = {};
  call.row = nullptr;
  call.args = {};
  call.ending = Ending::kOpen;
  call.was_cut_short = false;
  call.moved_to = 0;
  call.has_result = false;
  call.is_unavailable = false;
  call.is_injected = false;
  call.is_delayed = false;
  call.result = 0;
  call.result_text = {};
  call.error = {};
  call.aux = {};
  call.duration_ns = -1;
  call.first = {};
  call.first_note = {};
  call.first_number = 0;
}

// `floor`: as Marks has it.
Body parse_call(const char* floor, const char* at, const char* end, Call& call) {
  clear(call);
  const char* const name = at;
  Marks marks(floor, at, end);
  at = marks.next(at);
  if (at >= end || *at != '(') return Body::kForeign;
  call.row = find_syscall(view(name, at));
  if (call.row == nullptr && !is_name(name, at)) return Body::kForeign;
  call.name = view(name, at);
  const char* const args = ++at;
  const char* args_end = nullptr;
  int depth = 0;
  // So that hostile lines take linear time.
  int annotations_left = 64;
  bool may_have_comments = true;
  bool may_have_marks = true;
  at = parse_first(at, end, call);
  while ((at = marks.next(at)) < end) {
    switch (*at) {
      case '"': {
        const char* const behind = skip_string(at, end);
        at = behind == nullptr ? end : behind;
        continue;
      }
      case '(':
        ++depth;
        break;
      case ')':
        if (depth == 0) goto closed;
        --depth;
        break;
      case '*':
        if (at[-1] == '/' && may_have_comments) {
          const std::size_t closing = view(at, end).find("*/", 1);
          may_have_comments = closing != std::string_view::npos;
          if (closing != std::string_view::npos) {
            at += closing + 2;
            // The slash that ends a comment begins none.
            if (at < end && *at == '*') ++at;
            continue;
          }
        }
        break;
      case '<': {
        const char before = at[-1];
        if (before != ' ' && before != '(') {
          if (at + 1 < end && at[1] == '<') {  // 1<<CAP_CHOWN
            at += 2;
            continue;
          }
          if (annotations_left > 0) {
            if (const char* const behind = skip_annotation(at, end); behind != nullptr) {
              at = behind;
              continue;
            }
            --annotations_left;
          }
          break;
        }
        // All are preceded by a blank that belongs to them.
        const char* const cut = before == ' ' ? at - 1 : at;
        if (is_at(at, end, kUnfinished)) {
          const char* const behind = at + kUnfinished.size();
          if (behind == end) {
            call.args = view(args, cut);
            call.ending = Ending::kUnfinished;
            return Body::kCall;
          }
          if (*behind == ')' || (*behind == ' ' && behind + 1 < end && behind[1] == ')')) {
            call.was_cut_short = true;
            args_end = cut;
            at = behind + (*behind == ' ' ? 1 : 0);
            goto closed;
          }
        } else if (is_at(at, end, "<unfinished #")) {
          call.args = view(args, cut);
          call.ending = Ending::kUnfinished;
          return Body::kCall;
        } else if (is_at(at, end, kDetached)) {
          call.args = view(args, cut);
          call.ending = Ending::kDetached;
          return Body::kCall;
        } else if (is_at(at, end, kMoved)) {
          call.args = view(args, cut);
          call.ending = Ending::kMoved;
          std::from_chars(at + kMoved.size(), end, call.moved_to);
          return Body::kCall;
        } else if (may_have_marks && is_at(at, end, "<... ")) {
          const char* const closing =
              static_cast<const char*>(std::memchr(at, '>', static_cast<std::size_t>(end - at)));
          may_have_marks = closing != nullptr;
          if (closing != nullptr) {
            at = closing + 1;
            continue;
          }
        }
        break;
      }
      default:
        break;
    }
    ++at;
  }
  call.args = view(args, end);
  call.ending = Ending::kOpen;
  return Body::kCall;

closed:
  call.args = view(args, args_end != nullptr ? args_end : at);
  // "NAME(...) <detached ...>" and the like, and lines that were cut behind the parenthesis.
  const char* const behind = skip_blanks(at + 1, end);
  if (behind >= end) {
    call.ending = Ending::kOpen;
    return Body::kCall;
  }
  if (is_at(behind, end, kUnfinished)) {
    call.ending = Ending::kUnfinished;
    call.args = view(args, at + 1);
    return Body::kCall;
  }
  if (is_at(behind, end, kDetached)) {
    call.ending = Ending::kDetached;
    return Body::kCall;
  }
  if (!parse_result(behind, end, call)) {
    call.ending =
        *behind == '=' && skip_blanks(behind + 1, end) >= end ? Ending::kOpen : Ending::kDamaged;
    return call.ending == Ending::kOpen ? Body::kCall : Body::kDamaged;
  }
  call.ending = Ending::kReturned;
  return Body::kCall;
}

}  // namespace

Body parse_call(std::string_view text, Call& call) {
  return parse_call(text.data(), text.data(), text.data() + text.size(), call);
}

void parse_line(std::string_view text, Line& line) {
  line.prefix = Prefix{};
  line.call.name = {};
  line.text = {};
  const char* at = text.data();
  const char* const end = at + text.size();
  if (at == end) {
    line.body = Body::kEmpty;
    return;
  }
  if (*at == ' ' && end - at >= 3 && at[2] == ' ' &&
      (at[1] == '>' || at[1] == '|' || at[1] == '*' || at[1] == '=')) {
    line.body = at[1] == '>' ? Body::kFrame : Body::kDump;
    line.text = view(at + 3, end);
    return;
  }
  const char* const usual = parse_usual_prefix(at, end, line.prefix);
  const bool is_usual = usual != nullptr;
  at = is_usual ? usual : parse_prefix(at, end, line.prefix);
  const std::string_view rest = view(at, end);
  if (rest.empty()) {
    line.body = at == text.data() ? Body::kEmpty : Body::kDamaged;
    return;
  }
  const bool has_prefix = is_usual || line.prefix.pid != 0 || line.prefix.stamp != Stamp::kNone ||
                          line.prefix.has_delta || line.prefix.number >= 0 || line.prefix.has_ip;
  const Body otherwise = has_prefix ? Body::kDamaged : Body::kForeign;
  line.body = otherwise;
  line.text = rest;
  switch (rest[0]) {
    case '<':
      if (rest.starts_with("<... ")) {
        const std::size_t resumed = rest.find(" resumed");
        if (resumed == std::string_view::npos) return;
        const std::size_t closing = rest.find('>', resumed);
        if (closing == std::string_view::npos) return;
        const std::string_view name = rest.substr(5, resumed - 5);
        if (name.empty() || is_digit(name[0]) || !std::ranges::all_of(name, [](char c) {
              return kNameChars[static_cast<unsigned char>(c)];
            })) {
          return;
        }
        line.call = Call{};
        line.call.name = name;
        line.text = rest.substr(closing + 1);
        line.body = Body::kResumed;
      }
      return;
    case '-':
      if (rest.starts_with("--- ") && rest.ends_with(" ---") && rest.size() > 8) {
        line.text = rest.substr(4, rest.size() - 8);
        line.body = Body::kSignal;
      }
      return;
    case '+':
      if (rest.starts_with("+++ ") && rest.ends_with(" +++") && rest.size() > 8) {
        line.text = rest.substr(4, rest.size() - 8);
        line.body = Body::kExit;
      }
      return;
    case '[':
      if (rest.starts_with("[ Process PID=") && rest.ends_with(" ]"))
        line.body = Body::kPersonality;
      return;
    case '%':
    case 'S':
    case 's':
      if (rest.starts_with("strace: ")) {
        line.text = rest.substr(8);
        line.body = Body::kMessage;
        return;
      }
      break;
    case 'P':
      if (is_old_message(rest)) {
        line.body = Body::kMessage;
        return;
      }
      break;
    default:
      break;
  }
  line.body = parse_call(text.data(), at, end, line.call);
  if (line.body == Body::kForeign) {
    line.body = !has_prefix && is_table_heading(rest) ? Body::kTable : otherwise;
  } else if (line.body == Body::kDamaged && !has_prefix && line.call.name.empty()) {
    line.body = Body::kForeign;
  }
}

void remove_colors(std::string_view text, std::string& into) {
  into.clear();
  while (!text.empty()) {
    const std::size_t escape = std::min(text.find('\x1b'), text.size());
    into.append(text.substr(0, escape));
    text.remove_prefix(escape);
    if (text.empty()) return;
    std::size_t length = 1;
    if (text.size() > 1 && text[1] == '[') {
      length = 2;
      while (length < text.size() && (is_digit(text[length]) || text[length] == ';')) ++length;
      if (length < text.size() && (text[length] == 'm' || text[length] == 'K')) {
        ++length;
      } else {
        length = 1;
      }
    }
    if (length == 1) into.push_back(text[0]);
    text.remove_prefix(length);
  }
}

std::string_view annotation(std::string_view descriptor) {
  const std::size_t less = descriptor.find('<');
  if (less == std::string_view::npos) return {};
  const char* const begin = descriptor.data() + less;
  const char* const behind = skip_annotation(begin, descriptor.data() + descriptor.size());
  return behind == nullptr ? std::string_view{} : view(begin + 1, behind - 1);
}

std::string_view quoted_string(std::string_view text) {
  if (text.empty() || text[0] != '"') return {};
  const char* const end = text.data() + text.size();
  const char* const behind = skip_string(text.data(), end);
  return behind == nullptr || behind > end ? std::string_view{} : view(text.data(), behind);
}

void append_unescaped(std::string& out, std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t plain = std::min(text.find('\\', at), text.size());
    out.append(text, at, plain - at);
    at = plain;
    if (at == text.size()) return;
    if (at + 1 == text.size()) {
      out.push_back('\\');
      return;
    }
    const char next = text[at + 1];
    at += 2;
    switch (next) {
      case 'n':
        out.push_back('\n');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 'v':
        out.push_back('\v');
        break;
      case 'f':
        out.push_back('\f');
        break;
      case 'x': {
        unsigned value = 0;
        std::size_t digits = 0;
        while (digits < 2 && at < text.size() && is_hex(text[at])) {
          value = value * 16 +
                  static_cast<unsigned>(is_digit(text[at]) ? text[at] - '0' : text[at] - 'a' + 10);
          ++at;
          ++digits;
        }
        out.push_back(static_cast<char>(value));
        break;
      }
      default:
        if (next >= '0' && next <= '7') {
          unsigned value = static_cast<unsigned>(next - '0');
          std::size_t digits = 1;
          while (digits < 3 && at < text.size() && text[at] >= '0' && text[at] <= '7') {
            value = value * 8 + static_cast<unsigned>(text[at++] - '0');
            ++digits;
          }
          out.push_back(static_cast<char>(value));
        } else {
          out.push_back(next);
        }
        break;
    }
  }
}

}  // namespace tracebraid::formats::strace
