// tracebraid sockets: each socket's life, and the flow that it was on the wire.
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "analyzers/input/by_type.h"
#include "analyzers/input/inputs.h"
#include "analyzers/sockets/table.h"
#include "formats/cli/clock_options.h"
#include "formats/cli/record_output.h"
#include "formats/record/text.h"

namespace tracebraid::analyzers {
namespace {

namespace cli = formats::cli;
namespace record = formats::record;
using cli::Argument;
using record::AnyRecord;

class Output final : public SocketSink {
 public:
  Output(record::Writer& writer, bool is_all) : writer_(writer), is_all_(is_all) {}
  void socket(const SocketLife& life, const record::Socket& socket) override {
    if (is_all_ || life.kind == "tcp" || life.kind == "udp") writer_.write(socket);
  }

 private:
  record::Writer& writer_;
  bool is_all_;
};

class Joined final
    : public ByType<Joined, record::Syscall, record::Segment, record::File, record::Flow> {
 public:
  explicit Joined(SocketTable& table) : table_(table) {}
  void begin(const InputKinds& kinds) override { table_.begin(kinds); }
  void enter(std::size_t lane) override { lane_ = lane; }
  void expect(const AnyRecord& any, Distance distance) override {
    table_.expect(any, lane_, distance);
  }
  void on(const record::Syscall& call) {
    seen_.calls = true;
    table_.syscall(call, lane_);
  }
  void on(const record::Segment& segment) {
    seen_.segments = true;
    table_.segment(segment);
  }
  void on(const record::File& file) {
    seen_.files = true;
    table_.file(file, lane_);
  }
  void on(const record::Flow& flow) { table_.flow(flow); }

  // Which records there were.
  struct Seen {
    bool calls = false, files = false, segments = false;
  };
  [[nodiscard]] const Seen& seen() const { return seen_; }

 private:
  SocketTable& table_;
  std::size_t lane_ = 0;
  Seen seen_;
};

std::string seconds(std::int64_t ns) {
  char room[record::kValueRoom];
  return {room, record::put_seconds(room, ns)};
}

// "3 sockets with peers, 2 matched with flows, 1 absent; 4 flows, 2 of them without a socket".
std::string counts_line(const SocketTable::Counts& counts) {
  std::string line =
      fmt::format("{} sockets with peers, {} matched with flows", counts.sockets, counts.matched);
  for (const auto& [reason, count] : counts.unmatched)
    line += fmt::format(", {} {}", count, reason);
  return line + fmt::format("; {} flows, {} of them without a socket", counts.flows,
                            counts.flows_without_socket);
}

std::string clocks_line(const Skew& skew) {
  const std::string line =
      fmt::format("clocks: capture minus log is between {} s and {} s, from {} events",
                  seconds(skew.low), seconds(skew.high), skew.low_count + skew.high_count);
  // Logs have microseconds: the sum of two of them is that much too early.
  constexpr std::int64_t kRounding = 2'000;
  if (skew.low > skew.high + kRounding) {
    return line + ": no constant difference fits; one of the clocks was set, or drifts";
  }
  if (skew.low <= kRounding && skew.high >= -kRounding) return line;
  return line + fmt::format("; --shift of the capture by {} s puts them right",
                            seconds(-(skew.low + (skew.high - skew.low) / 2)));
}

void tell(const SocketTable& table, const Joined::Seen& seen, cli::Context& context) {
  const SocketTable::Counts& counts = table.counts();
  const auto note = [&](std::string_view line) { context.diagnostics.note(line); };
  if (!seen.calls) return note("no system calls in the inputs: there are no sockets to tell of");
  // Streams may be without: files' own converters make them here.
  if (!seen.files && counts.sockets > 0) {
    note(
        "no file records (stracecalls --records syscall,signal,process,problem,file makes them): "
        "when sockets were closed is not known");
  }
  if (!seen.segments && counts.matched > 0) {
    note(
        "no segment records (pcapflows --segments makes them): how long bytes waited is not known");
  }
  if (!table.captured()) {
    return note(
        fmt::format("{} sockets with peers; with a capture of the same time (tcpdump -i any "
                    "-w FILE) they can be matched with flows",
                    counts.sockets));
  }
  note(counts_line(counts));
  if (table.lacks_returns()) {
    note(
        "the log does not tell when calls returned (strace -T does): waits are to the entry of the "
        "reading call, and so may be longer");
  }
  const Skew& skew = table.skew();
  if (skew.low_count > 0 && skew.high_count > 0) note(clocks_line(skew));
}

constexpr const record::TypeInfo* kTypes[] = {&record::kTypeInfo<record::Socket>};
constexpr std::string_view kColumns[] = {
    "ts",        "duration", "pids",     "fds",        "role",     "proto",
    "local_h",   "local_p",  "peer_h",   "peer_p",     "bytes_in", "wire_in",
    "bytes_out", "wire_out", "wait_max", "conn_state", "match",    "difference"};

void run(const cli::Arguments& arguments, cli::Context& context) {
  if (arguments.has("schema")) return cli::print_schema(kTypes);
  const cli::RecordRequest request(arguments);
  cli::RecordOutput output(request, "tracebraid sockets", kTypes, kColumns);
  Output sink(output.writer(), arguments.has("all"));
  SocketTable table(sink);
  Joined joined(table);
  const std::size_t most = most_flows(arguments, SocketTable::kFlowBytes);
  table.set_most_flows(most);
  read_inputs_in_step(arguments,
                      {.files = true,
                       .segments = true,
                       .most_flows = most,
                       .is_wanted_call = &is_about_sockets,
                       .is_wanted_file = &is_about_sockets},
                      joined, context);
  table.finish();
  output.finish(context.diagnostics);
  tell_forgotten(table, context.diagnostics);
  if (!arguments.has("quiet")) tell(table, joined.seen(), context);
}

constexpr std::string_view kUsage[] = {"[OPTION…] INPUT…"};

constexpr cli::Option kOptions[] = {
    kShiftOption,
    kMaxFlowsOption,
    cli::kClockOptions[0],
    cli::kClockOptions[1],
    cli::kClockOptions[2],
    {'a', "all", Argument::kNone, "", "Output", "sockets that are on no network, too",
     "Those of AF_UNIX, netlink and the like. Default: TCP and UDP."},
    cli::kFormatOption,
    cli::kOutputOption,
    cli::kFieldsOption,
    cli::kCsvSafeOption,
    cli::kSchemaOption,
    {'q', "quiet", Argument::kNone, "", "Output", "do not show counts on standard error"},
};

constexpr cli::Section kSections[] = {
    kInputSection,
    {"Sockets",
     "A record for every TCP and UDP socket of the logs, when it and its flow have ended: who "
     "made, "
     "used and closed it, its calls and failures, and the bytes that calls moved. dup, fork and "
     "descriptors passed to other processes are followed: an open socket is one record, whatever "
     "descriptors it had. --schema explains all fields.\n\n"
     "With a capture of the same time, also the flow that it was: same transport and addresses, "
     "either way round; where addresses were used again, by time; a client whose own port the log "
     "does not tell (no -yy), by the time of its SYN, or by its bytes. match says which; what "
     "cannot be told apart is not matched, and counted by reason on standard error. On loopback "
     "both sockets have the same flow, and peer_file names the other."},
    {"Waiting",
     "wait_max, wait_mean, wait_p99 and wait_total are times from the arrival of bytes on the wire "
     "to the return of the call that read them: how long they lay in the kernel while the program "
     "did something else. send_wait_… are times from the entry of a sending call to the bytes' "
     "leaving. The n-th byte on the wire is the n-th that calls moved, so both beginnings must be "
     "there: bytes of which that is not known are in unmeasured_in and unmeasured_out. A range "
     "that waits is that of one segment and one call. wait_p99 is exact up to 256 ranges, within "
     "1/128 beyond."},
    {"Clocks",
     "Bytes leave after send was entered, and arrive before recv returns. From that, standard "
     "error "
     "tells how far the capture's clock is from the log's; --shift corrects it."},
    {"Exit status",
     "0: done. 1: an input was damaged or unreadable, or the output could not be written; what was "
     "readable is shown. 2: the command line was wrong."},
};

constexpr cli::Example kExamples[] = {
    {"All sockets of a server, with their flows:", "tracebraid sockets server.strace server.pcap"},
    {"Whose data waited longest before the program read it:",
     "tracebraid sockets server.strace server.pcap -f jsonl | jq -s 'sort_by(.wait_max // 0 | "
     "tonumber) | last'"},
    {"Which sockets were never closed:",
     "tracebraid sockets server.strace -f jsonl | jq -c 'select(.end_ts == null) | [.fds, .peer_h, "
     ".made_by]'"},
    {"From streams of the converters:",
     "pcapflows --segments -f msgpack server.pcap | tracebraid sockets - server.strace"},
};

}  // namespace

extern constinit const cli::Program kSockets = {
    .name = "tracebraid sockets",
    .summary = "show each socket's life and its flow on the wire",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
};

}  // namespace tracebraid::analyzers
