#include "formats/cli/numbers.h"

#include <charconv>
#include <cmath>
#include <system_error>

#include <fmt/format.h>

#include "formats/io/error.h"

namespace tracebraid::formats::cli {

void refuse(std::string_view option, std::string_view wanted, std::string_view text) {
  throw io::UsageError{fmt::format("{}: not {}: {}", option, wanted, io::quoted(text))};
}

std::uint64_t number_between(std::string_view option, std::string_view text, std::uint64_t least,
                             std::uint64_t most) {
  return number(option, text, least, most, fmt::format("a number from {} to {}", least, most));
}

std::int64_t seconds(std::string_view option, std::string_view text) {
  constexpr double kMost = 1e9;
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || !(value >= 0) || value > kMost) {
    refuse(option, "a number of seconds", text);
  }
  return static_cast<std::int64_t>(std::llround(value * 1e9));
}

}  // namespace tracebraid::formats::cli
