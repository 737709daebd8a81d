#include "analyzers/top/profile_request.h"

#include <algorithm>
#include <charconv>

#include "formats/io/error.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;

ProfileRequest::Restriction parse_restriction(const std::string& word) {
  const bool has_digit = word.find_first_of("0123456789") != std::string::npos;
  const bool is_decimal = has_digit && word.find_first_not_of("0123456789.") == std::string::npos &&
                          std::ranges::count(word, '.') <= 1;
  if (!is_decimal) return Pattern(word, "--only");
  const char* const end = word.data() + word.size();
  if (word.find('.') == std::string::npos) {
    std::uint64_t count = 0;
    if (std::from_chars(word.data(), end, count).ec != std::errc{}) count = UINT64_MAX;
    return count;
  }
  double part = 0;
  if (std::from_chars(word.data(), end, part).ec != std::errc{} || part > 1) {
    throw io::UsageError{"--only: no part between 0.0 and 1.0: " + io::quoted(word)};
  }
  return part;
}

}  // namespace

ProfileRequest::ProfileRequest(const cli::Arguments& arguments)
    : sort(arguments.value("sort").value_or("")),
      is_reversed(arguments.has("reverse")),
      strip_folders(arguments.has("strip-dirs")) {
  const auto callers = arguments.value("callers");
  const auto callees = arguments.value("callees");
  if (callers && callees) throw io::UsageError{"either --callers or --callees"};
  if (callers) restrictions.emplace_back(Pattern(*callers, "--callers"));
  if (callees) restrictions.emplace_back(Pattern(*callees, "--callees"));
  if (callers) show = Show::kCallers;
  if (callees) show = Show::kCallees;
  for (const std::string& word : arguments.values("only")) {
    restrictions.push_back(parse_restriction(word));
  }
}

std::string_view ProfileRequest::own_option() const {
  if (show == Show::kCallers) return "--callers";
  if (show == Show::kCallees) return "--callees";
  return !restrictions.empty() ? "--only" : strip_folders ? "--strip-dirs" : "";
}

bool ProfileRequest::is_numbered() const {
  return std::ranges::any_of(restrictions, [](const Restriction& restriction) {
    return !std::holds_alternative<Pattern>(restriction);
  });
}

std::string shown(const ProfileRequest::Restriction& restriction) {
  if (const auto* const pattern = std::get_if<Pattern>(&restriction)) {
    return io::quoted(pattern->text());
  }
  if (const auto* const count = std::get_if<std::uint64_t>(&restriction)) {
    return std::to_string(*count);
  }
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, std::get<double>(restriction));
  return {text, end};
}

}  // namespace tracebraid::analyzers
