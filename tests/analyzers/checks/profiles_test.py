"""What check tells of a profile alone: dumps made here in pstats' form (Lib/pstats.py)."""
import json
import marshal
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

SLEEP = ("~", 0, "<built-in method time.sleep>")
RECV = ("~", 0, "<method 'recv' of '_socket.socket' objects>")


def at(name, line=1, file="/srv/app.py"):
    return (file, line, name)


def findings(entries, check_id):
    """Of {function: (calls, own time, cumulative time, {caller: (calls, own, cumulative)})}."""
    stats = {}
    for function, (calls, own, total, callers) in entries.items():
        nc, cc = calls if isinstance(calls, tuple) else (calls, calls)
        stats[function] = (cc, nc, own, total,
                           {caller: (each[0], each[0], each[1], each[2]) for caller, each in callers.items()})
    with open("profile.cprof", "wb") as file:
        marshal.dump(stats, file)
    done = harness.run("tracebraid", "check", "-f", "jsonl", "--only", check_id, "profile.cprof", status={0, 1})
    return [json.loads(line) for line in done.out.splitlines()]


def told(entries, check_id, *words):
    found = findings(entries, check_id)
    if equal([each["severity"] for each in found], ["note"], f"{check_id}: {found}"):
        text = f"{found[0]['summary']} {found[0]['detail']} {found[0]['evidence']}"
        for word in words:
            check(word in text, f"{check_id}: no {word!r} in {text!r}")


def silent(entries, check_id):
    equal(findings(entries, check_id), [], f"{check_id}: healthy")


def program(sleep=0.0, work=1.0, leaf=0.0, edge=None):
    """main calls leaf, which sleeps."""
    total = work + leaf + sleep
    return {at("main"): (1, work, total, {}),
            at("leaf", 9): (3, leaf, leaf + sleep, {at("main"): (3, leaf, leaf + sleep)}),
            SLEEP: (3, sleep, sleep, {at("leaf", 9): (3, sleep, edge if edge is not None else sleep)})}


def test_waiting_time():
    told(program(sleep=5), "waiting_time", "5.00 s of the 6.00 s", "time.sleep", "16 %")
    told(program(sleep=0.25), "waiting_time")
    silent(program(sleep=0.24), "waiting_time")  # 19 %
    silent(program(sleep=0.09, work=0.1), "waiting_time")
    silent({at("sleep"): (1, 5.0, 5.0, {})}, "waiting_time")  # a Python function's own time is work
    # A socket that does not block returns at once.
    silent({RECV: (5000, 4.9, 4.9, {}), at("main"): (1, 1.0, 5.9, {})}, "waiting_time")
    told({RECV: (4900, 4.9, 4.9, {}), at("main"): (1, 1.0, 5.9, {})}, "waiting_time", "recv")
    told({RECV: (1, 5.0, 5.0, {}), at("main"): (1, 1.0, 6.0, {})}, "waiting_time", "recv")


def test_hot_function():
    told(program(work=4.0, leaf=1.0), "hot_function", "main (app.py:1)", "80 %", "4.00 s")
    told(program(sleep=90, work=4.0, leaf=1.0), "hot_function", "80 %")  # waiting is no work
    told({RECV: (50000, 4.0, 4.0, {}), at("main"): (1, 1.0, 5.0, {})}, "hot_function", "recv", "80 %")
    several = {at(f"f{n}", n + 1): (1, 0.25, 0.25, {}) for n in range(4)}
    silent(several, "hot_function")
    silent(program(work=0.09, leaf=0.001), "hot_function")


def test_merged_functions():
    told(program(sleep=0.1, edge=0.2), "merged_functions", "leaf (app.py:9)", "200 ms")
    silent(program(sleep=0.1), "merged_functions")
    silent(program(sleep=0.1, edge=0.10005), "merged_functions")  # half a thousandth
    recursive = program(sleep=0.1, edge=0.2)
    recursive[at("leaf", 9)] = ((5, 3), *recursive[at("leaf", 9)][1:])
    silent(recursive, "merged_functions")


def test_untrue_callers():
    def switched(calls):
        entries = program()
        entries[at("accept", 20)] = (48676, 1.0, 4.0, {at("server", 30): (calls, 0.0, 0.0),
                                                       at("_recv_loop", 40): (48670, 1.0, 4.0)})
        return entries
    told(switched(0), "untrue_callers", "cannot be trusted", "server (app.py:30) → accept (app.py:20): 0 calls",
         "_recv_loop (app.py:40) → accept (app.py:20): 48,670 calls")
    silent(switched(6), "untrue_callers")
    # Threads in Python 3.12 and later.
    bootstrap = ("/usr/lib/python3.12/threading.py", 999, "_bootstrap")
    threads = program()
    threads[bootstrap] = (2, 0.0, 1.0, {at("leaf", 9): (1, 0.0, 0.5)})
    told(threads, "untrue_callers", "threads", "leaf (app.py:9) → _bootstrap (threading.py:999)")
    threads[bootstrap] = (2, 0.0, 1.0, {})
    silent(threads, "untrue_callers")
    # Sums of such profiles tell nothing of single functions.
    mixed = switched(0) | program(sleep=0.1, edge=0.2)
    mixed[at("accept", 20)] = switched(0)[at("accept", 20)]
    silent(mixed, "merged_functions")


harness.each_test(globals())
harness.finish(18)
