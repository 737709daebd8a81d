#include "analyzers/merge/flow_parts.h"

#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "analyzers/merge/tcp_history.h"
#include "formats/record/arena.h"
#include "tests/formats/record/laws.h"

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;
using record::AnyRecord;
using record::Duration;
using record::Flow;
using record::Time;

constexpr std::int64_t kSecond = 1'000'000'000;

// Of laws.h, random records alone are for here.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RecordLaws);

// Zeek's own words for these histories: scripts/base/protocols/conn/main.zeek, and its test
// scripts' conn.log.
TEST(FlowParts, StateFollowsFromHistory) {
  EXPECT_EQ(tcp_state("S", false), "S0");
  EXPECT_EQ(tcp_state("Sr", false), "REJ");
  EXPECT_EQ(tcp_state("ShA", false), "S1");
  EXPECT_EQ(tcp_state("ShADad", true), "S1");
  EXPECT_EQ(tcp_state("ShADadF", true), "S2");
  EXPECT_EQ(tcp_state("ShADadf", true), "S3");
  EXPECT_EQ(tcp_state("ShADadFf", true), "SF");
  EXPECT_EQ(tcp_state("ShADadFfR", true), "SF");
  EXPECT_EQ(tcp_state("ShADadR", true), "RSTO");
  EXPECT_EQ(tcp_state("ShADadr", true), "RSTR");
  EXPECT_EQ(tcp_state("SR", false), "RSTOS0");
  EXPECT_EQ(tcp_state("^hr", false), "RSTRH");
  EXPECT_EQ(tcp_state("SF", false), "SH");
  EXPECT_EQ(tcp_state("^hf", false), "SHR");
  EXPECT_EQ(tcp_state("DadA", true), "OTH");
  EXPECT_EQ(tcp_state("", false), "OTH");
}

TEST(FlowParts, LettersOfAHistoryAreWrittenOnce) {
  EXPECT_EQ(continued_history("ShAD", "DadAFf"), "ShADadFf");
  EXPECT_EQ(continued_history("ShADad", "^aF"), "ShADadF");
  EXPECT_EQ(continued_history("ShADT", "DTT"), "ShADTT");
  EXPECT_EQ(continued_history("", "Dd"), "Dd");
}

class Parts : public testing::Test {
 protected:
  static Flow flow(std::int64_t at, std::string_view history, std::string_view reason) {
    Flow flow;
    flow.ts = {at};
    flow.last_ts = {at + kSecond};
    flow.duration = Duration{kSecond};
    flow.uid = at == 0 ? "C0" : "C1";
    flow.orig_h.size = flow.resp_h.size = 4;
    flow.orig_h.bytes[3] = 1;
    flow.resp_h.bytes[3] = 2;
    flow.orig_p = 40000;
    flow.resp_p = 80;
    flow.proto = "tcp";
    flow.ip_proto = 6;
    flow.history = history;
    flow.conn_state = tcp_state(history, true);
    flow.end_reason = reason;
    flow.orig_pkts = 3;
    flow.orig_bytes = 10;
    flow.resp_bytes = 20;
    return flow;
  }

  std::vector<Flow> joined(const std::vector<Flow>& flows, std::size_t most = 100) {
    all_.clear();
    FlowParts parts(most,
                    [&](const AnyRecord& any) { all_.push_back(*any.kept_in(texts_).as<Flow>()); });
    for (const Flow& each : flows) EXPECT_TRUE(parts.add(AnyRecord(each)));
    parts.finish();
    evicted_ = parts.evicted();
    return all_;
  }

  std::vector<Flow> all_;
  formats::record::Arena texts_;
  std::uint64_t evicted_ = 0;
};

TEST_F(Parts, OfTwoFilesAreOneFlow) {
  const auto flows = joined({flow(0, "ShAD", "eof"), flow(10 * kSecond, "adFf", "closed")});
  ASSERT_EQ(flows.size(), 1U);
  EXPECT_EQ(flows[0].history, "ShADadFf");
  EXPECT_EQ(flows[0].orig_pkts, 6U);
  EXPECT_EQ(flows[0].resp_bytes, 40U);
  EXPECT_EQ(flows[0].duration, Duration{11 * kSecond});
  EXPECT_EQ(flows[0].max_idle, Duration{9 * kSecond});
}

TEST_F(Parts, ServerTakenForTheClientIsTurned) {
  Flow second = flow(10 * kSecond, "DAdaF", "eof");
  std::swap(second.orig_h, second.resp_h);
  std::swap(second.orig_p, second.resp_p);
  second.orig_pkts = 7;
  second.closed_by = "orig";
  const auto flows = joined({flow(0, "ShAD", "eof"), second});
  ASSERT_EQ(flows.size(), 1U);
  EXPECT_EQ(flows[0].history, "ShADdaf");
  EXPECT_EQ(flows[0].orig_p, 40000);
  EXPECT_EQ(flows[0].resp_pkts, 7U);
}

TEST_F(Parts, ASynBeginsAnotherFlow) {
  EXPECT_EQ(joined({flow(0, "ShAD", "eof"), flow(10 * kSecond, "ShAD", "eof")}).size(), 2U);
  // But not when it is sent again.
  EXPECT_EQ(joined({flow(0, "S", "eof"), flow(3 * kSecond, "ShAD", "eof")}).size(), 1U);
}

TEST_F(Parts, TimeOutsEndFlows) {
  EXPECT_EQ(joined({flow(0, "ShAD", "eof"), flow(301 * kSecond - 1, "D", "eof")}).size(), 1U);
  EXPECT_EQ(joined({flow(0, "ShAD", "eof"), flow(301 * kSecond, "D", "eof")}).size(), 2U);
  EXPECT_EQ(joined({flow(0, "ShAD", "idle"), flow(10 * kSecond, "D", "eof")}).size(), 2U);
  EXPECT_EQ(joined({flow(0, "ShADaFf", "closed"), flow(6 * kSecond - 1, "A", "eof")}).size(), 1U);
  EXPECT_EQ(joined({flow(0, "ShADaFf", "closed"), flow(6 * kSecond, "A", "eof")}).size(), 2U);
}

TEST_F(Parts, OfOneRunComeInAnyOrder) {
  std::vector<Flow> parts(3, flow(0, "ShADad", "active"));
  for (std::size_t part = 0; part < parts.size(); ++part) {
    parts[part].part = part;
    parts[part].final = part == 2;
  }
  parts[2].history = "ShADadFf";
  parts[2].end_reason = "closed";
  for (const auto& order : {std::vector{0, 1, 2}, {2, 0, 1}, {1, 2, 0}, {2, 1, 0}}) {
    std::vector<Flow> given;
    for (const int part : order) given.push_back(parts[static_cast<std::size_t>(part)]);
    const auto flows = joined(given);
    ASSERT_EQ(flows.size(), 1U);
    EXPECT_EQ(flows[0].orig_pkts, 9U);
    EXPECT_EQ(flows[0].end_reason, "closed");
    EXPECT_EQ(flows[0].part, 0U);
    EXPECT_TRUE(flows[0].final);
  }
}

// How long the first answer took: of the part that has it, as that tells, else from the last
// question of the part before.
TEST_F(Parts, TheFirstAnswerIsTimedFromItsQuestion) {
  const auto time = [](std::int64_t at) { return Time{at}; };
  struct Row {
    const char* what;
    bool is_answered_before;
    std::optional<Duration> later;
    std::optional<Duration> expected;
  };
  for (const Row& row : {Row{"it is in the first", true, Duration{5}, Duration{3}},
                         Row{"both are in the second", false, Duration{5}, Duration{5}},
                         Row{"the answer alone is", false, std::nullopt, Duration{10 * kSecond}}}) {
    Flow first = flow(0, "ShAD", "eof");
    first.orig_first_data = first.orig_last_data = time(kSecond);
    if (row.is_answered_before) {
      first.resp_first_data = first.resp_last_data = time(kSecond + 3);
      first.response_latency = Duration{3};
    }
    Flow second = flow(10 * kSecond, "adFf", "closed");
    second.resp_first_data = second.resp_last_data = time(11 * kSecond);
    second.response_latency = row.later;
    const auto flows = joined({first, second});
    ASSERT_EQ(flows.size(), 1U);
    EXPECT_EQ(flows[0].response_latency, row.expected) << row.what;
  }
}

// The longest silence is within a part, or between two.
TEST_F(Parts, TheLongestSilenceIsOfAll) {
  for (const auto& [one, two, expected] : {std::tuple{20, 3, 20}, {3, 20, 20}, {3, 4, 9}}) {
    Flow first = flow(0, "ShAD", "eof");
    Flow second = flow(10 * kSecond, "adFf", "closed");
    first.max_idle = Duration{one * kSecond};
    second.max_idle = Duration{two * kSecond};
    EXPECT_EQ(joined({first, second}).at(0).max_idle, Duration{expected * kSecond});
  }
}

// Round trips are those of all samples: least, mean and most; a part that is turned round has them
// for the other side.
TEST_F(Parts, RoundTripsAreOfAllSamples) {
  for (const bool is_turned : {false, true}) {
    Flow first = flow(0, "ShAD", "eof");
    first.orig_rtt_min = Duration{10};
    first.orig_rtt_avg = Duration{20};
    first.orig_rtt_max = Duration{30};
    first.orig_rtt_samples = 2;
    first.orig_ttl = 60;
    Flow second = flow(10 * kSecond, is_turned ? "DAd" : "adFf", "eof");
    auto& min = is_turned ? second.resp_rtt_min : second.orig_rtt_min;
    auto& avg = is_turned ? second.resp_rtt_avg : second.orig_rtt_avg;
    auto& max = is_turned ? second.resp_rtt_max : second.orig_rtt_max;
    (is_turned ? second.resp_rtt_samples : second.orig_rtt_samples) = 1;
    (is_turned ? second.resp_ttl : second.orig_ttl) = 55;
    min = avg = max = Duration{42};
    if (is_turned) {
      std::swap(second.orig_h, second.resp_h);
      std::swap(second.orig_p, second.resp_p);
    }
    const Flow both = joined({first, second}).at(0);
    EXPECT_EQ(both.orig_rtt_min, Duration{10});
    EXPECT_EQ(both.orig_rtt_avg, Duration{27});  // 82 / 3, rounded down
    EXPECT_EQ(both.orig_rtt_max, Duration{42});
    EXPECT_EQ(both.orig_rtt_samples, 3U);
    EXPECT_EQ(both.orig_ttl, 55);
    EXPECT_FALSE(both.resp_rtt_avg.has_value());
  }
}

// The SYN that was answered is the last in front of its answer.
TEST_F(Parts, TheSynIsTheLastBeforeItsAnswer) {
  for (const bool is_answered : {false, true}) {
    Flow first = flow(0, is_answered ? "Sh" : "S", "eof");
    first.syn_ts = Time{1};
    if (is_answered) first.synack_ts = Time{2};
    Flow second = flow(3 * kSecond, is_answered ? "AD" : "ShAD", "eof");
    second.syn_ts = Time{3 * kSecond};
    if (!is_answered) second.synack_ts = Time{3 * kSecond + 7};
    const Flow both = joined({first, second}).at(0);
    EXPECT_EQ(both.syn_ts, Time{is_answered ? 1 : 3 * kSecond});
    EXPECT_EQ(both.synack_rtt, Duration{is_answered ? 1 : 7});
  }
}

// What had closed is over, whatever comes late.
TEST_F(Parts, ALatePacketDoesNotReopenAFlow) {
  const auto flows = joined({flow(0, "ShADaFf", "closed"), flow(3 * kSecond, "A", "eof")});
  ASSERT_EQ(flows.size(), 1U);
  EXPECT_EQ(flows[0].end_reason, "closed");
  EXPECT_EQ(flows[0].duration, Duration{kSecond});
}

// Words of the list, not letters of it.
TEST_F(Parts, TunnelsOfBothAreNamedOnce) {
  Flow first = flow(0, "ShAD", "eof");
  Flow second = flow(10 * kSecond, "adFf", "closed");
  first.tunnel_parents = "Cabcd,Cx";
  second.tunnel_parents = "Cx,Cabc,Cabcd,Cabc";
  const auto flows = joined({first, second});
  ASSERT_EQ(flows.size(), 1U);
  EXPECT_EQ(flows[0].tunnel_parents, "Cabcd,Cx,Cabc");
}

TEST_F(Parts, WaitInBoundedMemory) {
  std::vector<Flow> flows(5, flow(0, "ShAD", "eof"));
  for (std::uint16_t at = 0; at < 5; ++at) flows[at].orig_p = at;
  EXPECT_EQ(joined(flows, 2).size(), 5U);
  EXPECT_EQ(evicted_, 3U);
}

// Nothing is lost of flows with any values, whichever of them are taken for parts.
TEST(FlowParts, PacketsOfAnyRecordsAddUp) {
  record::RandomRecords random;
  std::uint64_t given = 0;
  std::uint64_t taken = 0;
  FlowParts parts(50, [&](const AnyRecord& any) {
    taken += any.as<Flow>()->orig_pkts + any.as<Flow>()->resp_pkts;
  });
  constexpr std::string_view kReasons[] = {"eof", "closed", "active", "idle", "evicted"};
  constexpr std::string_view kProtocols[] = {"tcp", "udp", "icmp"};
  for (std::size_t at = 0; at < 20'000; ++at) {
    Flow flow = random.make<Flow>();
    flow.orig_h = flow.resp_h = {};
    flow.orig_p = static_cast<std::uint16_t>(at % 7);
    flow.resp_p = 53;
    flow.ip_proto = static_cast<std::uint8_t>(at % 3);
    flow.proto = kProtocols[at % 3];
    flow.end_reason = kReasons[at % 5];
    flow.part = at % 4;
    flow.uid = at % 2 == 0 ? "C" : "";
    if (at % 11 > 1) flow.ts = flow.last_ts = {static_cast<std::int64_t>(at) * 1000};
    if (at % 13 > 1) flow.duration = Duration{1};
    given += flow.orig_pkts + flow.resp_pkts;
    EXPECT_TRUE(parts.add(AnyRecord(flow)));
  }
  parts.finish();
  EXPECT_EQ(taken, given);
  EXPECT_GT(parts.joined(), 100U);
}

}  // namespace
}  // namespace tracebraid::analyzers
