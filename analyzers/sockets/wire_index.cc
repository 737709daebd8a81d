#include "analyzers/sockets/wire_index.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "analyzers/util/mix.h"

namespace tracebraid::analyzers {
namespace {

bool may_have_socket(const Wire& wire) {
  return wire.is_udp || wire.proto == "tcp";
}

std::uint64_t with_host(std::uint64_t hash, const formats::record::Address& host) {
  std::uint64_t parts[2];
  static_assert(sizeof host.bytes == sizeof parts);
  std::memcpy(parts, &host.bytes, sizeof parts);
  return mixed(mixed(hash, parts[0]), parts[1]);
}

}  // namespace

std::uint64_t hash_of_ends(std::string_view proto, const HostPort& peer, std::uint32_t own_port) {
  std::uint64_t hash = with_host(proto == "udp" ? 17 : 6, peer.host);
  hash = mixed(hash, std::uint64_t{peer.host.size} << 40U | std::uint64_t{own_port} << 20U |
                         std::uint64_t{peer.port.value_or(kAnyPort - 1)} << 1U |
                         (peer.port ? 1U : 0U));
  return hash == 0 ? 1 : hash;
}

std::uint64_t WireIndex::hash_of_both(std::string_view proto, const HostPort& own,
                                      const HostPort& peer) {
  const std::uint64_t hash =
      mixed(with_host(hash_of_ends(proto, peer, *own.port), own.host), own.host.size);
  return hash == 0 ? 1 : hash;
}

std::uint64_t WireIndex::hash_of_size(std::uint64_t server, std::uint64_t bytes_out,
                                      std::uint64_t bytes_in) {
  return mixed(mixed(server, bytes_out), bytes_in);
}

// Of ends that a socket has claimed.
std::uint64_t WireIndex::hash_of_own(std::uint64_t hash, const FileKey& key) {
  const std::uint64_t own = mixed(hash, key.hash());
  return own == 0 ? 1 : own;
}

void WireIndex::add(Wire& wire) {
  if (has_ends_) add_by_ends(wire);
  if (has_peers_) add_by_peer(wire);
  if (has_begins_) add_by_begin(wire);
  if (has_sizes_) add_by_size(wire);
}

void WireIndex::erase(Wire& wire) {
  for (WirePlace& place : wire.by_ends) by_ends_.take(place);
  if (wire.by_peer) {
    for (WirePlace& place : *wire.by_peer) by_peer_.take(place);
  }
  erase_by_time(wire);
}

void WireIndex::set_begin(Wire& wire, std::int64_t ts) {
  if (ts == wire.ts) return;
  erase_by_time(wire);
  wire.ts = ts;
  if (has_begins_) add_by_begin(wire);
  if (has_sizes_) add_by_size(wire);
}

void WireIndex::claim(Wire& wire, std::size_t side) {
  if (side == 0) erase_by_time(wire);
  if (has_ends_) {
    by_ends_.take(wire.by_ends[side]);
    if (wire.is_udp) {
      by_ends_.add(hash_of_own(hash_of_both(wire.proto, wire.ends[side], wire.ends[1 - side]),
                               *wire.files[side]),
                   wire.by_ends[side]);
    }
  }
  if (has_peers_) {
    by_peer_.take((*wire.by_peer)[side]);
    if (wire.is_udp) {
      by_peer_.add(hash_of_own(hash_of_ends(wire.proto, wire.ends[1 - side], *wire.ends[side].port),
                               *wire.files[side]),
                   (*wire.by_peer)[side]);
    }
  }
}

void WireIndex::end(Wire& wire) {
  if (!has_sizes_) return;
  if (wire.size_hash != 0) by_size_.erase({wire.size_hash, wire.ts, wire.serial, nullptr});
  wire.size_hash = 0;
  add_by_size(wire);
}

std::pair<Wire*, std::size_t> WireIndex::datagram_end(const FileKey& key, const HostPort& own,
                                                      const HostPort& peer) {
  if (wires_.size() == 0) return {nullptr, 0};
  const bool is_host_known = !is_any(own.host);
  const Rings<WirePlace>& rings = is_host_known ? by_ends() : by_peer();
  const std::uint64_t hash =
      is_host_known ? hash_of_both("udp", own, peer) : hash_of_ends("udp", peer, *own.port);
  const WirePlace* best = nullptr;
  const auto consider = [&](const WirePlace& place) {
    const Wire& wire = *place.wire;
    // Of one that a port has with itself, the originator's end.
    const bool is_twice = place.side == 1 && wire.ends[0] == wire.ends[1];
    if (is_twice || !wire.is_udp || !is_end(wire, place.side, own, peer)) return false;
    if (wire.is_claimed[place.side] && wire.files[place.side] != key) return false;
    if (best == nullptr || wire.serial < best->wire->serial) best = &place;
    return true;
  };
  rings.each_of_first(hash, kMostAlike, [&](const WirePlace& place) { return !consider(place); });
  rings.each_of_first(hash_of_own(hash, key), kMostAlike, [&](const WirePlace& place) {
    consider(place);
    return true;
  });
  if (best == nullptr) return {nullptr, 0};
  return {best->wire, best->side};
}

template <typename Add>
void WireIndex::add_all(Add add) {
  std::vector<Wire*> wires;
  wires.reserve(wires_.size());
  wires_.each([&](Wire& wire) {
    if (may_have_socket(wire)) wires.push_back(&wire);
  });
  std::ranges::sort(wires, {}, &Wire::serial);
  for (Wire* const wire : wires) add(*wire);
}

Rings<WirePlace>& WireIndex::by_ends() {
  if (!std::exchange(has_ends_, true)) add_all([&](Wire& wire) { add_by_ends(wire); });
  return by_ends_;
}

Rings<WirePlace>& WireIndex::by_peer() {
  if (!std::exchange(has_peers_, true)) add_all([&](Wire& wire) { add_by_peer(wire); });
  return by_peer_;
}

std::set<WireIndex::Begun>& WireIndex::by_begin() {
  if (!std::exchange(has_begins_, true)) add_all([&](Wire& wire) { add_by_begin(wire); });
  return by_begin_;
}

std::set<WireIndex::Begun>& WireIndex::by_size() {
  if (!std::exchange(has_sizes_, true)) add_all([&](Wire& wire) { add_by_size(wire); });
  return by_size_;
}

void WireIndex::add_by_ends(Wire& wire) {
  for (std::size_t side = 0; side < 2; ++side) {
    if (wire.is_claimed[side] && !wire.is_udp) continue;
    const std::uint64_t hash = hash_of_both(wire.proto, wire.ends[side], wire.ends[1 - side]);
    WirePlace& place = wire.by_ends[side];
    place.wire = &wire;
    place.side = side;
    by_ends_.add(wire.is_claimed[side] ? hash_of_own(hash, *wire.files[side]) : hash, place);
  }
}

void WireIndex::add_by_peer(Wire& wire) {
  if (!wire.by_peer) wire.by_peer = std::make_unique<std::array<WirePlace, 2>>();
  for (std::size_t side = 0; side < 2; ++side) {
    if (wire.is_claimed[side] && !wire.is_udp) continue;
    const std::uint64_t hash = hash_of_ends(wire.proto, wire.ends[1 - side], *wire.ends[side].port);
    WirePlace& place = (*wire.by_peer)[side];
    place.wire = &wire;
    place.side = side;
    by_peer_.add(wire.is_claimed[side] ? hash_of_own(hash, *wire.files[side]) : hash, place);
  }
}

void WireIndex::add_by_begin(Wire& wire) {
  if (wire.is_claimed[0] || !may_have_socket(wire)) return;
  by_begin_.insert({hash_of_ends(wire.proto, wire.ends[1], kAnyPort), wire.ts, wire.serial, &wire});
}

void WireIndex::add_by_size(Wire& wire) {
  if (wire.is_claimed[0] || !wire.is_over || wire.proto != "tcp") return;
  wire.size_hash =
      hash_of_size(hash_of_ends(wire.proto, wire.ends[1], kAnyPort), wire.bytes[0], wire.bytes[1]);
  by_size_.insert({wire.size_hash, wire.ts, wire.serial, &wire});
}

void WireIndex::erase_by_time(Wire& wire) {
  if (has_begins_) {
    by_begin_.erase(
        {hash_of_ends(wire.proto, wire.ends[1], kAnyPort), wire.ts, wire.serial, &wire});
  }
  if (wire.size_hash != 0) by_size_.erase({wire.size_hash, wire.ts, wire.serial, &wire});
  wire.size_hash = 0;
}

}  // namespace tracebraid::analyzers
