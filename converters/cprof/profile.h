// What a pstats dump says, apart from how it is stored: the functions it names and one entry for
// each. Source: CPython's Lib/pstats.py, Lib/cProfile.py (snapshot_stats), Lib/profile.py.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "formats/io/saturate.h"
#include "formats/marshal/string_table.h"

namespace tracebraid::converters::cprof {

using formats::marshal::StringId;
using FunctionId = std::uint32_t;

// pstats' key (file, line, name). Built-in functions have the file "~" (cProfile) or "" (profile)
// and line 0.
struct Function {
  StringId file;
  StringId name;
  std::int32_t line;

  friend bool operator==(const Function&, const Function&) = default;
};

// Distinct functions of any number of dumps, numbered densely in the order of their first use.
class FunctionTable {
 public:
  FunctionId intern(const Function& function);
  // Fetches what intern() will need.
  void prefetch(const Function& function) const;
  [[nodiscard]] const Function& operator[](FunctionId id) const { return functions_[id]; }
  [[nodiscard]] std::size_t size() const { return functions_.size(); }

 private:
  void grow();

  std::vector<Function> functions_;
  // Open addressing. The function itself is here, too, so that a look-up enters memory once.
  struct Bucket {
    Function function;
    std::uint32_t number = 0;  // id + 1, or 0
  };
  std::vector<Bucket> buckets_;
};

// All times in nanoseconds, rounded to nearest (ties to even); nan, infinite and negative ones are
// 0 and were counted, too large ones are 2^64 - 1.

struct Caller {
  FunctionId function;
  bool has_times;      // false: only the number of calls is known (profile, sampled dumps)
  std::int64_t calls;  // all calls; -1 where the writer did not know
  std::int64_t primitive_calls;
  std::uint64_t self_ns;
  std::uint64_t inclusive_ns;
};

struct Entry {
  FunctionId function;
  std::int64_t calls;  // all calls; -1 where the writer did not know
  std::int64_t primitive_calls;
  std::uint64_t self_ns;
  std::uint64_t inclusive_ns;
  std::span<const Caller> callers;  // valid during on_entry()
};

enum class DumpForm : std::uint8_t {
  kTimed,    // cProfile: calls and times for every caller
  kCounted,  // the pure-Python profile module: callers with a number of calls only
  kSampled,  // Python 3.15's sampling profiler: numbers are samples, a key's line is the line that
             // was running, so that one function has many keys
};

class EntryHandler {
 public:
  virtual ~EntryHandler() = default;
  // Once for each dump, before its entries.
  virtual void on_dump(DumpForm form) = 0;
  // An entry or a caller with this function may follow soon: a chance to fetch what is known of it.
  virtual void expect(FunctionId /*function*/) {}
  // In the dump's order. A function may come several times, in a dump or over several.
  virtual void on_entry(const Entry& entry) = 0;
};

using formats::io::saturated_sum;

// `seconds` must be finite and not negative. The exact product rounded to nearest, ties to even;
// 2^64 - 1 when it is larger.
[[nodiscard]] std::uint64_t nanoseconds(double seconds);

}  // namespace tracebraid::converters::cprof
