#include "analyzers/timeline/text.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "analyzers/util/shown_time.h"
#include "formats/io/hash.h"

namespace tracebraid::analyzers::timeline {
namespace {

namespace io = formats::io;
namespace record = formats::record;

constexpr std::size_t kMostShown = 120;  // bytes of arguments and the like

// With an ellipsis where it was cut. All of a line is escaped when it is written.
void append_front(std::string& out, std::string_view text, std::size_t most = kMostShown) {
  out.append(text.substr(0, most));
  if (text.size() > most) out.append("…");
}

template <typename Time>
std::optional<std::int64_t> ns_of(const std::optional<Time>& time) {
  return time ? std::optional(time->ns) : std::nullopt;
}

// The arguments behind the first, which is shown as what it stands for.
std::string_view rest_of(const record::Syscall& call) {
  std::string_view args = call.args;
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

// What the call's descriptor stands for.
void append_file(std::string& text, const record::Syscall& call, const SocketLife* socket) {
  constexpr std::size_t kMost = 60;
  if (socket != nullptr) {
    text.append(" ").append(socket->shown());
  } else if (!call.path.empty() && call.kind != "closed" && !call.fd_text.empty()) {
    append_front(text.append(" "), call.path, kMost);
  } else if (call.kind != "file" && !call.kind.empty()) {
    text.append(" ").append(call.kind);
  }
}

void append_result(std::string& text, const record::Syscall& call) {
  if (!call.error.empty()) {
    text.append(call.error);
  } else if (!call.result) {
    text.append("?");
  } else if (call.result_text.empty() || call.result_text.size() > kMostShown) {
    text.append(std::to_string(*call.result));
  } else {
    text.append(call.result_text);
  }
}

// "accept4(3 127.0.0.1:39987, NULL, …) = 6 <0.001234>"
std::string text_of(const record::Syscall& call, const SocketLife* socket) {
  std::string text(call.syscall);
  text.append("(");
  std::string_view args = call.args;
  if (call.fd) {
    text.append(std::to_string(*call.fd));
    append_file(text, call, socket);
    args = rest_of(call);
    if (!args.empty()) text.append(", ");
  }
  append_front(text, args);
  append_result(text.append(") = "), call);
  if (!call.aux.empty()) {
    append_front(text.append(" ("), call.aux);
    text.append(")");
  }
  constexpr std::int64_t kLong = 1'000'000;
  if (call.duration && call.duration->ns >= kLong) {
    text.append(" <").append(shown_seconds(call.duration->ns)).append(">");
  }
  if (call.state == "unfinished") text.append(" <did not return>");
  return text;
}

// Numbers in arguments change; what is called, on what, and how it ends do not.
std::uint64_t key_of(const record::Syscall& call, std::string_view who) {
  std::string key(who);
  key.append(call.syscall);
  if (call.fd) {
    key.append(std::to_string(*call.fd));
  } else {
    key.append(call.args);
  }
  key.append(std::to_string(call.file.value_or(0))).append(call.error);
  if (call.error.empty()) key.append(std::to_string(call.result.value_or(-2)));
  return io::hash_text(key);
}

}  // namespace

void TextTimeline::finish() {
  Story::finish();
  while (!held_.empty()) release();
  lines_.finish();
}

void TextTimeline::called(const record::Syscall& call, const SocketLife* socket) {
  Event event;
  event.who = who(call.pid, call.tid);
  event.text = text_of(call, socket);
  event.key = key_of(call, event.who);
  add(std::move(event), ns_of(call.ts), ns_of(call.end_ts));
}

void TextTimeline::on_wire(const record::Segment& segment) {
  const HostPort orig{segment.orig_h, segment.orig_p};
  const HostPort resp{segment.resp_h, segment.resp_p};
  if (segment.flow_ts.ns >= released_ && begun_.insert(std::string(segment.uid)).second) {
    begins({orig, resp, segment.proto}, segment.uid, segment.flow_ts.ns);
  }
  Event event;
  event.who = "wire";
  append_shown(event.text, segment.is_orig ? orig : resp);
  event.text.append("→");
  append_shown(event.text, segment.is_orig ? resp : orig);
  event.text += fmt::format(" {} bytes at {}{}  {}", segment.length, segment.offset,
                            segment.is_rexmit ? ", sent again" : "", segment.uid);
  event.key = io::hash_text(event.text);
  add(std::move(event), segment.ts.ns, {});
}

void TextTimeline::ended(const record::Flow& flow) {
  const FlowName name{{flow.orig_h, flow.orig_p}, {flow.resp_h, flow.resp_p}, flow.proto};
  // Reported at its end; where the beginning is too long ago, the end tells it.
  const bool is_begun = begun_.erase(std::string(flow.uid)) > 0;
  const bool is_near = is_begun || flow.ts.ns >= released_;
  if (is_near && !is_begun) begins(name, flow.uid, flow.ts.ns);
  if (!filters().is_in_time(flow.last_ts.ns)) return;
  Event event;
  event.who = "wire";
  event.text = fmt::format("{} ends: {}, {} and {} bytes", name.shown(),
                           flow.conn_state.empty() ? "-" : flow.conn_state, flow.orig_uniq_bytes,
                           flow.resp_uniq_bytes);
  if (const std::uint64_t again = flow.orig_rexmit_pkts + flow.resp_rexmit_pkts; again > 0) {
    event.text += fmt::format(", {} segments sent again", again);
  }
  if (!is_near) event.text += fmt::format(", since {}", shown_time(flow.ts.ns));
  if (flow.last_ts.ns < released_) {
    event.text += fmt::format(", last packet {}", shown_time(flow.last_ts.ns));
  }
  event.text += fmt::format("  {}", flow.uid);
  event.key = io::hash_text(event.text);
  event.ts = std::max(flow.last_ts.ns, released_);
  hold(std::move(event));
}

void TextTimeline::switched(const record::Switch& change) {
  Event event;
  event.who = who(change.pid, change.tid);
  const std::string name = greenlet(change.greenlet);
  event.text = "switch to " + name;
  if (named_.insert(name).second) event.text += fmt::format(" ({})", change.greenlet);
  constexpr std::int64_t kLong = 10'000'000;
  if (change.ran && change.ran->ns >= kLong) {
    event.text +=
        fmt::format(", {} had run {}", greenlet(change.from), shown_seconds(change.ran->ns));
  }
  event.key = io::hash_text(event.who + name);
  add(std::move(event), change.ts.ns, {});
}

void TextTimeline::signalled(const record::Signal& signal) {
  Event event;
  event.who = who(signal.pid, signal.tid);
  event.text = fmt::format("--- {}", signal.signal);
  if (!signal.code.empty()) event.text += fmt::format(" {}", signal.code);
  if (signal.sender_pid) event.text += fmt::format(" from {}", *signal.sender_pid);
  event.key = io::hash_text(event.text);
  add(std::move(event), ns_of(signal.ts), {});
}

void TextTimeline::happened(const record::Process& process) {
  Event event;
  event.who = who(process.pid, process.tid);
  event.text = fmt::format("+++ {}", process.event);
  if (process.child) {
    event.text += fmt::format(": {} {}", process.is_thread.value_or(false) ? "thread" : "process",
                              *process.child);
  }
  constexpr std::size_t kMostPath = 80;
  if (!process.path.empty()) append_front(event.text.append(": "), process.path, kMostPath);
  if (process.code) event.text += fmt::format(" with {}", *process.code);
  if (!process.signal.empty()) event.text += fmt::format(" by {}", process.signal);
  event.key = io::hash_text(event.who + event.text);
  add(std::move(event), ns_of(process.ts), {});
}

// "7337/7340 g3": the process, the thread when it is another number, and the greenlet.
std::string TextTimeline::who(const std::optional<std::uint64_t>& pid,
                              const std::optional<std::uint64_t>& tid) const {
  std::string text = pid ? std::to_string(*pid) : std::string();
  if (tid && tid != pid) {
    if (!text.empty()) text += "/";
    text += std::to_string(*tid);
  }
  const std::string& name = running(tid.value_or(0));
  if (!name.empty()) text.append(" ").append(name);
  return text;
}

void TextTimeline::add(Event event, std::optional<std::int64_t> ts,
                       std::optional<std::int64_t> end_ts) {
  if (!ts && !end_ts) {
    // Order stands for time.
    event.ts = newest_;
  } else {
    event.ts = ts ? *ts : *end_ts;
    has_times_ = true;
    lines_.show_times();
    newest_ = std::max(newest_, end_ts.value_or(event.ts));
    if (event.ts < released_) {
      // It lasted longer than others could wait for it.
      event.text += fmt::format("  (began {})", shown_time(event.ts));
      event.ts = std::max(end_ts.value_or(released_), released_);
    }
  }
  hold(std::move(event));
  while (!held_.empty() &&
         (held_.size() > kMostHeld || held_.top().ts + kWindow <= newest_ || !has_times_)) {
    release();
  }
}

void TextTimeline::begins(const FlowName& flow, std::string_view uid, std::int64_t ts) {
  if (!filters().is_in_time(ts)) return;
  Event event;
  event.who = "wire";
  event.text = fmt::format("{} begins  {}", flow.shown(), uid);
  event.key = io::hash_text(event.text);
  event.ts = ts;
  hold(std::move(event));
}

std::string TextTimeline::FlowName::shown() const {
  std::string name;
  append_shown(name, orig);
  name.append("→");
  append_shown(name, resp);
  return name.append(" ").append(proto);
}

void TextTimeline::hold(Event event) {
  event.order = ++order_;
  held_.push(std::move(event));
}

void TextTimeline::release() {
  // priority_queue gives constant references only; it is popped at once.
  const Event event = std::move(const_cast<Event&>(held_.top()));
  held_.pop();
  released_ = std::max(released_, event.ts);
  lines_.add(event.ts, event.key, event.who, event.text);
}

}  // namespace tracebraid::analyzers::timeline
