#include "analyzers/merge/flow_parts.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "formats/io/saturate.h"

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;
using formats::io::saturated_difference;
using formats::io::saturated_sum;
using record::AnyRecord;
using record::Duration;
using record::Flow;
using record::Time;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// Members that an originator has and a responder too: orig_…, resp_….
constexpr auto kSides = std::tuple{
    std::pair{&Flow::orig_h, &Flow::resp_h},
    std::pair{&Flow::orig_p, &Flow::resp_p},
    std::pair{&Flow::orig_bytes, &Flow::resp_bytes},
    std::pair{&Flow::orig_pkts, &Flow::resp_pkts},
    std::pair{&Flow::orig_ip_bytes, &Flow::resp_ip_bytes},
    std::pair{&Flow::orig_payload_bytes, &Flow::resp_payload_bytes},
    std::pair{&Flow::orig_uniq_bytes, &Flow::resp_uniq_bytes},
    std::pair{&Flow::orig_first_ts, &Flow::resp_first_ts},
    std::pair{&Flow::orig_last_ts, &Flow::resp_last_ts},
    std::pair{&Flow::orig_first_data, &Flow::resp_first_data},
    std::pair{&Flow::orig_last_data, &Flow::resp_last_data},
    std::pair{&Flow::orig_rtt_min, &Flow::resp_rtt_min},
    std::pair{&Flow::orig_rtt_avg, &Flow::resp_rtt_avg},
    std::pair{&Flow::orig_rtt_max, &Flow::resp_rtt_max},
    std::pair{&Flow::orig_rtt_samples, &Flow::resp_rtt_samples},
    std::pair{&Flow::orig_rexmit_pkts, &Flow::resp_rexmit_pkts},
    std::pair{&Flow::orig_rexmit_bytes, &Flow::resp_rexmit_bytes},
    std::pair{&Flow::orig_ooo_pkts, &Flow::resp_ooo_pkts},
    std::pair{&Flow::orig_dupacks, &Flow::resp_dupacks},
    std::pair{&Flow::orig_zero_win, &Flow::resp_zero_win},
    std::pair{&Flow::orig_tcp_flags, &Flow::resp_tcp_flags},
    std::pair{&Flow::orig_mss, &Flow::resp_mss},
    std::pair{&Flow::orig_ttl, &Flow::resp_ttl},
};

constexpr Flow::Count Flow::*kCounts[] = {
    &Flow::missed_bytes,       &Flow::orig_pkts,        &Flow::orig_ip_bytes,
    &Flow::resp_pkts,          &Flow::resp_ip_bytes,    &Flow::orig_payload_bytes,
    &Flow::resp_payload_bytes, &Flow::orig_uniq_bytes,  &Flow::resp_uniq_bytes,
    &Flow::orig_rtt_samples,   &Flow::resp_rtt_samples, &Flow::orig_rexmit_pkts,
    &Flow::orig_rexmit_bytes,  &Flow::resp_rexmit_pkts, &Flow::resp_rexmit_bytes,
    &Flow::orig_ooo_pkts,      &Flow::resp_ooo_pkts,    &Flow::orig_dupacks,
    &Flow::resp_dupacks,       &Flow::orig_zero_win,    &Flow::resp_zero_win,
    &Flow::truncated_pkts,     &Flow::bad_csum_pkts,    &Flow::dup_pkts,
    &Flow::fragment_pkts,
};

constexpr std::optional<Time> Flow::*kFirstTimes[] = {
    &Flow::orig_first_ts, &Flow::resp_first_ts, &Flow::orig_first_data, &Flow::resp_first_data};
constexpr std::optional<Time> Flow::*kLastTimes[] = {&Flow::orig_last_ts, &Flow::resp_last_ts,
                                                     &Flow::orig_last_data, &Flow::resp_last_data};

template <typename T>
std::optional<T> least(const std::optional<T>& left, const std::optional<T>& right) {
  return left && right ? std::min(*left, *right) : left ? left : right;
}

template <typename T>
std::optional<T> most(const std::optional<T>& left, const std::optional<T>& right) {
  return std::max(left, right);  // a missing one is less than any
}

std::optional<Duration> between(const std::optional<Time>& from, const std::optional<Time>& to) {
  if (!from || !to || *to < *from) return std::nullopt;
  return Duration{saturated_difference(to->ns, from->ns)};
}

std::string_view without_turn(std::string_view history) {
  if (history.starts_with('^')) history.remove_prefix(1);
  return history;
}

// The other side for each letter.
std::string turned(std::string_view history) {
  std::string text(without_turn(history));
  for (char& letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    letter = static_cast<char>(std::isupper(byte) != 0 ? std::tolower(byte) : std::toupper(byte));
  }
  return text;
}

std::string_view other_side(std::string_view side) {
  return side == "orig" ? "resp" : side == "resp" ? "orig" : side;
}

// As if the responder had been taken for the originator.
void turn(Flow& flow, std::string& history) {
  std::apply([&](const auto&... sides) { (std::swap(flow.*sides.first, flow.*sides.second), ...); },
             kSides);
  history = turned(flow.history);
  flow.history = history;
  flow.closed_by = other_side(flow.closed_by);
  flow.reset_by = other_side(flow.reset_by);
  flow.response_latency = std::nullopt;
  if (flow.orig_last_data && flow.resp_first_data && flow.orig_last_data <= flow.resp_first_data) {
    flow.response_latency = between(flow.orig_last_data, flow.resp_first_data);
  }
}

bool is_turned(const Flow& left, const Flow& right) {
  return left.orig_h == right.resp_h && left.orig_p == right.resp_p &&
         !(left.orig_h == right.orig_h && left.orig_p == right.orig_p);
}

std::string key_of(const Flow& flow) {
  const auto end = [](const record::Address& host, std::uint16_t port) {
    std::string text(host.view());
    text += static_cast<char>(port >> 8);
    text += static_cast<char>(port & 0xff);
    return text;
  };
  std::string orig = end(flow.orig_h, flow.orig_p);
  std::string resp = end(flow.resp_h, flow.resp_p);
  if (resp < orig) orig.swap(resp);
  return static_cast<char>(flow.ip_proto) + orig + resp;
}

std::string flags_of_both(std::string_view left, std::string_view right) {
  std::string both;
  for (const char letter : std::string_view("CEUAPRSF")) {
    if (left.find(letter) != std::string_view::npos || right.find(letter) != std::string_view::npos)
      both += letter;
  }
  return both;
}

// Parts of a list with commas between, those of `more` behind.
std::string list_of_both(std::string_view list, std::string_view more) {
  std::string both(list);
  while (!more.empty()) {
    const std::size_t comma = std::min(more.find(','), more.size());
    const std::string_view word = more.substr(0, comma);
    more.remove_prefix(std::min(comma + 1, more.size()));
    if (both.find(word) != std::string::npos) continue;
    if (!both.empty()) both += ',';
    both += word;
  }
  return both;
}

bool has_closed(const Flow& flow) {
  return flow.end_reason == "closed" || flow.end_reason == "reset";
}

std::int64_t counted_end(const Flow& flow) {
  return saturated_sum(flow.ts.ns, flow.duration.value_or(Duration{}).ns);
}

// From when on a packet would have begun another flow: pcapflows' time-outs (flow_table.h).
std::int64_t deadline(const Flow& flow) {
  if (has_closed(flow)) return saturated_sum(counted_end(flow), 5 * kSecond);
  if (flow.end_reason != "eof" && flow.end_reason != "evicted") return INT64_MIN;
  const std::int64_t last = flow.last_ts.ns;
  const auto is_one_of = [&](std::initializer_list<int> ports) {
    return std::ranges::find(ports, int{flow.resp_p}) != ports.end();
  };
  if (flow.proto == "tcp") {
    if (flow.conn_state == "S0") return saturated_sum(last, 5 * kSecond);
    return saturated_sum(last, (is_one_of({21, 22, 23, 513}) ? 3600 : 300) * kSecond);
  }
  if (flow.proto == "udp" && is_one_of({53, 137, 5353, 5355})) {
    // Looked at every ten seconds; idle for nine is enough.
    constexpr std::int64_t kPeriod = 10 * kSecond;
    const std::int64_t idle = saturated_sum(last, 9 * kSecond - 1);
    const std::int64_t base = saturated_sum(flow.ts.ns, kPeriod);
    if (idle < base) return base;
    return saturated_sum(saturated_sum(base, saturated_difference(idle, base) / kPeriod * kPeriod),
                         kPeriod);
  }
  return saturated_sum(last, 60 * kSecond);
}

// Whether `later`, of another run, would have been taken for the same flow.
bool goes_on(const Flow& earlier, const Flow& later) {
  if (later.ts.ns >= deadline(earlier)) return false;
  const std::string_view letters = without_turn(later.history);
  const bool begins = letters.starts_with('S') || letters.starts_with('s');
  return later.proto != "tcp" || !begins || earlier.conn_state == "S0";
}

Flow::MaybeCount bytes(const Flow::MaybeCount& said, Flow::Count unique) {
  return said.value_or(unique);
}

// The handshake, the first answer: what depends on which part saw what.
void add_times(const Flow& earlier, const Flow& later, bool is_one_run, Flow& sum) {
  const auto first_of = [&](std::optional<Time> Flow::*time) {
    if (is_one_run) return later.*time ? later.*time : earlier.*time;
    return earlier.*time ? earlier.*time : later.*time;
  };
  // The last SYN before the SYN-ACK.
  sum.syn_ts = earlier.synack_ts || !later.syn_ts ? earlier.syn_ts : later.syn_ts;
  sum.synack_ts = first_of(&Flow::synack_ts);
  sum.handshake_ack_ts = first_of(&Flow::handshake_ack_ts);
  if (!is_one_run && earlier.synack_ts && !earlier.handshake_ack_ts && !later.handshake_ack_ts) {
    const std::size_t first = later.history.find_first_of("SHADFR");
    if (first != std::string_view::npos && later.history.find_first_of("AD") == first) {
      sum.handshake_ack_ts = later.orig_first_ts;
    }
  }
  sum.synack_rtt = between(sum.syn_ts, sum.synack_ts);
  sum.ack_rtt = between(sum.synack_ts, sum.handshake_ack_ts);
  sum.handshake_rtt = between(sum.syn_ts, sum.handshake_ack_ts);

  if (!earlier.resp_first_data && later.resp_first_data) {
    sum.response_latency = later.response_latency;
    if (!sum.response_latency && earlier.orig_last_data) {
      const std::int64_t took =
          saturated_difference(later.resp_first_data->ns, earlier.orig_last_data->ns);
      sum.response_latency = Duration{std::max<std::int64_t>(took, 0)};
    }
  }
  sum.max_idle = most(earlier.max_idle, later.max_idle);
  if (later.ts >= earlier.last_ts) {
    sum.max_idle =
        most(sum.max_idle, {Duration{saturated_difference(later.ts.ns, earlier.last_ts.ns)}});
  }
}

// The mean of both is the sums' (FlowParts).
void add_rtts(const Flow& later, Flow& sum) {
  sum.orig_rtt_min = least(sum.orig_rtt_min, later.orig_rtt_min);
  sum.resp_rtt_min = least(sum.resp_rtt_min, later.resp_rtt_min);
  sum.orig_rtt_max = most(sum.orig_rtt_max, later.orig_rtt_max);
  sum.resp_rtt_max = most(sum.resp_rtt_max, later.resp_rtt_max);
}

std::uint64_t rtt_sum(const std::optional<Duration>& mean, Flow::Count samples) {
  return mean ? static_cast<std::uint64_t>(mean->ns) * samples : 0;
}

std::string_view state_of(const Flow& flow) {
  if (flow.proto == "tcp") return tcp_state(flow.history, *flow.orig_bytes + *flow.resp_bytes > 0);
  if (flow.proto != "udp") return flow.conn_state;
  const bool has_orig = flow.history.find('D') != std::string_view::npos;
  const bool has_resp = flow.history.find('d') != std::string_view::npos;
  return has_orig ? (has_resp ? "SF" : "S0") : has_resp ? "SHR" : "OTH";
}

}  // namespace

std::string_view tcp_state(std::string_view history, bool has_payload) {
  enum class State : std::uint8_t { kNone, kAsking, kPartial, kOpen, kClosed, kReset };
  struct End {
    State state = State::kNone;
    State before = State::kNone;
    void go(State next) {
      if (next != state) before = std::exchange(state, next);
    }
  };
  std::array<End, 2> ends;
  for (const char letter : history) {
    const bool is_orig = std::isupper(static_cast<unsigned char>(letter)) != 0;
    const char event = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    End& end = ends[is_orig ? 0 : 1];
    End& peer = ends[is_orig ? 1 : 0];
    if (event == 'F' || event == 'R') {
      const bool is_closed = end.state == State::kClosed;
      if (end.state == State::kReset ||
          (is_closed && (event == 'F' || peer.state == State::kClosed)))
        continue;
      end.go(event == 'F' ? State::kClosed : State::kReset);
      if (event == 'F' && peer.state == State::kReset && peer.before == State::kClosed) {
        peer.go(State::kClosed);
      }
    } else if (event == 'S' || event == 'H') {
      if (end.state == State::kPartial && peer.state == State::kNone && event == 'S') {
        end.go(State::kAsking);
      }
      if (end.state != State::kNone) continue;
      if (!is_orig && peer.state == State::kAsking) peer.go(State::kOpen);
      end.go(is_orig ? State::kAsking : State::kOpen);
    } else if ((event == 'A' || event == 'D') && end.state == State::kNone) {
      if (letter == 'a' && peer.state == State::kAsking) continue;
      end.go(peer.state == State::kOpen ? State::kOpen : State::kPartial);
    }
  }
  const State orig = ends[0].state;
  const State resp = ends[1].state;
  const auto is_silent = [](State state) {
    return state == State::kNone || state == State::kPartial;
  };
  if (resp == State::kReset) {
    if (orig == State::kAsking || (orig == State::kReset && !has_payload)) return "REJ";
    return is_silent(orig) ? "RSTRH" : "RSTR";
  }
  if (orig == State::kReset) {
    if (!is_silent(resp)) return "RSTO";
    const std::string_view letters = without_turn(history);
    const std::size_t stop = letters.find_first_of("HAFGIQR");
    const bool is_syn_then_rst =
        letters.starts_with('S') && stop != std::string_view::npos && letters[stop] == 'R';
    return is_syn_then_rst ? "RSTOS0" : "OTH";
  }
  if (orig == State::kClosed && resp == State::kClosed) return "SF";
  if (orig == State::kClosed) return is_silent(resp) ? "SH" : "S2";
  if (resp == State::kClosed) return is_silent(orig) ? "SHR" : "S3";
  if (orig == State::kAsking && resp == State::kNone) return "S0";
  if (orig == State::kOpen && resp == State::kOpen) return "S1";
  return "OTH";
}

std::string continued_history(std::string_view first, std::string_view second) {
  constexpr std::size_t kMost = 1024;
  std::string all(first);
  std::array<std::size_t, 256> counts{};
  for (const char letter : without_turn(second)) {
    const std::size_t times = ++counts[static_cast<unsigned char>(letter)];
    const bool is_news =
        times > static_cast<std::size_t>(std::count(first.begin(), first.end(), letter));
    if (is_news && all.size() < kMost) all += letter;
  }
  return all;
}

FlowParts::Waiting FlowParts::sum(Waiting& earlier, Waiting& later, bool is_one_run) const {
  Flow& one = earlier.flow;
  Flow& two = later.flow;
  std::array<std::string, 2> histories;
  const auto turn_round = [&](Waiting& waiting, std::string& history) {
    turn(waiting.flow, history);
    std::swap(waiting.orig_rtt_sum, waiting.resp_rtt_sum);
  };
  const std::size_t letter = two.history.find_first_not_of('^');
  const bool is_answered = letter != std::string_view::npos &&
                           std::string_view("ADad").find(two.history[letter]) != std::string::npos;
  if (!is_one_run && one.history == "H" && is_answered) {
    // Who answers a lone SYN-ACK is the one who had asked.
    turn_round(earlier, histories[0]);
    histories[0] = "^h";
    one.history = histories[0];
  }
  // The converter knew better at the end; of pieces, at the beginning.
  if (is_turned(one, two)) turn_round(is_one_run ? earlier : later, histories[1]);
  Flow all = one;
  const std::uint64_t orig_rtt = earlier.orig_rtt_sum + later.orig_rtt_sum;
  const std::uint64_t resp_rtt = earlier.resp_rtt_sum + later.resp_rtt_sum;
  const bool is_over = !is_one_run && has_closed(one);
  all.ts = std::min(one.ts, two.ts);
  all.last_ts = std::max(one.last_ts, two.last_ts);
  std::optional<std::int64_t> end;
  if (one.duration || !is_one_run) end = counted_end(one);
  if ((two.duration || !is_one_run) && !is_over) end = most(end, {counted_end(two)});
  all.final = two.final;
  all.duration = std::nullopt;
  const bool is_whole = all.final && all.part == 0;
  if (end && (*end > all.ts.ns || !is_whole))
    all.duration = Duration{saturated_difference(*end, all.ts.ns)};
  const auto add_bytes = [](const Flow::MaybeCount& left, Flow::Count left_unique,
                            const Flow::MaybeCount& right, Flow::Count right_unique) {
    return *bytes(left, left_unique) + *bytes(right, right_unique);
  };
  all.orig_bytes =
      add_bytes(one.orig_bytes, one.orig_uniq_bytes, two.orig_bytes, two.orig_uniq_bytes);
  all.resp_bytes =
      add_bytes(one.resp_bytes, one.resp_uniq_bytes, two.resp_bytes, two.resp_uniq_bytes);
  for (const auto count : kCounts) all.*count = one.*count + two.*count;
  for (const auto time : kFirstTimes) all.*time = least(one.*time, two.*time);
  for (const auto time : kLastTimes) all.*time = most(one.*time, two.*time);
  all.orig_ttl = least(one.orig_ttl, two.orig_ttl);
  all.resp_ttl = least(one.resp_ttl, two.resp_ttl);
  if (two.orig_mss) all.orig_mss = two.orig_mss;
  if (two.resp_mss) all.resp_mss = two.resp_mss;
  add_times(one, two, is_one_run, all);
  add_rtts(two, all);
  const auto mean = [](std::uint64_t total, Flow::Count samples) -> std::optional<Duration> {
    if (samples == 0) return std::nullopt;
    return Duration{static_cast<std::int64_t>(total / samples)};
  };
  all.orig_rtt_avg = mean(orig_rtt, all.orig_rtt_samples);
  all.resp_rtt_avg = mean(resp_rtt, all.resp_rtt_samples);

  const std::string orig_flags = flags_of_both(one.orig_tcp_flags, two.orig_tcp_flags);
  const std::string resp_flags = flags_of_both(one.resp_tcp_flags, two.resp_tcp_flags);
  const std::string parents = list_of_both(one.tunnel_parents, two.tunnel_parents);
  const std::string history =
      is_one_run ? std::string(two.history) : continued_history(one.history, two.history);
  all.orig_tcp_flags = orig_flags;
  all.resp_tcp_flags = resp_flags;
  all.tunnel_parents = parents;
  all.history = history;
  for (const auto text : {&Flow::service, &Flow::host, &Flow::query, &Flow::closed_by,
                          &Flow::reset_by, &Flow::community_id}) {
    if ((all.*text).empty()) all.*text = two.*text;
  }
  all.conn_state = is_one_run ? two.conn_state : state_of(all);
  if (!is_over) all.end_reason = two.end_reason;
  if (is_whole && !all.duration) all.orig_bytes = all.resp_bytes = std::nullopt;

  Waiting result{AnyRecord(all)};
  result.flow = *result.record.as<Flow>();
  result.key = later.key;
  result.first_uid = std::move(earlier.first_uid);
  result.last_uid = std::move(later.last_uid);
  result.last_part = later.last_part;
  result.orig_rtt_sum = orig_rtt;
  result.resp_rtt_sum = resp_rtt;
  return result;
}

void FlowParts::keep(Waiting&& waiting) {
  // Other parts of the same run come for certain.
  const bool is_whole = waiting.flow.final && waiting.flow.part == 0;
  const std::int64_t until = is_whole ? deadline(waiting.flow) : kNever;
  if (until <= waiting.flow.ts.ns) {
    complete_(waiting.record);
    return;
  }
  if (waiting_.size() >= most_flows_) {
    ++evicted_;
    release(by_until_.begin()->second);
  }
  const Place place = waiting_.insert(waiting_.end(), std::move(waiting));
  by_key_.emplace(place->key, place);
  place->until = by_until_.emplace(until, place);
}

void FlowParts::release(Place place) {
  complete_(place->record);
  forget(place);
}

void FlowParts::forget(Place place) {
  auto [each, end] = by_key_.equal_range(place->key);
  while (each != end && each->second != place) ++each;
  by_key_.erase(each);
  by_until_.erase(place->until);
  waiting_.erase(place);
}

bool FlowParts::add(const AnyRecord& any) {
  const Flow* const given = typed_.get(any);
  if (given == nullptr) return false;
  while (!by_until_.empty() && by_until_.begin()->first <= given->ts.ns) {
    release(by_until_.begin()->second);
  }
  Waiting next(any);
  next.flow = *typed_.get(next.record);
  const Flow& flow = next.flow;
  next.key = key_of(flow);
  next.first_uid = next.last_uid = flow.uid;
  next.last_part = flow.part;
  next.orig_rtt_sum = rtt_sum(flow.orig_rtt_avg, flow.orig_rtt_samples);
  next.resp_rtt_sum = rtt_sum(flow.resp_rtt_avg, flow.resp_rtt_samples);

  while (join_one(next)) ++joined_;
  keep(std::move(next));
  return true;
}

// Adds one of those that wait to `next`, if there is one.
bool FlowParts::join_one(Waiting& next) {
  const Flow& flow = next.flow;
  std::optional<Place> best;
  std::optional<Place> ended;  // by a new connection of the same addresses
  const auto [begin, end] = by_key_.equal_range(next.key);
  for (auto each = begin; each != end; ++each) {
    const Place place = each->second;
    const Flow& other = place->flow;
    // Late packets make a part that is earlier than those before it.
    const bool is_next = place->last_uid == next.first_uid && place->last_part + 1 == flow.part;
    const bool is_before = next.last_uid == place->first_uid && next.last_part + 1 == other.part;
    if (is_next || is_before) {
      Waiting both = is_next ? sum(*place, next, true) : sum(next, *place, true);
      forget(place);
      next = std::move(both);
      return true;
    }
    const bool is_same_run = other.part > 0 && place->last_uid == next.first_uid;
    if (!other.final || flow.part > 0 || is_same_run) continue;
    std::optional<Place>& which = goes_on(other, flow) ? best : ended;
    if (!which || (*which)->flow.ts <= other.ts) which = place;
  }
  if (best) {
    Waiting both = sum(**best, next, false);
    forget(*best);
    next = std::move(both);
    return true;
  }
  if (ended && (*ended)->flow.part == 0) release(*ended);
  return false;
}

void FlowParts::finish() {
  while (!waiting_.empty()) release(waiting_.begin());
}

}  // namespace tracebraid::analyzers
