// The same call on the same descriptor fails the same way again and again, and nothing else gets
// done: an error that a loop swallows.
//
// Measured on logs of real programs: loops ran for 300 calls and more, harmless repetitions ended
// below 5 (bash closes 13 descriptors that are not open, each once; compilers and imports try up to
// 16 paths, which are no descriptors).

#include <algorithm>
#include <unordered_map>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::uint64_t kLoop = 20;
// EAGAIN is an answer that one may get now and then.
constexpr std::uint64_t kSpin = 50;
constexpr std::int64_t kMillisecond = 1'000'000;

struct Run {
  CallNote note;  // of the first call
  std::int64_t fd = -1;
  std::uint64_t count = 0, others = 0, others_in_row = 0;
  std::optional<std::int64_t> last_ts;
  std::string last_input;
  std::uint64_t last_line = 0;
  std::uint64_t polls = 0;  // that found something in between
  std::string poll;
  bool is_open = false;  // the call before was a poll without a duration
  bool has_cause = false;
  Closing cause;
};

class ErrorLoop final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.failing = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (keeps(event.thread)) settle(event);
    if (call.error.empty() || !call.fd || is_interruption(call.error)) {
      if (keeps(event.thread)) succeed(event);
      return;
    }
    // connect_failed's, which knows to whom.
    if (call.syscall == "connect") return;
    // EINPROGRESS is a beginning, ENOTTY an answer: is it a terminal?
    if (call.error == "EINPROGRESS" || call.error == "ENOTTY" || call.error == "EISCONN") return;
    if (!call.path.empty() && call.error != "EBADF" && event.socket == nullptr) return;
    Run& run = runs_[&event.thread];
    if (run.count > 0 && run.fd == *call.fd && run.note.call().syscall == call.syscall &&
        run.note.call().error == call.error) {
      ++run.count;
      run.others_in_row = 0;
      run.last_ts = event.begin;
      run.last_line = call.line;
      run.last_input.assign(call.input);
      return;
    }
    end(event.thread, run);
    begin(event, run);
  }

  void gone(Thread& thread) override {
    const auto found = runs_.find(&thread);
    if (found != runs_.end()) end(thread, found->second);
    runs_.erase(&thread);
  }

  void finish() override {
    for (const auto& [thread, run] : in_order(runs_)) end(*thread, *run);
  }

 private:
  void begin(const CallEvent& event, Run& run) {
    const auto& call = event.call;
    keep(event.thread);
    run.note.set(event);
    run.fd = *call.fd;
    run.count = 1;
    run.others = run.others_in_row = run.polls = 0;
    run.last_ts = event.begin;
    run.last_line = 0;
    run.has_cause = false;
    if (call.error != "EBADF") return;
    const Closing* closing = scene_.closing(event.thread, *call.fd);
    if (closing == nullptr) {
      // -1: the program's object has forgotten its number. It was what this call was for before.
      for (const auto& [name, file] : event.thread.used) {
        if (name == &event.name) closing = scene_.closing_of_file(event.thread, file);
      }
    }
    if (closing == nullptr && *call.fd < 0 && call.syscall.starts_with("accept")) {
      closing = scene_.last_listener_closing(event.thread);
    }
    if (closing == nullptr) return;
    run.has_cause = true;
    run.cause = *closing;
  }

  // A poll whose duration the log does not tell has waited when the next call was long behind it.
  void settle(const CallEvent& event) {
    Run& run = runs_[&event.thread];
    const bool was_open = std::exchange(run.is_open, false);
    const auto& before = event.thread.before_end;
    if (!was_open || !before || !event.begin || *event.begin - *before < kMillisecond) return;
    end(event.thread, run);
    run.count = 0;
  }

  // Whether a call means that something gets done.
  static bool is_progress(const CallEvent& event) {
    const auto& call = event.call;
    if (!call.error.empty()) return false;
    if (call.bytes && *call.bytes > 0) return true;
    if (call.new_file && event.name.accepts) return true;
    // It has waited for something; for how long, its time-out tells where the log does not.
    if (!event.name.is_poll && !event.name.is_sleep && call.syscall != "futex") return false;
    if (call.duration) return call.duration->ns >= kMillisecond;
    return event.name.is_sleep || (event.name.is_poll && call.result == 0 &&
                                   poll_timeout(call).value_or(kMillisecond) >= kMillisecond);
  }

  void succeed(const CallEvent& event) {
    const auto& call = event.call;
    Run& run = runs_[&event.thread];
    ++run.others;
    run.is_open = event.name.is_poll && !call.duration;
    if (event.name.is_poll && call.result && *call.result > 0 && run.polls++ == 0) {
      run.poll.assign(call.syscall);
    }
    const bool is_same = call.fd == run.fd && call.syscall == run.note.call().syscall;
    // EAGAIN is no loop where somebody waits in between, for however short.
    const bool waits =
        is_again(run.note.call().error) && (event.name.is_poll || event.name.is_sleep);
    // Up to so many other calls a turn.
    constexpr std::uint64_t kOthers = 16;
    if (is_same || waits || is_progress(event) || run.others > kOthers * run.count + kLoop ||
        ++run.others_in_row > run.count + kLoop) {
      end(event.thread, run);
      run.count = 0;
      let_go(event.thread);
    }
  }

  void end(const Thread& thread, Run& run) {
    const std::string& call = run.note.call().syscall;
    const std::string& error = run.note.call().error;
    const bool spins = is_again(error);
    if (run.count < (spins ? kSpin : kLoop) || is_paced(run)) return;
    if (error == "EBADF") scene_.note_loop(thread, call, run.fd < 0, run.count);
    scene_.note_turning({thread.lane, thread.tid, run.note.call().line,
                         std::max(run.last_line, run.note.call().line)});
    Finding finding = run.note.finding(scene_, false);
    constexpr std::int64_t kLong = 500 * kMillisecond;
    const std::int64_t lasted =
        finding.ts && run.last_ts ? *run.last_ts - *finding.ts : std::int64_t{0};
    constexpr std::uint64_t kMany = 1000;
    finding.severity =
        spins && run.count < kMany && lasted < kLong ? Severity::kWarning : Severity::kError;
    finding.count = run.count;
    finding.last_ts = run.last_ts;
    finding.summary =
        fmt::format("{}({}) failed with {} {} times{}{}", call, run.fd, error,
                    shown_count(run.count), shown_rate(run.count, finding.ts, run.last_ts),
                    spins ? ", without waiting in between" : ", and nothing else got done");
    if (run.has_cause) {
      finding.detail = told(run.cause, finding);
      finding.evidence.push_back(scene_.evidence(run.cause.call));
    } else if (error == "EBADF") {
      finding.detail = "The log does not show what closed it";
    } else if (spins) {
      finding.detail =
          "A socket that is not ready is asked again at once instead of being waited for";
    }
    if (run.polls * 2 > run.count) {
      finding.detail +=
          fmt::format("{}{} said {} times in between that something was ready",
                      finding.detail.empty() ? "" : ". ", run.poll, shown_count(run.polls));
    }
    finding.evidence.push_back(scene_.evidence(run.note.call()));
    finding.evidence.push_back(
        fmt::format("{}: the last of them", scene_.place(run.last_input, run.last_line)));
    finding.function = scene_.function(call, run.count);
    finding.hint =
        spins ? "wait for the socket (poll, epoll, the loop's own wait) before trying again"
              : fmt::format("find the code that ignores {} of this call; it should end its loop",
                            error);
    report(std::move(finding));
    run.count = 0;
  }

  // Something makes it wait that the log does not show, such as calls that were not traced.
  static bool is_paced(const Run& run) {
    constexpr std::int64_t kSlow = 100 * kMillisecond;
    const std::optional<std::int64_t> first = run.note.ts();
    return first && run.last_ts &&
           *run.last_ts - *first >= kSlow * static_cast<std::int64_t>(run.count - 1);
  }

  // The close that led to it, whose call `finding` has begun with.
  static std::string told(const Closing& cause, const Finding& finding) {
    std::string text = "It began ";
    if (cause.ts && finding.ts) text += shown_duration(*finding.ts - *cause.ts) + " ";
    text += fmt::format("after the close of the {}", cause.what.shown());
    if (cause.tid != 0 && finding.tid && cause.tid != *finding.tid) {
      text += fmt::format(" by thread {}", cause.tid);
    }
    if (!cause.greenlet.empty()) {
      text += cause.greenlet == finding.greenlet ? std::string(" by the same greenlet")
                                                 : fmt::format(" by greenlet {}", cause.greenlet);
    }
    text += cause.what.is_listener
                ? ": the loop that accepts goes on with a socket that is closed, and takes the "
                  "error for one that passes"
                : ": the loop goes on with a descriptor that is closed";
    return text;
  }

  std::unordered_map<Thread*, Run> runs_;
};

}  // namespace

extern constinit const Check kErrorLoop = {
    .id = "error_loop",
    .title = "the same call fails the same way again and again",
    .explain =
        "A thread repeats a call on a descriptor that fails with the same error, 20 times or more "
        "(50 times for EAGAIN), and receives, sends, accepts and waits for nothing in between. "
        "There may be up to 16 other calls for each that fails. Calls on paths (ENOENT while a "
        "file is looked for), ENOTTY, EINPROGRESS and interruptions "
        "do not count, nor do failures 100 ms and more apart: something makes them wait. Where the "
        "error is EBADF, the close that led to it is named: of that "
        "number, or, when the number is -1, of the socket that the same call was for before.\n\n"
        "An error, since the program does nothing but this; EAGAIN is a warning below 1,000 times "
        "and half a second.",
    .needs = "log",
    .make = &make_detector<ErrorLoop>,
};

}  // namespace tracebraid::analyzers::checks
