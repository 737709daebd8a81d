#include "analyzers/checks/story.h"

#include <fmt/core.h>

#include "analyzers/checks/alike.h"
#include "analyzers/util/shown.h"
#include "formats/io/error.h"
#include "formats/io/text.h"

namespace tracebraid::analyzers::checks {

namespace io = formats::io;
namespace record = formats::record;
using record::AnyRecord;

Story::Story(std::span<const Check* const> which, std::string_view first_input)
    : table_(*this), checks_(which.begin(), which.end()), first_input_(first_input) {
  for (const Check* const check : which) {
    const std::size_t number = detectors_.size();
    Detector& detector = *detectors_.emplace_back(check->make(*this));
    detector.enlist(check->id, number);
    const Interest interest = detector.interest();
    audience_.add(number, interest);
    if (interest.profile) of_profile_.push_back(&detector);
  }
}

Story::~Story() = default;

// RecordVisitor

void Story::begin(const InputKinds& kinds) {
  kinds_ = kinds;
  table_.begin(kinds);
}

void Story::enter(std::size_t lane) {
  lane_ = lane;
  last_lane_ = std::max(last_lane_, lane);
  if (lane >= lanes_.size()) lanes_.resize(lane + 1);
  last_thread_ = nullptr;
}

void Story::expect(const AnyRecord& any, Distance distance) {
  table_.expect(any, lane_, distance);
}

void Story::on(const record::Segment& segment) {
  has_capture_ = true;
  ++counts_.segments;
  see(segment.ts.ns);
  table_.segment(segment);
}

void Story::on(const record::File& file) {
  lanes_[lane_].has_files = true;
  for (const auto& detector : detectors_) detector->file(file, lane_);
  ready_sets_.forget(file, lane_);
  table_.file(file, lane_);
}

void Story::on(const record::Flow& flow) {
  has_capture_ = true;
  ++counts_.flows;
  counts_.packets += flow.orig_pkts + flow.resp_pkts;
  has_payload_ |= flow.orig_first_data || flow.resp_first_data;
  for (const auto& detector : detectors_) detector->flow(flow);
  table_.flow(flow);
}

void Story::on(const record::Signal& signal) {
  ++counts_.ends;
  Thread& thread = thread_of(signal.tid, signal.pid);
  for (const auto& detector : detectors_) detector->signal(signal, thread);
}

void Story::on(const record::Function& function) {
  ++counts_.functions;
  python_.add(function);
  for (Detector* const detector : of_profile_) detector->function(function);
}

void Story::on(const record::Call& call) {
  python_.add(call);
  for (Detector* const detector : of_profile_) detector->called(call);
}

void Story::on(const record::Ledger& packets) {
  for (const auto& detector : detectors_) detector->ledger(packets);
}

void Story::on(const record::LineLedger& lines) {
  for (const auto& detector : detectors_) detector->ledger(lines);
}

void Story::at_end() {
  ByType::at_end();
  table_.finish();
  for (const auto& detector : detectors_) detector->finish();
  std::ranges::stable_sort(findings_, [](const Finding& left, const Finding& right) {
    if (left.severity != right.severity) return left.severity > right.severity;
    return left.ts.value_or(INT64_MAX) < right.ts.value_or(INT64_MAX);
  });
  if (is_once_) findings_ = told_once(std::move(findings_));
}

// SocketSink

void Story::socket(const SocketLife& life, const record::Socket& socket) {
  for (const auto& detector : detectors_) detector->socket(life, socket);
}

void Story::waited(const SocketLife& life, std::int64_t arrived_ts, std::int64_t read_ts) {
  constexpr std::int64_t kShort = 10'000'000;
  if (read_ts - arrived_ts < kShort) return;
  if (!arrived_ || arrived_ts < *arrived_) arrived_ = arrived_ts;
  const auto found = threads_.find({life.lane, life.last_in_tid});
  if (found == threads_.end()) return;
  for (const auto& detector : detectors_) {
    detector->waited(life, *found->second, arrived_ts, read_ts);
  }
}

std::int64_t Story::without_processor(std::int64_t begin, std::int64_t end) const {
  constexpr std::int64_t kNear = 1'000'000'000;
  std::int64_t longest = 0;
  for (const auto& [from, until] : taken_) {
    if (from <= end + kNear && until >= begin - kNear) longest = std::max(longest, until - from);
  }
  return longest;
}

// Its sentences are for people in every form, such as by jq -r from a record: a line end in a name
// is none of theirs.
void Story::report(Finding finding) {
  for (std::string* const text : {&finding.summary, &finding.detail, &finding.hint}) {
    *text = io::escaped(*text);
  }
  for (std::string& line : finding.evidence) line = io::escaped(line);
  findings_.push_back(std::move(finding));
}

const Closing* Story::closing(const Thread& thread, std::int64_t fd) const {
  const auto found = closings_.find(owner(thread));
  if (found == closings_.end()) return nullptr;
  return found->second.of_closed(static_cast<std::uint64_t>(fd));
}

const Closing* Story::closing_of_file(const Thread& thread, std::uint64_t file) const {
  const auto found = std::ranges::find_if(socket_closings_, [&](const auto& one) {
    return one.first == thread.lane && one.second.file == file;
  });
  return found == socket_closings_.end() ? nullptr : &found->second;
}

const Closing* Story::last_listener_closing(const Thread& thread) const {
  const auto found = listener_closings_.find(owner(thread));
  return found == listener_closings_.end() ? nullptr : &found->second;
}

std::string Story::place(std::string_view input, std::uint64_t line) const {
  return fmt::format("{}:{}", input.empty() ? first_input_ : input, line);
}

std::string Story::evidence(const record::Syscall& call) const {
  Quote quote;
  quote.set(call);
  return evidence(quote);
}

std::string Story::evidence(const Quote& call) const {
  constexpr std::size_t kShown = 100;
  std::string text = fmt::format("{}: {}({})", place(call.input, call.line), call.syscall,
                                 io::quoted(call.args, kShown));
  if (!call.error.empty()) {
    text.append(" = -1 ").append(call.error);
  } else if (!call.result.empty()) {
    text.append(" = ").append(io::quoted(call.result, kShown));
  }
  constexpr std::int64_t kLong = 1'000'000;
  if (call.ns >= kLong) text.append(fmt::format(" <{}>", shown_duration(call.ns)));
  return text;
}

std::string Story::function(std::string_view call, std::uint64_t count) const {
  return python_.callers(call, count);
}

void Story::note_loop(const Thread& thread, std::string_view call, bool is_negative,
                      std::uint64_t count) {
  loops_[{thread.lane, thread.pid, std::string(call), is_negative}] += count;
}

std::uint64_t Story::looped(std::size_t lane, std::uint64_t pid, std::string_view call,
                            bool is_negative) const {
  const auto found = loops_.find({lane, pid, std::string(call), is_negative});
  return found == loops_.end() ? 0 : found->second;
}

void Story::note_turning(const Turning& turning) {
  // Each is of some 20 calls or more; those that are told are fewer.
  constexpr std::size_t kMost = 10'000;
  if (turnings_.size() < kMost) turnings_.push_back(turning);
}

bool Story::is_told(const Turning& turning) const {
  return std::ranges::any_of(turnings_, [&](const Turning& told) {
    return told.lane == turning.lane && told.tid == turning.tid &&
           told.first_line <= turning.last_line && turning.first_line <= told.last_line;
  });
}

Closings& Story::closings_of(const Thread& thread) {
  const std::uint64_t own = owner(thread);
  if (last_closings_ == nullptr || last_owner_ != own) {
    last_owner_ = own;
    last_closings_ = &closings_[own];
  }
  return *last_closings_;
}

Thread& Story::thread_of(std::optional<std::uint64_t> tid, std::optional<std::uint64_t> pid) {
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

void Story::on(const record::Syscall& call) {
  ++counts_.calls;
  lanes_[lane_].names_files |= call.file.has_value();
  if (!call.error.empty()) ++counts_.failed;
  Thread& thread = thread_of(call.tid, call.pid);
  const CallName& name = audience_.name_of(call.syscall);
  CallEvent event{call, name, thread, nullptr, {}, {}, {}};
  if (call.ts) event.begin = call.ts->ns;
  event.end = call.end_ts ? std::optional(call.end_ts->ns) : event.begin;
  if (!event.begin) event.begin = event.end;
  if (event.end) see(*event.end);
  if (!event.begin) lacks_times_ = true;
  if (!call.duration) {
    ++without_duration_;
  } else if (call.duration->ns >= kTaken && event.begin && taken_.size() < kMostTaken &&
             (name.never_waits || (call.error == "EAGAIN" && name.text != "futex"))) {
    taken_.emplace_back(*event.begin, *event.begin + call.duration->ns);
  }
  note_stretches(event);
  arrived_.reset();
  event.socket = table_.syscall(call, lane_);
  event.arrived = arrived_;
  if (event.socket != nullptr && call.file != event.socket->file) event.socket = nullptr;
  if (name.is_epoll_ctl) ready_sets_.learn(event);
  if (name.is_poll &&
      (thread.poll == &name ? thread.is_loop() || is_of_several(call) : is_of_several(call))) {
    if (thread.poll == nullptr || !thread.is_loop()) thread.poll = &name;
    if (thread.poll == &name) ++thread.polls;
  }
  audience_.of(event).each([&](std::size_t number) { detectors_[number]->call(event); });
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

void Story::note_use(const CallEvent& event) {
  for (auto& [name, file] : event.thread.used) {
    if (name != &event.name) continue;
    file = event.socket->file;
    return;
  }
  event.thread.used.emplace_back(&event.name, event.socket->file);
}

void Story::note_stretches(const CallEvent& event) {
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

void Story::note_close(const CallEvent& event) {
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

void Story::on(const record::Process& process) {
  Thread& thread = thread_of(process.tid, process.pid);
  for (const auto& detector : detectors_) detector->process(process, thread);
  if (process.event != "exit" && process.event != "killed") return;
  ++counts_.ends;
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

void Story::on(const record::Switch& change) {
  ++counts_.switches;
  for (std::size_t lane = 0; lane <= last_lane_; ++lane) {
    const auto found = threads_.find({lane, change.tid});
    if (found == threads_.end()) continue;
    Thread& thread = *found->second;
    const std::int64_t since = std::max(thread.before_end.value_or(INT64_MAX), thread.switched_ts);
    if (change.ts.ns > since && change.ts.ns - since > thread.longest_run) {
      thread.longest_run = change.ts.ns - since;
      thread.longest_greenlet.assign(thread.greenlet);
    }
    thread.switched_ts = change.ts.ns;
    thread.greenlet.assign(change.greenlet);
  }
  greenlets_[change.tid].assign(change.greenlet);
}

}  // namespace tracebraid::analyzers::checks
