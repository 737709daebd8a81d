// Records of network traffic: what pcapflows makes of captures. Where Zeek's conn.log has a field,
// its name and its meaning are Zeek's (zeek/scripts/base/protocols/conn/main.zeek); `orig` is the
// originator (client), `resp` the responder (server).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/record/schema.h"

namespace tracebraid::formats::record {

struct Flow {
  using Count = std::uint64_t;
  using MaybeCount = std::optional<std::uint64_t>;
  using Text = std::string_view;

  Time ts;
  Text uid;
  Address orig_h;
  std::uint16_t orig_p = 0;
  Address resp_h;
  std::uint16_t resp_p = 0;
  Text proto;
  Text service;
  std::optional<Duration> duration;
  MaybeCount orig_bytes, resp_bytes;
  Text conn_state;
  Count missed_bytes = 0;
  Text history;
  Count orig_pkts = 0, orig_ip_bytes = 0, resp_pkts = 0, resp_ip_bytes = 0;
  Text tunnel_parents;
  std::uint8_t ip_proto = 0;

  Time last_ts;
  Text end_reason;
  Text closed_by;
  Text reset_by;
  Count part = 0;
  bool final = true;
  Text community_id;
  Text host, query;
  Count orig_payload_bytes = 0, resp_payload_bytes = 0;
  Count orig_uniq_bytes = 0, resp_uniq_bytes = 0;
  std::optional<Time> orig_first_ts, orig_last_ts, resp_first_ts, resp_last_ts;
  std::optional<Time> orig_first_data, orig_last_data, resp_first_data, resp_last_data;
  std::optional<Time> syn_ts, synack_ts, handshake_ack_ts;
  std::optional<Duration> synack_rtt, ack_rtt, handshake_rtt, response_latency;
  std::optional<Duration> orig_rtt_min, orig_rtt_avg, orig_rtt_max;
  std::optional<Duration> resp_rtt_min, resp_rtt_avg, resp_rtt_max;
  Count orig_rtt_samples = 0, resp_rtt_samples = 0;
  Count orig_rexmit_pkts = 0, orig_rexmit_bytes = 0, resp_rexmit_pkts = 0, resp_rexmit_bytes = 0;
  Count orig_ooo_pkts = 0, resp_ooo_pkts = 0;
  Count orig_dupacks = 0, resp_dupacks = 0;
  Count orig_zero_win = 0, resp_zero_win = 0;
  std::optional<Duration> max_idle;
  Text orig_tcp_flags, resp_tcp_flags;
  std::optional<std::uint16_t> orig_mss, resp_mss;
  std::optional<std::uint8_t> orig_ttl, resp_ttl;
  std::optional<std::uint16_t> vlan, inner_vlan;
  std::optional<std::uint32_t> mpls;
  Text tunnel;
  std::optional<std::uint8_t> icmp_type, icmp_code;
  std::optional<std::uint32_t> if_id;
  Text if_name;
  Text input;
  Count truncated_pkts = 0, bad_csum_pkts = 0, dup_pkts = 0, fragment_pkts = 0;
  Count orig_dup_pkts = 0, resp_dup_pkts = 0;
  Count orig_probe_pkts = 0, resp_probe_pkts = 0;
  Count orig_unacked_rexmit_pkts = 0, resp_unacked_rexmit_pkts = 0;
  std::optional<Duration> orig_rexmit_wait, resp_rexmit_wait;
  std::optional<Duration> orig_zero_win_time, resp_zero_win_time;
  Count dns_queries = 0, dns_answers = 0;
  Text dns_rcodes;
  std::optional<Duration> dns_longest;

  static constexpr std::string_view kType = "flow";
  static constexpr std::string_view kDoc =
      "a conversation between two addresses and ports, both directions together";
  static constexpr auto kFields = Fields{
      Field{&Flow::ts, "ts", "", "earliest packet"},
      Field{&Flow::uid, "uid", "", "identifier, the same in every run: hash of key, first time"},
      Field{&Flow::orig_h, "id.orig_h", "", "originator's address"},
      Field{&Flow::orig_p, "id.orig_p", "port", "originator's port; ICMP: type"},
      Field{&Flow::resp_h, "id.resp_h", "", "responder's address"},
      Field{&Flow::resp_p, "id.resp_p", "port",
            "responder's port; ICMP: type of the reply, or code"},
      Field{&Flow::proto, "proto", "enum", "tcp, udp, icmp or unknown_transport"},
      Field{&Flow::service, "service", "", "application protocol, from the first payload bytes"},
      Field{&Flow::duration, "duration", "",
            "from ts to the last packet before both sides had closed"},
      Field{&Flow::orig_bytes, "orig_bytes", "bytes",
            "payload by sequence numbers, what was missed too; UDP: payload seen"},
      Field{&Flow::resp_bytes, "resp_bytes", "bytes", "as orig_bytes"},
      Field{&Flow::conn_state, "conn_state", "", "Zeek's connection state, such as SF, S0, REJ"},
      Field{&Flow::missed_bytes, "missed_bytes", "bytes",
            "payload that was acknowledged but is not in the capture, both directions"},
      Field{&Flow::history, "history", "", "Zeek's letters: what was seen first, in order"},
      Field{&Flow::orig_pkts, "orig_pkts", "packets", "a fragmented datagram is one packet"},
      Field{&Flow::orig_ip_bytes, "orig_ip_bytes", "bytes", "IP packets, headers included"},
      Field{&Flow::resp_pkts, "resp_pkts", "packets", "as orig_pkts"},
      Field{&Flow::resp_ip_bytes, "resp_ip_bytes", "bytes", "as orig_ip_bytes"},
      Field{&Flow::tunnel_parents, "tunnel_parents", "set",
            "uid of the flows this one was tunnelled in, with commas between"},
      Field{&Flow::ip_proto, "ip_proto", "", "IP protocol number"},
      Field{&Flow::last_ts, "last_ts", "", "latest packet, those after the close too"},
      Field{&Flow::end_reason, "end_reason", "enum",
            "closed, reset, idle, attempt, active, reuse, eof or evicted"},
      Field{&Flow::closed_by, "closed_by", "enum", "who sent the first FIN: orig or resp"},
      Field{&Flow::reset_by, "reset_by", "enum", "who sent the first RST: orig or resp"},
      Field{&Flow::part, "part", "", "number of this part of the flow, from 0 (--active-timeout)"},
      Field{&Flow::final, "final", "", "whether this is the flow's last part"},
      Field{&Flow::community_id, "community_id", "", "Community ID, version 1"},
      Field{&Flow::host, "host", "", "HTTP Host, or TLS server name (SNI)"},
      Field{&Flow::query, "query", "", "HTTP request line's method and target, or DNS name"},
      Field{&Flow::orig_payload_bytes, "orig_payload_bytes", "bytes",
            "payload on the wire, retransmissions too"},
      Field{&Flow::resp_payload_bytes, "resp_payload_bytes", "bytes", "as orig_payload_bytes"},
      Field{&Flow::orig_uniq_bytes, "orig_uniq_bytes", "bytes",
            "distinct payload bytes on the wire: what send() returned, when nothing is missed"},
      Field{&Flow::resp_uniq_bytes, "resp_uniq_bytes", "bytes", "as orig_uniq_bytes"},
      Field{&Flow::orig_first_ts, "orig_first_ts", "", "originator's first packet"},
      Field{&Flow::orig_last_ts, "orig_last_ts", "", "originator's last packet"},
      Field{&Flow::resp_first_ts, "resp_first_ts", "", "responder's first packet"},
      Field{&Flow::resp_last_ts, "resp_last_ts", "", "responder's last packet"},
      Field{&Flow::orig_first_data, "orig_first_data", "", "originator's first payload"},
      Field{&Flow::orig_last_data, "orig_last_data", "", "originator's last payload"},
      Field{&Flow::resp_first_data, "resp_first_data", "", "responder's first payload"},
      Field{&Flow::resp_last_data, "resp_last_data", "", "responder's last payload"},
      Field{&Flow::syn_ts, "syn_ts", "", "TCP handshake: the last SYN before the SYN-ACK"},
      Field{&Flow::synack_ts, "synack_ts", "", "TCP handshake: the SYN-ACK"},
      Field{&Flow::handshake_ack_ts, "handshake_ack_ts", "", "TCP handshake: the ACK"},
      Field{&Flow::synack_rtt, "synack_rtt", "", "SYN to SYN-ACK: network and server"},
      Field{&Flow::ack_rtt, "ack_rtt", "", "SYN-ACK to ACK: network and client"},
      Field{&Flow::handshake_rtt, "handshake_rtt", "", "SYN to ACK"},
      Field{&Flow::response_latency, "response_latency", "",
            "originator's last payload before the responder's first, to the latter"},
      Field{&Flow::orig_rtt_min, "orig_rtt_min", "",
            "originator's payload to its acknowledgement (Karn: retransmitted payload left out)"},
      Field{&Flow::orig_rtt_avg, "orig_rtt_avg", "", "mean of the same"},
      Field{&Flow::orig_rtt_max, "orig_rtt_max", "", "longest of the same"},
      Field{&Flow::resp_rtt_min, "resp_rtt_min", "", "as orig_rtt_min"},
      Field{&Flow::resp_rtt_avg, "resp_rtt_avg", "", "as orig_rtt_avg"},
      Field{&Flow::resp_rtt_max, "resp_rtt_max", "", "as orig_rtt_max"},
      Field{&Flow::orig_rtt_samples, "orig_rtt_samples", "", "acknowledgements that were timed"},
      Field{&Flow::resp_rtt_samples, "resp_rtt_samples", "", "as orig_rtt_samples"},
      Field{&Flow::orig_rexmit_pkts, "orig_rexmit_pkts", "packets",
            "originator's segments with payload that had been seen"},
      Field{&Flow::orig_rexmit_bytes, "orig_rexmit_bytes", "bytes", "payload that had been seen"},
      Field{&Flow::resp_rexmit_pkts, "resp_rexmit_pkts", "packets", "as orig_rexmit_pkts"},
      Field{&Flow::resp_rexmit_bytes, "resp_rexmit_bytes", "bytes", "as orig_rexmit_bytes"},
      Field{&Flow::orig_ooo_pkts, "orig_ooo_pkts", "packets",
            "originator's segments that filled a hole below what had been seen"},
      Field{&Flow::resp_ooo_pkts, "resp_ooo_pkts", "packets", "as orig_ooo_pkts"},
      Field{&Flow::orig_dupacks, "orig_dupacks", "packets",
            "originator's duplicate acknowledgements (RFC 5681)"},
      Field{&Flow::resp_dupacks, "resp_dupacks", "packets", "as orig_dupacks"},
      Field{&Flow::orig_zero_win, "orig_zero_win", "packets", "originator's zero windows"},
      Field{&Flow::resp_zero_win, "resp_zero_win", "packets", "as orig_zero_win"},
      Field{&Flow::max_idle, "max_idle", "", "longest silence between two packets"},
      Field{&Flow::orig_tcp_flags, "orig_tcp_flags", "",
            "TCP flags seen from the originator, of CEUAPRSF"},
      Field{&Flow::resp_tcp_flags, "resp_tcp_flags", "", "as orig_tcp_flags"},
      Field{&Flow::orig_mss, "orig_mss", "bytes", "maximum segment size the originator offered"},
      Field{&Flow::resp_mss, "resp_mss", "bytes", "as orig_mss"},
      Field{&Flow::orig_ttl, "orig_ttl", "", "lowest TTL or hop limit of the originator's packets"},
      Field{&Flow::resp_ttl, "resp_ttl", "", "as orig_ttl"},
      Field{&Flow::vlan, "vlan", "", "outermost VLAN of the first packet"},
      Field{&Flow::inner_vlan, "inner_vlan", "", "second VLAN of the first packet"},
      Field{&Flow::mpls, "mpls", "", "outermost MPLS label of the first packet"},
      Field{&Flow::tunnel, "tunnel", "", "tunnels of the first packet, outermost first: vxlan:42"},
      Field{&Flow::icmp_type, "icmp_type", "", "ICMP type of the originator's first packet"},
      Field{&Flow::icmp_code, "icmp_code", "", "ICMP code of the originator's first packet"},
      Field{&Flow::if_id, "if_id", "", "pcapng interface of the first packet"},
      Field{&Flow::if_name, "if_name", "", "its name"},
      Field{&Flow::input, "input", "", "capture file of the first packet, when there are several"},
      Field{&Flow::truncated_pkts, "truncated_pkts", "packets", "cut by the capture's snaplen"},
      Field{&Flow::bad_csum_pkts, "bad_csum_pkts", "packets",
            "wrong or unfilled checksum; counted in all the same"},
      Field{&Flow::dup_pkts, "dup_pkts", "packets",
            "same packet captured twice; TCP: only pkts, ip_bytes and tcp_flags count it in"},
      Field{&Flow::fragment_pkts, "fragment_pkts", "packets", "IP fragments"},
      Field{&Flow::orig_dup_pkts, "orig_dup_pkts", "packets", "of dup_pkts, the originator's"},
      Field{&Flow::resp_dup_pkts, "resp_dup_pkts", "packets", "of dup_pkts, the responder's"},
      Field{&Flow::orig_probe_pkts, "orig_probe_pkts", "packets",
            "originator's keep-alives and probes of a zero window, of a byte; not in rexmit"},
      Field{&Flow::resp_probe_pkts, "resp_probe_pkts", "packets", "as orig_probe_pkts"},
      Field{&Flow::orig_unacked_rexmit_pkts, "orig_unacked_rexmit_pkts", "packets",
            "of orig_rexmit_pkts, those for which no acknowledgement had been seen"},
      Field{&Flow::resp_unacked_rexmit_pkts, "resp_unacked_rexmit_pkts", "packets",
            "as orig_unacked_rexmit_pkts"},
      Field{&Flow::orig_rexmit_wait, "orig_rexmit_wait", "",
            "longest from such payload to when it was sent again"},
      Field{&Flow::resp_rexmit_wait, "resp_rexmit_wait", "", "as orig_rexmit_wait"},
      Field{&Flow::orig_zero_win_time, "orig_zero_win_time", "",
            "longest while in which the originator's window was 0"},
      Field{&Flow::resp_zero_win_time, "resp_zero_win_time", "", "as orig_zero_win_time"},
      Field{&Flow::dns_queries, "dns_queries", "",
            "DNS over UDP, port 53: queries; those sent again once"},
      Field{&Flow::dns_answers, "dns_answers", "", "of them, those that were answered"},
      Field{&Flow::dns_rcodes, "dns_rcodes", "",
            "what the answers said, and how often: NOERROR 1, NXDOMAIN 3"},
      Field{&Flow::dns_longest, "dns_longest", "", "longest from a query to its answer"},
  };
};

// A range of payload on the wire (--segments).
struct Segment {
  Time ts;
  std::string_view uid;
  std::string_view proto;
  Address orig_h;
  std::uint16_t orig_p = 0;
  Address resp_h;
  std::uint16_t resp_p = 0;
  Time flow_ts;
  bool is_orig = true;
  bool from_start = true;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool is_rexmit = false;
  std::uint64_t packet = 0;
  std::string_view input;

  static constexpr std::string_view kType = "segment";
  static constexpr std::string_view kDoc = "a range of TCP payload, or a UDP datagram, on the wire";
  static constexpr auto kFields = Fields{
      Field{&Segment::ts, "ts", "", "when it was captured"},
      Field{&Segment::uid, "uid", "", "the flow's uid"},
      Field{&Segment::proto, "proto", "enum", "tcp or udp"},
      Field{&Segment::orig_h, "id.orig_h", "", "the flow's originator: address"},
      Field{&Segment::orig_p, "id.orig_p", "port", "and port"},
      Field{&Segment::resp_h, "id.resp_h", "", "the flow's responder: address"},
      Field{&Segment::resp_p, "id.resp_p", "port", "and port"},
      Field{&Segment::flow_ts, "flow_ts", "", "the flow's earliest packet so far"},
      Field{&Segment::is_orig, "is_orig", "", "whether the originator sent it"},
      Field{&Segment::offset, "offset", "bytes",
            "TCP: of its first byte in the direction's stream; UDP: payload sent before it"},
      Field{&Segment::from_start, "from_start", "",
            "whether offset counts from the stream's beginning: the SYN was captured"},
      Field{&Segment::length, "length", "bytes", "payload"},
      Field{&Segment::is_rexmit, "is_rexmit", "", "whether these bytes had been seen before"},
      Field{&Segment::packet, "packet", "", "number of the packet in its capture, from 1"},
      Field{&Segment::input, "input", "", "its capture file, when there are several"},
  };
};

// What became of every packet that was read: read = counted + all the others up to no_ip
// (--ledger).
struct Ledger {
  std::uint64_t read = 0;
  std::uint64_t counted = 0;
  std::uint64_t fragments = 0;
  std::uint64_t non_ip = 0;
  std::uint64_t malformed = 0;
  std::uint64_t filtered = 0;
  std::uint64_t bad_checksum = 0;
  std::uint64_t unsupported_link = 0;
  std::uint64_t flows = 0;
  std::uint64_t evicted = 0;
  std::uint64_t truncated = 0;
  std::optional<Time> first_ts, last_ts;

  static constexpr std::string_view kType = "ledger";
  static constexpr std::string_view kDoc = "what became of every packet that was read";
  static constexpr auto kFields = Fields{
      Field{&Ledger::read, "read", "packets", "the sum of the next seven"},
      Field{&Ledger::counted, "counted", "packets", "those that flows were made of"},
      Field{&Ledger::fragments, "fragments", "packets",
            "IP fragments that were joined to a datagram counted once, or never completed one"},
      Field{&Ledger::non_ip, "non_ip", "packets", "ARP and other frames without IP"},
      Field{&Ledger::malformed, "malformed", "packets", "headers cut or contradictory"},
      Field{&Ledger::filtered, "filtered", "packets", "those --filter did not let pass"},
      Field{&Ledger::bad_checksum, "bad_checksum", "packets", "dropped by --check-checksums"},
      Field{&Ledger::unsupported_link, "unsupported_link", "packets",
            "of link types that are not read"},
      Field{&Ledger::flows, "flows", "", "flow records written, parts too"},
      Field{&Ledger::evicted, "evicted", "", "of them, ended early by --max-flows"},
      Field{&Ledger::truncated, "truncated", "packets", "of those counted, cut by the snaplen"},
      Field{&Ledger::first_ts, "first_ts", "", "earliest packet"},
      Field{&Ledger::last_ts, "last_ts", "", "latest packet"},
  };
};

TRACEBRAID_MADE_ONCE(extern, Flow)
TRACEBRAID_MADE_ONCE(extern, Segment)

}  // namespace tracebraid::formats::record
