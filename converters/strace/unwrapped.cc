#include "converters/strace/unwrapped.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/strace/wrapping.h"

namespace tracebraid::converters::strace {
namespace {

namespace io = formats::io;
using formats::strace::Wrapping;

class Unwrapped final : public io::Source {
 public:
  Unwrapped(std::unique_ptr<io::Source> source, Wrapping wrapping)
      : source_(std::move(source)), wrapping_(std::move(wrapping)) {}

  std::size_t read(std::span<char> into) override {
    while (at_ == ready_.size() && !is_over_) fill();
    const std::size_t count = std::min(into.size(), ready_.size() - at_);
    std::memcpy(into.data(), ready_.data() + at_, count);
    at_ += count;
    return count;
  }
  [[nodiscard]] const std::string& name() const override { return source_->name(); }

 private:
  void fill() {
    ready_.clear();
    at_ = 0;
    const std::size_t count = source_->read(piece_);
    is_over_ = count == 0;
    std::string_view text(piece_.data(), count);
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
      partial_.append(text.substr(0, end));
      take_line();
      ready_.push_back('\n');
      text.remove_prefix(end + 1);
    }
    partial_.append(text);
    // A line that is too long to be one of strace's goes on as it is.
    if (is_over_ || partial_.size() > kMostLine) take_line();
  }

  void take_line() {
    if (partial_.size() > kMostLine || is_rest_) {
      ready_.append(partial_);
      is_rest_ = partial_.size() > kMostLine;
    } else {
      ready_.append(wrapping_.unwrapped(partial_, room_));
    }
    partial_.clear();
  }

  static constexpr std::size_t kPiece = std::size_t{64} << 10U;
  static constexpr std::size_t kMostLine = std::size_t{1} << 20U;
  std::unique_ptr<io::Source> source_;
  Wrapping wrapping_;
  std::vector<char> piece_ = std::vector<char>(kPiece);
  std::string partial_, ready_, room_;
  std::size_t at_ = 0;
  bool is_rest_ = false;  // of a line whose beginning was too long
  bool is_over_ = false;
};

}  // namespace

std::unique_ptr<io::Rewound> unwrapped(std::unique_ptr<io::Rewound> source) {
  Wrapping wrapping = Wrapping::of(source->head());
  if (wrapping.is_none()) return source;
  return io::rewound(std::make_unique<Unwrapped>(std::move(source), std::move(wrapping)));
}

}  // namespace tracebraid::converters::strace
