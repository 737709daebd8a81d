#include "analyzers/diff/groups.h"

#include <iterator>
#include <string_view>

#include <range/v3/view/enumerate.hpp>

#include "analyzers/diff/measures.h"
#include "analyzers/diff/numbers.h"
#include "formats/record/text.h"

namespace tracebraid::analyzers::diff {
namespace {

namespace record = formats::record;

// The ports from which Linux gives a socket that asks for none.
std::string shown_port(std::optional<std::uint64_t> port) {
  constexpr std::uint64_t kFirstOfSystem = 32768;
  return port && *port < kFirstOfSystem ? std::to_string(*port) : std::string();
}

std::string shown_host(const record::Address& host) {
  if (host.size == 0) return {};
  char room[record::kValueRoom];
  return {room, record::put_address(room, host.view())};
}

// A run's values of a thing, in the order of the kind's measures.
template <std::size_t kCount>
void set_all(Values& values, Values::Thing thing, std::size_t run,
             const std::optional<std::int64_t> (&all)[kCount]) {
  for (const auto& [measure, value] : ranges::views::enumerate(all)) {
    values.set(thing, run, measure, value);
  }
}

}  // namespace

void CallGroup::add(const record::Syscall& call) {
  ++calls;
  if (call.duration) {
    time_ns = saturated_sum(time_ns, call.duration->ns);
    if (!call.wait.empty()) wait_ns = saturated_sum(wait_ns, call.duration->ns);
  }
  if (call.bytes) {
    if (call.direction != "out") bytes_in = saturated_sum(bytes_in, *call.bytes);
    if (call.direction != "in") bytes_out = saturated_sum(bytes_out, *call.bytes);
  }
}

void CallGroup::put(Values& values, Values::Thing thing, std::size_t run,
                    std::uint64_t errors) const {
  const std::optional<std::int64_t> all[] = {
      to_signed(calls), to_signed(errors),   time_ns,
      wait_ns,          to_signed(bytes_in), to_signed(bytes_out)};
  static_assert(std::size(all) == std::size(detail::kOfSyscalls));
  set_all(values, thing, run, all);
}

void FlowGroup::add(const record::Flow& flow) {
  constexpr std::string_view kFailed[] = {"S0",     "REJ",   "RSTO", "RSTR",
                                          "RSTOS0", "RSTRH", "SH",   "SHR"};
  if (flow.part == 0) ++flows;
  if (flow.final && std::ranges::find(kFailed, flow.conn_state) != std::end(kFailed)) ++failed;
  orig_bytes = saturated_sum(orig_bytes, flow.orig_payload_bytes);
  resp_bytes = saturated_sum(resp_bytes, flow.resp_payload_bytes);
  orig_pkts = saturated_sum(orig_pkts, flow.orig_pkts);
  resp_pkts = saturated_sum(resp_pkts, flow.resp_pkts);
  rexmit_pkts =
      saturated_sum(rexmit_pkts, saturated_sum(flow.orig_rexmit_pkts, flow.resp_rexmit_pkts));
  const auto add_rtt = [&](const std::optional<record::Duration>& mean, std::uint64_t samples) {
    if (!mean) return;
    std::int64_t all = 0;
    if (__builtin_mul_overflow(mean->ns, to_signed(samples), &all)) all = INT64_MAX;
    rtt_ns = saturated_sum(rtt_ns, all);
    rtt_samples = saturated_sum(rtt_samples, samples);
  };
  add_rtt(flow.orig_rtt_avg, flow.orig_rtt_samples);
  add_rtt(flow.resp_rtt_avg, flow.resp_rtt_samples);
  if (flow.handshake_rtt) handshakes.add(flow.handshake_rtt->ns);
  if (flow.response_latency) latencies.add(flow.response_latency->ns);
  if (flow.duration) durations.add(flow.duration->ns);
  if (flow.max_idle) max_idle = std::max(max_idle.value_or(0), flow.max_idle->ns);
}

void FlowGroup::put(Values& values, Values::Thing thing, std::size_t run) {
  const auto middle = [](Spread& spread) -> std::optional<std::int64_t> {
    constexpr double kHalf = 50;
    if (spread.count() == 0) return std::nullopt;
    return spread.percentile(kHalf);
  };
  const std::optional<std::int64_t> rtt =
      rtt_samples == 0 ? std::nullopt : std::optional(rtt_ns / to_signed(rtt_samples));
  const std::optional<std::int64_t> all[] = {
      to_signed(flows),       to_signed(failed),    to_signed(orig_bytes),
      to_signed(resp_bytes),  to_signed(orig_pkts), to_signed(resp_pkts),
      to_signed(rexmit_pkts), middle(handshakes),   rtt,
      middle(latencies),      middle(durations),    max_idle};
  static_assert(std::size(all) == std::size(detail::kOfFlows));
  set_all(values, thing, run, all);
}

void SocketGroup::Waits::add(std::uint64_t waits, const std::optional<record::Duration>& total,
                             const std::optional<record::Duration>& longest) {
  if (!total || !longest) return;
  count = saturated_sum(count, waits);
  total_ns = saturated_sum(total_ns, total->ns);
  longest_ns = std::max(longest_ns, longest->ns);
}

std::optional<std::int64_t> SocketGroup::Waits::mean() const {
  return count == 0 ? std::nullopt : std::optional(total_ns / to_signed(count));
}

std::optional<std::int64_t> SocketGroup::Waits::longest() const {
  return count == 0 ? std::nullopt : std::optional(longest_ns);
}

void SocketGroup::add(const record::Socket& socket) {
  ++sockets;
  if (socket.ended_by.empty()) ++unclosed;
  calls = saturated_sum(calls, socket.calls);
  errors = saturated_sum(errors, socket.errors);
  bytes_in = saturated_sum(bytes_in, socket.bytes_in);
  bytes_out = saturated_sum(bytes_out, socket.bytes_out);
  if (socket.blocked) blocked_ns = saturated_sum(blocked_ns, socket.blocked->ns);
  in.add(socket.waits, socket.wait_total, socket.wait_max);
  out.add(socket.send_waits, socket.send_wait_total, socket.send_wait_max);
}

void SocketGroup::put(Values& values, Values::Thing thing, std::size_t run) const {
  const std::optional<std::int64_t> all[] = {
      to_signed(sockets),  to_signed(unclosed),  to_signed(calls), to_signed(errors),
      to_signed(bytes_in), to_signed(bytes_out), blocked_ns,       in.mean(),
      in.longest(),        out.mean(),           out.longest()};
  static_assert(std::size(all) == std::size(detail::kOfSockets));
  set_all(values, thing, run, all);
}

ServerEnd end_of(const record::Flow& flow) {
  const bool has_ports = flow.proto == "tcp" || flow.proto == "udp" || flow.proto == "sctp";
  return {std::string(flow.proto), std::string(flow.service), shown_host(flow.resp_h),
          has_ports ? shown_port(flow.resp_p) : std::string()};
}

ServerEnd end_of(const record::Socket& socket) {
  ServerEnd end;
  end.proto = std::string(socket.proto).append(socket.proto == socket.role ? "" : " ");
  if (socket.proto != socket.role) end.proto.append(socket.role);
  if (!socket.path.empty()) {
    end.host = socket.path;
  } else if (socket.role == "connecting") {
    end.host = shown_host(socket.peer_h);
    end.port = shown_port(socket.peer_p);
  } else {
    end.host = shown_host(socket.local_h);
    end.port = shown_port(socket.local_p);
  }
  return end;
}

std::string shown_end(const ServerEnd& end) {
  if (end.proto.starts_with("unix")) return end.host;
  std::string text = end.host.find(':') == std::string::npos ? end.host : "[" + end.host + "]";
  if (text.empty()) text = "*";
  return text + ":" + (end.port.empty() ? "*" : end.port);
}

}  // namespace tracebraid::analyzers::diff
