#include "analyzers/diff/callgrind.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <range/v3/view/enumerate.hpp>

#include "analyzers/diff/numbers.h"
#include "analyzers/diff/run_functions.h"
#include "formats/callgrind/outside_calls.h"
#include "formats/callgrind/python_names.h"
#include "formats/callgrind/writer.h"
#include "formats/io/hash.h"
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
  [[nodiscard]] std::uint32_t line(Number function) const { return lines_[function]; }

  void place_all(callgrind::Writer& writer) {
    const FunctionMatch& functions = collector_.functions();
    std::unordered_map<TextNumber, std::uint32_t> numbers;
    struct Place {
      std::uint64_t file_and_line;
      TextNumber name;
      Number function;
      auto operator<=>(const Place&) const = default;
    };
    std::vector<Place> places;
    for (Number function = 0; function < root_; ++function) {
      const auto line = functions.line(function, kB);
      lines_.push_back(line ? *line : functions.line(function, kA).value_or(0));
      const auto b = functions.path(function, kB);
      const TextNumber path = b ? *b : functions.path(function, kA).value_or(0);
      const auto [known, is_new] = numbers.try_emplace(path, 0);
      if (is_new) known->second = add_file(collector_.texts().text(path));
      file_of_.push_back(known->second);
      writer.place(function, known->second, lines_.back(), files_[known->second].object);
      places.push_back({std::uint64_t{known->second} << 32U | lines_.back(),
                        functions.name(function), function});
    }
    const std::uint32_t outside = add_file(callgrind::kRootFile);
    file_of_.push_back(outside);
    lines_.push_back(0);
    writer.place(root_, outside, 0, files_[outside].object);
    // One side's function can stand where another one of its name has moved to.
    std::ranges::sort(places);
    for (std::size_t at = 1; at < places.size(); ++at) {
      if (places[at].file_and_line != places[at - 1].file_and_line ||
          places[at].name != places[at - 1].name) {
        continue;
      }
      const auto before = serials_.find(places[at - 1].function);
      serials_[places[at].function] = before == serials_.end() ? 2 : before->second + 1;
    }
  }

  void append_function(callgrind::FunctionNumber function, std::string& out) override {
    const File& file = files_[file_of_[function]];
    const std::string_view name =
        function == root_ ? callgrind::kRootName : name_of(collector_, kFunction, function + 1);
    names_.append_function(out, name, file.place, static_cast<std::int32_t>(line(function)));
    if (const auto serial = serials_.find(function); serial != serials_.end()) {
      out.append(" #").append(std::to_string(serial->second));
    }
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

  std::uint32_t add_file(std::string_view path) {
    const std::string_view group =
        path == callgrind::kRootFile ? path : callgrind::package_of(path);
    const auto [object, is_new] =
        object_numbers_.try_emplace(group, static_cast<callgrind::ObjectNumber>(objects_.size()));
    if (is_new) objects_.push_back(group);
    files_.push_back({path, names_.take_place(path), object->second});
    return static_cast<std::uint32_t>(files_.size() - 1);
  }

  const Collector& collector_;
  Number root_;
  callgrind::PythonNames names_;
  std::vector<File> files_;
  std::vector<std::uint32_t> file_of_, lines_;  // by function
  std::vector<std::string_view> objects_;
  std::unordered_map<std::string_view, callgrind::ObjectNumber, formats::io::TextHash>
      object_numbers_;
  std::unordered_map<Number, std::uint32_t> serials_;  // where names would be equal
};

// Puts the calls of one function in order of its callers, each once, and `(root)` for what came
// from outside. Calls that a profiler did not time get their share of the function's time by
// number, as cprof2callgrind does it; recursive ones none, for theirs is inside the outer call.
void complete(std::span<const CallSum> calls, const FunctionSum& function, Number callee,
              Number root, std::vector<CallSum>& completed) {
  completed.clear();
  callgrind::CallsOfFunction all{.calls = function.calls,
                                 .primitive_calls = function.primitive_calls,
                                 .inclusive_ns = function.inclusive_ns};
  bool are_timed = true;
  for (const CallSum& call : calls) {
    all.callers_calls = saturated_sum(all.callers_calls, call.calls);
    are_timed = are_timed && call.inclusive_ns != CallSum::kUntimed;
    if (call.caller == callee) continue;
    all.outer_calls = saturated_sum(all.outer_calls, call.calls);
    all.outer_ns = saturated_sum(all.outer_ns, call.inclusive_ns);
  }
  callgrind::OutsideCalls outside = callgrind::outside_calls(all);
  const std::uint64_t weights = saturated_sum(all.outer_calls, outside.calls);
  std::uint64_t weights_before = 0;
  std::uint64_t ns_before = 0;
  const auto next_share = [&](std::uint64_t count) -> std::uint64_t {
    if (weights == 0) return 0;
    weights_before = std::min(saturated_sum(weights_before, count), weights);
    const std::uint64_t ns = callgrind::share(function.inclusive_ns, weights_before, weights);
    return ns - std::exchange(ns_before, ns);
  };
  for (CallSum call : calls) {
    if (call.caller == callee) {
      call.inclusive_ns = 0;
    } else if (!are_timed) {
      call.inclusive_ns = next_share(call.calls);
    }
    completed.push_back(call);
  }
  if (!are_timed) outside.inclusive_ns = next_share(outside.calls);
  std::ranges::sort(completed, {}, &CallSum::caller);
  std::size_t end = 0;
  for (std::size_t at = 0; at < completed.size(); ++at) {
    const CallSum call = completed[at];
    if (end > 0 && completed[end - 1].caller == call.caller) {
      completed[end - 1].calls = saturated_sum(completed[end - 1].calls, call.calls);
      completed[end - 1].inclusive_ns =
          saturated_sum(completed[end - 1].inclusive_ns, call.inclusive_ns);
    } else if (call.calls > 0 || call.inclusive_ns > 0) {
      completed[end++] = call;
    }
  }
  completed.resize(end);
  if (outside.calls > 0) {
    completed.push_back({root, callee, outside.calls, outside.inclusive_ns});
  }
}

// The costs of a run.
struct Column {
  std::string name;  // "A", of several runs "A2"
  const Run* run;
};

std::vector<Column> columns_of(const std::vector<Run>& a, const std::vector<Run>& b) {
  std::vector<Column> columns;
  for (const auto& [side, runs] : {std::pair("A", &a), std::pair("B", &b)}) {
    for (const auto& [at, run] : ranges::views::enumerate(*runs)) {
      columns.push_back({runs->size() > 1 ? fmt::format("{}{}", side, at + 1) : side, &run});
    }
  }
  return columns;
}

callgrind::Header header_of(const std::vector<Column>& columns, const std::string& creator) {
  callgrind::Header header;
  header.creator = creator;
  for (const Column& column : columns) {
    std::string line = column.name + ": ";
    callgrind::append_name(line, column.run->name);
    header.descriptions.push_back(std::move(line));
  }
  header.descriptions.emplace_back("calls= are those of all runs together");
  for (const auto& [name, run] : columns) header.events.push_back({name, "ns in " + name, ""});
  for (const auto& [name, run] : columns) {
    header.events.push_back({"Calls" + name, "Calls in " + name, ""});
  }
  return header;
}

// Writes functions in order of their numbers, with the costs of all runs beside each other: first
// every run's time, then its number of calls.
class Costs {
 public:
  Costs(std::vector<RunProfile>& profiles, const Nodes& nodes, callgrind::Writer& writer)
      : nodes_(nodes), writer_(writer), costs_(2 * profiles.size()) {
    for (RunProfile& profile : profiles) runs_.push_back({&profile, 0, {}, 0});
  }

  void write(Number function) {
    std::ranges::fill(costs_, 0);
    for (std::size_t at = 0; at < runs_.size(); ++at) find(function, at);
    writer_.self(function, nodes_.line(function), costs_[0], rest());
    while (write_caller(function)) {
    }
  }

 private:
  struct OfRun {
    RunProfile* profile;
    std::size_t begin;           // of the function's calls
    std::vector<CallSum> calls;  // to the function, by caller
    std::size_t next;            // of them
  };

  [[nodiscard]] std::span<const std::uint64_t> rest() const { return std::span(costs_).subspan(1); }

  // The costs and the calls of the function in a run.
  void find(Number function, std::size_t at) {
    OfRun& run = runs_[at];
    FunctionSum sum;
    if (function < run.profile->functions.size()) sum = run.profile->functions[function];
    costs_[at] = sum.self_ns;
    costs_[runs_.size() + at] = sum.calls;
    const std::vector<CallSum>& all = run.profile->calls;
    std::size_t end = run.begin;
    while (end < all.size() && all[end].callee == function) ++end;
    complete(std::span(all).subspan(run.begin, end - run.begin), sum, function, nodes_.root(),
             run.calls);
    run.begin = end;
    run.next = 0;
  }

  // The next caller's calls in all runs; false when there is none.
  bool write_caller(Number function) {
    Number caller = nodes_.root() + 1;
    for (const OfRun& run : runs_) {
      if (run.next < run.calls.size()) caller = std::min(caller, run.calls[run.next].caller);
    }
    if (caller > nodes_.root()) return false;
    std::ranges::fill(costs_, 0);
    std::uint64_t count = 0;
    for (std::size_t at = 0; at < runs_.size(); ++at) {
      OfRun& run = runs_[at];
      if (run.next == run.calls.size() || run.calls[run.next].caller != caller) continue;
      const CallSum& own = run.calls[run.next++];
      costs_[at] = own.inclusive_ns;
      costs_[runs_.size() + at] = own.calls;
      count = saturated_sum(count, own.calls);
    }
    // callgrind_annotate would take a cost behind calls=0 for the caller's own.
    writer_.call(caller, nodes_.line(caller), function, nodes_.line(function),
                 std::max<std::uint64_t>(count, 1), costs_[0], rest());
    return true;
  }

  const Nodes& nodes_;
  callgrind::Writer& writer_;
  std::vector<OfRun> runs_;
  std::vector<std::uint64_t> costs_;
};

}  // namespace

void write_callgrind(Collector& collector, const std::vector<Run>& a, const std::vector<Run>& b,
                     const std::string& creator, formats::io::Output& output) {
  formats::io::BlockWriter block(output);
  Nodes nodes(collector);
  callgrind::Writer writer(block, nodes);
  writer.write_header(header_of(columns_of(a, b), creator));
  nodes.place_all(writer);
  Costs costs(collector.profiles(), nodes, writer);
  for (Number function = 0; function < nodes.root(); ++function) costs.write(function);
  (void)writer.finish();
  block.flush();
}

}  // namespace tracebraid::analyzers::diff
