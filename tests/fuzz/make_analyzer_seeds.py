#!/usr/bin/env python3
"""Makes the first cases of fuzz_analyzers (analyzer_case.h): every form of every analyzer over small
pieces of a sample, whole and cut. usage: make_analyzer_seeds.py FOLDER-OF-THE-PROGRAMS
"""
import marshal
import pathlib
import struct
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
sample = here.parent.parent / "samples/accept-storm"
programs = pathlib.Path(sys.argv[1])
out = here / "corpus/fuzz_analyzers"
FORMS = 21  # of analyzers_target.cc


def packets(path, count):
    data, at = path.read_bytes(), 24
    for _ in range(count):
        at += 16 + struct.unpack_from("<I", data, at + 8)[0]
    return data[:at]


def lines(path, first, count):
    return b"".join(path.read_bytes().splitlines(True)[first:first + count])


def profile(scale):
    a, b, c = ("e.py", 7, "a"), ("e.py", 9, "b"), ("~", 0, "<method 'accept' of '_socket.socket' objects>")
    return marshal.dumps({a: (1, 1, 0.5 * scale, 2.0, {}), b: (3, 4, 1e-6, 1.5, {a: (3, 4, 1e-6, 1.5)}),
                          c: (9, 9, 0.25, 0.25 * scale, {b: (9, 9, 0.25, 0.25)})})


log = lines(sample / "strace.log", 0, 25)
capture = packets(sample / "tcpdump.pcap", 14)
switches = lines(sample / "greenlet.bt.txt", 0, 20)
symbols = b"7f0000001000 20 py::a:/srv/e.py\n7f0000002000 20 py::b:/srv/e.py\n"


def made(program, text, *options):
    return subprocess.run([programs / program, "-q", *options, "-"], input=text, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


stream = b"".join(made("stracecalls", log, "-f", "jsonl").splitlines(True)[:4])
flows = made("pcapflows", capture, "-f", "msgpack")
out.mkdir(parents=True, exist_ok=True)
for form in range(FORMS):
    for number, (first, second) in enumerate((
            ((profile(1), log, capture, switches), (profile(2), stream, flows, symbols)),
            ((profile(1)[:60], log[:1500], capture[:700]), (profile(1), log[300:], switches[:200])))):
        case = bytes([form])
        for group, parts in ((0, first), (0x80, second)):
            for part in parts:
                case += struct.pack("<BH", group, len(part)) + part
        (out / f"seed-{form:02}-{number}").write_bytes(case)
