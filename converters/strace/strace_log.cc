#include "converters/strace/strace_log.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "converters/strace/log_state.h"
#include "formats/io/digits.h"
#include "formats/io/text.h"

namespace tracebraid::converters::strace {
namespace {

using formats::io::Counter;
using formats::io::is_digit;
using formats::io::leading_number;
using formats::io::LineReader;
using formats::io::Severity;
using formats::io::take_digits;
using formats::record::Time;
using formats::strace::Body;
using formats::strace::Call;
using formats::strace::CallCount;
using formats::strace::Effect;
using formats::strace::Ending;
using formats::strace::is_attachment;
using formats::strace::Stamp;
using formats::strace::SyscallRow;
using formats::strace::value_of;

constexpr Counter kForeign = {"foreign_line", Severity::kNote,
                              "lines that strace did not write: the program's output, as a rule"};
constexpr Counter kDamaged = {"damaged_line", Severity::kDamage, "lines that are not whole"};
constexpr Counter kCutLine = {"cut_line", Severity::kNote, "the log ends in the middle of a line"};
constexpr Counter kTooLong = {"line_too_long", Severity::kDamage,
                              "lines of more than 16 MiB, left out"};
constexpr Counter kHighDescriptors = {
    "high_descriptors", Severity::kNote,
    "descriptors above 1,048,575: of a process, the first 64 are followed"};
constexpr Counter kAssumedDay = {"assumed_day", Severity::kNote,
                                 "the log has times without a date: taken from when it was last "
                                 "written (--date)"};
constexpr Counter kNoStart = {"no_start", Severity::kNote,
                              "the log has times since its own beginning only (-r): --start says "
                              "when that was"};
constexpr Counter kMismatch = {"table_mismatch", Severity::kDamage,
                               "counts that differ from the log's own table"};

// Problem records by their kind.
struct ProblemKind {
  std::string_view name;
  const Counter* counter;
};
constexpr ProblemKind kProblems[] = {{"foreign", &kForeign},
                                     {"damaged", &kDamaged},
                                     {"too_long", &kTooLong},
                                     {"cut", &kCutLine},
                                     {"mismatch", &kMismatch}};

// Of what stands below a line: it may be as long as the log, a record may not.
constexpr std::size_t kMostFrames = LineReader::kMostLine;
constexpr std::size_t kMostDump = LineReader::kMostLine / 2;

// " | 00000  78 29 20 3d …  x) = |": the bytes.
void append_dump(std::string& out, std::string_view line) {
  if (!line.starts_with(" | ")) return;
  line.remove_prefix(3);
  const std::size_t offset = line.find("  ");
  if (offset == std::string_view::npos) return;
  line.remove_prefix(offset + 2);
  int bytes = 0;
  std::size_t at = 0;
  while (bytes < 16 && at + 1 < line.size()) {
    if (line[at] == ' ') {
      // Two blanks stand in the middle; more of them come when there are no more bytes.
      if (at + 2 < line.size() && line[at + 1] == ' ' && line[at + 2] == ' ') return;
      ++at;
      continue;
    }
    unsigned byte = 0;
    const char* const digits = line.data() + at;
    if (take_digits<16>(digits, digits + 2, 2, byte) != digits + 2) return;
    out.push_back(static_cast<char>(byte));
    ++bytes;
    at += 2;
  }
}

bool has_time(const formats::strace::Prefix& prefix) {
  return prefix.stamp != Stamp::kNone || prefix.has_delta;
}

// Where a message that broke into a line begins, which ends in it:
// "clone(child_stack=NULL, flags=SIGCHLDstrace: Process 29670 attached". npos when there is none.
std::size_t message_in(std::string_view text) {
  const std::size_t message = text.rfind("strace: ");
  const bool is_one = message != 0 && message != std::string_view::npos &&
                      (text.find("attached", message) != std::string_view::npos ||
                       text.find("detached", message) != std::string_view::npos);
  return is_one ? message : std::string_view::npos;
}

// What a write's second argument was printed for; empty when that is no string.
std::string written_text(std::string_view quoted) {
  std::string written;
  if (quoted.size() >= 2) {
    formats::strace::append_unescaped(written, quoted.substr(1, quoted.size() - 2));
  }
  return written;
}

// How many bytes at the end of a write to the terminal are what it wrote itself, up to the end of
// its first line: "to-stderr" in `write(1, "to-stderr\n", 10to-stderr`.
std::optional<std::size_t> own_output(const Call& call) {
  const std::string_view quoted = formats::strace::quoted_string(call.argument(1));
  if (quoted.empty()) return std::nullopt;
  const std::string written = written_text(quoted);
  const std::string_view first = std::string_view(written).substr(0, written.find('\n'));
  const bool has_line_end = first.size() < written.size();
  // Behind the number of bytes stands the first line of what was written.
  const std::string_view last = call.argument(2);
  const auto is_shown = [&](std::size_t digits) {
    const std::string_view shown = last.substr(digits);
    return shown == first || (!has_line_end && shown.starts_with(first));
  };
  const auto behind = static_cast<std::size_t>(quoted.data() + quoted.size() - call.args.data());
  if (!call.args.substr(behind).starts_with("...")) {
    const std::string count = fmt::to_string(written.size());
    if (!last.starts_with(count) || !is_shown(count.size())) return std::nullopt;
    return last.size() - count.size();
  }
  // Of a text that -s cut, the number is not known.
  for (std::size_t digits = 1; digits <= last.size() && is_digit(last[digits - 1]); ++digits) {
    if (is_shown(digits)) return last.size() - digits;
  }
  return std::nullopt;
}

}  // namespace

const Counter kCutCall = {"cut_call", Severity::kDamage, "calls whose line ends in the middle"};

std::string line_place(std::uint64_t number) {
  return fmt::format("line {}", number);
}

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
  if (modified) clock_.set_modified(*modified);
  Input input(source, LineReader::kWindow,
              name.empty() ? name : std::string_view(names_.emplace_back(name)));
  try {
    while (input.lines.next()) take_next(input);
  } catch (const formats::io::Error&) {
    end(input);
    throw;
  }
  end(input);
}

void StraceLog::read_together(std::vector<ThreadFile>& files) {
  constexpr std::size_t kWindow = std::size_t{16} * 1024;  // there may be thousands of files
  std::vector<std::unique_ptr<Input>> inputs;
  // Time and number of the inputs that have a line, the earliest on top.
  using Turn = std::pair<std::int64_t, std::size_t>;
  std::priority_queue<Turn, std::vector<Turn>, std::greater<>> turns;
  std::exception_ptr failure;
  formats::strace::Line line;
  const auto advance = [&](std::size_t number) {
    Input& input = *inputs[number];
    bool has_line = false;
    try {
      has_line = input.lines.next();
    } catch (const formats::io::Error&) {
      failure = std::current_exception();
    }
    if (!has_line) {
      end(input);
      return;
    }
    formats::strace::parse_line(input.lines.line(), line);
    // A line without a time goes on with the one before it.
    if (line.prefix.stamp != Stamp::kNone) input.time_ns = line.prefix.time_ns;
    turns.emplace(input.time_ns, number);
  };
  for (ThreadFile& file : files) {
    if (file.modified) clock_.set_modified(*file.modified);
    inputs.push_back(
        std::make_unique<Input>(*file.source, kWindow, names_.emplace_back(file.name)));
    inputs.back()->tid = file.tid;
    advance(inputs.size() - 1);
  }
  while (!turns.empty()) {
    const std::size_t number = turns.top().second;
    turns.pop();
    take_next(*inputs[number]);
    advance(number);
  }
  if (failure) std::rethrow_exception(failure);
}

// Takes the line that input.lines has read, and what stands below it.
void StraceLog::take_next(Input& input) {
  LineReader& lines = input.lines;
  const std::uint64_t number = ++ledger_.lines;
  if (lines.is_cut()) {
    ++ledger_.problems;
    report("too_long", lines.line(), number, input.name);
    return;
  }
  if (!is_attachment(lines.peek()) || is_attachment(lines.line())) {
    take_line(input, {.text = lines.line(),
                      .number = number,
                      .is_last = !lines.has_end(),
                      .is_final = lines.peek().empty(),
                      .is_before_empty = lines.peek().starts_with('\n')});
    return;
  }
  text_ = lines.line();
  stack_.frames.clear();
  stack_.dump.clear();
  while (is_attachment(lines.peek()) && lines.next()) keep_attachment(lines.line());
  take_line(input, {.text = text_,
                    .number = number,
                    .is_last = !lines.has_end(),
                    .is_final = lines.peek().empty(),
                    .stack = &stack_});
}

void StraceLog::keep_attachment(std::string_view line) {
  ++ledger_.lines;
  if (line[1] == '>') {
    ++ledger_.frames;
    if (stack_.frames.size() >= kMostFrames) return;
    if (!stack_.frames.empty()) stack_.frames.push_back('\n');
    stack_.frames.append(line.substr(3));
  } else {
    ++ledger_.dumps;
    if (stack_.dump.size() < kMostDump) append_dump(stack_.dump, line);
  }
}

// `known`: where a line begins whose beginning has been read before; null: it is read now.
void StraceLog::take_line(Input& input, const Entry& entry, const Start* known) {
  std::string_view text = entry.text;
  if (text.find('\x1b') != std::string_view::npos) {
    formats::strace::remove_colors(text, plain_);
    text = plain_;
  }
  Entry plain = entry;
  plain.text = text;
  if (input.table && take_table_line(input, text)) return;
  if (!input.held.empty() && join_held(input, plain)) return;
  formats::strace::parse_line(text, line_);
  Start start = known != nullptr ? *known : start_of(line_.prefix, entry.number, input.name);
  start.comm = line_.prefix.comm;
  if (input.has_tables && line_.body != Body::kTable && line_.body != Body::kEmpty) {
    end_tables(input);
  }
  take_body(input, start, plain);
}

// False when the table has ended before it.
bool StraceLog::take_table_line(Input& input, std::string_view text) {
  if (!input.table->take(text)) {
    input.table.reset();
    return false;
  }
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
  return true;
}

// Once for every line: the clock adds up what -r prints.
StraceLog::Start StraceLog::start_of(const formats::strace::Prefix& prefix, std::uint64_t number,
                                     std::string_view input) {
  Start start;
  start.line = number;
  start.input = input;
  start.has_ip = prefix.has_ip;
  start.nr = prefix.number;
  start.ip = prefix.ip;
  if (!has_time(prefix)) return start;
  start.has_ts = clock_.read(prefix, start.ts_ns);
  start.resolution_ns = prefix.resolution_ns;
  start.clock = clock_.kind();
  if (start.has_ts) {
    const Time ts{start.ts_ns};
    if (!ledger_.first_ts) ledger_.first_ts = ledger_.last_ts = ts;
    if (ts < *ledger_.first_ts) *ledger_.first_ts = ts;
    if (*ledger_.last_ts < ts) *ledger_.last_ts = ts;
  }
  return start;
}

// Of line_.
void StraceLog::take_body(Input& input, const Start& start, const Entry& entry) {
  switch (line_.body) {
    case Body::kCall:
      take_call(input, start, entry);
      break;
    case Body::kResumed:
      ++ledger_.resumed;
      take_resumed(thread_of(input, line_), start, entry.stack);
      break;
    case Body::kSignal:
      ++ledger_.signals;
      take_signal(thread_of(input, line_), start, entry.stack);
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
      (void)input.table->take(entry.text);
      input.table_line = entry.number;
      break;
    case Body::kEmpty:
      ++ledger_.empty;
      break;
    case Body::kForeign:
    case Body::kDamaged:
      take_other(input, start, entry);
      break;
  }
}

void StraceLog::take_call(Input& input, const Start& start, const Entry& entry) {
  const Call& call = line_.call;
  switch (call.ending) {
    case Ending::kReturned:
      ++ledger_.calls;
      complete(caller(input), {.call = call, .start = start, .stack = entry.stack});
      return;
    case Ending::kUnfinished:
      ++ledger_.unfinished;
      take_unfinished(caller(input), start, entry.stack);
      return;
    case Ending::kDetached: {
      ++ledger_.calls;
      Thread& thread = caller(input);
      complete(thread, {.call = call, .start = start, .state = "detached", .stack = entry.stack});
      formats::record::Process record;
      record.event = "detached";
      emit_process(record, thread, start);
      return;
    }
    case Ending::kMoved:
      ++ledger_.unfinished;
      take_moved(thread_of(input, line_), start, entry.stack);
      return;
    case Ending::kOpen:
      take_open(input, start, entry);
      return;
    case Ending::kDamaged:
      return;
  }
}

// "read(3,  <unfinished ...>": the thread is inside of it from now on.
void StraceLog::take_unfinished(Thread& thread, const Start& start, const Stack* stack) {
  const Call& call = line_.call;
  thread.is_pending = true;
  thread.pending.set(call, start, stack);
  const SyscallRow* const row = call.row;
  if (row == nullptr) return;
  if (row->effect == Effect::kClone) cloning_.insert(thread.key);
  if (row->fd >= 0 && options_.replay) {
    thread.pending.began = descriptors_.begin(call, *row, *thread.process->table);
    thread.pending.has_begun = true;
  }
}

// "execve("/bin/true", … <pid changed to 30456 ...>" (-ff): a thread that is not the leader calls
// exec and gets the leader's id, in whose file the call ends.
void StraceLog::take_moved(Thread& thread, const Start& start, const Stack* stack) {
  Thread& other = find_or_make(line_.call.moved_to);
  if (other.is_pending) emit_pending(other, "superseded");
  move_to(other, thread.process);
  other.is_pending = true;
  other.pending.set(line_.call, start, stack);
  formats::record::Process record;
  record.event = "changed";
  if (thread.tid != 0) record.old_tid = thread.tid;
  emit_process(record, other, start);
}

// "clock_nanosleep(CLOCK_REALTIME, 0, ": the log ends here, or something broke into the line.
void StraceLog::take_open(Input& input, const Start& start, const Entry& entry) {
  const bool is_final = entry.is_last || entry.is_final;
  if (!is_final && hold(input, start, entry)) return;
  // A word and a parenthesis are not enough.
  const bool may_be_cut = is_final && ledger_.calls > 0;
  if (line_.prefix.pid == 0 && !start.has_ts && line_.call.row == nullptr && !may_be_cut) {
    ++ledger_.problems;
    report("foreign", entry.text, start.line, input.name);
    return;
  }
  ++ledger_.calls;
  Thread& thread = caller(input);
  // What a log breaks off in is no damage: it may still be written.
  if (!is_final) diagnostics_.count(kCutCall, line_place(start.line));
  complete(thread, {.call = line_.call,
                    .start = start,
                    .state = is_final ? "unfinished" : "cut",
                    .stack = entry.stack});
}

// What is not strace's, or not whole.
void StraceLog::take_other(Input& input, const Start& start, const Entry& entry) {
  const bool is_damaged = line_.body == Body::kDamaged;
  if (entry.is_last && is_damaged && !line_.call.name.empty() &&
      line_.call.ending == Ending::kDamaged) {
    // The log breaks off in the result.
    ++ledger_.calls;
    Call call = line_.call;
    call.has_result = false;
    call.result_text = call.error = call.aux = {};
    call.duration_ns = -1;
    complete(caller(input), {.call = call, .start = start, .state = "cut", .stack = entry.stack});
    return;
  }
  ++ledger_.problems;
  // What a log breaks off in is no damage: it may still be written.
  constexpr std::size_t kMostCut = 64;
  const bool is_cut = entry.is_last && is_damaged && line_.text.size() < kMostCut;
  const bool has_nul = entry.text.find('\0') != std::string_view::npos;
  report(is_cut                    ? "cut"
         : !is_damaged && !has_nul ? "foreign"
                                   : "damaged",
         entry.text, entry.number, input.name);
}

// How many bytes at the end of `text` are the first line of what another thread is just writing.
std::optional<std::size_t> StraceLog::output_of_another(std::string_view text) const {
  for (const Thread* const thread : youngest_first()) {
    if (!thread->is_pending || thread->pending.name != "write") continue;
    Call call;
    (void)formats::strace::parse_call(thread->pending.text, call);
    const std::string written = written_text(formats::strace::quoted_string(call.argument(1)));
    const std::string_view first = std::string_view(written).substr(0, written.find('\n'));
    if (!first.empty() && text.ends_with(first)) return first.size();
  }
  return std::nullopt;
}

// Keeps the beginning of a line that a message of strace's, or what the program wrote, broke: on
// standard error they all go to the same place. Whether it did.
bool StraceLog::hold(Input& input, const Start& start, const Entry& entry) {
  const std::string_view text = entry.text;
  const Call& call = line_.call;
  const std::size_t message = message_in(text);
  const bool is_message = message != std::string_view::npos;
  std::size_t keep = message;
  if (!is_message) {
    const bool writes_here = call.name == "write" && (call.argument(0).starts_with('1') ||
                                                      call.argument(0).starts_with('2'));
    std::optional<std::size_t> output = writes_here ? own_output(call) : output_of_another(text);
    if (!output && entry.is_before_empty) output = 0;
    if (!output) return false;
    keep = text.size() - *output;
  }
  // Before the message makes another thread known.
  input.owner.reset();
  if (line_.prefix.pid == 0) input.owner = thread_of(input, line_).key;
  input.held = text.substr(0, keep);
  input.held_start = start;
  input.held_start.comm = {};
  input.held_lines = 1;
  input.is_held_for_output = !is_message;
  if (is_message) {
    Start of_message;
    of_message.line = start.line;
    of_message.input = start.input;
    take_message(text.substr(message + std::string_view("strace: ").size()), of_message);
  }
  return true;
}

// Whether the line has been dealt with: it goes on with what is held, or broke into it, too.
bool StraceLog::join_held(Input& input, const Entry& entry) {
  // Somebody pressed Enter while strace wrote to the terminal.
  if (entry.text.empty()) {
    ++ledger_.empty;
    return true;
  }
  constexpr std::string_view kMessage = "strace: ";
  if (entry.text.starts_with(kMessage)) {
    ++ledger_.messages;
    Start start;
    start.line = ledger_.lines;
    start.input = input.name;
    take_message(entry.text.substr(kMessage.size()), start);
    return true;
  }
  constexpr std::uint64_t kMostHeld = 1000;
  if (input.is_held_for_output && !entry.text.starts_with(')') &&
      !entry.text.starts_with(" <unfinished") && input.held_lines < kMostHeld) {
    // More lines of what was written, unless they are strace's.
    formats::strace::parse_line(entry.text, line_);
    if (line_.body == Body::kForeign || line_.body == Body::kEmpty) {
      ++input.held_lines;
      return true;
    }
  }
  std::string whole = input.held;
  whole.append(entry.text);
  formats::strace::parse_line(whole, line_);
  const bool is_whole =
      line_.body == Body::kResumed ||
      (line_.body == Body::kCall && (line_.call.ending != Ending::kOpen || entry.is_last));
  if (!is_whole) {
    give_up(input, false);
    return false;
  }
  ledger_.glued += input.held_lines;
  const Start start = input.held_start;
  input.held.clear();
  input.held_lines = 0;
  Entry joined = entry;
  joined.text = whole;
  joined.number = start.line;
  take_line(input, joined, &start);
  if (input.held.empty()) input.owner.reset();
  return true;
}

// What is held has no end.
void StraceLog::give_up(Input& input, bool is_end) {
  if (input.held.empty()) return;
  const std::string text = std::exchange(input.held, {});
  ledger_.glued += input.held_lines - 1;
  input.held_lines = 0;
  formats::strace::parse_line(text, line_);
  Start start = input.held_start;
  start.comm = line_.prefix.comm;
  if (line_.body != Body::kCall) {
    ++ledger_.problems;
    report("damaged", text, start.line, input.name);
    return;
  }
  ++ledger_.calls;
  // At the end of the log, it may still be written.
  if (!is_end) diagnostics_.count(kCutCall, line_place(start.line));
  complete(thread_of(input, line_),
           {.call = line_.call, .start = start, .state = is_end ? "unfinished" : "cut"});
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
    record.sender_pid = leading_number<std::uint64_t>(value_of(record.info, "si_pid="));
    record.sender_uid = leading_number<std::uint64_t>(value_of(record.info, "si_uid="));
    record.child_status = leading_number<std::int64_t>(value_of(record.info, "si_status="));
    thread.is_in_handler = true;
  }
  sink_.signal(record);
}

void StraceLog::report(std::string_view kind, std::string_view text, std::uint64_t number,
                       std::string_view input) {
  constexpr std::size_t kMostShown = 1000;
  diagnostics_.count(*std::ranges::find(kProblems, kind, &ProblemKind::name)->counter,
                     line_place(number), formats::io::quoted(text.substr(0, 200), 60));
  formats::record::Problem problem;
  problem.kind = kind;
  problem.text = text.substr(0, kMostShown);
  problem.line = number;
  problem.input = input;
  sink_.problem(problem);
}

void StraceLog::end(Input& input) {
  give_up(input, true);
  end_tables(input);
}

// Tables of several ABIs are compared together.
void StraceLog::end_tables(Input& input) {
  if (!input.has_tables) return;
  input.has_tables = false;
  if (options_.verify && !counts_.empty()) {
    for (const auto& [name, count] : input.tables) compare_counts(input, name);
    for (const auto& [name, count] : counts_) {
      if (!input.tables.contains(name)) compare_counts(input, name);
    }
  }
  input.tables.clear();
  counts_.clear();
}

void StraceLog::compare_counts(const Input& input, std::string_view name) {
  const auto count_in = [&](const formats::strace::CallCounts& counts) {
    const auto found = counts.find(name);
    return found == counts.end() ? CallCount{} : found->second;
  };
  const CallCount table = count_in(input.tables);
  const CallCount log = count_in(counts_);
  if (table.calls == log.calls && table.errors == log.errors) return;
  report("mismatch",
         fmt::format("{}: {} calls and {} errors in the log, {} and {} in its table", name,
                     log.calls, log.errors, table.calls, table.errors),
         input.table_line, input.name);
}

void StraceLog::finish() {
  std::vector<Thread*> pending = youngest_first();
  std::erase_if(pending, [](const Thread* thread) { return !thread->is_pending; });
  std::ranges::stable_sort(pending, {},
                           [](const Thread* thread) { return thread->pending.start.line; });
  for (Thread* const thread : pending) emit_pending(*thread, "unfinished");
  if (options_.files) {
    last_thread_ = nullptr;
    recent_ = {};
    for (const Thread* const thread : youngest_first()) threads_.erase(thread->key);
    report_ended({}, {}, nullptr);
  }
  if (descriptors_.left_out() > 0) diagnostics_.count(kHighDescriptors, {});
  if (clock_.has_assumed_day()) diagnostics_.count(kAssumedDay, {});
  if (clock_.kind() == "start") diagnostics_.count(kNoStart, {});
}

}  // namespace tracebraid::converters::strace
