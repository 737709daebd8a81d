"""Finds the Pythons of this machine, makes dumps with them, and reads dumps' times."""
import glob
import os
import re
import shutil
import subprocess
from fractions import Fraction

import harness

VERSIONS = ["2.7"] + [f"3.{minor}" for minor in range(16)]


def find():
    """{"3.11": path of an interpreter that runs}, from PATH and pyenv."""
    candidates = ["python3", "python2"] + [f"python{version}" for version in VERSIONS]
    paths = [path for path in map(shutil.which, candidates) if path]
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    paths += sorted(glob.glob(f"{root}/versions/*/bin/python"))
    found = {}
    for path in paths:
        run = subprocess.run([path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                             capture_output=True, text=True)
        version = run.stdout.strip()
        if run.returncode == 0 and re.fullmatch(r"[23]\.\d+", version):
            found.setdefault(version, path)
    return found


PROGRAM = r'''
# -*- coding: utf-8 -*-
import sys, threading, functools

def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)

def even(n):
    return True if n == 0 else odd(n - 1)

def odd(n):
    return False if n == 0 else even(n - 1)

def count(n):
    while n:
        yield n
        n -= 1

class Shape(object):
    def __init__(self, size):
        self.size = size

class Square(Shape):
    def __init__(self, size):
        super(Square, self).__init__(size)
    def area(self):
        return self.size ** 2

pair = (lambda x: x + 1), (lambda x: x * 2)

def in_thread():
    return sum(count(300))

def main():
    fib(9)
    even(8)
    sorted([Square(n).area() for n in count(40)], key=lambda each: -each)
    [each(3) for each in pair for _ in range(20)]
    space = {}
    exec(compile("def f():\n return 1\nf()\n", "odd name\nfn=(1) evil", "exec"), space)
    try:
        int("x")
    except ValueError:
        pass
    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    in_thread()
    for _ in range(300):
        functools.partial(max, 1)(2)

if __name__ == "__main__":
    main()
'''

RECORD = r'''
import cProfile, profile, pstats, sys
sys.path.insert(0, ".")
import prog
kind, out = sys.argv[1:]
if kind == "cprofile":
    p = cProfile.Profile()
    p.runcall(prog.main)
    p.dump_stats(out)
elif kind == "profile":
    p = profile.Profile()
    p.runcall(prog.main)
    p.dump_stats(out)
elif kind == "code":
    p = profile.Profile()
    p.runctx(compile("prog.main()", "start.py", "exec"), {"prog": prog}, {})
    p.dump_stats(out)
elif kind == "added":
    p = cProfile.Profile()
    p.runcall(prog.main)
    s = pstats.Stats(p)
    q = cProfile.Profile()
    q.runcall(prog.fib, 7)
    s.add(pstats.Stats(q))
    s.dump_stats(out)
elif kind == "stripped":
    p = cProfile.Profile()
    p.runcall(prog.main)
    pstats.Stats(p).strip_dirs().dump_stats(out)
elif kind == "empty":
    p = cProfile.Profile()
    p.create_stats()
    p.dump_stats(out)
'''

KINDS = ["cprofile", "profile", "code", "added", "stripped", "empty"]


def record(python, folder):
    """Dumps of every kind, and one for each marshal version of the first: [path]."""
    for name, source in ("prog.py", PROGRAM), ("record.py", RECORD):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(source)
    paths = []
    for kind in KINDS:
        path = os.path.join(folder, kind + ".cprof")
        subprocess.run([python, "record.py", kind, path], cwd=folder, check=True)
        paths.append(path)
    again = (
        "import marshal, sys\n"
        "stats = marshal.load(open('cprofile.cprof', 'rb'))\n"
        "for version in range(marshal.version + 1):\n"
        "    name = 'marshal%d.cprof' % version\n"
        "    marshal.dump(stats, open(name, 'wb'), version)\n"
        "    print(name)\n")
    run = subprocess.run([python, "-c", again], cwd=folder, check=True, capture_output=True,
                         text=True)
    return paths + [os.path.join(folder, name) for name in run.stdout.split()]


def dumps(what, folder):
    """[(dump, a Python that reads it)] of the samples, of all Pythons (made in `folder`), or of the
    corpus; without a corpus the test is skipped."""
    known = find()
    newest = known[max(known, key=lambda version: [int(part) for part in version.split(".")])]
    jobs = []
    if what == "samples":
        jobs = [(path, newest) for path in harness.profiles()]
    elif what == "pythons":
        for version, python in known.items():
            place = os.path.join(folder, version)
            os.mkdir(place)
            jobs += [(path, python) for path in record(python, place)]
    elif what == "corpus":
        corpus = harness.corpus("profiles")
        for path in sorted([*corpus.glob("profiles/*.cprof"),
                            *corpus.glob("scenarios/*/profiling.cprof")]):
            version = re.search(r"py(\d\.\d+)\.\d+\.cprof", path.name)
            python = known.get(version.group(1)) if version else newest
            if python is None and version.group(1) != "2.7":
                python = newest  # reads the dumps of older ones
            if python:
                jobs.append((path, python))
            else:
                print(f"no Python 2.7 for {path}")
    assert jobs, "no dumps: samples, pythons or corpus?"
    return [(str(path), python) for path, python in jobs]


def ns(seconds):
    """Of a float, or of what float.hex() made of it: rounded, half to even."""
    return round(Fraction(float.fromhex(seconds) if isinstance(seconds, str) else seconds) * 10**9)
