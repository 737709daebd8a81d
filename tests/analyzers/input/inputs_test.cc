#include "analyzers/input/inputs.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "formats/io/diagnostics.h"
#include "formats/io/error.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace fs = std::filesystem;
namespace io = formats::io;
using formats::record::AnyRecord;

// Notes what it is told, and fails where that is not what visitor.h promises.
class Noted : public RecordVisitor {
 public:
  void begin(const InputKinds& kinds) override {
    EXPECT_EQ(begins_++, 0);
    EXPECT_TRUE(visited_.empty());
    kinds_ = kinds;
  }
  void enter(std::size_t lane) override {
    expect_amid();
    lane_ = lane;
  }
  void expect(const AnyRecord& record, Distance distance) override {
    (void)distance;
    expect_amid();
    EXPECT_TRUE(lane_);
    EXPECT_FALSE(record.type().name.empty());
  }
  void visit(const AnyRecord& record) override {
    expect_amid();
    ASSERT_TRUE(lane_);
    ++visited_[std::string(record.type().name)];
    lanes_[*lane_].insert(std::string(record.type().name));
  }
  void flush() override { expect_amid(); }
  void at_end() override {
    expect_amid();
    ++ends_;
  }

  int begins_ = 0, ends_ = 0;
  InputKinds kinds_;
  std::optional<std::size_t> lane_;
  std::map<std::string, std::size_t> visited_;          // by type
  std::map<std::size_t, std::set<std::string>> lanes_;  // their types

 private:
  void expect_amid() const {
    EXPECT_EQ(begins_, 1);
    EXPECT_EQ(ends_, 0);
  }
};

class Lines final : public io::Messages {
 public:
  void line(std::string_view text) override { text_.append(text).append("\n"); }
  std::string text_;
};

// The ways to read.
struct Way {
  const char* name;
  std::function<void(const cli::Arguments&, const Wanted&, RecordVisitor&, cli::Context&)> read;
};
const std::vector<Way>& ways() {
  constexpr std::size_t kMegabyte = 1 << 20;
  static const std::vector<Way> kWays = {
      {"in_step", read_inputs_in_step},
      {"by_ts",
       [](const cli::Arguments& arguments, const Wanted& wanted, RecordVisitor& visitor,
          cli::Context& context) {
         read_inputs_by_ts(arguments, wanted, {.most_bytes = 16 * kMegabyte}, visitor, context);
       }},
      {"by_ts, sorted",
       [](const cli::Arguments& arguments, const Wanted& wanted, RecordVisitor& visitor,
          cli::Context& context) {
         read_inputs_by_ts(arguments, wanted, {.sort_streams = true, .most_bytes = kMegabyte},
                           visitor, context);
       }},
      {"in_turn", read_inputs_in_turn},
  };
  return kWays;
}

class Inputs : public testing::Test {
 protected:
  Inputs()
      : folder_(fs::temp_directory_path() / ("tracebraid-inputs-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~Inputs() override { fs::remove_all(folder_); }

  std::string file(const std::string& name, std::string_view content) {
    const fs::path path = folder_ / name;
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
  }
  static std::string sample(const std::string& name) {
    return std::string(TRACEBRAID_SAMPLES) + "/" + name;
  }
  std::string perf_map() {
    return file("perf-7.map", "1000 b py::handle:/srv/app.py\n100b b py::<lambda>:/srv/app.py\n");
  }
  std::string stream() {
    return file("notes.jsonl",
                "{\"type\":\"note\",\"ts\":1795417769.000000000,\"text\":\"before\"}\n"
                "{\"type\":\"note\",\"ts\":1895417769.000000000,\"text\":\"after\"}\n"
                "{\"type\":\"other\",\"number\":1}\n");
  }
  static bool read(const Way& way, const std::vector<std::string>& paths, RecordVisitor& visitor,
                   std::string* messages = nullptr) {
    Lines lines;
    io::Diagnostics diagnostics(lines, "test");
    cli::Context context{diagnostics, nullptr};
    cli::Arguments arguments;
    arguments.positional = paths;
    way.read(arguments, {.files = true, .segments = true}, visitor, context);
    if (messages != nullptr) *messages = lines.text_;
    return !diagnostics.damaged();
  }

 private:
  fs::path folder_;
};

// Numbers are counts of the files: marshal.load() and its callers, lines without +++, SYNs.
TEST_F(Inputs, AreBegunOnceAndEndOnceWhateverTheyAre) {
  const std::vector<std::string> paths = {
      sample("pure-cpu/profile.cprof"),    perf_map(), sample("accept-storm/strace.log"),
      sample("accept-storm/tcpdump.pcap"), stream(),   sample("accept-storm/greenlet.bt.txt")};
  for (const Way& way : ways()) {
    SCOPED_TRACE(way.name);
    Noted noted;
    EXPECT_TRUE(read(way, paths, noted));
    EXPECT_EQ(noted.begins_, 1);
    EXPECT_EQ(noted.ends_, 1);
    EXPECT_TRUE(noted.kinds_.has_streams());
    EXPECT_EQ(noted.lanes_.size(), paths.size());
    for (const auto& [type, count] : std::map<std::string, std::size_t>{{"function", 288},
                                                                        {"call", 453},
                                                                        {"symbol", 2},
                                                                        {"syscall", 2013},
                                                                        {"note", 2},
                                                                        {"other", 1},
                                                                        {"switch", 14},
                                                                        {"flow", 2}}) {
      EXPECT_EQ(noted.visited_[type], count) << type;
    }
  }
}

TEST_F(Inputs, EndOnceWhereSomeAreTimelessOrThereIsNothing) {
  for (const Way& way : ways()) {
    for (const std::vector<std::string>& paths : {std::vector<std::string>{perf_map()},
                                                  {sample("pure-cpu/profile.cprof")},
                                                  {perf_map(), stream()},
                                                  {file("empty", "")}}) {
      SCOPED_TRACE(std::string(way.name) + " " + paths.front());
      Noted noted;
      EXPECT_TRUE(read(way, paths, noted));
      EXPECT_EQ(noted.begins_, 1);
      EXPECT_EQ(noted.ends_, 1);
    }
  }
}

TEST_F(Inputs, EndThoughSomeCannotBeRead) {
  for (const Way& way : ways()) {
    SCOPED_TRACE(way.name);
    Noted noted;
    std::string messages;
    EXPECT_FALSE(
        read(way, {"/nonexistent/a.log", file("b", "\x01\x02what"), stream()}, noted, &messages));
    EXPECT_EQ(noted.ends_, 1);
    EXPECT_EQ(noted.visited_["note"], 2);
    EXPECT_NE(messages.find("/nonexistent/a.log"), std::string::npos) << messages;
  }
}

TEST_F(Inputs, DoNotEndWhereTheVisitorGivesUp) {
  class GivesUp final : public Noted {
   public:
    void visit(const AnyRecord& record) override {
      Noted::visit(record);
      throw io::DownstreamClosed{};
    }
  };
  for (const Way& way : ways()) {
    SCOPED_TRACE(way.name);
    GivesUp visitor;
    EXPECT_THROW((void)read(way, {sample("accept-storm/strace.log"), stream()}, visitor),
                 io::DownstreamClosed);
    EXPECT_EQ(visitor.ends_, 0);
    EXPECT_EQ(visitor.visited_.size(), 1U);
  }
}

}  // namespace
}  // namespace tracebraid::analyzers
