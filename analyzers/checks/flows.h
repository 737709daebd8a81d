// What checks of captures alone share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzers/checks/detector.h"
#include "formats/record/flow.h"

namespace tracebraid::analyzers::checks {

// 127.0.0.0/8, ::1.
[[nodiscard]] bool is_loopback(const formats::record::Address& host);

// "10.0.0.1", "2001:db8::1".
[[nodiscard]] std::string shown_host(const formats::record::Address& host);
// "10.0.0.2:9000".
[[nodiscard]] std::string shown_server(const formats::record::Flow& flow);

// One that looks at flows, and leaves out those ends that are sockets of a log: what became of them
// its calls tell, and the checks of those.
class FlowDetector : public Detector {
 public:
  using Detector::Detector;

  void socket(const SocketLife& life, const formats::record::Socket& socket) override;

 protected:
  // Asks for the sockets of a flow: those come behind it.
  void watch(const formats::record::Flow& flow) {
    if (watched_.size() < kMostKept) watched_.try_emplace(std::string(flow.uid));
  }
  // Whether an end (0: originator, 1: responder) of a watched flow is a socket of the log; in
  // finish().
  [[nodiscard]] bool is_traced(std::string_view uid, std::size_t side) const {
    const auto found = watched_.find(uid);
    return found != watched_.end() && found->second[side];
  }
  [[nodiscard]] bool is_traced(std::string_view uid) const {
    return is_traced(uid, 0) || is_traced(uid, 1);
  }

  static constexpr std::size_t kMostKept = 10'000;  // flows with something wrong, or servers

 private:
  std::map<std::string, std::array<bool, 2>, std::less<>> watched_;  // by uid; what is traced
};

// Flows of which the same is to be said.
struct FlowGroup {
  std::uint64_t flows = 0;
  std::int64_t first_ts = INT64_MAX, last_ts = INT64_MIN;
  std::string uid;  // of the first, or of what is shown
  void add(std::int64_t first, std::int64_t last, std::string_view flow_uid);
  // With times, number and uid.
  [[nodiscard]] Finding finding(Severity severity) const;
};

// Those of one server, or of many together, with who asked.
struct ServerFlows : FlowGroup {
  std::uint64_t servers = 0, syns = 0;
  std::string where;
  std::vector<std::string> clients;  // a few
  void add_client(const std::string& client);
  // "from 10.0.0.1, 10.0.0.3".
  [[nodiscard]] std::string shown_clients() const;
  // "10.0.0.2:9000", "40 servers (10.0.0.2:1, 10.0.0.2:2, …)".
  [[nodiscard]] std::string shown_servers() const;
};

// What to tell of: each server; when there are more than 8, as when ports are scanned, all at once.
[[nodiscard]] std::vector<ServerFlows> told_servers(std::map<std::string, ServerFlows>& by_server);

}  // namespace tracebraid::analyzers::checks
