#include "analyzers/input/in_step.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <iterator>
#include <limits>
#include <mutex>
#include <optional>
#include <queue>
#include <system_error>
#include <thread>
#include <utility>

#include "analyzers/input/fiber.h"
#include "formats/io/diagnostics.h"
#include "formats/record/arena.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using record::AnyRecord;

// Below what the arena takes at once, so that its memory is used again.
constexpr std::size_t kChunk = std::size_t{512} * 1024;
constexpr std::size_t kBatchBytes = kChunk * 7 / 8;
constexpr std::size_t kMostReady = 4;

struct Batch {
  record::Arena memory{kChunk};
  std::vector<AnyRecord> records;

  void clear() {
    memory.clear();
    records.clear();
  }
};

// Thrown in a lane when nobody wants its records any more.
struct Unwanted {};

// Progress of all lanes together, shown by the thread that may write to the terminal.
class Progress final : public io::ReadObserver {
 public:
  void on_read(std::uint64_t bytes_read, std::uint64_t bytes_total) override {
    read_ = bytes_read;
    total_ = bytes_total;
  }
  std::atomic<std::uint64_t> read_ = 0;
  std::atomic<std::uint64_t> total_ = 0;
};

class RunningLane final : public converters::InputSink, public io::Messages {
 public:
  RunningLane(Lane lane, const std::string& program)
      : lane_(std::move(lane)), diagnostics_(*this, program) {}

  // In the lane's thread; what it is of stays alive by `self`.
  static void run(const std::shared_ptr<RunningLane>& self) { self->run_here(); }

  void put(const AnyRecord& record) override {
    // In place: a copy that was just written would be read before it has left for memory.
    filling_.records.push_back(record);
    filling_.records.back().keep_in(filling_.memory, shift_ns_);
    if (filling_.memory.size() >= kBatchBytes) submit();
  }

  void flush() override {
    if (!filling_.records.empty()) submit();
  }

  void shift_by(std::int64_t ns) override { shift_ns_ = ns; }
  void keep(std::shared_ptr<const void> types) override { kept_.push_back(std::move(types)); }

  // From any of the lane's threads.
  void line(std::string_view text) override {
    const std::lock_guard lock(mutex_);
    messages_.emplace_back(text);
  }

  // In the reading thread: begins to read, in a thread of its own where one can be made, else
  // whenever next() has nothing.
  static void begin(const std::shared_ptr<RunningLane>& self, std::thread& thread) {
    try {
      thread = std::thread(&RunningLane::run, self);
    } catch (const std::system_error&) {
      self->fiber_.emplace([lane = self.get()] { lane->run_here(); });
    }
  }

  // In the reading thread: whether next() has to wait.
  [[nodiscard]] bool is_behind() {
    const std::lock_guard lock(mutex_);
    return ready_.empty() && !is_over_;
  }

  // In the reading thread: the next batch, the last one being given back, and messages so far.
  // False at the end.
  bool next(Batch& batch, std::vector<std::string>& messages) {
    while (fiber_ && ready_.empty() && !fiber_->is_over()) fiber_->go_on();
    std::unique_lock lock(mutex_);
    given_.wait(lock, [&] { return !ready_.empty() || is_over_; });
    messages.swap(messages_);
    if (ready_.empty()) return false;
    batch.clear();
    free_.push_back(std::move(batch));
    batch = std::move(ready_.front());
    ready_.pop_front();
    const bool is_wanted = ready_.size() == kMostReady / 2;
    lock.unlock();
    if (is_wanted) taken_.notify_one();
    return true;
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      is_unwanted_ = true;
    }
    taken_.notify_one();
    // It is in the middle of submit(), if it has begun.
    while (fiber_ && fiber_->has_begun() && !fiber_->is_over()) fiber_->go_on();
  }

  void move_types_to(std::vector<std::shared_ptr<const void>>& types) {
    std::ranges::move(kept_, std::back_inserter(types));
  }
  [[nodiscard]] bool may_wait() const { return lane_.may_wait; }
  [[nodiscard]] const Progress& progress() const { return progress_; }
  // Once next() was false.
  [[nodiscard]] const std::exception_ptr& failure() const { return failure_; }
  [[nodiscard]] bool damaged() const { return diagnostics_.damaged(); }

 private:
  void run_here() {
    cli::Context context{diagnostics_, &progress_};
    try {
      try {
        lane_.read(*this, context);
      } catch (const io::Error& error) {
        diagnostics_.report(error);
      }
      diagnostics_.summarize();
      submit();
    } catch (const Unwanted&) {
    } catch (...) {
      failure_ = std::current_exception();
    }
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    given_.notify_one();
  }

  void submit() {
    std::unique_lock lock(mutex_);
    // Once it has to wait, it waits for more than one to be taken: being woken costs more than a
    // batch.
    if (ready_.size() >= kMostReady) {
      taken_.wait(lock, [&] { return ready_.size() <= kMostReady / 2 || is_unwanted_; });
    }
    if (is_unwanted_) throw Unwanted{};
    ready_.push_back(std::move(filling_));
    if (free_.empty()) {
      filling_ = Batch{};
    } else {
      filling_ = std::move(free_.back());
      free_.pop_back();
    }
    lock.unlock();
    given_.notify_one();
    if (!fiber_) return;
    fiber_->pause();
    if (is_unwanted_) throw Unwanted{};
  }

  Lane lane_;
  std::vector<std::shared_ptr<const void>> kept_;
  Progress progress_;
  io::Diagnostics diagnostics_;
  Batch filling_;
  std::mutex mutex_;
  std::condition_variable given_;
  std::condition_variable taken_;
  std::deque<Batch> ready_;
  std::vector<Batch> free_;
  std::vector<std::string> messages_;
  std::int64_t shift_ns_ = 0;
  bool is_over_ = false;
  bool is_unwanted_ = false;
  std::exception_ptr failure_;
  std::optional<Fiber> fiber_;  // instead of a thread
};

// Records are written by another core: their own bytes are the first to be brought near.
constexpr std::size_t kAhead = 32;

// The side of the reading thread.
struct Head {
  std::shared_ptr<RunningLane> lane;
  std::thread thread;
  Batch batch;
  std::size_t number = 0;
  std::size_t next = 0;  // in the batch
  std::int64_t moment = std::numeric_limits<std::int64_t>::min();
  bool is_over = false;
};

class Heads {
 public:
  Heads(std::vector<Lane> lanes, std::size_t first_number, record::Order order,
        RecordVisitor& visitor, cli::Context& context)
      : context_(context), visitor_(visitor), moments_(order) {
    for (Lane& lane : lanes) {
      Head& head = heads_.emplace_back();
      head.number = first_number + heads_.size() - 1;
      head.lane = std::make_shared<RunningLane>(std::move(lane), context.diagnostics.program());
      RunningLane::begin(head.lane, head.thread);
    }
  }
  Heads(const Heads&) = delete;
  Heads& operator=(const Heads&) = delete;
  ~Heads() {
    for (Head& head : heads_) head.lane->stop();
    for (Head& head : heads_) {
      if (!head.thread.joinable()) continue;
      // One that waits for a pipe would keep us; it owns what it works on, and ends with us.
      if (head.lane->may_wait() && !head.is_over) {
        head.thread.detach();
      } else {
        head.thread.join();
      }
    }
  }

  // After show_all(): what the records' types live in.
  void move_types_to(std::vector<std::shared_ptr<const void>>& types) {
    for (Head& head : heads_) head.lane->move_types_to(types);
  }

  void show_all() {
    const auto is_later = [](const Head* left, const Head* right) {
      return std::pair(left->moment, left->number) > std::pair(right->moment, right->number);
    };
    std::priority_queue<Head*, std::vector<Head*>, decltype(is_later)> queue(is_later);
    for (Head& head : heads_) {
      advance(head);
      if (!head.is_over) queue.push(&head);
    }
    while (!queue.empty()) {
      Head* const first = queue.top();
      queue.pop();
      visitor_.enter(first->number);
      do {
        expect(*first);
        visitor_.visit(first->batch.records[first->next]);
        ++first->next;
        advance(*first);
      } while (!first->is_over && (queue.empty() || is_later(queue.top(), first)));
      if (!first->is_over) queue.push(first);
    }
  }

 private:
  void expect(const Head& head) {
    constexpr std::size_t kFar = 24;
    constexpr std::size_t kNear = 14;
    constexpr std::size_t kNext = 6;
    const std::vector<AnyRecord>& records = head.batch.records;
    const std::size_t left = records.size() - head.next;
    if (left > kNext) visitor_.expect(records[head.next + kNext], Distance::kNext);
    if (left > kNear) visitor_.expect(records[head.next + kNear], Distance::kNear);
    if (left > kFar) visitor_.expect(records[head.next + kFar], Distance::kFar);
    if (left > kAhead) records[head.next + kAhead].prefetch();
    if (left > 2 * kAhead) __builtin_prefetch(&records[head.next + 2 * kAhead]);
  }

  // To the next record of the lane.
  void advance(Head& head) {
    while (head.next >= head.batch.records.size()) {
      messages_.clear();
      if (head.lane->may_wait() && head.lane->is_behind()) visitor_.flush();
      const bool has_more = head.lane->next(head.batch, messages_);
      for (const std::string& line : messages_) context_.diagnostics.pass_on(line);
      if (!has_more) {
        head.is_over = true;
        if (head.thread.joinable()) head.thread.join();
        context_.diagnostics.add_damage(head.lane->damaged());
        if (head.lane->failure()) std::rethrow_exception(head.lane->failure());
        return;
      }
      head.next = 0;
      const std::size_t first = std::min(kAhead, head.batch.records.size());
      for (std::size_t at = 0; at < first; ++at) head.batch.records[at].prefetch();
      show_progress();
    }
    if (const auto moment = moments_.of(head.batch.records[head.next])) {
      head.moment = std::max(head.moment, *moment);
    }
  }

  void show_progress() {
    if (context_.progress == nullptr) return;
    std::uint64_t read = 0;
    std::uint64_t total = 0;
    bool is_known = true;
    for (const Head& head : heads_) {
      read += head.lane->progress().read_;
      const std::uint64_t all = head.lane->progress().total_;
      if (all == 0) is_known = false;
      total += all;
    }
    context_.progress->on_read(read, is_known ? total : 0);
  }

  cli::Context& context_;
  RecordVisitor& visitor_;
  record::Moments moments_;
  std::vector<std::string> messages_;
  std::deque<Head> heads_;
};

}  // namespace

void read_in_step(std::vector<std::vector<Lane>> groups, record::Order order,
                  RecordVisitor& visitor, cli::Context& context) {
  std::vector<std::shared_ptr<const void>> types;
  std::size_t number = 0;
  for (std::vector<Lane>& lanes : groups) {
    const std::size_t count = lanes.size();
    Heads heads(std::move(lanes), number, order, visitor, context);
    heads.show_all();
    heads.move_types_to(types);
    number += count;
  }
  visitor.at_end();
}

}  // namespace tracebraid::analyzers
