// When flows begin and end, and that nothing is lost between. The times are Zeek's
// (scripts/base/init-bare.zeek).
#include "converters/pcap/flow_table.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/converters/pcap/packets.h"

namespace tracebraid::converters::pcap {
namespace {

using namespace tests;

constexpr Side kC = Side::kClient;
constexpr Side kS = Side::kServer;

std::string udp_packet(int from, int to, int source, int destination, std::size_t payload = 10) {
  const Hosts hosts = {host4(from), host4(to)};
  return ipv4(hosts, 17, udp(hosts, source, destination, std::string(payload, 'x')));
}

// Packets of two kinds of another flow go by now and then, as they do.
void pass_time(Capture& capture, std::int64_t from, std::int64_t until) {
  for (std::int64_t at = from; at <= until; at += kSecond) {
    static_cast<void>(capture.add(at, udp_packet(77, 78, 7, 7)));
  }
}

// Flows that began with the packet at kStart, that is without the ones that let time pass.
std::size_t count_from(const std::vector<record::Flow>& flows, int source_port) {
  std::size_t count = 0;
  for (const record::Flow& flow : flows) count += flow.orig_p == source_port ? 1U : 0U;
  return count;
}

TEST(FlowTable, UdpStates) {
  Capture capture;
  static_cast<void>(capture.add(kStart, udp_packet(1, 2, 1000, 2000, 10)));
  static_cast<void>(capture.add(kStart + 5, udp_packet(1, 2, 1001, 2000, 10)));
  static_cast<void>(capture.add(kStart + 10, udp_packet(2, 1, 2000, 1001, 20)));
  static_cast<void>(capture.add(kStart + 20, udp_packet(2, 1, 53, 1002, 30)));
  const std::vector<record::Flow> flows = capture.finish();
  ASSERT_EQ(flows.size(), 3U);
  EXPECT_EQ(flows[0].conn_state, "S0");
  EXPECT_EQ(flows[0].history, "D");
  EXPECT_FALSE(flows[0].duration.has_value());
  EXPECT_FALSE(flows[0].orig_bytes.has_value());
  EXPECT_EQ(flows[0].orig_payload_bytes, 10U);
  EXPECT_EQ(flows[1].conn_state, "SF");
  EXPECT_EQ(flows[1].history, "Dd");
  EXPECT_EQ(flows[1].duration->ns, 5);
  EXPECT_EQ(flows[1].orig_bytes, 10U);
  EXPECT_EQ(flows[1].resp_bytes, 20U);
  EXPECT_EQ(flows[1].orig_ip_bytes, 38U);
  EXPECT_EQ(flows[1].resp_ip_bytes, 48U);
  // A likely server that is seen first has been asked before.
  EXPECT_EQ(flows[2].conn_state, "SHR");
  EXPECT_EQ(flows[2].history, "^d");
  EXPECT_EQ(flows[2].orig_p, 1002);
  EXPECT_EQ(flows[2].resp_p, 53);
}

TEST(FlowTable, ABroadcastIsNotTurnedRound) {
  Capture capture;
  const Hosts hosts = {host4(1), hex("ff ff ff ff")};
  static_cast<void>(capture.add(kStart, ipv4(hosts, 17, udp(hosts, 53, 1000, "x"))));
  EXPECT_EQ(capture.finish().at(0).orig_p, 53);
}

TEST(FlowTable, AnIcmpReplyIsTheRespondersToo) {
  Capture capture;
  const Hosts hosts = hosts4();
  static_cast<void>(capture.add(kStart, ipv4(hosts.turned(), 1, icmp4(0, 0, "abcd data"))));
  static_cast<void>(capture.add(kStart + 1, ipv4(hosts, 1, icmp4(8, 0, "abcd data!"))));
  const std::vector<record::Flow> flows = capture.finish();
  ASSERT_EQ(flows.size(), 1U);
  EXPECT_EQ(flows[0].orig_p, 8);
  EXPECT_EQ(flows[0].resp_p, 0);
  EXPECT_EQ(flows[0].orig_payload_bytes, 6U);
  EXPECT_EQ(flows[0].resp_payload_bytes, 5U);
  EXPECT_EQ(flows[0].conn_state, "OTH");
  EXPECT_EQ(flows[0].proto, "icmp");
}

struct Idle {
  const char* what;
  std::int64_t seconds;
  int port;
  std::vector<Said> before;
};

TEST(FlowTable, TcpIsIdleAfterItsTime) {
  const std::vector<Said> handshake = {{kC, "S", 0}, {kS, "SA", 0, 1}, {kC, "A", 1, 1}};
  const Idle rows[] = {
      {"established", 300, 12345, handshake},
      {"login", 3600, 22, handshake},
      {"attempt", 5, 12345, {{kC, "S", 0}}},
  };
  for (const Idle& row : rows) {
    for (const bool is_late : {false, true}) {
      SCOPED_TRACE(std::string(row.what) + (is_late ? ", late" : ", in time"));
      Talk talk({.server_port = static_cast<std::uint16_t>(row.port)});
      for (const Said& each : row.before) talk.say(each);
      talk.wait(row.seconds * kSecond + (is_late ? 1 : -1) * 2 * kMillisecond);
      const bool is_established = row.before.size() > 1;
      talk.say(is_established ? Said{kC, "PA", 1, 1, 5} : Said{kC, "S", 0});
      const std::vector<record::Flow> flows = talk.finish();
      ASSERT_EQ(flows.size(), is_late ? 2U : 1U);
      if (is_late) {
        EXPECT_EQ(flows[0].end_reason, is_established ? "idle" : "attempt");
        EXPECT_EQ(flows[0].last_ts.ns - kStart,
                  static_cast<std::int64_t>(row.before.size()) * kMillisecond);
      }
    }
  }
}

TEST(FlowTable, TheOthersAreIdleAfterTheirTime) {
  struct Row {
    const char* what;
    std::string packet;
    std::int64_t seconds;
  };
  const Hosts hosts = hosts4();
  const Row rows[] = {
      {"udp", udp_packet(1, 2, 1000, 2000), 60},
      {"icmp", ipv4(hosts, 1, icmp4(8, 0, "abcd")), 60},
      {"other", ipv4(hosts, 89, "ospf"), 60},
      {"dns", udp_packet(1, 2, 1000, 53), 10},
  };
  for (const Row& row : rows) {
    for (const bool is_late : {false, true}) {
      SCOPED_TRACE(std::string(row.what) + (is_late ? ", late" : ", in time"));
      Capture capture;
      static_cast<void>(capture.add(kStart, row.packet));
      static_cast<void>(
          capture.add(kStart + row.seconds * kSecond + (is_late ? 1 : -1), row.packet));
      const std::vector<record::Flow> flows = capture.finish();
      ASSERT_EQ(flows.size(), is_late ? 2U : 1U);
      EXPECT_EQ(flows[0].end_reason, is_late ? "idle" : "eof");
    }
  }
}

TEST(FlowTable, TimeOutsCanBeSet) {
  Capture::TableOptions options;
  options.time_outs.udp = 2 * kSecond;
  Capture capture(options);
  static_cast<void>(capture.add(kStart, udp_packet(1, 2, 1000, 2000)));
  static_cast<void>(capture.add(kStart + 3 * kSecond, udp_packet(1, 2, 1000, 2000)));
  EXPECT_EQ(capture.finish().size(), 2U);
}

// They are reported while the capture goes on, not when the next packet of theirs comes.
TEST(FlowTable, FlowsEndWhileOthersGoOn) {
  Capture capture;
  static_cast<void>(capture.add(kStart, udp_packet(1, 2, 1000, 2000)));
  pass_time(capture, kStart, kStart + 58 * kSecond);
  EXPECT_EQ(capture.ended().size(), 0U);
  pass_time(capture, kStart + 59 * kSecond, kStart + 63 * kSecond);
  ASSERT_EQ(capture.ended().size(), 1U);
  EXPECT_EQ(capture.ended()[0].orig_p, 1000);
  EXPECT_EQ(capture.ended()[0].end_reason, "idle");
}

TEST(FlowTable, WhatClosedIsReportedAfterTheTimeForLatePackets) {
  const std::vector<Said> all = {{kC, "S", 0},     {kS, "SA", 0, 1}, {kC, "A", 1, 1},
                                 {kC, "FA", 1, 1}, {kS, "FA", 1, 2}, {kC, "A", 2, 2}};
  for (const bool is_late : {false, true}) {
    SCOPED_TRACE(is_late);
    Talk talk;
    for (const Said& each : all) talk.say(each);
    talk.wait((is_late ? 6 : 4) * kSecond);
    talk.say({kS, "FA", 1, 2});
    const std::vector<record::Flow> flows = talk.finish();
    ASSERT_EQ(flows.size(), is_late ? 2U : 1U);
    EXPECT_EQ(flows[0].end_reason, "closed");
    EXPECT_EQ(flows[0].resp_pkts, is_late ? 2U : 3U);
    // Late packets do not make it longer.
    EXPECT_LT(flows[0].duration->ns, 10 * kMillisecond);
  }
  Talk talk;
  for (const Said& each : all) talk.say(each);
  pass_time(talk.capture(), talk.now(), talk.now() + 8 * kSecond);
  EXPECT_EQ(talk.capture().ended().size(), 1U);
}

TEST(FlowTable, HalfOfAConversationIsNotWaitedForLong) {
  // SYN and FIN of one side alone: looked at every six seconds, once five have passed.
  Talk talk;
  talk.say({{kC, "S", 0}, {kC, "FA", 1, 1}});
  pass_time(talk.capture(), talk.now(), talk.now() + 20 * kSecond);
  ASSERT_EQ(talk.capture().ended().size(), 1U);
  EXPECT_EQ(talk.capture().ended()[0].conn_state, "SH");
  EXPECT_EQ(talk.capture().ended()[0].end_reason, "closed");
}

TEST(FlowTable, AHalfClosedConnectionGoesOn) {
  // RFC 9293, 3.6: the other side may send for as long as it likes.
  Talk talk;
  talk.say({{kC, "S", 0}, {kS, "SA", 0, 1}, {kC, "A", 1, 1}, {kC, "FA", 1, 1}, {kS, "A", 1, 2}});
  pass_time(talk.capture(), talk.now(), talk.now() + 200 * kSecond);
  talk.wait(200 * kSecond);
  talk.say({{kS, "PA", 1, 2, 100}, {kC, "A", 2, 101}, {kS, "FA", 101, 2}, {kC, "A", 2, 102}});
  const std::vector<record::Flow> flows = talk.finish();
  ASSERT_EQ(count_from(flows, 40000), 1U);
  for (const record::Flow& flow : flows) {
    if (flow.orig_p != 40000) continue;
    EXPECT_EQ(flow.conn_state, "SF");
    EXPECT_EQ(flow.resp_bytes, 100U);
  }
}

TEST(FlowTable, TheFlowThatWouldTimeOutFirstIsEvicted) {
  Capture::TableOptions options;
  options.max_flows = 3;
  Capture capture(options);
  const auto packet = [&](int port, std::int64_t second) {
    static_cast<void>(capture.add(kStart + second * kSecond, udp_packet(1, 2, port, 2000)));
  };
  packet(1000, 0);
  packet(1001, 4);
  packet(1002, 8);
  packet(1000, 12);
  EXPECT_EQ(capture.table().open(), 3U);
  packet(1003, 16);
  EXPECT_EQ(capture.table().open(), 3U);
  EXPECT_EQ(capture.table().evicted(), 1U);
  ASSERT_EQ(capture.ended().size(), 1U);
  EXPECT_EQ(capture.ended()[0].orig_p, 1001);
  EXPECT_EQ(capture.ended()[0].end_reason, "evicted");
  packet(1001, 20);  // it comes back
  const std::vector<record::Flow> flows = capture.finish();
  EXPECT_EQ(flows.size(), 5U);
  std::uint64_t packets = 0;
  for (const record::Flow& flow : flows) packets += flow.orig_pkts;
  EXPECT_EQ(packets, 6U);
}

TEST(FlowTable, ALimitOfOneFlowLosesNothing) {
  Capture::TableOptions options;
  options.max_flows = 1;
  Capture capture(options);
  for (int at = 0; at < 1000; ++at) {
    static_cast<void>(capture.add(kStart + at * kSecond, udp_packet(1, 2, 1000 + at % 7, 2000)));
    EXPECT_EQ(capture.table().open(), 1U);
  }
  std::uint64_t packets = 0;
  for (const record::Flow& flow : capture.finish()) packets += flow.orig_pkts;
  EXPECT_EQ(packets, 1000U);
  EXPECT_EQ(capture.table().reported(), 1000U);
  EXPECT_EQ(capture.table().evicted(), 999U);
}

TEST(FlowTable, ManyFlowsAreFoundAgain) {
  Capture capture;
  constexpr int kFlows = 50'000;
  for (int round = 0; round < 3; ++round) {
    for (int flow = 0; flow < kFlows; ++flow) {
      const std::int64_t ts = kStart + (round * kFlows + flow) * std::int64_t{1000};
      static_cast<void>(capture.add(ts, udp_packet(1000 + flow, 5, 1000, 2000)));
    }
  }
  EXPECT_EQ(capture.table().open(), static_cast<std::size_t>(kFlows));
  const std::vector<record::Flow>& flows = capture.finish();
  ASSERT_EQ(flows.size(), static_cast<std::size_t>(kFlows));
  for (const record::Flow& flow : flows) ASSERT_EQ(flow.orig_pkts, 3U);
}

// What ends leaves holes in the table; the others must be found behind them.
TEST(FlowTable, FlowsAreFoundWhileOthersEnd) {
  Capture capture;
  constexpr int kLasting = 40;
  constexpr int kSeconds = 300;
  int transient = 0;
  for (int second = 0; second < kSeconds; ++second) {
    for (int flow = 0; flow < kLasting; ++flow) {
      const std::int64_t ts = kStart + second * kSecond + flow * kMillisecond;
      static_cast<void>(capture.add(ts, udp_packet(1, 2, 1000 + flow, 2000)));
      static_cast<void>(capture.add(ts, udp_packet(10 + transient++, 2, 999, 2000)));
    }
  }
  int lasting = 0;
  for (const record::Flow& flow : capture.finish()) {
    lasting += flow.orig_p == 999 ? 0 : 1;
    ASSERT_EQ(flow.orig_pkts, flow.orig_p == 999 ? 1U : static_cast<std::uint64_t>(kSeconds));
  }
  EXPECT_EQ(lasting, kLasting);
}

// An interface whose clock is half a minute late.
TEST(FlowTable, AFlowHasItsOwnClock) {
  Capture capture;
  for (int second = 0; second < 300; ++second) {
    const std::int64_t ts = kStart + second * kSecond;
    static_cast<void>(capture.add(ts, udp_packet(1, 2, 1000, 2000)));
    if (second % 40 == 0) {
      static_cast<void>(capture.add(ts - 30 * kSecond, udp_packet(1, 2, 1001, 2000)));
    }
  }
  EXPECT_EQ(count_from(capture.finish(), 1001), 1U);
}

TEST(FlowTable, PartsAddUp) {
  Talk::Options options;
  const auto talk_for = [](Talk& talk) {
    talk.say({{kC, "S", 0}, {kS, "SA", 0, 1}, {kC, "A", 1, 1}});
    for (std::uint32_t at = 0; at < 35; ++at) {
      talk.wait(kSecond);
      talk.say({kC, "PA", 1 + 10 * at, 1 + 20 * at, 10});
      if (at % 5 == 0) talk.say({kC, "PA", 1 + 10 * at, 1 + 20 * at, 10});
      talk.say({kS, "PA", 1 + 20 * at, 11 + 10 * at, 20});
    }
    talk.say({{kC, "FA", 351, 701}, {kS, "FA", 701, 352}, {kC, "A", 352, 702}});
  };
  Talk whole_talk(options);
  talk_for(whole_talk);
  ASSERT_EQ(whole_talk.finish().size(), 1U);
  const record::Flow whole = whole_talk.finish().front();
  EXPECT_EQ(whole.orig_bytes, 350U);
  EXPECT_EQ(whole.resp_bytes, 700U);
  EXPECT_EQ(whole.orig_pkts, 3U + 35 + 7 + 1);

  options.table.time_outs.active = 10 * kSecond;
  Talk talk(options);
  talk_for(talk);
  const std::vector<record::Flow> parts = talk.finish();
  ASSERT_EQ(parts.size(), 4U);
  record::Flow sum;
  sum.orig_bytes = sum.resp_bytes = 0;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    SCOPED_TRACE(part);
    const record::Flow& each = parts[part];
    const bool is_last = part + 1 == parts.size();
    EXPECT_EQ(each.part, part);
    EXPECT_EQ(each.final, is_last);
    EXPECT_EQ(each.uid, whole.uid);
    EXPECT_EQ(each.end_reason, is_last ? "closed" : "active");
    if (part > 0) {
      EXPECT_GT(each.ts, parts[part - 1].last_ts);
    }
    *sum.orig_bytes += each.orig_bytes.value_or(0);
    *sum.resp_bytes += each.resp_bytes.value_or(0);
    sum.orig_pkts += each.orig_pkts;
    sum.resp_pkts += each.resp_pkts;
    sum.orig_ip_bytes += each.orig_ip_bytes;
    sum.resp_ip_bytes += each.resp_ip_bytes;
    sum.orig_payload_bytes += each.orig_payload_bytes;
    sum.resp_payload_bytes += each.resp_payload_bytes;
    sum.orig_uniq_bytes += each.orig_uniq_bytes;
    sum.resp_uniq_bytes += each.resp_uniq_bytes;
    sum.orig_rexmit_pkts += each.orig_rexmit_pkts;
    sum.orig_rtt_samples += each.orig_rtt_samples;
  }
  EXPECT_EQ(sum.orig_bytes, whole.orig_bytes);
  EXPECT_EQ(sum.resp_bytes, whole.resp_bytes);
  EXPECT_EQ(sum.orig_pkts, whole.orig_pkts);
  EXPECT_EQ(sum.resp_pkts, whole.resp_pkts);
  EXPECT_EQ(sum.orig_ip_bytes, whole.orig_ip_bytes);
  EXPECT_EQ(sum.resp_ip_bytes, whole.resp_ip_bytes);
  EXPECT_EQ(sum.orig_payload_bytes, whole.orig_payload_bytes);
  EXPECT_EQ(sum.resp_payload_bytes, whole.resp_payload_bytes);
  EXPECT_EQ(sum.orig_uniq_bytes, whole.orig_uniq_bytes);
  EXPECT_EQ(sum.resp_uniq_bytes, whole.resp_uniq_bytes);
  EXPECT_EQ(sum.orig_rexmit_pkts, 7U);
  EXPECT_EQ(sum.orig_rtt_samples, whole.orig_rtt_samples);
}

TEST(FlowTable, PartsOfOnePacketAddUp) {
  Capture::TableOptions options;
  options.time_outs.active = kSecond;
  Capture capture(options);
  for (int at = 0; at < 5; ++at) {
    static_cast<void>(capture.add(kStart + at * kSecond, udp_packet(1, 2, 1000, 2000, 10)));
  }
  const std::vector<record::Flow> parts = capture.finish();
  ASSERT_EQ(parts.size(), 5U);
  for (const record::Flow& part : parts) {
    EXPECT_EQ(part.duration, record::Duration{0});
    EXPECT_EQ(part.orig_bytes, 10U);
    EXPECT_EQ(part.resp_bytes, 0U);
    EXPECT_FALSE(part.resp_last_ts.has_value());
  }
}

TEST(FlowTable, ThePacketCapturedTwiceIsToldInTheNextPartToo) {
  Capture::TableOptions options;
  options.time_outs.active = kSecond;
  Capture capture(options);
  const Hosts hosts = hosts4();
  const std::string packet = ipv4(hosts, 17, udp(hosts, 1000, 2000, "x"), {.id = 7});
  static_cast<void>(capture.add(kStart, ipv4(hosts, 17, udp(hosts, 1000, 2000, "x"), {.id = 6})));
  static_cast<void>(capture.add(kStart + kSecond - kMillisecond / 2, packet));
  static_cast<void>(capture.add(kStart + kSecond, packet));
  const std::vector<record::Flow> parts = capture.finish();
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[1].dup_pkts, 1U);
  EXPECT_EQ(parts[1].orig_first_ts, parts[1].orig_last_ts);
}

// Its SYN is not the flow's own, captured late: it is as old as the flow's, not older.
TEST(FlowTable, ACaptureReadTwiceHasItsFlowsTwiceInPartsToo) {
  for (const std::int64_t active : {std::int64_t{0}, kSecond}) {
    SCOPED_TRACE(active);
    Talk::Options options;
    options.table.time_outs.active = active;
    Talk talk(options);
    for (int time = 0; time < 2; ++time) {
      talk.wait(kStart - talk.now());
      talk.say({{kC, "S", 0}, {kS, "SA", 0, 1}, {kC, "A", 1, 1}});
      talk.wait(3 * kSecond);
      talk.say({{kC, "PA", 1, 1, 5}, {kC, "FA", 6, 1}, {kS, "FA", 1, 7}, {kC, "A", 7, 2}});
    }
    std::uint64_t bytes = 0;
    int last_parts = 0;
    for (const record::Flow& flow : talk.finish()) {
      bytes += flow.orig_uniq_bytes;
      last_parts += flow.final ? 1 : 0;
    }
    EXPECT_EQ(bytes, 10U);
    EXPECT_EQ(last_parts, 2);
  }
}

// A bridge shows each packet on each interface: those of a burst one behind the other, and then
// their copies.
TEST(FlowTable, CopiesAreNotSentAgain) {
  Capture capture;
  const Hosts hosts = hosts4();
  const auto segment = [&](std::uint32_t seq, std::uint8_t flags, std::string_view payload,
                           std::uint16_t id) {
    return ipv4(hosts, 6,
                tcp(hosts, {.source = 40000, .destination = 80, .seq = seq, .flags = flags},
                    std::string(payload)),
                {.id = id});
  };
  const std::string burst[] = {segment(1000, 2, "", 1), segment(1001, 0x18, "abc", 2),
                               segment(1004, 0x18, "defg", 3)};
  std::int64_t now = kStart;
  for (int time = 0; time < 3; ++time) {
    for (const std::string& packet : burst) {
      static_cast<void>(capture.add(now += 1000, packet));
    }
  }
  // What is sent again has an identification of its own.
  static_cast<void>(capture.add(now += 1000, segment(1004, 0x18, "defg", 4)));
  const record::Flow flow = capture.finish().at(0);
  EXPECT_EQ(flow.orig_pkts, 10U);
  EXPECT_EQ(flow.dup_pkts, 6U);
  EXPECT_EQ(flow.orig_dup_pkts, 6U);
  EXPECT_EQ(flow.resp_dup_pkts, 0U);
  EXPECT_EQ(flow.orig_payload_bytes, 3U + 4 + 4);
  EXPECT_EQ(flow.orig_uniq_bytes, 7U);
  EXPECT_EQ(flow.orig_rexmit_pkts, 1U);
  EXPECT_EQ(flow.orig_unacked_rexmit_pkts, 1U);
}

// They share their numbers, and are two.
TEST(FlowTable, AnAckAndAFinBehindItAreNoCopies) {
  const Hosts hosts = hosts4();
  for (std::uint32_t seq = 1; seq < 200; ++seq) {
    SCOPED_TRACE(seq);
    Capture capture;
    const auto add = [&](std::int64_t ts, std::uint8_t flags) {
      const std::string segment =
          tcp(hosts, {.source = 40000, .destination = 80, .seq = seq, .flags = flags}, "");
      static_cast<void>(capture.add(ts, ipv4(hosts, 6, segment, {.id = 0})));
    };
    add(kStart, 2);
    add(kStart + 1, 2);  // a copy: so pure ACKs may be, too
    add(kStart + 10, 0x10);
    add(kStart + 20, 0x11);
    EXPECT_EQ(capture.finish().at(0).dup_pkts, 1U);
  }
}

// Without identification: TCP's numbers within a millisecond; later it is sent again.
TEST(FlowTable, CopiesWithoutIdentificationAreTheSameAtOnce) {
  constexpr struct {
    std::int64_t apart;
    std::uint64_t copies;
  } kRows[] = {{999'999, 1}, {1'000'000, 0}};
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.apart);
    Capture capture;
    const Hosts hosts = hosts4();
    const std::string packet = ipv4(
        hosts, 6, tcp(hosts, {.source = 40000, .destination = 80, .seq = 7, .flags = 0x18}, "abc"),
        {.id = 0});
    static_cast<void>(capture.add(kStart, packet));
    static_cast<void>(capture.add(kStart + row.apart, packet));
    const record::Flow flow = capture.finish().at(0);
    EXPECT_EQ(flow.dup_pkts, row.copies);
    EXPECT_EQ(flow.orig_rexmit_pkts, 1 - row.copies);
  }
}

TEST(FlowTable, ThePacketCapturedTwiceIsTold) {
  Capture capture;
  const Hosts hosts = hosts4();
  const std::string segment = udp(hosts, 1000, 2000, "x");
  constexpr std::uint16_t kIds[] = {1, 1, 2, 3};
  for (const std::uint16_t id : kIds) {
    static_cast<void>(capture.add(kStart + id, ipv4(hosts, 17, segment, {.id = id})));
  }
  EXPECT_EQ(capture.finish().at(0).dup_pkts, 1U);
}

TEST(FlowTable, WrongChecksumsCountOrNot) {
  for (const bool check : {false, true}) {
    SCOPED_TRACE(check);
    Capture::TableOptions options;
    options.check_checksums = check;
    Capture capture(options);
    const Hosts hosts = hosts4();
    std::string segment = udp(hosts, 1000, 2000, "abcd");
    static_cast<void>(capture.add(kStart, ipv4(hosts, 17, segment)));
    segment.back() = 'D';
    static_cast<void>(capture.add(kStart + 1, ipv4(hosts, 17, segment)));
    const std::vector<record::Flow> flows = capture.finish();
    ASSERT_EQ(flows.size(), 1U);
    EXPECT_EQ(flows[0].bad_csum_pkts, 1U);
    EXPECT_EQ(flows[0].orig_pkts, check ? 1U : 2U);
    EXPECT_EQ(flows[0].history, check ? "DC" : "D");
    EXPECT_EQ(capture.table().dropped(), check ? 1U : 0U);
  }
}

TEST(FlowTable, PacketsCutByTheSnaplenCountAsLongAsTheyWere) {
  Capture capture;
  const std::string packet = udp_packet(1, 2, 1000, 2000, 1000);
  for (const std::size_t cut : {std::size_t{24}, std::size_t{100}, packet.size()}) {
    static_cast<void>(capture.add(kStart + static_cast<std::int64_t>(cut), packet.substr(0, cut),
                                  kLinkRaw, static_cast<std::uint32_t>(packet.size())));
  }
  const std::vector<record::Flow> flows = capture.finish();
  ASSERT_EQ(flows.size(), 1U);
  EXPECT_EQ(flows[0].orig_pkts, 3U);
  EXPECT_EQ(flows[0].orig_ip_bytes, 3U * 1028);
  EXPECT_EQ(flows[0].orig_payload_bytes, 3U * 1000);
  EXPECT_EQ(flows[0].truncated_pkts, 2U);
}

TEST(FlowTable, PacketsOfAnEarlierTimeDoNotEndFlows) {
  Capture capture;
  static_cast<void>(capture.add(kStart + 10 * kSecond, udp_packet(1, 2, 1000, 2000)));
  static_cast<void>(capture.add(kStart, udp_packet(2, 1, 2000, 1000)));
  static_cast<void>(capture.add(kStart + 11 * kSecond, udp_packet(1, 2, 1000, 2000)));
  const std::vector<record::Flow> flows = capture.finish();
  ASSERT_EQ(flows.size(), 1U);
  EXPECT_EQ(flows[0].ts.ns, kStart);
  EXPECT_EQ(flows[0].last_ts.ns, kStart + 11 * kSecond);
  EXPECT_EQ(flows[0].duration->ns, 11 * kSecond);
}

TEST(FlowTable, AFlowNamesWhatItWasTunnelledIn) {
  Capture capture;
  const Hosts outer = {host4(11), host4(12)};
  const std::string inner =
      hex("02 00 00 00 00 02 02 00 00 00 00 01 08 00") + udp_packet(1, 2, 1000, 2000);
  static_cast<void>(capture.add(
      kStart, ipv4(outer, 17, udp(outer, 5555, 4789, hex("08 00 00 00 00 00 2a 00") + inner))));
  const std::vector<record::Flow> flows = capture.finish();
  ASSERT_EQ(flows.size(), 2U);
  EXPECT_EQ(flows[0].resp_p, 4789);
  EXPECT_EQ(flows[0].tunnel, "");
  EXPECT_EQ(flows[1].resp_p, 2000);
  EXPECT_EQ(flows[1].tunnel, "vxlan:42");
  EXPECT_EQ(flows[1].tunnel_parents, flows[0].uid);
}

}  // namespace
}  // namespace tracebraid::converters::pcap
