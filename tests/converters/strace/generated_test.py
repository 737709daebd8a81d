"""A large made-up log: stracecalls counts what was written, in little memory, however many processes
live at a time.
"""
import json
import subprocess
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

SAMPLE = harness.SAMPLES / "eventlet-strace/server.strace"
LINES = 300_000
PEAK_KB = 50 * 1024


def compare(name, truth, done):
    records = done.records()
    ledger = records.pop()
    kinds = [each["event"] if each["type"] == "process" else each["type"] for each in records]
    got = {"lines": ledger["lines"], "calls": ledger["complete"], "errors": ledger["errors"],
           "split": ledger["resumed"], "noreturn": ledger["noreturn"],
           "signals": ledger["signals"], "processes": kinds.count("clone")}
    equal(got, {key: truth[key] for key in got}, f"{name}: counts")
    equal((ledger["pending"], ledger["orphans"], ledger["unfinished"]), (0, 0, ledger["resumed"]),
          f"{name}: pending, orphans, unfinished")
    equal(kinds.count("problem"), 0, f"{name}: problems")
    equal(kinds.count("signal"), truth["signals"], f"{name}: signals")
    if not harness.is_sanitized(harness.PROGRAMS / "stracecalls"):
        check(0 < done.peak_kb <= PEAK_KB, f"{name}: {done.peak_kb} kB of memory")
        print(f"{name}: {truth['lines']} lines, {done.peak_kb} kB of memory")


for processes in (1, 6, 500):
    for seed in (1, 2):
        name = f"{processes} processes at a time, seed {seed}"
        make = subprocess.Popen([harness.generator("make_strace_log"), "--lines", str(LINES), "--open",
                                 str(processes), "--seed", str(seed), SAMPLE, "-"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        done = harness.run("stracecalls", "-q", "-f", "jsonl", "--records", "problem,process,signal",
                           "--ledger", "-", stdin=make.stdout, peak=True)
        make.stdout.close()
        truth = json.loads(make.stderr.read())
        if equal((make.wait(), done.status), (0, 0), f"{name}: status"):
            compare(name, truth, done)
harness.finish()
