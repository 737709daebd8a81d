#include "analyzers/checks/calls.h"

#include <cstdint>
#include <optional>
#include <string_view>

#include <gtest/gtest.h>

namespace tracebraid::analyzers::checks {
namespace {

std::optional<std::int64_t> timeout(std::string_view name, std::string_view args) {
  formats::record::Syscall call;
  call.syscall = name;
  call.args = args;
  return poll_timeout(call);
}

// Arguments as strace 6.1 prints them; the manual pages say which one is the time-out, and its
// unit.
TEST(PollTimeout, OfEveryCall) {
  EXPECT_EQ(timeout("epoll_wait", "4, [{events=EPOLLIN, data={u32=5, u64=5}}], 8, 1500"),
            1'500'000'000);
  EXPECT_EQ(timeout("epoll_pwait", "4<anon_inode:[eventpoll]>, [], 1024, 50, NULL, 8"), 50'000'000);
  EXPECT_EQ(timeout("epoll_pwait2", "4, [], 8, {tv_sec=0, tv_nsec=250}, NULL, 8"), 250);
  EXPECT_EQ(timeout("poll", "[{fd=3, events=POLLIN}, {fd=4, events=POLLIN}], 2, 100"), 100'000'000);
  EXPECT_EQ(timeout("ppoll", "[{fd=3, events=POLLIN}], 1, {tv_sec=0, tv_nsec=5000}, NULL, 8"),
            5000);
  EXPECT_EQ(timeout("select", "8, [3 5], [], NULL, {tv_sec=1, tv_usec=250000}"), 1'250'000'000);
  EXPECT_EQ(timeout("pselect6", "6, [5], NULL, NULL, {tv_sec=2, tv_nsec=1}, NULL"), 2'000'000'001);
}

TEST(PollTimeout, NoneIsForEverAndZeroIsNot) {
  EXPECT_EQ(timeout("poll", "[{fd=3, events=POLLIN}], 1, 0"), 0);
  EXPECT_EQ(timeout("select", "4, [3], [], [], {tv_sec=0, tv_usec=0}"), 0);
  EXPECT_EQ(timeout("epoll_wait", "4, [], 8, -1"), std::nullopt);
  EXPECT_EQ(timeout("select", "4, [3], [], [], NULL"), std::nullopt);
  EXPECT_EQ(timeout("ppoll", "[{fd=3, events=POLLIN}], 1, NULL, NULL, 8"), std::nullopt);
}

TEST(PollTimeout, WhatIsNoNumberIsNotKnown) {
  EXPECT_EQ(timeout("poll", ""), std::nullopt);
  EXPECT_EQ(timeout("epoll_pwait", "4"), std::nullopt);
  EXPECT_EQ(timeout("poll", "0x7ffe, 1, 99999999999999999999"), std::nullopt);
  EXPECT_EQ(timeout("select", "4, [3], [], [], {tv_sec=9223372036854775807, tv_usec=0}"),
            std::nullopt);
  EXPECT_EQ(timeout("select", "4, [3], [], [], {tv_sec=1"), std::nullopt);
}

bool of_several(std::string_view name, std::string_view args) {
  formats::record::Syscall call;
  call.syscall = name;
  call.args = args;
  return is_of_several(call);
}

TEST(IsOfSeveral, TellsAnEventLoopFromOneSocketWithATimeOut) {
  EXPECT_TRUE(of_several("epoll_wait", "4, [], 8, -1"));
  EXPECT_TRUE(of_several("poll", "[{fd=3, events=POLLIN}, {fd=4, events=POLLIN}], 2, 100"));
  EXPECT_FALSE(of_several("poll", "[{fd=3, events=POLLIN}], 1, 100"));
  EXPECT_FALSE(
      of_several("poll", "[{fd=3<TCP:[127.0.0.1:5000->127.0.0.1:80]>, events=POLLIN}], 1, 5000"));
  EXPECT_FALSE(of_several("poll", "[{fd=3<TCP:[56444]>, events=POLLIN}], 1, 5000"));
  EXPECT_FALSE(of_several("poll", "[{fd=3<TCP:[127.0.0.1:80]>, events=POLLIN}], 1, 500"));
  EXPECT_TRUE(of_several("select", "8, [3 5], [], NULL, {tv_sec=1, tv_usec=250000}"));
  EXPECT_FALSE(of_several("pselect6", "6, [5], NULL, NULL, {tv_sec=2, tv_nsec=1}, NULL"));
  EXPECT_TRUE(of_several("select", "8, [3<pipe:[7]> 5<pipe:[8]>], [], NULL, NULL"));
  EXPECT_FALSE(of_several("select", "8, [3<pipe:[7]>], [], NULL, NULL"));
  EXPECT_FALSE(of_several("select", "0, NULL, NULL, NULL, {tv_sec=1, tv_usec=0}"));
}

TEST(CallName, SaysWhatTheCallIsFor) {
  EXPECT_TRUE(CallName("epoll_pwait2").is_poll);
  EXPECT_TRUE(CallName("clock_nanosleep").is_sleep);
  EXPECT_TRUE(CallName("gettid").is_aside);
  EXPECT_TRUE(CallName("sendmmsg").sends);
  EXPECT_TRUE(CallName("accept4").accepts);
  const CallName other("recvfrom");
  EXPECT_FALSE(other.is_poll || other.is_sleep || other.is_aside || other.sends || other.accepts);
  EXPECT_EQ(other.text, "recvfrom");
}

}  // namespace
}  // namespace tracebraid::analyzers::checks
