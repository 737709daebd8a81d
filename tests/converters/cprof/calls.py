"""Compares every field of every record of cprofcalls with what marshal.load says in the Python that
wrote the dump, and their sums with pstats where this Python reads the dump.

usage: calls.py samples|pythons|corpus
"""
import contextlib
import decimal
import glob
import io
import json
import math
import os
import pstats
import re
import subprocess
import sys
import tempfile

sys.path.append(f"{sys.path[0]}/../../support")
import pythons
from roundtrip import ns

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.path.join(os.environ["TRACEBRAID_BIN"], "cprofcalls")


def shown(text):
    """A hexadecimal text as JSON has it: bytes that are not UTF-8 are U+FFFD each."""
    out = bytes.fromhex(text).decode("utf-8", "surrogateescape")
    return re.sub("[\udc80-\udcff]", "\ufffd", out) or None


def count(value):
    return None if value < 0 else value


def time(value):
    number = float.fromhex(value) if isinstance(value, str) else value
    if math.isnan(number) or math.isinf(number) or number < 0:
        return 0
    return min(ns(value), 2**63 - 1)


def place(key, of=""):
    return {of + "file": shown(key[0]), of + "line": key[1], of + "name": shown(key[2])}


def expected_records(truth):
    for key, (cc, nc, tottime, cumtime), callers in truth["entries"]:
        yield {"type": "function", **place(key), "calls": count(max(cc, nc)),
               "primitive_calls": count(min(cc, nc)), "tottime": time(tottime),
               "cumtime": time(cumtime), "callers": len(callers), "sampled": truth["sampled"],
               "input": None}
        for caller, values in callers:
            call = {"type": "call", **place(caller, "caller_"), **place(key, "callee_")}
            if len(values) == 1:
                numbers = (count(values[0]), None, None, None)
            else:
                groups = [values[at:at + 4] for at in range(0, len(values), 4)]
                numbers = (sum(max(group[:2]) for group in groups),
                           sum(min(group[:2]) for group in groups),
                           sum(time(group[2]) for group in groups),
                           sum(time(group[3]) for group in groups))
            call.update(zip(("calls", "primitive_calls", "tottime", "cumtime"), numbers))
            yield {**call, "sampled": truth["sampled"], "input": None}


def as_ns(record):
    """Times are decimal seconds with nine digits: nothing is rounded here."""
    for name in ("tottime", "cumtime"):
        if record[name] is not None:
            exact = record[name] * 10**9
            assert exact == int(exact), record
            record[name] = int(exact)
    return record


def compare_with_pstats(dump, functions):
    """What pstats itself adds up. False where this Python does not read the dump."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            stats = pstats.Stats(dump)
    except (ValueError, TypeError, EOFError, SystemError):
        return False
    assert stats.total_calls == sum(each["calls"] for each in functions)
    assert stats.prim_calls == sum(each["primitive_calls"] for each in functions)
    assert abs(stats.total_tt * 1e9 - sum(each["tottime"] for each in functions)) <= len(functions)
    shown_time = {(key[0] or None, key[1], key[2]): (value[2], value[3])
                  for key, value in stats.stats.items()}
    for each in functions:
        key = (each["file"], each["line"], each["name"])
        if key in shown_time:  # another text where it is not UTF-8
            assert tuple(map(ns, shown_time[key])) == (each["tottime"], each["cumtime"]), each
    return True


def check(dump, python):
    """Raises AssertionError; returns how many numbers were compared."""
    run = subprocess.run([PROGRAM, "-f", "jsonl", dump], capture_output=True)
    ours = [as_ns(json.loads(line, parse_float=decimal.Decimal))
            for line in run.stdout.decode("utf-8").splitlines()]
    loaded = subprocess.run([python, os.path.join(HERE, "truth.py"), dump], capture_output=True)
    if loaded.returncode != 0 and "hostile" in dump:
        assert run.returncode == 1 and run.stderr.count(b"\n") >= 1, run
        return len(ours)
    assert run.returncode == 0 and loaded.returncode == 0, (run.stderr, loaded.stderr)
    theirs = list(expected_records(json.loads(loaded.stdout)))
    if "2.7" in python:  # its dicts have another order than its dumps
        ours.sort(key=str)
        theirs.sort(key=str)
    for got, expected in zip(ours, theirs):
        assert got == expected, (got, expected)
        assert list(got) == list(expected), "order of the fields"
    assert len(ours) == len(theirs), (len(ours), len(theirs))
    functions = [each for each in ours if each["type"] == "function"]
    calls = len(ours) - len(functions)
    total = sum(each["tottime"] for each in functions)
    if total < 2**63 - 1:
        sums = (f"cprofcalls: {len(functions)} function{'' if len(functions) == 1 else 's'}, "
                f"{calls} call record{'' if calls == 1 else 's'}, "
                f"{total // 10**9}.{total % 10**9:09} s in all")
        assert sums.encode() in run.stderr, (sums, run.stderr)
    if "hostile" not in dump and functions:
        compare_with_pstats(dump, functions)
    return 6 * len(functions) + 6 * calls


def main(what):
    with tempfile.TemporaryDirectory() as folder:
        jobs = pythons.dumps(what, folder)
        if what == "corpus":
            hostile = glob.glob(os.path.join(os.environ["TRACEBRAID_CORPUS"], "profiles/hostile/*"))
            jobs += [(path, sys.executable) for path in sorted(hostile)]
        failed = 0
        for path, python in jobs:
            name = path if not path.startswith(folder) else path[len(folder) + 1:]
            try:
                print(f"ok {name}: {check(path, python)} numbers")
            except Exception as error:
                failed += 1
                print(f"FAIL {name}: {type(error).__name__}: {error}")
    print(f"{len(jobs) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
