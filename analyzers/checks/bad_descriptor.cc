// Calls on descriptors that are closed or were never open, once in a while: those that go on and on
// are error loops, closes are double closes.

#include <map>
#include <tuple>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

struct Group {
  Finding finding;
  bool is_others = false;  // closed by a thread that had closed that number before
};

class BadDescriptor final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.failing = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (call.error != "EBADF" || !call.fd) return;
    const std::int64_t fd = call.syscall == "epoll_ctl" && call.fd2 ? *call.fd2 : *call.fd;
    if (call.syscall == "close" && fd >= 0) return;
    // Those ask whether it is open.
    if (call.syscall == "fcntl" && call.args.find("F_GET") != std::string_view::npos) return;
    const Closing* const closing = scene_.closing(event.thread, fd);
    if (fd >= 0 && closing == nullptr && !call.kind.empty() && call.kind != "closed" &&
        call.syscall != "epoll_ctl") {
      return;
    }
    const bool is_watch =
        call.syscall == "epoll_ctl" && (call.args.find("EPOLL_CTL_MOD") != std::string_view::npos ||
                                        call.args.find("EPOLL_CTL_ADD") != std::string_view::npos);
    Group& group = groups_[{event.thread.lane, event.thread.pid, std::string(call.syscall), fd < 0,
                            closing != nullptr, is_watch}];
    if (group.finding.evidence.empty()) {
      set_call(group.finding, event);
      group.finding.fd = fd;
      group.finding.ts = event.begin;
    } else {
      ++group.finding.count;
      if (group.finding.fd != fd) group.finding.fd.reset();
    }
    group.finding.last_ts = event.begin;
    constexpr std::size_t kShown = 3;
    if (group.finding.evidence.size() < 2 * kShown) {
      group.finding.evidence.push_back(scene_.evidence(call));
      if (closing != nullptr) group.finding.evidence.push_back(scene_.evidence(closing->call));
    }
    if (closing != nullptr && group.finding.detail.empty()) {
      group.finding.detail = fmt::format("The first was the {}, closed", closing->what.shown());
      if (closing->ts && event.begin) {
        group.finding.detail +=
            fmt::format(" {} before", shown_duration(*event.begin - *closing->ts));
      }
      if (closing->tid != event.thread.tid && closing->tid != 0) {
        group.finding.detail += fmt::format(" by thread {}", closing->tid);
        tell_of_twice(group, *closing);
      }
    }
  }

  void finish() override {
    for (auto& [key, group] : groups_) {
      const auto& [lane, pid, call, is_negative, is_closed, is_watch] = key;
      Finding& finding = group.finding;
      // What error_loop has told.
      const std::uint64_t looped = scene_.looped(lane, pid, call, is_negative);
      if (looped >= finding.count) continue;
      finding.count -= looped;
      const bool is_harmless =
          (call == "shutdown" && is_negative) || (call == "epoll_ctl" && !is_watch);
      finding.severity =
          group.is_others ? Severity::kError
          : is_watch      ? Severity::kWarning
          : is_harmless || (is_negative && call == "close") || !(is_closed || is_negative)
              ? Severity::kNote
              : Severity::kWarning;
      finding.summary =
          fmt::format("{}{} failed with EBADF {}: {}", call, is_negative ? "(-1)" : "",
                      counted(finding.count, "time", "times"),
                      is_negative ? "the program's object was closed already, or never opened"
                      : is_closed ? "on a descriptor that the process had closed"
                                  : "on a descriptor that was not open");
      if (is_harmless && call == "shutdown") {
        finding.hint = "harmless: a socket that is closed is shut down once more";
      } else if (is_harmless) {
        finding.hint =
            "a descriptor was closed before it was taken out of epoll; the kernel had "
            "done that";
      } else if (is_watch) {
        if (finding.fd) {
          finding.summary =
              fmt::format("epoll_ctl asked for events of descriptor {}, which {}, {}", *finding.fd,
                          is_closed ? "the process had closed" : "was not open",
                          counted(finding.count, "time", "times"));
        } else {
          finding.summary = fmt::format("epoll_ctl asked {} for events of descriptors that {}",
                                        counted(finding.count, "time", "times"),
                                        is_closed ? "the process had closed" : "were not open");
        }
        if (!finding.detail.empty()) finding.detail += ". ";
        finding.detail +=
            "EPOLL_CTL_MOD and EPOLL_CTL_ADD come from a watcher that is alive: it will never be "
            "called, or for the next file that gets the number";
        finding.hint = "stop the watcher before its descriptor is closed";
      } else if (group.is_others) {
        finding.hint =
            "find where that thread closes twice: dup() the number, or give it one owner";
      } else {
        finding.hint =
            "a number that is closed can be another socket's by the time it is used "
            "again: find who keeps it";
      }
      finding.function = scene_.function(call, finding.count);
      report(std::move(finding));
    }
  }

 private:
  // A thread that closes a number twice closes what another has opened in between, and no call
  // fails then.
  void tell_of_twice(Group& group, const Closing& closing) {
    if (closing.before.line == 0 || closing.before_tid != closing.tid || closing.tid == 0) return;
    group.is_others = true;
    group.finding.detail += ", which had closed that number before";
    if (closing.ts && closing.before_ts) {
      group.finding.detail +=
          fmt::format(", {} earlier", shown_duration(*closing.ts - *closing.before_ts));
    }
    group.finding.detail += ": its second close hit what another thread had opened in between";
    group.finding.evidence.push_back(scene_.evidence(closing.before));
  }

  // Process, call, whether the number is negative, whether its close is known, whether it asked
  // epoll for events.
  std::map<std::tuple<std::size_t, std::uint64_t, std::string, bool, bool, bool>, Group> groups_;
};

}  // namespace

extern constinit const Check kBadDescriptor = {
    .id = "bad_descriptor",
    .title = "a call on a closed or never opened descriptor",
    .explain =
        "A call other than close failed with EBADF, fewer than 20 times in a process (more of them "
        "in a row are an error_loop). A warning when the log shows that the process had closed the "
        "descriptor, or when the number is -1, as Python's sockets have it after close(). A note "
        "when it is shutdown of such a socket, which libraries do to be sure, or epoll_ctl. An "
        "error when another thread had closed the descriptor, and the same number before: a second "
        "close of it that hit what was opened in between.",
    .needs = "log",
    .make = &make_detector<BadDescriptor>,
};

}  // namespace tracebraid::analyzers::checks
