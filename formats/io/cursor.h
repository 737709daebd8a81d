// The one place where input bytes are touched with a bounds check: a window over a Source.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "formats/io/source.h"

namespace tracebraid::formats::io {

// Memory: `window` bytes, or twice the longest run of bytes that ensure() was asked for and that
// the input really held: a declared size never makes it grow, arrived bytes do.
class Cursor {
 public:
  static constexpr std::size_t kWindow = std::size_t{256} * 1024;

  explicit Cursor(Source& source, std::size_t window = kWindow)
      : source_(source), buffer_(window), at_(buffer_.data()), end_(buffer_.data()) {}
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  // Makes `count` bytes readable at data(); false when the input ends before that (what there is
  // stays readable). Invalidates earlier pointers. Throws what the source throws.
  [[nodiscard]] bool ensure(std::size_t count) {
    return static_cast<std::size_t>(end_ - at_) >= count || refill(count);
  }

  [[nodiscard]] const char* data() const { return at_; }
  [[nodiscard]] std::size_t available() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] unsigned char peek(std::size_t ahead = 0) const {
    return static_cast<unsigned char>(at_[ahead]);
  }

  // `count` must be available.
  void advance(std::size_t count) { at_ += count; }

  // Little-endian integer or float at `ahead`; its bytes must be available.
  template <typename Number>
  [[nodiscard]] Number load(std::size_t ahead = 0) const {
    Number value;
    std::memcpy(&value, at_ + ahead, sizeof value);
    return value;
  }

  // Bytes before data() in the (decompressed) input.
  [[nodiscard]] std::uint64_t offset() const {
    return before_window_ + static_cast<std::uint64_t>(at_ - buffer_.data());
  }

  [[nodiscard]] const std::string& name() const { return source_.name(); }

 private:
  bool refill(std::size_t count);

  Source& source_;
  std::vector<char> buffer_;
  const char* at_;
  const char* end_;
  std::uint64_t before_window_ = 0;
  bool ended_ = false;
};

}  // namespace tracebraid::formats::io
