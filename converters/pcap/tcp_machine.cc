#include "converters/pcap/tcp_machine.h"

#include <algorithm>
#include <cctype>

namespace tracebraid::converters::pcap {
namespace {

// Letters of the history that are written once for each side.
enum HistoryBit : std::uint8_t {
  kSeenSyn = 1,
  kSeenFin = 2,
  kSeenRst = 4,
  kSeenData = 8,
  kSeenAck = 16,
  kSeenMany = 32,
  kSeenContradiction = 64,
};

// A sequence number that jumps further is not believed, when the segment is a SYN or RST.
constexpr std::int64_t kFarJump = std::int64_t{1} << 20;

// The sequence number `seq`, 32 bits, as the 64-bit one that is nearest to `near`.
std::int64_t unwrapped(std::uint32_t seq, std::int64_t near) {
  return near + static_cast<std::int32_t>(seq - static_cast<std::uint32_t>(near));
}

// Far from 0, so that what lies before the first one is positive too.
std::int64_t first_number(std::uint32_t seq) {
  return (std::int64_t{1} << 32) + seq;
}

// Of positions of which 32 bits are known: less than 2 GB apart.
bool is_before(std::uint32_t position, std::int64_t other) {
  return static_cast<std::int32_t>(position - static_cast<std::uint32_t>(other)) < 0;
}

void set_state(Endpoint& end, TcpState state) {
  if (state == end.state) return;
  end.previous = end.state;
  end.state = state;
}

bool is_clean(const Endpoint& end) {
  return end.state == TcpState::kEstablished ||
         (end.state == TcpState::kClosed && end.previous == TcpState::kEstablished);
}

bool has_no_data_acked(const Endpoint& end) {
  return end.ack == end.start || end.ack == end.start + 1;
}

bool write_once(FlowState& flow, Endpoint& end, bool is_orig, HistoryBit bit, char letter) {
  if ((end.history & bit) != 0) return false;
  end.history = static_cast<std::uint8_t>(end.history | bit);
  write_history(flow, is_orig, letter);
  return true;
}

class Segment {
 public:
  Segment(FlowState& flow, const Datagram& datagram, bool is_orig, const TimeOuts& time_outs)
      : flow_(flow), in_(datagram), is_orig_(is_orig), time_outs_(time_outs) {}

  SegmentEffect take();

 private:
  [[nodiscard]] bool syn() const { return (in_.tcp_flags & kSyn) != 0; }
  [[nodiscard]] bool fin() const { return (in_.tcp_flags & kFin) != 0; }
  [[nodiscard]] bool rst() const { return (in_.tcp_flags & kRst) != 0; }
  [[nodiscard]] bool ack() const { return (in_.tcp_flags & kAck) != 0; }
  [[nodiscard]] Endpoint& end() { return flow_.ends[is_orig_ ? 0 : 1]; }
  [[nodiscard]] Endpoint& peer() { return flow_.ends[is_orig_ ? 1 : 0]; }

  void begin(std::uint32_t past);
  void history(std::int64_t relative);
  void window();
  void shut_time();
  void seen_before(std::int64_t begin, std::uint32_t seen);
  [[nodiscard]] bool is_window_probe(std::int64_t begin);
  void probe(std::int64_t begin);
  void options();
  void handshake_times();
  void acknowledgement(std::int64_t& relative_ack);
  void last_number(std::uint32_t past);
  void move_on(bool& closes);
  void from_inactive(bool& closes);
  void time_acknowledgement(Endpoint& sender, std::int64_t relative_ack) const;
  SegmentEffect payload(std::int64_t relative);
  [[nodiscard]] static bool is_pending(const Endpoint& end, const Endpoint& peer);
  void check_end(Endpoint& end, Endpoint& peer);
  void close(Endpoint& end, Endpoint& peer);
  void flip();

  FlowState& flow_;
  const Datagram& in_;
  bool is_orig_;
  const TimeOuts& time_outs_;
};

void Segment::flip() {
  std::swap(flow_.ends[0], flow_.ends[1]);
  if (flow_.extras) std::swap(flow_.extras->troubles[0], flow_.extras->troubles[1]);
  flow_.orig_is_a = !flow_.orig_is_a;
  flow_.seen_first = ((flow_.seen_first & 1U) << 1U | (flow_.seen_first & 2U) >> 1U) & 3U;
  flow_.is_partial = false;
  if (flow_.closed_by >= 0) flow_.closed_by = static_cast<std::int8_t>(1 - flow_.closed_by);
  if (flow_.reset_by >= 0) flow_.reset_by = static_cast<std::int8_t>(1 - flow_.reset_by);
  is_orig_ = !is_orig_;
}

void Segment::begin(std::uint32_t past) {
  Endpoint& sender = end();
  const auto restart = [&](std::uint32_t start) {
    sender.start = first_number(start);
    sender.ack = sender.start;
    sender.last = unwrapped(past, sender.start);
  };
  switch (sender.state) {
    case TcpState::kInactive:
      if (syn()) {
        restart(in_.seq);
      } else {
        // As if there had been a SYN, so that positions mean the same.
        restart(in_.seq - 1);
        sender.last = unwrapped(in_.seq, sender.start);
      }
      break;
    case TcpState::kSynSent:
    case TcpState::kSynAckSent:
      if (syn() && in_.seq != static_cast<std::uint32_t>(sender.start)) restart(in_.seq);
      break;
    case TcpState::kEstablished:
    case TcpState::kPartial:
      if (syn()) restart(in_.seq);
      break;
    case TcpState::kReset:
      if (syn() && sender.previous == TcpState::kInactive) restart(in_.seq);
      break;
    case TcpState::kClosed:
      break;
  }
}

void Segment::history(std::int64_t relative) {
  const int flags = (syn() ? 1 : 0) + (fin() ? 1 : 0) + (rst() ? 1 : 0);
  const auto length = static_cast<std::int64_t>(in_.payload_bytes);
  if (flags > 1) {
    if (fin() && rst()) {
      write_once(flow_, end(), is_orig_, kSeenContradiction, 'I');
    } else {
      write_once(flow_, end(), is_orig_, kSeenMany, 'Q');
    }
    return;
  }
  const auto flag = [&](HistoryBit bit, char letter, std::uint32_t& last, std::int64_t at) {
    const auto number = static_cast<std::uint32_t>(at);
    if (!write_once(flow_, end(), is_orig_, bit, letter) && number != last) {
      write_history(flow_, is_orig_, letter);
    }
    last = number;
  };
  if (syn()) {
    flag(kSeenSyn, ack() ? 'H' : 'S', end().last_syn, relative);
  } else if (fin()) {
    flag(kSeenFin, 'F', end().last_fin, relative + length);
  } else if (rst()) {
    flag(kSeenRst, 'R', end().last_rst, relative);
  } else if (length > 0 || ack()) {
    // Who answers a lone SYN-ACK is the one who had asked.
    if (!is_orig_ && peer().state == TcpState::kSynAckSent && flow_.history.text() == "H") {
      flip();
      flow_.history.assign("^h");
    }
    if (length > 0) {
      write_once(flow_, end(), is_orig_, kSeenData, 'D');
    } else {
      write_once(flow_, end(), is_orig_, kSeenAck, 'A');
    }
  }
}

void Segment::window() {
  if ((in_.window == 0) != (end().last_window == 0) || rst()) shut_time();
  if (in_.window == 0 && !rst() && peer().state != TcpState::kClosed &&
      end().state != TcpState::kReset) {
    ++end().part_zero_windows;
    write_scaled_history(flow_, is_orig_, 'W', end().zero_windows);
  }
}

// How long the sender's window has been 0: that of a RST says nothing, and after the peer's end
// nobody waits for it.
void Segment::shut_time() {
  const bool is_shut =
      in_.window == 0 && !rst() && peer().state != TcpState::kClosed && end().has_acked;
  if (!is_shut && !flow_.extras) return;
  Trouble& trouble = extras_of(flow_).troubles[is_orig_ ? 0 : 1];
  if (is_shut) {
    if (trouble.shut_ts == Endpoint::kNever) trouble.shut_ts = in_.ts_ns;
  } else if (trouble.shut_ts != Endpoint::kNever) {
    trouble.longest_shut = std::max(trouble.longest_shut, in_.ts_ns - trouble.shut_ts);
    trouble.shut_ts = Endpoint::kNever;
  }
}

// A byte for which the peer had no room (RFC 9293, 3.8.6.1).
bool Segment::is_window_probe(std::int64_t begin) {
  return begin == end().ack - end().start && peer().last_window == 0 && peer().has_acked;
}

void Segment::probe(std::int64_t begin) {
  Trouble& trouble = extras_of(flow_).troubles[is_orig_ ? 0 : 1];
  ++trouble.probes;
  trouble.probed = static_cast<std::uint32_t>(begin);
}

// Payload that had been seen: what is sent to hear whether the peer is there, or has room, is not
// sent again; and of what is, whether the peer had it, as its ACK says.
void Segment::seen_before(std::int64_t begin, std::uint32_t seen) {
  Endpoint& sender = end();
  Trouble& trouble = extras_of(flow_).troubles[is_orig_ ? 0 : 1];
  const std::int64_t acknowledged = sender.ack - sender.start;
  if (in_.payload_bytes == 1 && (begin == acknowledged - 1 || is_window_probe(begin))) {
    return probe(begin);
  }
  // The byte of a probe comes again with what follows it.
  if (seen == 1 && trouble.probes > 0 && trouble.probed == static_cast<std::uint32_t>(begin)) {
    return;
  }
  ++sender.rexmit_packets;
  sender.rexmit_bytes += seen;
  if (begin < acknowledged) return;
  ++trouble.unacknowledged;
  for (std::size_t at = 0; at < sender.timed_count; ++at) {
    if (is_before(sender.timed_end[at], begin + 1)) continue;
    trouble.longest_wait = std::max(trouble.longest_wait, in_.ts_ns - sender.timed_ts[at]);
    break;
  }
}

// Of a SYN: the maximum segment size (RFC 9293, 3.2).
void Segment::options() {
  constexpr std::uint8_t kEnd = 0;
  constexpr std::uint8_t kNothing = 1;
  constexpr std::uint8_t kMss = 2;
  std::span<const std::uint8_t> rest = in_.options();
  while (!rest.empty() && rest[0] != kEnd) {
    if (rest[0] == kNothing) {
      rest = rest.subspan(1);
      continue;
    }
    if (rest.size() < 2 || rest[1] < 2 || rest[1] > rest.size()) return;
    if (rest[0] == kMss && rest[1] == 4) {
      end().mss = static_cast<std::uint16_t>((rest[2] << 8) | rest[3]);
    }
    rest = rest.subspan(rest[1]);
  }
}

void Segment::handshake_times() {
  constexpr std::int64_t kNever = Endpoint::kNever;
  if (rst() || fin()) return;
  if (syn()) {
    if (flow_.synack_ts != kNever) return;
    if (!ack() && is_orig_ && flow_.syn_ts != in_.ts_ns) {
      flow_.syn_ts = in_.ts_ns;
      flow_.has_new_syn = true;
    } else if (ack() && !is_orig_) {
      flow_.synack_ts = in_.ts_ns;
      flow_.has_new_synack = true;
    }
  } else if (ack() && is_orig_ && flow_.synack_ts != kNever && flow_.handshake_ack_ts == kNever) {
    flow_.handshake_ack_ts = in_.ts_ns;
    flow_.has_new_handshake_ack = true;
  }
}

void Segment::time_acknowledgement(Endpoint& sender, std::int64_t relative_ack) const {
  const std::size_t count = sender.timed_count;
  std::size_t covered = 0;
  while (covered < count && is_before(sender.timed_end[covered], relative_ack + 1)) ++covered;
  if (covered == 0) return;
  const std::int64_t took = in_.ts_ns - sender.timed_ts[covered - 1];
  for (std::size_t at = covered; at < count; ++at) {
    sender.timed_end[at - covered] = sender.timed_end[at];
    sender.timed_ts[at - covered] = sender.timed_ts[at];
  }
  sender.timed_count = static_cast<std::uint8_t>(count - covered);
  if (took < 0) return;
  sender.rtt.min = std::min(sender.rtt.min, took);
  sender.rtt.max = std::max(sender.rtt.max, took);
  sender.rtt.sum += took;
  ++sender.rtt_samples;
}

void Segment::acknowledgement(std::int64_t& relative_ack) {
  Endpoint& sender = end();
  Endpoint& other = peer();
  if (other.state == TcpState::kInactive) {
    relative_ack = 1;
    other.start = first_number(in_.ack - 1);
    other.ack = other.start;
    other.last = other.start;
  } else {
    const std::int64_t number = unwrapped(in_.ack, other.ack);
    relative_ack = number - other.start;
    if (relative_ack < 0) {
      relative_ack = 0;
    } else if (!rst()) {
      const std::int64_t step = number - other.ack;
      if (step > 0 && !(in_.ack == 0 && step > kFarJump)) other.ack = number;
      time_acknowledgement(other, relative_ack);
    }
  }
  const bool is_duplicate = sender.has_acked && in_.payload_bytes == 0 && !syn() && !fin() &&
                            !rst() && in_.ack == sender.last_ack &&
                            in_.window == sender.last_window &&
                            other.last - other.start > relative_ack;
  if (is_duplicate) ++sender.duplicate_acks;
  sender.has_acked = true;
  sender.last_ack = in_.ack;
}

void Segment::last_number(std::uint32_t past) {
  Endpoint& sender = end();
  const std::int64_t number = unwrapped(past, sender.last);
  const std::int64_t step = number - sender.last;
  if ((syn() || rst()) && (step > kFarJump || step < -kFarJump)) return;
  if (fin() && sender.last == sender.start + 1) {
    // More than 2 GB of which only the ends are in the capture.
    sender.last = step < 0 ? number + (std::int64_t{1} << 32) : number;
  } else if (sender.state == TcpState::kReset) {
    return;
  } else if (step > 0) {
    sender.last = number;
  } else if (in_.payload_bytes > 0) {
    write_scaled_history(flow_, is_orig_, 'T', sender.retransmissions);
  }
}

void Segment::from_inactive(bool& closes) {
  if (syn()) {
    if (is_orig_) {
      set_state(end(), ack() ? TcpState::kSynAckSent : TcpState::kSynSent);
    } else {
      if (!ack() && peer().state == TcpState::kSynAckSent &&
          in_.seq == static_cast<std::uint32_t>(end().start)) {
        // The SYN was captured after the SYN-ACK that answers it.
        flip();
        flow_.history.add('^');
        set_state(peer(), TcpState::kEstablished);
        flow_.seen_first |= 1U;
      }
      if (peer().state == TcpState::kSynSent) set_state(peer(), TcpState::kEstablished);
      set_state(end(), TcpState::kEstablished);
    }
  }
  if (fin()) {
    set_state(end(), TcpState::kClosed);
    closes = true;
  }
  if (rst()) {
    set_state(end(), TcpState::kReset);
    closes = true;
  }
  if (end().state != TcpState::kInactive) return;
  if (!is_orig_ && in_.payload_bytes == 0 && flow_.ends[0].state == TcpState::kSynSent) return;
  if (ack() && peer().state == TcpState::kEstablished) {
    set_state(end(), TcpState::kEstablished);
    flow_.is_partial = false;
    flow_.seen_first |= is_orig_ ? 1U : 2U;
  } else {
    set_state(end(), TcpState::kPartial);
  }
}

void Segment::move_on(bool& closes) {
  Endpoint& sender = end();
  Endpoint& other = peer();
  switch (sender.state) {
    case TcpState::kInactive:
      from_inactive(closes);
      return;
    case TcpState::kSynSent:
    case TcpState::kSynAckSent:
      if (fin()) {
        set_state(sender, TcpState::kClosed);
        closes = true;
      }
      if (rst()) {
        set_state(sender, TcpState::kReset);
        flow_.is_active = false;
        closes = true;
      }
      return;
    case TcpState::kEstablished:
    case TcpState::kPartial:
      if (syn() && !ack() && sender.state == TcpState::kPartial &&
          other.state == TcpState::kInactive) {
        set_state(sender, TcpState::kSynSent);
      }
      if (fin() && !rst()) {
        set_state(sender, TcpState::kClosed);
        // A FIN and then a RST of the peer was an ordinary end after all.
        if (other.state == TcpState::kReset && other.previous == TcpState::kClosed) {
          set_state(other, TcpState::kClosed);
        }
        closes = true;
      }
      if (rst()) {
        set_state(sender, TcpState::kReset);
        closes = true;
        if (other.state != TcpState::kReset || other.previous != TcpState::kEstablished) {
          flow_.is_active = false;
        }
      }
      return;
    case TcpState::kClosed:
      if (rst() && other.state != TcpState::kClosed) {
        set_state(sender, TcpState::kReset);
        if (!sender.did_close) closes = true;
      }
      return;
    case TcpState::kReset:
      return;
  }
}

bool Segment::is_pending(const Endpoint& end, const Endpoint& peer) {
  if (end.stream.is_given_up()) return false;
  const std::int64_t last = end.last - end.start;
  const std::int64_t delivered = end.stream.delivered();
  if (last < delivered) return false;
  if (delivered != last - 1 && delivered != last) return true;
  return end.state != TcpState::kReset && peer.stream.top() > peer.stream.acknowledged();
}

void Segment::check_end(Endpoint& end, Endpoint& peer) {
  const bool has_ended =
      end.has_fin || end.state == TcpState::kClosed || end.state == TcpState::kReset;
  if (end.did_end || !has_ended || is_pending(end, peer)) return;
  end.did_end = true;
  if (!flow_.close_deferred) return;
  close(end, peer);
  flow_.close_deferred = false;
}

void Segment::close(Endpoint& end, Endpoint& peer) {
  if (is_pending(end, peer)) {
    flow_.close_deferred = true;
    return;
  }
  flow_.close_deferred = false;
  if (end.did_close) return;
  end.did_close = true;
  if (end.state == TcpState::kReset || peer.did_close || peer.state == TcpState::kInactive) {
    flow_.is_finished = true;
    flow_.closing_ts = flow_.counted_ts + time_outs_.close;
  } else if (end.previous != TcpState::kInactive) {
    flow_.closing_ts = flow_.counted_ts;
  }
}

SegmentEffect Segment::payload(std::int64_t relative) {
  Endpoint& sender = end();
  if (in_.payload_bytes == 0 || rst()) return {};
  const std::int64_t begin = syn() ? relative + 1 : relative;
  const Stream::Added added =
      sender.stream.add(begin, in_.payload_bytes, (sender.history & kSeenSyn) == 0);
  sender.unique_bytes += added.fresh;
  const std::uint32_t seen = in_.payload_bytes - added.fresh;
  const std::int64_t until = begin + in_.payload_bytes;
  if (seen > 0) {
    seen_before(begin, seen);
    // What is sent twice is not timed, nor what was waiting behind it (Karn's rule).
    while (sender.timed_count > 0 &&
           !is_before(sender.timed_end[sender.timed_count - 1U], begin + 1)) {
      --sender.timed_count;
    }
  } else if (in_.payload_bytes == 1 && is_window_probe(begin)) {
    probe(begin);
  } else if (sender.timed_count < Endpoint::kMostTimed && !added.fills_hole) {
    sender.timed_end[sender.timed_count] = static_cast<std::uint32_t>(until);
    sender.timed_ts[sender.timed_count++] = in_.ts_ns;
  }
  if (added.fresh > 0 && added.fills_hole) ++sender.reordered_packets;

  // Zeek's limits for what it holds back in the hope of an acknowledgement.
  constexpr std::int64_t kMostUnacked = 16384;
  constexpr std::int64_t kMostHeld = 10 << 20;
  Stream& stream = sender.stream;
  if (!stream.is_given_up()) {
    if (has_no_data_acked(sender)) {
      if (stream_size(sender, peer()) > kMostUnacked) stream.presume_acknowledged();
      if (stream.top() - stream.delivered() > kMostUnacked) stream.give_up();
    }
    if (stream.top() - stream.acknowledged() > kMostHeld) stream.give_up();
  }
  return {begin - 1, added.fresh == 0};
}

SegmentEffect Segment::take() {
  if (is_orig_) {
    if ((flow_.seen_first & 1U) == 0) flow_.is_partial = !syn() || ack();
  } else if ((flow_.seen_first & 2U) == 0 && !flow_.is_partial) {
    flow_.is_partial = !syn();
  }
  const std::uint32_t length =
      (rst() ? 0 : in_.payload_bytes) + (syn() ? 1U : 0U) + (fin() ? 1U : 0U);
  const std::uint32_t past = in_.seq + length;
  begin(past);
  const std::int64_t relative = unwrapped(in_.seq, end().last) - end().start;
  history(relative);
  window();
  if (!flow_.ends[0].did_close || !flow_.ends[1].did_close) {
    flow_.counted_ts = std::max(flow_.counted_ts, in_.ts_ns);
  }
  if (syn()) options();
  handshake_times();
  if (fin()) {
    end().has_fin = true;
    end().fin = relative + length;
    if (flow_.closed_by < 0) flow_.closed_by = is_orig_ ? 0 : 1;
  }
  if (rst() && flow_.reset_by < 0) flow_.reset_by = is_orig_ ? 0 : 1;

  std::int64_t relative_ack = 0;
  if (ack()) acknowledgement(relative_ack);
  end().last_window = in_.window;
  last_number(past);

  bool closes = false;
  move_on(closes);
  if (ack()) {
    Endpoint& other = peer();
    const std::int64_t until =
        other.has_fin && relative_ack >= other.fin ? other.fin - 1 : relative_ack;
    const bool is_news = until > other.stream.acknowledged();
    const Stream::Missed missed = other.stream.acknowledge(until, flow_.is_partial);
    if (missed.gaps > 0 && is_clean(end()) && is_clean(other)) {
      flow_.missed_bytes += missed.bytes;
      for (std::uint32_t gap = 0; gap < missed.gaps; ++gap) {
        write_scaled_history(flow_, !is_orig_, 'G', other.gaps);
      }
    }
    if (is_news) check_end(other, end());
  }
  flow_.seen_first |= is_orig_ ? 1U : 2U;
  const SegmentEffect effect = payload(relative);
  check_end(end(), peer());
  if (closes) close(end(), peer());
  return effect;
}

}  // namespace

void write_history(FlowState& flow, bool is_orig, char letter) {
  flow.history.add(is_orig ? letter : static_cast<char>(std::tolower(letter)));
}

void write_scaled_history(FlowState& flow, bool is_orig, char letter, std::uint32_t& times) {
  ++times;
  std::uint32_t power = 1;
  while (power < times && power <= UINT32_MAX / 10) power *= 10;
  if (power == times) write_history(flow, is_orig, letter);
}

std::int64_t stream_size(const Endpoint& end, const Endpoint& peer) {
  if (end.previous == TcpState::kSynSent && end.state == TcpState::kReset &&
      peer.state == TcpState::kInactive && !has_no_data_acked(end)) {
    return 0;
  }
  std::int64_t size = std::max(end.last, end.ack) - end.start;
  if (size > 0) --size;
  if (size > 0 && end.has_fin) --size;
  return std::max<std::int64_t>(size, 0);
}

std::string_view connection_state(const FlowState& flow) {
  const Endpoint& orig = flow.ends[0];
  const Endpoint& resp = flow.ends[1];
  if (flow.key.protocol == kProtocolUdp) {
    if (orig.history != 0) return resp.history != 0 ? "SF" : "S0";
    return resp.history != 0 ? "SHR" : "OTH";
  }
  if (flow.key.protocol != kProtocolTcp) return "OTH";
  const auto is_inactive = [](const Endpoint& end) {
    return end.state == TcpState::kInactive || end.state == TcpState::kPartial;
  };
  const auto is_handshaking = [](const Endpoint& end) {
    return end.state == TcpState::kSynSent || end.state == TcpState::kSynAckSent;
  };
  if (resp.state == TcpState::kReset) {
    if (is_handshaking(orig) || (orig.state == TcpState::kReset && stream_size(orig, resp) == 0 &&
                                 stream_size(resp, orig) == 0)) {
      return "REJ";
    }
    return is_inactive(orig) ? "RSTRH" : "RSTR";
  }
  if (orig.state == TcpState::kReset) {
    if (!is_inactive(resp)) return "RSTO";
    std::string_view letters = flow.history.text();
    if (letters.starts_with('^')) letters.remove_prefix(1);
    const std::size_t stop = letters.find_first_of("HAFGIQR");
    const bool is_syn_then_rst =
        letters.starts_with('S') && stop != std::string_view::npos && letters[stop] == 'R';
    return is_syn_then_rst ? "RSTOS0" : "OTH";
  }
  const bool orig_closed = orig.state == TcpState::kClosed;
  const bool resp_closed = resp.state == TcpState::kClosed;
  if (orig_closed && resp_closed) return "SF";
  if (orig_closed) return is_inactive(resp) ? "SH" : "S2";
  if (resp_closed) return is_inactive(orig) ? "SHR" : "S3";
  if (orig.state == TcpState::kSynSent && resp.state == TcpState::kInactive) return "S0";
  if (orig.state == TcpState::kEstablished && resp.state == TcpState::kEstablished) return "S1";
  return "OTH";
}

SegmentEffect take_segment(FlowState& flow, const Datagram& datagram, bool is_orig,
                           const TimeOuts& time_outs) {
  return Segment(flow, datagram, is_orig, time_outs).take();
}

}  // namespace tracebraid::converters::pcap
