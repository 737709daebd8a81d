#include "analyzers/checks/dns_watch.h"

#include <algorithm>

#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "formats/io/digits.h"
#include "formats/record/dns.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::checks {
namespace {

namespace record = formats::record;

// "NOERROR 1, NXDOMAIN 3", as Flow::dns_rcodes has it.
void read_rcodes(std::string_view text, std::uint64_t (&into)[16]) {
  using record::kDnsRcodes;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(", "));
    text.remove_prefix(std::min(text.size(), one.size() + 2));
    const std::size_t space = one.find(' ');
    const auto* const name = std::ranges::find(kDnsRcodes, one.substr(0, space));
    if (space == std::string_view::npos || name == kDnsRcodes.end()) continue;
    into[name - kDnsRcodes.begin()] =
        formats::io::leading_number<std::uint64_t>(one.substr(space + 1)).value_or(0);
  }
}

}  // namespace

void DnsWatch::call(const CallEvent& event) {
  const auto& call = event.call;
  if (event.socket == nullptr || event.socket->kind != "udp" || !call.error.empty()) return;
  const bool is_connected = event.socket->peer.port == record::kDnsPort;
  if (!is_connected && call.peer_p != record::kDnsPort) return;
  HostPort to = event.socket->peer;
  if (!is_connected) to = {call.peer_h, record::kDnsPort};
  const std::string server = shown_end(to);
  for (const DnsMessage& message : dns_messages(call)) {
    LookUps& asker = look_ups_[{event.thread.lane, event.thread.tid, server}];
    if (!message.is_answer) {
      if (call.direction == "out") {
        look_up(server, asker.query(question_of(message, call.bytes.value_or(0))));
      }
      continue;
    }
    if (call.direction != "in") continue;
    asker.answer(message.rcode);
    answered(server, event, message);
  }
}

void DnsWatch::flow(const record::Flow& flow) {
  end_ts_ = std::max(end_ts_, flow.last_ts.ns);
  has_answers_ |= flow.resp_pkts > 0;
  if (flow.dns_queries == 0 || flows_.size() >= kMostKept) return;
  watch(flow);
  DnsFlow& one = flows_.emplace_back();
  one.client = shown_host(flow.orig_h);
  one.server = shown_server(flow);
  one.uid = flow.uid;
  one.name = flow.query;
  one.ts = flow.ts.ns;
  one.last_ts = flow.last_ts.ns;
  one.queries = flow.dns_queries;
  one.answers = flow.dns_answers;
  const std::uint64_t packets = flow.orig_pkts - flow.orig_dup_pkts;
  one.again = packets > one.queries ? packets - one.queries : 0;
  read_rcodes(flow.dns_rcodes, one.rcodes);
  if (flow.dns_longest) one.longest = flow.dns_longest->ns;
}

void DnsWatch::gone(Thread& thread) {
  auto at = look_ups_.lower_bound({thread.lane, thread.tid, std::string()});
  while (at != look_ups_.end() && std::get<0>(at->first) == thread.lane &&
         std::get<1>(at->first) == thread.tid) {
    look_up(std::get<2>(at->first), at->second.end());
    at = look_ups_.erase(at);
  }
}

void DnsWatch::finish() {
  for (auto& [key, asker] : look_ups_) look_up(std::get<2>(key), asker.end());
  look_ups_.clear();
  std::erase_if(flows_, [&](const DnsFlow& one) { return is_traced(one.uid, 0); });
  std::ranges::stable_sort(
      flows_, {}, [](const DnsFlow& one) { return std::tie(one.client, one.server, one.ts); });
  LookUps asker;
  const DnsFlow* before = nullptr;
  for (const DnsFlow& one : flows_) {
    const bool is_other =
        before != nullptr && (before->client != one.client || before->server != one.server);
    if (is_other) look_up(before->server, asker.end());
    look_up(one.server, asker.query(one.name, one.queries));
    if (one.rcodes[kNameError] > 0) asker.answer(kNameError, one.rcodes[kNameError]);
    if (one.rcodes[0] > 0) asker.answer(0, one.rcodes[0]);
    seen(one);
    before = &one;
  }
  if (before != nullptr) look_up(before->server, asker.end());
  tell();
}

}  // namespace tracebraid::analyzers::checks
