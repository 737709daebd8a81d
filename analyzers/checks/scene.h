// What detectors may ask and tell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "analyzers/checks/finding.h"

namespace tracebraid::analyzers {
class InputKinds;
struct Skew;
}  // namespace tracebraid::analyzers

namespace tracebraid::analyzers::checks {

struct Closing;
struct Thread;
class ReadySets;

// Lines of a log in which a thread did nothing but turn, as a finding has told.
struct Turning {
  std::size_t lane = 0;
  std::uint64_t tid = 0;
  std::uint64_t first_line = 0, last_line = 0;
};

// What was looked at, in records of each type; threads that made calls; of processes, signals and
// the ends of threads.
struct Counts {
  std::uint64_t calls = 0, failed = 0, threads = 0, segments = 0, flows = 0, packets = 0,
                switches = 0, functions = 0, ends = 0;
};

class Scene {
 public:
  virtual ~Scene() = default;
  // Which kinds of inputs there are, and what they have told so far.
  [[nodiscard]] virtual const InputKinds& kinds() const = 0;
  [[nodiscard]] virtual const Counts& counts() const = 0;
  // How far the capture's clock is ahead of the log's.
  [[nodiscard]] virtual const Skew& skew() const = 0;
  // Of a descriptor in the thread's process; null when it is open or nothing is known. A close
  // counts from the call behind it on.
  [[nodiscard]] virtual const Closing* closing(const Thread& thread, std::int64_t fd) const = 0;
  // Of an open file that the thread's process closed lately.
  [[nodiscard]] virtual const Closing* closing_of_file(const Thread& thread,
                                                       std::uint64_t file) const = 0;
  // Of the listener that the thread's process closed last.
  [[nodiscard]] virtual const Closing* last_listener_closing(const Thread& thread) const = 0;
  // "strace.log:12: accept4(16<…>) = -1 EBADF (…)".
  [[nodiscard]] virtual std::string evidence(const formats::record::Syscall& call) const = 0;
  [[nodiscard]] virtual std::string evidence(const Quote& call) const = 0;
  // "strace.log:12".
  [[nodiscard]] virtual std::string place(std::string_view input, std::uint64_t line) const = 0;
  // The Python function that made `count` such calls, as far as a profile's numbers tell.
  [[nodiscard]] virtual std::string function(std::string_view call, std::uint64_t count) const = 0;
  [[nodiscard]] virtual bool has_capture() const = 0;
  // The latest time of calls and segments so far; in finish(), that of the log's and capture's end.
  [[nodiscard]] virtual std::int64_t last_ts() const = 0;
  // For how long at most the processor was another's at a time within a second of that: so long did
  // a call take that waits for nothing (CallName::never_waits, or one that said EAGAIN); 0 below
  // 20 ms. For finish(), since what shows it may come later.
  [[nodiscard]] virtual std::int64_t without_processor(std::int64_t begin,
                                                       std::int64_t end) const = 0;
  // Detector::report() is for detectors.
  virtual void report(Finding finding) = 0;
  // Which of two detectors tells of a fault: see detector.h. Calls of a process by name, and
  // whether their descriptor was below 0.
  virtual void note_loop(const Thread& thread, std::string_view call, bool is_negative,
                         std::uint64_t count) = 0;
  [[nodiscard]] virtual std::uint64_t looped(std::size_t lane, std::uint64_t pid,
                                             std::string_view call, bool is_negative) const = 0;
  // The same of loops of any kind: who finds one notes where it was, and `spin`, which stands below
  // them all, leaves it out.
  virtual void note_turning(const Turning& turning) = 0;
  [[nodiscard]] virtual bool is_told(const Turning& turning) const = 0;
  // What epolls watch before the call at hand, and behind it when it is epoll_ctl.
  [[nodiscard]] virtual ReadySets& ready_sets() = 0;
};

}  // namespace tracebraid::analyzers::checks
