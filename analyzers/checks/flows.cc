#include "analyzers/checks/flows.h"

#include <algorithm>

#include <fmt/core.h>

#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/record/text.h"

namespace tracebraid::analyzers::checks {

namespace record = formats::record;

bool is_loopback(const record::Address& host) {
  if (host.size == 4) return host.bytes[0] == 127;
  return host.size == 16 && host.bytes[15] == 1 &&
         std::all_of(host.bytes.begin(), host.bytes.begin() + 15,
                     [](std::uint8_t byte) { return byte == 0; });
}

std::string shown_host(const record::Address& host) {
  std::string text(record::kValueRoom, ' ');
  text.resize(
      static_cast<std::size_t>(record::put_address(text.data(), host.view()) - text.data()));
  return text;
}

std::string shown_server(const record::Flow& flow) {
  return shown_end({flow.resp_h, flow.resp_p});
}

void FlowDetector::socket(const SocketLife& life, const record::Socket& socket) {
  const auto found = watched_.find(socket.uid);
  if (found != watched_.end()) found->second[life.side] = true;
}

void FlowGroup::add(std::int64_t first, std::int64_t last, std::string_view flow_uid) {
  ++flows;
  if (first < first_ts) uid = flow_uid;
  first_ts = std::min(first_ts, first);
  last_ts = std::max(last_ts, last);
}

Finding FlowGroup::finding(Severity severity) const {
  Finding finding;
  finding.severity = severity;
  finding.count = flows;
  finding.ts = first_ts;
  finding.last_ts = last_ts;
  finding.uid = uid;
  return finding;
}

void ServerFlows::add_client(const std::string& client) {
  constexpr std::size_t kMost = 4;
  if (clients.size() < kMost && std::ranges::find(clients, client) == clients.end()) {
    clients.push_back(client);
  }
}

std::string ServerFlows::shown_clients() const {
  constexpr std::size_t kShown = 3;
  std::string text = "from ";
  for (std::size_t at = 0; at < std::min(clients.size(), kShown); ++at) {
    if (at > 0) text += ", ";
    text += clients[at];
  }
  return clients.size() > kShown ? text + ", …" : text;
}

std::string ServerFlows::shown_servers() const {
  if (servers == 1) return where;
  return fmt::format("{} servers ({}{})", shown_count(servers), where, servers > 3 ? ", …" : "");
}

std::vector<ServerFlows> told_servers(std::map<std::string, ServerFlows>& by_server) {
  constexpr std::size_t kMostServers = 8;
  constexpr std::size_t kNamed = 3;
  std::vector<ServerFlows> told;
  for (auto& [where, group] : by_server) {
    group.servers = 1;
    group.where = where;
    if (by_server.size() <= kMostServers || told.empty()) {
      told.push_back(std::move(group));
      continue;
    }
    ServerFlows& all = told.front();
    all.flows += group.flows;
    all.syns += group.syns;
    if (++all.servers <= kNamed) all.where += ", " + where;
    if (group.first_ts < all.first_ts) {
      all.first_ts = group.first_ts;
      all.uid = group.uid;
    }
    all.last_ts = std::max(all.last_ts, group.last_ts);
    for (const std::string& client : group.clients) all.add_client(client);
  }
  return told;
}

}  // namespace tracebraid::analyzers::checks
