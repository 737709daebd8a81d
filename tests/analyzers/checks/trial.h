// A small log, with a capture or without, as `tracebraid check` reads it, for one check alone:
// lines of strace -f -ttt -T -yy, flows and segments, in the order in which they were over.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "analyzers/checks/checks.h"
#include "analyzers/checks/story.h"
#include "converters/inputs.h"
#include "converters/strace/strace_log.h"
#include "formats/io/diagnostics.h"
#include "formats/io/source.h"
#include "formats/record/file.h"
#include "formats/record/flow.h"
#include "formats/record/switch.h"
#include "formats/record/syscall.h"

namespace tracebraid::tests {

namespace record = formats::record;
using analyzers::checks::Finding;
using analyzers::checks::Severity;

constexpr std::int64_t kMicrosecond = 1000;
constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;

// The server is 10.0.0.1:80, its clients are 10.0.0.2.
constexpr std::string_view kListener = "3<TCP:[10.0.0.1:80]>";

// The texts, each at the place of a %, in turn.
inline std::string filled(std::string_view form, std::initializer_list<std::string_view> texts) {
  std::string all;
  const auto* text = texts.begin();
  for (const char each : form) {
    if (each == '%') {
      all.append(*text++);
    } else {
      all.push_back(each);
    }
  }
  return all;
}

// "4<TCP:[10.0.0.1:80->10.0.0.2:5000]>": the server's end of a connection.
inline std::string served(int fd, int client = 5000) {
  return filled("%<TCP:[10.0.0.1:80->10.0.0.2:%]>", {std::to_string(fd), std::to_string(client)});
}

inline std::string failure(std::string_view error) {
  return filled("-1 % (It failed)", {error});
}

// "1.000000001"
inline std::string shown_seconds(std::int64_t ns) {
  std::string part = std::to_string(ns % kSecond);
  part.insert(0, 9 - part.size(), '0');
  return std::to_string(ns / kSecond) + "." + part;
}

inline record::Address host(std::uint8_t last) {
  record::Address address;
  address.size = 4;
  address.bytes = {10, 0, 0, last};
  return address;
}

class Trial final : public converters::strace::StraceSink {
 public:
  static constexpr std::int64_t kStart = 1'795'418'241 * kSecond;

  struct Options {
    bool has_capture = false;
    bool has_exec = true;  // the process's beginning is in the log, as that of process 7
  };

  // `ids`: of the checks that are asked for.
  explicit Trial(std::vector<std::string_view> ids) : Trial(std::move(ids), Options{}) {}
  Trial(std::vector<std::string_view> ids, Options options) {
    for (const std::string_view id : ids) {
      which_.push_back(
          *std::ranges::find(analyzers::checks::all_checks(), id, &analyzers::checks::Check::id));
    }
    story_ = std::make_unique<analyzers::checks::Story>(which_, "log");
    analyzers::InputKinds kinds;
    kinds.add(*converters::recognize("7 1795417770.000000 close(3) = 0 <0.000041>\n"));
    if (options.has_capture) {
      kinds.add(*converters::recognize(
          {"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0", 24}));
    }
    story_->tell_once(false);
    story_->begin(kinds);
    story_->enter(0);
    converters::strace::StraceLog::Options log_options;
    log_options.files = true;
    log_ = std::make_unique<converters::strace::StraceLog>(log_options, *this, diagnostics_);
    if (options.has_exec)
      line(-kSecond, 7, "execve(\"/srv/one\", [\"one\"], 0x7ffc /* 9 vars */) = 0");
  }

  // Times are ns from the start. Without `took` there is no -T.
  Trial& line(std::int64_t at, int tid, std::string_view text) {
    // Of one thread alone (0), strace prints no number.
    const std::string whole = filled(
        "%% %\n", {tid == 0 ? "" : std::to_string(tid) + " ", shown_seconds(kStart + at), text});
    const auto source = formats::io::memory_source("log", whole);
    log_->read(*source, {}, {});
    return *this;
  }
  Trial& call(std::int64_t at, std::string_view text, std::int64_t took = kMicrosecond,
              int tid = 7) {
    return line(at, tid, filled("% <%>", {text, shown_seconds(took)}));
  }
  // How many lines the log has by now.
  [[nodiscard]] std::uint64_t lines() const { return log_->ledger().lines; }

  // Thread `tid` of process 7.
  Trial& thread(std::int64_t at, int tid) {
    return call(at, filled("clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FILES|CLONE_SIGHAND|"
                           "CLONE_THREAD) = %",
                           {std::to_string(tid)}));
  }
  Trial& listen(std::int64_t at) { return call(at, filled("listen(%, 5) = 0", {kListener})); }
  Trial& accept(std::int64_t at, int fd, int client = 5000, int tid = 7) {
    return call(at,
                filled("accept4(%, {sa_family=AF_INET, sin_port=htons(%), "
                       "sin_addr=inet_addr(\"10.0.0.2\")}, [16], SOCK_CLOEXEC) = %",
                       {kListener, std::to_string(client), served(fd, client)}),
                kMicrosecond, tid);
  }
  Trial& close(std::int64_t at, int fd, std::string_view result = "0", int tid = 7) {
    return call(at, filled("close(%) = %", {std::to_string(fd), result}), kMicrosecond, tid);
  }
  // "recvfrom(…) = 5 or what it fails with".
  Trial& receive(std::int64_t at, int fd, std::string_view result, std::int64_t took = kMicrosecond,
                 int client = 5000, int tid = 7) {
    return call(at,
                filled("recvfrom(%, \"x\", 100, 0, NULL, NULL) = %", {served(fd, client), result}),
                took, tid);
  }
  Trial& send(std::int64_t at, int fd, std::uint64_t given, std::string_view result,
              std::int64_t took = kMicrosecond, int client = 5000) {
    return call(at,
                filled("sendto(%, \"x\"..., %, MSG_DONTWAIT, NULL, 0) = %",
                       {served(fd, client), std::to_string(given), result}),
                took);
  }
  // A connect() to 10.0.0.1:80 that is not waited for.
  Trial& connect(std::int64_t at, int fd, std::string_view result) {
    const std::string place = filled("%<TCP:[70%]>", {std::to_string(fd), std::to_string(fd)});
    call(at - 1, filled("socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = %", {place}), 0);
    return call(at, filled("connect(%, {sa_family=AF_INET, sin_port=htons(80), "
                           "sin_addr=inet_addr(\"10.0.0.1\")}, 16) = %",
                           {place, result}));
  }
  // Three polls, after which thread 7 is a loop: of epoll 5.
  Trial& loop(std::int64_t at) {
    for (int time = 0; time < 3; ++time) poll(at + time, "1");
    return *this;
  }
  Trial& poll(std::int64_t at, std::string_view result, std::int64_t took = 0,
              std::string_view timeout = "1000") {
    const std::string_view events =
        result == "0" ? "[]" : "[{events=EPOLLIN, data={u32=4, u64=4}}]";
    return call(
        at,
        filled("epoll_wait(5<anon_inode:[eventpoll]>, %, 64, %) = %", {events, timeout, result}),
        took);
  }

  // The flow of a client's port.
  static record::Flow flow_of(std::string_view uid, std::int64_t at, std::uint16_t client = 5000) {
    record::Flow flow;
    flow.uid = uid;
    flow.ts = flow.last_ts = {kStart + at};
    flow.proto = "tcp";
    flow.orig_h = host(2);
    flow.orig_p = client;
    flow.resp_h = host(1);
    flow.resp_p = 80;
    flow.history = "ShADd";
    flow.conn_state = "SF";
    flow.orig_bytes = flow.resp_bytes = 0;
    flow.final = true;
    return flow;
  }
  Trial& flow(const record::Flow& flow) {
    story_->on(flow);
    return *this;
  }
  // Payload of flow "Cone", which began at 0.
  Trial& segment(std::int64_t at, bool is_orig, std::uint64_t offset, std::uint64_t length,
                 std::string_view uid = "Cone", std::uint16_t client = 5000) {
    record::Segment segment;
    segment.ts = {kStart + at};
    segment.uid = uid;
    segment.proto = "tcp";
    segment.orig_h = host(2);
    segment.orig_p = client;
    segment.resp_h = host(1);
    segment.resp_p = 80;
    segment.flow_ts = {kStart};
    segment.is_orig = is_orig;
    segment.offset = offset;
    segment.length = length;
    story_->on(segment);
    return *this;
  }
  Trial& switched(std::int64_t at, std::string_view greenlet) {
    record::Switch change;
    change.ts = {kStart + at};
    change.pid = change.tid = 7;
    change.greenlet = greenlet;
    story_->on(change);
    return *this;
  }

  // At the end of all.
  const std::vector<Finding>& findings() {
    if (!std::exchange(is_over_, true)) {
      log_->finish();
      story_->at_end();
    }
    return story_->findings();
  }
  std::size_t count() { return findings().size(); }
  const Finding& only() {
    static const Finding kNone;
    EXPECT_EQ(count(), 1U);
    return count() == 1 ? findings().front() : kNone;
  }

 private:
  class Silent final : public formats::io::Messages {
   public:
    void line(std::string_view) override {}
  };

  void syscall(const record::Syscall& call) override { story_->on(call); }
  void signal(const record::Signal& signal) override { story_->on(signal); }
  void process(const record::Process& process) override { story_->on(process); }
  void file(const record::File& file) override { story_->on(file); }

  Silent messages_;
  formats::io::Diagnostics diagnostics_{messages_, "test"};
  std::vector<const analyzers::checks::Check*> which_;
  std::unique_ptr<analyzers::checks::Story> story_;
  std::unique_ptr<converters::strace::StraceLog> log_;
  bool is_over_ = false;
};

}  // namespace tracebraid::tests
