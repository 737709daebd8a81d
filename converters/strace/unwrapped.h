// A log without what other programs put around its lines.
#pragma once

#include <memory>

#include "formats/io/rewound.h"

namespace tracebraid::converters::strace {

// `source` itself where nothing is around its lines (formats/strace/wrapping.h). Each line stays
// one line, and what has come of the input is handed on at once.
[[nodiscard]] std::unique_ptr<formats::io::Rewound> unwrapped(
    std::unique_ptr<formats::io::Rewound> source);

}  // namespace tracebraid::converters::strace
