#include "tests/fuzz/targets.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <vector>

#include "converters/cprof/callgrind_conversion.h"
#include "converters/cprof/profile_calls.h"
#include "converters/cprof/profile_reader.h"
#include "converters/pcap/capture_flows.h"
#include "converters/pcap/service.h"
#include "converters/strace/strace_log.h"
#include "formats/io/cursor.h"
#include "formats/io/output.h"
#include "formats/io/source.h"
#include "formats/io/text.h"
#include "formats/marshal/reader.h"
#include "formats/pcap/capture_reader.h"
#include "formats/record/flow.h"
#include "formats/record/reader.h"
#include "formats/record/syscall.h"
#include "formats/record/writer.h"
#include "formats/strace/address.h"
#include "formats/strace/line.h"

namespace tracebraid::tests {
namespace {

namespace io = formats::io;
namespace cprof = converters::cprof;
namespace record = formats::record;

class NoMessages final : public io::Messages {
 public:
  void line(std::string_view text) override {
    // A message is one line, whatever the input holds.
    if (text.find('\n') != std::string_view::npos) std::abort();
  }
};

// Writes records, and looks at what must hold of each.
class CheckedSink final : public converters::pcap::FlowSink {
 public:
  explicit CheckedSink(formats::record::Writer& writer) : writer_(writer) {}

  void flow(const formats::record::Flow& flow) override {
    const bool is_right = flow.ts <= flow.last_ts && (!flow.duration || flow.duration->ns > 0) &&
                          flow.orig_uniq_bytes <= flow.orig_payload_bytes &&
                          flow.resp_uniq_bytes <= flow.resp_payload_bytes &&
                          flow.uid.size() == 17 && flow.final;
    if (!is_right) std::abort();
    packets_ += flow.orig_pkts + flow.resp_pkts;
    writer_.write(flow);
  }
  void segment(const formats::record::Segment& segment) override { writer_.write(segment); }
  void flush() override {}

  [[nodiscard]] std::uint64_t packets() const { return packets_; }

 private:
  formats::record::Writer& writer_;
  std::uint64_t packets_ = 0;
};

// Writes records, and looks at what must hold of each.
class CheckedCalls final : public cprof::CallSink {
 public:
  explicit CheckedCalls(record::Writer& writer) : writer_(writer) {}

  void function(const record::Function& function) override {
    if (left_ != 0 || function.tottime.ns < 0 || function.cumtime.ns < 0) std::abort();
    left_ = function.callers;
    self_ns_ += static_cast<std::uint64_t>(function.tottime.ns);
    writer_.write(function);
  }
  void call(const record::Call& call) override {
    if (left_ == 0 || call.tottime.has_value() != call.cumtime.has_value()) std::abort();
    --left_;
    writer_.write(call);
  }

  // Whether all callers of the last function came, and own times are not more than `ns`.
  [[nodiscard]] bool is_right(std::uint64_t ns) const { return left_ == 0 && self_ns_ <= ns; }

 private:
  record::Writer& writer_;
  std::uint64_t left_ = 0;
  std::uint64_t self_ns_ = 0;
};

constexpr std::array<const record::TypeInfo*, 5> kTypes = {
    &record::kTypeInfo<record::Flow>, &record::kTypeInfo<record::Segment>,
    &record::kTypeInfo<record::Ledger>, &record::kTypeInfo<record::Function>,
    &record::kTypeInfo<record::Call>};

}  // namespace

std::string fuzz_pcapflows(std::span<const char> input, std::size_t piece) {
  NoMessages messages;
  io::Diagnostics diagnostics(messages, "fuzz");
  const auto source = io::memory_source("input", input, piece);
  // Made once: its buffer costs more than most inputs.
  static std::string text;
  static const auto output = io::memory_output(text);
  static const auto writer =
      record::make_writer(record::Format::kJsonLines, *output, {.producer = "fuzz", .fields = {}});
  text.clear();
  CheckedSink sink(*writer);
  converters::pcap::CaptureFlows::Options options;
  options.flows.server_ports.tcp.set(80);
  options.flows.segments = true;
  options.flows.max_flows = 50;
  // What is made anew for each input is small.
  options.decoder.flows_known = 64;
  options.decoder.hash_seed = 1;
  converters::pcap::CaptureFlows flows(options, sink, diagnostics);
  formats::pcap::CaptureReader reader(*source, diagnostics, 16);
  std::array<formats::pcap::Packet, 5> packets;
  try {
    while (const std::size_t count = reader.read(packets)) {
      flows.add(std::span(packets).first(count));
    }
  } catch (const io::Error&) {
  }
  flows.finish();
  const formats::record::Ledger ledger = flows.ledger();
  const std::uint64_t sum = ledger.counted + ledger.fragments + ledger.non_ip + ledger.malformed +
                            ledger.filtered + ledger.bad_checksum + ledger.unsupported_link;
  if (sum != ledger.read || sink.packets() < ledger.counted) std::abort();
  writer->write(ledger);
  writer->finish();
  diagnostics.summarize();
  return text;
}

std::string fuzz_marshal(std::span<const char> input, std::size_t piece) {
  using formats::marshal::Kind;
  const auto source = io::memory_source("input", input, piece);
  io::Cursor cursor(*source, 16);
  formats::marshal::StringTable strings;
  formats::marshal::Reader reader(cursor, strings);
  std::string text;
  try {
    while (cursor.ensure(1)) {
      const std::uint64_t begin = reader.offset();
      const formats::marshal::Object object = reader.next();
      reader.skip(object);
      if (reader.offset() <= begin || reader.offset() > input.size()) std::abort();
      text += std::to_string(reader.offset()) + ' ' + std::string(describe(object.kind));
      if (object.kind == Kind::kInteger) text += ' ' + std::to_string(object.integer);
      if (object.kind == Kind::kString) text.append(" ").append(strings.text(object.string));
      text += '\n';
    }
  } catch (const io::Error& error) {
    text += error.position + ": " + error.what;
  }
  return text;
}

std::string fuzz_capture(std::span<const char> input, std::size_t piece) {
  NoMessages messages;
  io::Diagnostics diagnostics(messages, "fuzz");
  const auto source = io::memory_source("input", input, piece);
  formats::pcap::CaptureReader reader(*source, diagnostics, 16);
  std::array<formats::pcap::Packet, 5> packets;
  std::string text;
  try {
    while (const std::size_t count = reader.read(packets)) {
      for (std::size_t i = 0; i < count; ++i) {
        const formats::pcap::Packet& each = packets[i];
        if (each.length < each.captured || each.interface == nullptr) std::abort();
        // Touches every byte; a view that no longer holds is seen by AddressSanitizer.
        unsigned sum = 0;
        for (std::uint32_t at = 0; at < each.captured; ++at) sum = sum * 31 + each.data[at];
        text += std::to_string(each.ts_ns) + ' ' + std::to_string(each.captured) + ' ' +
                std::to_string(each.length) + ' ' + std::to_string(sum) + ' ' +
                std::to_string(each.interface->link_type) + '\n';
      }
    }
  } catch (const io::Error& error) {
    text += error.position + ": " + error.what;
  }
  diagnostics.summarize();
  return text;
}

std::string fuzz_cprof2callgrind(std::span<const char> input, std::size_t piece) {
  NoMessages messages;
  io::Diagnostics diagnostics(messages, "fuzz");
  const auto source = io::memory_source("input", input, piece);
  io::Cursor cursor(*source, 16);
  formats::marshal::StringTable strings;
  cprof::FunctionTable functions;
  std::string text;
  const auto output = io::memory_output(text);
  io::BlockWriter block(*output);
  const cprof::ConversionOptions options;
  cprof::CallgrindConversion conversion(options, strings, functions, block, diagnostics);
  cprof::ProfileReader reader(strings, functions, diagnostics);
  try {
    reader.read(cursor, conversion);
  } catch (const io::Error&) {
  }
  conversion.finish();
  block.flush();
  const bool has_control = std::any_of(text.begin(), text.end(), [](char each) {
    const auto byte = static_cast<unsigned char>(each);
    return (byte < 0x20 && byte != '\n') || byte == 0x7F;
  });
  if (has_control || !text.starts_with("# callgrind format\n") ||
      text.find("\ntotals: ") == std::string::npos) {
    std::abort();
  }
  diagnostics.summarize();
  return text;
}

std::string fuzz_cprofcalls(std::span<const char> input, std::size_t piece) {
  NoMessages messages;
  io::Diagnostics diagnostics(messages, "fuzz");
  const auto source = io::memory_source("input", input, piece);
  std::string text;
  const auto output = io::memory_output(text);
  const auto writer = record::make_writer(record::Format::kJsonLines, *output);
  CheckedCalls sink(*writer);
  cprof::ProfileCalls calls(sink, diagnostics);
  std::string end;
  try {
    calls.read(*source);
  } catch (const io::Error& error) {
    end = error.position + ": " + error.what;
  }
  if (!sink.is_right(calls.self_ns())) std::abort();
  writer->finish();
  diagnostics.summarize();
  return text + end;
}

std::string fuzz_service(std::span<const char> input) {
  namespace pcap = converters::pcap;
  static constexpr std::array<std::uint16_t, 16> kPorts = {
      53, 5353, 5355, 137, 123, 21, 25, 587, 3306, 11211, 80, 443, 5432, 6379, 40000, 50000};
  static constexpr std::array<std::string_view, 15> kNames = {
      "",     "http",      "ssl",  "dns", "ssh",  "postgresql", "mysql", "redis",
      "amqp", "memcached", "quic", "ntp", "smtp", "ftp",        "mqtt"};
  const auto within = [](std::string_view view, const void* begin, std::size_t size) {
    const auto* first = static_cast<const char*>(begin);
    return view.empty() || (view.data() >= first && view.data() + view.size() <= first + size);
  };
  if (input.size() < 4) return {};
  const auto transport = (input[0] & 1) != 0 ? pcap::Transport::kUdp : pcap::Transport::kTcp;
  const bool is_from_originator = (input[0] & 2) != 0;
  const std::uint16_t originator = kPorts[static_cast<unsigned char>(input[1]) % kPorts.size()];
  const std::uint16_t responder = kPorts[static_cast<unsigned char>(input[2]) % kPorts.size()];
  std::vector<char> scratch((input[0] & 4) != 0 ? static_cast<unsigned char>(input[3])
                                                : pcap::kDnsNameChars);
  input = input.subspan(4);
  constexpr std::size_t kMostCuts = 200;
  std::string_view name;
  // Every short prefix, then the whole; each in memory of its own size.
  for (std::size_t cut = 0; cut <= std::min(kMostCuts, input.size()); ++cut) {
    const std::size_t size = cut < kMostCuts ? cut : input.size();
    const std::vector<unsigned char> payload(input.begin(),
                                             input.begin() + static_cast<std::ptrdiff_t>(size));
    const pcap::Service service = pcap::detect_service(transport, is_from_originator, originator,
                                                       responder, payload, scratch);
    const bool is_dns = service.name == "dns";
    if (std::find(kNames.begin(), kNames.end(), service.name) == kNames.end() ||
        (!name.empty() && !service.name.empty() && service.name != name) ||
        !within(service.host, payload.data(), payload.size()) ||
        !within(service.query, is_dns ? static_cast<const void*>(scratch.data()) : payload.data(),
                is_dns ? scratch.size() : payload.size()) ||
        (is_dns && !io::is_plain(service.query)) ||
        (service.name.empty() && !(service.host.empty() && service.query.empty()))) {
      std::abort();
    }
    if (!service.name.empty()) name = service.name;
  }
  return std::string(name);
}

namespace {

// The parts of a call stand one behind the other, and are the same without what stands in front.
bool is_in_order(const formats::strace::Line& line) {
  const formats::strace::Call& call = line.call;
  const char* behind = line.text.data();
  for (const std::string_view part : {call.name, call.args, call.result_text}) {
    if (part.empty()) continue;
    if (part.data() < behind) return false;
    behind = part.data() + part.size();
  }
  formats::strace::Line alone;
  formats::strace::parse_line(line.text, alone);
  return alone.body == line.body && alone.prefix.pid == 0 &&
         alone.prefix.stamp == formats::strace::Stamp::kNone && alone.call.name == call.name &&
         alone.call.args == call.args && alone.call.result_text == call.result_text &&
         alone.call.error == call.error && alone.call.duration_ns == call.duration_ns;
}

}  // namespace

int fuzz_strace_line(std::span<const char> input) {
  const std::string_view text(input.data(), input.size());
  if (text.find('\n') != std::string_view::npos) return 0;
  const auto is_inside = [&](std::string_view view) {
    return view.empty() ||
           (view.data() >= text.data() && view.data() + view.size() <= text.data() + text.size());
  };
  formats::strace::Line line;
  formats::strace::parse_line(text, line);
  if (!is_inside(line.text) || !is_inside(line.prefix.comm)) std::abort();
  if (line.body == formats::strace::Body::kCall) {
    const formats::strace::Call& call = line.call;
    for (const std::string_view view :
         {call.name, call.args, call.result_text, call.error, call.aux}) {
      if (!is_inside(view)) std::abort();
    }
    if (call.name.empty() || !is_in_order(line)) std::abort();
    for (std::size_t at = 0; at < 12; ++at) {
      const std::string_view argument = call.argument(at);
      if (!is_inside(argument) || !is_inside(formats::strace::annotation(argument))) std::abort();
      (void)formats::strace::parse_descriptor_text(formats::strace::annotation(argument));
      (void)formats::strace::parse_address(argument);
    }
  }
  std::string plain;
  formats::strace::remove_colors(text, plain);
  if (plain.size() > text.size()) std::abort();
  return static_cast<int>(line.body);
}

namespace {

class CheckedLog final : public converters::strace::StraceSink {
 public:
  explicit CheckedLog(formats::record::Writer& writer) : writer_(writer) {}
  void syscall(const formats::record::Syscall& call) override {
    const bool is_right = !call.syscall.empty() && !call.state.empty() && call.line > 0 &&
                          call.end_line >= call.line &&
                          (!call.duration || call.duration->ns >= 0) &&
                          call.bytes.has_value() == !call.direction.empty() &&
                          (call.state != "complete" || call.result);
    if (!is_right) std::abort();
    ++calls_;
    writer_.write(call);
  }
  void signal(const formats::record::Signal& signal) override { writer_.write(signal); }
  void process(const formats::record::Process& process) override { writer_.write(process); }
  void problem(const formats::record::Problem& problem) override { writer_.write(problem); }

  [[nodiscard]] std::uint64_t calls() const { return calls_; }

 private:
  formats::record::Writer& writer_;
  std::uint64_t calls_ = 0;
};

}  // namespace

std::string fuzz_stracecalls(std::span<const char> input, std::size_t piece) {
  NoMessages messages;
  io::Diagnostics diagnostics(messages, "fuzz");
  const auto source = io::memory_source("input", input, piece);
  static std::string text;
  static const auto output = io::memory_output(text);
  static const auto writer =
      record::make_writer(record::Format::kJsonLines, *output, {.producer = "fuzz", .fields = {}});
  text.clear();
  CheckedLog sink(*writer);
  converters::strace::StraceLog::Options options;
  options.verify = true;
  options.clock.day = {2026, 11, 23};
  converters::strace::StraceLog log(options, sink, diagnostics);
  log.read(*source, "input", std::nullopt);
  log.finish();
  const record::LineLedger ledger = log.ledger();
  writer->write(ledger);
  writer->flush();
  const std::uint64_t sum = ledger.calls + ledger.unfinished + ledger.resumed + ledger.signals +
                            ledger.processes + ledger.messages + ledger.frames + ledger.dumps +
                            ledger.tables + ledger.glued + ledger.empty + ledger.problems;
  if (sum != ledger.lines || ledger.syscalls != sink.calls() ||
      ledger.syscalls != ledger.complete + ledger.noreturn + ledger.pending + ledger.orphans) {
    std::abort();
  }
  return text;
}

std::string fuzz_record_stream(std::span<const char> input, std::size_t piece) {
  std::string text;
  std::string packed;
  const auto text_output = io::memory_output(text);
  const auto packed_output = io::memory_output(packed);
  std::string errors;
  {
    const auto source = io::memory_source("input", input, piece);
    record::StreamReader reader(*source, kTypes, 16);
    const auto as_text = record::make_writer(record::Format::kJsonLines, *text_output);
    const auto as_packed = record::make_writer(record::Format::kMsgpack, *packed_output);
    for (;;) {
      try {
        if (!reader.next()) break;
        record::Flow flow;
        if (reader.is<record::Flow>()) reader.get(flow);
        as_text->write_values(reader.type(), reader.values());
        as_packed->write_values(reader.type(), reader.values());
      } catch (const io::Error& error) {
        errors += error.position + ": " + error.what + "\n";
      }
    }
    as_text->finish();
    as_packed->finish();
  }
  // The binary form holds all that the text shows.
  std::string again;
  const auto again_output = io::memory_output(again);
  const auto source = io::memory_source("packed", packed);
  record::StreamReader reader(*source, kTypes);
  const auto writer = record::make_writer(record::Format::kJsonLines, *again_output);
  while (reader.next()) writer->write_values(reader.type(), reader.values());
  writer->finish();
  if (again != text) std::abort();
  return text + errors;
}

}  // namespace tracebraid::tests
