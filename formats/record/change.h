// What differs between two sides of runs, as tracebraid diff says it: a record for each measure of
// each function, system call, flow and so on.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

struct Change {
  using Text = std::string_view;
  using Number = std::optional<std::int64_t>;
  using Count = std::optional<std::uint64_t>;

  Text kind, name, file, error, target, target_b;
  Count line_a, line_b;
  Text measure, unit, status;
  Number a, b, change, relative;
  Text evidence;
  Count p;
  Number a_min, a_max, b_min, b_max;
  std::uint64_t a_runs = 0, b_runs = 0;

  static constexpr std::string_view kType = "change";
  static constexpr std::string_view kDoc = "a measure of something in the runs of two sides";
  static constexpr auto kFields = Fields{
      Field{&Change::kind, "kind", "enum",
            "function, syscall, flow, socket, switch (of greenlets), signal or process"},
      Field{&Change::name, "name", "",
            "of the function or call; of flows and sockets their protocol and part; missing: all "
            "of the kind together"},
      Field{&Change::file, "file", "", "function: the end of its file's path"},
      Field{&Change::line_a, "line_a", "", "function: its first line in A"},
      Field{&Change::line_b, "line_b", "", "function: its first line in B"},
      Field{&Change::error, "error", "enum", "syscall: errno's name"},
      Field{&Change::target, "target", "",
            "syscall: kind of what it was about; flow and socket: the server's end"},
      Field{&Change::target_b, "target_b", "", "the server's end in B, where it differs"},
      Field{&Change::measure, "measure", "enum", "what was counted or measured"},
      Field{&Change::unit, "unit", "enum", "of the numbers: ns, bytes, packets; missing: a number"},
      Field{&Change::status, "status", "enum",
            "appeared (not in A), gone (not in B), changed or same"},
      Field{&Change::a, "a", "", "in A; of several runs the median"},
      Field{&Change::b, "b", "", "in B, likewise"},
      Field{&Change::change, "change", "", "b - a"},
      Field{&Change::relative, "relative", "ppm", "change as part of a, in millionths"},
      Field{&Change::evidence, "evidence", "enum",
            "one_run (a side), significant or noise (by the rank test), or, with too few runs for "
            "it, apart or overlap (their ranges)"},
      Field{&Change::p, "p", "ppm",
            "chance of ranks that differ so much or more when there is no difference, in "
            "millionths; missing: one run a side"},
      Field{&Change::a_min, "a_min", "", "least of A's runs"},
      Field{&Change::a_max, "a_max", "", "largest of A's runs"},
      Field{&Change::b_min, "b_min", "", "least of B's runs"},
      Field{&Change::b_max, "b_max", "", "largest of B's runs"},
      Field{&Change::a_runs, "a_runs", "", "A's runs that tell of this measure"},
      Field{&Change::b_runs, "b_runs", "", "B's runs that tell of this measure"},
  };
};

}  // namespace tracebraid::formats::record
