// Calls of a profile: the edges between the functions of function.h, one record for each caller of
// each function. Numbers are the callee's, as far as this caller made it run.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

struct Call {
  std::string_view caller_file;
  std::uint32_t caller_line = 0;
  std::string_view caller_name;
  std::string_view callee_file;
  std::uint32_t callee_line = 0;
  std::string_view callee_name;
  std::optional<std::uint64_t> calls, primitive_calls;
  std::optional<Duration> tottime, cumtime;
  bool sampled = false;
  std::string_view input;
  // No fields: as number and dump of function.
  std::uint32_t caller_number = 0, callee_number = 0, dump = 0;

  static constexpr std::string_view kType = "call";
  static constexpr std::string_view kDoc = "all calls of one Python function by another";
  static constexpr auto kFields = Fields{
      Field{&Call::caller_file, "caller_file", "", "as file of function"},
      Field{&Call::caller_line, "caller_line", "", "as line of function: not where the call is"},
      Field{&Call::caller_name, "caller_name", "", "as name of function"},
      Field{&Call::callee_file, "callee_file", "", "as file of function"},
      Field{&Call::callee_line, "callee_line", "", "as line of function"},
      Field{&Call::callee_name, "callee_name", "", "as name of function"},
      Field{&Call::calls, "calls", "", "all calls; missing: not known"},
      Field{&Call::primitive_calls, "primitive_calls", "",
            "calls that were not recursive; missing where the profiler did not tell them apart"},
      Field{&Call::tottime, "tottime", "",
            "the callee's own time in these calls; missing where the profiler did not take it"},
      Field{&Call::cumtime, "cumtime", "", "the callee's cumulative time in these calls; likewise"},
      Field{&Call::sampled, "sampled", "", "as sampled of function"},
      Field{&Call::input, "input", "", "profile that it is from, when there are several"},
  };
};

}  // namespace tracebraid::formats::record
