"""Runs tracebraid diff for its tests."""
import json
import os
import pathlib
import subprocess

PROGRAMS = pathlib.Path(os.environ["TRACEBRAID_BIN"])
SOURCE = pathlib.Path(os.environ["TRACEBRAID_SOURCE"])
# The corpus was recorded on this day in UTC; for logs of -t and -tt.
WHEN = ("--date", "2026-11-23", "--tz", "UTC")


class Report:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, truth, what):
        if truth:
            self.passed += 1
        else:
            self.failed += 1
            print("FAIL", what)

    def equal(self, got, want, what):
        if got == want:
            self.passed += 1
            return
        self.failed += 1
        print("FAIL", what)
        if isinstance(got, (dict, set)) and type(got) is type(want):
            items = [set(each.items()) if isinstance(each, dict) else each for each in (got, want)]
            got, want = sorted(items[0] - items[1], key=str), sorted(items[1] - items[0], key=str)
        print(f"  got  {str(got)[:600]}\n  want {str(want)[:600]}")

    def status(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


def run(*arguments, **options):
    """The finished process of `tracebraid diff`."""
    return subprocess.run([PROGRAMS / "tracebraid", "diff", *arguments], capture_output=True,
                          text=True, timeout=600, **options)


def changes(*arguments):
    """The records of all changes, those that are none too."""
    done = run("--all", "-f", "jsonl", *WHEN, *arguments)
    assert done.returncode == 0, (arguments, done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def records(program, *arguments):
    done = subprocess.run([PROGRAMS / program, "-q", "-f", "jsonl", *arguments],
                          capture_output=True, text=True, timeout=600, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]
