#include "analyzers/checks/ready.h"

#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "analyzers/checks/detector.h"
#include "formats/record/file.h"

namespace tracebraid::analyzers::checks {
namespace {

class Ready : public testing::Test {
 protected:
  // strace's texts of epoll_ctl on epoll 3, which is open file 7.
  void control(std::string_view what, std::int64_t fd, std::string_view event,
               std::uint64_t file = 7) {
    args_ = "3<anon_inode:[eventpoll]>, " + std::string(what) + ", " + std::to_string(fd) + ", " +
            std::string(event);
    formats::record::Syscall call;
    call.syscall = "epoll_ctl";
    call.args = args_;
    call.result = 0;
    call.fd = 3;
    call.fd2 = fd;
    call.file = file;
    sets_.learn(event_of(call));
  }

  // "4 6", or "4 ?" for one that is not known.
  std::string ready(std::string_view name, std::string_view args, std::string_view aux,
                    std::int64_t result, std::uint64_t file = 7) {
    formats::record::Syscall call;
    call.syscall = name;
    call.args = args;
    call.aux = aux;
    call.result = result;
    call.fd = 3;
    call.file = file;
    const ReadySet& set = sets_.of(event_of(call));
    key_ = set.key;
    text_ = shown(set);
    std::string text;
    for (const ReadyOne& one : set.ones) {
      text += text.empty() ? "" : " ";
      text += one.fd ? std::to_string(*one.fd) : "?";
    }
    return text;
  }
  std::string waited(std::string_view events, std::uint64_t file = 7) {
    args_ = "3<anon_inode:[eventpoll]>, " + std::string(events) + ", 1023, 1000";
    return ready("epoll_wait", args_, "", 1, file);
  }

  CallEvent event_of(const formats::record::Syscall& call) {
    return {call, name_, thread_, nullptr, {}, {}, {}};
  }

  ReadySets sets_;
  Thread thread_;
  CallName name_{"epoll_wait"};
  std::string args_, text_;
  std::uint64_t key_ = 0;
};

// As strace 4.8, 5.10, 6.1 and 6.14 print the same call.
TEST_F(Ready, AllFormsOfEvents) {
  control("EPOLL_CTL_ADD", 4, "{EPOLLIN, {u32=4, u64=4}}");
  EXPECT_EQ(waited("{{EPOLLIN, {u32=4, u64=4}}}"), "4");
  EXPECT_EQ(waited("[{EPOLLIN, {u32=4, u64=4}}]"), "4");
  EXPECT_EQ(waited("[{events=EPOLLIN, data={u32=4, u64=4}}]"), "4");
  EXPECT_EQ(waited("[{events=EPOLLIN|EPOLLHUP, data=0x4}]"), "4");
  EXPECT_EQ(text_, "descriptor 4");
}

TEST_F(Ready, DataIsWhatTheProgramGave) {
  // nginx: an address; libev: a generation above the descriptor; CPython: 32 bits, and rubbish.
  control("EPOLL_CTL_ADD", 6, "{events=EPOLLIN, data={u32=2958700656, u64=93985433071728}}");
  control("EPOLL_CTL_ADD", 12, "{events=EPOLLIN, data={u32=12, u64=4294967308}}");
  control("EPOLL_CTL_ADD", 9, "{events=EPOLLOUT, data=0x7f1200000009}");
  EXPECT_EQ(waited("[{events=EPOLLIN, data={u32=2958700656, u64=93985433071728}}]"), "6");
  EXPECT_EQ(waited("[{events=EPOLLIN, data={u32=12, u64=4294967308}}]"), "12");
  EXPECT_EQ(waited("[{events=EPOLLIN, data={u32=9, u64=139715286138889}}]"), "9");
  // The lower half alone is nothing.
  EXPECT_EQ(waited("[{events=EPOLLIN, data={u32=12, u64=12}}]"), "?");
  EXPECT_EQ(text_,
            "an event of data 0xc (perhaps descriptor 12), whose EPOLL_CTL_ADD the log lacks,");
}

TEST_F(Ready, ModChangesDataAndDelEndsIt) {
  control("EPOLL_CTL_ADD", 5, "{events=EPOLLIN, data={u32=100, u64=100}}");
  control("EPOLL_CTL_MOD", 5, "{events=EPOLLIN, data={u32=200, u64=200}}");
  EXPECT_EQ(waited("[{events=EPOLLIN, data={u32=100, u64=100}}]"), "?");
  EXPECT_EQ(waited("[{events=EPOLLIN, data={u32=200, u64=200}}]"), "5");
  control("EPOLL_CTL_DEL", 5, "0x7ffffb48a5d4");
  EXPECT_EQ(waited("[{events=EPOLLIN, data={u32=200, u64=200}}]"), "?");
}

TEST_F(Ready, EpollsAreApart) {
  control("EPOLL_CTL_ADD", 5, "{events=EPOLLIN, data={u32=1, u64=1}}", 7);
  control("EPOLL_CTL_ADD", 6, "{events=EPOLLIN, data={u32=1, u64=1}}", 8);
  EXPECT_EQ(waited("[{events=EPOLLIN, data={u32=1, u64=1}}]", 7), "5");
  EXPECT_EQ(waited("[{events=EPOLLIN, data={u32=1, u64=1}}]", 8), "6");
  formats::record::File ended;
  ended.kind = "epoll";
  ended.file = 7;
  sets_.forget(ended, 0);
  EXPECT_EQ(waited("[{events=EPOLLIN, data={u32=1, u64=1}}]", 7), "?");
}

TEST_F(Ready, SetsHaveNoOrder) {
  control("EPOLL_CTL_ADD", 4, "{events=EPOLLIN, data={u32=4, u64=4}}");
  control("EPOLL_CTL_ADD", 6, "{events=EPOLLIN, data={u32=6, u64=6}}");
  const std::string four = "{events=EPOLLIN, data={u32=4, u64=4}}";
  const std::string six = "{events=EPOLLIN, data={u32=6, u64=6}}";
  EXPECT_EQ(waited("[" + four + ", " + six + "]"), "4 6");
  EXPECT_EQ(text_, "descriptors 4 and 6");
  const std::uint64_t key = key_;
  EXPECT_EQ(waited("[" + six + ", " + four + "]"), "6 4");
  EXPECT_EQ(key_, key);
  waited("[" + four + "]");
  EXPECT_NE(key_, key);
}

TEST_F(Ready, OfPollAndSelect) {
  EXPECT_EQ(ready("poll", "[{fd=5, events=POLLIN}, {fd=7<pipe:[5]>, events=POLLIN}], 2, 100",
                  "[{fd=5, revents=POLLIN}, {fd=7<pipe:[5]>, revents=POLLHUP}]", 2),
            "5 7");
  EXPECT_EQ(ready("pselect6", "8, [3 7], [5], NULL, NULL, NULL",
                  "in [3 7], out [5], left {tv_sec=0, tv_nsec=1}", 3),
            "3 7 5");
  EXPECT_EQ(ready("select", "8, [3], [], [], {tv_sec=1, tv_usec=0}", "out [12]", 1), "12");
  EXPECT_EQ(ready("poll", "[{fd=5, events=POLLIN}], 1, 100", "Timeout", 0), "");
}

TEST_F(Ready, WhatIsCutGivesWhatIsWhole) {
  control("EPOLL_CTL_ADD", 4, "{events=EPOLLIN, data={u32=4, u64=4}}");
  const std::string events =
      "[{events=EPOLLIN, data={u32=4, u64=4}}, {events=EPOLLIN, data={u32=4, u64=4}}]";
  for (std::size_t size = 0; size < events.size(); ++size) {
    waited(events.substr(0, size));
    ready("poll", "", "[{fd=5, revents=POLLIN}]", 1);
    ready("select", "", "in [3 7]", 1);
  }
  EXPECT_EQ(waited("[{events=EPOLLIN, data={u32=4, u64=4}}, ...]"), "4");
}

TEST_F(Ready, ManyAreCounted) {
  ready("pselect6", "", "in [3 4 5 6 7 8]", 6);
  EXPECT_EQ(text_, "descriptors 3, 4, 5, 6 and 2 more");
}

}  // namespace
}  // namespace tracebraid::analyzers::checks
