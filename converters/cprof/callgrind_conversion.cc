#include "converters/cprof/callgrind_conversion.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string_view>
#include <utility>

#include <fnmatch.h>

#include "converters/cprof/names.h"

namespace tracebraid::converters::cprof {
namespace {

namespace io = formats::io;
namespace callgrind = formats::callgrind;
__extension__ using Uint128 = unsigned __int128;

constexpr std::string_view kRootName = "(root)";
constexpr std::string_view kRootFile = "(outside the profile)";

bool is_separator(char each) {
  return each == '/' || each == '\\';
}

std::uint64_t positive(std::int64_t count) {
  return count > 0 ? static_cast<std::uint64_t>(count) : 0;
}

struct NameLook {
  bool is_plain;         // is copied as it is, and no other name is shown as this text
  bool has_false_place;  // holds what looks like the beginning of a place
};

NameLook look_at(std::string_view name) {
  bool is_plain = !name.empty() && name.front() != ' ' && name.back() != ' ';
  bool has_false_place = false;
  char before = 0;
  for (const char each : name) {
    is_plain &= each >= ' ' && each <= '~' && each != '\\';
    has_false_place |= before == ' ' && each == '(';
    before = each;
  }
  return {is_plain, has_false_place};
}

// ` (shop/views.py`, which a line and a bracket complete.
std::string place_text(std::string_view path) {
  std::string text = " (";
  append_name(text, path);
  return text;
}

// whole * part / all, rounded to nearest; part <= all, all > 0.
std::uint64_t share(std::uint64_t whole, std::uint64_t part, std::uint64_t all) {
  return static_cast<std::uint64_t>((Uint128{whole} * part + all / 2) / all);
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
  header.event = "ns";
  header.event_long_name = "Nanoseconds";
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

  std::uint64_t root_calls = hidden_calls;
  std::uint64_t root_ns = hidden_ns;
  if (own_calls > calls) {
    const std::uint64_t outside = own_calls - calls;
    const std::uint64_t primitive = positive(entry.primitive_calls);
    const std::uint64_t rest = entry.inclusive_ns > outer_ns ? entry.inclusive_ns - outer_ns : 0;
    std::uint64_t outside_ns = rest;
    if (primitive <= outside) {
      // Whatever else called it did so within these calls.
      outside_ns = entry.inclusive_ns;
    } else if (primitive != outside + outer_calls) {
      // Some of the callers' calls were inside others. A guess: they all had the same share.
      const std::uint64_t inner =
          outer_calls == 0
              ? 0
              : share(outer_ns, std::min(primitive - outside, outer_calls), outer_calls);
      outside_ns = entry.inclusive_ns > inner ? entry.inclusive_ns - inner : 0;
      diagnostics_.count(kEstimatedRoot, {});
    }
    root_calls += outside;
    root_ns = saturated_sum(root_ns, outside_ns);
  }
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
    const std::uint64_t ns = share(entry.inclusive_ns, calls_before, all);
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
  if (form_ == DumpForm::kSampled) target.line = kAllLines;
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
    const StringId package = path == kRootFile ? placed.file : strings_.intern(package_of(path));
    const auto [object, is_new] =
        object_numbers_.try_emplace(package, static_cast<callgrind::ObjectNumber>(objects_.size()));
    if (is_new) objects_.push_back(package);
    const bool is_named_with_place = !is_builtin(path) && path != kRootFile;
    files_.push_back({placed.file, object->second, is_named_with_place ? take_place(path) : ""});
    file_number = static_cast<std::uint32_t>(files_.size());
  }
  writer_.place(function, file_number - 1, static_cast<std::uint32_t>(std::max(placed.line, 0)),
                files_[file_number - 1].object);
}

// What stands behind the names of a file's functions: its tail, or if another file has the same,
// its whole path.
std::string CallgrindConversion::take_place(std::string_view path) {
  for (const std::string_view shown_path : {path_tail(path), path}) {
    std::string place = place_text(shown_path);
    if (places_.insert(place).second) return place;
  }
  // Paths that differ only in what is escaped.
  for (std::uint64_t serial = 2;; ++serial) {
    std::string place = place_text(path) + " #" + std::to_string(serial);
    if (places_.insert(place).second) return place;
  }
}

// `name (tail/of/path.py:12)`; built-in functions, whose file says nothing, by name alone.
// gprof2dot knows a function by this text only, so no two may be equal. The place and a plain name
// tell a function from all others; names that are escaped, or look as if they had a place, and
// those without one get a number where they need it.
void CallgrindConversion::append_function(FunctionId function, std::string& out) {
  const Function& named = functions_[function];
  const std::string& place = files_[file_numbers_[named.file] - 1].place;
  const std::string_view name = strings_.text(named.name);
  const NameLook look = look_at(name);
  if (look.is_plain) {
    out.append(name);
  } else {
    append_name(out, name);
  }
  if (!place.empty()) {
    out.append(place);
    if (named.line != kAllLines) {
      char digits[16] = {':'};
      out.append(digits, std::to_chars(digits + 1, std::end(digits), named.line).ptr);
    }
    out.push_back(')');
  }
  if (!place.empty() && look.is_plain && !look.has_false_place) return;
  constexpr std::uint64_t kSecond = 2;
  const std::size_t size = out.size();
  for (std::uint64_t serial = look.has_false_place ? 1 : 0;;
       serial = std::max(serial + 1, kSecond)) {
    out.resize(size);
    if (serial > 0) out.append(" #").append(std::to_string(serial));
    if (odd_names_.insert(out).second) return;
  }
}

void CallgrindConversion::append_file(callgrind::FileNumber file, std::string& out) {
  const std::string_view path = strings_.text(files_[file].path);
  append_name(out, path.empty() ? std::string_view("~") : path);
}

void CallgrindConversion::append_object(callgrind::ObjectNumber object, std::string& out) {
  append_name(out, strings_.text(objects_[object]));
}

}  // namespace tracebraid::converters::cprof
