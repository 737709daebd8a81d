#include "analyzers/input/fiber.h"

#include <new>
#include <utility>

#include <cxxabi.h>
#include <sys/mman.h>

namespace tracebraid::analyzers {
namespace {

// Readers of hostile inputs are held to 64 KiB by their tests.
constexpr std::size_t kStackBytes = std::size_t{4} << 20U;
constexpr std::size_t kGuardBytes = std::size_t{64} << 10U;

// makecontext() hands over no pointers.
thread_local Fiber* entering = nullptr;

}  // namespace

Fiber::Fiber(std::function<void()> work)
    : work_(std::move(work)),
      stack_(::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0)) {
  if (stack_ == MAP_FAILED) throw std::bad_alloc();
  ::mprotect(stack_, kGuardBytes, PROT_NONE);
  ::getcontext(&inside_);
  inside_.uc_stack.ss_sp = stack_;
  inside_.uc_stack.ss_size = kStackBytes;
  inside_.uc_link = nullptr;
  ::makecontext(&inside_, &Fiber::run, 0);
}

Fiber::~Fiber() {
  ::munmap(stack_, kStackBytes);
}

void Fiber::run() {
  Fiber& self = *entering;
  self.work_();
  self.is_over_ = true;
  self.switch_to(self.inside_, self.outside_);
}

void Fiber::go_on() {
  has_begun_ = true;
  entering = this;
  switch_to(outside_, inside_);
}

void Fiber::pause() {
  switch_to(inside_, outside_);
}

// Each side may be handling an exception: who goes on has to find its own.
void Fiber::switch_to(ucontext_t& from, const ucontext_t& to) {
  auto& current = *reinterpret_cast<Exceptions*>(abi::__cxa_get_globals());
  std::swap(current.caught, others_.caught);
  std::swap(current.uncaught, others_.uncaught);
  ::swapcontext(&from, &to);
}

}  // namespace tracebraid::analyzers
