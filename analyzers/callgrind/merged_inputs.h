// What the inputs of `tracebraid callgrind` tell together: whose costs a system call is, and what
// the program talked with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/callgrind/attribution.h"
#include "analyzers/callgrind/call_graph.h"
#include "analyzers/callgrind/network.h"
#include "analyzers/input/by_type.h"
#include "analyzers/sockets/table.h"
#include "formats/io/hash.h"
#include "formats/record/call.h"
#include "formats/record/flow.h"
#include "formats/record/function.h"
#include "formats/record/switch.h"
#include "formats/record/symbol.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers {

// The node of a system call's name.
[[nodiscard]] inline CallGraph::Index kernel_node(CallGraph& graph, std::string_view syscall) {
  return graph.node("(kernel)", 0, syscall, "kernel");
}

class MergedInputs final
    : public ByType<MergedInputs, formats::record::Syscall, formats::record::Call,
                    formats::record::Function, formats::record::Segment, formats::record::File,
                    formats::record::Flow, formats::record::Process, formats::record::Symbol,
                    formats::record::Switch>,
      public SocketSink {
 public:
  MergedInputs(Attribution& attribution, CallGraph& graph, Network& network, bool by_greenlet);
  ~MergedInputs() override;
  void set_most_flows(std::size_t most) { table_.set_most_flows(most); }
  [[nodiscard]] const SocketTable& table() const { return table_; }

  // RecordVisitor
  void begin(const InputKinds& kinds) override { table_.begin(kinds); }
  void enter(std::size_t lane) override { lane_ = lane; }
  void expect(const formats::record::AnyRecord& any, Distance distance) override {
    table_.expect(any, lane_, distance);
  }
  void on(const formats::record::Syscall& call);
  void on(const formats::record::Call& call) { graph_.add(call); }
  void on(const formats::record::Function& function) {
    graph_.add(function);
    if (function.name == "<module>") attribution_.add_module_file(function.file);
  }
  void on(const formats::record::Segment& segment) {
    has_capture_ = true;
    table_.segment(segment);
  }
  void on(const formats::record::File& file) { table_.file(file, lane_); }
  void on(const formats::record::Flow& flow);
  void on(const formats::record::Process& process) { attribution_.add(process); }
  void on(const formats::record::Symbol& symbol) { attribution_.add(symbol); }
  void on(const formats::record::Switch& change) {
    has_switches_ = true;
    greenlets_[change.tid].assign(change.greenlet);
  }

  // SocketSink
  void waited(const SocketLife& life, std::int64_t arrived_ts, std::int64_t read_ts) override;
  void socket(const SocketLife& life, const formats::record::Socket& socket) override;

  // There are no more.
  void finish();

  // The node of a call's name, by its number.
  [[nodiscard]] CallGraph::Index kernel(std::uint32_t call) {
    return kernel_node(graph_, call_names_[call]);
  }
  // Costs of calls that were about no socket, by the number of the call's name.
  [[nodiscard]] const std::vector<Costs>& plain_costs() const { return plain_; }
  [[nodiscard]] bool has_capture() const { return has_capture_; }
  [[nodiscard]] bool has_switches() const { return has_switches_; }
  [[nodiscard]] std::uint64_t calls() const { return calls_seen_; }
  [[nodiscard]] std::uint64_t not_returned() const { return not_returned_; }
  // Retransmissions of flows that are no socket of the logs.
  [[nodiscard]] std::uint64_t foreign_rexmit_pkts() const { return rexmit_pkts_; }

 private:
  static constexpr Attribution::Cell kNoCell = UINT32_MAX;
  // The calls on a socket.
  struct Talk {
    struct Last {
      Attribution::Cell cell = kNoCell;
      std::uint32_t call = 0;
    };
    Network::ByCall by_call;
    std::unordered_map<std::uint32_t, std::size_t, formats::io::NumberHash>
        places;  // of those behind the first few
    Last last, last_in, last_out;
  };

  [[nodiscard]] std::uint32_t call_number(std::string_view name);
  static Costs& costs_of(Talk& talk, std::uint32_t call);
  static void note(Talk& talk, const Talk::Last& last, bool is_in, bool is_out);
  [[nodiscard]] std::string endpoint_of(const SocketLife& life) const;

  Attribution& attribution_;
  CallGraph& graph_;
  Network& network_;
  bool by_greenlet_;
  SocketTable table_;
  std::size_t lane_ = 0;
  std::unordered_map<std::uint64_t, std::string, formats::io::NumberHash>
      greenlets_;  // that run, by thread
  std::unordered_map<FileKey, Talk, FileKey::Hash> talks_;
  std::unordered_map<std::string, std::uint64_t, formats::io::TextHash>
      names_;  // of connections, given so often
  std::map<std::pair<std::string, std::uint64_t>, std::string> services_;
  std::deque<std::string> call_names_;
  std::unordered_map<std::string_view, std::uint32_t, formats::io::TextHash> call_numbers_;
  std::vector<Costs> plain_;
  std::uint64_t calls_seen_ = 0, not_returned_ = 0, rexmit_pkts_ = 0;
  bool has_capture_ = false, has_switches_ = false;
};

}  // namespace tracebraid::analyzers
