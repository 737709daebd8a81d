#include "analyzers/checks/finding.h"

#include <fmt/core.h>

#include "analyzers/checks/detector.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::checks {

void set_call(Finding& finding, const CallEvent& event) {
  finding.ts = finding.last_ts = event.begin;
  if (event.thread.pid != 0) finding.pid = event.thread.pid;
  if (event.thread.tid != 0) finding.tid = event.thread.tid;
  finding.fd = event.call.fd;
  finding.greenlet = event.thread.greenlet;
  if (event.socket == nullptr) return;
  finding.file = event.socket->file;
  finding.socket = event.socket->shown();
  if (event.socket->wire) finding.uid = event.socket->wire->uid;
}

void Quote::set(const formats::record::Syscall& call) {
  constexpr std::size_t kShown = 120;
  input.assign(call.input);
  syscall.assign(call.syscall);
  args.assign(call.args.substr(0, kShown));
  result.assign(call.result_text.substr(0, kShown));
  error.assign(call.error);
  line = call.line;
  ns = call.duration ? call.duration->ns : -1;
}

std::string shown_rate(std::uint64_t count, const std::optional<std::int64_t>& first,
                       const std::optional<std::int64_t>& last) {
  if (!first || !last || *last <= *first) return {};
  std::string text = " in " + shown_duration(*last - *first);
  constexpr std::int64_t kLeast = 1'000'000;
  if (*last - *first >= kLeast && count > 1) {
    const double rate = static_cast<double>(count) * 1e9 / static_cast<double>(*last - *first);
    if (rate >= 1) text += fmt::format(" ({}/s)", shown_count(static_cast<std::uint64_t>(rate)));
  }
  return text;
}

}  // namespace tracebraid::analyzers::checks
