// A function that stops in the middle and goes on later, in the thread that asks for it: what a
// second thread is for, where none can be made (a container's limit of pids, ulimit -u).
#pragma once

#include <cstddef>
#include <functional>

#include <ucontext.h>

namespace tracebraid::analyzers {

class Fiber {
 public:
  // `work` throws nothing. Throws std::bad_alloc when there is no memory for its stack.
  explicit Fiber(std::function<void()> work);
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  // Not while `work` is in the middle: what it has on its stack would be lost.
  ~Fiber();

  // Until `work` calls pause(), or ends.
  void go_on();
  // By `work`.
  void pause();
  [[nodiscard]] bool is_over() const { return is_over_; }
  [[nodiscard]] bool has_begun() const { return has_begun_; }

 private:
  // Of the C++ runtime, for each thread: which exceptions are being handled.
  struct Exceptions {
    void* caught = nullptr;
    unsigned int uncaught = 0;
  };

  static void run();
  void switch_to(ucontext_t& from, const ucontext_t& to);

  std::function<void()> work_;
  void* stack_;
  ucontext_t inside_{}, outside_{};
  Exceptions others_;  // of the side that waits
  bool has_begun_ = false;
  bool is_over_ = false;
};

}  // namespace tracebraid::analyzers
