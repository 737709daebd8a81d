// What the table's files need of the records of system calls.
#pragma once

#include <cstdint>
#include <optional>

#include "formats/record/syscall.h"

namespace tracebraid::analyzers {

// When a call was entered and when it returned; where the log tells one of them alone, that.
[[nodiscard]] inline std::optional<std::int64_t> begin_of(const formats::record::Syscall& call) {
  if (call.ts) return call.ts->ns;
  if (call.end_ts) return call.end_ts->ns;
  return std::nullopt;
}
[[nodiscard]] inline std::optional<std::int64_t> end_of(const formats::record::Syscall& call) {
  if (call.end_ts) return call.end_ts->ns;
  if (call.ts) return call.ts->ns;
  return std::nullopt;
}

[[nodiscard]] inline std::optional<std::uint16_t> port_of(
    const std::optional<std::uint64_t>& port) {
  if (!port || *port > UINT16_MAX) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

}  // namespace tracebraid::analyzers
