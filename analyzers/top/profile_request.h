// What tracebraid top is asked of profiles, as pstats' print_stats(), print_callers() and
// print_callees() are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "analyzers/top/pattern.h"
#include "formats/cli/program.h"

namespace tracebraid::analyzers {

// Rows for the option table.
inline constexpr formats::cli::Option kOnlyOption = {
    0,
    "only",
    formats::cli::Argument::kText,
    "WHAT",
    "Profiles",
    "restrict the functions to WHAT",
    "As pstats' print_stats(WHAT, …) does. WHAT is a pattern: those functions that it is found in; "
    "a number: the first so many in order; or a number with a point from 0.0 to 1.0: the first "
    "part, such as 0.1 for a tenth. May be repeated; each works on what the ones before it left, "
    "and -n on what all left. A pattern is a regular expression, searched as Python's re.search() "
    "does it in the text that pstats prints: file:line(name), or {built-in method name}. One of "
    "digits only needs parentheses."};
inline constexpr formats::cli::Option kCallersOption = {
    0,
    "callers",
    formats::cli::Argument::kText,
    "OF",
    "Profiles",
    "show who calls the functions that pattern OF is found in",
    "As pstats' print_callers(OF): for each function a row for each of its callers, with the "
    "calls, primitive calls, tottime and cumtime that the function had by that caller, in order of "
    "the callers' files, lines and names. A row without a caller: it was called from outside only. "
    "--sort, --only and -n choose functions, after OF."};
inline constexpr formats::cli::Option kCalleesOption = {
    0,
    "callees",
    formats::cli::Argument::kText,
    "OF",
    "Profiles",
    "show what the functions that pattern OF is found in call",
    "As pstats' print_callees(OF), in the same way."};
inline constexpr formats::cli::Option kStripDirsOption = {
    0,
    "strip-dirs",
    formats::cli::Argument::kNone,
    "",
    "Profiles",
    "keep only the last part of file names",
    "As pstats' strip_dirs(): functions that become equal are added up."};

struct ProfileRequest {
  enum class Show : std::uint8_t { kFunctions, kCallers, kCallees };
  // What is found, how many, or which part.
  using Restriction = std::variant<Pattern, std::uint64_t, double>;

  ProfileRequest() = default;
  // Throws io::UsageError.
  explicit ProfileRequest(const formats::cli::Arguments& arguments);

  // The option that profiles alone know, if there is one.
  [[nodiscard]] std::string_view own_option() const;
  // Whether the user said how many functions to show.
  [[nodiscard]] bool is_numbered() const;

  Show show = Show::kFunctions;
  std::vector<Restriction> restrictions;  // OF is the first
  std::string sort;                       // keys with commas between; empty: tottime
  bool is_reversed = false;
  bool strip_folders = false;
};

// As pstats shows it.
[[nodiscard]] std::string shown(const ProfileRequest::Restriction& restriction);

}  // namespace tracebraid::analyzers
