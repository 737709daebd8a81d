#include "formats/strace/table.h"

#include <algorithm>
#include <charconv>

namespace tracebraid::formats::strace {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool is_rule(std::string_view line) {
  return line.starts_with("---") && line.find_first_not_of("- ") == std::string_view::npos;
}

bool to_count(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

std::int64_t to_nanoseconds(std::string_view text) {
  std::uint64_t seconds = 0;
  const std::size_t point = std::min(text.find('.'), text.size());
  if (!to_count(text.substr(0, point), seconds)) return 0;
  std::int64_t ns = 0;
  std::int64_t unit = 100'000'000;
  for (std::size_t at = point + 1; at < text.size() && unit > 0; ++at, unit /= 10) {
    ns += (text[at] - '0') * unit;
  }
  return static_cast<std::int64_t>(seconds) * 1'000'000'000 + ns;
}

}  // namespace

bool CallTable::take(std::string_view line) {
  if (is_complete_) return false;
  if (heading_.empty()) {
    heading_ = line;
    if (line.starts_with("System call usage summary")) heading_ = " ";
    return true;
  }
  if (heading_ == " ") {
    heading_ = line;
    return true;
  }
  if (is_rule(line)) {
    if (!columns_.empty()) return true;
    std::size_t at = 0;
    while (at < line.size()) {
      const std::size_t end = std::min(line.find(' ', at), line.size());
      const std::size_t heading = std::min(at, heading_.size());
      columns_.push_back({std::string(trim(std::string_view(heading_).substr(
                              heading, std::min(end, heading_.size()) - heading))),
                          at, end});
      at = line.find_first_not_of(' ', end);
    }
    // The last heading may be longer than its hyphens.
    if (!columns_.empty()) columns_.back().end = std::string_view::npos;
    return true;
  }
  if (columns_.empty()) return false;
  CallCount count;
  std::string_view name;
  // A number that is too wide for its column moves what follows to the right: then words are taken
  // in their order, and a missing one is that of the errors.
  std::vector<std::string_view> words;
  for (std::string_view rest = trim(line); !rest.empty(); rest = trim(rest)) {
    const std::size_t length = std::min(rest.find(' '), rest.size());
    words.push_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  const bool has_errors =
      std::ranges::any_of(columns_, [](const Column& column) { return column.name == "errors"; });
  const bool lacks_errors = has_errors && words.size() + 1 == columns_.size();
  if (words.size() != columns_.size() && !lacks_errors) return false;
  std::size_t word = 0;
  for (const Column& column : columns_) {
    if (column.name == "errors" && lacks_errors) continue;
    const std::string_view text = words[word++];
    if (column.name == "syscall") {
      name = text;
    } else if (column.name == "calls") {
      if (!to_count(text, count.calls)) return false;
    } else if (column.name == "errors") {
      if (!to_count(text, count.errors)) return false;
    } else if (column.name == "seconds") {
      count.nanoseconds = to_nanoseconds(text);
    }
  }
  if (name == "total") {
    total_ = count;
    is_complete_ = true;
  } else if (!name.empty()) {
    rows_.emplace(name, count);
  }
  return true;
}

}  // namespace tracebraid::formats::strace
