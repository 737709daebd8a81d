// tracebraid sockets: each socket's life, and the flow that it was on the wire.
#pragma once

#include "formats/cli/program.h"

namespace tracebraid::analyzers {

extern const formats::cli::Program kSockets;

}  // namespace tracebraid::analyzers
