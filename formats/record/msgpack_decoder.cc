#include "formats/record/msgpack_decoder.h"

#include <algorithm>

#include "formats/record/stream.h"

namespace tracebraid::formats::record {

bool MsgpackDecoder::take_last_head() {
  const auto available = static_cast<std::size_t>(end_ - at_);
  if (available == 0) return is_short(1);
  const auto first = static_cast<unsigned char>(*at_);
  const Head& head = kHeads[first];
  if (available <= head.size) return is_short(std::uint64_t{1} + head.size);
  std::uint64_t number = 0;
  std::memcpy(&number, at_ + 1, std::min(available - 1, sizeof number));
  return take(first, head, __builtin_bswap64(number));
}

// A number that is written as a signed one but is none becomes kUint: encoders differ in that.
bool MsgpackDecoder::take_signed(unsigned char first, const Head& head) {
  if (head.size == 0) {
    bits_ = static_cast<std::uint64_t>(std::int64_t{static_cast<signed char>(first)});
    return true;
  }
  const unsigned unused = 64U - 8U * head.size;
  bits_ = static_cast<std::uint64_t>(static_cast<std::int64_t>(bits_ << unused) >> unused);
  if (static_cast<std::int64_t>(bits_) >= 0) shape_ = Shape::kUint;
  return true;
}

bool MsgpackDecoder::take_other(unsigned char first) {
  if (first == 0xC1) {
    needed_ = 0;
    return false;
  }
  std::uint64_t body = 0;
  if (first >= 0xC7 && first <= 0xC9) body = bits_ + 1;  // ext: its type, then so many bytes
  if (first >= 0xD4 && first <= 0xD8) body = std::uint64_t{1} << (first - 0xD4U);
  if (static_cast<std::uint64_t>(end_ - at_) < body) return is_short(body);
  at_ += body;
  return true;
}

bool MsgpackDecoder::skip_rest() {
  std::array<std::uint64_t, kMostDepth> left{};
  std::size_t depth = 0;
  for (;;) {
    if (shape_ == Shape::kArray || shape_ == Shape::kMap) {
      const std::uint64_t inside = shape_ == Shape::kMap ? 2 * bits_ : bits_;
      if (depth == left.size()) {
        needed_ = 0;
        return false;
      }
      if (static_cast<std::uint64_t>(end_ - at_) < inside) return is_short(inside);
      left[depth++] = inside;
    }
    while (depth > 0 && left[depth - 1] == 0) --depth;
    if (depth == 0) return true;
    --left[depth - 1];
    if (!next()) return false;
  }
}

}  // namespace tracebraid::formats::record
