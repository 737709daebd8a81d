// `tracebraid callgrind`: a profile with the system calls and flows that its functions caused.
//
// merged_inputs.h takes in what the inputs tell, attribution.h finds whose calls they were,
// outputs.h writes it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <range/v3/view/transform.hpp>

#include "analyzers/callgrind/attribution.h"
#include "analyzers/callgrind/call_graph.h"
#include "analyzers/callgrind/merged_inputs.h"
#include "analyzers/callgrind/network.h"
#include "analyzers/callgrind/outputs.h"
#include "analyzers/input/inputs.h"
#include "analyzers/util/shown.h"
#include "formats/cli/clock_options.h"
#include "formats/cli/numbers.h"
#include "formats/cli/record_output.h"
#include "formats/io/digits.h"
#include "formats/io/error.h"
#include "formats/io/output.h"
#include "formats/io/saturate.h"
#include "formats/io/text.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
using cli::Argument;

constexpr std::size_t kDefaultConnections = 1000;

std::size_t event_option(const cli::Arguments& arguments) {
  const std::string name = arguments.value("event").value_or("SysTime");
  for (std::size_t at = 0; at < kMostCosts; ++at) {
    if (kEventNames[at].name == name) return at;
  }
  const auto names = kEventNames | ranges::views::transform(&EventName::name);
  throw io::UsageError{"--event: no such event: " + io::quoted(name), joined(names)};
}

void set_threads(const std::string& threads, Attribution& attribution) {
  if (threads == "main") return attribution.set_threads(Attribution::Threads::kMain);
  if (threads == "all") return attribution.set_threads(Attribution::Threads::kAll);
  Attribution::NumberSet tids;
  for (const std::string_view word : cli::split_list(threads)) {
    const auto tid = io::whole_number<std::uint64_t>(word);
    if (!tid) cli::refuse("--threads", "main, all or numbers of threads", word);
    tids.insert(*tid);
  }
  attribution.set_seen_threads(std::move(tids));
}

// The inputs as one line, for who reads the output.
std::string command_of(const cli::Arguments& arguments) {
  std::string command;
  for (const std::string& input : arguments.positional) {
    if (!command.empty()) command.push_back(' ');
    io::append_escaped(command, input);
  }
  return command;
}

constexpr std::string_view kFormats = "callgrind table jsonl msgpack csv tsv folded speedscope";

void run(const cli::Arguments& arguments, cli::Context& context) {
  if (arguments.has("schema")) return cli::print_schema(kAttributionTypes);
  const std::string format = arguments.value("format").value_or("callgrind");
  const bool is_flame = format == "folded" || format == "speedscope";
  const bool is_profile = format == "callgrind";
  std::optional<cli::RecordRequest> request;
  if (!is_flame && !is_profile) request.emplace(arguments);
  const std::size_t event = event_option(arguments);
  const auto connections = arguments.value("connections");
  Network network(connections ? cli::number<std::size_t>("--connections", *connections)
                              : kDefaultConnections);
  Attribution attribution;
  if (const auto threads = arguments.value("threads")) set_threads(*threads, attribution);
  for (const std::string& input : arguments.positional) attribution.add_profile_path(input);
  const bool by_greenlet = arguments.has("by-greenlet");
  std::unique_ptr<io::Output> output;
  if (!request) output = io::open_output(arguments.value("output").value_or("-"));

  CallGraph graph(kCountedEvents);
  MergedInputs inputs(attribution, graph, network, by_greenlet);
  const std::size_t most = most_flows(arguments, SocketTable::kFlowBytes);
  inputs.set_most_flows(most);
  read_inputs_in_step(arguments,
                      {.files = true, .segments = true, .most_flows = most, .numbers = true},
                      inputs, context);
  inputs.finish();
  tell_forgotten(inputs.table(), context.diagnostics);
  if (by_greenlet && !inputs.has_switches()) {
    context.diagnostics.note("--by-greenlet: no switches of greenlets in the inputs");
  }
  graph.seal();
  const std::vector<Attributed> calls = attribution.attribute(graph);
  Findings findings{attribution, graph, inputs, network, calls, by_greenlet, command_of(arguments)};
  if (request) {
    write_records(findings, *request, context);
  } else if (is_flame) {
    const FlameForm form = format == "folded" ? FlameForm::kFolded : FlameForm::kSpeedscope;
    write_stacks(findings, form, event, *output, context);
  } else {
    write_profile(findings, *output);
  }
  const bool is_at_end = std::ranges::any_of(calls, [](const Attributed& each) {
    return std::ranges::find(each.costs, std::numeric_limits<std::uint64_t>::max()) !=
           each.costs.end();
  });
  if (is_at_end) context.diagnostics.note(std::string(io::kEndOfNumbers));
  if (!arguments.has("quiet")) tell(findings, context);
}

constexpr std::string_view kUsage[] = {"[OPTION…] PROFILE LOG… [CAPTURE…] [PERF-MAP…]"};

constexpr cli::Option kOptions[] = {
    kShiftOption,
    kMaxFlowsOption,
    cli::kClockOptions[0],
    cli::kClockOptions[1],
    cli::kClockOptions[2],
    {0, "threads", Argument::kText, "WHICH", "Attribution",
     "threads that were profiled: main, all, or numbers",
     "Numbers with commas between, as strace prints them. Default: those whose calls agree best "
     "with the profile's numbers."},
    {0, "by-greenlet", Argument::kNone, "", "Attribution", "make each greenlet a root",
     "What calls cost goes to the greenlet that ran, from the log of switches, instead of to the "
     "callers in the profile."},
    {0, "connections", Argument::kText, "NUMBER", "Attribution",
     "connections with a node of their own (1000)",
     "0: all. Those whose data waited longest, then those that took most time. The others are one "
     "node for "
     "each server."},
    {'f', "format", Argument::kChoice, "FORMAT", "Output", "form of the output (callgrind)",
     "callgrind is for KCachegrind. table, jsonl, msgpack, csv and tsv show which function made "
     "which system calls, and how that is known. folded and speedscope are flame graphs of the "
     "stacks of strace -k.",
     kFormats},
    cli::kOutputOption,
    {0, "event", Argument::kText, "EVENT", "Output", "what folded and speedscope measure (SysTime)",
     "Syscalls, SysTime, Errors, Sent, Received, Wait or Retrans."},
    cli::kFieldsOption,
    cli::kCsvSafeOption,
    cli::kSchemaOption,
    {'q', "quiet", Argument::kNone, "", "Output", "do not show counts on standard error"},
};

constexpr cli::Section kSections[] = {
    kInputSection,
    {"Events",
     "  Time      nanoseconds in Python functions, exactly as cProfile measured them\n"
     "  Syscalls  system calls that returned\n"
     "  SysTime   nanoseconds in them, waiting included\n"
     "  Errors    those that failed or were interrupted\n"
     "  Sent      bytes sent or written\n"
     "  Received  bytes received or read\n"
     "  Estimated of Syscalls, those found by numbers of calls\n"
     "  Wait      with a capture: nanoseconds that received bytes lay in the kernel before a call "
     "read them\n"
     "  Retrans   with a capture: segments that this side sent again\n"
     "  Bytes     Sent + Received\n\n"
     "In the call graph a Python function leads to the built-in function that it called, this to "
     "its system calls (object kernel), and these to the servers and clients that they talked with "
     "(object network), down to the connection. Time is 0 there: cProfile has it in the built-in "
     "function. The total of each event is the log's, exactly."},
    {"Attribution",
     "Which function made a call is known from the best evidence there is.\n\n"
     "stack: strace -k, and the perf map of a Python that ran with -X perf (3.12 and later). The "
     "Python function that ran, and the C function that it called: exact. Among several functions "
     "of one name in a file, it is the one that calls that C function; where that does not tell, "
     "the function stands for itself under its qualified name.\n\n"
     "method: strace -k alone. The C function, and so the built-in one: exact.\n\n"
     "count: calls are shared out among the built-in functions that issue such calls, in "
     "proportion "
     "to how often each was called: an estimate. cProfile sees one thread unless the program "
     "starts "
     "it in each; which threads it saw is guessed from the numbers, and said.\n\n"
     "none: what nothing explains is <unattributed>, one node. Calls of threads that the profiler "
     "did not see are there, too, unless they have a stack.\n\n"
     "From there costs go up to callers in proportion to the time that a function spent for each "
     "of "
     "them, or, where it made no more than two system calls in each of its calls, to the numbers "
     "of "
     "calls: an estimate wherever a function has several callers. Where functions call each other "
     "in "
     "a circle, costs go round until they are out of it; so what functions inside of one seem to "
     "cost "
     "in all may be counted twice. cProfile takes the greenlet that ran before for the caller of "
     "what "
     "a greenlet goes on with, and such callers get costs, too."},
    {"Exit status",
     "0: done. 1: an input was damaged or unreadable, or the output could not be written; what was "
     "readable is shown. 2: the command line was wrong."},
};

constexpr cli::Example kExamples[] = {
    {"A profile with the system calls its functions made:",
     "tracebraid callgrind profiling.cprof strace.log -o merged.callgrind"},
    {"With the time that data waited for the program:",
     "tracebraid callgrind profiling.cprof strace.log tcpdump.pcap -o merged.callgrind"},
    {"Exact, of Python 3.12 and later: python -X perf under strace -k, with its perf map:",
     "tracebraid callgrind profiling.cprof strace.log perf-12467.map -o merged.callgrind"},
    {"Which function made the failing calls:",
     "tracebraid callgrind -f jsonl profiling.cprof strace.log | jq -c 'select(.errors > 0) | "
     "[.errors, .syscall, .builtin, .evidence]'"},
    {"A flame graph of the time in system calls (strace -k):",
     "tracebraid callgrind -f speedscope strace.log perf-12467.map -o syscalls.speedscope.json"},
};

}  // namespace

extern constinit const cli::Program kCallgrind = {
    .name = "tracebraid callgrind",
    .summary = "show which Python functions made which system calls",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
};

}  // namespace tracebraid::analyzers
