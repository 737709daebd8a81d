#include "formats/strace/table.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "formats/strace/scan.h"

namespace tracebraid::formats::strace {
namespace {

bool is_rule(std::string_view line) {
  return line.starts_with("---") && line.find_first_not_of("- ") == std::string_view::npos;
}

// "0.000004", with a comma where strace had a locale that asks for it; 0 for what is none.
std::int64_t to_nanoseconds(std::string_view word) {
  std::string text(word);
  std::ranges::replace(text, ',', '.');
  std::int64_t ns = 0;
  std::int64_t unit_ns = 0;
  const char* const behind = take_seconds(text.data(), text.data() + text.size(), ns, unit_ns);
  return behind == text.data() + text.size() ? ns : 0;
}

}  // namespace

bool CallTable::take(std::string_view line) {
  if (is_complete_) return false;
  if (heading_.empty()) {
    // Behind "System call usage summary for 32 bit mode:", the heading is still to come.
    heading_ = line.starts_with("System call usage summary") ? " " : line;
    return true;
  }
  if (heading_ == " ") {
    heading_ = line;
    return true;
  }
  if (is_rule(line)) {
    if (columns_.empty()) take_columns(line);
    return true;
  }
  return !columns_.empty() && take_row(line);
}

// A heading stands over its hyphens, and may hold a blank: "% time".
void CallTable::take_columns(std::string_view rule) {
  const std::string_view heading = heading_;
  for (std::size_t at = 0; at < rule.size();) {
    const std::size_t end = std::min(rule.find(' ', at), rule.size());
    const std::size_t begin = std::min(at, heading.size());
    columns_.emplace_back(trim(heading.substr(begin, end - at)));
    at = rule.find_first_not_of(' ', end);
  }
}

bool CallTable::take_row(std::string_view line) {
  // A number that is too wide for its column moves what follows to the right: words are taken in
  // their order, and a missing one is that of the errors.
  std::vector<std::string_view> words;
  for (std::string_view rest = trim(line); !rest.empty(); rest = trim(rest)) {
    const std::size_t length = std::min(rest.find(' '), rest.size());
    words.push_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  const bool has_errors = std::ranges::count(columns_, "errors") > 0;
  const bool lacks_errors = has_errors && words.size() + 1 == columns_.size();
  if (words.size() != columns_.size() && !lacks_errors) return false;
  CallCount count;
  std::string_view name;
  std::size_t word = 0;
  for (const std::string& column : columns_) {
    if (column == "errors" && lacks_errors) continue;
    const std::string_view text = words[word++];
    if (column == "syscall") {
      name = text;
    } else if (column == "calls" || column == "errors") {
      const std::optional<std::uint64_t> number = io::whole_number<std::uint64_t>(text);
      if (!number) return false;
      (column == "calls" ? count.calls : count.errors) = *number;
    } else if (column == "seconds") {
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
