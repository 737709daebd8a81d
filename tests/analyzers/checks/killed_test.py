"""Deaths, as the log of the process or that of its parent tells, and what is no death."""
import json
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

FORK = "fork() = {}"


def found(*lines, only="killed"):
    with open("log", "w") as file:
        file.write("".join(f"{line}\n" for line in lines))
    done = harness.run("tracebraid", "check", "-f", "jsonl", "--only", only, "log", status={0, 1, 2})
    return [json.loads(line) for line in done.out.splitlines()]


def wait(pid, signal, extra=""):
    return f"wait4({pid}, [{{WIFSIGNALED(s) && WTERMSIG(s) == {signal}{extra}}}], 0, NULL) = {pid}"


def child(pid, code, status):
    return f"--- SIGCHLD {{si_signo=SIGCHLD, si_code={code}, si_pid={pid}, si_uid=0, si_status={status}, " \
           "si_utime=0, si_stime=0} ---"


FAULTS = [
    ([wait(9, "SIGSEGV")], "error", ["child process 9", "SIGSEGV"]),
    ([wait(9, "SIGSEGV", " && WCOREDUMP(s)")], "error", ["child process 9", "SIGSEGV"]),
    ([child(9, "CLD_KILLED", "SIGSEGV")], "error", ["child process 9", "SIGSEGV"]),
    ([child(9, "CLD_DUMPED", "SIGABRT")], "error", ["SIGABRT"]),
    ([child(9, "CLD_KILLED", "SIGKILL"), wait(9, "SIGKILL")], "warning", ["child process 9", "SIGKILL"]),
    (["waitid(P_PID, 9, {si_signo=SIGCHLD, si_code=CLD_KILLED, si_pid=9, si_uid=0, si_status=SIGBUS, si_utime=0, "
      "si_stime=0}, WEXITED, NULL) = 0"], "error", ["child process 9", "SIGBUS"]),
    ([wait(9, "SIGTERM")], "note", ["SIGTERM"]),
    ([wait(pid, "SIGSEGV") for pid in range(9, 15)], "error", ["6 child processes"]),
    (["7 kill(9, SIGKILL) = 0", "9 +++ killed by SIGKILL +++", "7 getpid() = 7"], "note",
     ["process 9", "which process 7 sent"]),
    (["7 kill(9, SIGABRT) = 0", "9 +++ killed by SIGABRT +++", "7 getpid() = 7"], "warning", ["which process 7 sent"]),
    (["9 tgkill(9, 9, SIGABRT) = 0", "9 +++ killed by SIGABRT +++"], "error", ["process 9 was killed by SIGABRT"]),
    (["9 write(2, \"python: a.c:3: Assertion `x' fail\"..., 60) = 60", "9 +++ killed by SIGABRT +++"], "error",
     ["said before why"]),
    (['7 write(2, "Traceback (most recent call last)"..., 60) = 60', "7 exit_group(1) = ?", "7 +++ exited with 1 +++"],
     "warning", ["status 1"]),
    ([FORK.format(pid) for pid in range(20, 30)] + [child(pid, "CLD_EXITED", 0) for pid in range(20, 30)], "warning",
     ["10 child processes", "zombie"]),
]

SILENT = [
    [child(9, "CLD_EXITED", 1), "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 1}], 0, NULL) = 9"],
    [child(9, "CLD_STOPPED", "SIGSTOP")],
    ['7 write(2, "Traceback (most recent call last)"..., 60) = 60', "7 exit_group(0) = ?", "7 +++ exited with 0 +++"],
    ['7 write(1, "Traceback (most recent call last)"..., 60) = 60', "7 exit_group(1) = ?", "7 +++ exited with 1 +++"],
    # Nine; waited for; ignored.
    [FORK.format(pid) for pid in range(20, 29)] + [child(pid, "CLD_EXITED", 0) for pid in range(20, 29)],
    [line for pid in range(20, 40)
     for line in (FORK.format(pid), child(pid, "CLD_EXITED", 0),
                  f"wait4(-1, [{{WIFEXITED(s) && WEXITSTATUS(s) == 0}}], WNOHANG, NULL) = {pid}")],
    ["rt_sigaction(SIGCHLD, {sa_handler=SIG_IGN, sa_mask=[], sa_flags=0}, NULL, 8) = 0"] +
    [FORK.format(pid) for pid in range(20, 30)] + [child(pid, "CLD_EXITED", 0) for pid in range(20, 30)],
]


def test_faults():
    for lines, severity, words in FAULTS:
        findings = found(*lines)
        equal([one["severity"] for one in findings], [severity], lines[:3])
        for word in words:
            text = findings[0]["summary"] + " " + (findings[0]["detail"] or "")
            check(word in text, f"{word} in {text}")


def test_healthy():
    for lines in SILENT:
        equal(found(*lines), [], lines[:3])


def test_sweep_is_no_double_close():
    opened = ["openat(AT_FDCWD, \"/srv/a\", O_RDONLY) = 3", "close(3) = 0"]
    bad = "-1 EBADF (Bad file descriptor)"
    sweep = [f"close({fd}) = {bad}" for fd in range(3, 9)]
    equal(found(*opened, *sweep, only="double_close"), [], "a daemon closes all numbers")
    equal(found(*opened, *sweep[::-1], only="double_close"), [], "from above")
    equal(len(found(*opened, sweep[0], only="double_close")), 1, "one number, twice")
    equal(len(found(*opened, sweep[0], f"close(90) = {bad}", only="double_close")), 1, "and another far away")
    known = [line for fd in range(3, 9) for line in (f'openat(AT_FDCWD, "/srv/{fd}", O_RDONLY) = {fd}',)]
    closes = [f"close({fd}) = 0" for fd in range(3, 9)]
    equal(found(*known, *closes, *sweep, only="double_close")[0]["count"], 6, "all of them had been open")


def test_copies_are_no_leak():
    def pipes(closes, children=True):
        lines = []
        for number in range(20):
            lines.append("pipe2([3, 4], O_CLOEXEC) = 0" if closes
                         else f"pipe2([{3 + 2 * number}, {4 + 2 * number}], O_CLOEXEC) = 0")
            if children:
                lines.append(f"vfork() = {100 + number}")
            if closes:
                lines += ["close(3) = 0", "close(4) = 0"]
        return len(found(*lines, only="fd_leak"))

    equal(pipes(True), 0, "its children have copies")
    equal(pipes(True, children=False), 0, "closed")
    equal(pipes(False), 1, "left open")


def test_pool_is_no_leak():
    def pool(last_use, end, step=0.001):
        lines = []
        for number in range(25):
            at = number * step
            lines.append((at, f"socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = {10 + number}"))
            lines.append((at, f"connect({10 + number}, {{sa_family=AF_INET, sin_port=htons(80), "
                              'sin_addr=inet_addr("10.0.0.5")}, 16) = 0'))
            lines.append((max(at, last_use), f'sendto({10 + number}, "x", 1, 0, NULL, 0) = 1'))
        lines.append((end, "getpid() = 7"))
        return len(found(*[f"{1795418241 + at:.6f} {text}" for at, text in sorted(lines, key=lambda one: one[0])],
                         only="fd_leak"))

    equal(pool(0.9, 1), 0, "opened in a burst, in use to the end")
    equal(pool(0, 1), 0, "opened in a burst, and none since")
    equal(pool(0, 1, step=0.03), 1, "more and more of them, and none is used")


harness.each_test(globals())
harness.finish(40)
