// What of a timeline is asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/util/time_range.h"
#include "formats/cli/program.h"
#include "formats/record/flow.h"
#include "formats/record/switch.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers {

struct SocketLife;

namespace timeline {

class Filters {
 public:
  // Throws UsageError.
  explicit Filters(const formats::cli::Arguments& arguments);

  // To be asked about every record, in their order: the first one with a time may be what --since
  // and --until count from.
  [[nodiscard]] bool want(const formats::record::Syscall& call, const SocketLife* socket);
  [[nodiscard]] bool want(const formats::record::Segment& segment);
  [[nodiscard]] bool want(const formats::record::Flow& flow);
  [[nodiscard]] bool want(const formats::record::Switch& change);
  [[nodiscard]] bool want(const formats::record::Signal& signal);
  [[nodiscard]] bool want(const formats::record::Process& process);

  // Of a record that is wanted: whether this moment of it is, too; ns since 1970.
  [[nodiscard]] bool is_in_time(std::int64_t ts) const { return range_.has(ts); }

 private:
  // What began and ended then; what has no time is wanted where no time is asked for.
  [[nodiscard]] bool is_in_time(std::optional<std::int64_t> begin, std::optional<std::int64_t> end);
  [[nodiscard]] bool wants_thread(std::optional<std::uint64_t> pid,
                                  std::optional<std::uint64_t> tid) const;
  [[nodiscard]] bool wants_flow(std::string_view uid) const;
  [[nodiscard]] bool are_of_calls() const;
  [[nodiscard]] bool are_of_files() const { return !fds_.empty() || !files_.empty(); }

  std::set<std::uint64_t> pids_, tids_;
  std::set<std::int64_t> fds_;
  std::set<std::uint64_t> files_;
  std::vector<std::string> flows_;  // beginnings of uids
  bool errors_ = false;
  TimeRange range_;
};

}  // namespace timeline
}  // namespace tracebraid::analyzers
