// From packets to flows: what happens between a capture and its records.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "converters/pcap/decoder.h"
#include "converters/pcap/flow_table.h"
#include "formats/io/background.h"
#include "formats/io/diagnostics.h"
#include "formats/pcap/filter.h"
#include "formats/pcap/packet.h"
#include "formats/record/flow.h"

namespace tracebraid::converters::pcap {

// Decoding is done in the calling thread, the flows' work and the sink's in a second one, which
// starts when there are more packets than one batch.
//
// Memory: that of the open flows, of fragments that wait, of six batches, and one packet that is
// held back.
class CaptureFlows {
 public:
  struct Options {
    Decoder::Options decoder;
    FlowTable::Options flows;
    std::string filter;  // pcap-filter(7); empty: everything
  };

  // The decoder is told the shortest of the flows' time-outs.
  CaptureFlows(Options options, FlowSink& sink, formats::io::Diagnostics& diagnostics);

  // Names the input that the next packets are from; empty where there is but one.
  void set_input(std::string_view name);

  // Added to the times of the next packets.
  void set_shift(std::int64_t ns) { shift_ns_ = ns; }

  // Takes in packets in the order of the capture, whose times it puts right in place: a copy of
  // each packet cost 5 ns. The result does not depend on how they are divided among calls. What the
  // sink throws is thrown by a later call.
  void add(std::span<formats::pcap::Packet> packets);

  // The input may have nothing more for a while: hands on what there is, and flushes the sink.
  void wait();

  // The capture is over: reports what is open.
  void finish();

  // What became of the packets so far. Its sums are complete after finish().
  [[nodiscard]] formats::record::Ledger ledger() const;

 private:
  struct Held {
    std::vector<unsigned char> bytes;
    formats::pcap::Interface interface;
    formats::pcap::Packet packet;
    std::uint64_t number;
  };

  // In its input, from 1.
  [[nodiscard]] std::uint64_t number() const { return ledger_.read - read_before_; }
  void take(const formats::pcap::Packet& packet, std::uint64_t number);
  void seen_at(std::int64_t ts_ns);
  void submit();
  void settle_held(std::int64_t next_ts);

  FlowSink& sink_;
  FlowTable flows_;
  Decoder decoder_;
  formats::io::Diagnostics& diagnostics_;
  std::optional<formats::pcap::PacketFilter> filter_;
  formats::record::Ledger ledger_;
  std::int64_t shift_ns_ = 0;
  std::uint64_t read_before_ = 0;  // packets of earlier inputs
  DatagramBatch batch_;
  std::int64_t clock_;  // latest time that was believed
  std::optional<Held> held_;
  formats::io::Background<DatagramBatch> background_;  // the last: its thread uses the others
};

// As many as fit into a quarter of the memory, the machine's or the container's, when whoever sees
// them keeps `more_bytes` of each.
[[nodiscard]] std::size_t default_most_flows(std::size_t more_bytes);

// What pcapflows does without options: Zeek's likely servers, and default_most_flows(0).
[[nodiscard]] CaptureFlows::Options default_options();

// Zeek's likely_server_ports with its default scripts.
void add_default_ports(ServerPorts& ports);

// Reads `source` to its end, or to what is wrong with it, which is reported. What `flows` throws is
// the output's, and goes on to the caller. With `waits`, flows are handed on when `source` has
// nothing more for a while.
void read_all(formats::pcap::PacketSource& source, CaptureFlows& flows,
              formats::io::Diagnostics& diagnostics, bool waits = false);

}  // namespace tracebraid::converters::pcap
