// The kinds of inputs that tracebraid reads.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "converters/input.h"

namespace tracebraid::converters {

// In the order in which they are asked whether an input is theirs.
[[nodiscard]] std::span<const InputKind* const> input_kinds();

// Null when none of them knows it.
[[nodiscard]] const InputKind* recognize(std::string_view head);

// Of all kinds: what record streams are compared with (record/reader.h).
[[nodiscard]] std::span<const formats::record::TypeInfo* const> known_types();

// For manuals: what is read, and how it is told.
[[nodiscard]] std::string_view described_inputs();

// For errors: "neither a capture, nor …".
[[nodiscard]] std::string no_known_input();

}  // namespace tracebraid::converters
