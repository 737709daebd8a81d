// Decodes the part of msgpack that streams are made of, from memory, and skips the rest of it.
//
// Definition: https://github.com/msgpack/msgpack/blob/master/spec.md. E.g. cd 05 a8 is 1448, a3 74
// 63 70 the text "tcp", c0 nil.
//
// Why not msgpack-cxx's: its parser with a visitor reads 2.0 million flow records a second into
// Values, this one 3.8 million, on the same core in the same minute (tests/bench/records.cc, all
// fields filled); and it cannot tell how many bytes it waits for.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "formats/record/value.h"

namespace tracebraid::formats::record {

static_assert(std::endian::native == std::endian::little, "numbers are turned to big-endian");

// Starts anew when there are more bytes: nothing is kept between two attempts.
class MsgpackDecoder {
 public:
  enum class Shape : std::uint8_t { kUint, kInt, kNil, kBool, kText, kBytes, kArray, kMap, kOther };

  explicit MsgpackDecoder(std::string_view bytes)
      : start_(bytes.data()), at_(start_), end_(start_ + bytes.size()) {}

  // One object's head, and of text and bytes the whole: what the accessors below are about. False
  // when bytes are missing, or the byte 0xc1 is met, which is never used.
  [[nodiscard]] bool next() {
    constexpr std::size_t kLongestHead = 9;
    return static_cast<std::size_t>(end_ - at_) >= kLongestHead ? take_head() : take_last_head();
  }

  [[nodiscard]] Shape shape() const { return shape_; }
  // kUint; kInt, which is always negative, as its two's complement; kBool.
  [[nodiscard]] std::uint64_t bits() const { return bits_; }
  // kArray, kMap: elements, pairs; as declared.
  [[nodiscard]] std::size_t count() const { return static_cast<std::size_t>(bits_); }
  // kText, kBytes.
  [[nodiscard]] std::string_view bytes() const { return {body_, static_cast<std::size_t>(bits_)}; }

  // The same for the objects that records are full of, with the state in registers: `at` moves on
  // and true is returned for kUint, kNil, kBool and short kText; else nothing has happened.
  struct Common {
    Shape shape;
    std::uint64_t bits;  // kText: its size
    const char* body;
  };
  [[nodiscard]] static bool take_common(const char*& at, const char* end, Common& common) {
    constexpr std::ptrdiff_t kLongest = 32;
    if (end - at < kLongest) return false;
    const auto first = static_cast<unsigned char>(*at);
    const Head& head = kHeads[first];
    common.shape = head.shape;
    std::uint64_t number = 0;
    std::memcpy(&number, at + 1, sizeof number);
    switch (head.shape) {
      case Shape::kUint:
        common.bits =
            head.size == 0 ? first : __builtin_bswap64(number) >> ((64U - 8U * head.size) % 64U);
        at += 1 + std::size_t{head.size};
        return true;
      case Shape::kNil:
      case Shape::kBool:
        common.bits = first & 1U;
        ++at;
        return true;
      case Shape::kText:
        if (head.size != 0) return false;
        common.bits = first & head.inside;
        common.body = at + 1;
        at += 1 + common.bits;
        return true;
      default:
        return false;
    }
  }

  [[nodiscard]] const char* end() const { return end_; }
  // Goes on from where take_common() came to.
  void go_to(const char* at) { at_ = at; }

  // Over what the last next() was about, with all that is inside. False when bytes are missing, or
  // are nested deeper than kMostDepth.
  [[nodiscard]] bool skip_rest();

  [[nodiscard]] std::size_t consumed() const { return static_cast<std::size_t>(at_ - start_); }
  [[nodiscard]] const char* at() const { return at_; }

  // After a false: at least so many bytes, from the first, are needed; 0 when more would not help.
  [[nodiscard]] std::size_t needed() const { return needed_; }

 private:
  struct Head {
    Shape shape;
    std::uint8_t size;    // bytes of the number behind the first byte; kOther: of the whole body
    std::uint8_t inside;  // the first byte's bits that are the number, when size is 0
    bool is_signed;
  };
  static constexpr std::array<Head, 256> make_heads();
  static const std::array<Head, 256> kHeads;

  bool take_head() {
    const auto first = static_cast<unsigned char>(*at_);
    const Head& head = kHeads[first];
    std::uint64_t number = 0;
    std::memcpy(&number, at_ + 1, sizeof number);
    return take(first, head, __builtin_bswap64(number));
  }
  bool take_last_head();

  // `number` begins with what follows the first byte.
  bool take(unsigned char first, const Head& head, std::uint64_t number) {
    constexpr unsigned kBits = 64;
    shape_ = head.shape;
    const unsigned shift = (kBits - 8U * head.size) % kBits;
    bits_ = head.size == 0 ? first & head.inside : number >> shift;
    at_ += 1 + std::size_t{head.size};
    if (head.is_signed) return take_signed(first, head);
    if (shape_ == Shape::kText || shape_ == Shape::kBytes) {
      body_ = at_;
      if (static_cast<std::uint64_t>(end_ - at_) < bits_) return is_short(bits_);
      at_ += bits_;
    } else if (shape_ == Shape::kOther) {
      return take_other(first);
    }
    return true;
  }
  bool take_signed(unsigned char first, const Head& head);
  bool take_other(unsigned char first);
  bool is_short(std::uint64_t more) {
    needed_ = consumed() + static_cast<std::size_t>(more);
    return false;
  }

  const char* start_;
  const char* at_;
  const char* end_;
  std::uint64_t bits_ = 0;
  const char* body_ = nullptr;
  std::size_t needed_ = 0;
  Shape shape_ = Shape::kNil;
};

constexpr std::array<MsgpackDecoder::Head, 256> MsgpackDecoder::make_heads() {
  std::array<Head, 256> heads{};
  const auto fill = [&](std::size_t from, std::size_t to, Head head) {
    for (std::size_t at = from; at <= to; ++at) heads[at] = head;
  };
  fill(0x00, 0x7F, {Shape::kUint, 0, 0x7F, false});
  fill(0x80, 0x8F, {Shape::kMap, 0, 0x0F, false});
  fill(0x90, 0x9F, {Shape::kArray, 0, 0x0F, false});
  fill(0xA0, 0xBF, {Shape::kText, 0, 0x1F, false});
  fill(0xC0, 0xC0, {Shape::kNil, 0, 0, false});
  fill(0xC1, 0xC1, {Shape::kOther, 0, 0, false});
  fill(0xC2, 0xC3, {Shape::kBool, 0, 1, false});
  const auto by_size = [&](std::size_t first, Shape shape, std::uint8_t smallest, std::size_t many,
                           bool is_signed) {
    for (std::size_t each = 0; each < many; ++each) {
      const auto size = static_cast<std::uint8_t>(smallest << each);
      heads[first + each] = {shape, size, 0, is_signed};
    }
  };
  by_size(0xC4, Shape::kBytes, 1, 3, false);
  by_size(0xC7, Shape::kOther, 1, 3, false);  // ext
  fill(0xCA, 0xCA, {Shape::kOther, 4, 0, false});
  fill(0xCB, 0xCB, {Shape::kOther, 8, 0, false});
  by_size(0xCC, Shape::kUint, 1, 4, false);
  by_size(0xD0, Shape::kInt, 1, 4, true);
  fill(0xD4, 0xD8, {Shape::kOther, 1, 0, false});  // fixext: its type
  by_size(0xD9, Shape::kText, 1, 3, false);
  by_size(0xDC, Shape::kArray, 2, 2, false);
  by_size(0xDE, Shape::kMap, 2, 2, false);
  fill(0xE0, 0xFF, {Shape::kInt, 0, 0xFF, true});
  return heads;
}

inline constexpr std::array<MsgpackDecoder::Head, 256> MsgpackDecoder::kHeads =
    MsgpackDecoder::make_heads();

}  // namespace tracebraid::formats::record
