"""Runs stracecalls and reads what it writes; reads strace's own tables and log lines, without it."""
import collections
import csv
import dataclasses
import io
import re
from decimal import Decimal

import harness

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


def corpus():
    """The folder of the logs, and index.tsv as a list of dicts."""
    folder = harness.corpus("strace/index.tsv") / "strace"
    with open(folder / "index.tsv", encoding="utf-8", newline="") as file:
        return folder / "logs", list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def logs():
    """Logs to try variants on: the corpus' where it is, and the samples'."""
    found = sorted(harness.CORPUS.glob("strace/logs/*.log")) if harness.CORPUS else []
    return found + sorted(harness.SAMPLES.glob("eventlet-strace/*.strace"))


def raw(*options, **limits):
    """The finished process, of any status. Raises subprocess.TimeoutExpired."""
    return harness.run("stracecalls", *options, environment={"TZ": "UTC"}, status=None, **limits)


def run(*arguments, **limits):
    """Options and logs; content is standard input. ValueError when the output is not JSON Lines."""
    done = raw("-f", "jsonl", "--ledger", *arguments, **limits)
    records = done.records()
    ledgers = [record for record in records if record["type"] == "line_ledger"]
    if len(ledgers) > 1:
        raise ValueError("two ledgers")
    return Run(done.status, [record for record in records if record["type"] != "line_ledger"],
               ledgers[0] if ledgers else None, done.errors)


def columns(log, fields, *options):
    """Texts of some fields of all syscall records, every byte as the character of its number."""
    done = raw("-f", "csv", "--fields", ",".join(fields), "-q", *options, log)
    if done.status:
        raise ValueError(f"{log}: status {done.status}: {done.errors}")
    rows = csv.reader(io.StringIO(done.out.decode("latin-1"), newline=""))
    if next(rows) != list(fields):
        raise ValueError(f"{log}: another header")
    return list(rows)


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
