#!/usr/bin/env python3
"""Never a clean bill of health for nothing: inputs that hold nothing of what they are for, and logs of the wrong process."""
import json
import struct
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

CAPTURE = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


def packet(frame):
    return struct.pack("<IIII", 1_700_000_000, 0, len(frame), len(frame)) + frame


ETHERNET = bytes(12)
ARP = packet(ETHERNET + b"\x08\x06" + bytes(28))
CUT = packet(ETHERNET + b"\x08\x00" + b"\x45\x00")
CALL = b"100 1700000000.000000 getpid() = 100 <0.000010>\n"
# name, content, severity of its finding, words in it, exit status
CASES = [
    ("ptrace", b"strace: attach: ptrace(PTRACE_SEIZE, 4711): Operation not permitted\n", "warning",
     ["PTRACE_SEIZE, 4711): Operation not permitted", "SYS_PTRACE"], 2),
    ("gone", b"strace: attach: ptrace(PTRACE_SEIZE, 4711): No such process\n", "warning", ["No such process", "gone"], 2),
    ("traced", CALL + b"strace: attach: ptrace(PTRACE_SEIZE, 4711): Operation not permitted\n", None, [], 0),
    ("attached", b"strace: Process 4711 attached\nstrace: Process 4711 detached\n", "note", ["none of 2 lines"], 2),
    ("exited", b"+++ exited with 0 +++\n", "note", ["none of 1 line"], 0),
    ("killed", b"100 +++ killed by SIGSEGV +++\n", "note", ["none of 1 line"], 1),
    ("table", b"% time     seconds  usecs/call     calls    errors syscall\n"
              b"------ ----------- ----------- --------- --------- ----------------\n"
              b"100.00    0.000012           1        12           read\n"
              b"------ ----------- ----------- --------- --------- ----------------\n"
              b"100.00    0.000012           1        12           total\n", "note", ["table of strace -c"], 2),
    ("no packet", CAPTURE, "note", ["holds no packet", "too soon"], 2),
    ("cut", CAPTURE + CUT * 2, "warning", ["all 2 packets", "malformed"], 2),
    ("arp", CAPTURE + ARP * 3, "note", ["none of the 3 packets", "IP"], 2),
    ("half", CAPTURE + ARP + CUT, "note", ["none of the 2 packets"], 2),
    ("link", CAPTURE[:-4] + struct.pack("<I", 147) + ARP, "warning", ["link type"], 2),
    ("switches", b"Attaching 1 probe...\n", "note", ["switches holds none"], 2),
    ("empty", b"", None, [], 2),
    ("wrapper", b'execve("/usr/bin/timeout", ["timeout", "5", "x"], 0x7ffc /* 9 vars */) = 0\n'
                b"vfork()                                 = 4712\n"
                b"wait4(4712, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 4712\n", "note",
     ["one process alone, /usr/bin/timeout", "1 process", "strace -f"], 0),
    ("followed", b'100 execve("/usr/bin/timeout", ["timeout", "5", "x"], 0x7ffc /* 9 vars */) = 0\n'
                 b"100 vfork()                                 = 101\n"
                 b'101 getpid() = 101\n', None, [], 0),
    ("thread", b"100 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM) = 101\n",
     None, [], 0),
]

def test_inputs():
    for name, content, severity, words, status in CASES:
        with open(name, "wb") as file:
            file.write(content)
        done = harness.run("tracebraid", "check", "-f", "jsonl", name, status={0, 1, 2})
        found = [json.loads(line) for line in done.out.splitlines()]
        found = [finding for finding in found if finding["id"] == "empty_input"]
        equal(done.status, status, f"{name}: exit status")
        equal([finding["severity"] for finding in found], [severity] if severity else [], f"{name}: severity")
        for word in words:
            check(word in json.dumps(found), f"{name}: {word!r} not in {found}")
        text = harness.run("tracebraid", "check", name, status={0, 1, 2}).out.decode()
        equal("Nothing was looked at" in text, status == 2, f"{name}: {text}")
        check("Nothing found that is wrong" not in text or status == 0, f"{name}: {text}")
harness.each_test(globals())
harness.finish()
