#include "converters/strace/strace_log.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

#include "formats/io/text.h"

namespace tracebraid::converters::strace {
namespace {

using formats::io::Counter;
using formats::io::Severity;
using formats::record::Duration;
using formats::record::Syscall;
using formats::record::Time;
using formats::strace::Body;
using formats::strace::Call;
using formats::strace::CallCount;
using formats::strace::Effect;
using formats::strace::Ending;
using formats::strace::SyscallRow;
using formats::strace::Wait;

constexpr Counter kForeign = {"foreign_line", Severity::kNote,
                              "lines that strace did not write: the program's output, as a rule"};
constexpr Counter kDamaged = {"damaged_line", Severity::kDamage, "lines that are not whole"};
constexpr Counter kCut = {"cut_call", Severity::kDamage, "calls whose line ends in the middle"};
constexpr Counter kCutLine = {"cut_line", Severity::kNote, "the log ends in the middle of a line"};
constexpr Counter kTooLong = {"line_too_long", Severity::kDamage,
                              "lines of more than 16 MiB, left out"};
constexpr Counter kUring = {"io_uring", Severity::kNote,
                            "a process uses io_uring: what it sends and receives that way is not "
                            "in the log"};
constexpr Counter kAssumedDay = {"assumed_day", Severity::kNote,
                                 "the log has times without a date: taken from when it was last "
                                 "written (--date)"};
constexpr Counter kNoStart = {"no_start", Severity::kNote,
                              "the log has times since its own beginning only (-r): --start says "
                              "when that was"};
constexpr Counter kMismatch = {"table_mismatch", Severity::kDamage,
                               "counts that differ from the log's own table"};

bool is_attachment(std::string_view line) {
  return line.size() >= 3 && line[0] == ' ' && line[2] == ' ' &&
         (line[1] == '>' || line[1] == '|' || line[1] == '*' || line[1] == '=');
}

// "key=VALUE" in `text`, up to a comma, blank, brace or the end.
std::string_view value_of(std::string_view text, std::string_view key) {
  std::size_t at = 0;
  while ((at = text.find(key, at)) != std::string_view::npos) {
    if (at == 0 || text[at - 1] == ' ' || text[at - 1] == '{') break;
    at += key.size();
  }
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + key.size());
  return text.substr(0, text.find_first_of(", }"));
}

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data()) return std::nullopt;
  return value;
}

// " | 00000  78 29 20 3d …  x) = |": the bytes.
void append_dump(std::string& out, std::string_view line) {
  if (!line.starts_with(" | ")) return;
  line.remove_prefix(3);
  const std::size_t offset = line.find("  ");
  if (offset == std::string_view::npos) return;
  line.remove_prefix(offset + 2);
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  int bytes = 0;
  std::size_t at = 0;
  while (bytes < 16 && at + 1 < line.size()) {
    if (line[at] == ' ') {
      // Two blanks stand in the middle; more of them come when there are no more bytes.
      if (at + 2 < line.size() && line[at + 1] == ' ' && line[at + 2] == ' ') return;
      ++at;
      continue;
    }
    const int high = digit(line[at]);
    const int low = digit(line[at + 1]);
    if (high < 0 || low < 0) return;
    out.push_back(static_cast<char>(high * 16 + low));
    ++bytes;
    at += 2;
  }
}

// The flags of clone, clone3, fork and vfork.
std::string_view clone_flags(std::string_view args) {
  return value_of(args, "flags=");
}

constexpr std::size_t kMostShown = 1000;

template <typename... Fields>
void clear(Fields&... fields) {
  (std::construct_at(&fields), ...);
}

// What not every call has. `record = {}` takes three times as long: it is 3 % of all.
void clear_rare(Syscall& record) {
  clear(record.ts, record.end_ts, record.duration, record.duration_src, record.ts_resolution,
        record.pid, record.tid, record.nr, record.ip, record.result, record.fd, record.fd2,
        record.fd_text, record.file, record.new_file, record.kind, record.path, record.proto,
        record.local_h, record.local_p, record.peer_h, record.peer_p, record.bytes,
        record.direction, record.wait, record.restart_of, record.stack, record.dump);
}

}  // namespace

struct StraceLog::Process {
  std::uint32_t tgid = 0;  // 0: unknown
  std::shared_ptr<DescriptorTable> table = std::make_shared<DescriptorTable>();
  // All that made descriptors is in the log: what was closed and not opened again is closed.
  bool is_whole = false;
  bool is_noted_for_uring = false;
};

// Where a line stands in the log, and what its prefix says. Its time is no std::optional: a copy of
// one waits for its halves where they have just been written.
struct StraceLog::Start {
  std::uint64_t line = 0;
  std::string_view input;
  bool has_ts = false;
  bool has_ip = false;
  std::int32_t nr = -1;
  std::int64_t ts_ns = 0;
  std::int64_t resolution_ns = 0;
  std::string_view clock;
  std::uint64_t ip = 0;
  std::string_view comm;

  [[nodiscard]] std::optional<Time> ts() const {
    return has_ts ? std::optional(Time{ts_ns}) : std::nullopt;
  }
};

struct StraceLog::Thread {
  std::uint32_t key = 0;  // in threads_
  std::uint32_t tid = 0;  // 0: unknown
  std::shared_ptr<Process> process;
  bool is_linked = false;  // its parent is known
  bool is_seen = false;    // the log has lines of it

  bool is_pending = false;
  std::string pending;  // "read(3, "
  std::string pending_name;
  Start pending_start;
  std::string pending_comm;
  std::string pending_stack;
  bool has_begun = false;
  FilePtr began;  // what its descriptor stood for then

  std::string interrupted;  // a call that returned ERESTART…
  std::uint64_t interrupted_line = 0;
  bool is_in_handler = false;
};

struct StraceLog::Stack {
  std::string frames;
  std::string dump;
};

struct StraceLog::Input {
  std::string_view name;
  std::uint32_t tid = 0;  // -ff
  std::optional<formats::strace::CallTable> table;
  formats::strace::CallCounts tables;  // all of one place in the log
  bool has_tables = false;
  std::uint64_t table_line = 0;

  std::string held;  // the beginning of a line that something else broke into
  std::uint64_t held_lines = 0;
  std::uint64_t held_number = 0;
  bool is_held_for_output = false;
  std::optional<std::uint32_t> owner;  // of the held line, when it names no thread
};

StraceLog::StraceLog(const Options& options, StraceSink& sink,
                     formats::io::Diagnostics& diagnostics)
    : options_(options),
      sink_(sink),
      diagnostics_(diagnostics),
      clock_(options.clock),
      descriptors_(options.files) {}

StraceLog::~StraceLog() = default;

void StraceLog::read(formats::io::Source& source, std::string_view name,
                     std::optional<std::int64_t> modified) {
  Input input;
  input.name = name.empty() ? name : std::string_view(names_.emplace_back(name));
  if (modified) clock_.set_modified(*modified);
  formats::io::LineReader lines(source);
  std::string text;
  Stack stack;
  const auto end = [&] {
    give_up(input, true);
    end_tables(input);
  };
  try {
    while (lines.next()) {
      const std::uint64_t number = ++ledger_.lines;
      if (lines.is_cut()) {
        ++ledger_.problems;
        report("too_long", lines.line(), number, input.name);
        continue;
      }
      if (!is_attachment(lines.peek()) || is_attachment(lines.line())) {
        take_line(input, lines.line(), number, !lines.has_end(), nullptr);
        continue;
      }
      text = lines.line();
      stack.frames.clear();
      stack.dump.clear();
      while (is_attachment(lines.peek()) && lines.next()) {
        ++ledger_.lines;
        const std::string_view line = lines.line();
        if (line[1] == '>') {
          ++ledger_.frames;
          if (stack.frames.size() < formats::io::LineReader::kMostLine) {
            if (!stack.frames.empty()) stack.frames.push_back('\n');
            stack.frames.append(line.substr(3));
          }
        } else {
          ++ledger_.dumps;
          if (stack.dump.size() < formats::io::LineReader::kMostLine / 2) {
            append_dump(stack.dump, line);
          }
        }
      }
      take_line(input, text, number, !lines.has_end(), &stack);
    }
  } catch (const formats::io::Error&) {
    end();
    throw;
  }
  end();
}

void StraceLog::read_together(std::vector<ThreadFile>& files) {
  struct Reader {
    formats::io::LineReader lines;
    Input input;
    bool has_line;
    std::int64_t time;
    explicit Reader(formats::io::Source& source)
        : lines(source, std::size_t{16} * 1024), has_line(false), time(0) {}
  };
  std::vector<std::unique_ptr<Reader>> readers;
  std::exception_ptr failure;
  formats::strace::Line line;
  const auto advance = [&](Reader& reader) {
    try {
      reader.has_line = reader.lines.next();
    } catch (const formats::io::Error&) {
      reader.has_line = false;
      failure = std::current_exception();
    }
    if (!reader.has_line) return;
    formats::strace::parse_line(reader.lines.line(), line);
    // A line without a time goes on with the one before it.
    if (line.prefix.stamp != formats::strace::Stamp::kNone) reader.time = line.prefix.time_ns;
  };
  for (ThreadFile& file : files) {
    if (file.modified) clock_.set_modified(*file.modified);
    auto reader = std::make_unique<Reader>(*file.source);
    reader->input.name = names_.emplace_back(file.name);
    reader->input.tid = file.tid;
    advance(*reader);
    readers.push_back(std::move(reader));
  }
  const auto later = [](const std::pair<std::int64_t, std::size_t>& left,
                        const std::pair<std::int64_t, std::size_t>& right) { return left > right; };
  std::vector<std::pair<std::int64_t, std::size_t>> heap;
  for (std::size_t at = 0; at < readers.size(); ++at) {
    if (readers[at]->has_line) heap.emplace_back(readers[at]->time, at);
  }
  std::ranges::make_heap(heap, later);
  std::string text;
  Stack stack;
  while (!heap.empty()) {
    std::ranges::pop_heap(heap, later);
    const std::size_t at = heap.back().second;
    heap.pop_back();
    Reader& reader = *readers[at];
    const std::uint64_t number = ++ledger_.lines;
    text = reader.lines.line();
    stack.frames.clear();
    stack.dump.clear();
    if (reader.lines.is_cut()) {
      ++ledger_.problems;
      report("too_long", text, number, reader.input.name);
    } else {
      while (is_attachment(reader.lines.peek()) && reader.lines.next()) {
        ++ledger_.lines;
        if (reader.lines.line()[1] == '>') {
          ++ledger_.frames;
          if (!stack.frames.empty()) stack.frames.push_back('\n');
          stack.frames.append(reader.lines.line().substr(3));
        } else {
          ++ledger_.dumps;
          append_dump(stack.dump, reader.lines.line());
        }
      }
      const bool is_last = !reader.lines.has_end();
      take_line(reader.input, text, number, is_last, &stack);
    }
    advance(reader);
    if (reader.has_line) {
      heap.emplace_back(reader.time, at);
      std::ranges::push_heap(heap, later);
    } else {
      give_up(reader.input, true);
      end_tables(reader.input);
    }
  }
  if (failure) std::rethrow_exception(failure);
}

void StraceLog::take_line(Input& input, std::string_view text, std::uint64_t number, bool is_last,
                          const Stack* stack) {
  if (text.find('\x1b') != std::string_view::npos) {
    formats::strace::remove_colors(text, plain_);
    text = plain_;
  }
  if (input.table) {
    if (input.table->take(text)) {
      ++ledger_.tables;
      if (input.table->is_complete()) {
        for (const auto& [name, count] : input.table->rows()) {
          CallCount& sum = input.tables[name];
          sum.calls += count.calls;
          sum.errors += count.errors;
        }
        input.has_tables = true;
        input.table.reset();
      }
      return;
    }
    input.table.reset();
  }
  if (!input.held.empty() && join_held(input, text, is_last, stack)) return;
  formats::strace::parse_line(text, line_);
  const formats::strace::Prefix& prefix = line_.prefix;
  std::int64_t ts_ns = 0;
  const bool has_time = prefix.stamp != formats::strace::Stamp::kNone || prefix.has_delta;
  const bool has_ts = has_time && clock_.read(prefix, ts_ns);
  const Start start{.line = number,
                    .input = input.name,
                    .has_ts = has_ts,
                    .has_ip = prefix.has_ip,
                    .nr = prefix.number,
                    .ts_ns = ts_ns,
                    .resolution_ns = has_time ? prefix.resolution_ns : 0,
                    .clock = has_time ? clock_.kind() : std::string_view{},
                    .ip = prefix.ip,
                    .comm = prefix.comm};
  if (has_ts) {
    const Time ts{ts_ns};
    if (!ledger_.first_ts) ledger_.first_ts = ledger_.last_ts = ts;
    if (ts < *ledger_.first_ts) *ledger_.first_ts = ts;
    if (*ledger_.last_ts < ts) *ledger_.last_ts = ts;
  }
  if (input.has_tables && line_.body != Body::kTable && line_.body != Body::kEmpty) {
    end_tables(input);
  }
  switch (line_.body) {
    case Body::kCall:
      take_call(input, start, text, is_last, stack);
      break;
    case Body::kResumed:
      ++ledger_.resumed;
      take_resumed(thread_of(input, line_), start, stack);
      break;
    case Body::kSignal:
      ++ledger_.signals;
      take_signal(thread_of(input, line_), start, stack);
      break;
    case Body::kExit:
      ++ledger_.processes;
      take_exit(thread_of(input, line_), start);
      break;
    case Body::kPersonality:
      ++ledger_.processes;
      take_personality(start);
      break;
    case Body::kMessage:
      ++ledger_.messages;
      take_message(line_.text, start);
      break;
    case Body::kFrame:
      ++ledger_.frames;
      break;
    case Body::kDump:
      ++ledger_.dumps;
      break;
    case Body::kTable:
      ++ledger_.tables;
      input.table.emplace();
      (void)input.table->take(text);
      input.table_line = number;
      break;
    case Body::kEmpty:
      ++ledger_.empty;
      break;
    case Body::kForeign:
    case Body::kDamaged:
      if (is_last && !line_.call.name.empty() && line_.call.ending == Ending::kDamaged &&
          line_.body == Body::kDamaged) {
        // The log breaks off in the result.
        ++ledger_.calls;
        Call call = line_.call;
        call.has_result = false;
        call.result_text = call.error = call.aux = {};
        call.duration_ns = -1;
        Thread& thread = thread_of(input, line_);
        if (thread.is_pending) emit_pending(thread, "unfinished");
        complete(thread, call, start, nullptr, "cut", stack, false);
        break;
      }
      // What a log breaks off in is no damage: it may still be written.
      if (is_last && line_.body == Body::kDamaged && line_.text.size() < 64) {
        ++ledger_.problems;
        report("cut", text, number, input.name);
        break;
      }
      ++ledger_.problems;
      report(line_.body == Body::kForeign && text.find('\0') == std::string_view::npos ? "foreign"
                                                                                       : "damaged",
             text, number, input.name);
      break;
  }
}

void StraceLog::take_call(Input& input, const Start& start, std::string_view text, bool is_last,
                          const Stack* stack) {
  const Call& call = line_.call;
  switch (call.ending) {
    case Ending::kReturned: {
      ++ledger_.calls;
      Thread& thread = thread_of(input, line_);
      if (thread.is_pending) emit_pending(thread, "unfinished");
      complete(thread, call, start, nullptr, {}, stack, false);
      return;
    }
    case Ending::kUnfinished: {
      ++ledger_.unfinished;
      Thread& thread = thread_of(input, line_);
      if (thread.is_pending) emit_pending(thread, "unfinished");
      thread.is_pending = true;
      thread.pending.assign(call.name).append("(").append(call.args);
      thread.pending_name = call.name;
      thread.pending_start = start;
      thread.pending_comm = start.comm;
      thread.pending_start.comm = thread.pending_comm;
      thread.pending_stack = stack != nullptr ? stack->frames : std::string();
      thread.has_begun = false;
      thread.began.reset();
      const SyscallRow* const row = call.row;
      if (row == nullptr) return;
      if (row->effect == Effect::kClone) cloning_.push_back(thread.key);
      if (row->fd >= 0 && options_.replay) {
        thread.began = descriptors_.begin(call, *row, *thread.process->table);
        thread.has_begun = true;
      }
      return;
    }
    case Ending::kDetached: {
      ++ledger_.calls;
      Thread& thread = thread_of(input, line_);
      if (thread.is_pending) emit_pending(thread, "unfinished");
      complete(thread, call, start, nullptr, "detached", stack, false);
      formats::record::Process record;
      record.event = "detached";
      emit_process(record, thread, start);
      return;
    }
    case Ending::kMoved: {
      ++ledger_.unfinished;
      Thread& thread = thread_of(input, line_);
      Thread& other = find_or_make(call.moved_to);
      if (other.is_pending) emit_pending(other, "superseded");
      other.process = thread.process;
      other.is_pending = true;
      other.pending.assign(call.name).append("(").append(call.args);
      other.pending_name = call.name;
      other.pending_start = start;
      other.pending_comm = start.comm;
      other.pending_start.comm = other.pending_comm;
      other.has_begun = false;
      formats::record::Process record;
      record.event = "changed";
      if (thread.tid != 0) record.old_tid = thread.tid;
      emit_process(record, other, start);
      return;
    }
    case Ending::kOpen: {
      if (!is_last && hold(input, text, start.line)) return;
      // A word and a parenthesis are not enough.
      if (line_.prefix.pid == 0 && !start.has_ts && call.row == nullptr) {
        ++ledger_.problems;
        report("foreign", text, start.line, input.name);
        return;
      }
      ++ledger_.calls;
      Thread& thread = thread_of(input, line_);
      if (thread.is_pending) emit_pending(thread, "unfinished");
      // What a log breaks off in is no damage: it may still be written.
      if (!is_last) diagnostics_.count(kCut, "line " + std::to_string(start.line));
      complete(thread, call, start, nullptr, is_last ? "unfinished" : "cut", stack, false);
      return;
    }
    case Ending::kDamaged:
      break;
  }
}

// How many bytes at the end of `text` are the first line of what a thread is just writing.
std::size_t StraceLog::shown_by_another(std::string_view text) const {
  std::string written;
  for (const auto& [key, thread] : threads_) {
    if (!thread->is_pending || thread->pending_name != "write") continue;
    Call call;
    (void)formats::strace::parse_call(thread->pending, call);
    const std::string_view quoted = formats::strace::quoted_string(call.argument(1));
    if (quoted.size() < 2) continue;
    written.clear();
    formats::strace::append_unescaped(written, quoted.substr(1, quoted.size() - 2));
    const std::string_view first = std::string_view(written).substr(0, written.find('\n'));
    if (!first.empty() && text.ends_with(first)) return first.size();
  }
  return 0;
}

// Keeps the beginning of a line that a message of strace's, or what the program wrote, broke.
bool StraceLog::hold(Input& input, std::string_view text, std::uint64_t number) {
  const Call& call = line_.call;
  std::size_t keep = text.size();
  bool is_for_output = false;
  const std::size_t message = text.rfind("strace: ");
  if (message != std::string_view::npos && message > 0 &&
      (text.find("attached", message) != std::string_view::npos ||
       text.find("detached", message) != std::string_view::npos)) {
    keep = message;
  } else if (call.name == "write" &&
             (call.argument(0).starts_with('1') || call.argument(0).starts_with('2'))) {
    // `write(1, "to-stderr\n", 10to-stderr`: the text, up to its first line end.
    const std::string_view quoted = formats::strace::quoted_string(call.argument(1));
    const std::string_view last = call.argument(2);
    if (quoted.size() < 2) return false;
    std::string written;
    formats::strace::append_unescaped(written, quoted.substr(1, quoted.size() - 2));
    const bool is_cut =
        call.args.substr(static_cast<std::size_t>(quoted.data() + quoted.size() - call.args.data()))
            .starts_with("...");
    const std::size_t line_end = written.find('\n');
    const std::string_view first = std::string_view(written).substr(0, line_end);
    // Behind the number of bytes stands the first line of what was written.
    std::size_t digits = is_cut ? 1 : std::to_string(written.size()).size();
    const auto fits = [&] {
      if (digits > last.size()) return false;
      const std::string_view count = last.substr(0, digits);
      if (count.find_first_not_of("0123456789") != std::string_view::npos) return false;
      if (!is_cut && count != std::to_string(written.size())) return false;
      const std::string_view shown = last.substr(digits);
      return shown == first || (line_end == std::string::npos && shown.starts_with(first));
    };
    while (is_cut && digits < last.size() && !fits()) ++digits;
    if (!fits()) return false;
    const std::string_view shown = last.substr(digits);
    keep -= shown.size();
    is_for_output = true;
  } else if (const std::size_t shown = shown_by_another(text); shown > 0) {
    keep -= shown;
    is_for_output = true;
  } else {
    return false;
  }
  // Before the message makes another thread known.
  input.owner.reset();
  if (line_.prefix.pid == 0) input.owner = thread_of(input, line_).key;
  input.held = text.substr(0, keep);
  input.held_lines = 1;
  input.held_number = number;
  input.is_held_for_output = is_for_output;
  if (!is_for_output) {
    Start start;
    start.line = number;
    start.input = input.name;
    take_message(std::string(text.substr(message + 8)), start);
  }
  return true;
}

// Whether `text` has been dealt with.
bool StraceLog::join_held(Input& input, std::string_view text, bool is_last, const Stack* stack) {
  if (text.starts_with("strace: ")) {
    ++ledger_.messages;
    Start start;
    start.line = ledger_.lines;
    start.input = input.name;
    take_message(text.substr(8), start);
    return true;
  }
  constexpr std::uint64_t kMostHeld = 1000;
  if (input.is_held_for_output && !text.starts_with(')') && !text.starts_with(" <unfinished") &&
      input.held_lines < kMostHeld) {
    // More lines of what was written, unless they are strace's.
    formats::strace::parse_line(text, line_);
    if (line_.body == Body::kForeign || line_.body == Body::kEmpty) {
      ++input.held_lines;
      return true;
    }
  }
  std::string whole = input.held;
  whole.append(text);
  formats::strace::parse_line(whole, line_);
  const bool is_whole =
      line_.body == Body::kCall && (line_.call.ending != Ending::kOpen || is_last);
  if (!is_whole && !(line_.body == Body::kResumed)) {
    give_up(input, false);
    return false;
  }
  ledger_.glued += input.held_lines;
  const std::uint64_t number = input.held_number;
  input.held.clear();
  input.held_lines = 0;
  take_line(input, whole, number, is_last, stack);
  if (input.held.empty()) input.owner.reset();
  return true;
}

void StraceLog::give_up(Input& input, bool is_end) {
  if (input.held.empty()) return;
  const std::string text = std::exchange(input.held, {});
  ledger_.glued += input.held_lines - 1;
  input.held_lines = 0;
  formats::strace::parse_line(text, line_);
  Start start;
  start.line = input.held_number;
  start.input = input.name;
  if (line_.prefix.stamp != formats::strace::Stamp::kNone || line_.prefix.has_delta) {
    start.has_ts = clock_.read(line_.prefix, start.ts_ns);
    start.clock = clock_.kind();
    start.resolution_ns = line_.prefix.resolution_ns;
  }
  if (line_.body != Body::kCall) {
    ++ledger_.problems;
    report("damaged", text, start.line, input.name);
    return;
  }
  ++ledger_.calls;
  // At the end of the log, it may still be written.
  if (!is_end) diagnostics_.count(kCut, "line " + std::to_string(start.line));
  complete(thread_of(input, line_), line_.call, start, nullptr, is_end ? "unfinished" : "cut",
           nullptr, false);
}

StraceLog::Thread* StraceLog::find(std::uint32_t tid) {
  if (last_thread_ != nullptr && last_thread_->key == tid) return last_thread_;
  const auto found = threads_.find(tid);
  if (found == threads_.end()) return nullptr;
  last_thread_ = found->second.get();
  return last_thread_;
}

StraceLog::Thread& StraceLog::find_or_make(std::uint32_t tid) {
  if (Thread* const known = find(tid)) {
    known->is_seen = true;
    return *known;
  }
  auto made = std::make_unique<Thread>();
  made->key = made->tid = tid;
  made->is_seen = true;
  made->process = std::make_shared<Process>();
  Thread& thread = *made;
  threads_[tid] = std::move(made);
  last_thread_ = &thread;
  // A child's lines may stand before the end of the call that made it.
  Thread* parent = nullptr;
  for (const std::uint32_t key : cloning_) {
    Thread* const candidate = find(key);
    if (candidate == nullptr || !candidate->is_pending || candidate == &thread) continue;
    if (parent != nullptr && parent != candidate) return thread;
    parent = candidate;
  }
  if (parent != nullptr) {
    const std::string_view flags = clone_flags(parent->pending);
    adopt(*parent, thread, flags.find("CLONE_THREAD") != std::string_view::npos,
          flags.find("CLONE_FILES") != std::string_view::npos);
  }
  last_thread_ = &thread;
  return thread;
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

StraceLog::Thread& StraceLog::thread_of(Input& input, const formats::strace::Line& line) {
  const std::uint32_t pid = line.prefix.pid;
  if (pid == 0) {
    if (input.tid != 0) return find_or_make(input.tid);
    if (input.owner && threads_.contains(*input.owner)) return find_or_make(*input.owner);
    // On standard error, strace leaves the id out while there is one thread only.
    if (Thread* const unnamed = find(0)) return *unnamed;
    if (!threads_.empty()) {
      if (Thread* const only = only_thread()) return *only;
    }
    return find_or_make(0);
  }
  has_pids_ = true;
  if (line.prefix.is_bracketed && !threads_.contains(pid)) {
    const auto unnamed = threads_.find(0);
    if (unnamed != threads_.end()) {
      Thread& thread = *unnamed->second;
      // New threads are announced, or made by a call that is not over yet: this is the first one.
      const bool is_first = line.body == Body::kResumed
                                ? thread.is_pending && thread.pending_name == line.call.name
                                : !thread.is_pending;
      if (is_first && (thread.tid == 0 || thread.tid == pid)) {
        auto node = threads_.extract(unnamed);
        node.key() = pid;
        threads_.insert(std::move(node));
        thread.key = thread.tid = pid;
        std::ranges::replace(cloning_, std::uint32_t{0}, pid);
        last_thread_ = &thread;
        return thread;
      }
    }
  }
  return find_or_make(pid);
}

// `child` goes on with what `parent` has.
void StraceLog::adopt(Thread& parent, Thread& child, bool is_thread, bool shares_files) {
  if (child.is_linked) return;
  child.is_linked = true;
  const std::shared_ptr<Process> own = child.process;
  if (is_thread) {
    child.process = parent.process;
    if (own->tgid != 0 && parent.process->tgid == 0) parent.process->tgid = own->tgid;
    child.process->table->add(*own->table);
    return;
  }
  auto process = std::make_shared<Process>();
  process->tgid = child.tid;
  process->is_whole = parent.process->is_whole;
  if (shares_files) {
    process->table = parent.process->table;
    process->table->add(*own->table);
  } else {
    // What the child has done already counts.
    process->table = own->table;
    process->table->add(*parent.process->table);
  }
  child.process = std::move(process);
}

void StraceLog::cloned(Thread& parent, std::uint32_t child, std::string_view flags,
                       const Start& start) {
  const bool is_thread = flags.find("CLONE_THREAD") != std::string_view::npos;
  const bool shares_files = flags.find("CLONE_FILES") != std::string_view::npos;
  std::erase(cloning_, parent.key);
  formats::record::Process record;
  record.event = "clone";
  record.child = child;
  record.is_thread = is_thread;
  record.flags = flags;
  emit_process(record, parent, start);
  // Without -f, what the child does is not in the log.
  if (!has_pids_ && shares_files) parent.process->is_whole = false;
  Thread* known = find(child);
  if (known == nullptr) {
    auto made = std::make_unique<Thread>();
    made->key = made->tid = child;
    made->process = std::make_shared<Process>();
    known = made.get();
    threads_[child] = std::move(made);
    unseen_.push_back(child);
    constexpr std::size_t kMostUnseen = 1024;
    if (unseen_.size() > kMostUnseen) {
      Thread* const oldest = find(unseen_.front());
      unseen_.pop_front();
      if (oldest != nullptr && !oldest->is_seen) leave(*oldest, start);
    }
  }
  adopt(parent, *known, is_thread, shares_files);
}

void StraceLog::leave(Thread& thread, const Start& start) {
  std::erase(cloning_, thread.key);
  if (last_thread_ == &thread) last_thread_ = nullptr;
  const Owner owner{thread.process->tgid, thread.tid};
  threads_.erase(thread.key);
  if (options_.files) report_ended("exit", owner, &start);
}

void StraceLog::report_ended(std::string_view by, Owner owner, const Start* start) {
  // Those that were sent to one that ended come after it.
  while (true) {
    const std::vector<OpenFile*>& ended = descriptors_.take_ended();
    if (ended.empty()) return;
    for (const OpenFile* const file : ended) {
      formats::record::File record;
      record.ts = file->made_by.empty() ? std::nullopt : file->ts;
      record.file = file->number;
      record.kind = file->kind;
      record.proto = file->proto;
      record.path = file->path();
      record.local_h = file->local_host;
      record.peer_h = file->peer_host;
      if (file->local_port) record.local_p = *file->local_port;
      if (file->peer_port) record.peer_p = *file->peer_port;
      record.made_by = file->made_by;
      record.pid = file->pid;
      record.tid = file->tid;
      if (file->fd >= 0) record.fd = file->fd;
      if (file->line != 0) record.line = file->line;
      record.input = file->input;
      record.ended_by = by;
      if (owner.pid != 0) record.end_pid = owner.pid;
      if (owner.tid != 0) record.end_tid = owner.tid;
      if (start != nullptr) {
        record.end_ts = start->ts();
        record.end_line = start->line;
      }
      sink_.file(record);
    }
  }
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

void StraceLog::emit_pending(Thread& thread, std::string_view state) {
  thread.is_pending = false;
  std::erase(cloning_, thread.key);
  Call call;
  joined_ = thread.pending;
  (void)formats::strace::parse_call(joined_, call);
  const Start start = thread.pending_start;
  Stack stack{thread.pending_stack, {}};
  complete(thread, call, start, nullptr, state, stack.frames.empty() ? nullptr : &stack,
           thread.has_begun);
}

void StraceLog::take_resumed(Thread& thread, const Start& start, const Stack* stack) {
  if (thread.is_pending && thread.pending_name == line_.call.name) {
    joined_ = thread.pending;
    joined_.append(line_.text);
    Call call;
    const Body body = formats::strace::parse_call(joined_, call);
    thread.is_pending = false;
    std::string_view state;
    if (body != Body::kCall || call.ending == Ending::kOpen) state = "cut";
    if (call.ending == Ending::kDetached) state = "detached";
    if (state == "cut") diagnostics_.count(kCut, "line " + std::to_string(start.line));
    const Start begin = thread.pending_start;
    if (stack == nullptr && !thread.pending_stack.empty()) {
      const Stack early{thread.pending_stack, {}};
      complete(thread, call, begin, &start, state, &early, thread.has_begun);
    } else {
      complete(thread, call, begin, &start, state, stack, thread.has_begun);
    }
    return;
  }
  if (thread.is_pending) emit_pending(thread, "unfinished");
  joined_.assign(line_.call.name).append("(").append(line_.text);
  Call call;
  (void)formats::strace::parse_call(joined_, call);
  Start unknown = start;
  unknown.has_ts = false;
  complete(thread, call, unknown, &start, "orphan", stack, false);
}

void StraceLog::complete(Thread& thread, const Call& call, const Start& start, const Start* end,
                         std::string_view state, const Stack* stack, bool has_begun) {
  Syscall& record = record_;
  clear_rare(record);
  const SyscallRow* const row = call.row;
  if (start.has_ts) record.ts = Time{start.ts_ns};
  record.clock = end != nullptr && !start.has_ts ? end->clock : start.clock;
  if (start.resolution_ns != 0) record.ts_resolution = Duration{start.resolution_ns};
  if (call.duration_ns >= 0) {
    record.duration = Duration{call.duration_ns};
    record.duration_src = "T";
    std::int64_t end_ns = 0;
    if (start.has_ts && !__builtin_add_overflow(start.ts_ns, call.duration_ns, &end_ns)) {
      record.end_ts = Time{end_ns};
    }
  }
  if (end != nullptr && end->has_ts) {
    record.end_ts = Time{end->ts_ns};
    std::int64_t between_ns = 0;
    if (!record.duration && start.has_ts && call.ending == Ending::kReturned &&
        !__builtin_sub_overflow(end->ts_ns, start.ts_ns, &between_ns)) {
      record.duration = Duration{std::max<std::int64_t>(between_ns, 0)};
      record.duration_src = "stamps";
    }
  }
  if (thread.process->tgid != 0) record.pid = thread.process->tgid;
  if (thread.tid != 0) record.tid = thread.tid;
  record.comm = start.comm;
  record.syscall = call.name;
  if (start.nr >= 0) record.nr = start.nr;
  if (start.has_ip) record.ip = start.ip;
  record.args = call.args;
  if (call.has_result) record.result = call.result;
  record.result_text = call.result_text;
  record.error = call.error;
  record.aux = call.aux;
  record.split = end != nullptr;
  record.injected = call.is_injected;
  record.delayed = call.is_delayed;
  record.line = start.line;
  record.end_line = end != nullptr ? end->line : start.line;
  record.input = start.input;
  if (stack != nullptr) {
    record.stack = stack->frames;
    record.dump = stack->dump;
  }
  const bool has_ended = call.ending == Ending::kReturned && state.empty();
  if (state.empty()) {
    // -e raw prints -1 for ?.
    state = call.error.starts_with("ERESTART") ? "restarted"
            : call.has_result                  ? "complete"
            : call.is_unavailable              ? "unavailable"
                                               : "noreturn";
  }
  record.state = state;

  ++ledger_.syscalls;
  if (has_ended && (call.has_result || !call.error.empty())) {
    ++ledger_.complete;
    if (!call.error.empty()) ++ledger_.errors;
    if (options_.verify) {
      CallCount& count = counts_[std::string(call.name)];
      ++count.calls;
      if (!call.error.empty()) ++count.errors;
    }
  } else if (state == "noreturn") {
    ++ledger_.noreturn;
  } else if (state == "orphan") {
    ++ledger_.orphans;
    if (!call.error.empty()) ++ledger_.errors;
  } else {
    ++ledger_.pending;
  }

  if (!thread.interrupted.empty()) {
    if (call.name == thread.interrupted || call.name == "restart_syscall") {
      record.restart_of = thread.interrupted_line;
      thread.interrupted.clear();
    } else if (!thread.is_in_handler && call.name != "rt_sigreturn") {
      thread.interrupted.clear();
    }
  }
  if (call.name == "rt_sigreturn") thread.is_in_handler = false;
  if (state == "restarted") {
    thread.interrupted = call.name;
    thread.interrupted_line = start.line;
    thread.is_in_handler = false;
  }

  if (options_.replay) {
    descriptors_.replay(call, row, thread.process->table, has_begun ? &thread.began : nullptr,
                        record);
    thread.began.reset();
    // What opened it may not be in the log: only EBADF proves that it was closed, and that only
    // where no thread is unseen.
    if (record.kind == "closed" && record.fd && *record.fd >= 0 &&
        (call.error != "EBADF" || !thread.process->is_whole)) {
      record.kind = {};
    }
  } else if (row != nullptr && row->direction != formats::strace::Direction::kNone &&
             call.has_result && call.error.empty()) {
    descriptors_.count_bytes(call, *row, record);
  }
  if (row != nullptr && row->wait != Wait::kNone && call.error != "EBADF") {
    switch (row->wait) {
      case Wait::kNet:
        record.wait = "net";
        break;
      case Wait::kTimer:
        record.wait = "timer";
        break;
      case Wait::kLock:
        record.wait = "lock";
        break;
      case Wait::kChild:
        record.wait = "child";
        break;
      case Wait::kDisk:
        record.wait = "disk";
        break;
      case Wait::kData:
        if (record.kind == "file" || record.kind == "memfd") {
          record.wait = "disk";
        } else if (record.kind == "pipe") {
          record.wait = "pipe";
        } else if (record.kind == "timerfd") {
          record.wait = "timer";
        } else if (!record.kind.empty() && record.kind != "closed") {
          record.wait = "net";
        }
        break;
      case Wait::kNone:
        break;
    }
  }
  if (row != nullptr && row->effect >= Effect::kClone) follow(thread, call, start);
  if (thread.process->tgid != 0) record.pid = thread.process->tgid;
  if (thread.tid != 0) record.tid = thread.tid;
  sink_.syscall(record);
  if (options_.files) {
    const bool can_close =
        row != nullptr && (row->effect == Effect::kClose || row->effect == Effect::kCloseRange ||
                           row->effect == Effect::kDup2 || row->effect == Effect::kExec ||
                           row->effect == Effect::kUnshare);
    Start when = start;
    if (record.end_ts) {
      when.has_ts = true;
      when.ts_ns = record.end_ts->ns;
    }
    when.line = record.end_line;
    report_ended(can_close ? row->name : "unseen", {thread.process->tgid, thread.tid}, &when);
  }
  if (row != nullptr && has_ended && call.error.empty() && call.has_result) {
    if (row->effect == Effect::kClone && call.result > 0 && call.result <= INT32_MAX) {
      cloned(thread, static_cast<std::uint32_t>(call.result), clone_flags(call.args),
             end != nullptr ? *end : start);
    } else if (row->effect == Effect::kExec && call.result == 0) {
      formats::record::Process event;
      event.event = "exec";
      event.path = record.path;
      emit_process(event, thread, end != nullptr ? *end : start);
    }
  } else if (row != nullptr && row->effect == Effect::kClone) {
    std::erase(cloning_, thread.key);
  }
}

// What a call tells of its own thread and process.
void StraceLog::follow(Thread& thread, const Call& call, const Start& start) {
  (void)start;
  if (!call.has_result || !call.error.empty()) return;
  switch (call.row->effect) {
    case Effect::kExec:
      if (call.result != 0) break;
      // Who calls exec becomes the process's only thread, its leader.
      if (thread.process.use_count() > 1) {
        auto process = std::make_shared<Process>(*thread.process);
        thread.process = std::move(process);
      }
      if (thread.tid != 0) thread.process->tgid = thread.tid;
      if (threads_.size() == 1 && ledger_.syscalls == 1) thread.process->is_whole = true;
      break;
    case Effect::kOwnId:
      if (thread.tid == 0 && call.result > 0 && call.result <= INT32_MAX) {
        thread.tid = static_cast<std::uint32_t>(call.result);
      }
      break;
    case Effect::kProcessId:
      if (thread.process->tgid == 0 && call.result > 0 && call.result <= INT32_MAX) {
        thread.process->tgid = static_cast<std::uint32_t>(call.result);
      }
      break;
    case Effect::kIoUring:
      if (!thread.process->is_noted_for_uring) {
        thread.process->is_noted_for_uring = true;
        diagnostics_.count(kUring, "line " + std::to_string(start.line));
      }
      break;
    default:
      break;
  }
}

void StraceLog::take_signal(Thread& thread, const Start& start, const Stack* stack) {
  formats::record::Signal record;
  record.ts = start.ts();
  record.clock = start.clock;
  if (thread.process->tgid != 0) record.pid = thread.process->tgid;
  if (thread.tid != 0) record.tid = thread.tid;
  record.comm = start.comm;
  record.line = start.line;
  record.input = start.input;
  if (stack != nullptr) record.stack = stack->frames;
  std::string_view text = line_.text;
  constexpr std::string_view kStopped = "stopped by ";
  if (text.starts_with(kStopped)) {
    record.kind = "stopped";
    record.signal = text.substr(kStopped.size());
  } else {
    record.kind = "delivered";
    const std::size_t name = std::min(text.find(' '), text.size());
    record.signal = text.substr(0, name);
    record.info = name < text.size() ? text.substr(name + 1) : std::string_view{};
    record.code = value_of(record.info, "si_code=");
    record.sender_pid = number_of<std::uint64_t>(value_of(record.info, "si_pid="));
    record.sender_uid = number_of<std::uint64_t>(value_of(record.info, "si_uid="));
    record.child_status = number_of<std::int64_t>(value_of(record.info, "si_status="));
    thread.is_in_handler = true;
  }
  sink_.signal(record);
}

void StraceLog::take_exit(Thread& thread, const Start& start) {
  formats::record::Process record;
  std::string_view text = line_.text;
  constexpr std::string_view kExited = "exited with ";
  constexpr std::string_view kKilled = "killed by ";
  constexpr std::string_view kSuperseded = "superseded by execve in pid ";
  if (text.starts_with(kSuperseded)) {
    record.event = "superseded";
    const auto old = number_of<std::uint32_t>(text.substr(kSuperseded.size()));
    if (thread.is_pending) emit_pending(thread, "superseded");
    if (old) record.old_tid = *old;
    emit_process(record, thread, start);
    if (!old) return;
    // The thread that called exec goes on under the leader's id; all others are gone.
    if (Thread* const caller = find(*old); caller != nullptr && caller != &thread) {
      thread.is_pending = caller->is_pending;
      thread.pending = std::move(caller->pending);
      thread.pending_name = std::move(caller->pending_name);
      thread.pending_start = caller->pending_start;
      thread.pending_comm = std::move(caller->pending_comm);
      thread.pending_start.comm = thread.pending_comm;
      thread.pending_stack = std::move(caller->pending_stack);
      thread.has_begun = false;
      caller->is_pending = false;
    }
    std::vector<Thread*> gone;
    for (const auto& [key, other] : threads_) {
      if (other.get() != &thread && other->process == thread.process) gone.push_back(other.get());
    }
    for (Thread* const other : gone) {
      if (other->is_pending) emit_pending(*other, "superseded");
      leave(*other, start);
    }
    return;
  }
  if (text.starts_with(kExited)) {
    record.event = "exit";
    record.code = number_of<std::int64_t>(text.substr(kExited.size()));
  } else if (text.starts_with(kKilled)) {
    record.event = "killed";
    text.remove_prefix(kKilled.size());
    record.signal = text.substr(0, text.find(' '));
    record.core_dumped = text.ends_with("(core dumped)");
  } else {
    record.event = "exit";
  }
  if (thread.is_pending) emit_pending(thread, "unfinished");
  emit_process(record, thread, start);
  leave(thread, start);
}

void StraceLog::take_personality(const Start& start) {
  const auto pid = number_of<std::uint32_t>(value_of(line_.text, "PID="));
  formats::record::Process record;
  record.event = "personality";
  const std::size_t in = line_.text.find("runs in ");
  if (in != std::string_view::npos) {
    record.abi = line_.text.substr(in + 8);
    record.abi = record.abi.substr(0, record.abi.find(' '));
  }
  Thread& thread = find_or_make(pid.value_or(0));
  emit_process(record, thread, start);
}

void StraceLog::take_message(std::string_view text, const Start& start) {
  if (!text.starts_with("Process ")) return;
  text.remove_prefix(8);
  const auto pid = number_of<std::uint32_t>(text);
  if (!pid || *pid == 0) return;
  const bool is_attached = text.find(" attached") != std::string_view::npos;
  const bool is_detached = text.find(" detached") != std::string_view::npos;
  if (!is_attached && !is_detached) return;
  const std::string message(text);
  Thread* thread = find(*pid);
  if (is_attached) {
    // In a log with one thread so far that has no id, it is another one.
    thread = &find_or_make(*pid);
    if (message.find(" threads") != std::string::npos) thread->process->tgid = *pid;
  }
  if (thread == nullptr) return;
  formats::record::Process record;
  record.event = is_attached ? "attached" : "detached";
  emit_process(record, *thread, start);
}

void StraceLog::report(std::string_view kind, std::string_view text, std::uint64_t number,
                       std::string_view input) {
  const Counter& counter = kind == "foreign"    ? kForeign
                           : kind == "damaged"  ? kDamaged
                           : kind == "too_long" ? kTooLong
                           : kind == "cut"      ? kCutLine
                                                : kMismatch;
  diagnostics_.count(counter, "line " + std::to_string(number),
                     formats::io::quoted(text.substr(0, 200), 60));
  formats::record::Problem problem;
  problem.kind = kind;
  problem.text = text.substr(0, kMostShown);
  problem.line = number;
  problem.input = input;
  sink_.problem(problem);
}

void StraceLog::end_tables(Input& input) {
  if (!input.has_tables) return;
  input.has_tables = false;
  if (options_.verify && !counts_.empty()) {
    const auto compare = [&](const std::string& name) {
      const auto theirs = input.tables.find(name);
      const auto ours = counts_.find(name);
      const CallCount table = theirs == input.tables.end() ? CallCount{} : theirs->second;
      const CallCount log = ours == counts_.end() ? CallCount{} : ours->second;
      if (table.calls == log.calls && table.errors == log.errors) return;
      report("mismatch",
             name + ": " + std::to_string(log.calls) + " calls and " + std::to_string(log.errors) +
                 " errors in the log, " + std::to_string(table.calls) + " and " +
                 std::to_string(table.errors) + " in its table",
             input.table_line, input.name);
    };
    for (const auto& [name, count] : input.tables) compare(name);
    for (const auto& [name, count] : counts_) {
      if (!input.tables.contains(name)) compare(name);
    }
  }
  input.tables.clear();
  counts_.clear();
}

void StraceLog::finish() {
  std::vector<Thread*> pending;
  for (const auto& [key, thread] : threads_) {
    if (thread->is_pending) pending.push_back(thread.get());
  }
  std::ranges::sort(pending, {}, [](const Thread* thread) { return thread->pending_start.line; });
  for (Thread* const thread : pending) emit_pending(*thread, "unfinished");
  if (options_.files) {
    last_thread_ = nullptr;
    threads_.clear();
    report_ended({}, {}, nullptr);
  }
  if (clock_.has_assumed_day()) diagnostics_.count(kAssumedDay, {});
  if (clock_.kind() == "start") diagnostics_.count(kNoStart, {});
}

}  // namespace tracebraid::converters::strace
