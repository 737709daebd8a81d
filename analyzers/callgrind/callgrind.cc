// `tracebraid callgrind`: a profile with the system calls and flows that its functions caused.
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "analyzers/callgrind/attribution.h"
#include "analyzers/callgrind/call_graph.h"
#include "analyzers/callgrind/network.h"
#include "analyzers/input/by_type.h"
#include "analyzers/input/inputs.h"
#include "analyzers/sockets/table.h"
#include "formats/cli/clock_options.h"
#include "formats/cli/record_output.h"
#include "formats/flame/folded.h"
#include "formats/flame/speedscope.h"
#include "formats/io/error.h"
#include "formats/io/output.h"
#include "formats/io/text.h"
#include "formats/record/attribution.h"
#include "formats/record/switch.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using cli::Argument;
using record::AnyRecord;

constexpr std::string_view kKernel = "kernel";
constexpr std::string_view kKernelFile = "(kernel)";
constexpr std::string_view kGreenlets = "greenlets";
constexpr std::string_view kGreenletsFile = "(greenlets)";
constexpr std::string_view kUnattributed = "<unattributed>";
constexpr std::size_t kDefaultConnections = 1000;

struct EventName {
  std::string_view name, long_name;
};

// In the order of Event.
constexpr EventName kEvents[kMostCosts] = {
    {"Syscalls", "System calls"},
    {"SysTime", "Nanoseconds in system calls"},
    {"Errors", "Failed system calls"},
    {"Sent", "Bytes sent or written"},
    {"Received", "Bytes received or read"},
    {"Estimated", "System calls found by numbers of calls"},
    {"Wait", "Nanoseconds that received bytes lay in the kernel"},
    {"Retrans", "Segments sent again"},
};

// strace's own tables have the calls that returned.
bool has_returned(const record::Syscall& call) {
  return call.state == "complete" || call.state == "restarted" || call.state == "orphan";
}

std::uint64_t positive(std::int64_t ns) {
  return ns > 0 ? static_cast<std::uint64_t>(ns) : 0;
}

// What all inputs tell.
class Merge final
    : public ByType<Merge, record::Syscall, record::Call, record::Function, record::Segment,
                    record::File, record::Flow, record::Process, record::Symbol, record::Switch>,
      public SocketSink {
 public:
  Merge(Attribution& attribution, CallGraph& graph, Network& network, bool by_greenlet)
      : attribution_(attribution),
        graph_(graph),
        network_(network),
        by_greenlet_(by_greenlet),
        table_(*this) {}

  // RecordVisitor
  void begin(const InputKinds& kinds) override {
    table_.expect_flows(kinds.may_give<record::Flow>());
  }
  void enter(std::size_t lane) override { lane_ = lane; }
  void expect(const AnyRecord& any, Distance distance) override {
    table_.expect(any, lane_, distance);
  }
  void on(const record::Syscall& call);
  void on(const record::Call& call) { graph_.add(call); }
  void on(const record::Function& function) {
    graph_.add(function);
    if (function.name == "<module>") attribution_.add_module_file(function.file);
  }
  void on(const record::Segment& segment) {
    has_capture_ = true;
    table_.segment(segment);
  }
  void on(const record::File& file) { table_.file(file, lane_); }
  void on(const record::Flow& flow) {
    has_capture_ = true;
    rexmit_pkts_ += flow.orig_rexmit_pkts + flow.resp_rexmit_pkts;
    if (!flow.service.empty()) {
      services_[{std::string(flow.proto), flow.resp_p}] = flow.service;
    }
    table_.flow(flow);
  }
  void on(const record::Process& process) { attribution_.add(process); }
  void on(const record::Symbol& symbol) { attribution_.add(symbol); }
  void on(const record::Switch& change) {
    has_switches_ = true;
    greenlets_[change.tid].assign(change.greenlet);
  }

  // SocketSink
  void waited(const SocketLife& life, std::int64_t arrived_ts, std::int64_t read_ts) override {
    const std::uint64_t ns = positive(read_ts - arrived_ts);
    const auto talk = talks_.find(life.key());
    if (talk == talks_.end()) return;
    const Talk::Last& last = talk->second.last_in;
    if (last.cell == kNoCell) return;
    attribution_.costs(last.cell)[kWait] += ns;
    costs_of(talk->second, last.call)[kWait] += ns;
  }
  void socket(const SocketLife& life, const record::Socket& socket) override {
    (void)socket;
    const auto found = talks_.find(life.key());
    const std::uint64_t rexmit_pkts = life.wire ? life.wire->rexmit_pkts[life.side] : 0;
    if (found == talks_.end()) return;
    Talk& talk = found->second;
    const Talk::Last& sender = talk.last_out.cell != kNoCell ? talk.last_out : talk.last;
    if (rexmit_pkts > 0 && sender.cell != kNoCell) {
      attribution_.costs(sender.cell)[kRetrans] += rexmit_pkts;
      costs_of(talk, sender.call)[kRetrans] += rexmit_pkts;
      rexmit_pkts_ -= std::min(rexmit_pkts_, rexmit_pkts);
    }
    const bool is_connection =
        (life.kind == "tcp" || life.kind == "udp") && !life.is_listener && life.peer.port;
    std::string name;
    if (is_connection) {
      name = life.shown();
      if (life.wire) name.append(" ").append(life.wire->uid);
      if (const std::uint64_t before = names_[name]++; before > 0) {
        name.append(" #").append(std::to_string(before + 1));
      }
    }
    network_.add(endpoint_of(life), name, talk.by_call);
    talks_.erase(found);
  }

  void finish() {
    table_.finish();
    for (const auto& [place, talk] : talks_) network_.add("other sockets", "", talk.by_call);
    talks_.clear();
  }

  [[nodiscard]] CallGraph::Index kernel(std::uint32_t call) {
    return graph_.node(kKernelFile, 0, call_names_[call], kKernel);
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
    Last last, last_in, last_out;
  };

  std::uint32_t call_number(std::string_view name) {
    const auto found = call_numbers_.find(name);
    if (found != call_numbers_.end()) return found->second;
    call_names_.emplace_back(name);
    const auto number = static_cast<std::uint32_t>(call_names_.size() - 1);
    call_numbers_.emplace(call_names_.back(), number);
    plain_.emplace_back();
    return number;
  }

  static Costs& costs_of(Talk& talk, std::uint32_t call) {
    for (auto& [known, costs] : talk.by_call) {
      if (known == call) return costs;
    }
    return talk.by_call.emplace_back(call, Costs{}).second;
  }

  static void note(Talk& talk, const Talk::Last& last, bool is_in, bool is_out) {
    talk.last = last;
    if (is_in) talk.last_in = last;
    if (is_out) talk.last_out = last;
  }

  // "server 10.0.0.3:5432 (postgresql)", "clients of 127.0.0.1:8080 (http)".
  std::string endpoint_of(const SocketLife& life) {
    if (life.is_listener || (life.kind != "tcp" && life.kind != "udp")) return life.shown();
    const bool is_accepted = life.listener.has_value() || life.made_by.starts_with("accept") ||
                             (life.wire && life.side == 1 && life.kind == "tcp");
    const bool is_connecting = life.connect_ts.has_value() || (life.wire && life.side == 0);
    std::string name = is_accepted       ? "clients of "
                       : !life.peer.port ? std::string(life.kind) + " "
                       : is_connecting   ? "server "
                                         : "peer ";
    const HostPort& end = is_accepted || !life.peer.port ? life.local : life.peer;
    append_shown(name, end);
    if (end.port) {
      const auto service = services_.find({std::string(life.kind), *end.port});
      if (service != services_.end()) name.append(" (").append(service->second).append(")");
    }
    return name;
  }

  Attribution& attribution_;
  CallGraph& graph_;
  Network& network_;
  bool by_greenlet_;
  SocketTable table_;
  std::size_t lane_ = 0;
  std::unordered_map<std::uint64_t, std::string> greenlets_;  // that run, by thread
  std::unordered_map<FileKey, Talk, FileKey::Hash> talks_;
  std::unordered_map<std::string, std::uint64_t> names_;  // of connections, given so often
  std::map<std::pair<std::string, std::uint64_t>, std::string> services_;
  std::deque<std::string> call_names_;
  std::unordered_map<std::string_view, std::uint32_t> call_numbers_;
  std::vector<Costs> plain_;
  std::uint64_t calls_seen_ = 0, not_returned_ = 0, rexmit_pkts_ = 0;
  bool has_capture_ = false, has_switches_ = false;
};

void Merge::on(const record::Syscall& call) {
  if (!has_returned(call)) {
    ++not_returned_;
    (void)table_.syscall(call, lane_);
    return;
  }
  ++calls_seen_;
  std::string_view greenlet;
  if (by_greenlet_ && call.tid) {
    const auto runs = greenlets_.find(*call.tid);
    if (runs != greenlets_.end()) greenlet = runs->second;
  }
  const Attribution::Cell cell = attribution_.cell(call, greenlet);
  const std::uint32_t number = call_number(call.syscall);
  Costs costs{};
  costs[kSyscalls] = 1;
  if (call.duration) costs[kSysTime] = positive(call.duration->ns);
  if (!call.error.empty()) costs[kErrors] = 1;
  const bool is_out = call.direction == "out" || call.direction == "both";
  const bool is_in = call.direction == "in" || call.direction == "both";
  if (call.bytes && is_out) costs[kSent] = *call.bytes;
  if (call.bytes && is_in) costs[kReceived] = *call.bytes;
  add_costs(attribution_.costs(cell), costs);

  // While the table looks at the call, it may tell of bytes that waited for it.
  Talk* talk = nullptr;
  if (call.file) {
    if (const SocketLife* const life = table_.find({lane_, *call.file})) {
      talk = &talks_[life->key()];
      note(*talk, {cell, number}, is_in, is_out);
    }
  }
  const SocketLife* const life = table_.syscall(call, lane_);
  if (talk == nullptr && life != nullptr && call.file == life->file) {
    talk = &talks_[life->key()];
    note(*talk, {cell, number}, is_in, is_out);
  }
  add_costs(talk == nullptr ? plain_[number] : costs_of(*talk, number), costs);
}

std::string attribution_line(const Attribution::Summary& summary) {
  const auto& by = summary.by_evidence;
  const auto count = [&](Evidence evidence) {
    return std::to_string(by[static_cast<std::size_t>(evidence)]);
  };
  return count(Evidence::kStack) + " system calls by stack, " + count(Evidence::kMethod) +
         " by built-in function, " + count(Evidence::kCount) + " estimated by numbers of calls, " +
         count(Evidence::kNone) + " not attributed";
}

// Puts what was found into the graph, and writes it.
class Profile {
 public:
  Profile(CallGraph& graph, Merge& merge, Network& network)
      : graph_(graph), merge_(merge), network_(network) {}

  void link(const std::vector<Attributed>& found, bool by_greenlet) {
    std::map<std::string_view, std::uint64_t> estimated;
    for (const Attributed& each : found) {
      link(each, by_greenlet);
      estimated[each.syscall] += each.costs[kEstimated];
    }
    // Of a call on a socket it is not known whether it was found by count: that is borne by the
    // name of the call.
    for (const auto& [name, calls] : estimated) {
      Costs costs{};
      costs[kEstimated] = calls;
      graph_.bear(kernel(name), costs);
    }
    const std::vector<Costs>& plain = merge_.plain_costs();
    for (std::uint32_t call = 0; call < plain.size(); ++call) {
      graph_.bear(merge_.kernel(call), plain[call]);
    }
    network_.write(graph_, [&](std::uint32_t call) { return merge_.kernel(call); });
    if (merge_.foreign_rexmit_pkts() > 0) {
      Costs costs{};
      costs[kRetrans] = merge_.foreign_rexmit_pkts();
      const CallGraph::Index flows =
          graph_.node(Network::kFile, 0, "flows without a socket", Network::kObject);
      graph_.bear(flows, costs);
      graph_.link(unattributed(), flows, 0, costs);
      graph_.link(graph_.root(), unattributed(), 0, costs);
    }
  }

 private:
  CallGraph::Index kernel(std::string_view syscall) {
    return graph_.node(kKernelFile, 0, syscall, kKernel);
  }
  CallGraph::Index unattributed() { return graph_.node("(unknown)", 0, kUnattributed, "unknown"); }

  void link(const Attributed& each, bool by_greenlet) {
    const std::uint64_t calls = each.costs[kSyscalls];
    CallGraph::Index at = kernel(each.syscall);
    const auto call_from = [&](CallGraph::Index caller) {
      graph_.link(caller, at, calls, each.costs);
      at = caller;
    };
    if (each.callee != CallGraph::kNone) call_from(each.callee);
    if (each.function != CallGraph::kNone) call_from(each.function);
    if (each.evidence == Evidence::kNone) call_from(unattributed());
    if (by_greenlet && !each.greenlet.empty()) {
      call_from(
          graph_.node(kGreenletsFile, 0, "greenlet " + std::string(each.greenlet), kGreenlets));
      call_from(graph_.root());
    } else if (each.evidence == Evidence::kNone || !each.is_seen) {
      call_from(graph_.root());
    } else {
      graph_.share(at, each.costs);
    }
  }

  CallGraph& graph_;
  Merge& merge_;
  Network& network_;
};

void write_records(const std::vector<Attributed>& found, const CallGraph& graph, bool by_greenlet,
                   bool has_capture, const cli::RecordRequest& request) {
  constexpr const record::TypeInfo* kTypes[] = {&record::kTypeInfo<record::Attribution>};
  constexpr std::string_view kColumns[] = {"calls", "errors",  "time",     "sent", "received",
                                           "wait",  "syscall", "evidence", "name", "builtin"};
  struct Row {
    const Attributed* of;
    Costs costs;
  };
  using Key =
      std::tuple<std::string_view, std::string_view, Evidence, CallGraph::Index, CallGraph::Index>;
  std::map<Key, Row> rows;
  for (const Attributed& each : found) {
    Row& row = rows.try_emplace({by_greenlet ? each.greenlet : std::string_view(), each.syscall,
                                 each.evidence, each.function, each.callee},
                                Row{&each, {}})
                   .first->second;
    add_costs(row.costs, each.costs);
  }
  std::vector<const Row*> order;
  for (const auto& [key, row] : rows) order.push_back(&row);
  std::ranges::stable_sort(order, [](const Row* left, const Row* right) {
    return left->costs[kSysTime] != right->costs[kSysTime]
               ? left->costs[kSysTime] > right->costs[kSysTime]
               : left->costs[kSyscalls] > right->costs[kSyscalls];
  });
  cli::RecordOutput output(request, "tracebraid callgrind", kTypes, kColumns);
  for (const Row* const row : order) {
    const Attributed& of = *row->of;
    record::Attribution record;
    record.evidence = kEvidenceNames[static_cast<std::size_t>(of.evidence)];
    if (of.function != CallGraph::kNone) {
      record.name = graph.name_of(of.function);
      record.file = graph.file_of(of.function);
      if (graph.line_of(of.function) > 0) record.line = graph.line_of(of.function);
    }
    if (of.callee != CallGraph::kNone) record.builtin = graph.name_of(of.callee);
    record.syscall = of.syscall;
    if (by_greenlet) record.greenlet = of.greenlet;
    record.calls = row->costs[kSyscalls];
    record.errors = row->costs[kErrors];
    record.time = {static_cast<std::int64_t>(row->costs[kSysTime])};
    record.sent = row->costs[kSent];
    record.received = row->costs[kReceived];
    if (has_capture) {
      record.wait = record::Duration{static_cast<std::int64_t>(row->costs[kWait])};
      record.rexmit_pkts = row->costs[kRetrans];
    }
    output.writer().write(record);
  }
  output.finish();
}

void write_callgrind(CallGraph& graph, const Attribution& attribution, const Merge& merge,
                     const std::string& command, io::Output& output) {
  formats::callgrind::Header header;
  header.creator = "tracebraid " + std::string(cli::version());
  header.command = command;
  if (merge.calls() > 0) {
    header.descriptions.push_back("Attribution: " + attribution_line(attribution.summary()));
    header.descriptions.emplace_back(
        "Estimated: what a function's callers have of its costs, but Time, where it has several");
  }
  header.events.push_back({"Time", "Nanoseconds in Python, as cProfile measured them", ""});
  const std::size_t count = merge.calls() == 0 ? 0 : merge.has_capture() ? kMostCosts : kWait;
  for (std::size_t at = 0; at < count; ++at) {
    header.events.push_back(
        {std::string(kEvents[at].name), std::string(kEvents[at].long_name), ""});
  }
  if (count > 0) header.events.push_back({"Bytes", "Bytes moved", "Sent + Received"});
  (void)graph.write(output, header, count);
}

// Stacks as strace -k printed them, with the Python function that the perf map names.
template <typename Take>
void each_stack(Attribution& attribution, std::size_t event, Take take) {
  attribution.each_stack([&](const Attribution::KnownStack& stack) {
    if (stack.costs[event] > 0) take(stack, stack.costs[event]);
  });
}

std::size_t event_option(const cli::Arguments& arguments) {
  const std::string name = arguments.value("event").value_or("SysTime");
  for (std::size_t at = 0; at < kMostCosts; ++at) {
    if (kEvents[at].name == name) return at;
  }
  std::string all;
  for (const EventName& event : kEvents) {
    all.append(all.empty() ? "" : ", ").append(event.name);
  }
  throw io::UsageError{"--event: no such event: " + io::quoted(name), all};
}

void write_stacks(Attribution& attribution, bool is_folded, std::size_t event,
                  const std::string& name, io::Output& output, cli::Context& context) {
  std::string text;
  const bool is_time = event == kSysTime || event == kWait;
  const bool is_bytes = event == kSent || event == kReceived;
  formats::flame::Speedscope speedscope(is_time ? "nanoseconds" : is_bytes ? "bytes" : "none");
  std::uint64_t stacks = 0;
  each_stack(attribution, event, [&](const Attribution::KnownStack& stack, std::uint64_t weight) {
    ++stacks;
    if (is_folded) {
      formats::flame::append_folded(text, stack.frames, weight);
    } else {
      speedscope.add(stack.pid == 0 ? "all" : "process " + std::to_string(stack.pid), stack.frames,
                     weight);
    }
  });
  if (is_folded) {
    output.write(text);
  } else {
    speedscope.write(output, name, "tracebraid " + std::string(cli::version()));
  }
  output.commit();
  if (stacks == 0) {
    context.diagnostics.note(
        "no stacks in the logs (strace -k records them): call graphs alone do not tell which calls "
        "led to which, and stacks made of them would be invented");
  }
}

void tell(const Attribution& attribution, const CallGraph& graph, const Merge& merge,
          cli::Context& context) {
  const Attribution::Summary& summary = attribution.summary();
  if (!graph.has_profile()) context.diagnostics.note("no profile among the inputs");
  if (merge.calls() == 0) {
    context.diagnostics.note("no system calls in the inputs: time only");
    return;
  }
  std::string line = attribution_line(summary);
  std::string reasons;
  const auto reason = [&](std::uint64_t calls, std::string_view text) {
    if (calls == 0) return;
    reasons.append(reasons.empty() ? " (" : ", ").append(std::to_string(calls)).append(text);
  };
  reason(summary.unseen, " of threads that the profiler did not see");
  reason(summary.outside, " before the profiler began or after it ended");
  if (!reasons.empty()) line.append(reasons).append(")");
  if (merge.not_returned() > 0) {
    line.append("; ").append(std::to_string(merge.not_returned()));
    line.append(" that did not return are left out");
  }
  context.diagnostics.note(line);
  if (!summary.threads.empty() && graph.has_profile()) {
    context.diagnostics.note("the profiler is taken to have seen " + summary.threads);
  }
  if (summary.is_stripped) {
    context.diagnostics.note(
        "the stacks name wrong functions: this Python's symbols are stripped; numbers of calls are "
        "used instead");
  } else if (summary.with_stack > 0 && !summary.has_symbols) {
    context.diagnostics.note(
        "with the process's perf map (python -X perf, /tmp/perf-PID.map) stacks would tell the "
        "Python functions, too");
  } else if (summary.with_stack == 0) {
    context.diagnostics.note("with strace -k the functions would be exact");
  }
  if (summary.unresolved > 0) {
    context.diagnostics.note(std::to_string(summary.unresolved) +
                             " calls were made by code that is in no perf map");
  }
}

constexpr std::string_view kFormats = "callgrind table jsonl msgpack csv tsv folded speedscope";

void run(const cli::Arguments& arguments, cli::Context& context) {
  if (arguments.has("schema")) {
    constexpr const record::TypeInfo* kTypes[] = {&record::kTypeInfo<record::Attribution>};
    return cli::print_schema(kTypes);
  }
  const std::string format = arguments.value("format").value_or("callgrind");
  const bool is_flame = format == "folded" || format == "speedscope";
  const bool is_profile = format == "callgrind";
  std::optional<cli::RecordRequest> request;
  if (!is_flame && !is_profile) request.emplace(arguments);
  const std::size_t event = event_option(arguments);
  std::size_t connections = kDefaultConnections;
  if (const auto most = arguments.value("connections")) {
    const char* const end = most->data() + most->size();
    if (std::from_chars(most->data(), end, connections).ptr != end) {
      throw io::UsageError{"--connections: not a number: " + io::quoted(*most)};
    }
  }
  Attribution attribution;
  if (const auto threads = arguments.value("threads")) {
    if (*threads == "main") {
      attribution.set_threads(Attribution::Threads::kMain);
    } else if (*threads == "all") {
      attribution.set_threads(Attribution::Threads::kAll);
    } else {
      std::unordered_set<std::uint64_t> tids;
      for (const std::string_view word : cli::split_list(*threads)) {
        std::uint64_t tid = 0;
        const char* const end = word.data() + word.size();
        if (std::from_chars(word.data(), end, tid).ptr != end) {
          throw io::UsageError{"--threads: not main, all or numbers of threads: " +
                               io::quoted(word)};
        }
        tids.insert(tid);
      }
      attribution.set_seen_threads(std::move(tids));
    }
  }
  for (const std::string& input : arguments.positional) attribution.add_profile_path(input);
  const bool by_greenlet = arguments.has("by-greenlet");
  const std::string path = arguments.value("output").value_or("-");
  std::unique_ptr<io::Output> output;
  if (!request) output = io::open_output(path);

  CallGraph graph(kCountedEvents);
  Network network(connections);
  Merge merge(attribution, graph, network, by_greenlet);
  read_inputs_in_step(arguments, {.files = true, .segments = true, .numbers = true}, merge,
                      context);
  merge.finish();
  if (by_greenlet && !merge.has_switches()) {
    context.diagnostics.note("--by-greenlet: no switches of greenlets in the inputs");
  }
  graph.seal();
  const std::vector<Attributed> found = attribution.attribute(graph);
  std::string command;
  for (const std::string& input : arguments.positional) {
    if (!command.empty()) command.push_back(' ');
    io::append_escaped(command, input);
  }
  if (request) {
    write_records(found, graph, by_greenlet, merge.has_capture(), *request);
  } else if (is_flame) {
    write_stacks(attribution, format == "folded", event, command, *output, context);
  } else {
    Profile(graph, merge, network).link(found, by_greenlet);
    write_callgrind(graph, attribution, merge, command, *output);
    output->commit();
  }
  if (!arguments.has("quiet")) tell(attribution, graph, merge, context);
}

constexpr std::string_view kUsage[] = {"[OPTION…] PROFILE LOG… [CAPTURE…] [PERF-MAP…]"};

constexpr cli::Option kOptions[] = {
    kShiftOption,
    cli::kClockOptions[0],
    cli::kClockOptions[1],
    cli::kClockOptions[2],
    {0, "threads", Argument::kText, "WHICH", "Attribution",
     "threads that were profiled: main, all, or numbers",
     "Numbers with commas between, as strace prints them. Default: those whose calls agree best "
     "with the profile's numbers."},
    {0, "by-greenlet", Argument::kNone, "", "Attribution", "make each greenlet a root",
     "What calls cost goes to the greenlet that ran, from the log of switches, instead of to the "
     "callers in the profile."},
    {0, "connections", Argument::kText, "NUMBER", "Attribution",
     "connections with a node of their own (1000)",
     "0: all. Those whose data waited longest, then those that took most time. The others are one "
     "node for "
     "each server."},
    {'f', "format", Argument::kChoice, "FORMAT", "Output", "form of the output (callgrind)",
     "callgrind is for KCachegrind. table, jsonl, msgpack, csv and tsv show which function made "
     "which system calls, and how that is known. folded and speedscope are flame graphs of the "
     "stacks of strace -k.",
     kFormats},
    cli::kOutputOption,
    {0, "event", Argument::kText, "EVENT", "Output", "what folded and speedscope measure (SysTime)",
     "Syscalls, SysTime, Errors, Sent, Received, Wait or Retrans."},
    cli::kFieldsOption,
    cli::kSchemaOption,
    {'q', "quiet", Argument::kNone, "", "Output", "do not show counts on standard error"},
};

constexpr cli::Section kSections[] = {
    kInputSection,
    {"Events",
     "  Time      nanoseconds in Python functions, exactly as cProfile measured them\n"
     "  Syscalls  system calls that returned\n"
     "  SysTime   nanoseconds in them, waiting included\n"
     "  Errors    those that failed or were interrupted\n"
     "  Sent      bytes sent or written\n"
     "  Received  bytes received or read\n"
     "  Estimated of Syscalls, those found by numbers of calls\n"
     "  Wait      with a capture: nanoseconds that received bytes lay in the kernel before a call "
     "read them\n"
     "  Retrans   with a capture: segments that this side sent again\n"
     "  Bytes     Sent + Received\n\n"
     "In the call graph a Python function leads to the built-in function that it called, this to "
     "its system calls (object kernel), and these to the servers and clients that they talked with "
     "(object network), down to the connection. Time is 0 there: cProfile has it in the built-in "
     "function. The total of each event is the log's, exactly."},
    {"Attribution",
     "Which function made a call is known from the best evidence there is.\n\n"
     "stack: strace -k, and the perf map of a Python that ran with -X perf (3.12 and later). The "
     "Python function that ran, and the C function that it called: exact. Among several functions "
     "of one name in a file, it is the one that calls that C function; where that does not tell, "
     "the function stands for itself under its qualified name.\n\n"
     "method: strace -k alone. The C function, and so the built-in one: exact.\n\n"
     "count: calls are shared out among the built-in functions that issue such calls, in "
     "proportion "
     "to how often each was called: an estimate. cProfile sees one thread unless the program "
     "starts "
     "it in each; which threads it saw is guessed from the numbers, and said.\n\n"
     "none: what nothing explains is <unattributed>, one node. Calls of threads that the profiler "
     "did not see are there, too, unless they have a stack.\n\n"
     "From there costs go up to callers in proportion to the time that a function spent for each "
     "of "
     "them, or, where it made no more than two system calls in each of its calls, to the numbers "
     "of "
     "calls: an estimate wherever a function has several callers. Where functions call each other "
     "in "
     "a circle, costs go round until they are out of it; so what functions inside of one seem to "
     "cost "
     "in all may be counted twice. cProfile takes the greenlet that ran before for the caller of "
     "what "
     "a greenlet goes on with, and such callers get costs, too."},
    {"Exit status",
     "0: done. 1: an input was damaged or unreadable, or the output could not be written; what was "
     "readable is shown. 2: the command line was wrong."},
};

constexpr cli::Example kExamples[] = {
    {"A profile with the system calls its functions made:",
     "tracebraid callgrind profiling.cprof strace.log -o merged.callgrind"},
    {"With the time that data waited for the program:",
     "tracebraid callgrind profiling.cprof strace.log tcpdump.pcap -o merged.callgrind"},
    {"Exact, of Python 3.12 and later: python -X perf under strace -k, with its perf map:",
     "tracebraid callgrind profiling.cprof strace.log perf-12467.map -o merged.callgrind"},
    {"Which function made the failing calls:",
     "tracebraid callgrind -f jsonl profiling.cprof strace.log | jq -c 'select(.errors > 0) | "
     "[.errors, .syscall, .builtin, .evidence]'"},
    {"A flame graph of the time in system calls (strace -k):",
     "tracebraid callgrind -f speedscope strace.log perf-12467.map -o syscalls.speedscope.json"},
};

}  // namespace

extern constinit const cli::Program kCallgrind = {
    .name = "tracebraid callgrind",
    .summary = "show which Python functions made which system calls",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
};

}  // namespace tracebraid::analyzers
