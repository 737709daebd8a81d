// Closes of numbers that were never open, as those who close all numbers that there could be.

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
#include "analyzers/checks/waste.h"
#include "analyzers/util/shown.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::string_view kCalls[] = {"close"};
constexpr std::uint64_t kMany = 250;

struct Closes : CallSum {
  std::int64_t lowest = INT64_MAX, highest = 0;
};

class UselessCloses final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (call.error != "EBADF" || !call.fd || *call.fd < 0) return;
    Closes& closes = closes_[{event.thread.lane, event.thread.pid}];
    closes.add(event);
    closes.lowest = std::min(closes.lowest, *call.fd);
    closes.highest = std::max(closes.highest, *call.fd);
  }

  void finish() override {
    for (auto& [process, closes] : closes_) {
      // One number closed again and again is bad_descriptor's.
      const auto numbers = static_cast<std::uint64_t>(closes.highest - closes.lowest) + 1;
      if (closes.count < kMany || numbers < kMany) continue;
      Finding finding = closes.finding(scene_);
      finding.summary = fmt::format("{} closes of numbers that were not open ({} to {}){}",
                                    shown_count(closes.count), closes.lowest, closes.highest,
                                    closes.shown_time());
      finding.function = scene_.function("close", closes.count);
      finding.hint =
          "close_range(2) closes all at once; Python: subprocess's close_fds, os.closerange on an "
          "old kernel; a lower limit (ulimit -n) makes them fewer";
      report(std::move(finding));
    }
  }

 private:
  std::map<std::pair<std::size_t, std::uint64_t>, Closes> closes_;  // by lane and process
};

}  // namespace

extern constinit const Check kUselessCloses = {
    .id = "useless_closes",
    .title = "thousands of numbers are closed that were never open",
    .explain =
        "A process made 250 or more closes that failed with EBADF, over 250 or more different "
        "numbers: a daemon or a child that closes whatever could be open. What they took is told "
        "where the log has durations (-T), else from the first to the last.\n\n"
        "  close(4) = -1 EBADF (Bad file descriptor) <0.000018>\n"
        "  close(5) = -1 EBADF (Bad file descriptor) <0.000019>\n"
        "  … to 20002",
    .needs = "log",
    .make = &make_detector<UselessCloses>,
};

}  // namespace tracebraid::analyzers::checks
