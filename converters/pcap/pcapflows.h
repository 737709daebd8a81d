// The program pcapflows: its table, and what it does with its arguments.
#pragma once

#include "converters/pcap/capture_flows.h"
#include "formats/cli/program.h"
#include "formats/io/diagnostics.h"
#include "formats/pcap/packet.h"

namespace tracebraid::converters::pcap {

[[nodiscard]] const formats::cli::Program& pcapflows();

// What it does without options.
[[nodiscard]] CaptureFlows::Options default_options();

// Reads `source` to its end, or to what is wrong with it, which is reported. What `flows` throws is
// the output's, and goes on to the caller. With `waits`, flows are handed on when `source` has
// nothing more for a while.
void read_all(formats::pcap::PacketSource& source, CaptureFlows& flows,
              formats::io::Diagnostics& diagnostics, bool waits = false);

}  // namespace tracebraid::converters::pcap
