// The part of SocketTable that follows the records: what calls, segments and flows tell of sockets
// and wires, which bytes passed when, and when a socket is reported and forgotten. Which socket is
// which flow is match.cc's; what is written of a socket is record.cc's.
#include "analyzers/sockets/table.h"

#include <algorithm>

#include "analyzers/sockets/record.h"
#include "formats/io/error.h"
#include "formats/io/hash.h"
#include "formats/record/text.h"

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::size_t kMostEarly = 256;

bool is_socket_kind(std::string_view kind) {
  if (kind.size() < 3 || kind[0] == 'f' || kind[0] == 'p' || kind[0] == 'e') return false;
  return kind == "tcp" || kind == "udp" || kind == "unix" || kind == "socket" || kind == "netlink";
}

bool makes_socket(std::string_view call) {
  return call == "accept4" || call == "accept" || call == "socket";
}

void count_reason(std::vector<std::pair<std::string_view, std::uint64_t>>& reasons,
                  std::string_view reason) {
  for (auto& [known, count] : reasons) {
    if (known == reason) {
      ++count;
      return;
    }
  }
  reasons.emplace_back(reason, 1);
}

std::optional<std::int64_t> begin_of(const record::Syscall& call) {
  if (call.ts) return call.ts->ns;
  if (call.end_ts) return call.end_ts->ns;
  return std::nullopt;
}

std::optional<std::int64_t> end_of(const record::Syscall& call) {
  if (call.end_ts) return call.end_ts->ns;
  if (call.ts) return call.ts->ns;
  return std::nullopt;
}

std::optional<std::uint16_t> port_of(const std::optional<std::uint64_t>& port) {
  if (!port || *port > UINT16_MAX) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

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

SocketLife* SocketTable::find(const FileKey& key) {
  return lives_.find(key.hash(), [&](const SocketLife& life) { return life.key() == key; });
}

SocketLife& SocketTable::make(const FileKey& key) {
  auto* const life = new (life_memory_.take(sizeof(SocketLife))) SocketLife;
  life->lane = key.lane;
  life->file = key.file;
  lives_.insert(key.hash(), life);
  return *life;
}

void SocketTable::forget(SocketLife& life) {
  lives_.erase(life.key().hash(), &life);
  life.~SocketLife();
  life_memory_.give_back(&life);
}

void SocketTable::expect(const record::AnyRecord& any, std::size_t lane, Distance distance) const {
  if (const auto* call = any.as<record::Syscall>()) {
    expect_call(*call, lane, distance);
  } else if (const auto* segment = any.as<record::Segment>()) {
    expect_segment(*segment, distance);
  } else if (const auto* flow = any.as<record::Flow>()) {
    expect_flow(*flow, distance);
  }
}

void SocketTable::expect_call(const record::Syscall& call, std::size_t lane,
                              Distance distance) const {
  if (!call.file) return;
  const std::uint64_t hash = FileKey{lane, *call.file}.hash();
  if (distance == Distance::kFar) return lives_.prefetch(hash);
  const SocketLife* const life = lives_.peek(hash);
  if (life == nullptr) return;
  if (distance == Distance::kNear) {
    bring_near(life, &life->in);
    if (call.direction != "out") life->bring_input_near();
    if (call.direction != "in") life->bring_output_near();
  } else {
    life->waits.spread.bring_near();
    if (life->wire) bring_near(life->wire.get(), &life->wire->datagrams);
  }
}

void SocketTable::expect_segment(const record::Segment& segment, Distance distance) const {
  const Wire* const wire = expect_wire(segment.uid, distance);
  if (wire == nullptr || distance != Distance::kNext) return;
  const std::size_t from = segment.is_orig ? 0 : 1;
  if (const SocketLife* const life = wire->sockets[from]) {
    __builtin_prefetch(&life->is_measured);
    life->bring_output_near();
  }
  if (const SocketLife* const life = wire->sockets[1 - from]) {
    __builtin_prefetch(&life->is_measured);
    life->bring_input_near();
  }
}

void SocketTable::expect_flow(const record::Flow& flow, Distance distance) const {
  const Wire* const wire = expect_wire(flow.uid, distance);
  if (wire == nullptr || distance != Distance::kNext) return;
  for (const SocketLife* const life : wire->sockets) {
    if (life != nullptr) bring_near(life, life + 1);
  }
}

// What is at hand of it.
const Wire* SocketTable::expect_wire(std::string_view uid, Distance distance) const {
  const std::uint64_t hash = formats::io::hash_text(uid);
  if (distance == Distance::kFar) {
    wires_.prefetch(hash);
    return nullptr;
  }
  const Wire* const wire = wires_.peek(hash);
  if (wire != nullptr && distance == Distance::kNear) bring_near(wire, &wire->datagrams);
  return wire;
}

bool is_about_sockets(const record::Syscall& call) {
  return (call.file && is_socket_kind(call.kind)) || (call.new_file && makes_socket(call.syscall));
}

bool is_about_sockets(const record::File& file) {
  return is_socket_kind(file.kind) || makes_socket(file.made_by);
}

SocketLife* SocketTable::syscall(const record::Syscall& call, std::size_t lane) {
  const std::optional<std::int64_t> end = end_of(call);
  if (end) seen_at(*end);
  SocketLife* made = nullptr;
  if (call.new_file && makes_socket(call.syscall)) {
    const FileKey key{lane, *call.new_file};
    made = find(key);
    if (made == nullptr) made = &make(key);
    made->made_by = names_.view(call.syscall);
    made->ts = end;
    made->pid = call.pid;
    made->tid = call.tid;
    made->line = call.line;
    made->input = names_.view(call.input);
    if (call.result) made->fds.add_once(*call.result);
    if (call.pid) made->pids.add_once(*call.pid);
    if (call.file && call.syscall != "socket") {
      made->listener = call.file;
      made->connected_ts = end;
      made->kind = names_.view(call.kind);
      made->proto = names_.view(call.proto);
      made->local.port = port_of(call.local_p);
      if (!is_any(call.local_h)) made->local.host = call.local_h;
    }
  }
  if (!call.file || !is_socket_kind(call.kind)) return made;
  const FileKey key{lane, *call.file};
  SocketLife* life = find(key);
  if (life == nullptr) {
    life = &make(key);
    life->pid = call.pid;
    life->tid = call.tid;
    life->line = call.line;
    life->input = names_.view(call.input);
  }
  if (call.new_file == call.file && call.result) life->fds.add_once(*call.result);
  learn(*life, call);
  if (!life->early.empty()) settle_early(*life);
  count(*life, call);
  return life;
}

void SocketTable::learn(SocketLife& life, const record::Syscall& call) {
  if (life.kind.empty() || life.kind == "socket") life.kind = names_.view(call.kind);
  if (life.proto.empty()) life.proto = names_.view(call.proto);
  if (life.kind == "unix" && life.path.empty()) life.path = call.path;
  if (call.syscall == "listen" && call.result == 0) life.is_listener = true;
  bool is_new = false;
  const auto set_host = [&](HostPort& end, const record::Address& host) {
    if (host.size == 0 || end.host == host || (is_any(host) && end.host.size != 0)) return;
    end.host = host;
    is_new = true;
  };
  const auto set_port = [&](HostPort& end, const std::optional<std::uint64_t>& port) {
    const auto value = port_of(port);
    if (!value || end.port == value) return;
    end.port = value;
    is_new = true;
  };
  set_host(life.local, call.local_h);
  set_port(life.local, call.local_p);
  // A datagram's address is not the socket's.
  const bool is_of_datagram =
      life.kind == "udp" &&
      (call.syscall == "recvfrom" || call.syscall == "sendto" || call.syscall == "recvmsg" ||
       call.syscall == "sendmsg" || call.syscall == "sendmmsg" || call.syscall == "recvmmsg");
  if (!is_of_datagram) {
    set_host(life.peer, call.peer_h);
    set_port(life.peer, call.peer_p);
  }
  if (call.syscall == "connect") {
    const bool is_again =
        life.connect_ts &&
        (call.error == "EISCONN" || call.error == "EALREADY" ||
         (life.connect_error == "EINPROGRESS" && (call.error.empty() || !life.wire)));
    if (!is_again) {
      // An attempt of its own, with a flow of its own.
      if (life.wire && life.kind == "tcp" && life.bytes_in + life.bytes_out == 0) {
        life.wire->sockets[life.side] = nullptr;
        life.wire.reset();
      }
      life.connect_ts = begin_of(call);
      life.connect_end_ts = end_of(call);
      life.connect_tid = call.tid.value_or(0);
      is_new = true;
    }
    life.connect_error = names_.view(call.error);
    if (call.result == 0 || call.error == "EISCONN") {
      life.connect_error = {};
      if (!life.connected_ts) life.connected_ts = end_of(call);
    }
  } else if (life.is_connecting && call.syscall == "getsockopt" &&
             call.args.find("SO_ERROR") != std::string_view::npos) {
    const std::size_t at = call.args.find("SO_ERROR, [");
    if (at != std::string_view::npos) {
      const std::string_view rest = call.args.substr(at + 11);
      const std::string_view error = rest.substr(0, rest.find(']'));
      life.connect_error = error == "0" ? std::string_view{} : names_.view(error);
      if (error == "0") life.connected_ts = end_of(call);
    }
  }
  life.is_connecting = life.connect_error == "EINPROGRESS";
  if (is_new && !life.is_listener) {
    place(life);
    if (!life.wire) look_for_wire(life);
  } else if (life.is_listener && life.ends_hash != 0) {
    displace(life);
  }
}

void SocketTable::count(SocketLife& life, const record::Syscall& call) {
  ++life.calls;
  life.by_call.add(names_.of(call.syscall));
  if (!call.error.empty()) {
    ++life.errors;
    life.by_error.add(names_.of(call.error));
  }
  if (call.fd && *call.fd >= 0) life.fds.add_once(*call.fd);
  if (call.pid) life.pids.add_once(*call.pid);
  if (call.duration && call.wait == "net") {
    life.blocked_ns = std::max<std::int64_t>(life.blocked_ns, 0) + call.duration->ns;
  }
  if (!call.bytes || call.direction.empty()) return;
  if (life.kind == "udp") {
    move_datagrams(life, call);
  } else {
    move_bytes(life, call);
  }
}

void SocketTable::move_bytes(SocketLife& life, const record::Syscall& call) {
  const bool is_out =
      call.direction == "out" || (call.direction == "both" && call.syscall.starts_with("sendfile"));
  if (*call.bytes == 0) {
    if (!is_out && call.result == 0 && life.kind != "socket" && !life.eof_ts) {
      life.eof_ts = end_of(call);
      life.eof_line = call.line;
    }
    return;
  }
  const std::int64_t begin = begin_of(call).value_or(Mark::kUnknown);
  const std::int64_t end = end_of(call).value_or(Mark::kUnknown);
  if (is_out) {
    life.bytes_out += *call.bytes;
    life.last_out = begin_of(call);
    life.last_out_tid = call.tid.value_or(0);
    if (!life.first_out) life.first_out = begin_of(call);
    if (may_be_measured(life)) {
      life.out.first(life.bytes_out, begin, [&](const Passage& passage) { sent(life, passage); });
    }
    return;
  }
  life.bytes_in += *call.bytes;
  life.last_in_tid = call.tid.value_or(0);
  if (!life.first_in) life.first_in = end_of(call);
  if (!call.end_ts) lacks_returns_ = true;
  if (!may_be_measured(life)) return;
  if (life.wire) {
    Wire& wire = *life.wire;
    const std::size_t from = 1 - life.side;
    wire.order[from].known_to(life.bytes_in, end, [&](std::uint64_t until, std::int64_t ts) {
      passed(wire, from, until, ts);
    });
  }
  life.in.second(life.bytes_in, end, [&](const Passage& passage) { received(life, passage); });
}

// Until its flow is found, what it moved is kept, within bounds.
bool SocketTable::may_be_measured(SocketLife& life) const {
  if (life.wire) return life.is_measured;
  if (!expects_flows_ || life.kind != "tcp" || life.is_given_up) return false;
  if (life.in.waiting() + life.out.waiting() < kMostEarly) return true;
  life.is_given_up = true;
  life.in = {};
  life.out = {};
  return false;
}

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

Wire& SocketTable::wire_of(std::string_view uid, std::string_view proto, const HostPort& orig,
                           const HostPort& resp, std::int64_t ts, bool is_from_start) {
  if (last_wire_ != nullptr && last_wire_->uid.view() == uid) return *last_wire_;
  const std::uint64_t hash = formats::io::hash_text(uid);
  last_wire_ = wires_.find(hash, [&](const Wire& wire) { return wire.uid.view() == uid; });
  if (last_wire_ != nullptr) return *last_wire_;
  const auto made = std::allocate_shared<Wire>(BlockAllocator<Wire>(wire_memory_), uid);
  Wire& wire = *made;
  wire.self = made;
  wires_.insert(hash, &wire);
  wire.uid_hash = hash;
  wire.serial = ++wires_made_;
  wire.proto = names_.view(proto);
  wire.is_udp = proto == "udp";
  if (wire.is_udp) wire.datagrams = std::make_unique<Wire::Datagrams>();
  wire.ends[0] = orig;
  wire.ends[1] = resp;
  wire.ts = ts;
  wire.is_from_start = is_from_start;
  ++counts_.flows;
  last_wire_ = &wire;
  if (proto == "tcp" || proto == "udp") place(wire);
  return wire;
}

void SocketTable::segment(const record::Segment& segment) {
  seen_at(segment.ts.ns);
  if (!captured_) captured_.emplace(segment.flow_ts.ns, segment.ts.ns);
  captured_->second = std::max(captured_->second, segment.ts.ns);
  Wire& wire = wire_of(segment.uid, segment.proto, {segment.orig_h, segment.orig_p},
                       {segment.resp_h, segment.resp_p}, segment.flow_ts.ns, segment.from_start);
  const std::size_t from = segment.is_orig ? 0 : 1;
  if (wire.first_data[from] == Mark::kUnknown) wire.first_data[from] = segment.ts.ns;
  if (wire.is_udp) {
    wire.datagrams->sent[from].second(segment.length, segment.ts.ns, [&](const Passage& passage) {
      if (SocketLife* const life = wire.sockets[from]) sent(*life, passage);
    });
    wire.datagrams->received[from].first(segment.length, segment.ts.ns,
                                         [&](const Passage& passage) {
                                           if (SocketLife* const life = wire.sockets[1 - from])
                                             received(*life, passage);
                                         });
    return;
  }
  wire.order[from].add(segment.offset, segment.length, segment.ts.ns,
                       [&](std::uint64_t end, std::int64_t ts) { passed(wire, from, end, ts); });
}

void SocketTable::passed(Wire& wire, std::size_t from, std::uint64_t end, std::int64_t ts) {
  if (SocketLife* const life = wire.sockets[from]) left(*life, end, ts);
  if (SocketLife* const life = wire.sockets[1 - from]) arrived(*life, end, ts);
  if ((wire.is_claimed[0] && wire.is_claimed[1]) || wire.early_lost[from]) return;
  if (wire.early[from].count < kMostEarly) {
    early_.add(wire.early[from], end, ts);
  } else {
    wire.early_lost[from] = true;
  }
}

void SocketTable::arrived(SocketLife& life, std::uint64_t end, std::int64_t ts) {
  if (!life.is_measured) return;
  life.in.first(end, ts, [&](const Passage& passage) { received(life, passage); });
}

void SocketTable::left(SocketLife& life, std::uint64_t end, std::int64_t ts) {
  if (!life.is_measured) return;
  life.out.second(end, ts, [&](const Passage& passage) { sent(life, passage); });
}

void SocketTable::received(SocketLife& life, const Passage& passage) {
  if (passage.first_ts == Mark::kUnknown || passage.second_ts == Mark::kUnknown) {
    life.waits.unmeasured_bytes += passage.bytes;
    return;
  }
  const std::int64_t ns = passage.second_ts - passage.first_ts;
  if (!lacks_returns_) {
    skew_.low = std::max(skew_.low, -ns);
    ++skew_.low_count;
  }
  life.waits.add(ns, passage.first_ts);
  sink_.waited(life, passage.first_ts, passage.second_ts);
}

void SocketTable::sent(SocketLife& life, const Passage& passage) {
  if (passage.first_ts == Mark::kUnknown || passage.second_ts == Mark::kUnknown) {
    life.send_waits.unmeasured_bytes += passage.bytes;
    return;
  }
  const std::int64_t ns = passage.second_ts - passage.first_ts;
  skew_.high = std::min(skew_.high, ns);
  ++skew_.high_count;
  life.send_waits.add(ns, passage.first_ts);
  sink_.sent(life, passage.first_ts, passage.second_ts);
}

void SocketTable::flow(const record::Flow& flow) {
  if (!captured_) captured_.emplace(flow.ts.ns, flow.last_ts.ns);
  captured_->first = std::min(captured_->first, flow.ts.ns);
  captured_->second = std::max(captured_->second, flow.last_ts.ns);
  const bool is_from_start = flow.history.find_first_of("Ss") != std::string_view::npos ||
                             flow.history.find_first_of("Hh") != std::string_view::npos;
  Wire& wire = wire_of(flow.uid, flow.proto, {flow.orig_h, flow.orig_p}, {flow.resp_h, flow.resp_p},
                       flow.ts.ns, is_from_start);
  wire.ts = std::min(wire.ts, flow.ts.ns);
  wire.last_ts = std::max(wire.last_ts, flow.last_ts.ns);
  wire.conn_state = names_.view(flow.conn_state);
  wire.closed_by = names_.view(flow.closed_by);
  wire.reset_by = names_.view(flow.reset_by);
  wire.bytes[0] += flow.orig_bytes.value_or(flow.orig_uniq_bytes);
  wire.bytes[1] += flow.resp_bytes.value_or(flow.resp_uniq_bytes);
  wire.missed += flow.missed_bytes;
  wire.rexmit_pkts[0] += flow.orig_rexmit_pkts;
  wire.rexmit_pkts[1] += flow.resp_rexmit_pkts;
  if (flow.orig_first_data && wire.first_data[0] == Mark::kUnknown) {
    wire.first_data[0] = flow.orig_first_data->ns;
  }
  if (flow.resp_first_data && wire.first_data[1] == Mark::kUnknown) {
    wire.first_data[1] = flow.resp_first_data->ns;
  }
  if (flow.orig_last_data) wire.last_data[0] = flow.orig_last_data->ns;
  if (flow.resp_last_data) wire.last_data[1] = flow.resp_last_data->ns;
  if (!flow.final) return;
  wire.is_over = true;
  look_for_sockets(wire);
  const std::shared_ptr<Wire> kept = wire.shared_from_this();
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    SocketLife* const life = kept->sockets[side];
    if (life == nullptr) continue;
    if (kept->is_udp) {
      leave_open_wires(*life, *kept, side);
      kept->sockets[side] = nullptr;
      life->wire_bytes_in += kept->bytes[1 - side];
      life->wire_bytes_out += kept->bytes[side];
    }
    report_if_over(*life);
  }
  ended_wires_.emplace_back(std::max(clock_, kept->last_ts), kept);
}

void SocketTable::file(const record::File& file, std::size_t lane) {
  if (file.end_ts) seen_at(file.end_ts->ns);
  // A socket that was never used has no kind but that of its making.
  if (!is_about_sockets(file)) return;
  const FileKey key{lane, file.file};
  SocketLife* life = find(key);
  if (life == nullptr) {
    if (!is_socket_kind(file.kind)) return;
    life = &make(key);
  }
  if (!is_socket_kind(file.kind) && !makes_socket(life->made_by)) {
    displace(*life);
    forget(*life);
    return;
  }
  if (life->kind.empty() || life->kind == "socket") life->kind = names_.view(file.kind);
  if (life->proto.empty()) life->proto = names_.view(file.proto);
  if (life->made_by.empty() && !file.made_by.empty()) {
    life->made_by = names_.view(file.made_by);
    if (file.ts) life->ts = file.ts->ns;
  }
  if (life->path.empty()) life->path = file.path;
  if (!life->line) life->line = file.line;
  if (!life->pid) life->pid = file.pid;
  if (!life->tid) life->tid = file.tid;
  if (life->input.empty()) life->input = names_.view(file.input);
  if (life->fds.empty() && file.fd) life->fds.push_back(*file.fd);
  if (life->pids.empty() && file.pid) life->pids.push_back(*file.pid);
  const bool was_unknown = !life->peer.port && file.peer_p;
  if (life->peer.host.size == 0) life->peer.host = file.peer_h;
  if (!life->peer.port) life->peer.port = port_of(file.peer_p);
  if (is_any(life->local.host) && file.local_h.size != 0) life->local.host = file.local_h;
  if (!life->local.port) life->local.port = port_of(file.local_p);
  if (was_unknown && !life->wire) {
    place(*life);
    look_for_wire(*life);
  }
  life->is_closed = true;
  life->ended_by = names_.view(file.ended_by);
  if (file.end_ts) life->end_ts = file.end_ts->ns;
  life->end_pid = file.end_pid;
  life->end_tid = file.end_tid;
  life->end_line = file.end_line;
  ended_sockets_.emplace_back(clock_, key);
  if (!life->early.empty()) settle_early(*life);
  report_if_over(*life);
}

void SocketTable::report_if_over(SocketLife& life) {
  if (!life.is_closed) return;
  const bool is_on_network = life.kind == "tcp" || life.kind == "udp";
  const bool may_have_flow = expects_flows_ && is_on_network && !life.is_listener &&
                             (life.peer.port || life.kind == "udp");
  if (may_have_flow) {
    if (!life.wire || !life.wire->is_over || !life.open_wires.empty()) return;
  }
  report(life);
}

SocketTable::~SocketTable() {
  lives_.each([](SocketLife& life) { life.~SocketLife(); });
  std::vector<Wire*> left;
  left.reserve(wires_.size());
  wires_.each([&](Wire& wire) { left.push_back(&wire); });
  for (Wire* const wire : left) wire->self.reset();
}

void SocketTable::seen_at(std::int64_t ts) {
  if (ts <= clock_) return;
  const bool is_time = clock_ / kSecond != ts / kSecond;
  clock_ = ts;
  if (is_time) drop_old();
}

void SocketTable::drop_old() {
  while (!ended_sockets_.empty() && (ended_sockets_.front().first + kFlowLingers < clock_ ||
                                     ended_sockets_.size() > kMostEnded)) {
    SocketLife* const life = find(ended_sockets_.front().second);
    if (life != nullptr && life->is_closed) report(*life);
    ended_sockets_.pop_front();
  }
  while (!ended_wires_.empty() && (ended_wires_.front().first + kAcceptLingers < clock_ ||
                                   ended_wires_.size() > kMostEnded)) {
    if (const std::shared_ptr<Wire> wire = ended_wires_.front().second.lock()) erase(*wire);
    ended_wires_.pop_front();
  }
}

void SocketTable::count_flow(const Wire& wire) {
  if (!wire.is_claimed[0] && !wire.is_claimed[1]) ++counts_.flows_without_socket;
}

void SocketTable::erase(Wire& wire) {
  count_flow(wire);
  if (last_wire_ == &wire) last_wire_ = nullptr;
  if (wire.ends_hashes[0] != 0) {
    for (const std::uint64_t hash : wire.ends_hashes) wires_by_ends_.erase(hash, &wire);
  }
  wires_.erase(wire.uid_hash, &wire);
  wire.self.reset();
}

void SocketTable::finish() {
  std::vector<SocketLife*> left;
  left.reserve(lives_.size());
  lives_.each([&](SocketLife& life) { left.push_back(&life); });
  std::ranges::sort(left, {}, [](const SocketLife* life) {
    return std::tuple(life->ts.value_or(INT64_MIN), life->lane, life->file);
  });
  for (SocketLife* const life : left) report(*life);
  wires_.each([&](const Wire& wire) { count_flow(wire); });
}

void SocketTable::report(SocketLife& life) {
  if (!life.early.empty()) settle_early(life);
  match_by_bytes(life);
  const SocketRecord made(life, expects_flows_ ? captured_ : std::nullopt);
  if (is_talking(life)) ++counts_.sockets;
  if (life.wire) {
    ++counts_.matched;
  } else if (is_talking(life)) {
    count_reason(counts_.unmatched, made.record().match);
  }
  sink_.socket(life, made.record());

  displace(life);
  for (Wire* const wire : life.open_wires) {
    for (SocketLife*& socket : wire->sockets) {
      if (socket == &life) socket = nullptr;
    }
  }
  if (life.wire && life.wire->sockets[life.side] == &life) {
    life.wire->sockets[life.side] = nullptr;
  }
  forget(life);
}

}  // namespace tracebraid::analyzers
