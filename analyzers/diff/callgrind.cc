#include "analyzers/diff/callgrind.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "formats/callgrind/outside_calls.h"
#include "formats/callgrind/python_names.h"
#include "formats/callgrind/writer.h"
#include "formats/io/text.h"

namespace tracebraid::analyzers::diff {
namespace {

namespace callgrind = formats::callgrind;
using Number = FunctionMatch::Number;

// The functions of all runs where the writer wants them; the last one is `(root)`.
class Nodes final : public callgrind::Names {
 public:
  explicit Nodes(const Collector& collector)
      : collector_(collector), root_(static_cast<Number>(collector.functions().size())) {}

  [[nodiscard]] Number root() const { return root_; }
  [[nodiscard]] std::uint32_t line(Number function) const {
    if (function == root_) return 0;
    const auto b = collector_.functions().line(function, kB);
    return b ? *b : collector_.functions().line(function, kA).value_or(0);
  }

  void place_all(callgrind::Writer& writer) {
    for (Number function = 0; function <= root_; ++function) {
      const std::string_view path =
          function == root_ ? callgrind::kRootFile : path_of(collector_, function + 1);
      const auto [file, is_new] =
          file_numbers_.try_emplace(path, static_cast<std::uint32_t>(files_.size()));
      if (is_new) files_.push_back({path, names_.take_place(path), object_of(path)});
      writer.place(function, file->second, line(function), files_[file->second].object);
      file_of_.push_back(file->second);
    }
  }

  void append_function(callgrind::FunctionNumber function, std::string& out) override {
    const File& file = files_[file_of_[function]];
    const std::string_view name =
        function == root_ ? callgrind::kRootName : name_of(collector_, kFunction, function + 1);
    const std::uint32_t line = this->line(function);
    names_.append_function(out, name, file.place, static_cast<std::int32_t>(line));
    // One side's function can stand where another one of its name has moved to.
    const std::uint32_t count = ++taken_[out];
    if (count > 1) out.append(" #").append(std::to_string(count));
  }
  void append_file(callgrind::FileNumber file, std::string& out) override {
    const std::string_view path = files_[file].path;
    callgrind::append_name(out, path.empty() ? std::string_view("~") : path);
  }
  void append_object(callgrind::ObjectNumber object, std::string& out) override {
    callgrind::append_name(out, objects_[object]);
  }

 private:
  struct File {
    std::string_view path;
    std::string place;
    callgrind::ObjectNumber object;
  };

  callgrind::ObjectNumber object_of(std::string_view path) {
    const std::string_view group =
        path == callgrind::kRootFile ? path : callgrind::package_of(path);
    const auto found = std::ranges::find(objects_, group);
    if (found != objects_.end()) {
      return static_cast<callgrind::ObjectNumber>(found - objects_.begin());
    }
    objects_.push_back(group);
    return static_cast<callgrind::ObjectNumber>(objects_.size() - 1);
  }

  const Collector& collector_;
  Number root_;
  callgrind::PythonNames names_;
  std::vector<File> files_;
  std::unordered_map<std::string_view, std::uint32_t> file_numbers_;
  std::vector<std::uint32_t> file_of_;
  std::vector<std::string_view> objects_;
  std::unordered_map<std::string, std::uint32_t> taken_;
};

std::uint64_t sum(std::uint64_t left, std::uint64_t right) {
  std::uint64_t result = 0;
  return __builtin_add_overflow(left, right, &result) ? UINT64_MAX : result;
}

// Calls of one function, from all its callers. Those that a profiler did not time get their share
// of the function's time by number, as cprof2callgrind does it; recursive ones none, for theirs is
// inside the outer call; and `(root)` what is left.
void complete(std::span<CallSum> calls, const FunctionSum& function, Number root,
              std::vector<CallSum>& completed) {
  callgrind::CallsOfFunction all{.calls = function.calls,
                                 .primitive_calls = function.primitive_calls,
                                 .inclusive_ns = function.inclusive_ns};
  bool are_timed = true;
  for (const CallSum& call : calls) {
    all.callers_calls = sum(all.callers_calls, call.calls);
    are_timed = are_timed && call.has_time;
    if (call.caller == call.callee) continue;
    all.outer_calls = sum(all.outer_calls, call.calls);
    all.outer_ns = sum(all.outer_ns, call.inclusive_ns);
  }
  callgrind::OutsideCalls outside = callgrind::outside_calls(all);
  if (!are_timed) {
    const std::uint64_t weights = sum(all.outer_calls, outside.calls);
    std::uint64_t weights_before = 0;
    std::uint64_t ns_before = 0;
    const auto next_share = [&](std::uint64_t count) -> std::uint64_t {
      if (weights == 0) return 0;
      weights_before = std::min(sum(weights_before, count), weights);
      const std::uint64_t ns = callgrind::share(function.inclusive_ns, weights_before, weights);
      return ns - std::exchange(ns_before, ns);
    };
    for (CallSum& call : calls) {
      call.inclusive_ns = call.caller == call.callee ? 0 : next_share(call.calls);
    }
    outside.inclusive_ns = next_share(outside.calls);
  }
  for (CallSum& call : calls) {
    if (call.caller == call.callee) call.inclusive_ns = 0;
    if (call.calls > 0 || call.inclusive_ns > 0) completed.push_back(call);
  }
  if (outside.calls > 0) {
    completed.push_back({root, function.function, outside.calls, outside.inclusive_ns, true});
  }
}

// One run's calls, each caller and callee once, in order of the callees.
std::vector<CallSum> completed_calls(RunProfile& profile, Number root) {
  const auto ends = [](const CallSum& call) { return std::pair(call.callee, call.caller); };
  std::ranges::sort(profile.calls, {}, ends);
  std::vector<CallSum> calls;
  for (const CallSum& call : profile.calls) {
    if (calls.empty() || ends(calls.back()) != ends(call)) {
      calls.push_back(call);
      continue;
    }
    calls.back().calls = sum(calls.back().calls, call.calls);
    calls.back().inclusive_ns = sum(calls.back().inclusive_ns, call.inclusive_ns);
    calls.back().has_time = calls.back().has_time && call.has_time;
  }
  profile.calls = {};
  std::ranges::sort(profile.functions, {}, &FunctionSum::function);
  std::vector<CallSum> completed;
  completed.reserve(calls.size());
  std::size_t begin = 0;
  for (const FunctionSum& function : profile.functions) {
    std::size_t end = begin;
    while (end < calls.size() && calls[end].callee == function.function) ++end;
    complete(std::span(calls).subspan(begin, end - begin), function, root, completed);
    begin = end;
  }
  return completed;
}

}  // namespace

void write_callgrind(Collector& collector, const std::vector<Run>& a, const std::vector<Run>& b,
                     const std::string& creator, formats::io::Output& output) {
  formats::io::BlockWriter block(output);
  Nodes nodes(collector);
  callgrind::Writer writer(block, nodes);

  callgrind::Header header;
  header.creator = creator;
  std::vector<std::pair<std::string, const Run*>> columns;
  for (const auto* const side : {&a, &b}) {
    for (std::size_t at = 0; at < side->size(); ++at) {
      std::string name = side == &a ? "A" : "B";
      if (side->size() > 1) name += std::to_string(at + 1);
      columns.emplace_back(std::move(name), &(*side)[at]);
    }
  }
  for (const auto& [name, run] : columns) {
    std::string line = name + ": ";
    callgrind::append_name(line, run->name);
    header.descriptions.push_back(std::move(line));
  }
  header.descriptions.emplace_back("calls= are those of all runs together");
  for (const auto& [name, run] : columns) header.events.push_back({name, "ns in " + name, ""});
  for (const auto& [name, run] : columns) {
    header.events.push_back({"Calls" + name, "Calls in " + name, ""});
  }
  writer.write_header(header);
  nodes.place_all(writer);

  const std::size_t runs = columns.size();
  std::vector<RunProfile>& profiles = collector.profiles();
  std::vector<std::uint64_t> costs(2 * runs);
  // Self costs: by function, then run.
  std::vector<std::size_t> next(runs);
  std::vector<std::vector<CallSum>> calls;
  for (RunProfile& profile : profiles) calls.push_back(completed_calls(profile, nodes.root()));
  for (Number function = 0; function < nodes.root(); ++function) {
    std::ranges::fill(costs, 0);
    for (std::size_t run = 0; run < runs; ++run) {
      const std::vector<FunctionSum>& functions = profiles[run].functions;
      if (next[run] == functions.size() || functions[next[run]].function != function) continue;
      costs[run] = functions[next[run]].self_ns;
      costs[runs + run] = functions[next[run]].calls;
      ++next[run];
    }
    writer.self(function, nodes.line(function), costs[0], std::span(costs).subspan(1));
  }
  // Calls: of all runs together, in order of the callees.
  std::ranges::fill(next, 0);
  for (;;) {
    const CallSum* first = nullptr;
    const auto ends = [](const CallSum& call) { return std::pair(call.callee, call.caller); };
    for (std::size_t run = 0; run < runs; ++run) {
      if (next[run] == calls[run].size()) continue;
      const CallSum& call = calls[run][next[run]];
      if (first == nullptr || ends(call) < ends(*first)) first = &call;
    }
    if (first == nullptr) break;
    const CallSum call = *first;
    std::ranges::fill(costs, 0);
    std::uint64_t count = 0;
    for (std::size_t run = 0; run < runs; ++run) {
      if (next[run] == calls[run].size() || ends(calls[run][next[run]]) != ends(call)) continue;
      const CallSum& own = calls[run][next[run]++];
      costs[run] = own.inclusive_ns;
      costs[runs + run] = own.calls;
      count = sum(count, own.calls);
    }
    // callgrind_annotate would take a cost behind calls=0 for the caller's own.
    writer.call(call.caller, nodes.line(call.caller), call.callee, nodes.line(call.callee),
                std::max<std::uint64_t>(count, 1), costs[0], std::span(costs).subspan(1));
  }
  (void)writer.finish();
  block.flush();
}

}  // namespace tracebraid::analyzers::diff
