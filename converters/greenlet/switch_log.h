// Logs of greenlet switches, as the bpftrace program of `greenletswitches --script` writes them.
//
// A line is `<seconds since 1970>.<fraction> <pid> <tid> switch <address>`:
//   1795417770.177280 21441 21441 switch 0x7fab109293b0
// The address is that of the greenlet that begins to run. bpftrace's own messages stand in between:
// "Attaching 1 probe...", "Lost 12 events", and maps at the end.
//
// Memory: a line, and the last switch of every thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "formats/io/diagnostics.h"
#include "formats/io/source.h"
#include "formats/record/switch.h"

namespace tracebraid::converters::greenlet {

class SwitchSink {
 public:
  virtual ~SwitchSink() = default;
  // The record's texts are valid during the call.
  virtual void switched(const formats::record::Switch& record) = 0;
};

// Whether `head`, the beginning of an input, is such a log.
[[nodiscard]] bool looks_like_switches(std::string_view head);

class SwitchLog {
 public:
  SwitchLog(SwitchSink& sink, formats::io::Diagnostics& diagnostics)
      : sink_(sink), diagnostics_(diagnostics) {}

  // `name` is for records' `input`, empty when there is one log only. Throws what the source
  // throws, after the lines before it.
  void read(formats::io::Source& source, std::string_view name);

  [[nodiscard]] std::uint64_t switches() const { return switches_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  [[nodiscard]] std::size_t threads() const { return last_.size(); }

 private:
  struct Last {
    std::string greenlet;
    std::int64_t ts = 0;
    bool is_certain = true;  // no event was lost since
  };

  void take(std::string_view line, std::uint64_t number, bool is_whole, std::string_view input);

  SwitchSink& sink_;
  formats::io::Diagnostics& diagnostics_;
  std::map<std::uint64_t, Last> last_;  // by thread
  std::int64_t last_ts_ = INT64_MIN;
  std::uint64_t switches_ = 0, lost_ = 0;
};

}  // namespace tracebraid::converters::greenlet
