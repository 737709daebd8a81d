// The part of SocketTable that follows the log: what calls tell of sockets, which bytes they moved,
// and when a socket is reported and forgotten. Datagrams are followed in datagrams.cc, flows in
// wires.cc; which socket is which flow is match.cc's; what is written of a socket is record.cc's.
#include "analyzers/sockets/table.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "analyzers/input/inputs.h"
#include "analyzers/sockets/calls.h"
#include "analyzers/sockets/record.h"

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;

constexpr std::int64_t kSecond = 1'000'000'000;

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
  } else if (!expects_sockets_) {
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
    if (call.result) made->fds.add(*call.result);
    if (call.pid) made->pids.add(*call.pid);
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
  if (call.new_file == call.file && call.result) life->fds.add(*call.result);
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
  bool is_new = learn_ends(life, call);
  // What was found by its time is confirmed by its address.
  if (life.wire && life.match == "time" && call.local_p &&
      port_of(call.local_p) == life.wire->ends[life.side].port) {
    life.match = "address";
  }
  if (call.syscall == "connect") {
    is_new |= learn_connect(life, call);
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

bool SocketTable::learn_ends(SocketLife& life, const record::Syscall& call) {
  bool is_new = false;
  const auto learn_end = [&](HostPort& end, const record::Address& host,
                             const std::optional<std::uint64_t>& port) {
    if (host.size != 0 && end.host != host && !(is_any(host) && end.host.size != 0)) {
      end.host = host;
      is_new = true;
    }
    const auto value = port_of(port);
    if (value && end.port != value) {
      end.port = value;
      is_new = true;
    }
  };
  learn_end(life.local, call.local_h, call.local_p);
  // A datagram's address is not the socket's.
  const bool is_of_datagram =
      life.kind == "udp" &&
      (call.syscall == "recvfrom" || call.syscall == "sendto" || call.syscall == "recvmsg" ||
       call.syscall == "sendmsg" || call.syscall == "sendmmsg" || call.syscall == "recvmmsg");
  if (!is_of_datagram) learn_end(life.peer, call.peer_h, call.peer_p);
  return is_new;
}

bool SocketTable::learn_connect(SocketLife& life, const record::Syscall& call) {
  // Who looked at SO_ERROR knows that it has succeeded, and may ask all the same.
  const bool has_succeeded = life.kind == "tcp" && call.error.empty() && life.connect_error.empty();
  const bool is_again =
      life.connect_ts &&
      (has_succeeded || call.error == "EISCONN" || call.error == "EALREADY" ||
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
  }
  life.connect_error = names_.view(call.error);
  if (call.result == 0 || call.error == "EISCONN") {
    life.connect_error = {};
    if (!life.connected_ts) life.connected_ts = end_of(call);
  }
  return !is_again;
}

void SocketTable::count(SocketLife& life, const record::Syscall& call) {
  ++life.calls;
  life.by_call.add(names_.of(call.syscall));
  if (!call.error.empty()) {
    ++life.errors;
    life.by_error.add(names_.of(call.error));
  }
  if (call.fd && *call.fd >= 0) life.fds.add(*call.fd);
  if (call.pid) life.pids.add(*call.pid);
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
  life.last_in = end_of(call);
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
  if (life->fds.empty() && file.fd) life->fds.add(*file.fd);
  if (life->pids.empty() && file.pid) life->pids.add(*file.pid);
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

SocketTable::SocketTable(SocketSink& sink)
    : sink_(sink), most_flows_(default_most_flows(kFlowBytes)) {}

void SocketTable::begin(const InputKinds& kinds) {
  expects_flows_ = kinds.may_give<record::Flow>();
  expects_sockets_ = kinds.may_give<record::Syscall>() || kinds.may_give<record::File>();
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
  wire_index_.erase(wire);
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

void tell_forgotten(const SocketTable& table, formats::io::Diagnostics& diagnostics) {
  if (table.counts().forgotten == 0) return;
  diagnostics.note(fmt::format("{} of {} flows were forgotten before their end: --max-flows",
                               table.counts().forgotten, table.counts().flows));
}

}  // namespace tracebraid::analyzers
