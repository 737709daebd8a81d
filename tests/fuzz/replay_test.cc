// The inputs that fuzzing found worth keeping, as ordinary tests.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "formats/strace/line.h"
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

TEST(FuzzReplay, MarshalGivesTheSameAtAnyChunking) {
  bool is_any_read = false;
  const auto run = [&](const std::string& input) {
    const std::string whole = fuzz_marshal(input, SIZE_MAX);
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 65536U}) {
      EXPECT_EQ(fuzz_marshal(input, piece), whole);
    }
    is_any_read |= whole.starts_with(std::to_string(input.size()) + " ");
  };
  EXPECT_GT(replay("fuzz_marshal", run), 10U);
  EXPECT_TRUE(is_any_read) << "none of them is one whole object";
}

// No cost is lost, which the target looks after; and there is some.
TEST(FuzzReplay, CallgrindGivesTheSameEachTime) {
  bool has_cost = false;
  const auto run = [&](const std::string& input) {
    const std::string profile = fuzz_callgrind(input);
    EXPECT_EQ(fuzz_callgrind(input), profile);
    const std::size_t totals = profile.rfind("\ntotals: ");
    ASSERT_NE(totals, std::string::npos);
    has_cost |= profile.find_first_of("123456789", totals) != std::string::npos;
  };
  EXPECT_GT(replay("fuzz_callgrind", run), 10U);
  EXPECT_TRUE(has_cost);
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

// What must hold of each is looked at in the target; here, that they reach what they are for.
TEST(FuzzReplay, ServicesOfEveryKindAreFound) {
  std::set<std::string> names;
  EXPECT_GT(
      replay("fuzz_service", [&](const std::string& input) { names.insert(fuzz_service(input)); }),
      10U);
  for (const char* const name : {"http", "ssl", "dns", "ssh", "postgresql", "mysql", "redis",
                                 "amqp", "memcached", "quic", "ntp", "smtp", "ftp", "mqtt"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
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

TEST(FuzzReplay, StraceLinesOfEveryKindAreFound) {
  using formats::strace::Body;
  std::set<int> bodies;
  EXPECT_GT(replay("fuzz_strace_line",
                   [&](const std::string& input) { bodies.insert(fuzz_strace_line(input)); }),
            10U);
  for (const Body body : {Body::kCall, Body::kResumed, Body::kSignal, Body::kExit, Body::kMessage,
                          Body::kForeign, Body::kDamaged}) {
    EXPECT_TRUE(bodies.contains(static_cast<int>(body))) << static_cast<int>(body);
  }
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
