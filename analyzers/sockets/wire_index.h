// Flows by what a socket may know of its own: both ends; all but its own host; or, where it does
// not know its port, the peer and when the flow began, or the peer and how many bytes it moved.
// However many flows are alike (clients that all have the port 123, one four-tuple used again and
// again, thousands of connects to one server), adding one and looking for one take as long as with
// few: where a bound on what is looked at has to decide, what it leaves out is said with each
// function.
//
// An index is made when it is asked for first, of all flows there are. A capture without sockets
// needs none.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "analyzers/sockets/life.h"
#include "analyzers/util/hash_index.h"
#include "analyzers/util/rings.h"

namespace tracebraid::analyzers {

constexpr std::uint32_t kAnyPort = 0x10000;

// Of transport, peer and own port, never 0. `own_port` is kAnyPort where it is not known; so is the
// port of a `peer` that is not.
[[nodiscard]] std::uint64_t hash_of_ends(std::string_view proto, const HostPort& peer,
                                         std::uint32_t own_port);

// What a socket knows of its host, and a host that was seen. 0.0.0.0 has IPv4 alone; :: may have
// both.
[[nodiscard]] inline bool fits(const formats::record::Address& known,
                               const formats::record::Address& seen) {
  return known == seen || (is_any(known) && (known.size != 4 || seen.size == 4));
}

class WireIndex {
 public:
  // How many that are alike are looked at.
  static constexpr std::size_t kMostAlike = 64;
  static constexpr std::size_t kMostBegun = 256;

  // `wires` are all flows, those of no transport that sockets have, too.
  explicit WireIndex(const HashIndex<Wire>& wires) : wires_(wires) {}
  WireIndex(const WireIndex&) = delete;
  WireIndex& operator=(const WireIndex&) = delete;

  // Of TCP or UDP; its ends, `ts`, `serial` and what it has been claimed for are as they will stay,
  // but for the functions below.
  void add(Wire& wire);
  void erase(Wire& wire);
  void set_begin(Wire& wire, std::int64_t ts);
  // Its end has a socket now: `wire.files`.
  void claim(Wire& wire, std::size_t side);
  // It is over, or was and has other numbers of bytes now.
  void end(Wire& wire);

  // `look(wire, side)` for flows of TCP whose end fits and has no socket, in the order in which
  // they showed: the last kMostAlike.
  template <typename Look>
  void each_free(const HostPort& own, const HostPort& peer, Look look) {
    if (wires_.size() == 0) return;
    const bool is_host_known = !is_any(own.host);
    const Rings<WirePlace>& rings = is_host_known ? by_ends() : by_peer();
    const std::uint64_t hash =
        is_host_known ? hash_of_both("tcp", own, peer) : hash_of_ends("tcp", peer, *own.port);
    rings.each_of_last(hash, kMostAlike, [&](const WirePlace& place) {
      Wire& wire = *place.wire;
      if (is_end(wire, place.side, own, peer) && !wire.is_udp) look(wire, place.side);
    });
  }

  // The earliest flow of UDP whose end fits and is this socket's, or nobody's; null when there is
  // none. Of those that do not fit because of the host's family alone, and of the socket's own of
  // the same ends, the first kMostAlike are looked at.
  [[nodiscard]] std::pair<Wire*, std::size_t> datagram_end(const FileKey& key, const HostPort& own,
                                                           const HostPort& peer);

  // `look(wire)` for flows that began between `from` and `until`, and whose client has no socket,
  // until it is false. False when there are more than kMostBegun.
  template <typename Look>
  [[nodiscard]] bool each_begun(std::string_view proto, const HostPort& server, std::int64_t from,
                                std::int64_t until, Look look) {
    return each_between(by_begin(), hash_of_ends(proto, server, kAnyPort), from, until, look);
  }
  // The same for those that are over and moved so many bytes.
  template <typename Look>
  [[nodiscard]] bool each_of_size(std::string_view proto, const HostPort& server,
                                  std::uint64_t bytes_out, std::uint64_t bytes_in,
                                  std::int64_t from, std::int64_t until, Look look) {
    return each_between(by_size(),
                        hash_of_size(hash_of_ends(proto, server, kAnyPort), bytes_out, bytes_in),
                        from, until, look);
  }

 private:
  struct Begun {
    std::uint64_t hash;
    std::int64_t ts;
    std::uint64_t serial;
    Wire* wire;
    bool operator<(const Begun& other) const {
      return std::tie(hash, ts, serial) < std::tie(other.hash, other.ts, other.serial);
    }
  };

  [[nodiscard]] static std::uint64_t hash_of_both(std::string_view proto, const HostPort& own,
                                                  const HostPort& peer);
  [[nodiscard]] static std::uint64_t hash_of_size(std::uint64_t server, std::uint64_t bytes_out,
                                                  std::uint64_t bytes_in);
  [[nodiscard]] static std::uint64_t hash_of_own(std::uint64_t hash, const FileKey& key);
  [[nodiscard]] static bool is_end(const Wire& wire, std::size_t side, const HostPort& own,
                                   const HostPort& peer) {
    return wire.ends[1 - side] == peer && wire.ends[side].port == own.port &&
           fits(own.host, wire.ends[side].host);
  }

  // The indexes, made where they are not yet.
  Rings<WirePlace>& by_ends();
  Rings<WirePlace>& by_peer();
  std::set<Begun>& by_begin();
  std::set<Begun>& by_size();
  template <typename Add>
  void add_all(Add add);
  void add_by_ends(Wire& wire);
  void add_by_peer(Wire& wire);
  void add_by_begin(Wire& wire);
  void add_by_size(Wire& wire);
  void erase_by_time(Wire& wire);

  template <typename Look>
  static bool each_between(const std::set<Begun>& begun, std::uint64_t hash, std::int64_t from,
                           std::int64_t until, Look look) {
    std::size_t seen = 0;
    for (auto at = begun.lower_bound({hash, from, 0, nullptr});
         at != begun.end() && at->hash == hash && at->ts <= until; ++at) {
      if (++seen > kMostBegun) return false;
      if (!look(*at->wire)) break;
    }
    return true;
  }

  const HashIndex<Wire>& wires_;
  bool has_ends_ = false, has_peers_ = false, has_begins_ = false, has_sizes_ = false;
  Rings<WirePlace> by_ends_, by_peer_;
  std::set<Begun> by_begin_, by_size_;
};

}  // namespace tracebraid::analyzers
