#include "converters/pcap/capture_flows.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "converters/input.h"
#include "formats/io/error.h"
#include "formats/io/farthest.h"
#include "formats/io/memory_limit.h"
#include "formats/io/saturate.h"
#include "formats/pcap/capture_reader.h"

namespace tracebraid::converters::pcap {
namespace {

namespace io = formats::io;
namespace record = formats::record;
using formats::pcap::Packet;

constexpr io::Counter kNoTimeStamp = {
    "packet_without_time", io::Severity::kWarning,
    "packets without a time (simple packet blocks); taken as captured with the one before"};
constexpr io::Counter kOutlier = {
    "time_jumps_and_returns", io::Severity::kWarning,
    "a packet's time jumps ahead and the next packet's is back; taken as captured with the one "
    "before"};
constexpr io::Counter kBackwards = {"time_goes_backwards", io::Severity::kNote,
                                    "packets captured earlier than the packet before them"};

// Ahead of the packet before by more than this, a time is believed once the next packet agrees.
constexpr std::int64_t kJumpNs = 60'000'000'000;
constexpr std::int64_t kNever = Packet::kNoTime;
constexpr std::size_t kBatch = 1024;  // datagrams
constexpr std::size_t kMostWaiting = 4;

std::string position(std::uint64_t packet) {
  return "packet " + std::to_string(packet);
}

Decoder::Options with_time_outs(Decoder::Options options, const TimeOuts& all) {
  std::int64_t& shortest = options.shortest_time_out_ns;
  shortest = std::min({shortest, all.tcp, all.udp, all.other, all.attempt, all.close, all.linger});
  return options;
}

}  // namespace

CaptureFlows::CaptureFlows(Options options, FlowSink& sink, io::Diagnostics& diagnostics)
    : sink_(sink),
      flows_(options.flows, sink),
      decoder_(with_time_outs(std::move(options.decoder), options.flows.time_outs), diagnostics),
      diagnostics_(diagnostics),
      clock_(kNever),
      background_(
          [this](DatagramBatch& batch) {
            flows_.add(batch);
            if (batch.is_followed_by_wait) sink_.flush();
            batch.clear();
          },
          kMostWaiting) {
  if (!options.filter.empty()) filter_.emplace(options.filter);
}

void CaptureFlows::add(std::span<Packet> packets) {
  constexpr std::size_t kAhead = 4;
  constexpr std::size_t kLine = 64;
  for (std::size_t index = 0; index < packets.size(); ++index) {
    Packet& packet = packets[index];
    if (index + kAhead < packets.size()) {
      const unsigned char* const next = packets[index + kAhead].data;
      __builtin_prefetch(next);
      __builtin_prefetch(next + kLine);
    }
    ++ledger_.read;
    if (filter_ && !filter_->matches(packet)) {
      ++ledger_.filtered;
      continue;
    }
    if (packet.ts_ns == kNever) {
      packet.ts_ns = clock_ == kNever ? 0 : clock_;
      diagnostics_.count(kNoTimeStamp, position(number()));
    } else {
      packet.ts_ns = io::not_too_far(io::saturated_sum(packet.ts_ns, shift_ns_));
    }
    if (held_) settle_held(packet.ts_ns);
    if (clock_ != kNever && packet.ts_ns - clock_ > kJumpNs) {
      held_.emplace(
          Held{{packet.data, packet.data + packet.captured}, *packet.interface, packet, number()});
      held_->packet.data = held_->bytes.data();
      held_->packet.interface = &held_->interface;
      continue;
    }
    if (packet.ts_ns < clock_) {
      diagnostics_.count(kBackwards, position(number()));
    } else {
      clock_ = packet.ts_ns;
    }
    take(packet, number());
  }
  decoder_.keep(batch_);
}

void CaptureFlows::set_input(std::string_view name) {
  submit();
  read_before_ = ledger_.read;
  batch_.input = name;
}

void CaptureFlows::wait() {
  batch_.is_followed_by_wait = true;
  submit();
}

// Is the held packet's time an outlier? The packet after it tells.
void CaptureFlows::settle_held(std::int64_t next_ts) {
  Packet packet = held_->packet;
  if (next_ts != kNever && packet.ts_ns - next_ts > kJumpNs) {
    diagnostics_.count(kOutlier, position(held_->number));
    seen_at(packet.ts_ns);
    packet.ts_ns = clock_;
  } else {
    clock_ = packet.ts_ns;
  }
  take(packet, held_->number);
  decoder_.keep(batch_);
  held_.reset();
}

void CaptureFlows::seen_at(std::int64_t ts_ns) {
  const formats::record::Time time{ts_ns};
  ledger_.first_ts = std::min(ledger_.first_ts.value_or(time), time);
  ledger_.last_ts = std::max(ledger_.last_ts.value_or(time), time);
}

void CaptureFlows::take(const Packet& packet, std::uint64_t number) {
  seen_at(packet.ts_ns);
  const std::size_t before = batch_.datagrams.size();
  switch (decoder_.decode(packet, number, batch_)) {
    case Outcome::kCounted:
      ++ledger_.counted;
      if (packet.captured < packet.length && batch_.datagrams[before].is_truncated)
        ++ledger_.truncated;
      break;
    case Outcome::kFragment:
      ++ledger_.fragments;
      break;
    case Outcome::kNonIp:
      ++ledger_.non_ip;
      break;
    case Outcome::kMalformed:
      ++ledger_.malformed;
      break;
    case Outcome::kUnsupportedLink:
      ++ledger_.unsupported_link;
      break;
  }
  if (batch_.datagrams.size() >= kBatch) {
    decoder_.keep(batch_);
    submit();
  }
}

void CaptureFlows::submit() {
  background_.submit(batch_);
}

void CaptureFlows::finish() {
  if (held_) settle_held(kNever);
  background_.drain(batch_);
  flows_.finish();
}

formats::record::Ledger CaptureFlows::ledger() const {
  formats::record::Ledger ledger = ledger_;
  ledger.bad_checksum = flows_.dropped();
  ledger.counted -= std::min(ledger.counted, ledger.bad_checksum);
  ledger.flows = flows_.reported();
  ledger.evicted = flows_.evicted();
  return ledger;
}

namespace {

constexpr std::uint16_t kTcpServers[] = {21,   22,   25,   53,   79,   80,   81,   88,   135,  139,
                                         143,  389,  443,  445,  465,  502,  514,  563,  585,  587,
                                         614,  631,  636,  989,  990,  992,  993,  995,  1080, 1434,
                                         1883, 2811, 3128, 3268, 3306, 3389, 5222, 5223, 5269, 5432,
                                         6379, 6666, 6667, 6668, 6669, 8000, 8080, 8888, 20000};
constexpr std::uint16_t kUdpServers[] = {53,   67,   88,   123,  137,  161,  162,  389,
                                         443,  514,  1812, 2123, 2152, 3389, 3544, 4011,
                                         4754, 4789, 5060, 5072, 5353, 5355, 6081, 20000};

class Input final : public InputReader, public FlowSink {
 public:
  Input(const CaptureFlows::Options& options, bool with_ledger, InputSink& sink,
        io::Diagnostics& diagnostics)
      : with_ledger_(with_ledger),
        sink_(sink),
        diagnostics_(diagnostics),
        most_flows_(options.flows.max_flows),
        flows_(options, *this, diagnostics) {}
  void read(std::unique_ptr<io::Rewound> source, const InputFile& file) override {
    if (!file.name.empty()) flows_.set_input(file.name);
    // A flow of several captures has times of each of them: packets are shifted, not records.
    sink_.shift_by(0);
    flows_.set_shift(file.shift_ns);
    formats::pcap::CaptureReader reader(*source, diagnostics_);
    read_all(reader, flows_, diagnostics_, file.may_wait);
  }
  void finish() override {
    flows_.finish();
    const record::Ledger ledger = flows_.ledger();
    if (with_ledger_) sink_.put(record::AnyRecord(ledger));
    if (ledger.evicted == 0) return;
    diagnostics_.note(fmt::format(
        "{} of {} flows were ended before their time: more than {} were open (--max-flows)",
        ledger.evicted, ledger.flows, most_flows_));
  }
  void flow(const record::Flow& flow) override { sink_.put(record::AnyRecord(flow)); }
  void segment(const record::Segment& segment) override { sink_.put(record::AnyRecord(segment)); }
  void flush() override { sink_.flush(); }

 private:
  bool with_ledger_;
  InputSink& sink_;
  io::Diagnostics& diagnostics_;
  std::size_t most_flows_;
  CaptureFlows flows_;
};

// pcap in both byte orders, with micro- and nanoseconds and Kuznetzov's form; pcapng.
bool looks_like_capture(std::string_view head) {
  using namespace std::string_view_literals;
  constexpr std::string_view kStarts[] = {
      "\xd4\xc3\xb2\xa1"sv, "\xa1\xb2\xc3\xd4"sv, "\x4d\x3c\xb2\xa1"sv, "\xa1\xb2\x3c\x4d"sv,
      "\x34\xcd\xb2\xa1"sv, "\xa1\xb2\xcd\x34"sv, "\x0a\x0d\x0d\x0a"sv};
  return std::ranges::any_of(kStarts,
                             [&](std::string_view start) { return head.starts_with(start); });
}

MakeReader prepare(const formats::cli::Arguments& /*arguments*/, const Wanted& wanted) {
  CaptureFlows::Options options = default_options();
  options.flows.segments = wanted.segments;
  if (wanted.most_flows > 0) options.flows.max_flows = wanted.most_flows;
  return [options, with_ledger = wanted.ledgers](InputSink& sink, formats::cli::Context& context) {
    return std::make_unique<Input>(options, with_ledger, sink, context.diagnostics);
  };
}

constexpr const record::TypeInfo* kTypes[] = {&record::kTypeInfo<record::Flow>,
                                              &record::kTypeInfo<record::Segment>,
                                              &record::kTypeInfo<record::Ledger>};

}  // namespace

void add_default_ports(ServerPorts& ports) {
  for (const std::uint16_t port : kTcpServers) ports.tcp.set(port);
  for (const std::uint16_t port : kUdpServers) ports.udp.set(port);
}

std::size_t default_most_flows(std::size_t more_bytes) {
  constexpr std::size_t kLeast = 10'000;
  constexpr std::size_t kMost = 100'000'000;
  // With four slots of the hash table for a flow, as it doubles, and texts of usual length.
  constexpr std::size_t kFlowBytes = sizeof(FlowState) + 32 + sizeof(FlowExtras) + 64;
  return std::clamp<std::size_t>(io::memory_limit() / 4 / (kFlowBytes + more_bytes), kLeast, kMost);
}

CaptureFlows::Options default_options() {
  CaptureFlows::Options options;
  add_default_ports(options.flows.server_ports);
  options.flows.max_flows = default_most_flows(0);
  return options;
}

void read_all(formats::pcap::PacketSource& source, CaptureFlows& flows,
              io::Diagnostics& diagnostics, bool waits) {
  constexpr std::size_t kBatch = 256;
  std::vector<formats::pcap::Packet> packets(kBatch);
  for (;;) {
    std::size_t count = 0;
    try {
      count = source.read(packets);
    } catch (const io::Error& error) {
      diagnostics.report(error);
    }
    if (count == 0) return;
    flows.add(std::span(packets).first(count));
    if (waits && count < kBatch) flows.wait();
  }
}

extern constinit const InputKind kInput = {
    .name = "capture",
    .described = "a capture",
    .plural = "packet captures (pcap, pcapng)",
    .rank = 2,
    .types = kTypes,
    .recognize = looks_like_capture,
    .prepare = prepare,
};

}  // namespace tracebraid::converters::pcap
