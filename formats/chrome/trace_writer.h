// Traces for Perfetto's UI (ui.perfetto.dev), chrome://tracing and other viewers: the JSON of the
// "Trace Event Format" document of the Chromium project, in its form {"traceEvents": [event, …]}.
//
//   {"ph":"X","pid":7,"tid":8,"ts":1.500,"dur":0.250,"name":"read","args":{"result":"3"}}
//
// Times are microseconds; decimals keep the nanoseconds. Written are complete events (X), names of
// processes and threads (M), and arrows (s and f), each of which binds to the complete event that
// its time is inside of. Events may come in any order.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "formats/io/output.h"

namespace tracebraid::formats::chrome {

struct Argument {
  std::string_view name;
  std::string value;
};

// Where and when, for an arrow's end.
struct Place {
  std::uint64_t pid, tid;
  std::int64_t ts_ns;
};

class TraceWriter {
 public:
  // Times are written relative to `origin_ns`, so that a number of double precision holds them; it
  // stands in otherData.
  TraceWriter(io::Output& output, std::int64_t origin_ns);

  void name_process(std::uint64_t pid, std::string_view name);
  void name_thread(std::uint64_t pid, std::uint64_t tid, std::string_view name);
  void complete(std::uint64_t pid, std::uint64_t tid, std::int64_t ts_ns, std::int64_t duration_ns,
                std::string_view name, std::span<const Argument> arguments);
  void arrow(const Place& from, const Place& to, std::string_view name);

  // Ends the JSON.
  void finish();

  [[nodiscard]] std::uint64_t events() const { return events_; }

 private:
  void begin(std::string_view kind, std::uint64_t pid, std::uint64_t tid);
  void end();
  void time(std::string_view name, std::int64_t ns);

  io::BlockWriter out_;
  std::int64_t origin_ns_;
  std::string line_;
  std::uint64_t events_ = 0, arrows_ = 0;
};

}  // namespace tracebraid::formats::chrome
