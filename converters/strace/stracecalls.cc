#include "converters/strace/stracecalls.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include "converters/strace/log_files.h"
#include "converters/strace/strace_log.h"
#include "formats/cli/clock_options.h"
#include "formats/cli/inputs.h"
#include "formats/cli/record_output.h"
#include "formats/io/error.h"
#include "formats/io/looks_like.h"
#include "formats/record/file.h"
#include "formats/record/syscall.h"
#include "formats/record/writer.h"

namespace tracebraid::converters::strace {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using cli::Argument;

constexpr std::string_view kUsage[] = {"[OPTION…] [LOG…]"};

constexpr cli::Option kOptions[] = {
    cli::kClockOptions[0],
    cli::kClockOptions[1],
    cli::kClockOptions[2],
    {0, "verify", Argument::kNone, "", "Input", "compare with the log's own table (-C)",
     "Counts that differ are problem records, and the exit status is 1. What strace leaves out of "
     "its table on purpose differs, too: calls that it does not know, before 7.1."},
    cli::kFormatOption,
    cli::kOutputOption,
    cli::kFieldsOption,
    cli::kCsvSafeOption,
    {0, "records", Argument::kText, "LIST", "Output", "types of records",
     "Of syscall, signal, process, problem and file, with commas between. Default: all but file in "
     "-f jsonl and -f msgpack, syscall in the other forms, which hold one type."},
    {0, "ledger", Argument::kNone, "", "Output", "also a record of what became of all lines",
     "For -f jsonl and -f msgpack. It is on standard error anyway."},
    {'q', "quiet", Argument::kNone, "", "Output", "do not show the ledger on standard error"},
    cli::kSchemaOption,
};

constexpr cli::Section kSections[] = {
    {"Input",
     "Logs of strace 4.6 to 7.x with any options, which need not be told: with or without -f, -t, "
     "-tt, -ttt, -r, -T, -n, -i, -k, -y, -yy, -Y, -v, -x, -C, in colours; files of -o and what a "
     "terminal showed, messages and the program's output in between; gzip and zstd are seen "
     "through; - or nothing is standard input, where strace may still be writing. Several logs "
     "are read in the given order as one. The files of -ff, named by the thread's id, are read "
     "together in order of time. What others put around the lines is left out: ts, journald, logs "
     "of "
     "containers, grep -n, cat -n, a mail's >, a web page's &lt;.\n\n"
     "The best log for the other programs: strace -f -ttt -T -yy -o FILE COMMAND."},
    {"Records",
     "A syscall record for every call, when it ends; both halves of a call that others interrupted "
     "are joined. --schema explains the fields. What descriptors stood for (file, kind, path, "
     "proto, "
     "local and peer address) is found by replaying socket, accept, connect, dup, close, fork, "
     "exec "
     "and the like, so it needs no -yy; what was opened before the log began is unknown unless -y "
     "tells. signal, process (clone, exec, exit) and problem (lines that are not strace's) are "
     "other "
     "types, and file, when asked for: what descriptors stood for, from opening to last close.\n\n"
     "Times are as exact as the log's. duration is that of -T, else the difference between the two "
     "halves' times where there are two; calls without either have none."},
    {"Ledger",
     "At the end, standard error tells what became of every line: calls, halves of calls, signals, "
     "ends, messages, frames, dumps, tables, parts that something else broke into, empty lines and "
     "problems add up to the lines."},
    {"Exit status",
     "0: done. 1: an input was damaged, unreadable or no strace log, or the output could not be "
     "written; records of what was readable are written. 2: the command line was wrong."},
};

constexpr cli::Example kExamples[] = {
    {"Look at a log:", "stracecalls server.strace"},
    {"Which calls failed how often:",
     "stracecalls -f jsonl server.strace | jq -r 'select(.error) | \"\\(.syscall) \\(.error)\"' | "
     "sort | uniq -c"},
    {"Bytes that each connection received:",
     "stracecalls -f tsv --fields peer_h,peer_p,direction,bytes server.strace | awk '$3 == \"in\" "
     "{sum[$1\":\"$2] += $4} END {for (peer in sum) print sum[peer], peer}'"},
    {"Follow a running server:", "strace -f -ttt -T -yy -o '|stracecalls -f jsonl' -p PID"},
    {"A spreadsheet of calls:", "stracecalls --csv-safe -o calls.csv server.strace"},
};

struct Types {
  bool syscall = true, signal = false, process = false, problem = false, file = false;
};

class RecordSink final : public StraceSink {
 public:
  RecordSink(record::Writer& writer, const Types& types) : writer_(writer), types_(types) {}
  void syscall(const record::Syscall& call) override {
    if (types_.syscall) writer_.write(call);
  }
  void signal(const record::Signal& signal) override {
    if (types_.signal) writer_.write(signal);
  }
  void process(const record::Process& process) override {
    if (types_.process) writer_.write(process);
  }
  void problem(const record::Problem& problem) override {
    if (types_.problem) writer_.write(problem);
  }
  void file(const record::File& file) override {
    if (types_.file) writer_.write(file);
  }

 private:
  record::Writer& writer_;
  Types types_;
};

Types parse_types(std::string_view names, bool holds_several) {
  Types types;
  types.syscall = false;
  for (const std::string_view name : cli::split_list(names)) {
    if (name == "syscall") {
      types.syscall = true;
    } else if (name == "signal") {
      types.signal = true;
    } else if (name == "process") {
      types.process = true;
    } else if (name == "problem") {
      types.problem = true;
    } else if (name == "file") {
      types.file = true;
    } else {
      throw io::UsageError{"--records: no such type: " + io::quoted(name),
                           "syscall, signal, process or problem"};
    }
  }
  if (!holds_several &&
      types.syscall + types.signal + types.process + types.problem + types.file > 1) {
    throw io::UsageError{"only -f jsonl and -f msgpack hold records of several types"};
  }
  return types;
}

std::string ledger_line(const record::LineLedger& ledger) {
  std::string line = std::to_string(ledger.lines) + " lines read";
  bool is_first = true;
  const auto add = [&](std::uint64_t count, std::string_view what) {
    if (count == 0) return;
    line.append(is_first ? " = " : " + ").append(std::to_string(count)).append(" ").append(what);
    is_first = false;
  };
  add(ledger.calls, "calls");
  add(ledger.unfinished, "unfinished");
  add(ledger.resumed, "resumed");
  add(ledger.signals, "signals");
  add(ledger.processes, "exits");
  add(ledger.messages, "messages");
  add(ledger.frames, "frames");
  add(ledger.dumps, "dump lines");
  add(ledger.tables, "table lines");
  add(ledger.glued, "broken by others");
  add(ledger.empty, "empty");
  add(ledger.problems, "not understood");
  return line + "; " + std::to_string(ledger.syscalls) + " syscall records";
}

constexpr const record::TypeInfo* kTypes[] = {
    &record::kTypeInfo<record::Syscall>, &record::kTypeInfo<record::Signal>,
    &record::kTypeInfo<record::Process>, &record::kTypeInfo<record::Problem>,
    &record::kTypeInfo<record::File>,    &record::kTypeInfo<record::LineLedger>};
constexpr std::string_view kColumns[] = {"ts",     "duration", "tid",    "syscall",
                                         "fd",     "kind",     "peer_h", "peer_p",
                                         "result", "error",    "bytes",  "args"};

void run(const cli::Arguments& arguments, cli::Context& context) {
  if (arguments.has("schema")) return cli::print_schema(kTypes);
  const std::vector<std::string> inputs = cli::input_paths(arguments);
  StraceLog::Options options;
  options.verify = arguments.has("verify");
  options.clock = cli::clock_options(arguments);
  const cli::RecordRequest request(arguments);
  const bool holds_several = record::holds_several(request.format);
  Types types;
  if (holds_several) types = {true, true, true, true, false};
  if (const auto names = arguments.value("records")) types = parse_types(*names, holds_several);
  if (!holds_several && arguments.has("ledger")) {
    throw io::UsageError{"only -f jsonl and -f msgpack hold records of several types",
                         "--ledger needs one of them"};
  }
  options.files = types.file;
  const std::size_t single = types.signal    ? 1
                             : types.process ? 2
                             : types.problem ? 3
                             : types.file    ? 4
                                             : 0;
  const auto all = std::span(kTypes);
  cli::RecordOutput output(request, "stracecalls", holds_several ? all : all.subspan(single, 1),
                           types.syscall ? std::span<const std::string_view>(kColumns)
                                         : std::span<const std::string_view>());
  RecordSink sink(output.writer(), types);
  StraceLog log(options, sink, context.diagnostics);
  LogFiles files(log, context.diagnostics);
  cli::for_each_input(
      inputs, context, [&](std::unique_ptr<io::Source> opened, const std::string& path) {
        std::unique_ptr<io::Rewound> source = io::rewound(std::move(opened));
        while (!looks_like_log(source->head()) && source->more()) {
        }
        const std::string_view head = source->head();
        if (head.find_first_not_of("\r\n") != std::string_view::npos && !looks_like_log(head)) {
          const std::string_view what = io::looks_like(head);
          throw io::Error{source->name(), "line 1",
                          "not an strace log; looks like " +
                              (what.empty() ? io::quoted(head.substr(0, head.find('\n')), 60)
                                            : std::string(what)),
                          "strace -f -ttt -T -yy -o FILE COMMAND writes one"};
        }
        // What a running strace has written so far is shown before more is waited for.
        if (io::may_wait(path)) {
          source = io::with_hook(std::move(source), [&] { output.writer().flush(); });
        }
        files.add(path, std::move(source), inputs.size() == 1);
      });
  files.finish();
  if (arguments.has("ledger")) output.writer().write(log.ledger());
  output.finish(context.diagnostics);
  if (!arguments.has("quiet")) context.diagnostics.note(ledger_line(log.ledger()));
}

constexpr cli::Program kProgram = {
    .name = "stracecalls",
    .summary = "turn strace logs into records",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
};

}  // namespace

const cli::Program& stracecalls() {
  return kProgram;
}

}  // namespace tracebraid::converters::strace
