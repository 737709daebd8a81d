// Perf maps: where a process put the machine code that it made while it ran. Python writes one with
// -X perf (3.12 and later), for a trampoline of each of its functions.
//
// Definition: Linux, tools/perf/Documentation/jit-interface.txt. The file is /tmp/perf-PID.map, and
// a line is `START SIZE NAME`, both numbers hexadecimal, the rest of the line the name:
//   7f7e44b2e016 b py::_ModuleLockManager.__enter__:<frozen importlib._bootstrap>
// A map is written on while the process runs; a fork begins one of its own, and the functions that
// it had entered by then are in its parent's only.
//
// Memory: a line.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/io/diagnostics.h"
#include "formats/io/source.h"
#include "formats/record/symbol.h"

namespace tracebraid::converters::perfmap {

class SymbolSink {
 public:
  virtual ~SymbolSink() = default;
  // The record's texts are valid during the call.
  virtual void symbol(const formats::record::Symbol& record) = 0;
};

// Whether `head`, the beginning of an input, is a perf map.
[[nodiscard]] bool looks_like_perf_map(std::string_view head);

// The process that a map is of, by its path: 12467 for "traces/perf-12467.map.gz".
[[nodiscard]] std::optional<std::uint64_t> process_of(std::string_view path);

class PerfMap {
 public:
  PerfMap(SymbolSink& sink, formats::io::Diagnostics& diagnostics)
      : sink_(sink), diagnostics_(diagnostics) {}

  // `name` is for records' `input`, empty when there is one map only. Throws what the source
  // throws, after the lines before it.
  void read(formats::io::Source& source, std::optional<std::uint64_t> pid, std::string_view name);

 private:
  SymbolSink& sink_;
  formats::io::Diagnostics& diagnostics_;
};

}  // namespace tracebraid::converters::perfmap
