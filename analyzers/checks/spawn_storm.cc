// One program that is started again and again.

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/waste.h"
#include "analyzers/util/shown.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::string_view kCalls[] = {"execve", "execveat"};
constexpr std::string_view kShells[] = {"sh", "bash", "dash", "zsh", "ksh", "busybox"};
constexpr std::string_view kRunners[] = {"make", "ninja", "configure", "parallel", "xargs"};
constexpr std::uint64_t kMany = 50;
constexpr std::int64_t kLeastRate = 2;

bool is_program(std::string_view path, std::span<const std::string_view> names) {
  return is_one_of(path.substr(path.rfind('/') + 1), names);
}

class SpawnStorm final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls}; }

  void call(const CallEvent& event) override {
    if (!event.call.error.empty()) return;
    const std::string_view path = quoted_path(event.call.args);
    constexpr std::size_t kMost = 10'000;
    auto found = starts_.find(path);
    if (found == starts_.end()) {
      if (path.empty() || starts_.size() >= kMost) return;
      found = starts_.emplace(path, CallSum()).first;
    }
    found->second.add(event);
  }

  void finish() override {
    // Starting programs is what scripts and builds are for: their own shell ran before.
    const bool is_script = std::ranges::any_of(starts_, [](const auto& one) {
      return one.second.count < kMany &&
             (is_program(one.first, kShells) || is_program(one.first, kRunners));
    });
    if (is_script) return;
    const bool has_shells = std::ranges::any_of(
        starts_, [](const auto& one) { return is_program(one.first, kShells); });
    for (auto& [path, sum] : starts_) {
      if (sum.count < kMany || sum.is_slower_than(kLeastRate)) continue;
      if (has_shells && !is_program(path, kShells)) continue;  // that the shell started
      Finding finding = sum.finding(scene_);
      std::string rate;
      if (sum.first_ts && sum.last_ts && *sum.last_ts > *sum.first_ts) {
        rate = " in " + shown_duration(*sum.last_ts - *sum.first_ts);
      }
      finding.summary =
          fmt::format("{} was started {} times{}", path, shown_count(sum.count), rate);
      finding.hint =
          "each start is a fork, an execve and the loading of libraries: a library's function, or "
          "one helper process that stays, does the same";
      report(std::move(finding));
    }
  }

 private:
  std::map<std::string, CallSum, std::less<>> starts_;  // by path
};

}  // namespace

extern constinit const Check kSpawnStorm = {
    .id = "spawn_storm",
    .title = "one program is started again and again",
    .explain =
        "execve of one path succeeded 50 times or more, and with times twice a second or more. "
        "Nothing is said where a shell, make or their like run the programs: that is what they are "
        "for. Of os.system() and shell=True the shell is told.\n\n"
        "  execve(\"/usr/bin/git\", [\"git\", \"status\"], …) = 0\n"
        "  … 300 times in 4 s",
    .needs = "log",
    .make = &make_detector<SpawnStorm>,
};

}  // namespace tracebraid::analyzers::checks
