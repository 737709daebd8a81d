"""Puts small mistakes into the sources, one at a time, and tells which of them no test notices.

usage: mutate.py [--only PATTERN…] [--table FILE] [--folder FOLDER] [--jobs N] [--again] [--survivors]
                [--trust]

The mistakes are those of mutants.txt, which says how they are written. Each is put into a copy of the
tree, what it touches is built, and the quick tests about the place are run until one fails. Results
are kept in FOLDER/results.jsonl, by the mistake's text: one that is known is not run again but with
--again, or, with --survivors, when nothing had noticed it. FOLDER (default: mutants in the temporary
folder) also keeps the copy and its build, so that a second run begins at once.

A mistake is noticed when a test fails or does not end; one that does not build is none. The exit
status is 0 when all are noticed. Nothing here is part of the ordinary tests: it takes hours.
"""
import argparse
import concurrent.futures
import dataclasses
import fnmatch
import hashlib
import json
import os
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
PROGRAMS = ("cprof2callgrind", "cprofcalls", "greenletswitches", "pcapflows", "stracecalls", "tracebraid")
GENERATORS = ("make_capture", "make_strace_log", "make_meeting_names", "pcap_loop")
# Scripts that take more than some seconds, or measure times; who wants one names it in the table.
SLOW = {"analyzers/sockets/truth", "analyzers/callgrind/attribution", "converters/strace/damaged",
        "converters/strace/metamorphic", "converters/strace/recorded", "converters/strace/corpus",
        "converters/cprof/damaged", "converters/pcap/cut_captures", "analyzers/merge/joined_parts",
        "analyzers/sockets/flood", "converters/strace/descriptor_memory"}
# Tests about a folder that are not in it. A test is unit_FOLDER, golden, or a script's name.
MORE = {
    "analyzers/sockets": ["unit_analyzers_checks", "analyzers/checks/boundaries",
                          "analyzers/checks/recordings"],
    "analyzers/util": ["unit_analyzers_sockets", "unit_analyzers_checks", "unit_analyzers_diff",
                       "unit_analyzers_merge"],
    "analyzers/input": ["analyzers/merge/order", "unit_analyzers_merge"],
    "analyzers/python": ["analyzers/callgrind/costs", "unit_analyzers_callgrind",
                         "analyzers/checks/recordings"],
    "converters/records": ["unit_analyzers_input", "formats/record/forms"],
    "formats/flame": ["unit_analyzers_callgrind", "analyzers/callgrind/costs"],
    "formats/chrome": ["unit_analyzers_timeline", "analyzers/timeline/nothing_lost"],
    "formats/callgrind": ["unit_analyzers_callgrind", "converters/cprof/command_line", "unit_fuzz"],
    "formats/marshal": ["unit_converters_cprof", "converters/cprof/command_line", "unit_fuzz"],
    "formats/pcap": ["unit_converters_pcap", "converters/pcap/forms"],
    "formats/strace": ["unit_converters_strace", "converters/strace/rules", "converters/strace/sample"],
    "formats/io": ["unit_fuzz", "formats/record/forms"],
    "formats/cli": ["converters/cprof/command_line", "analyzers/diff/command_line"],
}
# Of the unit tests, what takes seconds without optimisation, and what fails by chance now and then.
LEFT_OUT = ("*/RecordLaws/*.CutAtEveryByte", "Mix.LowBitsSpreadConsecutiveKeys",
        "*.ChecksumsHoldEveryOctet", "*.ATunnelCutAnywhere*", "*.ManyFlowsAreFoundAgain",
        "*.MoreThanTheSequenceNumbersHold", "*.SocketsInSocketsInSockets", "*.WhatIsKeptOfAStackHasABound",
        "*.Ipv6ExtensionHeadersAreSkipped", "*.OtherLayersAreSeenThrough")
UNIT_SECONDS, SCRIPT_SECONDS = 60, 300


@dataclasses.dataclass
class Mutant:
    id: str
    kind: str
    file: str
    before: list = dataclasses.field(default_factory=list)
    after: list = dataclasses.field(default_factory=list)
    occurrence: int = 1
    tests: list = dataclasses.field(default_factory=list)
    equivalent: str = ""

    def key(self):
        text = json.dumps([self.file, self.before, self.after, self.occurrence])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def places(self, text):
        """Where its text is; how lines are indented does not matter."""
        lines = r"\n\s*".join(re.escape(line.strip()) for line in self.before)
        return list(re.finditer(lines, text))

    def applied(self, text):
        place = self.places(text)[self.occurrence - 1]
        return text[:place.start()] + "\n".join(self.after) + text[place.end():]


def read_table(path):
    mutants, file = [], ""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        mark, _, rest = line.partition(" ")
        if not line or mark == "#":
            continue
        if mark == "=":
            file = rest
        elif mark == "*":
            name, _, kind = rest.partition(": ")
            mutants.append(Mutant(name, kind, file))
        elif mark == "-":
            mutants[-1].before.append(rest)
        elif mark == "+":
            mutants[-1].after.append(rest)
        elif mark == "@":
            mutants[-1].occurrence = int(rest)
        elif mark == "?":
            mutants[-1].tests += rest.split()
        elif mark == "~":
            mutants[-1].equivalent = rest
        else:
            sys.exit(f"{path}:{number}: what is {line!r}?")
    return mutants


def problems(mutants):
    """Of the table: what is not in its file any more, or not once."""
    names = set()
    for mutant in mutants:
        if mutant.id in names:
            yield f"{mutant.id}: twice"
        names.add(mutant.id)
        path = SOURCE / mutant.file
        if not path.is_file():
            yield f"{mutant.id}: no file {mutant.file}"
            continue
        count = len(mutant.places(path.read_text())) if mutant.before else 0
        if count < mutant.occurrence:
            yield f"{mutant.id}: {mutant.file} has no {mutant.before}"
        elif count > 1 and mutant.occurrence == 1 and not mutant.equivalent:
            yield f"{mutant.id}: {mutant.file} has {count} of {mutant.before}; say which by @"


def tests_of(mutant):
    """Names of the tests about its place, quick ones first."""
    if mutant.tests:
        return mutant.tests
    folder = str(pathlib.PurePath(mutant.file).parent)
    tests = []
    if list((SOURCE / "tests" / folder).glob("*_test.cc")):
        tests.append("unit_" + folder.replace("/", "_"))
    tests += ["golden"]
    tests += sorted(name for name in (str(path.relative_to(SOURCE / "tests"))[:-len("_test.py")]
                    for path in (SOURCE / "tests" / folder).glob("*_test.py")) if name not in SLOW)
    return tests + [test for test in MORE.get(folder, []) if test not in tests]


class Copy:
    """Of the tree, with a build."""

    def __init__(self, folder):
        self.tree, self.build = folder / "tree", folder / "build"
        self.tree.mkdir(parents=True, exist_ok=True)
        self.log = open(folder / "log", "a")

    def synchronize(self):
        """What git knows, or would; what is the same is left alone, for the build's sake. Returns
        a digest of it all."""
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=SOURCE,
                                check=True, capture_output=True).stdout.decode().split("\0")
        names = {name for name in listed if name and (SOURCE / name).exists()}
        digest = hashlib.sha256()
        for name in sorted(name for name in names if not name.startswith("tests/mutate/")):
            digest.update(f"{name} ".encode())
            if (SOURCE / name).is_file():
                digest.update((SOURCE / name).read_bytes())
            there, here = self.tree / name, SOURCE / name
            if here.is_symlink():
                if not there.is_symlink():
                    there.parent.mkdir(parents=True, exist_ok=True)
                    there.symlink_to(os.readlink(here))
            elif not there.exists() or there.read_bytes() != here.read_bytes():
                there.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(here, there)
                shutil.copymode(here, there)
        for there in self.tree.rglob("*"):
            if (there.is_file() or there.is_symlink()) and str(there.relative_to(self.tree)) not in names:
                there.unlink()
        return digest.hexdigest()

    def run(self, command, seconds=3600, **options):
        """Its exit status; None when it took too long."""
        with subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, start_new_session=True, **options) as process:
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                return None

    def configure(self):
        if not (self.build / "build.ninja").exists():
            # A mutant is one file: what counts is how soon it is compiled and linked.
            linker = "-fuse-ld=lld" if shutil.which("ld.lld") else ""
            status = self.run(["cmake", "-S", self.tree, "-B", self.build, "-G", "Ninja",
                               "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=", "-DTRACEBRAID_CCACHE=OFF",
                               "-DCMAKE_CXX_FLAGS=-O0 -g0 -D_GLIBCXX_ASSERTIONS",
                               f"-DCMAKE_EXE_LINKER_FLAGS={linker}",
                               # Of names alone.
                               "-DCMAKE_CXX_ARCHIVE_CREATE=<CMAKE_AR> qcT <TARGET> <LINK_FLAGS> <OBJECTS>"])
            if status != 0:
                sys.exit(f"cmake fails: see {self.log.name}")

    def make(self, tests, threads=1):
        """What these tests need."""
        targets = {test for test in tests if test.startswith("unit_")}
        if len(targets) < len(tests):
            targets.update(PROGRAMS)
        return self.run(["ninja", "-C", self.build, f"-j{threads}", *targets]) == 0

    def test(self, test):
        """Whether it passes."""
        environment = dict(os.environ, TRACEBRAID_BIN=str(self.build), TRACEBRAID_SOURCE=str(self.tree),
                           LC_ALL="C.UTF-8")
        if test.startswith("unit_"):
            program = self.build / "tests" / test
            status = self.run([program, "--gtest_fail_fast", "--gtest_brief=1",
                               f"--gtest_filter=-{':'.join(LEFT_OUT)}"], UNIT_SECONDS,
                              cwd=self.tree / "tests", env=environment)
        else:
            script = "golden/run.py" if test == "golden" else f"{test}_test.py"
            status = self.run([sys.executable, script], SCRIPT_SECONDS, cwd=self.tree / "tests",
                              env=environment)
        return status in (0, 77)

    def judge(self, mutant):
        path = self.tree / mutant.file
        original = path.read_text()
        print(f"==== {mutant.id}", file=self.log, flush=True)
        path.write_text(mutant.applied(original))
        try:
            # Those that are noticed at once need no programs.
            for test in tests_of(mutant):
                if not self.make([test]):
                    return "does not build", ""
                if not self.test(test):
                    return "noticed", test
            return "SURVIVED", ""
        finally:
            path.write_text(original)


class Results:
    def __init__(self, path):
        self.path, self.known = path, {}
        if path.exists():
            for line in path.read_text().splitlines():
                row = json.loads(line)
                self.known[row["key"]] = row
        self.lock = threading.Lock()

    def add(self, mutant, outcome, by, seconds):
        row = {"key": mutant.key(), "id": mutant.id, "outcome": outcome, "by": by, "seconds": round(seconds)}
        with self.lock, open(self.path, "a") as file:
            file.write(json.dumps(row) + "\n")
            self.known[row["key"]] = row
            print(f"{outcome:14} {mutant.id:32} {by} ({row['seconds']} s)", flush=True)


def prepare(folder, mutants, threads, trust):
    copy = Copy(folder)
    state = copy.synchronize()
    copy.configure()
    tests = sorted({test for mutant in mutants for test in tests_of(mutant)})
    if trust:
        return copy
    if copy.run(["ninja", "-C", copy.build, f"-j{threads}", *GENERATORS]) != 0 or \
            not copy.make(tests, threads):
        sys.exit(f"it does not build as it is: see {copy.log.name}")
    # Those that were run in this state need not be again.
    done = folder / "passed"
    passed = set(done.read_text().split()) if done.exists() else set()
    failing = [test for test in tests if f"{state}:{test}" not in passed and not copy.test(test)]
    done.write_text("\n".join(f"{state}:{test}" for test in tests if test not in failing))
    if failing:
        sys.exit(f"these fail without any mutant: {', '.join(failing)}; see {copy.log.name}")
    return copy


def summary(mutants, results):
    """By room and folder."""
    count = {}
    for mutant in mutants:
        row = results.known.get(mutant.key())
        if row and row["outcome"] != "does not build":
            folder = count.setdefault(str(pathlib.PurePath(mutant.file).parent), [0, 0])
            folder[0] += row["outcome"] == "noticed"
            folder[1] += 1
    for folder, (noticed, all_) in sorted(count.items()):
        print(f"{folder:22} {noticed} of {all_}")
    noticed, all_ = (sum(one[at] for one in count.values()) for at in (0, 1))
    print(f"{noticed} of {all_} noticed" + (f", {100 * noticed / all_:.0f} %" if all_ else ""))
    return noticed == all_


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--only", nargs="+", default=[], help="identifiers or files, or patterns of them")
    parser.add_argument("--table", type=pathlib.Path, default=HERE / "mutants.txt")
    parser.add_argument("--folder", type=pathlib.Path,
                        default=pathlib.Path(tempfile.gettempdir()) / "mutants")
    parser.add_argument("--jobs", type=int, default=1, help="copies that work at once")
    parser.add_argument("--again", action="store_true", help="also those whose result is known")
    parser.add_argument("--survivors", action="store_true", help="also those that had survived")
    parser.add_argument("--trust", action="store_true", help="it builds, and all passes, without any: that was seen before")
    options = parser.parse_args()

    all_mutants = read_table(options.table)
    wrong = list(problems(all_mutants))
    if wrong:
        sys.exit("\n".join(["the table is not of these sources:", *wrong]))
    mutants = [mutant for mutant in all_mutants if not mutant.equivalent and (not options.only or any(
        fnmatch.fnmatch(name, word) for word in options.only for name in (mutant.id, mutant.file)))]
    options.folder.mkdir(parents=True, exist_ok=True)
    results = Results(options.folder / "results.jsonl")

    def is_to_do(mutant):
        row = results.known.get(mutant.key())
        return row is None or options.again or options.survivors and row["outcome"] == "SURVIVED"

    to_do = [mutant for mutant in mutants if is_to_do(mutant)]
    if to_do:
        # As they are asked for; those of a file follow each other: what one leaves is compiled with
        # the next.
        to_do.sort(key=lambda mutant: (next((at for at, word in enumerate(options.only) if any(
            fnmatch.fnmatch(name, word) for name in (mutant.id, mutant.file))), 0), mutant.file))
        copies = queue.SimpleQueue()
        for number in range(options.jobs):
            copies.put(prepare(options.folder / f"copy{number}", to_do, options.jobs,
                               options.trust))

        def work(file):
            copy = copies.get()
            for mutant in to_do:
                if mutant.file == file:
                    begin = time.monotonic()
                    outcome, by = copy.judge(mutant)
                    results.add(mutant, outcome, by, time.monotonic() - begin)
            copies.put(copy)

        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(work, dict.fromkeys(mutant.file for mutant in to_do)))
    for mutant in mutants:
        row = results.known.get(mutant.key())
        if row and row["outcome"] != "noticed":
            print(f"{row['outcome']}: {mutant.id} ({mutant.file}: {mutant.kind})")
    sys.exit(0 if summary(mutants, results) else 1)


if __name__ == "__main__":
    main()
