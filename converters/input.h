// What a kind of input is to tracebraid, declared once, at the end of its converter's own .cc file:
//
//   class Input final : public InputReader {
//    public:
//     Input(InputSink& sink, formats::io::Diagnostics& diagnostics) …
//     void read(std::unique_ptr<formats::io::Rewound> source, const InputFile& file) override;
//   };
//
//   extern constinit const InputKind kInput = {
//       .name = "perf map",
//       .described = "a perf map",
//       .plural = "perf maps (perf-PID.map of python -X perf)",
//       .is_timeless = true,
//       .types = kTypes,
//       .recognize = looks_like_perf_map,
//       .prepare = without_options<Input>,
//   };
//
// With its row in inputs.list every analyzer reads such inputs; the manuals and the error about
// unknown inputs name them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "formats/cli/program.h"
#include "formats/io/rewound.h"
#include "formats/record/any_record.h"
#include "formats/record/file.h"
#include "formats/record/schema.h"
#include "formats/record/syscall.h"

namespace tracebraid::converters {

// What converters tell only when asked.
struct Wanted {
  bool files = false;     // of logs: what descriptors stood for
  bool segments = false;  // of captures: payload on the wire
  std::size_t most_flows =
      0;                 // of captures: open at a time; 0: what pcapflows does without options
  bool calls = true;     // of profiles: who called whom
  bool numbers = false;  // of profiles: functions by numbers, each named once
  // Of logs: which calls and files, null for all. Of the calls the first comes in any case, so that
  // it shows that there are some. Asked in the lane's thread: what is not wanted is not copied.
  bool (*is_wanted_call)(const formats::record::Syscall& call) = nullptr;
  bool (*is_wanted_file)(const formats::record::File& file) = nullptr;
  bool as_packed = false;  // of binary streams: also what is unknown here, for handing it on
  bool ledgers = false;  // of logs and captures, behind their last record: what became of all lines
  bool in_order = false;  // of streams: a record that is earlier than the one before is reported
};

// One of the inputs.
struct InputFile {
  std::string path;           // as on the command line; "-" is standard input
  std::string name;           // for records' `input`; empty for the only input
  std::int64_t shift_ns = 0;  // to be added to all times
  bool may_wait = false;      // a pipe or a terminal, whose writer may still be at work
};

// Where an input's records go.
class InputSink {
 public:
  virtual ~InputSink() = default;
  // The record's views need to be valid during the call only, its type until the last record of all
  // inputs has been seen: keep() is for types that are not constants.
  virtual void put(const formats::record::AnyRecord& record) = 0;
  // Hands on what there is: the input may have nothing more for a while. From the thread that puts.
  virtual void flush() = 0;
  // Added to all times of the records that follow, instead of what was said before.
  virtual void shift_by(std::int64_t ns) = 0;
  virtual void keep(std::shared_ptr<const void> types) = 0;
};

// Reads the inputs of one kind, one after another, in one thread.
class InputReader {
 public:
  virtual ~InputReader() = default;
  // `source` is at its beginning; the sink shifts times by the file's shift_ns. Throws io::Error
  // about the input, after all that was readable.
  virtual void read(std::unique_ptr<formats::io::Rewound> source, const InputFile& file) = 0;
  // There are no more inputs of this kind.
  virtual void finish() {}
};

// Both arguments outlive the reader.
using MakeReader =
    std::function<std::unique_ptr<InputReader>(InputSink& sink, formats::cli::Context& context)>;

struct InputKind {
  std::string_view name;       // one or two words: "log", "perf map"
  std::string_view described;  // "an strace log"
  std::string_view plural;     // for lists of what is read
  bool is_timeless = false;    // no record has a time: it is read in front of all others
  bool is_read_alone = false;  // each input by a reader of its own, not all of them by one
  // Of what happened at the same time, that of a kind with a smaller rank is shown first; of kinds
  // with the same, that of the one which stands first in inputs.list.
  std::uint8_t rank = 0;
  // Of the records that it gives; none: any, it depends on the input.
  std::span<const formats::record::TypeInfo* const> types;
  // By the first bytes of the (decompressed) input, of which there are more each time that none of
  // the kinds recognizes it, up to 64 KiB. An empty input is a stream without records.
  bool (*recognize)(std::string_view head);
  // Understands the options that are its own, and what is wanted. Called once, before any input is
  // opened, also when there is none of the kind. Throws io::UsageError.
  MakeReader (*prepare)(const formats::cli::Arguments& arguments, const Wanted& wanted);
  // Of an input that is a part of several, such as one thread's log of strace -ff: the path that
  // all parts have in common; empty for others. Null where there are no such inputs.
  std::string_view (*common_path)(std::string_view path, std::string_view head) = nullptr;
};

// InputKind::prepare for a Reader(InputSink&, Diagnostics&) that nothing is asked of.
template <typename Reader>
[[nodiscard]] MakeReader without_options(const formats::cli::Arguments& /*arguments*/,
                                         const Wanted& /*wanted*/) {
  return [](InputSink& sink, formats::cli::Context& context) {
    return std::make_unique<Reader>(sink, context.diagnostics);
  };
}

// Hands on what has been made of an input so far whenever more of it is to be read. For readers
// that put their records in the thread that reads.
[[nodiscard]] std::unique_ptr<formats::io::Rewound> flushing(
    std::unique_ptr<formats::io::Rewound> source, InputSink& sink);

}  // namespace tracebraid::converters
