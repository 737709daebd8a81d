#include "converters/pcap/flow_report.h"

#include <algorithm>
#include <array>

#include "converters/pcap/community_id.h"
#include "converters/pcap/tcp_machine.h"

namespace tracebraid::converters::pcap {
namespace {

namespace record = formats::record;

constexpr std::array<std::string_view, 8> kReasons = {"closed", "reset", "idle", "attempt",
                                                      "active", "reuse", "eof",  "evicted"};
constexpr std::array<std::string_view, 7> kTunnels = {"ip",     "gre",  "erspan", "vxlan",
                                                      "geneve", "gtpu", "teredo"};

std::optional<record::Time> maybe(std::int64_t ts) {
  if (ts == Endpoint::kNever) return std::nullopt;
  return record::Time{ts};
}

std::optional<record::Duration> between(std::int64_t from, std::int64_t to) {
  if (from == Endpoint::kNever || to == Endpoint::kNever || to < from) return std::nullopt;
  return record::Duration{to - from};
}

std::string_view side_name(std::int8_t side) {
  return side < 0 ? "" : side == 0 ? "orig" : "resp";
}

std::uint64_t count(std::int64_t value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
}

std::string_view flags_text(std::uint8_t flags, std::array<char, 8>& into) {
  constexpr std::string_view kLetters = "CEUAPRSF";
  std::size_t size = 0;
  for (std::size_t bit = 0; bit < kLetters.size(); ++bit) {
    if ((flags & (0x80U >> bit)) != 0) into[size++] = kLetters[bit];
  }
  return {into.data(), size};
}

}  // namespace

record::Address record_address(const HostAddress& host, bool is_ipv6) {
  record::Address out;
  out.size = is_ipv6 ? 16 : 4;
  const auto put = [&](std::uint64_t value, std::size_t at, std::size_t count) {
    for (std::size_t byte = 0; byte < count; ++byte) {
      out.bytes[at + byte] = static_cast<std::uint8_t>(value >> (8 * (count - 1 - byte)));
    }
  };
  if (is_ipv6) put(host.high, 0, 8);
  put(host.low, is_ipv6 ? 8 : 0, is_ipv6 ? 8 : 4);
  return out;
}

std::string_view protocol_name(std::uint8_t protocol) {
  switch (protocol) {
    case kProtocolTcp:
      return "tcp";
    case kProtocolUdp:
      return "udp";
    case kProtocolIcmp:
    case kProtocolIcmp6:
      return "icmp";
    default:
      return "unknown_transport";
  }
}

FlowReport::FlowReport(const FlowState& flow, EndReason reason, bool is_final,
                       std::string_view input, std::uint16_t community_id_seed) {
  uid_ = uid_of(flow);
  record_.uid = {uid_.data(), uid_.size()};
  record_.proto = protocol_name(flow.key.protocol);
  record_.ip_proto = flow.key.protocol;
  record_.service = flow.service;
  record_.conn_state = connection_state(flow);
  record_.history = flow.history.text();
  record_.missed_bytes = flow.missed_bytes;
  record_.end_reason = kReasons[static_cast<std::size_t>(reason)];
  record_.closed_by = side_name(flow.closed_by);
  record_.reset_by = side_name(flow.reset_by);
  record_.part = flow.part;
  record_.final = is_final;
  std::uint16_t port_a = flow.key.port_a;
  std::uint16_t port_b = flow.key.port_b;
  if (flow.extras) {
    record_.host = flow.extras->host;
    record_.query = flow.extras->query;
    record_.tunnel_parents = flow.extras->tunnel_parents;
    if (flow.key.protocol == kProtocolSctp) {
      port_a = flow.extras->sctp_ports[0];
      port_b = flow.extras->sctp_ports[1];
    }
    surroundings(flow.extras->around);
    troubles(flow);
  }
  record_.input = input;
  record_.truncated_pkts = flow.truncated;
  record_.bad_csum_pkts = flow.bad_checksum;
  record_.dup_pkts = flow.duplicates;
  record_.fragment_pkts = flow.fragments;
  record_.community_id = community_id(flow.key, port_a, port_b, community_id_seed, community_id_);
  if (flow.interface != nullptr) {
    record_.if_id = flow.interface->id;
    record_.if_name = flow.interface->name;
  }
  times(flow);
  ends(flow);
}

void FlowReport::times(const FlowState& flow) {
  record_.ts = {flow.first_ts};
  record_.last_ts = {flow.last_ts};
  // Of a part 0 is known, too; nothing is when it lies behind the close.
  const bool is_part = flow.part > 0 || !record_.final;
  if (flow.counted_ts > flow.first_ts || (is_part && flow.counted_ts == flow.first_ts)) {
    record_.duration = record::Duration{flow.counted_ts - flow.first_ts};
  }
  // Each part of a flow has what came with it.
  if (flow.has_new_syn) record_.syn_ts = maybe(flow.syn_ts);
  if (flow.has_new_synack) {
    record_.synack_ts = maybe(flow.synack_ts);
    record_.synack_rtt = between(flow.syn_ts, flow.synack_ts);
  }
  if (flow.has_new_handshake_ack) {
    record_.handshake_ack_ts = maybe(flow.handshake_ack_ts);
    record_.ack_rtt = between(flow.synack_ts, flow.handshake_ack_ts);
    record_.handshake_rtt = between(flow.syn_ts, flow.handshake_ack_ts);
  }
  if (flow.latency >= 0) record_.response_latency = record::Duration{flow.latency};
  if (flow.max_idle >= 0) record_.max_idle = record::Duration{flow.max_idle};
}

void FlowReport::ends(const FlowState& flow) {
  const FlowKey& key = flow.key;
  const bool is_a = flow.orig_is_a;
  record_.orig_h = record_address(is_a ? key.a : key.b, key.is_ipv6);
  record_.resp_h = record_address(is_a ? key.b : key.a, key.is_ipv6);
  record_.orig_p = is_a ? key.port_a : key.port_b;
  record_.resp_p = is_a ? key.port_b : key.port_a;

  const Endpoint& orig = flow.ends[0];
  const Endpoint& resp = flow.ends[1];
  // A part without a duration has bytes nevertheless: parts add up.
  if (record_.duration || !record_.final || flow.part > 0) {
    const bool is_tcp = key.protocol == kProtocolTcp;
    record_.orig_bytes = count(is_tcp ? stream_size(orig, resp) - orig.before : orig.payload_bytes);
    record_.resp_bytes = count(is_tcp ? stream_size(resp, orig) - resp.before : resp.payload_bytes);
  }
  record_.orig_pkts = count(orig.packets);
  record_.resp_pkts = count(resp.packets);
  record_.orig_ip_bytes = count(orig.ip_bytes);
  record_.resp_ip_bytes = count(resp.ip_bytes);
  record_.orig_payload_bytes = count(orig.payload_bytes);
  record_.resp_payload_bytes = count(resp.payload_bytes);
  record_.orig_uniq_bytes = count(orig.unique_bytes);
  record_.resp_uniq_bytes = count(resp.unique_bytes);
  record_.orig_first_ts = maybe(orig.first_ts);
  if (orig.first_ts != Endpoint::kNever) record_.orig_last_ts = {orig.last_ts};
  record_.resp_first_ts = maybe(resp.first_ts);
  if (resp.first_ts != Endpoint::kNever) record_.resp_last_ts = {resp.last_ts};
  record_.orig_first_data = maybe(orig.first_data);
  record_.orig_last_data = maybe(orig.last_data);
  record_.resp_first_data = maybe(resp.first_data);
  record_.resp_last_data = maybe(resp.last_data);
  if (orig.rtt_samples > 0) {
    record_.orig_rtt_min = record::Duration{orig.rtt.min};
    record_.orig_rtt_avg = record::Duration{orig.rtt.sum / orig.rtt_samples};
    record_.orig_rtt_max = record::Duration{orig.rtt.max};
  }
  if (resp.rtt_samples > 0) {
    record_.resp_rtt_min = record::Duration{resp.rtt.min};
    record_.resp_rtt_avg = record::Duration{resp.rtt.sum / resp.rtt_samples};
    record_.resp_rtt_max = record::Duration{resp.rtt.max};
  }
  record_.orig_rtt_samples = orig.rtt_samples;
  record_.resp_rtt_samples = resp.rtt_samples;
  record_.orig_rexmit_pkts = orig.rexmit_packets;
  record_.orig_rexmit_bytes = orig.rexmit_bytes;
  record_.resp_rexmit_pkts = resp.rexmit_packets;
  record_.resp_rexmit_bytes = resp.rexmit_bytes;
  record_.orig_ooo_pkts = orig.reordered_packets;
  record_.resp_ooo_pkts = resp.reordered_packets;
  record_.orig_dupacks = orig.duplicate_acks;
  record_.resp_dupacks = resp.duplicate_acks;
  record_.orig_zero_win = orig.part_zero_windows;
  record_.resp_zero_win = resp.part_zero_windows;
  record_.orig_tcp_flags = flags_text(orig.flags, flags_[0]);
  record_.resp_tcp_flags = flags_text(resp.flags, flags_[1]);
  if (orig.mss > 0) record_.orig_mss = orig.mss;
  if (resp.mss > 0) record_.resp_mss = resp.mss;
  if (orig.first_ts != Endpoint::kNever) record_.orig_ttl = orig.ttl;
  if (resp.first_ts != Endpoint::kNever) record_.resp_ttl = resp.ttl;
  if (key.protocol == kProtocolIcmp || key.protocol == kProtocolIcmp6) {
    record_.icmp_type = flow.icmp_type;
    record_.icmp_code = flow.icmp_code;
  }
}

void FlowReport::troubles(const FlowState& flow) {
  const auto duration = [](std::int64_t ns) {
    return ns < 0 ? std::nullopt : std::optional(record::Duration{ns});
  };
  // To the flow's end, when it was shut then.
  const auto longest_shut = [&](const Trouble& trouble) {
    const bool is_shut = trouble.shut_ts != Endpoint::kNever;
    return std::max(trouble.longest_shut, is_shut ? flow.last_ts - trouble.shut_ts : -1);
  };
  const Trouble& orig = flow.extras->troubles[0];
  const Trouble& resp = flow.extras->troubles[1];
  record_.orig_dup_pkts = orig.copies;
  record_.resp_dup_pkts = resp.copies;
  record_.orig_probe_pkts = orig.probes;
  record_.resp_probe_pkts = resp.probes;
  record_.orig_unacked_rexmit_pkts = orig.unacknowledged;
  record_.resp_unacked_rexmit_pkts = resp.unacknowledged;
  record_.orig_rexmit_wait = duration(orig.longest_wait);
  record_.resp_rexmit_wait = duration(resp.longest_wait);
  record_.orig_zero_win_time = duration(longest_shut(orig));
  record_.resp_zero_win_time = duration(longest_shut(resp));
  if (!flow.extras->dns) return;
  const DnsTally& dns = *flow.extras->dns;
  record_.dns_queries = dns.queries();
  record_.dns_answers = dns.answers();
  dns_rcodes_ = dns.rcodes();
  record_.dns_rcodes = dns_rcodes_;
  record_.dns_longest = duration(dns.longest());
}

void FlowReport::surroundings(const Encapsulation& around) {
  if (around.vlans > 0) record_.vlan = around.vlan;
  if (around.vlans > 1) record_.inner_vlan = around.inner_vlan;
  if (around.has_mpls) record_.mpls = around.mpls;
  for (std::size_t level = 0; level < around.tunnels; ++level) {
    const Encapsulation::Tunnel& tunnel = around.tunnel[level];
    if (level > 0) tunnel_ += '/';
    tunnel_ += kTunnels[static_cast<std::size_t>(tunnel.kind)];
    if (tunnel.id != 0) tunnel_.append(":").append(std::to_string(tunnel.id));
  }
  record_.tunnel = tunnel_;
}

}  // namespace tracebraid::converters::pcap
