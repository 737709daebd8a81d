#include "converters/strace/stracecalls.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/ioctl.h>
#include <unistd.h>

#include "converters/strace/log_files.h"
#include "converters/strace/strace_log.h"
#include "formats/io/error.h"
#include "formats/io/looks_like.h"
#include "formats/io/output.h"
#include "formats/record/schema_text.h"
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
    {0, "date", Argument::kText, "DATE", "Input", "day of the first line, for logs of -t and -tt",
     "Such as 2026-11-23. Default: the latest day that fits when the log was last written."},
    {0, "tz", Argument::kText, "ZONE", "Input", "time zone of logs of -t and -tt",
     "Such as Europe/Berlin or UTC. Default: the machine's."},
    {0, "start", Argument::kText, "TIME", "Input", "when the log began, for logs of -r",
     "Seconds since 1970, or '2026-11-23 08:00:00'."},
    {0, "verify", Argument::kNone, "", "Input", "compare with the log's own table (-C)",
     "Counts that differ are problem records, and the exit status is 1. What strace leaves out of "
     "its table on purpose differs, too: calls that it does not know, before 7.1."},
    {'f', "format", Argument::kChoice, "FORMAT", "Output", "form of the records",
     "Default: by the ending of -o's FILE, else a table on a terminal and JSON Lines elsewhere.",
     "table jsonl msgpack csv tsv zeek"},
    {'o', "output", Argument::kFile, "FILE", "Output", "write to FILE instead of standard output",
     "FILE appears whole or not at all."},
    {0, "fields", Argument::kText, "LIST", "Output", "write these fields only, in this order",
     "Names with commas between; --schema lists them."},
    {0, "records", Argument::kText, "LIST", "Output", "types of records",
     "Of syscall, signal, process and problem, with commas between. Default: all in -f jsonl and "
     "-f msgpack, syscall in the other forms, which hold one type."},
    {0, "ledger", Argument::kNone, "", "Output", "also a record of what became of all lines",
     "For -f jsonl and -f msgpack. It is on standard error anyway."},
    {'q', "quiet", Argument::kNone, "", "Output", "do not show the ledger on standard error"},
    {0, "schema", Argument::kNone, "", "Output", "show the fields of all records and exit"},
};

constexpr cli::Section kSections[] = {
    {"Input",
     "Logs of strace 4.6 to 7.x with any options, which need not be told: with or without -f, -t, "
     "-tt, -ttt, -r, -T, -n, -i, -k, -y, -yy, -Y, -v, -x, -C, in colours; files of -o and what a "
     "terminal showed, messages and the program's output in between; gzip and zstd are seen "
     "through; - or nothing is standard input, where strace may still be writing. Several logs "
     "are read in the given order as one. The files of -ff, named by the thread's id, are read "
     "together in order of time.\n\n"
     "The best log for the other programs: strace -f -ttt -T -yy -o FILE COMMAND."},
    {"Records",
     "A syscall record for every call, when it ends; both halves of a call that others interrupted "
     "are joined. --schema explains the fields. What descriptors stood for (file, kind, path, "
     "proto, "
     "local and peer address) is found by replaying socket, accept, connect, dup, close, fork, "
     "exec "
     "and the like, so it needs no -yy; what was opened before the log began is unknown unless -y "
     "tells. signal, process (clone, exec, exit) and problem (lines that are not strace's) are the "
     "other types.\n\n"
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
    {"A spreadsheet of calls:", "stracecalls -o calls.csv server.strace"},
};

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (comma > 0) parts.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return parts;
}

struct Types {
  bool syscall = true, signal = false, process = false, problem = false;
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

 private:
  record::Writer& writer_;
  Types types_;
};

Types parse_types(const std::vector<std::string>& names, bool holds_several) {
  Types types;
  types.syscall = false;
  for (const std::string& name : names) {
    if (name == "syscall") {
      types.syscall = true;
    } else if (name == "signal") {
      types.signal = true;
    } else if (name == "process") {
      types.process = true;
    } else if (name == "problem") {
      types.problem = true;
    } else {
      throw io::UsageError{"--records: no such type: " + io::quoted(name),
                           "syscall, signal, process or problem"};
    }
  }
  if (!holds_several && types.syscall + types.signal + types.process + types.problem > 1) {
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

void run(const cli::Arguments& arguments, cli::Context& context) {
  const record::TypeInfo* const kTypes[] = {
      &record::kTypeInfo<record::Syscall>, &record::kTypeInfo<record::Signal>,
      &record::kTypeInfo<record::Process>, &record::kTypeInfo<record::Problem>,
      &record::kTypeInfo<record::LineLedger>};
  if (arguments.has("schema")) {
    const std::unique_ptr<io::Output> out = io::open_output("-");
    std::string text;
    for (const record::TypeInfo* const type : kTypes) {
      if (!text.empty()) text += "\n";
      text += record::schema_text(*type);
    }
    out->write(text);
    out->commit();
    return;
  }
  std::vector<std::string> inputs = arguments.positional;
  if (inputs.empty()) {
    if (::isatty(STDIN_FILENO) != 0) throw io::UsageError{"no input"};
    inputs = {"-"};
  }
  if (std::count(inputs.begin(), inputs.end(), "-") > 1) {
    throw io::UsageError{"standard input is named twice"};
  }
  StraceLog::Options options;
  options.verify = arguments.has("verify");
  if (const auto zone = arguments.value("tz")) {
    ::setenv("TZ", zone->c_str(), 1);
    ::tzset();
  }
  if (const auto date = arguments.value("date")) {
    options.clock.day = parse_day(*date);
    if (!options.clock.day) {
      throw io::UsageError{"--date: not a day such as 2026-11-23: " + io::quoted(*date)};
    }
  }
  if (const auto start = arguments.value("start")) options.clock.start = parse_start(*start);

  const std::string output_path = arguments.value("output").value_or("-");
  const record::Format format = arguments.has("format")
                                    ? record::parse_format(*arguments.value("format"))
                                    : record::format_for(output_path, ::isatty(STDOUT_FILENO) != 0);
  const bool holds_several =
      format == record::Format::kJsonLines || format == record::Format::kMsgpack;
  Types types;
  if (holds_several) types = {true, true, true, true};
  if (const auto names = arguments.value("records")) {
    types = parse_types(split(*names), holds_several);
  }
  if (!holds_several && arguments.has("ledger")) {
    throw io::UsageError{"only -f jsonl and -f msgpack hold records of several types",
                         "--ledger needs one of them"};
  }

  record::WriterOptions writer_options;
  writer_options.producer = "stracecalls " + std::string(cli::version());
  if (const auto fields = arguments.value("fields")) writer_options.fields = split(*fields);
  if (winsize window{}; output_path == "-" && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0) {
    writer_options.width = window.ws_col;
  }
  const record::TypeInfo* const single = types.signal    ? kTypes[1]
                                         : types.process ? kTypes[2]
                                         : types.problem ? kTypes[3]
                                                         : kTypes[0];
  record::check_fields(writer_options.fields,
                       holds_several ? std::span(kTypes) : std::span(&single, std::size_t{1}));
  if (format == record::Format::kTable && writer_options.fields.empty() && types.syscall) {
    for (const std::string_view field : {"ts", "duration", "tid", "syscall", "fd", "kind", "peer_h",
                                         "peer_p", "result", "error", "bytes", "args"}) {
      writer_options.fields.emplace_back(field);
    }
  }
  const std::unique_ptr<io::Output> output = io::open_output(output_path);
  const std::unique_ptr<record::Writer> writer =
      record::make_writer(format, *output, std::move(writer_options));
  writer->declare(holds_several ? *kTypes[0] : *single);
  RecordSink sink(*writer, types);
  StraceLog log(options, sink, context.diagnostics);
  LogFiles files(log, context.diagnostics);
  for (const std::string& input : inputs) {
    const std::string name = input == "-" ? "standard input" : input;
    context.diagnostics.set_input(name);
    try {
      std::unique_ptr<io::Rewound> source = io::rewound(io::open_source(input, context.progress));
      const std::string_view head = source->head();
      if (!head.empty() && !looks_like_log(head)) {
        const std::string_view what = io::looks_like(head);
        throw io::Error{name, "line 1",
                        "not an strace log; looks like " +
                            (what.empty() ? io::quoted(head.substr(0, head.find('\n')), 60)
                                          : std::string(what)),
                        "strace -f -ttt -T -yy -o FILE COMMAND writes one"};
      }
      files.add(input, std::move(source), inputs.size() == 1);
    } catch (const io::Error& error) {
      context.diagnostics.report(error);
    }
  }
  files.finish();
  if (arguments.has("ledger")) writer->write(log.ledger());
  writer->finish();
  output->commit();
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
