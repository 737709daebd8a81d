// Datagram sockets: of every peer a flow of its own, matched by order and size.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/analyzers/sockets/traces.h"

namespace tracebraid::tests {
namespace {

const End kServer = {host(2), 53};
const End kOtherServer = {host(4), 53};
const End kClient = {host(1), 40'000};
constexpr std::int64_t kNow = 100 * kSecond;
constexpr Traces::Where kUdp = {3, 0, 7, "udp"};
constexpr Traces::Where kOther = {4, 0, 7, "udp"};

using Waits = std::vector<std::pair<std::int64_t, std::int64_t>>;

record::Segment datagram(std::string_view uid, const End& orig, const End& resp) {
  return Traces::segment_of(uid, kNow, orig, resp, "udp");
}

void finish_flow(Traces& traces, std::string_view uid, const End& orig, const End& resp,
                 std::uint64_t orig_bytes, std::uint64_t resp_bytes) {
  traces.flow(uid, kNow, orig, resp, orig_bytes, resp_bytes, "udp");
}

// Of a socket with three flows of which the first ends first, and in every other order: each knows
// its place.
TEST(Datagrams, FlowsOfASocketEndInAnyOrder) {
  const End servers[] = {{host(2), 53}, {host(3), 53}, {host(4), 53}};
  for (const std::vector<std::size_t>& order :
       {std::vector<std::size_t>{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}) {
    for (const bool is_server : {false, true}) {
      Traces traces;
      traces.use(kUdp, "bind", kNow, kClient, {});
      for (std::size_t at = 0; at < 3; ++at) {
        const std::string uid = "C" + std::to_string(at);
        // The socket is the originator, or the responder.
        const End& orig = is_server ? servers[at] : kClient;
        const End& resp = is_server ? kClient : servers[at];
        traces.segment(datagram(uid, orig, resp), kNow + 1, true, 0, 5);
      }
      traces.close(kUdp, kNow + 2, "socket");
      std::size_t ended = 0;
      for (const std::size_t at : order) {
        EXPECT_NE(traces.table.find({0, 3}), nullptr) << "told of before its flows are over";
        const End& orig = is_server ? servers[at] : kClient;
        const End& resp = is_server ? kClient : servers[at];
        finish_flow(traces, "C" + std::to_string(at), orig, resp, 10 + at, 20);
        ++ended;
      }
      // Its flow is over, and all others: it is told of at once.
      EXPECT_EQ(traces.table.find({0, 3}), nullptr) << ended;
      EXPECT_EQ(traces.told(3).flows, 3U);
      EXPECT_EQ(is_server ? traces.told(3).wire_in : traces.told(3).wire_out, 33U);
      EXPECT_EQ(is_server ? traces.told(3).wire_out : traces.told(3).wire_in, 60U);
    }
  }
}

TEST(Datagrams, WaitInEachDirection) {
  Traces traces;
  traces.make(kUdp, kNow - 10);
  traces.use(kUdp, "bind", kNow - 5, kClient, {});
  traces.move(kUdp, "out", 30, kNow, 9, kServer);
  traces.segment(datagram("Cone", kClient, kServer), kNow + 4, true, 0, 30);
  traces.segment(datagram("Cone", kClient, kServer), kNow + 50, false, 0, 60);
  traces.move(kUdp, "in", 60, kNow + 40, 80, kServer);
  EXPECT_EQ(traces.told(3).uid, "Cone");
  EXPECT_EQ(traces.told(3).sends, (Waits{{kNow, 4}}));
  EXPECT_EQ(traces.told(3).waits, (Waits{{kNow + 50, 70}}));
}

TEST(Datagrams, OfAServerWaitTheSame) {
  Traces traces;
  const Traces::Where server = {5, 0, 7, "udp"};
  traces.use(server, "bind", kNow - 5, kServer, {});
  traces.segment(datagram("Cone", kClient, kServer), kNow, true, 0, 30);
  traces.move(server, "in", 30, kNow - 1, 21, kClient);
  traces.move(server, "out", 60, kNow + 30, 1, kClient);
  traces.segment(datagram("Cone", kClient, kServer), kNow + 37, false, 0, 60);
  EXPECT_EQ(traces.told(5).side, 1U);
  EXPECT_EQ(traces.told(5).waits, (Waits{{kNow, 20}}));
  EXPECT_EQ(traces.told(5).sends, (Waits{{kNow + 30, 7}}));
}

// Bound to all addresses of a machine, it has flows at each of them.
TEST(Datagrams, ASocketOfAllAddressesGoesOnBeingThat) {
  Traces traces;
  traces.use(kUdp, "bind", kNow - 5, {host(0), 53}, {});
  traces.segment(datagram("Cone", kClient, kServer), kNow, true, 0, 30);
  traces.segment(datagram("Ctwo", kClient, kOtherServer), kNow, true, 0, 30);
  finish_flow(traces, "Cone", kClient, kServer, 30, 1);
  finish_flow(traces, "Ctwo", kClient, kOtherServer, 40, 2);
  EXPECT_EQ(traces.told(3).flows, 2U);
  EXPECT_EQ(traces.told(3).wire_in, 70U);
  EXPECT_EQ(traces.told(3).wire_out, 3U);
}

// Of two sockets of one port, that of the flow's family: :: takes IPv4, too, where nobody else
// does.
TEST(Datagrams, TheFamilyTellsSocketsOfOnePort) {
  for (const bool is_ipv4_first : {false, true}) {
    Traces traces;
    const auto bind = [&](bool is_ipv4) {
      traces.use(is_ipv4 ? kUdp : kOther, "bind", kNow - 5, {host(0, is_ipv4 ? 4 : 16), 53}, {});
    };
    bind(is_ipv4_first);
    bind(!is_ipv4_first);
    finish_flow(traces, "Cfour", kClient, kServer, 1, 1);
    finish_flow(traces, "Csix", {host(1, 16), 40'000}, {host(2, 16), 53}, 1, 1);
    EXPECT_EQ(traces.told(3).uid, "Cfour");
    EXPECT_EQ(traces.told(4).uid, "Csix");
  }
  Traces traces;
  traces.use(kOther, "bind", kNow - 5, {host(0, 16), 53}, {});
  finish_flow(traces, "Cfour", kClient, kServer, 1, 1);
  EXPECT_EQ(traces.told(4).uid, "Cfour");
}

// Neither port is in the log: the only flow with such a datagram, which left in the call, or 2 ms
// before or behind it.
TEST(Datagrams, WithoutAPortByTimeAndSize) {
  struct Sent {
    std::int64_t at;
    std::uint64_t bytes;
  };
  const auto uid = [](const std::vector<Sent>& sent) {
    Traces traces;
    traces.make(kUdp, kNow - kSecond / 2);
    std::uint16_t port = 40'000;
    for (const Sent& each : sent) {
      const std::string name = "C" + std::to_string(port - 40'000);
      record::Segment segment = datagram(name, {host(1), port++}, kServer);
      segment.flow_ts = {kNow + each.at};
      traces.segment(segment, kNow + each.at, true, 0, each.bytes);
    }
    traces.move(kUdp, "out", 30, kNow, kMillisecond, kServer);
    return traces.told(3).uid;
  };
  EXPECT_EQ(uid({{0, 30}}), "C0");
  EXPECT_EQ(uid({{0, 31}}), "");
  EXPECT_EQ(uid({{0, 31}, {0, 30}}), "C1");
  EXPECT_EQ(uid({{0, 30}, {1, 30}}), "");
  EXPECT_EQ(uid({{3 * kMillisecond, 30}}), "C0");
  EXPECT_EQ(uid({{3 * kMillisecond + 1, 30}}), "");
  EXPECT_EQ(uid({{-2 * kMillisecond, 30}}), "C0");
  EXPECT_EQ(uid({{-2 * kMillisecond - 1, 30}}), "");
}

// What waits for its flow is settled with the next call, each datagram by itself.
TEST(Datagrams, OfSeveralPeersBeforeTheirFlowsShow) {
  Traces traces;
  traces.make(kUdp, kNow - 10);
  traces.move(kUdp, "out", 30, kNow, 1, kServer);
  traces.move(kUdp, "out", 31, kNow + 2, 1, kServer);
  traces.move(kUdp, "out", 32, kNow + 4, 1, kOtherServer);
  traces.segment(datagram("Cone", kClient, kServer), kNow + 1, true, 0, 30);
  traces.segment(datagram("Cone", kClient, kServer), kNow + 3, true, 0, 31);
  traces.segment(datagram("Ctwo", kClient, kOtherServer), kNow + 5, true, 0, 32);
  traces.use(kUdp, "getpid", kNow + 10, {}, {});
  const analyzers::SocketLife* const life = traces.table.find({0, 3});
  ASSERT_NE(life, nullptr);
  EXPECT_TRUE(life->early.empty());
  EXPECT_EQ(traces.told(3).flows, 2U);
  EXPECT_EQ(traces.told(3).sends, (Waits{{kNow, 1}, {kNow + 2, 1}, {kNow + 4, 1}}));
}

// More than is kept: which datagram is which is not known then.
TEST(Datagrams, TooManyBeforeTheFlowShowsAreNotMeasured) {
  constexpr int kMost = 256;
  for (const int count : {kMost, kMost + 1}) {
    Traces traces;
    traces.make(kUdp, kNow - 10);
    traces.use(kUdp, "bind", kNow - 5, kClient, {});
    for (int at = 0; at < count; ++at) {
      traces.move(kUdp, "out", 30, kNow + 10 * at, 1, kServer);
      traces.move(kOther, "in", 1, kNow + 10 * at);
    }
    const record::Segment segment = datagram("Cone", kClient, kServer);
    for (int at = 0; at < count; ++at) traces.segment(segment, kNow + 10 * at + 4, true, 0, 30);
    EXPECT_EQ(traces.told(3).sends.size(), count == kMost ? kMost : 0U) << count;
  }
}

// Then nothing of before is taken for what comes later, which is measured again.
TEST(Datagrams, BehindTooManyTheNextAreMeasured) {
  constexpr int kMany = 257;
  Traces traces;
  traces.make(kUdp, kNow - 10);
  for (int at = 0; at < kMany; ++at) traces.move(kUdp, "out", 30, kNow + 10 * at, 1, kServer);
  const record::Segment segment = datagram("Cone", kClient, kServer);
  for (int at = 0; at < kMany; ++at) traces.segment(segment, kNow + 10 * at + 4, true, 0, 30);
  traces.use(kUdp, "getsockname", kNow + kSecond, {}, {});
  traces.move(kUdp, "out", 30, kNow + 2 * kSecond, 1, kServer);
  traces.segment(segment, kNow + 2 * kSecond + 7, true, 0, 30);
  traces.segment(segment, kNow + 2 * kSecond + 20, false, 0, 30);
  traces.move(kUdp, "in", 30, kNow + 2 * kSecond + 25, 0, kServer);
  EXPECT_EQ(traces.told(3).uid, "Cone");
  EXPECT_EQ(traces.told(3).sends, (Waits{{kNow + 2 * kSecond, 7}}));
  EXPECT_EQ(traces.told(3).waits, (Waits{{kNow + 2 * kSecond + 20, 5}}));
}

// A flow that was over when its socket showed: each direction is the socket's all the same.
TEST(Datagrams, AFlowMayBeOverBeforeItsSocketShows) {
  for (const bool is_server : {false, true}) {
    Traces traces;
    const End& own = is_server ? kServer : kClient;
    const End& peer = is_server ? kClient : kServer;
    finish_flow(traces, "Cone", kClient, kServer, 30, 700);
    traces.use(kUdp, "bind", kNow + 1, own, {});
    traces.move(kUdp, "in", is_server ? 30 : 700, kNow + 2, 0, peer);
    EXPECT_EQ(traces.told(3).uid, "Cone");
    EXPECT_EQ(traces.told(3).wire_in, is_server ? 30U : 700U);
    EXPECT_EQ(traces.told(3).wire_out, is_server ? 700U : 30U);
  }
}

// What sendmmsg sent: each message by its length, where all lengths are there, and the socket is
// connected.
TEST(Datagrams, OfOneCallAreEachMeasured) {
  struct Row {
    bool is_connected;
    std::string_view args;
    std::size_t measured;
  };
  constexpr std::string_view kAll = "3, [{msg_hdr={}, msg_len=10}, {msg_hdr={}, msg_len=20}], 2, 0";
  constexpr std::string_view kCut = "3, [{msg_hdr={}, msg_len=10}, ...], 2, 0";
  for (const Row& row : {Row{true, kAll, 2}, Row{true, kCut, 0}, Row{false, kAll, 0}}) {
    Traces traces;
    traces.make(kUdp, kNow - 10);
    const End peer = row.is_connected ? kServer : End{};
    traces.use(kUdp, row.is_connected ? "connect" : "bind", kNow - 5, kClient, peer);
    record::Syscall call = traces.call(kUdp, "sendmmsg", kNow, 1);
    call.direction = "out";
    call.bytes = 30;
    call.args = row.args;
    if (!row.is_connected) {
      call.peer_h = kServer.host;
      call.peer_p = kServer.port;
    }
    traces.show(call, kUdp);
    const record::Segment segment = datagram("Cone", kClient, kServer);
    traces.segment(segment, kNow + 4, true, 0, 10);
    traces.segment(segment, kNow + 5, true, 0, 20);
    EXPECT_EQ(traces.told(3).sends.size(), row.measured) << row.args;
    EXPECT_EQ(traces.told(3).unmeasured_out, row.measured == 0 ? 30U : 0U);
    EXPECT_EQ(traces.told(3).bytes_out, 30U);
  }
}

// A second flow between the same ends, after the first: the socket's own is gone on with.
TEST(Datagrams, AFlowThatASocketHasIsNoOthers) {
  Traces traces;
  traces.use(kUdp, "bind", kNow - 5, kClient, {});
  traces.segment(datagram("Cone", kClient, kServer), kNow, true, 0, 30);
  traces.move(kUdp, "out", 30, kNow + 1, 1, kServer);
  traces.segment(datagram("Cone", kClient, kServer), kNow + 5, false, 0, 9);
  traces.move(kUdp, "in", 9, kNow + 6, 1, kServer);
  EXPECT_EQ(traces.told(3).flows, 1U);
  EXPECT_EQ(traces.told(3).waits, (Waits{{kNow + 5, 2}}));
}

}  // namespace
}  // namespace tracebraid::tests
