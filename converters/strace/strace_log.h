// An strace log as records: lines joined to calls, calls to threads and processes.
//
// Memory: a line (of -ff, one for each file) and the first 16 MiB of the stack or dump below it;
// for every live thread what it is inside of; for every live process its open descriptors
// (descriptors.h). Threads whose end the log does not show stay: a log without exit lines (-qqq)
// costs some hundred bytes for each of its threads.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "converters/strace/clock.h"
#include "converters/strace/descriptors.h"
#include "formats/io/diagnostics.h"
#include "formats/io/hash.h"
#include "formats/io/lines.h"
#include "formats/record/file.h"
#include "formats/record/syscall.h"
#include "formats/strace/line.h"
#include "formats/strace/table.h"

namespace tracebraid::converters::strace {

// Told of every record as soon as it is known, a call when it ends. Records and their views are
// valid during the call only.
class StraceSink {
 public:
  virtual ~StraceSink() = default;
  virtual void syscall(const formats::record::Syscall& record) = 0;
  virtual void signal(const formats::record::Signal& record) { (void)record; }
  virtual void process(const formats::record::Process& record) { (void)record; }
  virtual void problem(const formats::record::Problem& record) { (void)record; }
  // When it ends, with Options::files.
  virtual void file(const formats::record::File& record) { (void)record; }
};

class StraceLog {
 public:
  struct Options {
    ClockOptions clock;
    bool replay = true;   // fill in what descriptors stand for
    bool files = false;   // report these too
    bool verify = false;  // compare with the tables of -C
  };

  StraceLog(const Options& options, StraceSink& sink, formats::io::Diagnostics& diagnostics);
  StraceLog(const StraceLog&) = delete;
  StraceLog& operator=(const StraceLog&) = delete;
  ~StraceLog();

  // One log, or the next part of one. `name` is for records' `input`, empty when there is one log
  // only; `modified` as Clock::set_modified(). Throws what the source throws, after the lines
  // before it.
  void read(formats::io::Source& source, std::string_view name,
            std::optional<std::int64_t> modified);

  // A file for every thread (-ff), named by its id: read in order of time.
  struct ThreadFile {
    formats::io::Source* source;
    std::string name;
    std::uint32_t tid;
    std::optional<std::int64_t> modified;
  };
  void read_together(std::vector<ThreadFile>& files);

  // Reports the calls that have not ended.
  void finish();

  [[nodiscard]] const formats::record::LineLedger& ledger() const { return ledger_; }

 private:
  // log_state.h has these.
  struct ProcessState;
  struct Process;
  struct Younger;
  struct Thread;
  struct Input;
  struct Start;
  struct Entry;
  struct Ended;
  struct Pending;
  struct Owner {
    std::uint32_t pid = 0, tid = 0;  // 0: unknown
  };
  // What strace prints below a line.
  struct Stack {
    std::string frames;
    std::string dump;
  };

  // Of reading (strace_log.cc).
  void take_next(Input& input);
  void keep_attachment(std::string_view line);
  void take_line(Input& input, const Entry& entry, const Start* known = nullptr);
  bool take_table_line(Input& input, std::string_view text);
  [[nodiscard]] Start start_of(const formats::strace::Prefix& prefix, std::uint64_t number,
                               std::string_view input);
  void take_body(Input& input, const Start& start, const Entry& entry);
  void take_call(Input& input, const Start& start, const Entry& entry);
  void take_unfinished(Thread& thread, const Start& start, const Stack* stack);
  void take_moved(Thread& thread, const Start& start, const Stack* stack);
  void take_open(Input& input, const Start& start, const Entry& entry);
  void take_other(Input& input, const Start& start, const Entry& entry);
  void take_signal(Thread& thread, const Start& start, const Stack* stack);
  bool hold(Input& input, const Start& start, const Entry& entry);
  [[nodiscard]] std::optional<std::size_t> output_of_another(std::string_view text) const;
  bool join_held(Input& input, const Entry& entry);
  void give_up(Input& input, bool is_end);
  void end(Input& input);
  void end_tables(Input& input);
  void compare_counts(const Input& input, std::string_view name);
  void report(std::string_view kind, std::string_view text, std::uint64_t number,
              std::string_view input);

  // Of calls' ends (ended_calls.cc).
  void take_resumed(Thread& thread, const Start& start, const Stack* stack);
  void emit_pending(Thread& thread, std::string_view state);
  void complete(Thread& thread, const Ended& ended);
  static void set_times(const Ended& ended, formats::record::Syscall& record);
  static void set_printed(const Ended& ended, formats::record::Syscall& record);
  void set_ids(const Thread& thread);
  void count(const Ended& ended);
  void link_restart(Thread& thread, const Ended& ended);
  void replay(Thread& thread, const Ended& ended);
  void report_closed(const Thread& thread, const Ended& ended);
  void report_effects(Thread& thread, const Ended& ended);
  // Files whose end was caused by the call `by`.
  void report_ended(std::string_view by, Owner owner, const Start* start);

  // Of threads and processes (threads.cc).
  [[nodiscard]] Thread& thread_of(Input& input, const formats::strace::Line& line);
  [[nodiscard]] Thread* named_at_last(const formats::strace::Line& line);
  // thread_of() the line's, for a call that begins: what it was inside of has no end in the log.
  [[nodiscard]] Thread& caller(Input& input);
  [[nodiscard]] Thread& find_or_make(std::uint32_t tid);
  [[nodiscard]] Thread& make(std::uint32_t tid);
  [[nodiscard]] Thread* find(std::uint32_t tid);
  [[nodiscard]] Thread* only_thread();
  // The table's own order is another in each run.
  [[nodiscard]] std::vector<Thread*> youngest_first() const;
  static void move_to(Thread& thread, std::shared_ptr<Process> process);
  [[nodiscard]] Thread* only_cloner(const Thread& child);
  void take_exit(Thread& thread, const Start& start);
  void take_superseded(Thread& thread, std::string_view old_tid, const Start& start);
  void take_message(std::string_view text, const Start& start);
  void take_personality(const Start& start);
  void follow(Thread& thread, const Ended& ended);
  void cloned(Thread& parent, std::uint32_t child, std::string_view flags, const Start& start);
  void adopt(Thread& parent, Thread& child, std::string_view flags);
  void leave(Thread& thread, const Start& start);
  void emit_process(formats::record::Process& record, const Thread& thread, const Start& start);

  Options options_;
  StraceSink& sink_;
  formats::io::Diagnostics& diagnostics_;
  Clock clock_;
  Descriptors descriptors_;
  formats::record::LineLedger ledger_;
  std::string failure_;  // LineLedger::failure
  std::unordered_map<std::uint32_t, std::unique_ptr<Thread>, formats::io::NumberHash> threads_;
  Thread* last_thread_ = nullptr;
  std::array<Thread*, 16> recent_{};  // by the lower bits of their keys
  bool has_pids_ = false;
  std::uint64_t threads_made_ = 0;
  std::set<std::uint32_t> cloning_;   // threads inside of a clone whose child is not known
  std::deque<std::uint32_t> unseen_;  // children that clone returned and no line was of yet
  formats::strace::Line line_;
  std::string text_;    // a line that has attachments
  Stack stack_;         // and these
  std::string plain_;   // a line without its colours
  std::string joined_;  // both halves of a call
  formats::record::Syscall record_;
  formats::strace::CallCounts counts_;  // --verify
  std::deque<std::string> names_;       // of inputs
};

}  // namespace tracebraid::converters::strace
