// Threads that wake up again and again because a short wait was over, not because something came.
//
// CPython's threads ask for the interpreter lock every 5 ms (sys.getswitchinterval): a thread that
// wants it waits for a condition variable with that time-out (take_gil() in Python/ceval_gil.c).

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
#include "analyzers/util/shown.h"
#include "formats/io/saturate.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kShort = 20 * kMillisecond;
constexpr std::uint64_t kMany = 100;

constexpr std::string_view kCalls[] = {"clock_nanosleep", "nanosleep"};

// Waits of a thread by one call that ran out, in a row: nothing was moved in between.
struct Row {
  CallNote first;
  std::string call, last_input;
  std::uint64_t count = 0, timed = 0;
  std::int64_t waited_ns = 0;
  std::optional<std::int64_t> first_ts, last_ts;
  std::uint64_t last_line = 0;
};

// A row that was long enough.
struct Told {
  std::size_t lane = 0;
  std::uint64_t tid = 0;
  Finding finding;
  std::string call;
  std::int64_t waited_ns = 0;
  std::uint64_t timed = 0;
};

// Waits for one lock by several threads: of 5 ms, and those that ended before.
struct Lock {
  CallNote first;
  std::map<std::uint64_t, std::uint64_t> by_thread;  // time-outs
  std::uint64_t count = 0;
  std::int64_t waited_ns = 0;
  std::optional<std::int64_t> first_ts, last_ts;
  std::uint64_t last_line = 0;
  std::string last_input;
};

class ShortWaits final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override {
    return {.calls = kCalls, .polls = true, .failing = true};
  }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (!has_run_out(event)) {
      const bool works = (call.bytes && *call.bytes > 0) || event.name.accepts ||
                         (event.name.is_poll && call.result && *call.result > 0);
      if (works && keeps(event.thread)) end(event.thread);
      return;
    }
    if (event.name.text == "futex") add_lock(event);
    Row& row = rows_[&event.thread];
    if (row.count > 0 && row.call != event.name.text) end(event.thread);
    if (row.count == 0) {
      keep(event.thread);
      row.first.set(event);
      row.call = event.name.text;
      row.first_ts = event.begin;
      row.waited_ns = 0;
      row.timed = 0;
    }
    ++row.count;
    if (call.duration) {
      row.waited_ns = formats::io::saturated_sum(row.waited_ns, call.duration->ns);
      ++row.timed;
    }
    row.last_ts = event.begin;
    row.last_line = call.line;
    row.last_input.assign(call.input);
  }

  void gone(Thread& thread) override {
    end(thread);
    rows_.erase(&thread);
  }

  void finish() override {
    for (const auto& [thread, row] : in_order(rows_)) end(*thread);
    for (auto& [key, lock] : locks_) tell(std::get<0>(key), lock);
    // Each thread's alone.
    for (auto& told : told_) {
      if (told_of_lock_.contains({told.lane, told.tid}) && told.call == "futex") {
        continue;
      }
      tell(told);
    }
  }

 private:
  // A wait that ended because its time was over, and was short as far as is known.
  static bool has_run_out(const CallEvent& event) {
    const auto& call = event.call;
    const bool is_futex = event.name.text == "futex";
    if (is_futex ? call.error != "ETIMEDOUT" : !call.error.empty()) return false;
    if (!is_futex && !event.name.is_sleep && !event.name.is_poll) return false;
    if (event.name.is_poll) {
      const auto timeout = poll_timeout(call);
      if (call.result != 0 || !timeout || *timeout == 0 || *timeout > kShort) return false;
    }
    if (event.name.is_sleep && !call.duration) return false;
    return !call.duration || call.duration->ns <= 2 * kShort;
  }

  void add_lock(const CallEvent& event) {
    const auto& call = event.call;
    constexpr std::int64_t kInterval = 5 * kMillisecond - kMillisecond / 10;
    if (!call.duration || call.duration->ns < kInterval || call.duration->ns > 4 * kInterval)
      return;
    // A condition variable's words are in 48 bytes.
    const std::size_t end = call.args.find(',');
    if (end == std::string_view::npos || end < 2) return;
    Lock& lock =
        locks_[{event.thread.lane, event.thread.pid, std::string(call.args.substr(0, end - 2))}];
    if (lock.count++ == 0) {
      lock.first.set(event);
      lock.first_ts = event.begin;
    }
    ++lock.by_thread[event.thread.tid];
    lock.waited_ns = formats::io::saturated_sum(lock.waited_ns, call.duration->ns);
    lock.last_ts = event.begin;
    lock.last_line = call.line;
    lock.last_input.assign(call.input);
  }

  void tell(std::size_t lane, const Lock& lock) {
    constexpr std::uint64_t kFew = 20, kEach = 3;
    const auto threads =
        std::ranges::count_if(lock.by_thread, [](const auto& one) { return one.second >= kEach; });
    if (threads < 2 || lock.count < kFew) return;
    for (const auto& [tid, count] : lock.by_thread) told_of_lock_.insert({lane, tid});
    Finding finding = lock.first.finding(scene_);
    finding.severity = Severity::kNote;
    finding.tid.reset();
    finding.count = lock.count;
    finding.last_ts = lock.last_ts;
    finding.summary = fmt::format(
        "{} waited in futex for one lock with time-outs of 5 ms, {} times{}, for {} in all, as "
        "threads do that fight for the interpreter lock",
        counted(static_cast<std::uint64_t>(threads), "thread", "threads"), shown_count(lock.count),
        shown_rate(lock.count, lock.first_ts, lock.last_ts), shown_duration(lock.waited_ns));
    finding.detail =
        "5 ms are CPython's switch interval: so long a thread waits before it asks the one that "
        "runs to give the lock away";
    finding.evidence.push_back(
        fmt::format("{}: the last of them", scene_.place(lock.last_input, lock.last_line)));
    finding.hint =
        "threads do not compute at the same time in CPython: use processes, or C code that gives "
        "the lock away";
    report(std::move(finding));
  }

  void end(Thread& thread) {
    const auto found = rows_.find(&thread);
    if (found == rows_.end()) return;
    let_go(thread);
    Row& row = found->second;
    const std::uint64_t count = std::exchange(row.count, 0);
    const bool has_time = row.first_ts && row.last_ts && *row.last_ts > *row.first_ts;
    if (count < kMany || (row.timed == 0 && !has_time)) return;
    // From one to the next.
    const auto intervals = static_cast<std::int64_t>(count - 1);
    if (has_time && (*row.last_ts - *row.first_ts) / intervals > 2 * kShort) return;
    for (Told& told : told_) {
      if (told.tid != thread.tid || told.lane != thread.lane || told.call != row.call) {
        continue;
      }
      told.finding.count += count;
      told.finding.last_ts = row.last_ts;
      told.waited_ns = formats::io::saturated_sum(told.waited_ns, row.waited_ns);
      told.timed += row.timed;
      return;
    }
    constexpr std::size_t kMost = 1000;
    if (told_.size() >= kMost) return;
    Told told;
    told.lane = thread.lane;
    told.finding = row.first.finding(scene_);
    told.tid = thread.tid;
    told.finding.count = count;
    told.finding.ts = row.first_ts;
    told.finding.last_ts = row.last_ts;
    told.finding.evidence.push_back(
        fmt::format("{}: the last of them", scene_.place(row.last_input, row.last_line)));
    told.call = row.call;
    told.waited_ns = row.waited_ns;
    told.timed = row.timed;
    told_.push_back(std::move(told));
  }

  void tell(Told& told) {
    Finding& finding = told.finding;
    finding.severity = Severity::kNote;
    const std::string each =
        told.timed == 0
            ? std::string()
            : fmt::format(" of {}",
                          shown_duration(told.waited_ns / static_cast<std::int64_t>(told.timed)));
    finding.summary = fmt::format(
        "a thread woke up from {} {} times{}, each time because a wait{} was over", told.call,
        shown_count(finding.count), shown_rate(finding.count, finding.ts, finding.last_ts), each);
    finding.detail =
        "Each wake-up costs processor time, and what is waited for is seen late by up to that long";
    finding.function = scene_.function(told.call, finding.count);
    finding.hint =
        "wait for what is to come (a condition, an event, a descriptor) without a time-out, or "
        "with a long one";
    report(std::move(finding));
  }

  std::unordered_map<Thread*, Row> rows_;
  std::vector<Told> told_;
  std::map<std::tuple<std::size_t, std::uint64_t, std::string>, Lock> locks_;
  std::set<std::pair<std::size_t, std::uint64_t>> told_of_lock_;
};

}  // namespace

extern constinit const Check kShortWaits = {
    .id = "short_waits",
    .title = "a thread polls by short waits",
    .explain =
        "A thread woke up 100 times or more in a row because a wait of 20 ms at most was over "
        "(futex with ETIMEDOUT, poll, select or epoll_wait with 0, a sleep), and moved no byte in "
        "between; such as\n\n"
        "  futex(0x5595343e9140, FUTEX_WAIT_BITSET_PRIVATE, …) = -1 ETIMEDOUT <0.001097>\n"
        "  futex(0x5595343e9140, FUTEX_WAIT_BITSET_PRIVATE, …) = -1 ETIMEDOUT <0.001076>\n\n"
        "Where two threads of a process or more wait so for one lock, 20 times or more and 5 ms "
        "each time, they wait for CPython's interpreter lock: another thread computes "
        "meanwhile. Notes.",
    .needs = "log; for the interpreter lock with -T",
    .make = &make_detector<ShortWaits>,
};

}  // namespace tracebraid::analyzers::checks
