#include "converters/greenlet/greenletswitches.h"

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "converters/greenlet/probe.h"
#include "converters/greenlet/switch_log.h"
#include "formats/cli/inputs.h"
#include "formats/cli/numbers.h"
#include "formats/cli/record_output.h"
#include "formats/elf/symbols.h"
#include "formats/io/error.h"
#include "formats/io/looks_like.h"
#include "formats/io/output.h"
#include "formats/io/rewound.h"
#include "formats/record/switch.h"
#include "formats/record/writer.h"

namespace tracebraid::converters::greenlet {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using cli::Argument;

constexpr std::string_view kUsage[] = {"[OPTION…] [LOG…]", "--script LIBRARY [--pid PID]"};

constexpr cli::Option kOptions[] = {
    {0, "script", Argument::kFile, "LIBRARY", "Recording",
     "print the bpftrace program that records, and exit",
     "LIBRARY is greenlet's _greenlet….so, which python3 -c 'import greenlet._greenlet as g; "
     "print(g.__file__)' shows. Its symbols tell which function to listen to."},
    {0, "pid", Argument::kText, "PID", "Recording", "with --script: this process only"},
    cli::kFormatOption,
    cli::kOutputOption,
    cli::kFieldsOption,
    cli::kCsvSafeOption,
    cli::kSchemaOption,
    {'q', "quiet", Argument::kNone, "", "Output", "do not show counts on standard error"},
};

constexpr cli::Section kSections[] = {
    {"Recording",
     "bpftrace listens to greenlet's switching function in all processes that have loaded the "
     "library, without changing or stopping them:\n\n"
     "  greenletswitches --script LIBRARY > switches.bt\n"
     "  bpftrace -o greenlet.bt.txt switches.bt\n\n"
     "It finds greenlet 0.4 to 3 where their functions have symbols, exported or not; a library "
     "that has been stripped of them is refused. The clock is that of strace -ttt and tcpdump."},
    {"Input",
     "Lines such as\n\n"
     "  1795417770.177280 21441 21441 switch 0x7fab109293b0\n\n"
     "time, process, thread and the address of the greenlet that begins to run. bpftrace's own "
     "messages may stand in between. Where it has lost events, from and ran are left out. gzip and "
     "zstd are seen through; - or nothing is standard input."},
    {"Exit status",
     "0: done. 1: an input was damaged, unreadable or no such log, or the output could not be "
     "written; records of what was readable are written. 2: the command line was wrong."},
};

constexpr cli::Example kExamples[] = {
    {"Look at a log:", "greenletswitches greenlet.bt.txt"},
    {"Which greenlet ran how long:",
     "greenletswitches -f tsv --fields from,ran greenlet.bt.txt | awk -F'\\t' '{sum[$1] += $2} END "
     "{for (greenlet in sum) print sum[greenlet], greenlet}' | sort -nr"},
    {"With the system calls of the same time:", "tracebraid check server.strace greenlet.bt.txt"},
};

constexpr const record::TypeInfo* kTypes[] = {&record::kTypeInfo<record::Switch>};
constexpr std::string_view kColumns[] = {"ts", "pid", "tid", "greenlet", "from", "ran"};

class RecordSink final : public SwitchSink {
 public:
  explicit RecordSink(record::Writer& writer) : writer_(writer) {}
  void switched(const record::Switch& record) override { writer_.write(record); }

 private:
  record::Writer& writer_;
};

void print_script(const cli::Arguments& arguments, const std::string& library) {
  std::optional<std::uint64_t> pid;
  if (const auto text = arguments.value("pid")) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    pid = cli::number("--pid", *text, std::uint64_t{1}, kMost, "a process id");
  }
  const formats::elf::Symbols symbols = formats::elf::read_symbols(library);
  // bpftrace needs the whole path.
  const std::string path = std::filesystem::absolute(library).lexically_normal().string();
  const std::string script = probe_script(path, symbols, pid);
  const std::unique_ptr<io::Output> output =
      io::open_output(arguments.value("output").value_or("-"));
  output->write(script);
  output->commit();
}

void run(const cli::Arguments& arguments, cli::Context& context) {
  if (arguments.has("schema")) return cli::print_schema(kTypes);
  if (const auto library = arguments.value("script")) return print_script(arguments, *library);
  if (arguments.has("pid")) throw io::UsageError{"--pid belongs to --script"};
  const std::vector<std::string> inputs = cli::input_paths(arguments);
  const cli::RecordRequest request(arguments);
  cli::RecordOutput output(request, "greenletswitches", kTypes, kColumns);
  RecordSink sink(output.writer());
  SwitchLog log(sink, context.diagnostics);
  cli::for_each_input(
      inputs, context, [&](std::unique_ptr<io::Source> opened, const std::string& path) {
        const std::unique_ptr<io::Rewound> source = io::rewound(std::move(opened));
        while (!looks_like_switches(source->head()) && source->more()) {
        }
        const std::string_view head = source->head();
        if (!head.empty() && !looks_like_switches(head) && !head.starts_with("Attaching ")) {
          const std::string_view what = io::looks_like(head);
          throw io::Error{source->name(), "line 1",
                          fmt::format("not a log of greenlet switches; looks like {}",
                                      what.empty() ? io::quoted(head.substr(0, head.find('\n')), 60)
                                                   : std::string(what)),
                          "greenletswitches --script prints the program that records one"};
        }
        log.read(*source, inputs.size() > 1 ? cli::input_name(path) : std::string());
      });
  output.finish(context.diagnostics);
  if (arguments.has("quiet")) return;
  std::string line = fmt::format("{} switches of {} {}", log.switches(), log.threads(),
                                 log.threads() == 1 ? "thread" : "threads");
  if (log.lost() > 0) line += fmt::format("; bpftrace lost {} events", log.lost());
  context.diagnostics.note(line);
}

constexpr cli::Program kProgram = {
    .name = "greenletswitches",
    .summary = "turn bpftrace's log of greenlet switches into records",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
};

}  // namespace

const cli::Program& greenletswitches() {
  return kProgram;
}

}  // namespace tracebraid::converters::greenlet
