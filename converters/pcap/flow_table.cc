#include "converters/pcap/flow_table.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

#include "converters/pcap/flow_report.h"
#include "converters/pcap/service.h"
#include "converters/pcap/tcp_machine.h"
#include "formats/io/hash.h"
#include "formats/io/text.h"
#include "formats/record/dns.h"

namespace tracebraid::converters::pcap {
namespace {

using formats::pcap::IdleFlow;

constexpr std::size_t kFirstSlots = 1U << 8U;

// A slot keeps the half of the hash that its place comes from, so that flows change places without
// being looked at.
std::uint32_t tag_of(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash);
}

// Base 62, as Zeek's.
std::array<char, 16> make_uid(const FlowKey& key, std::int64_t ts) {
  constexpr std::string_view kDigits =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::array<std::uint64_t, 6> text = {key.a.high,
                                       key.a.low,
                                       key.b.high,
                                       key.b.low,
                                       (std::uint64_t{key.port_a} << 48U) |
                                           (std::uint64_t{key.port_b} << 32U) |
                                           (std::uint64_t{key.around} << 16U) | key.protocol,
                                       static_cast<std::uint64_t>(ts)};
  const auto hash = [&] {
    return formats::io::lasting_hash({reinterpret_cast<const char*>(text.data()), sizeof text});
  };
  std::array<char, 16> uid;
  std::uint64_t rest = hash();
  for (std::size_t at = 0; at < uid.size(); ++at) {
    if (at == uid.size() / 2) {
      text[5] += 0x9E37'79B9'7F4A'7C15U;
      rest = hash();
    }
    uid[at] = kDigits[rest % kDigits.size()];
    rest /= kDigits.size();
  }
  return uid;
}

std::uint16_t responder_port(const FlowState& flow) {
  return flow.orig_is_a ? flow.key.port_b : flow.key.port_a;
}

IdleFlow::Transport transport_of(std::uint8_t protocol) {
  switch (protocol) {
    case kProtocolTcp:
      return IdleFlow::Transport::kTcp;
    case kProtocolUdp:
      return IdleFlow::Transport::kUdp;
    case kProtocolIcmp:
    case kProtocolIcmp6:
      return IdleFlow::Transport::kIcmp;
    default:
      return IdleFlow::Transport::kOther;
  }
}

// Both FINs may have been seen, though not in an order that finishes the flow (take_segment).
EndReason final_reason(const FlowState& flow, EndReason reason) {
  const bool are_closed =
      flow.ends[0].state == TcpState::kClosed && flow.ends[1].state == TcpState::kClosed;
  const bool is_left = reason == EndReason::kEof || reason == EndReason::kIdle;
  return is_left && are_closed ? EndReason::kClosed : reason;
}

// Into the cache: the lines from `from` to before `to`. Inline, since GCC takes a function that
// only does this for one that does nothing.
[[gnu::always_inline]] inline void fetch(const void* from, const void* to) {
  constexpr std::ptrdiff_t kLine = 64;
  const char* const first = static_cast<const char*>(from);
  const std::ptrdiff_t size = static_cast<const char*>(to) - first;
  for (std::ptrdiff_t at = 0; at < size; at += kLine) __builtin_prefetch(first + at);
}

// A reply to an ICMP request that is not in the capture. What routers and neighbours advertise
// comes without a request, too, and does not count.
bool is_icmp_reply(const Datagram& datagram) {
  if (datagram.key.protocol == kProtocolIcmp) {
    constexpr std::uint8_t kReplies[] = {0, 14, 16, 18};
    return std::find(std::begin(kReplies), std::end(kReplies), datagram.icmp_type) !=
           std::end(kReplies);
  }
  constexpr std::uint8_t kReplies[] = {129, 140};
  return std::find(std::begin(kReplies), std::end(kReplies), datagram.icmp_type) !=
         std::end(kReplies);
}

}  // namespace

FlowTable::FlowTable(const Options& options, FlowSink& sink)
    : options_(options),
      shortest_idle_(options.time_outs.shortest_idle()),
      sink_(sink),
      slots_(kFirstSlots),
      wheel_(kBuckets) {
  inputs_.emplace_back();
}

void History::add_to_many(char letter) {
  if (!many_) many_ = std::make_unique<std::string>(few_.data(), size_);
  if (many_->size() < kMost) *many_ += letter;
}

// Fetches into the cache what the datagrams after `index` will need: the slot of one, the flow of a
// nearer one.
inline void FlowTable::fetch_ahead(const std::vector<Datagram>& datagrams, std::size_t index) {
  constexpr std::size_t kSlotsAhead = 16;
  constexpr std::size_t kFlowsAhead = 8;
  const auto slot_of = [&](const Datagram& datagram) -> const Slot& {
    return slots_[tag_of(datagram.hash) & (slots_.size() - 1)];
  };
  if (index + kSlotsAhead < datagrams.size()) {
    __builtin_prefetch(&slot_of(datagrams[index + kSlotsAhead]));
  }
  if (index + kFlowsAhead >= datagrams.size()) return;
  const Slot& slot = slot_of(datagrams[index + kFlowsAhead]);
  if (slot.flow == kNone) return;
  const FlowState& flow = at(slot.flow);
  fetch(&flow, &flow.ends[0].fin);
  fetch(&flow.ends[1], &flow.ends[1].fin);
}

void FlowTable::add(const DatagramBatch& batch) {
  const std::vector<Datagram>& datagrams = batch.datagrams;
  if (batch.input) inputs_.push_back(*batch.input);
  batch_flows_.clear();
  for (std::size_t index = 0; index < datagrams.size(); ++index) {
    fetch_ahead(datagrams, index);
    batch_flows_.push_back(add_one(datagrams[index], batch));
  }
}

bool FlowTable::is_likely_server(std::uint8_t protocol, std::uint16_t port) const {
  return protocol == kProtocolTcp ? options_.server_ports.tcp[port]
                                  : options_.server_ports.udp[port];
}

void FlowTable::orient(FlowState& flow, const Datagram& datagram) const {
  flow.orig_is_a = datagram.from_a;
  const FlowKey& key = datagram.key;
  const std::uint16_t source = datagram.from_a ? key.port_a : key.port_b;
  const std::uint16_t destination = datagram.from_a ? key.port_b : key.port_a;
  bool turns = false;
  if (key.protocol == kProtocolTcp) {
    const bool is_syn =
        datagram.header == TransportHeader::kWhole && (datagram.tcp_flags & (kSyn | kAck)) == kSyn;
    const bool has_syn = (datagram.tcp_flags & kSyn) != 0;
    if (!is_syn && is_likely_server(key.protocol, source)) {
      turns = !is_likely_server(key.protocol, destination) || (!has_syn && source < destination);
    }
  } else if (key.protocol == kProtocolUdp) {
    turns = is_likely_server(key.protocol, source) && !is_likely_server(key.protocol, destination);
  } else if (key.protocol == kProtocolIcmp || key.protocol == kProtocolIcmp6) {
    turns = !datagram.is_one_way && is_icmp_reply(datagram);
    if (turns) flow.orig_is_a = !flow.orig_is_a;
    return;
  }
  if (!turns || datagram.to_broadcast) return;
  flow.orig_is_a = !flow.orig_is_a;
  flow.history.add('^');
}

std::uint32_t FlowTable::create(const Datagram& datagram, const DatagramBatch& batch) {
  if (open_ >= options_.max_flows) evict();
  if ((open_ + 1) * 2 > slots_.size()) grow();
  std::uint32_t index = used_;
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else {
    if (used_ % kChunk == 0) chunks_.emplace_back().reserve(kChunk);
    chunks_.back().emplace_back();
    ++used_;
  }
  ++open_;
  FlowState& flow = at(index);
  flow.key = datagram.key;
  flow.tag = tag_of(datagram.hash);
  flow.first_ts = flow.last_ts = flow.counted_ts = flow.created_ts = datagram.ts_ns;
  flow.serial = serial_++;
  flow.uid = make_uid(datagram.key, datagram.ts_ns);
  if (datagram.around >= 0) {
    extras_of(flow).around = batch.encapsulations[static_cast<std::size_t>(datagram.around)];
  }
  flow.interface = datagram.interface;
  flow.input = static_cast<std::uint32_t>(inputs_.size() - 1);
  flow.icmp_type = datagram.icmp_type;
  flow.icmp_code = datagram.icmp_code;
  if (datagram.key.protocol == kProtocolSctp) {
    extras_of(flow).sctp_ports = {datagram.sctp_ports[datagram.from_a ? 0 : 1],
                                  datagram.sctp_ports[datagram.from_a ? 1 : 0]};
  }
  orient(flow, datagram);
  insert_slot({flow.tag, index});
  return index;
}

void FlowTable::grow() {
  decltype(slots_) old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.flow != kNone) insert_slot(slot);
  }
}

void FlowTable::insert_slot(const Slot& slot) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t place = slot.tag & mask;
  while (slots_[place].flow != kNone) place = (place + 1) & mask;
  slots_[place] = slot;
}

void FlowTable::erase_slot(std::uint32_t flow) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = at(flow).tag & mask;
  while (slots_[hole].flow != flow) hole = (hole + 1) & mask;
  // What follows moves up, unless it stands at its own place already.
  for (std::size_t place = (hole + 1) & mask; slots_[place].flow != kNone;
       place = (place + 1) & mask) {
    const std::size_t wanted = slots_[place].tag & mask;
    if (((place - wanted) & mask) >= ((place - hole) & mask)) {
      slots_[hole] = slots_[place];
      hole = place;
    }
  }
  slots_[hole] = {};
}

std::uint32_t FlowTable::find(const Datagram& datagram) {
  const std::size_t mask = slots_.size() - 1;
  const std::uint32_t tag = tag_of(datagram.hash);
  for (std::size_t place = tag & mask; slots_[place].flow != kNone; place = (place + 1) & mask) {
    const Slot& slot = slots_[place];
    if (slot.tag == tag && at(slot.flow).key == datagram.key) return slot.flow;
  }
  return kNone;
}

bool FlowTable::is_reuse(const FlowState& flow, const Datagram& datagram) const {
  if (datagram.header != TransportHeader::kWhole || (datagram.tcp_flags & kSyn) == 0) return false;
  const Endpoint& orig = flow.ends[0];
  const Endpoint& resp = flow.ends[1];
  const bool is_orig = datagram.from_a == flow.orig_is_a;
  const auto starts = [&](const Endpoint& end) {
    return datagram.seq == static_cast<std::uint32_t>(end.start);
  };
  // The flow's own SYN, late in the file.
  if (datagram.ts_ns < flow.created_ts && starts(is_orig ? orig : resp)) return false;
  const bool is_syn = (datagram.tcp_flags & kAck) == 0;
  // Two SYNs that cross open one connection (RFC 9293, 3.5); the second may be sent again.
  if (is_syn && !is_orig &&
      (resp.state == TcpState::kInactive ? orig.state == TcpState::kSynSent : starts(resp)) &&
      !orig.did_close && !resp.did_close) {
    return false;
  }
  const Endpoint* starter = &orig;
  if ((datagram.tcp_flags & kAck) != 0) {
    if (orig.state != TcpState::kInactive) return false;
    starter = &resp;
  }
  if (orig.did_close || resp.did_close) return true;
  if (starts(*starter)) return false;
  return !(is_syn && starter->state == TcpState::kSynAckSent && resp.state == TcpState::kInactive &&
           starts(resp));
}

bool RecentPackets::has(const FlowState& flow, const Datagram& datagram) {
  const std::uint64_t print = print_of(flow, datagram);
  Place& place = places_[print % kPlaces];
  const std::int64_t apart = datagram.ts_ns - place.ts;
  const bool is_same = place.print == print;
  place = {print, datagram.ts_ns};
  return is_same && is_certain(flow, datagram, apart < 0 ? -apart : apart);
}

bool RecentPackets::is_certain(const FlowState& flow, const Datagram& datagram,
                               std::int64_t apart) {
  // A stack may send the same identification again (RFC 1122, 3.2.1.5), but not so soon. Some
  // give all packets the same: of UDP the checksum tells, where there is one.
  constexpr std::int64_t kSoon = 100'000'000;
  constexpr std::int64_t kAtOnce = 1'000'000;
  const bool has_id = !datagram.key.is_ipv6 && datagram.ip_id != 0;
  if (datagram.key.protocol != kProtocolTcp) {
    return datagram.key.protocol == kProtocolUdp && has_id && datagram.seq != 0 && apart < kAtOnce;
  }
  if (has_id) return apart < kSoon;
  if (apart >= kAtOnce) return false;
  // Duplicate ACKs follow each other as fast; where other packets come twice, they do, too.
  constexpr std::uint8_t kOnce = kSyn | kFin | kRst;
  return datagram.payload_bytes > 0 || (datagram.tcp_flags & kOnce) != 0 || flow.duplicates > 0;
}

// Of a copy, that it was captured; what it holds counts once. Of UDP each is a datagram that its
// receiver may have got, and Zeek counts both.
void FlowTable::count(FlowState& flow, Endpoint& end, const Datagram& datagram, bool is_copy) {
  const std::int64_t ts = datagram.ts_ns;
  ++end.packets;
  end.ip_bytes += datagram.ip_bytes;
  end.flags |= datagram.tcp_flags;
  end.ttl = end.first_ts == Endpoint::kNever ? datagram.ttl : std::min(end.ttl, datagram.ttl);
  const bool is_first = end.first_ts == Endpoint::kNever;
  end.first_ts = is_first ? ts : std::min(end.first_ts, ts);
  end.last_ts = is_first ? ts : std::max(end.last_ts, ts);
  if (datagram.is_truncated) ++flow.truncated;
  if (datagram.fragments > 0) flow.fragments += datagram.fragments;
  if (is_copy) {
    ++flow.duplicates;
    ++extras_of(flow).troubles[&end == &flow.ends[0] ? 0 : 1].copies;
    if (datagram.key.protocol == kProtocolTcp) return;
  }
  end.payload_bytes += datagram.payload_bytes;
  if (datagram.payload_bytes > 0 && (datagram.tcp_flags & kRst) == 0) {
    if (end.first_data == Endpoint::kNever) {
      end.first_data = ts;
      const Endpoint& orig = flow.ends[0];
      if (&end == &flow.ends[1] && orig.last_data != Endpoint::kNever && flow.latency < 0) {
        flow.latency = std::max<std::int64_t>(ts - orig.last_data, 0);
      }
    }
    end.first_data = std::min(end.first_data, ts);
    end.last_data = std::max(end.last_data, ts);
  }
}

void FlowTable::look_at_payload(FlowState& flow, const Datagram& datagram, bool is_orig) {
  constexpr std::uint8_t kMostLooks = 4;
  if (datagram.payload_size == 0 || flow.payloads_looked_at >= kMostLooks) return;
  flow.payloads_looked_at = (flow.payloads_looked_at + 1U) & 7U;
  const bool is_tcp = datagram.key.protocol == kProtocolTcp;
  std::array<char, 512> scratch;
  const std::uint16_t orig_port = flow.orig_is_a ? flow.key.port_a : flow.key.port_b;
  const Service found =
      detect_service(is_tcp ? Transport::kTcp : Transport::kUdp, is_orig, orig_port,
                     responder_port(flow), datagram.payload(), scratch);
  if (found.name.empty()) return;
  if (*flow.service == '\0') flow.service = found.name.data();
  if (found.host.empty() && found.query.empty()) return;
  constexpr std::size_t kMostText = 256;
  FlowExtras& extras = extras_of(flow);
  formats::io::append_escaped(extras.host, found.host.substr(0, kMostText));
  formats::io::append_escaped(extras.query, found.query.substr(0, kMostText));
  flow.payloads_looked_at = kMostLooks;
}

// Each direction of a tunnel may be a flow of its own.
void FlowTable::add_parent(std::uint32_t index, const Datagram& datagram,
                           const DatagramBatch& batch) {
  constexpr std::size_t kMostBytes = 200;
  const auto before = static_cast<std::size_t>(datagram.parent);
  const FlowState& parent = at(batch_flows_[before]);
  if (!(parent.key == batch.datagrams[before].key)) return;
  std::string& parents = extras_of(at(index)).tunnel_parents;
  const std::string_view uid{parent.uid.data(), parent.uid.size()};
  if (parents.size() > kMostBytes || parents.find(uid) != std::string::npos) return;
  if (!parents.empty()) parents += ',';
  parents.append("C").append(uid);
}

std::uint32_t FlowTable::add_one(const Datagram& datagram, const DatagramBatch& batch) {
  const std::int64_t ts = datagram.ts_ns;
  if (ts > clock_) {
    clock_ = ts;
    if ((clock_ >> kTickShift) != tick_) advance(clock_);
  }
  std::uint32_t index = find(datagram);
  if (index != kNone) {
    FlowState& known = at(index);
    EndReason reason = EndReason::kIdle;
    if (is_over(known, ts, reason)) {
      end(index, reason);
      index = kNone;
    } else if (datagram.key.protocol == kProtocolTcp && is_reuse(known, datagram)) {
      end(index, EndReason::kReuse);
      index = kNone;
    } else if (options_.time_outs.active > 0 && known.has_part &&
               ts - known.first_ts >= options_.time_outs.active) {
      report(known, EndReason::kActive, false);
    }
  }
  const bool is_new = index == kNone;
  if (is_new) {
    index = create(datagram, batch);
  }
  if (datagram.parent >= 0) add_parent(index, datagram, batch);
  FlowState& flow = at(index);
  bool is_orig = datagram.from_a == flow.orig_is_a;
  if (!flow.has_part) {
    flow.has_part = true;
    flow.first_ts = flow.last_ts = ts;
  } else {
    if (!is_new && ts - flow.last_ts > flow.max_idle) flow.max_idle = ts - flow.last_ts;
    flow.first_ts = std::min(flow.first_ts, ts);
    flow.last_ts = std::max(flow.last_ts, ts);
  }
  flow.lag = std::max<std::int64_t>(clock_ - ts, 0);

  if (datagram.is_bad_checksum) {
    ++flow.bad_checksum;
    if (options_.check_checksums) {
      ++dropped_;
      const bool is_icmp =
          datagram.key.protocol != kProtocolTcp && datagram.key.protocol != kProtocolUdp;
      if (!is_icmp)
        write_scaled_history(flow, is_orig, 'C', flow.ends[is_orig ? 0 : 1].bad_checksums);
      if (is_new) link(index);
      return index;
    }
  }
  bool is_copy = false;
  if (is_new) {
    recent_.note(flow, datagram);
  } else {
    is_copy = recent_.has(flow, datagram);
  }
  count(flow, flow.ends[is_orig ? 0 : 1], datagram, is_copy);
  if (is_copy && datagram.key.protocol == kProtocolTcp) return index;
  if (datagram.key.protocol == kProtocolTcp) {
    if (datagram.header == TransportHeader::kWhole) {
      const SegmentEffect effect = take_segment(flow, datagram, is_orig, options_.time_outs);
      is_orig = datagram.from_a == flow.orig_is_a;
      if (datagram.payload_bytes > 0) {
        look_at_payload(flow, datagram, is_orig);
        if (options_.segments && (datagram.tcp_flags & kRst) == 0) {
          report_segment(flow, datagram, is_orig, effect.offset, effect.is_rexmit);
        }
      }
    }
  } else {
    flow.counted_ts = std::max(flow.counted_ts, ts);
    Endpoint& end = flow.ends[is_orig ? 0 : 1];
    end.unique_bytes += datagram.payload_bytes;
    if (datagram.key.protocol == kProtocolUdp) {
      constexpr std::uint8_t kData = 1;
      if (end.history == 0) {
        end.history = kData;
        write_history(flow, is_orig, 'D');
      }
      look_at_payload(flow, datagram, is_orig);
      if (responder_port(flow) == formats::record::kDnsPort && datagram.payload_size > 0) {
        std::unique_ptr<DnsTally>& dns = extras_of(flow).dns;
        if (!dns) dns = std::make_unique<DnsTally>();
        dns->add(datagram.payload(), ts);
      }
      if (options_.segments) {
        const std::int64_t offset = end.before + end.payload_bytes - datagram.payload_bytes;
        report_segment(flow, datagram, is_orig, offset, false);
      }
    }
  }
  if (is_new) link(index);
  return index;
}

void FlowTable::report_segment(const FlowState& flow, const Datagram& datagram, bool is_orig,
                               std::int64_t offset, bool is_rexmit) {
  formats::record::Segment segment;
  segment.ts = {datagram.ts_ns};
  const Uid uid = uid_of(flow);
  segment.uid = {uid.data(), uid.size()};
  segment.proto = protocol_name(flow.key.protocol);
  const FlowKey& key = flow.key;
  const bool is_a = flow.orig_is_a;
  segment.orig_h = record_address(is_a ? key.a : key.b, key.is_ipv6);
  segment.orig_p = is_a ? key.port_a : key.port_b;
  segment.resp_h = record_address(is_a ? key.b : key.a, key.is_ipv6);
  segment.resp_p = is_a ? key.port_b : key.port_a;
  segment.flow_ts = {flow.first_ts};
  segment.is_orig = is_orig;
  segment.from_start = !flow.is_partial;
  segment.offset = static_cast<std::uint64_t>(std::max<std::int64_t>(offset, 0));
  segment.length = datagram.payload_bytes;
  segment.is_rexmit = is_rexmit;
  segment.packet = datagram.packet;
  segment.input = inputs_.back();
  sink_.segment(segment);
}

bool FlowTable::is_over(const FlowState& flow, std::int64_t ts, EndReason& reason) const {
  const Endpoint& orig = flow.ends[0];
  const Endpoint& resp = flow.ends[1];
  const bool is_tcp = flow.key.protocol == kProtocolTcp;
  const bool is_closing = flow.is_finished || orig.did_close || resp.did_close;
  const bool is_void =
      is_tcp && orig.state == TcpState::kInactive && resp.state == TcpState::kInactive;
  if (!is_closing && !is_void && ts - flow.last_ts < shortest_idle_) return false;
  return deadline(flow, reason) <= ts;
}

std::int64_t FlowTable::deadline(const FlowState& flow, EndReason& reason) const {
  const Endpoint& orig = flow.ends[0];
  const Endpoint& resp = flow.ends[1];
  const bool is_reset = orig.state == TcpState::kReset || resp.state == TcpState::kReset;
  if (flow.is_finished) {
    reason = is_reset ? EndReason::kReset : EndReason::kClosed;
    return flow.closing_ts;
  }
  const bool has_closed = orig.did_close || resp.did_close;
  IdleFlow idle{.transport = transport_of(flow.key.protocol),
                .responder_port = responder_port(flow),
                .created_ts = flow.created_ts,
                .last_ts = flow.last_ts,
                .counted_ts = flow.counted_ts,
                .closing_ts = flow.closing_ts};
  if (idle.transport == IdleFlow::Transport::kTcp) {
    const auto is_silent = [](const Endpoint& end) { return end.state == TcpState::kInactive; };
    const auto is_asking = [](const Endpoint& end) {
      return end.state == TcpState::kSynSent || end.state == TcpState::kSynAckSent;
    };
    idle.is_handshaking =
        (is_silent(orig) || is_asking(orig)) && (is_silent(resp) || is_asking(resp));
    idle.is_unanswered = flow.is_active && is_asking(orig) && is_silent(resp);
    idle.is_void = flow.is_active && is_silent(orig) && is_silent(resp);
    idle.is_closing =
        flow.is_active && has_closed && (is_reset || is_silent(orig) || is_silent(resp));
  } else if (idle.transport == IdleFlow::Transport::kUdp) {
    idle.is_dns = formats::pcap::is_dns_port(idle.responder_port) &&
                  options_.server_ports.udp[idle.responder_port];
  }
  const formats::pcap::Deadline end = formats::pcap::deadline(idle, options_.time_outs);
  switch (end.by) {
    case formats::pcap::Deadline::By::kIdle:
      reason = EndReason::kIdle;
      break;
    case formats::pcap::Deadline::By::kAttempt:
      reason = EndReason::kAttempt;
      break;
    case formats::pcap::Deadline::By::kLinger:
      reason = is_reset ? EndReason::kReset : has_closed ? EndReason::kClosed : EndReason::kIdle;
      break;
  }
  return end.ts;
}

void FlowTable::link(std::uint32_t index) {
  FlowState& flow = at(index);
  EndReason reason = EndReason::kIdle;
  std::int64_t tick = (deadline(flow, reason) + flow.lag) >> kTickShift;
  tick = std::clamp(tick, tick_, tick_ + static_cast<std::int64_t>(kBuckets) - 1);
  flow.bucket = static_cast<std::uint32_t>(static_cast<std::uint64_t>(tick) % kBuckets);
  Bucket& bucket = wheel_[flow.bucket];
  flow.previous = bucket.last;
  flow.next = kNone;
  (bucket.last == kNone ? bucket.first : at(bucket.last).next) = index;
  bucket.last = index;
}

void FlowTable::unlink(std::uint32_t index) {
  FlowState& flow = at(index);
  if (flow.bucket == kNone) return;
  Bucket& bucket = wheel_[flow.bucket];
  (flow.previous == kNone ? bucket.first : at(flow.previous).next) = flow.next;
  (flow.next == kNone ? bucket.last : at(flow.next).previous) = flow.previous;
  flow.bucket = kNone;
}

// Deals with the buckets before the clock's. Each flow stands where its deadline was when it was
// put there; packets have moved most of them on since.
void FlowTable::advance(std::int64_t clock) {
  const std::int64_t now = clock >> kTickShift;
  if (tick_ == INT64_MIN || open_ == 0) {
    tick_ = now;
    return;
  }
  const std::int64_t last = std::min(now, tick_ + static_cast<std::int64_t>(kBuckets));
  std::vector<std::uint32_t> due;
  for (std::int64_t tick = tick_; tick < last; ++tick) {
    Bucket& bucket = wheel_[static_cast<std::uint64_t>(tick) % kBuckets];
    for (std::uint32_t flow = bucket.first; flow != kNone; flow = at(flow).next) {
      due.push_back(flow);
    }
    bucket = {};
  }
  tick_ = now;
  // In the order in which they were first seen, whatever the buckets' order is.
  std::sort(due.begin(), due.end(), [&](std::uint32_t left, std::uint32_t right) {
    return at(left).serial < at(right).serial;
  });
  for (const std::uint32_t index : due) {
    FlowState& flow = at(index);
    flow.bucket = kNone;
    EndReason reason = EndReason::kIdle;
    if (deadline(flow, reason) + flow.lag <= clock) {
      end(index, reason);
    } else {
      link(index);
    }
  }
}

void FlowTable::evict() {
  for (std::int64_t tick = tick_;; ++tick) {
    const Bucket& head = wheel_[static_cast<std::uint64_t>(tick) % kBuckets];
    while (head.first != kNone) {
      const std::uint32_t index = head.first;
      const std::uint32_t bucket = at(index).bucket;
      unlink(index);
      link(index);
      if (at(index).bucket != bucket) continue;
      ++evicted_;
      end(index, EndReason::kEvicted);
      return;
    }
  }
}

void FlowTable::end(std::uint32_t index, EndReason reason) {
  FlowState& flow = at(index);
  unlink(index);
  report(flow, final_reason(flow, reason), true);
  erase_slot(index);
  std::destroy_at(&flow);
  ::new (&flow) FlowState;
  free_.push_back(index);
  --open_;
}

void FlowTable::report(FlowState& flow, EndReason reason, bool is_final) {
  FlowReport report(flow, reason, is_final, inputs_[flow.input], options_.community_id_seed);
  ++reported_;
  sink_.flow(report.record());
  if (is_final) return;
  // What adds up starts anew.
  for (std::size_t side = 0; side < 2; ++side) {
    Endpoint& end = flow.ends[side];
    end.before = flow.key.protocol == kProtocolTcp ? stream_size(end, flow.ends[1 - side])
                                                   : end.before + end.payload_bytes;
    end.packets = end.ip_bytes = end.payload_bytes = end.unique_bytes = 0;
    end.first_ts = end.first_data = end.last_data = Endpoint::kNever;
    end.rexmit_bytes = 0;
    end.rexmit_packets = end.reordered_packets = end.duplicate_acks = end.part_zero_windows = 0;
    end.rtt = {};
    end.rtt_samples = 0;
  }
  if (flow.extras) {
    for (Trouble& trouble : flow.extras->troubles) {
      trouble.copies = trouble.probes = trouble.unacknowledged = 0;
      trouble.longest_wait = trouble.longest_shut = -1;
      // What goes on is told of each part as far as it was in it.
      if (trouble.shut_ts != Endpoint::kNever) trouble.shut_ts = flow.last_ts;
    }
    if (flow.extras->dns) flow.extras->dns->start_part();
  }
  flow.missed_bytes = 0;
  flow.truncated = flow.bad_checksum = flow.duplicates = flow.fragments = 0;
  flow.has_new_syn = flow.has_new_synack = flow.has_new_handshake_ack = false;
  flow.latency = -1;
  flow.max_idle = -1;
  flow.has_part = false;
  ++flow.part;
}

void FlowTable::finish() {
  struct Rest {
    std::uint64_t serial;
    std::uint32_t flow;
  };
  std::vector<Rest> rest;
  rest.reserve(open_);
  for (const Slot& slot : slots_) {
    if (slot.flow != kNone) rest.push_back({at(slot.flow).serial, slot.flow});
  }
  std::sort(rest.begin(), rest.end(),
            [](const Rest& left, const Rest& right) { return left.serial < right.serial; });
  for (std::size_t index = 0; index < rest.size(); ++index) {
    constexpr std::size_t kAhead = 3;
    if (index + kAhead < rest.size()) {
      const FlowState& next = at(rest[index + kAhead].flow);
      fetch(&next, &next + 1);
    }
    FlowState& flow = at(rest[index].flow);
    EndReason reason = EndReason::kIdle;
    static_cast<void>(deadline(flow, reason));
    report(flow, final_reason(flow, flow.is_finished ? reason : EndReason::kEof), true);
  }
  slots_.assign(kFirstSlots, {});
  open_ = 0;
}

}  // namespace tracebraid::converters::pcap
