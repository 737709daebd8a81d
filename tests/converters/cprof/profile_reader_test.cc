#include "converters/cprof/profile_reader.h"

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "converters/cprof/callgrind_conversion.h"
#include "tests/support/dump.h"

namespace tracebraid::converters::cprof {
namespace {

namespace io = formats::io;

using tests::dict;
using tests::key;
using tests::number;
using tests::text;
using tests::timed;
using tests::tuple;
using tests::value;

const std::string kMain = key("a.py", 1, "main");
const std::string kWork = key("a.py", 9, "work");

class Collected final : public io::Messages {
 public:
  void line(std::string_view text) override { lines.emplace_back(text); }
  std::vector<std::string> lines;
};

struct Result {
  std::string profile;
  std::string error;
  std::vector<std::string> messages;
};

Result convert(const std::vector<std::string>& dumps, ConversionOptions options = {}) {
  Result result;
  Collected messages;
  io::Diagnostics diagnostics(messages, "p");
  const auto output = io::memory_output(result.profile);
  io::BlockWriter block(*output);
  formats::marshal::StringTable strings;
  FunctionTable functions;
  options.creator = "p";
  CallgrindConversion conversion(options, strings, functions, block, diagnostics);
  ProfileReader reader(strings, functions, diagnostics);
  for (const std::string& dump : dumps) {
    const auto source = io::memory_source("in", dump, 5);
    io::Cursor cursor(*source, 16);
    try {
      reader.read(cursor, conversion);
    } catch (const io::Error& error) {
      result.error = error.position + ": " + error.what;
    }
  }
  conversion.finish();
  block.flush();
  diagnostics.summarize();
  result.messages = messages.lines;
  // Only what follows the header.
  result.profile.erase(0, result.profile.find("events: ns\n") + 11);
  return result;
}

TEST(Profile, CallersHaveTheSwappedOrderAndOutsideCallsARoot) {
  const std::string dump = dict(kWork + value(5, 7, 0.25, 1.0, kMain + timed(4, 3, 0.1, 0.75)) +
                                kMain + value(1, 1, 0.5, 2.0, ""));
  // work: 7 calls of which main made 4, so 3 came from outside; some were recursive through others.
  const Result result = convert({dump});
  EXPECT_EQ(result.error, "");
  EXPECT_NE(result.profile.find("fn=(2) work (a.py:9)\n9 250000000\n"), std::string::npos)
      << result.profile;
  EXPECT_NE(result.profile.find("fn=(1) main (a.py:1)\ncfn=(2)\ncalls=4 9\n1 750000000\n"),
            std::string::npos);
  EXPECT_NE(result.profile.find("(root)\ncob=(1)\ncfl=(1)\ncfn=(2)\ncalls=3 9\n"),
            std::string::npos);
  EXPECT_NE(result.profile.find("cfn=(1)\ncalls=1 1\n0 2000000000\n"), std::string::npos);
  EXPECT_TRUE(result.profile.ends_with("\ntotals: 750000000\n"));
}

TEST(Profile, RootTimeIsWhatTheCallersLeave) {
  const std::string dump = dict(kWork + value(3, 3, 0.25, 1.0, kMain + timed(2, 2, 0.1, 0.75)));
  EXPECT_NE(convert({dump}).profile.find("calls=1 9\n0 250000000\n"), std::string::npos);
  // Direct recursion: the calls to itself are inside the one from outside.
  const std::string recursive =
      dict(kWork +
           value(3, 9, 0.25, 1.0, kMain + timed(2, 2, 0.1, 0.75) + kWork + timed(6, 0, 0.2, 0.9)));
  const Result result = convert({recursive});
  EXPECT_NE(result.profile.find("cfn=(2)\ncalls=6 9\n9 0\n"), std::string::npos) << result.profile;
  EXPECT_NE(result.profile.find("calls=1 9\n0 250000000\n"), std::string::npos);
  ConversionOptions no_root;
  no_root.root_edges = false;
  EXPECT_EQ(convert({dump}, no_root).profile.find("(root)"), std::string::npos);
}

TEST(Profile, CountedCallersShareTheTimeAndNothingGetsLost) {
  const std::string other = key("b.py", 2, "other");
  const std::string third = key("c.py", 3, "third");
  const std::string dump = dict(
      kWork + value(3, 3, 0.5, 1e-9, kMain + number(1) + other + number(1) + third + number(1)));
  const Result result = convert({dump});
  // A third of one nanosecond each: one caller gets it.
  std::uint64_t sum = 0;
  for (std::size_t at = 0; (at = result.profile.find("calls=1 9\n", at)) != std::string::npos;) {
    at = result.profile.find(' ', at + 10);
    sum += std::stoull(result.profile.substr(at));
  }
  EXPECT_EQ(sum, 1U) << result.profile;
}

TEST(Profile, SampledDumpsHaveOneFunctionOverItsLines) {
  const std::string dump = dict(key("a.py", 5, "g") + value(2, 3, 0.2, 0.3, kMain + number(3)) +
                                key("a.py", 6, "g") + value(1, 1, 0.1, 0.1, kMain + number(1)) +
                                kMain + value(0, 4, 0, 0.4, "") + tuple(text("__sampled__")) + "T");
  const Result result = convert({dump});
  EXPECT_EQ(result.error, "");
  EXPECT_NE(result.profile.find("fn=(4) g (a.py)\n5 200000000\n"), std::string::npos)
      << result.profile;
  EXPECT_NE(result.profile.find("6 100000000\n"), std::string::npos);
  EXPECT_TRUE(result.profile.ends_with("totals: 300000000\n"));
}

// A sampled dump has a key for every line that ran, a timed one for every function: the same key is
// another function, whichever comes first.
TEST(Profile, SampledAndTimedDumpsInOneRunAreEachTheirs) {
  const std::string function = key("a.py", 5, "g");
  const std::string sampled =
      dict(function + value(2, 3, 0.2, 0.3, kMain + number(3)) + tuple(text("__sampled__")) + "T");
  const std::string of_time = dict(function + value(1, 1, 0.5, 0.5, kMain + timed(1, 1, 0.5, 0.5)));
  ConversionOptions options;
  options.strip_folders = true;
  for (const auto& dumps : {std::vector{sampled, of_time}, std::vector{of_time, sampled}}) {
    const Result result = convert(dumps, options);
    EXPECT_EQ(result.error, "");
    EXPECT_NE(result.profile.find(") g (a.py)\n5 200000000\n"), std::string::npos)
        << result.profile;
    EXPECT_NE(result.profile.find(") g (a.py:5)\n5 500000000\n"), std::string::npos)
        << result.profile;
  }
}

// Of a function that calls itself the others have all the time: it has none of its own from
// outside.
TEST(Profile, CountedCallsOfItselfHaveNoShare) {
  const Result result =
      convert({dict(kWork + value(10, 10, 0.5, 1.0, kMain + number(4) + kWork + number(6)))});
  EXPECT_NE(result.profile.find("calls=4 9\n1 1000000000\n"), std::string::npos) << result.profile;
  EXPECT_NE(result.profile.find("calls=6 9\n9 0\n"), std::string::npos) << result.profile;
}

// Where one caller has no times, all are shared by numbers.
TEST(Profile, CallersOfWhichSomeHaveTimesShareByNumbers) {
  const std::string other = key("b.py", 2, "other");
  const Result result = convert(
      {dict(kWork + value(4, 4, 0.5, 1.0, kMain + timed(1, 1, 0.1, 0.9) + other + number(3)))});
  EXPECT_NE(result.profile.find("calls=1 9\n1 250000000\n"), std::string::npos) << result.profile;
  EXPECT_NE(result.profile.find("calls=3 9\n2 750000000\n"), std::string::npos) << result.profile;
}

// Two numbers of calls stand in either order: the larger is that of all, the smaller of the
// outermost.
TEST(Profile, NumbersOfCallsStandInEitherOrder) {
  for (const auto& [first, second] : {std::pair{5, 2}, {2, 5}}) {
    const Result result =
        convert({dict(kWork + tuple(number(first), number(second), number(0.5), number(1.0),
                                    dict(kMain + timed(3, 1, 0.1, 0.25))))});
    // Two of five came from outside.
    EXPECT_NE(result.profile.find("calls=2 9\n0 "), std::string::npos) << first << result.profile;
  }
}

TEST(Profile, ACallersNumbersAreFourOrGroupsOfFour) {
  for (const auto& [numbers, is_right] :
       {std::pair{tuple(number(1), number(1), number(0.1), number(0.2)), true},
        {tuple(), false},
        {tuple(number(1), number(1), number(0.1)), false}}) {
    EXPECT_EQ(convert({dict(kWork + value(1, 1, 1, 1, kMain + numbers))}).error.empty(), is_right);
  }
}

// A call that has not returned has time and no number; of an unknown number that is not said.
TEST(Profile, CallsThatHaveNotFinishedAreTold) {
  for (const auto& [calls, is_told] : {std::pair{0, true}, {-1, false}, {1, false}}) {
    const Result result =
        convert({dict(kMain + value(1, 1, 1, 1, "") + kWork +
                      value(3, 3, 0.5, 0.5, kMain + timed(calls, calls, 0, 0.25)))});
    std::string all;
    for (const std::string& line : result.messages) all += line;
    EXPECT_EQ(all.find(kNoFinishedCall.meaning) != std::string::npos, is_told) << calls;
  }
}

TEST(Profile, OddNumbersAreCountedAndNeverFatal) {
  const std::string dump = dict(kMain + value(1, 1, NAN, HUGE_VAL, "") + kWork +
                                value(-1, -1, -0.5, 1e300, kMain + timed(0, 0, 0, 0.5)));
  const Result result = convert({dump});
  EXPECT_EQ(result.error, "");
  std::string all;
  for (const std::string& line : result.messages) all += line + "\n";
  for (const Counter& counter :
       {kNanTime, kInfiniteTime, kNegativeTime, kHugeTime, kUnknownCount}) {
    EXPECT_NE(all.find(counter.meaning), std::string::npos) << counter.name;
  }
  EXPECT_NE(result.profile.find("calls=1 9\n1 500000000\n"), std::string::npos) << result.profile;
}

// 18446744073 s are the last whole ones below 2^64 ns.
TEST(Profile, WholeSecondsThatDoNotFitAreTheLargestTime) {
  const auto seconds = [](const std::string& size) {
    return dict(kMain + tuple(number(1), number(1), size, size, dict("")));
  };
  // 18446744074 of marshal's type l: digits of 15 bits, the lowest first.
  const std::string large =
      std::string("l") + std::string("\x03\0\0\0", 4) + std::string("\x0a\x7a\x05\x17\x11\0", 6);
  ASSERT_EQ(0x7a0a + 0x1705LL * 32768 + 0x11LL * 32768 * 32768, 18446744074LL);
  const Result result = convert({seconds(large)});
  EXPECT_EQ(result.error, "");
  EXPECT_TRUE(result.profile.ends_with("totals: 18446744073709551615\n")) << result.profile;
  std::string all;
  for (const std::string& line : result.messages) all += line + "\n";
  EXPECT_NE(all.find(kHugeTime.meaning), std::string::npos);
}

TEST(Profile, SeveralDumpsAddUpByBeingWrittenOneAfterAnother) {
  const std::string dump = dict(kMain + value(1, 1, 0.5, 0.5, ""));
  const Result result = convert({dump, dump, dict("")});
  EXPECT_TRUE(result.profile.ends_with("totals: 1000000000\n")) << result.profile;
}

TEST(Profile, ForeignShapes) {
  // Old pstats: groups of four. yappi: counts swapped at the top. Whole seconds as ints.
  const std::string groups = tuple(number(1), number(1), number(0.1), number(0.2), number(2),
                                   number(2), number(0.1), number(0.3));
  const std::string dump =
      dict(kWork + tuple(number(3), number(2), number(1), number(2), dict(kMain + groups)));
  const Result result = convert({dump});
  EXPECT_EQ(result.error, "");
  EXPECT_NE(result.profile.find("9 1000000000\n"), std::string::npos);
  EXPECT_NE(result.profile.find("calls=3 9\n1 500000000\n"), std::string::npos) << result.profile;
}

TEST(Profile, SharedValuesMayBeReferences) {
  // marshal version 4: {k: v, k2: v} with v one object, and its callers' numbers one object.
  const std::string dump =
      std::string("{") + "\xa9\3" + "\xda\1a" + number(1) + "\xda\1f" +  // 0 1 2
      "\xa9\5" + number(2) + number(2) + number(0.5) + number(0.5) +     // 3
      "{" + ")\3" + std::string("r\1\0\0\0", 5) + number(7) + "Z\1g" + "\xa9\4" + number(2) +
      number(2) + number(0.5) + number(0.5) + "0" +  // 4
      ")\3" + std::string("r\1\0\0\0", 5) + number(3) + "Z\1h" + std::string("r\3\0\0\0", 5) + "0";
  const Result result = convert({dump});
  EXPECT_EQ(result.error, "");
  EXPECT_TRUE(result.profile.ends_with("totals: 1000000000\n")) << result.profile;
  EXPECT_NE(result.profile.find("calls=2 3\n7 500000000\n"), std::string::npos) << result.profile;
}

TEST(Profile, WhatCameBeforeTheDamageIsKept) {
  const std::string dump = dict(kMain + value(1, 1, 0.5, 0.5, "") + kWork + value(1, 1, 1, 1, ""));
  std::uint64_t last = 0;
  for (std::size_t size = 1; size < dump.size(); ++size) {
    const Result result = convert({dump.substr(0, size)});
    EXPECT_FALSE(result.error.empty()) << size;
    const std::size_t at = result.profile.rfind("totals: ");
    const std::uint64_t total = std::stoull(result.profile.substr(at + 8));
    EXPECT_GE(total, last);
    last = total;
  }
  EXPECT_EQ(last, 1500000000U);
}

TEST(Profile, ReferencesThatLieAreRefused) {
  for (const std::string& dump :
       {"{" + std::string("r\0\0\0\0", 5), std::string("\xfb") + std::string("r\0\0\0\0", 5) + "00",
        std::string("{)\2\xe9\0\0\0\0r\0\0\0\0", 13)}) {
    EXPECT_FALSE(convert({dump}).error.empty());
  }
}

TEST(Profile, FiltersSendTheCallsOfWhatIsLeftOutToRoot) {
  const std::string dump = dict(kMain + value(1, 1, 0.5, 2.0, "") + kWork +
                                value(3, 3, 1.5, 1.5, kMain + timed(3, 3, 1.5, 1.5)));
  ConversionOptions options;
  options.exclude = {"name:main"};
  const Result result = convert({dump}, options);
  EXPECT_EQ(result.profile.find("main ("), std::string::npos) << result.profile;
  EXPECT_NE(result.profile.find("calls=3 9\n0 1500000000\n"), std::string::npos) << result.profile;
  EXPECT_TRUE(result.profile.ends_with("totals: 1500000000\n"));
  options.exclude.clear();
  options.include = {"file:a.*"};
  EXPECT_TRUE(convert({dump}, options).profile.ends_with("totals: 2000000000\n"));
  options.include = {"*.txt"};
  EXPECT_TRUE(convert({dump}, options).profile.ends_with("totals: 0\n"));
}

TEST(Profile, PrefixesAreStrippedAtAFolderOnly) {
  const std::string dump = dict(key("/srv/shop/a.py", 1, "f") + value(1, 1, 1, 1, "") +
                                key("/srv/shopping/b.py", 1, "f") + value(1, 1, 1, 1, ""));
  ConversionOptions options;
  options.strip_prefixes = {"/srv/shop"};
  const Result result = convert({dump}, options);
  EXPECT_NE(result.profile.find(") a.py\n"), std::string::npos) << result.profile;
  EXPECT_NE(result.profile.find(") /srv/shopping/b.py\n"), std::string::npos);
  options.strip_folders = true;
  EXPECT_NE(convert({dump}, options).profile.find(") b.py\n"), std::string::npos);
  // Of several the longest, in whichever order.
  for (const std::vector<std::string>& prefixes :
       {std::vector<std::string>{"/srv", "/srv/shop"}, {"/srv/shop", "/srv"}}) {
    options.strip_folders = false;
    options.strip_prefixes = prefixes;
    const Result both = convert({dump}, options);
    EXPECT_NE(both.profile.find(") a.py\n"), std::string::npos) << both.profile;
    EXPECT_NE(both.profile.find(") shopping/b.py\n"), std::string::npos) << both.profile;
  }
}

TEST(Profile, NamesAreUniqueHoweverTheyLook) {
  const std::string dump =
      dict(key("/a/x/y/z.py", 1, "f") + value(1, 1, 1, 1, "") + key("/b/x/y/z.py", 1, "f") +
           value(1, 1, 1, 1, "") + key("~", 0, "f (x/y/z.py:1)") + value(1, 1, 1, 1, "") +
           key("", 0, "same") + value(1, 1, 1, 1, "") + key("~", 0, "same") +
           value(1, 1, 1, 1, "") + key("/a/x/y/z.py", 1, "f\n") + value(1, 1, 1, 1, "") +
           key("/a/x/y/z.py", 1, "f\\x0a") + value(1, 1, 1, 1, ""));
  const Result result = convert({dump});
  for (const char* const name : {" f (x/y/z.py:1)\n", " f (/b/x/y/z.py:1)\n",
                                 " f (x/y/z.py:1) #1\n", " same\n", " same #2\n"}) {
    EXPECT_NE(result.profile.find(name), std::string::npos) << name << result.profile;
  }
  EXPECT_EQ(result.profile.find("f\\x0a (x/y/z.py:1)\n",
                                result.profile.find("f\\x0a (x/y/z.py:1)\n") + 1),
            std::string::npos)
      << result.profile;
}

}  // namespace
}  // namespace tracebraid::converters::cprof
