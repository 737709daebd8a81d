// A thread repeats a few calls in the same order with the same outcome, moves no byte and waits for
// nothing.

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
#include "analyzers/checks/ready.h"
#include "analyzers/checks/turns.h"
#include "analyzers/util/shown.h"
#include "formats/io/hash.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;

// What came of a call, the gravest last: the one that makes a loop turn.
enum class Outcome : std::uint8_t {
  kAside,     // says nothing of what the thread does
  kProgress,  // something got done, or it waited
  kNeutral,
  kYield,    // sched_yield, or a question whether a child has ended
  kEmpty,    // a poll that was not to wait found nothing
  kReady,    // a poll found something at once
  kNothing,  // 0 bytes sent
  kEnd,      // 0 bytes received: the peer has ended
  kAgain,
  kFails,
};

constexpr std::string_view kCalls[] = {"sched_yield", "wait4",   "waitid", "read",
                                       "recvfrom",    "recvmsg", "recv",   "readv"};
// Code makes these calls beside what it does.
constexpr std::string_view kAsides[] = {"rt_sigprocmask", "rt_sigaction", "sigaltstack",
                                        "getrandom",      "getuid",       "getppid",
                                        "mprotect",       "rt_sigreturn", "sigreturn"};
// Their failures tell of the descriptor or path, and are no work that failed.
constexpr std::string_view kQuestions[] = {
    "getsockname", "getpeername", "getsockopt", "setsockopt", "fcntl",   "ioctl",
    "lseek",       "fstat",       "kill",       "tgkill",     "prctl",   "wait4",
    "waitid",      "waitpid",     "futex",      "fadvise64",  "_llseek", "newfstatat"};
constexpr std::string_view kAnswers[] = {"ENOTTY", "EINPROGRESS", "EISCONN", "EALREADY", "ENOSYS"};

// The part of a poll's text that is the same in every turn: without its time-out.
std::uint64_t hash_of_poll(const formats::record::Syscall& call) {
  std::string_view args = call.args, aux = call.aux;
  const bool is_select = call.syscall.find("select") != std::string_view::npos;
  args = args.substr(0, is_select ? args.rfind(", {tv_sec") : args.rfind("], "));
  aux = aux.substr(0, aux.find("left {"));
  return formats::io::mixed(formats::io::hash_text(args), formats::io::hash_text(aux));
}

struct Step {
  CallNote note;
  Outcome outcome = Outcome::kNeutral;
  std::int64_t fd = -1, fd2 = -1;
  ReadySet ready;
  std::string events;  // of the first that is ready
  bool has_fd = false, is_known = false;
  bool is_file = false;  // of a file system
};

// What a row of turns was; `call` and `error` of the one that makes it turn.
struct Group {
  Finding finding;
  std::uint64_t turns = 0, rows = 0, threads = 1;
  std::uint64_t most_turns = 0, most_steps = 0;               // of one row
  std::map<std::pair<std::string, bool>, std::uint64_t> bad;  // failed with EBADF
  std::uint64_t pid = 0;
  std::string call, last_input;
  std::uint64_t first_line = 0, last_line = 0;
  bool is_accept = false, is_file = false;
};

struct State {
  Turns turns;
  // Of the last ones; made when a symbol comes again.
  std::unique_ptr<std::array<Step, Turns::kLongest>> steps;
  std::size_t at = 0;
  std::array<std::pair<std::uint64_t, std::optional<std::int64_t>>, 64> begun;  // line, time
  std::size_t period = 0;   // 0: it does not turn
  std::uint64_t count = 0;  // of the calls of the turns
  std::uint64_t slow = 0;
  std::optional<std::int64_t> first_ts, last_ts;
  std::uint64_t first_line = 0, last_line = 0;
  std::string last_input;
  // The call before was a poll that does not tell how long it took.
  std::optional<std::int64_t> open_since;
};

class Spin final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override {
    return {.calls = kCalls, .polls = true, .sends = true, .failing = true};
  }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    const bool is_kept = keeps(event.thread);
    if (turning_ > 0 && call.fd && call.bytes && *call.bytes > 0) serve(event);
    if (!is_kept && call.bytes && *call.bytes > 0) return;
    const Outcome outcome = outcome_of(event);
    if (!is_kept) {
      if (outcome <= Outcome::kNeutral) return;
      keep(event.thread);
    }
    if (outcome == Outcome::kAside) return;
    State& state = states_[&event.thread];
    settle(event, state);
    if (outcome == Outcome::kProgress || has_waited(event, outcome, state)) {
      progress(event.thread, state);
    } else {
      turn(event, outcome, state);
    }
  }

  void gone(Thread& thread) override {
    const auto found = states_.find(&thread);
    if (found == states_.end()) return;
    end(thread, found->second);
    states_.erase(found);
  }

  void finish() override {
    for (const auto& [thread, state] : in_order(states_)) end(*thread, *state);
    std::map<std::tuple<std::size_t, Outcome, std::string, std::string>, Group*> alike;
    for (auto& [key, group] : groups_) {
      if (!is_worth_telling(key, group)) continue;
      const auto& [lane, tid, outcome, call, error, fd] = key;
      Thread process;
      process.lane = lane;
      process.pid = group.pid;
      for (const auto& [bad, count] : group.bad) {
        scene_.note_loop(process, bad.first, bad.second, count);
      }
      Group*& first = alike[{lane, outcome, call, error}];
      if (first == nullptr) {
        first = &group;
        continue;
      }
      ++first->threads;
      first->turns += group.turns;
      first->finding.last_ts = std::max(first->finding.last_ts, group.finding.last_ts);
    }
    for (auto& [key, group] : alike) tell(std::get<Outcome>(key), *group);
  }

 private:
  // Process and thread, what makes it turn: outcome, call, error, descriptor.
  using Key =
      std::tuple<std::size_t, std::uint64_t, Outcome, std::string, std::string, std::int64_t>;

  static bool asks_for_nothing(const formats::record::Syscall& call) {
    return call.syscall == "read" && call.args.ends_with(", 0");
  }

  static Outcome outcome_of_failure(const CallEvent& event) {
    const auto& call = event.call;
    const std::string_view name = event.name.text;
    if (is_interruption(call.error)) return Outcome::kAside;
    if (event.name.is_poll || event.name.is_sleep) return Outcome::kFails;
    if (name.starts_with("wait")) return Outcome::kYield;
    if (is_one_of(call.error, kAnswers) || is_one_of(name, kQuestions)) return Outcome::kNeutral;
    if (is_again(call.error)) return call.fd ? Outcome::kAgain : Outcome::kFails;
    if (call.fd) {
      // Calls by path, of a folder's descriptor; what they look for may be missing.
      const bool is_by_path = !call.path.empty() && call.direction.empty() && call.kind.empty() &&
                              event.socket == nullptr && call.error != "EBADF";
      return is_by_path ? Outcome::kNeutral : Outcome::kFails;
    }
    const bool lacks = call.error == "EMFILE" || call.error == "ENFILE" || call.error == "ENOSPC" ||
                       call.error == "EEXIST";
    return lacks && (name.starts_with("open") || name == "socket" || name == "pipe2")
               ? Outcome::kFails
               : Outcome::kNeutral;
  }

  static Outcome outcome_of(const CallEvent& event) {
    const auto& call = event.call;
    const std::string_view name = event.name.text;
    if (event.name.is_aside) return Outcome::kAside;
    if (!call.error.empty()) {
      return name == "futex" ? (call.error == "ETIMEDOUT" ? Outcome::kProgress : Outcome::kAside)
                             : outcome_of_failure(event);
    }
    if (event.name.is_poll) {
      if (!call.result) return Outcome::kProgress;
      if (*call.result > 0) return Outcome::kReady;
      return poll_timeout(call) == 0 ? Outcome::kEmpty : Outcome::kProgress;
    }
    if (call.bytes) {
      if (*call.bytes > 0) {
        const bool peeks = call.args.find("MSG_PEEK") != std::string_view::npos;
        return peeks ? Outcome::kNeutral : Outcome::kProgress;
      }
      // An empty datagram is one.
      if (call.proto == "udp" || call.kind == "netlink") return Outcome::kNeutral;
      if (event.name.sends) {
        const bool is_socket = name.starts_with("send") || event.socket != nullptr;
        return is_socket ? Outcome::kNothing : Outcome::kNeutral;
      }
      return event.name.receives && !asks_for_nothing(call) ? Outcome::kEnd : Outcome::kNeutral;
    }
    if (name == "sched_yield") return Outcome::kYield;
    if (is_one_of(name, kAsides)) return Outcome::kAside;
    if (event.name.is_sleep || event.name.accepts || !call.result || is_one_of(name, kForks) ||
        name == "execve" || name == "restart_syscall") {
      return Outcome::kProgress;
    }
    if (name == "futex") {
      return call.duration && call.duration->ns >= kMillisecond ? Outcome::kProgress
                                                                : Outcome::kAside;
    }
    // A child has ended.
    if (name.starts_with("wait")) {
      return *call.result > 0 || call.args.find("WNOHANG") == std::string_view::npos
                 ? Outcome::kProgress
                 : Outcome::kYield;
    }
    return Outcome::kNeutral;
  }

  // A few polls of a row may have taken long: the processor was another's.
  static bool may_be_slow(State& state, std::int64_t took_ns) {
    constexpr std::uint64_t kFew = 3, kOneIn = 20;
    constexpr std::int64_t kSlices = 50 * kMillisecond;
    if (state.period == 0 || took_ns >= kSlices) return false;
    return ++state.slow <= kFew + state.count / state.period / kOneIn;
  }

  static bool has_waited(const CallEvent& event, Outcome outcome, State& state) {
    if (outcome != Outcome::kReady) return false;
    if (!event.call.duration) {
      state.open_since = event.begin;
      return false;
    }
    const std::int64_t took_ns = event.call.duration->ns;
    return took_ns >= kMillisecond && !may_be_slow(state, took_ns);
  }

  // Where the log does not tell how long a poll took, the thread's next call does.
  void settle(const CallEvent& event, State& state) {
    const auto since = std::exchange(state.open_since, std::nullopt);
    if (!since || !event.begin || *event.begin - *since < kMillisecond) return;
    if (may_be_slow(state, *event.begin - *since)) return;
    end(event.thread, state);
    state.turns.reset();
  }

  void progress(Thread& thread, State& state) {
    end(thread, state);
    state.turns.reset();
    state.open_since.reset();
    let_go(thread);
  }

  static std::uint32_t symbol_of(const CallEvent& event, Outcome outcome) {
    const auto& call = event.call;
    std::uint64_t hash = formats::io::mixed(event.name.number, static_cast<std::uint64_t>(outcome));
    if (event.name.is_poll) {
      hash = formats::io::mixed(hash, hash_of_poll(call));
    } else {
      hash = formats::io::mixed(hash, static_cast<std::uint64_t>(call.fd.value_or(-1)));
      if (call.fd2) hash = formats::io::mixed(hash, static_cast<std::uint64_t>(*call.fd2));
      if (!call.fd) hash = formats::io::mixed(hash, formats::io::hash_text(call.path));
      if (call.syscall == "connect") {
        hash = formats::io::mixed(hash, formats::io::hash_text(call.args));
      }
      if (!call.error.empty()) {
        hash = formats::io::mixed(hash, formats::io::hash_text(call.error));
      } else if (call.new_file) {
        hash = formats::io::mixed(hash, static_cast<std::uint64_t>(call.result.value_or(0)));
      }
    }
    const auto folded = static_cast<std::uint32_t>(hash ^ hash >> 32U);
    return folded == 0 ? 1 : folded;
  }

  void turn(const CallEvent& event, Outcome outcome, State& state) {
    const auto& call = event.call;
    Turns& turns = state.turns;
    turns.step(symbol_of(event, outcome));
    state.begun[turns.steps() % state.begun.size()] = {call.line, event.begin};
    if (state.period != 0) {
      if (turns.repeated(state.period) != 0) {
        ++state.count;
        state.last_ts = event.begin;
        state.last_line = call.line;
        return;
      }
      end(event.thread, state);
    }
    const bool is_repeated = turns.is_repeated();
    if (is_repeated && !state.steps)
      state.steps = std::make_unique<decltype(State::steps)::element_type>();
    const std::size_t slot = turns.steps() % Turns::kLongest;
    if (state.steps) (*state.steps)[slot].is_known = is_repeated;
    if (!is_repeated) {
      // Much that is no loop: another call of interest will come.
      constexpr std::uint64_t kEnough = 4 * Turns::kLongest;
      if (outcome == Outcome::kNeutral && turns.steps() > kEnough && turns.steps() % kEnough == 0) {
        let_go(event.thread);
        turns.reset();
      }
      return;
    }
    Step& step = (*state.steps)[slot];
    step.note.set(event);
    step.outcome = outcome;
    step.fd = call.fd.value_or(-1);
    step.has_fd = call.fd.has_value();
    step.is_file = call.kind == "file";
    step.fd2 = call.fd2.value_or(-1);
    step.events.clear();
    if (outcome == Outcome::kReady) {
      step.ready = scene_.ready_sets().of(event);
      if (!step.ready.ones.empty()) step.events = step.ready.ones.front().events;
      for (ReadyOne& one : step.ready.ones) one.events = {};
    }
    begin(event, state);
  }

  // A thread of the same process does what the one that polls does not.
  void serve(const CallEvent& event) {
    for (auto& [thread, state] : states_) {
      if (state.period == 0 || thread == &event.thread || thread->lane != event.thread.lane ||
          thread->pid != event.thread.pid) {
        continue;
      }
      const bool is_ready = std::ranges::any_of(*state.steps, [&](const Step& step) {
        return step.is_known && step.outcome == Outcome::kReady && step.ready.has(event.call.fd);
      });
      if (!is_ready) continue;
      end(*thread, state);
      state.turns.reset();
    }
  }

  void begin(const CallEvent& event, State& state) {
    state.period = state.turns.period();
    if (state.period == 0) return;
    ++turning_;
    state.slow = 0;
    state.count = state.turns.repeated(state.period) + state.period;
    const std::size_t first = (state.turns.steps() + 1 - state.count) % state.begun.size();
    state.first_line = state.begun[first].first;
    state.first_ts = state.begun[first].second;
    state.last_line = event.call.line;
    state.last_ts = event.begin;
    state.last_input.assign(event.call.input);
    state.at = state.turns.steps();
  }

  // The steps of a turn, as they were when it was found.
  static std::vector<const Step*> turn_of(const State& state) {
    std::vector<const Step*> turn;
    for (std::size_t back = state.period; back > 0; --back) {
      const Step& step = (*state.steps)[(state.at + 1 - back) % Turns::kLongest];
      if (step.is_known) turn.push_back(&step);
    }
    return turn;
  }

  // The one that makes it turn; null: it is not known that nothing gets done.
  static const Step* cause_of(const std::vector<const Step*>& turn) {
    const Step* cause = nullptr;
    bool makes_files = false;
    for (const Step* const step : turn) {
      if (cause == nullptr || step->outcome > cause->outcome) cause = step;
      const std::string& name = step->note.call().syscall;
      makes_files |= name.starts_with("open") || name == "lseek" || name == "creat";
    }
    if (cause == nullptr || cause->outcome <= Outcome::kNeutral) return nullptr;
    if (cause->outcome == Outcome::kEnd && makes_files) return nullptr;

    if (cause->outcome == Outcome::kReady && !is_unserved(*cause, turn)) return nullptr;
    if (cause->outcome == Outcome::kEmpty || cause->outcome == Outcome::kYield) {
      // Files that are looked at, and the like, may be work.
      const bool works = std::ranges::any_of(turn, [](const Step* step) {
        return step->outcome == Outcome::kNeutral &&
               !step->note.call().syscall.starts_with("wait") &&
               step->note.call().syscall != "kill";
      });
      if (works) return nullptr;
    }
    return cause;
  }

  // Nothing but the poll, what arranges it, and what looks for children.
  static bool is_unserved(const Step& poll, const std::vector<const Step*>& turn) {
    return std::ranges::all_of(turn, [&](const Step* step) {
      const std::string& name = step->note.call().syscall;
      if (step->outcome != Outcome::kNeutral) return true;
      // recv: with MSG_PEEK.
      if (name == "epoll_ctl" || name.starts_with("recv") || is_one_of(name, kQuestions)) {
        return true;
      }
      return poll.ready.is_known && !poll.ready.has(step->fd) && !poll.ready.has(step->fd2) &&
             step->fd >= 0;
    });
  }

  void end(const Thread& thread, State& state) {
    if (state.period == 0) return;
    const std::vector<const Step*> turn = turn_of(state);
    const std::size_t period = std::exchange(state.period, 0);
    --turning_;
    const Step* const cause = turn.size() == period ? cause_of(turn) : nullptr;
    if (cause == nullptr) return;
    const Quote& call = cause->note.call();
    std::string errors;
    std::uint64_t failing = 0;
    for (const Step* const step : turn) {
      if (step->outcome != Outcome::kFails) continue;
      ++failing;
      const std::string& error = step->note.call().error;
      if (errors.find(error) == std::string::npos) {
        errors += errors.empty() ? error : " and " + error;
      }
    }
    // Small rows of many threads and descriptors need not be known.
    constexpr std::size_t kMostGroups = 10'000;
    constexpr std::uint64_t kSmall = 20;
    if (groups_.size() >= kMostGroups && state.count < kSmall * period) return;
    Group& group =
        groups_[{thread.lane, thread.tid, cause->outcome, call.syscall, errors, cause->fd}];
    if (group.rows++ == 0) start(group, state, turn, *cause);
    if (is_paced(state, period, cause->outcome)) return;
    // Of two calls that fail, each counts.
    const std::uint64_t turns =
        (state.count * std::max<std::uint64_t>(failing, 1) + period - 1) / period;
    group.turns += turns;
    group.most_turns = std::max(group.most_turns, turns);
    group.most_steps = std::max(group.most_steps, state.count);
    group.pid = thread.pid;
    note_bad(group, turn, state.count / period);
    group.finding.last_ts = state.last_ts;
    group.last_line = state.last_line;
    group.last_input.assign(state.last_input);
  }

  // It turns so slowly that something makes it wait which the log does not show: calls that were
  // not traced, or computing.
  static bool is_paced(const State& state, std::size_t period, Outcome outcome) {
    if (!state.first_ts || !state.last_ts || state.count <= period) return false;
    // Until a timer is due: see busy_poll.
    if (outcome == Outcome::kEmpty && *state.last_ts - *state.first_ts < 10 * kMillisecond) {
      return true;
    }
    constexpr std::int64_t kSlow = 20 * kMillisecond, kSlowPoll = 5 * kMillisecond;
    const std::int64_t turns = static_cast<std::int64_t>(state.count / period);
    return (*state.last_ts - *state.first_ts) / turns >=
           (outcome == Outcome::kEmpty ? kSlowPoll : kSlow);
  }

  // What bad_descriptor would tell of, too.
  static void note_bad(Group& group, const std::vector<const Step*>& turn, std::uint64_t turns) {
    for (const Step* const step : turn) {
      const Quote& call = step->note.call();
      if (call.error != "EBADF") continue;
      const std::int64_t fd = call.syscall == "epoll_ctl" ? step->fd2 : step->fd;
      // The last turn may be cut short.
      group.bad[{call.syscall, fd < 0}] += turns + 1;
    }
  }

  void start(Group& group, const State& state, const std::vector<const Step*>& turn,
             const Step& cause) const {
    group.first_line = state.first_line;
    group.call = cause.note.call().syscall;
    group.is_file = cause.is_file;
    group.is_accept = cause.note.call().syscall.starts_with("accept");
    Finding& finding = group.finding;
    finding = cause.note.finding(scene_, false);
    finding.ts = state.first_ts;
    finding.summary = summary_of(turn, cause);
    set_advice(finding, turn, cause);
    constexpr std::size_t kShown = 6;
    for (const Step* const step : turn) {
      if (finding.evidence.size() < kShown) {
        finding.evidence.push_back(scene_.evidence(step->note.call()));
      }
    }
  }

  static const Step* poll_of(const std::vector<const Step*>& turn) {
    const auto found = std::ranges::find_if(
        turn, [](const Step* step) { return step->outcome == Outcome::kReady; });
    return found == turn.end() ? nullptr : *found;
  }

  // "{}" stands for the number of times, which is known at the end.
  static std::string summary_of(const std::vector<const Step*>& turn, const Step& cause) {
    const Quote& call = cause.note.call();
    const Step* const poll = poll_of(turn);
    const std::string what =
        cause.has_fd ? fmt::format("{}({})", call.syscall, cause.fd) : call.syscall;
    switch (cause.outcome) {
      case Outcome::kFails:
        return failure_of(turn, what);
      case Outcome::kAgain:
        if (poll == nullptr) {
          return fmt::format("{} failed with {} {{}}, without waiting in between", what,
                             call.error);
        }
        return fmt::format("{} found {} ready, and {} failed with {}, {{}}",
                           poll->note.call().syscall, shown(poll->ready), what, call.error);
      case Outcome::kEnd:
        return fmt::format("{} received 0 bytes {{}}: {}, and the loop goes on", what,
                           cause.is_file ? "the file is at its end" : "the other end is gone");
      case Outcome::kNothing:
        return fmt::format("{} sent 0 bytes {{}}, and nothing else got done", what);
      case Outcome::kReady:
        return fmt::format("{} found {} ready {{}}, and the thread did not serve {}", call.syscall,
                           shown(cause.ready), cause.ready.ones.size() == 1 ? "it" : "any of them");
      case Outcome::kYield:
        return fmt::format("the thread spins: it called {} {{}}, and did nothing else",
                           call.syscall);
      default:
        return fmt::format("{} was not to wait and found nothing {{}}, and nothing else got done",
                           call.syscall);
    }
  }

  static std::string failure_of(const std::vector<const Step*>& turn, const std::string& what) {
    std::vector<std::string> errors;
    bool is_same_call = true;
    std::string first;
    for (const Step* const step : turn) {
      if (step->outcome != Outcome::kFails) continue;
      const Quote& call = step->note.call();
      if (first.empty()) first = call.syscall;
      is_same_call &= call.syscall == first;
      if (std::ranges::find(errors, call.error) == errors.end()) errors.push_back(call.error);
    }
    const Step* const poll = poll_of(turn);
    std::string text =
        errors.size() == 1 && is_same_call
            ? fmt::format("{} failed with {} {{}}", what, errors.front())
            : fmt::format("{} failed {{}}, with {} in turn",
                          is_same_call ? first : "calls that fail: " + first + " and others",
                          joined(errors, " and "));
    text += poll != nullptr ? fmt::format(", and {} said in between that {} was ready",
                                          poll->note.call().syscall, shown(poll->ready))
                            : ", and nothing else got done";
    return text;
  }

  static void set_advice(Finding& finding, const std::vector<const Step*>& turn,
                         const Step& cause) {
    const Step* const poll = poll_of(turn);
    switch (cause.outcome) {
      case Outcome::kFails:
        finding.hint = "find the code that ignores the error of this call; it should end its loop";
        break;
      case Outcome::kAgain: {
        if (poll == nullptr) {
          finding.hint =
              "wait for the descriptor (poll, epoll, the loop's own wait) before trying again";
          break;
        }
        const bool is_for_output = poll->events.find("OUT") != std::string::npos &&
                                   poll->events.find("IN") == std::string::npos;
        const bool is_input = is_one_of(cause.note.call().syscall, kReceives);
        if (is_for_output && is_input) {
          finding.detail = "It is watched for room to send, and then received from";
          finding.hint = "watch it for what the call does: EPOLLIN or POLLIN to receive";
        } else {
          finding.detail = "The poll does not wait for what the call needs";
          finding.hint =
              "compare the events that the poll watches with the call, and their descriptors";
        }
        break;
      }
      case Outcome::kEnd:
        if (poll != nullptr) {
          finding.detail = "An end stays readable: the poll will never wait for it again";
        }
        finding.hint = cause.is_file
                           ? "0 bytes are the end: wait before looking whether the file has grown"
                           : "0 bytes are the end: close the descriptor, and leave the loop";
        break;
      case Outcome::kNothing:
        finding.hint =
            "there is nothing to send: leave the loop, and do not watch for room to send";
        break;
      case Outcome::kReady:
        finding.detail = told_of_events(cause.events);
        finding.hint =
            "a level-triggered event stays until it is served: read the descriptor, or take it "
            "out of the set";
        break;
      case Outcome::kYield:
        finding.hint =
            cause.note.call().syscall == "sched_yield"
                ? "wait with a lock, a condition or an event instead of asking again"
                : "wait for the child (without WNOHANG, or by SIGCHLD) instead of asking again";
        break;
      default:
        finding.hint = "a time-out of 0: let the loop sleep until the next event or timer";
    }
  }

  // Few turns are enough where the log holds nothing else. Those of one row: many short ones, with
  // work in between, are no loop that gets nowhere.
  bool is_worth_telling(const Key& key, const Group& group) const {
    const Outcome outcome = std::get<Outcome>(key);
    const bool is_all = is_most(group);
    if (scene_.is_told({std::get<0>(key), std::get<1>(key), group.first_line, group.last_line}))
      return false;
    constexpr std::uint64_t kFew = 3, kSome = 20, kMany = 50, kYields = 1000;
    switch (outcome) {
      case Outcome::kEnd:
        if (group.is_file) return group.most_turns >= kMany;
        [[fallthrough]];
      case Outcome::kFails:
        if (group.call == "connect") return false;  // connect_failed's, which knows to whom
        return group.most_turns >= (is_all ? kFew : kSome);
      case Outcome::kAgain:
        // Others may have taken what one was woken for: thundering_herd.
        return group.most_turns >= (is_all && !group.is_accept ? kFew : kMany);
      case Outcome::kYield:
        return group.most_turns >= (is_all ? kSome : kYields);
      case Outcome::kEmpty:
        return group.most_turns >= (is_all ? kSome : kMany);
      default:
        return group.most_turns >= (is_all ? kFew : kMany);
    }
  }

  [[nodiscard]] bool is_most(const Group& group) const {
    return group.most_steps * 2 >= scene_.counts().calls;
  }

  void tell(Outcome outcome, Group& group) {
    Finding& finding = group.finding;
    constexpr std::uint64_t kMany = 100;
    const bool is_grave = group.most_turns >= kMany || is_most(group);
    finding.severity =
        outcome == Outcome::kYield || !is_grave ? Severity::kWarning : Severity::kError;
    finding.count = group.turns;
    const std::string count = fmt::format("{} times{}", shown_count(group.turns),
                                          shown_rate(group.turns, finding.ts, finding.last_ts));
    finding.summary.replace(finding.summary.find("{}"), 2, count);
    if (group.threads > 1) {
      if (!finding.detail.empty()) finding.detail += ". ";
      finding.detail += fmt::format("{} threads do so", group.threads);
    }
    finding.evidence.push_back(
        fmt::format("{}: the last of them", scene_.place(group.last_input, group.last_line)));
    finding.function = scene_.function(group.call, group.turns);
    report(std::move(finding));
  }

  std::unordered_map<Thread*, State> states_;
  std::map<Key, Group> groups_;
  std::uint64_t turning_ = 0;  // of the threads, those in a row of turns
};

}  // namespace

extern constinit const Check kSpin = {
    .id = "spin",
    .title = "a thread turns without getting anywhere",
    .explain =
        "A thread repeats up to 16 calls in the same order, on the same descriptors and with the "
        "same outcome, and in none of them bytes are moved, a connection is accepted, a child's "
        "end is taken, or a millisecond is waited. One of them makes it turn:\n\n"
        "  * a call that fails, among others that do not, or several that fail in turn;\n"
        "  * a poll that finds a descriptor ready, and the call then fails with EAGAIN;\n"
        "  * a receive of 0 bytes, which means that the other end is gone;\n"
        "  * a send of 0 bytes;\n"
        "  * a poll that finds the same descriptors ready, which are not served;\n"
        "  * a poll with a time-out of 0 that finds nothing;\n"
        "  * sched_yield, or the question whether a child has ended (WNOHANG).\n\n"
        "A turn takes less than 20 ms (5 ms for polls that find nothing); where it is more, "
        "something "
        "that the log does not show makes it wait. From 20 turns on (polls that find something 50, "
        "the last two 1,000; files, too, 50); three are enough "
        "(polls that find nothing and sched_yield 20) where they are half of the log's calls or "
        "more. An error from 100 turns on, or where they are half of the log; a warning below, "
        "and for sched_yield. Such as\n\n"
        "  pselect6(5, [4], NULL, NULL, {tv_sec=0, tv_nsec=500000000}, NULL) = 1 (in [4], …)\n"
        "  recvfrom(4, \"\", 4096, 0, NULL, NULL) = 0\n"
        "  pselect6(5, [4], NULL, NULL, {tv_sec=0, tv_nsec=500000000}, NULL) = 1 (in [4], …)\n"
        "  recvfrom(4, \"\", 4096, 0, NULL, NULL) = 0\n\n"
        "What error_loop (one call that fails) and busy_poll (polls alone) tell of is left to "
        "them.",
    .needs = "log",
    .make = &make_detector<Spin>,
};

}  // namespace tracebraid::analyzers::checks
