#include "formats/flame/folded.h"

namespace tracebraid::formats::flame {

void append_folded(std::string& out, std::span<const std::string_view> frames,
                   std::uint64_t weight) {
  bool is_first = true;
  for (const std::string_view frame : frames) {
    if (!is_first) out.push_back(';');
    is_first = false;
    for (const char each : frame) {
      out.push_back(each == ';' ? ':' : static_cast<unsigned char>(each) < ' ' ? ' ' : each);
    }
  }
  out.append(" ").append(std::to_string(weight)).push_back('\n');
}

}  // namespace tracebraid::formats::flame
