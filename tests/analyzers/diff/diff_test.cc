#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "analyzers/diff/comparison.h"
#include "analyzers/diff/end_match.h"
#include "analyzers/diff/function_match.h"
#include "analyzers/diff/gate.h"
#include "analyzers/diff/rank_test.h"
#include "formats/io/error.h"

namespace tracebraid::analyzers::diff {
namespace {

using Numbers = std::vector<std::int64_t>;

// By going through all ways to choose a's places; ranks twice as large, so that all is whole.
double p_of_all_ways(const Numbers& a, const Numbers& b) {
  Numbers all = a;
  all.insert(all.end(), b.begin(), b.end());
  const auto rank = [&](std::int64_t value) {
    const auto less = std::ranges::count_if(all, [&](auto each) { return each < value; });
    const auto equal = std::ranges::count(all, value);
    return 2 * less + equal + 1;
  };
  std::int64_t sum = 0;
  for (const std::int64_t value : a) sum += rank(value);
  const auto mean = static_cast<std::int64_t>(a.size() * (all.size() + 1));
  std::uint64_t ways = 0;
  std::uint64_t as_far = 0;
  for (std::uint32_t chosen = 0; chosen < (1U << all.size()); ++chosen) {
    if (static_cast<std::size_t>(std::popcount(chosen)) != a.size()) continue;
    std::int64_t other = 0;
    for (std::size_t at = 0; at < all.size(); ++at) {
      if ((chosen >> at & 1U) != 0) other += rank(all[at]);
    }
    ++ways;
    if (std::abs(other - mean) >= std::abs(sum - mean)) ++as_far;
  }
  return static_cast<double>(as_far) / static_cast<double>(ways);
}

TEST(RankTest, IsExactForFewValues) {
  RankTest test;
  // From a program of its own, with fractions.
  EXPECT_DOUBLE_EQ(test.p(Numbers{1, 2, 3}, Numbers{4, 5, 6}), 1.0 / 10);
  EXPECT_DOUBLE_EQ(test.p(Numbers{1, 2, 3, 4}, Numbers{5, 6, 7, 8}), 1.0 / 35);
  EXPECT_DOUBLE_EQ(test.p(Numbers{2, 2, 2, 3, 3}, Numbers{3, 3, 4, 4, 4}), 1.0 / 21);
  EXPECT_DOUBLE_EQ(test.p(Numbers{1, 2}, Numbers{3, 4, 5, 6, 7, 8, 9}), 1.0 / 18);
  EXPECT_DOUBLE_EQ(test.p(Numbers{4, 4}, Numbers{4, 4, 4}), 1);
  EXPECT_DOUBLE_EQ(test.p(Numbers{}, Numbers{4, 4, 4}), 1);
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    Numbers a(1 + random() % 6);
    Numbers b(1 + random() % 6);
    const std::uint64_t different = 1 + random() % 12;
    for (auto* const side : {&a, &b}) {
      for (std::int64_t& value : *side) value = static_cast<std::int64_t>(random() % different) - 3;
    }
    EXPECT_NEAR(test.p(a, b), p_of_all_ways(a, b), 1e-12);
  }
}

TEST(RankTest, KnowsWhatFewValuesCanTell) {
  EXPECT_DOUBLE_EQ(RankTest::least_p(1, 1), 1);
  EXPECT_DOUBLE_EQ(RankTest::least_p(3, 3), 0.1);
  EXPECT_DOUBLE_EQ(RankTest::least_p(4, 4), 2.0 / 70);
  EXPECT_DOUBLE_EQ(RankTest::least_p(5, 3), 2.0 / 56);
}

// The normal distribution stands for the exact one: U counted pair by pair, its mean and deviation
// by the textbook's formula.
TEST(RankTest, IsNearForManyValues) {
  RankTest test;
  Numbers a;
  Numbers b;
  for (std::int64_t at = 0; at < 60; ++at) {
    a.push_back(2 * at);
    b.push_back(2 * at + 25);
  }
  // U by counting; mean 1800, standard deviation sqrt(60 * 60 * 121 / 12).
  double u = 0;
  for (const std::int64_t x : a) {
    for (const std::int64_t y : b) u += x > y ? 1 : 0;
  }
  const double z = (1800 - u - 0.5) / std::sqrt(60.0 * 60 * 121 / 12);
  EXPECT_NEAR(test.p(a, b), std::erfc(z / std::sqrt(2.0)), 1e-12);
}

// The same with many equal values, which make the deviation less: by the textbook's formula for
// ties.
TEST(RankTest, OfManyValuesTiesCount) {
  RankTest test;
  Numbers a;
  Numbers b;
  for (std::int64_t at = 0; at < 60; ++at) {
    a.push_back(at % 3);
    b.push_back(at % 4);
  }
  double u = 0;
  for (const std::int64_t x : a) {
    for (const std::int64_t y : b) u += x > y ? 1 : x == y ? 0.5 : 0;
  }
  // 0, 1 and 2 are there 20 + 15 times, 3 is 15 times.
  const double ties = 3 * (35.0 * 35 * 35 - 35) + 15.0 * 15 * 15 - 15;
  const double deviation = std::sqrt(60.0 * 60 / 12 * (121 - ties / (120.0 * 119)));
  const double z = (std::abs(1800 - u) - 0.5) / deviation;
  EXPECT_NEAR(test.p(a, b), std::erfc(z / std::sqrt(2.0)), 1e-12);
}

TEST(Comparison, TellsNoMoreThanRunsCan) {
  RankTest test;
  const auto evidence = [&](const Numbers& a, const Numbers& b, double alpha = 0.05) {
    return compare(a, b, alpha, test).evidence;
  };
  EXPECT_EQ(evidence({1}, {1000}), Evidence::kOneRun);
  EXPECT_EQ(evidence({1, 2, 3}, {4, 5, 6}), Evidence::kApart);
  EXPECT_EQ(evidence({1, 2, 4}, {4, 5, 6}), Evidence::kOverlap);
  EXPECT_EQ(evidence({1, 2, 3}, {4, 5, 6}, 0.1), Evidence::kSignificant);
  EXPECT_EQ(evidence({1, 2, 4}, {3, 5, 6}, 0.1), Evidence::kNoise);
  EXPECT_EQ(evidence({1, 2, 3, 4}, {5, 6, 7, 8}), Evidence::kSignificant);
  EXPECT_EQ(evidence({1, 2, 3, 5}, {4, 6, 7, 8}), Evidence::kNoise);
  EXPECT_EQ(evidence({8, 9}, {1}), Evidence::kApart);
}

TEST(Comparison, SummarizesExactly) {
  const auto median = [](const Numbers& values) { return summary(values).median; };
  EXPECT_EQ(median({5}), 5);
  EXPECT_EQ(median({9, 1, 5}), 5);
  EXPECT_EQ(median({4, 1}), 2);
  EXPECT_EQ(median({INT64_MAX, INT64_MAX - 2}), INT64_MAX - 1);
  EXPECT_EQ(summary(Numbers{3, -1, 7}).least, -1);
  EXPECT_EQ(summary(Numbers{3, -1, 7}).most, 7);
  EXPECT_EQ(millionths(1, 3), 333'333);
  EXPECT_EQ(millionths(-7, 7), -1'000'000);
  EXPECT_EQ(millionths(INT64_MAX, 1), INT64_MAX);
  EXPECT_EQ(millionths(1, 0), std::nullopt);
}

// A run's functions as `path name line`, and what each was found to be.
class Matching : public ::testing::Test {
 protected:
  using Key = std::tuple<std::string, std::string, std::uint32_t>;
  using Found = std::map<Key, FunctionMatch::Number>;

  Found run(Side side, const std::vector<Key>& functions) {
    std::vector<FunctionMatch::Seen> seen;
    for (const auto& [path, name, line] : functions) {
      std::string room;
      seen.push_back({texts_.number_of(path), texts_.number_of(stable_name(name, room)), line,
                      static_cast<std::uint32_t>(seen.size())});
    }
    match_.match(side, seen);
    Found found;
    for (const FunctionMatch::Seen& each : seen) found[functions[each.id]] = each.function;
    return found;
  }

  Texts texts_;
  FunctionMatch match_{texts_};
};

TEST_F(Matching, OtherFoldersAndLinesDoNotMatter) {
  const auto a = run(kA, {{"/home/me/shop/app/views.py", "index", 10},
                          {"/home/me/shop/app/views.py", "buy", 30},
                          {"/usr/lib/python3.9/json/decoder.py", "decode", 332},
                          {"/opt/venv/lib/python3.9/site-packages/six.py", "u", 5},
                          {"<frozen importlib._bootstrap>", "_find_and_load", 1022}});
  const auto b = run(kB, {{"/srv/build-17/app/views.py", "index", 12},
                          {"/srv/build-17/app/views.py", "buy", 35},
                          {"/opt/python/lib/python3.12/json/decoder.py", "decode", 344},
                          {"/usr/lib/python3/dist-packages/six.py", "u", 5},
                          {"/opt/old/lib/python3.4/importlib/_bootstrap.py", "_find_and_load", 9}});
  const std::vector<FunctionMatch::Number> left = {
      a.at({"/home/me/shop/app/views.py", "index", 10}),
      a.at({"/home/me/shop/app/views.py", "buy", 30}),
      a.at({"/usr/lib/python3.9/json/decoder.py", "decode", 332}),
      a.at({"/opt/venv/lib/python3.9/site-packages/six.py", "u", 5}),
      a.at({"<frozen importlib._bootstrap>", "_find_and_load", 1022})};
  const std::vector<FunctionMatch::Number> right = {
      b.at({"/srv/build-17/app/views.py", "index", 12}),
      b.at({"/srv/build-17/app/views.py", "buy", 35}),
      b.at({"/opt/python/lib/python3.12/json/decoder.py", "decode", 344}),
      b.at({"/usr/lib/python3/dist-packages/six.py", "u", 5}),
      b.at({"/opt/old/lib/python3.4/importlib/_bootstrap.py", "_find_and_load", 9})};
  EXPECT_EQ(left, right);
  EXPECT_EQ(match_.size(), 5U);
  EXPECT_EQ(match_.line(left[0], kA), 10U);
  EXPECT_EQ(match_.line(left[0], kB), 12U);
}

TEST_F(Matching, FilesOfOneNameAreToldByTheirFolders) {
  const auto a = run(kA, {{"/a/shop/users/models.py", "save", 5},
                          {"/a/shop/orders/models.py", "save", 5},
                          {"/a/shop/users/__init__.py", "<module>", 1},
                          {"/a/lib/python3.9/site-packages/x/util.py", "f", 1}});
  const auto b = run(kB, {{"/b/shop/orders/models.py", "save", 5},
                          {"/b/shop/users/models.py", "save", 5},
                          {"/b/shop/carts/__init__.py", "<module>", 1},
                          {"/b/lib/python3.9/site-packages/y/util.py", "f", 1}});
  EXPECT_EQ(a.at({"/a/shop/users/models.py", "save", 5}),
            b.at({"/b/shop/users/models.py", "save", 5}));
  EXPECT_EQ(a.at({"/a/shop/orders/models.py", "save", 5}),
            b.at({"/b/shop/orders/models.py", "save", 5}));
  // Other folders of packages, other modules.
  EXPECT_EQ(match_.size(), 6U);
}

TEST_F(Matching, FilesThatNothingTellsApartHaveTheMoreInCommon) {
  const auto a = run(kA, {{"/a/p/util.py", "read", 5},
                          {"/a/p/util.py", "write", 9},
                          {"/a/q/util.py", "hash", 5},
                          {"/a/q/util.py", "salt", 9}});
  const auto b = run(kB, {{"/b/r/util.py", "hash", 5},
                          {"/b/r/util.py", "salt", 9},
                          {"/b/s/util.py", "read", 5},
                          {"/b/s/util.py", "write", 9}});
  EXPECT_EQ(a.at({"/a/p/util.py", "read", 5}), b.at({"/b/s/util.py", "read", 5}));
  EXPECT_EQ(a.at({"/a/q/util.py", "salt", 9}), b.at({"/b/r/util.py", "salt", 9}));
  // With nothing in common it is another file.
  run(kB, {{"/c/util.py", "other", 1}});
  EXPECT_EQ(match_.size(), 5U);
}

TEST_F(Matching, FilesInFoldersThatStayedHaveNotMoved) {
  const auto a = run(kA, {{"/srv/app/users/views.py", "index", 5},
                          {"/srv/app/users/models.py", "save", 5},
                          {"/srv/old/tools.py", "clean", 1}});
  const auto b = run(kB, {{"/srv/app/users/views.py", "index", 5},
                          {"/srv/app/orders/models.py", "save", 5},
                          {"/srv/new/tools.py", "clean", 1}});
  EXPECT_NE(a.at({"/srv/app/users/models.py", "save", 5}),
            b.at({"/srv/app/orders/models.py", "save", 5}));
  EXPECT_EQ(a.at({"/srv/old/tools.py", "clean", 1}), b.at({"/srv/new/tools.py", "clean", 1}));
}

TEST_F(Matching, FunctionsOfOneNameMoveWithTheirNeighbours) {
  const std::string f = "/x/m.py";
  const auto a = run(kA, {{f, "<module>", 1},
                          {f, "__init__", 10},
                          {f, "open", 20},
                          {f, "__init__", 50},
                          {f, "<lambda>", 55},
                          {f, "close", 60},
                          {f, "<lambda>", 70}});
  // 7 lines more in front of all, a lambda and a class more, and 3 lines more behind `open`.
  const auto b = run(kB, {{f, "<module>", 1},
                          {f, "<lambda>", 5},
                          {f, "__init__", 17},
                          {f, "open", 27},
                          {f, "__init__", 60},
                          {f, "<lambda>", 65},
                          {f, "close", 70},
                          {f, "<lambda>", 80},
                          {f, "__init__", 300}});
  EXPECT_EQ(a.at({f, "__init__", 10}), b.at({f, "__init__", 17}));
  EXPECT_EQ(a.at({f, "__init__", 50}), b.at({f, "__init__", 60}));
  EXPECT_EQ(a.at({f, "<lambda>", 55}), b.at({f, "<lambda>", 65}));
  EXPECT_EQ(a.at({f, "<lambda>", 70}), b.at({f, "<lambda>", 80}));
  EXPECT_EQ(match_.size(), 9U);
  // Another run of B, which called other ones of them.
  const auto again =
      run(kB, {{f, "<module>", 1}, {f, "<lambda>", 80}, {f, "open", 27}, {f, "__init__", 300}});
  EXPECT_EQ(again.at({f, "<lambda>", 80}), a.at({f, "<lambda>", 70}));
  EXPECT_EQ(again.at({f, "__init__", 300}), b.at({f, "__init__", 300}));
  EXPECT_EQ(match_.size(), 9U);
}

TEST_F(Matching, OfAnUnchangedFileLinesTell) {
  const std::string f = "/x/m.py";
  const auto a = run(kA, {{f, "<module>", 1},
                          {f, "first", 5},
                          {f, "__init__", 10},
                          {f, "second", 20},
                          {f, "<lambda>", 30},
                          {f, "<lambda>", 31},
                          {f, "third", 40}});
  const auto b = run(kB, {{f, "<module>", 1},
                          {f, "first", 5},
                          {f, "second", 20},
                          {f, "__init__", 25},
                          {f, "<lambda>", 31},
                          {f, "<lambda>", 32},
                          {f, "third", 40}});
  EXPECT_NE(a.at({f, "__init__", 10}), b.at({f, "__init__", 25}));
  EXPECT_EQ(a.at({f, "<lambda>", 31}), b.at({f, "<lambda>", 31}));
  EXPECT_EQ(match_.size(), 9U);
}

TEST_F(Matching, WithoutAnchorsMostMoveAlike) {
  const std::string f = "/x/handlers.py";
  const auto a = run(kA, {{f, "<lambda>", 10}, {f, "<lambda>", 20}, {f, "<lambda>", 35}});
  const auto b = run(
      kB, {{f, "<lambda>", 104}, {f, "<lambda>", 110}, {f, "<lambda>", 120}, {f, "<lambda>", 135}});
  EXPECT_EQ(a.at({f, "<lambda>", 10}), b.at({f, "<lambda>", 110}));
  EXPECT_EQ(a.at({f, "<lambda>", 35}), b.at({f, "<lambda>", 135}));
  EXPECT_EQ(match_.size(), 4U);
}

TEST_F(Matching, PathsWithoutFoldersAreEndsToo) {
  const auto a = run(kA, {{"/usr/lib/python3.9/json/decoder.py", "decode", 332}});
  const auto b = run(kB, {{"decoder.py", "decode", 332}});
  EXPECT_EQ(a.begin()->second, b.begin()->second);
}

TEST(StableName, LosesAddresses) {
  std::string room;
  EXPECT_EQ(stable_name("<built-in method __new__ of type object at 0x955e20>", room),
            "<built-in method __new__ of type object>");
  EXPECT_EQ(stable_name("<bound method A.f of <A object at 0x7f00aB>>", room),
            "<bound method A.f of <A object>>");
  EXPECT_EQ(stable_name("<a at 0x1f><b at 0x2f>", room), "<a><b>");
  EXPECT_EQ(stable_name("look at 0x", room), "look at 0x");
  EXPECT_EQ(stable_name("plain", room), "plain");
}

TEST(EndMatch, FindsServersThatMoved) {
  EndMatch match;
  const auto run = [&](std::vector<EndMatch::Seen> seen) {
    match.match(seen);
    std::vector<EndMatch::Number> numbers;
    for (const EndMatch::Seen& each : seen) numbers.push_back(each.number);
    return numbers;
  };
  const auto a = run({{{"tcp", "http", "127.0.0.1", ""}},
                      {{"tcp", "http", "10.0.0.1", "8000"}},
                      {{"tcp", "", "10.0.0.2", "5432"}},
                      {{"udp", "dns", "10.0.0.9", "53"}},
                      {{"tcp", "http", "10.0.0.3", "80"}},
                      {{"tcp", "http", "10.0.0.3", "81"}}});
  const auto b = run({{{"tcp", "http", "127.0.0.1", ""}},
                      {{"tcp", "http", "10.0.0.1", "8001"}},
                      {{"tcp", "postgres", "10.0.0.2", "5432"}},
                      {{"udp", "dns", "10.0.7.7", "53"}},
                      {{"tcp", "http", "10.0.0.3", "82"}}});
  EXPECT_EQ(std::vector(a.begin(), a.begin() + 4), std::vector(b.begin(), b.begin() + 4));
  // 80 or 81? Nothing tells.
  EXPECT_EQ(b[4], 6U);
}

TEST(Gates, SayWhatTheyMean) {
  const auto holds = [](std::string_view text, std::int64_t a, std::int64_t b) {
    return parse_gate(text).holds(a, b);
  };
  EXPECT_TRUE(holds("function.calls > +10%", 1000, 1101));
  EXPECT_FALSE(holds("function.calls > +10%", 1000, 1100));
  EXPECT_TRUE(holds("function.calls >= 10%", 1000, 1100));
  EXPECT_TRUE(holds("function.calls>+10%", 0, 1));
  EXPECT_FALSE(holds("function.calls > +10%", 0, 0));
  EXPECT_TRUE(holds("function.calls < -0.5%", 1000, 994));
  EXPECT_FALSE(holds("function.calls < -0.5%", 1000, 995));
  EXPECT_TRUE(holds("syscall.errors > +0", 7, 8));
  EXPECT_TRUE(holds("syscall.errors > 0", 7, 1));
  EXPECT_TRUE(holds("syscall.errors != +0", 7, 1));
  EXPECT_TRUE(holds("syscall.errors == -6", 7, 1));
  EXPECT_TRUE(holds("socket.wait_max >= 1.5 ms", 0, 1'500'000));
  EXPECT_FALSE(holds("socket.wait_max > 1500us", 0, 1'500'000));
  EXPECT_TRUE(holds("socket.bytes_in <= 2KiB", 0, 2048));
  EXPECT_TRUE(holds("socket.bytes_in < +2kB", 100, 2099));
  EXPECT_TRUE(holds("function.calls > +9223372036854775806", INT64_MIN, INT64_MAX));
  EXPECT_TRUE(holds("function.calls > +100%", 1, INT64_MAX));

  const Gate gate = parse_gate(" any function.cumtime [<lambda> [a-z]*] > 3s ");
  EXPECT_TRUE(gate.is_any);
  EXPECT_EQ(gate.pattern, "<lambda> [a-z]*");
  EXPECT_EQ(gate.value, 3'000'000'000);
  EXPECT_FALSE(gate.is_change);
}

TEST(Gates, KnowEveryUnit) {
  for (const auto& [text, value] : std::vector<std::pair<std::string_view, std::int64_t>>{
           {"socket.wait_max > 2s", 2'000'000'000},
           {"socket.wait_max > 2ms", 2'000'000},
           {"socket.wait_max > 2us", 2'000},
           {"socket.wait_max > 2µs", 2'000},
           {"socket.wait_max > 2ns", 2},
           {"socket.bytes_in > 2", 2},
           {"socket.bytes_in > 2B", 2},
           {"socket.bytes_in > 2kB", 2'000},
           {"socket.bytes_in > 2MB", 2'000'000},
           {"socket.bytes_in > 2GB", 2'000'000'000},
           {"socket.bytes_in > 2KiB", 2'048},
           {"socket.bytes_in > 2MiB", 2'097'152},
           {"socket.bytes_in > 2GiB", 2'147'483'648},
           {"function.calls > 2", 2},
           {"function.calls > 2%", 20'000}}) {
    EXPECT_EQ(parse_gate(text).value, value) << text;
  }
}

TEST(Gates, RefuseWhatMeansNothing) {
  const auto error = [](std::string_view text) {
    try {
      (void)parse_gate(text);
    } catch (const formats::io::UsageError& refused) {
      return refused.what + " | " + refused.hint;
    }
    return std::string("taken");
  };
  const auto tells = [&](std::string_view text, std::string_view part) {
    EXPECT_NE(error(text).find(part), std::string::npos) << text << ": " << error(text);
  };
  tells("", "there is function, syscall, flow, socket, switch, signal, process");
  tells("functions.calls > 1", "no such kind: functions");
  tells("function > 1", "there is calls, tottime, cumtime");
  tells("function.call > 1", "no such measure of function: call");
  tells("function.calls", "there is <, <=, >, >=, == and !=");
  tells("function.calls = 1", "no comparison");
  tells("function.calls[x > 1", "a [ without ]");
  for (const std::string_view text :
       {"function.calls >", "function.calls > +", "function.calls > ten", "function.calls > 1.5",
        "function.calls > 1ms", "function.tottime > 1", "function.tottime > 1.0000000001s",
        "socket.bytes_in > 1s", "function.calls > 1 %x", "function.calls > --1",
        "function.calls > 99999999999999999999", "socket.bytes_in > 9223372036854775807KiB",
        "function.calls > 0.00001%"}) {
    tells(text, "not a value");
  }
}

}  // namespace
}  // namespace tracebraid::analyzers::diff
