// From profile entries to callgrind, one entry at a time: its own cost, a call from each of its
// callers, and a call from `(root)` for the calls that came from outside the profile.
//
// What holds of the result, for every function and call that is not left out:
//   * self cost and totals: the dump's, in ns, exactly;
//   * calls and inclusive cost of a call: the dump's, exactly; 0 ns for a function's calls to
//   itself,
//     whose time is inside the outer call already; shared out by the number of calls where the dump
//     has no times for callers (profile module, sampled dumps);
//   * inclusive cost, the sum of the incoming calls as viewers take it: the dump's, unless the
//     function calls itself through others.
//
// Why `(root)`: cProfile has no caller for a call that was made outside the profiled code, or by
// code that began before the profiler did. Viewers take a function's inclusive cost from its
// incoming calls, so without those it is too small: for a function called once from outside (14 ms)
// and once from inside (0.08 ms) KCachegrind shows 0.08 ms.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "converters/cprof/profile.h"
#include "formats/callgrind/python_names.h"
#include "formats/callgrind/writer.h"
#include "formats/io/diagnostics.h"
#include "formats/marshal/string_table.h"

namespace tracebraid::converters::cprof {

inline constexpr formats::io::Counter kCallsBeyondOwn{
    "calls_beyond_own", formats::io::Severity::kNote,
    "a function's callers made more calls than the function had (cProfile keeps one of several "
    "functions with the same file, line and name)"};
inline constexpr formats::io::Counter kNoFinishedCall{
    "no_finished_call", formats::io::Severity::kNote,
    "a caller has time but no finished call; shown as one call"};
inline constexpr formats::io::Counter kEstimatedRoot{
    "estimated_root", formats::io::Severity::kNote,
    "the time of calls from outside is estimated for a function that is recursive through others"};
inline constexpr formats::io::Counter kMissingEntry{
    "missing_entry", formats::io::Severity::kNote,
    "a caller has no entry of its own in the dump; kept, with no time of its own"};

struct ConversionOptions {
  std::vector<std::string> strip_prefixes;
  bool strip_folders = false;
  // Shell patterns (fnmatch) for a function's whole file or whole name; `file:` or `name:` in front
  // asks for one of them.
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  bool root_edges = true;
  std::string creator;
  std::string command;
};

class CallgrindConversion final : public EntryHandler, private formats::callgrind::Names {
 public:
  // All must outlive the conversion.
  CallgrindConversion(const ConversionOptions& options, formats::marshal::StringTable& strings,
                      FunctionTable& functions, formats::io::BlockWriter& out,
                      formats::io::Diagnostics& diagnostics);
  ~CallgrindConversion() override;

  void on_dump(DumpForm form) override;
  void expect(FunctionId function) override { writer_.prefetch(function); }
  void on_entry(const Entry& entry) override;

  // Hands what is complete to `out`, for a profile that cannot be finished.
  void flush() { writer_.flush(); }

  // Ends the profile; a conversion without any dump is an empty one.
  void finish();

 private:
  static constexpr FunctionId kHidden = UINT32_MAX;
  static constexpr FunctionId kUnmapped = UINT32_MAX - 1;

  // The function that stands for `function` in the output, placed; or kHidden.
  FunctionId shown(FunctionId function) {
    if (is_mapped_) return mapped(function);
    if (!writer_.is_placed(function)) place(function);
    return function;
  }
  FunctionId mapped(FunctionId function);
  void place(FunctionId function);
  [[nodiscard]] bool is_left_out(const Function& function) const;
  [[nodiscard]] bool matches(const std::string& pattern, const Function& function) const;
  [[nodiscard]] std::string_view stripped(std::string_view path) const;

  void write_header(DumpForm form);
  void write_timed_calls(const Entry& entry, FunctionId callee);
  void write_counted_calls(const Entry& entry, FunctionId callee);
  void write_call(FunctionId caller, std::uint32_t caller_line, FunctionId callee,
                  std::uint32_t callee_line, std::int64_t calls, std::uint64_t cost);
  void write_root_call(FunctionId callee, std::uint32_t callee_line, std::int64_t calls,
                       std::uint64_t cost);
  // Where the call, or the function, is: a sampled key's line is exact, else the first line is
  // known.
  [[nodiscard]] std::uint32_t line_of(FunctionId function, FunctionId shown_function) const {
    return form_ == DumpForm::kSampled ? static_cast<std::uint32_t>(functions_[function].line)
                                       : writer_.line_of(shown_function);
  }

  void append_function(FunctionId function, std::string& out) override;
  void append_file(formats::callgrind::FileNumber file, std::string& out) override;
  void append_object(formats::callgrind::ObjectNumber object, std::string& out) override;

  const ConversionOptions& options_;
  formats::marshal::StringTable& strings_;
  FunctionTable& functions_;
  formats::io::Diagnostics& diagnostics_;
  formats::callgrind::Writer writer_;

  struct File {
    StringId path;
    formats::callgrind::ObjectNumber object;
    std::string place;  // ` (shop/views.py`, of this file alone; empty for built-in functions
  };
  std::vector<File> files_;
  std::vector<formats::callgrind::FileNumber> file_numbers_;  // by StringId, + 1; 0 is none yet
  std::vector<StringId> objects_;
  std::unordered_map<StringId, formats::callgrind::ObjectNumber> object_numbers_;
  std::vector<FunctionId> mapping_;  // by FunctionId, where is_mapped_
  formats::callgrind::PythonNames names_;
  std::vector<FunctionId> callers_;  // reused: shown() of an entry's callers

  FunctionId root_ = kHidden;
  DumpForm form_ = DumpForm::kTimed;
  bool is_mapped_ = false;
  bool has_header_ = false;
  std::uint64_t hidden_functions_ = 0;
  std::uint64_t hidden_ns_ = 0;
};

}  // namespace tracebraid::converters::cprof
