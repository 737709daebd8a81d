#include "formats/io/digits.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace tracebraid::formats::io {
namespace {

template <unsigned Base = 10>
std::pair<std::uint64_t, std::string_view> taken(std::string_view text, std::ptrdiff_t most) {
  std::uint64_t value = 1;
  const char* const end = text.data() + text.size();
  const char* const behind = take_digits<Base>(text.data(), end, most, value);
  return {value, {behind, static_cast<std::size_t>(end - behind)}};
}

TEST(Digits, AsManyAsAreWanted) {
  using Taken = std::pair<std::uint64_t, std::string_view>;
  EXPECT_EQ(taken("30311 read", 10), Taken(30311, " read"));
  EXPECT_EQ(taken("30311", 10), Taken(30311, ""));
  EXPECT_EQ(taken("30311", 3), Taken(303, "11"));
  EXPECT_EQ(taken("30311", 0), Taken(0, "30311"));
  EXPECT_EQ(taken("", 10), Taken(0, ""));
  EXPECT_EQ(taken("-1", 10), Taken(0, "-1"));
  EXPECT_EQ(taken("9:", 10), Taken(9, ":"));
  EXPECT_EQ(taken("9999999999999999999", 19), Taken(9'999'999'999'999'999'999U, ""));
  EXPECT_EQ(taken<8>("3038", 3), Taken(0303, "8"));
  EXPECT_EQ(taken<8>("8", 3), Taken(0, "8"));
  EXPECT_EQ(taken<16>("7fag", 9), Taken(0x7fa, "g"));
  EXPECT_EQ(taken<16>("7FA", 9), Taken(7, "FA"));
  EXPECT_EQ(taken<16>(":", 9), Taken(0, ":"));
}

TEST(Digits, NumbersThatDoNotFitAreNone) {
  EXPECT_EQ(leading_number<std::uint16_t>("65535)"), 65535);
  EXPECT_EQ(leading_number<std::uint16_t>("65536)"), std::nullopt);
  EXPECT_EQ(leading_number<std::int64_t>("-9223372036854775808 x"), INT64_MIN);
  EXPECT_EQ(leading_number<std::uint32_t>("-1"), std::nullopt);
  EXPECT_EQ(leading_number<std::uint32_t>(" 1"), std::nullopt);
  EXPECT_EQ(leading_number<std::uint32_t>("+1"), std::nullopt);
  EXPECT_EQ(leading_number<std::uint32_t>(""), std::nullopt);
  EXPECT_EQ(whole_number<std::uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(whole_number<std::uint64_t>("18446744073709551616"), std::nullopt);
  EXPECT_EQ(whole_number<std::uint64_t>("12 "), std::nullopt);
  EXPECT_EQ(whole_number<std::uint64_t>(""), std::nullopt);
}

TEST(Digits, EightAtOnce) {
  if (!kTakesEight) GTEST_SKIP();
  std::uint64_t value = 0;
  EXPECT_TRUE(parse_eight(eight_bytes("17954182"), value));
  EXPECT_EQ(value, 17954182U);
  EXPECT_TRUE(parse_eight(eight_bytes("99999999"), value));
  EXPECT_EQ(value, 99999999U);
  // Every byte that is no digit is seen at every place, whatever its neighbours.
  for (const char rest : {'0', '9'}) {
    for (unsigned c = 0; c < 256; ++c) {
      for (std::size_t place = 0; place < 8; ++place) {
        std::string text(8, rest);
        text[place] = static_cast<char>(c);
        EXPECT_EQ(parse_eight(eight_bytes(text.data()), value), c >= '0' && c <= '9')
            << c << " at " << place;
      }
    }
  }
}

}  // namespace
}  // namespace tracebraid::formats::io
