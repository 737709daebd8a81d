#include "analyzers/checks/report.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <range/v3/range/operations.hpp>
#include <range/v3/view/chunk_by.hpp>

#include "analyzers/util/shown.h"
#include "analyzers/util/shown_time.h"

namespace tracebraid::analyzers::checks {
namespace {

using formats::io::TextOutput;

struct Words {
  std::string_view title, one, many;
};
constexpr Words kWords[] = {
    {"note", "note", "notes"}, {"WARNING", "warning", "warnings"}, {"ERROR", "error", "errors"}};

const Words& words_of(const Finding& finding) {
  return kWords[static_cast<std::size_t>(finding.severity)];
}

void write_finding(const Finding& finding, TextOutput& out) {
  out.line(fmt::format("{} {}: {}.", words_of(finding).title, finding.id, finding.summary));
  if (!finding.detail.empty()) out.line(fmt::format("  {}.", finding.detail));
  const auto add = [&](std::string_view label, const std::string& what) {
    if (!what.empty()) out.line(fmt::format("  {:<5} {}", label, what));
  };
  std::vector<std::string> who;
  if (finding.pid) who.push_back(fmt::format("process {}", *finding.pid));
  if (finding.tid && finding.tid != finding.pid) {
    who.push_back(fmt::format("thread {}", *finding.tid));
  }
  if (!finding.greenlet.empty()) who.push_back("greenlet " + finding.greenlet);
  if (!finding.uid.empty()) who.push_back("flow " + finding.uid);
  add("who:", joined(who));
  if (!finding.function.empty()) {
    add("code:", finding.function + " (by its number of calls in the profile)");
  }
  // Without times, order stands for them.
  constexpr std::int64_t kYear = 31'536'000'000'000'000;
  if (finding.ts && *finding.ts > kYear) {
    const bool lasts = finding.last_ts && *finding.last_ts > *finding.ts;
    add("when:", fmt::format("{}{} UTC", shown_time(*finding.ts, true),
                             lasts ? " to " + shown_time(*finding.last_ts) : ""));
  }
  for (const std::string& line : finding.evidence) add("see:", line);
  add("next:", finding.hint);
  out.line();
}

// "Found: 1 error, 2 notes (--min-severity shows); nothing else."
std::string found_text(const std::vector<Finding>& findings, Severity least) {
  if (findings.empty()) return "Nothing found that is wrong.";
  std::vector<std::string> numbers;
  const auto are_alike = [](const Finding& left, const Finding& right) {
    return left.severity == right.severity;
  };
  for (const auto& alike : findings | ranges::views::chunk_by(are_alike)) {
    const Finding& first = *ranges::begin(alike);
    const Words& words = words_of(first);
    numbers.push_back(
        counted(static_cast<std::uint64_t>(ranges::distance(alike)), words.one, words.many) +
        (first.severity < least ? " (--min-severity shows)" : ""));
  }
  return fmt::format("Found: {}; nothing else.", joined(numbers));
}

std::string looked_at_text(const Story& story) {
  const Counts& counts = story.counts();
  const SocketTable::Counts& sockets = story.table().counts();
  std::vector<std::string> what;
  if (counts.calls > 0) {
    what.push_back(fmt::format("{} of {}", counted(counts.calls, "system call", "system calls"),
                               counted(counts.threads, "thread", "threads")));
    what.push_back(counted(sockets.sockets, "socket", "sockets") + " with peers");
    if (story.has_capture()) {
      what.push_back(fmt::format("{} of them found on the wire", shown_count(sockets.matched)));
    }
  }
  if (counts.calls == 0 && counts.ends > 0) {
    what.push_back(
        counted(counts.ends, "signal or end of a thread", "signals and ends of threads"));
  }
  if (story.has_capture()) {
    what.push_back(fmt::format("{} of {}", counted(counts.packets, "packet", "packets"),
                               counted(counts.flows, "flow", "flows")));
  }
  if (counts.switches > 0) {
    what.push_back(counted(counts.switches, "greenlet switch", "greenlet switches"));
  }
  if (counts.functions > 0) what.push_back(counted(counts.functions, "function", "functions"));
  return fmt::format("Looked at: {}.", joined(what));
}

Given given(const Story& story) {
  const Counts& counts = story.counts();
  return {.log = counts.calls > 0,
          .capture = story.has_capture(),
          .profile = counts.functions > 0,
          .greenlets = counts.switches > 0};
}

std::size_t count_made(const Story& story, const Given& with) {
  return static_cast<std::size_t>(std::ranges::count_if(
      story.checks(), [&](const Check* check) { return can_be_made(*check, with); }));
}

void write_clocks(const Skew& skew, TextOutput& out) {
  constexpr std::int64_t kApart = 5'000'000;
  const bool are_known = skew.low_count > 0 && skew.high_count > 0;
  if (!are_known || (skew.low <= skew.high && skew.low <= kApart && skew.high >= -kApart)) {
    return;
  }
  out.line(fmt::format(
      "The capture's clock and the log's differ ({} to {} ahead): how long data waited is not "
      "known. tracebraid sockets says how to --shift them.",
      shown_duration(skew.low), shown_duration(skew.high)));
}

// What more could be told.
void write_more(const Story& story, TextOutput& out) {
  const Counts& counts = story.counts();
  bool is_first = true;
  const Given have = given(story);
  const std::size_t made = count_made(story, have);
  const auto could = [&](bool is_missing, std::string_view with) {
    if (!is_missing) return;
    if (is_first) out.line("More could be told with:");
    is_first = false;
    out.line(fmt::format("  {}", with));
  };
  // How many checks an input would add.
  const auto more = [&](bool Given::*input) {
    Given with = have;
    with.*input = true;
    const std::size_t added = count_made(story, with) - made;
    return added == 0 ? std::string()
                      : fmt::format(" ({})", counted(added, "more check", "more checks"));
  };
  could(counts.calls == 0, "strace -f -ttt -T -yy -o FILE …: what the program asked of the kernel" +
                               more(&Given::log));
  could(!story.has_capture(),
        "tcpdump -i any -w FILE: how long data waited for the program, who reset a connection, "
        "what was lost" +
            more(&Given::capture));
  could(story.lacks_files(),
        "stracecalls --records syscall,signal,process,problem,file: which descriptors stayed open, "
        "and how long");
  could(counts.calls > 0 && story.lacks_segments(),
        "pcapflows --segments: how long data waited for the program");
  could(counts.calls > 0 && counts.functions == 0,
        "python -m cProfile -o FILE …: which Python function made the calls");
  could(story.lacks_times() && counts.calls > 0, "strace -ttt: when, and how fast");
  could(!story.lacks_times() && story.lacks_durations(), "strace -T: how long calls took");
}

}  // namespace

void write_report(const Story& story, Severity least, TextOutput& out) {
  for (const Finding& finding : story.findings()) {
    if (finding.severity >= least) write_finding(finding, out);
  }
  if (!story.has_seen()) {
    out.line("Nothing was looked at: no input holds a record that is known.");
  } else {
    const std::size_t made = count_made(story, given(story));
    // Some need no input at all: they alone say nothing of the program.
    const bool is_checked = made > count_made(story, {});
    out.line(is_checked || !story.findings().empty()
                 ? found_text(story.findings(), least)
                 : std::string("Nothing was checked: no check can be made with these inputs."));
    out.line(looked_at_text(story));
    out.line(fmt::format("Made: {} of {} checks; tracebraid check --list tells what each needs.",
                         made, story.checks().size()));
  }
  write_clocks(story.table().skew(), out);
  write_more(story, out);
  out.flush();
}

}  // namespace tracebraid::analyzers::checks
