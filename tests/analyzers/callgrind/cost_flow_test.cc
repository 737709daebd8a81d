#include "analyzers/callgrind/cost_flow.h"

#include <array>
#include <cstdint>

#include <gtest/gtest.h>

namespace tracebraid::analyzers {
namespace {

constexpr std::uint32_t kOutside = CostFlow::kOutside;
// The first cost is a number of things, the second is none.
constexpr std::array<bool, CostFlow::kMostCosts> kCounted = {true};

CostFlow::Amounts amounts(double things, double time) {
  return {things, time};
}

struct Weights {
  std::uint64_t ns_a, calls_a, ns_b, calls_b;
};
struct Shares {
  double things_a, time_a;  // of 4 things and 100 of time
};

// Of one function that two call: times are shared by time, things by calls, where they are about as
// many as calls; where one kind of weights is missing, the other stands for it.
TEST(CostFlow, SharesTimesByTimeAndThingsByCalls) {
  struct Row {
    Weights weights;
    double things;
    Shares shares;
  };
  for (const Row& row : {Row{{30, 1, 10, 3}, 4, {1, 75}}, Row{{30, 1, 10, 3}, 8, {2, 75}},
                         Row{{30, 1, 10, 3}, 9, {6.75, 75}}, Row{{0, 1, 0, 3}, 4, {1, 25}},
                         Row{{30, 0, 10, 0}, 4, {3, 75}}, Row{{0, 0, 0, 0}, 4, {2, 50}},
                         Row{{30, 1, 10, 3}, 0, {0, 75}}}) {
    CostFlow flow(1, kCounted);
    flow.add_call(0, kOutside, row.weights.ns_a, row.weights.calls_a);
    flow.add_call(0, kOutside, row.weights.ns_b, row.weights.calls_b);
    flow.add_costs(0, amounts(row.things, 100));
    flow.solve();
    const bool leads_out = row.weights.ns_a + row.weights.calls_a > 0;
    EXPECT_DOUBLE_EQ(flow.through(0)[0], leads_out ? row.shares.things_a : 2.0) << row.things;
    EXPECT_DOUBLE_EQ(flow.through(0)[1], row.shares.time_a);
    EXPECT_DOUBLE_EQ(flow.through(0)[0] + flow.through(1)[0], row.things);
    EXPECT_DOUBLE_EQ(flow.through(0)[1] + flow.through(1)[1], 100);
  }
}

// What goes round for long arrives outside, to the last bit.
TEST(CostFlow, LosesNothingInACircle) {
  for (const std::uint64_t out : {1'000U, 100'000U}) {
    CostFlow flow(2, kCounted);
    flow.add_call(0, 1, 1'000'000, 1'000'000);
    flow.add_call(0, kOutside, out, out);
    flow.add_call(1, 0, 7, 7);
    constexpr double kWhole = 1e12;
    flow.add_costs(0, amounts(0, kWhole));
    flow.solve();
    EXPECT_NEAR(flow.through(1)[1], kWhole, 1) << out;
  }
}

TEST(CostFlow, KeepsWhatNothingLeadsOutOf) {
  CostFlow flow(2, kCounted);
  flow.add_call(0, 1, 5, 5);
  flow.add_call(1, 0, 5, 5);
  flow.add_costs(0, amounts(0, 100));
  flow.solve();
  EXPECT_EQ(flow.through(0)[1], 0);
  EXPECT_EQ(flow.through(1)[1], 0);
}

}  // namespace
}  // namespace tracebraid::analyzers
