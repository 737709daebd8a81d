// A source whose beginning was looked at.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "formats/io/source.h"

namespace tracebraid::formats::io {

class Rewound : public Source {
 public:
  // What the first reads gave, up to 64 KiB: valid as long as the source.
  [[nodiscard]] virtual std::string_view head() const = 0;
};

// Reads the first bytes of `source`, at least one line of a text or 512 bytes where it has them,
// and gives them again with what follows. Throws what the source throws before its first byte.
[[nodiscard]] std::unique_ptr<Rewound> rewound(std::unique_ptr<Source> source);

}  // namespace tracebraid::formats::io
