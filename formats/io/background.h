// Work in a second thread, batch by batch.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace tracebraid::formats::io {

// Runs `work` on batches in order while the caller fills the next one: at most one is waiting, one
// at work. The thread starts with the first submit(): a caller that never has a full batch stays
// alone. What `work` throws is thrown by a later submit() or drain(); nothing is worked on after
// it.
template <typename Batch>
class Background {
 public:
  explicit Background(std::function<void(Batch&)> work) : work_(std::move(work)) {}
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background() { stop(); }

  // Takes the batch, and gives back an old one to be filled anew.
  void submit(Batch& batch) {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [&] { return !is_waiting_; });
    if (failure_) std::rethrow_exception(failure_);
    std::swap(waiting_, batch);
    is_waiting_ = true;
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
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
  void run() {
    Batch batch;
    for (;;) {
      std::unique_lock lock(mutex_);
      given_.wait(lock, [&] { return is_waiting_ || is_stopping_; });
      if (!is_waiting_) return;
      std::swap(batch, waiting_);
      is_waiting_ = false;
      const bool has_failed = failure_ != nullptr;
      lock.unlock();
      idle_.notify_one();
      if (has_failed) continue;
      try {
        work_(batch);
      } catch (...) {
        const std::lock_guard guard(mutex_);
        failure_ = std::current_exception();
      }
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
  Batch waiting_;
  bool is_waiting_ = false;
  bool is_stopping_ = false;
  std::exception_ptr failure_;
};

}  // namespace tracebraid::formats::io
