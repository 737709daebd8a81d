// Numbers and lists in sentences for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tracebraid::analyzers {

// "29,790".
[[nodiscard]] std::string shown_count(std::uint64_t count);

// "0.54 ms", "5.05 s": three digits tell enough.
[[nodiscard]] std::string shown_duration(std::int64_t ns);

// "1 call", "29,790 calls".
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view one, std::string_view many);

[[nodiscard]] std::string joined(std::span<const std::string> parts,
                                 std::string_view separator = ", ");

}  // namespace tracebraid::analyzers
