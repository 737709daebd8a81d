#include "converters/cprof/profile_calls.h"

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "formats/io/source.h"
#include "tests/support/dump.h"

namespace tracebraid::converters::cprof {
namespace {

namespace io = formats::io;
namespace record = formats::record;
using tests::dict;
using tests::key;
using tests::number;
using tests::text;
using tests::timed;
using tests::tuple;
using tests::value;

const std::string kMain = key("a.py", 1, "main");
const std::string kWork = key("a.py", 9, "work");
constexpr std::int64_t kMostNs = std::numeric_limits<std::int64_t>::max();

class Collected final : public io::Messages {
 public:
  void line(std::string_view text) override { lines.emplace_back(text); }
  std::vector<std::string> lines;
};

std::string shown(const std::optional<std::uint64_t>& count) {
  return count ? std::to_string(*count) : "-";
}
std::string shown(const std::optional<record::Duration>& time) {
  return time ? std::to_string(time->ns) : "-";
}

// Every record as a line: texts do not outlive their call.
class Lines final : public CallSink {
 public:
  void function(const record::Function& each) override {
    lines.push_back(place(each.file, each.line, each.name) + " " + shown(each.calls) + " " +
                    shown(each.primitive_calls) + " " + shown(each.tottime) + " " +
                    shown(each.cumtime) + " callers " + std::to_string(each.callers) +
                    (each.sampled ? " sampled" : "") + " " + std::string(each.input));
  }
  void call(const record::Call& each) override {
    lines.push_back(place(each.caller_file, each.caller_line, each.caller_name) + " -> " +
                    place(each.callee_file, each.callee_line, each.callee_name) + " " +
                    shown(each.calls) + " " + shown(each.primitive_calls) + " " +
                    shown(each.tottime) + " " + shown(each.cumtime) +
                    (each.sampled ? " sampled" : "") + " " + std::string(each.input));
  }
  std::vector<std::string> lines;

 private:
  static std::string place(std::string_view file, std::uint32_t line, std::string_view name) {
    return std::string(file) + ":" + std::to_string(line) + ":" + std::string(name);
  }
};

struct Result {
  std::vector<std::string> lines;
  std::string error;
  std::vector<std::string> messages;
  std::uint64_t functions = 0;
  std::uint64_t calls = 0;
  std::uint64_t self_ns = 0;
};

Result read(const std::vector<std::string>& dumps, std::size_t piece = 5) {
  Result result;
  Collected messages;
  io::Diagnostics diagnostics(messages, "p");
  Lines sink;
  ProfileCalls calls(sink, diagnostics);
  for (std::size_t at = 0; at < dumps.size(); ++at) {
    const auto source = io::memory_source("in", dumps[at], piece);
    try {
      calls.read(*source, dumps.size() > 1 ? std::to_string(at) : "");
    } catch (const io::Error& error) {
      result.error = error.position + ": " + error.what;
    }
  }
  diagnostics.summarize();
  result.lines = sink.lines;
  result.messages = messages.lines;
  result.functions = calls.functions();
  result.calls = calls.calls();
  result.self_ns = calls.self_ns();
  return result;
}

using Expected = std::vector<std::string>;

const std::string kDump = dict(
    kWork +
    value(5, 7, 0.25, 1.0, kMain + timed(4, 3, 0.125, 0.75) + kWork + timed(2, 0, 0.0625, 0.5)) +
    kMain + value(1, 1, 0.5, 2.0, ""));

// Groups of four are one caller's; who has no times has not those of the one before.
TEST(ProfileCalls, ACallersNumbersAreItsOwn) {
  const std::string groups = tuple(number(1), number(1), number(0.1), number(0.2), number(2),
                                   number(3), number(0.25), number(0.5));
  const std::string other = key("b.py", 2, "other");
  const Result result = read({dict(kWork + value(9, 9, 1, 1, kMain + groups + other + number(5)))});
  EXPECT_EQ(result.error, "");
  ASSERT_EQ(result.lines.size(), 3U);
  EXPECT_EQ(result.lines[1], "a.py:1:main -> a.py:9:work 4 3 350000000 700000000 ");
  EXPECT_EQ(result.lines[2], "b.py:2:other -> a.py:9:work 5 - - - ");
}

TEST(ProfileCalls, EveryEntryAndEveryCallerIsARecord) {
  const Result result = read({kDump});
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.lines, (Expected{"a.py:9:work 7 5 250000000 1000000000 callers 2 ",
                                    "a.py:1:main -> a.py:9:work 4 3 125000000 750000000 ",
                                    "a.py:9:work -> a.py:9:work 2 0 62500000 500000000 ",
                                    "a.py:1:main 1 1 500000000 2000000000 callers 0 "}));
  EXPECT_EQ(result.functions, 2U);
  EXPECT_EQ(result.calls, 2U);
  EXPECT_EQ(result.self_ns, 750000000U);
  EXPECT_EQ(result.messages, Expected{});
}

TEST(ProfileCalls, AnyChunkingGivesTheSame) {
  const Result whole = read({kDump}, SIZE_MAX);
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 65536U}) {
    EXPECT_EQ(read({kDump}, piece).lines, whole.lines);
  }
}

// Lines with the names that the functions' numbers had first.
class Numbered final : public CallSink {
 public:
  void function(const record::Function& each) override {
    lines.push_back(name(each.dump, each.number, each.name));
  }
  void call(const record::Call& each) override {
    const std::string caller = name(each.dump, each.caller_number, each.caller_name);
    lines.push_back(caller + " -> " + name(each.dump, each.callee_number, each.callee_name));
    if (!each.caller_name.empty()) ++named;
    if (!each.callee_name.empty()) ++named;
  }
  std::vector<std::string> lines;
  int named = 0;                                                         // in calls
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::string> names;  // by dump and number

 private:
  std::string name(std::uint32_t dump, std::uint32_t number, std::string_view text) {
    std::string& known = names[{dump, number}];
    if (known.empty()) known = text;
    if (!text.empty()) {
      EXPECT_EQ(known, text);
    }
    return known;
  }
};

TEST(ProfileCalls, NumbersStandForFunctionsThatWereNamed) {
  const Expected expected{"work", "main -> work", "work -> work", "main",
                          "work", "main -> work", "work -> work", "main"};
  for (const auto names : {ProfileCalls::Names::kAlways, ProfileCalls::Names::kOnce}) {
    Collected messages;
    io::Diagnostics diagnostics(messages, "p");
    Numbered sink;
    ProfileCalls calls(sink, diagnostics, names);
    for (int dump = 0; dump < 2; ++dump) calls.read(*io::memory_source("in", kDump, 5));
    EXPECT_EQ(sink.lines, expected);
    EXPECT_EQ(sink.names.size(), 4U);
    EXPECT_EQ(sink.named, names == ProfileCalls::Names::kAlways ? 8 : 2);
  }
}

TEST(ProfileCalls, WhatTheProfilerDidNotTakeIsMissing) {
  const std::string dump = dict(key("profile", 0, "profiler") + value(0, 0, 0, 0, "") + kWork +
                                value(3, 4, 0.5, 1, kMain + number(3)) + key("", 0, "len") +
                                value(-1, -1, 0.25, 0.25, kWork + number(-1)));
  EXPECT_EQ(read({dump}).lines, (Expected{"profile:0:profiler 0 0 0 0 callers 0 ",
                                          "a.py:9:work 4 3 500000000 1000000000 callers 1 ",
                                          "a.py:1:main -> a.py:9:work 3 - - - ",
                                          ":0:len - - 250000000 250000000 callers 1 ",
                                          "a.py:9:work -> :0:len - - - - "}));
}

TEST(ProfileCalls, SampledNumbersSaySo) {
  const std::string dump = dict(key("a.py", 5, "g") + value(2, 3, 0.2, 0.3, kMain + number(3)) +
                                kMain + value(0, 4, 0, 0.4, "") + tuple(text("__sampled__")) + "T");
  EXPECT_EQ(read({dump}).lines, (Expected{"a.py:5:g 3 2 200000000 300000000 callers 1 sampled ",
                                          "a.py:1:main -> a.py:5:g 3 - - - sampled ",
                                          "a.py:1:main 4 0 0 400000000 callers 0 sampled "}));
  // Not those of the next dump.
  EXPECT_EQ(read({dump, kDump}).lines.back(), "a.py:1:main 1 1 500000000 2000000000 callers 0 1");
}

TEST(ProfileCalls, SeveralDumpsAreToldApartAndNotAddedUp) {
  const std::string dump = dict(kMain + value(1, 1, 0.5, 0.5, ""));
  const Result result = read({dump, dict(""), dump});
  EXPECT_EQ(result.lines, (Expected{"a.py:1:main 1 1 500000000 500000000 callers 0 0",
                                    "a.py:1:main 1 1 500000000 500000000 callers 0 2"}));
  EXPECT_EQ(result.self_ns, 1000000000U);
}

TEST(ProfileCalls, TimesThatDoNotFitAreSaidToBeCut) {
  // 2^63 ns and more, but less than 2^64.
  const Result result = read({dict(kMain + value(1, 1, 1e10, 1e10, ""))});
  EXPECT_EQ(result.lines, (Expected{"a.py:1:main 1 1 " + std::to_string(kMostNs) + " " +
                                    std::to_string(kMostNs) + " callers 0 "}));
  ASSERT_EQ(result.messages.size(), 2U);
  EXPECT_NE(result.messages[0].find(kLongTime.meaning), std::string::npos);
}

TEST(ProfileCalls, CutAtEveryByteAllBeforeTheCutIsThere) {
  const Expected whole = read({kDump}).lines;
  std::size_t most = 0;
  for (std::size_t size = 0; size < kDump.size(); ++size) {
    const Result result = read({kDump.substr(0, size)});
    ASSERT_LE(result.lines.size(), whole.size());
    EXPECT_TRUE(std::equal(result.lines.begin(), result.lines.end(), whole.begin()));
    EXPECT_GE(result.lines.size(), most);
    most = result.lines.size();
    const std::string entries =
        " (after " + std::to_string(result.functions) + " complete entries)";
    if (size > 0) {
      EXPECT_TRUE(result.error.starts_with("byte " + std::to_string(size) + ": ")) << result.error;
    }
    EXPECT_EQ(result.error.ends_with(entries), result.functions > 0) << result.error;
  }
  EXPECT_EQ(most, whole.size());
}

TEST(ProfileCalls, AnErrorOfTheSinkIsNoneOfTheInput) {
  class Full final : public CallSink {
   public:
    void function(const record::Function& /*function*/) override {
      ++seen;
      throw io::Error{"out", "", "cannot write"};
    }
    void call(const record::Call& /*call*/) override { ++seen; }
    int seen = 0;
  };
  Collected messages;
  io::Diagnostics diagnostics(messages, "p");
  Full sink;
  ProfileCalls calls(sink, diagnostics);
  const auto source = io::memory_source("in", kDump);
  try {
    calls.read(*source);
    FAIL();
  } catch (const io::Error& error) {
    EXPECT_EQ(error.input, "out");
    EXPECT_EQ(error.what, "cannot write");
  }
  EXPECT_EQ(sink.seen, 1);
}

}  // namespace
}  // namespace tracebraid::converters::cprof
