#include "formats/strace/wrapping.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "formats/strace/line.h"
#include "formats/strace/scan.h"

namespace tracebraid::formats::strace {
namespace {

constexpr std::size_t kMostLines = 100;   // of a head that are looked at
constexpr std::size_t kMostPrefix = 200;  // bytes

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool is_strace_line(std::string_view text) {
  Line line;
  parse_line(text, line);
  switch (line.body) {
    case Body::kCall:
      // "main(argc" may be anybody's.
      return line.call.ending != Ending::kOpen && line.call.ending != Ending::kDamaged;
    case Body::kResumed:
    case Body::kSignal:
    case Body::kExit:
    case Body::kMessage:
    case Body::kPersonality:
    case Body::kFrame:
    case Body::kDump:
    case Body::kTable:
      return true;
    default:
      return false;
  }
}

std::string shape_of(std::string_view prefix) {
  std::string shape;
  for (const char c : prefix) {
    const char kind = is_word(c) ? 'w' : is_blank(c) ? ' ' : c;
    const bool goes_on = (kind == 'w' || kind == ' ') && !shape.empty() && shape.back() == kind;
    if (!goes_on) shape += kind;
  }
  return shape;
}

// How long the front of `line` is that has the shape; nothing when none has.
std::optional<std::size_t> length_of(std::string_view line, std::string_view shape) {
  std::size_t at = 0;
  for (const char kind : shape) {
    const auto is_kind = [&](char c) {
      return kind == 'w' ? is_word(c) : kind == ' ' ? is_blank(c) : c == kind;
    };
    if (at >= line.size() || at > kMostPrefix || !is_kind(line[at])) return std::nullopt;
    ++at;
    if (kind != 'w' && kind != ' ') continue;
    while (at < line.size() && is_kind(line[at])) ++at;
  }
  // What stands below a call begins with a blank of its own.
  const bool has_two = at > 1 && line[at - 1] == ' ' && is_blank(line[at - 2]);
  return has_two && is_attachment(line.substr(at - 1)) ? at - 1 : at;
}

// How much of the front has the form, in which "9" is a digit, "a" a letter, and "*" any number of
// digits; nothing when it has not.
std::optional<std::size_t> match(std::string_view text, std::string_view form) {
  std::size_t at = 0;
  for (const char kind : form) {
    if (kind == '*') {
      while (at < text.size() && is_digit(text[at])) ++at;
      continue;
    }
    if (at >= text.size()) return std::nullopt;
    const char c = text[at++];
    const bool fits = kind == '9'   ? is_digit(c)
                      : kind == 'a' ? is_word(c) && !is_digit(c)
                                    : c == kind;
    if (!fits) return std::nullopt;
  }
  return at;
}

// A date or time at the front that is none of strace's, though its numbers would do for a process
// and its time: syslog's, ts' and loggers', and any in front of a process's number, which strace
// prints first. 0 when there is none.
std::size_t date_length(std::string_view line) {
  constexpr std::string_view kForms[] = {"aaa 99 99:99:99.9* ",
                                         "aaa 99 99:99:99 ",
                                         "aaa  9 99:99:99.9* ",
                                         "aaa  9 99:99:99 ",
                                         "9999-99-99 99:99:99.9* ",
                                         "9999-99-99 99:99:99,9* ",
                                         "9999-99-99 99:99:99 ",
                                         "[9999-99-99 99:99:99.9*] ",
                                         "[9999-99-99 99:99:99,9*] ",
                                         "[9999-99-99 99:99:99] ",
                                         "[99:99:99.9*] ",
                                         "[99:99:99] "};
  for (const std::string_view form : kForms) {
    if (const auto length = match(line, form)) return *length;
  }
  for (const std::string_view form : {"99:99:99 ", "99:99:99.9* ", "9*.9* "}) {
    const auto length = match(line, form);
    if (length && match(line.substr(*length), "99* ")) return *length;
  }
  return 0;
}

// The shape of the shortest front without which the line is one of strace's; empty when there is
// none, or nothing has to go. `has_known`: what follows is certainly strace's.
std::string prefix_of(std::string_view line, bool& has_known) {
  if (date_length(line) == 0 && is_strace_line(line)) return {};
  const std::size_t most = std::min(line.size(), kMostPrefix);
  for (std::size_t at = std::max<std::size_t>(date_length(line), 1); at < most; ++at) {
    if (is_word(line[at - 1]) || is_blank(line[at])) continue;
    const std::string_view rest = line.substr(at);
    // What stands below a call begins with a blank, which a prefix may have swallowed.
    Line parsed;
    parse_line(rest, parsed);
    const bool is_certain = parsed.body == Body::kCall || parsed.body == Body::kResumed ||
                            parsed.body == Body::kSignal || parsed.body == Body::kExit;
    if (!is_certain || !is_strace_line(rest)) continue;
    has_known = has_known || parsed.body != Body::kCall || parsed.call.row != nullptr;
    return shape_of(line.substr(0, at));
  }
  return {};
}

constexpr std::pair<std::string_view, char> kEntities[] = {
    {"&lt;", '<'},    {"&gt;", '>'},    {"&quot;", '"'}, {"&#34;", '"'},  {"&#39;", '\''},
    {"&#x27;", '\''}, {"&apos;", '\''}, {"&nbsp;", ' '}, {"&#160;", ' '}, {"&amp;", '&'}};

void decode_html(std::string_view text, std::string& into) {
  into.clear();
  while (!text.empty()) {
    const std::size_t ampersand = std::min(text.find('&'), text.size());
    into.append(text.substr(0, ampersand));
    text.remove_prefix(ampersand);
    if (text.empty()) return;
    const auto* const entity = std::ranges::find_if(
        kEntities, [&](const auto& each) { return text.starts_with(each.first); });
    const bool is_known = entity != std::end(kEntities);
    into.push_back(is_known ? entity->second : '&');
    text.remove_prefix(is_known ? entity->first.size() : 1);
  }
}

// Of a page nothing is left that would have been markup.
bool is_html(std::string_view head) {
  return head.find('<') == std::string_view::npos && head.find('"') == std::string_view::npos &&
         std::ranges::any_of(kEntities, [&](const auto& entity) {
           return (entity.second == '<' || entity.second == '>' || entity.second == '"') &&
                  head.find(entity.first) != std::string_view::npos;
         });
}

std::vector<std::string> first_lines(std::string_view head) {
  std::vector<std::string> lines;
  while (!head.empty() && lines.size() < kMostLines) {
    const std::size_t end = head.find('\n');
    // The last may go on behind the head.
    if (end == std::string_view::npos && !lines.empty()) break;
    std::string_view line = head.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) remove_colors(line, lines.emplace_back());
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 1);
  }
  return lines;
}

// A number with blanks around it at the front: how long they are, and the number.
std::size_t numbered_length(std::string_view line, std::uint64_t& number) {
  const char* const end = line.data() + line.size();
  const char* at = line.data();
  while (at < end && is_blank(*at)) ++at;
  const char* const digits = at;
  constexpr std::size_t kMostDigits = 18;
  at = take_digits<10>(at, end, kMostDigits, number);
  if (at == digits || at >= end || !is_blank(*at)) return 0;
  while (at < end && is_blank(*at)) ++at;
  return static_cast<std::size_t>(at - line.data());
}

// Numbers of lines: they only rise, as those of processes do not.
bool are_numbered(const std::vector<std::string>& lines) {
  constexpr std::size_t kLeast = 5;
  std::uint64_t last = 0;
  std::size_t count = 0;
  std::size_t whole = 0;
  bool is_each_next = true;
  for (const std::string& line : lines) {
    std::uint64_t number = 0;
    const std::size_t length = numbered_length(line, number);
    if (length == 0 || (count > 0 && number <= last)) return false;
    is_each_next = is_each_next && (count == 0 || number == last + 1);
    last = number;
    ++count;
    if (is_strace_line(std::string_view(line).substr(length))) ++whole;
  }
  return whole * 10 >= count && count >= (is_each_next ? kLeast : 4 * kLeast);
}

// Blanks in front of every line, where numbers of processes follow.
std::size_t indent_of(const std::vector<std::string>& lines) {
  std::size_t indent = SIZE_MAX;
  bool has_pid = false;
  for (const std::string& line : lines) {
    const std::size_t blanks = line.find_first_not_of(' ');
    if (blanks == std::string::npos) continue;
    indent = std::min(indent, blanks);
    has_pid = has_pid || (blanks == indent && match(std::string_view(line).substr(blanks), "9* "));
  }
  return has_pid && lines.size() > 1 ? indent : 0;
}

bool is_dated(const std::string& line) {
  return date_length(line) > 0;
}

// strace itself writes none.
bool has_tab(const std::string& line) {
  return line.find('\t') != std::string::npos && is_strace_line(line);
}

}  // namespace

Wrapping Wrapping::of(std::string_view head) {
  Wrapping wrapping;
  wrapping.is_html_ = is_html(head);
  std::vector<std::string> lines = first_lines(head);
  std::string room;
  const auto count_plain = [&] {
    return static_cast<std::size_t>(std::ranges::count_if(lines, is_strace_line));
  };
  if (wrapping.is_html_) {
    for (std::string& line : lines) {
      decode_html(line, room);
      line.swap(room);
    }
  }
  if (are_numbered(lines)) {
    wrapping.is_numbered_ = true;
    for (std::string& line : lines) {
      std::uint64_t number = 0;
      line.erase(0, numbered_length(line, number));
    }
  }
  wrapping.has_tabs_ = std::ranges::any_of(lines, has_tab);
  std::size_t plain = std::ranges::any_of(lines, is_dated) ? 0 : count_plain();
  const auto is_plain = [&] { return plain * 10 >= lines.size() && plain > 0; };
  if (!is_plain() && head.find('\t') != std::string_view::npos) {
    const std::vector<std::string> before = lines;
    for (std::string& line : lines) std::ranges::replace(line, '\t', ' ');
    const std::size_t without_tabs = count_plain();
    if (without_tabs > plain && !std::ranges::any_of(lines, is_dated)) {
      wrapping.has_tabs_ = true;
      plain = without_tabs;
    } else {
      lines = before;
    }
  }
  if (is_plain()) {
    wrapping.indent_ = indent_of(lines);
    return wrapping;
  }
  std::map<std::string, std::size_t> shapes;
  bool has_known = false;
  for (const std::string& line : lines) ++shapes[prefix_of(line, has_known)];
  shapes.erase("");
  // "note: f(x) = 1" is anybody's.
  if (!has_known) return wrapping;
  for (const auto& [shape, count] : shapes) {
    if (count * 10 >= lines.size()) wrapping.prefixes_.push_back(shape);
  }
  // The longest first: one may be the front of another.
  std::ranges::stable_sort(wrapping.prefixes_, std::ranges::greater{}, &std::string::size);
  if (!wrapping.prefixes_.empty()) wrapping.has_tabs_ = head.find('\t') != std::string_view::npos;
  return wrapping;
}

std::string_view Wrapping::unwrapped(std::string_view line, std::string& room) const {
  std::string decoded;
  if (line.find('\x1b') != std::string_view::npos) {
    remove_colors(line, room);
    line = room;
  }
  if (is_html_) {
    decode_html(line, decoded);
    room.swap(decoded);
    line = room;
  }
  if (is_numbered_) {
    std::uint64_t number = 0;
    line.remove_prefix(numbered_length(line, number));
  }
  line.remove_prefix(std::min({indent_, line.find_first_not_of(' '), line.size()}));
  for (const std::string& shape : prefixes_) {
    if (const auto length = length_of(line, shape)) {
      line.remove_prefix(*length);
      break;
    }
  }
  if (has_tabs_ && line.find('\t') != std::string_view::npos) {
    decoded = line;
    std::ranges::replace(decoded, '\t', ' ');
    room.swap(decoded);
    line = room;
  }
  return line;
}

}  // namespace tracebraid::formats::strace
