// The part of SocketTable that finds out which socket is which flow: by addresses, by time, or by
// numbers of bytes (table.h has the rules). Either may show first, so that each is looked for when
// the other shows: sockets by look_for_sockets(), flows by look_for_wire().
#include <algorithm>
#include <iterator>
#include <set>

#include "analyzers/sockets/table.h"

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;

constexpr std::int64_t kSecond = 1'000'000'000;
// Times of two programs that look at the same event.
constexpr std::int64_t kSlack = 2'000'000;
// Sockets and flows with the same addresses are the same although their times do not fit, when they
// are no further apart: clocks differ.
constexpr std::int64_t kMostApart = 5 * kSecond;
// What leaves does not leave before the call is entered, but for how differently clocks are read.
constexpr std::int64_t kReading = 100'000;

// How far `ts` is from the time between `low` and `high`.
std::int64_t distance(std::int64_t ts, std::int64_t low, std::int64_t high) {
  return ts < low ? low - ts : ts > high ? ts - high : 0;
}

// How far a flow's beginning is from when the socket's can have been; 0 when it fits.
std::int64_t misfit(const SocketLife& life, const Wire& wire) {
  constexpr std::int64_t kFar = kSecond * 3600 * 24 * 365;
  const std::int64_t end = life.end_ts.value_or(wire.ts + kFar);
  if (life.connect_ts) {
    const std::int64_t returned = life.connect_end_ts.value_or(*life.connect_ts);
    return distance(wire.ts, *life.connect_ts - kSlack, returned + kSlack);
  }
  if (life.listener && life.connected_ts) {
    // Until accept() has returned; connections wait in the backlog before.
    const std::int64_t last = *life.connected_ts + kSlack;
    if (wire.is_over && wire.last_ts + SocketTable::kAcceptLingers < *life.connected_ts) {
      return *life.connected_ts - wire.last_ts;
    }
    return distance(wire.ts, wire.ts < last ? wire.ts : last, last);
  }
  // It was there before: any flow that goes on while it is open.
  if (wire.ts > end + kSlack) return wire.ts - end;
  if (life.ts && wire.is_over && wire.last_ts + kSlack < *life.ts) return *life.ts - wire.last_ts;
  return 0;
}

}  // namespace

void SocketTable::place(SocketLife& life) {
  displace(life);
  if (life.is_listener || (life.kind != "tcp" && life.kind != "udp")) return;
  if (life.kind == "tcp" && !life.peer.port) return;
  if (!life.peer.port && !life.local.port) return;
  // A datagram socket that is not connected is found by its port alone.
  const HostPort peer = life.peer.port ? life.peer : HostPort{};
  life.ends_hash = hash_of_ends(life.kind, peer, life.local.port ? *life.local.port : kAnyPort);
  life.ends_ts = life.connect_ts.value_or(life.ts.value_or(clock_));
  sockets_by_ends_.insert({life.ends_hash, life.ends_ts, life.key(), &life});
}

void SocketTable::displace(SocketLife& life) {
  if (life.ends_hash == 0) return;
  sockets_by_ends_.erase({life.ends_hash, life.ends_ts, life.key(), &life});
  life.ends_hash = 0;
}

// Sockets that have shown are looked for now; those that show later find the flow in the index.
void SocketTable::place(Wire& wire) {
  wire_index_.add(wire);
  look_for_sockets(wire);
}

// Of flows that nobody has claimed, the earliest that fits.
void SocketTable::look_for_wire(SocketLife& life) {
  if (life.ends_hash == 0 || life.kind != "tcp") return;
  if (!life.local.port) return look_for_wire_by_time(life);
  Wire* best = nullptr;
  std::size_t best_side = 0;
  std::int64_t best_misfit = kMostApart + 1;
  wire_index_.each_free(life.local, life.peer, [&](Wire& wire, std::size_t side) {
    const std::int64_t apart = misfit(life, wire);
    if (apart < best_misfit || (apart == best_misfit && best != nullptr && wire.ts < best->ts)) {
      best = &wire;
      best_side = side;
      best_misfit = apart;
    }
  });
  if (best != nullptr) claim(life, *best, best_side, "address");
}

// When the SYN of a connecting socket can have been captured.
SocketTable::Times SocketTable::when_begun(const SocketLife& life) const {
  return {earliest(*life.connect_ts), life.connect_end_ts.value_or(*life.connect_ts) + kSlack};
}

// The only one that began while connect() went on.
void SocketTable::look_for_wire_by_time(SocketLife& life) {
  if (!life.connect_ts) return;
  const Times times = when_begun(life);
  Wire* only = nullptr;
  int count = 0;
  const bool are_all_seen =
      wire_index_.each_begun(life.kind, life.peer, times.from, times.until, [&](Wire& wire) {
        if (!fits(life.local.host, wire.ends[0].host)) return true;
        only = &wire;
        return ++count == 1;
      });
  if (count == 1 && are_all_seen) claim(life, *only, 0, "time");
}

// Where several clients connected to the same server at the same time: the only flow of the size.
void SocketTable::match_by_bytes(SocketLife& life) {
  if (life.wire || life.kind != "tcp" || life.local.port || !life.peer.port || !life.connect_ts) {
    return;
  }
  const Times times = when_begun(life);
  Wire* only = nullptr;
  int count = 0;
  const bool are_all_seen =
      wire_index_.each_of_size(life.kind, life.peer, life.bytes_out, life.bytes_in, times.from,
                               times.until, [&](Wire& wire) {
                                 if (!fits(life.local.host, wire.ends[0].host)) return true;
                                 only = &wire;
                                 return ++count == 1;
                               });
  if (count == 1 && are_all_seen) claim(life, *only, 0, "bytes");
  if (count > 1) life.match = "ambiguous";
}

void SocketTable::look_for_sockets(Wire& wire) {
  if (sockets_by_ends_.empty()) return;
  if (wire.proto != "tcp" && wire.proto != "udp") return;
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    if (wire.is_claimed[side]) continue;
    std::string_view match;
    if (SocketLife* const life = best_socket(wire, side, match)) claim(*life, wire, side, match);
  }
}

// Of the sockets that may be one end of a flow, the one whose time fits best.
class SocketTable::BestSocket {
 public:
  BestSocket(const SocketTable& table, const Wire& wire, std::size_t side)
      : table_(table), wire_(wire), own_(wire.ends[side]), peer_(wire.ends[1 - side]) {}

  // Among those that were placed by this hash: their own port is known, or their peer, or both.
  void look(std::uint64_t ends_hash, bool has_port, bool has_peer) {
    has_port_ = has_port;
    has_peer_ = has_peer;
    bool is_ambiguous = false;
    // Those that were made at about that time: addresses can be used again many times.
    constexpr int kMostBefore = 64;
    constexpr int kMostBehind = 16;
    const std::set<Placed>& placed = table_.sockets_by_ends_;
    const auto behind = placed.lower_bound({ends_hash, wire_.ts + kSlack, {}, nullptr});
    auto before = behind;
    for (int seen = 0; seen < kMostBefore && before != placed.begin(); ++seen) {
      if (std::prev(before)->ends_hash != ends_hash) break;
      --before;
      is_ambiguous |= consider(*before->life);
    }
    auto at = behind;
    for (int seen = 0; seen < kMostBehind && at != placed.end() && at->ends_hash == ends_hash;
         ++seen, ++at) {
      is_ambiguous |= consider(*at->life);
    }
    if (is_ambiguous) best_ = nullptr;
  }

  [[nodiscard]] SocketLife* found() const { return best_; }

 private:
  // Whether it cannot be told from the best so far.
  bool consider(SocketLife& life) {
    if ((life.wire && wire_.proto == "tcp") || life.kind != wire_.proto) return false;
    if (has_peer_ && life.peer != peer_) return false;
    if (has_port_ && life.local.port != own_.port) return false;
    if (!fits(life.local.host, own_.host)) return false;
    const bool is_udp = wire_.proto == "udp";
    // One whose port is not known begins the flow with its first datagram.
    if (is_udp && !has_port_ &&
        (life.first_out || life.first_in || !life.connect_ts ||
         wire_.ts < *life.connect_ts - kSlack)) {
      return false;
    }
    const std::int64_t apart = is_udp ? datagram_misfit(life) : misfit(life, wire_);
    if (!has_port_) {
      if (apart > 0 || (life.connect_ts && wire_.ts < table_.earliest(*life.connect_ts))) {
        return false;
      }
      if (best_ != nullptr) return is_ambiguous_with(life);
    }
    if (apart < best_misfit_) {
      best_ = &life;
      best_misfit_ = apart;
    }
    return false;
  }

  bool is_ambiguous_with(SocketLife& life) {
    // In one thread, the one before had sent its SYN by then.
    const bool is_told_apart = table_.is_clock_shared() && best_->connect_tid == life.connect_tid &&
                               best_->lane == life.lane && life.kind != "udp";
    if (life.connect_ts > best_->connect_ts) best_ = &life;
    return !is_told_apart;
  }

  [[nodiscard]] std::int64_t datagram_misfit(const SocketLife& life) const {
    std::int64_t apart = 0;
    if (life.end_ts && wire_.ts > *life.end_ts + kSlack) apart = wire_.ts - *life.end_ts;
    if (life.ts && wire_.is_over && wire_.last_ts + kSlack < *life.ts) apart = kMostApart + 1;
    // Of two with one port, that of the flow's family.
    if (life.local.host.size != 0 && life.local.host.size != own_.host.size) ++apart;
    return apart;
  }

  const SocketTable& table_;
  const Wire& wire_;
  const HostPort& own_;
  const HostPort& peer_;
  bool has_port_ = false, has_peer_ = false;
  SocketLife* best_ = nullptr;
  std::int64_t best_misfit_ = kMostApart + 1;
};

SocketLife* SocketTable::best_socket(const Wire& wire, std::size_t side,
                                     std::string_view& match) const {
  const HostPort& own = wire.ends[side];
  const HostPort& peer = wire.ends[1 - side];
  BestSocket best(*this, wire, side);
  best.look(hash_of_ends(wire.proto, peer, *own.port), true, true);
  match = "address";
  if (best.found() == nullptr && wire.proto == "udp") {
    best.look(hash_of_ends("udp", {}, *own.port), true, false);
  }
  if (best.found() == nullptr && side == 0) {
    best.look(hash_of_ends(wire.proto, peer, kAnyPort), false, true);
    match = "time";
  }
  return best.found();
}

// The flow between the socket and the datagram's peer, which it has claimed then.
Wire* SocketTable::wire_of_datagram(SocketLife& life, const SocketLife::Datagram& datagram) {
  if (life.local.port) {
    // Of one that is over, the socket may be about to read what it brought.
    const auto [wire, side] = wire_index_.datagram_end(life.key(), life.local, datagram.peer);
    if (wire == nullptr) return nullptr;
    if (!wire->is_claimed[side]) claim(life, *wire, side, "address");
    return wire;
  }
  Wire* const wire = wire_by_time(life, datagram);
  if (wire != nullptr) claim(life, *wire, 0, "time");
  return wire;
}

// Its own port is not known: the only flow that has such a datagram, which left during the call or
// a little later, but not before.
Wire* SocketTable::wire_by_time(const SocketLife& life, const SocketLife::Datagram& datagram) {
  if (!datagram.is_out || datagram.ts == Mark::kUnknown) return nullptr;
  const std::int64_t from = earliest(datagram.ts);
  const std::int64_t until = datagram.returned + kSlack;
  Wire* only = nullptr;
  int count = 0;
  const auto look = [&](Wire& wire) {
    if (!fits(life.local.host, wire.ends[0].host) ||
        !wire.datagrams->sent[0].has_second(datagram.bytes, from, until)) {
      return true;
    }
    only = &wire;
    return ++count == 1;
  };
  // It may have begun with a datagram that the log does not show. Where too many have begun lately,
  // those that began now.
  constexpr std::int64_t kLately = kSecond;
  if (!wire_index_.each_begun("udp", datagram.peer, datagram.ts - kSlack - kLately, until + kLately,
                              look)) {
    count = 0;
    if (!wire_index_.each_begun("udp", datagram.peer, from, until, look)) return nullptr;
  }
  return count == 1 ? only : nullptr;
}

// Datagrams whose flow had not shown when the call returned.
void SocketTable::settle_early(SocketLife& life) {
  constexpr std::size_t kMostTried = 8;
  if (!captured_) return;
  std::size_t at = life.early.size() - std::min(life.early.size(), kMostTried);
  while (at < life.early.size()) {
    const std::size_t before = life.early.size();
    (void)wire_of_datagram(life, SocketLife::Datagram(life.early[at]));
    // What a flow claims is taken out.
    at = life.early.size() < before ? 0 : at + 1;
  }
}

void SocketTable::claim(SocketLife& life, Wire& wire, std::size_t side, std::string_view match) {
  wire.sockets[side] = &life;
  wire.is_claimed[side] = true;
  wire.files[side] = life.key();
  wire_index_.claim(wire, side);
  const bool is_first = !life.wire;
  if (is_first) {
    life.wire = wire.shared_from_this();
    if (wire.proto == "tcp") displace(life);
    life.side = side;
    life.match = match;
  }
  if (!life.local.port) {
    life.local = wire.ends[side];
    if (wire.is_udp) place(life);
  } else if (is_any(life.local.host) && (!wire.is_udp || life.peer.port)) {
    // A datagram socket that is not connected goes on being of all addresses.
    life.local.host = wire.ends[side].host;
  }
  if (wire.files[0] && wire.files[1]) {
    if (wire.sockets[0] != nullptr) wire.sockets[0]->peer_file = wire.files[1]->file;
    if (wire.sockets[1] != nullptr) wire.sockets[1]->peer_file = wire.files[0]->file;
  }
  if (wire.is_udp) {
    ++life.flows;
    if (wire.is_over) {
      wire.sockets[side] = nullptr;
      life.wire_bytes_in += wire.bytes[1 - side];
      life.wire_bytes_out += wire.bytes[side];
    } else {
      wire.datagrams->open_at[side] = life.open_wires.size();
      life.open_wires.push_back(&wire);
    }
    if (life.early_lost) {
      wire.datagrams->sent[side].forget();
      wire.datagrams->received[1 - side].forget();
    }
    std::erase_if(life.early, [&](const SocketLife::Datagram& datagram) {
      if (datagram.peer != wire.ends[1 - side]) return false;
      if (!life.early_lost) pass_datagram(life, wire, side, datagram);
      return true;
    });
    return;
  }
  life.is_measured = !life.is_given_up && !life.made_by.empty() && life.made_by != "recvmsg" &&
                     wire.is_from_start && !wire.early_lost[0] && !wire.early_lost[1];
  if (!life.is_measured) return;
  std::vector<Mark> out;
  std::vector<Mark> in;
  life.is_measured =
      early_.collect(wire.early[side], out) && early_.collect(wire.early[1 - side], in);
  if (!life.is_measured) return;
  for (const Mark& mark : out) left(life, mark.end, mark.ts);
  for (const Mark& mark : in) arrived(life, mark.end, mark.ts);
}

// As far as sockets tell that have been matched by their addresses.
bool SocketTable::is_clock_shared() const {
  return skew_.low_count > 0 && skew_.high_count > 0 && skew_.low <= kReading &&
         skew_.high >= -kReading;
}

// When what a call sent that was entered at `ts` can have been captured first.
std::int64_t SocketTable::earliest(std::int64_t ts) const {
  return ts - (is_clock_shared() ? kReading : kSlack);
}

}  // namespace tracebraid::analyzers
