#include "formats/record/msgpack_decoder.h"

#include <cstdint>
#include <string_view>

#include <gtest/gtest.h>

namespace tracebraid::formats::record {
namespace {

struct Number {
  std::string_view bytes;
  MsgpackDecoder::Shape shape;
  std::uint64_t bits;
};

// Other programs write what fits as signed numbers, nought too. The forms are the specification's.
TEST(MsgpackDecoder, SignedNumbersThatAreNotNegativeAreUnsigned) {
  using namespace std::string_view_literals;
  using Shape = MsgpackDecoder::Shape;
  constexpr Number kNumbers[] = {
      {"\xd0\x00"sv, Shape::kUint, 0},
      {"\xd0\x01"sv, Shape::kUint, 1},
      {"\xd0\x7f"sv, Shape::kUint, 127},
      {"\xd0\xff"sv, Shape::kInt, ~std::uint64_t{0}},
      {"\xd1\x00\x00"sv, Shape::kUint, 0},
      {"\xd1\x80\x00"sv, Shape::kInt, ~std::uint64_t{32767}},
      {"\xd2\x00\x00\x00\x00"sv, Shape::kUint, 0},
      {"\xd2\xff\xff\xff\xfe"sv, Shape::kInt, ~std::uint64_t{1}},
      {"\xd3\x00\x00\x00\x00\x00\x00\x00\x00"sv, Shape::kUint, 0},
      {"\xd3\x80\x00\x00\x00\x00\x00\x00\x00"sv, Shape::kInt, std::uint64_t{1} << 63},
      {"\xff"sv, Shape::kInt, ~std::uint64_t{0}},
      {"\xe0"sv, Shape::kInt, ~std::uint64_t{31}},
  };
  for (const Number& number : kNumbers) {
    MsgpackDecoder decoder(number.bytes);
    ASSERT_TRUE(decoder.next());
    EXPECT_EQ(decoder.shape(), number.shape) << number.bits;
    EXPECT_EQ(decoder.bits(), number.bits);
    EXPECT_EQ(decoder.consumed(), number.bytes.size());
  }
}

}  // namespace
}  // namespace tracebraid::formats::record
