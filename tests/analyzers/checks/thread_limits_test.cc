// Checks of what threads and processes do: each of their limits and branches on both sides.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "analyzers/checks/closings.h"
#include "tests/analyzers/checks/trial.h"

namespace tracebraid::tests {
namespace {

constexpr std::string_view kBadFd = "-1 EBADF (Bad file descriptor)";

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

std::string fstat(int fd, std::string_view error = "EBADF") {
  return fmt::format("fstat({}, 0x7ffc00000000) = {}", fd, failure(error));
}

// Opens and closes a number.
Trial& open_and_close(Trial& trial, std::int64_t at, int fd, int tid = 7) {
  trial.call(at, fmt::format("openat(AT_FDCWD, \"/x\", O_RDONLY) = {}</x>", fd), 0, tid);
  return trial.close(at + kMicrosecond, fd, "0", tid);
}

// error_loop

// A row of failures with something in the middle of it.
std::vector<std::uint64_t> looped(int failures,
                                  const std::function<void(Trial&, std::int64_t)>& between,
                                  std::string_view error = "EBADF") {
  Trial trial({"error_loop"});
  trial.accept(0, 4).listen(1);
  for (int at = 0; at < failures; ++at) {
    if (at == failures / 2) between(trial, at * kMicrosecond * 10 + kMicrosecond);
    trial.call(at * kMicrosecond * 10 + kSecond, fstat(9, error), 0);
  }
  std::vector<std::uint64_t> counts;
  for (const Finding& finding : trial.findings()) counts.push_back(finding.count);
  return counts;
}

using Counts = std::vector<std::uint64_t>;
const auto kNothing = [](Trial&, std::int64_t) {};

TEST(ErrorLoop, IsOfTwentyFailuresOrFiftyThatSayTryAgain) {
  EXPECT_EQ(looped(20, kNothing), Counts{20});
  EXPECT_EQ(looped(19, kNothing), Counts{});
  EXPECT_EQ(looped(50, kNothing, "EAGAIN"), Counts{50});
  EXPECT_EQ(looped(49, kNothing, "EAGAIN"), Counts{});
}

TEST(ErrorLoop, IsOfOneCallOneDescriptorAndOneError) {
  const auto rows = [](std::string_view other) {
    Trial trial({"error_loop"});
    for (int at = 0; at < 38; ++at)
      trial.call(at * 1000, at % 2 == 0 ? fstat(9) : std::string(other));
    return trial.count();
  };
  EXPECT_EQ(rows(fstat(9)), 1U);
  EXPECT_EQ(rows(fstat(8)), 0U);
  EXPECT_EQ(rows(fstat(9, "EIO")), 0U);
  EXPECT_EQ(rows("fsync(9) = " + std::string(kBadFd)), 0U);
}

// What means that something gets done ends the row: 20 + 20 failures are two loops then.
TEST(ErrorLoop, EndsWhereSomethingGetsDone) {
  struct Row {
    const char* what;
    std::function<void(Trial&, std::int64_t)> between;
    bool ends;
  };
  const auto call = [](std::string_view text, std::int64_t took = 0) {
    return [text = std::string(text), took](Trial& trial, std::int64_t at) {
      trial.call(at + kSecond, text, took);
    };
  };
  for (const Row& row :
       {Row{"bytes", call("recvfrom(4, \"x\", 9, 0, NULL, NULL) = 1"), true},
        Row{"no bytes", call("recvfrom(4, \"\", 9, 0, NULL, NULL) = 0"), false},
        Row{"an accepted connection",
            [](Trial&trial, std::int64_t at) { trial.accept(at + kSecond, 6, 5001); }, true},
        Row{"a wait of a millisecond", call("futex(0x7f, FUTEX_WAIT, 2, NULL) = 0", kMillisecond),
            true},
        Row{"a shorter wait", call("futex(0x7f, FUTEX_WAIT, 2, NULL) = 0", kMillisecond - 1),
            false},
        Row{"an interrupted wait",
            call("futex(0x7f, FUTEX_WAIT, 2, NULL) = ? ERESTARTSYS (To be restarted)",
                 kMillisecond),
            false},
        Row{"another call that takes long", call("fsync(4) = 0", kSecond), false},
        Row{"a poll", call("poll([{fd=4}], 1, 9) = 0 (Timeout)", kMillisecond), true},
        Row{"the same call with success", call("fstat(9, {st_mode=0}) = 0"), true},
        Row{"the same call of another", call("fstat(8, {st_mode=0}) = 0"), false}}) {
    EXPECT_EQ(looped(40, row.between), row.ends ? (Counts{20, 20}) : Counts{40}) << row.what;
  }
}

// Other calls between: as many as the failures so far, and 20 more.
TEST(ErrorLoop, EndsWhereMuchElseIsDone) {
  const auto others = [](int count) {
    return [count](Trial& trial, std::int64_t at) {
      for (int time = 0; time < count; ++time) trial.call(at + kSecond, "getppid() = 1", 0);
    };
  };
  EXPECT_EQ(looped(60, others(50)), Counts{60});
  EXPECT_EQ(looped(60, others(51)), (Counts{30, 30}));
  // A row counts those in it alone.
  Trial trial({"error_loop"});
  for (int row = 0; row < 2; ++row) {
    for (int at = 0; at < 20; ++at) {
      trial.call(row * kSecond, fstat(8 + row), 0);
      if (at == 15) {
        for (int time = 0; time < 30; ++time) trial.call(row * kSecond, "getppid() = 1", 0);
      }
    }
  }
  EXPECT_EQ(trial.count(), 2U);
}

// EAGAIN is no loop where somebody waits between, for however short.
TEST(ErrorLoop, OfTryAgainEndsWithAnyWait) {
  for (const std::string_view wait :
       {"poll([{fd=4}], 1, 0) = 0 (Timeout)",
        "clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=0}, NULL) = 0"}) {
    const auto between = [&](Trial& trial, std::int64_t at) { trial.call(at + kSecond, wait, 0); };
    EXPECT_EQ(looped(98, between, "EAGAIN"), Counts{});
    EXPECT_EQ(looped(38, between), Counts{38});
  }
}

TEST(ErrorLoop, OfTryAgainIsAnErrorWhereItIsLong) {
  struct Row {
    int count;
    std::int64_t lasted;
    Severity severity;
  };
  for (const Row& row : {Row{999, 100 * kMillisecond, Severity::kWarning},
                         Row{1000, 100 * kMillisecond, Severity::kError},
                         Row{60, 500 * kMillisecond, Severity::kError},
                         Row{60, 500 * kMillisecond - 1, Severity::kWarning}}) {
    Trial trial({"error_loop"});
    for (int at = 0; at < row.count; ++at) {
      trial.call(at == row.count - 1 ? row.lasted : at, fstat(9, "EAGAIN"), 0);
    }
    EXPECT_EQ(trial.only().severity, row.severity) << row.count;
  }
  Trial other({"error_loop"});
  for (int at = 0; at < 20; ++at) other.call(at, fstat(9), 0);
  EXPECT_EQ(other.only().severity, Severity::kError);
}

// The close that led to it: of the number, of the socket that the call was for before, or of the
// listener; of nothing else, and not that of a loop before.
TEST(ErrorLoop, NamesItsCause) {
  constexpr std::string_view kUnknown = "The log does not show";
  const auto detail = [](Trial& trial) { return trial.findings().back().detail; };
  const auto fail = [](Trial& trial, std::int64_t at, std::string_view call) {
    for (int time = 0; time < 20; ++time) trial.call(at, fmt::format("{} = {}", call, kBadFd), 0);
  };
  Trial number({"error_loop"});
  open_and_close(number, 0, 9);
  fail(number, kSecond, "fstat(9, 0x7f)");
  // Another row in the same thread, whose cause is not in the log.
  fail(number, 2 * kSecond, "fstat(8, 0x7f)");
  ASSERT_EQ(number.count(), 2U);
  EXPECT_TRUE(has(number.findings()[0].detail, "after the close of the file /x"));
  EXPECT_TRUE(has(detail(number), kUnknown)) << detail(number);

  for (const auto& [call, is_known] : {std::pair{"accept4(-1, 0x7f, [16], 0)", true},
                                       {"recvfrom(-1, 0x7f, 9, 0, NULL, NULL)", false}}) {
    Trial listener({"error_loop"});
    listener.listen(0).close(1000, 3);
    fail(listener, kSecond, call);
    EXPECT_EQ(has(detail(listener), "listener 10.0.0.1:80"), is_known) << call << detail(listener);
  }
  Trial used({"error_loop"});
  used.accept(0, 4).receive(1000, 4, "1").close(2000, 4);
  fail(used, kSecond, "recvfrom(-1, 0x7f, 9, 0, NULL, NULL)");
  EXPECT_TRUE(has(detail(used), "10.0.0.1:80→10.0.0.2:5000")) << detail(used);
}

// What ended with its process is no other's that has its number.
TEST(ErrorLoop, ACloseIsOfItsProcess) {
  Trial trial({"error_loop"});
  trial.listen(0).close(1000, 3).line(2000, 7, "+++ exited with 0 +++");
  trial.line(3000, 7, "execve(\"/srv/two\", [\"two\"], 0x7ffc /* 9 vars */) = 0");
  for (int at = 0; at < 20; ++at)
    trial.call(kSecond, fmt::format("accept4(-1, 0x7f, [16], 0) = {}", kBadFd), 0);
  EXPECT_TRUE(has(trial.only().detail, "The log does not show")) << trial.only().detail;
}

// A log whose lines tell the thread's number later.
TEST(ErrorLoop, GoesOnWhereAThreadIsNamed) {
  Trial trial({"error_loop"}, {.has_exec = false});
  for (int at = 0; at < 20; ++at) {
    if (at == 10) trial.call(kSecond + at, "gettid() = 7", 0, 0);
    trial.call(kSecond + at, fstat(9), 0, 0);
  }
  EXPECT_EQ(trial.only().count, 20U);
}

// busy_poll

class Polls {
 public:
  // Fifty take longer than the last moment before a timer is due.
  static constexpr std::int64_t kApart = 250 * kMicrosecond;
  explicit Polls(bool is_ready) : is_ready_(is_ready) {
    trial.call(0,
               "epoll_ctl(5<anon_inode:[eventpoll]>, EPOLL_CTL_ADD, 4, {events=EPOLLIN, "
               "data={u32=4, u64=4}}) = 0",
               0);
  }
  // Each so many ns behind the one before.
  Polls& add(int count, std::int64_t took = 0, std::int64_t apart = kApart,
             std::string_view timeout = "5") {
    for (int time = 0; time < count; ++time) {
      at_ += apart;
      // One that finds nothing has waited for its time-out: that is short.
      if (is_ready_) {
        trial.poll(at_, "1", took, timeout);
      } else {
        trial.call(at_,
                   fmt::format("ppoll([{{fd=4, events=POLLIN}}], 1, {{tv_sec=0, tv_nsec={}}}, "
                               "NULL, 8) = 0 (Timeout)",
                               timeout),
                   took);
      }
      at_ += took;
    }
    return *this;
  }
  Polls& call(std::string_view text) {
    trial.call(++at_, text, 0);
    return *this;
  }
  // 0: nothing is told.
  std::uint64_t told() { return trial.count() == 0 ? 0 : trial.findings()[0].count; }

  Trial trial{{"busy_poll"}};

 private:
  bool is_ready_;
  std::int64_t at_ = 0;
};

TEST(BusyPoll, IsOfFiftyInARow) {
  for (const bool is_ready : {false, true}) {
    EXPECT_EQ(Polls(is_ready).add(50).told(), 50U);
    EXPECT_EQ(Polls(is_ready).add(49).told(), 0U);
    // Memory and clocks are no work.
    EXPECT_EQ(Polls(is_ready).add(25).call("munmap(0x7f, 9) = 0").add(25).told(), 50U);
    EXPECT_EQ(Polls(is_ready).add(49).call("getppid() = 1").add(49).told(), is_ready ? 98U : 0U);
    // What has the descriptor in it serves the event.
    EXPECT_EQ(Polls(is_ready).add(49).call("read(4, \"x\", 9) = 1").add(49).told(), 0U);
    EXPECT_EQ(
        Polls(is_ready).add(49).call("epoll_ctl(5, EPOLL_CTL_DEL, 4, NULL) = 0").add(49).told(),
        0U);
    EXPECT_EQ(
        Polls(is_ready).add(49).call("epoll_ctl(5, EPOLL_CTL_DEL, 6, NULL) = 0").add(49).told(),
        is_ready ? 98U : 0U);
  }
}

TEST(BusyPoll, IsQuickBelowAMillisecondOrWithATimeOutOfNothing) {
  for (const bool is_ready : {false, true}) {
    EXPECT_EQ(Polls(is_ready).add(50, kMillisecond - 1).told(), 50U);
    EXPECT_EQ(Polls(is_ready).add(50, kMillisecond).told(), 0U);
    EXPECT_EQ(Polls(is_ready).add(50, kMillisecond, Polls::kApart, "0").told(), 50U);
  }
}

TEST(BusyPoll, OneInTwentyMayBeSlow) {
  EXPECT_EQ(Polls(false).add(20).add(1, kSecond).add(29).told(), 50U);
  EXPECT_EQ(Polls(false).add(19).add(1, kSecond).add(49).told(), 0U);
  EXPECT_EQ(Polls(false).add(20).add(1, kSecond).add(19).add(1, kSecond).add(9).told(), 50U);
  EXPECT_EQ(Polls(false).add(20).add(1, kSecond).add(18).add(1, kSecond).add(49).told(), 0U);
  // A row begins anew.
  EXPECT_EQ(Polls(false)
                .add(20)
                .add(1, kSecond)
                .call("getppid() = 1")
                .add(20)
                .add(1, kSecond)
                .add(29)
                .told(),
            50U);
  // Where an event is there all the time, three more, of less than 50 ms.
  constexpr std::int64_t kSlices = 50 * kMillisecond;
  EXPECT_EQ(Polls(true).add(1).add(3, kSlices - 1).add(46).told(), 50U);
  EXPECT_EQ(Polls(true).add(1).add(4, kSlices - 1).add(49).told(), 0U);
  EXPECT_EQ(Polls(true).add(10).add(1, kSlices).add(49).told(), 0U);
}

TEST(BusyPoll, IsOfOneDescriptor) {
  Trial trial({"busy_poll"});
  for (int at = 0; at < 98; ++at) {
    trial.call(
        at * 10,
        fmt::format("epoll_wait(5, [{{events=EPOLLIN, data={{u32={}, u64={}}}}}], 64, 5) = 1",
                    at < 49 ? 4 : 6, at < 49 ? 4 : 6),
        0);
  }
  EXPECT_EQ(trial.count(), 0U);
}

TEST(BusyPoll, IsAnErrorFromAThousandOrASecondOn) {
  for (const bool is_ready : {false, true}) {
    EXPECT_EQ(Polls(is_ready).add(999).trial.only().severity, Severity::kWarning);
    EXPECT_EQ(Polls(is_ready).add(1000).trial.only().severity, Severity::kError);
    EXPECT_EQ(Polls(is_ready).add(50).add(1, 0, kSecond - 49 * Polls::kApart).trial.only().severity,
              Severity::kError);
    EXPECT_EQ(
        Polls(is_ready).add(50).add(1, 0, kSecond - 49 * Polls::kApart - 1).trial.only().severity,
        Severity::kWarning);
  }
}

// blocking_call

std::string sleep_of(int seconds) {
  return fmt::format("clock_nanosleep(CLOCK_REALTIME, 0, {{tv_sec={}, tv_nsec=0}}, NULL) = 0",
                     seconds);
}

TEST(BlockingCall, IsFiftyMillisecondsAndAnErrorFromASecondOn) {
  constexpr std::int64_t kLong = 50 * kMillisecond;
  for (const std::int64_t took : {kLong - 1, kLong, kSecond - 1, kSecond}) {
    Trial trial({"blocking_call"});
    trial.loop(0).call(kMillisecond, sleep_of(1), took).poll(3 * kSecond, "1");
    ASSERT_EQ(trial.count(), took >= kLong ? 1U : 0U) << took;
    if (took < kLong) continue;
    EXPECT_EQ(trial.only().severity, took < kSecond ? Severity::kWarning : Severity::kError);
  }
}

TEST(BlockingCall, IsWhatWaitsForSomethingElse) {
  struct Row {
    std::string_view text, told;
  };
  for (const Row& row :
       {Row{"read(8<pipe:[5]>, \"x\", 9) = 1", "waited for a peer in read"},
        Row{"read(8</srv/x>, \"x\", 9) = 1", "waited for the disk"},
        Row{"fsync(8</srv/x>) = 0", "waited for the disk"},
        Row{"wait4(9, NULL, 0, NULL) = 9", "waited for another process"},
        Row{"poll([{fd=8}], 1, 99) = 1", "waited for one descriptor alone in poll"},
        Row{"futex(0x7f, FUTEX_WAIT, 2, NULL) = 0", ""}, Row{"getrandom(\"x\", 1, 0) = 1", ""}}) {
    Trial trial({"blocking_call"});
    trial.loop(0).call(kMillisecond, row.text, kSecond);
    // It went on: a call of another name does not tell so.
    trial.call(2 * kSecond, "select(9, [8], NULL, NULL, {tv_sec=0, tv_usec=0}) = 0 (Timeout)");
    trial.poll(3 * kSecond, "1").poll(4 * kSecond, "1");
    ASSERT_EQ(trial.count(), row.told.empty() ? 0U : 1U) << row.text;
    if (row.told.empty()) continue;
    EXPECT_TRUE(has(trial.only().summary, row.told)) << trial.only().summary;
    EXPECT_TRUE(has(trial.only().summary, "1 time,")) << trial.only().summary;
  }
}

TEST(BlockingCall, IsOneOfALoopThatGoesOn) {
  Trial last({"blocking_call"});
  EXPECT_EQ(last.loop(0).call(kMillisecond, sleep_of(1), kSecond).count(), 0U);
  Trial early({"blocking_call"});
  early.poll(0, "1").poll(1, "1").call(kMillisecond, sleep_of(1), kSecond).poll(3 * kSecond, "1");
  EXPECT_EQ(early.count(), 0U);
  Trial other({"blocking_call"});
  other.loop(0).call(kMillisecond, sleep_of(1), kSecond);
  other.call(3 * kSecond, "poll([{fd=8}], 1, 0) = 0 (Timeout)");
  EXPECT_EQ(other.count(), 0U);
}

// A loop that watches nothing waits for its timer by sleeping.
TEST(BlockingCall, ASleepOfALoopThatWatchesNothingIsNotMeant) {
  struct Row {
    const char* what;
    std::vector<std::string> calls;
    std::string poll;
    std::size_t count;
  };
  constexpr std::string_view kEpoll = "5<anon_inode:[eventpoll]>";
  const auto control = [&](std::string_view how, int fd) {
    return fmt::format("epoll_ctl({}, EPOLL_CTL_{}, {}, {{events=EPOLLIN}}) = 0", kEpoll, how, fd);
  };
  const std::string made = fmt::format("epoll_create1(EPOLL_CLOEXEC) = {}", kEpoll);
  const std::string epoll = fmt::format("epoll_wait({}, [], 64, 9) = 0", kEpoll);
  for (const Row& row :
       {Row{"one", {made, control("ADD", 8)}, epoll, 1},
        Row{"one of two",
            {made, control("ADD", 8), control("ADD", 9), control("DEL", 8)},
            epoll,
            1},
        Row{"none of two",
            {made, control("ADD", 8), control("ADD", 9), control("DEL", 8), control("DEL", 9)},
            epoll,
            0},
        Row{"changed", {made, control("ADD", 8), control("MOD", 8)}, epoll, 1},
        // One descriptor alone is how a socket with a time-out is waited for.
        Row{"poll of one", {}, "poll([{fd=8, events=POLLIN}], 1, 9) = 0 (Timeout)", 0},
        Row{"poll",
            {},
            "poll([{fd=8, events=POLLIN}, {fd=9, events=POLLIN}], 2, 9) = 0 (Timeout)",
            1},
        Row{"poll of none", {}, "poll(NULL, 0, 9) = 0 (Timeout)", 0},
        Row{"ppoll of none", {}, "ppoll(NULL, 0, {tv_sec=0, tv_nsec=9}, NULL, 8) = 0 (Timeout)", 0},
        Row{"select of one",
            {},
            "select(9, [8], NULL, NULL, {tv_sec=0, tv_usec=9}) = 0 (Timeout)",
            0},
        Row{"select", {}, "select(9, [7 8], NULL, NULL, {tv_sec=0, tv_usec=9}) = 0 (Timeout)", 1},
        Row{"select of none",
            {},
            "select(0, NULL, NULL, NULL, {tv_sec=0, tv_usec=9}) = 0 (Timeout)",
            0},
        Row{"pselect6 of none",
            {},
            "pselect6(0, NULL, NULL, NULL, {tv_sec=0, tv_nsec=9}, NULL) = 0 (Timeout)",
            0}}) {
    Trial trial({"blocking_call"});
    std::int64_t at = 0;
    for (const std::string& each : row.calls) trial.call(++at, each, 0);
    for (int time = 0; time < 3; ++time) trial.call(++at, row.poll, 0);
    trial.call(++at, sleep_of(1), kSecond).call(2 * kSecond, row.poll, 0);
    EXPECT_EQ(trial.count(), row.count) << row.what;
  }
}

// The bytes were there: the thread had to wait for the processor.
TEST(BlockingCall, AReadOfWhatWasThereDoesNotBlock) {
  for (const std::int64_t first :
       {-kMillisecond, std::int64_t{0}, kMicrosecond, 20 * kMillisecond}) {
    Trial trial({"blocking_call"}, {.has_capture = true});
    trial.accept(-kMillisecond, 4);
    trial.loop(1)
        .segment(kSecond + first, true, 0, 5)
        .segment(kSecond + 30 * kMillisecond, true, 5, 5);
    trial.receive(kSecond, 4, "10", 60 * kMillisecond).poll(2 * kSecond, "1");
    record::Flow flow = Trial::flow_of("Cone", 0);
    flow.orig_bytes = 10;
    EXPECT_EQ(trial.flow(flow).count(), first <= 0 ? 0U : 1U) << first;
  }
}

TEST(BlockingCall, ShowsTheLongestFirst) {
  Trial trial({"blocking_call"});
  trial.loop(0);
  std::int64_t at = kMillisecond;
  for (const int ms : {60, 100, 80}) {
    trial.call(at, sleep_of(ms), ms * kMillisecond).poll(at + kSecond, "1");
    at += kSecond;
  }
  const Finding& finding = trial.only();
  EXPECT_EQ(finding.count, 3U);
  EXPECT_TRUE(has(finding.summary, "240 ms in all and 100 ms at most")) << finding.summary;
  ASSERT_EQ(finding.evidence.size(), 2U);
  EXPECT_TRUE(has(finding.evidence[0], "tv_sec=100"));
  EXPECT_TRUE(has(finding.evidence[1], "tv_sec=60"));
}

// bad_descriptor and double_close

TEST(BadDescriptor, OfEpollItIsTheOneThatItIsTold) {
  Trial trial({"bad_descriptor"});
  trial.call(
      0, fmt::format("epoll_ctl(5<anon_inode:[eventpoll]>, EPOLL_CTL_DEL, 9, 0x7f) = {}", kBadFd));
  EXPECT_EQ(trial.only().fd, 9);
  EXPECT_EQ(trial.only().severity, Severity::kNote);
}

TEST(BadDescriptor, WhoAsksOrClosesIsNotMeant) {
  for (const auto& [call, count] : {std::pair{"fcntl(9, F_GETFL)", 0U},
                                    {"fcntl(9, F_GETFD)", 0U},
                                    {"fcntl(9, F_SETFL, O_RDONLY)", 1U},
                                    {"close(9)", 0U},
                                    {"close(-1)", 1U},
                                    {"fstat(9, 0x7f)", 1U}}) {
    Trial trial({"bad_descriptor"});
    EXPECT_EQ(trial.call(0, fmt::format("{} = {}", call, kBadFd)).count(), count) << call;
  }
}

TEST(BadDescriptor, IsAsGraveAsWhatIsKnownOfIt) {
  struct Row {
    const char* what;
    std::string call;
    bool was_closed;
    Severity severity;
  };
  for (const Row& row :
       {Row{"closed before", "fstat(9, 0x7f)", true, Severity::kWarning},
        Row{"who knows", "fstat(9, 0x7f)", false, Severity::kNote},
        Row{"an object without", "fstat(-1, 0x7f)", false, Severity::kWarning},
        Row{"close of none", "close(-1)", false, Severity::kNote},
        Row{"shutdown of none", "shutdown(-1, SHUT_RDWR)", false, Severity::kNote},
        Row{"shutdown of a closed one", "shutdown(9, SHUT_RDWR)", true, Severity::kWarning}}) {
    Trial trial({"bad_descriptor"});
    if (row.was_closed) open_and_close(trial, 0, 9);
    EXPECT_EQ(trial.call(kSecond, fmt::format("{} = {}", row.call, kBadFd)).only().severity,
              row.severity)
        << row.what;
  }
}

TEST(BadDescriptor, NamesTheNumberWhereItIsOne) {
  for (const int other : {9, 10}) {
    Trial trial({"bad_descriptor"});
    trial.call(0, fstat(9)).call(1000, fstat(other));
    EXPECT_EQ(trial.only().count, 2U);
    EXPECT_EQ(trial.only().fd, other == 9 ? std::optional<std::int64_t>(9) : std::nullopt);
  }
}

TEST(BadDescriptor, WhatALoopHasToldIsNotToldAgain) {
  for (const int more : {0, 1}) {
    Trial trial({"error_loop", "bad_descriptor"});
    for (int at = 0; at < 20; ++at) trial.call(at, fstat(9), 0);
    if (more > 0) trial.call(kSecond, sleep_of(1), kMillisecond).call(2 * kSecond, fstat(9), 0);
    ASSERT_EQ(trial.count(), 1U + static_cast<std::size_t>(more));
    if (more > 0) {
      EXPECT_EQ(trial.findings()[1].count, 1U);
    }
  }
}

// Another thread closes the number twice: in between this one has opened it.
TEST(BadDescriptor, OfAnotherThreadThatClosesTwice) {
  struct Row {
    const char* what;
    int opens, closes_first, closes_again;
    bool is_grave;
  };
  for (const Row& row :
       {Row{"another twice", 8, 8, 8, true}, Row{"two others", 9, 9, 8, false},
        Row{"itself, then another", 7, 7, 8, false}, Row{"itself twice", 7, 7, 7, false}}) {
    Trial trial({"bad_descriptor"});
    trial.thread(0, 8).thread(1, 9);
    open_and_close(trial, kMillisecond, 12, row.closes_first);
    trial.call(2 * kMillisecond, "openat(AT_FDCWD, \"/y\", O_RDONLY) = 12</y>");
    trial.close(3 * kMillisecond, 12, "0", row.closes_again).call(4 * kMillisecond, fstat(12));
    EXPECT_EQ(trial.only().severity, row.is_grave ? Severity::kError : Severity::kWarning)
        << row.what;
    EXPECT_EQ(has(trial.only().detail, "its second close hit"), row.is_grave);
    if (row.is_grave) {
      EXPECT_EQ(trial.only().evidence.size(), 3U);
    }
  }
}

TEST(DoubleClose, IsOfANumberThatNothingHasOpenedSince) {
  for (const int fd : {0, 1, 9}) {
    Trial trial({"double_close"});
    open_and_close(trial, 0, fd).close(kSecond, fd, kBadFd);
    EXPECT_EQ(trial.count(), 1U) << fd;
  }
  Trial none({"double_close"});
  EXPECT_EQ(none.close(0, -1, kBadFd).close(1, 9, kBadFd).count(), 0U);
}

TEST(DoubleClose, TellsOfTheLastClose) {
  Trial trial({"double_close"});
  open_and_close(trial, 0, 9);
  open_and_close(trial, 4 * kSecond, 9).close(6 * kSecond + kMicrosecond, 9, kBadFd);
  EXPECT_TRUE(has(trial.only().detail, "closed 2.00 s before")) << trial.only().detail;
}

TEST(DoubleClose, ACloseIsOfItsProcess) {
  Trial trial({"double_close"});
  open_and_close(trial, 0, 9).line(kSecond, 7, "+++ exited with 0 +++");
  trial.line(2 * kSecond, 7, "execve(\"/srv/two\", [\"two\"], 0x7ffc /* 9 vars */) = 0");
  EXPECT_EQ(trial.close(3 * kSecond, 9, kBadFd).count(), 0U);
}

TEST(Closings, AreOfNumbersThatAreClosed) {
  using analyzers::checks::Closings;
  Closings closings;
  EXPECT_EQ(closings.of_closed(9), nullptr);
  closings.open(9);
  EXPECT_EQ(closings.of_closed(9), nullptr);
  for (const std::uint64_t fd : {9U, 64U, 63U, 1'000'000U}) {
    closings.close(fd).tid = fd;
    ASSERT_NE(closings.of_closed(fd), nullptr);
    EXPECT_EQ(closings.of_closed(fd)->tid, fd);
    closings.open(fd);
    EXPECT_EQ(closings.of_closed(fd), nullptr);
    // What is known of the close before.
    EXPECT_EQ(closings.close(fd).tid, fd);
    EXPECT_NE(closings.of_closed(fd), nullptr);
  }
  EXPECT_EQ(closings.of_closed(10), nullptr);
  EXPECT_NE(closings.of_closed(9), nullptr);
}

// collected_socket

void collect(Trial& trial, std::int64_t at, int fd, const std::vector<std::string>& calls) {
  for (const std::string& each : calls) trial.call(at, fmt::format(fmt::runtime(each), fd), 0);
}

const std::vector<std::string> kCollected = {"getsockname({}, {{sa_family=AF_UNSPEC}}, [2]) = 0",
                                             "getpeername({}, {{sa_family=AF_UNSPEC}}, [2]) = 0",
                                             "close({}) = 0"};

TEST(CollectedSocket, IsTheseThreeCallsBackToBack) {
  const std::string& own = kCollected[0];
  const std::string& peer = kCollected[1];
  const std::string& close = kCollected[2];
  struct Row {
    const char* what;
    std::vector<std::string> calls;
    std::size_t count;
  };
  for (const Row& row :
       {Row{"all", kCollected, 1}, Row{"no peer", {own, close}, 0}, Row{"no own", {peer, close}, 0},
        Row{"peer first", {peer, own, close}, 0}, Row{"peer twice", {own, peer, peer, close}, 0},
        Row{"own again", {own, own, peer, close}, 1},
        Row{"a failed close", {own, peer, "close({}) = -1 EIO (It failed)"}, 0},
        Row{"another descriptor's", {own, peer, "close(1{}) = 0"}, 0},
        Row{"a call without any", {own, "sched_yield() = 0", peer, close}, 0},
        Row{"memory", {own, "munmap(0x7f, 9) = 0", peer, "getpid() = 7", close}, 1}}) {
    Trial trial({"collected_socket"});
    collect(trial, 0, 9, row.calls);
    EXPECT_EQ(trial.count(), row.count) << row.what;
  }
}

TEST(CollectedSocket, ThreeAreAWarningUnlessAtTheEnd) {
  for (const int count : {2, 3}) {
    Trial trial({"collected_socket"});
    for (int fd = 0; fd < count; ++fd) collect(trial, fd, 10 + fd, kCollected);
    EXPECT_EQ(trial.only().severity, count == 3 ? Severity::kWarning : Severity::kNote);
  }
  // Within 400 lines of exit_group.
  for (const std::uint64_t apart : {400U, 401U}) {
    Trial trial({"collected_socket"});
    for (int fd = 0; fd < 3; ++fd) collect(trial, fd, 10 + fd, kCollected);
    const std::uint64_t last = trial.lines();
    collect(trial, 9, 9, {"getsockname({}, 0x7f, [2]) = 0"});
    // The first of the three was closed six lines before the last.
    while (trial.lines() + 1 < last - 6 + apart) trial.call(kSecond, "getppid() = 1", 0);
    trial.line(2 * kSecond, 7, "exit_group(0) = ?");
    EXPECT_EQ(has(trial.only().detail, apart == 400 ? "3 of them" : "2 of them"), true)
        << trial.only().detail;
    EXPECT_EQ(trial.only().severity, Severity::kNote);
  }
}

// interrupted_loop

TEST(InterruptedLoop, IsOfTwenty) {
  for (const std::string_view how :
       {"-1 EINTR (Interrupted system call)", "? ERESTARTSYS (To be restarted)",
        "? ERESTART_RESTARTBLOCK (Interrupted by signal)"}) {
    for (const int count : {19, 20}) {
      Trial trial({"interrupted_loop"});
      for (int at = 0; at < count; ++at) {
        trial.call(at, fmt::format("fsync(4) = {}", how), 0)
            .line(at, 7, "--- SIGALRM {si_signo=SIGALRM} ---");
        // It ends the handler, and shows what the interrupted call gave.
        trial.call(at, "rt_sigreturn({mask=[]}) = -1 EINTR (Interrupted system call)", 0);
      }
      ASSERT_EQ(trial.count(), count == 20 ? 1U : 0U) << how;
      if (count == 20) {
        EXPECT_TRUE(has(trial.only().summary, "by SIGALRM"));
      }
    }
  }
}

TEST(InterruptedLoop, EndsWithOneOfItsKindThatDoesNot) {
  constexpr std::string_view kInterrupted = "fsync(4) = -1 EINTR (Interrupted system call)";
  const auto told = [&](std::string_view between) {
    Trial trial({"interrupted_loop"});
    for (int at = 0; at < 38; ++at) {
      if (at == 19) trial.call(at, between, 0);
      trial.call(at, kInterrupted, 0);
    }
    return trial.count();
  };
  EXPECT_EQ(told("getppid() = 1"), 1U);
  EXPECT_EQ(told("fsync(4) = 0"), 0U);
  EXPECT_EQ(told("fsync(4) = -1 EIO (It failed)"), 0U);
  EXPECT_EQ(told("fdatasync(4) = -1 EINTR (Interrupted system call)"), 0U);
}

// What interrupted one row is not said of the next.
TEST(InterruptedLoop, ARowHasItsOwnSignal) {
  Trial trial({"interrupted_loop"});
  trial.call(0, "fdatasync(4) = -1 EINTR (Interrupted system call)", 0);
  trial.line(1, 7, "--- SIGALRM {si_signo=SIGALRM} ---");
  for (int at = 2; at < 22; ++at)
    trial.call(at, "fsync(4) = -1 EINTR (Interrupted system call)", 0);
  EXPECT_EQ(trial.only().count, 20U);
  EXPECT_FALSE(has(trial.only().summary, "SIGALRM")) << trial.only().summary;
}

// killed

TEST(Killed, IsAsGraveAsTheSignal) {
  for (const auto& [signal, severity] : {std::pair{"SIGSEGV", Severity::kError},
                                         {"SIGABRT", Severity::kError},
                                         {"SIGBUS", Severity::kError},
                                         {"SIGILL", Severity::kError},
                                         {"SIGFPE", Severity::kError},
                                         {"SIGSYS", Severity::kError},
                                         {"SIGTERM", Severity::kNote},
                                         {"SIGINT", Severity::kNote},
                                         {"SIGHUP", Severity::kNote},
                                         {"SIGQUIT", Severity::kNote},
                                         {"SIGKILL", Severity::kWarning},
                                         {"SIGUSR1", Severity::kWarning}}) {
    Trial trial({"killed"});
    EXPECT_EQ(trial.line(0, 7, fmt::format("+++ killed by {} +++", signal)).only().severity,
              severity)
        << signal;
  }
}

TEST(Killed, IsToldOfAProcessOnce) {
  Trial trial({"killed"});
  trial.thread(0, 8);
  trial.line(kSecond, 8, "+++ killed by SIGKILL +++").line(kSecond, 7, "+++ killed by SIGKILL +++");
  EXPECT_EQ(trial.only().tid, 7U);
  // A log that does not tell whose thread it is.
  Trial unknown({"killed"}, {.has_exec = false});
  EXPECT_EQ(unknown.line(0, 9, "+++ killed by SIGKILL +++").count(), 1U);
}

// fd_leak

Trial& leak(Trial& trial, int left, int made) {
  for (int fd = 0; fd < made; ++fd) {
    trial.call(fd * kMillisecond,
               fmt::format("openat(AT_FDCWD, \"/x\", O_RDONLY) = {}</x>", 10 + fd));
    if (fd >= left) trial.close(fd * kMillisecond + 2000, 10 + fd);
  }
  return trial;
}

TEST(FdLeak, IsOfTwentyAndOfHalf) {
  for (const auto& [left, made, count] :
       {std::tuple{20, 20, 1U}, {19, 19, 0U}, {20, 40, 1U}, {20, 41, 0U}, {25, 40, 1U}}) {
    for (const bool exits : {false, true}) {
      Trial trial({"fd_leak"});
      leak(trial, left, made);
      if (exits) trial.line(kSecond, 7, "+++ exited with 0 +++");
      ASSERT_EQ(trial.count(), count) << left << " " << made;
      if (count == 0) continue;
      EXPECT_EQ(trial.only().count, static_cast<std::uint64_t>(left));
      EXPECT_EQ(trial.only().ts, Trial::kStart + kMicrosecond);
      EXPECT_EQ(trial.only().last_ts, Trial::kStart + (left - 1) * kMillisecond + kMicrosecond);
    }
  }
}

TEST(FdLeak, AcceptedConnectionsAreNotMeant) {
  Trial trial({"fd_leak"});
  for (int fd = 0; fd < 30; ++fd) trial.accept(fd, 10 + fd, 5000 + fd);
  EXPECT_EQ(trial.count(), 0U);
}

TEST(FdLeak, IsAnErrorWhereThereIsNoNumberLeft) {
  for (const auto& [error, count] : {std::pair{"EMFILE", 1U}, {"ENFILE", 1U}, {"EACCES", 0U}}) {
    Trial trial({"fd_leak"});
    trial.call(0, "openat(AT_FDCWD, \"/x\", O_RDONLY) = " + failure(error));
    ASSERT_EQ(trial.count(), count) << error;
    if (count > 0) {
      EXPECT_EQ(trial.only().severity, Severity::kError);
    }
  }
}

// slow_call

TEST(SlowCall, IsATenthOfASecondAndTwentyTimesTheMedian) {
  struct Row {
    std::int64_t longest, median;
    std::size_t count;
  };
  for (const Row& row : {Row{100 * kMillisecond, 0, 1}, Row{100 * kMillisecond - 1, 0, 0},
                         Row{100 * kMillisecond, 5 * kMillisecond, 1},
                         Row{100 * kMillisecond, 5 * kMillisecond + 1, 0}}) {
    Trial trial({"slow_call"});
    for (int time = 0; time < 9; ++time)
      trial.call(time * kSecond, "fsync(20</x>) = 0", row.median);
    trial.call(20 * kSecond, "fsync(20</x>) = 0", row.longest);
    EXPECT_EQ(trial.count(), row.count) << row.longest << " " << row.median;
  }
}

TEST(SlowCall, IsOfWhatWaitsForNobody) {
  for (const auto& [call, count] : {std::pair{"fsync(20</x>) = 0", 1U},
                                    {"getpid() = 7", 1U},
                                    {"munmap(0x7f, 9) = 0", 0U},
                                    {"read(8<pipe:[5]>, \"\", 9) = 0", 0U},
                                    {"futex(0x7f, FUTEX_WAIT, 2, NULL) = 0", 0U},
                                    {"wait4(9, NULL, 0, NULL) = 9", 0U},
                                    {"poll([{fd=8}], 1, 999) = 0 (Timeout)", 0U},
                                    {"execve(\"/x\", [\"x\"], 0x7f /* 9 vars */) = 0", 0U},
                                    {"exit_group(0) = ?", 0U},
                                    {"vfork() = 9", 0U}}) {
    Trial trial({"slow_call"});
    for (int time = 0; time < 9; ++time) trial.call(time, call, 0);
    EXPECT_EQ(trial.call(kSecond, call, kSecond).count(), count) << call;
  }
  // A socket that is made is not what the call was about.
  Trial trial({"slow_call"});
  for (const std::int64_t took : {std::int64_t{0}, std::int64_t{0}, kSecond}) {
    trial.call(took, "socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 9<TCP:[709]>", took);
  }
  EXPECT_EQ(trial.only().file, std::nullopt);
  EXPECT_EQ(trial.only().socket, "");
}

// loop_stall

// Bytes that arrived at 1 s and were read `waited` later, after what the thread did meanwhile.
Trial& stall(Trial& trial, bool is_loop, std::int64_t waited, std::string_view call = {},
             std::int64_t took = 0, int sockets = 1) {
  for (int at = 0; at < sockets; ++at) trial.accept(0, 4 + 4 * at, 5000 + at);
  if (is_loop) trial.loop(1);
  trial.call(kSecond - kMillisecond, "getppid() = 1", kMillisecond);
  for (int at = 0; at < sockets; ++at) {
    trial.segment(kSecond, true, 0, 5, at == 0 ? "Cone" : "Ctwo",
                  static_cast<std::uint16_t>(5000 + at));
  }
  if (!call.empty()) trial.call(kSecond, call, took);
  for (int at = 0; at < sockets; ++at)
    trial.receive(kSecond + waited, 4 + 4 * at, "5", 0, 5000 + at);
  for (int at = 0; at < sockets; ++at) {
    record::Flow flow =
        Trial::flow_of(at == 0 ? "Cone" : "Ctwo", 0, static_cast<std::uint16_t>(5000 + at));
    flow.orig_bytes = 5;
    trial.flow(flow);
  }
  return trial;
}

constexpr Trial::Options kCaptured = {.has_capture = true, .has_exec = true};

TEST(LoopStall, DataWaitedATenthOfASecond) {
  struct Row {
    bool is_loop;
    std::int64_t waited;
    Severity severity;
  };
  for (const Row& row :
       {Row{true, 100 * kMillisecond, Severity::kWarning},
        Row{true, kSecond - 1, Severity::kWarning}, Row{true, kSecond, Severity::kError},
        Row{false, 100 * kMillisecond, Severity::kNote}, Row{false, kSecond - 1, Severity::kNote},
        Row{false, kSecond, Severity::kWarning}}) {
    Trial trial({"loop_stall"}, kCaptured);
    EXPECT_EQ(stall(trial, row.is_loop, row.waited).only().severity, row.severity) << row.waited;
  }
  Trial trial({"loop_stall"}, kCaptured);
  EXPECT_EQ(stall(trial, true, 100 * kMillisecond - 1).count(), 0U);
}

TEST(LoopStall, NamesWhatTheThreadDidMostOfTheTime) {
  struct Row {
    std::int64_t took;
    std::string_view told;
  };
  constexpr std::int64_t kWaited = 200 * kMillisecond;
  for (const Row& row :
       {Row{0, "computing without a system call"}, Row{100 * kMillisecond, "in fsync"},
        Row{kWaited, "in fsync"}, Row{90 * kMillisecond, "computing without"}}) {
    Trial trial({"loop_stall"}, kCaptured);
    stall(trial, true, kWaited, row.took > 0 ? "fsync(20</x>) = 0" : "", row.took);
    EXPECT_TRUE(has(trial.only().summary, row.told)) << row.took << trial.only().summary;
  }
  // Nothing for half of the time: many short ones.
  for (const bool is_half : {true, false}) {
    Trial trial({"loop_stall"}, kCaptured);
    trial.accept(0, 4).loop(1).call(kSecond - 1, "getppid() = 1", 1).segment(kSecond, true, 0, 5);
    trial.call(kSecond, "fsync(20</x>) = 0", is_half ? 100 * kMillisecond : 100 * kMillisecond - 1);
    for (std::int64_t at = 100; at <= 200; at += 5)
      trial.call(kSecond + at * kMillisecond, "getppid() = 1", 0);
    trial.receive(kSecond + 200 * kMillisecond, 4, "5", 0);
    EXPECT_TRUE(has(trial.only().summary, is_half ? "in fsync" : "busy with other things"))
        << trial.only().summary;
  }
}

// A stall is one, however many sockets waited for its end.
TEST(LoopStall, IsCountedOnce) {
  Trial trial({"loop_stall"}, kCaptured);
  stall(trial, true, kSecond, "fsync(20</x>) = 0", kSecond, 2);
  EXPECT_EQ(trial.only().count, 1U);
  EXPECT_TRUE(has(trial.only().summary, "left 2 sockets with data waiting"))
      << trial.only().summary;
}

// A stretch of 10 ms is what one sees, and less is not.
TEST(LoopStall, TellsOfStretchesOfTenMilliseconds) {
  for (const std::int64_t gap : {10 * kMillisecond, 10 * kMillisecond - 1}) {
    Trial trial({"loop_stall"}, kCaptured);
    trial.accept(0, 4).loop(1).call(kSecond - 1, "getppid() = 1", 1).segment(kSecond, true, 0, 5);
    trial.call(kSecond + gap, "getppid() = 1", 0);
    for (std::int64_t at = kSecond + gap; at < kSecond + 100 * kMillisecond;
         at += 5 * kMillisecond) {
      trial.call(at, "getppid() = 1", 0);
    }
    trial.receive(kSecond + 100 * kMillisecond, 4, "5", 0);
    EXPECT_EQ(has(trial.only().detail, "of which the thread was computing"),
              gap == 10 * kMillisecond)
        << trial.only().detail;
  }
}

// Of a gap in which greenlets ran, the one that ran the longest is named; each gap by itself.
TEST(LoopStall, NamesTheGreenletThatRanTheLongest) {
  Trial trial({"loop_stall"}, kCaptured);
  trial.accept(0, 4).loop(1).call(kSecond - 1, "getppid() = 1", 1).segment(kSecond, true, 0, 5);
  trial.switched(kSecond / 2, "0xa").switched(kSecond + 10 * kMillisecond, "0xb");
  trial.switched(kSecond + 150 * kMillisecond, "0xc").switched(kSecond + 160 * kMillisecond, "0xd");
  trial.receive(kSecond + 200 * kMillisecond, 4, "5", 0);
  EXPECT_EQ(trial.only().greenlet, "0xb");

  Trial second({"loop_stall"}, kCaptured);
  second.accept(0, 4).loop(1).switched(2, "0xa").switched(kSecond / 2, "0xb");
  second.call(kSecond - 1, "getppid() = 1", 1).segment(kSecond, true, 0, 5);
  second.switched(kSecond + 10 * kMillisecond, "0xc")
      .receive(kSecond + 150 * kMillisecond, 4, "5", 0);
  EXPECT_EQ(second.only().greenlet, "0xc");
}

// A timer: the poll before, which was ready, would have waited until it.
struct Timer {
  std::int64_t late = 100 * kMillisecond;
  std::string_view result = "1";
  std::string_view call = {};
  std::int64_t took = 0;
};

Trial& be_late(Trial& trial, const Timer& timer) {
  // Due at 1 s.
  trial.loop(-kMillisecond).poll(0, timer.result, 0, "1000");
  if (!timer.call.empty()) trial.call(kMillisecond, timer.call, timer.took);
  return trial.poll(kSecond + timer.late, "1", 5 * kSecond, "9");
}

TEST(LoopStall, ATimerWaitedATenthOfASecond) {
  Trial late({"loop_stall"});
  EXPECT_TRUE(has(be_late(late, {}).only().summary, "was away from its poll for up to 1.10 s"))
      << late.only().summary;
  EXPECT_TRUE(has(late.only().detail, "due 100 ms before")) << late.only().detail;
  Trial early({"loop_stall"});
  EXPECT_EQ(be_late(early, {.late = 100 * kMillisecond - 1}).count(), 0U);
  // A poll that waited to its end has let the timer have its turn.
  Trial waited({"loop_stall"});
  EXPECT_EQ(be_late(waited, {.result = "0"}).count(), 0U);
}

TEST(LoopStall, OfATimerWhatBlocksIsABlockingCall) {
  struct Row {
    std::int64_t took;
    std::string_view told;  // "" is another check's
  };
  for (const Row& row : {Row{kSecond, ""}, Row{300 * kMillisecond, "computing"}}) {
    Trial trial({"loop_stall"});
    be_late(trial, {.late = 200 * kMillisecond, .call = "fsync(20</x>) = 0", .took = row.took});
    ASSERT_EQ(trial.count(), row.told.empty() ? 0U : 1U);
    if (!row.told.empty()) {
      EXPECT_TRUE(has(trial.only().summary, row.told)) << trial.only().summary;
    }
  }
  // Neither most of the time.
  Trial trial({"loop_stall"});
  trial.loop(-kMillisecond).poll(0, "1", 0, "1000");
  for (int at = 0; at < 4; ++at)
    trial.call(at * 300 * kMillisecond, "fsync(20</x>) = 0", 299 * kMillisecond);
  trial.poll(1200 * kMillisecond, "1");
  EXPECT_TRUE(has(trial.only().summary, "busy with other things")) << trial.only().summary;
}

// A look without waiting, before the timer is due: from then on it was away.
TEST(LoopStall, IsAwaySinceItsLastPoll) {
  Trial trial({"loop_stall"});
  trial.loop(-kMillisecond).poll(0, "1", 0, "1000");
  trial.call(kMillisecond, "fsync(20</x>) = 0", 898 * kMillisecond)
      .poll(900 * kMillisecond, "1", 0, "0");
  trial.poll(1200 * kMillisecond, "1");
  EXPECT_TRUE(has(trial.only().summary, "computing without a system call")) << trial.only().summary;
  EXPECT_TRUE(has(trial.only().detail, "300 ms of which")) << trial.only().detail;
}

TEST(LoopStall, APollOfOneDescriptorIsNoLoops) {
  for (const auto& [fds, count] : {std::pair{"[{fd=4, events=POLLIN}], 1", 0U},
                                   {"[{fd=4, events=POLLIN}, {fd=6, events=POLLIN}], 2", 1U}}) {
    Trial trial({"loop_stall"});
    const std::string poll = fmt::format("poll({}, 1000) = 1 ([{{fd=4, revents=POLLIN}}])", fds);
    for (int at = 0; at < 4; ++at) trial.call(at, poll, 0);
    trial.call(kSecond + 300 * kMillisecond, poll, 0);
    EXPECT_EQ(trial.count(), count) << fds;
  }
}

// The same stalls, seen by the data that waited, are not told twice; more of them are.
TEST(LoopStall, DataAndATimerTellOfOneStall) {
  for (const int timers : {1, 2}) {
    Trial trial({"loop_stall"}, kCaptured);
    trial.accept(-kSecond, 4).loop(0);
    for (int at = 0; at < timers; ++at) {
      const std::int64_t begin = (1 + 10 * at) * kSecond;
      trial.poll(begin, "1", 0, "1000");
      if (at == 0) trial.segment(begin + kSecond, true, 0, 5);
      trial.poll(begin + 2 * kSecond, "1");
      if (at == 0) trial.receive(begin + 2 * kSecond + kMicrosecond, 4, "5", 0);
    }
    record::Flow flow = Trial::flow_of("Cone", -kSecond);
    flow.orig_bytes = 5;
    EXPECT_EQ(trial.flow(flow).count(), static_cast<std::size_t>(timers));
  }
}

// The report

TEST(Report, TheGravestComesFirstThenTheEarliest) {
  Trial trial({"killed"});
  trial.line(0, 7, "+++ killed by SIGTERM +++");
  trial.line(1, 9, "+++ killed by SIGKILL +++").line(2, 10, "+++ killed by SIGSEGV +++");
  trial.line(3, 11, "+++ killed by SIGKILL +++");
  std::vector<std::optional<std::uint64_t>> tids;
  for (const Finding& finding : trial.findings()) tids.push_back(finding.tid);
  // Those killed alike are one.
  EXPECT_EQ(tids, (std::vector<std::optional<std::uint64_t>>{10, std::nullopt, 7}));
}

}  // namespace
}  // namespace tracebraid::tests
