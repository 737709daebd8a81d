"""Connections that cannot be made, in whichever call is the first to tell."""
import json
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

PEER = '{sa_family=AF_INET, sin_port=htons(6379), sin_addr=inet_addr("10.0.0.5")}'
PEER6 = '{sa_family=AF_INET6, sin6_port=htons(6379), sin6_flowinfo=htonl(0), ' \
        'inet_pton(AF_INET6, "2001:db8::1", &sin6_addr), sin6_scope_id=0}'
REFUSED = "-1 ECONNREFUSED (Connection refused)"
BEGUN = "-1 EINPROGRESS (Operation now in progress)"
SOCKET = "socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 4"
CLOSE = "close(4) = 0"
SLEEP = "clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=1, tv_nsec=0}, NULL) = 0"


def connect(result, peer=PEER):
    return f"connect(4, {peer}, {16 if peer == PEER else 28}) = {result}"


def unix(path, result):
    return f'connect(4, {{sa_family=AF_UNIX, sun_path="{path}"}}, 110) = {result}'


def found(*lines):
    with open("log", "w") as file:
        file.write("".join(f"{line}\n" for line in lines))
    done = harness.run("tracebraid", "check", "-f", "jsonl", "--only", "connect_failed,error_loop", "log",
                       status={0, 1})
    return [json.loads(line) for line in done.out.splitlines()]


def timed(lines, pause):
    return [f"{1795418241 + number * pause:.6f} {line}" for number, line in enumerate(lines)]


TRIED = [SOCKET, connect(REFUSED), CLOSE]
# Lines, severity, what the finding must name.
FAULTS = [
    ([connect(REFUSED)], "warning", ["10.0.0.5:6379", "ECONNREFUSED"]),
    ([connect(REFUSED, PEER6)], "warning", ["[2001:db8::1]:6379"]),
    ([connect("-1 EHOSTUNREACH (No route to host)")], "warning", ["no way"]),
    ([connect("-1 EACCES (Permission denied)")], "warning", ["not allowed"]),
    # A descriptor that is older than the log, and one that is not.
    ([connect(BEGUN), "getsockopt(4, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0"], "warning", ["10.0.0.5:6379"]),
    ([SOCKET, connect(BEGUN), "getsockopt(4, SOL_SOCKET, SO_ERROR, [111], [4]) = 0"], "warning",
     ["10.0.0.5:6379", "ECONNREFUSED"]),
    ([SOCKET, connect(BEGUN), f'sendto(4, "x", 1, 0, NULL, 0) = {REFUSED}'], "warning", ["10.0.0.5:6379"]),
    ([SOCKET, connect(BEGUN), f'write(4, "x", 1) = {REFUSED}'], "warning", ["10.0.0.5:6379"]),
    ([SOCKET, connect(BEGUN), f"recvfrom(4, 0x1, 9, 0, NULL, NULL) = {REFUSED}"], "warning", ["10.0.0.5:6379"]),
    ([SOCKET, connect(BEGUN), f"read(4, 0x1, 9) = -1 ETIMEDOUT (Connection timed out)"], "warning",
     ["10.0.0.5:6379", "nobody answered"]),
    # A poll is all that tells.
    ([SOCKET, connect(BEGUN), "epoll_wait(5, [{events=EPOLLOUT|EPOLLERR|EPOLLHUP, data={u32=4, u64=4}}], 9, -1) = 1",
      CLOSE], "warning", ["10.0.0.5:6379", "poll"]),
    ([SOCKET, connect(BEGUN), "poll([{fd=4, events=POLLOUT}], 1, -1) = 1 "
      "([{fd=4, revents=POLLOUT|POLLERR|POLLHUP}])", CLOSE], "warning", ["10.0.0.5:6379", "poll"]),
    ([SOCKET, connect(BEGUN), "epoll_wait(5, [{events=EPOLLERR|EPOLLHUP, data={u32=4, u64=4}}], 9, -1) = 1",
      "getsockopt(4, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0", CLOSE], "warning", ["ECONNREFUSED"]),
    ([f'sendto(12, "x", 1, 0, NULL, 0) = {REFUSED}'], "warning", ["descriptor 12"]),
    # Storms are one finding; 20 attempts are one, and waits between them make it none.
    (TRIED * 20, "error", ["20 connections", "without a pause"]),
    (TRIED * 19, "warning", ["19 connections"]),
    ([*TRIED, SLEEP] * 20, "warning", ["20 connections"]),
    (timed(TRIED * 20, 0.015), "error", ["20 connections"]),
    (timed(TRIED * 20, 0.02), "warning", ["20 connections"]),
    ((TRIED + [SOCKET, connect("0"), CLOSE]) * 20, "warning", ["20 connections"]),
    # Of this machine.
    ([unix("/run/app.sock", REFUSED)], "warning", ["/run/app.sock"]),
    ([unix("/run/app.sock", "-1 EAGAIN (Resource temporarily unavailable)")], "warning", ["queue is full"]),
    ([unix("/var/run/nscd/socket", "-1 ENOENT (No such file or directory)")] * 4, "note", ["nscd"]),
    ([unix("/run/app.sock", "-1 ENOENT (No such file or directory)")] * 3, "warning", ["/run/app.sock"]),
    # Another address is taken.
    ([connect("-1 ENETUNREACH (Network is unreachable)", PEER6), connect("0")], "note", ["IPv4"]),
    (["socket(AF_INET, SOCK_DGRAM, IPPROTO_IP) = 4", connect("0"), f'send(4, "x", 1, 0) = {REFUSED}'], "note",
     ["datagram"]),
]

SILENT = [
    [connect("0")],
    [connect(BEGUN), "getsockopt(4, SOL_SOCKET, SO_ERROR, [0], [4]) = 0"],
    [SOCKET, connect(BEGUN), "epoll_wait(5, [{events=EPOLLERR, data={u32=44, u64=44}}], 9, -1) = 1", CLOSE],
    [SOCKET, connect(BEGUN), "epoll_wait(5, [{events=EPOLLOUT, data={u32=4, u64=4}}], 9, -1) = 1", CLOSE],
    # How addresses are sorted.
    ["socket(AF_INET, SOCK_DGRAM, IPPROTO_IP) = 4", connect("-1 ENETUNREACH (Network is unreachable)")],
    [connect("-1 EBADF (Bad file descriptor)")],
    ["read(4</srv/a>, 0x1, 9) = -1 EISDIR (Is a directory)"],
]


def test_faults():
    for lines, severity, words in FAULTS:
        findings = found(*lines)
        equal(len(findings), 1, lines[:3])
        equal(findings[0]["severity"], severity, f"the severity of {len(lines)} lines: {lines[:4]}")
        for word in words:
            text = findings[0]["summary"] + (findings[0]["detail"] or "")
            check(word in text, f"{word} in {text}")


def test_healthy():
    for lines in SILENT:
        equal(found(*lines), [], lines[0])


harness.each_test(globals())
harness.finish(40)
