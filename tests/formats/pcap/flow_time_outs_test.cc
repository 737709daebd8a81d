// The times are Zeek's: scripts/base/init-bare.zeek has tcp_inactivity_timeout 5 min,
// udp_inactivity_timeout and icmp_inactivity_timeout 1 min, tcp_attempt_delay and tcp_close_delay
// 5 sec, dns_session_timeout 10 sec; scripts/base/protocols/conn/inactivity.zeek gives login ports
// an hour.
#include "formats/pcap/flow_time_outs.h"

#include <algorithm>
#include <cstdint>

#include <gtest/gtest.h>

namespace tracebraid::formats::pcap {
namespace {

using Transport = IdleFlow::Transport;
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kBegin = 1'700'000'000 * kSecond;

struct Row {
  const char* what;
  IdleFlow flow;
  std::int64_t seconds;  // after its last packet
  Deadline::By by = Deadline::By::kIdle;
};

TEST(FlowTimeOuts, AreZeeks) {
  const Row rows[] = {
      {"open", {.transport = Transport::kTcp, .responder_port = 80}, 300},
      {"SSH", {.transport = Transport::kTcp, .responder_port = 22}, 3600},
      {"FTP", {.transport = Transport::kTcp, .responder_port = 21}, 3600},
      {"rlogin", {.transport = Transport::kTcp, .responder_port = 513}, 3600},
      {"handshake", {.transport = Transport::kTcp, .is_handshaking = true}, 60},
      {"attempt",
       {.transport = Transport::kTcp, .is_handshaking = true, .is_unanswered = true},
       5,
       Deadline::By::kAttempt},
      {"attempt to log in",
       {.transport = Transport::kTcp, .responder_port = 23, .is_unanswered = true},
       5,
       Deadline::By::kAttempt},
      {"UDP", {.transport = Transport::kUdp, .responder_port = 2000}, 60},
      {"ICMP", {.transport = Transport::kIcmp}, 60},
      {"other", {}, 60},
      {"DNS", {.transport = Transport::kUdp, .responder_port = 53, .is_dns = true}, 10},
  };
  for (const Row& row : rows) {
    IdleFlow flow = row.flow;
    flow.created_ts = flow.last_ts = flow.counted_ts = kBegin;
    const Deadline end = deadline(flow, {});
    EXPECT_EQ(end.ts - kBegin, row.seconds * kSecond) << row.what;
    EXPECT_EQ(end.by, row.by) << row.what;
  }
}

// Zeek's timer looks at a DNS session ten seconds after it began and every ten seconds then, and
// ends it when nothing came for nine.
TEST(FlowTimeOuts, DnsIsLookedAtEveryTenSeconds) {
  IdleFlow flow{.transport = Transport::kUdp, .is_dns = true, .created_ts = kBegin};
  const auto end_after = [&](std::int64_t last_ns) {
    flow.last_ts = flow.counted_ts = kBegin + last_ns;
    return deadline(flow, {}).ts - kBegin;
  };
  EXPECT_EQ(end_after(0), 10 * kSecond);
  EXPECT_EQ(end_after(kSecond), 10 * kSecond);
  EXPECT_EQ(end_after(kSecond + 1), 20 * kSecond);
  EXPECT_EQ(end_after(11 * kSecond), 20 * kSecond);
  EXPECT_EQ(end_after(11 * kSecond + 1), 30 * kSecond);
}

// And at connections of which one side has ended: five seconds after the first packet and every six
// then, and every six after the first side's end.
TEST(FlowTimeOuts, EndsAreLookedAtEverySixSeconds) {
  IdleFlow flow{.transport = Transport::kTcp, .is_closing = true, .created_ts = kBegin};
  const auto end_after = [&](std::int64_t last, std::int64_t closing) {
    flow.last_ts = flow.counted_ts = kBegin + last * kSecond;
    flow.closing_ts = closing == 0 ? 0 : kBegin + closing * kSecond;
    const Deadline end = deadline(flow, {});
    EXPECT_EQ(end.by, Deadline::By::kLinger);
    return (end.ts - kBegin) / kSecond;
  };
  EXPECT_EQ(end_after(1, 0), 11);  // of 5, 11, 17 the first after 6
  EXPECT_EQ(end_after(7, 0), 17);  // after 12
  EXPECT_EQ(end_after(7, 7), 13);  // of 13, 19, …
  EXPECT_EQ(end_after(9, 1), 17);  // of 7, 13, 19 and 5, 11, 17 the first after 14
}

TEST(FlowTimeOuts, CanBeSet) {
  TimeOuts time_outs;
  time_outs.udp = 2 * kSecond;
  time_outs.dns = 0;
  IdleFlow flow{.transport = Transport::kUdp, .is_dns = true};
  EXPECT_EQ(deadline(flow, time_outs).ts, 2 * kSecond);
  EXPECT_EQ(time_outs.shortest_idle(), 2 * kSecond);
  EXPECT_EQ(TimeOuts{}.shortest_idle(), 5 * kSecond);
}

// The shortest of those that a flow has ends it.
TEST(FlowTimeOuts, TheFirstEndsTheFlow) {
  TimeOuts time_outs;
  IdleFlow asking{.transport = Transport::kTcp, .is_handshaking = true, .is_unanswered = true};
  for (const std::int64_t attempt : {59, 60, 61}) {
    time_outs.attempt = attempt * kSecond;
    const Deadline end = deadline(asking, time_outs);
    EXPECT_EQ(end.ts, std::min<std::int64_t>(attempt, 60) * kSecond);
    EXPECT_EQ(end.by, attempt < 60 ? Deadline::By::kAttempt : Deadline::By::kIdle);
  }
  // Looked at after 11 seconds, for it lingers for five at least.
  IdleFlow closing{.transport = Transport::kTcp,
                   .is_closing = true,
                   .created_ts = 0,
                   .last_ts = kSecond,
                   .counted_ts = kSecond};
  for (const std::int64_t idle : {9, 10, 11}) {
    time_outs.tcp = idle * kSecond;
    const Deadline end = deadline(closing, time_outs);
    EXPECT_EQ(end.ts, std::min<std::int64_t>(idle + 1, 11) * kSecond);
    EXPECT_EQ(end.by, idle + 1 > 11 ? Deadline::By::kLinger : Deadline::By::kIdle);
  }
}

// Times of strangers' records may be any.
TEST(FlowTimeOuts, StayAtTheEndOfTime) {
  IdleFlow flow{.transport = Transport::kUdp,
                .is_dns = true,
                .created_ts = 0,
                .last_ts = INT64_MAX - 1,
                .counted_ts = INT64_MAX - 1};
  EXPECT_EQ(deadline(flow, {}).ts, INT64_MAX);
  flow.transport = Transport::kTcp;
  flow.is_dns = false;
  flow.is_void = true;
  EXPECT_EQ(deadline(flow, {}).ts, INT64_MAX);
}

}  // namespace
}  // namespace tracebraid::formats::pcap
