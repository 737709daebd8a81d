// Threads and processes of a log: who a line is of, who made whom, and who shares what.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "converters/strace/log_state.h"
#include "formats/io/digits.h"

namespace tracebraid::converters::strace {
namespace {

using formats::io::Counter;
using formats::io::leading_number;
using formats::io::Severity;
using formats::strace::Body;
using formats::strace::Call;
using formats::strace::Effect;
using formats::strace::value_of;

constexpr Counter kUring = {"io_uring", Severity::kNote,
                            "a process uses io_uring: what it sends and receives that way is not "
                            "in the log"};

// In messages that tell of no failure.
constexpr std::string_view kOrdinaryMessages[] = {" attached", " detached", " resumed",
                                                  " suspended"};

bool has_flag(std::string_view flags, std::string_view name) {
  return flags.find(name) != std::string_view::npos;
}

// A thread's or process' id, as a call returns it; 0 when it is none.
std::uint32_t as_id(std::int64_t result) {
  return result > 0 && result <= INT32_MAX ? static_cast<std::uint32_t>(result) : 0;
}

}  // namespace

StraceLog::Thread* StraceLog::find(std::uint32_t tid) {
  if (last_thread_ != nullptr && last_thread_->key == tid) return last_thread_;
  Thread*& recent = recent_[tid % recent_.size()];
  if (recent == nullptr || recent->key != tid) {
    const auto found = threads_.find(tid);
    if (found == threads_.end()) return nullptr;
    recent = found->second.get();
  }
  return last_thread_ = recent;
}

StraceLog::Thread& StraceLog::make(std::uint32_t tid) {
  auto made = std::make_unique<Thread>();
  made->key = made->tid = tid;
  made->number = ++threads_made_;
  Thread& thread = *made;
  move_to(thread, std::make_shared<Process>());
  threads_[tid] = std::move(made);
  return thread;
}

StraceLog::Thread& StraceLog::find_or_make(std::uint32_t tid) {
  if (Thread* const known = find(tid)) {
    known->is_seen = true;
    return *known;
  }
  Thread& thread = make(tid);
  thread.is_seen = true;
  // A child's lines may stand before the end of the call that made it.
  if (Thread* const parent = only_cloner(thread)) {
    adopt(*parent, thread, value_of(parent->pending.text, "flags="));
  }
  last_thread_ = &thread;
  return thread;
}

// The thread that is inside of a clone, if there is one only.
StraceLog::Thread* StraceLog::only_cloner(const Thread& child) {
  Thread* cloner = nullptr;
  for (const std::uint32_t key : cloning_) {
    Thread* const candidate = find(key);
    if (candidate == nullptr || !candidate->is_pending || candidate == &child) continue;
    if (cloner != nullptr && cloner != candidate) return nullptr;
    cloner = candidate;
  }
  return cloner;
}

StraceLog::Thread* StraceLog::only_thread() {
  Thread* only = nullptr;
  for (const auto& [key, thread] : threads_) {
    if (!thread->is_seen) continue;
    if (only != nullptr) return nullptr;
    only = thread.get();
  }
  return only;
}

std::vector<StraceLog::Thread*> StraceLog::youngest_first() const {
  std::vector<Thread*> found;
  found.reserve(threads_.size());
  for (const auto& [key, thread] : threads_) found.push_back(thread.get());
  std::ranges::sort(found, Younger());
  return found;
}

void StraceLog::move_to(Thread& thread, std::shared_ptr<Process> process) {
  if (thread.process) thread.process->threads.erase(&thread);
  thread.process = std::move(process);
  thread.process->threads.insert(&thread);
}

StraceLog::Thread& StraceLog::thread_of(Input& input, const formats::strace::Line& line) {
  const std::uint32_t pid = line.prefix.pid;
  if (pid == 0) {
    if (input.tid != 0) return find_or_make(input.tid);
    if (input.owner && threads_.contains(*input.owner)) return find_or_make(*input.owner);
    // On standard error, strace leaves the id out while there is one thread only.
    if (Thread* const unnamed = find(0)) return *unnamed;
    if (Thread* const only = only_thread()) return *only;
    return find_or_make(0);
  }
  has_pids_ = true;
  if (line.prefix.is_bracketed && !threads_.contains(pid)) {
    if (Thread* const named = named_at_last(line)) return *named;
  }
  return find_or_make(pid);
}

// The thread that had no id while it was alone, if it is that of `line`, the first one with its id.
StraceLog::Thread* StraceLog::named_at_last(const formats::strace::Line& line) {
  const auto unnamed = threads_.find(0);
  if (unnamed == threads_.end()) return nullptr;
  const std::uint32_t pid = line.prefix.pid;
  Thread& thread = *unnamed->second;
  // New threads are announced, or made by a call that is not over yet: this is the first one.
  const bool is_first = line.body == Body::kResumed
                            ? thread.is_pending && thread.pending.name == line.call.name
                            : !thread.is_pending;
  if (!is_first || (thread.tid != 0 && thread.tid != pid)) return nullptr;
  auto node = threads_.extract(unnamed);
  node.key() = pid;
  threads_.insert(std::move(node));
  recent_[0] = nullptr;
  thread.key = thread.tid = pid;
  thread.process->threads.erase(&thread);
  thread.number = ++threads_made_;
  thread.process->threads.insert(&thread);
  if (cloning_.erase(0) != 0) cloning_.insert(pid);
  last_thread_ = &thread;
  return &thread;
}

StraceLog::Thread& StraceLog::caller(Input& input) {
  Thread& thread = thread_of(input, line_);
  if (thread.is_pending) emit_pending(thread, "unfinished");
  return thread;
}

// `child`, which a clone with these flags made, goes on with what `parent` has.
void StraceLog::adopt(Thread& parent, Thread& child, std::string_view flags) {
  if (child.is_linked) return;
  child.is_linked = true;
  const std::shared_ptr<Process> own = child.process;
  if (has_flag(flags, "CLONE_THREAD")) {
    move_to(child, parent.process);
    if (own->tgid != 0 && parent.process->tgid == 0) parent.process->tgid = own->tgid;
    child.process->table->add(*own->table);
    return;
  }
  auto process = std::make_shared<Process>();
  process->tgid = child.tid;
  process->is_whole = parent.process->is_whole;
  // What the child has done already counts.
  const bool shares_files = has_flag(flags, "CLONE_FILES");
  process->table = shares_files ? parent.process->table : own->table;
  process->table->add(shares_files ? *own->table : *parent.process->table);
  move_to(child, std::move(process));
}

void StraceLog::cloned(Thread& parent, std::uint32_t child, std::string_view flags,
                       const Start& start) {
  cloning_.erase(parent.key);
  formats::record::Process record;
  record.event = "clone";
  record.child = child;
  record.is_thread = has_flag(flags, "CLONE_THREAD");
  record.flags = flags;
  emit_process(record, parent, start);
  // Without -f, what the child does is not in the log.
  if (!has_pids_ && has_flag(flags, "CLONE_FILES")) parent.process->is_whole = false;
  Thread* known = find(child);
  if (known == nullptr) {
    known = &make(child);
    unseen_.push_back(child);
    constexpr std::size_t kMostUnseen = 1024;
    if (unseen_.size() > kMostUnseen) {
      Thread* const oldest = find(unseen_.front());
      unseen_.pop_front();
      if (oldest != nullptr && !oldest->is_seen) leave(*oldest, start);
    }
  }
  adopt(parent, *known, flags);
}

void StraceLog::leave(Thread& thread, const Start& start) {
  cloning_.erase(thread.key);
  if (last_thread_ == &thread) last_thread_ = nullptr;
  const Owner owner{thread.process->tgid, thread.tid};
  if (Thread*& recent = recent_[thread.key % recent_.size()]; recent == &thread) recent = nullptr;
  thread.process->threads.erase(&thread);
  threads_.erase(thread.key);
  if (options_.files) report_ended("exit", owner, &start);
}

// What a call that succeeded tells of its own thread and process.
void StraceLog::follow(Thread& thread, const Ended& ended) {
  const Call& call = ended.call;
  if (!call.has_result || !call.error.empty()) return;
  Process& process = *thread.process;
  switch (call.row->effect) {
    case Effect::kExec:
      if (call.result != 0) break;
      // Who calls exec becomes the process's only thread, its leader.
      if (thread.process.use_count() > 1) {
        auto own = std::make_shared<Process>();
        static_cast<ProcessState&>(*own) = process;
        move_to(thread, std::move(own));
      }
      if (thread.tid != 0) thread.process->tgid = thread.tid;
      if (threads_.size() == 1 && ledger_.syscalls == 1) thread.process->is_whole = true;
      break;
    case Effect::kOwnId:
      if (thread.tid == 0) thread.tid = as_id(call.result);
      break;
    case Effect::kProcessId:
      if (process.tgid == 0) process.tgid = as_id(call.result);
      break;
    case Effect::kIoUring:
      if (!std::exchange(process.is_noted_for_uring, true)) {
        diagnostics_.count(kUring, line_place(ended.start.line));
      }
      break;
    default:
      break;
  }
}

// "exited with 0", "killed by SIGSEGV (core dumped)", "superseded by execve in pid 30312".
void StraceLog::take_exit(Thread& thread, const Start& start) {
  formats::record::Process record;
  std::string_view text = line_.text;
  constexpr std::string_view kExited = "exited with ";
  constexpr std::string_view kKilled = "killed by ";
  constexpr std::string_view kSuperseded = "superseded by execve in pid ";
  if (text.starts_with(kSuperseded)) {
    take_superseded(thread, text.substr(kSuperseded.size()), start);
    return;
  }
  record.event = "exit";
  if (text.starts_with(kExited)) {
    record.code = leading_number<std::int64_t>(text.substr(kExited.size()));
  } else if (text.starts_with(kKilled)) {
    record.event = "killed";
    text.remove_prefix(kKilled.size());
    record.signal = text.substr(0, text.find(' '));
    record.core_dumped = text.ends_with("(core dumped)");
  }
  if (thread.is_pending) emit_pending(thread, "unfinished");
  emit_process(record, thread, start);
  leave(thread, start);
}

// strace prints it in the leader's name. The thread that called exec goes on under the leader's id:
// the end of its execve comes in the leader's name, too; all others are gone.
void StraceLog::take_superseded(Thread& thread, std::string_view old_tid, const Start& start) {
  formats::record::Process record;
  record.event = "superseded";
  const auto old = leading_number<std::uint32_t>(old_tid);
  if (thread.is_pending) emit_pending(thread, "superseded");
  if (old) record.old_tid = *old;
  emit_process(record, thread, start);
  if (!old) return;
  if (Thread* const caller = find(*old); caller != nullptr && caller != &thread) {
    thread.is_pending = std::exchange(caller->is_pending, false);
    caller->pending.move_to(thread.pending);
  }
  const std::vector<Thread*> all(thread.process->threads.begin(), thread.process->threads.end());
  for (Thread* const other : all) {
    if (other == &thread) continue;
    if (other->is_pending) emit_pending(*other, "superseded");
    leave(*other, start);
  }
}

// "[ Process PID=29669 runs in 32 bit mode. ]"
void StraceLog::take_personality(const Start& start) {
  formats::record::Process record;
  record.event = "personality";
  constexpr std::string_view kRuns = "runs in ";
  const std::size_t in = line_.text.find(kRuns);
  if (in != std::string_view::npos) {
    record.abi = line_.text.substr(in + kRuns.size());
    record.abi = record.abi.substr(0, record.abi.find(' '));
  }
  const auto pid = leading_number<std::uint32_t>(value_of(line_.text, "PID="));
  Thread& thread = find_or_make(pid.value_or(0));
  emit_process(record, thread, start);
}

// "Process 28484 attached", "Process 28484 attached with 4 threads", "Process 28484 detached";
// others say nothing of threads.
void StraceLog::take_message(std::string_view text, const Start& start) {
  // "attach: ptrace(PTRACE_SEIZE, 4711): Operation not permitted".
  constexpr std::size_t kMostFailure = 300;
  const bool is_ordinary = std::ranges::any_of(kOrdinaryMessages, [&](std::string_view words) {
    return text.find(words) != std::string_view::npos;
  });
  if (!is_ordinary && failure_.empty()) {
    failure_ = text.substr(0, kMostFailure);
    ledger_.failure = failure_;
  }
  constexpr std::string_view kProcess = "Process ";
  if (!text.starts_with(kProcess)) return;
  const auto pid = leading_number<std::uint32_t>(text.substr(kProcess.size()));
  if (!pid || *pid == 0) return;
  const bool is_attached = text.find(" attached") != std::string_view::npos;
  const bool is_detached = text.find(" detached") != std::string_view::npos;
  if (!is_attached && !is_detached) return;
  Thread* thread = find(*pid);
  if (is_attached) {
    // In a log with one thread so far that has no id, it is another one.
    thread = &find_or_make(*pid);
    if (text.find(" threads") != std::string_view::npos) thread->process->tgid = *pid;
  }
  if (thread == nullptr) return;
  formats::record::Process record;
  record.event = is_attached ? "attached" : "detached";
  emit_process(record, *thread, start);
}

void StraceLog::emit_process(formats::record::Process& record, const Thread& thread,
                             const Start& start) {
  record.ts = start.ts();
  record.clock = start.clock;
  if (thread.process->tgid != 0) record.pid = thread.process->tgid;
  if (thread.tid != 0) record.tid = thread.tid;
  record.comm = start.comm;
  record.line = start.line;
  record.input = start.input;
  sink_.process(record);
}

}  // namespace tracebraid::converters::strace
