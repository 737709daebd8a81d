// Names what a file seems to be, for refusals: "looks like a pickle".
#pragma once

#include <string_view>

namespace tracebraid::formats::io {

// `head` is the beginning of the (decompressed) input; a few hundred bytes tell more. Empty when it
// looks like nothing known. For messages only: readers decide for themselves what they accept.
[[nodiscard]] std::string_view looks_like(std::string_view head);

}  // namespace tracebraid::formats::io
