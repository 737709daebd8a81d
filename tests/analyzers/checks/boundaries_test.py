"""What the checks find on one side of their limits, and not on the other: small logs made for each."""
import json
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

START = 1795418241
SERVER, CLIENT = "127.0.0.1:80", "127.0.0.1:5000"
LISTENER = f"3<TCP:[{SERVER}]>"


class Log:
    """Lines of strace -f -ttt -T -yy; `at` is in seconds from the start."""

    def __init__(self, pid=7):
        self.pid, self.lines = pid, []

    def call(self, at, text, took=0.00001, pid=None):
        self.lines.append((at, f"{pid or self.pid} {START + at:.6f} {text} <{took:.6f}>\n"))
        return self

    def accept(self, at, fd=4, client=CLIENT):
        host, port = client.split(":")
        return self.call(at, f'accept4({LISTENER}, {{sa_family=AF_INET, sin_port=htons({port}), sin_addr='
                             f'inet_addr("{host}")}}, [16], SOCK_CLOEXEC) = {peer(fd, client)}')

    def findings(self, check_id):
        with open("log", "w") as file:
            file.writelines(line for _, line in sorted(self.lines, key=lambda each: each[0]))
        done = harness.run("tracebraid", "check", "-f", "jsonl", "--only", check_id, "log", status={0, 1})
        return [json.loads(line) for line in done.out.splitlines()]


def peer(fd=4, client=CLIENT):
    return f"{fd}<TCP:[{SERVER}->{client}]>"


def recv(result, text="", fd=4):
    return f'recvfrom({peer(fd)}, "{text}", 100, 0, NULL, NULL) = {result}'


def send(result, fd=4):
    return f'sendto({peer(fd)}, "x", 1, MSG_DONTWAIT, NULL, 0) = {result}'


AGAIN = "-1 EAGAIN (Resource temporarily unavailable)"
EBADF = "-1 EBADF (Bad file descriptor)"


def test_close_wait():
    def half_closed(closes):
        log = Log().accept(0).call(1, recv(0)).call(2, send(1)).call(5, "getpid() = 7")
        return log.call(4, f"close({peer()}) = 0") if closes else log

    equal(len(half_closed(True).findings("close_wait")), 0, "sent after the peer's end, then closed")
    equal(len(half_closed(False).findings("close_wait")), 1, "sent after the peer's end, never closed")
    for end, count in ((1.999, 0), (2.001, 1)):
        log = Log().accept(0).call(1, recv(0)).call(end, f"close({peer()}) = 0")
        equal(len(log.findings("close_wait")), count, f"closed {end - 1:.3f} s after the peer's end")


def test_peer_not_reading():
    for at, count in ((1.1, 1), (0.99, 0)):
        log = Log().accept(0).call(0.001, send(AGAIN))
        log.call(0.6, send(AGAIN)).call(0.95, send(AGAIN)).call(0.001 + at, send(1))
        found = log.findings("peer_not_reading")
        equal(len(found), count, f"full for {at} s, from the first failure on")
    for took, count in ((1.0, 1), (0.999, 0)):
        log = Log().accept(0).call(1, send(1), took=took)
        equal(len(log.findings("peer_not_reading")), count, f"a send that took {took} s")


def test_fd_leak():
    def left_open(left, made):
        log = Log()
        for number in range(made):
            log.call(number / 1000, f'openat(AT_FDCWD, "/srv/one", O_RDONLY) = {10 + number}</srv/one>')
            if number >= left:
                log.call(number / 1000 + 0.0005, f"close({10 + number}</srv/one>) = 0")
        return log.findings("fd_leak")

    equal(len(left_open(25, 40)), 1, "25 of 40 left open")
    equal(len(left_open(40, 40)), 1, "40 of 40 left open")
    equal(len(left_open(20, 41)), 0, "20 of 41 left open")


def test_error_loop():
    def loop(failures, between):
        log, at = Log().accept(0), 0.001
        for number in range(failures):
            log.call(at, f"fstat(9, 0x7ffc00000000) = {EBADF}")
            at += 0.00001
            if number == failures // 2:
                for _ in range(between):
                    log.call(at, "getpid() = 7")
                    at += 0.00001
        return log.findings("error_loop")

    one = loop(400, 0)
    equal([found["count"] for found in one], [400], "400 failures")
    # So many other calls between that it is another loop.
    two = loop(400, 500)
    equal(sorted(found["count"] for found in two), [199, 201] if len(two) == 2 else [201],
          "400 failures with 500 other calls among them")
    equal([found["count"] for found in loop(400, 50)], [400], "400 failures with 50 others")


def test_double_close():
    def closed_twice(processes):
        log = Log()
        for pid in range(1, processes + 1):
            log.call(pid - 0.5, 'execve("/srv/one", ["one"], 0x7ffc00000000 /* 9 vars */) = 0', pid=pid)
            log.call(pid, 'openat(AT_FDCWD, "/srv/one", O_RDONLY) = 9</srv/one>', pid=pid)
            log.call(pid + 0.1, "close(9</srv/one>) = 0", pid=pid)
            log.call(pid + 0.2, f"close(9) = {EBADF}", pid=pid)
        return log.findings("double_close")

    one, two = closed_twice(1), closed_twice(2)
    equal([len(one), len(two)], [1, 1], "double_close is found")
    equal(one[0]["pid"], 1, "of one process, it is named")
    check("processes" not in one[0]["summary"], "and not counted")
    equal((two[0]["pid"], two[0]["tid"]), (None, None), "of two processes, none is named")
    check("2 processes" in two[0]["summary"], "and they are counted")


def test_blocking_call():
    def sleeping(deletes):
        epoll = "5<anon_inode:[eventpoll]>"
        log = Log().call(0, f"epoll_create1(EPOLL_CLOEXEC) = {epoll}").accept(0.01)
        log.call(0.02, f"epoll_ctl({epoll}, EPOLL_CTL_ADD, {peer()}, {{events=EPOLLIN, data=0x4}}) = 0")
        for number in range(20):
            at = 0.03 + number / 100
            log.call(at, f"epoll_wait({epoll}, [{{events=EPOLLIN, data=0x4}}], 100, 1000) = 1", 0.001)
            log.call(at + 0.002, recv(1, "x")).call(at + 0.003, send(1))
        if deletes:
            log.call(0.4, f"epoll_ctl({epoll}, EPOLL_CTL_DEL, {peer()}, 0x7ffc00000000) = 0")
            log.call(0.41, f"epoll_wait({epoll}, [], 100, 1) = 0", 0.001)
        log.call(0.5, "clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=2, tv_nsec=0}, NULL) = 0", 2.0)
        if not deletes:
            log.call(2.6, f"epoll_wait({epoll}, [{{events=EPOLLIN, data=0x4}}], 100, 1000) = 1", 0.001)
        else:
            log.call(2.6, f"epoll_wait({epoll}, [], 100, 1000) = 0", 0.001)
        return log.call(2.7, "getpid() = 7").findings("blocking_call")

    equal(len(sleeping(False)), 1, "a loop with a connection sleeps")
    equal(len(sleeping(True)), 0, "a loop that watches nothing sleeps")


def test_what_is_asked_for():
    """A warning, a note and an error, by the options that choose among them."""
    with open("log", "w") as file:
        file.write(f"7 {START}.0 +++ killed by SIGKILL +++\n8 {START}.1 +++ killed by SIGTERM +++\n")
        file.write("".join(f"9 {START}.2{number:02} fstat(9, 0x7ffc00000000) = {EBADF}\n"
                           for number in range(20)))

    def severities(*options):
        done = harness.run("tracebraid", "check", "-f", "jsonl", *options, "log", status=(0, 1))
        return [each["severity"] for each in done.records()], done.status

    equal(severities(), (["error", "warning", "note"], 1), "all of them")
    for least, count in (("note", 3), ("warning", 2), ("error", 1)):
        equal(len(severities("--min-severity", least)[0]), count, f"from {least} on")
    for only, fails_on, status in (("killed", "error", 0), ("killed", "warning", 1), ("killed", "note", 1),
                                   ("error_loop", "error", 1), ("error_loop", "never", 0)):
        equal(severities("--only", only, "--fail-on", fails_on)[1], status, f"{only}, {fails_on}")
    equal(severities("--without", "killed")[0], ["error"], "without one")
    equal(severities("--only", "killed,error_loop", "--without", "error_loop")[0], ["warning", "note"],
          "only two, without one")


harness.each_test(globals())
harness.finish(18)
