// The zone of the process, for a while: as the machine, or --tz, sets it.
#pragma once

#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>

namespace tracebraid::tests {

class InZone {
 public:
  explicit InZone(const char* zone) {
    if (const char* const before = std::getenv("TZ")) before_ = before;
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  InZone(const InZone&) = delete;
  InZone& operator=(const InZone&) = delete;
  ~InZone() {
    if (before_) {
      ::setenv("TZ", before_->c_str(), 1);
    } else {
      ::unsetenv("TZ");
    }
    ::tzset();
  }

 private:
  std::optional<std::string> before_;
};

}  // namespace tracebraid::tests
