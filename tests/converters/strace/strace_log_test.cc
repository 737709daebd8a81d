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

#include "converters/strace/log_files.h"
#include "formats/io/diagnostics.h"
#include "formats/io/farthest.h"
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
    std::string kind, made_by, ended_by, path;
    std::optional<std::int64_t> ts, end_ts;
    std::optional<std::uint64_t> local_port;
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
    const auto ns = [](const auto& time) { return time ? std::optional(time->ns) : std::nullopt; };
    files.push_back({file.file, std::string(file.kind), std::string(file.made_by),
                     std::string(file.ended_by), std::string(file.path), ns(file.ts),
                     ns(file.end_ts), file.local_p});
  }
  void process(const record::Process& process) override {
    events.push_back(std::string(process.event) +
                     (process.core_dumped.value_or(false) ? " core" : ""));
  }
  void problem(const record::Problem& problem) override {
    problems.push_back(std::string(problem.kind) + " " + std::string(problem.text));
  }
  std::vector<std::string> events, problems;
  record::LineLedger ledger;
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
  kept.ledger = log.ledger();
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

// Field `name` of the last call.
std::string last(std::string_view log, std::string_view name) {
  return field(read(log).calls.back(), name);
}

// Times

// Of a second's part printed late over midnight, and of lines that are late by a little.
TEST(StraceLog, TimesOfDayGoOverMidnightAndBack) {
  const tests::InZone zone("UTC");
  StraceLog::Options options;
  options.clock.day = formats::cli::CalendarDay{1970, 1, 2};
  const Kept kept = read(
      "7 23:59:59.900000 close(3) = 0\n7 00:00:00.100000 close(4) = 0\n"
      "8 23:59:59.950000 close(5) = 0\n7 00:00:00.200000 close(6) = 0\n"
      "8 00:00:00.150000 close(7) = 0\n",
      options);
  std::vector<std::string> times;
  for (const Kept::CallOf& call : kept.calls) times.push_back(field(call, "ts"));
  EXPECT_EQ(times,
            (std::vector<std::string>{"172799900000000", "172800100000000", "172799950000000",
                                      "172800200000000", "172800150000000"}));
}

// In the hour that will be repeated a line may be late, too.
TEST(StraceLog, ALateLineDoesNotRepeatTheHour) {
  const tests::InZone zone("CET-1CEST,M3.5.0,M10.5.0/3");
  StraceLog::Options options;
  options.clock.day = formats::cli::CalendarDay{2026, 10, 25};
  const Kept kept =
      read("7 02:30:00.500000 close(3) = 0\n7 02:29:59.500000 close(4) = 0\n", options);
  EXPECT_EQ(field(kept.calls[0], "ts"), "1792888200500000000");
  EXPECT_EQ(field(kept.calls[1], "ts"), "1792888199500000000");
}

// What leads out of all times is not counted.
TEST(StraceLog, AStepThatLeadsTooFarIsNone) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t start = io::kFarthestNs - 10 * kSecond;
  StraceLog::Options options;
  options.clock.start = record::Time{start};
  const Kept kept = read(
      "     1.000000 getppid() = 1\n 90000000.000000 getppid() = 1\n"
      "     2.000000 getppid() = 1\n",
      options);
  ASSERT_EQ(kept.calls.size(), 3U);
  EXPECT_EQ(field(kept.calls[0], "ts"), std::to_string(start + kSecond));
  EXPECT_EQ(field(kept.calls[2], "ts"), std::to_string(start + 3 * kSecond));
}

// -T is more exact than the stamps of two lines; without it these tell.
TEST(StraceLog, ADurationIsFromTheMostExact) {
  const std::string halves =
      "7 1795418241.500000 read(3,  <unfinished ...>\n8 1795418241.600000 getppid() = 1\n"
      "7 1795418241.700000 <... read resumed>\"a\", 9) = 1";
  for (const bool has_duration : {true, false}) {
    const Kept kept = read(halves + (has_duration ? " <0.123456>\n" : "\n"));
    const Kept::CallOf& call = kept.calls.back();
    EXPECT_EQ(field(call, "duration"), has_duration ? "123456000" : "200000000");
    EXPECT_EQ(field(call, "duration_src"), has_duration ? "T" : "stamps");
    EXPECT_EQ(field(call, "end_ts"), "1795418241700000000");
  }
}

TEST(StraceLog, TheLedgerIsFromTheFirstTimeToTheLast) {
  const Kept kept = read(
      "7 1795418241.500000 close(3) = 0\n7 1795418241.400000 close(3) = 0\n"
      "7 1795418241.900000 close(3) = 0\n7 1795418241.600000 close(3) = 0\n");
  EXPECT_EQ(kept.ledger.first_ts, record::Time{1795418241400000000});
  EXPECT_EQ(kept.ledger.last_ts, record::Time{1795418241900000000});
}

// Files: when they were made (their call returned) and closed.
TEST(StraceLog, AFileIsFromTheEndOfItsMakingToThatOfItsClose) {
  const Kept kept = read(
      "7 1795418241.100000 openat(AT_FDCWD, \"/x\", O_RDONLY) = 3 <0.010000>\n"
      "7 1795418242.100000 close(3) = 0 <0.020000>\n",
      true);
  ASSERT_EQ(kept.files.size(), 1U);
  EXPECT_EQ(kept.files[0].ts, 1795418241110000000);
  EXPECT_EQ(kept.files[0].end_ts, 1795418242120000000);
  EXPECT_EQ(kept.files[0].ended_by, "close");
}

// Restarts

constexpr std::string_view kInterrupted =
    "7 read(3, 0x7f, 9) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)\n";

TEST(StraceLog, ARestartIsTheSameCallOrRestartSyscall) {
  const auto restart = [](std::string_view behind) {
    return last(std::string(kInterrupted) + std::string(behind), "restart_of");
  };
  constexpr std::string_view kSignal = "7 --- SIGALRM {si_signo=SIGALRM, si_code=SI_KERNEL} ---\n";
  constexpr std::string_view kHandled = "7 getppid() = 1\n7 rt_sigreturn({mask=[]}) = 0\n";
  constexpr std::string_view kRead = "7 read(3, \"a\", 9) = 1\n";
  EXPECT_EQ(restart(kRead), "1");
  EXPECT_EQ(restart("7 restart_syscall(<... resuming interrupted read ...>) = 1\n"), "1");
  EXPECT_EQ(restart(std::string(kSignal) + std::string(kHandled) + std::string(kRead)), "1");
  // Another call, where no handler runs, ends the wait for it; so does the restart.
  EXPECT_EQ(restart("7 getppid() = 1\n" + std::string(kRead)), "");
  EXPECT_EQ(restart(std::string(kRead) + std::string(kRead)), "");
  // Another thread's is another.
  EXPECT_EQ(restart("8 read(3, \"a\", 9) = 1\n"), "");
}

// Descriptors

TEST(StraceLog, WhatASocketIsForIsToldByItsCalls) {
  struct Row {
    const char* what;
    std::string_view log;
    std::string_view name, value;
  };
  constexpr std::string_view kSocket = "socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3\n";
  constexpr std::string_view kTo =
      "connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"10.0.0.1\")}, 16) "
      "= ";
  const auto with = [](std::initializer_list<std::string_view> lines) {
    std::string all;
    for (const std::string_view line : lines) all += line;
    return all;
  };
  const std::string connected = with({kSocket, kTo, "0\n"});
  EXPECT_EQ(last(connected + "getpid() = 1\nfstat(3, {st_mode=0}) = 0\n", "peer_p"), "80");
  EXPECT_EQ(last(with({kSocket, kTo, "-1 EINPROGRESS (Operation now in progress)\n",
                       "fstat(3, 0) = 0\n"}),
                 "peer_p"),
            "80");
  // Dissolved: AF_UNSPEC.
  EXPECT_EQ(
      last(connected + "connect(3, {sa_family=AF_UNSPEC, sa_data=\"\"}, 16) = 0\nfstat(3, 0) = 0\n",
           "peer_p"),
      "");
  // Port 0 asks the kernel for one, by bind and by -yy.
  constexpr std::string_view kBind =
      "bind(3, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = "
      "0\n";
  EXPECT_EQ(last(with({kSocket, kBind, "fstat(3, 0) = 0\n"}), "local_p"), "");
  EXPECT_EQ(last("fstat(3<TCP:[127.0.0.1:0]>, 0) = 0\n", "local_p"), "");
  EXPECT_EQ(last("fstat(3<TCP:[127.0.0.1:70]>, 0) = 0\n", "local_p"), "70");
  // Another peer, by host or by port, is another socket.
  constexpr std::string_view kOne = "fstat(3<TCP:[10.0.0.1:80->10.0.0.2:5000]>, 0) = 0\n";
  EXPECT_EQ(last(with({kOne, kOne}), "file"), "1");
  EXPECT_EQ(last(with({kOne, "fstat(3<TCP:[10.0.0.1:80->10.0.0.2:5001]>, 0) = 0\n"}), "file"), "2");
  EXPECT_EQ(last(with({kOne, "fstat(3<TCP:[10.0.0.1:80->10.0.0.3:5000]>, 0) = 0\n"}), "file"), "2");
}

// A connection has its listener's address, but not that of all.
TEST(StraceLog, AnAcceptedConnectionIsAtTheListenersAddress) {
  for (const auto& [host, is_known] : {std::pair{"127.0.0.1", true}, {"0.0.0.0", false}}) {
    const Kept kept =
        read(std::string("socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3\n") +
             "bind(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"" + host +
             "\")}, 16) = 0\naccept4(3, NULL, NULL, 0) = 4\nfstat(4, 0) = 0\n");
    EXPECT_EQ(field(kept.calls.back(), "local_p"), "80");
    EXPECT_EQ(field(kept.calls.back(), "local_h").empty(), !is_known) << host;
    EXPECT_EQ(field(kept.calls.back(), "proto"), "tcp");
  }
}

// What is closed by exec, and what is not: by the flag of each call that makes a descriptor.
TEST(StraceLog, ExecClosesWhatIsMarked) {
  constexpr std::string_view kExec = "execve(\"/x\", [\"x\"], 0x7f /* 9 vars */) = 0\n";
  struct Row {
    std::string_view calls;
    bool stays;
  };
  for (const Row& row :
       {Row{"openat(AT_FDCWD, \"/y\", O_RDONLY) = 5\n", true},
        Row{"openat(AT_FDCWD, \"/y\", O_RDONLY|O_CLOEXEC) = 5\n", false},
        Row{"socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = 5\n", false},
        Row{"pipe2([4, 5], O_CLOEXEC) = 0\n", false}, Row{"pipe2([4, 5], 0) = 0\n", true},
        Row{"openat(AT_FDCWD, \"/y\", O_RDONLY|O_CLOEXEC) = 4\ndup2(4, 5) = 5\n", true},
        Row{"openat(AT_FDCWD, \"/y\", O_RDONLY) = 4\ndup3(4, 5, O_CLOEXEC) = 5\n", false},
        Row{"openat(AT_FDCWD, \"/y\", O_RDONLY) = 4\nfcntl(4, F_DUPFD, 5) = 5\n", true},
        Row{"openat(AT_FDCWD, \"/y\", O_RDONLY) = 4\nfcntl(4, F_DUPFD_CLOEXEC, 5) = 5\n", false},
        Row{"openat(AT_FDCWD, \"/y\", O_RDONLY) = 5\nfcntl(5, F_SETFD, FD_CLOEXEC) = 0\n", false},
        Row{"openat(AT_FDCWD, \"/y\", O_RDONLY|O_CLOEXEC) = 5\nfcntl(5, F_SETFD, 0) = 0\n", true},
        Row{"openat(AT_FDCWD, \"/y\", O_RDONLY) = 5\nioctl(5, FIOCLEX) = 0\n", false},
        Row{"openat(AT_FDCWD, \"/y\", O_RDONLY|O_CLOEXEC) = 5\nioctl(5, FIONCLEX) = 0\n", true},
        Row{"epoll_create1(EPOLL_CLOEXEC) = 5\n", false}, Row{"epoll_create1(0) = 5\n", true},
        // dup2 of a descriptor on itself changes nothing.
        Row{"openat(AT_FDCWD, \"/y\", O_RDONLY|O_CLOEXEC) = 5\ndup2(5, 5) = 5\n", false},
        // Those of high numbers, too.
        Row{"openat(AT_FDCWD, \"/y\", O_RDONLY|O_CLOEXEC) = 4\nclose_range(3, 4294967295, "
            "CLOSE_RANGE_CLOEXEC) = 0\n"
            "dup2(4, 5) = 5\n",
            true}}) {
    const std::string log = std::string(row.calls) + std::string(kExec) + "fstat(5, 0) = 0\n";
    EXPECT_EQ(last(log, "file").empty(), !row.stays) << row.calls;
  }
}

TEST(StraceLog, ARangeToTheEndClosesAll) {
  for (const std::string_view last_fd : {"4294967295", "0xffffffff", "0xffffffffffffffff", "5"}) {
    const std::string log = "openat(AT_FDCWD, \"/y\", O_RDONLY) = 5\nclose_range(3, " +
                            std::string(last_fd) + ", 0) = 0\nfstat(5, 0) = 0\n";
    EXPECT_EQ(last(log, "file"), "") << last_fd;
  }
  EXPECT_EQ(
      last("openat(AT_FDCWD, \"/y\", O_RDONLY) = 5\nclose_range(3, 4, 0) = 0\nfstat(5, 0) = 0\n",
           "file"),
      "1");
}

// A fork shares nothing that exec, unshare or close_range change for one of both.
TEST(StraceLog, ATableOfItsOwnIsChangedAlone) {
  constexpr std::string_view kOpen = "5 openat(AT_FDCWD, \"/y\", O_RDONLY|O_CLOEXEC) = 3\n";
  constexpr std::string_view kShares = "5 clone(child_stack=0x7f, flags=CLONE_FILES|SIGCHLD) = 6\n";
  for (const std::string_view change : {"6 execve(\"/x\", [\"x\"], 0x7f /* 9 vars */) = 0\n",
                                        "6 close_range(3, 4294967295, CLOSE_RANGE_UNSHARE) = 0\n",
                                        "6 unshare(CLONE_FILES) = 0\n6 close(3) = 0\n"}) {
    const std::string log = std::string(kOpen) + std::string(kShares) + std::string(change);
    EXPECT_EQ(last(log + "5 fstat(3, 0) = 0\n", "file"), "1") << change;
    EXPECT_EQ(last(log + "6 fstat(3, 0) = 0\n", "file"), "") << change;
  }
  // What is shared is changed for both.
  const std::string both =
      std::string(kOpen) + std::string(kShares) + "6 close(3) = 0\n5 fstat(3, 0) = 0\n";
  EXPECT_EQ(last(both, "file"), "");
  const std::string opened =
      std::string(kShares) + "6 openat(AT_FDCWD, \"/y\", O_RDONLY) = 3\n5 fstat(3, 0) = 0\n";
  EXPECT_EQ(last(opened, "path"), "/y");
  // Before the clone has returned, too.
  const std::string early =
      "5 clone(child_stack=0x7f, flags=CLONE_FILES|SIGCHLD <unfinished ...>\n"
      "6 openat(AT_FDCWD, \"/y\", O_RDONLY) = 3\n5 <... clone resumed>) = 6\n5 fstat(3, 0) = 0\n";
  EXPECT_EQ(last(early, "path"), "/y");
}

TEST(StraceLog, AFailedCloseClosesUnlessItWasNotOpen) {
  for (const auto& [error, stays] : {std::pair{"EIO", false}, {"EINTR", false}, {"EBADF", true}}) {
    const std::string log = "openat(AT_FDCWD, \"/y\", O_RDONLY) = 3\nclose(3) = -1 " +
                            std::string(error) + " (It failed)\nfstat(3, 0) = 0\n";
    EXPECT_EQ(last(log, "file").empty(), !stays) << error;
  }
  // Of a close in two lines the number is free at once, and may have been given out again.
  const std::string split =
      "5 openat(AT_FDCWD, \"/y\", O_RDONLY) = 3\n5 clone(child_stack=0x7f, "
      "flags=CLONE_FILES|CLONE_THREAD) = 6\n"
      "5 close(3 <unfinished ...>\n6 openat(AT_FDCWD, \"/z\", O_RDONLY) = 3\n5 <... close "
      "resumed>) = 0\n"
      "6 fstat(3, 0) = 0\n";
  EXPECT_EQ(last(split, "path"), "/z");
}

TEST(StraceLog, DescriptorsAreReceivedInTheirOrder) {
  const std::string log =
      "socketpair(AF_UNIX, SOCK_STREAM, 0, [3, 4]) = 0\nopenat(AT_FDCWD, \"/a\", O_RDONLY) = 5\n"
      "openat(AT_FDCWD, \"/b\", O_RDONLY) = 6\n"
      "sendmsg(3, {msg_control=[{cmsg_type=SCM_RIGHTS, cmsg_data=[5, 6]}]}, 0) = 1\n"
      "recvmsg(4, {msg_control=[{cmsg_type=SCM_RIGHTS, cmsg_data=[7, 8]}]}, 0) = 1\n";
  EXPECT_EQ(last(log + "fstat(7, 0) = 0\n", "path"), "/a");
  EXPECT_EQ(last(log + "fstat(8, 0) = 0\n", "path"), "/b");
}

// Bytes that are looked at are received again; those of the error queue were sent.
TEST(StraceLog, BytesAreWhatWasMoved) {
  for (const auto& [call, bytes] :
       {std::pair{"recvfrom(3, \"ab\", 9, 0, NULL, NULL) = 2", "2"},
        {"recvfrom(3, \"ab\", 9, MSG_PEEK, NULL, NULL) = 2", ""},
        {"recvfrom(3, \"ab\", 9, MSG_DONTWAIT|MSG_ERRQUEUE, NULL, NULL) = 2", ""},
        {"recvmsg(3, {msg_iov=[{iov_base=\"ab\"}], msg_flags=0}, MSG_PEEK) = 2", ""},
        {"recvmsg(3, {msg_iov=[{iov_base=\"ab\"}], msg_flags=0}, MSG_DONTWAIT) = 2", "2"},
        {"sendto(3, \"ab\", 2, MSG_NOSIGNAL, NULL, 0) = 2", "2"},
        {"sendmmsg(3, [{msg_hdr={}, msg_len=10}, {msg_hdr={}, msg_len=20}], 2, 0) = 2", "30"},
        {"sendmmsg(3, [{msg_hdr={}, msg_len=10}, {msg_hdr={}, msg_len=20}], 2, 0) = 1", "10"},
        {"recvmmsg(3, [{msg_hdr={}, msg_len=10}, ...], 2, 0, NULL) = 2", ""}}) {
    EXPECT_EQ(last(std::string(call) + "\n", "bytes"), bytes) << call;
  }
}

// Relative to a folder that -y names.
TEST(StraceLog, APathIsRelativeToItsFolder) {
  EXPECT_EQ(last("openat(5</srv/www>, \"index.html\", O_RDONLY) = 3\nfstat(3, 0) = 0\n", "path"),
            "/srv/www/index.html");
  EXPECT_EQ(last("openat(AT_FDCWD</srv>, \"/etc/x\", O_RDONLY) = 3\nfstat(3, 0) = 0\n", "path"),
            "/etc/x");
  EXPECT_EQ(last("openat(AT_FDCWD, \"x\", O_RDONLY) = 3\nfstat(3, 0) = 0\n", "path"), "x");
}

// "closed": only EBADF proves it, and that only where the log has the whole process.
TEST(StraceLog, WhatIsClosedIsKnownOfAWholeProcessAlone) {
  constexpr std::string_view kExec = "execve(\"/x\", [\"x\"], 0x7f /* 9 vars */) = 0\n";
  const auto kind = [&](bool is_whole, std::string_view result) {
    return last((is_whole ? std::string(kExec) : std::string()) +
                    "openat(AT_FDCWD, \"/y\", O_RDONLY) = 3\nclose(3) = 0\nread(3, 0x7f, 9) = " +
                    std::string(result) + "\n",
                "kind");
  };
  EXPECT_EQ(kind(true, "-1 EBADF (Bad file descriptor)"), "closed");
  EXPECT_EQ(kind(true, "-1 EFAULT (Bad address)"), "");
  EXPECT_EQ(kind(false, "-1 EBADF (Bad file descriptor)"), "");
  // It waits for nothing.
  EXPECT_EQ(last("read(3</dev/null>, 0x7f, 9) = -1 EBADF (Bad file descriptor)\n", "wait"), "");
  EXPECT_EQ(last("read(3</dev/null>, 0x7f, 9) = 0\n", "wait"), "disk");
}

// Threads

// Two are inside of a clone: whose child it is shows when one returns.
TEST(StraceLog, AChildIsWhoseCloneReturnsIt) {
  const std::string log =
      "5 openat(AT_FDCWD, \"/five\", O_RDONLY) = 3\n7 openat(AT_FDCWD, \"/seven\", O_RDONLY) = 3\n"
      "5 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>\n"
      "7 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>\n"
      "6 getppid() = 7\n";
  const auto path = [](const std::string& all) {
    const Kept kept = read(all);
    const auto* const found =
        std::ranges::find(kept.calls, "fstat", &Kept::CallOf::syscall).operator->();
    return found->path;
  };
  EXPECT_EQ(path(log + "7 <... clone resumed>) = 6\n6 fstat(3, 0) = 0\n"), "/seven");
  EXPECT_EQ(path(log + "5 <... clone resumed>) = 6\n6 fstat(3, 0) = 0\n"), "/five");
  EXPECT_EQ(path(log + "6 fstat(3, 0) = 0\n"), "");
  // A clone that failed has made none.
  const std::string failed =
      "5 openat(AT_FDCWD, \"/five\", O_RDONLY) = 3\n7 openat(AT_FDCWD, \"/seven\", O_RDONLY) = 3\n"
      "5 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>\n5 <... clone resumed>) = -1 "
      "EAGAIN (Try again)\n"
      "5 pause( <unfinished ...>\n7 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>\n";
  EXPECT_EQ(path(failed + "6 fstat(3, 0) = 0\n"), "/seven");
}

// Who calls exec is alone then: what was another thread's is none of its own.
TEST(StraceLog, AThreadThatCallsExecGoesOnAlone) {
  const Kept kept = read(
      "5 execve(\"/x\", [\"x\"], 0x7f /* 9 vars */) = 0\n"
      "5 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD) = 6\n"
      "6 execve(\"/y\", [\"y\"], 0x7f /* 9 vars */ <unfinished ...>\n"
      "5 +++ superseded by execve in pid 6 +++\n5 <... execve resumed>) = 0\n5 getppid() = 1\n");
  EXPECT_EQ(field(kept.calls.back(), "tid"), "5");
  EXPECT_EQ(field(kept.calls.back(), "pid"), "5");
  std::vector<std::string> states;
  for (const Kept::CallOf& call : kept.calls)
    states.push_back(call.syscall + " " + field(call, "state"));
  EXPECT_EQ(std::ranges::count(states, "execve complete"), 2);
  EXPECT_EQ(std::ranges::count(states, "execve orphan"), 0);
}

// A line of another thread of its that is printed late is still of the process that there was.
TEST(StraceLog, WhoCallsExecLeavesTheOthersWhatTheyWere) {
  const Kept kept = read(
      "5 execve(\"/x\", [\"x\"], 0x7f /* 9 vars */) = 0\n"
      "5 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD) = 6\n"
      "6 getppid() = 1\n6 execve(\"/y\", [\"y\"], 0x7f /* 9 vars */) = 0\n5 getppid() = 1\n"
      "6 getppid() = 1\n");
  ASSERT_EQ(kept.calls.size(), 6U);
  EXPECT_EQ(field(kept.calls[2], "pid"), "5");
  EXPECT_EQ(field(kept.calls[4], "pid"), "5");
  EXPECT_EQ(field(kept.calls[5], "pid"), "6");
}

TEST(StraceLog, SaysHowAProcessEnded) {
  EXPECT_EQ(read("7 +++ killed by SIGSEGV (core dumped) +++\n").events,
            std::vector<std::string>{"killed core"});
  EXPECT_EQ(read("7 +++ killed by SIGSEGV +++\n").events, std::vector<std::string>{"killed"});
  EXPECT_EQ(read("7 +++ exited with 3 +++\n").events, std::vector<std::string>{"exit"});
}

// Calls that never end come in the order of their beginnings.
TEST(StraceLog, WhatNeverEndsIsInTheOrderOfItsBeginning) {
  const Kept kept = read(
      "9 read(3,  <unfinished ...>\n7 read(4,  <unfinished ...>\n8 read(5,  <unfinished ...>\n");
  ASSERT_EQ(kept.calls.size(), 3U);
  EXPECT_EQ(kept.calls[0].fd, 3);
  EXPECT_EQ(kept.calls[1].fd, 4);
  EXPECT_EQ(kept.calls[2].fd, 5);
}

TEST(StraceLog, WhatHasNoBeginningIsCounted) {
  const Kept kept =
      read("7 <... read resumed>0x7f, 9) = -1 EIO (It failed)\n8 <... read resumed>\"\", 9) = 0\n");
  EXPECT_EQ(kept.ledger.orphans, 2U);
  EXPECT_EQ(kept.ledger.errors, 1U);
}

// The last line may still be written; another one was broken.
TEST(StraceLog, ALineThatBreaksOffIsUnfinishedAtTheEndAlone) {
  constexpr std::string_view kBroken = "7 clock_nanosleep(CLOCK_REALTIME, 0, ";
  EXPECT_EQ(field(read(kBroken).calls.at(0), "state"), "unfinished");
  EXPECT_EQ(field(read(std::string(kBroken) + "\n7 getppid() = 1\n").calls.at(0), "state"), "cut");
}

// Tables of -C

constexpr std::string_view kTable =
    "% time     seconds  usecs/call     calls    errors syscall\n"
    "------ ----------- ----------- --------- --------- ----------------\n"
    "100.00    0.000001           1         1           getppid\n"
    "------ ----------- ----------- --------- --------- ----------------\n"
    "100.00    0.000001           1         1           total\n";

TEST(StraceLog, ATableCountsTheCallsInFrontOfIt) {
  StraceLog::Options options;
  options.verify = true;
  const auto problems = [&](const std::string& log) { return read(log, options).problems; };
  const std::string table(kTable);
  EXPECT_EQ(problems("getppid() = 1\n" + table), std::vector<std::string>{});
  // Each table by itself.
  EXPECT_EQ(problems("getppid() = 1\n" + table + "getppid() = 1\n" + table),
            std::vector<std::string>{});
  EXPECT_EQ(problems("getppid() = 1\ngetppid() = 1\n" + table),
            std::vector<std::string>{
                "mismatch getppid: 2 calls and 0 errors in the log, 1 and 0 in its table"});
  EXPECT_EQ(problems("getppid() = 1\ngetuid() = 1\n" + table),
            std::vector<std::string>{
                "mismatch getuid: 1 calls and 0 errors in the log, 0 and 0 in its table"});
}

// Names of strace -ff's files end in the thread's number, and in nothing else.
TEST(LogFiles, AreNamedByTheirThread) {
  for (const auto& [path, tid] : {std::pair{"log.12", 12U},
                                  {"/a.b/log.12", 12U},
                                  {"log.12x", 0U},
                                  {"log.", 0U},
                                  {"12", 0U},
                                  {"log.x12", 0U},
                                  {"log.99999999999", 0U}}) {
    EXPECT_EQ(thread_of_path(path), tid) << path;
  }
}

// Said once of a process, however much it does.
TEST(StraceLog, WhatAProcessSendsByRingsIsToldOnce) {
  class Collected final : public io::Messages {
   public:
    void line(std::string_view text) override { text_ += std::string(text) + "\n"; }
    std::string text_;
  };
  for (const int processes : {1, 2}) {
    Collected messages;
    io::Diagnostics diagnostics(messages, "test");
    Kept kept;
    StraceLog log({}, kept, diagnostics);
    std::string text;
    for (int time = 0; time < 10; ++time) {
      text += std::to_string(5 + time % processes) + " io_uring_enter(3, 1, 1, 0, NULL, 8) = 1\n";
    }
    const auto source = io::memory_source("log", text);
    log.read(*source, {}, {});
    log.finish();
    diagnostics.summarize();
    EXPECT_NE(messages.text_.find("a process uses io_uring"), std::string::npos);
    EXPECT_EQ(messages.text_.find("(2 in all)") != std::string::npos, processes == 2)
        << messages.text_;
    EXPECT_EQ(messages.text_.find("(10 in all)"), std::string::npos);
  }
}

}  // namespace
}  // namespace tracebraid::converters::strace
