// Which detectors are shown a call, and which of two tells of a fault
// (analyzers/checks/detector.h).

#include "analyzers/checks/story.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "analyzers/checks/checks.h"
#include "formats/record/syscall.h"

namespace tracebraid::analyzers::checks {
namespace {

namespace record = formats::record;

// Writes down the lines of the calls that it is shown.
class Witness final : public Detector {
 public:
  // What the next one is, of whom nothing but a Scene is known when it is made.
  struct Plan {
    Interest interest;
    std::function<void(const Witness&, const CallEvent&)> act = [](const auto&, const auto&) {};
  };
  static inline std::vector<Plan> plans;
  static inline std::vector<Witness*> made;

  explicit Witness(Scene& scene) : Detector(scene), plan_(plans.at(made.size())) {
    made.push_back(this);
  }
  [[nodiscard]] Interest interest() const override { return plan_.interest; }
  void call(const CallEvent& event) override {
    seen_.push_back(event.call.line);
    plan_.act(*this, event);
  }

  void keep_thread(const CallEvent& event) const { keep(event.thread); }
  void leave_thread(const CallEvent& event) const { let_go(event.thread); }
  void keep_socket(const CallEvent& event) const { keep(*event.socket); }
  void leave_socket(const CallEvent& event) const { let_go(*event.socket); }
  [[nodiscard]] const std::vector<std::uint64_t>& seen() const { return seen_; }

 private:
  Plan plan_;
  std::vector<std::uint64_t> seen_;
};

constexpr Check kWitness = {
    .id = "witness", .title = "", .explain = "", .needs = "", .make = &make_detector<Witness>};

using Lines = std::vector<std::uint64_t>;

class StoryTest : public testing::Test {
 protected:
  void SetUp() override {
    Witness::plans.clear();
    Witness::made.clear();
  }
  // With a witness for each plan.
  Story& story(std::vector<Witness::Plan> plans) {
    Witness::plans = std::move(plans);
    const std::vector<const Check*> which(Witness::plans.size(), &kWitness);
    story_ = std::make_unique<Story>(which, "log");
    story_->enter(0);
    return *story_;
  }
  static const Lines& seen(std::size_t witness) { return Witness::made.at(witness)->seen(); }

  std::unique_ptr<Story> story_;
};

record::Syscall call_of(std::string_view name, std::uint64_t line, std::uint64_t tid = 1) {
  record::Syscall call;
  call.syscall = name;
  call.line = line;
  call.tid = tid;
  call.pid = 1;
  return call;
}

record::Syscall failing(std::string_view name, std::string_view error, std::uint64_t line) {
  record::Syscall call = call_of(name, line);
  call.error = error;
  call.result = -1;
  return call;
}

record::Syscall on_socket(std::string_view name, std::string_view kind, std::uint64_t file,
                          std::uint64_t line) {
  record::Syscall call = call_of(name, line);
  call.fd = static_cast<std::int64_t>(file) + 2;
  call.file = file;
  call.kind = kind;
  call.proto = kind;
  return call;
}

// The numbers of detectors at which sets of bits grow.
class ManyDetectors : public StoryTest, public testing::WithParamInterface<std::size_t> {};

TEST_P(ManyDetectors, EachSeesTheCallsOfItsName) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < GetParam(); ++at) names.push_back("call_" + std::to_string(at));
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::vector<Witness::Plan> plans;
  for (const std::string_view& name : views) plans.push_back({.interest = {.calls = {&name, 1}}});
  Story& told = story(std::move(plans));
  for (std::size_t at = 0; at < names.size(); ++at) told.on(call_of(names[at], at + 1));
  for (std::size_t at = 0; at < names.size(); ++at) EXPECT_EQ(seen(at), (Lines{at + 1})) << at;
}

TEST_P(ManyDetectors, EachSeesTheThreadsThatItKeeps) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at < GetParam(); ++at) names.push_back("keep_" + std::to_string(at));
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::vector<Witness::Plan> plans;
  for (const std::string_view& name : views) {
    plans.push_back({.interest = {.calls = {&name, 1}}, .act = &Witness::keep_thread});
  }
  Story& told = story(std::move(plans));
  // Each keeps a thread of its own, which then calls something else.
  for (std::size_t at = 0; at < names.size(); ++at) told.on(call_of(names[at], 1, 1000 + at));
  for (std::size_t at = 0; at < names.size(); ++at) told.on(call_of("other", 2, 1000 + at));
  told.on(call_of("other", 3, 1));
  for (std::size_t at = 0; at < names.size(); ++at) EXPECT_EQ(seen(at), (Lines{1, 2})) << at;
}

TEST_P(ManyDetectors, EachSeesWhatIsShownToAll) {
  const std::vector<Witness::Plan> plans(GetParam(), {.interest = {.failing = true}});
  Story& told = story(plans);
  told.on(failing("read", "EBADF", 1));
  told.on(call_of("read", 2));
  for (std::size_t at = 0; at < plans.size(); ++at) EXPECT_EQ(seen(at), (Lines{1})) << at;
}

INSTANTIATE_TEST_SUITE_P(Story, ManyDetectors, testing::Values(1, 21, 32, 33, 40, 64, 65, 200));

TEST_F(StoryTest, AnyOneInterestIsEnough) {
  static constexpr std::string_view kNames[] = {"listen", "shutdown"};
  Story& told = story({{.interest = {.calls = kNames}},
                       {.interest = {.polls = true}},
                       {.interest = {.sends = true}},
                       {.interest = {.failing = true}},
                       {.interest = {.datagrams = true}},
                       {.interest = {.from_ns = 1'000'000}},
                       {.interest = {.all = true}},
                       {.interest = {}},
                       {.interest = {.calls = kNames, .failing = true, .from_ns = 1'000'001}}});
  told.on(call_of("listen", 1));
  told.on(call_of("epoll_wait", 2));
  told.on(call_of("writev", 3));
  told.on(failing("shutdown", "ENOTCONN", 4));
  told.on(on_socket("recvfrom", "udp", 7, 5));
  told.on(on_socket("recvfrom", "tcp", 8, 6));
  record::Syscall slow = call_of("fsync", 7);
  slow.duration = record::Duration{1'000'000};
  told.on(slow);
  slow.line = 8;
  slow.duration = record::Duration{999'999};
  told.on(slow);
  EXPECT_EQ(seen(0), (Lines{1, 4}));
  EXPECT_EQ(seen(1), (Lines{2}));
  EXPECT_EQ(seen(2), (Lines{3}));
  EXPECT_EQ(seen(3), (Lines{4}));
  EXPECT_EQ(seen(4), (Lines{5}));
  EXPECT_EQ(seen(5), (Lines{7}));
  EXPECT_EQ(seen(6), (Lines{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(seen(7), (Lines{}));
  EXPECT_EQ(seen(8), (Lines{1, 4}));
}

// Whichever of them comes first.
TEST_F(StoryTest, EachSeesCallsFromItsOwnDurationOn) {
  Story& told = story({{.interest = {.from_ns = 300}},
                       {.interest = {.from_ns = 100}},
                       {.interest = {.from_ns = 200}}});
  for (const std::uint64_t ns : {99U, 100U, 199U, 200U, 299U, 300U}) {
    record::Syscall call = call_of("fsync", ns);
    call.duration = record::Duration{static_cast<std::int64_t>(ns)};
    told.on(call);
  }
  EXPECT_EQ(seen(0), (Lines{300}));
  EXPECT_EQ(seen(1), (Lines{100, 199, 200, 299, 300}));
  EXPECT_EQ(seen(2), (Lines{200, 299, 300}));
}

TEST_F(StoryTest, WhatIsKeptIsSeenWhateverTheInterestUntilLetGo) {
  Story& told = story(
      {{.interest = {.failing = true}, .act = [](const Witness& witness, const CallEvent& event) {
          if (event.call.syscall == "leave") return witness.leave_thread(event);
          // Keeping is not counted.
          witness.keep_thread(event);
          witness.keep_thread(event);
        }}});
  told.on(call_of("read", 1));
  told.on(failing("read", "EBADF", 2));
  told.on(call_of("read", 3));
  told.on(failing("write", "EPIPE", 4));  // for two reasons, and once
  told.on(call_of("read", 5, 99));        // another thread
  told.on(call_of("leave", 6));
  told.on(call_of("read", 7));
  told.on(failing("read", "EBADF", 8));
  EXPECT_EQ(seen(0), (Lines{2, 3, 4, 6, 8}));
}

TEST_F(StoryTest, ASocketIsKeptForCallsOfAllThreads) {
  static constexpr std::string_view kNames[] = {"getsockname"};
  Story& told = story(
      {{.interest = {.calls = kNames}, .act = [](const Witness& witness, const CallEvent& event) {
          if (event.call.syscall == "shutdown") return witness.leave_socket(event);
          witness.keep_socket(event);
        }}});
  told.on(on_socket("getsockname", "tcp", 3, 1));
  record::Syscall other_thread = on_socket("recvfrom", "tcp", 3, 2);
  other_thread.tid = 2;
  told.on(other_thread);
  told.on(on_socket("recvfrom", "tcp", 4, 3));  // another socket
  told.on(on_socket("shutdown", "tcp", 3, 4));
  told.on(on_socket("recvfrom", "tcp", 3, 5));
  EXPECT_EQ(seen(0), (Lines{1, 2, 4}));
}

TEST_F(StoryTest, AThreadThatEndedIsNotKept) {
  static constexpr std::string_view kNames[] = {"keep"};
  Story& told = story({{.interest = {.calls = kNames}, .act = &Witness::keep_thread}});
  told.on(call_of("keep", 1, 5));
  record::Process exit;
  exit.event = "exit";
  exit.tid = 5;
  exit.pid = 1;
  told.on(exit);
  told.on(call_of("read", 2, 5));  // its number was given out again
  EXPECT_EQ(seen(0), (Lines{1}));
}

const Check* check_of(std::string_view id) {
  return *std::ranges::find(all_checks(), id, &Check::id);
}

// A row of 30 shutdown(-1) that fail, which lasts to the end of the inputs, and one in another
// thread of the same process.
std::vector<Finding> findings_of(const std::vector<const Check*>& which) {
  Story told(which, "log");
  told.enter(0);
  for (std::uint64_t line = 1; line <= 31; ++line) {
    record::Syscall call = failing("shutdown", "EBADF", line);
    call.fd = -1;
    if (line == 31) call.tid = 2;
    told.on(call);
  }
  told.at_end();
  return told.findings();
}

TEST(WhoTells, WhatErrorLoopHasToldIsTakenOffByBadDescriptor) {
  const auto found = findings_of({check_of("error_loop"), check_of("bad_descriptor")});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].id, "error_loop");
  EXPECT_EQ(found[0].count, 30U);
  EXPECT_EQ(found[1].id, "bad_descriptor");
  EXPECT_EQ(found[1].count, 1U);
}

TEST(WhoTells, WithoutErrorLoopBadDescriptorTellsAll) {
  const auto found = findings_of({check_of("bad_descriptor")});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].count, 31U);
}

TEST(WhoTells, ErrorLoopStandsAboveWhoAsksForIt) {
  const auto checks = all_checks();
  EXPECT_LT(std::ranges::find(checks, "error_loop", &Check::id),
            std::ranges::find(checks, "bad_descriptor", &Check::id));
}

}  // namespace
}  // namespace tracebraid::analyzers::checks
