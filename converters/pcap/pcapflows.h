// The program pcapflows: its table, and what it does with its arguments.
#pragma once

#include "formats/cli/program.h"

namespace tracebraid::converters::pcap {

[[nodiscard]] const formats::cli::Program& pcapflows();

}  // namespace tracebraid::converters::pcap
