// The inputs that fuzzing found worth keeping, as ordinary tests.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "tests/fuzz/targets.h"

namespace tracebraid::tests {
namespace {

template <typename Run>
std::size_t replay(const std::string& target, Run run) {
  std::size_t count = 0;
  const std::filesystem::path folder = std::string(TRACEBRAID_FUZZ_CORPUS) + "/" + target;
  for (const auto& each : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(each.path(), std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(file), {}};
    SCOPED_TRACE(each.path().string());
    run(input);
    ++count;
  }
  return count;
}

TEST(FuzzReplay, Marshal) {
  EXPECT_GT(replay("fuzz_marshal", [](const std::string& input) { fuzz_marshal(input); }), 10U);
}

TEST(FuzzReplay, Callgrind) {
  EXPECT_GT(replay("fuzz_callgrind", [](const std::string& input) { fuzz_callgrind(input); }), 10U);
}

TEST(FuzzReplay, CaptureGivesTheSameAtAnyChunking) {
  const auto run = [](const std::string& input) {
    const std::string whole = fuzz_capture(input, SIZE_MAX);
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 65536U}) {
      EXPECT_EQ(fuzz_capture(input, piece), whole);
    }
  };
  EXPECT_GT(replay("fuzz_capture", run), 10U);
}

TEST(FuzzReplay, Cprof2callgrindGivesTheSameAtAnyChunking) {
  const auto run = [](const std::string& input) {
    const std::string whole = fuzz_cprof2callgrind(input, SIZE_MAX);
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 65536U}) {
      EXPECT_EQ(fuzz_cprof2callgrind(input, piece), whole);
    }
  };
  EXPECT_GT(replay("fuzz_cprof2callgrind", run), 10U);
}

TEST(FuzzReplay, CprofcallsGivesTheSameAtAnyChunking) {
  const auto run = [](const std::string& input) {
    const std::string whole = fuzz_cprofcalls(input, SIZE_MAX);
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 65536U}) {
      EXPECT_EQ(fuzz_cprofcalls(input, piece), whole);
    }
  };
  EXPECT_GT(replay("fuzz_cprofcalls", run), 10U);
}

TEST(FuzzReplay, PcapflowsGivesTheSameAtAnyChunking) {
  const auto run = [](const std::string& input) {
    const std::string whole = fuzz_pcapflows(input, SIZE_MAX);
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 65536U}) {
      EXPECT_EQ(fuzz_pcapflows(input, piece), whole);
    }
  };
  EXPECT_GT(replay("fuzz_pcapflows", run), 10U);
}

TEST(FuzzReplay, Service) {
  EXPECT_GT(replay("fuzz_service", [](const std::string& input) { fuzz_service(input); }), 10U);
}

TEST(FuzzReplay, RecordStreamGivesTheSameAtAnyChunking) {
  const auto run = [](const std::string& input) {
    const std::string whole = fuzz_record_stream(input, SIZE_MAX);
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 65536U}) {
      EXPECT_EQ(fuzz_record_stream(input, piece), whole);
    }
  };
  EXPECT_GT(replay("fuzz_record_stream", run), 10U);
}

TEST(FuzzReplay, Descriptors) {
  EXPECT_GT(
      replay("fuzz_descriptors", [](const std::string& input) { (void)fuzz_descriptors(input); }),
      10U);
}

TEST(FuzzReplay, StraceLine) {
  EXPECT_GT(replay("fuzz_strace_line", [](const std::string& input) { fuzz_strace_line(input); }),
            10U);
}

TEST(FuzzReplay, StracecallsGivesTheSameAtAnyChunking) {
  const auto run = [](const std::string& input) {
    const std::string whole = fuzz_stracecalls(input, SIZE_MAX);
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 65536U}) {
      EXPECT_EQ(fuzz_stracecalls(input, piece), whole);
    }
  };
  EXPECT_GT(replay("fuzz_stracecalls", run), 10U);
}

TEST(FuzzReplay, Analyzers) {
  EXPECT_GT(replay("fuzz_analyzers", [](const std::string& input) { fuzz_analyzers(input); }), 20U);
}

}  // namespace
}  // namespace tracebraid::tests
