#include "formats/cli/numbers.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "formats/io/error.h"

namespace tracebraid::formats::cli {
namespace {

std::string refusal(const std::function<void()>& parse) {
  try {
    parse();
  } catch (const io::UsageError& error) {
    return error.what;
  }
  return "";
}

TEST(Numbers, AreTheWholeText) {
  EXPECT_EQ(number("-n", "0"), 0U);
  EXPECT_EQ(number("-n", "007"), 7U);
  EXPECT_EQ(number("-n", "18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(number<std::int64_t>("-n", "-1"), -1);
  EXPECT_EQ(number<std::uint16_t>("-n", "65535"), 65535);
  for (const std::string_view wrong : {"", " 1", "1 ", "+1", "-", "-1", "1x", "0x10", "1e3", "1.0",
                                       "1,000", "18446744073709551616"}) {
    EXPECT_NE(refusal([&] { (void)number("-n", wrong); }), "") << wrong;
  }
  EXPECT_NE(refusal([] { (void)number<std::uint16_t>("-n", "65536"); }), "");
}

TEST(Numbers, KeepTheirBounds) {
  EXPECT_EQ(number("-n", "1", std::uint64_t{1}, std::uint64_t{3}), 1U);
  EXPECT_EQ(number("-n", "3", std::uint64_t{1}, std::uint64_t{3}), 3U);
  EXPECT_NE(refusal([] { (void)number("-n", "0", std::uint64_t{1}, std::uint64_t{3}); }), "");
  EXPECT_NE(refusal([] { (void)number("-n", "4", std::uint64_t{1}, std::uint64_t{3}); }), "");
}

TEST(Numbers, RefusalsNameTheOptionAndTheText) {
  EXPECT_EQ(refusal([] { (void)number("--max-flows", "many"); }),
            "--max-flows: not a number: many");
  EXPECT_EQ(refusal([] { (void)number_between("--snaplen", "63", 64, 262144); }),
            "--snaplen: not a number from 64 to 262144: 63");
  EXPECT_EQ(refusal([] { (void)seconds("--timeout", "soon"); }),
            "--timeout: not a number of seconds: soon");
  EXPECT_EQ(refusal([] { refuse("--pid", "a process id", "\n"); }),
            "--pid: not a process id: \\x0a");
}

TEST(Numbers, SecondsAreNanoseconds) {
  EXPECT_EQ(seconds("-s", "0"), 0);
  EXPECT_EQ(seconds("-s", "0.000000001"), 1);
  EXPECT_EQ(seconds("-s", "2.5"), 2'500'000'000);
  EXPECT_EQ(seconds("-s", "1000000000"), 1'000'000'000'000'000'000);
  for (const std::string_view wrong : {"", "-1", "nan", "1000000001", "1s", "inf"}) {
    EXPECT_NE(refusal([&] { (void)seconds("-s", wrong); }), "") << wrong;
  }
}

}  // namespace
}  // namespace tracebraid::formats::cli
