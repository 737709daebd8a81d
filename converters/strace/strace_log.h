// An strace log as records: lines joined to calls, calls to threads and processes.
//
// Memory: a line, and for every live thread what it is inside of; for every live process its open
// descriptors (descriptors.h). Threads whose end the log does not show stay: a log without exit
// lines (-qqq) costs some hundred bytes for each of its threads.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "converters/strace/clock.h"
#include "converters/strace/descriptors.h"
#include "formats/io/diagnostics.h"
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
  struct Process;
  struct Thread;
  struct Input;
  struct Start;
  struct Stack;
  struct Owner {
    std::uint32_t pid = 0, tid = 0;  // 0: unknown
  };

  void take_line(Input& input, std::string_view text, std::uint64_t number, bool is_last,
                 const Stack* stack);
  void take_call(Input& input, const Start& start, std::string_view text, bool is_last,
                 const Stack* stack);
  void take_resumed(Thread& thread, const Start& start, const Stack* stack);
  void take_signal(Thread& thread, const Start& start, const Stack* stack);
  void take_exit(Thread& thread, const Start& start);
  void take_message(std::string_view text, const Start& start);
  void take_personality(const Start& start);
  bool hold(Input& input, std::string_view text, std::uint64_t number);
  [[nodiscard]] std::size_t shown_by_another(std::string_view text) const;
  bool join_held(Input& input, std::string_view text, bool is_last, const Stack* stack);
  void give_up(Input& input, bool is_end);
  void end_tables(Input& input);

  void complete(Thread& thread, const formats::strace::Call& call, const Start& start,
                const Start* end, std::string_view state, const Stack* stack, bool has_begun);
  void emit_pending(Thread& thread, std::string_view state);
  void follow(Thread& thread, const formats::strace::Call& call, const Start& start);
  void cloned(Thread& parent, std::uint32_t child, std::string_view flags, const Start& start);
  void adopt(Thread& parent, Thread& child, bool is_thread, bool shares_files);
  void leave(Thread& thread, const Start& start);
  // Files whose end was caused by the call `by`.
  void report_ended(std::string_view by, Owner owner, const Start* start);
  [[nodiscard]] Thread& thread_of(Input& input, const formats::strace::Line& line);
  [[nodiscard]] Thread& find_or_make(std::uint32_t tid);
  [[nodiscard]] Thread* find(std::uint32_t tid);
  [[nodiscard]] Thread* only_thread();
  void report(std::string_view kind, std::string_view text, std::uint64_t number,
              std::string_view input);
  void emit_process(formats::record::Process& record, const Thread& thread, const Start& start);

  Options options_;
  StraceSink& sink_;
  formats::io::Diagnostics& diagnostics_;
  Clock clock_;
  Descriptors descriptors_;
  formats::record::LineLedger ledger_;
  std::unordered_map<std::uint32_t, std::unique_ptr<Thread>> threads_;
  Thread* last_thread_ = nullptr;
  bool has_pids_ = false;
  std::vector<std::uint32_t> cloning_;  // threads inside of a clone whose child is not known
  std::deque<std::uint32_t> unseen_;    // children that clone returned and no line was of yet
  formats::strace::Line line_;
  std::string plain_;   // a line without its colours
  std::string joined_;  // both halves of a call
  formats::record::Syscall record_;
  formats::strace::CallCounts counts_;  // --verify
  std::deque<std::string> names_;       // of inputs
};

}  // namespace tracebraid::converters::strace
