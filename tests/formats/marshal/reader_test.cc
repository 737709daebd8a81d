// Inputs are bytes that CPython wrote (marshal.dumps, at the version named), or grammar by hand.
#include "formats/marshal/reader.h"

#include <cmath>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tracebraid::formats::marshal {
namespace {

using namespace std::string_view_literals;

class Marshal : public ::testing::TestWithParam<std::size_t> {
 protected:
  // Calls `visit(reader)` over `bytes`, handed out GetParam() bytes at a time.
  template <typename Visit>
  void with(std::string_view bytes, Visit visit) {
    const auto source = io::memory_source("in", std::span(bytes.data(), bytes.size()), GetParam());
    io::Cursor cursor(*source, 16);
    Reader reader(cursor, strings_);
    visit(reader);
  }
  Object one(std::string_view bytes) {
    Object object(Kind::kNull);
    with(bytes, [&](Reader& reader) { object = reader.next(); });
    return object;
  }
  std::string text(std::string_view bytes) { return std::string(strings_.text(one(bytes).string)); }
  std::string error(std::string_view bytes) {
    try {
      with(bytes, [](Reader& reader) { reader.skip(reader.next()); });
    } catch (const io::Error& error) {
      return error.position + ": " + error.what;
    }
    return "";
  }

  StringTable strings_;
};

INSTANTIATE_TEST_SUITE_P(Chunks, Marshal, ::testing::Values(1, 2, 3, 7, 65536));

TEST_P(Marshal, Integers) {
  EXPECT_EQ(one("i\xff\xff\xff\xff"sv).integer, -1);
  EXPECT_EQ(one("I\0\0\0\0\2\0\0\0"sv).integer, std::int64_t{1} << 33);        // 2.7: 2**33
  EXPECT_EQ(one("l\3\0\0\0\0\0\0\0\x08\0"sv).integer, std::int64_t{1} << 33);  // 3.x: 2**33
  EXPECT_EQ(one("l\xfd\xff\xff\xff\0\0\0\0\x08\0"sv).integer, -(std::int64_t{1} << 33));
  const Object most = one("l\5\0\0\0\xff\x7f\xff\x7f\xff\x7f\xff\x7f\7\0"sv);  // 2**63 - 1
  EXPECT_EQ(most.integer, INT64_MAX);
  EXPECT_FALSE(most.saturated);
  const Object beyond = one("l\5\0\0\0\0\0\0\0\0\0\0\0\x08\0"sv);  // 2**63
  EXPECT_EQ(beyond.integer, INT64_MAX);
  EXPECT_TRUE(beyond.saturated);
  EXPECT_EQ(error("l\2\0\0\0\1\0\0\0"sv), "byte 0: unnormalized int");
  EXPECT_EQ(error("l\1\0\0\0\0\x80"sv), "byte 0: digit out of range in an int");
}

TEST_P(Marshal, Floats) {
  EXPECT_EQ(one("g\0\0\0\0\0\0\xe0?"sv).number, 0.5);
  EXPECT_EQ(one("f\0040.25"sv).number, 0.25);
  EXPECT_EQ(one("f\00212"sv).number, 12);
  EXPECT_EQ(one("f\0051e400"sv.substr(0, 7)).number, HUGE_VAL);
  EXPECT_EQ(one("f\0061e-400"sv).number, 0);
  EXPECT_TRUE(std::isnan(one("f\3nan"sv).number));
  EXPECT_EQ(one("f\4-inf"sv).number, -HUGE_VAL);
  EXPECT_EQ(error("f\0031.x"sv), "byte 1: bad text of a float");
}

TEST_P(Marshal, Strings) {
  EXPECT_EQ(text("z\3abc"), "abc");
  EXPECT_EQ(text("Z\3abc"), "abc");
  EXPECT_EQ(text("a\3\0\0\0abc"sv), "abc");
  EXPECT_EQ(text("s\2\0\0\0\xff\xfe"sv), "\xff\xfe");
  EXPECT_EQ(text("u\3\0\0\0\xed\xb3\xbf"sv), "\xed\xb3\xbf");
  EXPECT_EQ(text("z\3\x7f\x80\xff"sv), "\x7f\xc2\x80\xc3\xbf");
  EXPECT_EQ(text("z\1\xe9"sv), "\xc3\xa9");  // a forged "ASCII" string is Latin-1 to CPython
}

TEST_P(Marshal, ReferencesCountInPreOrder) {
  // marshal.dumps((t, t)) with t = ("ab", 7): a tuple takes its slot before its children.
  with("\xa9\2\xa9\2\xda\2ab\xe9\7\0\0\0r\1\0\0\0"sv, [](Reader& reader) {
    const Object outer = reader.next();
    const Object inner = reader.next();
    EXPECT_EQ(inner.slot, 1U);
    reader.skip(inner);
    const Object again = reader.next();
    EXPECT_TRUE(again.is_reference);
    EXPECT_EQ(again.slot, 1U);
    reader.close(outer);
  });
  EXPECT_EQ(error("\xa9\1r\0\0\0\0"sv), "byte 2: reference to an object that is not complete");
  EXPECT_EQ(error(")\1r\5\0\0\0"sv), "byte 2: reference to object 5 of 0");
}

TEST_P(Marshal, Python2StringReferencesAreATableOfTheirOwn) {
  with("(\3\0\0\0t\2\0\0\0abt\1\0\0\0cR\1\0\0\0"sv, [this](Reader& reader) {
    (void)reader.next();
    (void)reader.next();
    (void)reader.next();
    EXPECT_EQ(strings_.text(reader.next().string), "c");
  });
  EXPECT_EQ(error("R\0\0\0\0"sv), "byte 0: reference to string 0 of 0");
}

TEST_P(Marshal, DeclaredSizesCostNothing) {
  EXPECT_EQ(error("u\xff\xff\xff\x7f"
                  "abc"sv),
            "byte 8: the input ends in the middle of an object");
  EXPECT_EQ(error("(\xff\xff\xff\x0fN"sv), "byte 6: the input ends in the middle of an object");
  EXPECT_EQ(error("s\xff\xff\xff\xffN"sv), "byte 0: size out of range");
  EXPECT_EQ(error("?"), "byte 0: unknown type code 0x3f '?'");
}

TEST_P(Marshal, NestingIsLimited) {
  std::string deep;
  for (int level = 0; level < 1000000; ++level) deep += ")\1";
  EXPECT_NE(error(deep).find("nested too deeply"), std::string::npos);
}

}  // namespace
}  // namespace tracebraid::formats::marshal
