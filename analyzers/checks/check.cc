// tracebraid check: what is wrong.
#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/filter.hpp>
#include <range/v3/view/transform.hpp>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/report.h"
#include "analyzers/checks/story.h"
#include "analyzers/input/inputs.h"
#include "analyzers/util/shown.h"
#include "formats/cli/clock_options.h"
#include "formats/cli/record_output.h"
#include "formats/io/error.h"
#include "formats/io/output.h"
#include "formats/io/text_output.h"
#include "formats/record/finding.h"
#include "formats/record/writer.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
namespace views = ranges::views;
using checks::Check;
using checks::Finding;
using checks::Severity;
using checks::Story;
using cli::Argument;

constexpr const record::TypeInfo* kTypes[] = {&record::kTypeInfo<record::Finding>};
constexpr std::string_view kColumns[] = {"severity", "id", "count", "ts", "pid", "summary"};

// Those of `least` and above.
void write_records(const cli::RecordRequest& request, const std::vector<Finding>& findings,
                   Severity least, cli::Context& context) {
  cli::RecordOutput output(request, "tracebraid check", kTypes, kColumns);
  const auto is_shown = [&](const Finding& finding) { return finding.severity >= least; };
  for (const Finding& finding : findings | views::filter(is_shown)) {
    const std::string evidence = joined(finding.evidence, "\n");
    record::Finding row;
    row.id = finding.id;
    row.severity = checks::kSeverityNames[static_cast<std::size_t>(finding.severity)];
    row.summary = finding.summary;
    row.detail = finding.detail;
    row.count = finding.count;
    if (finding.ts) row.ts = record::Time{*finding.ts};
    if (finding.last_ts) row.last_ts = record::Time{*finding.last_ts};
    row.pid = finding.pid;
    row.tid = finding.tid;
    row.fd = finding.fd;
    row.file = finding.file;
    row.socket = finding.socket;
    row.uid = finding.uid;
    row.greenlet = finding.greenlet;
    row.function = finding.function;
    row.evidence = evidence;
    row.hint = finding.hint;
    output.writer().write(row);
  }
  output.finish(context.diagnostics);
}

void print(std::string_view text) {
  const auto out = io::open_output("-");
  out->write(text);
  out->commit();
}

void list_checks() {
  std::string text;
  std::size_t width = 0;
  for (const Check* const check : checks::all_checks()) width = std::max(width, check->id.size());
  for (const Check* const check : checks::all_checks()) {
    text += fmt::format("{:<{}} {} ({})\n", check->id, width, check->title, check->needs);
  }
  print(text);
}

const Check& find_check(std::string_view id) {
  const auto known = checks::all_checks();
  const auto found = std::ranges::find(known, id, &Check::id);
  if (found != known.end()) return **found;
  throw io::UsageError{"no such check: " + io::quoted(id),
                       "there is " + joined(known | views::transform(&Check::id))};
}

void explain(std::string_view id) {
  const Check& check = find_check(id);
  print(fmt::format("{}: {}\n\n{}\n\nNeeds: {}.\n", check.id, check.title, check.explain,
                    check.needs));
}

// The checks that an option of the command line names.
std::set<const Check*> named(const cli::Arguments& arguments, std::string_view option) {
  std::set<const Check*> checks;
  if (const auto list = arguments.value(option)) {
    for (const std::string_view id : cli::split_list(*list)) checks.insert(&find_check(id));
  }
  return checks;
}

// Each once and in the order of their rows, however often and in which order they are named.
std::vector<const Check*> chosen_checks(const cli::Arguments& arguments) {
  const auto only = named(arguments, "only");
  const auto without = named(arguments, "without");
  const bool has_only = arguments.has("only");
  return checks::all_checks() | views::filter([&](const Check* check) {
           return (!has_only || only.contains(check)) && !without.contains(check);
         }) |
         ranges::to<std::vector>;
}

Severity parse_severity(std::string_view option, std::string_view name) {
  for (std::size_t at = 0; at < std::size(checks::kSeverityNames); ++at) {
    if (checks::kSeverityNames[at] == name) return static_cast<Severity>(at);
  }
  throw io::UsageError{fmt::format("--{}: not a severity: {}", option, io::quoted(name)),
                       "error, warning or note"};
}

void run(const cli::Arguments& arguments, cli::Context& context) {
  if (arguments.has("schema")) return cli::print_schema(kTypes);
  if (arguments.has("list")) return list_checks();
  if (const auto id = arguments.value("explain")) return explain(*id);

  const std::vector<const Check*> which = chosen_checks(arguments);
  const std::string fail_on = arguments.value("fail-on").value_or("error");
  std::optional<Severity> fails;
  if (fail_on != "never") fails = parse_severity("fail-on", fail_on);
  const Severity least =
      parse_severity("min-severity", arguments.value("min-severity").value_or("note"));
  const std::string format = arguments.value("format").value_or("text");

  const std::string first =
      arguments.positional.empty() ? std::string() : arguments.positional.front();
  Story story(which, first);
  const std::size_t most = most_flows(arguments, SocketTable::kFlowBytes);
  story.set_most_flows(most);
  story.tell_once(!arguments.has("all"));
  read_inputs_in_step(arguments,
                      {.files = true, .segments = true, .most_flows = most, .ledgers = true}, story,
                      context);
  tell_forgotten(story.table(), context.diagnostics);

  if (format == "text") {
    const auto output = io::open_output(arguments.value("output").value_or("-"));
    io::TextOutput text(*output);
    checks::write_report(story, least, text);
    output->commit();
  } else {
    write_records(cli::RecordRequest(arguments), story.findings(), least, context);
  }
  const bool has_failed =
      fails && std::ranges::any_of(story.findings(), [&](const Finding& finding) {
        return finding.severity >= *fails;
      });
  constexpr int kNothing = 2;
  if (!story.has_seen()) context.status = kNothing;
  if (has_failed) context.diagnostics.add_damage(true);
}

constexpr std::string_view kUsage[] = {"[OPTION…] INPUT…", "--list", "--explain ID"};

constexpr cli::Option kOptions[] = {
    kShiftOption,
    kMaxFlowsOption,
    cli::kClockOptions[0],
    cli::kClockOptions[1],
    cli::kClockOptions[2],
    {0, "only", Argument::kText, "LIST", "Checks", "do these checks alone",
     "Their identifiers with commas between."},
    {0, "without", Argument::kText, "LIST", "Checks", "leave these checks out"},
    {0, "fail-on", Argument::kChoice, "SEVERITY", "Checks",
     "exit with 1 from this severity on (error)", "never: findings do not change the exit status.",
     "error warning note never"},
    {0, "list", Argument::kNone, "", "Checks", "show all checks and exit"},
    {0, "explain", Argument::kText, "ID", "Checks", "say what a check looks for, and exit"},
    {0, "all", Argument::kNone, "", "Output", "show findings that are alike one by one",
     "Without it, four or more of one check that differ in their numbers alone, such as ports, are "
     "one, with their sum."},
    {0, "min-severity", Argument::kChoice, "SEVERITY", "Output",
     "show findings of this severity and above (note)", "", "error warning note"},
    {'f', "format", Argument::kChoice, "FORMAT", "Output", "text, or a form of records (text)",
     "text is for people, on a terminal and in a log; the others are a record for each finding.",
     "text table jsonl msgpack csv tsv"},
    cli::kOutputOption,
    cli::kFieldsOption,
    cli::kCsvSafeOption,
    cli::kSchemaOption,
};

constexpr cli::Section kSections[] = {
    kInputSection,
    {"Findings",
     "The gravest first: what happened, in a sentence with numbers; what led to it; process, "
     "thread, greenlet and flow; the Python function, when a profile is among the inputs and its "
     "numbers of calls fit; when; where to see it (input and line); and where to look next. error: "
     "the program does not do its work. warning: something is lost, slow or broken. note: true, "
     "and mostly harmless.\n\n"
     "Any subset of the inputs will do; the end of the report tells what more others could tell. "
     "A stream of calls without file records does not tell when a descriptor was closed: what "
     "takes "
     "that to know is not looked for. Times are UTC. --list shows all checks, --explain ID the "
     "rule of each with its numbers."},
    {"Exit status",
     "0: no finding of --fail-on's severity or above. 1: there was one, or an input was damaged or "
     "unreadable: standard error tells, and says nothing when there were findings alone. 2: the "
     "command line was wrong, or there was nothing to look at: no input held a record."},
};

constexpr cli::Example kExamples[] = {
    {"What is wrong with a server:",
     "tracebraid check strace.log tcpdump.pcap profiling.cprof greenlet.bt.txt"},
    {"In CI, with a log for machines:",
     "tracebraid check --fail-on warning -f jsonl -o findings.jsonl server.strace"},
    {"What a finding means:", "tracebraid check --explain loop_stall"},
    {"Only what was found, by kind:",
     "tracebraid check server.strace -f jsonl | jq -r '[.id, .count] | @tsv'"},
};

}  // namespace

extern constinit const cli::Program kCheck = {
    .name = "tracebraid check",
    .summary = "tell what is wrong, with evidence",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
};

}  // namespace tracebraid::analyzers
