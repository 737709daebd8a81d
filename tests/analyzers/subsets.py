"""tracebraid check with every subset of the sample's four files: the same findings when each is a
stream of records from its converter, by a pipe; and at the end, what more the missing ones could
tell, and nothing else.
"""
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys

programs = pathlib.Path(os.environ["TRACEBRAID_BIN"])
sample = pathlib.Path(os.environ["TRACEBRAID_SOURCE"]) / "samples" / "accept-storm"
# With file records: what is closed when is told by them.
CONVERTERS = {
    "strace.log": "stracecalls -q --records syscall,signal,process,problem,file -f msgpack",
    "tcpdump.pcap": "pcapflows -q --segments -f msgpack",
    "greenlet.bt.txt": "greenletswitches -q -f msgpack",
    "profiling.cprof": "cprofcalls -q -f msgpack"}
failures = []
passed = 0


def check(truth, what):
    global passed
    if truth:
        passed += 1
    else:
        failures.append(what)
        print("FAIL", what)


def run(*inputs):
    """Findings, without the names of the inputs; the exit status; and the text for people."""
    command = " ".join(inputs)
    done = [subprocess.run(["bash", "-c", f"{programs}/tracebraid check {form} {command}"],
                           capture_output=True, text=True, timeout=60, check=False)
            for form in ("-f jsonl", "")]
    for each in done:
        check(each.returncode in (0, 1) and not each.stderr, f"{inputs}: {each.returncode} {each.stderr}")
    findings = [json.loads(line) for line in done[0].stdout.splitlines()]
    for finding in findings:
        finding["evidence"] = re.sub(r"(?m)^\S+?:(?=\d+: )", "", finding["evidence"])
    return findings, done[0].returncode, done[1].stdout


for size in range(1, len(CONVERTERS) + 1):
    for names in itertools.combinations(CONVERTERS, size):
        files = [str(sample / name) for name in names]
        findings, status, text = run(*files)
        pipes = [f"<({programs}/{CONVERTERS[name]} {file})" for name, file in zip(names, files)]
        check(run(*pipes)[:2] == (findings, status), f"{names}: streams tell something else")
        has_log = "strace.log" in names
        errors = [finding["id"] for finding in findings if finding["severity"] == "error"]
        check(errors == (["error_loop"] if has_log else []) and status == len(errors),
              f"{names}: {errors}, {status}")
        if has_log:
            # Who and which function is told where those inputs are.
            loop = findings[0]
            check(bool(loop["greenlet"]) == ("greenlet.bt.txt" in names), f"{names}: greenlet")
            check(bool(loop["function"]) == ("profiling.cprof" in names), f"{names}: function")
        wanted = [("strace -f", not has_log), ("tcpdump", "tcpdump.pcap" not in names),
                  ("python -m cProfile", has_log and "profiling.cprof" not in names)]
        more = text.partition("More could be told with:\n")[2]
        for start, is_wanted in wanted:
            check((f"  {start}" in more) == is_wanted, f"{names}: {start}: {more}")
        check(len(more.splitlines()) == sum(is_wanted for _, is_wanted in wanted), f"{names}: {more}")

print(f"{passed} passed, {len(failures)} failed")
sys.exit(1 if failures else 0)
