// Functions of a profile: what cprofcalls makes of the entries of cProfile's dumps. Names and
// meanings are pstats' (CPython's Lib/pstats.py): a function is known by its file, line and name,
// tottime is the time in itself, cumtime the time from its calls to their returns.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

struct Function {
  std::string_view file;
  std::uint32_t line = 0;
  std::string_view name;
  std::optional<std::uint64_t> calls, primitive_calls;
  Duration tottime, cumtime;
  std::uint64_t callers = 0;
  bool sampled = false;
  std::string_view input;
  // No fields: which function of which dump it is for its reader, both from 1; 0: not told.
  std::uint32_t number = 0, dump = 0;

  static constexpr std::string_view kType = "function";
  static constexpr std::string_view kDoc =
      "a Python function that ran under a profiler, all of its calls together";
  static constexpr auto kFields = Fields{
      Field{&Function::file, "file", "",
            "source file as the code object has it; ~ or missing for built-in functions"},
      Field{&Function::line, "line", "",
            "first line of the function, 0 for built-in ones; sampled: the line that ran"},
      Field{&Function::name, "name", "", "function, method or class body"},
      Field{&Function::calls, "calls", "", "all calls, recursive ones too; missing: not known"},
      Field{&Function::primitive_calls, "primitive_calls", "",
            "calls that were not made while the function was running already"},
      Field{&Function::tottime, "tottime", "", "own time, without that of the functions it called"},
      Field{&Function::cumtime, "cumtime", "",
            "time from call to return, of recursive calls once: cumulative time"},
      Field{&Function::callers, "callers", "",
            "distinct functions that called it, each with a record call; 0: only from outside"},
      Field{&Function::sampled, "sampled", "",
            "whether calls are numbers of samples, and times estimates by them"},
      Field{&Function::input, "input", "", "profile that it is from, when there are several"},
  };
};

}  // namespace tracebraid::formats::record
