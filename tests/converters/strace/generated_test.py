"""A large made-up log: stracecalls counts what was written, in little memory, however many processes
live at a time.
"""
import json
import os
import subprocess
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import stracecalls

SAMPLE = os.path.join(stracecalls.SOURCE, "samples", "eventlet-strace", "server.strace")
LINES = 300_000
PEAK_KB = 50 * 1024

generator = os.path.join(os.environ["TRACEBRAID_BIN"], "tests/make_strace_log")
report = stracecalls.Report()
for processes in (1, 6, 500):
    for seed in (1, 2):
        name = f"{processes} processes at a time, seed {seed}"
        make = subprocess.Popen([generator, "--lines", str(LINES), "--open", str(processes), "--seed",
                                 str(seed), SAMPLE, "-"], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        # A child that Python starts has no lower peak than Python's own.
        read = subprocess.run(
            ["/usr/bin/time", "-q", "-f", "%M", stracecalls.PROGRAM, "-q", "-f", "jsonl", "--records",
             "problem,process,signal", "--ledger", "-"] if os.path.exists("/usr/bin/time") else
            [stracecalls.PROGRAM, "-q", "-f", "jsonl", "--records", "problem,process,signal",
             "--ledger", "-"], stdin=make.stdout, capture_output=True, check=False)
        make.stdout.close()
        truth = json.loads(make.stderr.read())
        if not report.equal((make.wait(), read.returncode), (0, 0), f"{name}: status"):
            print(read.stderr.decode()[-500:])
            continue
        records = [json.loads(line) for line in read.stdout.splitlines()]
        ledger = records.pop()
        kinds = [each["event"] if each["type"] == "process" else each["type"] for each in records]
        got = {"lines": ledger["lines"], "calls": ledger["complete"], "errors": ledger["errors"],
               "split": ledger["resumed"], "noreturn": ledger["noreturn"],
               "signals": ledger["signals"], "processes": kinds.count("clone")}
        want = {key: truth[key] for key in got}
        report.equal(got, want, f"{name}: counts")
        report.equal((ledger["pending"], ledger["orphans"], ledger["unfinished"]),
                     (0, 0, ledger["resumed"]), f"{name}: pending, orphans, unfinished")
        report.equal(kinds.count("problem"), 0, f"{name}: problems")
        report.equal(kinds.count("signal"), truth["signals"], f"{name}: signals")
        memory = read.stderr.split()[-1:] if stracecalls.limited() else []
        if memory and memory[0].isdigit():
            report.check(int(memory[0]) <= PEAK_KB, f"{name}: {int(memory[0])} kB of memory")
            print(f"{name}: {truth['lines']} lines, {int(memory[0])} kB of memory")
sys.exit(report.end())
