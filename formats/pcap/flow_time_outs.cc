#include "formats/pcap/flow_time_outs.h"

#include <algorithm>

#include "formats/io/saturate.h"

namespace tracebraid::formats::pcap {
namespace {

using io::saturated_difference;
using io::saturated_sum;
using Transport = IdleFlow::Transport;

// Idle for nine tenths of the time between two looks is enough.
std::int64_t dns_idle(std::int64_t dns) {
  return dns / 10 * 9 - 1;
}

// The first `base + k * period` after `time`.
std::int64_t next_tick(std::int64_t base, std::int64_t period, std::int64_t time) {
  if (time < base) return base;
  const std::int64_t passed = saturated_difference(time, base) / period * period;
  return saturated_sum(saturated_sum(base, passed), period);
}

std::int64_t idle_time_out(const IdleFlow& flow, const TimeOuts& time_outs) {
  switch (flow.transport) {
    case Transport::kTcp:
      if (is_login_port(flow.responder_port)) return time_outs.login;
      return flow.is_handshaking ? time_outs.udp : time_outs.tcp;
    case Transport::kUdp:
      return time_outs.udp;
    case Transport::kIcmp:
      return time_outs.icmp;
    case Transport::kOther:
      break;
  }
  return time_outs.other;
}

// Zeek looks at such connections every six seconds, first after five.
std::int64_t linger_tick(const IdleFlow& flow, const TimeOuts& time_outs) {
  constexpr std::int64_t kFirst = 5 * TimeOuts::kSecond;
  constexpr std::int64_t kPeriod = 6 * TimeOuts::kSecond;
  const std::int64_t lingered = saturated_sum(flow.counted_ts, time_outs.linger);
  const std::int64_t tick = next_tick(saturated_sum(flow.created_ts, kFirst), kPeriod, lingered);
  if (flow.closing_ts == 0) return tick;
  return std::min(tick, next_tick(saturated_sum(flow.closing_ts, kPeriod), kPeriod, lingered));
}

}  // namespace

std::int64_t TimeOuts::shortest_idle() const {
  return std::min({tcp, udp, icmp, other, login, attempt, dns > 0 ? dns_idle(dns) : udp});
}

Deadline deadline(const IdleFlow& flow, const TimeOuts& time_outs) {
  const std::int64_t idle = idle_time_out(flow, time_outs);
  Deadline end{saturated_sum(flow.last_ts, idle), Deadline::By::kIdle};
  if (flow.is_unanswered && time_outs.attempt < idle) {
    end = {saturated_sum(flow.last_ts, time_outs.attempt), Deadline::By::kAttempt};
  }
  if (flow.is_closing || flow.is_void) {
    const std::int64_t tick = linger_tick(flow, time_outs);
    if (tick < end.ts) end = {tick, Deadline::By::kLinger};
  }
  if (flow.is_dns && time_outs.dns > 0) {
    const std::int64_t until = saturated_sum(flow.last_ts, dns_idle(time_outs.dns));
    const std::int64_t first = saturated_sum(flow.created_ts, time_outs.dns);
    end.ts = std::min(end.ts, next_tick(first, time_outs.dns, until));
  }
  return end;
}

}  // namespace tracebraid::formats::pcap
