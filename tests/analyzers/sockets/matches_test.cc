// Which socket is which flow: the rules of table.h, each on both sides of its limit.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/analyzers/sockets/traces.h"

namespace tracebraid::tests {
namespace {

const End kServer = {host(2), 80};
const End kClient = {host(1), 40'000};
const End kOther = {host(1), 40'001};
constexpr std::int64_t kNow = 100 * kSecond;

using Waits = std::vector<std::pair<std::int64_t, std::int64_t>>;

// A socket and a flow of the same addresses, whose times fit or do not. Flow first, and last.
std::string uid_of_connect(std::int64_t flow_ts, std::int64_t connect_ts, bool is_flow_first) {
  Traces traces;
  if (is_flow_first) traces.flow("Cone", flow_ts, kClient, kServer);
  traces.connect({3}, connect_ts, kMillisecond, kServer, kClient);
  if (!is_flow_first) traces.flow("Cone", flow_ts, kClient, kServer);
  return traces.told(3).uid;
}

TEST(SocketMatch, ClocksAreFiveSecondsApartAtMost) {
  for (const bool is_flow_first : {false, true}) {
    // Besides 2 ms of slack on either side of the call.
    constexpr std::int64_t kMost = 5002 * kMillisecond;
    EXPECT_EQ(uid_of_connect(kNow - kMost, kNow, is_flow_first), "Cone");
    EXPECT_EQ(uid_of_connect(kNow - kMost - 1, kNow, is_flow_first), "");
    EXPECT_EQ(uid_of_connect(kNow + kMillisecond + kMost, kNow, is_flow_first), "Cone");
    EXPECT_EQ(uid_of_connect(kNow + kMillisecond + kMost + 1, kNow, is_flow_first), "");
  }
}

// Addresses that were used again: 2 ms before and behind connect() are as good as in it, and of
// those that fit the earliest is taken; of those that do not, the nearest.
TEST(SocketMatch, OfFlowsOfTheSameAddressesTheEarliestThatFits) {
  const auto uid = [](std::int64_t one, std::int64_t two) {
    Traces traces;
    traces.flow("Cone", kNow + one, kClient, kServer);
    traces.flow("Ctwo", kNow + two, kClient, kServer);
    traces.connect({3}, kNow, kMillisecond, kServer, kClient);
    return traces.told(3).uid;
  };
  EXPECT_EQ(uid(-2 * kMillisecond, kMillisecond / 2), "Cone");
  EXPECT_EQ(uid(kMillisecond / 2, -2 * kMillisecond), "Ctwo");
  EXPECT_EQ(uid(-2 * kMillisecond - 1, kMillisecond / 2), "Ctwo");
  EXPECT_EQ(uid(3 * kMillisecond, kMillisecond / 2), "Ctwo");
  EXPECT_EQ(uid(3 * kMillisecond, 2 * kMillisecond), "Ctwo");
  EXPECT_EQ(uid(-kSecond, 2 * kSecond), "Cone");
  EXPECT_EQ(uid(-2 * kSecond, kSecond), "Ctwo");
}

// The same of sockets: the one whose connect() was nearest.
TEST(SocketMatch, OfSocketsOfTheSameAddressesTheOneThatFits) {
  Traces traces;
  traces.connect({3}, kNow, kMillisecond, kServer, kClient);
  traces.connect({4}, kNow + kSecond, kMillisecond, kServer, kClient);
  traces.connect({5}, kNow + 2 * kSecond, kMillisecond, kServer, kClient);
  traces.flow("Cone", kNow + kSecond + kMillisecond / 2, kClient, kServer);
  EXPECT_EQ(traces.told(3).uid, "");
  EXPECT_EQ(traces.told(4).uid, "Cone");
  EXPECT_EQ(traces.told(5).uid, "");
}

TEST(SocketMatch, AnAcceptedConnectionHasWaitedAMinuteSinceItsEndAtMost) {
  const auto uid = [](std::int64_t accepted) {
    Traces traces;
    traces.flow("Cone", kNow, kClient, kServer);
    traces.accept({3}, accepted, 4, kServer, kClient);
    return traces.told(4).uid;
  };
  EXPECT_EQ(uid(kNow + 60 * kSecond), "Cone");
  EXPECT_EQ(uid(kNow + 60 * kSecond + 1), "");
  // Its SYN came before accept() returned, but for 2 ms, and for clocks that differ by 5 s.
  EXPECT_EQ(uid(kNow - 5002 * kMillisecond), "Cone");
  EXPECT_EQ(uid(kNow - 5002 * kMillisecond - 1), "");
}

// Its connect() is not in the log: any flow that goes on while it is open.
TEST(SocketMatch, ASocketThatWasThereBefore) {
  const auto after_its_end = [](std::int64_t flow_ts) {
    Traces traces;
    traces.use({3}, "getpeername", kNow, kClient, kServer);
    traces.close({3}, kNow + kSecond);
    traces.flow("Cone", flow_ts, kClient, kServer);
    return traces.told(3).uid;
  };
  EXPECT_EQ(after_its_end(kNow - 1000 * kSecond), "Cone");
  EXPECT_EQ(after_its_end(kNow + 6 * kSecond), "Cone");
  EXPECT_EQ(after_its_end(kNow + 6 * kSecond + 1), "");
  const auto before_it_was_made = [](std::int64_t flow_ts) {
    Traces traces;
    traces.flow("Cone", flow_ts, kClient, kServer);
    traces.make({3}, kNow);
    traces.use({3}, "getpeername", kNow + kMillisecond, kClient, kServer);
    return traces.told(3).uid;
  };
  EXPECT_EQ(before_it_was_made(kNow - 5 * kSecond), "Cone");
  EXPECT_EQ(before_it_was_made(kNow - 5 * kSecond - 1), "");
}

// Its own port is not in the log: the only flow whose SYN left during connect().
TEST(SocketMatch, ByTimeTheOnlyFlowThatBeganMeanwhile) {
  for (const bool is_flow_first : {false, true}) {
    const auto told = [&](const std::vector<std::int64_t>& begins) {
      Traces traces;
      const auto show_flows = [&] {
        std::uint16_t port = 40'000;
        for (const std::int64_t begin : begins) {
          const std::string uid = "C" + std::to_string(port - 40'000);
          traces.flow(uid, kNow + begin, {host(1), port}, kServer, port);
          ++port;
        }
      };
      if (is_flow_first) show_flows();
      traces.connect({3}, kNow, kMillisecond, kServer);
      if (!is_flow_first) show_flows();
      return traces.told(3).uid + " " + traces.told(3).match;
    };
    EXPECT_EQ(told({0}), "C0 time");
    EXPECT_EQ(told({-2 * kMillisecond}), "C0 time");
    EXPECT_EQ(told({-2 * kMillisecond - 1}), " absent");
    EXPECT_EQ(told({3 * kMillisecond}), "C0 time");
    EXPECT_EQ(told({3 * kMillisecond + 1}), " absent");
    EXPECT_EQ(told({4 * kMillisecond, 0}), "C1 time");
  }
  Traces two;
  two.flow("Cone", kNow, kClient, kServer, 1, 2);
  two.flow("Ctwo", kNow + kMicrosecond, kOther, kServer, 3, 4);
  two.connect({3}, kNow, kMillisecond, kServer);
  EXPECT_EQ(two.told(3).uid, "");
  EXPECT_EQ(two.told(3).match, "absent");
}

// Of several that began meanwhile, the only one of that size, each direction by itself.
TEST(SocketMatch, ByBytesTheOnlyFlowOfTheSize) {
  struct Size {
    std::uint64_t out, in;
  };
  const auto told = [](const std::vector<Size>& flows, const End& own = {}) {
    Traces traces;
    std::uint16_t port = 40'000;
    for (const Size& size : flows) {
      const std::string uid = "C" + std::to_string(port - 40'000);
      traces.flow(uid, kNow, {host(1), port++}, kServer, size.out, size.in);
    }
    traces.connect({3}, kNow, kMillisecond, kServer, own);
    traces.move({3}, "out", 10, kNow + 2 * kMillisecond);
    traces.move({3}, "in", 20, kNow + 3 * kMillisecond);
    return traces.told(3).uid + " " + traces.told(3).match;
  };
  EXPECT_EQ(told({{20, 10}, {10, 20}, {10, 10}, {20, 20}}), "C1 bytes");
  EXPECT_EQ(told({{10, 20}, {20, 10}, {10, 20}}), " ambiguous");
  EXPECT_EQ(told({{20, 10}, {10, 21}}), " absent");
  // What has another port is another connection, of whatever size.
  EXPECT_EQ(told({{20, 10}, {10, 20}}, {host(1), 50'000}), " absent");
}

// A socket with addresses that has sent and received, by which it is known how clocks differ:
// bytes left `left` behind the call's entry, and arrived `arrived` before recv() returned.
void show_clocks(Traces& traces, std::int64_t left, std::int64_t arrived) {
  const std::int64_t then = kNow - 10 * kSecond;
  const End client = {host(9), 9999};
  const record::Segment segment = Traces::segment_of("Cclock", then, client, kServer);
  traces.make({90, 5}, then - kMillisecond);
  traces.connect({90, 5}, then, kMillisecond, kServer, client);
  traces.move({90, 5}, "out", 10, then + kSecond);
  traces.segment(segment, then + kSecond + left, true, 0, 10);
  traces.segment(segment, then + 3 * kSecond - arrived, false, 0, 10);
  traces.move({90, 5}, "in", 10, then + 3 * kSecond);
}

// With one clock, nothing leaves more than 100 us before the call; else 2 ms may be clocks'.
TEST(SocketMatch, ByTimeIsExactWhereTheClockIsOne) {
  struct Row {
    std::int64_t left, arrived;
    bool is_one;
  };
  for (const Row& row :
       {Row{50 * kMicrosecond, 50 * kMicrosecond, true}, Row{-100 * kMicrosecond, kSecond, true},
        Row{-100 * kMicrosecond - 1, kSecond, false}, Row{kSecond, -100 * kMicrosecond, true},
        Row{kSecond, -100 * kMicrosecond - 1, false}}) {
    SCOPED_TRACE(std::to_string(row.left) + " " + std::to_string(row.arrived));
    for (const bool is_flow_first : {false, true}) {
      const auto uid = [&](std::int64_t before) {
        Traces traces;
        show_clocks(traces, row.left, row.arrived);
        if (is_flow_first) traces.flow("Cone", kNow - before, kClient, kServer, 7);
        traces.connect({3}, kNow, kMillisecond, kServer);
        if (!is_flow_first) traces.flow("Cone", kNow - before, kClient, kServer, 7);
        return traces.told(3).uid;
      };
      EXPECT_EQ(uid(100 * kMicrosecond), "Cone");
      EXPECT_EQ(uid(100 * kMicrosecond + 1), row.is_one ? "" : "Cone");
    }
  }
}

// Both connects may have sent the SYN. Of one thread, the one that was entered last; of two
// threads, or logs, or where clocks may differ, nobody knows.
TEST(SocketMatch, OfConnectsOfOneThreadTheLastThatWasEntered) {
  struct Row {
    Traces::Where one, two;
    bool is_one_clock;
    std::string first, second;
  };
  const Row rows[] = {{{3, 0, 7}, {4, 0, 7}, true, "", "Cone"},
                      {{4, 0, 7}, {3, 0, 7}, true, "", "Cone"},
                      {{3, 0, 7}, {4, 0, 8}, true, "", ""},
                      {{3, 0, 7}, {4, 1, 7}, true, "", ""},
                      {{3, 0, 7}, {4, 0, 7}, false, "", ""}};
  for (const Row& row : rows) {
    Traces traces;
    if (row.is_one_clock) show_clocks(traces, kMicrosecond, kMicrosecond);
    traces.connect(row.one, kNow, kMicrosecond, kServer);
    traces.connect(row.two, kNow + kMillisecond, kMicrosecond, kServer);
    traces.flow("Cone", kNow + kMillisecond + 1, kClient, kServer, 7);
    EXPECT_EQ(traces.told(row.one.file, row.one.lane).uid, row.first);
    EXPECT_EQ(traces.told(row.two.file, row.two.lane).uid, row.second);
  }
}

TEST(SocketMatch, BothEndsOfAFlowOnLoopbackKnowEachOther) {
  Traces traces;
  traces.connect({3}, kNow, kMillisecond, kServer, kClient);
  traces.accept({5}, kNow + kMillisecond, 6, kServer, kClient);
  traces.flow("Cone", kNow, kClient, kServer);
  EXPECT_EQ(traces.told(3).uid, "Cone");
  EXPECT_EQ(traces.told(3).side, 0U);
  EXPECT_EQ(traces.told(3).peer_file, 6U);
  EXPECT_EQ(traces.told(6).uid, "Cone");
  EXPECT_EQ(traces.told(6).side, 1U);
  EXPECT_EQ(traces.told(6).peer_file, 3U);
}

// connect() again on the same socket, where the first was refused: a flow of its own.
TEST(SocketMatch, AnotherAttemptIsAnotherFlow) {
  Traces traces;
  record::Syscall refused = traces.call({3}, "connect", kNow, kMillisecond);
  refused.peer_h = kServer.host;
  refused.peer_p = kServer.port;
  refused.local_h = kClient.host;
  refused.local_p = kClient.port;
  refused.error = "ECONNREFUSED";
  refused.result = -1;
  traces.flow("Cone", kNow, kClient, kServer);
  traces.show(refused, {3});
  const std::int64_t again = kNow + 10 * kSecond;
  traces.flow("Ctwo", again, kClient, kServer);
  traces.connect({3}, again, kMillisecond, kServer, kClient);
  EXPECT_EQ(traces.told(3).uid, "Ctwo");
}

// What is asked of a connect that goes on is no attempt of its own, and tells when it succeeded.
TEST(SocketMatch, AConnectThatIsAskedForGoesOn) {
  for (const auto& [error, is_flow_first] : {std::pair<std::string, bool>{"EALREADY", false},
                                             {"EALREADY", true},
                                             {"EISCONN", false},
                                             {"EISCONN", true},
                                             {"", false},
                                             {"", true}}) {
    Traces traces;
    const auto attempt = [&](std::int64_t ts, std::string_view failure) {
      record::Syscall call = traces.call({3}, "connect", ts, kMillisecond);
      call.peer_h = kServer.host;
      call.peer_p = kServer.port;
      call.error = failure;
      if (!failure.empty()) call.result = -1;
      traces.show(call, {3});
    };
    attempt(kNow, "EINPROGRESS");
    if (is_flow_first) traces.flow("Cone", kNow, kClient, kServer, 7);
    attempt(kNow + kSecond, error);
    if (!is_flow_first) traces.flow("Cone", kNow, kClient, kServer, 7);
    EXPECT_EQ(traces.told(3).uid, "Cone") << error;
    const auto connected = std::optional<std::int64_t>(kNow + kSecond + kMillisecond);
    EXPECT_EQ(traces.told(3).connected_ts, error == "EALREADY" ? std::nullopt : connected);
  }
  for (const bool is_well : {true, false}) {
    Traces traces;
    record::Syscall call = traces.call({3}, "connect", kNow);
    call.peer_h = kServer.host;
    call.peer_p = kServer.port;
    call.error = "EINPROGRESS";
    call.result = -1;
    traces.show(call, {3});
    record::Syscall asked = traces.call({3}, "getsockopt", kNow + kSecond, kMillisecond);
    asked.args = is_well ? "3, SOL_SOCKET, SO_ERROR, [0], [4]"
                         : "3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]";
    traces.show(asked, {3});
    const auto connected = std::optional<std::int64_t>(kNow + kSecond + kMillisecond);
    EXPECT_EQ(traces.told(3).connected_ts, is_well ? connected : std::nullopt);
  }
}

// As GreenSockets do: SO_ERROR says that it has succeeded, and connect is called once more.
TEST(SocketMatch, AConnectOfWhichSoErrorSaysThatItSucceededIsNoOther) {
  Traces traces;
  const auto attempt = [&](std::int64_t ts, std::string_view failure) {
    record::Syscall call = traces.call({3}, "connect", ts, kMillisecond);
    call.peer_h = kServer.host;
    call.peer_p = kServer.port;
    call.error = failure;
    call.result = failure.empty() ? 0 : -1;
    return call;
  };
  traces.show(attempt(kNow, "EINPROGRESS"), {3});
  traces.flow("Cone", kNow, kClient, kServer, 7);
  record::Syscall asked = traces.call({3}, "getsockopt", kNow + kSecond, kMillisecond);
  asked.args = "3, SOL_SOCKET, SO_ERROR, [0], [4]";
  asked.local_h = kClient.host;
  asked.local_p = kClient.port;
  traces.show(asked, {3});
  traces.show(attempt(kNow + 7 * kSecond, ""), {3});
  EXPECT_EQ(traces.told(3).uid, "Cone");
  EXPECT_EQ(traces.told(3).match, "address");  // at first by time
}

// When bytes waited: what was on the wire before the socket was found, too, each direction by
// itself.
TEST(SocketWaits, AreMeasuredFromBothBeginnings) {
  Traces traces;
  const record::Segment segment = Traces::segment_of("Cone", kNow, kClient, kServer);
  traces.segment(segment, kNow + 10, true, 0, 5);
  traces.segment(segment, kNow + 20, false, 0, 3);
  traces.segment(segment, kNow + 30, false, 3, 4);
  traces.make({3}, kNow - 1);
  traces.connect({3}, kNow, 1, kServer, kClient);
  traces.move({3}, "out", 5, kNow + 4);
  traces.move({3}, "in", 7, kNow + 30, 70);
  EXPECT_EQ(traces.told(3).sends, (Waits{{kNow + 4, 6}}));
  EXPECT_EQ(traces.told(3).waits, (Waits{{kNow + 20, 80}, {kNow + 30, 70}}));
  EXPECT_EQ(traces.told(3).unmeasured_in, 0U);
  EXPECT_EQ(traces.told(3).unmeasured_out, 0U);
  EXPECT_EQ(traces.told(3).wire_first_out, kNow + 10);
  EXPECT_EQ(traces.told(3).wire_first_in, kNow + 20);
}

TEST(SocketWaits, AreNotKnownWhereABeginningIsNot) {
  struct Row {
    const char* what;
    bool is_made, is_from_start;
    std::string_view made_by;
    bool is_measured;
  };
  for (const Row& row :
       {Row{"both", true, true, "", true}, Row{"the flow's is not", true, false, "", false},
        Row{"the socket's is not", false, true, "", false},
        Row{"it was received from another process", false, true, "recvmsg", false},
        Row{"only its end tells who made it", false, true, "socket", true}}) {
    SCOPED_TRACE(row.what);
    Traces traces;
    record::Segment segment = Traces::segment_of("Cone", kNow, kClient, kServer);
    segment.from_start = row.is_from_start;
    if (row.is_made) traces.make({3}, kNow - 1);
    traces.connect({3}, kNow, 1, kServer, kClient);
    traces.move({3}, "in", 5, kNow + 100);
    // It ends before its flow shows: only then is it known who made it.
    if (!row.made_by.empty()) traces.close({3}, kNow + 200, row.made_by);
    traces.segment(segment, kNow + 10, false, 0, 5);
    EXPECT_EQ(traces.told(3).uid, "Cone");
    EXPECT_EQ(traces.told(3).waits.size(), row.is_measured ? 1U : 0U);
    EXPECT_EQ(traces.told(3).unmeasured_in, row.is_measured ? 0U : 5U);
  }
}

// A log without -T tells of entries alone: by them nothing is known of clocks from what was read.
TEST(SocketWaits, AReadWithoutItsReturnTellsNothingOfClocks) {
  for (const bool has_return : {true, false}) {
    Traces traces;
    const record::Segment segment = Traces::segment_of("Cone", kNow, kClient, kServer);
    traces.make({3}, kNow - 1);
    traces.connect({3}, kNow, 1, kServer, kClient);
    traces.segment(segment, kNow + 10, false, 0, 5);
    record::Syscall read = traces.call({3}, "recvfrom", kNow + 60);
    if (!has_return) read.end_ts.reset();
    read.direction = "in";
    read.bytes = 5;
    read.result = 5;
    traces.show(read, {3});
    EXPECT_EQ(traces.table.skew().low_count, has_return ? 1U : 0U);
    if (has_return) {
      EXPECT_EQ(traces.table.skew().low, -50);
    }
    EXPECT_EQ(traces.told(3).waits, (Waits{{kNow + 10, 50}}));
  }
}

// Of all that was read, and all that was sent, the narrowest bounds.
TEST(SocketWaits, BoundHowClocksDiffer) {
  Traces traces;
  const record::Segment segment = Traces::segment_of("Cone", kNow, kClient, kServer);
  traces.make({3}, kNow - 1);
  traces.connect({3}, kNow, 1, kServer, kClient);
  std::int64_t ts = kNow;
  std::uint64_t offset = 0;
  for (const std::int64_t took : {300, 100, 200}) {
    ts += kMillisecond;
    traces.move({3}, "out", 1, ts);
    traces.segment(segment, ts + took, true, offset, 1);
    traces.segment(segment, ts, false, offset++, 1);
    traces.move({3}, "in", 1, ts + took - 50);
  }
  EXPECT_EQ(traces.table.skew().high, 100);
  EXPECT_EQ(traces.table.skew().high_count, 3U);
  EXPECT_EQ(traces.table.skew().low, -50);
  EXPECT_EQ(traces.table.skew().low_count, 3U);
}

// The capture has lost a segment: what the program has read had arrived, at a time nobody knows.
TEST(SocketWaits, WhatWasReadFillsAHoleOfTheCapture) {
  Traces traces;
  const record::Segment segment = Traces::segment_of("Cone", kNow, kClient, kServer);
  traces.make({3}, kNow - 1);
  traces.connect({3}, kNow, 1, kServer, kClient);
  traces.segment(segment, kNow + 20, false, 5, 5);
  traces.move({3}, "in", 10, kNow + 30);
  traces.segment(segment, kNow + 40, false, 10, 5);
  traces.move({3}, "in", 5, kNow + 50);
  EXPECT_EQ(traces.told(3).waits.back(), (std::pair<std::int64_t, std::int64_t>{kNow + 40, 10}));
  EXPECT_EQ(traces.told(3).unmeasured_in, 5U);
}

// Unused bytes are kept within a bound, both directions together, until the flow shows.
TEST(SocketWaits, TooMuchBeforeTheFlowIsGivenUp) {
  for (const int each : {127, 128, 129}) {
    Traces traces;
    traces.make({3}, kNow - 1);
    traces.connect({3}, kNow, 1, kServer, kClient);
    for (int at = 1; at <= each; ++at) {
      traces.move({3}, "out", 1, kNow + 2 * at);
      traces.move({3}, "in", 1, kNow + 2 * at);
    }
    const record::Segment segment = Traces::segment_of("Cone", kNow, kClient, kServer);
    traces.segment(segment, kNow + kSecond, true, 0, 1);
    // 256 at most.
    EXPECT_EQ(traces.told(3).sends.size(), each <= 128 ? 1U : 0U) << each;
  }
}

TEST(SocketBytes, OfAnEndAndOfFilesThatAreSent) {
  Traces traces;
  record::Syscall sendfile = traces.call({3}, "sendfile", kNow);
  sendfile.direction = "both";
  sendfile.bytes = 100;
  traces.connect({3}, kNow - 10, 1, kServer, kClient);
  traces.show(sendfile, {3});
  record::Syscall splice = sendfile;
  splice.syscall = "splice";
  splice.bytes = 7;
  traces.show(splice, {3});
  // The end of the peer's data is the first time that nothing is read; nothing sent is none.
  traces.move({3}, "out", 0, kNow + 10);
  traces.move({3}, "in", 0, kNow + 20);
  traces.move({3}, "in", 0, kNow + 30);
  EXPECT_EQ(traces.told(3).bytes_out, 100U);
  EXPECT_EQ(traces.told(3).bytes_in, 7U);
  EXPECT_EQ(traces.told(3).eof_ts, kNow + 20);
}

TEST(SocketBytes, TimeInCallsThatWait) {
  Traces traces;
  traces.connect({3}, kNow, 1, kServer, kClient);
  for (const std::int64_t took : {5, 7}) {
    record::Syscall read = traces.call({3}, "recvfrom", kNow, took);
    read.duration = record::Duration{took};
    read.wait = "net";
    traces.show(read, {3});
  }
  EXPECT_EQ(traces.told(3).blocked, 12);
}

// Who sends from all addresses is named by them at last; 0.0.0.0 is no news behind an address.
TEST(SocketEnds, AnyAddressDoesNotReplaceOne) {
  Traces traces;
  traces.use({3}, "getsockname", kNow, {host(1), 40'000}, kServer);
  traces.use({3}, "getsockname", kNow + 1, {host(0), 40'000}, kServer);
  traces.flow("Cone", kNow, kClient, kServer);
  EXPECT_EQ(traces.told(3).uid, "Cone");
  Traces other;
  other.use({3}, "getsockname", kNow, {host(5), 40'000}, kServer);
  other.use({3}, "getsockname", kNow + 1, {host(0), 40'000}, kServer);
  other.flow("Cone", kNow, kClient, kServer);
  EXPECT_EQ(other.told(3).uid, "");
}

// What has ended waits for what comes late: a socket 330 s for its flow, a flow 60 s for accept().
TEST(SocketTable, WhatHasEndedWaitsForAWhile) {
  for (const std::int64_t later : {330 * kSecond, 330 * kSecond + 1}) {
    Traces traces;
    traces.connect({3}, kNow, 1, kServer, kClient);
    traces.close({3}, kNow + kSecond);
    traces.use({4}, "getsockname", kNow + kSecond + later, {}, {});
    EXPECT_EQ(traces.table.find({0, 3}) != nullptr, later == 330 * kSecond);
    EXPECT_EQ(traces.told(3).uid, "");
  }
  for (const std::int64_t later : {59 * kSecond, 61 * kSecond}) {
    Traces traces;
    traces.flow("Cone", kNow, kClient, kServer);
    traces.use({4}, "getsockname", kNow + later, {}, {});
    // It went on while this socket was open, as far as is known.
    traces.use({3}, "getpeername", kNow + later, kClient, kServer);
    EXPECT_EQ(traces.told(3).uid, later < 60 * kSecond ? "Cone" : "") << later;
  }
}

TEST(SocketTable, CountsWhatWasMatchedAndWhyTheRestWasNot) {
  Traces traces;
  traces.flow("Cone", kNow, kClient, kServer);
  traces.flow("Ctwo", kNow, kOther, kServer);
  traces.connect({3}, kNow, 1, kServer, kClient);
  for (const std::uint64_t file : {4U, 5U}) {
    traces.connect({file}, kNow, 1, {host(7), 7}, {host(1), static_cast<std::uint16_t>(file)});
  }
  traces.connect({6}, kNow + 1000 * kSecond, 1, kServer, {host(1), 6});
  traces.use({7}, "bind", kNow, kServer, {});  // talks to nobody
  traces.table.finish();
  const auto& counts = traces.table.counts();
  EXPECT_EQ(counts.sockets, 4U);
  EXPECT_EQ(counts.matched, 1U);
  EXPECT_EQ(counts.flows, 2U);
  EXPECT_EQ(counts.flows_without_socket, 1U);
  ASSERT_EQ(counts.unmatched.size(), 1U);
  EXPECT_EQ(counts.unmatched[0], (std::pair<std::string_view, std::uint64_t>("absent", 3)));
}

// A flow that is reported in parts is one: its bytes add up, and its times are of all parts.
TEST(Flows, OfPartsAddUp) {
  Traces traces;
  traces.connect({3}, kNow, kMillisecond, kServer, kClient);
  record::Flow part = Traces::flow_of("Cone", kNow, kClient, kServer);
  part.final = false;
  part.orig_bytes = 10;
  part.resp_bytes = 100;
  part.last_ts = {kNow + 50};
  part.orig_first_data = record::Time{kNow + 5};
  traces.table.flow(part);
  part.final = true;
  part.part = 1;
  part.orig_bytes = 1;
  part.resp_bytes = 2;
  part.ts = {kNow + 10};
  part.last_ts = {kNow + 20};
  part.orig_first_data = record::Time{kNow + 15};
  traces.table.flow(part);
  EXPECT_EQ(traces.told(3).wire_out, 11U);
  EXPECT_EQ(traces.told(3).wire_in, 102U);
  EXPECT_EQ(traces.told(3).wire_first_out, kNow + 5);
  EXPECT_EQ(traces.table.captured(), std::pair(kNow, kNow + 50));
}

TEST(Flows, TheCaptureIsFromTheFirstToTheLast) {
  Traces traces;
  traces.flow("Cone", kNow + 5, kClient, kServer);
  traces.flow("Ctwo", kNow - 5, kOther, kServer);
  EXPECT_EQ(traces.table.captured(), std::pair(kNow - 5, kNow + 5));
}

// What is known of the beginning: by either side's SYN. (The socket's bytes are measured then.)
TEST(Flows, BeginWithASyn) {
  for (const auto& [history, is_known] :
       {std::pair{"ShADd", true}, {"hADd", true}, {"sHDd", true}, {"ADd", false}, {"Dd", false}}) {
    Traces traces;
    traces.make({3}, kNow - 1);
    traces.connect({3}, kNow, 1, kServer, kClient);
    traces.move({3}, "in", 5, kNow + 100);
    record::Flow flow = Traces::flow_of("Cone", kNow, kClient, kServer);
    flow.history = history;
    flow.final = false;
    traces.table.flow(flow);
    const record::Segment segment = Traces::segment_of("Cone", kNow, kClient, kServer);
    traces.segment(segment, kNow + 10, false, 0, 5);
    EXPECT_EQ(traces.told(3).waits.size(), is_known ? 1U : 0U) << history;
  }
}

TEST(Flows, AreForgottenOnlyWhereThereAreTooMany) {
  for (const bool is_one_more : {false, true}) {
    Traces traces;
    traces.table.set_most_flows(2);
    constexpr std::size_t kMost = 2 + analyzers::SocketTable::kMostEnded;
    for (std::size_t at = 0; at < kMost + (is_one_more ? 1 : 0); ++at) {
      const std::string uid = "C" + std::to_string(at);
      record::Flow flow = Traces::flow_of(uid, kNow, kClient, kServer);
      flow.proto = "icmp";
      flow.final = false;
      traces.table.flow(flow);
    }
    EXPECT_EQ(traces.table.counts().forgotten, is_one_more ? 1U : 0U);
  }
}

}  // namespace
}  // namespace tracebraid::tests
