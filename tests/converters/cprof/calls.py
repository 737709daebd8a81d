"""Compares every field of every record of cprofcalls with what marshal.load says in the Python that
wrote the dump, and their sums with pstats where this Python reads the dump.

usage: calls.py samples|pythons|corpus
"""
import contextlib
import io
import json
import math
import pstats
import re
import subprocess
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
import pythons
from pythons import ns


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


def compare(dump, python):
    """Raises AssertionError; returns how many numbers were compared."""
    run = harness.run("cprofcalls", "-f", "jsonl", dump, status=None)
    ours = [as_ns(record) for record in run.records()]
    loaded = subprocess.run([python, f"{sys.path[0]}/truth.py", dump], capture_output=True)
    if loaded.returncode != 0 and "hostile" in dump:
        assert run.status == 1 and run.errors.count("\n") >= 1, run
        return len(ours)
    assert run.status == 0 and loaded.returncode == 0, (run.errors, loaded.stderr)
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
        assert sums in run.errors, (sums, run.errors)
    if "hostile" not in dump and functions:
        compare_with_pstats(dump, functions)
    return 6 * len(functions) + 6 * calls


what = harness.part()
with harness.folder() as folder:
    jobs = pythons.dumps(what, folder)
    if what == "corpus":
        jobs += [(str(path), sys.executable)
                 for path in sorted(harness.CORPUS.glob("profiles/hostile/*"))]
    for path, python in jobs:
        name = path.removeprefix(f"{folder}/")
        with harness.case(name):
            print(f"{name}: {compare(path, python)} numbers")
harness.finish()
