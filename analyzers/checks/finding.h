// What detectors say: findings, and the calls that are their evidence.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tracebraid::formats::record {
struct Syscall;
}

namespace tracebraid::analyzers::checks {

struct CallEvent;

enum class Severity : std::uint8_t { kNote, kWarning, kError };

inline constexpr std::string_view kSeverityNames[] = {"note", "warning", "error"};

// The record's fields (formats/record/finding.h), with texts of its own. Sentences begin in small
// letters where a name does, and have no full stop.
struct Finding {
  std::string_view id;  // the check's: Detector::report() sets it
  Severity severity = Severity::kWarning;
  std::string summary;
  std::string detail;
  std::uint64_t count = 1;
  std::optional<std::int64_t> ts, last_ts;
  std::optional<std::uint64_t> pid, tid;
  std::optional<std::int64_t> fd;
  std::optional<std::uint64_t> file;
  std::string socket, uid, greenlet, function;
  std::vector<std::string> evidence;
  std::string hint;
};

// What a finding says of a call: who, when, on what.
void set_call(Finding& finding, const CallEvent& event);

// A call as its line shows it, kept without making the text: most are never shown.
struct Quote {
  std::string input, syscall, args, result, error;
  std::uint64_t line = 0;  // 0: none
  std::int64_t ns = -1;    // how long it took
  void set(const formats::record::Syscall& call);
};

// The time between two calls' beginnings, in words: " in 5.05 s (5,897/s)"; empty without times.
[[nodiscard]] std::string shown_rate(std::uint64_t count, const std::optional<std::int64_t>& first,
                                     const std::optional<std::int64_t>& last);

}  // namespace tracebraid::analyzers::checks
