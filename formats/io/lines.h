// Lines of a text that comes in pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string_view>
#include <vector>

#include "formats/io/source.h"

namespace tracebraid::formats::io {

// Ends of lines are \n and \r\n. Memory: `window`, or twice the longest line, which is kMostLine
// bytes at most: of a longer one the first kMostLine bytes are given, and the rest is skipped.
class LineReader {
 public:
  static constexpr std::size_t kWindow = std::size_t{256} * 1024;
  static constexpr std::size_t kMostLine = std::size_t{16} << 20;

  explicit LineReader(Source& source, std::size_t window = kWindow)
      : source_(source), buffer_(window) {}
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // Reads one line, and kPeek bytes behind it. False at the end of input. Throws what the source
  // throws, after the lines before it.
  bool next();

  // Without its end; valid until the next next().
  [[nodiscard]] std::string_view line() const { return line_; }
  [[nodiscard]] bool is_cut() const { return is_cut_; }    // it was longer than kMostLine
  [[nodiscard]] bool has_end() const { return has_end_; }  // false: the input ends in it
  // The front of the line behind it: at least kPeek bytes of input, unless that ends before. Waits
  // for them; line() stays valid.
  static constexpr std::size_t kPeek = 4;
  [[nodiscard]] std::string_view peek() const { return {buffer_.data() + at_, end_ - at_}; }

 private:
  bool refill();

  Source& source_;
  std::vector<char> buffer_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::string_view line_;
  bool is_cut_ = false;
  bool has_end_ = true;
  bool has_ended_ = false;
  std::exception_ptr failure_;  // thrown once the lines before it are taken
};

}  // namespace tracebraid::formats::io
