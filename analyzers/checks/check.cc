// tracebraid check: what is wrong.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/report.h"
#include "analyzers/checks/story.h"
#include "analyzers/input/inputs.h"
#include "formats/cli/clock_options.h"
#include "formats/cli/record_output.h"
#include "formats/io/error.h"
#include "formats/io/output.h"
#include "formats/record/finding.h"
#include "formats/record/writer.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using checks::Check;
using checks::Finding;
using checks::Severity;
using checks::Story;
using cli::Argument;

constexpr const record::TypeInfo* kTypes[] = {&record::kTypeInfo<record::Finding>};
constexpr std::string_view kColumns[] = {"severity", "id", "count", "ts", "pid", "summary"};

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    if (!text.empty()) text.push_back('\n');
    text.append(line);
  }
  return text;
}

void write_records(const cli::RecordRequest& request, const std::vector<Finding>& findings) {
  cli::RecordOutput output(request, "tracebraid check", kTypes, kColumns);
  for (const Finding& finding : findings) {
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
    const std::string evidence = joined(finding.evidence);
    row.evidence = evidence;
    row.hint = finding.hint;
    output.writer().write(row);
  }
  output.finish();
}

void list_checks() {
  std::string text;
  for (const Check* const check : checks::all_checks()) {
    text.append(check->id);
    text.append(check->id.size() < 18 ? 18 - check->id.size() : 1, ' ');
    text.append(check->title).append(" (").append(check->needs).append(")\n");
  }
  const auto out = io::open_output("-");
  out->write(text);
  out->commit();
}

const Check& find_check(std::string_view id) {
  for (const Check* const check : checks::all_checks()) {
    if (check->id == id) return *check;
  }
  std::string names;
  for (const Check* const check : checks::all_checks()) {
    names.append(names.empty() ? "" : ", ").append(check->id);
  }
  throw io::UsageError{"no such check: " + io::quoted(id), "there is " + names};
}

void explain(std::string_view id) {
  const Check& check = find_check(id);
  const auto out = io::open_output("-");
  out->write(std::string(check.id) + ": " + std::string(check.title) + "\n\n" +
             std::string(check.explain) + "\n\nNeeds: " + std::string(check.needs) + ".\n");
  out->commit();
}

Severity parse_severity(std::string_view option, std::string_view name) {
  for (std::size_t at = 0; at < std::size(checks::kSeverityNames); ++at) {
    if (checks::kSeverityNames[at] == name) return static_cast<Severity>(at);
  }
  throw io::UsageError{"--" + std::string(option) + ": not a severity: " + io::quoted(name),
                       "error, warning or note"};
}

void run(const cli::Arguments& arguments, cli::Context& context) {
  if (arguments.has("schema")) return cli::print_schema(kTypes);
  if (arguments.has("list")) return list_checks();
  if (const auto id = arguments.value("explain")) return explain(*id);

  std::vector<const Check*> which(checks::all_checks().begin(), checks::all_checks().end());
  if (const auto only = arguments.value("only")) {
    which.clear();
    for (const std::string_view id : cli::split_list(*only)) which.push_back(&find_check(id));
  }
  if (const auto without = arguments.value("without")) {
    for (const std::string_view id : cli::split_list(*without)) {
      std::erase(which, &find_check(id));
    }
  }
  const std::string fail_on = arguments.value("fail-on").value_or("error");
  std::optional<Severity> fails;
  if (fail_on != "never") fails = parse_severity("fail-on", fail_on);
  const Severity least =
      parse_severity("min-severity", arguments.value("min-severity").value_or("note"));
  const std::string format = arguments.value("format").value_or("text");

  const std::string first =
      arguments.positional.empty() ? std::string() : arguments.positional.front();
  Story story(which, first);
  read_inputs_in_step(arguments, {.files = true, .segments = true}, story, context);
  story.finish();

  if (format == "text") {
    const auto output = io::open_output(arguments.value("output").value_or("-"));
    output->write(checks::report_text(story, which.size(), least));
    output->commit();
  } else {
    std::vector<Finding> shown;
    for (const Finding& finding : story.findings()) {
      if (finding.severity >= least) shown.push_back(finding);
    }
    write_records(cli::RecordRequest(arguments), shown);
  }
  const bool has_failed =
      fails && std::ranges::any_of(story.findings(), [&](const Finding& finding) {
        return finding.severity >= *fails;
      });
  if (has_failed) context.diagnostics.add_damage(true);
}

constexpr std::string_view kUsage[] = {"[OPTION…] INPUT…", "--list", "--explain ID"};

constexpr cli::Option kOptions[] = {
    kShiftOption,
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
    {0, "min-severity", Argument::kChoice, "SEVERITY", "Output",
     "show findings of this severity and above (note)", "", "error warning note"},
    {'f', "format", Argument::kChoice, "FORMAT", "Output", "text, or a form of records (text)",
     "text is for people, on a terminal and in a log; the others are a record for each finding.",
     "text table jsonl msgpack csv tsv"},
    cli::kOutputOption,
    cli::kFieldsOption,
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
     "command line was wrong."},
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
