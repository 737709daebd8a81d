"""One log written otherwise gives the same records: line ends, colour, columns, without thread
numbers or times, compressed, in pieces, in two files, printed with more or less detail; and the
beginning of a log gives the beginning of its records.

usage: metamorphic_test.py [PART-OF-A-NAME]
"""
import gzip
import os
import random
import re
import shutil
import subprocess
import sys
import threading

sys.path.append(f"{sys.path[0]}/../../support")
import harness
import strace_text
import stracecalls
from harness import WHEN, check, equal

SEED = 20261123
ALL_CUTS_BELOW = 130  # lines
LINE_CUTS, BYTE_CUTS = 60, 12  # of longer logs; of every log
OPTIONS = ("-f", "jsonl", *WHEN)
IDS = ("pid", "tid")
TIMES = ("ts", "end_ts", "clock", "ts_resolution")


def output(content, *options):
    """Status, lines of JSON, errors."""
    done = stracecalls.raw(*OPTIONS, *options, "-", content=content)
    return done.status, done.out.split(b"\n")[:-1], done.errors


def parsed(lines, without=()):
    return [{field: value for field, value in record.items() if field not in without}
            for record in harness.json_lines(b"\n".join(lines))]


def same(got, want, what, without=()):
    """got, want: lines of JSON."""
    if got == want:
        return check(True, what)
    mine, theirs = parsed(got, without), parsed(want, without)
    if mine == theirs:
        return check(True, what)
    for number, (one, other) in enumerate(zip(mine, theirs)):
        if one != other:
            fields = [field for field in other if one.get(field) != other[field]]
            return check(False, f"{what}: record {number}, line {other['line']}: " + ", ".join(
                f"{field} {one.get(field)!r} not {other[field]!r}" for field in fields)[:500])
    return check(False, f"{what}: {len(mine)} records, not {len(theirs)}")


def rewritten(content, change):
    """content with change(line) for every line of strace's, tables, dumps and stacks left alone."""
    lines = content.decode("latin-1").split("\n")
    return "\n".join(change(line) if strace_text.is_strace(line) else line
                     for line in lines).encode("latin-1")


def coloured(line, rng):
    parts = []
    for kind, begin, end in strace_text.tokens(line):
        text = line[begin:end]
        if kind == "annotation":  # its own tokens are coloured, too
            text = text[0] + coloured(text[1:], rng)
        if rng.random() < 0.3:
            text = f"\33[{rng.choice(('31', '1;34', '38;5;12', '0'))}m{text}\33[{rng.choice(('', '0'))}m"
        parts.append(text)
    return "".join(parts)


def realigned(line, width):
    where = strace_text.equals_sign(line)
    return line if where is None else line[:where[0]] + " " * width + line[where[1]:]


def one_process(content):
    """Whether all of strace's lines have one and the same number."""
    ids = set()
    for line in content.decode("latin-1").split("\n"):
        if strace_text.is_strace(line):
            match = strace_text.ID.match(line)
            ids.add(match and (match[1] or match[2]))
    return len(ids) == 1 and None not in ids


def without_time(line):
    match = strace_text.ID.match(line)
    begin = match.end() if match else 0
    time = strace_text.TIME.match(line, begin)
    return line[:begin] + line[time.end():] if time else line


def through_pipe(content, rng):
    """Like output(), the log written in pieces of random sizes."""
    process = subprocess.Popen([harness.PROGRAMS / "stracecalls", *OPTIONS, "-"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=dict(os.environ, TZ="UTC"))
    largest = rng.choice((7, 100, 5000))

    def feed():
        at = 0
        while at < len(content):
            size = rng.randint(1, largest)
            os.write(process.stdin.fileno(), content[at:at + size])
            at += size
        process.stdin.close()

    feeder = threading.Thread(target=feed)
    feeder.start()
    out = process.stdout.read()
    errors = process.stderr.read()
    feeder.join()
    return process.wait(), out.split(b"\n")[:-1], errors.decode("utf-8", "replace")


def check_forms(name, content, rng):
    status, want, errors = output(content)
    equal(status, 0, f"{name}: status ({errors[-300:]})")
    if b"\r" not in content:
        same(output(content.replace(b"\n", b"\r\n"))[1], want, f"{name}: CRLF")
        same(output(rewritten(content, lambda line: coloured(line, rng)))[1], want,
             f"{name}: colour")
    for width in (1, 70):
        same(output(rewritten(content, lambda line: realigned(line, width)))[1], want,
             f"{name}: {width} blanks before =")
    same(output(content.removesuffix(b"\n"))[1], want, f"{name}: no end of the last line")
    same(output(gzip.compress(content))[1], want, f"{name}: gzip")
    if shutil.which("zstd"):
        packed = subprocess.run(["zstd", "-q", "-c"], input=content, capture_output=True, check=True)
        same(output(packed.stdout)[1], want, f"{name}: zstd")
    same(through_pipe(content, rng)[1], want, f"{name}: in pieces")
    if one_process(content):
        bare = rewritten(content, lambda line: strace_text.ID.sub("", line, count=1))
        same(output(bare)[1], want, f"{name}: without thread numbers", (*IDS, "comm"))
    timeless = rewritten(content, without_time)
    if timeless != content:
        # Of calls in two halves that have no -T, the duration is that between the halves' times.
        fields = TIMES if b" <0." in content else (*TIMES, "duration", "duration_src")
        same(output(timeless)[1], want, f"{name}: without times", (
            *fields, "duration", "duration_src") if has_stamp_durations(want) else fields)
    return want


def has_stamp_durations(lines):
    return any(b'"duration_src":"stamps"' in line for line in lines)


def pending(record):
    return record.get("state") in stracecalls.PENDING


def check_prefixes(name, content, want, rng):
    """Of records that end on whole lines, a cut log has those of the whole log, in their order."""
    ends = [at + 1 for at, byte in enumerate(content) if byte == 10]
    if len(ends) > ALL_CUTS_BELOW:
        ends = sorted(rng.sample(ends, LINE_CUTS))
    cuts = ends + [rng.randrange(len(content)) for _ in range(BYTE_CUTS)]

    def cut(at):
        return at, output(content[:at])

    for at, (status, got, errors) in harness.in_parallel(cut, cuts):
        what = f"{name}: the first {at} bytes"
        whole = at == 0 or content[at - 1] == 10
        whole_lines = content.count(b"\n", 0, at)
        if status not in ((0,) if whole else (0, 1)):
            check(False, f"{what}: status {status}: {errors.strip()[-300:]}")
        if not all(line.startswith("stracecalls: ") for line in errors.splitlines()):
            check(False, f"{what}: says {errors.strip()[-300:]!r}")
        number = 0
        while number < min(len(got), len(want)) and got[number] == want[number]:
            number += 1
        rest = parsed(got[number:])
        # What is left is not ended, on the line that is cut, or has a stack or dump that is cut:
        # only the last one can, and it is the whole log's next.
        rest = [record for record in rest if not pending(record)
                and max(record["line"], record.get("end_line") or 0) <= whole_lines]
        wanted = parsed(want[number:number + len(rest)])
        if rest and wanted and rest[0]["type"] == wanted[0]["type"]:
            for field in ("stack", "dump"):
                short, long = rest[0].pop(field, None) or "", wanted[0].pop(field, None) or ""
                check(long.startswith(short.rstrip("\n")), f"{what}: {field} {short[:200]!r}")
        if rest == wanted:
            rest = []
        check(not rest, f"{what}: more or other records: {rest[:1]}, "
                        f"wanted {want[number:number + 1]}"[:1500])


def check_two_files(logs):
    """Two logs, one after the other in one file or given as two."""
    with harness.folder() as folder:
        for pair in logs:
            paths = [folder / f"{number}.log" for number in range(2)]
            for path, log in zip(paths, pair):
                shutil.copy(log, path)
            want = output(b"".join(path.read_bytes() for path in paths))[1]
            done = stracecalls.raw(*OPTIONS, *paths)
            name = " and ".join(log.name for log in pair)
            equal(done.status, 0, f"{name}: status ({done.errors[-300:]})")
            got = done.out.split(b"\n")[:-1]
            same(got, want, f"{name}: two files, and one", ("input",))
            equal({record["input"] for record in parsed(got)}, set(map(str, paths)), f"{name}: input")


def check_detail(folder):
    """One program traced with more or less detail: the calls and what they were about.

    Where the detail is not printed, what follows from it is unknown, which is not wrong; where -y
    prints more, more is known.
    """
    fields = ("syscall", "state", "error", "fd", "fd2", "kind", "proto", "bytes", "direction", "wait",
              "path")
    less = re.compile("raw|verbose_none")
    base_name, runs = "b_weird_v.log", {}
    for path in sorted(folder.glob("b_weird_*.log")):
        if "inject" not in path.name:
            runs[path.name] = stracecalls.run(path).calls
    base = runs.pop(base_name)
    for name, calls in runs.items():
        equal(len(calls), len(base), f"{name}: calls, against {base_name}")
        for one, other in zip(calls, base):
            got = {field: one[field] for field in fields}
            want = {field: other[field] for field in fields}
            if less.search(name):
                got = {field: value for field, value in got.items() if value is not None}
            if "_y" in name:
                # The real path, also of what was opened by way of a symbolic link.
                want = {field: value for field, value in want.items() if value is not None}
                for paths in (got, want):
                    paths["path"] = os.path.basename(paths.get("path") or "")
                if not want["path"]:
                    del want["path"]
            if one["syscall"] == "unlink":
                want.pop("error", None)  # in one of the runs nothing had been left over
            common = set(got) & set(want)
            equal({field: got[field] for field in sorted(common)},
                  {field: want[field] for field in sorted(common)},
                  f"{name}:{one['line']}: {one['syscall']}, against "
                  f"{base_name}:{other['line']}")


logs = [path for path in stracecalls.logs() if harness.part() in str(path)]
for path in logs:
    rng = random.Random(f"{SEED} {path.name}")
    content = path.read_bytes()
    want = check_forms(path.name, content, rng)
    check_prefixes(path.name, content, want, rng)
# Some pairs of every kind; a log that is only a table has no records to compare.
small = [path for path in logs if path.stat().st_size < 200_000 and "_c_" not in path.name]
rng = random.Random(SEED)
if len(small) > 1:
    pairs = [rng.sample(small, 2) for _ in range(100)]
    # What has no end of its last line would be glued to the next.
    check_two_files([pair for pair in pairs if "truncated" not in pair[0].name])
if harness.CORPUS and not harness.part():
    check_detail(harness.CORPUS / "strace/logs")
harness.finish()
