// Several processes or threads wait for one listener, all are woken for each connection, and one
// gets it.

#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

#include <fmt/core.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/notes.h"
#include "analyzers/util/shown.h"

namespace tracebraid::analyzers::checks {
namespace {

constexpr std::string_view kCalls[] = {"accept", "accept4"};

// Of one listener, told by its address, or by its number where the log has none.
struct Listener {
  CallNote first;
  std::string shown;
  std::uint64_t woken_for_nothing = 0, accepted = 0;
  std::map<std::uint64_t, std::uint64_t> by_thread;  // accepted
  std::optional<std::int64_t> first_ts, last_ts;
  std::string last_input;
  std::uint64_t last_line = 0;
};

class ThunderingHerd final : public Detector {
 public:
  using Detector::Detector;

  [[nodiscard]] Interest interest() const override { return {.calls = kCalls, .polls = true}; }

  void call(const CallEvent& event) override {
    const auto& call = event.call;
    if (event.name.is_poll) {
      woken_[&event.thread] = call.result && *call.result > 0;
      return;
    }
    if (!call.fd) return;
    const auto woken = woken_.find(&event.thread);
    const bool is_first = woken != woken_.end() && std::exchange(woken->second, false);
    const bool is_in_vain = is_again(call.error);
    if (!call.error.empty() && !is_in_vain) return;
    // A loop accepts until there is no more: that is no wake-up in vain.
    if (is_in_vain && !is_first) return;
    Listener& listener = listener_of(event);
    if (!is_in_vain) {
      ++listener.accepted;
      ++listener.by_thread[event.thread.tid];
      return;
    }
    if (listener.woken_for_nothing++ == 0) {
      listener.first.set(event);
      listener.first_ts = event.begin;
    }
    listener.last_ts = event.begin;
    listener.last_line = call.line;
    listener.last_input.assign(call.input);
  }

  void gone(Thread& thread) override { woken_.erase(&thread); }

  void finish() override {
    for (auto& [key, listener] : listeners_) {
      constexpr std::uint64_t kFew = 10, kOneIn = 5;
      if (listener.by_thread.size() < 2 || listener.woken_for_nothing < kFew ||
          listener.woken_for_nothing * kOneIn < listener.accepted) {
        continue;
      }
      Finding finding = listener.first.finding(scene_);
      finding.severity = Severity::kNote;
      finding.tid.reset();
      finding.pid.reset();
      finding.count = listener.woken_for_nothing;
      finding.last_ts = listener.last_ts;
      finding.summary = fmt::format(
          "{} wait for connections of one listener, and were woken {} times{} for one that another "
          "had taken, beside {} that they accepted",
          counted(listener.by_thread.size(), "process or thread", "processes or threads"),
          shown_count(listener.woken_for_nothing),
          shown_rate(listener.woken_for_nothing, listener.first_ts, listener.last_ts),
          shown_count(listener.accepted));
      finding.evidence.push_back(fmt::format(
          "{}: the last of them", scene_.place(listener.last_input, listener.last_line)));
      finding.hint =
          "EPOLLEXCLUSIVE wakes one of them, SO_REUSEPORT gives each a listener of its own";
      report(std::move(finding));
    }
  }

 private:
  using Key = std::tuple<std::size_t, std::string, std::uint64_t>;

  Listener& listener_of(const CallEvent& event) {
    const auto& call = event.call;
    const std::uint64_t number =
        call.local_p ? *call.local_p : static_cast<std::uint64_t>(*call.fd) << 16U;
    return listeners_[{event.thread.lane, call.local_p ? std::string() : std::string(call.path),
                       number}];
  }

  std::unordered_map<Thread*, bool> woken_;  // its last poll found something, and no accept since
  std::map<Key, Listener> listeners_;
};

}  // namespace

extern constinit const Check kThunderingHerd = {
    .id = "thundering_herd",
    .title = "several processes are woken for one connection",
    .explain =
        "Two processes or threads or more accept connections of one listener, and a poll that "
        "found something was followed by an accept that failed with EAGAIN, 10 times or more and "
        "at least once for five connections that were accepted: another had taken it. A loop that "
        "accepts until there is no more is not meant. Such as\n\n"
        "  71 epoll_wait(5, [{events=EPOLLIN, data={u32=3, u64=3}}], 1023, -1) = 1\n"
        "  72 epoll_wait(5, [{events=EPOLLIN, data={u32=3, u64=3}}], 1023, -1) = 1\n"
        "  71 accept4(3, …) = 7\n"
        "  72 accept4(3, …) = -1 EAGAIN (Resource temporarily unavailable)\n\n"
        "A note.",
    .needs = "log",
    .make = &make_detector<ThunderingHerd>,
};

}  // namespace tracebraid::analyzers::checks
