#include "analyzers/callgrind/cost_flow.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace tracebraid::analyzers {
namespace {

void add(CostFlow::Amounts& sum, const CostFlow::Amounts& more, double factor) {
  for (std::size_t at = 0; at < sum.size(); ++at) sum[at] += more[at] * factor;
}

double size_of(const CostFlow::Amounts& amounts) {
  return *std::ranges::max_element(amounts);
}

}  // namespace

void CostFlow::add_call(std::uint32_t callee, std::uint32_t caller, std::uint64_t ns,
                        std::uint64_t calls) {
  Member& member = members_[callee];
  if (member.end_call == 0) member.first_call = calls_.size();
  calls_.push_back({caller, static_cast<double>(ns), static_cast<double>(calls), {}});
  member.end_call = calls_.size();
}

void CostFlow::add_costs(std::uint32_t member, const Amounts& costs) {
  add(members_[member].waiting, costs, 1);
}

// Weights become shares; where there are none of one kind, the other stands for it.
void CostFlow::weigh(Member& member) {
  double ns = 0;
  double calls = 0;
  for (std::size_t at = member.first_call; at < member.end_call; ++at) {
    ns += calls_[at].by_time;
    calls += calls_[at].by_calls;
  }
  member.calls = calls;
  const auto count = static_cast<double>(member.end_call - member.first_call);
  for (std::size_t at = member.first_call; at < member.end_call; ++at) {
    Call& call = calls_[at];
    const double by_time = ns > 0      ? call.by_time / ns
                           : calls > 0 ? call.by_calls / calls
                                       : 1 / count;
    call.by_calls = calls > 0 ? call.by_calls / calls : by_time;
    call.by_time = by_time;
  }
}

void CostFlow::solve() {
  std::deque<std::uint32_t> queue;
  const auto enqueue = [&](std::uint32_t at) {
    if (!members_[at].is_queued) queue.push_back(at);
    members_[at].is_queued = true;
  };
  double whole = 0;
  for (Member& member : members_) {
    weigh(member);
    whole = std::max(whole, size_of(member.waiting));
  }
  const bool has_way_out = std::ranges::any_of(calls_, [](const Call& call) {
    return call.caller == kOutside && (call.by_time > 0 || call.by_calls > 0);
  });
  if (!has_way_out) return;
  for (std::uint32_t at = 0; at < members_.size(); ++at) {
    if (size_of(members_[at].waiting) > 0) enqueue(at);
  }
  // Less than this moves no rounded number.
  constexpr double kFine = 1e-9;
  std::uint64_t steps = 0;
  while (!queue.empty() && steps < kMostSteps) {
    Member& member = members_[queue.front()];
    queue.pop_front();
    member.is_queued = false;
    // Of what moves, what goes by time, and what goes by calls.
    Amounts timed = member.waiting;
    Amounts counted{};
    member.waiting.fill(0);
    member.passed += timed[0];
    if (goes_by_calls(member.passed, member.calls)) {
      for (std::size_t at = 0; at < timed.size(); ++at) {
        if (counted_[at]) counted[at] = std::exchange(timed[at], 0);
      }
    }
    steps += member.end_call - member.first_call;
    for (std::size_t at = member.first_call; at < member.end_call; ++at) {
      Call& call = calls_[at];
      add(call.through, timed, call.by_time);
      add(call.through, counted, call.by_calls);
      if (call.caller == kOutside) continue;
      Member& caller = members_[call.caller];
      add(caller.waiting, timed, call.by_time);
      add(caller.waiting, counted, call.by_calls);
      if (size_of(caller.waiting) > whole * kFine) enqueue(call.caller);
    }
  }
  send_rest_out();
}

void CostFlow::send_rest_out() {
  Amounts rest{};
  for (Member& member : members_) add(rest, member.waiting, 1);
  double out = 0;
  for (const Call& call : calls_) {
    if (call.caller == kOutside) out += call.by_time;
  }
  if (out <= 0) return;
  for (Call& call : calls_) {
    if (call.caller == kOutside) add(call.through, rest, call.by_time / out);
  }
}

}  // namespace tracebraid::analyzers
