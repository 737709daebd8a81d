"""Small logs, each with one rule of how strace writes or what a call does to descriptors, and what
records have to say; most were cut out of logs where it went wrong."""
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
import stracecalls
from harness import check, equal, none

# name, log, {line of the call: {field: value}}. Calls that are not named are not checked, but none
# may be an orphan or unfinished.
RULES = [
    ("one process is left: its lines have no number again, whatever came between", r"""
getppid()                               = 1
clone(child_stack=NULL, flags=SIGCHLDstrace: Process 22 attached
, child_tidptr=0x7f) = 22
[pid    21] wait4(-1,  <unfinished ...>
[pid    22] +++ exited with 0 +++
<... wait4 resumed>NULL, 0, NULL)       = 22
clone(child_stack=NULL, flags=SIGCHLDstrace: Process 23 attached
, child_tidptr=0x7f) = 23
[pid    21] wait4(-1,  <unfinished ...>
[pid    23] +++ exited with 0 +++
<... wait4 resumed>NULL, 0, NULL)       = 23
getppid()                               = 1
""", {4: {"tid": 21, "result": 22}, 7: {"tid": 21, "result": 23}, 9: {"tid": 21, "result": 23},
      12: {"tid": 21}}),
    ("two children, a message in the middle of another's call", r"""
getppid()                               = 1
clone(child_stack=NULL, flags=SIGCHLDstrace: Process 22 attached
, child_tidptr=0x7f) = 22
[pid    21] clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>
[pid    22] execve("/bin/cat", ["cat"], 0x56 /* 9 vars */strace: Process 23 attached
 <unfinished ...>
[pid    21] <... clone resumed>, child_tidptr=0x7f) = 23
[pid    22] <... execve resumed>)       = 0
[pid    21] wait4(-1,  <unfinished ...>
[pid    22] +++ exited with 0 +++
[pid    21] <... wait4 resumed>NULL, 0, NULL) = 22
[pid    21] wait4(-1,  <unfinished ...>
[pid    23] +++ exited with 0 +++
<... wait4 resumed>NULL, 0, NULL)       = 23
getppid()                               = 1
""", {5: {"tid": 22, "result": 0}, 9: {"tid": 21, "result": 22}, 12: {"tid": 21, "result": 23}}),
    ("the program's output in its own write", r"""
write(2, "to-stderr\n", 10to-stderr
) = 10
write(1, "2\n", 22
) = 2
write(1, "12\n", 312
)                     = 3
getppid()                               = 1
""", {1: {"result": 10, "bytes": 10}, 3: {"result": 2, "bytes": 2}, 5: {"result": 3, "bytes": 3}}),
    ("the same with another thread in between", r"""
[pid    23] write(1, "2\n", 22
 <unfinished ...>
[pid    22] exit_group(0 <unfinished ...>
[pid    23] <... write resumed>)        = 2
[pid    22] <... exit_group resumed>)   = ?
""", {1: {"tid": 23, "result": 2, "bytes": 2}}),
    ("a call is about what its descriptor was when it began", r"""
5 pipe2([10, 11], O_CLOEXEC) = 0
5 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD) = 6
5 read(10,  <unfinished ...>
6 close(10) = 0
6 openat(AT_FDCWD, "/etc/hostname", O_RDONLY) = 10
6 fstat(10, {st_mode=S_IFREG|0644, st_size=3, ...}) = 0
6 write(11, "x", 1) = 1
5 <... read resumed>"x", 1) = 1
5 read(10, "vm\n", 9) = 3
""", {3: {"kind": "pipe", "path": None}, 6: {"kind": "file", "path": "/etc/hostname"},
      9: {"kind": "file", "path": "/etc/hostname"}}),
    ("opening /dev/fd/N gives what descriptor N is", r"""
5 pipe2([3, 4], 0) = 0
5 openat(AT_FDCWD, "/dev/fd/3", O_RDONLY) = 5
5 read(5, "", 10) = 0
5 openat(AT_FDCWD, "/proc/self/fd/4", O_WRONLY) = 6
5 write(6, "x", 1) = 1
5 dup2(3, 0) = 0
5 openat(AT_FDCWD, "/dev/stdin", O_RDONLY) = 7
5 read(7, "", 10) = 0
""", {3: {"kind": "pipe"}, 5: {"kind": "pipe"}, 8: {"kind": "pipe"}}),
    ("what -y says of what was opened is so, when the path says otherwise", r"""
5 openat(AT_FDCWD</tmp>, "/dev/fd/63", O_RDONLY) = 3<pipe:[2396442]>
5 read(3<pipe:[2396442]>, "", 10) = 0
5 openat(AT_FDCWD</tmp>, "/dev/ptmx", O_RDWR) = 4</dev/ptmx<char 5:2>>
5 read(4</dev/ptmx<char 5:2>>, "", 10) = 0
""", {2: {"kind": "pipe", "fd_text": "pipe:[2396442]"}, 4: {"kind": "file", "path": "/dev/ptmx"}}),
    ("AT_FDCWD is no descriptor, also when it is printed as a number (-X verbose, -X raw)", r"""
openat(AT_FDCWD, "/etc/passwd", 0) = 3
openat(-100 /* AT_FDCWD */, "/etc/passwd", 0) = 4
openat(-100, "/etc/passwd", 0) = 5
openat(0xffffff9c, "/etc/passwd", 0) = 6
""", {line: {"fd": None, "kind": None, "path": "/etc/passwd"} for line in (1, 2, 3, 4)}),
    ("a restart is one, also as -e raw prints it", r"""
clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=3, tv_nsec=0}, {tv_sec=1, tv_nsec=9}) = ? ERESTART_RESTARTBLOCK (Interrupted by signal) <1.0>
restart_syscall(<... resuming interrupted clock_nanosleep ...>) = 0 <2.0>
clock_nanosleep(0, 0, 0x7fff45026560, 0x7fff45026560) = -1 ERESTART_RESTARTBLOCK (Unknown error 516) <1.000145>
""", {1: {"state": "restarted"}, 2: {"restart_of": 1}, 3: {"state": "restarted"}}),
    ("a last line that is cut anywhere is the call that it began", r"""
getppid()                               = 1
openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3</etc/pass""",
     {2: {"syscall": "openat", "state": "cut", "path": "/etc/passwd"}}),
    ("the same in the duration", r"""
getppid()                               = 1 <0.000010>
openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3 <0.0000""",
     {2: {"syscall": "openat", "state": "cut", "path": "/etc/passwd"}}),
]

for name, log, wanted in RULES:
    content = log.lstrip("\n").encode("ascii")
    run = stracecalls.run("-", content=content)
    calls = {call["line"]: call for call in run.calls}
    for call in run.calls:
        check(call["state"] not in ("orphan", "unfinished"),
              f"{name}: line {call['line']}: {call['syscall']} is {call['state']}")
    equal([each["text"] for each in run.of("problem")], [], f"{name}: problems")
    none(stracecalls.ledger_problems(run, content), name)
    for line, fields in wanted.items():
        call = calls.get(line)
        if check(call, f"{name}: no call of line {line}"):
            equal({field: call[field] for field in fields}, fields, f"{name}: line {line}")

# Two logs given as two are read as their one file is: what one's processes left behind is no
# other's. The first forked a child that strace did not follow.
FIRST = b"""set_tid_address(0x7ff359be2a10)         = 7137
clone(child_stack=NULL, flags=SIGCHLD, child_tidptr=0x7ff359be2a10) = 7341
exit_group(0)                           = ?
+++ exited with 0 +++
"""
SECOND = b"""execve("/bin/true", ["true"], 0x7ffc /* 4 vars */) = 0
set_tid_address(0x7f245b869a10)         = 6870
exit_group(0)                           = ?
+++ exited with 0 +++
"""


with harness.folder() as folder:
    paths = [folder / f"{number}.log" for number in (1, 2)]
    for path, content in zip(paths, (FIRST, SECOND)):
        path.write_bytes(content)
    two, one = stracecalls.run(*paths).calls, stracecalls.run("-", content=FIRST + SECOND).calls
tids = [(call["syscall"], call["tid"]) for call in two]
equal(tids[-3:], [("execve", None), ("set_tid_address", 6870), ("exit_group", 6870)],
      "two logs: threads of the second")
equal(tids, [(call["syscall"], call["tid"]) for call in one], "two logs, and one")
harness.finish()
