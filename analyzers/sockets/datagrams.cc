// The part of SocketTable that follows datagrams: each is one call's and one packet's, so that they
// are matched by order and size, and of a socket every peer has a flow of its own.
#include <cstdint>
#include <string_view>
#include <vector>

#include "analyzers/sockets/calls.h"
#include "analyzers/sockets/table.h"

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;

// "{msg_hdr={…}, msg_len=12}, …": each message's length, or nothing when they are not all there.
std::vector<std::uint64_t> message_lengths(std::string_view args, std::uint64_t bytes) {
  constexpr std::string_view kLength = "msg_len=";
  std::vector<std::uint64_t> lengths;
  std::uint64_t sum = 0;
  for (std::size_t at = args.find(kLength); at != std::string_view::npos;
       at = args.find(kLength, at)) {
    at += kLength.size();
    std::uint64_t length = 0;
    while (at < args.size() && args[at] >= '0' && args[at] <= '9') {
      length = length * 10 + static_cast<std::uint64_t>(args[at++] - '0');
    }
    lengths.push_back(length);
    sum += length;
  }
  if (sum != bytes) lengths.clear();
  return lengths;
}

}  // namespace

void SocketTable::move_datagrams(SocketLife& life, const record::Syscall& call) {
  const bool is_out = call.direction == "out";
  HostPort peer{call.peer_h, port_of(call.peer_p)};
  if (!peer.port) peer = life.peer;
  if (is_out) {
    life.bytes_out += *call.bytes;
    if (!life.first_out) life.first_out = begin_of(call);
  } else {
    life.bytes_in += *call.bytes;
    if (!life.first_in) life.first_in = end_of(call);
  }
  const std::int64_t returned = end_of(call).value_or(Mark::kUnknown);
  SocketLife::Datagram datagram{peer, *call.bytes,
                                is_out ? begin_of(call).value_or(Mark::kUnknown) : returned,
                                returned, is_out};
  // Several in a call: of one peer when the socket is connected, else who knows.
  const bool is_several = call.syscall.ends_with("mmsg");
  std::vector<std::uint64_t> lengths;
  if (is_several && life.peer.port) lengths = message_lengths(call.args, *call.bytes);
  if (!peer.port || (is_several && lengths.empty())) {
    (is_out ? life.send_waits : life.waits).unmeasured_bytes += *call.bytes;
    return;
  }
  if (!is_several) return move_datagram(life, datagram);
  for (const std::uint64_t length : lengths) {
    datagram.bytes = length;
    move_datagram(life, datagram);
  }
}

void SocketTable::move_datagram(SocketLife& life, const SocketLife::Datagram& datagram) {
  // One whose own port is not known yet waits: others may be about to send the like.
  Wire* const wire = life.local.port ? wire_of_datagram(life, datagram) : nullptr;
  if (wire != nullptr) {
    const std::size_t side = wire->files[0] == life.key() ? 0 : 1;
    return pass_datagram(life, *wire, side, datagram);
  }
  // The flow shows when its first packet does.
  if (life.early.size() < kMostEarly) {
    life.early.push_back(datagram);
  } else {
    life.early_lost = true;
  }
}

void SocketTable::pass_datagram(SocketLife& life, Wire& wire, std::size_t side,
                                const SocketLife::Datagram& datagram) {
  if (datagram.is_out) {
    wire.datagrams->sent[side].first(datagram.bytes, datagram.ts,
                                     [&](const Passage& passage) { sent(life, passage); });
  } else {
    wire.datagrams->received[1 - side].second(
        datagram.bytes, datagram.ts, [&](const Passage& passage) { received(life, passage); });
  }
}

void SocketTable::leave_open_wires(SocketLife& life, Wire& wire, std::size_t side) {
  const std::size_t at = wire.datagrams->open_at[side];
  if (at >= life.open_wires.size() || life.open_wires[at] != &wire) return;
  Wire* const last = life.open_wires.back();
  life.open_wires[at] = last;
  life.open_wires.pop_back();
  last->datagrams->open_at[last->sockets[0] == &life ? 0 : 1] = at;
}

}  // namespace tracebraid::analyzers
