#include "analyzers/python/calls.h"

#include <algorithm>

#include "analyzers/python/builtins.h"

namespace tracebraid::analyzers {
namespace {

// The last two parts of a path tell a file as people call it.
std::string_view tail(std::string_view path) {
  std::size_t at = path.rfind('/');
  if (at != std::string_view::npos && at > 0) at = path.rfind('/', at - 1);
  return at == std::string_view::npos ? path : path.substr(at + 1);
}

// About as often: other calls of a few came before and after.
bool is_about(std::uint64_t calls, std::uint64_t count) {
  constexpr std::uint64_t kTenth = 10;
  const std::uint64_t slack = count / kTenth + 2;
  return calls + slack >= count && calls <= count + slack;
}

}  // namespace

void PythonCalls::add(const formats::record::Function& function) {
  if (!function.calls) return;
  functions_[{std::string(function.file), std::string(function.name), function.line}] +=
      *function.calls;
  if (function.name.find("greenlet") != std::string_view::npos) has_greenlets_ = true;
}

void PythonCalls::add(const formats::record::Call& call) {
  if (!call.calls || *call.calls == 0) return;
  const auto from = functions_
                        .try_emplace(Key{std::string(call.caller_file),
                                         std::string(call.caller_name), call.caller_line},
                                     0)
                        .first;
  callers_[{std::string(call.callee_file), std::string(call.callee_name), call.callee_line}]
      .push_back({&from->first, *call.calls});
}

std::string PythonCalls::callers(std::string_view syscall, std::uint64_t count) const {
  constexpr std::uint64_t kFew = 10;
  if (count < kFew) return {};
  const Key* at = nullptr;
  for (const auto& [key, calls] : functions_) {
    if (is_about(calls, count) && usually_issues(key.name, syscall)) at = &key;
  }
  if (at == nullptr) return {};
  std::string text;
  constexpr int kMost = 4;
  for (int depth = 0; depth < kMost; ++depth) {
    const auto callers = callers_.find(*at);
    if (callers == callers_.end()) break;
    const Key* next = nullptr;
    for (const Caller& caller : callers->second) {
      if (is_about(caller.calls, count)) next = caller.from;
    }
    if (next == nullptr || next == at) break;
    // Greenlets make cProfile take the one that ran before for the caller: only a function that was
    // itself called so often is sure to be in the chain.
    const auto calls = functions_.find(*next);
    const bool is_often = calls != functions_.end() && is_about(calls->second, count);
    if (!is_often && has_greenlets_) break;
    std::string shown =
        next->name + " (" + std::string(tail(next->file)) + ":" + std::to_string(next->line) + ")";
    text = text.empty() ? shown : shown + " → " + text;
    at = next;
    if (!is_often) break;  // the one with the loop
  }
  return text;
}

}  // namespace tracebraid::analyzers
