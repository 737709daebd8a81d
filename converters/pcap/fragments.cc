#include "converters/pcap/fragments.h"

#include <algorithm>
#include <cstring>

namespace tracebraid::converters::pcap {

bool FragmentTable::add(const Key& key, std::int64_t ts_ns, const Piece& piece, Whole& whole) {
  constexpr std::uint32_t kMostBytes = 65535;
  if (piece.offset + piece.length > kMostBytes) return false;

  auto found = by_key_.find(key);
  if (found != by_key_.end() && ts_ns - found->second->first_ts_ns > kTimeoutNs) {
    waiting_.erase(found->second);
    by_key_.erase(found);
    found = by_key_.end();
  }
  if (found == by_key_.end()) {
    if (waiting_.size() == kMostDatagrams) {
      by_key_.erase(waiting_.front().key);
      waiting_.pop_front();
    }
    waiting_.push_back({.key = key, .first_ts_ns = ts_ns, .bytes = {}, .seen = {}});
    found = by_key_.emplace(key, std::prev(waiting_.end())).first;
  }
  Incomplete& datagram = *found->second;
  if (datagram.pieces == kMostPieces) return false;
  ++datagram.pieces;
  if (piece.offset == 0) datagram.header_bytes = piece.header_bytes;
  const std::uint32_t end = piece.offset + piece.length;
  if (piece.is_last && datagram.total == 0) datagram.total = end;

  const auto captured = static_cast<std::uint32_t>(piece.captured.size());
  if (captured < piece.length) {
    datagram.captured = std::min(datagram.captured, piece.offset + captured);
  }
  if (datagram.bytes.size() < piece.offset + captured) {
    datagram.bytes.resize(piece.offset + captured);
  }
  // Only into what no earlier piece covers.
  std::uint32_t at = piece.offset;
  std::vector<Range>& seen = datagram.seen;
  const auto copy = [&](std::uint32_t from, std::uint32_t to) {
    to = std::min(to, piece.offset + captured);
    if (from < to) {
      std::memcpy(datagram.bytes.data() + from, piece.captured.data() + (from - piece.offset),
                  to - from);
    }
  };
  for (const Range& range : seen) {
    if (range.begin >= end) break;
    if (range.begin > at) copy(at, range.begin);
    at = std::max(at, range.end);
  }
  copy(at, end);

  Range merged{piece.offset, end};
  const auto first = std::find_if(seen.begin(), seen.end(),
                                  [&](const Range& range) { return range.end >= merged.begin; });
  auto last = first;
  for (; last != seen.end() && last->begin <= merged.end; ++last) {
    merged.begin = std::min(merged.begin, last->begin);
    merged.end = std::max(merged.end, last->end);
  }
  seen.insert(seen.erase(first, last), merged);

  const bool is_complete =
      datagram.total > 0 && seen.front().begin == 0 && seen.front().end >= datagram.total;
  if (!is_complete) return false;
  whole.length = datagram.total;
  whole.captured = std::min(
      {datagram.captured, datagram.total, static_cast<std::uint32_t>(datagram.bytes.size())});
  whole.header_bytes = datagram.header_bytes;
  whole.pieces = datagram.pieces;
  whole.bytes = std::make_unique_for_overwrite<std::uint8_t[]>(std::max(whole.captured, 1U));
  std::memcpy(whole.bytes.get(), datagram.bytes.data(), whole.captured);
  waiting_.erase(found->second);
  by_key_.erase(found);
  return true;
}

}  // namespace tracebraid::converters::pcap
