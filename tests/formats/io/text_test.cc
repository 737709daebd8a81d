#include "formats/io/text.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <gtest/gtest.h>

namespace tracebraid::formats::io {
namespace {

TEST(Text, WidthIsTheNumberOfCodePoints) {
  EXPECT_EQ(width_of(""), 0U);
  EXPECT_EQ(width_of("plain"), 5U);
  EXPECT_EQ(width_of("größe"), 5U);
  EXPECT_EQ(width_of("…→"), 2U);
  EXPECT_EQ(width_of("𝄞"), 1U);
}

TEST(Text, FrontsEndBetweenCodePoints) {
  constexpr std::string_view kText = "aö…𝄞z";
  EXPECT_EQ(front_of(kText, 0), "");
  EXPECT_EQ(front_of(kText, 1), "a");
  EXPECT_EQ(front_of(kText, 2), "aö");
  EXPECT_EQ(front_of(kText, 3), "aö…");
  EXPECT_EQ(front_of(kText, 4), "aö…𝄞");
  EXPECT_EQ(front_of(kText, 5), kText);
  EXPECT_EQ(front_of(kText, 6), kText);
  for (std::size_t width = 0; width < 6; ++width) {
    EXPECT_EQ(width_of(front_of(kText, width)), std::min<std::size_t>(width, 5));
  }
}

}  // namespace
}  // namespace tracebraid::formats::io
