// Logs of greenlet switches, and the probe that records them.
#include "converters/greenlet/switch_log.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "converters/greenlet/probe.h"
#include "formats/io/diagnostics.h"
#include "formats/io/error.h"
#include "formats/io/source.h"

namespace tracebraid::converters::greenlet {
namespace {

namespace io = formats::io;

class Lines final : public io::Messages {
 public:
  void line(std::string_view text) override { lines.emplace_back(text); }
  std::vector<std::string> lines;
};

struct Result {
  std::vector<std::string> switches;
  std::uint64_t lost = 0;
  bool damaged = false;
};

class Sink final : public SwitchSink {
 public:
  explicit Sink(Result& result) : result_(result) {}
  void switched(const formats::record::Switch& record) override {
    result_.switches.push_back(std::to_string(record.ts.ns) + " " + std::to_string(record.tid) +
                               " " + std::string(record.greenlet) + " from " +
                               std::string(record.from) + " ran " +
                               (record.ran ? std::to_string(record.ran->ns) : std::string("?")) +
                               " line " + std::to_string(record.line));
  }

 private:
  Result& result_;
};

Result read(std::string_view text, std::size_t piece = SIZE_MAX) {
  Result result;
  Lines lines;
  io::Diagnostics diagnostics(lines, "test");
  Sink sink(result);
  SwitchLog log(sink, diagnostics);
  const auto source = io::memory_source("log", text, piece);
  log.read(*source, {});
  result.lost = log.lost();
  result.damaged = diagnostics.damaged();
  return result;
}

constexpr std::string_view kLog =
    "Attaching 1 probe...\n"
    "1700000000.000001 7 7 switch 0xa0\n"
    "1700000000.000004 7 8 switch 0xb0\n"
    "1700000000.000009 7 7 switch 0xc0\n"
    "\n"
    "@x: 3\n";

TEST(SwitchLog, EveryThreadHasItsOwnChain) {
  const Result result = read(kLog);
  EXPECT_EQ(result.switches, (std::vector<std::string>{
                                 "1700000000000001000 7 0xa0 from  ran ? line 2",
                                 "1700000000000004000 8 0xb0 from  ran ? line 3",
                                 "1700000000000009000 7 0xc0 from 0xa0 ran 8000 line 4",
                             }));
  EXPECT_FALSE(result.damaged);
}

TEST(SwitchLog, AnyChunkingGivesTheSame) {
  const Result whole = read(kLog);
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 65536U}) {
    EXPECT_EQ(read(kLog, piece).switches, whole.switches);
  }
}

TEST(SwitchLog, CutAtEveryByteGivesOnlyFewer) {
  const Result whole = read(kLog);
  for (std::size_t size = 0; size < kLog.size(); ++size) {
    const Result cut = read(kLog.substr(0, size));
    ASSERT_LE(cut.switches.size(), whole.switches.size());
    for (std::size_t at = 0; at < cut.switches.size(); ++at) {
      EXPECT_EQ(cut.switches[at], whole.switches[at]);
    }
  }
}

TEST(SwitchLog, AfterLostEventsNobodyKnowsWhoRanBefore) {
  const Result result = read(
      "1700000000.000001 7 7 switch 0xa0\nLost 12 events\n1700000000.000002 7 7 switch 0xb0\n"
      "1700000000.000003 7 7 switch 0xa0\n");
  EXPECT_EQ(result.lost, 12U);
  ASSERT_EQ(result.switches.size(), 3U);
  EXPECT_EQ(result.switches[1], "1700000000000002000 7 0xb0 from  ran ? line 3");
  EXPECT_EQ(result.switches[2], "1700000000000003000 7 0xa0 from 0xb0 ran 1000 line 4");
}

TEST(SwitchLog, OtherLinesAreDamage) {
  for (const std::string_view line :
       {"hello", "1700000000.000001 7 7 switch", "1700000000.000001 7 7 switch 0x",
        "1700000000.000001 7 7 switch 0xzz", "1700000000.000001 7 switch 0xa0",
        "1700000000 7 7 switch 0xa0", "-1.5 7 7 switch 0xa0",
        "1700000000.000001 7 7 switch 0x123456789abcdef01", "1700000000.000001 7 -7 switch 0xa0"}) {
    const Result result = read(std::string(line) + "\n");
    EXPECT_TRUE(result.switches.empty()) << line;
    EXPECT_TRUE(result.damaged) << line;
  }
}

TEST(SwitchLog, IsToldFromOtherTexts) {
  EXPECT_TRUE(looks_like_switches(kLog));
  EXPECT_TRUE(looks_like_switches("1700000000.000001 7 7 switch 0xa0\r\n"));
  EXPECT_TRUE(looks_like_switches("Attaching 1 probe...\n"));
  EXPECT_FALSE(looks_like_switches("Attaching 1 probe"));
  EXPECT_FALSE(looks_like_switches("7 1700000000.000001 close(3) = 0\n"));
  EXPECT_FALSE(looks_like_switches(""));
}

formats::elf::Symbols symbols(std::vector<std::string> functions, bool has_symtab = true) {
  return {std::move(functions), has_symtab};
}

TEST(Probe, TakesTheBestThatThereIs) {
  const std::string best = "_ZN8greenlet8Greenlet21g_switchstack_successEv";
  const std::string user = "_ZN8greenlet12UserGreenlet8g_switchEv";
  const std::string main = "_ZN8greenlet12MainGreenlet8g_switchEv";
  const std::string all = probe_script("/x.so", symbols({user, main, best}), {});
  EXPECT_NE(all.find("uprobe:/x.so:" + best + "\n"), std::string::npos);
  EXPECT_EQ(all.find(user), std::string::npos);
  const std::string two = probe_script("/x.so", symbols({user, main}), 12);
  EXPECT_NE(two.find("uprobe:/x.so:" + user + "\n/pid == 12/\n"), std::string::npos);
  EXPECT_NE(two.find("uprobe:/x.so:" + main + "\n/pid == 12/\n"), std::string::npos);
  const std::string old = probe_script("/a b.so", symbols({"g_switch", "PyInit__greenlet"}), {});
  EXPECT_NE(old.find("uprobe:\"/a b.so\":g_switch\n"), std::string::npos);
  EXPECT_NE(old.find("arg0"), std::string::npos);
}

TEST(Probe, SaysWhatIsMissing) {
  try {
    (void)probe_script("/x.so", symbols({"PyInit__greenlet"}, false), {});
    FAIL();
  } catch (const io::Error& error) {
    EXPECT_NE(error.what.find("stripped"), std::string::npos);
  }
  EXPECT_THROW((void)probe_script("/x.so", symbols({"main"}), {}), io::Error);
  // What would end the quotes, and become a part of what root runs.
  for (const std::string path : {"/a\":b { system(\"x\"); } uprobe:\"", "/a\n.so", "/a\\.so"}) {
    EXPECT_THROW((void)probe_script(path, symbols({"g_switch"}), {}), io::Error);
  }
}

}  // namespace
}  // namespace tracebraid::converters::greenlet
