// What a detector is, and what it sees. Each is one file and one row (checks.h).
//
// It is shown every record that it is about in the order in which things were over (in_step.h), and
// keeps what it needs: for each thread or socket that lives, never for every record.
//
// Which calls it sees. call() is shown a call when at least one of these holds:
//
//   * interest() asks for it: by its name, or by any one of the others of Interest. interest() is
//     asked once, before the first record;
//   * the detector keeps the thread that made the call: keep(thread);
//   * it keeps the socket that the call was about: keep(socket).
//
// Nothing of that narrows what another brings: who keeps a thread is shown all calls of the thread,
// of every name, whether they failed or not, and has to look at what it is shown. A call comes
// once, however many of these hold. keep() and let_go() hold from the next call on. Keeping is yes
// or no, not counted: one let_go() undoes any number of keep(). It ends by itself with the thread
// (behind gone()) and with the socket (behind socket()). It concerns calls alone: the other
// functions are called for everything, whatever is kept.
//
// Which of two detectors tells of a fault that both see. Rows of calls that fail alike are
// error_loop's: when it reports a row that failed with EBADF it notes so (Scene::note_loop) by
// lane, process, name and whether the descriptor was negative, with the number of calls. Who counts
// such calls, too (bad_descriptor), asks in its own finish() for that number (Scene::looped), takes
// it off its own, and says nothing when nothing is left. Where error_loop is not asked for, nothing
// is noted, and the other tells of all. finish() comes to the detectors in the order of
// checks.list: who notes stands above who asks. All others part the faults by their rules: each
// says in its explanation what is another's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/checks/calls.h"
#include "analyzers/checks/finding.h"
#include "analyzers/checks/scene.h"
#include "analyzers/checks/thread.h"

namespace tracebraid::formats::record {
struct Call;
struct File;
struct Flow;
struct Function;
struct Process;
struct Signal;
struct Socket;
}  // namespace tracebraid::formats::record

namespace tracebraid::analyzers {
struct SocketLife;
}

namespace tracebraid::analyzers::checks {

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

// Which calls a detector sees besides those of what it keeps: any for which one of these holds.
struct Interest {
  std::span<const std::string_view> calls = {};  // by name
  bool polls = false;                            // CallName::is_poll
  bool sends = false;                            // CallName::sends
  bool failing = false;
  bool datagrams = false;            // on UDP's sockets
  std::int64_t from_ns = INT64_MAX;  // that took so long
  bool all = false;
  // No calls: whether function() and called() are for it.
  bool profile = false;
};

class Detector {
 public:
  explicit Detector(Scene& scene) : scene_(scene) {}
  Detector(const Detector&) = delete;
  Detector& operator=(const Detector&) = delete;
  virtual ~Detector() = default;

  [[nodiscard]] virtual Interest interest() const { return {}; }
  // Called once, before anything else: its check, and its number among the detectors of a run, in
  // CallName::seen_by and in kept_by of threads and sockets.
  void enlist(std::string_view id, std::size_t number) {
    id_ = id;
    number_ = number;
  }

  virtual void call(const CallEvent& event) { (void)event; }
  virtual void signal(const formats::record::Signal& signal, Thread& thread) {
    (void)signal, (void)thread;
  }
  virtual void process(const formats::record::Process& event, Thread& thread) {
    (void)event, (void)thread;
  }
  virtual void file(const formats::record::File& file, std::size_t lane) { (void)file, (void)lane; }
  virtual void flow(const formats::record::Flow& flow) { (void)flow; }
  // Of a profile, where Interest::profile says so: a function, and all calls of one by another.
  virtual void function(const formats::record::Function& function) { (void)function; }
  virtual void called(const formats::record::Call& call) { (void)call; }
  // The socket has ended, and its flow, too; or all inputs have.
  virtual void socket(const SocketLife& life, const formats::record::Socket& socket) {
    (void)life, (void)socket;
  }
  // Bytes that a call of `thread` has read had arrived before.
  virtual void waited(const SocketLife& life, const Thread& thread, std::int64_t arrived_ts,
                      std::int64_t read_ts) {
    (void)life, (void)thread, (void)arrived_ts, (void)read_ts;
  }
  // The thread has ended. Not called for those that live when all inputs are over.
  virtual void gone(Thread& thread) { (void)thread; }
  // All inputs are over: reports what has not been.
  virtual void finish() {}

 protected:
  // Of a Thread or a SocketLife.
  template <typename Owner>
  void keep(Owner& of) const {
    of.kept_by.insert(number_);
  }
  template <typename Owner>
  void let_go(Owner& of) const {
    of.kept_by.erase(number_);
  }
  template <typename Owner>
  [[nodiscard]] bool keeps(const Owner& of) const {
    return of.kept_by.contains(number_);
  }

  // As one of its check.
  void report(Finding finding) const {
    finding.id = id_;
    scene_.report(std::move(finding));
  }

  Scene& scene_;

 private:
  std::string_view id_;
  std::size_t number_ = 0;
};

// What is known of each thread, by lane and number: the table's own order, that of addresses, is
// another in each run.
template <typename Known>
[[nodiscard]] std::vector<std::pair<Thread*, Known*>> in_order(
    std::unordered_map<Thread*, Known>& by_thread) {
  std::vector<std::pair<Thread*, Known*>> sorted;
  for (auto& [thread, known] : by_thread) sorted.emplace_back(thread, &known);
  std::ranges::sort(sorted, {},
                    [](const auto& one) { return std::pair(one.first->lane, one.first->tid); });
  return sorted;
}

}  // namespace tracebraid::analyzers::checks
