#include "analyzers/callgrind/merged_inputs.h"

#include <algorithm>

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;

// strace's own tables have the calls that returned.
bool has_returned(const record::Syscall& call) {
  return call.state == "complete" || call.state == "restarted" || call.state == "orphan";
}

std::uint64_t positive(std::int64_t ns) {
  return ns > 0 ? static_cast<std::uint64_t>(ns) : 0;
}

}  // namespace

MergedInputs::MergedInputs(Attribution& attribution, CallGraph& graph, Network& network,
                           bool by_greenlet)
    : attribution_(attribution),
      graph_(graph),
      network_(network),
      by_greenlet_(by_greenlet),
      table_(*this) {}

MergedInputs::~MergedInputs() = default;

void MergedInputs::on(const record::Syscall& call) {
  if (!has_returned(call)) {
    ++not_returned_;
    (void)table_.syscall(call, lane_);
    return;
  }
  ++calls_seen_;
  std::string_view greenlet;
  if (by_greenlet_ && call.tid) {
    const auto runs = greenlets_.find(*call.tid);
    if (runs != greenlets_.end()) greenlet = runs->second;
  }
  const Attribution::Cell cell = attribution_.cell(call, greenlet);
  const std::uint32_t number = call_number(call.syscall);
  Costs costs{};
  costs[kSyscalls] = 1;
  if (call.duration) costs[kSysTime] = positive(call.duration->ns);
  if (!call.error.empty()) costs[kErrors] = 1;
  const bool is_out = call.direction == "out" || call.direction == "both";
  const bool is_in = call.direction == "in" || call.direction == "both";
  if (call.bytes && is_out) costs[kSent] = *call.bytes;
  if (call.bytes && is_in) costs[kReceived] = *call.bytes;
  add_costs(attribution_.costs(cell), costs);

  // While the table looks at the call, it may tell of bytes that waited for it.
  Talk* talk = nullptr;
  if (call.file) {
    if (const SocketLife* const life = table_.find({lane_, *call.file})) {
      talk = &talks_[life->key()];
      note(*talk, {cell, number}, is_in, is_out);
    }
  }
  const SocketLife* const life = table_.syscall(call, lane_);
  if (talk == nullptr && life != nullptr && call.file == life->file) {
    talk = &talks_[life->key()];
    note(*talk, {cell, number}, is_in, is_out);
  }
  add_costs(talk == nullptr ? plain_[number] : costs_of(*talk, number), costs);
}

void MergedInputs::on(const record::Flow& flow) {
  has_capture_ = true;
  rexmit_pkts_ += flow.orig_rexmit_pkts + flow.resp_rexmit_pkts;
  if (!flow.service.empty()) {
    services_[{std::string(flow.proto), flow.resp_p}] = flow.service;
  }
  table_.flow(flow);
}

void MergedInputs::waited(const SocketLife& life, std::int64_t arrived_ts, std::int64_t read_ts) {
  const std::uint64_t ns = positive(read_ts - arrived_ts);
  const auto talk = talks_.find(life.key());
  if (talk == talks_.end()) return;
  const Talk::Last& last = talk->second.last_in;
  if (last.cell == kNoCell) return;
  attribution_.costs(last.cell)[kWait] += ns;
  costs_of(talk->second, last.call)[kWait] += ns;
}

void MergedInputs::socket(const SocketLife& life, const record::Socket& socket) {
  (void)socket;
  const auto found = talks_.find(life.key());
  const std::uint64_t rexmit_pkts = life.wire ? life.wire->rexmit_pkts[life.side] : 0;
  if (found == talks_.end()) return;
  Talk& talk = found->second;
  const Talk::Last& sender = talk.last_out.cell != kNoCell ? talk.last_out : talk.last;
  if (rexmit_pkts > 0 && sender.cell != kNoCell) {
    attribution_.costs(sender.cell)[kRetrans] += rexmit_pkts;
    costs_of(talk, sender.call)[kRetrans] += rexmit_pkts;
    rexmit_pkts_ -= std::min(rexmit_pkts_, rexmit_pkts);
  }
  const bool is_connection =
      (life.kind == "tcp" || life.kind == "udp") && !life.is_listener && life.peer.port;
  std::string name;
  if (is_connection) {
    name = life.shown();
    if (life.wire) name.append(" ").append(life.wire->uid);
    if (const std::uint64_t before = names_[name]++; before > 0) {
      name.append(" #").append(std::to_string(before + 1));
    }
  }
  network_.add(endpoint_of(life), name, talk.by_call);
  talks_.erase(found);
}

void MergedInputs::finish() {
  table_.finish();
  for (const auto& [place, talk] : talks_) network_.add("other sockets", "", talk.by_call);
  talks_.clear();
}

std::uint32_t MergedInputs::call_number(std::string_view name) {
  const auto found = call_numbers_.find(name);
  if (found != call_numbers_.end()) return found->second;
  call_names_.emplace_back(name);
  const auto number = static_cast<std::uint32_t>(call_names_.size() - 1);
  call_numbers_.emplace(call_names_.back(), number);
  plain_.emplace_back();
  return number;
}

Costs& MergedInputs::costs_of(Talk& talk, std::uint32_t call) {
  // Looking at all of them is fast while they are few.
  constexpr std::size_t kFew = 32;
  const std::size_t count = talk.by_call.size();
  for (std::size_t at = 0; at < std::min(count, kFew); ++at) {
    if (talk.by_call[at].first == call) return talk.by_call[at].second;
  }
  if (count >= kFew) {
    const auto [known, is_new] = talk.places.try_emplace(call, count);
    if (!is_new) return talk.by_call[known->second].second;
  }
  return talk.by_call.emplace_back(call, Costs{}).second;
}

void MergedInputs::note(Talk& talk, const Talk::Last& last, bool is_in, bool is_out) {
  talk.last = last;
  if (is_in) talk.last_in = last;
  if (is_out) talk.last_out = last;
}

// "server 10.0.0.3:5432 (postgresql)", "clients of 127.0.0.1:8080 (http)".
std::string MergedInputs::endpoint_of(const SocketLife& life) const {
  if (life.is_listener || (life.kind != "tcp" && life.kind != "udp")) return life.shown();
  const bool is_accepted = life.listener.has_value() || life.made_by.starts_with("accept") ||
                           (life.wire && life.side == 1 && life.kind == "tcp");
  const bool is_connecting = life.connect_ts.has_value() || (life.wire && life.side == 0);
  std::string name = is_accepted       ? "clients of "
                     : !life.peer.port ? std::string(life.kind) + " "
                     : is_connecting   ? "server "
                                       : "peer ";
  const HostPort& end = is_accepted || !life.peer.port ? life.local : life.peer;
  append_shown(name, end);
  if (end.port) {
    const auto service = services_.find({std::string(life.kind), *end.port});
    if (service != services_.end()) name.append(" (").append(service->second).append(")");
  }
  return name;
}

}  // namespace tracebraid::analyzers
