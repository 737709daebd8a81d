// Symbols of code that a process made while it ran: what a perf map holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

struct Symbol {
  std::optional<std::uint64_t> pid;
  std::uint64_t start = 0, size = 0;
  std::string_view name;
  std::uint64_t line = 0;
  std::string_view input;

  static constexpr std::string_view kType = "symbol";
  static constexpr std::string_view kDoc =
      "a function whose machine code the process made while it ran (perf map)";
  static constexpr auto kFields = Fields{
      Field{&Symbol::pid, "pid", "", "process, from the name of the map: perf-PID.map"},
      Field{&Symbol::start, "start", "", "address of its code"},
      Field{&Symbol::size, "size", "bytes", "size of its code"},
      Field{&Symbol::name, "name", "", "its name; of Python py::QUALIFIED_NAME:FILE"},
      Field{&Symbol::line, "line", "", "line of the map, from 1"},
      Field{&Symbol::input, "input", "", "the map, when there are several"},
  };
};

}  // namespace tracebraid::formats::record
