#include "formats/strace/line.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "analyzers/util/spread.h"
#include "converters/strace/clock.h"
#include "formats/strace/address.h"
#include "formats/strace/syscalls.h"
#include "formats/strace/table.h"

namespace tracebraid::formats::strace {
namespace {

Line parse(std::string_view text) {
  Line line;
  parse_line(text, line);
  return line;
}

TEST(StraceLine, PrefixesAreKnownByTheirShape) {
  Line line = parse("30483 execve(\"/bin/sh\", [\"sh\"], 0x7ffc /* 5 vars */) = 0");
  EXPECT_EQ(line.prefix.pid, 30483U);
  EXPECT_EQ(line.prefix.stamp, Stamp::kNone);

  line = parse("4     execve(\"/bin/sh\", [\"sh\"], NULL) = 0");
  EXPECT_EQ(line.prefix.pid, 4U);

  line = parse("[pid 28484] close(3)                    = 0");
  EXPECT_EQ(line.prefix.pid, 28484U);
  EXPECT_TRUE(line.prefix.is_bracketed);
  EXPECT_EQ(line.call.name, "close");

  line = parse("[pid 31272<sh>] 07:30:19 close(3) = 0");
  EXPECT_EQ(line.prefix.pid, 31272U);
  EXPECT_EQ(line.prefix.comm, "sh");
  EXPECT_EQ(line.prefix.stamp, Stamp::kTimeOfDay);
  EXPECT_EQ(line.prefix.time_ns, ((7 * 60 + 30) * 60 + 19) * 1'000'000'000LL);
  EXPECT_EQ(line.prefix.resolution_ns, 1'000'000'000);

  line = parse("28598<strace> execve(\"/x\", [\"x\"], NULL) = 0");
  EXPECT_EQ(line.prefix.pid, 28598U);
  EXPECT_EQ(line.prefix.comm, "strace");

  line = parse("1795418241.536688367 close(3) = 0");
  EXPECT_EQ(line.prefix.pid, 0U);
  EXPECT_EQ(line.prefix.stamp, Stamp::kEpoch);
  EXPECT_EQ(line.prefix.time_ns, 1795418241536688367);
  EXPECT_EQ(line.prefix.resolution_ns, 1);

  line = parse("30311 1795418241.520582 close(3) = 0");
  EXPECT_EQ(line.prefix.pid, 30311U);
  EXPECT_EQ(line.prefix.time_ns, 1795418241520582000);
  EXPECT_EQ(line.prefix.resolution_ns, 1000);

  line = parse("1795418241 close(3) = 0");
  EXPECT_EQ(line.prefix.time_ns, 1795418241000000000);
  EXPECT_EQ(line.prefix.pid, 0U);

  line = parse("     0.000028 newfstatat(3, \"\", {st_mode=S_IFREG|0644}, AT_EMPTY_PATH) = 0");
  EXPECT_TRUE(line.prefix.has_delta);
  EXPECT_EQ(line.prefix.delta_ns, 28000);
  EXPECT_EQ(line.call.name, "newfstatat");

  line = parse("07:17:21.570822 (+     0.000100) close(3) = 0");
  EXPECT_EQ(line.prefix.stamp, Stamp::kTimeOfDay);
  EXPECT_EQ(line.prefix.delta_ns, 100000);

  line = parse(
      "1795418241.640024 [  59] [00007f92338b8ad7] execve(\"/x\", [\"x\"], NULL) = 0 <0.000173>");
  EXPECT_EQ(line.prefix.number, 59);
  EXPECT_TRUE(line.prefix.has_ip);
  EXPECT_EQ(line.prefix.ip, 0x7f92338b8ad7U);
  EXPECT_EQ(line.call.duration_ns, 173000);
}

// What a number in front is: a thread, a time since 1970, a part of the day, or a step.
TEST(StraceLine, NumbersInFrontAreKnownByTheirSize) {
  const auto prefix = [](std::string_view front) {
    return parse(std::string(front) + " close(3) = 0").prefix;
  };
  EXPECT_EQ(prefix("4194304000").stamp, Stamp::kEpoch);
  EXPECT_EQ(prefix("123456789").stamp, Stamp::kEpoch);
  EXPECT_EQ(prefix("123456789").time_ns, 123456789'000'000'000);
  EXPECT_EQ(prefix("12345678").pid, 12345678U);
  EXPECT_EQ(prefix("12345678").stamp, Stamp::kNone);
  EXPECT_EQ(prefix("0").pid, 0U);
  EXPECT_EQ(parse("0 close(3) = 0").body, Body::kForeign);
  // A leap second is the 61st.
  EXPECT_EQ(prefix("23:59:60").stamp, Stamp::kTimeOfDay);
  EXPECT_EQ(prefix("23:59:60").time_ns, 86'400'000'000'000);
  EXPECT_EQ(prefix("24:00:00").stamp, Stamp::kTimeOfDay);
  for (const std::string_view none : {"23:59:61", "23:60:00", "25:00:00", "1:00:00"}) {
    EXPECT_EQ(prefix(none).stamp, Stamp::kNone) << none;
  }
}

// strace --color=always, and grep --color with what it adds.
TEST(StraceLine, ColoursAreNoText) {
  const auto plain = [](std::string_view text) {
    std::string out;
    remove_colors(text, out);
    return out;
  };
  EXPECT_EQ(plain("\x1b[01;31m\x1b[Kread\x1b[m\x1b[K(3) = 0"), "read(3) = 0");
  EXPECT_EQ(plain("\x1b[31"), "\x1b[31");
  EXPECT_EQ(plain("\x1b[2J\x1b[mx\x1b"), "\x1b[2Jx\x1b");
}

TEST(StraceLine, TextThatLooksLikeTheGrammarIsText) {
  Line line = parse("write(1, \"x) = 3 <unfinished ...>\\n\", 24) = 24");
  EXPECT_EQ(line.call.ending, Ending::kReturned);
  EXPECT_EQ(line.call.result, 24);
  EXPECT_EQ(line.call.args, "1, \"x) = 3 <unfinished ...>\\n\", 24");

  line = parse("openat(AT_FDCWD</tmp>, \"a) = 5\", O_RDONLY) = 3</tmp/a) = 5> <0.000035>");
  EXPECT_EQ(line.call.result, 3);
  EXPECT_EQ(line.call.result_text, "3</tmp/a) = 5>");
  EXPECT_EQ(line.call.duration_ns, 35000);
  EXPECT_EQ(line.call.argument(1), "\"a) = 5\"");

  line = parse("capset({version=1, pid=0}, {effective=1<<CAP_CHOWN|1<<CAP_KILL}) = 0");
  EXPECT_EQ(line.call.ending, Ending::kReturned);
  EXPECT_EQ(line.call.argument(1), "{effective=1<<CAP_CHOWN|1<<CAP_KILL}");
}

TEST(StraceLine, Results) {
  const auto call = [](std::string_view text) { return parse(text).call; };
  Call found = call("accept4(-1, NULL, NULL, SOCK_CLOEXEC) = -1 EBADF (Bad file descriptor)");
  EXPECT_EQ(found.result, -1);
  EXPECT_EQ(found.error, "EBADF");
  EXPECT_EQ(found.aux, "");

  found =
      call("read(3, 0x7f5, 13) = ? ERESTARTSYS (To be restarted if SA_RESTART is set) <0.403234>");
  EXPECT_FALSE(found.has_result);
  EXPECT_EQ(found.error, "ERESTARTSYS");
  EXPECT_EQ(found.duration_ns, 403234000);

  found = call("umask(022) = 022");
  EXPECT_EQ(found.result, 18);
  found = call("mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f632a9c0000");
  EXPECT_EQ(found.result, 0x7f632a9c0000);
  found = call("lseek(3, 0, SEEK_CUR) = -9223372036854775808");
  EXPECT_EQ(found.result, INT64_MIN);
  found = call("ioctl(3, 1) = -1 (errno 524)");
  EXPECT_EQ(found.error, "524");
  found = call("fcntl(3, F_GETFL) = 0x8002 (flags O_RDWR|O_LARGEFILE)");
  EXPECT_EQ(found.result, 0x8002);
  EXPECT_EQ(found.aux, "flags O_RDWR|O_LARGEFILE");
  found = call("write(3, \"x\", 1) = -1 EPIPE (Broken pipe) (INJECTED) <0.000010>");
  EXPECT_TRUE(found.is_injected);
  EXPECT_EQ(found.error, "EPIPE");
  found = call("gettid() = 29708 (DELAYED) <0.002081>");
  EXPECT_TRUE(found.is_delayed);
  EXPECT_EQ(found.duration_ns, 2081000);
  found = call("wait4(-1, NULL, 0, NULL) = 123<1.5> <0.000003>");
  EXPECT_EQ(found.result_text, "123<1.5>");
  EXPECT_EQ(found.duration_ns, 3000);
  found = call("exit_group(0)                           = ?");
  EXPECT_FALSE(found.has_result);
  EXPECT_EQ(found.error, "");
  found = call("ptrace(1) = ? <unavailable>");
  EXPECT_TRUE(found.is_unavailable);
  found = call("restart_syscall(<... resuming interrupted clock_nanosleep ...>) = 0");
  EXPECT_EQ(found.ending, Ending::kReturned);
  EXPECT_EQ(found.args, "<... resuming interrupted clock_nanosleep ...>");
}

TEST(StraceLine, CallsThatDoNotEnd) {
  Line line = parse("30311 read(3,  <unfinished ...>");
  EXPECT_EQ(line.call.ending, Ending::kUnfinished);
  EXPECT_EQ(line.call.args, "3, ");
  line = parse("clock_nanosleep(0, 0, {tv_sec=5, tv_nsec=0},  <unfinished ...>) = ?");
  EXPECT_TRUE(line.call.was_cut_short);
  EXPECT_FALSE(line.call.has_result);
  line = parse("clock_nanosleep(0, 0, {tv_sec=2, tv_nsec=0}, ");
  EXPECT_EQ(line.call.ending, Ending::kOpen);
  line = parse("execve(\"/bin/true\", [\"true\"], 0x7f /* 1 var */ <pid changed to 30456 ...>");
  EXPECT_EQ(line.call.ending, Ending::kMoved);
  EXPECT_EQ(line.call.moved_to, 30456U);
  line = parse("07:49:15.5 poll([{fd=3}], 1,  <detached ...>");
  EXPECT_EQ(line.call.ending, Ending::kDetached);
  line = parse("30309 <... rt_sigprocmask resumed>[], 8) = 0");
  EXPECT_EQ(line.body, Body::kResumed);
  EXPECT_EQ(line.call.name, "rt_sigprocmask");
  EXPECT_EQ(line.text, "[], 8) = 0");
}

TEST(StraceLine, OtherBodies) {
  EXPECT_EQ(parse("--- SIGCHLD {si_signo=SIGCHLD} ---").body, Body::kSignal);
  EXPECT_EQ(parse("+++ exited with 0 +++").body, Body::kExit);
  EXPECT_EQ(parse("[ Process PID=29669 runs in 32 bit mode. ]").body, Body::kPersonality);
  EXPECT_EQ(parse("strace: Process 28484 attached").body, Body::kMessage);
  EXPECT_EQ(parse("Process 28484 attached").body, Body::kMessage);
  EXPECT_EQ(parse(" > /lib/libc.so.6(recv+0x19) [0x1a11ec]").body, Body::kFrame);
  EXPECT_EQ(parse(" | 00000  78 29                          x)               |").body, Body::kDump);
  EXPECT_EQ(parse("% time     seconds  usecs/call     calls    errors syscall").body, Body::kTable);
  EXPECT_EQ(parse("Hello, world").body, Body::kForeign);
  EXPECT_EQ(parse("123 Hello, world").body, Body::kDamaged);
  EXPECT_EQ(parse("").body, Body::kEmpty);
}

TEST(StraceLine, ArgumentsWithNamesAndDescriptors) {
  const Call call = parse("read(fd=3</etc/hosts>, buf=\"\", count=131072) = 0").call;
  EXPECT_EQ(call.argument(0), "3</etc/hosts>");
  EXPECT_EQ(call.argument(2), "131072");
  EXPECT_EQ(call.argument(3), "");
  EXPECT_EQ(annotation(call.argument(0)), "/etc/hosts");
  EXPECT_EQ(annotation("0</dev/null<char 1:3>>"), "/dev/null<char 1:3>");
  EXPECT_EQ(annotation("7<TCP:[127.0.0.1:34415->127.0.0.1:43478]>"),
            "TCP:[127.0.0.1:34415->127.0.0.1:43478]");
  // A file whose name ends in a hyphen.
  EXPECT_EQ(annotation("7</tmp/a->"), "/tmp/a-");
}

TEST(StraceLine, ArgumentsBehindManyDescriptors) {
  // Each of them is a file whose name has a comma and an opening bracket.
  std::string text = "recvmsg(3, {cmsg_data=[";
  for (int fd = 100; fd < 300; ++fd) text += std::to_string(fd) + "</tmp/a,[b>, ";
  text += "4]}, MSG_DONTWAIT) = 1";
  const Call call = parse(text).call;
  EXPECT_EQ(call.argument(2), "MSG_DONTWAIT");
  EXPECT_EQ(call.argument(3), "");
}

TEST(StraceLine, FirstArgumentsThatAreNumbers) {
  std::string text;
  const auto first = [&](std::string_view args) {
    text = "read(" + std::string(args) + ") = 0";
    const Call call = parse(text).call;
    EXPECT_EQ(call.args, args);
    // The same as where it is looked for.
    if (!call.first.empty()) {
      EXPECT_EQ(call.first, call.argument(0));
      EXPECT_EQ(call.first_note.text, annotation(call.first));
    }
    return call;
  };
  Call call = first("3</etc/hosts>, \"\"");
  EXPECT_EQ(call.first, "3</etc/hosts>");
  EXPECT_EQ(call.first_number, 3);
  EXPECT_EQ(call.first_note.text, "/etc/hosts");
  EXPECT_TRUE(call.first_note.is_plain);
  call = first("17</tmp/a\\74b>");
  EXPECT_EQ(call.first_number, 17);
  EXPECT_EQ(call.first_note.text, "/tmp/a\\74b");
  EXPECT_FALSE(call.first_note.is_plain);
  call = first("8<TCP:[1.2.3.4:5->6.7.8.9:10]>, 1");
  EXPECT_EQ(call.first_note.text, "TCP:[1.2.3.4:5->6.7.8.9:10]");
  call = first("0</dev/null<char 1:3>>");
  EXPECT_EQ(call.first_number, 0);
  EXPECT_EQ(call.first_note.text, "/dev/null<char 1:3>");
  call = first("4294967295, 2");
  EXPECT_EQ(call.first_number, 4294967295);
  EXPECT_EQ(call.first_note.text, "");
  for (const std::string_view other :
       {"-1", "022", "0x3", "3 /* x */", "12345678901234567890123", "1<<CAP_CHOWN", "\"3\"", "",
        "AT_FDCWD</tmp>", "fd=3", "4</tmp/x>(deleted)"}) {
    EXPECT_EQ(first(other).first, "") << other;
  }
}

TEST(StraceLine, CommentsHideWhatIsInThem) {
  EXPECT_EQ(parse("f(/* ) = 1 */) = 2").call.result, 2);
  EXPECT_EQ(parse("f(/* a */*) = 3").call.args, "/* a */*");
  EXPECT_EQ(parse("f(/* a */*/) = 4").call.args, "/* a */*/");
  EXPECT_EQ(parse("f(/* a *//* ) */) = 5").call.result, 5);
  EXPECT_EQ(parse("f(x /* ) = 6").call.result, 6);
  EXPECT_EQ(parse("f(a*b, c) = 7").call.args, "a*b, c");
}

TEST(StraceLine, TimesThatDoNotFitAreNone) {
  EXPECT_EQ(parse("07:17:21 (+4599999999.5) read(3) = 0").prefix.delta_ns,
            4'599'999'999'500'000'000);
  EXPECT_EQ(parse("07:17:21 (+4600000000.0) read(3) = 0").body, Body::kDamaged);
  EXPECT_EQ(parse("read(3) = 0 <4599999999.999999999>").call.duration_ns,
            4'599'999'999'999'999'999);
  EXPECT_EQ(parse("read(3) = 0 <4600000000>").body, Body::kDamaged);
  EXPECT_EQ(parse("7 4599999999.999999 read(3) = 0").prefix.time_ns, 4'599'999'999'999'999'000);
  EXPECT_EQ(parse("7 4600000000.000000 read(3) = 0").body, Body::kDamaged);
  EXPECT_EQ(parse("7 9999999999.999999 read(3) = 0").body, Body::kDamaged);
  EXPECT_EQ(parse("7 1.5 read(3) = 0 <9403640008>").body, Body::kDamaged);
  EXPECT_EQ(parse("7 99999999999.999999 read(3) = 0").body, Body::kDamaged);
}

TEST(StraceLine, LinesOfEveryLength) {
  // Marks are looked for in pieces of 64 bytes.
  for (std::size_t size = 0; size < 300; ++size) {
    const std::string inside(size, 'a');
    const std::string args = "\"" + inside + "\", (" + inside + ")";
    const std::string text = "7 1795418241.520582 getxattr(" + args + ") = 5 <0.000003>";
    const Line line = parse(text);
    ASSERT_EQ(line.body, Body::kCall) << size;
    EXPECT_EQ(line.call.args, args);
    EXPECT_EQ(line.call.duration_ns, 3000);
    const std::string begin = "getxattr(" + args;
    const Line cut = parse(begin);
    EXPECT_EQ(cut.call.ending, Ending::kOpen) << size;
    EXPECT_EQ(cut.call.args, args);
  }
}

TEST(StraceLine, EscapesAreBytes) {
  const auto plain = [](std::string_view text) {
    std::string out;
    append_unescaped(out, text);
    return out;
  };
  EXPECT_EQ(plain("a\\n\\t\\\\\\\"b"), "a\n\t\\\"b");
  EXPECT_EQ(plain("\\18"),
            "\x01"
            "8");
  EXPECT_EQ(plain("\\303\\251\\0"), std::string("\xc3\xa9\0", 3));
  EXPECT_EQ(plain("\\x7f\\x01"), "\x7f\x01");
}

TEST(StraceLine, HostileLinesTakeLinearTime) {
  // Quadratic time would be hours here.
  for (const std::string_view piece :
       {"1<", "/*", "/* ", "\"", "(", "<... ", " <... ", "1<\"", "[", ",", "\\"}) {
    std::string text = "read(";
    while (text.size() < 4'000'000) text.append(piece);
    Line line;
    parse_line(text, line);
    EXPECT_EQ(line.call.ending, Ending::kOpen) << piece;
    (void)line.call.argument(3);
  }
}

TEST(StraceAddress, EveryStyle) {
  SocketAddress address =
      parse_address("{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"127.0.0.1\")}");
  EXPECT_EQ(address.family, Family::kInternet);
  EXPECT_EQ(address.port, 80);
  EXPECT_EQ(address.host.view(), std::string_view("\x7f\x00\x00\x01", 4));
  const SocketAddress raw =
      parse_address("{sa_family=0x2, sin_port=\"\\x00\\x50\", sin_addr=\"\\x7f\\x00\\x00\\x01\"}");
  EXPECT_EQ(raw.host, address.host);
  EXPECT_EQ(raw.port, 80);
  const SocketAddress mapped = parse_address(
      "{sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "
      "\"::ffff:127.0.0.1\", &sin6_addr), sin6_scope_id=0}");
  EXPECT_EQ(mapped.host, address.host);
  const SocketAddress named = parse_address("{sa_family=AF_UNIX, sun_path=@\"bus\"}");
  EXPECT_EQ(named.family, Family::kUnix);
  EXPECT_EQ(named.path, "@bus");
  EXPECT_EQ(parse_address("0x7ffd").family, Family::kNone);
}

TEST(StraceAddress, UsualFormAtTheFront) {
  SocketAddress address;
  EXPECT_TRUE(parse_usual_address(
      "{sa_family=AF_INET, sin_port=htons(65535), sin_addr=inet_addr(\"10.20.255.0\")}, [16]",
      address));
  EXPECT_EQ(address.family, Family::kInternet);
  EXPECT_EQ(address.port, 65535);
  EXPECT_EQ(address.host.view(), std::string_view("\x0a\x14\xff\x00", 4));
  for (const std::string_view other :
       {"{sa_family=AF_INET, sin_port=htons(65536), sin_addr=inet_addr(\"10.20.255.0\")}",
        "{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"10.20.256.0\")}",
        "{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"10.20.05.0\")}",
        "{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"10.20.5\")}",
        "{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"10.20.5.1\")} => {",
        "{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr(\"10.20.5.1\")",
        "{sa_family=AF_UNIX, sun_path=\"/x\"}", "NULL", ""}) {
    EXPECT_FALSE(parse_usual_address(other, address)) << other;
  }
}

TEST(StraceAddress, DescriptorTexts) {
  DescriptorText text = parse_descriptor_text("TCPv6:[[::1]:44539->[::1]:46968]");
  EXPECT_EQ(text.kind, "tcp");
  EXPECT_EQ(text.local.port, 44539);
  EXPECT_EQ(text.peer.port, 46968);
  EXPECT_EQ(text.peer.host.size, 16);
  text = parse_descriptor_text("UNIX-STREAM:[74137->74133,\"/tmp/s.sock\"]");
  EXPECT_EQ(text.kind, "unix");
  EXPECT_EQ(text.path, "/tmp/s.sock");
  EXPECT_EQ(parse_descriptor_text("UNIX-STREAM:[74137->74133,@\"bus\"]").path, "@bus");
  EXPECT_EQ(parse_descriptor_text("TCP:[74150]").kind, "tcp");
  EXPECT_EQ(parse_descriptor_text("TCP:[74150]").local.host.size, 0);
  EXPECT_EQ(parse_descriptor_text("anon_inode:[eventpoll]").kind, "epoll");
  EXPECT_EQ(parse_descriptor_text("pipe:[74181]").kind, "pipe");
  EXPECT_EQ(parse_descriptor_text("/dev/null<char 1:3>").path, "/dev/null");
}

TEST(StraceTable, ColumnsInAnyOrder) {
  CallTable table;
  for (const std::string_view line : {"   calls    errors syscall              seconds",
                                      "-------- --------- ---------------- -----------",
                                      "      12         3 openat              0.000004",
                                      "       1           exit_group          0.000000",
                                      "-------- --------- ---------------- -----------",
                                      "      13         3 total               0.000004"}) {
    EXPECT_TRUE(table.take(line)) << line;
  }
  EXPECT_TRUE(table.is_complete());
  EXPECT_EQ(table.rows().at("openat").calls, 12U);
  EXPECT_EQ(table.rows().at("openat").errors, 3U);
  EXPECT_EQ(table.rows().at("openat").nanoseconds, 4000);
  EXPECT_EQ(table.rows().at("exit_group").errors, 0U);
  EXPECT_EQ(table.total().calls, 13U);
}

TEST(StraceTable, NumbersOfOtherLocales) {
  CallTable table;
  for (const std::string_view line : {"% time     seconds     calls    errors syscall",
                                      "------ ----------- --------- --------- -------",
                                      " 60,00    0,000120        10           read",
                                      "------ ----------- --------- --------- -------",
                                      "100,00    0,000120        10           total"}) {
    EXPECT_TRUE(table.take(line)) << line;
  }
  EXPECT_EQ(table.rows().at("read").nanoseconds, 120'000);
}

TEST(StraceSyscalls, EveryRowIsFound) {
  for (const std::string_view name : {"read", "accept4", "clone3", "exit_group", "recvmmsg"}) {
    ASSERT_NE(find_syscall(name), nullptr) << name;
    EXPECT_EQ(find_syscall(name)->name, name);
  }
  EXPECT_EQ(find_syscall("syscall_0x3e7"), nullptr);
  EXPECT_EQ(find_syscall(""), nullptr);
}

TEST(StraceClock, MidnightBringsANewDay) {
  // Local time is whatever the machine's is: differences are tested.
  converters::strace::Clock clock(
      {.day = converters::strace::CalendarDay{2026, 6, 15}, .start = {}});
  const auto read = [&](std::string_view time) {
    std::int64_t ns = 0;
    EXPECT_TRUE(clock.read(parse(std::string(time) + " close(3) = 0").prefix, ns));
    return ns;
  };
  const std::int64_t before = read("23:59:59.500000");
  const std::int64_t after = read("00:00:00.250000");
  EXPECT_EQ(after - before, 750'000'000);
  // A line that was printed late (-z).
  const std::int64_t late = read("23:59:59.900000");
  EXPECT_EQ(late - before, 400'000'000);
  EXPECT_FALSE(formats::cli::parse_day("2026-02-31"));
  EXPECT_FALSE(formats::cli::parse_day("yesterday"));
  EXPECT_TRUE(formats::cli::parse_day("2114-12-31"));
  EXPECT_FALSE(formats::cli::parse_day("2115-01-01"));
}

TEST(Spread, ExactThenWithinItsBound) {
  analyzers::Spread spread;
  for (std::int64_t value = 1; value <= 200; ++value) spread.add(value * 1000);
  EXPECT_TRUE(spread.is_exact());
  EXPECT_EQ(spread.percentile(50), 100'000);
  EXPECT_EQ(spread.percentile(99), 198'000);
  EXPECT_EQ(spread.percentile(100), 200'000);
  for (std::int64_t value = 201; value <= 100'000; ++value) spread.add(value * 1000);
  EXPECT_FALSE(spread.is_exact());
  for (const double percent : {1.0, 10.0, 50.0, 90.0, 99.0, 100.0}) {
    const double exact = percent * 1'000'000;
    EXPECT_NEAR(static_cast<double>(spread.percentile(percent)), exact, exact / 128) << percent;
  }
}

}  // namespace
}  // namespace tracebraid::formats::strace
