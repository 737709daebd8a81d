#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "formats/io/background.h"
#include "formats/io/cursor.h"
#include "formats/io/diagnostics.h"
#include "formats/io/looks_like.h"
#include "formats/io/memory_limit.h"
#include "formats/io/output.h"
#include "formats/io/process.h"
#include "formats/io/source.h"

namespace tracebraid::formats::io {
namespace {

std::string read_all(Source& source, std::size_t piece) {
  std::string all;
  std::vector<char> buffer(piece);
  while (const std::size_t got = source.read(buffer)) all.append(buffer.data(), got);
  return all;
}

std::string gzipped(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstandard(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

std::string long_text(int lines = 20000) {
  std::string text;
  for (int number = 0; number < lines; ++number) text += std::to_string(number * 7919) + "\n";
  return text;
}

TEST(Source, SeesThroughCompressionAtAnyChunking) {
  const std::string text = long_text();
  const std::string half = text.substr(0, text.size() / 2);
  const std::vector<std::string> forms = {text,
                                          gzipped(text),
                                          zstandard(text),
                                          gzipped(half) + gzipped(text.substr(half.size())),
                                          zstandard(half) + zstandard(text.substr(half.size())),
                                          gzipped(text) + std::string(5, '\0')};
  for (const std::string& form : forms) {
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 65536U}) {
      const auto source = look_through_compression(memory_source("in", form, piece));
      EXPECT_EQ(read_all(*source, piece), text);
    }
  }
}

TEST(Source, ShortInputsAreNotCompressed) {
  for (const std::string text : {"", "\x1F", "\x1F\x8B", "\x28\xB5\x2F"}) {
    EXPECT_EQ(read_all(*look_through_compression(memory_source("in", text)), 10), text);
  }
}

TEST(Source, DamagedCompressionDeliversWhatCameBeforeAndNamesThePlace) {
  const std::string text = long_text(200000);
  for (const std::string& form : {gzipped(text), zstandard(text)}) {
    const std::string cut = form.substr(0, form.size() / 2);
    const auto source = look_through_compression(memory_source("in", cut));
    std::string got;
    std::vector<char> buffer(1000);
    try {
      while (const std::size_t count = source->read(buffer)) got.append(buffer.data(), count);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.position, "compressed byte " + std::to_string(cut.size()));
      EXPECT_NE(error.what.find("ends in the middle"), std::string::npos);
    }
    EXPECT_FALSE(got.empty());
    EXPECT_EQ(got, text.substr(0, got.size()));
  }
}

TEST(Cursor, WindowGrowsByWhatArrivesNotByWhatIsAsked) {
  const std::string text = "0123456789";
  const auto source = memory_source("in", text, 3);
  Cursor cursor(*source, 4);
  EXPECT_TRUE(cursor.ensure(2));
  cursor.advance(2);
  EXPECT_TRUE(cursor.ensure(6));
  EXPECT_EQ(std::string(cursor.data(), 6), "234567");
  EXPECT_EQ(cursor.offset(), 2U);
  EXPECT_FALSE(cursor.ensure(std::size_t{1} << 40));
  EXPECT_EQ(std::string(cursor.data(), cursor.available()), "23456789");
}

class Folder : public ::testing::Test {
 protected:
  TemporaryFolder folder_{"tracebraid-test"};

  [[nodiscard]] std::string path(const std::string& name) const {
    return folder_.path() + "/" + name;
  }
  static std::string content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void put(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder_.path()), {}));
  }
};

using OutputFile = Folder;

TEST_F(OutputFile, AppearsOnlyWhenCommitted) {
  put(path("out"), "before");
  {
    const auto output = open_output(path("out"));
    output->write("after");
    EXPECT_EQ(content(path("out")), "before");
  }
  EXPECT_EQ(content(path("out")), "before");
  EXPECT_EQ(count(), 1U);
  const auto output = open_output(path("out"));
  output->write("after");
  output->commit();
  EXPECT_EQ(content(path("out")), "after");
  EXPECT_EQ(count(), 1U);
}

TEST_F(OutputFile, KeepsPermissionsAndLinks) {
  put(path("real"), "before");
  ASSERT_EQ(::chmod(path("real").c_str(), 0640), 0);
  std::filesystem::create_symlink("real", path("link"));
  const auto output = open_output(path("link"));
  output->write("after");
  output->commit();
  EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
  EXPECT_EQ(content(path("real")), "after");
  struct stat status {};
  ASSERT_EQ(::stat(path("real").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
}

TEST_F(OutputFile, FollowsLinksToWhatIsNotThereYet) {
  std::filesystem::create_directory(path("folder"));
  std::filesystem::create_symlink("folder/link", path("first"));
  std::filesystem::create_symlink("real", path("folder/link"));
  const auto output = open_output(path("first"));
  output->write("new");
  output->commit();
  EXPECT_TRUE(std::filesystem::is_symlink(path("first")));
  EXPECT_TRUE(std::filesystem::is_symlink(path("folder/link")));
  EXPECT_TRUE(std::filesystem::is_regular_file(path("folder/real")));

  std::filesystem::create_symlink("other", path("one"));
  std::filesystem::create_symlink("one", path("other"));
  EXPECT_THROW((void)open_output(path("one")), Error);
}

TEST_F(OutputFile, KeepsTheOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  std::ofstream(path("file")) << "old";
  constexpr uid_t kOther = 12345;
  ASSERT_EQ(::chown(path("file").c_str(), kOther, kOther), 0);
  const auto output = open_output(path("file"));
  output->write("new");
  output->commit();
  struct stat status {};
  ASSERT_EQ(::stat(path("file").c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 3);
  EXPECT_EQ(status.st_uid, kOther);
  EXPECT_EQ(status.st_gid, kOther);
}

TEST_F(OutputFile, AFullDiskIsAnError) {
  const auto output = open_output("/dev/full");
  EXPECT_THROW(
      {
        for (int block = 0; block < 10; ++block) output->write("x");
        output->commit();
      },
      Error);
}

TEST_F(OutputFile, RefusesAFolderAndAMissingFolder) {
  EXPECT_THROW((void)open_output(folder_.path()), Error);
  EXPECT_THROW((void)open_output(path("none/out")), Error);
}

TEST_F(OutputFile, BlocksKeepTheirOrder) {
  std::string expected;
  const auto output = open_output(path("out"));
  BlockWriter block(*output);
  for (int number = 0; number < 500000; ++number) {
    const std::string text = std::to_string(number) + "\n";
    expected += text;
    block.append(text);
  }
  block.flush();
  output->commit();
  EXPECT_EQ(content(path("out")), expected);
}

TEST(Background, WorksOnBatchesInOrder) {
  for (const std::size_t most_waiting : {1U, 2U, 5U}) {
    SCOPED_TRACE(most_waiting);
    std::vector<int> done;
    Background<std::vector<int>> background(
        [&](std::vector<int>& batch) { done.insert(done.end(), batch.begin(), batch.end()); },
        most_waiting);
    std::vector<int> expected;
    std::vector<int> batch;
    for (int number = 0; number < 1000; ++number) {
      batch = {number, number + 1};
      expected.insert(expected.end(), batch.begin(), batch.end());
      if (number < 999) background.submit(batch);
    }
    background.drain(batch);
    EXPECT_EQ(done, expected);
  }
}

TEST(Background, AnErrorReachesTheCallerAndEndsTheWork) {
  for (const std::size_t most_waiting : {1U, 4U}) {
    SCOPED_TRACE(most_waiting);
    int worked = 0;
    Background<int> background(
        [&](int& batch) {
          ++worked;
          if (batch == 3) throw Error{"", "", "three"};
        },
        most_waiting);
    EXPECT_THROW(
        {
          for (int batch = 0;;) {
            int given = ++batch;
            background.submit(given);
          }
        },
        Error);
    int last = 9;
    EXPECT_THROW(background.drain(last), Error);
    EXPECT_EQ(worked, 3);
  }
}

TEST(MemoryLimit, IsTheLeastOfTheControlGroups) {
  const TemporaryFolder root("memory-limit-");
  const auto write = [&](const std::string& file, const std::string& text) {
    const std::filesystem::path at = root.path() + "/" + file;
    std::filesystem::create_directories(at.parent_path());
    std::ofstream(at) << text;
  };
  const auto limit = [&](std::string_view membership) {
    return control_group_limit(membership, root.path());
  };
  EXPECT_EQ(limit("0::/\n"), UINT64_MAX);  // no files at all
  write("memory.max", "max\n");
  write("a/memory.max", "536870912\n");
  write("a/b/memory.max", "1073741824\n");
  EXPECT_EQ(limit("0::/\n"), UINT64_MAX);
  EXPECT_EQ(limit("0::/a\n"), 536870912U);
  EXPECT_EQ(limit("0::/a/b\n"), 536870912U);
  EXPECT_EQ(limit("0::/a/none/b"), 536870912U);
  write("memory/docker/3f/memory.limit_in_bytes", "1000\n");
  write("memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(limit("5:cpu:/a\n4:memory:/docker/3f\n0::/\n"), 1000U);
  EXPECT_EQ(limit("4:memory:/docker\n0::/\n"), 9223372036854771712U);
  EXPECT_EQ(limit(""), UINT64_MAX);
}

TEST(MemoryLimit, IsTheMachinesAtMost) {
  const auto pages = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES));
  EXPECT_GT(memory_limit(), 0U);
  EXPECT_LE(memory_limit(), pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)));
}

class Collected final : public Messages {
 public:
  void line(std::string_view text) override { lines.emplace_back(text); }
  std::vector<std::string> lines;
};

TEST(Diagnostics, ShowsTheFirstFewAndCountsTheRest) {
  constexpr Counter kOdd{"odd", Severity::kWarning, "is odd"};
  constexpr Counter kFine{"fine", Severity::kNote, "is fine"};
  Collected messages;
  Diagnostics diagnostics(messages, "prog", 2);
  diagnostics.set_input("in");
  for (int time = 0; time < 5; ++time) diagnostics.count(kOdd, byte_position(7));
  diagnostics.count(kFine, "");
  diagnostics.count(kFine, "");
  EXPECT_EQ(diagnostics.total(kOdd), 5U);
  diagnostics.summarize();
  EXPECT_EQ(messages.lines,
            (std::vector<std::string>{"prog: in: byte 7: is odd", "prog: in: byte 7: is odd",
                                      "prog: 5 in all: is odd", "prog: in: is fine (2 in all)"}));
  EXPECT_FALSE(diagnostics.damaged());
}

TEST(LooksLike, NamesWhatPeopleMistakeForAProfile) {
  using namespace std::string_view_literals;
  EXPECT_EQ(looks_like("         12 function calls in 0.1 seconds\n"),
            "a text report of pstats, not the dump itself");
  EXPECT_EQ(looks_like("\x80\x04\x95\x10"
                       "line_profiler"),
            "a dump of line_profiler (.lprof, a pickle)");
  EXPECT_EQ(looks_like("\xa7\x0d\x0d\x0a\0\0\0\0"sv), "a compiled Python file (.pyc)");
  EXPECT_EQ(looks_like("# callgrind format\n"), "a callgrind profile");
  EXPECT_EQ(looks_like("{\"$schema\": 1}"), "JSON");
  EXPECT_EQ(looks_like("\xD4\xC3\xB2\xA1\2\0\4\0"sv), "a pcap capture");
  EXPECT_EQ(looks_like("\xFB\x29\x03\xFA\x01\x61"), "");
}

}  // namespace
}  // namespace tracebraid::formats::io
