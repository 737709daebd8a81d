// Folded stacks: a line for each stack, frames from the outermost with semicolons between, a blank
// and a weight. Read by flamegraph.pl, inferno, speedscope and others.
//
//   main;handle;recv;recvfrom 1250
//
// Semicolons and line ends in a frame become `:` and a blank, as no reader has escapes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tracebraid::formats::flame {

// Appends a line. `frames` from the outermost.
void append_folded(std::string& out, std::span<const std::string_view> frames,
                   std::uint64_t weight);

}  // namespace tracebraid::formats::flame
