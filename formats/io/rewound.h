// A source whose beginning was looked at.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "formats/io/source.h"

namespace tracebraid::formats::io {

class Rewound : public Source {
 public:
  // What was read so far and not yet given; valid until more().
  [[nodiscard]] virtual std::string_view head() const = 0;

  // Reads more behind head(), up to 64 KiB in all; false when there is no more, or enough. Not
  // after read().
  virtual bool more() = 0;
};

// `source`, with `before_read` called before each read of it: that may last, and what has been made
// of the input so far be wanted.
[[nodiscard]] std::unique_ptr<Rewound> with_hook(std::unique_ptr<Rewound> source,
                                                 std::function<void()> before_read);

// Reads the first bytes of `source`, and gives them again with what follows. Throws what the source
// throws before its first byte.
[[nodiscard]] std::unique_ptr<Rewound> rewound(std::unique_ptr<Source> source);

}  // namespace tracebraid::formats::io
