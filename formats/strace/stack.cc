#include "formats/strace/stack.h"

#include <charconv>

namespace tracebraid::formats::strace {

bool take_frame(std::string_view& stack, Frame& frame) {
  if (stack.empty()) return false;
  const std::size_t end = stack.find('\n');
  const std::string_view line = stack.substr(0, end);
  stack.remove_prefix(end == std::string_view::npos ? stack.size() : end + 1);
  frame = {};
  // Files may have brackets in their names: the last ones are the frame's.
  constexpr std::string_view kOpen = " [0x";
  const std::size_t open = line.rfind(kOpen);
  if (open == std::string_view::npos) return true;
  constexpr int kHex = 16;
  const char* const digits = line.data() + open + kOpen.size();
  (void)std::from_chars(digits, line.data() + line.size(), frame.address, kHex);
  const std::string_view place = line.substr(0, open);
  const std::size_t bracket = place.rfind('(');
  if (!place.ends_with(')') || bracket == std::string_view::npos) return true;
  frame.object = place.substr(0, bracket);
  frame.symbol = place.substr(bracket + 1, place.size() - bracket - 2);
  frame.symbol = frame.symbol.substr(0, frame.symbol.rfind("+0x"));
  return true;
}

std::string_view plain_symbol(std::string_view symbol) {
  // C++ names hold dots of their own only in front of what compilers add, too.
  const std::size_t dot = symbol.find('.', 1);
  return symbol.substr(0, dot);
}

}  // namespace tracebraid::formats::strace
