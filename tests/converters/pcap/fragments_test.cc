// RFC 791 and 8200: pieces of a datagram in any order, twice, overlapping, or never.
#include "converters/pcap/fragments.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tracebraid::converters::pcap {
namespace {

using Table = FragmentTable;
constexpr std::int64_t kSecond = 1'000'000'000;

Table::Key key(std::uint32_t id) {
  return {.source = {0, 1}, .destination = {0, 2}, .id = id, .protocol = 17};
}

class Fragments : public testing::Test {
 protected:
  // Whether the piece completed its datagram, which is then in text() and whole().
  bool add(std::uint32_t offset, std::string_view bytes, bool is_last = false, std::uint32_t id = 1,
           std::int64_t ts_ns = 0, std::uint32_t cut = 0) {
    const auto* const at = reinterpret_cast<const std::uint8_t*>(bytes.data());
    return table_.add(key(id), ts_ns,
                      {.offset = offset,
                       .length = static_cast<std::uint32_t>(bytes.size()),
                       .is_last = is_last,
                       .header_bytes = 20 + offset,
                       .captured = {at, bytes.size() - cut}},
                      whole_);
  }
  [[nodiscard]] std::string text() const {
    return {reinterpret_cast<const char*>(whole_.bytes.get()), whole_.captured};
  }
  [[nodiscard]] const Table::Whole& whole() const { return whole_; }

 private:
  Table table_;
  Table::Whole whole_;
};

TEST_F(Fragments, InOrder) {
  EXPECT_FALSE(add(0, "abcdefgh"));
  EXPECT_FALSE(add(8, "ijklmnop"));
  ASSERT_TRUE(add(16, "qrs", true));
  EXPECT_EQ(text(), "abcdefghijklmnopqrs");
  EXPECT_EQ(whole().length, 19U);
  EXPECT_EQ(whole().pieces, 3U);
  EXPECT_EQ(whole().header_bytes, 20U);
}

TEST_F(Fragments, Reversed) {
  EXPECT_FALSE(add(16, "qrs", true));
  EXPECT_FALSE(add(8, "ijklmnop"));
  ASSERT_TRUE(add(0, "abcdefgh"));
  EXPECT_EQ(text(), "abcdefghijklmnopqrs");
  EXPECT_EQ(whole().header_bytes, 20U);  // the first's, although it came last
}

TEST_F(Fragments, ADuplicateChangesNothing) {
  EXPECT_FALSE(add(0, "abcdefgh"));
  EXPECT_FALSE(add(0, "ABCDEFGH"));
  ASSERT_TRUE(add(8, "ijk", true));
  EXPECT_EQ(text(), "abcdefghijk");
  EXPECT_EQ(whole().pieces, 3U);
}

TEST_F(Fragments, WhereTheyOverlapTheFirstStays) {
  EXPECT_FALSE(add(8, "ijklmnop"));
  EXPECT_FALSE(add(24, "yz012345"));
  EXPECT_FALSE(add(0, "abcdefghIJKLMNOPqrstuvwxYZ"));
  ASSERT_TRUE(add(32, "!", true));
  EXPECT_EQ(text(), "abcdefghijklmnopqrstuvwxyz012345!");
}

TEST_F(Fragments, DatagramsAreToldApart) {
  EXPECT_FALSE(add(0, "abcdefgh", false, 1));
  EXPECT_FALSE(add(0, "ABCDEFGH", false, 2));
  ASSERT_TRUE(add(8, "ij", true, 2));
  EXPECT_EQ(text(), "ABCDEFGHij");
  ASSERT_TRUE(add(8, "ij", true, 1));
  EXPECT_EQ(text(), "abcdefghij");
}

TEST_F(Fragments, AHoleIsWaitedFor) {
  EXPECT_FALSE(add(0, "abcdefgh"));
  EXPECT_FALSE(add(16, "q", true));
  EXPECT_TRUE(add(8, "ijklmnop"));
}

TEST_F(Fragments, TheyAreGivenUpAMinuteAfterTheFirst) {
  EXPECT_FALSE(add(0, "abcdefgh", false, 1, 0));
  EXPECT_TRUE(add(8, "i", true, 1, 60 * kSecond));
  EXPECT_FALSE(add(0, "abcdefgh", false, 2, 0));
  EXPECT_FALSE(add(8, "i", true, 2, 61 * kSecond));
  // That one began anew.
  EXPECT_TRUE(add(0, "ABCDEFGH", false, 2, 62 * kSecond));
  EXPECT_EQ(text(), "ABCDEFGHi");
}

TEST_F(Fragments, TheOldestGoesWhenThereAreTooMany) {
  for (std::uint32_t id = 0; id <= Table::kMostDatagrams; ++id) {
    EXPECT_FALSE(add(0, "abcdefgh", false, id));
  }
  EXPECT_TRUE(add(8, "i", true, 1));
  EXPECT_FALSE(add(8, "i", true, 0));
}

TEST_F(Fragments, PiecesAreLimited) {
  for (std::uint32_t piece = 0; piece < Table::kMostPieces; ++piece) {
    EXPECT_FALSE(add(0, "abcdefgh"));
  }
  EXPECT_FALSE(add(8, "i", true));
}

TEST_F(Fragments, BeyondTheLongestDatagramIsRefused) {
  EXPECT_FALSE(add(65528, "abcdefgh", true));  // 65536 bytes
  EXPECT_FALSE(add(0, std::string(65528, 'x')));
  EXPECT_TRUE(add(65528, "abcdefg", true));
  EXPECT_EQ(whole().length, 65535U);
}

TEST_F(Fragments, WhatTheSnaplenCutIsNotCaptured) {
  EXPECT_FALSE(add(0, "abcdefgh", false, 1, 0, 3));
  ASSERT_TRUE(add(8, "ij", true));
  EXPECT_EQ(whole().length, 10U);
  EXPECT_EQ(text(), "abcde");  // up to the first hole
}

}  // namespace
}  // namespace tracebraid::converters::pcap
