#include "converters/pcap/capture_flows.h"

#include <algorithm>
#include <string>

namespace tracebraid::converters::pcap {
namespace {

namespace io = formats::io;
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

}  // namespace

CaptureFlows::CaptureFlows(Options options, FlowSink& sink, io::Diagnostics& diagnostics)
    : sink_(sink),
      flows_(options.flows, sink),
      decoder_(std::move(options.decoder), diagnostics),
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
      packet.ts_ns += shift_ns_;
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

}  // namespace tracebraid::converters::pcap
