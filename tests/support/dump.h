// Dumps by hand, in the shapes that profilers write: marshal version 2, whose objects need no
// table.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace tracebraid::tests {

inline std::string u32(std::uint32_t value) {
  std::string out(4, '\0');
  std::memcpy(out.data(), &value, 4);
  return out;
}
inline std::string text(std::string_view value) {
  return "u" + u32(static_cast<std::uint32_t>(value.size())) + std::string(value);
}
inline std::string number(std::int32_t value) {
  return "i" + u32(static_cast<std::uint32_t>(value));
}
inline std::string number(double value) {
  std::string out = "g" + std::string(8, '\0');
  std::memcpy(out.data() + 1, &value, 8);
  return out;
}
template <typename... Parts>
std::string tuple(const Parts&... parts) {
  return "(" + u32(sizeof...(parts)) + (parts + ... + std::string());
}
inline std::string key(std::string_view file, std::int32_t line, std::string_view name) {
  return tuple(text(file), number(line), text(name));
}
inline std::string dict(const std::string& content) {
  return "{" + content + "0";
}
// A caller's value: mind the order.
inline std::string timed(std::int32_t nc, std::int32_t cc, double tt, double ct) {
  return tuple(number(nc), number(cc), number(tt), number(ct));
}
// An entry's value.
inline std::string value(std::int32_t cc, std::int32_t nc, double tt, double ct,
                         const std::string& callers) {
  return tuple(number(cc), number(nc), number(tt), number(ct), dict(callers));
}

}  // namespace tracebraid::tests
