#include "formats/io/text_output.h"

#include "formats/io/text.h"

namespace tracebraid::formats::io {

void TextOutput::line(std::string_view text) {
  if (!is_plain(text)) {
    line_.clear();
    append_escaped(line_, text);
    text = line_;
  }
  const bool is_cut = width_ > 0 && width_of(text) > width_;
  out_.append(is_cut ? front_of(text, width_ - 1) : text);
  out_.append(is_cut ? "…\n" : "\n");
}

}  // namespace tracebraid::formats::io
