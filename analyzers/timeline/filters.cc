#include "analyzers/timeline/filters.h"

#include <algorithm>

#include "analyzers/sockets/table.h"
#include "formats/cli/numbers.h"
#include "formats/cli/record_output.h"

namespace tracebraid::analyzers::timeline {
namespace {

namespace cli = formats::cli;
namespace record = formats::record;

template <typename Number>
std::set<Number> numbers(const cli::Arguments& arguments, std::string_view option) {
  std::set<Number> all;
  const std::string list = arguments.value(option).value_or("");
  for (const std::string_view word : cli::split_list(list)) {
    all.insert(cli::number<Number>("--" + std::string(option), word));
  }
  return all;
}

// No numbers: all.
template <typename Number>
bool has(const std::set<Number>& numbers, const Number& number) {
  return numbers.empty() || numbers.contains(number);
}

template <typename Time>
std::optional<std::int64_t> ns_of(const std::optional<Time>& time) {
  return time ? std::optional(time->ns) : std::nullopt;
}

}  // namespace

Filters::Filters(const cli::Arguments& arguments)
    : pids_(numbers<std::uint64_t>(arguments, "pid")),
      tids_(numbers<std::uint64_t>(arguments, "tid")),
      fds_(numbers<std::int64_t>(arguments, "fd")),
      files_(numbers<std::uint64_t>(arguments, "file")),
      errors_(arguments.has("errors")),
      range_(arguments, UntilIs::kInside) {
  const std::string flows = arguments.value("flow").value_or("");
  for (const std::string_view flow : cli::split_list(flows)) flows_.emplace_back(flow);
}

bool Filters::want(const record::Syscall& call, const SocketLife* socket) {
  const std::optional<std::int64_t> ts = ns_of(call.ts);
  if (!is_in_time(ts, ts)) return false;
  if (errors_ && call.error.empty()) return false;
  if (!has(pids_, call.pid.value_or(0)) || !has(tids_, call.tid.value_or(0))) return false;
  constexpr std::int64_t kNoFd = -2;  // -1 is one that programs name: close(-1)
  const bool makes_fd = call.new_file && call.result && has(fds_, *call.result);
  if (!has(fds_, call.fd.value_or(kNoFd)) && !makes_fd) return false;
  if (!has(files_, call.file.value_or(0)) && !has(files_, call.new_file.value_or(0))) return false;
  return flows_.empty() || (socket != nullptr && socket->wire && wants_flow(socket->wire->uid));
}

bool Filters::want(const record::Segment& segment) {
  return is_in_time(segment.ts.ns, segment.ts.ns) && wants_flow(segment.uid) && !are_of_calls() &&
         (!errors_ || segment.is_rexmit);
}

bool Filters::want(const record::Flow& flow) {
  return is_in_time(flow.ts.ns, flow.last_ts.ns) && wants_flow(flow.uid) && !are_of_calls() &&
         (!errors_ || flow.conn_state != "SF");
}

bool Filters::want(const record::Switch& change) {
  return is_in_time(change.ts.ns, change.ts.ns) && wants_thread(change.pid, change.tid) && !errors_;
}

bool Filters::want(const record::Signal& signal) {
  const std::optional<std::int64_t> ts = ns_of(signal.ts);
  return is_in_time(ts, ts) && wants_thread(signal.pid, signal.tid);
}

bool Filters::want(const record::Process& process) {
  const std::optional<std::int64_t> ts = ns_of(process.ts);
  return is_in_time(ts, ts) && wants_thread(process.pid, process.tid) &&
         (!errors_ || process.event == "killed");
}

bool Filters::is_in_time(std::optional<std::int64_t> begin, std::optional<std::int64_t> end) {
  if (!begin || !end) return range_.is_all();
  range_.note(*begin);
  return range_.has(*begin, *end);
}

// Of what is about no descriptor and no flow.
bool Filters::wants_thread(std::optional<std::uint64_t> pid,
                           std::optional<std::uint64_t> tid) const {
  return has(pids_, pid.value_or(0)) && has(tids_, tid.value_or(0)) && !are_of_files() &&
         flows_.empty();
}

bool Filters::wants_flow(std::string_view uid) const {
  return flows_.empty() || std::ranges::any_of(flows_, [&](const std::string& begin) {
           return uid.starts_with(begin);
         });
}

// Then the wire is left out.
bool Filters::are_of_calls() const {
  return !pids_.empty() || !tids_.empty() || are_of_files();
}

}  // namespace tracebraid::analyzers::timeline
