// What checks of profiles share.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>

#include "formats/record/call.h"
#include "formats/record/function.h"

namespace tracebraid::analyzers::checks {

// A function of one dump: pstats keeps those of equal names as one.
struct ProfileKey {
  std::string input, file, name;
  std::uint32_t line = 0;
  auto operator<=>(const ProfileKey&) const = default;

  // "accept (socket.py:287)", "<built-in method time.sleep>".
  [[nodiscard]] std::string shown() const {
    if (line == 0) return name;
    const std::string_view path = file;
    const std::string_view base = path.substr(path.find_last_of("/\\") + 1);
    return name + " (" + std::string(base) + ":" + std::to_string(line) + ")";
  }
  // Without a line: built in, written in C.
  [[nodiscard]] bool is_builtin() const { return line == 0; }
};

[[nodiscard]] inline ProfileKey key_of(const formats::record::Function& function) {
  return {std::string(function.input), std::string(function.file), std::string(function.name),
          function.line};
}
[[nodiscard]] inline ProfileKey caller_of(const formats::record::Call& call) {
  return {std::string(call.input), std::string(call.caller_file), std::string(call.caller_name),
          call.caller_line};
}
[[nodiscard]] inline ProfileKey callee_of(const formats::record::Call& call) {
  return {std::string(call.input), std::string(call.callee_file), std::string(call.callee_name),
          call.callee_line};
}

}  // namespace tracebraid::analyzers::checks
