// A loop that asks for events again and again without getting any done.

#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
#include "analyzers/checks/ready.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::uint64_t kLoop = 50;
constexpr std::int64_t kMillisecond = 1'000'000;

// They serve a descriptor, perhaps one that another thread polls for.
constexpr std::string_view kCalls[] = {"read",  "recvfrom", "recvmsg", "recv",
                                       "readv", "accept",   "accept4", "close"};
// These serve no descriptor. (A loop asks for its children's ends by the way.)
constexpr std::string_view kIdle[] = {"wait4", "waitid", "waitpid", "sched_yield", "getppid"};

// Polls in a row. A few may have taken long: the processor was another's.
struct Row {
  CallNote first;
  std::uint64_t count = 0, slow = 0;
  std::uint64_t switched = 0;  // other greenlets ran before it
  std::optional<std::int64_t> last_ts;
  std::string last_input;
  std::uint64_t last_line = 0;
};

struct State {
  Row empty, unserved;
  ReadySet ready;      // of `unserved`, without the events
  std::string events;  // of the first of them
  // Of the poll before, where the log does not tell how long it took: its begin and row.
  std::optional<std::int64_t> open_since;
  Row* open_row = nullptr;
};

class BusyPoll final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls, .polls = true}; }

  void call(const CallEvent& event) override {
    if (!event.name.is_poll) {
      if (keeps(event.thread)) other_call(event, states_[&event.thread]);
      if (unserved_rows_ > 0) served_by_other(event);
      return;
    }
    State& state = states_[&event.thread];
    keep(event.thread);
    settle(event, state);
    poll(event, state);
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
    for (auto& [lane, finding] : findings_) {
      set_count(finding);
      report(std::move(finding));
    }
  }

 private:
  // From so many on it is worth to look what other threads do.
  static constexpr std::uint64_t kSome = 3;
  static constexpr std::int64_t kSlices = 50 * kMillisecond;

  // One more, beside `few` and one in 20.
  static bool may_be_slow(const Row& row, std::uint64_t few) {
    constexpr std::uint64_t kOneIn = 20;
    return row.slow + 1 <= few + row.count / kOneIn;
  }
  // An event is there until it is served: what took the while of a few time slices did not wait
  // for it, unless it was the row's first.
  static std::uint64_t few_slow(std::int64_t took_ns) {
    constexpr std::uint64_t kFew = 3;
    return took_ns < kSlices ? kFew : 0;
  }

  void poll(const CallEvent& event, State& state) {
    const auto& call = event.call;
    const std::optional<std::int64_t> timeout = poll_timeout(call);
    // Without a duration: a poll that found nothing has waited as long as it was to.
    const std::int64_t took_ns = call.duration      ? call.duration->ns
                                 : call.result == 0 ? timeout.value_or(INT64_MAX)
                                                    : 0;
    const bool is_quick = took_ns < kMillisecond || timeout == 0;
    // One that was to wait has waited.
    const bool is_late = call.duration && timeout.value_or(INT64_MAX) < kMillisecond;
    if (call.result == 0 && (is_quick || (is_late && may_be_slow(state.empty, 0)))) {
      count(event, state.empty);
      if (!is_quick) ++state.empty.slow;
      end_unserved(state);
      return;
    }
    end_empty(state);
    if (!is_quick && !may_be_slow(state.unserved, few_slow(took_ns))) return end_unserved(state);
    const ReadySet& ready = scene_.ready_sets().of(event);
    if (ready.ones.empty()) return end_unserved(state);
    if (ready.key != state.ready.key || ready.ones.size() != state.ready.ones.size()) {
      end_unserved(state);
      state.ready.ones.assign(ready.ones.begin(), ready.ones.end());
      state.events.assign(ready.ones.front().events);
      for (ReadyOne& one : state.ready.ones) one.events = {};
      state.ready.key = ready.key;
      state.ready.is_known = ready.is_known;
    }
    count(event, state.unserved);
    if (state.unserved.count == kSome) ++unserved_rows_;
    if (!is_quick) ++state.unserved.slow;
    if (call.duration || timeout == 0) return;
    state.open_since = event.begin;
    state.open_row = &state.unserved;
  }

  // Where the log does not tell how long the poll before took, the thread's next call does.
  void settle(const CallEvent& event, State& state) {
    Row* const row = std::exchange(state.open_row, nullptr);
    if (row == nullptr || row->count == 0 || !state.open_since || !event.begin) return;
    const std::int64_t took_ns = *event.begin - *state.open_since;
    if (took_ns < kMillisecond) return;
    if (may_be_slow(*row, few_slow(took_ns))) {
      ++row->slow;
    } else {
      end_unserved(state);
    }
  }

  static void count(const CallEvent& event, Row& row) {
    if (++row.count == 1) {
      row.first.set(event);
    } else if (row.last_ts && event.thread.switched_ts > *row.last_ts) {
      ++row.switched;
    }
    row.last_ts = event.begin;
    row.last_input.assign(event.call.input);
    row.last_line = event.call.line;
  }

  void other_call(const CallEvent& event, State& state) {
    const auto& call = event.call;
    settle(event, state);
    if (event.name.is_aside) return;
    end_empty(state);
    if (state.unserved.count == 0) return;
    const bool is_idle = is_one_of(event.name.text, kIdle);
    const bool may_serve =
        state.ready.is_known ? state.ready.has(call.fd) || state.ready.has(call.fd2) : !is_idle;
    if (may_serve) end_unserved(state);
  }

  // A thread of the same process does what the one that polls does not.
  void served_by_other(const CallEvent& event) {
    if (!event.call.fd || event.name.is_epoll_ctl) return;
    for (auto& [thread, state] : states_) {
      if (thread == &event.thread || thread->lane != event.thread.lane ||
          thread->pid != event.thread.pid || state.unserved.count < kSome) {
        continue;
      }
      if (state.ready.has(event.call.fd)) end_unserved(state);
    }
  }

  // A few dozen polls until a timer is due, which ends within a millisecond, are soon over:
  // Eventlet and gevent cut the time-out of poll() down to whole milliseconds.
  static bool is_soon_over(const Row& row) {
    constexpr std::int64_t kSoon = 2 * kMillisecond;
    const auto first = row.first.ts();
    return first && row.last_ts && *row.last_ts - *first < kSoon;
  }

  void end_empty(State& state) {
    Row& row = state.empty;
    if (row.count >= kLoop && !is_soon_over(row)) {
      Finding finding = start(row);
      const bool has_switched = row.switched * 2 > row.count;
      finding.summary = fmt::format(
          "{} returned at once without an event {{}}: {}", row.first.call().syscall,
          has_switched ? "other greenlets ran in between, none of which waited for anything"
                       : "the thread runs without anything to do");
      finding.hint =
          has_switched
              ? "greenlets that only give way (sleep(0)) keep the processor busy: let them wait "
                "for what they need"
              : "a time-out of 0, or a timer that is always due: let the loop sleep until the "
                "next event or timer";
      if (has_switched) finding.severity = Severity::kNote;
      add(row.first.lane(), std::move(finding));
    }
    row.count = row.slow = row.switched = 0;
  }

  void end_unserved(State& state) {
    Row& row = state.unserved;
    if (row.count >= kSome) --unserved_rows_;
    if (row.count >= kLoop) {
      Finding finding = start(row);
      finding.fd = state.ready.is_known ? state.ready.ones.front().fd : std::nullopt;
      finding.summary =
          fmt::format("{} found {} ready {{}}, and nobody read or wrote {} in between",
                      row.first.call().syscall, shown(state.ready),
                      state.ready.ones.size() == 1 ? "it" : "any of them");
      finding.detail = told_of_events(state.events);
      finding.hint =
          "a level-triggered event stays until it is served: read the descriptor, or "
          "take it out of the set";
      add(row.first.lane(), std::move(finding));
    }
    row.count = row.slow = row.switched = 0;
    state.ready.key = 0;
    state.ready.ones.clear();
    state.open_row = nullptr;
  }

  // Without a summary.
  Finding start(const Row& row) {
    Finding finding = row.first.finding(scene_);
    finding.last_ts = row.last_ts;
    finding.count = row.count;
    constexpr std::uint64_t kMany = 1000;
    const std::int64_t lasted =
        finding.ts && row.last_ts ? *row.last_ts - *finding.ts : std::int64_t{0};
    if (row.count >= kMany || lasted >= 1000 * kMillisecond) finding.severity = Severity::kError;
    finding.evidence.push_back(
        fmt::format("{}: the last of them", scene_.place(row.last_input, row.last_line)));
    finding.function = scene_.function(row.first.call().syscall, row.count);
    scene_.note_turning(
        {row.first.lane(), finding.tid.value_or(0), row.first.call().line, row.last_line});
    return finding;
  }

  // The same of one thread is one, with the last of the later.
  void add(std::size_t lane, Finding finding) {
    for (auto& [of, known] : findings_) {
      if (of != lane || known.tid != finding.tid || known.pid != finding.pid ||
          known.fd != finding.fd || known.summary != finding.summary) {
        continue;
      }
      known.severity = std::max(known.severity, finding.severity);
      known.count += finding.count;
      known.last_ts = finding.last_ts;
      known.evidence.back() = finding.evidence.back();
      return;
    }
    // Many threads that do so are enough to know.
    constexpr std::size_t kMost = 1000;
    if (findings_.size() < kMost) findings_.emplace_back(lane, std::move(finding));
  }

  static void set_count(Finding& finding) {
    const std::string count = fmt::format("{} times{}", shown_count(finding.count),
                                          shown_rate(finding.count, finding.ts, finding.last_ts));
    finding.summary.replace(finding.summary.find("{}"), 2, count);
  }

  std::unordered_map<Thread*, State> states_;
  std::uint64_t unserved_rows_ = 0;                        // of kSome and more
  std::vector<std::pair<std::size_t, Finding>> findings_;  // with their lanes
};

}  // namespace

extern constinit const Check kBusyPoll = {
    .id = "busy_poll",
    .title = "a loop polls without waiting and without work",
    .explain =
        "50 or more calls of poll, select or epoll_wait in a row (10 ms or more, where they find "
        "nothing) that return within a millisecond "
        "(one in 20 may take longer: the processor was another's; and three more, up to 50 ms, "
        "where an event is ready all the time) or have a time-out of 0, either without an event "
        "and without another call in between (but for memory and clocks), or with the same "
        "descriptors ready, which nobody reads, writes or takes out of the set. Where the log has "
        "no durations, a poll that found nothing has waited for its time-out, and any other for "
        "no longer than until the thread's next call. What epoll_wait returns is told to be a "
        "descriptor where the log has its EPOLL_CTL_ADD or EPOLL_CTL_MOD; else nothing but polls "
        "(and wait4) may be in between. An error from 1,000 calls or one second on; a note where "
        "the log of greenlets shows that others ran in between. Such as\n\n"
        "  epoll_wait(3, [{events=EPOLLIN, data={u32=4, u64=4}}], 1023, 1000) = 1\n"
        "  epoll_wait(3, [{events=EPOLLIN, data={u32=4, u64=4}}], 1023, 1000) = 1\n"
        "  epoll_wait(3, [{events=EPOLLIN, data={u32=4, u64=4}}], 1023, 1000) = 1\n\n"
        "Loops that make other calls, too, are told by spin.",
    .needs = "log",
    .make = &make_detector<BusyPoll>,
};

}  // namespace tracebraid::analyzers::checks
