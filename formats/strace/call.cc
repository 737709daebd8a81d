// Calls: `call` of the grammar in line.cc.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "formats/strace/scan.h"

namespace tracebraid::formats::strace {
namespace {

using io::find_any;

constexpr std::string_view kUnfinished = "<unfinished ...>";
constexpr std::string_view kNumbered = "<unfinished #";
constexpr std::string_view kDetached = "<detached ...>";
constexpr std::string_view kMoved = "<pid changed to ";

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
    for (std::size_t part = 0; part < 4; ++part) {
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

// What hides the characters in it from who looks for the end of arguments: strings, comments, what
// -y prints behind descriptors, and the marks that are arguments. It gives up on what is not
// closed, after a few attempts, so that hostile lines take linear time.
class Hiding {
 public:
  // `at` is a quote, the star of a comment's begin, or "<"; `before` is what stands in front of it.
  // Null when it hides nothing.
  const char* skip(const char* at, const char* end, char before) {
    switch (*at) {
      case '"': {
        const char* const behind = skip_string(at, end);
        return behind == nullptr ? end : behind;
      }
      case '*':
        return before == '/' ? comment(at, end) : nullptr;
      default:
        return before == ' ' || before == '(' ? mark(at, end) : note(at, end);
    }
  }

 private:
  const char* comment(const char* at, const char* end) {
    if (!may_have_comments_) return nullptr;
    const char* behind = skip_comment(at - 1, end);
    may_have_comments_ = behind != nullptr;
    // The slash that ends a comment begins none.
    if (behind != nullptr && behind < end && *behind == '*') ++behind;
    return behind;
  }

  // "<... resuming interrupted clock_nanosleep ...>": the argument of restart_syscall.
  const char* mark(const char* at, const char* end) {
    if (!may_have_marks_ || !is_at(at, end, "<... ")) return nullptr;
    const char* const behind = skip_past('>', at, end);
    may_have_marks_ = behind != nullptr;
    return behind;
  }

  // Glued to what it is about: "3</etc/hosts>", "AT_FDCWD</tmp>" (since 5.15).
  const char* note(const char* at, const char* end) {
    if (at + 1 < end && at[1] == '<') return at + 2;  // 1<<CAP_CHOWN
    if (notes_left_ == 0) return nullptr;
    const char* const behind = skip_annotation(at, end);
    if (behind == nullptr) --notes_left_;
    return behind;
  }

  int notes_left_ = 64;
  bool may_have_comments_ = true;
  bool may_have_marks_ = true;
};

// Behind the ">" of what -y prints, whose "<" is at `at`, if it holds nothing that has to be looked
// at more closely; null otherwise.
const char* skip_plain_annotation(const char* at, const char* end) {
  end = std::min(end, at + std::min(end - at, kMostNote));
  const char* const mark = find_any<'<', '>', '"', '\\'>(at + 1, end);
  return mark < end && *mark == '>' && mark[-1] != '-' ? mark + 1 : nullptr;
}

// The first argument, if it is a number, with what -y prints behind it. Returns what is behind it.
const char* take_first(const char* at, const char* end, Call& call) {
  const char* const begin = at;
  std::int64_t number = 0;
  at = take_digits(at, end, 10, number);
  const std::ptrdiff_t count = at - begin;
  // What begins with a nought is octal, or a nought.
  if (count == 0 || at >= end || (*begin == '0' && count > 1)) return begin;
  const char* const digits_end = at;
  if (*at == '<') {
    if (at + 1 < end && at[1] == '<') return begin;  // 1<<CAP_CHOWN
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

// "<unfinished ...>" and its kin, a blank in front included: strace breaks a line off where another
// thread's event comes before the call's end, where it lets go of the thread, and where that takes
// another id. Null when it is none of them; `end` when nothing of the call follows; otherwise the
// ")" that does: "<unfinished ...>) = ?" is of a thread that ended in the call.
const char* take_break(const char* args, const char* at, const char* end, Call& call) {
  const auto breaks = [&, cut = at[-1] == ' ' ? at - 1 : at](Ending ending, const char* behind) {
    call.args = view(args, cut);
    call.ending = ending;
    return behind;
  };
  if (is_at(at, end, kUnfinished)) {
    const char* const behind = at + kUnfinished.size();
    if (behind == end) return breaks(Ending::kUnfinished, end);
    const char* const closing = *behind == ' ' ? behind + 1 : behind;
    if (!is_at(closing, end, ")")) return nullptr;
    call.was_cut_short = true;
    return breaks(Ending::kOpen, closing);
  }
  // "<unfinished #12 ...>": proposed for strace (its pull request 408).
  if (is_at(at, end, kNumbered)) return breaks(Ending::kUnfinished, end);
  if (is_at(at, end, kDetached)) return breaks(Ending::kDetached, end);
  if (is_at(at, end, kMoved)) {  // -ff: the line goes on in that thread's file
    call.moved_to = leading_number<std::uint32_t>(view(at + kMoved.size(), end)).value_or(0);
    return breaks(Ending::kMoved, end);
  }
  return nullptr;
}

// "0", "-1", "0x7f632a9c0000", "022", "?", "3</etc/passwd>". Null when there is none.
const char* take_value(const char* at, const char* end, Call& call) {
  const char* const text = at;
  if (*at == '?') {  // it did not return, or returns again (ERESTARTSYS)
    ++at;
  } else {
    const bool is_negative = *at == '-';
    if (is_negative) ++at;
    std::size_t length = 0;
    std::int64_t value = 0;
    if (!parse_number(view(at, end), value, length)) return nullptr;
    call.has_result = true;
    // Of the least number, the digits alone do not fit.
    const auto bits = static_cast<std::uint64_t>(value);
    call.result = static_cast<std::int64_t>(is_negative ? 0 - bits : bits);
    at += length;
    if (at < end && *at == '<') {
      if (const char* const behind = skip_annotation(at, end); behind != nullptr) {
        at = behind;
        // Since 5.19 it stands behind the ">", before that in front of it.
        constexpr std::string_view kDeleted = "(deleted)";
        if (is_at(at, end, kDeleted)) at += kDeleted.size();
      }
    }
  }
  call.result_text = view(text, at);
  return at;
}

// "(in [6], left {tv_sec=0, tv_nsec=998498})".
const char* skip_parentheses(const char* at, const char* end) {
  int depth = 0;
  while (at < end) {
    if (*at == '"') {
      if (const char* const behind = skip_string(at, end); behind != nullptr) {
        at = behind;
        continue;
      }
    }
    if (*at == '(') ++depth;
    if (*at == ')' && --depth == 0) return at + 1;
    ++at;
  }
  return nullptr;
}

// "(Timeout)", "(Bad file descriptor)", "(errno 524)", "(INJECTED)", "(DELAYED)".
const char* take_remark(const char* at, const char* end, Call& call) {
  const char* const behind = skip_parentheses(at, end);
  if (behind == nullptr) return nullptr;
  const std::string_view inside = view(at + 1, behind - 1);
  constexpr std::string_view kErrno = "errno ";  // of which strace knows no name
  const bool is_meaning = !call.error.empty() && at[-1] == ' ' &&
                          call.error.data() + call.error.size() + 1 == at;  // EBADF (Bad file …)
  if (inside.starts_with("INJECTED")) {  // since 5.11 with the arguments and result that it changed
    call.is_injected = true;
  } else if (inside.starts_with("DELAYED")) {
    call.is_delayed = true;
  } else if (inside.starts_with(kErrno) && call.error.empty()) {
    call.error = inside.substr(kErrno.size());
  } else if (!is_meaning) {
    call.aux = inside;
  }
  return behind;
}

// "<0.000018>": -T's usual form. Null when it is none.
const char* take_usual_duration(const char* at, const char* end, std::int64_t& duration_ns) {
  if (!io::kTakesEight || end - at < 10 || at[0] != '<' || at[2] != '.' || at[9] != '>') {
    return nullptr;
  }
  // The point's place is taken by the second, and the second's by a nought.
  const std::uint64_t text = io::eight_bytes(at + 1);
  std::uint64_t micro = 0;
  if (!io::parse_eight((text & 0xFFFFFFFFFFFF0000U) | (text & 0xFFU) << 8U | '0', micro)) {
    return nullptr;
  }
  duration_ns = static_cast<std::int64_t>(micro) * 1000;
  return at + 10;
}

// "<0.000018>", "<0>", "<unavailable>".
const char* take_duration(const char* at, const char* end, Call& call) {
  if (const char* const behind = take_usual_duration(at, end, call.duration_ns)) return behind;
  constexpr std::string_view kUnavailable = "<unavailable>";
  if (is_at(at, end, kUnavailable)) {
    call.is_unavailable = true;
    return at + kUnavailable.size();
  }
  std::int64_t ns = 0;
  std::int64_t unit_ns = 0;
  at = take_seconds(at + 1, end, ns, unit_ns);
  if (at == nullptr || !is_at(at, end, ">")) return nullptr;
  call.duration_ns = ns;
  return at + 1;
}

// "EAGAIN", once.
const char* take_error(const char* at, const char* end, Call& call) {
  const char* const behind = skip_name(at, end);
  if (*at != 'E' || !call.error.empty()) return nullptr;
  call.error = view(at, behind);
  return behind;
}

// "[39/84678]" at the line's end.
const char* skip_counter(const char* at, const char* end) {
  for (const char closing : {'/', ']'}) {
    const char* const digits = ++at;
    while (at < end && is_digit(*at)) ++at;
    if (at == digits || at >= end || *at != closing) return nullptr;
  }
  return at + 1 == end ? end : nullptr;
}

// The result, from its "=" on, to the line's end. False when there is none.
bool parse_result(const char* at, const char* end, Call& call) {
  if (*at != '=') return false;
  at = skip_blanks(at + 1, end);
  if (at >= end) return false;
  at = take_value(at, end, call);
  while (at != nullptr && (at = skip_blanks(at, end)) < end) {
    switch (*at) {
      case '(':
        at = take_remark(at, end, call);
        break;
      case '<':
        at = take_duration(at, end, call);
        break;
      case '[':  // how many lines tmux shows of how many: "[39/84678]"
        at = skip_counter(at, end);
        break;
      case '/':  // "/* 30807 in strace's PID NS */"
        at = is_at(at, end, "/*") ? skip_comment(at, end) : nullptr;
        break;
      default:
        at = take_error(at, end, call);
        break;
    }
  }
  return at != nullptr;
}

// What follows the arguments, from their ")" on. `call.args` are known.
Body parse_end(const char* closing, const char* end, Call& call) {
  const char* const at = skip_blanks(closing + 1, end);
  if (at >= end) return Body::kCall;  // the log ends here, or something broke into the line
  // All arguments may be known before the call ends.
  if (is_at(at, end, kUnfinished)) {
    call.ending = Ending::kUnfinished;
    call.args = view(call.args.data(), closing + 1);
    return Body::kCall;
  }
  if (is_at(at, end, kDetached)) {
    call.ending = Ending::kDetached;
    return Body::kCall;
  }
  if (parse_result(at, end, call)) {
    call.ending = Ending::kReturned;
    return Body::kCall;
  }
  if (*at == '=' && skip_blanks(at + 1, end) >= end) return Body::kCall;
  call.ending = Ending::kDamaged;
  return Body::kDamaged;
}

// What stands between the parentheses, of which the first one has been read. Returns the last one,
// or `end` where the line goes no further.
const char* take_arguments(const char* at, const char* end, Marks& marks, Call& call) {
  const char* const args = at;
  int depth = 0;
  Hiding hiding;
  at = take_first(at, end, call);
  while ((at = marks.next(at)) < end) {
    switch (*at) {
      case '(':
        ++depth;
        ++at;
        continue;
      case ')':
        if (depth == 0) {
          call.args = view(args, at);
          return at;
        }
        --depth;
        ++at;
        continue;
      case '<':
        if (at[-1] == ' ' || at[-1] == '(') {
          const char* const rest = take_break(args, at, end, call);
          if (rest != nullptr) return rest;
        }
        break;
      default:
        break;
    }
    const char* const behind = hiding.skip(at, end, at[-1]);
    at = behind == nullptr ? at + 1 : behind;
  }
  call.args = view(args, end);
  return end;
}

// "fd=3" (-N) as "3".
std::string_view without_name(std::string_view argument) {
  std::size_t length = 0;
  while (length < argument.size() &&
         ((argument[length] >= 'a' && argument[length] <= 'z') || argument[length] == '_' ||
          (length > 0 && is_digit(argument[length])))) {
    ++length;
  }
  const bool has_name = length > 0 && length < argument.size() && argument[length] == '=';
  return has_name ? argument.substr(length + 1) : argument;
}

}  // namespace

const char* skip_annotation(const char* at, const char* end) {
  end = std::min(end, at + std::min(end - at, kMostNote));
  // A socket's text holds arrows. A path may end in a hyphen: its own ">" is escaped (since 4.22).
  const bool has_arrows = at + 1 < end && at[1] >= 'A' && at[1] <= 'Z';
  int depth = 1;  // "</dev/null<char 1:3>>"
  ++at;
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
        // Of a unix socket's path. A file's own quotes are not in pairs.
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

std::string_view Call::argument(std::size_t index) const {
  if (index == 0 && !first.empty()) return first;
  const char* at = args.data();
  const char* const end = at + args.size();
  const char* begin = at;
  at += first.size();
  int depth = 0;
  Hiding hiding;
  while ((at = find_any<',', '(', ')', '[', ']', '{', '}', '"', '*', '<'>(at, end)) < end) {
    switch (*at) {
      case ',':
        if (depth == 0) {
          if (index == 0) return without_name(trim(view(begin, at)));
          --index;
          begin = at + 1;
        }
        ++at;
        break;
      case '(':
      case '[':
      case '{':
        ++depth;
        ++at;
        break;
      case ')':
      case ']':
      case '}':
        if (depth > 0) --depth;
        ++at;
        break;
      default: {
        const char* const behind = hiding.skip(at, end, at > args.data() ? at[-1] : '(');
        at = behind == nullptr ? at + 1 : behind;
        break;
      }
    }
  }
  return index == 0 ? without_name(trim(view(begin, end))) : std::string_view{};
}

Body parse_call(const char* floor, const char* at, const char* end, Call& call) {
  clear(call);
  const char* const name = at;
  Marks marks(floor, at, end);
  at = marks.next(at);
  if (at >= end || *at != '(') return Body::kForeign;
  call.row = find_syscall(view(name, at));
  if (call.row == nullptr && !is_name(name, at)) return Body::kForeign;
  call.name = view(name, at);
  const char* const closing = take_arguments(at + 1, end, marks, call);
  return closing == end ? Body::kCall : parse_end(closing, end, call);
}

Body parse_call(std::string_view text, Call& call) {
  return parse_call(text.data(), text.data(), text.data() + text.size(), call);
}

bool parse_number(std::string_view text, std::int64_t& value, std::size_t& length) {
  const char* at = text.data();
  const char* const end = at + text.size();
  if (at == end || !is_digit(*at)) return false;
  // A single digit, as most are.
  if (at + 1 == end || (*at != '0' && !is_digit(at[1])) || (*at == '0' && at[1] == ' ')) {
    value = *at - '0';
    length = 1;
    return true;
  }
  std::uint64_t number = 0;
  const bool is_hex = *at == '0' && at[1] == 'x';
  const bool is_octal = *at == '0' && is_digit(at[1]);
  const char* behind = at;
  if (!is_hex && !is_octal) behind = take_digits(at, end, 19, number);
  // What 19 digits cannot say may still fit.
  if (behind == at || (behind < end && is_digit(*behind))) {
    const auto [last, error] = std::from_chars(is_hex ? at + 2 : at, end, number,
                                               is_hex     ? 16
                                               : is_octal ? 8
                                                          : 10);
    if (error != std::errc{}) return false;
    behind = last;
  }
  value = static_cast<std::int64_t>(number);
  length = static_cast<std::size_t>(behind - at);
  return true;
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
  const char* const behind = skip_string(text.data(), text.data() + text.size());
  return behind == nullptr ? std::string_view{} : view(text.data(), behind);
}

}  // namespace tracebraid::formats::strace
