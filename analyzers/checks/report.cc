#include "analyzers/checks/report.h"

#include <string_view>
#include <vector>

#include "analyzers/util/shown_time.h"

namespace tracebraid::analyzers::checks {
namespace {

void append_finding(std::string& text, const Finding& finding) {
  constexpr std::string_view kNames[] = {"note", "WARNING", "ERROR"};
  text.append(kNames[static_cast<std::size_t>(finding.severity)]).append(" ").append(finding.id);
  text.append(": ").append(finding.summary).append(".\n");
  if (!finding.detail.empty()) text.append("  ").append(finding.detail).append(".\n");
  std::string who;
  const auto add = [&](const std::string& part) {
    if (!who.empty()) who.append(", ");
    who.append(part);
  };
  if (finding.pid) add("process " + std::to_string(*finding.pid));
  if (finding.tid && finding.tid != finding.pid) add("thread " + std::to_string(*finding.tid));
  if (!finding.greenlet.empty()) add("greenlet " + finding.greenlet);
  if (!finding.uid.empty()) add("flow " + finding.uid);
  if (!who.empty()) text.append("  who:  ").append(who).append("\n");
  if (!finding.function.empty()) {
    text.append("  code: ").append(finding.function);
    text.append(" (by its number of calls in the profile)\n");
  }
  // Without times, order stands for them.
  constexpr std::int64_t kYear = 31'536'000'000'000'000;
  if (finding.ts && *finding.ts > kYear) {
    text.append("  when: ").append(shown_time(*finding.ts, true));
    if (finding.last_ts && *finding.last_ts > *finding.ts) {
      text.append(" to ").append(shown_time(*finding.last_ts));
    }
    text.append(" UTC\n");
  }
  for (const std::string& line : finding.evidence)
    text.append("  see:  ").append(line).append("\n");
  if (!finding.hint.empty()) text.append("  next: ").append(finding.hint).append("\n");
}

// What was looked at, and what more could be told.
void append_scope(std::string& text, const Story& story, std::size_t checked) {
  const Story::Counts& counts = story.counts();
  std::string what;
  const auto add = [&](const std::string& part) {
    if (!what.empty()) what.append(", ");
    what.append(part);
  };
  if (counts.calls > 0) {
    add(counted(counts.calls, "system call", "system calls") + " of " +
        counted(counts.threads, "thread", "threads"));
    add(counted(story.table().counts().sockets, "socket", "sockets") + " with peers" +
        (story.has_capture()
             ? ", " + shown_count(story.table().counts().matched) + " of them found on the wire"
             : std::string()));
  }
  if (story.has_capture()) {
    add(counted(counts.packets, "packet", "packets") + " of " +
        counted(counts.flows, "flow", "flows"));
  }
  if (counts.switches > 0) {
    add(counted(counts.switches, "greenlet switch", "greenlet switches"));
  }
  if (counts.functions > 0) add(counted(counts.functions, "function", "functions"));
  if (what.empty()) what = "nothing: the inputs hold no records that are known";
  text.append("Looked at: ").append(what).append("; ").append(std::to_string(checked));
  text.append(checked == 1 ? " check.\n" : " checks.\n");

  const Skew& skew = story.table().skew();
  constexpr std::int64_t kApart = 5'000'000;
  if (skew.low_count > 0 && skew.high_count > 0 &&
      (skew.low > skew.high || skew.low > kApart || skew.high < -kApart)) {
    text.append("The capture's clock and the log's differ (");
    text.append(shown_duration(skew.low)).append(" to ");
    text.append(shown_duration(skew.high)).append(" ahead): how long data waited is not ");
    text.append("known. tracebraid sockets says how to --shift them.\n");
  }

  std::string more;
  const auto could = [&](bool is_missing, std::string_view with) {
    if (is_missing) more.append("  ").append(with).append("\n");
  };
  could(counts.calls == 0,
        "strace -f -ttt -T -yy -o FILE …: what the program asked of the kernel; "
        "most checks need it");
  could(!story.has_capture(),
        "tcpdump -i any -w FILE: how long data waited for the program, who "
        "reset a connection, what was lost");
  could(story.lacks_files(),
        "stracecalls --records syscall,signal,process,problem,file: which descriptors stayed open, "
        "and how long");
  could(counts.calls > 0 && story.lacks_segments(),
        "pcapflows --segments: how long data waited for the program");
  could(counts.calls > 0 && counts.functions == 0,
        "python -m cProfile -o FILE …: which Python function made the calls");
  could(story.lacks_times() && counts.calls > 0, "strace -ttt: when, and how fast");
  could(!story.lacks_times() && story.lacks_durations(), "strace -T: how long calls took");
  if (!more.empty()) text.append("More could be told with:\n").append(more);
}

}  // namespace

std::string report_text(const Story& story, std::size_t checked, Severity least) {
  std::string text;
  std::size_t shown = 0;
  std::size_t numbers[3] = {};
  for (const Finding& finding : story.findings()) {
    ++numbers[static_cast<std::size_t>(finding.severity)];
    if (finding.severity < least) continue;
    if (shown++ > 0) text.append("\n");
    append_finding(text, finding);
  }
  if (shown > 0) text.append("\n");
  if (story.findings().empty()) {
    text.append("Nothing found that is wrong.\n");
  } else {
    text.append("Found: ");
    bool is_first = true;
    constexpr std::string_view kOne[] = {"note", "warning", "error"};
    constexpr std::string_view kMany[] = {"notes", "warnings", "errors"};
    for (std::size_t level = 3; level-- > 0;) {
      if (numbers[level] == 0) continue;
      if (!is_first) text.append(", ");
      is_first = false;
      text.append(counted(numbers[level], kOne[level], kMany[level]));
      if (level < static_cast<std::size_t>(least)) text.append(" (--min-severity shows)");
    }
    text.append("; nothing else.\n");
  }
  append_scope(text, story, checked);
  return text;
}

}  // namespace tracebraid::analyzers::checks
