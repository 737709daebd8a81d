#include "formats/io/rewound.h"

#include <algorithm>
#include <exception>
#include <span>
#include <utility>

namespace tracebraid::formats::io {
namespace {

class Hooked final : public Rewound {
 public:
  Hooked(std::unique_ptr<Rewound> source, std::function<void()> before_read)
      : source_(std::move(source)), before_read_(std::move(before_read)) {}
  std::size_t read(std::span<char> into) override {
    before_read_();
    return source_->read(into);
  }
  [[nodiscard]] const std::string& name() const override { return source_->name(); }
  [[nodiscard]] std::string_view head() const override { return source_->head(); }
  bool more() override { return source_->more(); }

 private:
  std::unique_ptr<Rewound> source_;
  std::function<void()> before_read_;
};

class RewoundSource final : public Rewound {
 public:
  explicit RewoundSource(std::unique_ptr<Source> rest) : rest_(std::move(rest)) {
    (void)more();
    if (head_.empty() && failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

  bool more() override {
    constexpr std::size_t kMost = std::size_t{64} * 1024;
    if (has_ended_ || head_.size() >= kMost) return false;
    const std::size_t filled = head_.size();
    head_.resize(kMost);
    std::size_t count = 0;
    try {
      count = rest_->read(std::span(head_.data() + filled, kMost - filled));
    } catch (const Error&) {
      failure_ = std::current_exception();
    }
    head_.resize(filled + count);
    has_ended_ = count == 0;
    return count > 0;
  }

  std::size_t read(std::span<char> into) override {
    if (at_ < head_.size()) {
      const std::size_t count = std::min(into.size(), head_.size() - at_);
      std::copy_n(head_.data() + at_, count, into.data());
      at_ += count;
      return count;
    }
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return has_ended_ ? 0 : rest_->read(into);
  }
  [[nodiscard]] const std::string& name() const override { return rest_->name(); }
  [[nodiscard]] std::string_view head() const override { return head_; }

 private:
  std::unique_ptr<Source> rest_;
  std::string head_;
  std::size_t at_ = 0;
  bool has_ended_ = false;
  std::exception_ptr failure_;
};

}  // namespace

std::unique_ptr<Rewound> rewound(std::unique_ptr<Source> source) {
  return std::make_unique<RewoundSource>(std::move(source));
}

std::unique_ptr<Rewound> with_hook(std::unique_ptr<Rewound> source,
                                   std::function<void()> before_read) {
  return std::make_unique<Hooked>(std::move(source), std::move(before_read));
}

}  // namespace tracebraid::formats::io
