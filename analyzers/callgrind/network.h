// Costs of system calls on sockets, by whom they talked with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "analyzers/callgrind/attribution.h"
#include "analyzers/callgrind/call_graph.h"

namespace tracebraid::analyzers {

// What the system calls on sockets were about: a node for every server and its clients, and below
// it one for each of the heaviest connections.
class Network {
 public:
  // Where viewers find the nodes.
  static constexpr std::string_view kFile = "(network)", kObject = "network";

  // So many connections have a node of their own; 0: all.
  explicit Network(std::size_t most_connections) : most_(most_connections) {}

  // One socket, with the costs of its calls by name.
  using ByCall = std::vector<std::pair<std::uint32_t, Costs>>;
  void add(const std::string& endpoint, const std::string& connection, const ByCall& by_call) {
    Costs sum{};
    for (const auto& [call, costs] : by_call) {
      add_costs(by_call_[{endpoint, call}], costs);
      add_costs(sum, costs);
    }
    if (connection.empty()) {
      add_costs(endpoints_[endpoint].own, sum);
    } else {
      endpoints_[endpoint].connections.push_back({connection, sum});
    }
  }

  // `kernel(call)` is the node of a call's name.
  template <typename Kernel>
  void write(CallGraph& graph, Kernel kernel) {
    keep_heaviest();
    for (auto& [name, endpoint] : endpoints_) {
      const CallGraph::Index node = graph.node(kFile, 0, name, kObject);
      graph.bear(node, endpoint.own);
      for (const Connection& connection : endpoint.connections) {
        const CallGraph::Index below = graph.node(kFile, 0, connection.name, kObject);
        graph.bear(below, connection.costs);
        graph.link(node, below, connection.costs[kSyscalls], connection.costs);
      }
    }
    for (const auto& [place, costs] : by_call_) {
      graph.link(kernel(place.second), graph.node(kFile, 0, place.first, kObject), costs[kSyscalls],
                 costs);
    }
  }

 private:
  struct Connection {
    std::string name;
    Costs costs;
    // Those that waited come first, then those that took time, then those that moved much.
    [[nodiscard]] auto weight() const {
      return std::tuple(costs[kWait], costs[kSysTime], costs[kSent] + costs[kReceived]);
    }
  };
  struct Endpoint {
    Costs own{};
    std::vector<Connection> connections;
  };

  void keep_heaviest() {
    std::size_t count = 0;
    for (const auto& [name, endpoint] : endpoints_) count += endpoint.connections.size();
    if (most_ == 0 || count <= most_) return;
    using Weight = decltype(Connection().weight());
    std::vector<Weight> weights;
    weights.reserve(count);
    for (const auto& [name, endpoint] : endpoints_) {
      for (const Connection& each : endpoint.connections) weights.push_back(each.weight());
    }
    std::ranges::nth_element(weights, weights.begin() + static_cast<std::ptrdiff_t>(most_ - 1),
                             std::greater<>());
    const Weight least = weights[most_ - 1];
    for (auto& [name, endpoint] : endpoints_) {
      Connection rest{{}, {}};
      std::uint64_t others = 0;
      std::erase_if(endpoint.connections, [&](const Connection& each) {
        if (each.weight() >= least) return false;
        add_costs(rest.costs, each.costs);
        ++others;
        return true;
      });
      if (others == 0) continue;
      rest.name = std::to_string(others) + " more: " + name;
      endpoint.connections.push_back(std::move(rest));
    }
  }

  std::size_t most_;
  std::map<std::string, Endpoint> endpoints_;
  std::map<std::pair<std::string, std::uint32_t>, Costs> by_call_;
};

}  // namespace tracebraid::analyzers
