// Inputs of any kind as records: captures, strace logs, profiles and record streams, told by their
// content.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/cli/program.h"
#include "formats/record/any_record.h"

namespace tracebraid::analyzers {

class RecordVisitor {
 public:
  virtual ~RecordVisitor() = default;
  // The record's views are valid during the call. Of one input after another, in its order; never
  // by two threads at a time.
  virtual void visit(const formats::record::AnyRecord& record) = 0;
};

// What an input is.
enum class InputKind : std::uint8_t { kUnknown, kRecords, kCapture, kLog, kProfile };

// By the first bytes of the (decompressed) input; some hundred tell. An input that begins with
// nothing at all is a stream without records.
[[nodiscard]] InputKind recognize(std::string_view head);

inline constexpr std::string_view kInputText =
    "Files are told by their content, not by their names: packet captures (pcap, pcapng), strace "
    "logs, profiles of cProfile, and streams of records from the other programs (-f msgpack or "
    "jsonl); gzip and zstd are seen through; - or nothing is standard input.";

// Shows all records of all inputs to `visitor`. Several strace logs are read as one, and several
// captures too. What cannot be read is reported, and the others are read all the same.
void read_inputs(const formats::cli::Arguments& arguments, RecordVisitor& visitor,
                 formats::cli::Context& context);

}  // namespace tracebraid::analyzers
