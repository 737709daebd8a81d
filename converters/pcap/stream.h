// Which bytes of one direction of a TCP connection have been seen. Positions are relative sequence
// numbers as Zeek counts them: the SYN has 0, the first byte of payload 1.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace tracebraid::converters::pcap {

// Memory: 32 bytes while payload arrives in order; else at most kMostRanges ranges on the heap.
// When there are more holes, the lowest is given up: what fills it later counts as seen before.
class Stream {
 public:
  static constexpr std::size_t kMostRanges = 128;

  struct Added {
    std::uint32_t fresh = 0;  // bytes not seen before
    bool fills_hole = false;  // below bytes that were seen
  };
  struct Missed {
    std::uint64_t bytes = 0;
    std::uint32_t gaps = 0;
  };

  // Payload [begin, begin + length). `may_precede`: the connection's start is not in the capture,
  // so what lies before position 1 is payload too.
  Added add(std::int64_t begin, std::uint32_t length, bool may_precede) {
    const std::int64_t end = begin + length;
    Added added;
    if (begin < lowest()) {
      if (may_precede) {
        added.fills_hole = true;
        if (end < lowest()) {
          precede(begin, end);
          added.fresh = length;
          return added;
        }
        added.fresh += static_cast<std::uint32_t>(lowest() - begin);
        begin = std::exchange(rest().lowest, begin);
      } else {
        begin = std::min(end, lowest());
      }
    }
    if (begin < end) {
      if (begin <= contiguous_ && !has_holes()) {
        if (end > contiguous_) {
          added.fresh += static_cast<std::uint32_t>(end - contiguous_);
          contiguous_ = end;
        }
      } else {
        insert(begin, end, added);
      }
    }
    if (!is_given_up()) delivered_ = covered_until(delivered_);
    return added;
  }

  // The peer has acknowledged everything before `position`: what was not seen of it is missed.
  Missed acknowledge(std::int64_t position, bool is_partial) {
    Missed missed;
    if (position <= acknowledged_) return missed;
    if (position > delivered_) {
      // The octet that a connection met in the middle seems to lack is our own SYN, or a
      // keep-alive's.
      if (position <= 2 && is_partial) {
        // Nothing is missed.
      } else if (is_given_up()) {
        delivered_ = position;
      } else if (!has_holes() && contiguous_ <= delivered_) {
        missed = {static_cast<std::uint64_t>(position - delivered_), 1};
        delivered_ = position;
      } else {
        missed = walk(position);
      }
    }
    acknowledged_ = position;
    return missed;
  }

  // Gaps are no longer looked for: too much lies behind a hole or without an acknowledgement, so
  // that the other direction, or this, is likely not in the capture.
  void give_up() { rest().is_given_up = true; }
  [[nodiscard]] bool is_given_up() const { return rest_ && rest_->is_given_up; }

  // Everything before it has been seen or is missed.
  [[nodiscard]] std::int64_t delivered() const { return delivered_; }
  [[nodiscard]] std::int64_t acknowledged() const { return acknowledged_; }
  // One past the highest that was seen.
  [[nodiscard]] std::int64_t top() const {
    const std::int64_t top = std::max<std::int64_t>(contiguous_, 1);
    return has_holes() ? std::max(top, rest_->above.back().end) : top;
  }
  void presume_acknowledged() { acknowledged_ = std::max(acknowledged_, delivered_); }

 private:
  struct Range {
    std::int64_t begin;
    std::int64_t end;
  };
  // What most streams never have.
  struct Rest {
    std::int64_t lowest = 1;
    std::vector<Range> above;  // seen beyond contiguous_: sorted, apart
    bool is_given_up = false;
  };

  [[nodiscard]] std::int64_t lowest() const { return rest_ ? rest_->lowest : 1; }
  [[nodiscard]] bool has_holes() const { return rest_ && !rest_->above.empty(); }
  [[nodiscard]] Rest& rest() {
    if (!rest_) rest_ = std::make_unique<Rest>();
    return *rest_;
  }

  void insert(std::int64_t begin, std::int64_t end, Added& added);
  // Takes in what lies before all that was seen, with a hole behind it.
  void precede(std::int64_t begin, std::int64_t end);
  Missed walk(std::int64_t position);
  [[nodiscard]] std::int64_t covered_until(std::int64_t position) const {
    if (position < contiguous_) position = contiguous_;
    if (has_holes()) {
      for (const Range& range : rest_->above) {
        if (range.begin > position) break;
        position = std::max(position, range.end);
      }
    }
    return position;
  }

  std::int64_t contiguous_ = 1;  // [lowest(), contiguous_) was seen
  std::int64_t delivered_ = 1;
  std::int64_t acknowledged_ = 1;
  std::unique_ptr<Rest> rest_;
};

}  // namespace tracebraid::converters::pcap
