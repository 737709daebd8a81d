// A switch between greenlets: what bpftrace sees of greenlet's switching function.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

struct Switch {
  using Text = std::string_view;

  Time ts;
  std::uint64_t pid = 0, tid = 0;
  Text greenlet, from;
  std::optional<Duration> ran;
  std::uint64_t line = 0;
  Text input;

  static constexpr std::string_view kType = "switch";
  static constexpr std::string_view kDoc = "a greenlet begins to run in place of another";
  static constexpr auto kFields = Fields{
      Field{&Switch::ts, "ts", "", "when"},
      Field{&Switch::pid, "pid", "", "process"},
      Field{&Switch::tid, "tid", "", "thread"},
      Field{&Switch::greenlet, "greenlet", "",
            "greenlet that begins to run: its address, which a later one can have again"},
      Field{&Switch::from, "from", "", "greenlet that ran before in this thread, where known"},
      Field{&Switch::ran, "ran", "", "how long that one had run, where its beginning is known"},
      Field{&Switch::line, "line", "", "line of the log, from 1"},
      Field{&Switch::input, "input", "", "its log, when there are several"},
  };
};

}  // namespace tracebraid::formats::record
