// The same call on the same descriptor fails the same way again and again, and nothing else gets
// done: an error that a loop swallows.
//
// Measured on logs of real programs: loops ran for 300 calls and more, harmless repetitions ended
// below 5 (bash closes 13 descriptors that are not open, each once; compilers and imports try up to
// 16 paths, which are no descriptors).

#include <algorithm>
#include <unordered_map>

#include "analyzers/checks/checks.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::uint64_t kLoop = 20;
// EAGAIN is an answer that one may get now and then.
constexpr std::uint64_t kSpin = 50;
constexpr std::int64_t kMillisecond = 1'000'000;

bool is_again(std::string_view error) {
  return error == "EAGAIN" || error == "EWOULDBLOCK";
}

bool is_interruption(std::string_view error) {
  return error == "EINTR" || error.starts_with("ERESTART");
}

struct Run {
  std::string syscall, error;
  std::int64_t fd = -1;
  std::uint64_t count = 0, others = 0;
  std::optional<std::int64_t> first_ts, last_ts;
  std::string first;
  std::string last_input;
  std::uint64_t last_line = 0;
  Finding finding;  // of the first call
  std::string cause;
  std::optional<std::int64_t> cause_ts;
  std::string cause_greenlet;
  std::string what;  // that the descriptor was
  bool cause_was_listener = false;
  std::uint64_t cause_tid = 0;
};

class ErrorLoop final : public Detector {
 public:
  using Detector::Detector;

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (call.error.empty() || !call.fd || is_interruption(call.error)) {
      if (runs_.empty() && call.error.empty() && !event.socket) return;
      succeed(event);
      return;
    }
    // EINPROGRESS is a beginning, ENOTTY an answer: is it a terminal?
    if (call.error == "EINPROGRESS" || call.error == "ENOTTY" || call.error == "EISCONN") return;
    if (!call.path.empty() && call.error != "EBADF" && event.socket == nullptr) return;
    Run& run = runs_[&event.thread];
    if (run.count > 0 && run.syscall == call.syscall && run.fd == *call.fd &&
        run.error == call.error) {
      ++run.count;
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
    used_.erase(&thread);
  }

  void finish() override {
    for (auto& [thread, run] : runs_) end(*thread, run);
  }

 private:
  void begin(const CallEvent& event, Run& run) {
    const auto& call = event.call;
    run = {};
    run.syscall = call.syscall;
    run.error = call.error;
    run.fd = *call.fd;
    run.count = 1;
    run.first_ts = run.last_ts = event.begin;
    run.first = scene_.evidence(call);
    set_call(run.finding, event);
    if (call.error != "EBADF") return;
    const Closing* closing = scene_.closing(event.thread, *call.fd);
    if (closing == nullptr) {
      // -1: the program's object has forgotten its number. It was what this call was for before.
      for (const auto& [name, file] : used_[&event.thread]) {
        if (name == call.syscall) closing = scene_.closing_of_file(event.thread, file);
      }
    }
    if (closing == nullptr && *call.fd < 0 && call.syscall.starts_with("accept")) {
      closing = scene_.last_listener_closing(event.thread);
    }
    if (closing == nullptr) return;
    run.cause = closing->where;
    run.cause_ts = closing->ts;
    run.cause_greenlet = closing->greenlet;
    run.cause_tid = closing->tid;
    run.what = closing->what;
    run.cause_was_listener = closing->was_listener;
  }

  // Whether a call means that something gets done.
  static bool is_progress(const CallEvent& event) {
    const auto& call = event.call;
    if (!call.error.empty()) return false;
    if (call.bytes && *call.bytes > 0) return true;
    if (call.new_file && (call.syscall == "accept4" || call.syscall == "accept")) return true;
    // It has waited for something.
    return (is_poll(call.syscall) || is_sleep(call.syscall) || call.syscall == "futex") &&
           call.duration && call.duration->ns >= kMillisecond;
  }

  void succeed(const CallEvent& event) {
    const auto& call = event.call;
    if (event.socket != nullptr && call.file && call.error.empty()) note_use(event);
    const auto found = runs_.find(&event.thread);
    if (found == runs_.end() || found->second.count == 0) return;
    Run& run = found->second;
    ++run.others;
    const bool is_same = call.fd == run.fd && call.syscall == run.syscall;
    // EAGAIN is no loop where somebody waits in between, for however short.
    const bool waits = is_again(run.error) && (is_poll(call.syscall) || is_sleep(call.syscall));
    if (is_same || waits || is_progress(event) || run.others > run.count + kLoop) {
      end(event.thread, run);
      run = {};
    }
  }

  // Which socket this call was for last, in its thread.
  void note_use(const CallEvent& event) {
    const auto& call = event.call;
    if (call.syscall != "accept4" && call.syscall != "accept" && !call.bytes) return;
    auto& used = used_[&event.thread];
    for (auto& [name, file] : used) {
      if (name == call.syscall) {
        file = *call.file;
        return;
      }
    }
    used.emplace_back(call.syscall, *call.file);
  }

  void end(const Thread& thread, Run& run) {
    const bool spins = is_again(run.error);
    if (run.count < (spins ? kSpin : kLoop)) return;
    if (run.error == "EBADF") scene_.note_loop(thread, run.syscall, run.fd < 0, run.count);
    Finding& finding = run.finding;
    finding.id = "error_loop";
    constexpr std::int64_t kLong = 500 * kMillisecond;
    const std::int64_t lasted =
        run.first_ts && run.last_ts ? *run.last_ts - *run.first_ts : std::int64_t{0};
    constexpr std::uint64_t kMany = 1000;
    finding.severity =
        spins && run.count < kMany && lasted < kLong ? Severity::kWarning : Severity::kError;
    finding.count = run.count;
    finding.ts = run.first_ts;
    finding.last_ts = run.last_ts;
    finding.summary = run.syscall + "(" + std::to_string(run.fd) + ") failed with " + run.error +
                      " " + shown_count(run.count) + " times" +
                      shown_rate(run.count, run.first_ts, run.last_ts) +
                      (spins ? ", without waiting in between" : ", and nothing else got done");
    if (!run.cause.empty()) {
      finding.detail = "It began ";
      if (run.cause_ts && run.first_ts) {
        finding.detail.append(shown_duration(*run.first_ts - *run.cause_ts)).append(" after ");
      } else {
        finding.detail.append("after ");
      }
      finding.detail.append("the close of the ").append(run.what);
      if (run.cause_tid != 0 && finding.tid && run.cause_tid != *finding.tid) {
        finding.detail.append(" by thread ").append(std::to_string(run.cause_tid));
      }
      if (!run.cause_greenlet.empty()) {
        finding.detail.append(run.cause_greenlet == finding.greenlet ? " by the same greenlet"
                                                                     : " by greenlet ");
        if (run.cause_greenlet != finding.greenlet) finding.detail.append(run.cause_greenlet);
      }
      finding.detail.append(run.cause_was_listener
                                ? ": the loop that accepts goes on with a socket that is closed, "
                                  "and takes the error for one that passes"
                                : ": the loop goes on with a descriptor that is closed");
    } else if (run.error == "EBADF") {
      finding.detail = "The log does not show what closed it";
    } else if (spins) {
      finding.detail =
          "A socket that is not ready is asked again at once instead of being waited for";
    }
    if (!run.cause.empty()) finding.evidence.push_back(run.cause);
    finding.evidence.push_back(run.first);
    finding.evidence.push_back(scene_.place(run.last_input, run.last_line) + ": the last of them");
    finding.function = scene_.function(run.syscall, run.count);
    finding.hint =
        spins ? "wait for the socket (poll, epoll, the loop's own wait) before trying again"
              : "find the code that ignores " + run.error + " of this call; it should end its loop";
    scene_.report(std::move(finding));
    run = {};
  }

  std::unordered_map<Thread*, Run> runs_;
  // By call, what it was for last.
  std::unordered_map<Thread*, std::vector<std::pair<std::string, std::uint64_t>>> used_;
};

}  // namespace

const Check kErrorLoop = {
    "error_loop",
    "the same call fails the same way again and again",
    "A thread repeats a call on a descriptor that fails with the same error, 20 times or more (50 "
    "times for EAGAIN), and receives, sends, accepts and waits for nothing in between. Calls on "
    "paths (ENOENT while a file is looked for), ENOTTY, EINPROGRESS and interruptions do not "
    "count. "
    "Where the error is EBADF, the close that led to it is named: of that number, or, when the "
    "number is -1, of the socket that the same call was for before.\n\n"
    "An error, since the program does nothing but this; EAGAIN is a warning below 1,000 times and "
    "half a second.",
    "log",
    &make_detector<ErrorLoop>,
};

}  // namespace tracebraid::analyzers::checks
