// Any bytes as a profile, system calls with stacks, and symbols.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "analyzers/callgrind/attribution.h"
#include "analyzers/callgrind/call_graph.h"
#include "formats/io/output.h"
#include "formats/strace/stack.h"
#include "tests/fuzz/targets.h"

namespace tracebraid::tests {
namespace {

using analyzers::Attributed;
using analyzers::Attribution;
using analyzers::CallGraph;
using analyzers::Costs;
namespace record = formats::record;

class Bytes {
 public:
  explicit Bytes(std::span<const char> input) : input_(input) {}
  [[nodiscard]] bool empty() const { return at_ >= input_.size(); }
  std::uint64_t number(int size = 1) {
    std::uint64_t value = 0;
    for (int each = 0; each < size; ++each) {
      value = value << 8U | (empty() ? 0U : static_cast<unsigned char>(input_[at_++]));
    }
    return value;
  }
  std::string_view text(std::size_t most) {
    const std::size_t size = std::min<std::size_t>(number() % (most + 1), input_.size() - at_);
    const std::string_view taken(input_.data() + at_, size);
    at_ += size;
    return taken;
  }

 private:
  std::span<const char> input_;
  std::size_t at_ = 0;
};

constexpr std::string_view kNames[] = {"f",
                                       "g",
                                       "<lambda>",
                                       "<module>",
                                       "<built-in method posix.stat>",
                                       "<built-in method posix.read>",
                                       "<method 'recv' of '_socket.socket' objects>",
                                       "<method 'sendall' of '_socket.socket' objects>"};
constexpr std::string_view kSyscalls[] = {"newfstatat", "read", "recvfrom", "sendto", "futex"};

std::string_view file_of(std::string_view name) {
  return name.starts_with("<b") || name.starts_with("<meth") ? "~" : "/srv/a.py";
}

// What arrived at the root must be what was borne.
void check_roots(const std::string& profile, const Costs& totals) {
  std::istringstream lines(profile);
  std::string line;
  std::string root;
  bool is_root = false;
  std::map<std::size_t, std::uint64_t> sums;
  while (std::getline(lines, line)) {
    if (line.starts_with("fn=(")) {
      const std::string number = line.substr(0, line.find(')'));
      if (line.ends_with(") (root)")) root = number;
      is_root = number == root;
    } else if (line.find("cfn=(") == 0 && line.ends_with(") (root)")) {
      std::abort();
    }
    if (!line.starts_with("calls=")) continue;
    std::getline(lines, line);
    if (!is_root) continue;
    std::istringstream numbers(line);
    std::uint64_t value = 0;
    numbers >> value >> value;
    for (std::size_t at = 0; numbers >> value; ++at) sums[at] += value;
  }
  for (const auto& [at, sum] : sums) {
    if (sum != totals[at]) std::abort();
  }
}

}  // namespace

std::string fuzz_callgrind(std::span<const char> input) {
  Bytes bytes(input);
  CallGraph graph(analyzers::kCountedEvents);
  Attribution attribution;
  Costs given{};
  while (!bytes.empty()) {
    const auto pick = [&](const auto& names) { return names[bytes.number() % std::size(names)]; };
    switch (bytes.number() % 5) {
      case 0: {
        record::Function function;
        function.name = pick(kNames);
        function.file = file_of(function.name);
        function.calls = bytes.number(2);
        function.primitive_calls = bytes.number() % (*function.calls + 1);
        function.tottime = {static_cast<std::int64_t>(bytes.number(3))};
        function.cumtime = {static_cast<std::int64_t>(bytes.number(4))};
        graph.add(function);
        break;
      }
      case 1: {
        record::Call call;
        call.caller_name = pick(kNames);
        call.caller_file = file_of(call.caller_name);
        call.callee_name = pick(kNames);
        call.callee_file = file_of(call.callee_name);
        call.calls = bytes.number();
        if (const std::uint64_t ns = bytes.number(3); ns % 7 != 0) {
          call.cumtime = record::Duration{static_cast<std::int64_t>(ns)};
        }
        graph.add(call);
        break;
      }
      case 2: {
        record::Symbol symbol;
        symbol.pid = bytes.number() % 3;
        symbol.start = bytes.number();
        symbol.size = bytes.number();
        symbol.name = bytes.text(30);
        attribution.add(symbol);
        break;
      }
      default: {
        record::Syscall call;
        call.syscall = pick(kSyscalls);
        call.pid = bytes.number() % 3;
        call.tid = bytes.number() % 3;
        if (bytes.number() % 2 == 1) call.kind = "tcp";
        if (bytes.number() % 2 == 1) call.fd = 3;
        call.stack = bytes.text(200);
        Costs costs{};
        costs[analyzers::kSyscalls] = 1;
        costs[analyzers::kSysTime] = bytes.number(5);
        costs[analyzers::kReceived] = bytes.number(2);
        analyzers::add_costs(attribution.costs(attribution.cell(call, {})), costs);
        analyzers::add_costs(given, costs);
      }
    }
  }
  graph.seal();
  Costs found{};
  for (const Attributed& each : attribution.attribute(graph)) {
    analyzers::add_costs(found, each.costs);
    CallGraph::Index at = graph.node("(kernel)", 0, each.syscall, "kernel");
    graph.bear(at, each.costs);
    for (const CallGraph::Index caller : {each.callee, each.function}) {
      if (caller == CallGraph::kNone) continue;
      graph.link(caller, at, each.costs[analyzers::kSyscalls], each.costs);
      at = caller;
    }
    graph.share(at, each.costs);
  }
  found[analyzers::kEstimated] = 0;
  if (found != given) std::abort();
  std::string text;
  const auto output = formats::io::memory_output(text);
  formats::callgrind::Header header;
  header.creator = "fuzz 1";
  header.events = {{"Time", "t", ""}};
  for (std::size_t at = 0; at < analyzers::kMostCosts; ++at) {
    header.events.push_back({"E" + std::to_string(at), "e", ""});
  }
  const Costs totals = graph.write(*output, header, analyzers::kMostCosts);
  check_roots(text, totals);
  return text;
}

}  // namespace tracebraid::tests
