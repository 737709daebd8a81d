"""callgrind_annotate, valgrind's own reader, must show pstats' numbers: totals, self and inclusive."""
import glob
import marshal
import os
import re
import shutil
import subprocess
import sys
import tempfile
from fractions import Fraction

sys.path.append(f"{sys.path[0]}/../../support")
from callgrind_file import CallgrindFile
from roundtrip import in_cycles

PROGRAM = os.path.join(os.environ["TRACEBRAID_BIN"], "cprof2callgrind")
if not shutil.which("callgrind_annotate"):
    print("skipped: callgrind_annotate is not installed (Debian: valgrind)")
    sys.exit(77)


def ns(seconds):
    return round(Fraction(seconds) * 10**9)


def annotate(path, *options):
    """{file:function text: cost}, total. Run from / : it strips its folder from some paths only."""
    run = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", "--show-percs=no",
                          *options, path], cwd="/", capture_output=True, text=True, check=True)
    assert not run.stderr and "WARNING" not in run.stdout, run.stderr
    costs, total = {}, None
    for line in run.stdout.splitlines():
        match = re.fullmatch(r"\s*([\d,]+)\s+(.*)", line)
        if match and match.group(2).startswith("PROGRAM TOTALS"):
            total = int(match.group(1).replace(",", ""))
        elif match and total is not None:
            name = re.sub(r" \[[^\]]*\]$", "", match.group(2))
            costs[name] = int(match.group(1).replace(",", ""))
    return costs, total


dumps = sorted(glob.glob(os.environ["TRACEBRAID_SOURCE"] + "/samples/*/profile.cprof"))
corpus = os.environ.get("TRACEBRAID_CORPUS")
if corpus:
    dumps += sorted(glob.glob(corpus + "/profiles/py3*.cprof"))
    dumps += sorted(glob.glob(corpus + "/scenarios/*/profiling.cprof"))
assert dumps
for dump in dumps:
    with open(dump, "rb") as stream:
        stats = marshal.load(stream)
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "callgrind.out")
        subprocess.run([PROGRAM, dump, out], check=True, stderr=subprocess.DEVNULL)
        with open(out, "rb") as stream:
            ours = CallgrindFile(stream.read())
        own, total = annotate(out)
        inclusive, _ = annotate(out, "--inclusive=yes")
    text_of = {key: f"{key[0]}:{text}" for text, key in ours.keys().items()}
    assert total == sum(ns(value[2]) for value in stats.values()), dump
    cyclic = in_cycles({key: [caller for caller in value[4] if caller in stats]
                        for key, value in stats.items()})
    exact = 0
    for key, (cc, nc, tt, ct, callers) in stats.items():
        text = text_of[(key[0] or "~",) + key[1:]]
        assert own.get(text, 0) == ns(tt), (dump, key, own.get(text), ns(tt))
        by_itself = callers.get(key, (0,))[0]
        seen = sum(value[0] for value in callers.values())
        lost = abs(sum(Fraction(value[3]) for caller, value in callers.items() if caller != key)
                   - Fraction(ct)) * 10**9 > len(callers)
        if key in cyclic or nc - cc != by_itself or seen > nc or (seen == nc and lost):
            continue
        assert abs(inclusive[text] - ns(ct)) <= len(callers), (dump, key, inclusive[text], ns(ct))
        exact += 1
    print(f"ok {dump}: total and {len(stats)} functions, inclusive of {exact}")
print(f"{len(dumps)} passed, 0 failed")
