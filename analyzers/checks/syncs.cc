// A disk that is waited for again and again: fsync for each record.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/waste.h"
#include "analyzers/util/shown.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::string_view kCalls[] = {"fsync",           "fdatasync", "msync",
                                       "sync_file_range", "sync",      "syncfs"};
constexpr std::uint64_t kMany = 100;
constexpr std::uint64_t kFew = 10;
constexpr std::uint64_t kPercent = 10;
constexpr std::int64_t kLeastRate = 10;

class Syncs final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (!call.error.empty()) return;
    constexpr std::size_t kMost = 10'000;
    std::string what;
    if (!call.path.empty()) {
      what = "of " + std::string(call.path);
    } else if (call.fd) {
      what = fmt::format("of descriptor {}", *call.fd);
    }
    if (sums_.size() >= kMost && !sums_.contains(what)) return;
    sums_[std::move(what)].add(event);
  }

  void finish() override {
    for (auto& [what, sum] : sums_) {
      if (!is_much(sum.count, kMany, kFew, scene_.calls(), kPercent)) continue;
      if (sum.is_slower_than(kLeastRate)) continue;
      const std::string& name = sum.first.call().syscall;
      Finding finding = sum.finding(scene_);
      finding.summary = fmt::format("{} calls of {}{}{}{}", shown_count(sum.count), name,
                                    what.empty() ? "" : " ", what, sum.shown_time());
      finding.detail = "Each waits until the disk has what was written before";
      finding.function = scene_.function(name, sum.count);
      finding.hint =
          "once for many records is as safe when nobody was told yet that one is stored: write "
          "several, then sync";
      report(std::move(finding));
    }
  }

 private:
  std::map<std::string, CallSum> sums_;  // by file
};

}  // namespace

extern constinit const Check kSyncs = {
    .id = "syncs",
    .title = "a file is synced for each record",
    .explain =
        "fsync, fdatasync and their like for one file, 100 times or more (or 10 times, and that is "
        "a tenth of all calls); and with times, 10 times a second or more. What they took is told "
        "where the log has durations (-T).\n\n"
        "  write(3</srv/f.bin>, \"x\"…, 100) = 100\n"
        "  fsync(3</srv/f.bin>) = 0 <0.004015>\n"
        "  write(3</srv/f.bin>, \"x\"…, 100) = 100\n"
        "  fsync(3</srv/f.bin>) = 0 <0.003039>",
    .needs = "log",
    .make = &make_detector<Syncs>,
};

}  // namespace tracebraid::analyzers::checks
