// What is compared: kinds of things, and what is measured of each.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tracebraid::analyzers::diff {

enum class Unit : std::uint8_t { kNumber, kNs, kBytes, kPackets };

// As records name them; a number has none.
inline constexpr std::string_view kUnitNames[] = {"", "ns", "bytes", "packets"};

// How a measure of several things together is made of theirs.
enum class Together : std::uint8_t { kSum, kLargest };

struct Measure {
  std::string_view name;
  Unit unit;
  Together together;
  bool absent_is_zero;  // of a thing that a run has not; else there is no value
  bool is_of_all_only;  // of single things it says nothing new
  std::string_view doc;
};

struct Kind {
  std::string_view name;     // as records name it
  std::string_view heading;  // of its section
  std::string_view one, many;
  std::span<const Measure> measures;  // the first is how many
};

enum KindNumber : std::uint8_t {
  kFunction,
  kSyscall,
  kFlow,
  kSocket,
  kSwitch,
  kSignal,
  kProcess,
  kKindCount,
};

namespace detail {

inline constexpr Measure kOfFunctions[] = {
    {"calls", Unit::kNumber, Together::kSum, true, false, "all calls, recursive ones too"},
    {"tottime", Unit::kNs, Together::kSum, true, false, "own time"},
    {"cumtime", Unit::kNs, Together::kLargest, true, false,
     "cumulative time; of several functions that of the largest, for callers hold their callees'"},
};
inline constexpr Measure kOfSyscalls[] = {
    {"calls", Unit::kNumber, Together::kSum, true, false, "system calls"},
    {"errors", Unit::kNumber, Together::kSum, true, true, "of them, failed or interrupted"},
    {"time", Unit::kNs, Together::kSum, true, false, "from entry to exit, waiting included"},
    {"wait", Unit::kNs, Together::kSum, true, true,
     "of it, in calls that wait: for peers, locks, children, timers, disks"},
    {"bytes_in", Unit::kBytes, Together::kSum, true, false, "read or received"},
    {"bytes_out", Unit::kBytes, Together::kSum, true, false, "written or sent"},
};
inline constexpr Measure kOfFlows[] = {
    {"flows", Unit::kNumber, Together::kSum, true, false, "connections and the like"},
    {"failed", Unit::kNumber, Together::kSum, true, false, "refused, reset, or never answered"},
    {"orig_bytes", Unit::kBytes, Together::kSum, true, false, "clients' payload on the wire"},
    {"resp_bytes", Unit::kBytes, Together::kSum, true, false, "servers' payload on the wire"},
    {"orig_pkts", Unit::kPackets, Together::kSum, true, false, "clients' packets"},
    {"resp_pkts", Unit::kPackets, Together::kSum, true, false, "servers' packets"},
    {"rexmit_pkts", Unit::kPackets, Together::kSum, true, false, "sent again, both directions"},
    {"handshake_rtt", Unit::kNs, Together::kLargest, false, false,
     "median time from SYN to the handshake's last ACK"},
    {"rtt", Unit::kNs, Together::kLargest, false, false,
     "mean time from payload to its acknowledgement, both directions"},
    {"response_latency", Unit::kNs, Together::kLargest, false, false,
     "median time from the end of the request to the beginning of the answer"},
    {"duration", Unit::kNs, Together::kLargest, false, false, "median of the flows'"},
    {"max_idle", Unit::kNs, Together::kLargest, false, false,
     "longest silence between two packets of a flow"},
};
inline constexpr Measure kOfSockets[] = {
    {"sockets", Unit::kNumber, Together::kSum, true, false, "made or used"},
    {"unclosed", Unit::kNumber, Together::kSum, true, false, "open when the log ended"},
    {"calls", Unit::kNumber, Together::kSum, true, false, "system calls on them"},
    {"errors", Unit::kNumber, Together::kSum, true, false, "of them, failed"},
    {"bytes_in", Unit::kBytes, Together::kSum, true, false, "what calls received"},
    {"bytes_out", Unit::kBytes, Together::kSum, true, false, "what calls sent"},
    {"blocked", Unit::kNs, Together::kSum, true, false, "time in calls on them"},
    {"wait_mean", Unit::kNs, Together::kLargest, false, false,
     "mean time that received data lay in the kernel before the program read it"},
    {"wait_max", Unit::kNs, Together::kLargest, false, false, "longest of the same"},
    {"send_wait_mean", Unit::kNs, Together::kLargest, false, false,
     "mean time that sent data took to leave"},
    {"send_wait_max", Unit::kNs, Together::kLargest, false, false, "longest of the same"},
};
inline constexpr Measure kOfSwitches[] = {
    {"switches", Unit::kNumber, Together::kSum, true, false, "switches between greenlets"},
    {"ran_max", Unit::kNs, Together::kLargest, false, false,
     "longest time that a greenlet ran before it switched"},
};
inline constexpr Measure kOfSignals[] = {
    {"signals", Unit::kNumber, Together::kSum, true, false, "signals that threads took"},
};
inline constexpr Measure kOfProcesses[] = {
    {"events", Unit::kNumber, Together::kSum, true, false, "threads and processes: what happened"},
};

}  // namespace detail

// By KindNumber.
inline constexpr Kind kKinds[] = {
    {"function", "Functions", "function", "functions", detail::kOfFunctions},
    {"syscall", "System calls", "kind of system call", "kinds of system calls",
     detail::kOfSyscalls},
    {"flow", "Flows", "kind of flow", "kinds of flows", detail::kOfFlows},
    {"socket", "Sockets", "kind of socket", "kinds of sockets", detail::kOfSockets},
    {"switch", "Greenlet switches", "kind", "kinds", detail::kOfSwitches},
    {"signal", "Signals", "signal", "signals", detail::kOfSignals},
    {"process", "Processes and threads", "event", "events", detail::kOfProcesses},
};
static_assert(std::size(kKinds) == kKindCount);

// One run's times differ from another's by themselves; all else is counted.
[[nodiscard]] constexpr bool is_noisy(const Measure& measure) {
  return measure.unit == Unit::kNs;
}

}  // namespace tracebraid::analyzers::diff
