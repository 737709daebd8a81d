// Which function of a greenlet library tells of every switch, and the bpftrace program that listens
// there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "formats/elf/symbols.h"

namespace tracebraid::converters::greenlet {

// The program for the library at `path`, with `symbols`, of one process or of all. Throws io::Error
// that says what is missing.
[[nodiscard]] std::string probe_script(const std::string& path,
                                       const formats::elf::Symbols& symbols,
                                       std::optional<std::uint64_t> pid);

}  // namespace tracebraid::converters::greenlet
