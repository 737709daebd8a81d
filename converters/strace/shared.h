// Something that many have and few change: copied by who changes it while others have it, too.
#pragma once

#include <cstdint>
#include <utility>

namespace tracebraid::converters::strace {

// How many have it. A copy is had by nobody yet.
struct Sharable {
  Sharable() = default;
  Sharable(const Sharable& /*other*/) {}
  Sharable& operator=(const Sharable&) = delete;
  ~Sharable() = default;

  std::uint32_t shares = 0;
};

// A share in a T, which is a Sharable; or nothing. Not for several threads.
template <typename T>
class Shared {
 public:
  Shared() = default;
  Shared(const Shared& other) : what_(other.what_) {
    if (what_ != nullptr) ++what_->shares;
  }
  Shared(Shared&& other) noexcept : what_(std::exchange(other.what_, nullptr)) {}
  Shared& operator=(Shared other) noexcept {
    std::swap(what_, other.what_);
    return *this;
  }
  ~Shared() {
    if (what_ != nullptr && --what_->shares == 0) delete what_;
  }

  explicit operator bool() const { return what_ != nullptr; }
  bool operator==(const Shared&) const = default;
  const T& operator*() const { return *what_; }
  const T* operator->() const { return what_; }
  [[nodiscard]] const T* get() const { return what_; }

  // For changes: nobody else has it afterwards. Made where there was nothing.
  T& own() {
    if (what_ == nullptr || what_->shares > 1) make_own();
    return *what_;
  }

 private:
  void make_own() {
    T* const made = what_ == nullptr ? new T() : new T(*what_);
    made->shares = 1;
    if (what_ != nullptr) --what_->shares;
    what_ = made;
  }

  T* what_ = nullptr;
};

}  // namespace tracebraid::converters::strace
