// Work in a second thread, batch by batch.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace tracebraid::formats::io {

// Runs `work` on batches in order while the caller fills the next one: at most `most_waiting` are
// waiting, one at work. The thread starts with the first submit(): a caller that never has a full
// batch stays alone, and so does one where no thread can be made (a container's limit of pids,
// ulimit -u). What `work` throws is thrown by a later submit() or drain(); nothing is worked
// on after it.
//
// With one waiting, each side sleeps whenever the other takes a little longer; waking up takes a
// multiple of what a batch of some 100 us leaves to spare. With more, only the faster side sleeps,
// and the caller, when it is that, not before half of them are done.
template <typename Batch>
class Background {
 public:
  explicit Background(std::function<void(Batch&)> work, std::size_t most_waiting = 1)
      : work_(std::move(work)), waiting_(most_waiting) {}
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background() { stop(); }

  // Takes the batch, and gives back an old one to be filled anew.
  void submit(Batch& batch) {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return count_ < waiting_.size(); });
    if (failure_) std::rethrow_exception(failure_);
    std::swap(waiting_[(first_ + count_) % waiting_.size()], batch);
    ++count_;
    if (!thread_.joinable() && !is_alone_) start();
    if (is_alone_) return work_on_next(lock, here_);
    lock.unlock();
    given_.notify_one();
  }

  // Ends the thread once all is done, then works on `last` here.
  void drain(Batch& last) {
    stop();
    if (failure_) std::rethrow_exception(failure_);
    work_(last);
  }

 private:
  void start() {
    try {
      thread_ = std::thread([this] { run(); });
    } catch (const std::system_error&) {
      is_alone_ = true;
    }
  }

  void run() {
    Batch batch;
    for (;;) {
      std::unique_lock lock(mutex_);
      given_.wait(lock, [&] { return count_ > 0 || is_stopping_; });
      if (count_ == 0) return;
      work_on_next(lock, batch);
    }
  }

  // Takes it for `batch`, which waits to be filled anew then.
  void work_on_next(std::unique_lock<std::mutex>& lock, Batch& batch) {
    std::swap(batch, waiting_[first_]);
    first_ = (first_ + 1) % waiting_.size();
    --count_;
    const bool has_failed = failure_ != nullptr;
    const bool is_half_empty = count_ == waiting_.size() / 2;
    lock.unlock();
    if (is_half_empty) idle_.notify_one();
    if (has_failed) return;
    try {
      work_(batch);
    } catch (...) {
      const std::lock_guard guard(mutex_);
      failure_ = std::current_exception();
    }
  }

  void stop() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard guard(mutex_);
      is_stopping_ = true;
    }
    given_.notify_one();
    thread_.join();
    thread_ = {};
    is_stopping_ = false;
  }

  std::function<void(Batch&)> work_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable given_;
  std::condition_variable idle_;
  std::vector<Batch> waiting_;  // a ring
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  bool is_stopping_ = false;
  bool is_alone_ = false;
  Batch here_;  // when it is
  std::exception_ptr failure_;
};

}  // namespace tracebraid::formats::io
