"""What the test scripts share: where things are, running the programs, counting checks, reading records.

    import sys

    sys.path.append(f"{sys.path[0]}/../../support")
    import harness
    from harness import check, equal

    flows = harness.records("pcapflows", harness.SAMPLES / "eventlet-capture/server.pcap")
    equal(len(flows), 12, "flows of the sample")
    harness.finish()

A script runs by hand from anywhere: TRACEBRAID_BIN=build/asan python3 tests/…/x_test.py. Without
TRACEBRAID_BIN the programs are those of build/dev.
"""
import atexit
import concurrent.futures
import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
from decimal import Decimal

SOURCE = pathlib.Path(os.environ.get("TRACEBRAID_SOURCE") or
                      pathlib.Path(__file__).resolve().parents[2]).resolve()
PROGRAMS = pathlib.Path(os.environ.get("TRACEBRAID_BIN") or SOURCE / "build/dev").resolve()
PATH = f"{PROGRAMS}:{os.environ['PATH']}"  # where our programs come first
SAMPLES = SOURCE / "samples"
# Recordings that are too large for the repository, or None; scripts that need them call corpus().
CORPUS = pathlib.Path(os.environ["TRACEBRAID_CORPUS"]).resolve() \
    if os.environ.get("TRACEBRAID_CORPUS") else None
# The corpus was recorded on this day in UTC; for logs of -t and -tt.
WHEN = ("--date", "2026-11-23", "--tz", "UTC")
MEGABYTE = 1 << 20
SKIPPED = 77  # what ctest knows as "not run"
MOST_SHOWN = 200  # failures that are printed

sys.stdout.reconfigure(errors="backslashreplace")  # what a failure shows may be no text


# Checks.

passed = failed = 0
_is_finished = False
_lock = threading.Lock()  # threads check, too


def check(truth, what):
    """Whether it is true; when not, says what is wrong."""
    global passed, failed
    with _lock:
        if truth:
            passed += 1
        else:
            failed += 1
            if failed <= MOST_SHOWN:
                print(f"FAIL {what}", flush=True)
    return bool(truth)


def equal(got, want, what):
    if got == want:
        return check(True, what)
    if isinstance(got, (dict, set)) and type(got) is type(want):  # only what differs
        items = [each.items() if isinstance(each, dict) else each for each in (got, want)]
        got, want = (sorted((one for one in here if one not in there), key=str)
                     for here, there in (items, items[::-1]))
    return check(False, f"{what}\n  got  {str(got)[:1000]}\n  want {str(want)[:1000]}")


def none(problems, what):
    """Of a list of problems, each is a failure; that there is none is one check."""
    for problem in problems:
        check(False, f"{what}: {problem}")
    return not problems and check(True, what)


@contextlib.contextmanager
def case(name):
    """One check of many parts: fails when something in it raises, or puts a line into the list that
    it is given."""
    problems = []
    try:
        yield problems
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        problems.append(f"{type(error).__name__}: {error} ({os.path.basename(at.filename)}, "
                        f"{at.name}, line {at.lineno})")
    check(not problems, "\n  ".join([str(name), *map(str, problems[:12]),
                                     *[f"and {len(problems) - 12} more"] * (len(problems) > 12)]))


def each_test(names, set_up=lambda: None):
    """Of a script's globals() runs all functions called test_…, each as a case, in a new folder."""
    for name, test in list(names.items()):
        if name.startswith("test_"):
            before = os.getcwd()
            with folder() as place, case(name):
                os.chdir(place)
                try:
                    set_up()
                    test()
                finally:
                    os.chdir(before)


def skip(reason):
    """Ends the test as one that cannot run on this machine."""
    global _is_finished
    _is_finished = True
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def need(truth, reason):
    if not truth:
        skip(reason)


def need_programs(*names):
    for name in names:
        need(shutil.which(name), f"{name} is not installed")


def finish(least=1):
    """Ends the script: with success when no check failed and at least so many passed."""
    global _is_finished
    _is_finished = True
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or passed < least else 0)


@atexit.register
def _refuse_to_end_without_finish():
    """What never told of its failures would be green."""
    if not _is_finished and (passed or failed):
        print("the script did not reach finish()", flush=True)
        os._exit(1)


# Inputs.

def corpus(*parts):
    """The corpus' folder; the test is skipped where it, or one of these parts of it, is not."""
    need(CORPUS, "TRACEBRAID_CORPUS names no corpus")
    for part in parts:
        need((CORPUS / part).exists(), f"the corpus has no {part}")
    return CORPUS


def profiles():
    """The samples' cProfile dumps."""
    return sorted(SAMPLES.glob("*/profile.cprof"))


def generator(name):
    """A program that the build makes for the tests."""
    return PROGRAMS / "tests" / name


def part():
    """What the command line asks for: a part of the names of what is to be tested; "" is all."""
    return sys.argv[1] if len(sys.argv) > 1 else ""


@contextlib.contextmanager
def folder():
    """A new folder that is removed at the end."""
    with tempfile.TemporaryDirectory() as name:
        yield pathlib.Path(name).resolve()


# Running programs.

@dataclasses.dataclass
class Run:
    status: int
    out: bytes
    errors: str
    peak_kb: int | None = None  # if asked for

    @property
    def text(self):
        return self.out.decode("utf-8")

    @property
    def lines(self):
        return self.text.splitlines()

    def records(self, **options):
        return json_lines(self.out, **options)


# A child that Python starts has no lower peak than Python's own; so a small one stands between.
MEASURE = """import os, sys
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
os.write(int(sys.argv[1]), b"%d" % usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))"""


def execute(command, *, content=None, status=0, seconds=300, memory=0, peak=False, environment=None,
            folder=None, **streams):
    """Runs a command to its end. Its status must be `status`, or one of several, or any (None).

    content: its standard input, else there is none; memory: limit of address space in bytes, where
    one can be set; peak: measures memory; streams: stdin and stdout as subprocess has them.
    Raises subprocess.TimeoutExpired."""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    command = list(map(str, command))
    asked, told, pass_fds = command, None, ()
    if peak:
        told, tell = os.pipe()
        pass_fds = (tell,)
        command = [sys.executable, "-SE", "-c", MEASURE, str(tell), *command]
    if content is None:
        streams.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run(
        command, input=content, timeout=seconds, cwd=folder, check=False,
        env=dict(os.environ, **{name: str(value) for name, value in (environment or {}).items()}),
        preexec_fn=limit if memory and not is_sanitized(asked[0]) else None, pass_fds=pass_fds,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams)
    peak_kb = None
    if peak:
        os.close(tell)
        with open(told, "rb") as file:
            peak_kb = int(file.read() or 0)
    run = Run(done.returncode, done.stdout or b"",
              (done.stderr or b"").decode("utf-8", "surrogateescape"), peak_kb)
    if status is not None:
        allowed = status if isinstance(status, (tuple, set)) else (status,)
        check(run.status in allowed, f"{' '.join(asked)[:500]}: status {run.status}, "
                                     f"not {status}: {run.errors.strip()[-1000:]}")
    return run


def run(program, *arguments, **options):
    """One of ours."""
    if not (PROGRAMS / program).exists():
        sys.exit(f"{PROGRAMS / program} is not built; TRACEBRAID_BIN says where programs are")
    return execute([PROGRAMS / program, *arguments], **options)


def records(program, *arguments, **options):
    """What one of ours writes as JSON Lines, without its words to people."""
    return run(program, *arguments, "-q", "-f", "jsonl", **options).records()


def shell(script, *arguments, environment=None, **options):
    """A script of bash, $1… being the arguments, where our programs come first in PATH."""
    return execute(["bash", "-o", "pipefail", "-c", script, "bash", *arguments],
                   environment={"PATH": PATH, **(environment or {})}, **options)


@functools.cache
def is_sanitized(program):
    """A sanitizer reserves terabytes of address space, and makes memory and time another's."""
    content = pathlib.Path(program).read_bytes()
    return b"__asan_init" in content or b"__tsan_init" in content


def in_parallel(function, items):
    """The results, in order. Programs that run at the same time, started by threads."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))


# Records.

def json_lines(content, parse_float=Decimal):
    """Numbers with a point are Decimals, so that times lose nothing."""
    return [json.loads(line, parse_float=parse_float) for line in content.split(b"\n") if line]


def nanoseconds(value):
    """Of a time or duration in decimal seconds; None when unset. What has more than nine digits
    behind the point raises ValueError."""
    if value is None:
        return None
    ns = Decimal(value) * 10**9
    if ns != ns.to_integral_value():
        raise ValueError(f"{value} has a part of a nanosecond")
    return int(ns)
