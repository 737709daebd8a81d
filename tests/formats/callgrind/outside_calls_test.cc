#include "formats/callgrind/outside_calls.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace tracebraid::formats::callgrind {
namespace {

TEST(Share, IsRoundedToTheNearest) {
  EXPECT_EQ(share(10, 1, 3), 3U);
  EXPECT_EQ(share(10, 2, 3), 7U);
  EXPECT_EQ(share(1, 1, 2), 1U);
  EXPECT_EQ(share(UINT64_MAX, 1, 1), UINT64_MAX);
}

// What nobody in the profile called: how often, how long, and whether that is a guess.
TEST(OutsideCalls, AreWhatTheCallersLeave) {
  struct Row {
    const char* what;
    CallsOfFunction function;
    std::uint64_t calls, ns;
    bool is_estimated;
  };
  for (const Row& row :
       {Row{"all are the callers'", {5, 5, 100, 5, 5, 100}, 0, 0, false},
        Row{"more than all", {5, 5, 100, 7, 7, 100}, 0, 0, false},
        Row{"nobody's", {5, 5, 100, 0, 0, 0}, 5, 100, false},
        // None of the others is within another.
        Row{"the rest", {5, 5, 100, 3, 3, 60}, 2, 40, false},
        // Of five calls two are outermost: those from outside, and all others were within them.
        Row{"recursive", {5, 2, 100, 3, 3, 60}, 2, 100, false},
        Row{"recursive and fewer", {5, 1, 100, 3, 3, 60}, 2, 100, false},
        Row{"calls itself", {5, 2, 100, 3, 0, 0}, 2, 100, false},
        // Three outermost, two of which came from outside: one of the callers' three is not inside.
        Row{"some", {5, 3, 100, 3, 3, 60}, 2, 80, true},
        Row{"less than the callers took", {5, 5, 100, 3, 3, 160}, 2, 0, false}}) {
    const OutsideCalls outside = outside_calls(row.function);
    EXPECT_EQ(outside.calls, row.calls) << row.what;
    EXPECT_EQ(outside.inclusive_ns, row.ns) << row.what;
    EXPECT_EQ(outside.is_estimated, row.is_estimated) << row.what;
  }
}

}  // namespace
}  // namespace tracebraid::formats::callgrind
