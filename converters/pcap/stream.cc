#include "converters/pcap/stream.h"

namespace tracebraid::converters::pcap {

void Stream::insert(std::int64_t begin, std::int64_t end, Added& added) {
  if (begin < contiguous_) begin = std::min(contiguous_, end);
  if (begin == end) return;
  std::vector<Range>& ranges = rest().above;
  const std::int64_t top_before = top();
  Range merged{begin, end};
  const auto first = std::find_if(ranges.begin(), ranges.end(),
                                  [&](const Range& range) { return range.end >= begin; });
  auto last = first;
  std::int64_t fresh = end - begin;
  for (; last != ranges.end() && last->begin <= end; ++last) {
    fresh -= std::max<std::int64_t>(std::min(end, last->end) - std::max(begin, last->begin), 0);
    merged.begin = std::min(merged.begin, last->begin);
    merged.end = std::max(merged.end, last->end);
  }
  added.fresh += static_cast<std::uint32_t>(fresh);
  // Nothing above the top was seen before: what is fresh besides lies in a hole.
  const std::int64_t above_top = std::max<std::int64_t>(end - std::max(begin, top_before), 0);
  added.fills_hole = added.fills_hole || fresh > above_top;
  ranges.insert(ranges.erase(first, last), merged);
  if (ranges.size() > kMostRanges || ranges.front().begin <= contiguous_) {
    contiguous_ = std::max(contiguous_, ranges.front().end);
    ranges.erase(ranges.begin());
  }
  if (ranges.empty() && rest_->lowest == 1 && !rest_->is_given_up) rest_.reset();
}

void Stream::precede(std::int64_t begin, std::int64_t end) {
  std::vector<Range>& above = rest().above;
  if (contiguous_ > rest_->lowest) above.insert(above.begin(), {rest_->lowest, contiguous_});
  rest_->lowest = begin;
  contiguous_ = end;
  if (above.size() > kMostRanges) {
    contiguous_ = above.front().end;
    above.erase(above.begin());
  }
}

Stream::Missed Stream::walk(std::int64_t position) {
  Missed missed;
  std::int64_t at = covered_until(delivered_);
  while (at < position) {
    std::int64_t next = position;
    if (has_holes()) {
      for (const Range& range : rest_->above) {
        if (range.begin >= at) {
          next = std::min(next, range.begin);
          break;
        }
      }
    }
    if (next > at) {
      missed.bytes += static_cast<std::uint64_t>(next - at);
      ++missed.gaps;
    }
    at = covered_until(next);
  }
  delivered_ = at;
  return missed;
}

}  // namespace tracebraid::converters::pcap
