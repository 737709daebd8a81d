// From a profile to records: what happens between a dump and what cprofcalls writes.
//
//   class Totals final : public CallSink { … };
//   ProfileCalls calls(sink, diagnostics);
//   calls.read(*source);
//
// A function's record comes as soon as its entry has been read, its callers' calls right behind it;
// functions are in the order of the dump. Every entry and every caller is one record, with the
// dump's numbers: nothing is added up, shared out or left out. Times are nanoseconds rounded to
// nearest, as cprof2callgrind has them.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "converters/cprof/profile.h"
#include "formats/io/diagnostics.h"
#include "formats/io/source.h"
#include "formats/record/call.h"
#include "formats/record/function.h"

namespace tracebraid::converters::cprof {

inline constexpr formats::io::Counter kLongTime{
    "long_time", formats::io::Severity::kWarning,
    "a time is 2^63 ns or more; records have 2^63 - 1 ns"};

class CallSink {
 public:
  virtual ~CallSink() = default;
  // The records' texts are valid until the next read(), or the end of the ProfileCalls; that of
  // the input as long as its owner has it.
  virtual void function(const formats::record::Function& function) = 0;
  virtual void call(const formats::record::Call& call) = 0;
};

class ProfileCalls {
 public:
  enum class Names : std::uint8_t {
    kAlways,
    // A call names (file, line, name) only those of its functions that no record has named before:
    // for who goes by numbers.
    kOnce,
  };

  // Both must outlive the object, which reads any number of dumps, one after another.
  ProfileCalls(CallSink& sink, formats::io::Diagnostics& diagnostics, Names names = Names::kAlways);
  ProfileCalls(const ProfileCalls&) = delete;
  ProfileCalls& operator=(const ProfileCalls&) = delete;
  ~ProfileCalls();

  // Reads one dump to its end. `input` is for the records: empty where there is but one. Throws
  // Error where the dump is damaged; what was complete by then has been handed over. Memory: that
  // of ProfileReader for one dump.
  void read(formats::io::Source& source, std::string_view input = {});

  // Of all dumps so far.
  [[nodiscard]] std::uint64_t functions() const { return functions_; }
  [[nodiscard]] std::uint64_t calls() const { return calls_; }
  // The sum of all functions' own time; 2^64 - 1 when it is more.
  [[nodiscard]] std::uint64_t self_ns() const { return self_ns_; }

 private:
  class Conversion;

  CallSink& sink_;
  formats::io::Diagnostics& diagnostics_;
  Names names_;
  std::uint32_t dumps_ = 0;
  std::unique_ptr<Conversion> conversion_;  // of the last dump, for its texts
  std::uint64_t functions_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t self_ns_ = 0;
};

}  // namespace tracebraid::converters::cprof
