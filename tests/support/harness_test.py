"""The harness itself: a script that has a failure, or does not tell of it, does not succeed."""
import subprocess
import sys

import harness
from harness import check, equal

# What scripts do, with which status they end, and what they say.
SCRIPTS = [
    ("check(True, 'x'); harness.finish()", 0, "1 passed, 0 failed"),
    ("check(False, 'what'); harness.finish()", 1, "FAIL what"),
    ("check(True, 'x'); check(False, 'y'); harness.finish()", 1, "1 passed, 1 failed"),
    ("harness.finish()", 1, "0 passed, 0 failed"),
    ("check(True, 'x'); harness.finish(least=2)", 1, "1 passed, 0 failed"),
    ("check(False, 'x')", 1, "did not reach finish()"),
    ("check(True, 'x')", 1, "did not reach finish()"),
    ("check(True, 'x'); sys.exit(0)", 1, "did not reach finish()"),
    ("check(True, 'x'); harness.skip('no luck')", 77, "skipped: no luck"),
    ("harness.need_programs('sh', 'no-such-program')", 77, "no-such-program is not installed"),
    ("equal({1: 2, 3: 4}, {1: 2, 3: 5}, 'dicts'); harness.finish()", 1, "want [(3, 5)]"),
    ("harness.none([], 'x'); harness.finish()", 0, "1 passed"),
    ("harness.none(['a', 'b'], 'x'); harness.finish()", 1, "0 passed, 2 failed"),
    ("with harness.case('name'): pass\nharness.finish()", 0, "1 passed"),
    ("with harness.case('name'): assert 1 == 2, 'sum'\nharness.finish()", 1, "AssertionError: sum"),
    ("with harness.case('name') as problems: problems += ['odd']\nharness.finish()", 1,
     "FAIL name\n  odd"),
    ("def test_one(): raise ValueError('x')\nharness.each_test(globals()); harness.finish()", 1,
     "FAIL test_one"),
    ("harness.execute(['sh', '-c', 'echo why >&2; exit 3']); harness.finish()", 1,
     "status 3, not 0: why"),
    ("harness.execute(['false'], status=(0, 1)); harness.finish()", 0, "1 passed"),
    ("harness.run('no-such-program')", 1, "is not built"),
]
for script, status, says in SCRIPTS:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({sys.path[0]!r})\nimport harness\n"
         f"from harness import check, equal\n{script}"], capture_output=True, text=True)
    check(done.returncode == status and says in done.stdout + done.stderr,
          f"{script}: {done.returncode} {done.stdout} {done.stderr}")

# A program in little memory; a program's own peak.
python = [sys.executable, "-SEc", "print(len(b'x' * (200 << 20)))"]
equal(harness.execute(python, memory=100 << 20, status=None).status != 0, True, "a limit of memory")
run = harness.execute(python, peak=True)
equal(run.text, "209715200\n", "output")
check(200 << 10 <= run.peak_kb < 300 << 10, f"peak of {run.peak_kb} kB")
equal(harness.shell('cat; echo "$1 $VALUE"; false | true', "a b", content=b"in\n", status=1,
                    environment={"VALUE": 5}).text, "in\na b 5\n", "a shell")
equal(harness.nanoseconds("1700000000.123456789"), 1700000000123456789, "nanoseconds")
harness.finish()
