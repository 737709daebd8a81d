// What detectors are, what they see, and what they say.
//
// A detector is one file with one row in checks.cc. It is shown every record in the order in which
// things were over (in_step.h), and keeps what it needs: for each thread or socket that lives,
// never for every record.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/sockets/table.h"
#include "analyzers/util/shown.h"
#include "formats/record/file.h"
#include "formats/record/flow.h"
#include "formats/record/socket.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::checks {

enum class Severity : std::uint8_t { kNote, kWarning, kError };

inline constexpr std::string_view kSeverityNames[] = {"note", "warning", "error"};

struct Finding {
  std::string_view id;
  Severity severity = Severity::kWarning;
  std::string summary;
  std::string detail;
  std::uint64_t count = 1;
  std::optional<std::int64_t> ts, last_ts;
  std::optional<std::uint64_t> pid, tid;
  std::optional<std::int64_t> fd;
  std::optional<std::uint64_t> file;
  std::string socket, uid, greenlet, function;
  std::vector<std::string> evidence;
  std::string hint;
};

// A call as its line shows it, kept without making the text: most are never shown.
struct Quote {
  std::string input, syscall, args, result, error;
  std::uint64_t line = 0;  // 0: none
  std::int64_t ns = -1;    // how long it took
  void set(const formats::record::Syscall& call);
};

// What a descriptor was, likewise.
struct DescriptorNote {
  std::string kind, path;
  HostPort local, peer;
  bool is_listener = false;
  void set(const formats::record::Syscall& call, const SocketLife* socket);
  // "listener 127.0.0.1:80", "file /etc/hosts".
  [[nodiscard]] std::string shown() const;
};

// A descriptor's last close, by number.
struct Closing {
  std::optional<std::int64_t> ts;
  std::uint64_t file = 0;
  std::uint64_t tid = 0;
  DescriptorNote what;
  Quote call;
  std::string greenlet;
  // The one before of the same number.
  Quote before;
  std::optional<std::int64_t> before_ts;
  std::uint64_t before_tid = 0;
};

// A long while that a thread spent in one call, or without any.
struct Stretch {
  std::int64_t begin, end;
  bool is_gap;                // it computed, or was not scheduled
  Quote call;                 // or the one behind the gap
  std::uint64_t line_before;  // of the gap
  std::string greenlet;       // that ran, for the longest part of a gap
};

// The name of a system call; every name is one object.
struct CallName {
  explicit CallName(std::string_view name);
  std::string text;
  bool is_poll, is_sleep, is_aside;  // as below
  bool sends;                        // on sockets
  bool accepts;                      // accept, accept4
  std::size_t number = 0;            // from 0, in the order of their coming
  std::uint32_t seen_by = 0;         // detectors that see all calls of the name
};

// A thread that makes calls.
struct Thread {
  std::size_t lane = 0;
  std::uint64_t tid = 0;
  std::uint64_t pid = 0;  // 0: unknown
  std::string greenlet;   // that runs at the moment; empty: not known
  // Of the call at hand: when the one before it returned.
  std::optional<std::int64_t> before_end;
  std::uint64_t before_line = 0;
  // Since then: when greenlets were switched last, and which has run the longest by then.
  std::int64_t switched_ts = INT64_MIN, longest_run = 0;
  std::string longest_greenlet;
  // It polls for events again and again, with this call.
  std::uint64_t polls = 0;
  const CallName* poll = nullptr;
  [[nodiscard]] bool is_loop() const { return polls >= 3; }
  // By call that moved bytes or accepted: the socket that it was for last.
  std::vector<std::pair<const CallName*, std::uint64_t>> used;
  std::uint32_t kept_by = 0;  // detectors that keep something of it
  // The last ones of 10 ms and more.
  static constexpr std::int64_t kLongStretch = 10'000'000;
  static constexpr std::size_t kMostStretches = 64;
  std::deque<Stretch> stretches;
};

// A call with what is known of its surroundings.
struct CallEvent {
  const formats::record::Syscall& call;
  const CallName& name;  // call.syscall
  Thread& thread;
  SocketLife* socket;  // that it was about; null: none
  std::optional<std::int64_t> begin, end;
  // Since when the first of the bytes that it received had been there, where that was long.
  std::optional<std::int64_t> arrived;
};

// What calls are for.
[[nodiscard]] bool is_poll(std::string_view call);
[[nodiscard]] bool is_sleep(std::string_view call);
// How long a poll was to wait at most; nothing: for ever, or not known.
[[nodiscard]] std::optional<std::int64_t> poll_timeout(const formats::record::Syscall& call);
// Memory, clocks and the like: any code makes such calls, at any time.
[[nodiscard]] bool is_aside(std::string_view call);

// What detectors may ask.
class Scene {
 public:
  virtual ~Scene() = default;
  [[nodiscard]] virtual SocketTable& sockets() = 0;
  // Of a descriptor in the thread's process; null when it is open or nothing is known.
  [[nodiscard]] virtual const Closing* closing(const Thread& thread, std::int64_t fd) const = 0;
  // Of an open file that the thread's process closed lately.
  [[nodiscard]] virtual const Closing* closing_of_file(const Thread& thread,
                                                       std::uint64_t file) const = 0;
  // Of the listener that the thread's process closed last.
  [[nodiscard]] virtual const Closing* last_listener_closing(const Thread& thread) const = 0;
  // "strace.log:12: accept4(16<…>) = -1 EBADF (…)".
  [[nodiscard]] virtual std::string evidence(const formats::record::Syscall& call) const = 0;
  [[nodiscard]] virtual std::string evidence(const Quote& call) const = 0;
  [[nodiscard]] virtual std::string place(std::string_view input, std::uint64_t line) const = 0;
  // The Python function that made `count` such calls, as far as a profile's numbers tell.
  [[nodiscard]] virtual std::string function(std::string_view call, std::uint64_t count) const = 0;
  [[nodiscard]] virtual bool has_capture() const = 0;
  [[nodiscard]] virtual bool has_log() const = 0;
  // The log and the capture are over.
  [[nodiscard]] virtual std::int64_t last_ts() const = 0;
  virtual void report(Finding finding) = 0;
  // Failing calls of a process that were reported as a loop, for checks that would tell of them
  // again.
  virtual void note_loop(const Thread& thread, std::string_view call, bool is_negative,
                         std::uint64_t count) = 0;
  [[nodiscard]] virtual std::uint64_t looped(std::size_t lane, std::uint64_t pid,
                                             std::string_view call, bool is_negative) const = 0;
};

// Which calls a detector sees: those of which something here holds, and all those of threads and
// sockets of which it keeps something.
struct Interest {
  std::span<const std::string_view> calls = {};  // by name
  bool polls = false;                            // poll, select, epoll_wait and their like
  bool sends = false;                            // what sends on a socket
  bool failing = false;
  bool datagrams = false;            // on UDP's sockets
  std::int64_t from_ns = INT64_MAX;  // that took so long
  bool all = false;
};

class Detector {
 public:
  explicit Detector(Scene& scene) : scene_(scene) {}
  Detector(const Detector&) = delete;
  Detector& operator=(const Detector&) = delete;
  virtual ~Detector() = default;

  [[nodiscard]] virtual Interest interest() const { return {}; }
  // Its bit in CallName::seen_by and in kept_by of threads and sockets.
  void set_bit(std::uint32_t bit) { bit_ = bit; }

  virtual void call(const CallEvent& event) { (void)event; }
  virtual void signal(const formats::record::Signal& signal, Thread& thread) {
    (void)signal, (void)thread;
  }
  virtual void process(const formats::record::Process& event, Thread& thread) {
    (void)event, (void)thread;
  }
  virtual void file(const formats::record::File& file, std::size_t lane) { (void)file, (void)lane; }
  virtual void flow(const formats::record::Flow& flow) { (void)flow; }
  virtual void socket(const SocketLife& life, const formats::record::Socket& socket) {
    (void)life, (void)socket;
  }
  // Bytes that a call of `thread` has read had arrived before.
  virtual void waited(const SocketLife& life, const Thread& thread, std::int64_t arrived_ts,
                      std::int64_t read_ts) {
    (void)life, (void)thread, (void)arrived_ts, (void)read_ts;
  }
  // The thread has ended.
  virtual void gone(Thread& thread) { (void)thread; }
  // All inputs are over: reports what has not been.
  virtual void finish() {}

 protected:
  template <typename Owner>
  void keep(Owner& of) const {
    of.kept_by |= bit_;
  }
  template <typename Owner>
  void let_go(Owner& of) const {
    of.kept_by &= ~bit_;
  }
  template <typename Owner>
  [[nodiscard]] bool keeps(const Owner& of) const {
    return (of.kept_by & bit_) != 0;
  }

  Scene& scene_;

 private:
  std::uint32_t bit_ = 0;
};

struct Check {
  std::string_view id;
  std::string_view title;    // half a line
  std::string_view explain;  // paragraphs: what is looked for, the limits, what to do
  std::string_view needs;    // "log", "capture", "log and capture"
  std::unique_ptr<Detector> (*make)(Scene& scene);
};

template <typename D>
std::unique_ptr<Detector> make_detector(Scene& scene) {
  return std::make_unique<D>(scene);
}

extern const Check kErrorLoop, kBusyPoll, kLoopStall, kBlockingCall, kBadDescriptor, kDoubleClose,
    kFdLeak, kCloseWait, kPeerNotReading, kConnectFailed, kConnectionReset, kBacklogOverflow,
    kRetransmissions, kUnreadData, kPartialWrite, kSlowDns, kSlowCall, kInterruptedLoop,
    kTinyWrites, kCollectedSocket, kKilled;

[[nodiscard]] std::span<const Check* const> all_checks();

// Whether connections to `server` come to a listener at `local`.
[[nodiscard]] bool serves(const HostPort& local, const HostPort& server);

// When the socket was closed, or the log ended with it open. Nothing when a stream's file records,
// which tell that, are not there.
[[nodiscard]] std::optional<std::int64_t> end_of(const SocketLife& life, const Scene& scene);
// "16 (listener 127.0.0.1:80)", "-1".
[[nodiscard]] std::string shown_fd(std::int64_t fd, const SocketLife* socket);

// What a finding says of a call: who, when, on what.
void set_call(Finding& finding, const CallEvent& event);

// The same, and the call itself, kept until it is known that there is a finding.
class CallNote {
 public:
  void set(const CallEvent& event);
  [[nodiscard]] bool is_set() const { return call_.line != 0; }
  void clear() { call_.line = 0; }
  [[nodiscard]] const Quote& call() const { return call_; }
  [[nodiscard]] const std::optional<std::int64_t>& ts() const { return ts_; }
  [[nodiscard]] const std::string& greenlet() const { return greenlet_; }
  // One that begins with the call, its line the first evidence when `with_call`.
  [[nodiscard]] Finding finding(const Scene& scene, bool with_call = true) const;

 private:
  Quote call_;
  DescriptorNote what_;
  bool has_socket_ = false;
  std::optional<std::int64_t> ts_, fd_;
  std::uint64_t pid_ = 0, tid_ = 0;
  std::optional<std::uint64_t> file_;
  std::string greenlet_, uid_;
};

// The time between two calls' beginnings, in words: " in 5.05 s (5,897/s)"; empty without times.
[[nodiscard]] std::string shown_rate(std::uint64_t count, const std::optional<std::int64_t>& first,
                                     const std::optional<std::int64_t>& last);

}  // namespace tracebraid::analyzers::checks
