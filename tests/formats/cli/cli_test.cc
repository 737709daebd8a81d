#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "formats/cli/help.h"
#include "formats/cli/program.h"
#include "formats/io/error.h"

namespace tracebraid::formats::cli {
namespace {

constexpr Option kOptions[] = {
    {'o', "outfile", Argument::kFile, "FILE", "Files", "write FILE", "More about it."},
    {'k', "show", Argument::kNone, "", "Files", "show it"},
    {'r', "run", Argument::kRest, "SCRIPT", "Files", "run SCRIPT"},
    {0, "format", Argument::kChoice, "KIND", "Other", "choose", "", "table jsonl"},
    {0, "offset", Argument::kText, "SECONDS", "Other", "shift"},
};

Arguments parsed(const std::vector<std::string>& words) {
  return parse(kOptions, words);
}

std::string usage_error(const std::vector<std::string>& words) {
  try {
    (void)parsed(words);
  } catch (const io::UsageError& error) {
    return error.what + " | " + error.hint;
  }
  return "";
}

using Words = std::vector<std::string>;

TEST(Parser, TakesEveryFormOfAnOption) {
  for (const Words& words : {Words{"-o", "x", "in"}, Words{"-ox", "in"}, Words{"--outfile=x", "in"},
                             Words{"in", "--outfile", "x"}}) {
    const Arguments arguments = parsed(words);
    EXPECT_EQ(arguments.value("outfile"), "x");
    EXPECT_EQ(arguments.positional, Words{"in"});
  }
}

TEST(Parser, LastOneWinsAndAllAreKept) {
  const Arguments arguments = parsed({"-o", "a", "--outfile", "b"});
  EXPECT_EQ(arguments.value("outfile"), "b");
  EXPECT_EQ(arguments.values("outfile"), (Words{"a", "b"}));
}

TEST(Parser, DashIsAFileAndDoubleDashEndsOptions) {
  const Arguments arguments = parsed({"-", "-o", "-", "--", "-k", "--show"});
  EXPECT_EQ(arguments.positional, (Words{"-", "-k", "--show"}));
  EXPECT_EQ(arguments.value("outfile"), "-");
  EXPECT_FALSE(arguments.has("show"));
}

TEST(Parser, DoubleDashStandsBetweenTwoGroups) {
  const auto both = [](const Words& words) { return parse(kOptions, words, true); };
  const Arguments arguments = both({"a", "-k", "b", "--", "c", "-o", "x", "d"});
  EXPECT_EQ(arguments.positional, (Words{"a", "b"}));
  EXPECT_EQ(arguments.second_group, (Words{"c", "d"}));
  EXPECT_TRUE(arguments.has("show"));
  EXPECT_EQ(arguments.value("outfile"), "x");
  EXPECT_EQ(both({"a", "b"}).second_group, Words{});
  // The value of an option is no separator.
  EXPECT_EQ(both({"a", "-o", "--", "--", "b"}).value("outfile"), "--");
  EXPECT_THROW((void)both({"a", "--"}), io::UsageError);
  EXPECT_THROW((void)both({"a", "--", "b", "--", "c"}), io::UsageError);
  EXPECT_THROW((void)both({"a", "--", "b", "--"}), io::UsageError);
  EXPECT_THROW((void)both({"a", "--", "--format", "neither"}), io::UsageError);
}

TEST(Parser, NegativeNumbersAreValues) {
  EXPECT_EQ(parsed({"--offset", "-1.5"}).value("offset"), "-1.5");
}

TEST(Parser, RestBelongsToTheScriptWhateverItLooksLike) {
  const Words script = {"s.py", "-o", "y", "--", "--help", "-k"};
  for (Words words :
       {Words{"-k", "-o", "x", "-r"}, Words{"-o", "x", "-kr"}, Words{"-o", "x", "-k", "--run"}}) {
    words.insert(words.end(), script.begin(), script.end());
    const Arguments arguments = parsed(words);
    EXPECT_EQ(arguments.rest("run"), script);
    EXPECT_EQ(arguments.value("outfile"), "x");
    EXPECT_TRUE(arguments.has("show"));
    EXPECT_TRUE(arguments.positional.empty());
  }
  EXPECT_NE(usage_error({"-r"}), "");
}

TEST(Parser, RefusesWhatItDoesNotKnowAndNamesWhatIsNear) {
  EXPECT_EQ(usage_error({"--outfle", "x"}), "unknown option --outfle | did you mean --outfile?");
  EXPECT_EQ(usage_error({"--out", "x"}), "unknown option --out | did you mean --outfile?");
  EXPECT_EQ(usage_error({"--zzzzzz"}), "unknown option --zzzzzz | --help lists the options");
  EXPECT_NE(usage_error({"-o"}), "");
  EXPECT_NE(usage_error({"--show=3"}), "");
  EXPECT_EQ(usage_error({"--format", "xml"}), "--format takes one of table jsonl, not xml | ");
}

constexpr std::string_view kUsage[] = {"[OPTION…] IN"};
constexpr Section kSections[] = {{"Notes", "One.\n\nTwo.\n  verbatim   line"}};
constexpr Example kExamples[] = {{"Do it:", "prog -k 'x'"}};
constexpr Program kProgram = {.name = "prog",
                              .summary = "does things",
                              .usage = kUsage,
                              .options = kOptions,
                              .sections = kSections,
                              .examples = kExamples,
                              .body = nullptr};

TEST(Help, EveryFormNamesEveryOption) {
  const std::string texts[] = {short_help(kProgram),        long_help(kProgram),
                               man_page(kProgram),          completion(kProgram, "bash"),
                               completion(kProgram, "zsh"), completion(kProgram, "fish")};
  for (const Option& option : all_options(kProgram)) {
    for (std::string text : texts) {
      for (std::size_t at = 0; (at = text.find("\\-", at)) != std::string::npos;) text.erase(at, 1);
      EXPECT_NE(text.find(option.name), std::string::npos) << option.name << " in\n" << text;
    }
  }
}

TEST(Help, LinesFitATerminal) {
  for (const std::string& text : {short_help(kProgram), long_help(kProgram)}) {
    std::size_t column = 0;
    for (const char each : text) {
      column = each == '\n' ? 0 : column + ((each & 0xC0) != 0x80 ? 1 : 0);
      ASSERT_LE(column, 80U) << text;
    }
  }
}

TEST(Help, ManPageTextCannotBecomeARequest) {
  constexpr Section kDotted[] = {{"Dots", ".start\n\n'quote\n\nback\\slash"}};
  Program program = kProgram;
  program.sections = kDotted;
  const std::string page = man_page(program);
  EXPECT_NE(page.find("\n\\&.start\n"), std::string::npos);
  EXPECT_NE(page.find("\n\\(aqquote\n"), std::string::npos);
  EXPECT_NE(page.find("\nback\\eslash\n"), std::string::npos);
}

}  // namespace
}  // namespace tracebraid::formats::cli
