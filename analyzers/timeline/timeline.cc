// tracebraid timeline: what happened, in order, on one clock.
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "analyzers/input/inputs.h"
#include "analyzers/timeline/chrome.h"
#include "analyzers/timeline/filters.h"
#include "analyzers/timeline/text.h"
#include "analyzers/util/time_range.h"
#include "formats/cli/clock_options.h"
#include "formats/cli/record_output.h"
#include "formats/cli/terminal.h"
#include "formats/io/output.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
using cli::Argument;

void run(const cli::Arguments& arguments, cli::Context& context) {
  timeline::Filters filters(arguments);
  const std::string path = arguments.value("output").value_or("-");
  const auto output = io::open_output(path);
  const std::size_t most = most_flows(arguments, SocketTable::kFlowBytes);
  const Wanted wanted{.files = true, .segments = true, .most_flows = most};
  if (arguments.value("format").value_or("text") == "chrome") {
    timeline::ChromeTimeline chrome(std::move(filters), *output);
    chrome.set_most_flows(most);
    read_inputs_in_step(arguments, wanted, chrome, context);
    chrome.finish();
    tell_forgotten(chrome.table(), context.diagnostics);
    output->commit();
    return;
  }
  const std::size_t width = path == "-" ? cli::output_width() : 0;
  timeline::TextTimeline text(std::move(filters), *output, !arguments.has("no-fold"), width);
  text.set_most_flows(most);
  read_inputs_in_step(arguments, wanted, text, context);
  text.finish();
  tell_forgotten(text.table(), context.diagnostics);
  output->commit();
  if (!arguments.has("quiet")) {
    context.diagnostics.note(fmt::format("{} records read, {} lines shown, {} folded", text.read(),
                                         text.lines().shown(), text.lines().folded()));
  }
}

constexpr std::string_view kUsage[] = {"[OPTION…] INPUT…"};

constexpr cli::Option kOptions[] = {
    kShiftOption,
    kMaxFlowsOption,
    cli::kClockOptions[0],
    cli::kClockOptions[1],
    cli::kClockOptions[2],
    {0, "pid", Argument::kText, "LIST", "Filters", "of these processes only",
     "With a filter of processes, threads, descriptors or files, the wire is left out."},
    {0, "tid", Argument::kText, "LIST", "Filters", "of these threads only"},
    {0, "fd", Argument::kText, "LIST", "Filters", "calls on these descriptors only",
     "By number: one number stands for many files in a program's life; --file tells them apart."},
    {0, "file", Argument::kText, "LIST", "Filters", "calls on these open files only",
     "By the number that stracecalls and tracebraid sockets give them."},
    {0, "flow", Argument::kText, "LIST", "Filters", "these flows, and calls on their sockets",
     "Uids or their beginnings."},
    since_option("Filters", "from this time on"),
    until_option("Filters", "up to this time"),
    {'e', "errors", Argument::kNone, "", "Filters", "what failed only",
     "Failed calls, signals, what was sent again, and flows that did not end well."},
    {0, "no-fold", Argument::kNone, "", "Output", "show every line that repeats"},
    {'f', "format", Argument::kChoice, "FORMAT", "Output", "text, or chrome (text)",
     "chrome is the JSON that ui.perfetto.dev and chrome://tracing open: a track for each thread, "
     "greenlet and flow, and arrows from calls that send to segments to calls that receive.",
     "text chrome"},
    cli::kOutputOption,
    {'q', "quiet", Argument::kNone, "", "Output", "do not show counts on standard error"},
};

constexpr cli::Section kSections[] = {
    kInputSection,
    {"Lines",
     "Time (UTC), the time since the line before, who (process, thread when it is another number, "
     "the greenlet that runs: g1, g2, … in order of appearance, or the wire), and what: the call "
     "with what its descriptor stands for, or a segment, a flow's beginning and end, a switch, a "
     "signal, a process's fate. A call stands where it began. One that lasted more than a second "
     "stands where it ended and says when it began: that is known only then. Without times in the "
     "inputs, order stands for them.\n\n"
     "What repeats is shown twice, and then folded: a line, or up to four in turn, of the same "
     "thread, call, descriptor and result."},
    {"Exit status",
     "0: done. 1: an input was damaged or unreadable, or the output could not be written; what was "
     "readable is shown. 2: the command line was wrong."},
};

constexpr cli::Example kExamples[] = {
    {"What happened, in order:", "tracebraid timeline strace.log tcpdump.pcap greenlet.bt.txt"},
    {"The half second before the first error:",
     "tracebraid timeline --since +0.1 --until +0.6 strace.log tcpdump.pcap | less"},
    {"What failed:", "tracebraid timeline -e strace.log tcpdump.pcap"},
    {"In Perfetto's UI (https://ui.perfetto.dev):",
     "tracebraid timeline -f chrome -o trace.json strace.log tcpdump.pcap greenlet.bt.txt"},
};

}  // namespace

extern constinit const cli::Program kTimeline = {
    .name = "tracebraid timeline",
    .summary = "show what happened, in order, on one clock",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
};

}  // namespace tracebraid::analyzers
