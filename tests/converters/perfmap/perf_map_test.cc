// Perf maps, and the stacks whose addresses they name.
#include "converters/perfmap/perf_map.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "formats/io/diagnostics.h"
#include "formats/io/source.h"
#include "formats/strace/stack.h"

namespace tracebraid::converters::perfmap {
namespace {

namespace io = formats::io;

class Lines final : public io::Messages {
 public:
  void line(std::string_view text) override { lines.emplace_back(text); }
  std::vector<std::string> lines;
};

class Sink final : public SymbolSink {
 public:
  void symbol(const formats::record::Symbol& record) override {
    symbols.push_back(std::to_string(record.start) + "+" + std::to_string(record.size) + " " +
                      std::string(record.name) + " line " + std::to_string(record.line));
  }
  std::vector<std::string> symbols;
};

struct Result {
  std::vector<std::string> symbols;
  bool damaged = false;
};

Result read(std::string_view text, std::size_t piece = SIZE_MAX) {
  Lines lines;
  io::Diagnostics diagnostics(lines, "test");
  Sink sink;
  const auto source = io::memory_source("map", text, piece);
  PerfMap(sink, diagnostics).read(*source, 7, {});
  return {sink.symbols, diagnostics.damaged()};
}

// Lines that CPython 3.12 wrote; the numbers by hand.
constexpr std::string_view kMap =
    "7f7e44b2e000 b py::_find_and_load:<frozen importlib._bootstrap>\n"
    "7f7e44b2e00b b py::outer.<locals>.inner:/srv/a file.py\n"
    "1000 10 java::Thing::run\n";

TEST(PerfMap, SymbolsAreReadInAnyPieces) {
  const std::vector<std::string> expected = {
      "140180295180288+11 py::_find_and_load:<frozen importlib._bootstrap> line 1",
      "140180295180299+11 py::outer.<locals>.inner:/srv/a file.py line 2",
      "4096+16 java::Thing::run line 3"};
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 65536U}) {
    EXPECT_EQ(read(kMap, piece).symbols, expected);
  }
  EXPECT_FALSE(read(kMap).damaged);
}

TEST(PerfMap, DamageIsToldAndTheRestKept) {
  const Result result = read("1000 10 one\nnothing\n2000 10 two\n3000 xyz three\n");
  EXPECT_EQ(result.symbols.size(), 2U);
  EXPECT_TRUE(result.damaged);
}

// While the process still writes, the last line may be half of one: half of a name is none.
TEST(PerfMap, EveryPrefixGivesItsWholeLines) {
  for (std::size_t size = 0; size < kMap.size(); ++size) {
    const std::string_view prefix = kMap.substr(0, size);
    const auto lines = static_cast<std::size_t>(std::ranges::count(prefix, '\n'));
    const Result result = read(prefix);
    EXPECT_EQ(result.symbols.size(), lines);
    EXPECT_EQ(result.damaged, size > 0 && prefix.back() != '\n');
  }
}

TEST(PerfMap, IsToldByItsContent) {
  EXPECT_TRUE(looks_like_perf_map(kMap));
  EXPECT_FALSE(looks_like_perf_map("12467 1795416701.380539 execve(\"/bin/true\") = 0\n"));
  EXPECT_FALSE(looks_like_perf_map("12467 close(3) = 0\n"));
  EXPECT_FALSE(looks_like_perf_map("1795417770.177280 21441 21441 switch 0x7fab109293b0\n"));
  EXPECT_FALSE(looks_like_perf_map("a b c\n"));
  EXPECT_FALSE(looks_like_perf_map(""));
}

TEST(PerfMap, ItsNameTellsTheProcess) {
  EXPECT_EQ(process_of("/tmp/perf-12467.map"), 12467U);
  EXPECT_EQ(process_of("traces/k03.perf-12942.map.gz"), 12942U);
  EXPECT_EQ(process_of("/tmp/perf-.map"), std::nullopt);
  EXPECT_EQ(process_of("/tmp/perf-12.mad"), std::nullopt);
  EXPECT_EQ(process_of("other.map"), std::nullopt);
}

TEST(Stack, FramesAreTakenApart) {
  std::string_view stack =
      "/usr/lib/libc.so.6(recv+0x64) [0x10a974]\n"
      "/lib/_socket.so(sock_call_ex.constprop.0+0xe9) [0xa509]\n"
      "/srv/odd (1).so() [0x12]\n"
      "unexpected_backtracing_error [0x7f7e44b31144]\n"
      "too many stack frames";
  formats::strace::Frame frame;
  ASSERT_TRUE(take_frame(stack, frame));
  EXPECT_EQ(frame.object, "/usr/lib/libc.so.6");
  EXPECT_EQ(frame.symbol, "recv");
  EXPECT_EQ(frame.address, 0x10a974U);
  ASSERT_TRUE(take_frame(stack, frame));
  EXPECT_EQ(frame.symbol, "sock_call_ex.constprop.0");
  EXPECT_EQ(formats::strace::plain_symbol(frame.symbol), "sock_call_ex");
  ASSERT_TRUE(take_frame(stack, frame));
  EXPECT_EQ(frame.object, "/srv/odd (1).so");
  EXPECT_EQ(frame.symbol, "");
  ASSERT_TRUE(take_frame(stack, frame));
  EXPECT_EQ(frame.object, "");
  EXPECT_EQ(frame.address, 0x7f7e44b31144U);
  ASSERT_TRUE(take_frame(stack, frame));
  EXPECT_EQ(frame.address, 0U);
  EXPECT_FALSE(take_frame(stack, frame));
}

}  // namespace
}  // namespace tracebraid::converters::perfmap
