"""Damaged and hostile logs: cut at every byte, bytes changed, monstrous lines. stracecalls ends by
itself, soon and in little memory, delivers what stands before the damage and goes on after it, and
its ledger adds up.

usage: damaged_test.py [every|random|large]
"""
import json
import random
import subprocess
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
import stracecalls
from harness import MEGABYTE, check, equal, none

SEED = 4
RANDOM_DAMAGES = 1500
SECONDS = 60
MEMORY = 600 * MEGABYTE
MANY = 10_000_000

# Lines of every kind, most of them as strace 6.1 wrote them.
LOG = rb"""30309 1795418241.520582 execve("/usr/bin/sh", ["sh", "-c", "x) = 3 <unfinished ...>"], 0x7ffc /* 4 vars */) = 0 <0.000173>
30309 1795418241.520900 openat(AT_FDCWD</tmp>, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3</etc/passwd> <0.000035>
30309 1795418241.521000 read(3</etc/passwd>, "root:x:0:0:\"\\\n\303\251\0"..., 4096) = 1338 <0.000010>
 | 00000  72 6f 6f 74 3a 78 3a 30  3a 30 3a 22 5c 0a c3 a9  root:x:0:0:"\... |
 | 00010  00                                                .                |
30309 1795418241.521100 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD <unfinished ...>
30310 1795418241.521200 socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 4<TCP:[74150]> <0.000011>
30309 1795418241.521210 <... clone resumed>, child_tidptr=0x7f5b7d2d9a10) = 30310 <0.000110>
30310 1795418241.521300 connect(4<TCP:[74150]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = -1 EINPROGRESS (Operation now in progress) <0.000021>
30310 1795418241.521400 sendmsg(4<TCP:[127.0.0.1:43478->127.0.0.1:80]>, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="F", iov_len=1}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, 0) = 1 <0.000012>
 > /usr/lib/libc.so.6(__sendmsg+0x17) [0x12f3b7]
 > unexpected_backtracing_error [0x7fe4176b6d6e]
30309 1795418241.521500 wait4(-1,  <unfinished ...>
30310 1795418241.521600 --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x10} ---
30310 1795418241.521700 +++ killed by SIGSEGV (core dumped) +++
30309 1795418241.521800 <... wait4 resumed>[{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}], 0, NULL) = ? ERESTARTSYS (To be restarted if SA_RESTART is set) <0.000300>
30309 1795418241.521900 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f5873416000 <0.000013>
30309 1795418241.522000 exit_group(0)     = ?
30309 1795418241.522100 +++ exited with 0 +++
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
100.00    0.000215         215         1           execve
------ ----------- ----------- --------- --------- ----------------
100.00    0.000215         215         1           total
"""
GOOD = b"".join(b"77 1795418250.%06d getppid() = 76 <0.000009>\n" % number for number in range(10))


def damaged_run(content):
    try:
        run = stracecalls.run("-", content=content, seconds=SECONDS, memory=MEMORY)
    except subprocess.TimeoutExpired:
        return [f"not done after {SECONDS} s"], None
    except ValueError as error:
        return [f"output: {error}"], None
    problems = []
    if run.status not in (0, 1):
        problems.append(f"status {run.status}: {run.errors.strip()[-500:]}")
    if run.status == 1 and not run.errors.strip():
        problems.append("status 1 without a reason")
    # Of what is less than a line, nobody can tell that it is a log.
    if b"\n" in content or not run.errors.count("not an strace log"):
        problems += stracecalls.ledger_problems(run, content)
    return problems, run


def before(records, line):
    """Records that ended before the line; where stacks and dumps may be the damage's, without."""
    kept = []
    for record in records:
        if max(record["line"], record.get("end_line") or 0) < line \
                and record.get("state") not in stracecalls.PENDING:
            kept.append({field: value for field, value in record.items()
                         if field not in ("stack", "dump")})
    return kept


def check_against(content, whole, first_damaged_line, what):
    problems, run = damaged_run(content)
    none(problems, what)
    if run:
        got, want = (before(each.records, first_damaged_line) for each in (run, whole))
        check(got == want, f"{what}: {len(got)} records before line {first_damaged_line}, "
                           f"not the {len(want)} of the log")


def every_byte():
    problems, whole = damaged_run(LOG)
    none(problems, "the log")
    equal((whole.status, [each["text"] for each in whole.of("problem")]), (0, []), "the log")
    equal(stracecalls.counts(whole), {
        "records": 10, "calls": 9, "errors": 2, "noreturn": 1, "pending": 0, "orphans": 0,
        "signals": 1, "exits": 2, "superseded": 0, "frames": 2}, "the log's counts")
    harness.in_parallel(lambda at: check_against(LOG[:at], whole, LOG.count(b"\n", 0, at) + 1,
                                                 f"the first {at} bytes"), range(len(LOG)))


def random_damage():
    _, whole = damaged_run(LOG)
    rng = random.Random(SEED)
    interesting = b"\"'\\()[]{}<>,=/*|+- \t\n\r\0\33\x7f\x80\xff0123456789?:."

    def damages():
        for number in range(RANDOM_DAMAGES):
            content, first = bytearray(LOG), len(LOG)
            kind = rng.choice(("flip", "set", "insert", "delete", "swap", "double"))
            for _ in range(rng.choice((1, 1, 2, 20))):
                at = rng.randrange(len(content))
                first = min(first, at)
                if kind == "flip":
                    content[at] ^= 1 << rng.randrange(8)
                elif kind == "set":
                    content[at] = rng.choice(interesting)
                elif kind == "insert":
                    content[at:at] = bytes(rng.choice(interesting) for _ in range(rng.randint(1, 9)))
                elif kind == "delete":
                    del content[at:at + rng.randint(1, 9)]
                elif kind == "swap":
                    lines = bytes(content).splitlines(keepends=True)
                    one, other = sorted(rng.sample(range(len(lines)), 2))
                    lines[one], lines[other] = lines[other], lines[one]
                    first = min(first, sum(map(len, lines[:one])))
                    content = bytearray(b"".join(lines))
                else:
                    content[at:at] = content[at:at + rng.randint(1, 400)]
            yield bytes(content), first, f"damage {number} ({kind} at {first})"

    harness.in_parallel(lambda each: check_against(
        each[0], whole, LOG.count(b"\n", 0, each[1]) + 1, each[2]), damages())


def large(name, damage, *, calls=None):
    """Good lines, the damage, good lines: calls of before and after are delivered."""
    content = LOG + damage + (b"" if damage.endswith(b"\n") else b"\n") + GOOD
    problems, run = damaged_run(content)
    none(problems, name)
    if not run:
        return
    _, whole = damaged_run(LOG)
    line = LOG.count(b"\n") + 1
    check(before(run.records, line) == before(whole.records, line),
          f"{name}: what stands before it is another")
    after = [call for call in run.calls if call["tid"] == 77 and call["syscall"] == "getppid"
             and call["result"] == 76]
    equal(len(after), 10, f"{name}: calls after it")
    if calls is not None:
        equal(len(run.calls) - len(whole.calls) - 10, calls, f"{name}: calls in it")


def large_lines():
    megabytes = 100 * MEGABYTE
    begin = b"77 1795418249.000000 "
    large("a line of 100 MB", b"x" * megabytes)
    large("a line of 100 MB in a text", begin + b'write(1, "' + b"x" * megabytes + b'", 4) = 4')
    large("a line of 100 MB of arguments", begin + b"f(" + b"1, " * (megabytes // 3) + b"1) = 4")
    large("a call of 900 kB", begin + b'execve("' + b"/a" * 450_000 + b'", [], NULL) = 0', calls=1)
    large("100 MB of NULs", b"\0" * megabytes)
    large("100 MB of blanks", b" " * megabytes)
    large("100 MB of line ends", b"\n" * megabytes)
    for bracket in b"([{<\"\\":
        text = bytes([bracket]) * MANY
        large(f"10 million {chr(bracket)}", begin + b"f(" + text)
        large(f"10 million {chr(bracket)} behind a descriptor", begin + b"read(3" + text + b", 1) = 1")
    large("10 million ) = ", begin + b"f(" + b") = " * (MANY // 4))
    large("10 million unfinished", begin + b"f(" + b" <unfinished ...>" * (MANY // 17))
    large("10 million -> ", begin + b"f(3<" + b"->" * (MANY // 2) + b">) = 0")
    large("colours", begin + b"f(" + b"\33[31m" * (MANY // 5) + b") = 0")
    large("half a colour", begin + b"f(\33[" + b"3;" * (MANY // 2) + b") = 0")
    large("texts without an end", b"".join(
        begin + b'write(1, "text\n' for _ in range(200_000)))
    large("comments without an end", b"".join(
        begin + b"write(1, /* text\n" for _ in range(200_000)))
    large("messages that break lines, one after the other", b"".join(
        b"clone(child_stack=NULL, flags=SIGCHLDstrace: Process %d attached\n" % number
        for number in range(200_000)))
    large("program output in write's lines", b'write(2, "abc\\n", 4abc\n' * 200_000)
    large("a million starts of one thread", b"".join(
        b"5 read(%d,  <unfinished ...>\n" % number for number in range(1_000_000)))
    large("starts of 300,000 threads", b"".join(
        b"%d read(3,  <unfinished ...>\n" % number for number in range(1000, 301_000)), calls=300_000)
    large("ends without a start", b"5 <... read resumed>\"\", 4096) = 0\n" * 300_000, calls=300_000)
    large("a stack of a million frames", b" > /usr/lib/libc.so.6(read+0x17) [0x12f3b7]\n" * 1_000_000)
    large("a dump of a million lines",
          b" | 00000  72 6f 6f 74 3a 78 3a 30  3a 30 3a 22 5c 0a c3 a9  root:x:0:0:\"\\... |\n"
          * 1_000_000)
    large("300,000 descriptors", b"".join(
        b"5 openat(AT_FDCWD, \"/f\", O_RDONLY) = %d\n" % number for number in range(300_000)),
        calls=300_000)
    large("forks of a process with 1000 descriptors", b"".join(
        b"5 openat(AT_FDCWD, \"/f\", O_RDONLY) = %d\n" % number for number in range(1000)) + b"".join(
        b"5 clone(child_stack=NULL, flags=SIGCHLD) = %d\n%d +++ exited with 0 +++\n" % (
            number, number) for number in range(100, 20_100)), calls=21_000)
    large("a table without an end", b"% time     seconds  usecs/call     calls    errors syscall\n"
          b"------ ----------- ----------- --------- --------- ----------------\n"
          + b"100.00    0.000215         215         1           execve\n" * 1_000_000
          + b"100.00    0.000215         215         1           total\n")
    large("numbers too large", b"".join(
        line.replace(b"N", b"9" * digits) for digits in (10, 19, 20, 40, 1000) for line in (
            b"N getpid() = 1\n", b"5 N.5 getpid() = 1\n", b"5 read(N, \"\", 1) = 0\n",
            b"5 read(3, \"\", 1) = N\n", b"5 read(3, \"\", 1) = 1 <N.N>\n",
            b"5 read(3, \"\", 1) = 0xN\n", b"5 12:00:00.N read(3, \"\", 1) = 1\n",
            b"5 close_range(3, N, 0) = 0\n", b"5 dup2(3, N) = N\n",
            b"5 sendmmsg(3, [{msg_hdr={}, msg_len=N}, {msg_hdr={}, msg_len=N}], 2, 0) = 2\n",
            b"5 bind(3, {sa_family=AF_INET, sin_port=htons(N), sin_addr=inet_addr(\"N.0.0.1\")}, 16) = 0\n",
            b"5 clone(child_stack=NULL, flags=SIGCHLD) = N\n", b"5 +++ exited with N +++\n")))


def mixed_input():
    """What is no log at all: a reason, and no crash."""
    rng = random.Random(SEED)
    for name, content in {
            "nothing": b"", "a line end": b"\n", "NULs": b"\0" * 1000, "noise": rng.randbytes(300_000),
            "text": b"Lorem ipsum dolor sit amet\n" * 1000, "JSON": json.dumps([1] * 1000).encode(),
            "half a gzip": bytes.fromhex("1f8b0800000000000003"), "ELF": b"\x7fELF\2\1\1" + b"\0" * 99,
    }.items():
        done = stracecalls.raw("-f", "jsonl", "-", content=content, memory=MEMORY)
        check(done.status in (0, 1), f"{name}: status {done.status}: {done.errors.strip()[-300:]}")
        check(done.status == 0 or done.errors.strip(), f"{name}: status 1 without a reason")
        kinds = {record["type"] for record in done.records()}
        check(kinds <= {"problem"}, f"{name}: records {kinds}")


def first_lines():
    """A log is a log, whatever the traced program, a shell or bad luck put at its beginning."""
    want = stracecalls.run("-", content=GOOD).calls
    for first in (b"hello world\n", b"$ strace getppid\n", b"\n", b"\0\0\0\0\n", b"\xff\xfe\n",
                  b'77 1795418249.000000 execve("/bin/x", ["x\n', b"77 1795418249.000000 execve(\n",
                  b"<0.000009>\n", b" > frame(x+0x1) [0x2]\n", b" | 00000  72\n", b") = 0\n",
                  b"strace: Can't stat 'x'\n", b"hello\n" * 100, b"x" * 5000 + b"\n"):
        problems, run = damaged_run(first + GOOD)
        none(problems, f"first line {first[:40]!r}")
        got = [(call["syscall"], call["ts"]) for call in run.calls if call["syscall"] == "getppid"]
        equal(got, [(call["syscall"], call["ts"]) for call in want],
              f"first line {first[:40]!r}")


part = harness.part()
if part in ("", "every"):
    every_byte()
    mixed_input()
    first_lines()
if part in ("", "random"):
    random_damage()
if part in ("", "large"):
    large_lines()
harness.finish()
