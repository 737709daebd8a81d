#include "analyzers/merge/flow_parts.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "analyzers/merge/tcp_history.h"
#include "formats/io/saturate.h"
#include "formats/pcap/flow_time_outs.h"

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;
using formats::io::saturated_sum;
using formats::pcap::IdleFlow;
using record::AnyRecord;
using record::Flow;

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

std::string key_of(const Flow& flow) {
  const auto end = [](const record::Address& host, std::uint16_t port) {
    std::string text(host.view());
    text += static_cast<char>(port >> 8);
    text += static_cast<char>(port & 0xff);
    return text;
  };
  std::string orig = end(flow.orig_h, flow.orig_p);
  std::string resp = end(flow.resp_h, flow.resp_p);
  if (resp < orig) orig.swap(resp);
  return static_cast<char>(flow.ip_proto) + orig + resp;
}

// What its record tells of when a flow ends.
IdleFlow idle_of(const Flow& flow) {
  IdleFlow idle{.responder_port = flow.resp_p,
                .created_ts = flow.ts.ns,
                .last_ts = flow.last_ts.ns,
                .counted_ts = counted_end(flow)};
  if (flow.proto == "udp") {
    idle.transport = IdleFlow::Transport::kUdp;
    idle.is_dns = formats::pcap::is_dns_port(flow.resp_p);
  } else if (flow.proto == "icmp") {
    idle.transport = IdleFlow::Transport::kIcmp;
  } else if (flow.proto == "tcp") {
    using State = TcpEnd::State;
    idle.transport = IdleFlow::Transport::kTcp;
    const TcpEnds ends = tcp_ends(flow.history);
    const TcpEnd& orig = ends[0];
    const TcpEnd& resp = ends[1];
    idle.is_handshaking = std::ranges::all_of(ends, [](const TcpEnd& end) {
      return end.state == State::kNone || end.state == State::kAsking;
    });
    idle.is_unanswered = orig.state == State::kAsking && resp.state == State::kNone;
    idle.is_void = orig.state == State::kNone && resp.state == State::kNone;
    // A RST of the side that had sent a FIN does not end a connection at once.
    idle.is_closing = std::ranges::any_of(ends, [](const TcpEnd& end) {
      return end.state == State::kReset && end.before == State::kClosed;
    });
    // No record tells when the FIN came: mostly just before the RST, which is the last.
    if (idle.is_closing) idle.closing_ts = idle.counted_ts;
  }
  return idle;
}

// From when on a packet would have begun another flow.
std::int64_t deadline(const Flow& flow) {
  const formats::pcap::TimeOuts time_outs;
  if (has_closed(flow)) return saturated_sum(counted_end(flow), time_outs.close);
  if (flow.end_reason != "eof" && flow.end_reason != "evicted") return INT64_MIN;
  return formats::pcap::deadline(idle_of(flow), time_outs).ts;
}

// Whether `later`, of another run, would have been taken for the same flow.
bool goes_on(const Flow& earlier, const Flow& later) {
  if (later.ts.ns >= deadline(earlier)) return false;
  const std::string_view letters = without_turn(later.history);
  const bool begins = letters.starts_with('S') || letters.starts_with('s');
  return later.proto != "tcp" || !begins || earlier.conn_state == "S0";
}

}  // namespace

FlowParts::Waiting FlowParts::sum(Waiting& earlier, Waiting& later, bool is_one_run) {
  const FlowSum both(earlier.part, later.part, is_one_run);
  Waiting result{AnyRecord(both.flow())};
  result.part = {*result.record.as<Flow>(), both.orig_rtt_sum(), both.resp_rtt_sum()};
  result.key = later.key;
  result.first_uid = std::move(earlier.first_uid);
  result.last_uid = std::move(later.last_uid);
  result.last_part = later.last_part;
  return result;
}

void FlowParts::keep(Waiting&& waiting) {
  // Other parts of the same run come for certain.
  const bool is_whole = waiting.part.flow.final && waiting.part.flow.part == 0;
  const std::int64_t until = is_whole ? deadline(waiting.part.flow) : kNever;
  if (until <= waiting.part.flow.ts.ns) {
    complete_(waiting.record);
    return;
  }
  if (waiting_.size() >= most_flows_) {
    ++evicted_;
    release(by_until_.begin()->second);
  }
  const Place place = waiting_.insert(waiting_.end(), std::move(waiting));
  by_key_.emplace(place->key, place);
  place->until = by_until_.emplace(until, place);
}

void FlowParts::release(Place place) {
  complete_(place->record);
  forget(place);
}

void FlowParts::forget(Place place) {
  auto [each, end] = by_key_.equal_range(place->key);
  while (each != end && each->second != place) ++each;
  by_key_.erase(each);
  by_until_.erase(place->until);
  waiting_.erase(place);
}

bool FlowParts::add(const AnyRecord& any) {
  const Flow* const given = typed_.get(any);
  if (given == nullptr) return false;
  while (!by_until_.empty() && by_until_.begin()->first <= given->ts.ns) {
    release(by_until_.begin()->second);
  }
  Waiting next(any);
  next.part = flow_part(*typed_.get(next.record));
  const Flow& flow = next.part.flow;
  next.key = key_of(flow);
  next.first_uid = next.last_uid = flow.uid;
  next.last_part = flow.part;

  while (join_one(next)) ++joined_;
  keep(std::move(next));
  return true;
}

// Adds one of those that wait to `next`, if there is one.
bool FlowParts::join_one(Waiting& next) {
  const Flow& flow = next.part.flow;
  std::optional<Place> best;
  std::optional<Place> ended;  // by a new connection of the same addresses
  const auto [begin, end] = by_key_.equal_range(next.key);
  for (auto each = begin; each != end; ++each) {
    const Place place = each->second;
    const Flow& other = place->part.flow;
    // Late packets make a part that is earlier than those before it.
    const bool is_next = place->last_uid == next.first_uid && place->last_part + 1 == flow.part;
    const bool is_before = next.last_uid == place->first_uid && next.last_part + 1 == other.part;
    if (is_next || is_before) {
      Waiting both = is_next ? sum(*place, next, true) : sum(next, *place, true);
      forget(place);
      next = std::move(both);
      return true;
    }
    const bool is_same_run = other.part > 0 && place->last_uid == next.first_uid;
    if (!other.final || flow.part > 0 || is_same_run) continue;
    std::optional<Place>& which = goes_on(other, flow) ? best : ended;
    if (!which || (*which)->part.flow.ts <= other.ts) which = place;
  }
  if (best) {
    Waiting both = sum(**best, next, false);
    forget(*best);
    next = std::move(both);
    return true;
  }
  if (ended && (*ended)->part.flow.part == 0) release(*ended);
  return false;
}

void FlowParts::finish() {
  while (!waiting_.empty()) release(waiting_.begin());
}

}  // namespace tracebraid::analyzers
