// Queries and answers of a UDP flow, by RFC 1035's header.
#include "converters/pcap/dns_tally.h"

#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::converters::pcap {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::vector<std::uint8_t> message(std::uint16_t id, std::uint8_t flags, std::uint8_t rcode) {
  return {static_cast<std::uint8_t>(id >> 8U),
          static_cast<std::uint8_t>(id),
          flags,
          rcode,
          0,
          1,
          0,
          0,
          0,
          0,
          0,
          0};
}

constexpr std::uint8_t kQuery = 0x01;
constexpr std::uint8_t kAnswer = 0x81;

TEST(DnsTally, AnswersBelongToQueriesByTheirId) {
  DnsTally tally;
  tally.add(message(1, kQuery, 0), 0);
  tally.add(message(2, kQuery, 0), 10);
  tally.add(message(1, kQuery, 0), 5 * kSecond);  // again
  tally.add(message(2, kAnswer, 0x83), 2 * kSecond);
  tally.add(message(1, kAnswer, 0x80), 5 * kSecond + 1);
  tally.add(message(1, kAnswer, 0x80), 5 * kSecond + 2);  // to the second of them
  tally.add(message(9, kAnswer, 0x82), 6 * kSecond);      // to nothing that was asked
  EXPECT_EQ(tally.queries(), 2U);
  EXPECT_EQ(tally.answers(), 2U);
  EXPECT_EQ(tally.rcodes(), "NOERROR 1, NXDOMAIN 1");
  EXPECT_EQ(tally.longest(), 5 * kSecond + 1);
}

TEST(DnsTally, WhatIsTooShortIsNone) {
  DnsTally tally;
  const std::vector<std::uint8_t> query = message(1, kQuery, 0);
  tally.add(std::span(query).first(11), 0);
  EXPECT_EQ(tally.queries(), 0U);
  tally.add(query, 0);
  EXPECT_EQ(tally.queries(), 1U);
  EXPECT_EQ(tally.longest(), -1);
  EXPECT_EQ(tally.rcodes(), "");
}

TEST(DnsTally, TheLatestQueriesStayOpen) {
  DnsTally tally;
  const auto count = static_cast<std::uint16_t>(DnsTally::kMostOpen + 1);
  for (std::uint16_t id = 0; id < count; ++id) tally.add(message(id, kQuery, 0), id);
  tally.add(message(0, kAnswer, 0x85), 100);  // forgotten
  EXPECT_EQ(tally.answers(), 0U);
  tally.add(message(1, kAnswer, 0x85), 100);
  EXPECT_EQ(tally.rcodes(), "REFUSED 1");
  EXPECT_EQ(tally.queries(), count);
}

}  // namespace
}  // namespace tracebraid::converters::pcap
