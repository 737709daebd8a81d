// tracebraid timeline: what happened, in order, on one clock.
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <sys/ioctl.h>
#include <unistd.h>

#include "analyzers/input/by_type.h"
#include "analyzers/input/inputs.h"
#include "analyzers/sockets/table.h"
#include "analyzers/timeline/fold.h"
#include "analyzers/util/shown_time.h"
#include "formats/chrome/trace_writer.h"
#include "formats/cli/clock_options.h"
#include "formats/cli/record_output.h"
#include "formats/io/error.h"
#include "formats/io/hash.h"
#include "formats/io/output.h"
#include "formats/record/switch.h"
#include "formats/record/text.h"

namespace tracebraid::analyzers {
namespace {

namespace chrome = formats::chrome;
namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using cli::Argument;
using record::AnyRecord;

constexpr std::int64_t kSecond = 1'000'000'000;

std::string shown_seconds(std::int64_t ns) {
  char room[32];
  const int size = std::snprintf(room, sizeof room, "%.6f", static_cast<double>(ns) / 1e9);
  return {room, static_cast<std::size_t>(size)};
}

// What is shown, and to whom it belongs.
struct Event {
  std::int64_t ts = 0;
  std::uint64_t order = 0;
  std::uint64_t key = 0;  // equal for lines that are folded together
  std::string who, text;
  bool operator>(const Event& other) const {
    return std::tie(ts, order) > std::tie(other.ts, other.order);
  }
};

struct Filters {
  std::set<std::uint64_t> pids, tids;
  std::set<std::int64_t> fds;
  std::set<std::uint64_t> files;
  std::vector<std::string> flows;  // beginnings of uids
  bool errors = false;
  std::optional<std::int64_t> since, until;              // of the day or the epoch
  std::optional<std::int64_t> since_begin, until_begin;  // from the first time

  [[nodiscard]] bool is_of_calls() const {
    return !pids.empty() || !tids.empty() || !fds.empty() || !files.empty();
  }
};

class Timeline : public ByType<Timeline, record::Syscall, record::Segment, record::Flow,
                               record::File, record::Switch, record::Signal, record::Process>,
                 public SocketSink {
 public:
  explicit Timeline(Filters filters) : filters_(std::move(filters)), table_(*this) {}

  void begin(const InputKinds& kinds) override {
    table_.expect_flows(kinds.may_give<record::Flow>());
  }
  void enter(std::size_t lane) override { lane_ = lane; }
  void socket(const SocketLife& life, const record::Socket& socket) override {
    (void)life, (void)socket;
  }

  void on(const record::Syscall& call) {
    SocketLife* socket = table_.syscall(call, lane_);
    if (socket != nullptr && call.file != socket->file) socket = nullptr;
    ++read_;
    if (is_wanted(call, socket)) syscall(call, socket);
  }
  void on(const record::Segment& segment) {
    ++read_;
    const bool is_taken = wants_flow(segment.uid) && !filters_.is_of_calls() &&
                          (!filters_.errors || segment.is_rexmit) && is_in_time(segment.ts.ns);
    if (is_taken) wire(segment);
    table_.segment(segment);
  }
  void on(const record::Flow& flow) {
    ++read_;
    table_.flow(flow);
    const bool is_taken = wants_flow(flow.uid) && !filters_.is_of_calls() &&
                          (!filters_.errors || flow.conn_state != "SF") &&
                          is_in_time(flow.ts.ns, flow.last_ts.ns);
    if (is_taken) ended(flow);
  }
  void on(const record::File& file) { table_.file(file, lane_); }
  void on(const record::Switch& change) {
    ++read_;
    running_[change.tid] = greenlet(change.greenlet);
    const bool is_taken = wants(filters_.pids, change.pid) && wants(filters_.tids, change.tid) &&
                          filters_.fds.empty() && filters_.files.empty() &&
                          filters_.flows.empty() && !filters_.errors && is_in_time(change.ts.ns);
    if (is_taken) switched(change);
  }
  void on(const record::Signal& signal) {
    ++read_;
    const std::optional<std::int64_t> ts = signal.ts ? std::optional(signal.ts->ns) : std::nullopt;
    if (is_of(signal.pid, signal.tid) && is_in_time(ts)) signalled(signal);
  }
  void on(const record::Process& process) {
    ++read_;
    const std::optional<std::int64_t> ts =
        process.ts ? std::optional(process.ts->ns) : std::nullopt;
    const bool is_taken = is_of(process.pid, process.tid) &&
                          (!filters_.errors || process.event == "killed") && is_in_time(ts);
    if (is_taken) happened(process);
  }

  virtual void finish() { table_.finish(); }

  [[nodiscard]] std::uint64_t read() const { return read_; }

 protected:
  virtual void syscall(const record::Syscall& call, SocketLife* socket) = 0;
  virtual void wire(const record::Segment& segment) = 0;
  virtual void ended(const record::Flow& flow) = 0;
  virtual void switched(const record::Switch& change) = 0;
  virtual void signalled(const record::Signal& signal) = 0;
  virtual void happened(const record::Process& process) = 0;

  // "g3", by the order in which they were seen.
  std::string greenlet(std::string_view address) {
    const auto found = greenlets_.emplace(address, greenlets_.size() + 1).first;
    return "g" + std::to_string(found->second);
  }
  [[nodiscard]] std::string running(std::uint64_t tid) const {
    const auto found = running_.find(tid);
    return found == running_.end() ? std::string() : found->second;
  }

  bool is_in_time(const std::optional<std::int64_t>& ts) { return is_in_time(ts, ts); }
  // Whether some of what began and ended then is wanted.
  bool is_in_time(const std::optional<std::int64_t>& begin,
                  const std::optional<std::int64_t>& end) {
    if (!begin || !end) return !filters_.since && !filters_.until;
    if (!first_ts_) {
      first_ts_ = *begin;
      constexpr std::int64_t kDay = 86'400 * kSecond;
      const std::int64_t midnight = *begin - *begin % kDay;
      // Of a day: that of the first time.
      for (auto* const time : {&filters_.since, &filters_.until}) {
        if (*time && **time < kDay) **time += midnight;
      }
      if (filters_.since_begin) filters_.since = *begin + *filters_.since_begin;
      if (filters_.until_begin) filters_.until = *begin + *filters_.until_begin;
    }
    return (!filters_.since || *end >= *filters_.since) &&
           (!filters_.until || *begin <= *filters_.until);
  }

 private:
  template <typename Set, typename Number>
  static bool wants(const Set& set, const Number& number) {
    return set.empty() || set.contains(number);
  }
  [[nodiscard]] bool is_of(const std::optional<std::uint64_t>& pid,
                           const std::optional<std::uint64_t>& tid) const {
    return wants(filters_.pids, pid.value_or(0)) && wants(filters_.tids, tid.value_or(0)) &&
           filters_.fds.empty() && filters_.files.empty() && filters_.flows.empty();
  }
  [[nodiscard]] bool wants_flow(std::string_view uid) const {
    return filters_.flows.empty() ||
           std::ranges::any_of(filters_.flows,
                               [&](const std::string& begin) { return uid.starts_with(begin); });
  }
  bool is_wanted(const record::Syscall& call, const SocketLife* socket) {
    if (!is_in_time(call.ts ? std::optional(call.ts->ns) : std::nullopt)) return false;
    if (filters_.errors && call.error.empty()) return false;
    if (!wants(filters_.pids, call.pid.value_or(0))) return false;
    if (!wants(filters_.tids, call.tid.value_or(0))) return false;
    if (!filters_.fds.empty() && !filters_.fds.contains(call.fd.value_or(-2)) &&
        !(call.new_file && call.result && filters_.fds.contains(*call.result))) {
      return false;
    }
    if (!filters_.files.empty() && !filters_.files.contains(call.file.value_or(0)) &&
        !filters_.files.contains(call.new_file.value_or(0))) {
      return false;
    }
    return filters_.flows.empty() ||
           (socket != nullptr && socket->wire && wants_flow(socket->wire->uid));
  }

  Filters filters_;
  std::optional<std::int64_t> first_ts_;
  std::size_t lane_ = 0;
  std::uint64_t read_ = 0;
  std::map<std::string, std::size_t, std::less<>> greenlets_;
  std::unordered_map<std::uint64_t, std::string> running_;  // by thread

 protected:
  SocketTable table_;
};

// The arguments behind the first, which is shown as what it stands for.
std::string_view rest_of(const record::Syscall& call) {
  std::string_view args = call.args;
  if (!call.fd) return args;
  std::size_t at = args.find(',');
  if (!call.fd_text.empty() && call.fd_text.data() >= args.data() &&
      call.fd_text.data() < args.data() + args.size()) {
    const auto behind =
        static_cast<std::size_t>(call.fd_text.data() - args.data()) + call.fd_text.size();
    at = args.find(',', behind);
  }
  if (at == std::string_view::npos) return {};
  args.remove_prefix(at + 1);
  if (args.starts_with(' ')) args.remove_prefix(1);
  return args;
}

// Lines for people.
class TextTimeline final : public Timeline {
 public:
  TextTimeline(Filters filters, io::Output& output, bool folds, std::size_t width)
      : Timeline(std::move(filters)), out_(output), folds_(folds), width_(width) {}

  void finish() override {
    Timeline::finish();
    while (!held_.empty()) release();
    end_fold();
    out_.flush();
  }
  void flush() override {
    Timeline::flush();
    out_.flush();
  }

  [[nodiscard]] std::uint64_t shown() const { return shown_; }
  [[nodiscard]] std::uint64_t folded() const { return folded_; }

 protected:
  void syscall(const record::Syscall& call, SocketLife* socket) override {
    Event event;
    event.who = who(call.pid, call.tid);
    std::string& text = event.text;
    text.assign(call.syscall).append("(");
    std::string_view args = call.args;
    if (call.fd) {
      text.append(std::to_string(*call.fd));
      std::string what;
      if (socket != nullptr) {
        what = socket->shown();
      } else if (!call.path.empty() && call.kind != "closed" && !call.fd_text.empty()) {
        what = io::quoted(call.path, 60);
      } else if (!call.kind.empty() && call.kind != "file") {
        what = call.kind;
      }
      if (!what.empty()) text.append(" ").append(what);
      args = rest_of(call);
      if (!args.empty()) text.append(", ");
    }
    constexpr std::size_t kShown = 120;
    text.append(io::quoted(args, kShown)).append(")");
    if (!call.error.empty()) {
      text.append(" = ").append(call.error);
    } else if (call.result) {
      text.append(" = ");
      text.append(call.result_text.empty() || call.result_text.size() > kShown
                      ? std::to_string(*call.result)
                      : io::quoted(call.result_text, kShown));
    } else {
      text.append(" = ?");
    }
    // Numbers in arguments change; what is called, on what, and how it ends do not.
    std::string key = event.who + std::string(call.syscall) +
                      (call.fd ? std::to_string(*call.fd) : std::string(args)) +
                      std::to_string(call.file.value_or(0)) + std::string(call.error);
    if (call.error.empty()) key += std::to_string(call.result.value_or(-2));
    event.key = io::hash_text(key);
    if (!call.aux.empty()) text.append(" (").append(io::quoted(call.aux, kShown)).append(")");
    constexpr std::int64_t kLong = 1'000'000;
    if (call.duration && call.duration->ns >= kLong) {
      text.append(" <").append(shown_seconds(call.duration->ns)).append(">");
    }
    if (call.state == "unfinished") text.append(" <did not return>");
    add(std::move(event), call.ts ? std::optional(call.ts->ns) : std::nullopt,
        call.end_ts ? std::optional(call.end_ts->ns) : std::nullopt);
  }

  void wire(const record::Segment& segment) override {
    Event event;
    event.who = "wire";
    const HostPort orig{segment.orig_h, segment.orig_p};
    const HostPort resp{segment.resp_h, segment.resp_p};
    if (segment.flow_ts.ns >= released_ && begun_.insert(std::string(segment.uid)).second) {
      flow_begins(orig, resp, segment.proto, segment.uid, segment.flow_ts.ns);
    }
    append_shown(event.text, segment.is_orig ? orig : resp);
    event.text.append("→");
    append_shown(event.text, segment.is_orig ? resp : orig);
    event.text.append(" ").append(std::to_string(segment.length)).append(" bytes at ");
    event.text.append(std::to_string(segment.offset));
    if (segment.is_rexmit) event.text.append(", sent again");
    event.text.append("  ").append(segment.uid);
    event.key = io::hash_text(event.text);
    add(std::move(event), segment.ts.ns, {});
  }

  void ended(const record::Flow& flow) override {
    const HostPort orig{flow.orig_h, flow.orig_p};
    const HostPort resp{flow.resp_h, flow.resp_p};
    // Reported at its end; where the beginning is too long ago, the end tells it.
    const bool is_begun = begun_.erase(std::string(flow.uid)) > 0;
    const bool is_near = is_begun || flow.ts.ns >= released_;
    if (is_near && !is_begun) flow_begins(orig, resp, flow.proto, flow.uid, flow.ts.ns);
    if (!is_in_time(flow.last_ts.ns)) return;
    const std::string name = flow_name(orig, resp, flow.proto);
    Event event;
    event.who = "wire";
    event.text = name + " ends: " + std::string(flow.conn_state.empty() ? "-" : flow.conn_state) +
                 ", " + std::to_string(flow.orig_uniq_bytes) + " and " +
                 std::to_string(flow.resp_uniq_bytes) + " bytes";
    if (flow.orig_rexmit_pkts + flow.resp_rexmit_pkts > 0) {
      event.text += ", " + std::to_string(flow.orig_rexmit_pkts + flow.resp_rexmit_pkts) +
                    " segments sent again";
    }
    if (!is_near) event.text += ", since " + shown_time(flow.ts.ns);
    if (flow.last_ts.ns < released_) event.text += ", last packet " + shown_time(flow.last_ts.ns);
    event.text += "  " + std::string(flow.uid);
    event.key = io::hash_text(event.text);
    event.ts = std::max(flow.last_ts.ns, released_);
    hold(std::move(event));
  }

  void switched(const record::Switch& change) override {
    Event event;
    event.who = who(change.pid, change.tid);
    const std::string name = greenlet(change.greenlet);
    event.text = "switch to " + name;
    if (named_.insert(name).second) event.text += " (" + std::string(change.greenlet) + ")";
    constexpr std::int64_t kLong = 10'000'000;
    if (change.ran && change.ran->ns >= kLong) {
      event.text += ", " + greenlet(change.from) + " had run " + shown_seconds(change.ran->ns);
    }
    event.key = io::hash_text(event.who + name);
    add(std::move(event), change.ts.ns, {});
  }

  void signalled(const record::Signal& signal) override {
    Event event;
    event.who = who(signal.pid, signal.tid);
    event.text = "--- " + std::string(signal.signal);
    if (!signal.code.empty()) event.text += " " + std::string(signal.code);
    if (signal.sender_pid) event.text += " from " + std::to_string(*signal.sender_pid);
    event.key = io::hash_text(event.text);
    add(std::move(event), signal.ts ? std::optional(signal.ts->ns) : std::nullopt, {});
  }

  void happened(const record::Process& process) override {
    Event event;
    event.who = who(process.pid, process.tid);
    event.text = "+++ " + std::string(process.event);
    if (process.child) {
      event.text += std::string(process.is_thread.value_or(false) ? ": thread " : ": process ") +
                    std::to_string(*process.child);
    }
    if (!process.path.empty()) event.text += ": " + io::quoted(process.path, 80);
    if (process.code) event.text += " with " + std::to_string(*process.code);
    if (!process.signal.empty()) event.text += " by " + std::string(process.signal);
    event.key = io::hash_text(event.who + event.text);
    add(std::move(event), process.ts ? std::optional(process.ts->ns) : std::nullopt, {});
  }

 private:
  // How long something may be held until what began before it has ended and is known, too.
  static constexpr std::int64_t kWindow = kSecond;
  static constexpr std::size_t kMostHeld = 100'000;

  std::string who(const std::optional<std::uint64_t>& pid,
                  const std::optional<std::uint64_t>& tid) const {
    std::string text = pid ? std::to_string(*pid) : std::string();
    if (tid && tid != pid) {
      if (!text.empty()) text += "/";
      text += std::to_string(*tid);
    }
    const std::string name = running(tid.value_or(0));
    if (!name.empty()) text += " " + name;
    return text;
  }

  void add(Event event, const std::optional<std::int64_t>& ts,
           const std::optional<std::int64_t>& end_ts) {
    if (!ts && !end_ts) {
      // Order stands for time.
      event.ts = newest_;
    } else {
      event.ts = ts ? *ts : *end_ts;
      has_times_ = true;
      newest_ = std::max(newest_, end_ts.value_or(event.ts));
      if (event.ts < released_) {
        // It lasted longer than others could wait for it.
        event.text += "  (began " + shown_time(event.ts) + ")";
        event.ts = std::max(end_ts.value_or(released_), released_);
      }
    }
    hold(std::move(event));
    while (!held_.empty() &&
           (held_.size() > kMostHeld || held_.top().ts + kWindow <= newest_ || !has_times_)) {
      release();
    }
  }

  static std::string flow_name(const HostPort& orig, const HostPort& resp, std::string_view proto) {
    std::string name;
    append_shown(name, orig);
    name.append("→");
    append_shown(name, resp);
    name.append(" ").append(proto);
    return name;
  }

  void flow_begins(const HostPort& orig, const HostPort& resp, std::string_view proto,
                   std::string_view uid, std::int64_t ts) {
    if (!is_in_time(ts)) return;
    Event event;
    event.who = "wire";
    event.text = flow_name(orig, resp, proto) + " begins  " + std::string(uid);
    event.key = io::hash_text(event.text);
    event.ts = ts;
    hold(std::move(event));
  }

  void hold(Event event) {
    event.order = ++order_;
    held_.push(std::move(event));
  }

  void release() {
    // priority_queue gives constant references only; it is popped at once.
    Event event = std::move(const_cast<Event&>(held_.top()));
    held_.pop();
    released_ = std::max(released_, event.ts);
    if (folds_) {
      if (fold_.is_folding()) {
        if (fold_.takes(event.key, event.ts)) {
          ++folded_;
          last_shown_ = event.ts;
          return;
        }
        end_fold();
      }
      fold_.shown(event.key);
    }
    show(event.ts, event.who, event.text);
  }

  void end_fold() {
    const Fold::Folded folded = fold_.end();
    if (folded.lines == 0) return;
    std::string text = "… " + with_commas(folded.lines) + " more";
    if (folded.period > 1) {
      text += " of the " + std::to_string(folded.period) + " above in turn";
    }
    const std::int64_t lasted = folded.last_ts - folded.first_ts;
    if (lasted > 0) {
      text += " in " + shown_seconds(lasted) + " s (" +
              with_commas(static_cast<std::uint64_t>(static_cast<double>(folded.lines) * 1e9 /
                                                     static_cast<double>(lasted))) +
              "/s)";
    }
    line_.assign(has_times_ ? 15 + 1 + 12 : 0, ' ');
    put("", text);
  }

  static std::string with_commas(std::uint64_t number) {
    std::string digits = std::to_string(number);
    for (std::size_t at = digits.size(); at > 3;) {
      at -= 3;
      digits.insert(at, ",");
    }
    return digits;
  }

  void show(std::int64_t ts, const std::string& who, const std::string& text) {
    line_.clear();
    if (has_times_) {
      line_ = shown_time(ts);
      std::string gap = shown_ == 0 ? std::string() : "+" + shown_seconds(ts - last_shown_);
      constexpr std::size_t kGap = 12;
      if (gap.size() < kGap) gap.insert(0, kGap - gap.size(), ' ');
      line_.append(" ").append(gap);
      last_shown_ = ts;
    }
    ++shown_;
    put(who, text);
  }

  // Behind the times in line_.
  void put(const std::string& who, const std::string& text) {
    constexpr std::size_t kWho = 12;
    line_.append("  ").append(who);
    if (who.size() < kWho) line_.append(kWho - who.size(), ' ');
    line_.append("  ").append(text);
    if (width_ > 0) cut(line_, width_);
    line_.append("\n");
    out_.append(line_);
  }

  // To that many characters.
  static void cut(std::string& line, std::size_t width) {
    std::size_t characters = 0;
    std::size_t last = 0;
    for (std::size_t at = 0; at < line.size(); ++at) {
      if ((static_cast<unsigned char>(line[at]) & 0xc0U) == 0x80) continue;
      if (++characters == width) last = at;
      if (characters > width) {
        line.resize(last);
        line.append("…");
        return;
      }
    }
  }

  io::BlockWriter out_;
  bool folds_;
  std::size_t width_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> held_;
  Fold fold_;
  std::unordered_set<std::string> begun_;  // open flows whose beginning was told
  std::set<std::string> named_;            // greenlets whose address was shown
  std::string line_;
  std::uint64_t order_ = 0, shown_ = 0, folded_ = 0;
  std::int64_t newest_ = 0, released_ = INT64_MIN, last_shown_ = 0;
  bool has_times_ = false;
};

// For Perfetto's UI and the like.
class ChromeTimeline final : public Timeline {
 public:
  ChromeTimeline(Filters filters, io::Output& output)
      : Timeline(std::move(filters)), output_(output) {}

  void finish() override {
    Timeline::finish();
    writer(0).finish();
  }

  void waited(const SocketLife& life, std::int64_t arrived_ts, std::int64_t read_ts) override {
    if (!life.wire || read_ts <= arrived_ts) return;
    // Inside of the call, which ends then.
    writer(arrived_ts)
        .arrow({kNetwork, flow_track(life.wire->uid), arrived_ts},
               {process_of(life), life.last_in_tid, read_ts - 1}, "receive");
  }
  void sent(const SocketLife& life, std::int64_t entry_ts, std::int64_t left_ts) override {
    if (!life.wire) return;
    writer(entry_ts).arrow({process_of(life), life.last_out_tid, entry_ts},
                           {kNetwork, flow_track(life.wire->uid), left_ts}, "send");
  }

 protected:
  void syscall(const record::Syscall& call, SocketLife* socket) override {
    if (!call.ts) return;
    const std::uint64_t tid = call.tid.value_or(0);
    const std::uint64_t pid = call.pid.value_or(tid);
    name_thread(pid, tid, call.ts->ns);
    std::vector<chrome::Argument> arguments;
    constexpr std::size_t kShown = 200;
    arguments.push_back({"args", std::string(call.args.substr(0, kShown))});
    arguments.push_back({"result", std::string(call.result_text)});
    if (!call.error.empty()) arguments.push_back({"error", std::string(call.error)});
    if (socket != nullptr) {
      arguments.push_back({"socket", socket->shown()});
      if (socket->wire) arguments.push_back({"flow", std::string(socket->wire->uid.view())});
    }
    const std::string name = running(tid);
    if (!name.empty()) arguments.push_back({"greenlet", name});
    arguments.push_back({"line", std::to_string(call.line)});
    const std::int64_t end = call.end_ts ? call.end_ts->ns : call.ts->ns;
    std::string title(call.syscall);
    if (!call.error.empty()) title.append(" ").append(call.error);
    writer(call.ts->ns)
        .complete(pid, tid, call.ts->ns, std::max<std::int64_t>(end - call.ts->ns, 0), title,
                  arguments);
  }

  void wire(const record::Segment& segment) override {
    const chrome::Argument arguments[] = {
        {"bytes", std::to_string(segment.length)},
        {"offset", std::to_string(segment.offset)},
        {"packet", std::to_string(segment.packet)},
    };
    const std::uint64_t track = flow_track(segment.uid);
    name_flow(segment.uid, {segment.orig_h, segment.orig_p}, {segment.resp_h, segment.resp_p},
              segment.ts.ns);
    // As thin as can be: arrows need something to bind to.
    constexpr std::int64_t kThin = 1000;
    writer(segment.ts.ns)
        .complete(kNetwork, track, segment.ts.ns, kThin,
                  segment.is_rexmit ? (segment.is_orig ? "→ again" : "← again")
                                    : (segment.is_orig ? "→" : "←"),
                  arguments);
  }

  void ended(const record::Flow& flow) override {
    const chrome::Argument arguments[] = {
        {"uid", std::string(flow.uid)},
        {"conn_state", std::string(flow.conn_state)},
        {"history", std::string(flow.history)},
        {"orig_bytes", std::to_string(flow.orig_uniq_bytes)},
        {"resp_bytes", std::to_string(flow.resp_uniq_bytes)},
    };
    name_flow(flow.uid, {flow.orig_h, flow.orig_p}, {flow.resp_h, flow.resp_p}, flow.ts.ns);
    const std::string name = std::string(flow.proto) + " " +
                             std::string(flow.conn_state.empty() ? "-" : flow.conn_state);
    writer(flow.ts.ns)
        .complete(kNetwork, flow_track(flow.uid), flow.ts.ns, flow.last_ts.ns - flow.ts.ns, name,
                  arguments);
  }

  void switched(const record::Switch& change) override {
    if (!change.ran) return;
    const std::string name = greenlet(change.from);
    const std::uint64_t track = kGreenlets + std::stoull(name.substr(1));
    if (named_greenlets_.insert(name).second) {
      writer(change.ts.ns)
          .name_thread(change.pid, track, "greenlet " + name + " " + std::string(change.from));
    }
    writer(change.ts.ns)
        .complete(change.pid, track, change.ts.ns - change.ran->ns, change.ran->ns, "runs", {});
  }

  void signalled(const record::Signal& signal) override {
    if (!signal.ts) return;
    const std::uint64_t tid = signal.tid.value_or(0);
    constexpr std::int64_t kThin = 1000;
    writer(signal.ts->ns)
        .complete(signal.pid.value_or(tid), tid, signal.ts->ns, kThin, signal.signal, {});
  }

  void happened(const record::Process& process) override {
    if (process.event != "exec" || !process.ts) return;
    writer(process.ts->ns)
        .name_process(process.pid.value_or(process.tid.value_or(0)), process.path);
  }

 private:
  static constexpr std::uint64_t kNetwork = 4'000'000'001;
  static constexpr std::uint64_t kGreenlets = 5'000'000'000;

  // Begun with the first time.
  chrome::TraceWriter& writer(std::int64_t ts) {
    if (!writer_) {
      writer_ = std::make_unique<chrome::TraceWriter>(output_, ts);
      writer_->name_process(kNetwork, "network");
    }
    return *writer_;
  }
  std::uint64_t process_of(const SocketLife& life) const {
    return life.pids.empty() ? life.last_in_tid != 0 ? life.last_in_tid : life.last_out_tid
                             : life.pids.front();
  }
  std::uint64_t flow_track(std::string_view uid) {
    return flows_.emplace(std::string(uid), flows_.size() + 1).first->second;
  }
  void name_flow(std::string_view uid, const HostPort& orig, const HostPort& resp,
                 std::int64_t ts) {
    const std::uint64_t track = flow_track(uid);
    if (!named_flows_.insert(track).second) return;
    std::string name;
    append_shown(name, orig);
    name.append("→");
    append_shown(name, resp);
    writer(ts).name_thread(kNetwork, track, name);
  }
  void name_thread(std::uint64_t pid, std::uint64_t tid, std::int64_t ts) {
    if (!named_threads_.insert({pid, tid}).second) return;
    writer(ts).name_thread(pid, tid, "thread " + std::to_string(tid));
  }

  io::Output& output_;
  std::unique_ptr<chrome::TraceWriter> writer_;
  std::map<std::string, std::uint64_t> flows_;
  std::set<std::uint64_t> named_flows_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> named_threads_;
  std::set<std::string> named_greenlets_;
};

template <typename Number, typename Set>
void parse_numbers(const cli::Arguments& arguments, std::string_view option, Set& into) {
  const auto list = arguments.value(option);
  if (!list) return;
  for (const std::string_view word : cli::split_list(*list)) {
    Number number{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc{} || end != word.data() + word.size()) {
      throw io::UsageError{"--" + std::string(option) + ": not a number: " + io::quoted(word)};
    }
    into.insert(number);
  }
}

// Seconds since 1970, "HH:MM:SS.ffffff" of the first day, or "+SECONDS" from the beginning.
void parse_time(const cli::Arguments& arguments, std::string_view option,
                std::optional<std::int64_t>& time, std::optional<std::int64_t>& from_begin) {
  const auto text = arguments.value(option);
  if (!text) return;
  std::int64_t ns = 0;
  std::string_view word = *text;
  if (word.starts_with('+') && record::parse_seconds(word.substr(1), ns)) {
    from_begin = ns;
    return;
  }
  unsigned hours = 0;
  unsigned minutes = 0;
  int used = 0;
  if (std::sscanf(text->c_str(), "%2u:%2u:%n", &hours, &minutes, &used) == 2 && used > 0 &&
      record::parse_seconds(word.substr(static_cast<std::size_t>(used)), ns)) {
    time = (std::int64_t{hours} * 3600 + std::int64_t{minutes} * 60) * kSecond + ns;
    return;
  }
  if (record::parse_seconds(word, ns)) {
    time = ns;
    return;
  }
  throw io::UsageError{"--" + std::string(option) + ": not a time: " + io::quoted(*text),
                       "07:09:30.2 (UTC), 1795417770.2, or +5 for five seconds from the beginning"};
}

std::size_t terminal_width() {
  if (::isatty(STDOUT_FILENO) == 0) return 0;
  struct winsize size {};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void run(const cli::Arguments& arguments, cli::Context& context) {
  Filters filters;
  parse_numbers<std::uint64_t>(arguments, "pid", filters.pids);
  parse_numbers<std::uint64_t>(arguments, "tid", filters.tids);
  parse_numbers<std::int64_t>(arguments, "fd", filters.fds);
  parse_numbers<std::uint64_t>(arguments, "file", filters.files);
  if (const auto flows = arguments.value("flow")) {
    for (const std::string_view flow : cli::split_list(*flows)) filters.flows.emplace_back(flow);
  }
  filters.errors = arguments.has("errors");
  parse_time(arguments, "since", filters.since, filters.since_begin);
  parse_time(arguments, "until", filters.until, filters.until_begin);

  const std::string path = arguments.value("output").value_or("-");
  const auto output = io::open_output(path);
  const Wanted wanted{.files = true, .segments = true};
  if (arguments.value("format").value_or("text") == "chrome") {
    ChromeTimeline timeline(std::move(filters), *output);
    read_inputs_in_step(arguments, wanted, timeline, context);
    timeline.finish();
    output->commit();
    return;
  }
  TextTimeline timeline(std::move(filters), *output, !arguments.has("no-fold"),
                        path == "-" ? terminal_width() : 0);
  read_inputs_in_step(arguments, wanted, timeline, context);
  timeline.finish();
  output->commit();
  if (!arguments.has("quiet")) {
    context.diagnostics.note(std::to_string(timeline.read()) + " records read, " +
                             std::to_string(timeline.shown()) + " lines shown, " +
                             std::to_string(timeline.folded()) + " folded");
  }
}

constexpr std::string_view kUsage[] = {"[OPTION…] INPUT…"};

constexpr cli::Option kOptions[] = {
    kShiftOption,
    cli::kClockOptions[0],
    cli::kClockOptions[1],
    cli::kClockOptions[2],
    {0, "pid", Argument::kText, "LIST", "Filters", "of these processes only",
     "With a filter of processes, threads, descriptors or files, the wire is left out."},
    {0, "tid", Argument::kText, "LIST", "Filters", "of these threads only"},
    {0, "fd", Argument::kText, "LIST", "Filters", "calls on these descriptors only",
     "By number: one number stands for many files in a program's life; --file tells them apart."},
    {0, "file", Argument::kText, "LIST", "Filters", "calls on these open files only",
     "By the number that stracecalls and tracebraid sockets give them."},
    {0, "flow", Argument::kText, "LIST", "Filters", "these flows, and calls on their sockets",
     "Uids or their beginnings."},
    {0, "since", Argument::kText, "TIME", "Filters", "from this time on",
     "HH:MM:SS.ffffff of the first day (UTC), seconds since 1970, or +SECONDS from the first "
     "record."},
    {0, "until", Argument::kText, "TIME", "Filters", "up to this time"},
    {'e', "errors", Argument::kNone, "", "Filters", "what failed only",
     "Failed calls, signals, what was sent again, and flows that did not end well."},
    {0, "no-fold", Argument::kNone, "", "Output", "show every line that repeats"},
    {'f', "format", Argument::kChoice, "FORMAT", "Output", "text, or chrome (text)",
     "chrome is the JSON that ui.perfetto.dev and chrome://tracing open: a track for each thread, "
     "greenlet and flow, and arrows from calls that send to segments to calls that receive.",
     "text chrome"},
    cli::kOutputOption,
    {'q', "quiet", Argument::kNone, "", "Output", "do not show counts on standard error"},
};

constexpr cli::Section kSections[] = {
    kInputSection,
    {"Lines",
     "Time (UTC), the time since the line before, who (process, thread when it is another number, "
     "the greenlet that runs: g1, g2, … in order of appearance, or the wire), and what: the call "
     "with what its descriptor stands for, or a segment, a flow's beginning and end, a switch, a "
     "signal, a process's fate. A call stands where it began. One that lasted more than a second "
     "stands where it ended and says when it began: that is known only then. Without times in the "
     "inputs, order stands for them.\n\n"
     "What repeats is shown twice, and then folded: a line, or up to four in turn, of the same "
     "thread, call, descriptor and result."},
    {"Exit status",
     "0: done. 1: an input was damaged or unreadable, or the output could not be written; what was "
     "readable is shown. 2: the command line was wrong."},
};

constexpr cli::Example kExamples[] = {
    {"What happened, in order:", "tracebraid timeline strace.log tcpdump.pcap greenlet.bt.txt"},
    {"The half second before the first error:",
     "tracebraid timeline --since +0.1 --until +0.6 strace.log tcpdump.pcap | less"},
    {"What failed:", "tracebraid timeline -e strace.log tcpdump.pcap"},
    {"In Perfetto's UI (https://ui.perfetto.dev):",
     "tracebraid timeline -f chrome -o trace.json strace.log tcpdump.pcap greenlet.bt.txt"},
};

}  // namespace

extern constinit const cli::Program kTimeline = {
    .name = "tracebraid timeline",
    .summary = "show what happened, in order, on one clock",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
};

}  // namespace tracebraid::analyzers
