"""Whole processes, measured."""
import pathlib
import subprocess
import time

here = pathlib.Path(__file__).resolve().parent
work = here.parent.parent / "build" / "bench"


def build(name, *libraries):
    """Compiles one of the programs beside this script, if it has changed."""
    work.mkdir(parents=True, exist_ok=True)
    binary = work / name
    sources = [here / f"{name}.cc", *here.glob("*.h")]
    if not binary.exists() or binary.stat().st_mtime < max(each.stat().st_mtime for each in sources):
        subprocess.run(["c++", "-std=c++20", "-O2", sources[0], "-o", binary, *libraries], check=True)
    return binary


class Run:
    """A finished process: wall and CPU seconds, peak memory in kB, whether it succeeded.

    By way of time(1), because a child that Python starts has no lower peak than Python's own.
    """

    def __init__(self, command, feeder=None):
        start = time.perf_counter()
        feed = subprocess.Popen(feeder, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL) if feeder else None
        usage = work / "usage"
        # grep does nothing once its output is /dev/null.
        with open(work / "count" if command[0] == "grep" else "/dev/null", "wb") as out:
            process = subprocess.Popen(
                ["/usr/bin/time", "-q", "-o", usage, "-f", "%U %S %M", *command],
                stdin=feed.stdout if feed else subprocess.DEVNULL,
                stdout=out, stderr=subprocess.DEVNULL)
        if feed:
            feed.stdout.close()
        self.good = process.wait() == 0
        self.seconds = time.perf_counter() - start
        if feed:
            self.good = feed.wait() == 0 and self.good
        user, system, peak = usage.read_text().split()
        self.cpu_seconds = max(float(user) + float(system), 0.01)  # what time(1) resolves
        self.peak_kb = int(peak)


def best(command, runs=3):
    """The least of each time, the most of memory."""
    done = [Run(command) for _ in range(runs)]
    first = done[0]
    first.seconds = min(run.seconds for run in done)
    first.cpu_seconds = min(run.cpu_seconds for run in done)
    first.peak_kb = max(run.peak_kb for run in done)
    first.good = all(run.good for run in done)
    return first


def megabytes(run):
    return f"{run.peak_kb / 1024:.1f} MB"


def row(name, *cells):
    print(f"  {name:<34}" + "".join(f"{cell:>15}" for cell in cells), flush=True)


def warm(path):
    """Into the page cache, so that the first to be measured does not wait for the disk."""
    with open(path, "rb") as file:
        while file.read(1 << 22):
            pass
