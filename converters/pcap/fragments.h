// Joins IP fragments (RFC 791, RFC 8200 4.5) to datagrams.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "converters/pcap/datagram.h"
#include "formats/io/hash.h"

namespace tracebraid::converters::pcap {

// Memory: at most kMostDatagrams incomplete ones, each at most 64 KiB and kMostPieces pieces; the
// oldest goes when there are more. Incomplete ones are given up kTimeout after their first piece.
class FragmentTable {
 public:
  static constexpr std::size_t kMostDatagrams = 1024;
  static constexpr std::size_t kMostPieces = 1024;
  static constexpr std::int64_t kTimeoutNs = 60'000'000'000;

  struct Key {
    HostAddress source;
    HostAddress destination;
    std::uint32_t id = 0;
    std::uint8_t protocol = 0;
    bool operator==(const Key&) const = default;
  };

  struct Piece {
    std::uint32_t offset = 0;  // bytes
    std::uint32_t length = 0;  // on the wire
    bool is_last = false;
    std::uint32_t header_bytes = 0;  // IP headers in front of the payload
    std::span<const std::uint8_t> captured;
  };

  struct Whole {
    std::unique_ptr<std::uint8_t[]> bytes;
    std::uint32_t length = 0;
    std::uint32_t captured = 0;      // from the front, without a hole that the snaplen made
    std::uint32_t header_bytes = 0;  // of the first fragment
    std::uint32_t pieces = 0;
  };

  // True, and `whole` filled, when the piece completes its datagram. Where pieces overlap, what
  // came first stays.
  [[nodiscard]] bool add(const Key& key, std::int64_t ts_ns, const Piece& piece, Whole& whole);

 private:
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      std::uint64_t hash = key.source.low;
      for (const std::uint64_t part : {key.source.high, key.destination.low, key.destination.high,
                                       (std::uint64_t{key.id} << 8U) | key.protocol}) {
        hash = formats::io::mixed(hash, part);
      }
      return hash;
    }
  };
  struct Range {
    std::uint32_t begin;
    std::uint32_t end;
  };
  struct Incomplete {
    Key key;
    std::int64_t first_ts_ns;
    std::vector<std::uint8_t> bytes;
    std::vector<Range> seen;  // sorted, apart; by wire length
    std::uint32_t captured = UINT32_MAX;
    std::uint32_t total = 0;  // 0 until the last piece
    std::uint32_t header_bytes = 0;
    std::uint32_t pieces = 0;
  };

  std::list<Incomplete> waiting_;  // oldest first
  std::unordered_map<Key, std::list<Incomplete>::iterator, KeyHash> by_key_;
};

}  // namespace tracebraid::converters::pcap
