// Calls whose failure ends a service: there is no address, space, memory, process or right for it.
//
// EACCES, EPERM and EROFS of a path are daily bread of programs that go on: such a failure is told
// of when the program says so itself in what it writes, or ends at once with a status that is not
// 0.

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
#include "analyzers/checks/sockets.h"
#include "analyzers/sockets/life.h"
#include "analyzers/util/shown.h"
#include "formats/io/digits.h"

namespace tracebraid::analyzers::checks {
namespace {

using formats::io::leading_number;

// What cannot be had.
enum class Want : std::uint8_t {
  kAddress,
  kSpace,
  kMemory,
  kProcess,
  kWatch,
  kDisk,
  kRight,
  kNothing
};

constexpr std::string_view kFills[] = {
    "write",   "pwrite64",  "writev",    "pwritev",    "pwritev2",  "fallocate",  "ftruncate",
    "fsync",   "close",     "fdatasync", "open",       "openat",    "openat2",    "creat",
    "mkdir",   "mkdirat",   "rename",    "renameat",   "renameat2", "link",       "linkat",
    "symlink", "symlinkat", "mknod",     "mknodat",    "sendfile",  "splice",     "copy_file_range",
    "msync",   "truncate",  "setxattr",  "sendfile64", "pwrite",    "ftruncate64"};
constexpr std::string_view kAllocates[] = {"mmap", "mmap2",  "mremap", "mprotect", "brk",
                                           "open", "openat", "socket", "execve",   "read"};
constexpr std::string_view kPaths[] = {
    "open",     "openat",    "openat2",  "creat",   "mkdir",    "mkdirat", "rename",
    "renameat", "unlink",    "unlinkat", "execve",  "execveat", "chdir",   "chown",
    "fchownat", "renameat2", "rmdir",    "symlink", "link",     "chmod",   "fchmodat"};

// Allocators reserve, and try large pages, and do without.
bool is_reserve(std::string_view args) {
  return args.find("PROT_NONE") != std::string_view::npos ||
         args.find("MAP_NORESERVE") != std::string_view::npos ||
         args.find("MAP_HUGETLB") != std::string_view::npos;
}

Want want_of(const formats::record::Syscall& call) {
  const std::string_view error = call.error;
  const std::string_view name = call.syscall;
  if (error == "EAGAIN" || error == "ENOENT") {
    return error == "EAGAIN" && is_one_of(name, kForks) ? Want::kProcess : Want::kNothing;
  }
  if (name == "bind" || name == "listen") {
    return error == "EADDRINUSE" || error == "EADDRNOTAVAIL" || error == "EACCES" ||
                   error == "EPERM"
               ? Want::kAddress
               : Want::kNothing;
  }
  if (error == "ENOSPC" || error == "EDQUOT" || error == "EFBIG") {
    if (name == "inotify_add_watch") return Want::kWatch;
    return is_one_of(name, kFills) ? Want::kSpace : Want::kNothing;
  }
  if (error == "ENOMEM") {
    const bool is_told = is_one_of(name, kAllocates) || is_one_of(name, kForks);
    return is_told && !is_reserve(call.args) ? Want::kMemory : Want::kNothing;
  }
  if (error == "EMFILE") return name.starts_with("inotify_init") ? Want::kWatch : Want::kNothing;
  if (error == "EIO") return call.kind == "file" ? Want::kDisk : Want::kNothing;
  if (error == "EACCES" || error == "EPERM" || error == "EROFS") {
    return is_one_of(name, kPaths) ? Want::kRight : Want::kNothing;
  }
  return Want::kNothing;
}

// Other strings of a call are no paths.
std::string_view path_of(const formats::record::Syscall& call) {
  if (!call.path.empty()) return call.path;
  return call.args.starts_with("AT_FDCWD") ? quoted_path(call.args) : std::string_view();
}

std::string_view port_in(std::string_view address) {
  return address.substr(std::min(address.rfind(':') + 1, address.size()));
}

bool are_near(std::string_view one, std::string_view other) {
  const int left = leading_number<int>(one).value_or(-1);
  const int right = leading_number<int>(other).value_or(-1);
  constexpr int kNear = 20;
  return right == 0 || (left > 0 && right > 0 && left - right <= kNear && right - left <= kNear);
}

// What is wanted, of what, by which process of which log.
using Key = std::tuple<std::size_t, Want, std::string, std::string>;  // lane, error, address

struct Group {
  CallNote note;
  std::uint64_t count = 0;
  std::optional<std::int64_t> last_ts;
  std::vector<std::string> evidence;
  std::vector<std::string> things;  // paths
  bool has_more_things = false;
  std::uint64_t least = UINT64_MAX, most = 0;  // bytes of memory
  std::uint64_t tid = 0;
  std::int64_t fd = -1;
  std::string recovered;  // the address that it got in the end
  Quote own;              // that has the address: a bind of the same log
  bool is_covered = false;
};

constexpr std::string_view kCalls[] = {"bind"};

class CallFailed final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls, .failing = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (keeps(event.thread)) look_for_outcry(event);
    if (call.error.empty()) {
      if (call.syscall == "bind" && call.result == 0) note_bound(event);
      return;
    }
    const Want want = want_of(call);
    if (want == Want::kNothing || call.injected) return;
    if (want == Want::kRight) return suspect(event);
    if (want == Want::kAddress && call.syscall == "bind" && named_end(call.args).empty()) return;
    add(event, want);
  }

  void gone(Thread& thread) override { suspects_.erase(&thread); }

  void finish() override {
    for (auto& [key, group] : groups_) tell(key, group);
  }

 private:
  // One that may be harmless, until the program says that it is not.
  struct Suspect {
    CallNote note;
    std::string path, error, syscall;
    std::uint64_t calls = 0;
  };

  Group* group_of(const Key& key) {
    constexpr std::size_t kMostGroups = 1000;
    const auto found = groups_.find(key);
    if (found != groups_.end()) return &found->second;
    return groups_.size() < kMostGroups ? &groups_[key] : nullptr;
  }

  void add(const CallEvent& event, Want want) {
    const auto& call = event.call;
    std::string address;
    if (want == Want::kAddress) address = address_for(event);
    Group* const group =
        group_of({event.thread.lane, want, std::string(call.error), std::move(address)});
    if (group == nullptr) return;
    if (group->count++ == 0) {
      group->note.set(event);
      group->tid = event.thread.tid;
      if (want == Want::kAddress) find_own(event.thread.lane, address_for(event), *group);
    }
    group->fd = call.fd.value_or(-1);
    group->last_ts = event.begin;
    group->recovered.clear();
    constexpr std::size_t kShown = 3;
    if (group->evidence.size() < kShown) group->evidence.push_back(scene_.evidence(call));
    if (want == Want::kSpace || want == Want::kDisk || want == Want::kWatch) {
      note_thing(*group, path_of(call));
    }
    if (want == Want::kMemory) note_size(*group, call);
  }

  static void note_thing(Group& group, std::string_view thing) {
    constexpr std::size_t kMost = 100;
    if (thing.empty() || std::ranges::find(group.things, thing) != group.things.end()) return;
    if (group.things.size() < kMost) {
      group.things.emplace_back(thing);
    } else {
      group.has_more_things = true;
    }
  }

  static void note_size(Group& group, const formats::record::Syscall& call) {
    if (call.syscall != "mmap" && call.syscall != "mmap2") return;
    const std::size_t comma = call.args.find(", ");
    if (comma == std::string_view::npos) return;
    const auto bytes = leading_number<std::uint64_t>(call.args.substr(comma + 2)).value_or(0);
    if (bytes == 0) return;
    group.least = std::min(group.least, bytes);
    group.most = std::max(group.most, bytes);
  }

  static std::string address_for(const CallEvent& event) {
    if (event.call.syscall == "bind") return named_end(event.call.args);
    return event.socket != nullptr ? shown_end(event.socket->local) : std::string();
  }

  void note_bound(const CallEvent& event) {
    std::string address = named_end(event.call.args);
    if (address.empty()) return;
    for (auto& [key, group] : groups_) {
      const auto& [lane, want, error, failed] = key;
      if (want != Want::kAddress || error != "EADDRINUSE" || lane != event.thread.lane) continue;
      const bool is_same = failed == address;
      const bool is_next =
          group.tid == event.thread.tid && !failed.starts_with("unix") &&
          (group.fd == event.call.fd || are_near(port_in(failed), port_in(address)));
      if (is_same || is_next) group.recovered = address;
    }
    constexpr std::size_t kMost = 1000;
    if (bound_.size() < kMost) bound_[{event.thread.lane, address}].set(event.call);
  }

  // Who has the address: a socket of the same log.
  void find_own(std::size_t lane, const std::string& address, Group& group) const {
    const auto found = bound_.find({lane, address});
    if (found != bound_.end()) group.own = found->second;
    const auto every = bound_.find({lane, fmt::format("[::]:{}", port_in(address))});
    if (every != bound_.end() && address.starts_with("0.0.0.0:")) {
      group.own = every->second;
      group.is_covered = true;
    }
  }

  void suspect(const CallEvent& event) {
    const auto& call = event.call;
    const std::string_view path = path_of(call);
    // Compiled modules are written where that may be.
    if (path.empty() || path.find(".pyc") != std::string_view::npos ||
        path.find("__pycache__") != std::string_view::npos || path.starts_with("/proc/") ||
        path.starts_with("/sys/")) {
      return;
    }
    Suspect& one = suspects_[&event.thread];
    one.note.set(event);
    one.path = path;
    one.error = call.error;
    one.syscall = call.syscall;
    one.calls = 0;
    keep(event.thread);
  }

  // Whether the program says that it cannot go on without it.
  void look_for_outcry(const CallEvent& event) {
    const auto found = suspects_.find(&event.thread);
    if (found == suspects_.end()) return let_go(event.thread);
    Suspect& one = found->second;
    const auto& call = event.call;
    const bool ends = call.syscall == "exit_group" && call.args != "0";
    bool says = false;
    if (call.syscall == "write" || call.syscall == "writev" || call.syscall == "sendto") {
      const std::string_view words = one.error == "EACCES"  ? "Permission denied"
                                     : one.error == "EROFS" ? "Read-only file"
                                                            : "Operation not permitted";
      const std::string_view number = one.error == "EACCES"  ? "[Errno 13]"
                                      : one.error == "EROFS" ? "[Errno 30]"
                                                             : "[Errno 1]";
      says = call.args.find(words) != std::string_view::npos ||
             call.args.find(number) != std::string_view::npos ||
             (one.error == "EACCES" && call.args.find("PermissionError") != std::string_view::npos);
    }
    constexpr std::uint64_t kSoon = 300;
    if (ends || says) {
      tell_right(one, event, ends);
    } else if (++one.calls < kSoon) {
      return;
    }
    suspects_.erase(found);
    let_go(event.thread);
  }

  void tell_right(const Suspect& one, const CallEvent& event, bool ends) {
    constexpr std::size_t kMost = 20;
    if (rights_.size() >= kMost || !rights_.insert(one.path).second) return;
    Finding finding = one.note.finding(scene_);
    finding.severity = ends ? Severity::kError : Severity::kWarning;
    finding.evidence.push_back(scene_.evidence(event.call));
    finding.summary = fmt::format("{} of {} failed with {}: {}", one.syscall, one.path, one.error,
                                  ends ? "the process then ended with a status that is not 0"
                                       : "the program says so in what it writes");
    finding.hint = one.error == "EROFS"
                       ? "the file system is mounted read-only: write elsewhere, or mount it again"
                       : "which user is it, and may he? ls -ld of the path and of its folders";
    report(std::move(finding));
  }

  void tell(const Key& key, Group& group) {
    const auto& [lane, want, error, address] = key;
    Finding finding = group.note.finding(scene_, false);
    finding.severity = Severity::kError;
    finding.count = group.count;
    finding.last_ts = group.last_ts;
    finding.evidence = std::move(group.evidence);
    const std::string& name = group.note.call().syscall;
    const std::string times = group.count == 1
                                  ? std::string()
                                  : fmt::format(" {} times", shown_count(group.count)) +
                                        shown_rate(group.count, finding.ts, finding.last_ts);
    switch (want) {
      case Want::kAddress:
        tell_address(error, address, times, group, finding);
        break;
      case Want::kSpace:
        finding.summary = fmt::format("{} failed with {}{}: {}{}", name, error, times,
                                      error == "ENOSPC"   ? "no space is left for "
                                      : error == "EDQUOT" ? "the quota is used up, for "
                                                          : "the file may not grow: ",
                                      things_of(group));
        finding.hint = error == "ENOSPC"   ? "df and df -i of that file system"
                       : error == "EDQUOT" ? "quota -s of its user"
                                           : "ulimit -f is the limit, or the file system's own";
        break;
      case Want::kMemory:
        finding.summary = fmt::format("{} failed with ENOMEM{}: there is no memory{}", name, times,
                                      sizes_of(group));
        finding.hint =
            "ulimit -v, the memory limit of its cgroup, vm.overcommit_memory and "
            "vm.max_map_count; is it a size that anybody meant?";
        break;
      case Want::kProcess:
        finding.summary = fmt::format(
            "{} failed with EAGAIN{}: no more processes or threads can be made", name, times);
        finding.hint =
            "ulimit -u, pids.max of its cgroup, kernel.threads-max; are threads or "
            "children left behind?";
        break;
      case Want::kWatch:
        finding.severity = Severity::kWarning;
        finding.summary = fmt::format("{} failed with {}{}: no inotify {} are left", name, error,
                                      times, error == "EMFILE" ? "instances" : "watches");
        finding.hint = error == "EMFILE" ? "sysctl fs.inotify.max_user_instances"
                                         : "sysctl fs.inotify.max_user_watches";
        break;
      default:
        finding.summary = fmt::format("{} failed with EIO{}: the disk cannot read or write {}",
                                      name, times, things_of(group));
        finding.hint = "dmesg tells of the device";
    }
    finding.function = scene_.function(name, group.count);
    report(std::move(finding));
  }

  static std::string things_of(const Group& group) {
    if (group.things.empty()) {
      const std::int64_t fd = group.fd;
      return fd >= 0 ? fmt::format("descriptor {}", fd) : std::string("what it was for");
    }
    if (group.things.size() == 1) return group.things.front();
    return fmt::format("{} and {}{} others", group.things.front(), group.things.size() - 1,
                       group.has_more_things ? " or more" : "");
  }

  static std::string sizes_of(const Group& group) {
    if (group.most == 0) return " for it";
    if (group.least == group.most) {
      return fmt::format(" for {} bytes", shown_count(group.most));
    }
    return fmt::format(" for {} to {} bytes", shown_count(group.least), shown_count(group.most));
  }

  void tell_address(const std::string& error, const std::string& address, const std::string& times,
                    const Group& group, Finding& finding) const {
    const std::string_view why = error == "EADDRINUSE"      ? "another socket has it"
                                 : error == "EADDRNOTAVAIL" ? "this machine has no such address"
                                                            : "it is not allowed";
    finding.summary = fmt::format("{} to {} failed with {}{}: {}", group.note.call().syscall,
                                  address.empty() ? "its address" : address, error, times, why);
    if (group.own.line != 0) {
      finding.detail = "A socket of the same log had been bound to it";
      finding.evidence.push_back(scene_.evidence(group.own));
    }
    if (group.is_covered) {
      finding.severity = Severity::kNote;
      finding.detail = "[::] has that port, and takes connections over IPv4, too";
    } else if (!group.recovered.empty()) {
      const bool is_same = group.recovered == address;
      finding.severity = is_same && group.count > 2 ? Severity::kWarning : Severity::kNote;
      finding.detail = is_same ? std::string("It got the address in the end")
                               : fmt::format("It took {} in its stead", group.recovered);
    }
    finding.hint =
        error == "EADDRINUSE" && address.starts_with("unix")
            ? "the file of the socket is there: of a server that runs, or of one that has ended"
        : error == "EADDRINUSE"    ? "ss -ltnp shows who has it; is it started twice?"
        : error == "EADDRNOTAVAIL" ? "ip addr shows the addresses that there are"
        : address.starts_with("unix")
            ? "may its user make a file there?"
            : "ports below 1024 want root or CAP_NET_BIND_SERVICE; SELinux may forbid others";
  }

  std::map<Key, Group> groups_;
  std::map<std::pair<std::size_t, std::string>, Quote> bound_;
  std::unordered_map<Thread*, Suspect> suspects_;
  std::set<std::string> rights_;  // paths told of
};

}  // namespace

extern constinit const Check kCallFailed = {
    .id = "call_failed",
    .title = "a call that a service cannot do without fails",
    .explain =
        "There is no address (bind and listen: EADDRINUSE, EADDRNOTAVAIL, EACCES), no space "
        "(ENOSPC, EDQUOT, EFBIG, EIO of files), no memory (ENOMEM of mmap, fork and the like), no "
        "process or thread (EAGAIN of clone, fork), or no inotify watch. One finding for each "
        "kind, and for each address, with what it was for, how often and since when.\n\n"
        "What programs do without is left out: reservations of address space and large pages, "
        "EACCES, EPERM and EROFS of paths, unless the program then says so in what it writes (a "
        "warning), or ends with a status that is not 0 (an error). An address that it got in the "
        "end, or another in its stead, is a note, and a warning where it took more than two "
        "tries. Descriptors that are used up are fd_leak's, connections connect_failed's.\n\n"
        "  bind(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"0.0.0.0\")}, 16) "
        "= -1 EADDRINUSE (Address already in use)\n\n"
        "Two servers are started for one address, or the one before has not ended: ss -ltnp shows "
        "who has it.",
    .needs = "log",
    .make = &make_detector<CallFailed>,
};

}  // namespace tracebraid::analyzers::checks
