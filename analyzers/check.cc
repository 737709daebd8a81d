#include "analyzers/check.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <ctime>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include <unistd.h>

#include "analyzers/checks/checks.h"
#include "analyzers/inputs.h"
#include "analyzers/names.h"
#include "analyzers/python_calls.h"
#include "analyzers/socket_table.h"
#include "analyzers/typed.h"
#include "formats/cli/record_output.h"
#include "formats/io/error.h"
#include "formats/io/output.h"
#include "formats/record/finding.h"
#include "formats/record/function.h"
#include "formats/record/switch.h"
#include "formats/record/text.h"
#include "formats/record/writer.h"
#include "formats/strace/clock_options.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using checks::CallEvent;
using checks::Check;
using checks::Closing;
using checks::Detector;
using checks::Finding;
using checks::Severity;
using checks::Stretch;
using checks::Thread;
using cli::Argument;
using record::AnyRecord;

struct PlaceHash {
  std::size_t operator()(const std::pair<std::uint64_t, std::uint64_t>& place) const {
    return static_cast<std::size_t>(place.first * 0x9e3779b97f4a7c15U ^ place.second);
  }
};
template <typename Value>
using ByPlace = std::unordered_map<std::pair<std::uint64_t, std::uint64_t>, Value, PlaceHash>;

// What a process closed, by number of the descriptor.
class Closings {
 public:
  // Null when the number was not closed, or has been given out again since.
  [[nodiscard]] const Closing* of_closed(std::uint64_t fd) const {
    const Slot* slot = nullptr;
    if (fd < slots_.size()) {
      slot = &slots_[fd];
    } else if (const auto found = high_.find(fd); found != high_.end()) {
      slot = &found->second;
    }
    return slot == nullptr || slot->closing == 0 || slot->is_open ? nullptr
                                                                  : &all_[slot->closing - 1];
  }
  // What is known of the close before, for overwriting.
  Closing& close(std::uint64_t fd) {
    Slot& slot = slot_of(fd);
    slot.is_open = false;
    if (slot.closing == 0) {
      all_.emplace_back();
      slot.closing = static_cast<std::uint32_t>(all_.size());
    }
    return all_[slot.closing - 1];
  }
  void open(std::uint64_t fd) {
    if (fd < slots_.size()) {
      slots_[fd].is_open = true;
    } else if (const auto found = high_.find(fd); found != high_.end()) {
      found->second.is_open = true;
    }
  }

 private:
  struct Slot {
    std::uint32_t closing = 0;  // 1: the first of all_
    bool is_open = false;
  };
  Slot& slot_of(std::uint64_t fd) {
    constexpr std::uint64_t kHigh = std::uint64_t{1} << 20U;
    if (fd >= kHigh) return high_[fd];
    if (fd >= slots_.size()) slots_.resize(fd + 1);
    return slots_[fd];
  }

  std::vector<Slot> slots_;  // by descriptor
  std::unordered_map<std::uint64_t, Slot> high_;
  std::deque<Closing> all_;
};

// What all inputs tell, for the detectors.
class Story final : public RecordVisitor, public SocketSink, public checks::Scene {
 public:
  Story(std::span<const Check* const> which, std::string_view first_input)
      : table_(*this), first_input_(first_input) {
    std::uint32_t bit = 1;
    for (const Check* const check : which) {
      const auto& detector = detectors_.emplace_back(check->make(*this));
      detector->set_bit(bit);
      const checks::Interest interest = detector->interest();
      if (interest.failing) seers_of_failing_ |= bit;
      if (interest.datagrams) seers_of_datagrams_ |= bit;
      if (interest.all) seers_of_all_ |= bit;
      if (interest.from_ns != INT64_MAX) seers_of_long_.emplace_back(interest.from_ns, bit);
      for (const std::string_view call : interest.calls) name_of(call).seen_by |= bit;
      bit <<= 1U;
    }
    std::ranges::sort(seers_of_long_);
  }

  // RecordVisitor
  void begin(const InputKinds& kinds) override {
    kinds_ = kinds;
    table_.expect_flows(kinds.captures || kinds.records);
  }
  void enter(std::size_t lane) override {
    lane_ = lane;
    last_lane_ = std::max(last_lane_, lane);
    if (lane >= lanes_.size()) lanes_.resize(lane + 1);
    last_thread_ = nullptr;
  }
  void expect(const AnyRecord& any, Distance distance) override {
    if (const auto* call = any.as<record::Syscall>()) {
      table_.expect(*call, lane_, distance);
    } else if (const auto* segment = any.as<record::Segment>()) {
      table_.expect(*segment, distance);
    } else if (const auto* flow = any.as<record::Flow>()) {
      table_.expect(*flow, distance);
    }
  }
  void visit(const AnyRecord& any) override {
    if (const auto* call = calls_.get(any)) {
      syscall(*call);
    } else if (const auto* segment = segments_.get(any)) {
      has_capture_ = true;
      ++counts_.segments;
      see(segment->ts.ns);
      table_.segment(*segment);
    } else if (const auto* file = files_.get(any)) {
      lanes_[lane_].has_files = true;
      for (const auto& detector : detectors_) detector->file(*file, lane_);
      table_.file(*file, lane_);
    } else if (const auto* flow = flows_.get(any)) {
      has_capture_ = true;
      ++counts_.flows;
      counts_.packets += flow->orig_pkts + flow->resp_pkts;
      has_payload_ |= flow->orig_first_data || flow->resp_first_data;
      for (const auto& detector : detectors_) detector->flow(*flow);
      table_.flow(*flow);
    } else if (const auto* signal = signals_.get(any)) {
      Thread& thread = thread_of(signal->tid, signal->pid);
      for (const auto& detector : detectors_) detector->signal(*signal, thread);
    } else if (const auto* process = processes_.get(any)) {
      happen(*process);
    } else if (const auto* function = functions_.get(any)) {
      ++counts_.functions;
      python_.add(*function);
    } else if (const auto* python_call = python_calls_.get(any)) {
      python_.add(*python_call);
    } else if (const auto* change = switches_.get(any)) {
      switch_greenlet(*change);
    }
  }
  void finish() {
    table_.finish();
    for (const auto& detector : detectors_) detector->finish();
    std::ranges::stable_sort(findings_, [](const Finding& left, const Finding& right) {
      if (left.severity != right.severity) return left.severity > right.severity;
      return left.ts.value_or(INT64_MAX) < right.ts.value_or(INT64_MAX);
    });
  }

  // SocketSink
  void socket(const SocketLife& life, const record::Socket& socket) override {
    for (const auto& detector : detectors_) detector->socket(life, socket);
  }
  void waited(const SocketLife& life, std::int64_t arrived_ts, std::int64_t read_ts) override {
    constexpr std::int64_t kShort = 10'000'000;
    if (read_ts - arrived_ts < kShort) return;
    if (!arrived_ || arrived_ts < *arrived_) arrived_ = arrived_ts;
    const auto found = threads_.find({life.lane, life.last_in_tid});
    if (found == threads_.end()) return;
    for (const auto& detector : detectors_) {
      detector->waited(life, *found->second, arrived_ts, read_ts);
    }
  }

  // Scene
  SocketTable& sockets() override { return table_; }
  const Closing* closing(const Thread& thread, std::int64_t fd) const override {
    const auto found = closings_.find(owner(thread));
    if (found == closings_.end()) return nullptr;
    return found->second.of_closed(static_cast<std::uint64_t>(fd));
  }
  const Closing* closing_of_file(const Thread& thread, std::uint64_t file) const override {
    const auto found = std::ranges::find_if(socket_closings_, [&](const auto& one) {
      return one.first == thread.lane && one.second.file == file;
    });
    return found == socket_closings_.end() ? nullptr : &found->second;
  }
  const Closing* last_listener_closing(const Thread& thread) const override {
    const auto found = listener_closings_.find(owner(thread));
    return found == listener_closings_.end() ? nullptr : &found->second;
  }
  std::string place(std::string_view input, std::uint64_t line) const override {
    return std::string(input.empty() ? first_input_ : input) + ":" + std::to_string(line);
  }
  std::string evidence(const record::Syscall& call) const override {
    checks::Quote quote;
    quote.set(call);
    return evidence(quote);
  }
  std::string evidence(const checks::Quote& call) const override {
    std::string text = place(call.input, call.line) + ": " + call.syscall + "(";
    constexpr std::size_t kShown = 100;
    text.append(io::quoted(call.args, kShown)).append(")");
    if (!call.error.empty()) {
      text.append(" = -1 ").append(call.error);
    } else if (!call.result.empty()) {
      text.append(" = ").append(io::quoted(call.result, kShown));
    }
    constexpr std::int64_t kLong = 1'000'000;
    if (call.ns >= kLong) text.append(" <").append(checks::shown_duration(call.ns)).append(">");
    return text;
  }
  std::string function(std::string_view call, std::uint64_t count) const override {
    return python_.callers(call, count);
  }
  bool has_capture() const override { return has_capture_; }
  bool has_log() const override { return counts_.calls > 0; }
  std::int64_t last_ts() const override { return last_ts_; }
  void report(Finding finding) override { findings_.push_back(std::move(finding)); }

  void note_loop(const Thread& thread, std::string_view call, bool is_negative,
                 std::uint64_t count) override {
    loops_[{thread.lane, thread.pid, std::string(call), is_negative}] += count;
  }
  std::uint64_t looped(std::size_t lane, std::uint64_t pid, std::string_view call,
                       bool is_negative) const override {
    const auto found = loops_.find({lane, pid, std::string(call), is_negative});
    return found == loops_.end() ? 0 : found->second;
  }

  struct Counts {
    std::uint64_t calls = 0, failed = 0, threads = 0, segments = 0, flows = 0, packets = 0,
                  switches = 0, functions = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }
  [[nodiscard]] const InputKinds& kinds() const { return kinds_; }
  [[nodiscard]] bool lacks_times() const { return lacks_times_; }
  [[nodiscard]] bool lacks_durations() const { return without_duration_ * 2 > counts_.calls; }
  // Calls name open files, and no record tells when those were closed.
  [[nodiscard]] bool lacks_files() const {
    return std::ranges::any_of(
        lanes_, [](const Told& lane) { return lane.names_files && !lane.has_files; });
  }
  // Flows had payload, and no record tells when it passed.
  [[nodiscard]] bool lacks_segments() const { return has_payload_ && counts_.segments == 0; }
  [[nodiscard]] const SocketTable& table() const { return table_; }

 private:
  // What a lane's records have told.
  struct Told {
    bool names_files = false, has_files = false;
  };

  // Descriptors belong to processes; where the log does not tell those, to the whole log.
  static std::uint64_t owner(const Thread& thread) {
    return std::uint64_t{thread.lane} << 32U | thread.pid;
  }

  Closings& closings_of(const Thread& thread) {
    const std::uint64_t own = owner(thread);
    if (last_closings_ == nullptr || last_owner_ != own) {
      last_owner_ = own;
      last_closings_ = &closings_[own];
    }
    return *last_closings_;
  }

  void see(std::int64_t ts) { last_ts_ = std::max(last_ts_, ts); }

  Thread& thread_of(std::optional<std::uint64_t> tid, std::optional<std::uint64_t> pid) {
    const std::uint64_t id = tid.value_or(0);
    if (last_thread_ != nullptr && last_thread_->tid == id) {
      if (pid) last_thread_->pid = *pid;
      return *last_thread_;
    }
    std::unique_ptr<Thread>& thread = threads_[{lane_, id}];
    if (!thread) {
      // A log without ids tells its only thread's at some later line.
      auto nameless = threads_.find({lane_, 0});
      if (id != 0 && nameless != threads_.end() && nameless->second) {
        thread = std::move(nameless->second);
        threads_.erase(nameless);
        thread->tid = id;
        if (pid) thread->pid = *pid;
        last_thread_ = thread.get();
        return *thread;
      }
      thread = std::make_unique<Thread>();
      thread->lane = lane_;
      thread->tid = id;
      ++counts_.threads;
      const auto greenlet = greenlets_.find(id);
      if (greenlet != greenlets_.end()) thread->greenlet = greenlet->second;
    }
    if (pid) thread->pid = *pid;
    last_thread_ = thread.get();
    return *thread;
  }

  void syscall(const record::Syscall& call) {
    ++counts_.calls;
    lanes_[lane_].names_files |= call.file.has_value();
    if (!call.error.empty()) ++counts_.failed;
    Thread& thread = thread_of(call.tid, call.pid);
    const checks::CallName& name = name_of(call.syscall);
    CallEvent event{call, name, thread, nullptr, {}, {}, {}};
    if (call.ts) event.begin = call.ts->ns;
    event.end = call.end_ts ? std::optional(call.end_ts->ns) : event.begin;
    if (!event.begin) event.begin = event.end;
    if (event.end) see(*event.end);
    if (!event.begin) lacks_times_ = true;
    if (!call.duration) ++without_duration_;
    note_stretches(event);
    arrived_.reset();
    event.socket = table_.syscall(call, lane_);
    event.arrived = arrived_;
    if (event.socket != nullptr && call.file != event.socket->file) event.socket = nullptr;
    if (name.is_poll) {
      if (thread.poll == nullptr || !thread.is_loop()) thread.poll = &name;
      if (thread.poll == &name) ++thread.polls;
    }
    for (std::uint32_t left = seers(event); left != 0; left &= left - 1) {
      detectors_[static_cast<std::size_t>(std::countr_zero(left))]->call(event);
    }
    if (event.socket != nullptr && call.error.empty() && (call.bytes || name.accepts)) {
      note_use(event);
    }
    if (name.text == "close" && call.error.empty() && call.fd) {
      note_close(event);
    } else if (call.new_file && call.result) {
      closings_of(thread).open(static_cast<std::uint64_t>(*call.result));
    }
    thread.before_end = event.end;
    thread.before_line = call.line;
    thread.longest_run = 0;
  }

  checks::CallName& name_of(std::string_view call) {
    const std::size_t known = names_.size();
    checks::CallName& name = names_.of(call);
    if (names_.size() > known) name.number = known;
    return name;
  }

  // The detectors that see the call, as bits.
  [[nodiscard]] std::uint32_t seers(const CallEvent& event) const {
    std::uint32_t bits = seers_of_all_ | event.name.seen_by | event.thread.kept_by;
    if (!event.call.error.empty()) bits |= seers_of_failing_;
    if (event.socket != nullptr) {
      bits |= event.socket->kept_by;
      if (event.socket->kind == "udp") bits |= seers_of_datagrams_;
    }
    if (event.call.duration) {
      for (const auto& [from_ns, bit] : seers_of_long_) {
        if (event.call.duration->ns < from_ns) break;
        bits |= bit;
      }
    }
    return bits;
  }

  static void note_use(const CallEvent& event) {
    for (auto& [name, file] : event.thread.used) {
      if (name != &event.name) continue;
      file = event.socket->file;
      return;
    }
    event.thread.used.emplace_back(&event.name, event.socket->file);
  }

  void note_stretches(const CallEvent& event) {
    Thread& thread = event.thread;
    const auto add = [&](std::int64_t begin, std::int64_t end, bool is_gap) {
      // The oldest gives its memory.
      Stretch stretch;
      if (thread.stretches.size() >= Thread::kMostStretches) {
        stretch = std::move(thread.stretches.front());
        thread.stretches.pop_front();
      }
      stretch.begin = begin;
      stretch.end = end;
      stretch.is_gap = is_gap;
      stretch.call.set(event.call);
      stretch.line_before = thread.before_line;
      const bool is_longest =
          is_gap && end - std::max(begin, thread.switched_ts) < thread.longest_run;
      stretch.greenlet.assign(is_longest ? thread.longest_greenlet : thread.greenlet);
      thread.stretches.push_back(std::move(stretch));
    };
    if (thread.before_end && event.begin &&
        *event.begin - *thread.before_end >= Thread::kLongStretch) {
      add(*thread.before_end, *event.begin, true);
    }
    if (event.call.duration && event.begin && event.end &&
        event.call.duration->ns >= Thread::kLongStretch) {
      add(*event.begin, *event.end, false);
    }
  }

  void note_close(const CallEvent& event) {
    const record::Syscall& call = event.call;
    Closing& closing = closings_of(event.thread).close(static_cast<std::uint64_t>(*call.fd));
    std::swap(closing.before, closing.call);
    closing.before_ts = closing.ts;
    closing.before_tid = closing.tid;
    closing.ts = event.begin;
    closing.file = call.file.value_or(0);
    closing.tid = event.thread.tid;
    closing.call.set(call);
    closing.what.set(call, event.socket);
    closing.greenlet.assign(event.thread.greenlet);
    if (closing.what.is_listener) listener_closings_[owner(event.thread)] = closing;
    if (closing.file == 0 || event.socket == nullptr) return;
    // Many sockets are closed; a loop follows at once.
    constexpr std::size_t kMost = 1000;
    if (socket_closings_.size() < kMost) socket_closings_.emplace_back();
    auto& [lane, latest] = socket_closings_[next_closing_++ % kMost];
    lane = event.thread.lane;
    latest = closing;
  }

  void happen(const record::Process& process) {
    Thread& thread = thread_of(process.tid, process.pid);
    for (const auto& detector : detectors_) detector->process(process, thread);
    if (process.event != "exit" && process.event != "killed") return;
    for (const auto& detector : detectors_) detector->gone(thread);
    last_thread_ = nullptr;
    if (thread.pid == thread.tid && thread.pid != 0) {
      const std::uint64_t own = owner(thread);
      closings_.erase(own);
      last_closings_ = nullptr;
      listener_closings_.erase(own);
    }
    threads_.erase({thread.lane, thread.tid});
  }

  void switch_greenlet(const record::Switch& change) {
    ++counts_.switches;
    for (std::size_t lane = 0; lane <= last_lane_; ++lane) {
      const auto found = threads_.find({lane, change.tid});
      if (found == threads_.end()) continue;
      Thread& thread = *found->second;
      const std::int64_t since =
          std::max(thread.before_end.value_or(INT64_MAX), thread.switched_ts);
      if (change.ts.ns > since && change.ts.ns - since > thread.longest_run) {
        thread.longest_run = change.ts.ns - since;
        thread.longest_greenlet.assign(thread.greenlet);
      }
      thread.switched_ts = change.ts.ns;
      thread.greenlet.assign(change.greenlet);
    }
    greenlets_[change.tid].assign(change.greenlet);
  }

  SocketTable table_;
  std::vector<std::unique_ptr<Detector>> detectors_;  // of bits 1, 2, 4, …
  std::uint32_t seers_of_all_ = 0, seers_of_failing_ = 0, seers_of_datagrams_ = 0;
  std::vector<std::pair<std::int64_t, std::uint32_t>> seers_of_long_;  // from so many ns on
  WordTable<checks::CallName> names_;
  std::vector<Finding> findings_;
  PythonCalls python_;
  InputKinds kinds_;
  Counts counts_;
  std::string first_input_;
  std::size_t lane_ = 0, last_lane_ = 0;
  std::vector<Told> lanes_;
  std::int64_t last_ts_ = INT64_MIN;
  bool has_capture_ = false, has_payload_ = false, lacks_times_ = false;
  std::uint64_t without_duration_ = 0;
  ByPlace<std::unique_ptr<Thread>> threads_;
  Thread* last_thread_ = nullptr;
  std::optional<std::int64_t> arrived_;  // of the call at hand
  std::map<std::uint64_t, std::string> greenlets_;
  std::map<std::tuple<std::size_t, std::uint64_t, std::string, bool>, std::uint64_t> loops_;
  std::unordered_map<std::uint64_t, Closings> closings_;  // by process
  std::uint64_t last_owner_ = 0;
  Closings* last_closings_ = nullptr;  // its, unless null
  // Of sockets, with the lane: a ring of the last ones.
  std::vector<std::pair<std::size_t, Closing>> socket_closings_;
  std::size_t next_closing_ = 0;
  std::unordered_map<std::uint64_t, Closing> listener_closings_;  // by process
  Typed<record::Syscall> calls_;
  Typed<record::Segment> segments_;
  Typed<record::File> files_;
  Typed<record::Flow> flows_;
  Typed<record::Signal> signals_;
  Typed<record::Process> processes_;
  Typed<record::Function> functions_;
  Typed<record::Call> python_calls_;
  Typed<record::Switch> switches_;
};

constexpr const record::TypeInfo* kTypes[] = {&record::kTypeInfo<record::Finding>};
constexpr std::string_view kColumns[] = {"severity", "id", "count", "ts", "pid", "summary"};

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    if (!text.empty()) text.push_back('\n');
    text.append(line);
  }
  return text;
}

void write_records(const cli::RecordRequest& request, const std::vector<Finding>& findings) {
  cli::RecordOutput output(request, "tracebraid check", kTypes, kColumns);
  for (const Finding& finding : findings) {
    record::Finding row;
    row.id = finding.id;
    row.severity = checks::kSeverityNames[static_cast<std::size_t>(finding.severity)];
    row.summary = finding.summary;
    row.detail = finding.detail;
    row.count = finding.count;
    if (finding.ts) row.ts = record::Time{*finding.ts};
    if (finding.last_ts) row.last_ts = record::Time{*finding.last_ts};
    row.pid = finding.pid;
    row.tid = finding.tid;
    row.fd = finding.fd;
    row.file = finding.file;
    row.socket = finding.socket;
    row.uid = finding.uid;
    row.greenlet = finding.greenlet;
    row.function = finding.function;
    const std::string evidence = joined(finding.evidence);
    row.evidence = evidence;
    row.hint = finding.hint;
    output.writer().write(row);
  }
  output.finish();
}

// "07:09:30.208949", with the day when `with_day`.
std::string shown_time(std::int64_t ns, bool with_day) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t whole = ns / kSecond;
  std::int64_t rest = ns % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --whole;
  }
  const auto seconds = static_cast<std::time_t>(whole);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char room[64];
  const std::size_t size =
      std::strftime(room, sizeof room, with_day ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &parts);
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%06lld", static_cast<long long>(rest / 1000));
  return std::string(room, size) + fraction;
}

void append_finding(std::string& text, const Finding& finding) {
  constexpr std::string_view kNames[] = {"note", "WARNING", "ERROR"};
  text.append(kNames[static_cast<std::size_t>(finding.severity)]).append(" ").append(finding.id);
  text.append(": ").append(finding.summary).append(".\n");
  if (!finding.detail.empty()) text.append("  ").append(finding.detail).append(".\n");
  std::string who;
  const auto add = [&](const std::string& part) {
    if (!who.empty()) who.append(", ");
    who.append(part);
  };
  if (finding.pid) add("process " + std::to_string(*finding.pid));
  if (finding.tid && finding.tid != finding.pid) add("thread " + std::to_string(*finding.tid));
  if (!finding.greenlet.empty()) add("greenlet " + finding.greenlet);
  if (!finding.uid.empty()) add("flow " + finding.uid);
  if (!who.empty()) text.append("  who:  ").append(who).append("\n");
  if (!finding.function.empty()) {
    text.append("  code: ").append(finding.function);
    text.append(" (by its number of calls in the profile)\n");
  }
  // Without times, order stands for them.
  constexpr std::int64_t kYear = 31'536'000'000'000'000;
  if (finding.ts && *finding.ts > kYear) {
    text.append("  when: ").append(shown_time(*finding.ts, true));
    if (finding.last_ts && *finding.last_ts > *finding.ts) {
      text.append(" to ").append(shown_time(*finding.last_ts, false));
    }
    text.append(" UTC\n");
  }
  for (const std::string& line : finding.evidence)
    text.append("  see:  ").append(line).append("\n");
  if (!finding.hint.empty()) text.append("  next: ").append(finding.hint).append("\n");
}

// What was looked at, and what more could be told.
void append_scope(std::string& text, const Story& story, std::size_t checked) {
  const Story::Counts& counts = story.counts();
  std::string what;
  const auto add = [&](const std::string& part) {
    if (!what.empty()) what.append(", ");
    what.append(part);
  };
  if (counts.calls > 0) {
    add(checks::counted(counts.calls, "system call", "system calls") + " of " +
        checks::counted(counts.threads, "thread", "threads"));
    add(checks::counted(story.table().counts().sockets, "socket", "sockets") + " with peers" +
        (story.has_capture() ? ", " + checks::shown_count(story.table().counts().matched) +
                                   " of them found on the wire"
                             : std::string()));
  }
  if (story.has_capture()) {
    add(checks::counted(counts.packets, "packet", "packets") + " of " +
        checks::counted(counts.flows, "flow", "flows"));
  }
  if (counts.switches > 0) {
    add(checks::counted(counts.switches, "greenlet switch", "greenlet switches"));
  }
  if (counts.functions > 0) add(checks::counted(counts.functions, "function", "functions"));
  if (what.empty()) what = "nothing: the inputs hold no records that are known";
  text.append("Looked at: ").append(what).append("; ").append(std::to_string(checked));
  text.append(checked == 1 ? " check.\n" : " checks.\n");

  const Skew& skew = story.table().skew();
  constexpr std::int64_t kApart = 5'000'000;
  if (skew.low_count > 0 && skew.high_count > 0 &&
      (skew.low > skew.high || skew.low > kApart || skew.high < -kApart)) {
    text.append("The capture's clock and the log's differ (");
    text.append(checks::shown_duration(skew.low)).append(" to ");
    text.append(checks::shown_duration(skew.high)).append(" ahead): how long data waited is not ");
    text.append("known. tracebraid sockets says how to --shift them.\n");
  }

  std::string more;
  const auto could = [&](bool is_missing, std::string_view with) {
    if (is_missing) more.append("  ").append(with).append("\n");
  };
  could(counts.calls == 0,
        "strace -f -ttt -T -yy -o FILE …: what the program asked of the kernel; "
        "most checks need it");
  could(!story.has_capture(),
        "tcpdump -i any -w FILE: how long data waited for the program, who "
        "reset a connection, what was lost");
  could(story.lacks_files(),
        "stracecalls --records syscall,signal,process,problem,file: which descriptors stayed open, "
        "and how long");
  could(counts.calls > 0 && story.lacks_segments(),
        "pcapflows --segments: how long data waited for the program");
  could(counts.calls > 0 && counts.functions == 0,
        "python -m cProfile -o FILE …: which Python function made the calls");
  could(story.lacks_times() && counts.calls > 0, "strace -ttt: when, and how fast");
  could(!story.lacks_times() && story.lacks_durations(), "strace -T: how long calls took");
  if (!more.empty()) text.append("More could be told with:\n").append(more);
}

std::string report_text(const Story& story, std::size_t checked, Severity least) {
  std::string text;
  std::size_t shown = 0;
  std::size_t numbers[3] = {};
  for (const Finding& finding : story.findings()) {
    ++numbers[static_cast<std::size_t>(finding.severity)];
    if (finding.severity < least) continue;
    if (shown++ > 0) text.append("\n");
    append_finding(text, finding);
  }
  if (shown > 0) text.append("\n");
  if (story.findings().empty()) {
    text.append("Nothing found that is wrong.\n");
  } else {
    text.append("Found: ");
    bool is_first = true;
    constexpr std::string_view kOne[] = {"note", "warning", "error"};
    constexpr std::string_view kMany[] = {"notes", "warnings", "errors"};
    for (std::size_t level = 3; level-- > 0;) {
      if (numbers[level] == 0) continue;
      if (!is_first) text.append(", ");
      is_first = false;
      text.append(checks::counted(numbers[level], kOne[level], kMany[level]));
      if (level < static_cast<std::size_t>(least)) text.append(" (--min-severity shows)");
    }
    text.append("; nothing else.\n");
  }
  append_scope(text, story, checked);
  return text;
}

void list_checks() {
  std::string text;
  for (const Check* const check : checks::all_checks()) {
    text.append(check->id);
    text.append(check->id.size() < 18 ? 18 - check->id.size() : 1, ' ');
    text.append(check->title).append(" (").append(check->needs).append(")\n");
  }
  const auto out = io::open_output("-");
  out->write(text);
  out->commit();
}

const Check& find_check(std::string_view id) {
  for (const Check* const check : checks::all_checks()) {
    if (check->id == id) return *check;
  }
  std::string names;
  for (const Check* const check : checks::all_checks()) {
    names.append(names.empty() ? "" : ", ").append(check->id);
  }
  throw io::UsageError{"no such check: " + io::quoted(id), "there is " + names};
}

void explain(std::string_view id) {
  const Check& check = find_check(id);
  const auto out = io::open_output("-");
  out->write(std::string(check.id) + ": " + std::string(check.title) + "\n\n" +
             std::string(check.explain) + "\n\nNeeds: " + std::string(check.needs) + ".\n");
  out->commit();
}

Severity parse_severity(std::string_view option, std::string_view name) {
  for (std::size_t at = 0; at < std::size(checks::kSeverityNames); ++at) {
    if (checks::kSeverityNames[at] == name) return static_cast<Severity>(at);
  }
  throw io::UsageError{"--" + std::string(option) + ": not a severity: " + io::quoted(name),
                       "error, warning or note"};
}

void run(const cli::Arguments& arguments, cli::Context& context) {
  if (arguments.has("schema")) return cli::print_schema(kTypes);
  if (arguments.has("list")) return list_checks();
  if (const auto id = arguments.value("explain")) return explain(*id);

  std::vector<const Check*> which(checks::all_checks().begin(), checks::all_checks().end());
  if (const auto only = arguments.value("only")) {
    which.clear();
    for (const std::string_view id : cli::split_list(*only)) which.push_back(&find_check(id));
  }
  if (const auto without = arguments.value("without")) {
    for (const std::string_view id : cli::split_list(*without)) {
      std::erase(which, &find_check(id));
    }
  }
  const std::string fail_on = arguments.value("fail-on").value_or("error");
  std::optional<Severity> fails;
  if (fail_on != "never") fails = parse_severity("fail-on", fail_on);
  const Severity least =
      parse_severity("min-severity", arguments.value("min-severity").value_or("note"));
  const std::string format = arguments.value("format").value_or("text");

  const std::string first =
      arguments.positional.empty() ? std::string() : arguments.positional.front();
  Story story(which, first);
  read_inputs_in_step(arguments, {.files = true, .segments = true}, story, context);
  story.finish();

  if (format == "text") {
    const auto output = io::open_output(arguments.value("output").value_or("-"));
    output->write(report_text(story, which.size(), least));
    output->commit();
  } else {
    std::vector<Finding> shown;
    for (const Finding& finding : story.findings()) {
      if (finding.severity >= least) shown.push_back(finding);
    }
    write_records(cli::RecordRequest(arguments), shown);
  }
  const bool has_failed =
      fails && std::ranges::any_of(story.findings(), [&](const Finding& finding) {
        return finding.severity >= *fails;
      });
  if (has_failed) context.diagnostics.add_damage(true);
}

constexpr std::string_view kUsage[] = {"[OPTION…] INPUT…", "--list", "--explain ID"};

constexpr cli::Option kOptions[] = {
    kShiftOption,
    formats::strace::kClockOptions[0],
    formats::strace::kClockOptions[1],
    formats::strace::kClockOptions[2],
    {0, "only", Argument::kText, "LIST", "Checks", "do these checks alone",
     "Their identifiers with commas between."},
    {0, "without", Argument::kText, "LIST", "Checks", "leave these checks out"},
    {0, "fail-on", Argument::kChoice, "SEVERITY", "Checks",
     "exit with 1 from this severity on (error)", "never: findings do not change the exit status.",
     "error warning note never"},
    {0, "list", Argument::kNone, "", "Checks", "show all checks and exit"},
    {0, "explain", Argument::kText, "ID", "Checks", "say what a check looks for, and exit"},
    {0, "min-severity", Argument::kChoice, "SEVERITY", "Output",
     "show findings of this severity and above (note)", "", "error warning note"},
    {'f', "format", Argument::kChoice, "FORMAT", "Output", "text, or a form of records (text)",
     "text is for people, on a terminal and in a log; the others are a record for each finding.",
     "text table jsonl msgpack csv tsv"},
    cli::kOutputOption,
    cli::kFieldsOption,
    cli::kSchemaOption,
};

constexpr cli::Section kSections[] = {
    {"Input", kInputText},
    {"Findings",
     "The gravest first: what happened, in a sentence with numbers; what led to it; process, "
     "thread, greenlet and flow; the Python function, when a profile is among the inputs and its "
     "numbers of calls fit; when; where to see it (input and line); and where to look next. error: "
     "the program does not do its work. warning: something is lost, slow or broken. note: true, "
     "and mostly harmless.\n\n"
     "Any subset of the inputs will do; the end of the report tells what more others could tell. "
     "A stream of calls without file records does not tell when a descriptor was closed: what "
     "takes "
     "that to know is not looked for. Times are UTC. --list shows all checks, --explain ID the "
     "rule of each with its numbers."},
    {"Exit status",
     "0: no finding of --fail-on's severity or above. 1: there was one, or an input was damaged or "
     "unreadable: standard error tells, and says nothing when there were findings alone. 2: the "
     "command line was wrong."},
};

constexpr cli::Example kExamples[] = {
    {"What is wrong with a server:",
     "tracebraid check strace.log tcpdump.pcap profiling.cprof greenlet.bt.txt"},
    {"In CI, with a log for machines:",
     "tracebraid check --fail-on warning -f jsonl -o findings.jsonl server.strace"},
    {"What a finding means:", "tracebraid check --explain loop_stall"},
    {"Only what was found, by kind:",
     "tracebraid check server.strace -f jsonl | jq -r '[.id, .count] | @tsv'"},
};

}  // namespace

const cli::Program kCheck = {
    .name = "tracebraid check",
    .summary = "tell what is wrong, with evidence",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
};

}  // namespace tracebraid::analyzers
