// Expected values: Python's round(Fraction(x) * 10**9).
#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include "converters/cprof/profile.h"

namespace tracebraid::converters::cprof {
namespace {

TEST(Nanoseconds, RoundsTheExactProductToNearest) {
  EXPECT_EQ(nanoseconds(0.0), 0U);
  EXPECT_EQ(nanoseconds(1e-9), 1U);
  EXPECT_EQ(nanoseconds(6.5e-05), 65000U);  // int(x * 1e9) gives 64999
  EXPECT_EQ(nanoseconds(8.3e-05), 83000U);
  EXPECT_EQ(nanoseconds(1.000000001), 1000000001U);
  EXPECT_EQ(nanoseconds(86400.123456789), 86400123456789U);
  EXPECT_EQ(nanoseconds(5e-324), 0U);
  EXPECT_EQ(nanoseconds(4.9e-10), 0U);
  EXPECT_EQ(nanoseconds(5.1e-10), 1U);
}

TEST(Nanoseconds, TiesGoToEven) {
  EXPECT_EQ(nanoseconds(0x1p-10), 976562U);   // 976562.5
  EXPECT_EQ(nanoseconds(0x3p-10), 2929688U);  // 2929687.5
}

TEST(Nanoseconds, IsExactBeyondADoublesInteger) {
  EXPECT_EQ(nanoseconds(9007199.254740993), 9007199254740993U);
  EXPECT_EQ(nanoseconds(12345678901.234568), 12345678901234567642U);
  EXPECT_EQ(nanoseconds(1e10), 10000000000000000000U);
}

TEST(Nanoseconds, SaturatesAt64Bits) {
  EXPECT_EQ(nanoseconds(1.8446744073709553e10), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(nanoseconds(1e300), std::numeric_limits<std::uint64_t>::max());
}

}  // namespace
}  // namespace tracebraid::converters::cprof
