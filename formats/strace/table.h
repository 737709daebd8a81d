// The tables of -c and -C: how often each system call was made.
//
//   % time     seconds  usecs/call     calls    errors syscall
//   ------ ----------- ----------- --------- --------- ----------------
//    25.00    0.000001           0        12         3 openat
//   ------ ----------- ----------- --------- --------- ----------------
//   100.00    0.000004           0        33         3 total
//
// Source: strace's count.c, 6.1 and 7.2. Columns come in any order (-U), numbers to the right of
// their column, `errors` may be blank; one table for each ABI.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tracebraid::formats::strace {

struct CallCount {
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;
  std::int64_t nanoseconds = 0;  // of -w, or system time
};

using CallCounts = std::map<std::string, CallCount, std::less<>>;

class CallTable {
 public:
  // Line by line from the heading on; false for a line that is not part of the table, which has
  // ended then.
  bool take(std::string_view line);
  // The row `total` has been there.
  [[nodiscard]] bool is_complete() const { return is_complete_; }
  [[nodiscard]] const CallCounts& rows() const { return rows_; }
  [[nodiscard]] const CallCount& total() const { return total_; }

 private:
  void take_columns(std::string_view rule);
  bool take_row(std::string_view line);

  std::string heading_;
  std::vector<std::string> columns_;  // their headings
  CallCounts rows_;
  CallCount total_;
  bool is_complete_ = false;
};

}  // namespace tracebraid::formats::strace
