#!/usr/bin/env python3
"""What a log does not tell is not taken for 0, and who had no processor is not blamed."""
import json
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import equal

START = 1795418241


def findings(check_id, lines, *more):
    done = harness.run("tracebraid", "check", "-f", "jsonl", "--only", check_id, "-", *more,
                       content="".join(lines).encode(), status={0, 1})
    return [json.loads(line) for line in done.out.splitlines()]


def severities(check_id, lines):
    return [finding["severity"] for finding in findings(check_id, lines)]


def timed(at, text, took=None, pid=7):
    return f"{pid} {START + at:.6f} {text}" + (f" <{took:.6f}>\n" if took is not None else "\n")


# A disk that is slow once, or often; calls that wait for nothing show that the processor was another's.
def disk(times, between=()):
    quick = [timed(0.1 * at, 'openat(AT_FDCWD, "/x", O_RDONLY) = 5', 0.00002) for at in range(50)]
    slow = [timed(10 + at, 'openat(AT_FDCWD, "/x", O_RDONLY) = 5', 0.15) for at in range(times)]
    return quick + slow + list(between)


equal(severities("slow_call", disk(1)), ["note"], "one slow open of 51")
equal(severities("slow_call", disk(2)), ["note"], "two")
equal(severities("slow_call", disk(3)), ["warning"], "three")
equal(severities("slow_call", disk(3, [timed(13, "getpid() = 7", 0.021)])), ["note"],
      "three, and 21 ms without a processor near them")
equal(severities("slow_call", disk(3, [timed(13, "getpid() = 7", 0.019)])), ["warning"], "19 ms may be chance")
equal(severities("slow_call", disk(3, [timed(14, "getpid() = 7", 0.021)])), ["warning"], "more than a second behind")
for took, count in ((0.0999, 0), (0.1, 1)):
    equal(severities("slow_call", [timed(0, "getpid() = 7", took)]), ["note"] * count, f"getpid took {took} s")
equal(severities("slow_call", [timed(at, "getpid() = 7", 0.2) for at in range(9)]), ["note"], "one note for the log")
equal(severities("slow_call", [timed(0, "munmap(0x7f0000000000, 4096) = 0", 2)]), [], "memory may take its time")
equal(severities("slow_call", [timed(0, "poll([{fd=3, events=POLLIN}], 1, 5000 <unfinished ...>"),
                               timed(2, "restart_syscall(<... resuming interrupted poll ...>) = 1", 1.6)]), [],
      "a call that goes on is that call")


# Small sends in a row, and such as each answer something.
def sends(count, answers):
    end = "4<TCP:[127.0.0.1:80->127.0.0.1:5000]>"
    lines = []
    for at in range(count):
        lines.append(timed(at * 0.01, f'sendto({end}, "x", 1, 0, NULL, 0) = 1', 0.00001))
        if answers:
            lines.append(timed(at * 0.01 + 0.005, f'recvfrom({end}, "y", 10, 0, NULL, NULL) = 1', 0.00001))
    return lines


for count, found in ((99, 0), (100, 1)):
    equal(len(findings("tiny_writes", sends(count, False))), found, f"{count} small sends in a row")
equal(len(findings("tiny_writes", sends(300, True))), 0, "each waits for its answer")


# Without -T: four failures between waits of 200 ms are no loop; without the waits they are one.
def failures(wait):
    lines = []
    at = 0.0
    for _ in range(30):
        for number in range(4):
            lines.append(timed(at + 0.001 * number, "epoll_ctl(3, EPOLL_CTL_DEL, 9, 0x7ffc) = -1 ENOENT (No such file or directory)"))
        lines.append(timed(at + 0.005, f"epoll_wait(3, [], 64, {wait}) = 0"))
        at += 0.005 + wait / 1000
    return lines


equal(len(findings("error_loop", failures(200))), 0, "failures between waits")
equal(len(findings("error_loop", failures(0))), 1, "failures without a wait")


# A loop is as late as its timer was, not as long as it was away.
def away(timeout_ms, back):
    poll = "epoll_wait(3, [{events=EPOLLIN, data={u32=4, u64=4}}], 64, %d) = 1"
    lines = [timed(0.1 * at, poll % 50, 0.01) for at in range(5)]
    lines.append(timed(0.5, poll % timeout_ms, 0.001))
    lines += [timed(0.7 + 0.02 * at, "getpid() = 7", 0.00001) for at in range(int((back - 0.7) / 0.02))]
    lines.append(timed(back, poll % 50, 0.01))
    return lines


equal(severities("loop_stall", away(1000, 2.4)), ["warning"], "away for 1.9 s, and 0.9 s late")
equal(severities("loop_stall", away(1701, 2.4)), ["note"], "away for 1.9 s, and 0.199 s late")
equal(severities("loop_stall", away(1700, 2.4)), ["warning"], "away for 1.9 s, and 0.2 s late")
equal(severities("loop_stall", away(900, 2.4)), ["error"], "away for 1.9 s, and 1 s late")
equal(severities("loop_stall", away(1801, 2.4)), [], "away for 1.9 s, and 0.099 s late")

# A log without times has none, also where a capture has.
untimed = ["sendto(4<TCP:[127.0.0.1:80->127.0.0.1:5000]>, \"x\", 1, 0, NULL, 0) = -1 EAGAIN (Resource temporarily unavailable)\n",
           "close(4<TCP:[127.0.0.1:80->127.0.0.1:5000]>) = 0\n"]
capture = harness.SAMPLES / "eventlet-capture/server.pcap"
if not capture.exists():
    capture = next(harness.SAMPLES.rglob("*.pcap"))
equal(findings("peer_not_reading", untimed, capture), [], "no time, no duration")
harness.finish()
