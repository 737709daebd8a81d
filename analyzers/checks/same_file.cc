// One file that is opened, or asked for, again and again.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/waste.h"
#include "analyzers/util/shown.h"
#include "formats/io/hash.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::string_view kOpens[] = {"open", "openat", "openat2", "creat"};
constexpr std::string_view kCalls[] = {"open",       "openat",     "openat2",   "creat",
                                       "stat",       "lstat",      "stat64",    "lstat64",
                                       "newfstatat", "statx",      "fstatat64", "access",
                                       "faccessat",  "faccessat2", "readlink",  "readlinkat"};

// Devices are opened for what they do, not for what is in them; and what the kernel makes up is
// another text each time.
bool is_ordinary(std::string_view path) {
  return !path.empty() && !path.starts_with("/dev/") && !path.starts_with("/proc/") &&
         !path.starts_with("/sys/");
}

class SameFile final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    const std::string_view path = quoted_path(call.args);
    if (!is_ordinary(path)) return;
    const bool is_open = is_one_of(event.name.text, kOpens);
    // Imports look at each folder of sys.path for each module; and folders are listed.
    const bool is_folder = is_open ? call.args.find("O_DIRECTORY") != std::string_view::npos
                                   : call.args.find("S_IFDIR") != std::string_view::npos;
    if (is_folder) return;
    // A thread whose process is not known stands for itself.
    Files& files = processes_[{event.thread.lane, process_of(event.thread)}];
    Sums& sums = is_open ? files.opened : files.asked;
    auto found = sums.find(path);
    if (found == sums.end()) {
      if (sums.size() >= kMostFiles) forget_rare(sums);
      found = sums.emplace(path, CallSum()).first;
    }
    found->second.add(event);
  }

  void gone(Thread& thread) override {
    if (thread.tid != thread.pid && thread.pid != 0) return;
    const auto found = processes_.find({thread.lane, process_of(thread)});
    if (found == processes_.end()) return;
    tell(found->second);
    processes_.erase(found);
  }

  void finish() override {
    for (auto& [process, files] : processes_) tell(files);
    for (auto& [what, sums] : told_) report_all(what.first, what.second, sums);
  }

 private:
  static constexpr std::size_t kMostFiles = 4096;  // of a process
  using Sums = std::unordered_map<std::string, CallSum, formats::io::TextHash, std::equal_to<>>;
  struct Files {
    Sums opened, asked;
  };

  static std::uint64_t process_of(const Thread& thread) {
    return thread.pid != 0 ? thread.pid : thread.tid;
  }

  // Those that come again and again come back.
  static void forget_rare(Sums& sums) {
    std::uint64_t least = 2;
    while (sums.size() > kMostFiles / 2) {
      std::erase_if(sums, [&](const auto& one) { return one.second.count < least; });
      least *= 2;
    }
  }

  void tell(Files& files) {
    for (const bool is_open : {true, false}) {
      for (auto& [path, sum] : is_open ? files.opened : files.asked) {
        const std::uint64_t all = scene_.counts().calls;
        const bool is_often = is_open
                                  ? is_much(sum.count, kManyOpens, kFewOpens, all, kPercentOpens)
                                  : is_much(sum.count, kManyAsked, kFewAsked, all, kPercentAsked);
        if (is_often && !sum.is_slower_than(kLeastRate)) {
          told_[{is_open, path}].push_back(std::move(sum));
        }
      }
    }
  }

  // Of one file, by whichever processes.
  void report_all(bool is_open, const std::string& path, const std::vector<CallSum>& sums) {
    std::uint64_t count = 0;
    const CallSum* most = &sums.front();
    for (const CallSum& sum : sums) {
      count += sum.count;
      if (sum.count > most->count) most = &sum;
    }
    Finding finding = most->finding(scene_);
    finding.count = count;
    finding.summary =
        fmt::format("the file {} was {} {} times{}", path, is_open ? "opened" : "asked for",
                    shown_count(most->count), most->shown_time());
    if (sums.size() > 1) {
      finding.detail = fmt::format("By {} likewise: {} times in all",
                                   counted(sums.size() - 1, "other process", "other processes"),
                                   shown_count(count));
    }
    finding.function = scene_.function(most->first.call().syscall, most->count);
    finding.hint = is_open ? "read it once and keep what it says, or keep it open"
                           : "keep what it said; for /etc/localtime: set the variable TZ";
    report(std::move(finding));
  }

  static constexpr std::uint64_t kManyOpens = 200, kFewOpens = 30, kPercentOpens = 10;
  static constexpr std::uint64_t kManyAsked = 500, kFewAsked = 50, kPercentAsked = 30;
  static constexpr std::int64_t kLeastRate = 10;

  std::map<std::pair<std::size_t, std::uint64_t>, Files> processes_;  // by lane and process
  std::map<std::pair<bool, std::string>, std::vector<CallSum>> told_;
};

}  // namespace

extern constinit const Check kSameFile = {
    .id = "same_file",
    .title = "one file is opened or asked for again and again",
    .explain =
        "One process opened one file 200 times or more (or 30 times, and that is a tenth of all "
        "calls), or asked for it (stat, access, readlink) 500 times or more (or 50 times, and that "
        "is 30 % of all calls); and with times, 10 times a second or more. Folders, and what lies "
        "in /dev, /proc and /sys, do not count.\n\n"
        "  newfstatat(AT_FDCWD, \"/etc/localtime\", {st_mode=S_IFREG|0644, …}, 0) = 0\n"
        "  newfstatat(AT_FDCWD, \"/etc/localtime\", {st_mode=S_IFREG|0644, …}, 0) = 0\n"
        "  … 3,000 times",
    .needs = "log",
    .make = &make_detector<SameFile>,
};

}  // namespace tracebraid::analyzers::checks
