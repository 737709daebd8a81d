// Inputs of any kind as records: captures, strace logs, profiles, logs of greenlet switches, perf
// maps and record streams, told by their content.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/util/distance.h"
#include "formats/cli/program.h"
#include "formats/record/any_record.h"
#include "formats/record/file.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers {

// Rows for an analyzer's option table.
inline constexpr formats::cli::Option kShiftOption = {
    0,
    "shift",
    formats::cli::Argument::kText,
    "INPUT=SECONDS",
    "Input",
    "add SECONDS to all times of INPUT",
    "For files from machines whose clocks differ. INPUT as on the command line; may be repeated."};

// The time that option --`name` names: seconds since 1970, or '2026-11-23 08:00:00' in the zone of
// --tz. Throws io::UsageError.
[[nodiscard]] std::optional<formats::record::Time> time_option(
    const formats::cli::Arguments& arguments, std::string_view name);

// What there is among the inputs; of record streams it is not known what they hold.
struct InputKinds {
  bool logs = false, captures = false, profiles = false, records = false, switches = false,
       symbols = false;
};

class RecordVisitor {
 public:
  virtual ~RecordVisitor() = default;
  // Before the first record, when all inputs are read in step.
  virtual void begin(const InputKinds& kinds) { (void)kinds; }
  // The record's views are valid during the call. Of one input after another, in its order; never
  // by two threads at a time.
  virtual void visit(const formats::record::AnyRecord& record) = 0;
  // This one comes soon, from the lane of those that come now: what it is about can be brought near
  // the processor, step by step.
  virtual void expect(const formats::record::AnyRecord& record, Distance distance) {
    (void)record, (void)distance;
  }
  // The records that follow come from this lane (in_step.h): numbers of files are its own.
  virtual void enter(std::size_t lane) { (void)lane; }
  // An input that may wait, such as a pipe, has nothing more at the moment: show what there is.
  virtual void flush() {}
  // There are no more records. The types of those that came are still there, and go away then.
  virtual void at_end() {}
};

// What an input is.
enum class InputKind : std::uint8_t {
  kUnknown,
  kRecords,
  kCapture,
  kLog,
  kProfile,
  kSwitches,
  kSymbols
};

// By the first bytes of the (decompressed) input; some hundred tell. An input that begins with
// nothing at all is a stream without records.
[[nodiscard]] InputKind recognize(std::string_view head);

inline constexpr std::string_view kInputText =
    "Files are told by their content, not by their names: packet captures (pcap, pcapng), strace "
    "logs, profiles of cProfile, bpftrace's logs of greenlet switches, perf maps (perf-PID.map of "
    "python -X perf), and streams of records from "
    "the other programs (-f msgpack or "
    "jsonl); gzip and zstd are seen through; - or nothing is standard input.";

// The types that are known here.
[[nodiscard]] std::span<const formats::record::TypeInfo* const> known_types();

// What converters tell only when asked.
struct Wanted {
  bool files = false;     // of logs: what descriptors stood for
  bool segments = false;  // of captures: payload on the wire
  bool calls = true;      // of profiles: who called whom
  bool numbers = false;   // of profiles: functions by numbers, each named once
  // Of logs: which calls and files, null for all. Of the calls the first comes in any case, so that
  // it shows that there are some. Asked in the lane's thread: what is not wanted is not copied.
  bool (*is_wanted_call)(const formats::record::Syscall& call) = nullptr;
  bool (*is_wanted_file)(const formats::record::File& file) = nullptr;
  bool as_packed = false;  // of binary streams: also what is unknown here, for handing it on
};

// How inputs become one sequence in order of ts.
struct Ordering {
  bool sort_streams = false;   // record streams too, which else are in order, or reported
  std::size_t most_bytes = 0;  // memory for sorting
};

// Shows all records of all inputs to `visitor`, one input after another. Several strace logs are
// read as one, and several captures too. What cannot be read is reported, and the others are read
// all the same.
void read_inputs(const formats::cli::Arguments& arguments, RecordVisitor& visitor,
                 formats::cli::Context& context);

// The same, with all inputs at the same time (in_step.h), profiles and perf maps first.
void read_inputs_in_step(const formats::cli::Arguments& arguments, const Wanted& wanted,
                         RecordVisitor& visitor, formats::cli::Context& context);

// The same, in order of the records' ts, and among equals in that of the inputs. A record without
// ts stays behind the one before it in its input. What converters make is sorted (sorter.h); a
// record stream is shown as it comes, and reported where it goes backwards.
void read_inputs_by_ts(const formats::cli::Arguments& arguments, const Wanted& wanted,
                       const Ordering& ordering, RecordVisitor& visitor,
                       formats::cli::Context& context);

}  // namespace tracebraid::analyzers
