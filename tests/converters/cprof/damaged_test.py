"""Damaged dumps: cut at every byte, every byte changed, sizes and nestings that lie. The program must
end by itself, soon, in little memory, with status 0 or 1 and a reason that names the input; what it
writes with --partial must be a whole callgrind profile, never more than the dump holds. cprofcalls
gives the records of all that came before the damage.
"""
import gzip
import json
import marshal
import os
import sys
import tempfile

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from callgrind_file import CallgrindFile
from harness import MEGABYTE, check

main, work = ("/srv/a.py", 1, "main"), ("/srv/a.py", 300, "w\u00f6rk")
STATS = {main: (1, 1, 0.5, 3.25, {}),
         work: (3, 4, 1.75, 2.75, {main: (3, 3, 1.25, 2.75), work: (1, 0, 0.5, 0.75)}),
         ("~", 0, "<built-in method len>"): (2**40, 2**40, 1.0, 1.0, {work: (2**40, 2**40, 1.0, 1.0)})}


def run(data, *options, program=("cprof2callgrind", "-")):
    with tempfile.NamedTemporaryFile(suffix=".cprof") as file:
        file.write(data)
        file.flush()
        done = harness.run(program[0], *options, file.name, *program[1:], status=(0, 1), seconds=20,
                           memory=400 * MEGABYTE)
        if done.status == 1:
            check(os.path.basename(file.name) in done.errors, f"no input named: {done.errors}")
        return done


def records(data):
    """Lines of JSON, what is said, and the status."""
    done = run(data, "-f", "jsonl", program=("cprofcalls",))
    lines = done.out.splitlines()
    check(all(json.loads(line)["type"] in ("function", "call") for line in lines), lines)
    return lines, done.errors, done.status


whole = CallgrindFile(run(marshal.dumps(STATS)).out)
harness.equal(whole.total, 3250000000, "the whole dump")
for version in (1, 2, 4):
    data = marshal.dumps(STATS, version)
    before = seen = 0
    all_records, _, status = records(data)
    harness.equal((len(all_records), status), (6, 0), f"version {version}: records")
    for size in range(len(data)):
        what = f"version {version}, the first {size} bytes"
        done = run(data[:size], "--partial")
        check(done.status == 1 and (f"byte {size}: " in done.errors or size == 0),
              f"{what}: {done.status} {done.errors}")
        if done.out:
            part = CallgrindFile(done.out)
            check(before <= part.total <= whole.total, f"{what}: {part.total}")
            before = part.total
            for edge, numbers in part.calls.items():
                check(whole.calls[edge] == numbers or edge[0] == "(root)", f"{what}: {edge}")
        lines, said, status = records(data[:size])
        check(status == 1 and (f"byte {size}: " in said or size == 0), f"{what}: {status} {said}")
        check(lines == all_records[:len(lines)] and len(lines) >= seen, f"{what}: {lines}")
        seen = len(lines)
    check(before > 0 and seen == len(all_records), f"version {version}: nothing of all but the end")
    for at in range(len(data)):
        for value in (data[at] ^ 1, data[at] ^ 0x80, 0, 0xFF):
            done = run(data[:at] + bytes([value]) + data[at + 1:], "--partial")
            if done.out:
                with harness.case(f"version {version}, byte {at} is {value}"):
                    CallgrindFile(done.out, one_self_line=False)

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
    check(run(data).status == 1 and records(data)[2] == 1, f"taken as whole: {data[:40]}")
harness.finish()
