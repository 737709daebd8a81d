#include "formats/io/cursor.h"

#include <algorithm>
#include <bit>

namespace tracebraid::formats::io {

static_assert(std::endian::native == std::endian::little,
              "Cursor::load reads little-endian numbers by copying");

bool Cursor::refill(std::size_t count) {
  std::size_t have = available();
  before_window_ += static_cast<std::uint64_t>(at_ - buffer_.data());
  if (have > 0) std::memmove(buffer_.data(), at_, have);
  // Kept true at every step, since reading may throw.
  const auto set_window = [&] {
    at_ = buffer_.data();
    end_ = at_ + have;
  };
  set_window();
  while (have < count && !ended_) {
    if (have == buffer_.size()) {
      buffer_.resize(std::min(buffer_.size() * 2, count));
      set_window();
    }
    const std::size_t got = source_.read(std::span(buffer_).subspan(have));
    ended_ = got == 0;
    have += got;
    set_window();
  }
  return have >= count;
}

}  // namespace tracebraid::formats::io
