// Connections as they are written in RFC 9293, and what Zeek's rules (conn.log's conn_state,
// history, sizes; TCPSessionAdapter.cc) make of them.
#include "converters/pcap/tcp_machine.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/converters/pcap/packets.h"

namespace tracebraid::converters::pcap {
namespace {

using namespace tests;

constexpr Side kC = Side::kClient;
constexpr Side kS = Side::kServer;

const std::vector<Said> kHandshake = {{kC, "S", 0}, {kS, "SA", 0, 1}, {kC, "A", 1, 1}};

std::vector<Said> then(std::vector<Said> all, const std::vector<Said>& more) {
  all.insert(all.end(), more.begin(), more.end());
  return all;
}
std::vector<Said> established(const std::vector<Said>& more) {
  return then(kHandshake, more);
}

// Both sides close; the client has sent up to `client`, the server up to `server`.
std::vector<Said> closing(std::uint32_t client, std::uint32_t server) {
  return {{kC, "FA", client, server},
          {kS, "FA", server, client + 1},
          {kC, "A", client + 1, server + 1}};
}

// The flows of the whole capture.
std::vector<record::Flow> flows_of(Talk& talk, const std::vector<Said>& all) {
  for (const Said& each : all) talk.say(each);
  return talk.finish();
}

// Of the only flow.
class One {
 public:
  explicit One(const std::vector<Said>& all, const Talk::Options& options = {}) : talk_(options) {
    const std::vector<record::Flow> flows = flows_of(talk_, all);
    EXPECT_EQ(flows.size(), 1U);
    if (!flows.empty()) flow_ = flows.front();
  }
  const record::Flow* operator->() const { return &flow_; }

 private:
  Talk talk_;
  record::Flow flow_;
};

TEST(TcpMachine, AnOrdinaryConnection) {
  const One flow(established({{kC, "PA", 1, 1, 6},
                              {kS, "A", 1, 7},
                              {kS, "PA", 1, 7, 11},
                              {kC, "A", 7, 12},
                              {kC, "FA", 7, 12},
                              {kS, "FA", 12, 8},
                              {kC, "A", 8, 13}}));
  EXPECT_EQ(flow->conn_state, "SF");
  EXPECT_EQ(flow->history, "ShADadFf");
  EXPECT_EQ(flow->end_reason, "closed");
  EXPECT_EQ(flow->closed_by, "orig");
  EXPECT_EQ(flow->reset_by, "");
  EXPECT_EQ(flow->orig_p, 40000);
  EXPECT_EQ(flow->resp_p, 12345);
  EXPECT_EQ(flow->orig_bytes, 6U);
  EXPECT_EQ(flow->resp_bytes, 11U);
  EXPECT_EQ(flow->orig_payload_bytes, 6U);
  EXPECT_EQ(flow->resp_payload_bytes, 11U);
  EXPECT_EQ(flow->orig_uniq_bytes, 6U);
  EXPECT_EQ(flow->resp_uniq_bytes, 11U);
  EXPECT_EQ(flow->orig_pkts, 6U);
  EXPECT_EQ(flow->resp_pkts, 4U);
  EXPECT_EQ(flow->orig_ip_bytes, 6U * 40 + 6);
  EXPECT_EQ(flow->resp_ip_bytes, 4U * 40 + 11);
  EXPECT_EQ(flow->missed_bytes, 0U);
  EXPECT_EQ(flow->orig_rexmit_pkts + flow->resp_rexmit_pkts, 0U);
  EXPECT_EQ(flow->orig_ooo_pkts + flow->resp_ooo_pkts, 0U);
  EXPECT_EQ(flow->orig_dupacks + flow->resp_dupacks, 0U);
  EXPECT_EQ(flow->dup_pkts, 0U);
  EXPECT_EQ(flow->orig_tcp_flags, "APSF");
  EXPECT_EQ(flow->resp_tcp_flags, "APSF");
}

TEST(TcpMachine, States) {
  struct Row {
    std::string_view state;
    std::string_view history;
    std::string_view end_reason;
    std::vector<Said> said;
    std::uint16_t server_port = 12345;
  };
  // Port 80 is that of a likely server: who sends from it responds.
  const std::vector<Row> rows = {
      // An attempt without an answer; sent again, too.
      {"S0", "S", "eof", {{kC, "S", 0}}},
      {"S0", "S", "eof", {{kC, "S", 0}, {kC, "S", 0}, {kC, "S", 0}}},
      {"S1", "ShA", "eof", kHandshake},
      {"S1", "ShADad", "eof",
       established({{kC, "PA", 1, 1, 6}, {kS, "A", 1, 7}, {kS, "PA", 1, 7, 3}})},
      {"SF", "ShAFf", "closed", established(closing(1, 1))},
      {"SF", "ShAfFa", "closed",
       established({{kS, "FA", 1, 1}, {kC, "FA", 1, 2}, {kS, "A", 2, 2}})},
      // Only one side has closed.
      {"S2", "ShAFa", "eof", established({{kC, "FA", 1, 1}, {kS, "A", 1, 2}})},
      {"S3", "ShAf", "eof", established({{kS, "FA", 1, 1}, {kC, "A", 1, 2}})},
      {"REJ", "Sr", "reset", {{kC, "S", 0}, {kS, "RA", 0, 1}}},
      {"RSTO", "ShADaR", "reset",
       established({{kC, "PA", 1, 1, 6}, {kS, "A", 1, 7}, {kC, "RA", 7, 1}})},
      {"RSTR", "ShADr", "reset", established({{kC, "PA", 1, 1, 6}, {kS, "RA", 1, 7}})},
      // Reset by its originator before there was an answer: a port scan.
      {"RSTOS0", "SR", "reset", {{kC, "S", 0}, {kC, "R", 1}}},
      // SYN-ACK and RST, but no SYN in the capture.
      {"RSTRH", "^hr", "reset", {{kS, "SA", 0, 1}, {kS, "R", 1}}, 80},
      // SYN and FIN, but no SYN-ACK: half of the conversation is not in the capture.
      {"SH", "SF", "closed", {{kC, "S", 0}, {kC, "FA", 1, 1}}},
      {"SHR", "^hf", "closed", {{kS, "SA", 0, 1}, {kS, "FA", 1, 1}}, 80},
      // Met in the middle.
      {"OTH", "DdA", "eof", {{kC, "PA", 9, 9, 5}, {kS, "PA", 9, 14, 5}, {kC, "A", 14, 14}}},
      {"OTH", "^dD", "eof", {{kS, "PA", 9, 9, 5}, {kC, "PA", 9, 14, 5}}, 80},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.state) + " " + std::string(row.history));
    const One flow(row.said, {.server_port = row.server_port});
    EXPECT_EQ(flow->conn_state, row.state);
    EXPECT_EQ(flow->history, row.history);
    EXPECT_EQ(flow->end_reason, row.end_reason);
    EXPECT_EQ(flow->orig_p, 40000);
  }
}

TEST(TcpMachine, WhoClosedAndWhoReset) {
  EXPECT_EQ(One(established(closing(1, 1)))->closed_by, "orig");
  EXPECT_EQ(One(established({{kS, "FA", 1, 1}, {kC, "FA", 1, 2}}))->closed_by, "resp");
  EXPECT_EQ(One(established({{kC, "R", 1}}))->reset_by, "orig");
  EXPECT_EQ(One(established({{kS, "R", 1}}))->reset_by, "resp");
  EXPECT_EQ(One(established({{kS, "R", 1}}))->closed_by, "");
}

TEST(TcpMachine, LettersOfTheHistory) {
  struct Row {
    std::string_view history;
    std::vector<Said> more;  // after the handshake
  };
  const std::vector<Row> rows = {
      // A FIN that carries data is F alone.
      {"ShAFf", {{kC, "FPA", 1, 1, 6}, {kS, "FA", 1, 8}}},
      // The same FIN again is not written, another is.
      {"ShAFa", {{kC, "FA", 1, 1}, {kC, "FA", 1, 1}, {kS, "A", 1, 2}}},
      {"ShAFF", {{kC, "FA", 1, 1}, {kC, "FA", 2, 1}}},
      {"ShAI", {{kC, "FRA", 1, 1}}},
      {"ShAQ", {{kC, "SFA", 1, 1}}},
      // Sent again; and at the tenth time.
      {"ShADT", {{kC, "PA", 1, 1, 6}, {kC, "PA", 1, 1, 6}, {kC, "PA", 1, 1, 6}}},
      {"ShADTT", then({{kC, "PA", 1, 1, 6}}, std::vector<Said>(10, {kC, "PA", 1, 1, 6}))},
      // Zero windows, likewise.
      {"ShADwa", {{kC, "PA", 1, 1, 6}, {.who = kS, .flags = "A", .seq = 1, .ack = 7, .window = 0}}},
      {"ShADwaw",
       then({{kC, "PA", 1, 1, 6}},
            std::vector<Said>(11, {.who = kS, .flags = "A", .seq = 1, .ack = 7, .window = 0}))},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.history);
    // W and the letter of the segment itself may stand either way round.
    std::string history(One(established(row.more))->history);
    if (const std::size_t at = history.find("aw"); at != std::string::npos) {
      history.replace(at, 2, "wa");
    }
    EXPECT_EQ(history, row.history);
  }
}

TEST(TcpMachine, PayloadSentAgainIsCounted) {
  const One flow(established({{kC, "PA", 1, 1, 6},
                              {kC, "PA", 1, 1, 6},   // all of it
                              {kC, "PA", 4, 1, 10},  // three old, seven new
                              {kS, "A", 1, 14},
                              {kC, "A", 13, 1, 1}}));  // a keep-alive's old octet
  EXPECT_EQ(flow->orig_rexmit_pkts, 2U);
  EXPECT_EQ(flow->orig_rexmit_bytes, 6U + 3);
  EXPECT_EQ(flow->orig_probe_pkts, 1U);
  EXPECT_EQ(flow->orig_payload_bytes, 6U + 6 + 10 + 1);
  EXPECT_EQ(flow->orig_uniq_bytes, 13U);
  EXPECT_EQ(flow->orig_bytes, 13U);
  EXPECT_EQ(flow->orig_ooo_pkts, 0U);
  EXPECT_EQ(flow->resp_rexmit_pkts, 0U);
}

// RFC 9293, 3.8.6.1: a probe of a window of 0 brings a byte, which comes again with what follows.
TEST(TcpMachine, ProbesOfAWindowAreNotSentAgain) {
  const Said shut = {.who = kS, .flags = "A", .seq = 1, .ack = 7, .window = 0};
  Said later = shut;
  later.after_ns = 2 * kSecond;
  for (const std::size_t probes : {std::size_t{1}, std::size_t{3}}) {
    SCOPED_TRACE(probes);
    std::vector<Said> said = {{kC, "PA", 1, 1, 6}, shut};
    for (std::size_t at = 0; at < probes; ++at) {
      said.push_back({kC, "A", 7, 1, 1});
      said.push_back(later);
    }
    said.push_back({.who = kS, .flags = "A", .seq = 1, .ack = 7, .window = 1000});
    said.push_back({kC, "PA", 7, 1, 10});
    const One flow(established(said));
    EXPECT_EQ(flow->orig_probe_pkts, probes);
    EXPECT_EQ(flow->orig_rexmit_pkts, 0U);
    EXPECT_EQ(flow->orig_uniq_bytes, 16U);
    ASSERT_TRUE(flow->resp_zero_win_time.has_value());
    EXPECT_GE(flow->resp_zero_win_time->ns, static_cast<std::int64_t>(probes) * 2 * kSecond);
    EXPECT_LT(flow->resp_zero_win_time->ns,
              static_cast<std::int64_t>(probes) * 2 * kSecond + kSecond);
    EXPECT_FALSE(flow->orig_zero_win_time.has_value());
  }
}

// From the first sending to the second, of what the peer had not acknowledged by then.
TEST(TcpMachine, WhatIsSentAgainWithoutAnAckIsTold) {
  const One waits(established(
      {{kC, "PA", 1, 1, 6},
       {.who = kC, .flags = "PA", .seq = 1, .ack = 1, .payload = 6, .after_ns = kSecond / 5}}));
  EXPECT_EQ(waits->orig_unacked_rexmit_pkts, 1U);
  EXPECT_EQ(waits->orig_rexmit_wait, record::Duration{kSecond / 5});
  const One had_it(established({{kC, "PA", 1, 1, 6}, {kS, "A", 1, 7}, {kC, "PA", 1, 1, 6}}));
  EXPECT_EQ(had_it->orig_rexmit_pkts, 1U);
  EXPECT_EQ(had_it->orig_unacked_rexmit_pkts, 0U);
  EXPECT_FALSE(had_it->orig_rexmit_wait.has_value());
}

TEST(TcpMachine, WhatIsSentAgainAboveAHoleFillsNone) {
  const One flow(established({{kC, "A", 1, 1, 10},
                              {kC, "A", 21, 1, 10},
                              {kC, "A", 26, 1, 10}}));  // five old, five new, behind all others
  EXPECT_EQ(flow->orig_ooo_pkts, 0U);
  EXPECT_EQ(flow->orig_rexmit_pkts, 1U);
  EXPECT_EQ(flow->orig_rexmit_bytes, 5U);
}

TEST(TcpMachine, SegmentsOutOfOrderAreNotSentAgain) {
  const One flow(established({{kC, "A", 1, 1, 10},
                              {kC, "A", 21, 1, 10},
                              {kC, "A", 31, 1, 10},
                              {kC, "A", 11, 1, 10},
                              {kS, "A", 1, 41}}));
  EXPECT_EQ(flow->orig_ooo_pkts, 1U);
  EXPECT_EQ(flow->orig_rexmit_pkts, 0U);
  EXPECT_EQ(flow->orig_uniq_bytes, 40U);
  EXPECT_EQ(flow->missed_bytes, 0U);
}

TEST(TcpMachine, DuplicateAcknowledgementsAskForWhatIsMissing) {
  // RFC 5681, 2: same number and window, no data, no SYN nor FIN, data outstanding.
  const One flow(established({{kC, "A", 1, 1, 10},
                              {kS, "A", 1, 11},
                              {kC, "A", 21, 1, 10},
                              {kS, "A", 1, 11},
                              {kC, "A", 31, 1, 10},
                              {kS, "A", 1, 11},
                              {.who = kS, .flags = "A", .seq = 1, .ack = 11, .window = 900},
                              {kC, "A", 11, 1, 10},
                              {kS, "A", 1, 41},
                              {.who = kS, .flags = "A", .seq = 1, .ack = 41, .window = 1000},
                              {kS, "A", 1, 41}}));  // nothing is outstanding
  EXPECT_EQ(flow->resp_dupacks, 2U);
  EXPECT_EQ(flow->orig_dupacks, 0U);
}

TEST(TcpMachine, WhatWasAcknowledgedButNotSeenIsMissed) {
  const One flow(established({{kC, "PA", 1, 1, 10},
                              {kS, "A", 1, 11},
                              {kC, "PA", 31, 1, 10},  // 11 to 30 are not in the capture
                              {kS, "A", 1, 41},
                              {kS, "PA", 101, 41, 5},  // 1 to 100 are not
                              {kC, "A", 41, 106}}));
  EXPECT_EQ(flow->missed_bytes, 120U);
  EXPECT_EQ(flow->orig_bytes, 40U);
  EXPECT_EQ(flow->orig_payload_bytes, 20U);
  EXPECT_EQ(flow->resp_bytes, 105U);
  EXPECT_EQ(flow->resp_payload_bytes, 5U);
  EXPECT_NE(flow->history.find('G'), std::string_view::npos);
  EXPECT_NE(flow->history.find('g'), std::string_view::npos);
}

TEST(TcpMachine, SequenceNumbersWrap) {
  for (const std::uint32_t isn : {0xFFFF'FFFFU, 0xFFFF'FFFEU, 0xFFFF'FFF0U, 0x7FFF'FFF0U}) {
    SCOPED_TRACE(isn);
    const One flow(established({{kC, "PA", 1, 1, 10},
                                {kC, "PA", 11, 1, 10},
                                {kS, "A", 1, 21},
                                {kS, "PA", 1, 21, 100},
                                {kC, "A", 21, 101},
                                {kC, "FA", 21, 101},
                                {kS, "FA", 101, 22},
                                {kC, "A", 22, 102}}),
                   {.client_isn = isn, .server_isn = isn - 50});
    EXPECT_EQ(flow->conn_state, "SF");
    EXPECT_EQ(flow->history, "ShADadFf");
    EXPECT_EQ(flow->orig_bytes, 20U);
    EXPECT_EQ(flow->resp_bytes, 100U);
    EXPECT_EQ(flow->orig_uniq_bytes, 20U);
    EXPECT_EQ(flow->resp_uniq_bytes, 100U);
    EXPECT_EQ(flow->missed_bytes, 0U);
    EXPECT_EQ(flow->orig_rexmit_pkts + flow->orig_ooo_pkts, 0U);
  }
}

TEST(TcpMachine, MoreThanTheSequenceNumbersHold) {
  Talk talk;
  for (const Said& each : kHandshake) talk.say(each);
  std::uint64_t sent = 0;
  constexpr std::uint32_t kSegment = 60'000;
  while (sent < 10'000'000'000) {
    talk.say({.who = kC,
              .flags = "A",
              .seq = static_cast<std::uint32_t>(1 + sent),
              .ack = 1,
              .payload = kSegment,
              .after_ns = 1000});
    sent += kSegment;
    const auto next = static_cast<std::uint32_t>(1 + sent);
    talk.say({.who = kS, .flags = "A", .seq = 1, .ack = next, .after_ns = 1000});
  }
  for (const Said& each : closing(static_cast<std::uint32_t>(1 + sent), 1)) talk.say(each);
  const std::vector<record::Flow> flows = talk.finish();
  ASSERT_EQ(flows.size(), 1U);
  EXPECT_EQ(flows[0].orig_bytes, sent);
  EXPECT_EQ(flows[0].orig_uniq_bytes, sent);
  EXPECT_EQ(flows[0].orig_rexmit_bytes, 0U);
  EXPECT_EQ(flows[0].missed_bytes, 0U);
  EXPECT_EQ(flows[0].conn_state, "SF");
}

TEST(TcpMachine, Times) {
  const auto ms = [](std::int64_t count) { return count * kMillisecond; };
  const One flow(
      {{.who = kC, .flags = "S", .seq = 0, .after_ns = 0},
       {.who = kC, .flags = "S", .seq = 0, .after_ns = ms(1000)},
       {.who = kS, .flags = "SA", .seq = 0, .ack = 1, .after_ns = ms(20)},
       {.who = kC, .flags = "A", .seq = 1, .ack = 1, .after_ns = ms(3)},
       {.who = kC, .flags = "PA", .seq = 1, .ack = 1, .payload = 5, .after_ns = ms(10)},
       {.who = kC, .flags = "PA", .seq = 6, .ack = 1, .payload = 5, .after_ns = ms(10)},
       {.who = kS, .flags = "A", .seq = 1, .ack = 11, .after_ns = ms(7)},
       {.who = kS, .flags = "PA", .seq = 1, .ack = 11, .payload = 5, .after_ns = ms(200)},
       {.who = kC, .flags = "A", .seq = 11, .ack = 6, .after_ns = ms(4)}});
  const std::int64_t synack = kStart + ms(1020);
  EXPECT_EQ(flow->ts.ns, kStart);
  EXPECT_EQ(flow->syn_ts->ns, kStart + ms(1000));
  EXPECT_EQ(flow->synack_ts->ns, synack);
  EXPECT_EQ(flow->handshake_ack_ts->ns, synack + ms(3));
  EXPECT_EQ(flow->synack_rtt->ns, ms(20));
  EXPECT_EQ(flow->ack_rtt->ns, ms(3));
  EXPECT_EQ(flow->handshake_rtt->ns, ms(23));
  EXPECT_EQ(flow->response_latency->ns, ms(207));
  EXPECT_EQ(flow->max_idle->ns, ms(1000));
  EXPECT_EQ(flow->orig_first_data->ns, synack + ms(13));
  EXPECT_EQ(flow->orig_last_data->ns, synack + ms(23));
  EXPECT_EQ(flow->resp_first_data->ns, synack + ms(230));
  // One acknowledgement of two segments times the later.
  EXPECT_EQ(flow->orig_rtt_samples, 1U);
  EXPECT_EQ(flow->orig_rtt_min->ns, ms(7));
  EXPECT_EQ(flow->resp_rtt_samples, 1U);
  EXPECT_EQ(flow->resp_rtt_avg->ns, ms(4));
  EXPECT_EQ(flow->last_ts.ns, synack + ms(234));
  EXPECT_EQ(flow->duration->ns, ms(1254));
}

TEST(TcpMachine, WhatWasSentTwiceIsNotTimed) {
  // RFC 6298, 3: Karn's algorithm.
  const One flow(established({{kC, "PA", 1, 1, 5}, {kC, "PA", 1, 1, 5}, {kS, "A", 1, 6}}));
  EXPECT_EQ(flow->orig_rtt_samples, 0U);
  EXPECT_FALSE(flow->orig_rtt_min.has_value());
}

TEST(TcpMachine, TheMaximumSegmentSizeIsRead) {
  const std::string mss = hex("02 04 05 b4");
  const std::string behind = hex("01 01 08 0a 00 00 00 01 00 00 00 00 02 04 02 18");
  const std::string broken = hex("03 00 02 04");  // a length of 0
  const One flow({{.who = kC, .flags = "S", .seq = 0, .options = mss},
                  {.who = kS, .flags = "SA", .seq = 0, .ack = 1, .options = behind}});
  EXPECT_EQ(flow->orig_mss, 1460);
  EXPECT_EQ(flow->resp_mss, 536);
  const One without({{.who = kC, .flags = "S", .seq = 0, .options = broken}, {kS, "SA", 0, 1}});
  EXPECT_FALSE(without->orig_mss.has_value());
  EXPECT_FALSE(without->resp_mss.has_value());
}

// The client's FIN is captured before it acknowledges the server's data.
TEST(TcpMachine, AFinThatOvertakesAnAcknowledgementCloses) {
  const One flow(established({{kC, "PA", 1, 1, 6},
                              {kS, "A", 1, 7},
                              {kS, "PA", 1, 7, 6},
                              {kC, "FA", 7, 1},
                              {kS, "FA", 7, 8},
                              {kC, "A", 8, 7},
                              {kC, "A", 8, 8}}));
  EXPECT_EQ(flow->conn_state, "SF");
  EXPECT_EQ(flow->end_reason, "closed");
}

// The same with the numbers exactly as they were captured: the first acknowledgement, too, has the
// client's old sequence number.
TEST(TcpMachine, AFinThatOvertakesOlderSegmentsCloses) {
  const One flow(established({{kC, "PA", 1, 1, 6},
                              {kS, "A", 1, 7},
                              {kS, "PA", 1, 7, 6},
                              {kC, "FA", 7, 1},
                              {kS, "FA", 7, 8},
                              {kC, "A", 7, 7},
                              {kC, "A", 8, 8}}));
  EXPECT_EQ(flow->conn_state, "SF");
  EXPECT_EQ(flow->end_reason, "closed");
}

// RFC 9293, 3.6, figure 13.
TEST(TcpMachine, BothMayCloseAtOnce) {
  const One flow(
      established({{kC, "FA", 1, 1}, {kS, "FA", 1, 1}, {kC, "A", 2, 2}, {kS, "A", 2, 2}}));
  EXPECT_EQ(flow->conn_state, "SF");
  EXPECT_EQ(flow->end_reason, "closed");
  EXPECT_EQ(flow->closed_by, "orig");
}

// RFC 9293, 3.5, figure 8: two SYNs that cross are one connection.
TEST(TcpMachine, BothMayOpenAtOnce) {
  const One flow({{kC, "S", 0},
                  {kS, "S", 0},
                  {kS, "S", 0},  // it, too, may be sent again
                  {kC, "SA", 0, 1},
                  {kS, "SA", 0, 1},
                  {kC, "PA", 1, 1, 6},
                  {kS, "A", 1, 7},
                  {kC, "FA", 7, 1},
                  {kS, "FA", 1, 8},
                  {kC, "A", 8, 2}});
  EXPECT_EQ(flow->conn_state, "SF");
  EXPECT_EQ(flow->end_reason, "closed");
  EXPECT_TRUE(flow->history.starts_with("Ss")) << flow->history;
  EXPECT_EQ(flow->orig_bytes, 6U);
  EXPECT_EQ(flow->resp_bytes, 0U);
  EXPECT_EQ(flow->orig_p, 40000);
}

TEST(TcpMachine, ASynThatComesLateStillAsks) {
  // The capture has the SYN-ACK first.
  const One flow(then({{kS, "SA", 0, 1}, {kC, "S", 0}}, {{kC, "A", 1, 1}, {kC, "PA", 1, 1, 5}}));
  EXPECT_EQ(flow->orig_p, 40000);
  EXPECT_EQ(flow->conn_state, "S1");
  EXPECT_EQ(flow->orig_bytes, 5U);
}

TEST(TcpMachine, WhoAnswersALoneSynAckHadAsked) {
  const One flow({{kS, "SA", 0, 1}, {kC, "A", 1, 1}, {kC, "PA", 1, 1, 5}});
  EXPECT_EQ(flow->orig_p, 40000);
  EXPECT_EQ(flow->history, "^hAD");
  EXPECT_EQ(flow->orig_pkts, 2U);
  EXPECT_EQ(flow->resp_pkts, 1U);
  EXPECT_EQ(flow->orig_bytes, 5U);
  EXPECT_EQ(flow->orig_uniq_bytes, 5U);
  EXPECT_EQ(flow->resp_bytes, 0U);
}

TEST(TcpMachine, APortUsedAgainIsAnotherFlow) {
  for (const bool has_closed : {true, false}) {
    SCOPED_TRACE(has_closed);
    Talk talk;
    for (const Said& each : kHandshake) talk.say(each);
    if (has_closed) {
      for (const Said& each : closing(1, 1)) talk.say(each);
    }
    talk.options().client_isn += 12'345'678;
    talk.options().server_isn += 2'345'678;
    const std::vector<record::Flow> flows =
        flows_of(talk, established({{kC, "PA", 1, 1, 5}, {kS, "A", 1, 6}}));
    ASSERT_EQ(flows.size(), 2U);
    EXPECT_EQ(flows[0].conn_state, has_closed ? "SF" : "S1");
    if (!has_closed) {
      EXPECT_EQ(flows[0].end_reason, "reuse");
    }
    EXPECT_EQ(flows[0].orig_pkts, has_closed ? 4U : 2U);
    EXPECT_EQ(flows[1].conn_state, "S1");
    EXPECT_EQ(flows[1].history, "ShADa");
    EXPECT_EQ(flows[1].orig_bytes, 5U);
    EXPECT_NE(flows[0].uid, flows[1].uid);
    EXPECT_EQ(flows[0].community_id, flows[1].community_id);
  }
}

TEST(TcpMachine, ASynAfterTheCloseIsAnotherFlowWhateverItsNumber) {
  Talk talk;
  const std::vector<record::Flow> flows =
      flows_of(talk, then(established(closing(1, 1)), {{kC, "S", 0}, {kS, "SA", 0, 1}}));
  ASSERT_EQ(flows.size(), 2U);
  EXPECT_EQ(flows[0].conn_state, "SF");
  EXPECT_EQ(flows[1].history, "Sh");
}

TEST(TcpMachine, SegmentsSayWhereTheirPayloadIs) {
  Talk::Options options;
  options.client_isn = 0xFFFF'FFF0U;
  options.table.segments = true;
  Talk talk(options);
  for (const Said& each : established({{kC, "PA", 1, 1, 20},
                                       {kC, "PA", 21, 1, 5},
                                       {kC, "PA", 1, 1, 20},
                                       {kS, "PA", 1, 26, 7}})) {
    talk.say(each);
  }
  const std::vector<record::Flow> flows = talk.finish();
  const std::vector<record::Segment>& segments = talk.capture().segments();
  ASSERT_EQ(segments.size(), 4U);
  const std::uint64_t expected[][5] = {
      // is_orig, offset, length, is_rexmit, packet
      {1, 0, 20, 0, 4},
      {1, 20, 5, 0, 5},
      {1, 0, 20, 1, 6},
      {0, 0, 7, 0, 7},
  };
  for (std::size_t at = 0; at < segments.size(); ++at) {
    SCOPED_TRACE(at);
    const record::Segment& segment = segments[at];
    EXPECT_EQ(segment.is_orig, expected[at][0] == 1);
    EXPECT_EQ(segment.offset, expected[at][1]);
    EXPECT_EQ(segment.length, expected[at][2]);
    EXPECT_EQ(segment.is_rexmit, expected[at][3] == 1);
    EXPECT_EQ(segment.packet, expected[at][4]);
    EXPECT_EQ(segment.uid, flows.at(0).uid);
  }
}

// A RST has a window of 0, and means nothing by it; neither does what comes behind the end.
TEST(TcpMachine, ZeroWindowsAreOfWhoCannotReceive) {
  const One flow(established({{.who = kS, .flags = "A", .seq = 1, .ack = 1, .window = 0},
                              {.who = kS, .flags = "A", .seq = 1, .ack = 1, .window = 9},
                              {.who = kS, .flags = "RA", .seq = 1, .ack = 1, .window = 0}}));
  EXPECT_EQ(flow->resp_zero_win, 1U);
  EXPECT_EQ(flow->orig_zero_win, 0U);
  const One reset(established({{.who = kC, .flags = "RA", .seq = 1, .ack = 1, .window = 0}}));
  EXPECT_EQ(reset->orig_zero_win, 0U);
}

// Letters of what comes many times: at the first, the tenth, the hundredth time.
TEST(TcpMachine, LettersOfManyAreWrittenAtPowersOfTen) {
  for (const auto& [count, letters] :
       {std::pair{1U, "w"}, {9U, "w"}, {10U, "ww"}, {99U, "ww"}, {100U, "www"}}) {
    std::vector<Said> all = kHandshake;
    for (std::uint32_t time = 0; time < count; ++time) {
      all.push_back({.who = kS, .flags = "A", .seq = 1, .ack = 1, .window = 0});
    }
    // The first of them is an acknowledgement, too.
    const One flow(all);
    std::string shown(flow->history);
    std::erase(shown, 'a');
    EXPECT_EQ(shown, "ShA" + std::string(letters)) << count;
    EXPECT_EQ(flow->resp_zero_win, count);
  }
}

// Of several, the first FIN and the first RST; of two sides, each its own.
TEST(TcpMachine, TheFirstToCloseAndTheFirstToReset) {
  struct Row {
    std::vector<Said> said;
    std::string_view closed_by, reset_by;
  };
  for (const Row& row : {Row{{{kC, "FA", 1, 1}, {kS, "FA", 1, 2}}, "orig", ""},
                         Row{{{kS, "FA", 1, 1}, {kC, "FA", 1, 2}}, "resp", ""},
                         Row{{{kC, "RA", 1, 1}, {kS, "RA", 1, 1}}, "", "orig"},
                         Row{{{kS, "RA", 1, 1}, {kC, "RA", 1, 1}}, "", "resp"},
                         Row{{{kC, "FA", 1, 1}, {kS, "RA", 1, 2}}, "orig", "resp"}}) {
    const One flow(established(row.said));
    EXPECT_EQ(flow->closed_by, row.closed_by);
    EXPECT_EQ(flow->reset_by, row.reset_by);
  }
}

// Who had asked shows late: what was the responder's is the originator's then.
TEST(TcpMachine, WhoClosedTurnsRoundWithTheFlow) {
  const One flow({{kS, "SA", 0, 1}, {kC, "SF", 0}});
  EXPECT_EQ(flow->orig_p, 40000);
  EXPECT_EQ(flow->closed_by, "orig");
}

// A RST whose number is far away is not believed, and so its text is nothing that was sent before.
TEST(TcpMachine, AResetFromFarAwayRepeatsNothing) {
  for (const auto& [seq, repeats] : {std::pair{1U, true}, {0U - 3'000'000U, false}}) {
    const One flow(established({{kC, "PA", 1, 1, 10}, {kC, "RA", seq, 1, 5}}));
    EXPECT_EQ(flow->history.find('T') != std::string_view::npos, repeats) << flow->history;
  }
}

// A FIN behind a FIN and a RST of the peer: it was an ordinary end after all.
TEST(TcpMachine, AFinBehindThePeersFinAndResetCloses) {
  const One flow(established({{kC, "FA", 1, 1}, {kC, "R", 2}, {kS, "FA", 1, 2}}));
  EXPECT_EQ(flow->conn_state, "SF");
}

// An option of another length is none (RFC 9293, 3.2: the maximum segment size takes four octets).
TEST(TcpMachine, AMaximumSegmentSizeHasFourOctets) {
  for (const auto& [options, is_read] : {std::pair{"02 04 05 b4", true},
                                         {"02 03 05 01", false},
                                         {"02 06 05 b4 00 00 01 01", false},
                                         {"00 04 05 b4", false}}) {
    const One flow({{.who = kC, .flags = "S", .seq = 0, .options = hex(options)}});
    EXPECT_EQ(flow->orig_mss.has_value(), is_read) << options;
  }
}

// The handshake's last part is the client's first acknowledgement of the SYN-ACK.
TEST(TcpMachine, TheHandshakeIsTimedOnce) {
  const One flow(established({{.who = kC, .flags = "A", .seq = 1, .ack = 1, .after_ns = kSecond},
                              {.who = kS, .flags = "SA", .seq = 0, .ack = 1, .after_ns = kSecond},
                              {.who = kC, .flags = "A", .seq = 1, .ack = 1, .after_ns = kSecond}}));
  EXPECT_EQ(flow->syn_ts->ns, kStart + kMillisecond);
  EXPECT_EQ(flow->synack_ts->ns, kStart + 2 * kMillisecond);
  EXPECT_EQ(flow->handshake_ack_ts->ns, kStart + 3 * kMillisecond);
}

// An acknowledgement of exactly the end of a segment times it; one octet less does not.
TEST(TcpMachine, AnAcknowledgementCoversWhatEndsThere) {
  for (const auto& [ack, samples] : {std::pair{10U, 0U}, {11U, 1U}, {12U, 1U}}) {
    const One flow(established({{kC, "PA", 1, 1, 10}, {kS, "A", 1, ack}}));
    EXPECT_EQ(flow->orig_rtt_samples, samples) << ack;
  }
}

}  // namespace
}  // namespace tracebraid::converters::pcap
