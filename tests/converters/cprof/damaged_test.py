"""Damaged dumps: cut at every byte, every byte changed, sizes and nestings that lie. The program must
end by itself, soon, in little memory, with status 0 or 1 and a reason that names the input; what it
writes with --partial must be a whole callgrind profile, never more than the dump holds. cprofcalls
gives the records of all that came before the damage.
"""
import gzip
import json
import marshal
import os
import resource
import subprocess
import sys
import tempfile

sys.path.append(f"{sys.path[0]}/../../support")
from callgrind_file import CallgrindFile

PROGRAM = os.path.join(os.environ["TRACEBRAID_BIN"], "cprof2callgrind")
RECORDS = os.path.join(os.environ["TRACEBRAID_BIN"], "cprofcalls")
# A sanitizer reserves terabytes of address space.
LIMITED = b"__asan_init" not in open(PROGRAM, "rb").read()
MEGABYTE = 1 << 20

main, work = ("/srv/a.py", 1, "main"), ("/srv/a.py", 300, "w\u00f6rk")
STATS = {main: (1, 1, 0.5, 3.25, {}),
         work: (3, 4, 1.75, 2.75, {main: (3, 3, 1.25, 2.75), work: (1, 0, 0.5, 0.75)}),
         ("~", 0, "<built-in method len>"): (2**40, 2**40, 1.0, 1.0, {work: (2**40, 2**40, 1.0, 1.0)})}


def limit():
    if LIMITED:
        resource.setrlimit(resource.RLIMIT_AS, (400 * MEGABYTE, 400 * MEGABYTE))


def run(data, *options, program=(PROGRAM, "-")):
    with tempfile.NamedTemporaryFile(suffix=".cprof") as file:
        file.write(data)
        file.flush()
        done = subprocess.run([program[0], *options, file.name, *program[1:]], capture_output=True,
                              timeout=20, preexec_fn=limit)
        assert done.returncode in (0, 1), (done.returncode, done.stderr)
        if done.returncode == 1:
            assert os.path.basename(file.name).encode() in done.stderr, done.stderr
        return done


def records(data):
    """Lines of JSON, what is said, and the status."""
    done = run(data, "-f", "jsonl", program=(RECORDS,))
    lines = done.stdout.splitlines()
    assert all(json.loads(line)["type"] in ("function", "call") for line in lines), lines
    return lines, done.stderr, done.returncode


whole = CallgrindFile(run(marshal.dumps(STATS)).stdout)
assert whole.total == 3250000000
cases = 0
for version in (1, 2, 4):
    data = marshal.dumps(STATS, version)
    before = 0
    all_records, _, status = records(data)
    assert len(all_records) == 6 and status == 0
    seen = 0
    for size in range(len(data)):
        done = run(data[:size], "--partial")
        assert done.returncode == 1, size
        assert b"byte %d: " % size in done.stderr or size == 0, (size, done.stderr)
        if done.stdout:
            part = CallgrindFile(done.stdout)
            assert before <= part.total <= whole.total
            before = part.total
            for edge, numbers in part.calls.items():
                assert whole.calls[edge] == numbers or edge[0] == "(root)", (size, edge)
        lines, said, status = records(data[:size])
        assert status == 1 and (b"byte %d: " % size in said or size == 0), (size, said)
        assert lines == all_records[:len(lines)] and len(lines) >= seen, (size, lines)
        seen = len(lines)
        cases += 2
    assert before > 0 and seen == len(all_records)
    for at in range(len(data)):
        for value in (data[at] ^ 1, data[at] ^ 0x80, 0, 0xFF):
            done = run(data[:at] + bytes([value]) + data[at + 1:], "--partial")
            if done.stdout:
                CallgrindFile(done.stdout, one_self_line=False)
            cases += 1

key = b")\x03z\x01az\x01b"
for data in (
        b"{u\xff\xff\xff\x7f" + b"x" * 100,
        b"{(\xff\xff\xff\x0f" + b"N" * 100,
        b"{)\x03u\xff\xff\xff\x7fabc",
        b"{)\x03z\x01ai\x01\0\0\0c" + b"\0" * 30,
        b"{" + b")\x01" * 1000000,
        b"{)\x03z\x01ai\1\0\0\0" + b"[\1\0\0\0" * 1000000,
        b"{)\x03z\x01ai\1\0\0\0c" + b"\0" * 16 + b"s\0\0\0\0" + b")\x01" * 1000000,
        b"{)\x03z\x01ai\1\0\0\0z\1b)\5l\xff\xff\xff\x7f" + b"\1\0" * 1000,
        b"{" + b"r\xff\xff\xff\xff" * 10,
        b"\xfbr\0\0\0\0",
        b"{",
        b"\xfb",
        gzip.compress(marshal.dumps(STATS))[:-20],
        gzip.compress(b"\0" * (200 * MEGABYTE)),
        os.urandom(100000)):
    done = run(data)
    assert done.returncode == 1, data[:40]
    assert records(data)[2] == 1, data[:40]
    cases += 2
print(f"{cases} passed, 0 failed")
