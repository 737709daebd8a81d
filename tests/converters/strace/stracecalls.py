"""Runs stracecalls and reads what it writes; reads strace's own tables and log lines, without it."""
import collections
import csv
import dataclasses
import io
import json
import os
import re
import resource
import subprocess
import sys
from decimal import Decimal

PROGRAM = os.path.join(os.environ["TRACEBRAID_BIN"], "stracecalls")
SOURCE = os.environ["TRACEBRAID_SOURCE"]
MEGABYTE = 1 << 20
# The corpus was recorded on this day in UTC; for logs of -t and -tt.
WHEN = ("--date", "2026-11-23", "--tz", "UTC")
LINE_FATES = ("calls", "unfinished", "resumed", "signals", "processes", "messages", "frames",
              "dumps", "tables", "glued", "empty", "problems")
PENDING = ("unfinished", "detached", "superseded", "cut")


@dataclasses.dataclass
class Run:
    status: int
    records: list
    ledger: dict | None
    errors: str

    def of(self, kind):
        return [record for record in self.records if record["type"] == kind]

    @property
    def calls(self):
        return self.of("syscall")


def need(condition, what):
    """Ends the test as skipped when what it needs is not on this machine."""
    if not condition:
        print(f"skipped: {what}")
        sys.exit(77)


def corpus():
    """The folder of the logs, and index.tsv as a list of dicts."""
    place = os.environ.get("TRACEBRAID_CORPUS")
    need(place, "TRACEBRAID_CORPUS names no corpus")
    folder = os.path.join(place, "strace")
    need(os.path.exists(f"{folder}/index.tsv"), "the corpus has no strace/index.tsv")
    with open(f"{folder}/index.tsv", encoding="utf-8", newline="") as file:
        return f"{folder}/logs", list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def logs():
    """Logs to try variants on: the corpus' where it is, and the samples'."""
    found = []
    place = os.environ.get("TRACEBRAID_CORPUS")
    folder = os.path.join(place, "strace", "logs") if place else ""
    if place and os.path.isdir(folder):
        found += [f"{folder}/{name}" for name in sorted(os.listdir(folder))
                  if name.endswith(".log")]
    samples = os.path.join(SOURCE, "samples", "eventlet-strace")
    if os.path.isdir(samples):
        found += [f"{samples}/{name}" for name in sorted(os.listdir(samples))
                  if name.endswith(".strace")]
    need(found, "neither a corpus nor samples")
    return found


def limited():
    """Whether memory can be limited: a sanitizer reserves terabytes of address space."""
    with open(PROGRAM, "rb") as file:
        return b"__asan_init" not in file.read()


def start(options, *, memory=0, **streams):
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    return subprocess.Popen([PROGRAM, *options], preexec_fn=limit if memory else None,
                            env=dict(os.environ, TZ="UTC"), **streams)


def raw(*options, content=None, seconds=120, memory=0):
    """Status, output, errors. Raises subprocess.TimeoutExpired."""
    process = start(options, memory=memory, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    stdin=subprocess.DEVNULL if content is None else subprocess.PIPE)
    try:
        out, errors = process.communicate(content, timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return process.returncode, out, errors.decode("utf-8", "replace")


def read(status, out, errors):
    """ValueError when the output is not JSON Lines."""
    records, ledger = [], None
    for line in out.decode("utf-8").split("\n"):
        if not line:
            continue
        record = json.loads(line, parse_float=Decimal)
        if record["type"] == "line_ledger":
            if ledger is not None:
                raise ValueError("two ledgers")
            ledger = record
        else:
            records.append(record)
    return Run(status, records, ledger, errors)


def run(*arguments, content=None, seconds=120, memory=0):
    """Options and logs; content is standard input."""
    return read(*raw("-f", "jsonl", "--ledger", *arguments, content=content, seconds=seconds,
                     memory=memory))


def columns(log, fields, *options):
    """Texts of some fields of all syscall records, every byte as the character of its number."""
    status, out, errors = raw("-f", "csv", "--fields", ",".join(fields), "-q", *options, log)
    if status:
        raise ValueError(f"{log}: status {status}: {errors}")
    rows = csv.reader(io.StringIO(out.decode("latin-1"), newline=""))
    if next(rows) != list(fields):
        raise ValueError(f"{log}: another header")
    return list(rows)


def nanoseconds(value):
    """Of a time or duration in decimal seconds; None when unset."""
    if value is None:
        return None
    ns = Decimal(value) * 10**9
    if ns != ns.to_integral_value():
        raise ValueError(f"{value} has a part of a nanosecond")
    return int(ns)


def line_count(content):
    """Lines, the last one with or without its end."""
    return content.count(b"\n") + (content[-1:] not in (b"", b"\n"))


def ledger_problems(run, content):
    """What does not add up, as lines. content: all that was read."""
    ledger, problems = run.ledger, []
    if ledger is None:
        return [f"no ledger: {run.errors.strip()[-300:]}"]
    parts = sum(ledger[fate] for fate in LINE_FATES)
    if parts != ledger["lines"]:
        problems.append(f"lines {ledger['lines']}, but its parts are {parts}: {ledger}")
    if ledger["lines"] != line_count(content):
        problems.append(f"lines {ledger['lines']}, the file has {line_count(content)}")
    # Every call is one of four: those whose start is not in the log count apart.
    known = Run(run.status, [each for each in run.records if each.get("state") != "orphan"], None, "")
    mine = counts(known)
    mine = {"syscalls": len(run.calls), "complete": mine["calls"], "errors": counts(run)["errors"],
            "noreturn": mine["noreturn"], "pending": mine["pending"],
            "orphans": len(run.calls) - len(known.calls), "signals": len(run.of("signal")),
            "problems": sum(each["kind"] != "mismatch" for each in run.of("problem"))}
    for name, number in mine.items():
        if ledger[name] != number:
            problems.append(f"{name}: the ledger says {ledger[name]}, the records {number}")
    fates = ledger["complete"] + ledger["noreturn"] + ledger["pending"] + ledger["orphans"]
    if fates != ledger["syscalls"]:
        problems.append(f"{ledger['syscalls']} syscalls, but {fates} fates: {ledger}")
    return problems


def counts(run):
    """The counts of the corpus' index, from records alone.

    A call that returned counts as one, ERESTARTSYS too, as in strace's table; `= ?` alone does not
    (noreturn), nor does one whose end is not in the log (pending).
    """
    calls = run.calls
    pending = [call for call in calls if call["state"] in PENDING]
    ended = [call for call in calls if call["state"] not in PENDING]
    returned = [call for call in ended if call["result"] is not None or call["error"]
                or call["state"] == "unavailable"]
    processes = collections.Counter(each["event"] for each in run.of("process"))
    return {
        "records": len(ended),
        "calls": len(returned),
        "errors": sum(1 for call in ended if call["error"]),
        "noreturn": len(ended) - len(returned),
        "pending": len(pending),
        "orphans": sum(1 for call in calls if call["state"] == "orphan"),
        "signals": len(run.of("signal")),
        "exits": processes["exit"] + processes["killed"],
        "superseded": processes["superseded"],
        "frames": sum(record["stack"].count("\n") + 1 for record in run.records
                      if record.get("stack")),
    }


@dataclasses.dataclass
class Table:
    """One of strace's -c tables: columns by name; a row without a number in a column has None."""
    abi: str
    rows: list
    total: dict


def tables(content):
    """All tables of a log. Each cell belongs to the column under whose rule (------) it ends or
    begins: errors are blank where there are none, -U puts the columns in any order, and a long
    name or number sticks out of its own."""
    found, abi, header, rules, rows = [], "", None, None, []
    for line in content.decode("latin-1").replace("\r", "").split("\n"):
        if rules is None:
            match = re.fullmatch(r"System call usage summary for (.*) mode:", line)
            if match:
                abi = match[1]
            elif header and re.fullmatch(r"-+( -+)+", line):
                rules = [match.span() for match in re.finditer("-+", line)]
                # "% time" has a blank inside; everything else is one word.
                names = header.replace("% time", "%_time").split()
                rows = []
                if len(names) != len(rules):
                    raise ValueError(f"header {header!r} over {len(rules)} columns")
            header = line
            continue
        if re.fullmatch(r"-+( -+)+", line):
            continue
        row = dict.fromkeys(names)
        for match in re.finditer(r"\S+", line):
            ends = {end: name for (_, end), name in zip(rules, names)}
            begins = {begin: name for (begin, _), name in zip(rules, names)}
            name = ends.get(match.end())
            if name is None or name == "syscall":
                name = begins.get(match.start(), "syscall")
            row[name] = match[0]
        for name, value in row.items():
            if value is not None and name != "syscall":
                row[name] = int(value) if re.fullmatch(r"\d+", value) else Decimal(value)
        if row["syscall"] == "total":
            found.append(Table(abi, rows, row))
            abi, header, rules = "", None, None
        else:
            rows.append(row)
    return found


def table_counts(found):
    """{syscall: (calls, errors)} of all tables together."""
    sums = collections.defaultdict(lambda: [0, 0])
    for table in found:
        for row in table.rows:
            sums[row["syscall"]][0] += row["calls"]
            sums[row["syscall"]][1] += row["errors"] or 0
    return {name: tuple(values) for name, values in sums.items()}


def record_counts(calls):
    """{syscall: (calls, errors)} of records, counted as strace counts its table."""
    sums = collections.defaultdict(lambda: [0, 0])
    for call in calls:
        if call["state"] not in PENDING and (call["result"] is not None or call["error"]):
            sums[call["syscall"]][0] += 1
            sums[call["syscall"]][1] += bool(call["error"])
    return {name: tuple(values) for name, values in sums.items()}


def end_text(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def connections(run):
    """{(local, peer): (bytes in, bytes out)} of every TCP or UDP file, by the last addresses known."""
    ends, moved = {}, collections.defaultdict(lambda: [0, 0])
    for call in run.calls:
        if call["file"] is None or call["kind"] not in ("tcp", "udp"):
            continue
        known = ends.setdefault(call["file"], [None, None])
        for index, side in enumerate(("local", "peer")):
            if call[f"{side}_p"] is not None:
                known[index] = end_text(call[f"{side}_h"], call[f"{side}_p"])
        if call["bytes"]:
            moved[call["file"]][call["direction"] == "out"] += call["bytes"]
    found = {}
    for number, key in ends.items():
        key = tuple(key)
        before = found.get(key, (0, 0))
        found[key] = (before[0] + moved[number][0], before[1] + moved[number][1])
    return found


class Report:
    """Collects what is wrong, and says so at the end."""

    def __init__(self):
        self.failed, self.passed = 0, 0

    def check(self, truth, what):
        if truth:
            self.passed += 1
        else:
            self.failed += 1
            if self.failed <= 200:
                print(f"FAIL {what}", flush=True)
        return bool(truth)

    def equal(self, got, want, what):
        return self.check(got == want, f"{what}: got {got!r}, wanted {want!r}")

    def none(self, problems, what):
        for problem in problems:
            self.check(False, f"{what}: {problem}")
        self.passed += not problems

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0
