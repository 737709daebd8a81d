// What one run has of each kind of system call, flow and socket, added up.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "analyzers/diff/end_match.h"
#include "analyzers/diff/values.h"
#include "analyzers/util/spread.h"
#include "formats/record/flow.h"
#include "formats/record/socket.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::diff {

struct CallGroup {
  std::string name, error, target;
  std::uint64_t calls = 0, bytes_in = 0, bytes_out = 0;
  std::int64_t time_ns = 0, wait_ns = 0;

  void add(const formats::record::Syscall& call);
  // `errors`: how many of the calls failed.
  void put(Values& values, Values::Thing thing, std::size_t run, std::uint64_t errors) const;
};

struct FlowGroup {
  std::uint64_t flows = 0, failed = 0;
  std::uint64_t orig_bytes = 0, resp_bytes = 0, orig_pkts = 0, resp_pkts = 0, rexmit_pkts = 0;
  std::int64_t rtt_ns = 0;
  std::uint64_t rtt_samples = 0;
  Spread handshakes, latencies, durations;
  std::optional<std::int64_t> max_idle;

  void add(const formats::record::Flow& flow);
  void put(Values& values, Values::Thing thing, std::size_t run);
};

struct SocketGroup {
  std::uint64_t sockets = 0, unclosed = 0, calls = 0, errors = 0, bytes_in = 0, bytes_out = 0;
  std::int64_t blocked_ns = 0;
  // For bytes to be read, or to leave.
  struct Waits {
    std::uint64_t count = 0;
    std::int64_t total_ns = 0, longest_ns = 0;

    void add(std::uint64_t waits, const std::optional<formats::record::Duration>& total,
             const std::optional<formats::record::Duration>& longest);
    [[nodiscard]] std::optional<std::int64_t> mean() const;
    [[nodiscard]] std::optional<std::int64_t> longest() const;
  } in, out;

  void add(const formats::record::Socket& socket);
  void put(Values& values, Values::Thing thing, std::size_t run) const;
};

// Where the server is, or the path.
[[nodiscard]] ServerEnd end_of(const formats::record::Flow& flow);
[[nodiscard]] ServerEnd end_of(const formats::record::Socket& socket);
// "[::1]:8000"; * for what is not known, or was chosen by the system.
[[nodiscard]] std::string shown_end(const ServerEnd& end);

// Groups by server end.
template <typename Group>
class ByEnd {
 public:
  Group& of(const ServerEnd& end) {
    std::string key = end.proto;
    key.append(1, '\0').append(end.service).append(1, '\0').append(end.host).append(1, '\0');
    const auto [found, is_new] = groups_.try_emplace(key.append(end.port));
    if (is_new) found->second.end = end;
    return found->second.group;
  }
  // In order of the ends, so that the same inputs are matched in the same way.
  template <typename Visit>
  void each(Visit visit) {
    for (auto& [key, each] : groups_) visit(each.end, each.group);
  }

 private:
  struct Each {
    ServerEnd end;
    Group group;
  };
  std::map<std::string, Each> groups_;
};

}  // namespace tracebraid::analyzers::diff
