"""Runs the golden cases: tests/golden/PROGRAM/CASE/{cmd, out, err, status, inputs…}.

usage: run.py [--rewrite] [PROGRAM/CASE…]    names or patterns of cases, as 'tracebraid/check_*'

`cmd` is run by bash in a copy of the case's folder, with the programs in PATH. --rewrite puts what
came out into the cases, for a person to read the difference.
"""
import difflib
import fnmatch
import pathlib
import re
import shutil
import sys

sys.path.append(f"{sys.path[0]}/../support")
import harness

here = pathlib.Path(__file__).resolve().parent


def neutral(text):
    """The version is no part of what is tested."""
    text = re.sub(rb"(creator: \w+) \d\S*", rb"\1 VERSION", text)
    # A check more is no other report.
    text = re.sub(rb"Made: \d+ of \d+ checks", b"Made: N of N checks", text)
    return re.sub(rb"\(\d+ more checks?\)", b"(N more checks)", text)


def run(case):
    """What comes out, by the names of the case's files."""
    with harness.folder() as folder:
        shutil.copytree(case, folder / "case")
        done = harness.execute(["bash", "-c", (case / "cmd").read_text()], folder=folder / "case",
                               status=None, environment={"PATH": harness.PATH, "LC_ALL": "C.UTF-8",
                                                         "SAMPLES": harness.SAMPLES})
    return {"out": neutral(done.out), "err": done.errors.encode("utf-8", "surrogateescape"),
            "status": b"%d\n" % done.status}


def lines(content):
    return content.decode(errors="backslashreplace").splitlines(keepends=True)


def compare(name, expected, got):
    """As a difference that one could apply."""
    difference = difflib.unified_diff(lines(expected), lines(got), f"{name} expected", f"{name} got")
    harness.check(expected == got, f"{name}\n" + "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in difference))


words = [word for word in sys.argv[1:] if word != "--rewrite"]
cases = [cmd.parent for cmd in sorted(here.glob("*/*/cmd"))]
for word in words:
    if not any(fnmatch.fnmatch(str(case.relative_to(here)), word) for case in cases):
        sys.exit(f"no case is called {word}")
if words:
    cases = [case for case in cases
             if any(fnmatch.fnmatch(str(case.relative_to(here)), word) for word in words)]
for case, outcome in zip(cases, harness.in_parallel(run, cases)):
    for file, got in outcome.items():
        path = case / file
        expected = path.read_bytes() if path.exists() else b""
        if "--rewrite" not in sys.argv:
            compare(path.relative_to(here), expected, got)
        elif got != expected or not path.exists():
            path.write_bytes(got)
            print(f"rewrote {path.relative_to(here)}")
if "--rewrite" not in sys.argv:
    harness.finish()
