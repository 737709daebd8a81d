"""tracebraid callgrind on recordings of a program that counts for itself which of its functions made
which system calls (syscall_makers.py): with stacks and a perf map every call must be found, with
stacks alone every built-in function, and with neither the error of the estimate is measured.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from callgrind_file import CallgrindFile
from harness import check
from pythons import find

program = harness.SOURCE / "tests/analyzers/callgrind/syscall_makers.py"
# Built-in functions that nothing but the program calls, by their system call.
OWN = {"getppid": "posix.getppid", "getpgrp": "posix.getpgrp", "sched_yield": "posix.sched_yield",
       "getsid": "posix.getsid", "getpriority": "posix.getpriority", "poll": "'poll' of 'select.poll'",
       "recvfrom": "'recv' of '_socket.socket'",
       "getpgid": "posix.getpgid"}


def record(folder, python, stacks):
    """(truth, inputs) of a run of the program under strace and cProfile."""
    log, profile, truth = folder / "strace.log", folder / "profile.cprof", folder / "truth.json"
    command = ["strace", "-f", "-ttt", "-T", "-yy", "-o", log, *(["-k"] if stacks else []), python,
               *(["-X", "perf"] if stacks else []), "-m", "cProfile", "-o", profile, program, truth,
               "2"]
    subprocess.run(command, check=True, timeout=300)
    told = json.loads(truth.read_text())
    perf_map = pathlib.Path(f"/tmp/perf-{told['pid']}.map")
    if stacks:
        shutil.move(perf_map, folder / perf_map.name)
    return told, profile, log, folder / perf_map.name


def attributions(*inputs):
    run = harness.run("tracebraid", "callgrind", "-f", "jsonl", *inputs)
    return run.records(), run.errors


def last(qualified):
    return qualified.rsplit(".", 1)[-1]


def with_stacks(version, python, folder):
    truth, profile, log, perf_map = record(folder, python, stacks=True)
    if not any(name in log.read_text(errors="replace") for name in ("cfunction_", "sock_send")):
        print(f"Python {version}: its symbols are stripped; no stacks to test")
        return
    made, note = attributions(profile, log, perf_map)
    # By function, whatever the built-in function was: the program's own wrote nothing else.
    found = {}
    for each in made:
        if each["evidence"] == "stack" and (each["file"] or "").endswith(program.name):
            if each["builtin"] in ("perf_map_write_entry", "_Py_HandlePending"):
                continue  # of -X perf itself, and waiting for the interpreter's lock
            key = (each["name"], each["syscall"])
            found[key] = found.get(key, 0) + each["calls"]
    expected = {}
    for function, call, number in truth["main"] + truth["others"]:
        if function == "copy" or call == "(below)":
            continue  # Python functions of the library in between, or callers of callers
        # Functions of one name that call the same stand for themselves; the others are the
        # profile's, which knows the last part of the name.
        name = function if last(function) == "turn" else last(function)
        expected[name, call] = expected.get((name, call), 0) + number
    for key, number in expected.items():
        check(found.get(key) == number, f"{version} stack: {key}: {found.get(key)} of {number}")
    # Both named step are told apart by what they call.
    lines = {each["line"] for each in made if each["name"] == "step"}
    check(len(lines) == 2 and None not in lines, f"{version}: step at {lines}")
    # Without the map: the built-in functions.
    made, _ = attributions(profile, log)
    for call, builtin in OWN.items():
        number = sum(count for function, name, count in truth["main"] + truth["others"]
                     if name == call and function != "copy")
        told = [each["calls"] for each in made
                if each["syscall"] == call and builtin in (each["builtin"] or "")]
        check(told == [number], f"{version} method: {builtin}: {told} of {number}")
        check(all(each["evidence"] == "method" for each in made
                  if each["syscall"] == call), f"{version} method: {call}")
    # And as a profile: a function's calls of its built-in function cost just that.
    graph = CallgrindFile(harness.run("tracebraid", "callgrind", "-q", profile, log, perf_map).out)
    at = graph.events.index("Syscalls")
    for function, call, number in truth["main"]:
        if call not in OWN or last(function) in ("turn", "copy"):
            continue
        costs = [value[at] for (caller, callee), value in graph.call_costs.items()
                 if caller.startswith(last(function) + " (") and program.name in caller and
                 OWN[call] in callee]
        check(number in costs, f"{version} profile: {function} {call}: {costs} of {number}")
    print(f"Python {version}, stacks: {note.splitlines()[0]}")


def by_count(version, python, folder):
    truth, profile, log, _ = record(folder, python, stacks=False)
    run = harness.run("tracebraid", "callgrind", profile, log)
    graph = CallgrindFile(run.out)
    check("seen the main thread" in run.errors, f"{version} count: {run.errors}")
    at = graph.events.index("Syscalls")
    error = total = 0
    worst = []
    by_function = {}
    # A step further up: relay()'s calls are shared among its callers by time.
    below = []
    shared = 0
    for function, call, number in truth["main"]:
        if call == "(below)":
            costs, = [value[at] for (caller, callee), value in graph.call_costs.items()
                      if caller.startswith(function + " (") and callee.startswith("relay (")]
            below.append(f"{function} {costs} for {number}")
            shared += costs
            continue
        if function == "copy":
            # Its own calls are those of the library's functions, which nobody else calls here.
            if call == "sendto":
                costs = sum(value[at] for (caller, callee), value in graph.call_costs.items()
                            if callee.startswith("copy (") and caller.startswith("main ("))
                called = sum(made for name, _, made in truth["main"] if name == "copy")
                below.append(f"copy {costs} for {called} and a few")
                check(called <= costs <= 2 * called + 20, f"{version} count: {below[-1]}")
            continue
        by_function.setdefault(last(function), []).append((call, number))
    for function, calls in by_function.items():
        number = sum(count for _, count in calls)
        # Several of a name are one here, as their lines do not tell whose they are.
        told = sum(value[at] for (caller, callee), value in graph.call_costs.items()
                   if re.match(rf"{re.escape(function)} \(.*{program.name}:", caller) and
                   graph.functions[callee][0] == "~" and
                   not callee.startswith("<built-in method builtins."))
        error += abs(told - number)
        total += number
        worst.append((abs(told - number) / number, function, told, number))
        # A built-in function that one function alone calls leaves nothing to guess.
        if all(call in OWN for call, _ in calls):
            check(told == number, f"{version} count: {function}: {told} of {number}")
    check(shared == sum(number for _, call, number in truth["main"] if call == "(below)"),
          f"{version} count: {below}")
    # Those of threads that were not profiled are nobody's.
    stray = [value[at] for (caller, callee), value in graph.call_costs.items()
             if callee == "getpgid" and caller == "<unattributed>"]
    check(stray == [sum(number for _, call, number in truth["others"] if call == "getpgid")],
          f"{version} count: threads: {stray}")
    worst.sort(reverse=True)
    print(f"Python {version}, counts: {error} of {total} calls at the wrong function "
          f"({100 * error / total:.1f} %); worst: " +
          ", ".join(f"{function} {told} for {number}" for _, function, told, number in worst[:3]) +
          "; further up: " + ", ".join(below))
    check(error <= total * 0.15, f"{version} count: {error} of {total}")


harness.need_programs("strace")
harness.need(subprocess.run(["strace", "-o", "/dev/null", "true"],
                            stderr=subprocess.DEVNULL).returncode == 0, "strace may not trace")
pythons = {version: path for version, path in find().items()
           if version.startswith("3.") and int(version[2:]) >= 8}
has_k = subprocess.run(["strace", "-k", "-o", "/dev/null", "true"],
                       stderr=subprocess.DEVNULL).returncode == 0
for version, python in sorted(pythons.items(), key=lambda item: int(item[0][2:])):
    with harness.folder() as folder:
        by_count(version, python, folder)
    if has_k and int(version[2:]) >= 12:
        with harness.folder() as folder:
            with_stacks(version, python, folder)
harness.finish()
