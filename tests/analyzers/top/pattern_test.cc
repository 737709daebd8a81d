#include "analyzers/top/pattern.h"

#include <gtest/gtest.h>

#include "formats/io/error.h"

namespace tracebraid::analyzers {
namespace {

namespace io = formats::io;

bool found(std::string pattern, std::string_view text) {
  return Pattern(std::move(pattern), "--only").is_in(text);
}

TEST(Pattern, IsSearchedAnywhereInTheText) {
  EXPECT_TRUE(found("serve", "/srv/server.py:12(handle)"));
  EXPECT_FALSE(found("^serve", "/srv/server.py:12(handle)"));
  EXPECT_TRUE(found(R"(\(handle\)$)", "/srv/server.py:12(handle)"));
  EXPECT_TRUE(found("", ""));
  EXPECT_FALSE(found(".", ""));
}

TEST(Pattern, KnowsWhatPythonsPatternsKnow) {
  EXPECT_FALSE(found("^(?!.*site-packages)", "/lib/site-packages/a.py:1(f)"));
  EXPECT_TRUE(found("^(?!.*site-packages)", "/srv/a.py:1(f)"));
  EXPECT_TRUE(found("(?P<twice>o)(?P=twice)", "foo"));
  EXPECT_TRUE(found("(?<=a)b", "ab"));
  EXPECT_TRUE(found("(?i)straße", "STRAßE"));
  // Letters are those of all languages, and a point is a character, not a byte.
  EXPECT_TRUE(found(R"(^\w\w$)", "né"));
  EXPECT_TRUE(found("^..$", "né"));
}

TEST(Pattern, ByteThatIsNoTextMatchesNothing) {
  EXPECT_TRUE(found("name", "\xff name \xff"));
  EXPECT_FALSE(found("a.b",
                     "a\xff"
                     "b"));
  EXPECT_FALSE(found(R"(a\W*b)",
                     "a\xff"
                     "b"));
}

TEST(Pattern, IsRefusedWithThePlaceWhereItIsWrong) {
  for (const char* const wrong :
       {"(a", "a)", "*", "[z-a]", R"(\)", R"(\C)", "(?P=unknown)", "\xff"}) {
    try {
      (void)Pattern(wrong, "--only");
      ADD_FAILURE() << wrong;
    } catch (const io::UsageError& error) {
      EXPECT_TRUE(error.what.starts_with("--only: no regular expression: ")) << error.what;
      EXPECT_NE(error.hint.find(" at byte "), std::string::npos) << error.hint;
    }
  }
}

TEST(Pattern, ThatWouldTakeForeverIsRefused) {
  const std::string text(40, 'a');
  EXPECT_TRUE(found("(a+)+$", text));
  EXPECT_THROW((void)found("(a+)+$", text + "b"), io::UsageError);
}

TEST(Pattern, LongTextsAreSearched) {
  std::string text(16U << 20U, 'x');
  EXPECT_FALSE(found("server", text));
  text += "server";
  EXPECT_TRUE(found("server$", text));
}

}  // namespace
}  // namespace tracebraid::analyzers
