// tracebraid diff: one side's runs against the other's.
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/diff/callgrind.h"
#include "analyzers/diff/collector.h"
#include "analyzers/diff/comparisons.h"
#include "analyzers/diff/gate.h"
#include "analyzers/diff/report.h"
#include "analyzers/diff/runs.h"
#include "analyzers/input/inputs.h"
#include "analyzers/sockets/table.h"
#include "formats/callgrind/python_names.h"
#include "formats/cli/clock_options.h"
#include "formats/cli/inputs.h"
#include "formats/cli/numbers.h"
#include "formats/cli/record_output.h"
#include "formats/io/error.h"
#include "formats/io/output.h"
#include "formats/io/text_output.h"
#include "formats/record/change.h"
#include "formats/record/flow.h"
#include "formats/record/syscall.h"
#include "formats/record/text.h"
#include "formats/record/writer.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using cli::Argument;
using diff::Collector;
using diff::Comparison;
using diff::Comparisons;
using diff::Gate;
using diff::Run;
using diff::Side;
using diff::Status;
using diff::Values;

struct Sides {
  std::vector<Run> a, b;
};

Sides sides_of(const cli::Arguments& arguments, cli::Context& context) {
  std::vector<std::string> a = arguments.positional;
  std::vector<std::string> b = arguments.second_group;
  if (b.empty()) {
    constexpr std::string_view kHint = "A… -- B…, or two inputs or folders";
    if (a.size() != 2) throw io::UsageError{"no -- between A and B", std::string(kHint)};
    b.push_back(std::move(a.back()));
    a.pop_back();
  }
  if (a.empty()) throw io::UsageError{"nothing stands in front of --"};
  const std::string runs = arguments.value("runs").value_or("auto");
  Sides sides{diff::runs_of(a, runs == "one", context), diff::runs_of(b, runs == "one", context)};
  std::vector<std::string> paths;
  for (const auto* const side : {&sides.a, &sides.b}) {
    for (const Run& run : *side) paths.insert(paths.end(), run.paths.begin(), run.paths.end());
  }
  cli::check_inputs(paths);
  for (const std::string& shift : arguments.values("shift")) {
    const std::string path = shift.substr(0, shift.rfind('='));
    if (std::ranges::find(paths, path) == paths.end()) {
      throw io::UsageError{"--shift: no such input: " + io::quoted(path)};
    }
  }
  return sides;
}

// The command line as if it named these inputs alone.
cli::Arguments only(const cli::Arguments& arguments, std::vector<std::string> paths) {
  cli::Arguments own;
  for (const cli::GivenOption& given : arguments.given) {
    if (given.option->name == "shift") {
      const std::string& shift = given.values.front();
      if (std::ranges::find(paths, shift.substr(0, shift.rfind('='))) == paths.end()) continue;
    }
    own.given.push_back(given);
  }
  own.positional = std::move(paths);
  return own;
}

void read(const cli::Arguments& arguments, const Run& run, bool with_calls, Collector& collector,
          cli::Context& context) {
  std::vector<std::string> paths = run.paths;
  if (with_calls) {
    // Millions of calls are not copied from thread to thread.
    for (const std::string& path : run.profiles) {
      collector.let_texts_stay(true);
      read_inputs_in_turn(only(arguments, {path}), {}, collector, context);
    }
    std::erase_if(paths, [&](const std::string& path) {
      return std::ranges::find(run.profiles, path) != run.profiles.end();
    });
    if (paths.empty()) return;
  }
  read_inputs_in_step(
      only(arguments, std::move(paths)),
      {.files = true,
       .segments = run.kinds.give<record::Flow>() && run.kinds.may_give<record::Syscall>(),
       .most_flows = default_most_flows(SocketTable::kFlowBytes),
       .calls = with_calls},
      collector, context);
}

constexpr const record::TypeInfo* kTypes[] = {&record::kTypeInfo<record::Change>};
constexpr std::string_view kColumns[] = {"kind", "name", "file",   "error",  "target",  "measure",
                                         "a",    "b",    "change", "status", "evidence"};

// A record of one measure; its texts are views of what lives longer, or of `room`.
struct TextRoom {
  std::string target[2];
};

record::Change change_of(Comparisons& comparisons, std::size_t kind, Values::Thing thing,
                         std::size_t measure) {
  const Collector& collector = comparisons.collector();
  const Comparison comparison = comparisons.of(kind, thing, measure);
  record::Change row;
  row.kind = diff::kKinds[kind].name;
  row.name = diff::name_of(collector, kind, thing);
  if (thing != Values::kAll && kind == diff::kFunction) {
    row.file = formats::callgrind::path_tail(diff::path_of(collector, thing));
    row.line_a = collector.functions().line(thing - 1, diff::kA);
    row.line_b = collector.functions().line(thing - 1, diff::kB);
  } else if (thing != Values::kAll) {
    const diff::ThingName& name = collector.name(kind, thing);
    const auto& [a, b] = name.target;
    row.error = name.error;
    row.target = a.empty() ? b : a;
    if (a != b && !a.empty()) row.target_b = b;
  }
  const diff::Measure& of = diff::kKinds[kind].measures[measure];
  row.measure = of.name;
  row.unit = diff::kUnitNames[static_cast<std::size_t>(of.unit)];
  row.status =
      diff::kStatusNames[static_cast<std::size_t>(comparisons.status(kind, thing, comparison))];
  if (comparison.a) {
    row.a = comparison.a->median;
    row.a_min = comparison.a->least;
    row.a_max = comparison.a->most;
    row.a_runs = comparison.a->runs;
  }
  if (comparison.b) {
    row.b = comparison.b->median;
    row.b_min = comparison.b->least;
    row.b_max = comparison.b->most;
    row.b_runs = comparison.b->runs;
  }
  if (comparison.is_known()) {
    row.change = comparison.change();
    row.relative = diff::millionths(*row.change, comparison.a->median);
    row.evidence = diff::kEvidenceNames[static_cast<std::size_t>(comparison.evidence)];
  }
  constexpr double kMillion = 1e6;
  if (comparison.p) row.p = static_cast<std::uint64_t>(std::llround(*comparison.p * kMillion));
  return row;
}

void write_records(const cli::RecordRequest& request, Comparisons& comparisons, bool with_all,
                   cli::Context& context) {
  cli::RecordOutput output(request, "tracebraid diff", kTypes, kColumns);
  for (std::size_t kind = 0; kind < diff::kKindCount; ++kind) {
    const auto measures = diff::kKinds[kind].measures;
    for (std::size_t at = 0; at < measures.size(); ++at) {
      if (!comparisons.is_told(kind, at)) continue;
      const record::Change all = change_of(comparisons, kind, Values::kAll, at);
      if (all.a || all.b) output.writer().write(all);
    }
    for (std::size_t at = 0; at < measures.size(); ++at) {
      if (measures[at].is_of_all_only || !comparisons.is_told(kind, at)) continue;
      std::vector<diff::Row> rows = comparisons.rows(kind, at, with_all);
      Comparisons::sort(rows);
      for (const diff::Row& row : rows) {
        output.writer().write(change_of(comparisons, kind, row.thing, at));
      }
    }
  }
  output.finish(context.diagnostics);
}

double parse_alpha(const std::string& text) {
  constexpr int kScale = 9;
  record::Decimal number{};
  constexpr std::uint64_t kOne = 1'000'000'000;
  if (!record::parse_decimal(text, kScale, number) || number.is_negative || number.magnitude == 0 ||
      number.magnitude >= kOne) {
    throw io::UsageError{"--alpha: not between 0 and 1: " + io::quoted(text)};
  }
  return static_cast<double>(number.magnitude) / static_cast<double>(kOne);
}

// What -f says; else what -o's FILE asks for; else text.
std::string format_of(const cli::Arguments& arguments) {
  if (const auto format = arguments.value("format")) return *format;
  const std::string path = arguments.value("output").value_or("-");
  constexpr std::string_view kEndings[] = {".jsonl", ".ndjson",  ".json", ".csv",
                                           ".tsv",   ".msgpack", ".tb"};
  const auto has = [&](std::string_view ending) { return path.ends_with(ending); };
  if (std::ranges::any_of(kEndings, has)) {
    return std::string(
        record::kFormatNames[static_cast<std::size_t>(record::format_for(path, false))]);
  }
  return has(".callgrind") ? "callgrind" : "text";
}

void run(const cli::Arguments& arguments, cli::Context& context) {
  if (arguments.has("schema")) return cli::print_schema(kTypes);
  const double alpha = parse_alpha(arguments.value("alpha").value_or("0.05"));
  diff::ReportOptions report;
  if (const auto most = arguments.value("number"))
    report.most = cli::number<std::size_t>("-n", *most);
  report.with_all = arguments.has("all");
  std::vector<Gate> gates;
  for (const std::string& text : arguments.values("fail-if")) {
    gates.push_back(diff::parse_gate(text));
  }
  const std::string format = format_of(arguments);
  const bool is_callgrind = format == "callgrind";
  std::optional<cli::RecordRequest> request;
  if (format != "text" && !is_callgrind) {
    request.emplace(arguments);
    record::check_fields(request->fields, kTypes);
  }
  const Sides sides = sides_of(arguments, context);

  Collector collector(sides.a.size() + sides.b.size(), is_callgrind);
  std::size_t number = 0;
  for (const Side side : {diff::kA, diff::kB}) {
    for (const Run& each : side == diff::kA ? sides.a : sides.b) {
      collector.begin_run(number++, side, each.kinds);
      read(arguments, each, is_callgrind, collector, context);
      collector.end_run();
    }
  }

  Comparisons comparisons(collector, sides.a.size(), alpha);
  bool has_reader = true;
  try {
    if (format == "text") {
      const auto output = io::open_output(arguments.value("output").value_or("-"));
      io::TextOutput text(*output);
      diff::write_report(comparisons, sides.a, sides.b, report, text);
      output->commit();
    } else if (!is_callgrind) {
      write_records(*request, comparisons, report.with_all, context);
    } else {
      const auto output = io::open_output(arguments.value("output").value_or("-"));
      diff::write_callgrind(collector, sides.a, sides.b,
                            "tracebraid " + std::string(cli::version()), *output);
      output->commit();
    }
  } catch (const io::DownstreamClosed&) {
    has_reader = false;
  }
  if (diff::show_gates(gates, arguments.has("allow-missing"), comparisons, context))
    context.diagnostics.add_damage(true);
  // A gate counts though nobody reads.
  if (!has_reader && !context.diagnostics.damaged()) throw io::DownstreamClosed{};
}

constexpr std::string_view kUsage[] = {"[OPTION…] A… -- B…", "[OPTION…] A B"};

constexpr cli::Option kOptions[] = {
    {0, "runs", Argument::kChoice, "HOW", "Input", "how inputs are told apart as runs (auto)",
     "auto: a folder is a run, or, if there are inputs only in its folders, each of those; of "
     "files, the first of each kind are the first run, the second of "
     "each kind the second. one: all inputs of a side are one run, such as the files of a capture "
     "in parts, or the profiles of several workers. For anything else a word , ends a run: a.cprof "
     "a.strace , b.cprof b.strace -- …",
     "auto one"},
    kShiftOption,
    cli::kClockOptions[0],
    cli::kClockOptions[1],
    cli::kClockOptions[2],
    {0, "alpha", Argument::kText, "P", "Differences",
     "largest p of a difference that is no noise (0.05)"},
    {0, "fail-if", Argument::kText, "GATE", "Differences",
     "exit with 1 if GATE holds; may be repeated",
     "Such as 'function.calls > +10%': see Gates below."},
    {0, "allow-missing", Argument::kNone, "", "Differences",
     "a gate on functions that there are not is no mistake"},
    {'a', "all", Argument::kNone, "", "Output", "also what is the same, and what may be noise"},
    {'n', "number", Argument::kText, "NUMBER", "Output",
     "rows of each of text's tables (10); 0: all"},
    {'f', "format", Argument::kChoice, "FORMAT", "Output",
     "text, a form of records, or callgrind (text)",
     "text is for people; the others but callgrind are a record change for each measure of each "
     "thing. Default: by the ending of -o's FILE, else text.",
     "text table jsonl msgpack csv tsv callgrind"},
    cli::kOutputOption,
    cli::kFieldsOption,
    cli::kCsvSafeOption,
    cli::kSchemaOption,
};

constexpr cli::Section kSections[] = {
    {"Input",
     "A and B are any inputs, of one kind or several; of a folder all files that are inputs. "
     "Options may stand behind -- too. Files are told by their content: packet captures (pcap, "
     "pcapng), strace logs, profiles of cProfile, bpftrace's logs of greenlet switches, and "
     "streams of records from the other programs (-f msgpack or jsonl); gzip and zstd are seen "
     "through; - is standard input. What one side alone tells is not compared, and that is said."},
    {"What is matched",
     "Functions by the end of their file's path and their name: other folders, and other lines, "
     "do not matter. Of a file below site-packages, dist-packages or lib/pythonX.Y all behind that "
     "must be equal; other files are matched by the longest common end of their paths, one to one, "
     "and need functions in common. Several functions of one name in a file (methods, lambdas) are "
     "told by their lines, as far as the lines of the file's other functions have moved. Addresses "
     "in names of built-in functions are left out, and those that differ in nothing else are one "
     "function.\n\n"
     "System calls by name, error, and kind of what they were about (file, tcp, pipe, epoll, …; "
     "path: a call by path).\n\n"
     "Flows by protocol, service and the server's address and port; sockets by protocol, role "
     "(listener, accepted, connecting, …) and the server's end. Clients' ports are left out, and "
     "servers' from 32768 on, which the system has chosen, as in tests on loopback: they show as "
     "*. What is then left on both sides is matched when it differs in the service, the port or "
     "the address alone, and no other could be meant."},
    {"Measures",
     "function: calls, tottime, cumtime, as pstats has them. syscall: calls, errors, time (from "
     "entry to exit), wait (of it, in calls that wait), bytes_in, bytes_out. flow: flows, failed, "
     "orig_bytes, resp_bytes (payload of clients and servers), orig_pkts, resp_pkts, rexmit_pkts, "
     "handshake_rtt, response_latency, duration (medians of the flows, of more than 256 within "
     "1/128), rtt (mean), max_idle. "
     "socket: sockets, unclosed, calls, errors, bytes_in, bytes_out, blocked, wait_mean, wait_max, "
     "send_wait_mean, send_wait_max (with a capture: as in tracebraid sockets). switch: switches, "
     "ran_max. signal: signals. process: events.\n\n"
     "Of all together, and of several, sums; of cumtime, medians, means and longest the largest. "
     "What matters most comes first: the change times its share of what both sides have together, "
     "so that both much and many times as much count."},
    {"Noise",
     "With one run a side, numbers, bytes and packets are what happened, and times are shown with "
     "no claim. With several runs, a and b are medians, shown with the least and the largest, and "
     "the rank test of Mann and Whitney tells how likely ranks that differ so much are by chance "
     "(two-sided, exact for some forty runs, equal values by their mean rank). Above --alpha it "
     "may be noise, and is left out of text. Few runs cannot tell much: 3 and 3 give p = 0.1 at "
     "best, 4 and 4 0.029, 5 and 5 0.008. Where --alpha is out of reach nothing is called "
     "significant; what then counts is whether the sides' ranges are apart.\n\n"
     "Many measures are tested: at 0.05, five of a hundred that do not differ seem to."},
    {"Gates",
     "  any KIND.MEASURE[PATTERN] OPERATOR VALUE\n\n"
     "any and [PATTERN] may be left out. KIND.MEASURE is one of the above, of all things of the "
     "kind together. With a PATTERN of the "
     "shell in brackets, of those together whose whole name it fits; with a / in it also the end "
     "of "
     "a function's path, or that, a colon and the name; of calls also the target or the error, of "
     "flows and sockets the server's end. With any in front, each thing by itself. OPERATOR is <, "
     "<=, >, "
     ">=, == or !=. VALUE with a sign, or with %, is compared with the change from A to B (from 0 "
     "to more is more than any percentage), without one with B's own. Times have a unit: s, ms, us "
     "or ns; bytes may have one: kB, MB, GB, KiB, MiB, GiB.\n\n"
     "  function.calls > +10%\n"
     "  syscall.errors[EBADF] > 0\n"
     "  any function.tottime[shop/*] > +50ms\n"
     "  socket.wait_max >= 200ms\n\n"
     "Gates look at medians; a change that may be noise does not make one hold. Each that holds is "
     "a line on standard error. One that nothing fits is noted, and does not hold; where it asks "
     "for "
     "functions, which may be a slip of the pen, the exit status is 2, unless --allow-missing says "
     "that there need be none. One on what a side does not tell is an error."},
    {"callgrind",
     "-f callgrind writes the profiles of all runs as one, for KCachegrind and callgrind_annotate: "
     "an event A and an event B with the time (A1, A2, … with several runs), CallsA and CallsB "
     "with the numbers of calls. A function has one node, and every column's total is its run's."},
    {"Exit status",
     "0: done, whatever differs. 1: a gate of --fail-if held, or an input was damaged or "
     "unreadable: standard error tells which. 2: the command line, or a gate, was wrong, or a "
     "gate's pattern fits no function."},
};

constexpr cli::Example kExamples[] = {
    {"What another configuration changes:", "tracebraid diff before/ after/"},
    {"Two profiles:", "tracebraid diff stable.cprof candidate.cprof"},
    {"Three runs a side, each of a profile and a log:",
     "tracebraid diff a1.cprof a2.cprof a3.cprof a1.strace a2.strace a3.strace -- b1.cprof "
     "b2.cprof b3.cprof b1.strace b2.strace b3.strace"},
    {"In CI:",
     "tracebraid diff --fail-if 'function.calls > +10%' --fail-if 'syscall.errors > +0' "
     "stable/ candidate/"},
    {"Both in one call graph:",
     "tracebraid diff -f callgrind -o both.callgrind stable.cprof candidate.cprof"},
    {"What appeared, as a list:",
     "tracebraid diff -f jsonl stable.cprof candidate.cprof | jq -r 'select(.status == "
     "\"appeared\" and .measure == \"calls\") | [.b, .name, .file] | @tsv'"},
};

}  // namespace

extern constinit const cli::Program kDiff = {
    .name = "tracebraid diff",
    .summary = "compare runs: functions, system calls, sockets and flows",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
    .has_two_groups = true,
};

}  // namespace tracebraid::analyzers
