// The part of SocketTable that follows flows: what segments and flows of captures tell, and when
// bytes passed the wire and the calls.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>

#include "analyzers/sockets/table.h"
#include "formats/io/hash.h"

namespace tracebraid::analyzers {

namespace record = formats::record;

void SocketTable::expect_segment(const record::Segment& segment, Distance distance) const {
  const Wire* const wire = expect_wire(segment.uid, distance);
  if (wire == nullptr || distance != Distance::kNext) return;
  const std::size_t from = segment.is_orig ? 0 : 1;
  if (const SocketLife* const life = wire->sockets[from]) {
    __builtin_prefetch(&life->is_measured);
    life->bring_output_near();
  }
  if (const SocketLife* const life = wire->sockets[1 - from]) {
    __builtin_prefetch(&life->is_measured);
    life->bring_input_near();
  }
}

void SocketTable::expect_flow(const record::Flow& flow, Distance distance) const {
  const Wire* const wire = expect_wire(flow.uid, distance);
  if (wire == nullptr || distance != Distance::kNext) return;
  for (const SocketLife* const life : wire->sockets) {
    if (life != nullptr) bring_near(life, life + 1);
  }
}

// What is at hand of it.
const Wire* SocketTable::expect_wire(std::string_view uid, Distance distance) const {
  const std::uint64_t hash = formats::io::hash_text(uid);
  if (distance == Distance::kFar) {
    wires_.prefetch(hash);
    return nullptr;
  }
  const Wire* const wire = wires_.peek(hash);
  if (wire != nullptr && distance == Distance::kNear) bring_near(wire, &wire->datagrams);
  return wire;
}

Wire& SocketTable::wire_of(std::string_view uid, std::string_view proto, const HostPort& orig,
                           const HostPort& resp, std::int64_t ts, bool is_from_start) {
  if (last_wire_ != nullptr && last_wire_->uid.view() == uid) return *last_wire_;
  const std::uint64_t hash = formats::io::hash_text(uid);
  last_wire_ = wires_.find(hash, [&](const Wire& wire) { return wire.uid.view() == uid; });
  if (last_wire_ != nullptr) return *last_wire_;
  const std::size_t most = most_flows_ + kMostEnded;
  if (wires_.size() >= most) drop_old();
  if (wires_.size() >= most) forget_oldest();
  if (begun_.size() > 2 * (wires_.size() + kMostEnded)) {
    std::erase_if(begun_, [&](const auto& begun) { return open_wire(begun) == nullptr; });
  }
  begun_.push_back({hash, wires_made_ + 1});
  const auto made = std::allocate_shared<Wire>(BlockAllocator<Wire>(wire_memory_), uid);
  Wire& wire = *made;
  wire.self = made;
  wires_.insert(hash, &wire);
  wire.uid_hash = hash;
  wire.serial = ++wires_made_;
  wire.proto = names_.view(proto);
  wire.is_udp = proto == "udp";
  if (wire.is_udp) wire.datagrams = std::make_unique<Wire::Datagrams>();
  wire.ends[0] = orig;
  wire.ends[1] = resp;
  wire.ts = ts;
  wire.is_from_start = is_from_start;
  ++counts_.flows;
  last_wire_ = &wire;
  if (proto == "tcp" || proto == "udp") place(wire);
  return wire;
}

// Of begun_: if it is still there, and without a socket.
Wire* SocketTable::open_wire(const Begun& begun) const {
  return wires_.find(begun.hash, [&](const Wire& wire) {
    return wire.serial == begun.serial && !wire.is_claimed[0] && !wire.is_claimed[1];
  });
}

void SocketTable::forget_oldest() {
  while (!begun_.empty()) {
    Wire* const wire = open_wire(begun_.front());
    begun_.pop_front();
    if (wire == nullptr) continue;
    ++counts_.forgotten;
    return erase(*wire);
  }
}

void SocketTable::segment(const record::Segment& segment) {
  seen_at(segment.ts.ns);
  if (!captured_) captured_.emplace(segment.flow_ts.ns, segment.ts.ns);
  captured_->second = std::max(captured_->second, segment.ts.ns);
  if (!expects_sockets_) return;
  Wire& wire = wire_of(segment.uid, segment.proto, {segment.orig_h, segment.orig_p},
                       {segment.resp_h, segment.resp_p}, segment.flow_ts.ns, segment.from_start);
  const std::size_t from = segment.is_orig ? 0 : 1;
  if (wire.first_data[from] == Mark::kUnknown) wire.first_data[from] = segment.ts.ns;
  if (wire.is_udp) {
    wire.datagrams->sent[from].second(segment.length, segment.ts.ns, [&](const Passage& passage) {
      if (SocketLife* const life = wire.sockets[from]) sent(*life, passage);
    });
    wire.datagrams->received[from].first(segment.length, segment.ts.ns,
                                         [&](const Passage& passage) {
                                           if (SocketLife* const life = wire.sockets[1 - from])
                                             received(*life, passage);
                                         });
    return;
  }
  wire.order[from].add(segment.offset, segment.length, segment.ts.ns,
                       [&](std::uint64_t end, std::int64_t ts) { passed(wire, from, end, ts); });
}

void SocketTable::passed(Wire& wire, std::size_t from, std::uint64_t end, std::int64_t ts) {
  if (SocketLife* const life = wire.sockets[from]) left(*life, end, ts);
  if (SocketLife* const life = wire.sockets[1 - from]) arrived(*life, end, ts);
  if ((wire.is_claimed[0] && wire.is_claimed[1]) || wire.early_lost[from]) return;
  if (wire.early[from].count < kMostEarly) {
    early_.add(wire.early[from], end, ts);
  } else {
    wire.early_lost[from] = true;
  }
}

void SocketTable::arrived(SocketLife& life, std::uint64_t end, std::int64_t ts) {
  if (!life.is_measured) return;
  life.in.first(end, ts, [&](const Passage& passage) { received(life, passage); });
}

void SocketTable::left(SocketLife& life, std::uint64_t end, std::int64_t ts) {
  if (!life.is_measured) return;
  life.out.second(end, ts, [&](const Passage& passage) { sent(life, passage); });
}

void SocketTable::received(SocketLife& life, const Passage& passage) {
  if (passage.first_ts == Mark::kUnknown || passage.second_ts == Mark::kUnknown) {
    life.waits.unmeasured_bytes += passage.bytes;
    return;
  }
  const std::int64_t ns = passage.second_ts - passage.first_ts;
  if (!lacks_returns_) {
    skew_.low = std::max(skew_.low, -ns);
    ++skew_.low_count;
  }
  life.waits.add(ns, passage.first_ts);
  sink_.waited(life, passage.first_ts, passage.second_ts);
}

void SocketTable::sent(SocketLife& life, const Passage& passage) {
  if (passage.first_ts == Mark::kUnknown || passage.second_ts == Mark::kUnknown) {
    life.send_waits.unmeasured_bytes += passage.bytes;
    return;
  }
  const std::int64_t ns = passage.second_ts - passage.first_ts;
  skew_.high = std::min(skew_.high, ns);
  ++skew_.high_count;
  life.send_waits.add(ns, passage.first_ts);
  sink_.sent(life, passage.first_ts, passage.second_ts);
}

void SocketTable::flow(const record::Flow& flow) {
  if (!captured_) captured_.emplace(flow.ts.ns, flow.last_ts.ns);
  captured_->first = std::min(captured_->first, flow.ts.ns);
  captured_->second = std::max(captured_->second, flow.last_ts.ns);
  if (!expects_sockets_) return;
  const bool is_from_start = flow.history.find_first_of("Ss") != std::string_view::npos ||
                             flow.history.find_first_of("Hh") != std::string_view::npos;
  Wire& wire = wire_of(flow.uid, flow.proto, {flow.orig_h, flow.orig_p}, {flow.resp_h, flow.resp_p},
                       flow.ts.ns, is_from_start);
  wire_index_.set_begin(wire, std::min(wire.ts, flow.ts.ns));
  wire.last_ts = std::max(wire.last_ts, flow.last_ts.ns);
  wire.conn_state = names_.view(flow.conn_state);
  wire.closed_by = names_.view(flow.closed_by);
  wire.reset_by = names_.view(flow.reset_by);
  wire.bytes[0] += flow.orig_bytes.value_or(flow.orig_uniq_bytes);
  wire.bytes[1] += flow.resp_bytes.value_or(flow.resp_uniq_bytes);
  wire.missed += flow.missed_bytes;
  wire.rexmit_pkts[0] += flow.orig_rexmit_pkts;
  wire.rexmit_pkts[1] += flow.resp_rexmit_pkts;
  if (flow.orig_first_data && wire.first_data[0] == Mark::kUnknown) {
    wire.first_data[0] = flow.orig_first_data->ns;
  }
  if (flow.resp_first_data && wire.first_data[1] == Mark::kUnknown) {
    wire.first_data[1] = flow.resp_first_data->ns;
  }
  if (flow.orig_last_data) wire.last_data[0] = flow.orig_last_data->ns;
  if (flow.resp_last_data) wire.last_data[1] = flow.resp_last_data->ns;
  if (!flow.final && !wire.is_over) return;
  wire.is_over = true;
  wire_index_.end(wire);
  if (!flow.final) return;
  look_for_sockets(wire);
  const std::shared_ptr<Wire> kept = wire.shared_from_this();
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    SocketLife* const life = kept->sockets[side];
    if (life == nullptr) continue;
    if (kept->is_udp) {
      leave_open_wires(*life, *kept, side);
      kept->sockets[side] = nullptr;
      life->wire_bytes_in += kept->bytes[1 - side];
      life->wire_bytes_out += kept->bytes[side];
    }
    report_if_over(*life);
  }
  ended_wires_.emplace_back(std::max(clock_, kept->last_ts), kept);
}

}  // namespace tracebraid::analyzers
