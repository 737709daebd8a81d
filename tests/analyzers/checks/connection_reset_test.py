"""Connections that break off, that were given up, that never were, and that serve for one request."""
import json
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

PEER = '{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("10.0.0.5")}'
SOCKET = "socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 4"
CONNECT = f"connect(4, {PEER}, 16) = 0"
CLOSE = "close(4) = 0"
PIPE = "-1 EPIPE (Broken pipe)"
RESET = "-1 ECONNRESET (Connection reset by peer)"


def send(result, call="sendto", fd=4):
    return f'{call}({fd}, "x", 1, 0, NULL, 0) = {result}'


def recv(result, fd=4):
    return f'recvfrom({fd}, "", 9, 0, NULL, NULL) = {result}'


def found(*lines, only="connection_reset"):
    with open("log", "w") as file:
        file.write("".join(f"{line}\n" for line in lines))
    done = harness.run("tracebraid", "check", "-f", "jsonl", "--only", only, "log", status={0, 1})
    return [json.loads(line) for line in done.out.splitlines()]


def at(ts, line):
    return f"{1795418241 + ts:.6f} {line}"


FAULTS = [
    ([send(PIPE, fd=12)], ["descriptor 12", "EPIPE"]),
    ([recv(RESET, fd=13)], ["descriptor 13", "ECONNRESET"]),
    ([recv("-1 ETIMEDOUT (Connection timed out)", fd=14)], ["descriptor 14", "did not answer"]),
    ([f"read(13, 0x1, 9) = {RESET}"], ["descriptor 13"]),
    ([f'write(13, "x", 1) = {RESET}'], ["descriptor 13"]),
    ([f'writev(13, [{{iov_base="x", iov_len=1}}], 1) = {PIPE}'], ["descriptor 13"]),
    ([SOCKET, CONNECT, send(1), "getsockopt(4, SOL_SOCKET, SO_ERROR, [ECONNRESET], [4]) = 0"], ["10.0.0.5:80"]),
    ([SOCKET, CONNECT, send(1), recv("-1 EHOSTUNREACH (No route to host)")], ["10.0.0.5:80", "no way"]),
    ([SOCKET, send(PIPE)], ["never connected"]),
    ([SOCKET, send("-1 ENOTCONN (Transport endpoint is not connected)")], ["never connected"]),
    (["socket(AF_INET, SOCK_DGRAM, IPPROTO_IP) = 4",
      send("-1 EDESTADDRREQ (Destination address required)")], ["never connected"]),
    ([SOCKET, f"connect(4, {PEER}, 16) = -1 ECONNREFUSED (Connection refused)", send(PIPE)],
     ["10.0.0.5:80", "connect had not succeeded"]),
    ([SOCKET, CONNECT, "shutdown(4, SHUT_WR) = 0", send(PIPE)], ["this side had shut"]),
    ([SOCKET, CONNECT, send(PIPE)], ["10.0.0.5:80", "the peer had closed"]),
]

SILENT = [
    [SOCKET, CONNECT, send(1), recv(0), CLOSE],
    # A pipe's end, and standard output, which may be one.
    ["pipe2([3, 4], O_CLOEXEC) = 0", "close(3) = 0", f'write(4, "x", 1) = {PIPE}'],
    [f'write(1, "x", 1) = {PIPE}'],
    [SOCKET, "getpeername(4, 0x1, [16]) = -1 ENOTCONN (Transport endpoint is not connected)"],
    [SOCKET, recv("-1 ENOTCONN (Transport endpoint is not connected)")],
    [SOCKET, f"connect(4, {PEER}, 16) = -1 EINPROGRESS (Operation now in progress)",
     send("-1 ENOTCONN (Transport endpoint is not connected)")],
]


def test_faults():
    for lines, words in FAULTS:
        findings = found(*lines)
        equal([one["severity"] for one in findings], ["warning"], lines)
        for word in words:
            check(word in findings[0]["summary"], f"{word} in {findings[0]['summary']}")


def test_healthy():
    for lines in SILENT:
        equal(found(*lines), [], lines)


def test_stale_connection():
    def log(idle, *end, again=False):
        lines = [at(0, SOCKET), at(0.01, CONNECT), at(0.02, send(1)), at(0.03, recv(1)), at(0.03 + idle, send(1))]
        lines += [at(0.031 + idle, line) for line in end] + [at(0.04 + idle, CLOSE)]
        if again:
            lines += [at(0.05 + idle, SOCKET), at(0.06 + idle, CONNECT)]
        return [one["severity"] for one in found(*lines, only="stale_connection")]

    equal(log(60, recv(RESET)), ["warning"], "reset")
    equal(log(60, recv(0), again=True), ["warning"], "it connects again")
    equal(log(60, recv(0)), ["note"], "it may have said goodbye")
    equal(log(1.001, recv(RESET)), ["warning"], "1 s without use")
    equal(log(0.9, recv(RESET)), [], "in use")
    equal(log(60, recv(1), recv(0), again=True), [], "answered")
    equal(log(60, "shutdown(4, SHUT_WR) = 0", recv(0), again=True), [], "its own end")


def test_connection_per_request():
    def log(count, more=(), kept=0):
        one = [SOCKET, CONNECT, send(1), recv(1), *more, CLOSE]
        both = [SOCKET, CONNECT, send(1), recv(1), send(1), recv(1), CLOSE]
        lines = one * count + both * kept
        return [each["severity"] for each in found(*[at(number / 1000, line) for number, line in enumerate(lines)],
                                                   only="connection_per_request")]

    equal(log(50), ["note"], "50 connections")
    equal(log(49), [], "49")
    equal(log(90, kept=10), ["note"], "90 of 100")
    equal(log(90, kept=11), [], "90 of 101")
    equal(log(60, [send(1), recv(1)]), [], "two requests each")


harness.each_test(globals())
harness.finish(40)
