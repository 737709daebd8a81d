#include "converters/cprof/callgrind_conversion.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fnmatch.h>

#include "formats/callgrind/outside_calls.h"
#include "formats/callgrind/python_names.h"

namespace tracebraid::converters::cprof {
namespace {

namespace io = formats::io;
namespace callgrind = formats::callgrind;

using callgrind::kRootFile;
using callgrind::kRootName;

bool is_separator(char each) {
  return each == '/' || each == '\\';
}

std::uint64_t positive(std::int64_t count) {
  return count > 0 ? static_cast<std::uint64_t>(count) : 0;
}

}  // namespace

CallgrindConversion::CallgrindConversion(const ConversionOptions& options,
                                         formats::marshal::StringTable& strings,
                                         FunctionTable& functions, io::BlockWriter& out,
                                         io::Diagnostics& diagnostics)
    : options_(options),
      strings_(strings),
      functions_(functions),
      diagnostics_(diagnostics),
      writer_(out, *this) {}

CallgrindConversion::~CallgrindConversion() = default;

void CallgrindConversion::on_dump(DumpForm form) {
  if (!has_header_) write_header(form);
  // A sampled dump's functions have one key for every line that ran.
  if ((form == DumpForm::kSampled) != (form_ == DumpForm::kSampled)) mapping_.clear();
  form_ = form;
  is_mapped_ = form == DumpForm::kSampled || options_.strip_folders ||
               !options_.strip_prefixes.empty() || !options_.include.empty() ||
               !options_.exclude.empty();
}

void CallgrindConversion::write_header(DumpForm form) {
  callgrind::Header header;
  header.creator = options_.creator;
  header.command = options_.command;
  if (form == DumpForm::kCounted) {
    header.descriptions.emplace_back(
        "Estimated: the time of calls, shared out by their number (this dump has none of its own)");
  } else if (form == DumpForm::kSampled) {
    header.descriptions.emplace_back(
        "Estimated: all times, from samples; numbers of calls are numbers of samples");
  }
  if (!options_.include.empty() || !options_.exclude.empty()) {
    header.descriptions.emplace_back("Filtered: some functions are left out");
  }
  header.events = {{.name = "ns", .long_name = "Nanoseconds", .formula = {}}};
  writer_.write_header(header);
  has_header_ = true;
}

void CallgrindConversion::on_entry(const Entry& entry) {
  const FunctionId callee = shown(entry.function);
  if (callee == kHidden) {
    ++hidden_functions_;
    hidden_ns_ = saturated_sum(hidden_ns_, entry.self_ns);
    return;
  }
  writer_.self(callee, line_of(entry.function, callee), entry.self_ns);
  callers_.clear();
  bool all_timed = true;
  for (const Caller& caller : entry.callers) {
    callers_.push_back(shown(caller.function));
    all_timed = all_timed && caller.has_times;
  }
  if (form_ == DumpForm::kTimed && all_timed) {
    write_timed_calls(entry, callee);
  } else {
    write_counted_calls(entry, callee);
  }
}

void CallgrindConversion::write_timed_calls(const Entry& entry, FunctionId callee) {
  const std::uint32_t line = line_of(entry.function, callee);
  std::uint64_t calls = 0;        // of all callers
  std::uint64_t outer_calls = 0;  // of the others than the function itself
  std::uint64_t outer_ns = 0;
  std::uint64_t hidden_calls = 0;
  std::uint64_t hidden_ns = 0;
  for (std::size_t index = 0; index < callers_.size(); ++index) {
    const Caller& caller = entry.callers[index];
    const FunctionId from = callers_[index];
    const std::uint64_t count = positive(caller.calls);
    calls += count;
    if (from == callee) {
      write_call(from, line_of(caller.function, from), callee, line, caller.calls, 0);
      continue;
    }
    outer_calls += count;
    outer_ns = saturated_sum(outer_ns, caller.inclusive_ns);
    if (from == kHidden) {
      hidden_calls += count;
      hidden_ns = saturated_sum(hidden_ns, caller.inclusive_ns);
    } else {
      write_call(from, line_of(caller.function, from), callee, line, caller.calls,
                 caller.inclusive_ns);
    }
  }
  const std::uint64_t own_calls = positive(entry.calls);
  if (calls > own_calls && entry.calls >= 0) diagnostics_.count(kCallsBeyondOwn, {});

  const callgrind::OutsideCalls outside =
      callgrind::outside_calls({.calls = own_calls,
                                .primitive_calls = positive(entry.primitive_calls),
                                .inclusive_ns = entry.inclusive_ns,
                                .callers_calls = calls,
                                .outer_calls = outer_calls,
                                .outer_ns = outer_ns});
  if (outside.is_estimated) diagnostics_.count(kEstimatedRoot, {});
  const std::uint64_t root_calls = hidden_calls + outside.calls;
  const std::uint64_t root_ns = saturated_sum(hidden_ns, outside.inclusive_ns);
  write_root_call(callee, line, static_cast<std::int64_t>(root_calls), root_ns);
}

void CallgrindConversion::write_counted_calls(const Entry& entry, FunctionId callee) {
  const std::uint32_t line = line_of(entry.function, callee);
  std::uint64_t calls = 0;
  std::uint64_t outer_calls = 0;
  for (std::size_t index = 0; index < callers_.size(); ++index) {
    const std::uint64_t count = positive(entry.callers[index].calls);
    calls = saturated_sum(calls, count);
    if (callers_[index] != callee) outer_calls = saturated_sum(outer_calls, count);
  }
  const std::uint64_t own_calls = positive(entry.calls);
  const std::uint64_t outside = own_calls > calls ? own_calls - calls : 0;
  const std::uint64_t all = saturated_sum(outer_calls, outside);

  // Rounded so that the shares add up to the whole: what came before this caller is subtracted.
  std::uint64_t calls_before = 0;
  std::uint64_t ns_before = 0;
  const auto next_share = [&](std::uint64_t count) {
    if (all == 0) return std::uint64_t{0};
    calls_before = std::min(saturated_sum(calls_before, count), all);
    const std::uint64_t ns = callgrind::share(entry.inclusive_ns, calls_before, all);
    return ns - std::exchange(ns_before, ns);
  };
  std::uint64_t hidden_calls = 0;
  std::uint64_t hidden_ns = 0;
  for (std::size_t index = 0; index < callers_.size(); ++index) {
    const Caller& caller = entry.callers[index];
    const FunctionId from = callers_[index];
    const std::uint64_t ns = from == callee ? 0 : next_share(positive(caller.calls));
    if (from == kHidden) {
      hidden_calls = saturated_sum(hidden_calls, positive(caller.calls));
      hidden_ns += ns;
    } else {
      write_call(from, line_of(caller.function, from), callee, line, caller.calls, ns);
    }
  }
  const std::uint64_t outside_ns = next_share(outside);
  write_root_call(callee, line, static_cast<std::int64_t>(outside + hidden_calls),
                  outside_ns + hidden_ns);
}

void CallgrindConversion::write_call(FunctionId caller, std::uint32_t caller_line,
                                     FunctionId callee, std::uint32_t callee_line,
                                     std::int64_t calls, std::uint64_t cost) {
  std::uint64_t count = positive(calls);
  if (count == 0) {
    if (cost == 0) return;
    // callgrind_annotate would take the cost behind `calls=0` for the caller's own.
    if (calls == 0) diagnostics_.count(kNoFinishedCall, {});
    count = 1;
  }
  writer_.call(caller, caller_line, callee, callee_line, count, cost);
}

void CallgrindConversion::write_root_call(FunctionId callee, std::uint32_t callee_line,
                                          std::int64_t calls, std::uint64_t cost) {
  if (calls == 0 || !options_.root_edges) return;
  if (root_ == kHidden) {
    root_ = functions_.intern(
        {.file = strings_.intern(kRootFile), .name = strings_.intern(kRootName), .line = 0});
    if (!writer_.is_placed(root_)) place(root_);
  }
  write_call(root_, 0, callee, callee_line, calls, cost);
}

void CallgrindConversion::finish() {
  if (!has_header_) write_header(DumpForm::kTimed);
  // The root has no entry and is not missing one.
  const std::uint64_t missing = writer_.finish() - (root_ == kHidden ? 0 : 1);
  for (std::uint64_t count = 0; count < missing; ++count) diagnostics_.count(kMissingEntry, {});
  if (hidden_functions_ > 0) {
    diagnostics_.note(std::to_string(hidden_functions_) + " entries with " +
                      std::to_string(hidden_ns_) +
                      " ns of their own are left out by --include or --exclude");
  }
}

FunctionId CallgrindConversion::mapped(FunctionId function) {
  if (function >= mapping_.size()) mapping_.resize(function + std::size_t{1}, kUnmapped);
  if (mapping_[function] != kUnmapped) return mapping_[function];
  Function target = functions_[function];
  if (is_left_out(target)) {
    mapping_[function] = kHidden;
    return kHidden;
  }
  target.file = strings_.intern(stripped(strings_.text(target.file)));
  if (form_ == DumpForm::kSampled) target.line = callgrind::PythonNames::kAllLines;
  const FunctionId id = functions_.intern(target);
  mapping_[function] = id;
  if (!writer_.is_placed(id)) place(id);
  return id;
}

bool CallgrindConversion::is_left_out(const Function& function) const {
  const auto matching = [&](const std::string& pattern) { return matches(pattern, function); };
  const auto any = [&](const std::vector<std::string>& patterns) {
    return std::any_of(patterns.begin(), patterns.end(), matching);
  };
  return any(options_.exclude) || (!options_.include.empty() && !any(options_.include));
}

bool CallgrindConversion::matches(const std::string& pattern, const Function& function) const {
  constexpr std::string_view kFile = "file:";
  constexpr std::string_view kName = "name:";
  const auto fits = [&](StringId text, std::size_t skip) {
    return fnmatch(pattern.c_str() + skip, std::string(strings_.text(text)).c_str(),
                   FNM_NOESCAPE) == 0;
  };
  if (pattern.starts_with(kFile)) return fits(function.file, kFile.size());
  if (pattern.starts_with(kName)) return fits(function.name, kName.size());
  return fits(function.file, 0) || fits(function.name, 0);
}

std::string_view CallgrindConversion::stripped(std::string_view path) const {
  if (options_.strip_folders) return path.substr(path.find_last_of("/\\") + 1);
  std::size_t longest = 0;
  for (const std::string& prefix : options_.strip_prefixes) {
    if (!path.starts_with(prefix)) continue;
    std::size_t end = prefix.size();
    const bool at_part =
        is_separator(prefix.back()) || (end < path.size() && is_separator(path[end]));
    if (!at_part) continue;
    while (end < path.size() && is_separator(path[end])) ++end;
    if (end < path.size()) longest = std::max(longest, end);
  }
  return path.substr(longest);
}

void CallgrindConversion::place(FunctionId function) {
  const Function& placed = functions_[function];
  if (placed.file >= file_numbers_.size()) file_numbers_.resize(strings_.size());
  std::uint32_t& file_number = file_numbers_[placed.file];
  if (file_number == 0) {
    const std::string_view path = strings_.text(placed.file);
    const StringId package =
        path == kRootFile ? placed.file : strings_.intern(callgrind::package_of(path));
    const auto [object, is_new] =
        object_numbers_.try_emplace(package, static_cast<callgrind::ObjectNumber>(objects_.size()));
    if (is_new) objects_.push_back(package);
    files_.push_back({placed.file, object->second, names_.take_place(path)});
    file_number = static_cast<std::uint32_t>(files_.size());
  }
  writer_.place(function, file_number - 1, static_cast<std::uint32_t>(std::max(placed.line, 0)),
                files_[file_number - 1].object);
}

void CallgrindConversion::append_function(FunctionId function, std::string& out) {
  const Function& named = functions_[function];
  names_.append_function(out, strings_.text(named.name),
                         files_[file_numbers_[named.file] - 1].place, named.line);
}

void CallgrindConversion::append_file(callgrind::FileNumber file, std::string& out) {
  const std::string_view path = strings_.text(files_[file].path);
  callgrind::append_name(out, path.empty() ? std::string_view("~") : path);
}

void CallgrindConversion::append_object(callgrind::ObjectNumber object, std::string& out) {
  callgrind::append_name(out, strings_.text(objects_[object]));
}

}  // namespace tracebraid::converters::cprof
