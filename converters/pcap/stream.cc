#include "converters/pcap/stream.h"

namespace tracebraid::converters::pcap {

void Stream::insert(std::int64_t begin, std::int64_t end, Added& added) {
  if (begin < contiguous_) begin = std::min(contiguous_, end);
  if (begin == end) return;
  if (!above_) above_ = std::make_unique<std::vector<Range>>();
  std::vector<Range>& ranges = *above_;
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
  const std::int64_t above_top = std::max<std::int64_t>(end - std::max(begin, top_), 0);
  added.fills_hole = added.fills_hole || fresh > above_top;
  ranges.insert(ranges.erase(first, last), merged);
  if (ranges.size() > kMostRanges || ranges.front().begin <= contiguous_) {
    contiguous_ = std::max(contiguous_, ranges.front().end);
    ranges.erase(ranges.begin());
  }
  if (ranges.empty()) above_.reset();
}

void Stream::precede(std::int64_t begin, std::int64_t end) {
  if (contiguous_ > lowest_) {
    if (!above_) above_ = std::make_unique<std::vector<Range>>();
    above_->insert(above_->begin(), {lowest_, contiguous_});
  }
  lowest_ = begin;
  contiguous_ = end;
  if (above_ && above_->size() > kMostRanges) {
    contiguous_ = above_->front().end;
    above_->erase(above_->begin());
  }
}

Stream::Missed Stream::walk(std::int64_t position) {
  Missed missed;
  std::int64_t at = covered_until(delivered_);
  while (at < position) {
    std::int64_t next = position;
    if (above_) {
      for (const Range& range : *above_) {
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
