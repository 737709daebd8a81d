// A loop that asks for events again and again without getting any done.

#include <unordered_map>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::uint64_t kLoop = 50;
constexpr std::int64_t kMillisecond = 1'000'000;

// The descriptor that poll or epoll_wait found ready, when it is one alone; -1 otherwise.
std::int64_t only_ready(const formats::record::Syscall& call) {
  if (call.result != 1) return -1;
  std::string_view text;
  if (call.syscall.starts_with("epoll")) {
    const std::size_t at = call.args.find("data={u32=");
    if (at == std::string_view::npos) return -1;
    text = call.args.substr(at + 10);
  } else if (call.syscall.ends_with("poll")) {
    const std::size_t at = call.aux.find("fd=");
    if (at == std::string_view::npos) return -1;
    text = call.aux.substr(at + 3);
  } else {
    const std::size_t at = call.aux.find("in [");
    if (at == std::string_view::npos) return -1;
    text = call.aux.substr(at + 4);
  }
  std::int64_t fd = 0;
  std::size_t digits = 0;
  while (digits < text.size() && digits < 9 && text[digits] >= '0' && text[digits] <= '9') {
    fd = fd * 10 + (text[digits++] - '0');
  }
  return digits == 0 ? -1 : fd;
}

// Polls in a row. A few may have taken long: the processor was another's.
struct Row {
  CallNote first;
  std::uint64_t count = 0, slow = 0;
  std::optional<std::int64_t> last_ts;
};

struct State {
  Row empty, unserved;
  std::int64_t ready = -1;
  std::string last_input;
  std::uint64_t last_line = 0;
};

class BusyPoll final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.polls = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (!event.name.is_poll) {
      const auto found = states_.find(&event.thread);
      if (found != states_.end()) other_call(event, found->second);
      return;
    }
    State& state = states_[&event.thread];
    keep(event.thread);
    const std::int64_t took_ns = call.duration ? call.duration->ns : 0;
    const bool is_quick = took_ns < kMillisecond || poll_timeout(call) == 0;
    if (call.result == 0 && (is_quick || may_be_slow(state.empty, 0))) {
      count(event, state.empty, state);
      if (!is_quick) ++state.empty.slow;
      end_unserved(state);
      return;
    }
    end_empty(state);
    // The event is there until it is served: what took the while of a few time slices did not wait
    // for it, unless it was the row's first.
    constexpr std::int64_t kSlices = 50 * kMillisecond;
    constexpr std::uint64_t kFew = 3;
    const std::uint64_t few = took_ns < kSlices ? kFew : 0;
    const std::int64_t ready = is_quick || may_be_slow(state.unserved, few) ? only_ready(call) : -1;
    if (ready < 0 || ready != state.ready) end_unserved(state);
    state.ready = ready;
    if (ready < 0) return;
    count(event, state.unserved, state);
    if (!is_quick) ++state.unserved.slow;
  }

  void gone(Thread& thread) override {
    const auto found = states_.find(&thread);
    if (found == states_.end()) return;
    end_empty(found->second);
    end_unserved(found->second);
    states_.erase(found);
  }

  void finish() override {
    for (const auto& [thread, state] : in_order(states_)) {
      end_empty(*state);
      end_unserved(*state);
    }
  }

 private:
  // One more, beside `few` and one in 20.
  static bool may_be_slow(const Row& row, std::uint64_t few) {
    constexpr std::uint64_t kOneIn = 20;
    return row.slow + 1 <= few + row.count / kOneIn;
  }

  void count(const CallEvent& event, Row& row, State& state) {
    if (++row.count == 1) row.first.set(event);
    row.last_ts = event.begin;
    state.last_input.assign(event.call.input);
    state.last_line = event.call.line;
  }

  void other_call(const CallEvent& event, State& state) {
    const auto& call = event.call;
    if (event.name.is_aside) return;
    end_empty(state);
    if (call.fd == state.ready || call.fd2 == state.ready) end_unserved(state);
  }

  void end_empty(State& state) {
    if (state.empty.count >= kLoop) {
      Finding finding = start(state.empty, state);
      finding.summary = fmt::format(
          "{} returned at once without an event {} times{}: the thread runs without anything to do",
          state.empty.first.call().syscall, shown_count(finding.count),
          shown_rate(finding.count, finding.ts, finding.last_ts));
      finding.hint =
          "a time-out of 0, or a timer that is always due: let the loop sleep until the "
          "next event or timer";
      report(std::move(finding));
    }
    state.empty.count = state.empty.slow = 0;
  }

  void end_unserved(State& state) {
    if (state.unserved.count >= kLoop) {
      Finding finding = start(state.unserved, state);
      finding.fd = state.ready;
      finding.summary = fmt::format(
          "{} found descriptor {} ready {} times{}, and nobody read or wrote it in between",
          state.unserved.first.call().syscall, state.ready, shown_count(finding.count),
          shown_rate(finding.count, finding.ts, finding.last_ts));
      finding.hint =
          "a level-triggered event stays until it is served: read the descriptor, or "
          "take it out of the set";
      report(std::move(finding));
    }
    state.unserved.count = state.unserved.slow = 0;
    state.ready = -1;
  }

  // Without a summary.
  Finding start(const Row& row, const State& state) const {
    constexpr std::uint64_t kMany = 1000;
    Finding finding = row.first.finding(scene_);
    finding.last_ts = row.last_ts;
    finding.count = row.count;
    const std::int64_t lasted =
        finding.ts && finding.last_ts ? *finding.last_ts - *finding.ts : std::int64_t{0};
    finding.severity =
        row.count >= kMany || lasted >= 1000 * kMillisecond ? Severity::kError : Severity::kWarning;
    finding.evidence.push_back(
        fmt::format("{}: the last of them", scene_.place(state.last_input, state.last_line)));
    finding.function = scene_.function(row.first.call().syscall, row.count);
    return finding;
  }

  std::unordered_map<Thread*, State> states_;
};

}  // namespace

extern constinit const Check kBusyPoll = {
    .id = "busy_poll",
    .title = "a loop polls without waiting and without work",
    .explain =
        "50 or more calls of poll, select or epoll_wait in a row that return within a millisecond "
        "(one in 20 may take longer: the processor was another's; and three more, up to 50 ms, "
        "where an event is ready all the time) or have a time-out of 0, either without an event "
        "and without another call in between (but for memory and clocks), or with the same one "
        "descriptor ready, which nobody reads, writes or takes out of the set. An error from 1,000 "
        "calls or one second on.",
    .needs = "log",
    .make = &make_detector<BusyPoll>,
};

}  // namespace tracebraid::analyzers::checks
