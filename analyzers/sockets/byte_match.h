// Bytes of one direction of a connection at two places: when they passed the first (arrived on the
// wire, or were given to send()), and when the second (were read by a call, or left on the wire).
// The n-th byte there is the n-th byte here, whatever pieces it went in.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "analyzers/util/few.h"

namespace tracebraid::analyzers {

// Bytes up to an offset of the stream, and when they passed.
struct Mark {
  static constexpr std::int64_t kUnknown = INT64_MIN;
  std::uint64_t end;
  std::int64_t ts;
};

// First in, first out; memory for what waits.
template <typename Item>
class Fifo {
 public:
  [[nodiscard]] bool empty() const { return head_ == items_.size(); }
  [[nodiscard]] std::size_t size() const { return items_.size() - head_; }
  [[nodiscard]] const Item& front() const { return items_[head_]; }
  [[nodiscard]] auto begin() const { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
  [[nodiscard]] auto end() const { return items_.end(); }
  void push(const Item& item) { items_.push_back(item); }
  void pop() {
    ++head_;
    if (head_ == items_.size()) {
      items_.clear();
      head_ = 0;
    } else if (head_ >= 64 && head_ * 2 >= items_.size()) {
      items_.erase(items_.begin(), begin());
      head_ = 0;
    }
  }

 private:
  std::vector<Item> items_;
  std::size_t head_ = 0;
};

using Marks = Fifo<Mark>;

// A range of bytes that passed both places.
struct Passage {
  std::uint64_t bytes;
  std::int64_t first_ts;  // kUnknown where one of them is
  std::int64_t second_ts;
};

class ByteMatch {
 public:
  // Up to `end`; what is not beyond earlier marks is left out. Calls `found(Passage)`.
  template <typename Found>
  void first(std::uint64_t end, std::int64_t ts, Found found) {
    if (end <= first_end_) return;
    first_end_ = end;
    first_.push({end, ts});
    drain(found);
  }
  template <typename Found>
  void second(std::uint64_t end, std::int64_t ts, Found found) {
    if (end <= second_end_) return;
    second_end_ = end;
    second_.push({end, ts});
    drain(found);
  }

  // Marks that have passed one place alone.
  [[nodiscard]] std::size_t waiting() const { return first_.size() + second_.size(); }
  // When the oldest byte that has passed the first place alone did so.
  [[nodiscard]] std::int64_t waiting_since() const {
    return first_.empty() ? Mark::kUnknown : first_.front().ts;
  }
  // Bytes that have passed the first place alone; `look(bytes, ts)` for each range of them.
  [[nodiscard]] std::uint64_t waiting_bytes() const {
    return first_.empty() ? 0 : first_end_ - matched_;
  }
  template <typename Look>
  void each_waiting(Look look) const {
    std::uint64_t begin = matched_;
    first_.each([&](const Mark& mark) {
      look(mark.end - begin, mark.ts);
      begin = mark.end;
    });
  }

 private:
  template <typename Found>
  void drain(Found found) {
    while (!first_.empty() && !second_.empty()) {
      const Mark& before = first_.front();
      const Mark& after = second_.front();
      const std::uint64_t end = before.end < after.end ? before.end : after.end;
      const Passage passage{end - matched_, before.ts, after.ts};
      matched_ = end;
      const bool is_first_done = before.end == end;
      const bool is_second_done = after.end == end;
      if (is_first_done) first_.pop();
      if (is_second_done) second_.pop();
      found(passage);
    }
  }

  FewWaiting<Mark, 2> first_, second_;
  std::uint64_t first_end_ = 0, second_end_ = 0, matched_ = 0;
};

// The same for datagrams, which may be lost between the places: matched by order and size.
class DatagramMatch {
 public:
  template <typename Found>
  void first(std::uint64_t bytes, std::int64_t ts, Found found) {
    add(first_, second_, bytes, ts, [&](const Mark& other) {
      found(Passage{bytes, ts, other.ts});
    });
  }
  template <typename Found>
  void second(std::uint64_t bytes, std::int64_t ts, Found found) {
    add(second_, first_, bytes, ts, [&](const Mark& other) {
      found(Passage{bytes, other.ts, ts});
    });
  }
  // Whether one of that size passed the second place between `low` and `high`, and none has met it.
  [[nodiscard]] bool has_second(std::uint64_t bytes, std::int64_t low, std::int64_t high) const {
    return std::any_of(second_.begin(), second_.end(), [&](const Mark& mark) {
      return mark.end == bytes && mark.ts >= low && mark.ts <= high;
    });
  }
  // What has passed so far is not known at one of the places.
  void forget() {
    first_ = {};
    second_ = {};
  }

 private:
  template <typename Found>
  static void add(Marks& own, Marks& other, std::uint64_t bytes, std::int64_t ts, Found found) {
    constexpr std::size_t kMostWaiting = 256;
    for (auto at = other.begin(); at != other.end(); ++at) {
      if (at->end != bytes) continue;
      const Mark match = *at;
      // Those before it did not pass the other place.
      for (auto lost = at - other.begin(); lost >= 0; --lost) other.pop();
      found(match);
      return;
    }
    own.push({bytes, ts});
    if (own.size() > kMostWaiting) own.pop();
  }

  Marks first_, second_;  // Mark::end is the size
};

// Segments in the order of the stream: those above a hole wait until it is filled, as they do in
// the kernel.
class StreamOrder {
 public:
  // Calls `passed(end, ts)` for what is complete up to `end` now.
  template <typename Passed>
  void add(std::uint64_t offset, std::uint64_t length, std::int64_t ts, Passed passed) {
    const std::uint64_t end = offset + length;
    if (end <= next_) return;
    if (offset > next_) {
      insert({offset, end});
      // Nobody retransmits that much later: the capture has lost it.
      constexpr std::size_t kMostAbove = 64;
      if (above_->size() > kMostAbove) skip_to(above_->front().begin, ts, passed);
      return;
    }
    next_ = end;
    passed(next_, ts);
    if (above_) absorb(ts, passed);
  }

  // The program has the bytes up to `end`: holes below it are the capture's.
  template <typename Passed>
  void known_to(std::uint64_t end, std::int64_t ts, Passed passed) {
    while (above_ && above_->front().begin <= end) skip_to(above_->front().begin, ts, passed);
  }

 private:
  struct Range {
    std::uint64_t begin, end;
  };

  template <typename Passed>
  void skip_to(std::uint64_t begin, std::int64_t ts, Passed passed) {
    if (begin > next_) {
      next_ = begin;
      passed(next_, Mark::kUnknown);
    }
    if (above_) absorb(ts, passed);
  }
  template <typename Passed>
  void absorb(std::int64_t ts, Passed passed) {
    std::vector<Range>& above = *above_;
    std::size_t done = 0;
    while (done < above.size() && above[done].begin <= next_) {
      if (above[done].end > next_) {
        next_ = above[done].end;
        passed(next_, ts);
      }
      ++done;
    }
    if (done == above.size()) {
      above_.reset();
    } else if (done > 0) {
      above.erase(above.begin(), above.begin() + static_cast<std::ptrdiff_t>(done));
    }
  }
  void insert(Range range) {
    if (!above_) above_ = std::make_unique<std::vector<Range>>();
    auto at = above_->begin();
    while (at != above_->end() && at->begin < range.begin) ++at;
    above_->insert(at, range);
  }

  std::uint64_t next_ = 0;
  std::unique_ptr<std::vector<Range>> above_;  // by begin; null: nothing
};

}  // namespace tracebraid::analyzers
