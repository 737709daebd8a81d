#include "converters/strace/strace_log.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "formats/io/diagnostics.h"
#include "formats/io/source.h"
#include "formats/record/schema.h"
#include "tests/support/in_zone.h"

namespace tracebraid::converters::strace {
namespace {

namespace io = formats::io;
namespace record = formats::record;

class NoMessages final : public io::Messages {
 public:
  void line(std::string_view) override {}
};

// What is asked of records, with memory of its own.
struct Kept final : public StraceSink {
  struct CallOf {
    std::string syscall, kind, path;
    std::optional<std::int64_t> fd;
    std::vector<std::string> fields;
  };
  struct FileOf {
    std::uint64_t file;
    std::string kind, made_by;
  };
  std::vector<CallOf> calls;
  std::vector<FileOf> files;

  void syscall(const record::Syscall& call) override {
    record::Values<record::Syscall> values;
    record::to_values(call, values);
    std::vector<std::string> fields;
    for (const record::Value& value : values) {
      switch (value.kind()) {
        case record::Kind::kNil:
          fields.emplace_back();
          break;
        case record::Kind::kText:
        case record::Kind::kAddress:
          fields.emplace_back(value.bytes());
          break;
        default:
          fields.push_back(std::to_string(value.as_int()));
      }
    }
    calls.push_back({std::string(call.syscall), std::string(call.kind), std::string(call.path),
                     call.fd, std::move(fields)});
  }
  void file(const record::File& file) override {
    files.push_back({file.file, std::string(file.kind), std::string(file.made_by)});
  }
};

// `modified`: when the log was written, in seconds since 1970.
Kept read(std::string_view text, const StraceLog::Options& options,
          std::optional<std::int64_t> modified = std::nullopt) {
  NoMessages messages;
  io::Diagnostics diagnostics(messages, "test");
  Kept kept;
  StraceLog log(options, kept, diagnostics);
  const auto source = io::memory_source("log", text);
  log.read(*source, {}, modified);
  log.finish();
  return kept;
}

Kept read(std::string_view text, bool with_files = false) {
  StraceLog::Options options;
  options.files = with_files;
  return read(text, options);
}

// A log of -ff: a text for each thread.
struct ThreadText {
  std::uint32_t tid;
  std::string_view text;
};

Kept read_together(std::span<const ThreadText> texts) {
  NoMessages messages;
  io::Diagnostics diagnostics(messages, "test");
  Kept kept;
  StraceLog log({}, kept, diagnostics);
  std::vector<std::unique_ptr<io::Source>> sources;
  std::vector<StraceLog::ThreadFile> files;
  for (const ThreadText& each : texts) {
    sources.push_back(io::memory_source("log", each.text));
    files.push_back({sources.back().get(), "log." + std::to_string(each.tid), each.tid, {}});
  }
  log.read_together(files);
  log.finish();
  return kept;
}

std::string field(const Kept::CallOf& call, std::string_view name) {
  for (std::size_t at = 0; at < call.fields.size(); ++at) {
    if (record::detail::kFieldInfos<record::Syscall>[at].name == name) return call.fields[at];
  }
  ADD_FAILURE() << "no field " << name;
  return {};
}

TEST(StraceLog, ACallHasNothingOfTheOneBefore) {
  // All that a line can have, in one or the other of these.
  const std::string_view kRich[] = {
      "7<sh>  1795418241.520582 [  45] [00007f92338b8ad7] recvfrom(3<TCP:[10.0.0.1:80->10.0.0.2:81]"
      ">, \"x\", 1, 0, NULL, NULL) = 1 (INJECTED: args) <0.000011>\n",
      "7 1795418241.520582 openat(AT_FDCWD</>, \"/x\", 0) = -1 ENOENT (No such file) (DELAYED) "
      "<0.000011>\n",
      "7 1795418241.520582 read(3</x>, 0x7f52, 9) = ? ERESTARTSYS (To be restarted) <0.4>\n"
      "7 1795418241.620582 read(3</x>, \"a\", 9) = 1 <0.1>\n > /lib/libc.so.6(read+0x19) [0x1]\n"
      " | 00000  61                                                a                |\n",
      "7 1795418241.520582 dup2(3</x>, 4</y>) = 4</x> <0.000011>\n",
      "7 1795418241.520582 poll([{fd=3}], 1, 5) = 0 (Timeout) <0.005>\n"};
  const std::string_view kPoor = "9 getuid() = ?\n";
  const std::vector<std::string> alone = read(kPoor).calls.at(0).fields;
  for (const std::string_view rich : kRich) {
    const Kept both = read(std::string(rich) + std::string(kPoor));
    ASSERT_GE(both.calls.size(), 2U) << rich;
    for (std::size_t at = 0; at < alone.size(); ++at) {
      const std::string_view name = record::detail::kFieldInfos<record::Syscall>[at].name;
      if (name == "line" || name == "end_line") continue;
      EXPECT_EQ(both.calls.back().fields[at], alone[at]) << name << " behind " << rich;
    }
  }
}

TEST(StraceLog, ACallSaysWhatItHasJustTold) {
  // The file was renamed; strace prints the new name of it first where it returns the descriptor.
  EXPECT_EQ(read("fcntl(1</tmp/old-name-of-the-file>, F_DUPFD, 51) = 51</tmp/new>\n").calls[0].path,
            "/tmp/new");
  const Kept bound = read(
      "socket(AF_UNIX, SOCK_STREAM, 0) = 3\n"
      "bind(3, {sa_family=AF_UNIX, sun_path=\"/run/s\"}, 110) = 0\n");
  EXPECT_EQ(bound.calls[1].path, "/run/s");
}

TEST(StraceLog, WhatWasSentAndNeverReceivedEndsWithItsSocket) {
  const Kept kept = read(
      "socketpair(AF_UNIX, SOCK_STREAM, 0, [3, 4]) = 0\n"
      "pipe([5, 6]) = 0\n"
      "sendmsg(3, {msg_name=NULL, msg_control=[{cmsg_len=20, cmsg_level=SOL_SOCKET, "
      "cmsg_type=SCM_RIGHTS, cmsg_data=[5]}], msg_flags=0}, 0) = 1\n"
      "close(5) = 0\n"
      "close(4) = 0\n"
      "close(3) = 0\n"
      "close(6) = 0\n",
      true);
  std::vector<std::uint64_t> ended;
  for (const Kept::FileOf& file : kept.files) ended.push_back(file.file);
  // In the order in which the kernel lets go of them: socket 4, the pipe in it, socket 3, the pipe.
  EXPECT_EQ(ended, (std::vector<std::uint64_t>{2, 3, 1, 4}));
}

TEST(StraceLog, SocketsInSocketsInSockets) {
  std::string text = "pipe([5, 6]) = 0\n";
  for (int depth = 0; depth < 40'000; ++depth) {
    text +=
        "socketpair(AF_UNIX, SOCK_STREAM, 0, [3, 4]) = 0\n"
        "sendmsg(3, {msg_control=[{cmsg_type=SCM_RIGHTS, cmsg_data=[5]}]}, 0) = 1\n"
        "dup2(4, 5) = 5\n"
        "close(3) = 0\n"
        "close(4) = 0\n";
  }
  text += "close(5) = 0\n";
  EXPECT_EQ(read(text, true).files.size(), 80'002U);
  EXPECT_EQ(read(text).calls.size(), 200'002U);
}

// A call, and more frames below it than memory should hold.
class EndlessStack final : public io::Source {
 public:
  explicit EndlessStack(std::uint64_t frames) : frames_left_(frames) {}
  std::size_t read(std::span<char> into) override {
    if (rest_.empty()) {
      if (frames_left_ == 0) return 0;
      --frames_left_;
      rest_ = " > /usr/lib/libc.so.6(read+0x17) [0x12f3b7]\n";
    }
    const std::size_t count = std::min(into.size(), rest_.size());
    std::copy_n(rest_.begin(), count, into.begin());
    rest_.remove_prefix(count);
    return count;
  }
  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  std::uint64_t frames_left_;
  std::string_view rest_ = "1795418241.520582 read(3, \"x\", 1) = 1\n";
  std::string name_ = "log";
};

class StackSizes final : public StraceSink {
 public:
  void syscall(const record::Syscall& call) override { sizes.push_back(call.stack.size()); }
  std::vector<std::size_t> sizes;
};

TEST(StraceLog, WhatIsKeptOfAStackHasABound) {
  constexpr std::uint64_t kFrames = 1'000'000;  // 44 MB
  constexpr std::size_t kBound = (std::size_t{16} << 20) + 44;
  NoMessages messages;
  for (const bool is_together : {false, true}) {
    io::Diagnostics diagnostics(messages, "test");
    StackSizes sink;
    StraceLog log({}, sink, diagnostics);
    EndlessStack source(kFrames);
    std::vector<StraceLog::ThreadFile> files = {{&source, "log.5", 5, {}}};
    if (is_together) {
      log.read_together(files);
    } else {
      log.read(source, {}, {});
    }
    log.finish();
    ASSERT_EQ(sink.sizes.size(), 1U);
    EXPECT_GT(sink.sizes[0], 0U);
    EXPECT_LE(sink.sizes[0], kBound) << (is_together ? "-ff" : "one log");
    EXPECT_EQ(log.ledger().frames, kFrames);
  }
}

TEST(StraceLog, AStackBelowTheFirstHalfIsTheCalls) {
  constexpr std::string_view kLog =
      "1795418241.5 read(3,  <unfinished ...>\n > /lib/libc.so.6(read+0x19) [0x1]\n"
      "1795418241.7 <... read resumed>\"a\", 9) = 1\n";
  constexpr std::string_view kFrame = "/lib/libc.so.6(read+0x19) [0x1]";
  EXPECT_EQ(field(read(kLog).calls.at(0), "stack"), kFrame);
  const ThreadText thread = {5, kLog};
  EXPECT_EQ(field(read_together({&thread, 1}).calls.at(0), "stack"), kFrame);
}

TEST(StraceLog, ThreadsFilesAreReadInOrderOfTime) {
  constexpr ThreadText kThreads[] = {
      {7, "1795418241.1 read(3, \"a\", 9) = 1\n1795418241.4 read(3, \"d\", 9) = 1\n"},
      {8, "1795418241.2 read(3, \"b\", 9) = 1\n1795418241.3 read(3, \"c\", 9) = 1\n"}};
  std::string order;
  std::string tids;
  for (const Kept::CallOf& call : read_together(kThreads).calls) {
    order += field(call, "args").substr(4, 1);
    tids += field(call, "tid");
  }
  EXPECT_EQ(order, "abcd");
  EXPECT_EQ(tids, "7887");
}

// -r prints the time since the line before. A message in the middle of a line makes no second one.
TEST(StraceLog, TimeGoesOnByALineOnceThoughItIsBroken) {
  StraceLog::Options options;
  options.clock.start = record::Time{0};
  const Kept kept = read(
      "     0.000000 getppid() = 1\n"
      "     1.000000 clone(child_stack=NULL, flags=SIGCHLDstrace: Process 22 attached\n"
      ", child_tidptr=0x7f) = 22\n"
      "[pid    21]      2.000000 getppid() = 1\n",
      options);
  std::vector<std::string> times;
  for (const Kept::CallOf& call : kept.calls) times.push_back(field(call, "ts"));
  EXPECT_EQ(times, (std::vector<std::string>{"0", "1000000000", "3000000000"}));
}

// The rest of the call never came: something else than strace goes on behind the message.
TEST(StraceLog, ABrokenLineSaysAllThatItsBeginningHad) {
  const Kept kept = read(
      "[pid 5<sh>] 1795418241.5 [  56] [00007f92338b8ad7] clone(flags=SIGCHLDstrace: Process 22 "
      "attached\n"
      "[pid 5<sh>] 1795418241.6 [ 110] [00007f92338b8ad7] getppid() = 1\n");
  ASSERT_EQ(kept.calls.size(), 2U);
  EXPECT_EQ(field(kept.calls[0], "state"), "cut");
  EXPECT_EQ(field(kept.calls[0], "nr"), "56");
  EXPECT_EQ(field(kept.calls[0], "ip"), std::to_string(0x7f92338b8ad7));
  EXPECT_EQ(field(kept.calls[0], "comm"), "sh");
}

// 2286: its nanoseconds do not fit, and a time that cannot be reckoned with is none.
TEST(StraceLog, SecondsOfTenDigitsAreATimeOrNone) {
  const Kept kept = read(
      "7 4600000001.000001 close(3) = 0\n7 9999999999.000001 close(4) = 0\n"
      "7 1795418241.520582 close(5) = 0\n");
  for (const auto& call : kept.calls) {
    EXPECT_EQ(field(call, "ts"), call.fd == 5 ? "1795418241520582000" : "") << *call.fd;
  }
}

// 00:59:59.5 UTC, and a second later. The times are Python's: datetime(2026, 10, 25, 0, 59, 59,
// tzinfo=timezone.utc).timestamp().
TEST(StraceLog, TheHourThatSummerTimeRepeatsGoesForward) {
  const tests::InZone zone("CET-1CEST,M3.5.0,M10.5.0/3");
  StraceLog::Options options;
  options.clock.day = formats::cli::CalendarDay{2026, 10, 25};
  const Kept kept = read(
      "7 02:59:59.500000 close(3) = 0\n7 02:00:00.500000 close(4) = 0\n"
      "8 02:59:59.600000 close(5) = 0\n7 02:00:00.700000 close(6) = 0\n"
      "7 03:00:00.500000 close(7) = 0\n",
      options);
  ASSERT_EQ(kept.calls.size(), 5U);
  EXPECT_EQ(field(kept.calls[0], "ts"), "1792889999500000000");
  EXPECT_EQ(field(kept.calls[1], "ts"), "1792890000500000000");
  EXPECT_EQ(field(kept.calls[2], "ts"), "1792889999600000000");  // printed late
  EXPECT_EQ(field(kept.calls[3], "ts"), "1792890000700000000");
  EXPECT_EQ(field(kept.calls[4], "ts"), "1792893600500000000");
}

// 1795418241 is 2026-11-23 07:17:21 UTC.
TEST(StraceLog, TheDayOfALogIsThatOnWhichItWasWritten) {
  const tests::InZone zone("UTC");
  const auto first = [](std::string_view time) {
    return field(read(std::string(time) + " close(3) = 0\n", {}, 1795418241).calls.at(0), "ts");
  };
  EXPECT_EQ(first("07:17:20.900000"), "1795418240900000000");
  EXPECT_EQ(first("07:17:21.000000"), "1795418241000000000");
  EXPECT_EQ(first("07:17:21.999999"), "1795418241999999000");  // a part of its last second
  EXPECT_EQ(first("07:17:22.000000"), "1795331842000000000");  // the day before
}

TEST(StraceLog, ACallThatEndsBeforeItBeginsTookNoTime) {
  const Kept kept = read(
      "7 1795418241.500000 read(3,  <unfinished ...>\n"
      "7 1795418241.400000 <... read resumed>\"a\", 9) = 1\n");
  ASSERT_EQ(kept.calls.size(), 1U);
  EXPECT_EQ(field(kept.calls[0], "duration"), "0");
  EXPECT_EQ(field(kept.calls[0], "duration_src"), "stamps");
}

TEST(StraceLog, AnotherCallBehindTheHandlerEndsTheWaitForARestart) {
  constexpr std::string_view kInterrupted =
      "7 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=9, tv_nsec=0}, {tv_sec=8, tv_nsec=1}) = ? "
      "ERESTART_RESTARTBLOCK (Interrupted by signal)\n"
      "7 --- SIGALRM {si_signo=SIGALRM, si_code=SI_KERNEL} ---\n"
      "7 getppid() = 1\n"
      "7 rt_sigreturn({mask=[]}) = -1 EINTR (Interrupted system call)\n";
  constexpr std::string_view kAgain =
      "7 clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=1, tv_nsec=0}, NULL) = 0\n";
  const std::string at_once = std::string(kInterrupted) + std::string(kAgain);
  EXPECT_EQ(field(read(at_once).calls.back(), "restart_of"), "1");
  const std::string later = std::string(kInterrupted) + "7 getppid() = 1\n" + std::string(kAgain);
  EXPECT_EQ(field(read(later).calls.back(), "restart_of"), "");
}

}  // namespace
}  // namespace tracebraid::converters::strace
