// The analyzers: each is a program of its own, called as `tracebraid NAME`.
#pragma once

#include <span>

#include "formats/cli/program.h"

namespace tracebraid::analyzers {

using Analyzer = formats::cli::Command;

[[nodiscard]] std::span<const Analyzer> analyzers();

// Runs the analyzer that the command line names, or shows which there are.
[[nodiscard]] int run_tracebraid(int argc, char** argv);

}  // namespace tracebraid::analyzers
