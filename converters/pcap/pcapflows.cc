#include "converters/pcap/pcapflows.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

#include "converters/pcap/capture_flows.h"
#include "formats/cli/inputs.h"
#include "formats/cli/numbers.h"
#include "formats/cli/record_output.h"
#include "formats/io/error.h"
#include "formats/io/memory_limit.h"
#include "formats/io/source.h"
#include "formats/pcap/capture_reader.h"
#include "formats/pcap/libpcap_reader.h"
#include "formats/pcap/live.h"
#include "formats/record/flow.h"
#include "formats/record/writer.h"

namespace tracebraid::converters::pcap {
namespace {

namespace cli = formats::cli;
namespace io = formats::io;
namespace record = formats::record;
using cli::Argument;

constexpr std::string_view kUsage[] = {
    "[OPTION…] [CAPTURE…]",
    "[OPTION…] -i INTERFACE",
};

constexpr cli::Option kOptions[] = {
    {'i', "interface", Argument::kText, "INTERFACE", "Input", "capture live",
     "Through libpcap, until interrupted; any is all interfaces."},
    {0, "snaplen", Argument::kText, "BYTES", "Input",
     "bytes to capture of each packet, with -i (512)",
     "The start of what programs say to each other suffices to name the service; lengths are those "
     "on the wire all the same."},
    {0, "filter", Argument::kText, "FILTER", "Input", "take only packets that match",
     "tcpdump's language: 'port 8000 and host 10.0.0.1'."},
    {0, "tunnels", Argument::kChoice, "WHICH", "Input", "flows inside of tunnels, or around them",
     "inner (default): the flow inside; the UDP flow around it, where there is one, is a row too, "
     "and the inner row's tunnel_parents names it. outer: tunnels are not looked into.",
     "inner outer"},
    {0, "vxlan-port", Argument::kText, "PORT", "Input", "UDP port of VXLAN besides 4789",
     "May be given several times."},
    {0, "reader", Argument::kChoice, "WHICH", "Input", "who reads capture files",
     "own (default), or libpcap, to compare the two.", "own libpcap"},
    cli::kFormatOption,
    cli::kOutputOption,
    cli::kFieldsOption,
    cli::kCsvSafeOption,
    {0, "segments", Argument::kNone, "", "Output", "also a record of every payload on the wire",
     "Of every TCP segment with payload and every UDP datagram, with its place in the stream. For "
     "-f jsonl and -f msgpack, which hold several types of records."},
    {0, "ledger", Argument::kNone, "", "Output", "also a record of what became of all packets",
     "For -f jsonl and -f msgpack. It is on standard error anyway."},
    {'q', "quiet", Argument::kNone, "", "Output", "do not show the ledger on standard error"},
    cli::kSchemaOption,
    {0, "server-ports", Argument::kText, "LIST", "Flows", "ports that servers listen on",
     "Such as 8000/tcp,53/udp; default is Zeek's list, which may be part of LIST. Tells who asked "
     "whom when a flow's first packet is not in the capture."},
    {0, "key", Argument::kText, "LIST", "Flows",
     "what tells flows apart besides addresses and ports",
     "vlan, tunnel or both, with a comma between."},
    {0, "check-checksums", Argument::kNone, "", "Flows", "leave out packets with a wrong checksum",
     "As Zeek does. Not for captures of a machine's own traffic: there, the network card fills "
     "checksums in "
     "after "
     "the capture."},
    {0, "active-timeout", Argument::kText, "SECONDS", "Flows",
     "report flows that go on in parts of so long",
     "Numbers of the parts add up to those of the flow."},
    {0, "timeout", Argument::kText, "KIND=SECONDS", "Flows", "when a flow has ended",
     "May be given several times. Idle for so long: tcp (300), udp (60; TCP before it is "
     "established, too), icmp (60), other (60), dns (10; 0: as udp), login (3600; TCP ports 21, "
     "22, 23, 513). attempt (5): a SYN without an answer. close (5): time for late packets after "
     "the end. linger (5): idle after one side's end."},
    {0, "max-flows", Argument::kText, "NUMBER", "Flows", "most flows open at a time",
     "When there are more, the one that would time out first is ended (end_reason evicted). "
     "Default: what fits into a quarter of the memory, the machine's or the container's."},
    {0, "community-id-seed", Argument::kText, "NUMBER", "Flows", "seed of the Community ID (0)"},
};

constexpr cli::Section kSections[] = {
    {"Input",
     "pcap and pcapng files of any byte order and time resolution, also with several interfaces of "
     "different link types; gzip and zstd are seen through; - or nothing is standard input, where "
     "tcpdump may still be writing. Several captures are read in the given order as one.\n\n"
     "Link layers: Ethernet (VLANs, MPLS, PPPoE, LLC/SNAP, 802.1ah, VN-Tag, FabricPath), loopback, "
     "raw IP, Linux cooked (tcpdump -i any), PPP, FDDI, Cisco HDLC, 802.11 with and without "
     "radiotap. Tunnels: IP in IP, GRE, ERSPAN, VXLAN, Geneve, GTP-U, Teredo through its server's "
     "port, four deep."},
    {"Flows",
     "A flow is what two addresses and ports (ICMP: type and its reply's type) send each other "
     "until "
     "it is closed, reset or idle. It is written when it ends by the packets' clock, or at the end "
     "of the input. orig asked, resp answered: by SYN, by server ports, or else by who came first. "
     "Names and meanings are those of Zeek's conn.log where it has the field; --schema explains "
     "all. A field that does not apply is null, or - in tables.\n\n"
     "Where the numbers differ from Zeek's: packets that the snaplen cut count with their lengths "
     "on the wire (Zeek: not at all, or their payload as missed); packets with a wrong checksum "
     "count (Zeek: only with -C); IP packets of length 0, which segmentation offload makes, count "
     "with the length on the wire (Zeek: 0); the payload of SCTP and other transports counts "
     "(Zeek: "
     "0); an ICMP reply seen first does not turn the flow round; a SYN that comes late in the file "
     "joins its flow, and so does a SYN that is sent again in time or crosses the other side's; "
     "ts is the earliest packet's, also when it is not the first in the file; SCTP's ports are "
     "part "
     "of the Community ID; times have nanoseconds.\n\n"
     "orig_bytes comes from sequence numbers and holds what was missed, too; orig_payload_bytes is "
     "the payload on the wire, with retransmissions; orig_uniq_bytes is the distinct payload: what "
     "the program's send() calls returned in all."},
    {"Ledger",
     "At the end, standard error tells what became of every packet: read is the sum of counted, "
     "fragments that were joined or waited in vain, packets without IP, malformed ones, those "
     "--filter or --check-checksums left out, and those of link types that are not read."},
    {"Exit status",
     "0: done. 1: an input was damaged, unreadable or no capture, or the output could not be "
     "written; flows of what was readable are written. 2: the command line was wrong."},
};

constexpr cli::Example kExamples[] = {
    {"Look at a capture:", "pcapflows server.pcap"},
    {"Live, each flow as it ends:", "tcpdump -i lo -U -w - port 8000 | pcapflows -"},
    {"The slowest answers:",
     "pcapflows -f jsonl server.pcap | jq -s 'sort_by(.response_latency) | reverse[:5][] | {uid, "
     "query, response_latency}'"},
    {"For whatever reads Zeek's logs:",
     "pcapflows -f zeek server.pcap | zeek-cut id.orig_h id.resp_h conn_state"},
    {"A spreadsheet of a day's rotated captures:", "pcapflows --csv-safe -o day.csv day.pcap*"},
};

ServerPorts server_ports(std::string_view list) {
  ServerPorts ports;
  for (const std::string_view item : cli::split_list(list)) {
    if (item == "default") {
      add_default_ports(ports);
      continue;
    }
    const std::size_t slash = item.find('/');
    const std::string_view transport = slash < item.size() ? item.substr(slash + 1) : "";
    if (transport != "tcp" && transport != "udp") {
      throw io::UsageError{"--server-ports: not PORT/tcp, PORT/udp or default: " +
                           io::quoted(item)};
    }
    const auto port = static_cast<std::uint16_t>(
        cli::number_between("--server-ports", item.substr(0, slash), 0, 65535));
    (transport == "tcp" ? ports.tcp : ports.udp).set(port);
  }
  return ports;
}

void set_time_out(TimeOuts& time_outs, std::string_view setting) {
  struct Row {
    std::string_view kind;
    std::int64_t TimeOuts::*member;
  };
  constexpr Row kRows[] = {
      {"tcp", &TimeOuts::tcp},         {"udp", &TimeOuts::udp},     {"icmp", &TimeOuts::icmp},
      {"other", &TimeOuts::other},     {"dns", &TimeOuts::dns},     {"login", &TimeOuts::login},
      {"attempt", &TimeOuts::attempt}, {"close", &TimeOuts::close}, {"linger", &TimeOuts::linger},
  };
  const std::size_t equals = setting.find('=');
  for (const Row& row : kRows) {
    if (equals < setting.size() && setting.substr(0, equals) == row.kind) {
      time_outs.*row.member = cli::seconds("--timeout", setting.substr(equals + 1));
      return;
    }
  }
  throw io::UsageError{"--timeout: not KIND=SECONDS: " + io::quoted(setting),
                       "KIND is tcp, udp, icmp, other, dns, login, attempt, close or linger"};
}

struct Request {
  std::vector<std::string> inputs;
  std::optional<std::string> interface;
  std::uint32_t snaplen = 512;
  bool use_libpcap = false;
  bool ledger = false;
  bool quiet = false;
  CaptureFlows::Options options;
};

Request understand(const cli::Arguments& arguments) {
  Request request;
  request.interface = arguments.value("interface");
  if (!request.interface) {
    request.inputs = cli::input_paths(arguments);
  } else if (!arguments.positional.empty()) {
    throw io::UsageError{"-i captures live: it takes no capture file: " +
                         io::quoted(arguments.positional.front())};
  }
  if (const std::optional<std::string> snaplen = arguments.value("snaplen")) {
    request.snaplen =
        static_cast<std::uint32_t>(cli::number_between("--snaplen", *snaplen, 64, 262144));
  }
  request.use_libpcap = arguments.value("reader") == "libpcap";
  request.ledger = arguments.has("ledger");
  request.quiet = arguments.has("quiet");

  CaptureFlows::Options& options = request.options;
  options = default_options();
  options.filter = arguments.value("filter").value_or("");
  options.decoder.inner = arguments.value("tunnels") != "outer";
  for (const std::string& port : arguments.values("vxlan-port")) {
    options.decoder.vxlan_ports.push_back(
        static_cast<std::uint16_t>(cli::number_between("--vxlan-port", port, 1, 65535)));
  }
  const std::string key = arguments.value("key").value_or("");
  for (const std::string_view part : cli::split_list(key)) {
    if (part == "vlan") {
      options.decoder.vlans_in_key = true;
    } else if (part == "tunnel") {
      options.decoder.tunnels_in_key = true;
    } else {
      throw io::UsageError{"--key: neither vlan nor tunnel: " + io::quoted(part)};
    }
  }
  FlowTable::Options& flows = options.flows;
  if (const auto list = arguments.value("server-ports")) flows.server_ports = server_ports(*list);
  flows.check_checksums = arguments.has("check-checksums");
  flows.segments = arguments.has("segments");
  for (const std::string& setting : arguments.values("timeout")) {
    set_time_out(flows.time_outs, setting);
  }
  if (const std::optional<std::string> active = arguments.value("active-timeout")) {
    flows.time_outs.active = cli::seconds("--active-timeout", *active);
    if (flows.time_outs.active == 0) throw io::UsageError{"--active-timeout must be more than 0"};
  }
  if (const std::optional<std::string> most = arguments.value("max-flows")) {
    flows.max_flows = cli::number_between("--max-flows", *most, 1, 1'000'000'000);
  }
  const std::optional<std::string> seed = arguments.value("community-id-seed");
  if (seed) {
    flows.community_id_seed =
        static_cast<std::uint16_t>(cli::number_between("--community-id-seed", *seed, 0, 65535));
  }
  return request;
}

class RecordSink final : public FlowSink {
 public:
  explicit RecordSink(record::Writer& writer) : writer_(writer) {}
  void flow(const record::Flow& flow) override { writer_.write(flow); }
  void segment(const record::Segment& segment) override { writer_.write(segment); }
  void flush() override { writer_.flush(); }

 private:
  record::Writer& writer_;
};

void read_capture(const Request& request, const std::string& input, io::Source& source,
                  CaptureFlows& flows, cli::Context& context) {
  std::unique_ptr<formats::pcap::PacketSource> packets;
  if (request.use_libpcap) {
    packets = formats::pcap::open_with_libpcap(source);
  } else {
    packets = std::make_unique<formats::pcap::CaptureReader>(source, context.diagnostics);
  }
  read_all(*packets, flows, context.diagnostics, io::may_wait(input));
}

void read_live(const Request& request, CaptureFlows& flows, cli::Context& context) {
  const std::unique_ptr<formats::pcap::LiveCapture> live =
      formats::pcap::open_live({.interface = *request.interface,
                                .snaplen = request.snaplen,
                                .filter = request.options.filter});
  read_all(*live, flows, context.diagnostics, true);
  const formats::pcap::LiveStatistics statistics = live->statistics();
  if (statistics.dropped_by_kernel + statistics.dropped_by_interface > 0) {
    context.diagnostics.report(
        {*request.interface, "",
         std::to_string(statistics.dropped_by_kernel) + " packets dropped by the kernel, " +
             std::to_string(statistics.dropped_by_interface) + " by the interface",
         "--filter takes fewer"});
  }
}

std::string ledger_line(const record::Ledger& ledger) {
  std::string line = std::to_string(ledger.read) +
                     " packets read = " + std::to_string(ledger.counted) + " counted";
  const auto add = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) line.append(" + ").append(std::to_string(count)).append(" ").append(what);
  };
  add(ledger.fragments, "IP fragments");
  add(ledger.non_ip, "without IP");
  add(ledger.malformed, "malformed");
  add(ledger.filtered, "filtered");
  add(ledger.bad_checksum, "with a wrong checksum");
  add(ledger.unsupported_link, "of an unsupported link type");
  line.append("; ").append(std::to_string(ledger.flows)).append(" flow records");
  if (ledger.evicted > 0) {
    line.append(", ").append(std::to_string(ledger.evicted)).append(" of them evicted");
  }
  return line;
}

constexpr const record::TypeInfo* kTypes[] = {&record::kTypeInfo<record::Flow>,
                                              &record::kTypeInfo<record::Segment>,
                                              &record::kTypeInfo<record::Ledger>};
constexpr std::string_view kTableFields[] = {"ts",
                                             "duration",
                                             "id.orig_h",
                                             "id.orig_p",
                                             "id.resp_h",
                                             "id.resp_p",
                                             "proto",
                                             "service",
                                             "conn_state",
                                             "history",
                                             "orig_uniq_bytes",
                                             "resp_uniq_bytes",
                                             "response_latency",
                                             "query"};

void run(const cli::Arguments& arguments, cli::Context& context) {
  if (arguments.has("schema")) return cli::print_schema(kTypes);
  const Request request = understand(arguments);
  const cli::RecordRequest record_request(arguments);
  const bool holds_several = record::holds_several(record_request.format);
  if (!holds_several && (request.options.flows.segments || request.ledger)) {
    throw io::UsageError{"only -f jsonl and -f msgpack hold records of several types",
                         "--segments and --ledger need one of them"};
  }
  cli::RecordOutput output(record_request, "pcapflows",
                           std::span(kTypes).first(holds_several ? 3 : 1), kTableFields);
  RecordSink sink(output.writer());
  CaptureFlows flows(request.options, sink, context.diagnostics);

  if (request.interface) {
    context.diagnostics.set_input(*request.interface);
    read_live(request, flows, context);
  }
  cli::for_each_input(request.inputs, context,
                      [&](const std::unique_ptr<io::Source>& source, const std::string& path) {
                        if (request.inputs.size() > 1) flows.set_input(cli::input_name(path));
                        read_capture(request, path, *source, flows, context);
                      });
  flows.finish();
  const record::Ledger ledger = flows.ledger();
  if (request.ledger) output.writer().write(ledger);
  output.finish(context.diagnostics);
  if (!request.quiet) context.diagnostics.note(ledger_line(ledger));
}

constexpr cli::Program kProgram = {
    .name = "pcapflows",
    .summary = "turn packet captures into flow records",
    .usage = kUsage,
    .options = kOptions,
    .sections = kSections,
    .examples = kExamples,
    .body = run,
};

}  // namespace

const cli::Program& pcapflows() {
  return kProgram;
}

}  // namespace tracebraid::converters::pcap
