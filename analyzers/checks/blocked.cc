// Threads that wait for what does not come: an answer, a lock that another holds, each other.
//
// Who waits for work is not blocked: accept and polls to the end of the log, a worker in futex, a
// server on a connection that is not in use.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/io/digits.h"
#include "formats/record/file.h"

namespace tracebraid::analyzers::checks {
namespace {

using formats::io::leading_number;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::size_t kMost = 10'000;
constexpr std::string_view kCalls[] = {"flock", "fcntl", "accept", "accept4"};

using Tid = std::pair<std::size_t, std::uint64_t>;  // lane, thread

// A call that did not end by what it waited for.
struct Wait {
  CallNote note;
  Tid tid;
  std::optional<std::int64_t> begin, end;  // end: of the thread, or by a signal
  bool is_interrupted = false;
  bool is_first = false;                 // the thread's first call in the log
  std::uint64_t address = 0, value = 0;  // of a futex
};

struct Read {
  Wait wait;
  std::string socket;  // empty: older than the log
};

struct Span {
  std::optional<std::int64_t> begin, end;
};

struct Holder {
  Quote call;
  std::uint64_t tid = 0;
  std::optional<std::int64_t> released;
};

// Whose reader does not come, and who made it.
struct Pipe {
  Wait wait;
  std::optional<Tid> maker;
};

// A socket that somebody wanted to read from, and how much it had moved by then.
struct Reader {
  CallNote note;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::optional<std::int64_t> since;
  // At its end.
  std::string shown;
  HostPort local, peer;
  std::int64_t end = 0;
};

// Of one server's address: ends that wanted to read until their end.
struct Idle {
  std::vector<Reader> connected, accepted;
};

struct LateRead {
  CallNote note;
  std::int64_t begin = 0, end = 0;
};

// Of one listener.
struct LateReads {
  Finding finding;
  std::int64_t longest = 0;
};

class Blocked final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override {
    return {.calls = kCalls, .failing = true, .pending = true, .from_ns = kSecond};
  }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (call.syscall == "flock" || call.syscall == "fcntl") return lock(event);
    if (event.name.accepts && call.error.empty() && call.result) return accept(event);
    const bool is_pending = !call.result && (call.error.empty() || call.state == "restarted");
    const bool is_long = event.begin && event.end && *event.end - *event.begin >= kSecond;
    if (is_pending || is_long) note_rest(event, is_pending);
    if (call.syscall == "futex") {
      if (is_pending && call.error.empty()) note_futex(event);
      return;
    }
    if (is_pending && call.kind == "pipe" && call.syscall.starts_with("write") && call.file &&
        pipes_.size() < kMost) {
      Pipe& pipe = pipes_[{event.thread.lane, *call.file}];
      pipe.wait = wait_of(event);
    }
    if (!event.name.receives) return;
    if (is_pending || call.error == "EAGAIN") want(event);
    if (is_pending) return note_read(event);
    if (is_long && call.error.empty() && event.socket != nullptr && event.socket->listener &&
        late_.size() < kMost) {
      LateRead& late = late_[&event.thread];
      late.note.set(event);
      late.begin = *event.begin;
      late.end = *event.end;
    }
  }

  void process(const formats::record::Process& event, Thread& thread) override {
    if (event.ts) last_event_ = std::max(last_event_, event.ts->ns);
    if (event.event != "clone" || !event.child || !event.is_thread || groups_.size() >= kMost) {
      return;
    }
    const Tid parent(thread.lane, thread.tid);
    const Tid child(thread.lane, *event.child);
    if (*event.is_thread) {
      groups_[child] = root_of(parent);
      threads_[root_of(parent)].push_back(child);
    } else {
      groups_[child] = child;
      forked_[child] = threads_.contains(root_of(parent));
      parents_[child] = parent;
    }
  }

  void file(const formats::record::File& file, std::size_t lane) override {
    const auto found = pipes_.find({lane, file.file});
    if (found == pipes_.end() || file.made_by.empty()) return;
    const std::optional<std::uint64_t> maker = file.pid ? file.pid : file.tid;
    if (maker) found->second.maker = Tid(lane, *maker);
  }

  void gone(Thread& thread) override { late_.erase(&thread); }

  void socket(const SocketLife& life, const formats::record::Socket& socket) override {
    (void)socket;
    const auto found = readers_.find(life.key());
    if (found == readers_.end()) return;
    Reader reader = std::move(found->second);
    readers_.erase(found);
    const bool is_idle = reader.bytes_in == life.bytes_in && reader.bytes_out == life.bytes_out;
    if (!is_idle || life.eof_ts || !reader.since || life.kind != "tcp") return;
    reader.end = life.end_ts.value_or(log_end());
    if (reader.end - *reader.since < kSecond || idle_count_ >= kMost) return;
    reader.shown = life.shown();
    reader.local = life.local;
    reader.peer = life.peer;
    ++idle_count_;
    const bool is_server = life.listener.has_value();
    Idle& idle = idle_[{life.lane, shown_end(is_server ? life.local : life.peer)}];
    (is_server ? idle.accepted : idle.connected).push_back(std::move(reader));
  }

  void finish() override {
    for (auto& [key, finding] : locks_) {
      finding.summary = fmt::format(
          "{} {} on {}{}", std::get<1>(key),
          finding.count == 1 ? "waited" : counted(finding.count, "time waited", "times waited"),
          std::get<2>(key), finding.summary);
      report(std::move(finding));
    }
    for (auto& [key, late] : late_reads_) {
      Finding& finding = late.finding;
      finding.summary = fmt::format(
          "the only thread that accepts waited for a silent client ({} so, the longest time {}), "
          "while others waited to be accepted at {}",
          counted(finding.count, "time", "times"), shown_duration(late.longest), key.second);
      report(std::move(finding));
    }
    for (const auto& [server, idle] : idle_) tell_idle(idle);
    for (const Read& read : reads_) tell_read(read);
    for (const auto& [key, pipe] : pipes_) tell_pipe(pipe);
    tell_futexes();
  }

 private:
  // Threads' ends count, too.
  [[nodiscard]] std::int64_t log_end() const { return std::max(scene_.last_ts(), last_event_); }

  [[nodiscard]] Tid root_of(const Tid& tid) const {
    const auto found = groups_.find(tid);
    return found == groups_.end() ? tid : found->second;
  }

  Wait wait_of(const CallEvent& event) const {
    Wait wait;
    wait.note.set(event);
    wait.tid = {event.thread.lane, event.thread.tid};
    wait.begin = event.begin;
    if (event.call.end_ts) wait.end = event.call.end_ts->ns;
    wait.is_interrupted = event.call.state == "restarted";
    wait.is_first = event.thread.before_line == 0;
    return wait;
  }

  [[nodiscard]] std::optional<std::int64_t> lasted(const Wait& wait) const {
    if (!wait.begin) return std::nullopt;
    return wait.end.value_or(log_end()) - *wait.begin;
  }

  // Of a thread that sleeps or waits: since when, and until when.
  void note_rest(const CallEvent& event, bool is_pending) {
    const bool rests = event.name.is_sleep || event.call.syscall == "futex" ||
                       event.call.syscall.starts_with("wait") || event.call.syscall == "pause";
    const Tid tid(event.thread.lane, event.thread.tid);
    if (is_pending && seen_.size() < kMost) seen_.insert(tid);
    if (!rests || (rests_.size() >= kMost && !rests_.contains(tid))) return;
    const bool is_open = is_pending && !event.call.end_ts;
    rests_[tid] = {event.begin, is_open ? std::nullopt : event.end};
  }

  // Reading

  void want(const CallEvent& event) {
    const SocketLife* const socket = event.socket;
    if (socket == nullptr || (socket->kind != "tcp" && socket->kind != "unix")) return;
    if (readers_.size() >= kMost && !readers_.contains(socket->key())) return;
    Reader& reader = readers_[socket->key()];
    const bool is_same = reader.since && reader.bytes_in == socket->bytes_in &&
                         reader.bytes_out == socket->bytes_out;
    if (is_same) return;
    reader.note.set(event);
    reader.bytes_in = socket->bytes_in;
    reader.bytes_out = socket->bytes_out;
    reader.since = event.begin;
  }

  // Whether the socket's program has asked, and waits for the answer.
  static bool has_asked(const SocketLife& socket) {
    return is_client(socket) && socket.bytes_out > 0 && is_unanswered(socket);
  }

  static bool is_unanswered(const SocketLife& socket) {
    return socket.last_out && socket.last_in ? *socket.last_out >= *socket.last_in
                                             : socket.bytes_in == 0;
  }

  static bool is_client(const SocketLife& socket) {
    if (socket.listener || socket.is_listener || socket.kind != "tcp") return false;
    // Where the log does not show its connect, the ports tell who is the client.
    constexpr std::uint16_t kEphemeral = 32'768;
    return socket.by_call.has("connect") || (socket.local.port.value_or(0) >= kEphemeral &&
                                             socket.peer.port.value_or(UINT16_MAX) < kEphemeral);
  }

  void note_read(const CallEvent& event) {
    if (reads_.size() >= kMost) return;
    if (event.socket == nullptr) {
      // Older than the log, of which it is all that this thread does.
      const bool is_unknown = event.call.kind.empty() || event.call.kind == "socket";
      constexpr std::int64_t kStandardError = 2;
      if (!is_unknown || event.thread.before_line != 0 || !event.call.fd ||
          *event.call.fd <= kStandardError || event.call.state == "restarted") {
        return;
      }
    } else if (!has_asked(*event.socket) &&
               !(event.thread.before_line == 0 && is_client(*event.socket))) {
      return;
    }
    reads_.push_back(
        {wait_of(event), event.socket != nullptr ? event.socket->shown() : std::string()});
  }

  void tell_read(const Read& read) {
    const auto& [wait, socket] = read;
    const std::optional<std::int64_t> time = lasted(wait);
    constexpr std::int64_t kPatience = 2 * kSecond;
    // Of a process with several threads, one may wait for its next request.
    const bool is_long = time.value_or(0) == 0 || *time >= kPatience;
    const bool is_all = wait.is_first && seen_.size() <= 1 && is_long;
    if (!is_all && (wait.is_first || (time && *time < kPatience))) return;
    Finding finding = wait.note.finding(scene_);
    finding.severity = time || is_all ? Severity::kWarning : Severity::kNote;
    const std::string since = time && *time > 0 ? " for " + shown_duration(*time) : std::string();
    const std::string_view until = wait.is_interrupted ? "until a signal interrupted it"
                                   : wait.end          ? "until the thread ended"
                                                       : "to the end of the log";
    const std::string what =
        socket.empty() ? fmt::format("descriptor {}", finding.fd.value_or(-1)) : socket;
    finding.summary =
        fmt::format("{} waited on {}{}, {}: {}", wait.note.call().syscall, what, since, until,
                    is_all ? "that is all this log shows" : "the request had no answer");
    finding.hint = is_all ? "ss -tnp shows the connection; strace -yy shows it in the log"
                          : "look at the peer: is it stuck? A time-out (settimeout) would "
                            "let the program go on";
    report(std::move(finding));
  }

  // Where the log does not tell the client's port, its server's only other end is it.
  void tell_idle(const Idle& idle) {
    constexpr std::size_t kFew = 100;
    if (idle.connected.size() > kFew || idle.accepted.size() > kFew) return;
    for (const Reader& client : idle.connected) {
      const bool is_only = idle.connected.size() == 1 && idle.accepted.size() == 1;
      for (const Reader& server : idle.accepted) {
        const bool is_peer = client.local.port ? client.local == server.peer : is_only;
        if (is_peer) tell_mutual(client, server);
      }
    }
  }

  void tell_mutual(const Reader& one, const Reader& other) {
    // What each has sent the other has received, and somebody has sent something.
    const bool is_all_there = one.bytes_out == other.bytes_in && other.bytes_out == one.bytes_in;
    if (!is_all_there || one.bytes_in + one.bytes_out == 0) return;
    const std::int64_t since = std::max(*one.since, *other.since);
    const std::int64_t end = std::min(one.end, other.end);
    if (end - since < kSecond) return;
    Finding finding = other.note.finding(scene_);
    finding.severity = Severity::kError;
    finding.ts = since;
    finding.last_ts = end;
    finding.evidence.push_back(scene_.evidence(one.note.call()));
    finding.summary =
        fmt::format("both ends of {} wanted to read, and neither sent anything for {}, to its end",
                    one.shown, shown_duration(end - since));
    finding.detail =
        fmt::format("{} and {} had passed, and were read", counted(one.bytes_out, "byte", "bytes"),
                    shown_count(one.bytes_in));
    finding.hint =
        "one end takes the message for longer than it is: compare the length that it "
        "expects with what is sent";
    report(std::move(finding));
  }

  // A server that reads from one client, while others wait.
  void accept(const CallEvent& event) {
    if (event.socket == nullptr) return;
    auto& acceptors = acceptors_[event.socket->key()];
    constexpr std::size_t kFew = 4;
    if (acceptors.size() < kFew) acceptors.insert(event.thread.tid);
    const auto found = late_.find(&event.thread);
    if (found == late_.end()) return;
    const LateRead late = std::move(found->second);
    late_.erase(found);
    // One that is there at once had come while the thread was elsewhere.
    constexpr std::int64_t kAtOnce = 1'000'000;
    const bool was_there = event.call.duration && event.call.duration->ns < kAtOnce;
    const std::int64_t took = late.end - late.begin;
    if (!was_there || !event.begin || (*event.begin - late.end) * 10 > took ||
        acceptors.size() > 1) {
      return;
    }
    const std::pair key(event.socket->key(), shown_end(event.socket->local));
    if (late_reads_.size() >= kMost && !late_reads_.contains(key)) return;
    const auto [at, is_new] = late_reads_.try_emplace(key);
    Finding& finding = at->second.finding;
    if (is_new) {
      finding = late.note.finding(scene_);
      finding.severity = Severity::kWarning;
      finding.hint =
          "a thread or a greenlet for each client, or a time-out for those that are silent";
    } else {
      ++finding.count;
    }
    finding.last_ts = event.begin;
    constexpr std::size_t kShown = 6;
    if (!is_new && finding.evidence.size() < kShown) {
      finding.evidence.push_back(scene_.evidence(late.note.call()));
    }
    if (finding.evidence.size() < kShown) finding.evidence.push_back(scene_.evidence(event.call));
    at->second.longest = std::max(at->second.longest, took);
  }

  // Pipes: a parent that waits for its child, and does not read what the child writes.
  void tell_pipe(const Pipe& pipe) {
    const Wait& wait = pipe.wait;
    const std::int64_t time = lasted(wait).value_or(0);
    if (time < kSecond) return;
    Finding finding = wait.note.finding(scene_);
    const std::string what =
        fmt::format("{} to a pipe waited for {}, to {}", wait.note.call().syscall,
                    shown_duration(time), wait.end ? "its end" : "the end of the log");
    const auto parent = parents_.find(root_of(wait.tid));
    const bool is_parents =
        parent != parents_.end() && pipe.maker && root_of(*pipe.maker) == root_of(parent->second);
    if (is_parents && rested(parent->second, *wait.begin, wait.end.value_or(log_end()))) {
      finding.severity = Severity::kError;
      finding.summary =
          fmt::format("{}: process {}, which made the pipe, did not read it, but waited meanwhile",
                      what, parent->second.second);
      finding.hint =
          "read what the child writes until its end, then wait for it: communicate() of "
          "subprocess does";
    } else {
      finding.severity = Severity::kWarning;
      finding.summary = what + ": it was full, and nobody read it";
      finding.hint = "look at who has its other end: is it stuck?";
    }
    report(std::move(finding));
  }

  // Locks on files

  void lock(const CallEvent& event) {
    const auto& call = event.call;
    const bool is_flock = call.syscall == "flock";
    if (!is_flock && call.args.find("_SETLK") == std::string_view::npos) return;
    const auto has = [&](std::string_view word) {
      return call.args.find(word) != std::string_view::npos;
    };
    const std::string what = !call.path.empty() ? std::string(call.path)
                             : call.file        ? fmt::format("file {}", *call.file)
                                         : fmt::format("descriptor {}", call.fd.value_or(-1));
    const std::pair place(event.thread.lane, what);
    if (has("LOCK_UN") || has("F_UNLCK")) {
      const auto found = holders_.find(place);
      if (found != holders_.end()) found->second.released = event.end.value_or(0);
      return;
    }
    const bool is_pending = !call.result && call.error.empty();
    const bool is_long = event.begin && event.end && *event.end - *event.begin >= kSecond;
    if (is_pending
            ? !event.begin || event.thread.before_line == 0 || log_end() - *event.begin >= kSecond
            : is_long) {
      wait_for_lock(event, place, what, is_pending);
    }
    if (!call.error.empty() || is_pending) return;
    if (holders_.size() >= kMost && !holders_.contains(place)) return;
    Holder& holder = holders_[place];
    holder.call.set(call);
    holder.tid = event.thread.tid;
    holder.released.reset();
  }

  void wait_for_lock(const CallEvent& event, const std::pair<std::size_t, std::string>& place,
                     const std::string& what, bool is_pending) {
    if (locks_.size() >= kMost) return;
    const auto [at, is_new] =
        locks_.try_emplace({event.thread.lane, std::string(event.call.syscall), what});
    Finding& finding = at->second;
    if (!is_new) {
      ++finding.count;
      finding.last_ts = event.begin;
      return;
    }
    set_call(finding, event);
    finding.severity = Severity::kWarning;
    finding.evidence.push_back(scene_.evidence(event.call));
    // The rest of what is said; how often comes last.
    if (event.begin) {
      const std::int64_t until = is_pending ? log_end() : *event.end;
      if (until > *event.begin) {
        finding.summary = fmt::format(" for {}", shown_duration(until - *event.begin));
      }
    }
    if (is_pending) finding.summary += ", to the end of what the log shows of it";
    const auto holder = holders_.find(place);
    const bool is_known =
        holder != holders_.end() && holder->second.tid != event.thread.tid &&
        (!holder->second.released || !event.begin || *holder->second.released >= *event.begin);
    if (is_known) {
      finding.summary += fmt::format(": thread {} held the lock", holder->second.tid);
      finding.evidence.push_back(scene_.evidence(holder->second.call));
    } else {
      finding.detail = "Who held the lock is not in the log";
    }
    finding.hint = "hold it for less long, or try it with LOCK_NB and do something else";
  }

  // Locks between threads

  void note_futex(const CallEvent& event) {
    const std::string_view args = event.call.args;
    const bool waits = args.find("FUTEX_WAIT") != std::string_view::npos ||
                       args.find("FUTEX_LOCK_PI") != std::string_view::npos;
    const std::size_t op = args.find(", ");
    const std::size_t value = op == std::string_view::npos ? op : args.find(", ", op + 2);
    if (!waits || value == std::string_view::npos || futexes_.size() >= kMost) return;
    // Without a time-out.
    const std::string_view rest = args.substr(value + 2);
    if (rest.find(", NULL") == std::string_view::npos) return;
    Wait wait = wait_of(event);
    if (args.starts_with("0x")) {
      wait.address = leading_number<std::uint64_t>(args.substr(2), 16).value_or(0);
    }
    wait.value = leading_number<std::uint64_t>(rest).value_or(0);
    futexes_.push_back(std::move(wait));
  }

  // A wait for a lock, not for work: a mutex of pthread that is contended, or a semaphore that
  // the main thread has made; what a thread makes to wait for work comes from its own heap.
  static bool is_lock(const Wait& wait) {
    constexpr std::uint64_t kContended = 2;
    constexpr std::uint64_t kMapped = 0x7e00'0000'0000;
    const std::string& args = wait.note.call().args;
    const bool is_mutex = wait.value == kContended && args.find("BITSET") == std::string::npos;
    return is_mutex || args.find("LOCK_PI") != std::string::npos || wait.address < kMapped;
  }

  void tell_futexes() {
    std::map<Tid, std::vector<const Wait*>> processes;
    for (const Wait& wait : futexes_) {
      if (lasted(wait).value_or(0) >= kSecond) processes[root_of(wait.tid)].push_back(&wait);
    }
    for (const auto& [root, waits] : processes) {
      const auto forked = forked_.find(root);
      const bool is_alone = !threads_.contains(root);
      if (is_alone && forked != forked_.end() && forked->second) {
        tell_forked(*waits.front());
      } else if (!is_alone) {
        tell_deadlock(root, waits);
      }
    }
  }

  // A lock that another thread held at the fork has nobody in the child who would give it up.
  void tell_forked(const Wait& wait) {
    if (wait.note.call().args.find("_PRIVATE") == std::string::npos) return;
    Finding finding = wait.note.finding(scene_);
    finding.severity = Severity::kError;
    finding.summary = fmt::format(
        "process {}, a child of a process with threads, waited for a lock for {}, and has no "
        "thread "
        "that could give it up",
        wait.tid.second, shown_duration(*lasted(wait)));
    finding.detail = "Fork copies locks as they are, and of the threads only the one that forks";
    finding.hint = "fork before threads begin, or use spawn or forkserver of multiprocessing";
    report(std::move(finding));
  }

  // Whether the thread did nothing between the two but sleep or wait.
  [[nodiscard]] bool rested(const Tid& tid, std::int64_t begin, std::int64_t end) const {
    const auto found = rests_.find(tid);
    if (found == rests_.end() || !found->second.begin) return false;
    constexpr std::int64_t kPart = 10;
    const std::int64_t late = std::max<std::int64_t>(0, *found->second.begin - begin);
    const std::int64_t until = found->second.end.value_or(end);
    const std::int64_t early = std::max<std::int64_t>(0, end - until);
    return (late + early) * kPart <= end - begin;
  }

  void tell_deadlock(const Tid& root, const std::vector<const Wait*>& waits) {
    std::vector<const Wait*> locks;
    std::set<std::uint64_t> addresses;
    std::int64_t begin = INT64_MIN, end = INT64_MAX;
    for (const Wait* const wait : waits) {
      const bool is_mutex = wait->value == 2;
      if (!is_lock(*wait) || (wait->tid == root && !is_mutex)) continue;
      if (!addresses.insert(wait->address).second) continue;
      locks.push_back(wait);
      begin = std::max(begin, *wait->begin);
      end = std::min(end, wait->end.value_or(log_end()));
    }
    if (locks.size() < 2 || end - begin < kSecond) return;
    std::vector<Tid> members = threads_.at(root);
    members.push_back(root);
    for (const Tid& member : members) {
      const bool is_one =
          std::ranges::any_of(locks, [&](const Wait* each) { return each->tid == member; });
      if (!is_one && !rested(member, begin, end)) return;
    }
    Finding finding = locks.front()->note.finding(scene_);
    finding.severity = Severity::kError;
    finding.count = locks.size();
    std::vector<std::uint64_t> tids;
    constexpr std::size_t kShown = 3;
    for (const Wait* const wait : locks) {
      tids.push_back(wait->tid.second);
      if (wait != locks.front() && finding.evidence.size() < kShown) {
        finding.evidence.push_back(scene_.evidence(wait->note.call()));
      }
    }
    std::ranges::sort(tids);
    finding.summary = fmt::format(
        "threads {} waited for locks in futex for {} to their end, each for another, and nobody "
        "woke "
        "them",
        joined(tids, " and "), shown_duration(end - begin));
    finding.detail = "No other thread of the process did anything meanwhile";
    finding.hint =
        "each holds what the other wants, as a rule: take locks in the same order "
        "everywhere; python -X faulthandler, or py-spy dump, shows where they stand";
    report(std::move(finding));
  }

  std::map<Tid, Tid> groups_;                // threads' processes, by their first thread
  std::map<Tid, std::vector<Tid>> threads_;  // of processes that made some
  std::map<Tid, Tid> parents_;               // threads that forked, by child
  std::map<FileKey, Pipe> pipes_;
  std::map<Tid, bool> forked_;  // whether the parent had threads
  std::map<Tid, Span> rests_;   // the last long one
  std::set<Tid> seen_;          // threads with a call that did not end
  std::vector<Read> reads_;
  std::vector<Wait> futexes_;
  std::unordered_map<FileKey, Reader, FileKey::Hash> readers_;
  std::map<std::pair<std::size_t, std::string>, Idle> idle_;  // by server
  std::size_t idle_count_ = 0;
  std::int64_t last_event_ = INT64_MIN;
  std::unordered_map<Thread*, LateRead> late_;
  std::map<FileKey, std::set<std::uint64_t>> acceptors_;
  std::map<std::pair<FileKey, std::string>, LateReads> late_reads_;  // by listener, its address
  std::map<std::pair<std::size_t, std::string>, Holder> holders_;    // of locks, by path
  std::map<std::tuple<std::size_t, std::string, std::string>, Finding> locks_;
};

}  // namespace

extern constinit const Check kBlocked = {
    .id = "blocked",
    .title = "a thread waits for what does not come",
    .explain =
        "A request without an answer: a client has sent, and its recv or read was still waiting "
        "after 2 s when the log or the thread ended, or a signal came (a note where the log has no "
        "times). Both ends of one connection that are in the log wanted to read, and for 1 s or "
        "more, to its end, neither sent anything, with nothing under way (an error). flock or a "
        "lock of fcntl took 1 s or more, "
        "and who held it. The only thread that accepts read for 1 s or more from a client that was "
        "silent, and the next one was there at once. Two threads or more waited to their end, for "
        "1 s or more, for different locks, while all others of the process slept or waited (an "
        "error). A child of a process with threads waited for a lock (an error). A write to a "
        "pipe waited for 1 s or more, to its end: an error where the parent that made the pipe "
        "waited meanwhile, for the child to end as a rule.\n\n"
        "Who waits for work is left out: accept, polls, workers in futex, a server on a connection "
        "that is not in use.\n\n"
        "  7 10.0 sendto(4, \"GET / HTTP/1.0\", 14, 0, NULL, 0) = 14\n"
        "  7 10.1 recvfrom(4, <unfinished ...>\n"
        "  8 25.0 +++ exited with 0 +++\n\n"
        "Thread 7 waited for 14.9 s to the end of the log.",
    .needs = "log",
    .make = &make_detector<Blocked>,
};

}  // namespace tracebraid::analyzers::checks
