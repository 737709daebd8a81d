#include "analyzers/merge/flow_sum.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <range/v3/algorithm/contains.hpp>
#include <range/v3/iterator/operations.hpp>
#include <range/v3/range/conversion.hpp>
#include <range/v3/view/split.hpp>
#include <range/v3/view/transform.hpp>

#include "analyzers/merge/tcp_history.h"
#include "analyzers/util/shown.h"
#include "formats/io/digits.h"
#include "formats/io/saturate.h"
#include "formats/record/dns.h"

namespace tracebraid::analyzers {
namespace {

namespace record = formats::record;
using formats::io::saturated_difference;
using formats::io::saturated_sum;
using record::Duration;
using record::Flow;
using record::Time;

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
    std::pair{&Flow::orig_dup_pkts, &Flow::resp_dup_pkts},
    std::pair{&Flow::orig_probe_pkts, &Flow::resp_probe_pkts},
    std::pair{&Flow::orig_unacked_rexmit_pkts, &Flow::resp_unacked_rexmit_pkts},
    std::pair{&Flow::orig_rexmit_wait, &Flow::resp_rexmit_wait},
    std::pair{&Flow::orig_zero_win_time, &Flow::resp_zero_win_time},
};

constexpr Flow::Count Flow::*kCounts[] = {
    &Flow::missed_bytes,
    &Flow::orig_pkts,
    &Flow::orig_ip_bytes,
    &Flow::resp_pkts,
    &Flow::resp_ip_bytes,
    &Flow::orig_payload_bytes,
    &Flow::resp_payload_bytes,
    &Flow::orig_uniq_bytes,
    &Flow::resp_uniq_bytes,
    &Flow::orig_rtt_samples,
    &Flow::resp_rtt_samples,
    &Flow::orig_rexmit_pkts,
    &Flow::orig_rexmit_bytes,
    &Flow::resp_rexmit_pkts,
    &Flow::resp_rexmit_bytes,
    &Flow::orig_ooo_pkts,
    &Flow::resp_ooo_pkts,
    &Flow::orig_dupacks,
    &Flow::resp_dupacks,
    &Flow::orig_zero_win,
    &Flow::resp_zero_win,
    &Flow::truncated_pkts,
    &Flow::bad_csum_pkts,
    &Flow::dup_pkts,
    &Flow::fragment_pkts,
    &Flow::orig_dup_pkts,
    &Flow::resp_dup_pkts,
    &Flow::orig_probe_pkts,
    &Flow::resp_probe_pkts,
    &Flow::orig_unacked_rexmit_pkts,
    &Flow::resp_unacked_rexmit_pkts,
    &Flow::dns_queries,
    &Flow::dns_answers,
};

constexpr std::optional<Duration> Flow::*kLongest[] = {
    &Flow::orig_rexmit_wait, &Flow::resp_rexmit_wait, &Flow::orig_zero_win_time,
    &Flow::resp_zero_win_time, &Flow::dns_longest};

// "NOERROR 3, NXDOMAIN 1" of two parts, in the order of the codes.
std::string rcodes_of_both(std::string_view left, std::string_view right) {
  std::vector<std::pair<std::string_view, std::uint64_t>> sums;
  for (std::string_view rest : {left, right}) {
    while (!rest.empty()) {
      const std::string_view one = rest.substr(0, rest.find(", "));
      rest.remove_prefix(std::min(one.size() + 2, rest.size()));
      const std::size_t blank = one.rfind(' ');
      if (blank == std::string_view::npos) continue;
      const auto count =
          formats::io::whole_number<std::uint64_t>(one.substr(blank + 1)).value_or(0);
      const std::string_view name = one.substr(0, blank);
      const auto known = std::ranges::find(sums, name, &decltype(sums)::value_type::first);
      if (known == sums.end()) {
        sums.emplace_back(name, count);
      } else {
        known->second = saturated_sum(known->second, count);
      }
    }
  }
  std::ranges::stable_sort(sums, {}, [](const auto& sum) {
    return std::ranges::find(record::kDnsRcodes, sum.first) - record::kDnsRcodes.begin();
  });
  std::string text;
  for (const auto& [name, count] : sums) {
    if (!text.empty()) text += ", ";
    text.append(name).append(" ").append(std::to_string(count));
  }
  return text;
}

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

std::string flags_of_both(std::string_view left, std::string_view right) {
  std::string both;
  for (const char letter : std::string_view("CEUAPRSF")) {
    if (left.find(letter) != std::string_view::npos || right.find(letter) != std::string_view::npos)
      both += letter;
  }
  return both;
}

std::vector<std::string_view> words_of(std::string_view list) {
  return list | ranges::views::split(',') | ranges::views::transform([](auto&& word) {
           const auto size = static_cast<std::size_t>(ranges::distance(word));
           return size == 0 ? std::string_view() : std::string_view(&*ranges::begin(word), size);
         }) |
         ranges::to<std::vector>();
}

// Words of lists with commas between; those of `more` that are new behind.
std::string list_of_both(std::string_view list, std::string_view more) {
  std::vector<std::string_view> words = words_of(list);
  for (const std::string_view word : words_of(more)) {
    if (!word.empty() && !ranges::contains(words, word)) words.push_back(word);
  }
  return joined(words, ",");
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

FlowPart flow_part(const Flow& flow) {
  return {flow, rtt_sum(flow.orig_rtt_avg, flow.orig_rtt_samples),
          rtt_sum(flow.resp_rtt_avg, flow.resp_rtt_samples)};
}

bool has_closed(const Flow& flow) {
  return flow.end_reason == "closed" || flow.end_reason == "reset";
}

std::int64_t counted_end(const Flow& flow) {
  return saturated_sum(flow.ts.ns, flow.duration.value_or(Duration{}).ns);
}

FlowSum::FlowSum(FlowPart& earlier, FlowPart& later, bool is_one_run) : is_one_run_(is_one_run) {
  orient(earlier, later);
  const Flow& one = earlier.flow;
  const Flow& two = later.flow;
  orig_rtt_sum_ = earlier.orig_rtt_sum + later.orig_rtt_sum;
  resp_rtt_sum_ = earlier.resp_rtt_sum + later.resp_rtt_sum;
  all_ = one;
  add_numbers(one, two);
  add_end(one, two);
  add_times(one, two);
  add_rtts(two);
  add_texts(one, two);
  // As the converter has it: a single packet has no sizes.
  if (all_.final && all_.part == 0 && !all_.duration) {
    all_.orig_bytes = all_.resp_bytes = std::nullopt;
  }
}

void FlowSum::orient(FlowPart& earlier, FlowPart& later) {
  Flow& one = earlier.flow;
  const Flow& two = later.flow;
  const auto turn_round = [](FlowPart& part, std::string& history) {
    turn(part.flow, history);
    std::swap(part.orig_rtt_sum, part.resp_rtt_sum);
  };
  const std::size_t letter = two.history.find_first_not_of('^');
  const bool is_answered = letter != std::string_view::npos &&
                           std::string_view("ADad").find(two.history[letter]) != std::string::npos;
  if (!is_one_run_ && one.history == "H" && is_answered) {
    // Who answers a lone SYN-ACK is the one who had asked.
    turn_round(earlier, histories_[0]);
    histories_[0] = "^h";
    one.history = histories_[0];
  }
  // The converter knew better at the end; of pieces, at the beginning.
  if (is_turned(one, two)) turn_round(is_one_run_ ? earlier : later, histories_[1]);
}

void FlowSum::add_numbers(const Flow& one, const Flow& two) {
  const auto add_bytes = [](const Flow::MaybeCount& left, Flow::Count left_unique,
                            const Flow::MaybeCount& right, Flow::Count right_unique) {
    return left.value_or(left_unique) + right.value_or(right_unique);
  };
  all_.orig_bytes =
      add_bytes(one.orig_bytes, one.orig_uniq_bytes, two.orig_bytes, two.orig_uniq_bytes);
  all_.resp_bytes =
      add_bytes(one.resp_bytes, one.resp_uniq_bytes, two.resp_bytes, two.resp_uniq_bytes);
  for (const auto count : kCounts) all_.*count = one.*count + two.*count;
  all_.orig_ttl = least(one.orig_ttl, two.orig_ttl);
  all_.resp_ttl = least(one.resp_ttl, two.resp_ttl);
  if (two.orig_mss) all_.orig_mss = two.orig_mss;
  if (two.resp_mss) all_.resp_mss = two.resp_mss;
}

// When it began and ended, and how long it went on.
void FlowSum::add_end(const Flow& one, const Flow& two) {
  const bool is_over = !is_one_run_ && has_closed(one);
  all_.ts = std::min(one.ts, two.ts);
  all_.last_ts = std::max(one.last_ts, two.last_ts);
  for (const auto time : kFirstTimes) all_.*time = least(one.*time, two.*time);
  for (const auto time : kLastTimes) all_.*time = most(one.*time, two.*time);
  for (const auto longest : kLongest) all_.*longest = most(one.*longest, two.*longest);
  all_.final = two.final;
  if (!is_over) all_.end_reason = two.end_reason;
  // Parts of one run have a duration where they know of any packet that counts.
  std::optional<std::int64_t> end;
  if (one.duration || !is_one_run_) end = counted_end(one);
  if ((two.duration || !is_one_run_) && !is_over) end = most(end, {counted_end(two)});
  all_.duration = std::nullopt;
  const bool is_whole = all_.final && all_.part == 0;
  if (end && (*end > all_.ts.ns || !is_whole)) {
    all_.duration = Duration{saturated_difference(*end, all_.ts.ns)};
  }
}

// The handshake, the first answer: what depends on which part saw what.
void FlowSum::add_times(const Flow& earlier, const Flow& later) {
  const auto first_of = [&](std::optional<Time> Flow::*time) {
    if (is_one_run_) return later.*time ? later.*time : earlier.*time;
    return earlier.*time ? earlier.*time : later.*time;
  };
  // The last SYN before the SYN-ACK.
  all_.syn_ts = earlier.synack_ts || !later.syn_ts ? earlier.syn_ts : later.syn_ts;
  all_.synack_ts = first_of(&Flow::synack_ts);
  all_.handshake_ack_ts = first_of(&Flow::handshake_ack_ts);
  if (!is_one_run_ && earlier.synack_ts && !earlier.handshake_ack_ts && !later.handshake_ack_ts) {
    const std::size_t first = later.history.find_first_of("SHADFR");
    if (first != std::string_view::npos && later.history.find_first_of("AD") == first) {
      all_.handshake_ack_ts = later.orig_first_ts;
    }
  }
  all_.synack_rtt = between(all_.syn_ts, all_.synack_ts);
  all_.ack_rtt = between(all_.synack_ts, all_.handshake_ack_ts);
  all_.handshake_rtt = between(all_.syn_ts, all_.handshake_ack_ts);

  if (!earlier.resp_first_data && later.resp_first_data) {
    all_.response_latency = later.response_latency;
    if (!all_.response_latency && earlier.orig_last_data) {
      const std::int64_t took =
          saturated_difference(later.resp_first_data->ns, earlier.orig_last_data->ns);
      all_.response_latency = Duration{std::max<std::int64_t>(took, 0)};
    }
  }
  all_.max_idle = most(earlier.max_idle, later.max_idle);
  if (later.ts >= earlier.last_ts) {
    all_.max_idle =
        most(all_.max_idle, {Duration{saturated_difference(later.ts.ns, earlier.last_ts.ns)}});
  }
}

void FlowSum::add_rtts(const Flow& two) {
  all_.orig_rtt_min = least(all_.orig_rtt_min, two.orig_rtt_min);
  all_.resp_rtt_min = least(all_.resp_rtt_min, two.resp_rtt_min);
  all_.orig_rtt_max = most(all_.orig_rtt_max, two.orig_rtt_max);
  all_.resp_rtt_max = most(all_.resp_rtt_max, two.resp_rtt_max);
  const auto mean = [](std::uint64_t total, Flow::Count samples) -> std::optional<Duration> {
    if (samples == 0) return std::nullopt;
    return Duration{static_cast<std::int64_t>(total / samples)};
  };
  all_.orig_rtt_avg = mean(orig_rtt_sum_, all_.orig_rtt_samples);
  all_.resp_rtt_avg = mean(resp_rtt_sum_, all_.resp_rtt_samples);
}

void FlowSum::add_texts(const Flow& one, const Flow& two) {
  rcodes_ = rcodes_of_both(one.dns_rcodes, two.dns_rcodes);
  all_.dns_rcodes = rcodes_;
  orig_flags_ = flags_of_both(one.orig_tcp_flags, two.orig_tcp_flags);
  resp_flags_ = flags_of_both(one.resp_tcp_flags, two.resp_tcp_flags);
  parents_ = list_of_both(one.tunnel_parents, two.tunnel_parents);
  history_ = is_one_run_ ? std::string(two.history) : continued_history(one.history, two.history);
  all_.orig_tcp_flags = orig_flags_;
  all_.resp_tcp_flags = resp_flags_;
  all_.tunnel_parents = parents_;
  all_.history = history_;
  for (const auto text : {&Flow::service, &Flow::host, &Flow::query, &Flow::closed_by,
                          &Flow::reset_by, &Flow::community_id}) {
    if ((all_.*text).empty()) all_.*text = two.*text;
  }
  all_.conn_state = is_one_run_ ? two.conn_state : state_of(all_);
}

}  // namespace tracebraid::analyzers
