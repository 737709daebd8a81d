// Numbers and lists in sentences for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace tracebraid::analyzers {

// "29,790".
[[nodiscard]] std::string shown_count(std::uint64_t count);

// "0.54 ms", "5.05 s": three digits tell enough.
[[nodiscard]] std::string shown_duration(std::int64_t ns);

// "1 call", "29,790 calls".
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view one, std::string_view many);

// Of any range of texts or integers. fmt::join and a view that joins say the same, but each kind of
// range takes a second to compile there.
template <typename Parts>
[[nodiscard]] std::string joined(Parts&& parts, std::string_view separator = ", ") {
  std::string all;
  bool is_first = true;
  for (auto&& part : parts) {
    if (!is_first) all.append(separator);
    is_first = false;
    if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(part)>>) {
      all.append(std::to_string(part));
    } else {
      all.append(part);
    }
  }
  return all;
}

}  // namespace tracebraid::analyzers
