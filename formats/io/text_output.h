// Text for people, line by line: reports, timelines, whatever is neither a record nor a message.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "formats/io/output.h"

namespace tracebraid::formats::io {

// What writes for people is given this, not an Output: whatever a line holds, names of files and
// functions, arguments, addresses, is escaped here (append_escaped), so that nothing of it speaks
// to a terminal or becomes a line of its own.
class TextOutput {
 public:
  // `width`: longer lines are cut, at that many columns; 0: none is. `output` must outlive this.
  explicit TextOutput(Output& output, std::size_t width = 0) : out_(output), width_(width) {}

  // Writes `text` and a line end; one that `text` holds itself is escaped.
  void line(std::string_view text = {});

  void flush() { out_.flush(); }

 private:
  BlockWriter out_;
  std::size_t width_;
  std::string line_;  // reused
};

}  // namespace tracebraid::formats::io
