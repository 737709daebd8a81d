// Checks of sockets and connections: each of their limits and branches on both sides.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/analyzers/checks/trial.h"

namespace tracebraid::tests {
namespace {

constexpr std::string_view kInProgress = "-1 EINPROGRESS (Operation now in progress)";

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// backlog_overflow

TEST(BacklogOverflow, AConnectIsGivenUpAfterATenthOfASecond) {
  for (const std::int64_t waited : {100 * kMillisecond, 100 * kMillisecond - 1}) {
    Trial trial({"backlog_overflow"});
    trial.listen(0).connect(kSecond, 9, kInProgress).close(kSecond + waited - kMicrosecond, 9);
    EXPECT_EQ(trial.count(), waited == 100 * kMillisecond ? 1U : 0U) << waited;
  }
}

TEST(BacklogOverflow, AnUnansweredConnectIsNoOtherCaptured) {
  for (const auto& [state, count] : {std::pair{"S0", 1U}, {"REJ", 0U}, {"SF", 0U}}) {
    Trial trial({"backlog_overflow"}, {.has_capture = true});
    trial.listen(0).connect(kSecond, 9, kInProgress).close(2 * kSecond, 9);
    record::Flow flow = Trial::flow_of("Cone", kSecond);
    flow.conn_state = state;
    flow.orig_pkts = 1;
    EXPECT_EQ(trial.flow(flow).count(), count) << state;
  }
}

TEST(BacklogOverflow, AConnectionThatMovedBytesWasMade) {
  Trial trial({"backlog_overflow"});
  trial.listen(0).connect(kSecond, 9, kInProgress);
  trial.call(2 * kSecond, "sendto(9<TCP:[709]>, \"x\", 1, 0, NULL, 0) = 1").close(3 * kSecond, 9);
  EXPECT_EQ(trial.count(), 0U);
}

TEST(BacklogOverflow, ASynIsSentAgain) {
  struct Row {
    const char* state;
    std::uint64_t packets;
    std::optional<std::int64_t> syn;  // behind the flow's beginning
    std::size_t count;
  };
  for (const Row& row : {Row{"S0", 2, {}, 1}, Row{"S0", 1, {}, 0}, Row{"S0", 1, 0, 0},
                         Row{"SF", 9, {}, 0}, Row{"SF", 9, 0, 0}, Row{"SF", 9, 1, 1}}) {
    Trial trial({"backlog_overflow"}, {.has_capture = true});
    record::Flow flow = Trial::flow_of("Cone", kSecond);
    flow.conn_state = row.state;
    flow.orig_pkts = row.packets;
    if (row.syn) flow.syn_ts = record::Time{flow.ts.ns + *row.syn};
    EXPECT_EQ(trial.listen(0).flow(flow).count(), row.count) << row.state << row.packets;
  }
}

// Connections that both the log and the capture tell of are the same ones.
TEST(BacklogOverflow, CountsAConnectionOnce) {
  Trial trial({"backlog_overflow"}, {.has_capture = true});
  trial.listen(0).connect(kSecond, 9, kInProgress).close(2 * kSecond, 9);
  for (std::uint16_t port = 1; port <= 3; ++port) {
    const std::string uid = "C" + std::to_string(port);
    record::Flow flow = Trial::flow_of(uid, kSecond * port, port);
    flow.conn_state = "S0";
    flow.orig_pkts = 2;
    trial.flow(flow);
  }
  EXPECT_EQ(trial.only().count, 3U);
}

TEST(BacklogOverflow, NamesTheListenerOfTheProgramThatRunsNow) {
  Trial trial({"backlog_overflow"});
  trial.listen(0).close(kSecond, 3).listen(2 * kSecond);
  trial.connect(3 * kSecond, 9, kInProgress).close(4 * kSecond, 9);
  EXPECT_EQ(trial.only().file, 2U);
}

TEST(BacklogOverflow, AListenerWhoseAddressShowsLater) {
  for (const bool shows : {true, false}) {
    Trial trial({"backlog_overflow"});
    trial.call(0, "socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3").call(1000, "listen(3, 5) = 0");
    if (shows) {
      trial.call(2000,
                 "getsockname(3, {sa_family=AF_INET, sin_port=htons(80), "
                 "sin_addr=inet_addr(\"10.0.0.1\")}, [16]) = 0");
    }
    trial.connect(kSecond, 9, kInProgress).close(2 * kSecond, 9).close(3 * kSecond, 3);
    EXPECT_EQ(trial.count(), shows ? 1U : 0U);
  }
}

// A server on all addresses has that of the connection; another port or host is another's.
TEST(BacklogOverflow, AListenerServesItsPortAndHost) {
  for (const auto& [where, count] : {std::pair{"10.0.0.1:80", 1U},
                                     {"0.0.0.0:80", 1U},
                                     {"10.0.0.1:81", 0U},
                                     {"10.0.0.9:80", 0U}}) {
    Trial trial({"backlog_overflow"});
    trial.call(0, fmt::format("listen(3<TCP:[{}]>, 5) = 0", where));
    trial.connect(kSecond, 9, kInProgress).close(2 * kSecond, 9);
    EXPECT_EQ(trial.count(), count) << where;
  }
}

// close_wait

TEST(CloseWait, IsASecondLate) {
  for (const std::int64_t late : {kSecond, kSecond - 1}) {
    Trial trial({"close_wait"});
    trial.accept(0, 4).receive(kSecond, 4, "0", 0).close(kSecond + late - kMicrosecond, 4);
    EXPECT_EQ(trial.count(), late == kSecond ? 1U : 0U);
  }
}

TEST(CloseWait, WhatTheProcessLeftOpenIsToldHoweverShort) {
  Trial trial({"close_wait"});
  trial.accept(0, 4)
      .receive(kSecond, 4, "0")
      .line(kSecond + kMillisecond, 7, "+++ exited with 0 +++");
  EXPECT_EQ(trial.count(), 1U);
  EXPECT_TRUE(has(trial.only().summary, "; 1 of them to the end")) << trial.only().summary;
}

TEST(CloseWait, TellsTheLongestAndThoseThatStayedOpen) {
  Trial trial({"close_wait"});
  trial.accept(0, 4, 5000).accept(1, 6, 5001);
  trial.receive(kSecond, 4, "0").receive(kSecond, 6, "0", kMicrosecond, 5001);
  trial.close(4 * kSecond + kMicrosecond, 4).close(3 * kSecond, 6);
  EXPECT_EQ(trial.only().count, 2U);
  EXPECT_TRUE(has(trial.only().summary, "for up to 3.00 s")) << trial.only().summary;
  EXPECT_FALSE(has(trial.only().summary, "to the end")) << trial.only().summary;
}

TEST(CloseWait, UnixSocketsAreNotMeant) {
  Trial trial({"close_wait"});
  trial.call(
      0, "socketpair(AF_UNIX, SOCK_STREAM, 0, [3<UNIX-STREAM:[1->2]>, 4<UNIX-STREAM:[2->1]>]) = 0");
  trial.call(kSecond, "recvfrom(3<UNIX-STREAM:[1->2]>, \"\", 10, 0, NULL, NULL) = 0");
  trial.close(9 * kSecond, 3);
  EXPECT_EQ(trial.count(), 0U);
}

// connect_failed

TEST(ConnectFailed, WhatGoesOnHasNotFailed) {
  for (const std::string_view error :
       {"EINPROGRESS", "EALREADY", "EISCONN", "EINTR", "EAGAIN", "ERESTARTSYS"}) {
    Trial trial({"connect_failed"});
    // It has been used since, so that it was connected.
    trial.connect(0, 9, failure(error));
    trial.call(kSecond, "sendto(9<TCP:[709]>, \"x\", 1, 0, NULL, 0) = 1");
    EXPECT_EQ(trial.count(), 0U) << error;
  }
  for (const std::string_view error : {"ECONNREFUSED", "ETIMEDOUT", "EADDRNOTAVAIL"}) {
    Trial trial({"connect_failed"});
    EXPECT_EQ(trial.connect(0, 9, failure(error)).connect(kSecond, 9, failure(error)).only().count,
              2U);
  }
}

TEST(ConnectFailed, TheAnswerIsAskedFor) {
  constexpr std::string_view kAsk = "getsockopt(9<TCP:[709]>, SOL_SOCKET, SO_ERROR, [{}], [4]) = 0";
  struct Row {
    std::string_view error;
    bool was_used;
    std::size_t count;
  };
  for (const Row& row :
       {Row{"ECONNREFUSED", false, 1}, Row{"0", false, 0}, Row{"ECONNRESET", true, 0}}) {
    Trial trial({"connect_failed"});
    trial.connect(0, 9, kInProgress);
    if (row.was_used) trial.call(kMillisecond, "sendto(9<TCP:[709]>, \"x\", 1, 0, NULL, 0) = 1");
    trial.call(2 * kMillisecond, fmt::format(fmt::runtime(kAsk), row.error));
    EXPECT_EQ(trial.close(3 * kMillisecond, 9).count(), row.count) << row.error;
  }
}

TEST(ConnectFailed, NobodyAnsweredForATenthOfASecond) {
  for (const std::int64_t waited : {100 * kMillisecond, 100 * kMillisecond - 1}) {
    Trial trial({"connect_failed"});
    trial.connect(kSecond, 9, kInProgress).close(kSecond + waited - kMicrosecond, 9);
    EXPECT_EQ(trial.count(), waited == 100 * kMillisecond ? 1U : 0U);
  }
}

// With a capture: what was answered was not waited for; what was refused is no backlog's.
TEST(ConnectFailed, TheCaptureTellsWhetherThereWasAnAnswer) {
  struct Row {
    const char* state;
    bool has_listener;
    std::size_t count;
  };
  for (const Row& row :
       {Row{"S0", false, 1}, Row{"SH", false, 1}, Row{"REJ", false, 1}, Row{"SF", false, 0},
        Row{"S0", true, 0}, Row{"SH", true, 0}, Row{"REJ", true, 1}}) {
    for (const std::int64_t waited : {kMillisecond, kSecond}) {
      Trial trial({"connect_failed"}, {.has_capture = true});
      if (row.has_listener) trial.listen(0);
      trial.connect(kSecond, 9, kInProgress).close(kSecond + waited, 9);
      record::Flow flow = Trial::flow_of("Cone", kSecond);
      flow.conn_state = row.state;
      EXPECT_EQ(trial.flow(flow).count(), row.count) << row.state << row.has_listener << waited;
    }
  }
}

TEST(ConnectFailed, GroupsThoseWithoutAnAnswer) {
  Trial trial({"connect_failed"});
  for (const int fd : {9, 10, 11}) {
    trial.connect(kSecond * fd, fd, kInProgress).close(kSecond * (fd + 1) - kMillisecond, fd);
  }
  EXPECT_EQ(trial.only().count, 3U);
  EXPECT_EQ(trial.only().last_ts, Trial::kStart + 11 * kSecond);
}

TEST(ConnectFailed, AServiceOfTheMachineIsDoneWithout) {
  Trial trial({"connect_failed"});
  trial.call(0, "socket(AF_UNIX, SOCK_STREAM, 0) = 9");
  trial.call(1000,
             "connect(9, {sa_family=AF_UNIX, sun_path=\"/run/nscd\"}, 110) = " + failure("ENOENT"));
  EXPECT_EQ(trial.only().severity, Severity::kNote);
  Trial tcp({"connect_failed"});
  EXPECT_EQ(tcp.connect(0, 9, failure("ECONNREFUSED")).only().severity, Severity::kWarning);
}

// connection_reset

TEST(ConnectionReset, SaysWhoSentTheReset) {
  for (const bool is_server : {true, false}) {
    for (const bool is_flow_first : {true, false}) {
      for (const std::string_view by : {"orig", "resp"}) {
        Trial trial({"connection_reset"}, {.has_capture = true});
        record::Flow flow = Trial::flow_of("Cone", 0);
        flow.reset_by = by;
        flow.last_ts = {Trial::kStart + kSecond};
        if (is_server) {
          trial.accept(0, 4);
        } else {
          trial.connect(0, 4, "0");
        }
        trial.segment(kMillisecond, true, 0, 1);
        if (is_flow_first) trial.flow(flow);
        if (is_server) {
          trial.receive(2 * kSecond, 4, failure("ECONNRESET"));
        } else {
          trial.call(2 * kSecond,
                     "recvfrom(4<TCP:[704]>, 0x7f, 9, 0, NULL, NULL) = " + failure("ECONNRESET"));
        }
        if (!is_flow_first) trial.flow(flow);
        // The client is the originator.
        const bool is_peer = (by == "orig") == is_server;
        EXPECT_TRUE(has(trial.only().detail, is_peer ? "the peer sent" : "this side sent"))
            << by << is_server << is_flow_first << trial.only().detail;
        EXPECT_EQ(has(trial.only().summary, "of clients to 10.0.0.1:80"), is_server);
      }
    }
  }
}

TEST(ConnectionReset, SendingAfterOnesOwnShutdownIsNoReset) {
  struct Row {
    std::string_view how, error;
    bool is_own;
  };
  for (const Row& row : {Row{"SHUT_WR", "EPIPE", true}, Row{"SHUT_RDWR", "EPIPE", true},
                         Row{"SHUT_RD", "EPIPE", false}, Row{"SHUT_WR", "ECONNRESET", false}}) {
    Trial trial({"connection_reset"});
    trial.accept(0, 4).call(kSecond, fmt::format("shutdown({}, {}) = 0", served(4), row.how));
    trial.send(2 * kSecond, 4, 10, failure(row.error));
    EXPECT_EQ(has(trial.only().summary, "this side had shut its sending down"), row.is_own)
        << row.how << row.error << trial.only().summary;
  }
}

TEST(ConnectionReset, IsOfTheseErrors) {
  for (const auto& [error, count] : {std::pair{"ECONNRESET", 1U},
                                     {"EPIPE", 1U},
                                     {"ETIMEDOUT", 1U},
                                     {"ECONNABORTED", 1U},
                                     {"ENOTCONN", 0U},
                                     {"EAGAIN", 0U}}) {
    Trial trial({"connection_reset"});
    EXPECT_EQ(trial.accept(0, 4).receive(kSecond, 4, failure(error)).count(), count) << error;
  }
  // A connection that was not made is connect_failed's.
  Trial trial({"connection_reset"});
  EXPECT_EQ(trial.connect(0, 9, failure("ETIMEDOUT")).count(), 0U);
}

// partial_write

TEST(PartialWrite, TheRestIsSentOrNot) {
  struct Row {
    const char* what;
    std::vector<std::pair<std::uint64_t, std::string>> sends;  // given, result
    std::uint64_t missing;
  };
  const std::string again = failure("EAGAIN");
  for (const Row& row : {Row{"the rest", {{100, "60"}, {40, "40"}}, 0},
                         Row{"the rest and more", {{100, "60"}, {90, "90"}}, 0},
                         Row{"less", {{100, "60"}, {39, "39"}}, 40}, Row{"none", {{100, "60"}}, 40},
                         Row{"in three", {{100, "60"}, {40, "10"}, {30, "30"}}, 0},
                         Row{"the last is missing", {{100, "60"}, {40, "10"}}, 30},
                         Row{"twice", {{100, "60"}, {5, "3"}}, 42},
                         Row{"it was full meanwhile", {{100, "60"}, {40, again}, {40, "40"}}, 0},
                         Row{"it was full, and less", {{100, "60"}, {40, again}, {7, "7"}}, 40},
                         Row{"it was full to the end", {{100, "60"}, {40, again}}, 40},
                         Row{"it was broken", {{100, "60"}, {40, failure("EPIPE")}}, 0},
                         Row{"all", {{100, "100"}, {7, "7"}}, 0}}) {
    Trial trial({"partial_write"});
    std::int64_t at = 0;
    trial.accept(at, 4);
    for (const auto& [given, result] : row.sends) trial.send(at += kMillisecond, 4, given, result);
    trial.close(at + kMillisecond, 4);
    ASSERT_EQ(trial.count(), row.missing > 0 ? 1U : 0U) << row.what;
    if (row.missing == 0) continue;
    EXPECT_TRUE(has(trial.only().summary, fmt::format(": {} bytes are missing", row.missing)))
        << row.what << trial.only().summary;
  }
}

TEST(PartialWrite, OfALogThatEndsNobodyKnows) {
  Trial trial({"partial_write"});
  EXPECT_EQ(trial.accept(0, 4).send(kMillisecond, 4, 100, "60").count(), 0U);
  Trial reset({"partial_write"});
  reset.accept(0, 4).send(kMillisecond, 4, 100, "60");
  reset.receive(2 * kMillisecond, 4, failure("ECONNRESET")).close(kSecond, 4);
  EXPECT_EQ(reset.count(), 0U);
}

TEST(PartialWrite, WhatWasGivenStandsBehindTheText) {
  Trial trial({"partial_write"});
  trial.accept(0, 4);
  trial.call(kMillisecond,
             fmt::format("sendto({}, \"a\\\", 3\\\\\", 7, 0, NULL, 0) = 3", served(4)));
  trial.close(kSecond, 4);
  EXPECT_TRUE(has(trial.only().summary, ": 4 bytes are missing")) << trial.only().summary;
}

// peer_not_reading

TEST(PeerNotReading, IsASecondOrATenthToTheEnd) {
  struct Row {
    std::int64_t stuck;
    bool is_end;
    std::size_t count;
  };
  for (const Row& row : {Row{kSecond, false, 1}, Row{kSecond - 1, false, 0},
                         Row{100 * kMillisecond, true, 0}, Row{100 * kMillisecond + 1, true, 1}}) {
    Trial trial({"peer_not_reading"});
    trial.accept(0, 4).send(kSecond, 4, 9, failure("EAGAIN"));
    if (row.is_end) {
      trial.close(kSecond + row.stuck - kMicrosecond, 4);
    } else {
      trial.send(kSecond + row.stuck, 4, 9, "9").close(9 * kSecond, 4);
    }
    EXPECT_EQ(trial.count(), row.count) << row.stuck << row.is_end;
  }
}

TEST(PeerNotReading, BeginsAnewBehindASuccess) {
  Trial trial({"peer_not_reading"});
  trial.accept(0, 4);
  for (int time = 0; time < 4; ++time) {
    trial.send(time * 600 * kMillisecond + 1, 4, 9, failure("EAGAIN"));
    trial.send(time * 600 * kMillisecond + 500 * kMillisecond, 4, 9, "9");
  }
  EXPECT_EQ(trial.close(9 * kSecond, 4).count(), 0U);
}

TEST(PeerNotReading, OfManyAHundredAreTold) {
  for (const int count : {100, 101}) {
    Trial trial({"peer_not_reading"});
    trial.accept(0, 4);
    for (int time = 0; time < count; ++time) trial.send(time * kSecond, 4, 9, "9", kSecond);
    EXPECT_EQ(trial.count(), 100U);
  }
  Trial trial({"peer_not_reading"});
  EXPECT_EQ(trial.accept(0, 4).send(1, 4, 9, "9", kSecond - 1).count(), 0U);
}

// retransmissions

struct Loss {
  std::uint64_t packets, orig, resp;
};

Trial& lose(Trial& trial, const std::vector<Loss>& losses, std::uint8_t server = 1) {
  std::int64_t at = 0;
  for (const Loss& loss : losses) {
    const std::string uid = "C" + std::to_string(at / kSecond);
    record::Flow flow = Trial::flow_of(uid, at);
    flow.resp_h = host(server);
    flow.last_ts = {flow.ts.ns + 10};
    flow.orig_pkts = loss.packets / 2;
    flow.resp_pkts = loss.packets - loss.packets / 2;
    flow.orig_rexmit_pkts = loss.orig;
    flow.resp_rexmit_pkts = loss.resp;
    flow.orig_rexmit_bytes = 10 * loss.orig;
    flow.resp_rexmit_bytes = 10 * loss.resp;
    trial.flow(flow);
    at += kSecond;
  }
  return trial;
}

TEST(Retransmissions, AreMuchFromTenAndOneInAHundredOn) {
  struct Row {
    std::vector<Loss> losses;
    Severity severity;
  };
  for (const Row& row :
       {Row{{{1000, 10, 0}}, Severity::kWarning}, Row{{{1000, 4, 6}}, Severity::kWarning},
        Row{{{1001, 10, 0}}, Severity::kNote}, Row{{{100, 9, 0}}, Severity::kNote},
        // Flows without losses count, behind the first that had some.
        Row{{{900, 10, 0}, {100, 0, 0}}, Severity::kWarning},
        Row{{{900, 10, 0}, {101, 0, 0}}, Severity::kNote},
        Row{{{5000, 0, 0}, {900, 10, 0}}, Severity::kWarning}}) {
    Trial trial({"retransmissions"}, {.has_capture = true});
    EXPECT_EQ(lose(trial, row.losses).only().severity, row.severity) << row.losses[0].packets;
  }
}

TEST(Retransmissions, AreOfBothSidesAndTellTheWorst) {
  Trial trial({"retransmissions"}, {.has_capture = true});
  lose(trial, {{10, 0, 1}, {10, 2, 3}, {10, 1, 1}, {10, 0, 0}});
  EXPECT_EQ(trial.only().count, 8U);
  EXPECT_EQ(trial.only().uid, "C1");
  EXPECT_EQ(trial.only().ts, Trial::kStart);
  EXPECT_EQ(trial.only().last_ts, Trial::kStart + 2 * kSecond + 10);
  EXPECT_TRUE(has(trial.only().summary, "8 segments (80 bytes) of 3 flows"))
      << trial.only().summary;
  Trial none({"retransmissions"}, {.has_capture = true});
  EXPECT_EQ(lose(none, {{10, 0, 0}}).count(), 0U);
}

// The last of the flows may have ended first.
TEST(Retransmissions, LastToTheLatestEnd) {
  Trial trial({"retransmissions"}, {.has_capture = true});
  for (const std::int64_t end : {9, 3}) {
    const std::string uid = "C" + std::to_string(end);
    record::Flow flow = Trial::flow_of(uid, 0);
    flow.last_ts = {Trial::kStart + end};
    flow.orig_rexmit_pkts = 1;
    trial.flow(flow);
  }
  EXPECT_EQ(trial.only().last_ts, Trial::kStart + 9);
}

TEST(Retransmissions, OnLoopbackAreNotes) {
  struct Row {
    std::uint8_t size, first, last;
    bool is_loopback;
  };
  for (const Row& row : {Row{4, 127, 9, true}, Row{4, 126, 1, false}, Row{16, 0, 1, true},
                         Row{16, 0, 2, false}, Row{16, 1, 1, false}}) {
    Trial trial({"retransmissions"}, {.has_capture = true});
    record::Flow flow = Trial::flow_of("Cone", 0);
    flow.resp_h = {};
    flow.resp_h.size = row.size;
    flow.resp_h.bytes[0] = row.first;
    flow.resp_h.bytes[row.size - 1U] = row.last;
    flow.orig_pkts = 100;
    flow.orig_rexmit_pkts = 50;
    const Severity severity = row.is_loopback ? Severity::kNote : Severity::kWarning;
    EXPECT_EQ(trial.flow(flow).only().severity, severity) << int{row.size} << int{row.last};
  }
}

// slow_dns

constexpr std::string_view kAsked =
    "sendto(9<UDP:[10.0.0.2:4000->10.0.0.9:53]>, \"q\", 1, 0, NULL, 0) = 1";
constexpr std::string_view kAnswer =
    "recvfrom(9<UDP:[10.0.0.2:4000->10.0.0.9:53]>, \"a\", 9, 0, NULL, NULL) = 1";

TEST(SlowDns, IsHalfASecond) {
  for (const std::int64_t took : {500 * kMillisecond, 500 * kMillisecond - 1}) {
    for (const bool is_answered : {true, false}) {
      Trial trial({"slow_dns"});
      trial.call(kSecond, kAsked);
      if (is_answered) {
        trial.call(kSecond + took - kMicrosecond, kAnswer).close(9 * kSecond, 9);
      } else {
        trial.close(kSecond + took - kMicrosecond, 9);
      }
      ASSERT_EQ(trial.count(), took == 500 * kMillisecond ? 1U : 0U) << took << is_answered;
      if (trial.count() == 0) continue;
      EXPECT_EQ(has(trial.only().summary, "1 without an answer"), !is_answered);
      EXPECT_TRUE(has(trial.only().summary, "500 ms at most")) << trial.only().summary;
    }
  }
}

TEST(SlowDns, CountsFromTheFirstOfItsQueries) {
  Trial trial({"slow_dns"});
  trial.call(0, kAsked).call(300 * kMillisecond, kAsked).call(600 * kMillisecond, kAnswer);
  EXPECT_EQ(trial.close(kSecond, 9).count(), 1U);
  // Each answer ends a query: the next begins anew.
  Trial quick({"slow_dns"});
  for (int time = 0; time < 5; ++time) {
    quick.call(time * 400 * kMillisecond, kAsked).call(time * 400 * kMillisecond + 1000, kAnswer);
  }
  EXPECT_EQ(quick.close(9 * kSecond, 9).count(), 0U);
}

TEST(SlowDns, ThePortIsTheSocketsOrTheCalls) {
  constexpr std::string_view kTo =
      "sendto(9<UDP:[10.0.0.2:4000]>, \"q\", 1, 0, {{sa_family=AF_INET, sin_port=htons({}), "
      "sin_addr=inet_addr(\"10.0.0.9\")}}, 16) = 1";
  for (const auto& [port, count] : {std::pair{53, 1U}, {54, 0U}}) {
    Trial trial({"slow_dns"});
    trial.call(0, fmt::format(fmt::runtime(kTo), port)).close(kSecond, 9);
    EXPECT_EQ(trial.count(), count) << port;
  }
}

// tiny_writes

TEST(TinyWrites, AreAHundredOfSixteenBytesInARow) {
  struct Row {
    const char* what;
    std::vector<std::pair<int, std::uint64_t>> sends;  // how many, of how many bytes
    std::uint64_t count;
  };
  for (const Row& row :
       {Row{"100 of 16", {{100, 16}}, 100}, Row{"99", {{99, 16}}, 0},
        Row{"100 of 17", {{100, 17}}, 0}, Row{"not in a row", {{99, 16}, {1, 17}, {99, 1}}, 0},
        Row{"after a row that was none", {{50, 16}, {1, 17}, {100, 1}}, 100},
        Row{"it goes on behind a row", {{100, 16}, {1, 17}, {5, 1}}, 105}}) {
    Trial trial({"tiny_writes"});
    trial.accept(0, 4);
    std::int64_t at = 0;
    for (const auto& [times, bytes] : row.sends) {
      for (int time = 0; time < times; ++time) {
        trial.send(at += kMillisecond, 4, bytes, std::to_string(bytes));
      }
    }
    trial.close(at + kMillisecond, 4);
    ASSERT_EQ(trial.count(), row.count > 0 ? 1U : 0U) << row.what;
    if (row.count == 0) continue;
    EXPECT_EQ(trial.only().count, row.count) << row.what;
  }
}

TEST(TinyWrites, OfManySocketsAHundredAreTold) {
  for (const int sockets : {100, 101}) {
    Trial trial({"tiny_writes"});
    std::int64_t at = 0;
    for (int socket = 0; socket < sockets; ++socket) {
      trial.accept(at += kMillisecond, 4, 5000 + socket);
      for (int time = 0; time < 100; ++time) {
        trial.send(at += kMillisecond, 4, 1, "1", kMicrosecond, 5000 + socket);
      }
      trial.close(at += kMillisecond, 4);
    }
    EXPECT_EQ(trial.count(), 100U);
  }
}

// unread_data

// A connection of a client's, which sent `bytes` at these times, of which `read` were read before
// it was closed at 10 s.
struct Unread {
  std::vector<std::pair<std::int64_t, std::uint64_t>> came;
  std::uint64_t read = 0;
  bool is_client = false;
  bool has_segments = true;
};

Trial& leave(Trial& trial, const Unread& unread) {
  if (unread.is_client) {
    trial.connect(0, 4, "0");
  } else {
    trial.accept(0, 4);
  }
  const std::string place = unread.is_client ? "4<TCP:[704]>" : served(4);
  record::Flow flow = Trial::flow_of("Cone", 0);
  std::uint64_t all = 0;
  bool is_closed = false;
  const auto read_and_close = [&] {
    is_closed = true;
    if (unread.read > 0) {
      trial.call(9 * kSecond,
                 fmt::format("recvfrom({}, \"x\", 900, 0, NULL, NULL) = {}", place, unread.read));
    }
    trial.close(10 * kSecond - kMicrosecond, 4);
  };
  // What the program sent: it bounds how clocks differ from one side, reading does from the other.
  auto& first = unread.is_client ? flow.resp_first_data : flow.orig_first_data;
  auto& last = unread.is_client ? flow.resp_last_data : flow.orig_last_data;
  for (const auto& [at, bytes] : unread.came) {
    if (at > 10 * kSecond && !is_closed) read_and_close();
    if (unread.has_segments) trial.segment(at, !unread.is_client, all, bytes);
    if (!first) first = record::Time{Trial::kStart + at};
    last = record::Time{Trial::kStart + at};
    all += bytes;
  }
  if (!is_closed) read_and_close();
  (unread.is_client ? flow.resp_bytes : flow.orig_bytes) = all;
  flow.last_ts = {Trial::kStart + 11 * kSecond};
  return trial.flow(flow);
}

TEST(UnreadData, CameBeforeTheCloseOrBehindIt) {
  constexpr std::int64_t kClosed = 10 * kSecond;
  struct Row {
    const char* what;
    Unread unread;
    std::string_view told;  // "" nothing
  };
  for (const Row& row :
       {Row{"all was read", {{{kSecond, 5}}, 5}, ""},
        Row{"nothing was read",
            {{{kSecond, 5}}, 0},
            "ended with 5 bytes that the program never read; it had read none"},
        Row{"a part was read",
            {{{kSecond, 5}, {2 * kSecond, 7}}, 5},
            "ended with 7 bytes that the program never read"},
        Row{"it came as it was closed", {{{kSecond, 5}, {kClosed, 7}}, 5}, "ended with 7 bytes"},
        Row{"it came later",
            {{{kSecond, 5}, {kClosed + 1, 7}}, 5},
            "7 bytes arrived after the close"},
        Row{"both",
            {{{kSecond, 5}, {2 * kSecond, 3}, {kClosed + 1, 7}}, 5},
            "ended with 3 bytes"}}) {
    Trial trial({"unread_data"}, {.has_capture = true});
    leave(trial, row.unread);
    ASSERT_EQ(trial.count(), row.told.empty() ? 0U : 1U) << row.what;
    if (row.told.empty()) continue;
    EXPECT_TRUE(has(trial.only().summary, row.told)) << row.what << trial.only().summary;
  }
}

// What came late: when the first of it did.
TEST(UnreadData, TellsHowLateTheFirstCame) {
  Trial trial({"unread_data"}, {.has_capture = true});
  leave(trial,
        {{{kSecond, 5}, {10 * kSecond + 3 * kMillisecond, 7}, {10 * kSecond + 8 * kMillisecond, 7}},
         5});
  ASSERT_EQ(trial.count(), 1U);
  EXPECT_TRUE(has(trial.only().evidence[0], "14 bytes came 3.00 ms after it"))
      << trial.only().evidence[0];
}

// Without segments: by the first and the last payload of the flow, where that is enough.
TEST(UnreadData, IsToldByTheFlowsTimes) {
  constexpr std::int64_t kClosed = 10 * kSecond;
  struct Row {
    const char* what;
    std::vector<std::pair<std::int64_t, std::uint64_t>> came;
    std::string_view told;
  };
  for (const bool is_client : {false, true}) {
    for (const Row& row :
         {Row{"before", {{kSecond, 5}, {kClosed, 5}}, "They had come before"},
          Row{"behind", {{kClosed + 1, 5}, {kClosed + 9, 5}}, "The peer was still sending"},
          Row{"who knows", {{kClosed, 5}, {kClosed + 9, 5}}, "not known"},
          Row{"who knows", {{kSecond, 5}, {kClosed + 1, 5}}, "not known"}}) {
      Trial trial({"unread_data"}, {.has_capture = true});
      leave(trial, {row.came, 0, is_client, false});
      EXPECT_TRUE(has(trial.only().detail, row.told)) << row.what << trial.only().detail;
    }
  }
}

TEST(UnreadData, IsAWarningWhereAClientReadNothing) {
  for (const bool is_client : {true, false}) {
    for (const std::uint64_t read : {0U, 2U}) {
      Trial trial({"unread_data"}, {.has_capture = true});
      leave(trial, {{{kSecond, 2}, {2 * kSecond, 7}}, read, is_client});
      const bool is_grave = is_client && read == 0;
      EXPECT_EQ(trial.only().severity, is_grave ? Severity::kWarning : Severity::kNote)
          << is_client << read;
    }
  }
  // What came behind the close was not there to be read.
  Trial late({"unread_data"}, {.has_capture = true});
  leave(late, {{{11 * kSecond, 5}}, 0, true});
  EXPECT_EQ(late.only().severity, Severity::kNote);
}

// The capture's clock may be ahead: what it says is later is taken back by that.
TEST(UnreadData, TheCloseIsByTheCapturesClock) {
  for (const std::int64_t ahead : {kSecond, -kSecond}) {
    for (const std::int64_t behind_close : {-kMillisecond, kMillisecond}) {
      Trial trial({"unread_data"}, {.has_capture = true});
      trial.accept(0, 4);
      // Both directions in a microsecond: the clocks differ by that much.
      trial.send(kSecond, 4, 5, "5").segment(kSecond + ahead + kMicrosecond, false, 0, 5);
      trial.segment(2 * kSecond + ahead, true, 0, 5).receive(2 * kSecond, 4, "5");
      trial.close(10 * kSecond - kMicrosecond, 4);
      trial.segment(10 * kSecond + ahead + behind_close, true, 5, 7);
      record::Flow flow = Trial::flow_of("Cone", 0);
      flow.orig_bytes = 12;
      flow.resp_bytes = 5;
      flow.last_ts = {Trial::kStart + 12 * kSecond};
      trial.flow(flow);
      EXPECT_EQ(has(trial.only().summary, "after the close"), behind_close > 0)
          << ahead << trial.only().summary;
    }
  }
}

}  // namespace
}  // namespace tracebraid::tests
