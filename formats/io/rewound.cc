#include "formats/io/rewound.h"

#include <algorithm>
#include <exception>
#include <span>
#include <utility>

namespace tracebraid::formats::io {
namespace {

class RewoundSource final : public Rewound {
 public:
  explicit RewoundSource(std::unique_ptr<Source> rest) : rest_(std::move(rest)) {
    constexpr std::size_t kMost = std::size_t{64} * 1024;
    constexpr std::size_t kEnough = 512;
    head_.resize(kMost);
    std::size_t filled = 0;
    while (filled < kMost) {
      const std::string_view text(head_.data(), filled);
      if (filled >= kEnough || text.find('\n') != std::string_view::npos) break;
      try {
        const std::size_t count = rest_->read(std::span(head_.data() + filled, kMost - filled));
        if (count == 0) break;
        filled += count;
      } catch (const Error&) {
        if (filled == 0) throw;
        failure_ = std::current_exception();
        break;
      }
    }
    head_.resize(filled);
  }

  std::size_t read(std::span<char> into) override {
    if (at_ < head_.size()) {
      const std::size_t count = std::min(into.size(), head_.size() - at_);
      std::copy_n(head_.data() + at_, count, into.data());
      at_ += count;
      return count;
    }
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return rest_->read(into);
  }
  [[nodiscard]] const std::string& name() const override { return rest_->name(); }
  [[nodiscard]] std::string_view head() const override { return head_; }

 private:
  std::unique_ptr<Source> rest_;
  std::string head_;
  std::size_t at_ = 0;
  std::exception_ptr failure_;
};

}  // namespace

std::unique_ptr<Rewound> rewound(std::unique_ptr<Source> source) {
  return std::make_unique<RewoundSource>(std::move(source));
}

}  // namespace tracebraid::formats::io
