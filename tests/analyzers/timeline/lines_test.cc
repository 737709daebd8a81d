#include "analyzers/timeline/lines.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace tracebraid::analyzers::timeline {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kMorning = 1795417770 * kSecond;  // 07:09:30 UTC

struct Shown {
  std::string text;
  std::unique_ptr<formats::io::Output> output = formats::io::memory_output(text);
};

TEST(Lines, HaveTimesTheirDistanceWhoAndWhat) {
  Shown shown;
  Lines lines(*shown.output, true, 0);
  lines.show_times();
  lines.add(kMorning, 1, "7", "close(3) = 0");
  lines.add(kMorning + 1'500, 2, "7/12345678901", "close(4) = 0");
  lines.finish();
  EXPECT_EQ(shown.text,
            "07:09:30.000000               7             close(3) = 0\n"
            "07:09:30.000001    +0.000002  7/12345678901  close(4) = 0\n");
  EXPECT_EQ(lines.shown(), 2U);
}

TEST(Lines, WithoutTimesHaveNone) {
  Shown shown;
  Lines lines(*shown.output, true, 0);
  lines.add(0, 1, "7", "close(3) = 0");
  lines.finish();
  EXPECT_EQ(shown.text, "  7             close(3) = 0\n");
}

TEST(Lines, FoldWhatRepeats) {
  Shown shown;
  Lines lines(*shown.output, true, 0);
  lines.show_times();
  for (int round = 0; round < 1003; ++round) {
    lines.add(kMorning + round * kSecond, 1, "7", "accept4(3) = EAGAIN");
  }
  lines.add(kMorning + 1003 * kSecond, 2, "7", "close(3) = 0");
  lines.finish();
  // 1001 lines from the third on: 1000 seconds from the first to the last of them.
  EXPECT_EQ(shown.text,
            "07:09:30.000000               7             accept4(3) = EAGAIN\n"
            "07:09:31.000000    +1.000000  7             accept4(3) = EAGAIN\n"
            "                                            … 1,001 more in 1000.000000 s (1/s)\n"
            "07:26:13.000000    +1.000000  7             close(3) = 0\n");
  EXPECT_EQ(lines.shown(), 3U);
  EXPECT_EQ(lines.folded(), 1001U);
}

TEST(Lines, FoldNothingWhereAllAreAskedFor) {
  Shown shown;
  Lines lines(*shown.output, false, 0);
  for (int round = 0; round < 5; ++round) lines.add(0, 1, "7", "close(3) = 0");
  lines.finish();
  EXPECT_EQ(lines.shown(), 5U);
  EXPECT_EQ(lines.folded(), 0U);
}

TEST(Lines, AreCutToTheTerminalByCharacters) {
  Shown shown;
  Lines lines(*shown.output, true, 24);
  lines.add(0, 1, "wire", "::1:1→::1:2 begins");
  lines.add(0, 2, "wire", "12345678");
  lines.finish();
  EXPECT_EQ(shown.text,
            "  wire          ::1:1→:…\n"
            "  wire          12345678\n");
}

}  // namespace
}  // namespace tracebraid::analyzers::timeline
