// How costs leave a circle of functions that call each other.
//
// A cost goes from a function to its callers, to each of them its share, again and again, until it
// is with callers outside of the circle: there all of it arrives. A call inside the circle has what
// passed through it; since costs go round, the sum over such calls is no total. (gprof takes a
// circle for one function and shares its costs among all that call into it: what Eventlet's
// accept() cost then was spread over some thousand functions, as greenlets make one circle of half
// of a program.)
//
// What is still on its way after kMostSteps steps through calls is shared out by time, as gprof
// does. Memory: the calls, and two numbers for each function and cost.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tracebraid::analyzers {

class CostFlow {
 public:
  static constexpr std::size_t kMostCosts = 8;
  static constexpr std::uint32_t kOutside = UINT32_MAX;  // a caller that is not in the circle
  static constexpr std::uint64_t kMostSteps = 30'000'000;
  using Amounts = std::array<double, kMostCosts>;

  // Whether numbers of things are shared by numbers of calls, when a function that was called
  // `calls` times made `things`, of which the first cost is the number.
  [[nodiscard]] static bool goes_by_calls(double things, double calls) {
    constexpr double kMostEach = 2;
    return things > 0 && things <= kMostEach * calls;
  }

  // `members` functions, each of which some have called; costs that are `counted` are numbers.
  CostFlow(std::size_t members, const std::array<bool, kMostCosts>& counted)
      : members_(members), counted_(counted) {}

  // Calls into a member by another one, or from outside; callee by callee.
  void add_call(std::uint32_t callee, std::uint32_t caller, std::uint64_t ns, std::uint64_t calls);
  void add_costs(std::uint32_t member, const Amounts& costs);

  // Once, when all is added. A circle that nothing leads out of keeps its costs.
  void solve();
  // What went through the call, in order of add_call().
  [[nodiscard]] const Amounts& through(std::size_t call) const { return calls_[call].through; }

 private:
  struct Call {
    std::uint32_t caller;
    double by_time, by_calls;  // shares of the callee's costs; weights, until solve()
    Amounts through{};
  };
  struct Member {
    std::size_t first_call = 0, end_call = 0;
    double calls = 0;
    double passed = 0;  // of the first cost
    Amounts waiting{};
    bool is_queued = false;
  };

  void weigh(Member& member);
  void send_rest_out();

  std::vector<Member> members_;
  std::vector<Call> calls_;
  std::array<bool, kMostCosts> counted_;
};

}  // namespace tracebraid::analyzers
