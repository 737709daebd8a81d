#include "analyzers/timeline/chrome.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace tracebraid::analyzers::timeline {
namespace {

namespace chrome = formats::chrome;
namespace record = formats::record;

// Beyond all process and thread ids.
constexpr std::uint64_t kNetwork = 4'000'000'001;
constexpr std::uint64_t kGreenlets = 5'000'000'000;

// What happened at once is as thin as can be: arrows need something to bind to.
constexpr std::int64_t kThin = 1000;

std::uint64_t process_of(const SocketLife& life) {
  if (!life.pids.empty()) return life.pids.front();
  return life.last_in_tid != 0 ? life.last_in_tid : life.last_out_tid;
}

std::string_view arrow_of(const record::Segment& segment) {
  if (segment.is_rexmit) return segment.is_orig ? "→ again" : "← again";
  return segment.is_orig ? "→" : "←";
}

}  // namespace

void ChromeTimeline::finish() {
  Story::finish();
  writer(0).finish();
}

void ChromeTimeline::waited(const SocketLife& life, std::int64_t arrived_ts, std::int64_t read_ts) {
  if (!life.wire || read_ts <= arrived_ts) return;
  // Inside of the call, which ends then.
  writer(arrived_ts)
      .arrow({kNetwork, flow_track(life.wire->uid), arrived_ts},
             {process_of(life), life.last_in_tid, read_ts - 1}, "receive");
}

void ChromeTimeline::sent(const SocketLife& life, std::int64_t entry_ts, std::int64_t left_ts) {
  if (!life.wire) return;
  writer(entry_ts).arrow({process_of(life), life.last_out_tid, entry_ts},
                         {kNetwork, flow_track(life.wire->uid), left_ts}, "send");
}

void ChromeTimeline::called(const record::Syscall& call, const SocketLife* socket) {
  if (!call.ts) return;
  const std::uint64_t tid = call.tid.value_or(0);
  const std::uint64_t pid = call.pid.value_or(tid);
  name_thread(pid, tid, call.ts->ns);
  std::vector<chrome::Argument> arguments;
  constexpr std::size_t kMostShown = 200;
  arguments.push_back({"args", std::string(call.args.substr(0, kMostShown))});
  arguments.push_back({"result", std::string(call.result_text)});
  if (!call.error.empty()) arguments.push_back({"error", std::string(call.error)});
  if (socket != nullptr) {
    arguments.push_back({"socket", socket->shown()});
    if (socket->wire) arguments.push_back({"flow", std::string(socket->wire->uid.view())});
  }
  if (const std::string& name = running(tid); !name.empty()) {
    arguments.push_back({"greenlet", name});
  }
  arguments.push_back({"line", std::to_string(call.line)});
  const std::int64_t end = call.end_ts ? call.end_ts->ns : call.ts->ns;
  std::string title(call.syscall);
  if (!call.error.empty()) title.append(" ").append(call.error);
  writer(call.ts->ns)
      .complete(pid, tid, call.ts->ns, std::max<std::int64_t>(end - call.ts->ns, 0), title,
                arguments);
}

void ChromeTimeline::on_wire(const record::Segment& segment) {
  const chrome::Argument arguments[] = {
      {"bytes", std::to_string(segment.length)},
      {"offset", std::to_string(segment.offset)},
      {"packet", std::to_string(segment.packet)},
  };
  const std::uint64_t track = named_flow_track(segment.uid, {segment.orig_h, segment.orig_p},
                                               {segment.resp_h, segment.resp_p}, segment.ts.ns);
  writer(segment.ts.ns)
      .complete(kNetwork, track, segment.ts.ns, kThin, arrow_of(segment), arguments);
}

void ChromeTimeline::ended(const record::Flow& flow) {
  const chrome::Argument arguments[] = {
      {"uid", std::string(flow.uid)},
      {"conn_state", std::string(flow.conn_state)},
      {"history", std::string(flow.history)},
      {"orig_bytes", std::to_string(flow.orig_uniq_bytes)},
      {"resp_bytes", std::to_string(flow.resp_uniq_bytes)},
  };
  const std::uint64_t track = named_flow_track(flow.uid, {flow.orig_h, flow.orig_p},
                                               {flow.resp_h, flow.resp_p}, flow.ts.ns);
  const std::string name =
      fmt::format("{} {}", flow.proto, flow.conn_state.empty() ? "-" : flow.conn_state);
  writer(flow.ts.ns)
      .complete(kNetwork, track, flow.ts.ns, flow.last_ts.ns - flow.ts.ns, name, arguments);
}

void ChromeTimeline::switched(const record::Switch& change) {
  if (!change.ran) return;
  const std::string name = greenlet(change.from);
  const std::uint64_t track = kGreenlets + std::stoull(name.substr(1));
  if (named_greenlets_.insert(name).second) {
    writer(change.ts.ns)
        .name_thread(change.pid, track, fmt::format("greenlet {} {}", name, change.from));
  }
  writer(change.ts.ns)
      .complete(change.pid, track, change.ts.ns - change.ran->ns, change.ran->ns, "runs", {});
}

void ChromeTimeline::signalled(const record::Signal& signal) {
  if (!signal.ts) return;
  const std::uint64_t tid = signal.tid.value_or(0);
  writer(signal.ts->ns)
      .complete(signal.pid.value_or(tid), tid, signal.ts->ns, kThin, signal.signal, {});
}

void ChromeTimeline::happened(const record::Process& process) {
  if (process.event != "exec" || !process.ts) return;
  writer(process.ts->ns).name_process(process.pid.value_or(process.tid.value_or(0)), process.path);
}

chrome::TraceWriter& ChromeTimeline::writer(std::int64_t ts) {
  if (!writer_) {
    writer_ = std::make_unique<chrome::TraceWriter>(output_, ts);
    writer_->name_process(kNetwork, "network");
  }
  return *writer_;
}

std::uint64_t ChromeTimeline::flow_track(std::string_view uid) {
  const auto found = flows_.find(uid);
  if (found != flows_.end()) return found->second;
  return flows_.emplace(uid, flows_.size() + 1).first->second;
}

std::uint64_t ChromeTimeline::named_flow_track(std::string_view uid, const HostPort& orig,
                                               const HostPort& resp, std::int64_t ts) {
  const std::uint64_t track = flow_track(uid);
  if (!named_flows_.insert(track).second) return track;
  std::string name;
  append_shown(name, orig);
  name.append("→");
  append_shown(name, resp);
  writer(ts).name_thread(kNetwork, track, name);
  return track;
}

void ChromeTimeline::name_thread(std::uint64_t pid, std::uint64_t tid, std::int64_t ts) {
  if (!named_threads_.insert({pid, tid}).second) return;
  writer(ts).name_thread(pid, tid, fmt::format("thread {}", tid));
}

}  // namespace tracebraid::analyzers::timeline
