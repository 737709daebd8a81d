#include "analyzers/sockets/wire_index.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tracebraid::analyzers {
namespace {

HostPort end(std::uint32_t host, std::uint16_t port) {
  HostPort made;
  made.host.size = 4;
  for (std::size_t at = 0; at < 4; ++at) {
    made.host.bytes[at] = static_cast<std::uint8_t>(host >> (24 - 8 * at));
  }
  made.port = port;
  return made;
}

class WireIndexTest : public ::testing::Test {
 protected:
  // One whose server is 10.0.0.1:123.
  Wire& add(std::string_view proto, HostPort client, std::int64_t ts) {
    Wire& wire = wires_.emplace_back("C" + std::to_string(wires_.size()));
    wire.proto = proto;
    wire.is_udp = proto == "udp";
    wire.ends[0] = std::move(client);
    wire.ends[1] = server_;
    wire.ts = ts;
    wire.serial = wires_.size();
    all_.insert(wire.serial, &wire);
    index_.add(wire);
    return wire;
  }
  void claim(Wire& wire, std::size_t side, FileKey key) {
    wire.is_claimed[side] = true;
    wire.files[side] = key;
    index_.claim(wire, side);
  }
  std::vector<std::uint64_t> free_of(const HostPort& own) {
    std::vector<std::uint64_t> seen;
    index_.each_free(own, server_, [&](Wire& wire, std::size_t side) {
      EXPECT_EQ(side, 0U);
      seen.push_back(wire.serial);
    });
    return seen;
  }
  // Serials of those that began then, with a 0 where there were too many.
  std::vector<std::uint64_t> begun(std::int64_t from, std::int64_t until) {
    std::vector<std::uint64_t> seen;
    const bool are_all_seen = index_.each_begun("tcp", server_, from, until, [&](Wire& wire) {
      seen.push_back(wire.serial);
      return true;
    });
    if (!are_all_seen) seen.push_back(0);
    return seen;
  }
  std::vector<std::uint64_t> of_size(std::uint64_t out, std::uint64_t in) {
    std::vector<std::uint64_t> seen;
    EXPECT_TRUE(index_.each_of_size("tcp", server_, out, in, 0, 1000, [&](Wire& wire) {
      seen.push_back(wire.serial);
      return true;
    }));
    return seen;
  }

  const HostPort server_ = end(0x0a000001, 123);
  std::deque<Wire> wires_;
  HashIndex<Wire> all_;
  WireIndex index_{all_};
};

using Serials = std::vector<std::uint64_t>;

// As NTP's clients are. Indexes are asked for when half of the flows are there.
TEST_F(WireIndexTest, ClientsOfOnePortAreToldApartByTheirHosts) {
  HostPort unknown = end(0, 123);
  unknown.host = {};
  for (std::uint32_t at = 0; at < 100; ++at) add("tcp", end(0x0b000000 + at, 123), at);
  EXPECT_EQ(free_of(end(0x0b000007, 123)), Serials({8}));
  EXPECT_EQ(free_of(unknown).size(), WireIndex::kMostAlike);
  for (std::uint32_t at = 100; at < 200; ++at) add("tcp", end(0x0b000000 + at, 123), at);
  EXPECT_EQ(free_of(end(0x0b000007, 123)), Serials({8}));
  EXPECT_EQ(free_of(end(0x0b000096, 123)), Serials({151}));
  EXPECT_EQ(free_of(end(0x0b000096, 124)), Serials());
  EXPECT_EQ(free_of(unknown).back(), 200U);
  // 0.0.0.0 is any of them, too; :: of IPv6 may be.
  EXPECT_EQ(free_of(end(0, 123)).back(), 200U);
  claim(wires_[199], 0, {0, 1});
  EXPECT_EQ(free_of(unknown).back(), 199U);
  index_.erase(wires_[198]);
  EXPECT_EQ(free_of(unknown).back(), 198U);
  EXPECT_EQ(free_of(wires_[198].ends[0]), Serials());
}

TEST_F(WireIndexTest, FlowsOfOneFourTupleComeInOrderAndTheLastOnly) {
  const HostPort client = end(0x0b000000, 4000);
  for (int at = 0; at < 100; ++at) add("tcp", client, at);
  const Serials seen = free_of(client);
  ASSERT_EQ(seen.size(), WireIndex::kMostAlike);
  EXPECT_EQ(seen.front(), 100 - WireIndex::kMostAlike + 1);
  EXPECT_EQ(seen.back(), 100U);
}

TEST_F(WireIndexTest, DatagramsBelongToTheEarliestFlowThatIsFreeOrTheSockets) {
  const HostPort client = end(0x0b000000, 4000);
  HostPort unknown = client;
  unknown.host = {};
  const FileKey own{0, 1};
  const FileKey other{0, 2};
  for (int at = 0; at < 4; ++at) add("udp", client, at);
  using End = std::pair<Wire*, std::size_t>;
  for (const HostPort& known : {client, unknown}) {
    SCOPED_TRACE(known.host.size);
    EXPECT_EQ(index_.datagram_end(own, known, server_), End(&wires_[0], 0));
    EXPECT_EQ(index_.datagram_end(own, server_, known).first,
              known == client ? &wires_[0] : nullptr);
  }
  EXPECT_EQ(index_.datagram_end(own, server_, client), End(&wires_[0], 1));
  claim(wires_[0], 0, other);
  claim(wires_[2], 0, own);
  for (const HostPort& known : {client, unknown}) {
    EXPECT_EQ(index_.datagram_end(own, known, server_), End(&wires_[1], 0));
    EXPECT_EQ(index_.datagram_end(other, known, server_), End(&wires_[0], 0));
  }
  claim(wires_[1], 0, other);
  claim(wires_[3], 0, other);
  for (const HostPort& known : {client, unknown}) {
    EXPECT_EQ(index_.datagram_end(own, known, server_), End(&wires_[2], 0));
    EXPECT_EQ(index_.datagram_end({0, 3}, known, server_), End(nullptr, 0));
  }
  index_.erase(wires_[2]);
  EXPECT_EQ(index_.datagram_end(own, client, server_), End(nullptr, 0));
}

TEST_F(WireIndexTest, ClientsAreFoundByWhenTheyBegan) {
  for (std::uint16_t at = 0; at < 400; ++at) {
    add("tcp", end(0x0b000000, static_cast<std::uint16_t>(1000 + at)), at);
  }
  EXPECT_EQ(begun(10, 12), Serials({11, 12, 13}));
  claim(wires_[11], 0, {0, 1});
  index_.erase(wires_[12]);
  EXPECT_EQ(begun(10, 12), Serials({11}));
  index_.set_begin(wires_[0], 11);
  EXPECT_EQ(begun(10, 12), Serials({11, 1}));
  EXPECT_EQ(begun(500, 600), Serials());
  const Serials most = begun(0, 399);
  EXPECT_EQ(most.size(), WireIndex::kMostBegun + 1);
  EXPECT_EQ(most.back(), 0U);
}

TEST_F(WireIndexTest, ClientsAreFoundByHowMuchTheyMoved) {
  for (std::uint16_t at = 0; at < 6; ++at) {
    add("tcp", end(0x0b000000, static_cast<std::uint16_t>(1000 + at)), at);
  }
  const auto over = [&](Wire& wire, std::uint64_t out, std::uint64_t in) {
    wire.is_over = true;
    wire.bytes[0] = out;
    wire.bytes[1] = in;
    index_.end(wire);
  };
  over(wires_[0], 10, 20);
  EXPECT_EQ(of_size(10, 20), Serials({1}));
  over(wires_[1], 10, 20);
  over(wires_[2], 20, 10);
  over(wires_[3], 10, 20);
  EXPECT_EQ(of_size(10, 20), Serials({1, 2, 4}));
  EXPECT_EQ(of_size(20, 10), Serials({3}));
  EXPECT_EQ(of_size(0, 0), Serials());  // they go on
  over(wires_[1], 11, 20);
  claim(wires_[3], 0, {0, 1});
  EXPECT_EQ(of_size(10, 20), Serials({1}));
  EXPECT_EQ(of_size(11, 20), Serials({2}));
}

}  // namespace
}  // namespace tracebraid::analyzers
