"""tracebraid diff as users run it: several runs a side against medians and ranks counted in Python,
how inputs become runs, gates and exit statuses, what is refused.
"""
import itertools
import json
import marshal
import random
import re
import shutil
import sys
from fractions import Fraction

sys.path.append(f"{sys.path[0]}/../../support")
import capture_file
import diff_runs
import harness
from harness import check, equal


def function(name, calls, tottime_ns=0, file="/srv/shop/app.py", line=1):
    return json.dumps({"type": "function", "file": file, "line": line, "name": name,
                       "calls": calls, "primitive_calls": calls,
                       "tottime": f"{tottime_ns // 10**9}.{tottime_ns % 10**9:09d}",
                       "cumtime": f"{tottime_ns // 10**9}.{tottime_ns % 10**9:09d}",
                       "callers": 0, "sampled": False, "input": None}).replace(
                           '"tottime": "', '"tottime": ').replace(
                           '", "cumtime": "', ', "cumtime": ').replace('", "callers"',
                                                                       ', "callers"')


def p_value(a, b):
    """By going through all ways to deal the values out."""
    values = sorted(a + b)
    ranks = [Fraction(2 * values.index(x) + values.count(x) + 1, 2) for x in a + b]
    mean = Fraction(len(a) * (len(values) + 1), 2)
    far = abs(sum(ranks[:len(a)]) - mean)
    ways = [sum(chosen) for chosen in itertools.combinations(ranks, len(a))]
    return Fraction(sum(abs(each - mean) >= far for each in ways), len(ways))


def median(values):
    """Of an even number, the middle of the two in the middle, rounded down."""
    values = sorted(values)
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) // 2


def compare_runs(place, seed):
    rng = random.Random(seed)
    sizes = rng.choice([(3, 3), (4, 4), (5, 3), (2, 6), (1, 4), (6, 5)])
    alpha = Fraction(rng.choice(["0.05", "0.1", "0.4"]))
    names = [f"f{at}" for at in range(12)]
    spread = {name: rng.choice([1, 3, 1000]) for name in names}
    values = {}
    sides = []
    for side, size in zip("ab", sizes):
        paths = []
        for run in range(size):
            lines = []
            for name in names:
                if rng.random() < 0.1:
                    continue  # not called in this run
                calls = 1 + rng.randrange(spread[name]) + (2 if side == "b" else 0)
                values.setdefault((name, "calls"), {}).setdefault(side, [0] * size)[run] = calls
                time = rng.randrange(10**9) * calls
                values.setdefault((name, "tottime"), {}).setdefault(side, [0] * size)[run] = time
                lines.append(function(name, calls, time))
            path = place / f"{side}{run}.jsonl"
            path.write_text("\n".join(lines) + "\n")
            paths.append(path)
        sides.append(paths)
    found = {(each["name"], each["measure"]): each for each in
             diff_runs.changes("--alpha", str(float(alpha)), *sides[0], "--", *sides[1])
             if each["name"]}
    ways = len(list(itertools.combinations(range(sum(sizes)), sizes[0])))
    for key, by_side in values.items():
        a, b = (by_side.get(side, [0] * size) for side, size in zip("ab", sizes))
        p = p_value(a, b)
        if Fraction(2, ways) > alpha:
            evidence = "apart" if max(a) < min(b) or max(b) < min(a) else "overlap"
        else:
            evidence = "significant" if p <= alpha else "noise"
        change = median(b) - median(a)
        want = {"a": median(a), "b": median(b), "a_min": min(a), "a_max": max(a), "b_min": min(b),
                "b_max": max(b), "a_runs": sizes[0], "b_runs": sizes[1], "change": change,
                "p": round(p * 10**6), "evidence": evidence}
        if median(a):
            ppm = Fraction(change * 10**6, median(a))
            want["relative"] = int(ppm)  # cut
        equal({name: found[key][name] for name in want}, want, f"seed {seed}: {key}")


def status_of(*arguments, **options):
    done = diff_runs.run(*arguments, **options)
    return done.status, done.errors, done.text


def check_gates(place):
    (place / "a.jsonl").write_text("\n".join([
        function("steady", 100, 10**6), function("slower", 10, 10**6), function("gone", 5),
        function("<lambda>", 8, file="/x/other.py")]) + "\n")
    (place / "b.jsonl").write_text("\n".join([
        function("steady", 100, 10**6), function("slower", 12, 5 * 10**6), function("new", 7),
        function("<lambda>", 4, file="/x/other.py")]) + "\n")
    both = (place / "a.jsonl", place / "b.jsonl")
    # Ends of paths, from a folder on, whichever slash parts them.
    for side, path in (("c", "/home/me/srv/shop/pricing.py"), ("d", r"C:\srv\shop\pricing.py")):
        (place / f"{side}.jsonl").write_text(function("price", 7, file=path) + "\n")
    for pattern, fits in [("shop/*", True), ("shop/pricing.py", True), ("shop/pricing.py:price", True),
                          ("srv/shop/pri*", True), ("*/shop/*", True), (r"shop\*", True),
                          (r"shop\pricing.py:price", True), ("hop/*", False), ("shop/price", False),
                          ("shop/pricing.py:pri", False), ("pricing.py", False), ("*/shop", False)]:
        for side in "cd":
            one = place / f"{side}.jsonl"
            status, errors, _ = status_of("--fail-if", f"function.calls[{pattern}] == 7", one, "--", one)
            equal(status, 1 if fits else 2, f"{pattern}, {side}: {errors}")
    # All together 123 calls in both.
    for gate, holds in [
            ("function.calls > +0", False), ("function.calls == 123", True),
            ("function.calls >= +0%", True), ("function.calls != 123", False),
            ("function.calls[slower] > +19%", True), ("function.calls[slower] > +20%", False),
            ("function.calls[slower] >= 20%", True), ("function.calls[slow*] > 11", True),
            ("function.calls[s*] > +1", True), ("function.calls[s*] > +2", False),
            ("function.calls[s*] > +1.5%", True), ("function.calls[<lambda>] < -3", True),
            ("function.calls[*/other.py] < 5", True),
            ("function.calls[*/app.py:steady] == 100", True),
            ("function.calls[new] > +1000000%", True), ("function.calls[gone] <= -100%", True),
            ("any function.calls > +6", True), ("any function.calls > +7", False),
            ("any function.calls[s*] > +1", True), ("any function.calls[st*] > +0", False),
            ("function.tottime > +3.9ms", True), ("function.tottime > +4ms", False),
            ("function.tottime>+199.9%", True), ("function.tottime > +200%", False),
            ("function.cumtime[*] >= 5ms", True), ("function.cumtime > 5ms", False),
            ("function.cumtime[*] > 5ms", False), ("function.tottime[*] > 5ms", True),
            ("any function.tottime > +399%", True)]:
        status, errors, _ = status_of("--fail-if", gate, *both)
        equal((status, f"--fail-if {gate} holds" in errors), (int(holds), holds), gate)
        check(holds or not errors, f"{gate}: {errors}")
    # Several: all that hold are named, and those alone.
    status, errors, _ = status_of("--fail-if", "function.calls[new] > 0", *both, "--fail-if",
                                  "function.calls > +1", "--fail-if", "function.calls > 1")
    equal((status, len(errors.splitlines())), (1, 2), f"several gates: {errors}")
    # What fits nothing is said, what a side does not tell is an error; a reader that leaves early
    # loses no gate.
    for pattern in ("typo", "*other.py", "stead"):
        for allowed, want in (((), 2), (("--allow-missing",), 0)):
            status, errors, _ = status_of("--fail-if", f"function.calls[{pattern}] > 0", *allowed, *both)
            equal((status, "does not hold: nothing has such a name" in errors), (want, True),
                  f"{pattern}: {errors}")
    status, errors, _ = status_of("--fail-if", "syscall.calls > +0", *both)
    equal((status, "no input of A tells of syscall.calls" in errors), (1, True), errors)
    # Of B alone is asked where no change is.
    log = harness.SAMPLES / "accept-storm" / "strace.log"
    for gate, told in (("syscall.calls > 0", "holds"), ("syscall.calls > +0", "no input of A")):
        status, errors, _ = status_of("--fail-if", gate, both[0], log)
        equal((status, told in errors, len(errors.splitlines())), (1, True, 1), f"{gate}: {errors}")
    for gate, want in (("function.calls > 0", 1), ("function.calls > +0", 0)):
        harness.shell('tracebraid diff --all -f jsonl --fail-if "$@" | true; exit ${PIPESTATUS[0]}',
                      gate, *both, status=want)
    # Several runs: what may be noise makes no gate hold, what is apart does.
    runs = {"a": [100, 110, 120], "b": [115, 125, 130], "c": [125, 126, 127]}
    for side, values in runs.items():
        for at, calls in enumerate(values):
            (place / f"{side}{at}.jsonl").write_text(function("work", calls) + "\n")
    sides = {side: [place / f"{side}{at}.jsonl" for at in range(3)] for side in runs}
    for b, gate, want in [("b", "function.calls > +1%", 0), ("c", "function.calls > +1%", 1),
                          ("b", "function.calls > 120", 1), ("c", "any function.calls > +15", 1),
                          ("c", "any function.calls > +16", 0)]:
        status, errors, _ = status_of("--fail-if", gate, *sides["a"], "--", *sides[b])
        equal(status, want, f"{gate} of runs a against {b}: {errors}")


def check_runs(place):
    """How inputs become runs: by the number of runs that each measure has."""
    samples = harness.SAMPLES
    profile, log = samples / "pure-cpu" / "profile.cprof", samples / "accept-storm" / "strace.log"
    folders = []
    for name in ("one", "two", "three"):
        folder = place / name
        folder.mkdir()
        shutil.copy(profile, folder / "profile.cprof")
        shutil.copy(log, folder / "strace.log")
        (folder / "notes.txt").write_text("not a trace\n")
        (folder / ".hidden").write_text("not a trace either\n")
        folders.append(folder)

    def runs(*arguments):
        done = diff_runs.run("--all", "-f", "jsonl", *arguments)
        equal(done.status, 0, f"{arguments}: {done.errors}")
        return {each["kind"]: (each["a_runs"], each["b_runs"]) for each in done.records()
                if each["name"] is None and each["measure"] == "calls"}, done.errors
    one, two, three = folders
    got, errors = runs(one, two, "--", three)
    equal(got, {"function": (2, 1), "syscall": (2, 1), "socket": (2, 1)}, "folders")
    check("left out, for they are no traces: notes.txt\n" in errors, errors)
    files = [one / "profile.cprof", two / "profile.cprof", one / "strace.log"]
    got, _ = runs(*files, "--", three)
    equal(got["function"] + got["syscall"], (2, 1, 1, 1), "files by kind")
    got, _ = runs("--runs", "one", *files, "--", three)
    equal(got["function"] + got["syscall"], (1, 1, 1, 1), "--runs one")
    got, _ = runs(one / "profile.cprof", ",", two / "profile.cprof", three / "profile.cprof", "--",
                  three)
    equal(got["function"], (2, 1), "commas")
    (place / "both").mkdir()
    for folder in (one, two):
        shutil.move(folder, place / "both" / folder.name)
    got, _ = runs(place / "both", "--", three)
    equal(got["function"] + got["syscall"], (2, 1, 2, 1), "folders in a folder")
    shutil.move(place / "both" / "one", one)
    shutil.move(place / "both" / "two", two)
    # One run of two profiles has the sum of both.
    found = diff_runs.changes("--runs", "one", profile, "--", files[0], files[1])
    totals = {each["measure"]: (each["a"], each["b"]) for each in found if each["name"] is None}
    equal([2 * a for a, _ in (totals["calls"], totals["tottime"])],
          [b for _, b in (totals["calls"], totals["tottime"])], "profiles added up")
    # strace -ff: one log for each thread, without its number in the lines.
    threads = {}
    for line in log.read_text().splitlines():
        thread, rest = line.split(" ", 1)
        threads.setdefault(thread, []).append(rest)
    threads["9999"] = ['1795493881.000000 getpid() = 9999 <0.000003>']
    parts = []
    for thread, lines in threads.items():
        parts.append(place / f"trace.{thread}")
        parts[-1].write_text("\n".join(lines) + "\n")
    got, _ = runs(*parts, "--", log)
    equal(got["syscall"], (1, 1), "strace -ff")
    others = [shutil.copy(part, part.with_name(part.name.replace("trace.", "other."))) for part in parts]
    text = diff_runs.run(*parts, *others, "--", log, log).text
    check(text.startswith(f"A: 2 runs"), f"strace -ff twice: {text[:200]}")
    # Standard input is one of them.
    found = harness.run("tracebraid", "diff", "-f", "jsonl", "--all", "-", profile,
                        content=profile.read_bytes()).records()
    check(found and all(each["status"] == "same" for each in found), f"standard input: {found}")
    # What cannot be read does not stop the others, but the status tells.
    status, errors, out = status_of(profile, place / "missing", "--", profile)
    equal((status, "missing: cannot open" in errors, "Functions" in out), (1, True, True),
          f"a missing input: {errors}")
    (place / "cut.cprof").write_bytes(profile.read_bytes()[:2000])
    status, errors, out = status_of(place / "cut.cprof", profile)
    equal((status, "cut.cprof" in errors, "Functions" in out), (1, True, True),
          f"a cut input: {errors}")
    # A capture's clock is shifted, that of an input that is none refused.
    capture = samples / "accept-storm" / "tcpdump.pcap"
    equal(status_of("--shift", f"{capture}=0.5", log, capture, "--", profile)[0], 0, "shift")
    equal(status_of("--shift", "other=0.5", log, capture, "--", profile)[0], 2, "shift")


def check_sample(place):
    """What Python finds in the sample's eight runs."""
    sample = harness.SAMPLES / "release-candidate"
    sides = [sorted(sample.glob(name)) for name in ("stable-*", "candidate-*")]
    found = {(each["kind"], each["name"], each["target"], each["measure"]): each
             for each in diff_runs.changes(*sides[0], "--", *sides[1])}
    sends, sendall, packets = [], [], []
    for side in sides:
        sends.append([(run / "strace.log").read_text().count(" sendto(") for run in side])
        profiles = [marshal.loads((run / "profiling.cprof").read_bytes()) for run in side]
        sendall.append([next(value[1] for key, value in stats.items() if "'sendall'" in key[2])
                        for stats in profiles])
        packets.append([len(capture_file.read(run / "tcpdump.pcap").packets) for run in side])
    for key, values in {("syscall", "sendto", "tcp", "calls"): sends,
                        ("function", "<method 'sendall' of '_socket.socket' objects>", None,
                         "calls"): sendall}.items():
        a, b = values
        each = found[key]
        equal((each["a"], each["b"], each["p"], each["evidence"]),
              (median(a), median(b), round(p_value(a, b) * 10**6),
               "significant" if p_value(a, b) <= 0.05 else "noise"), key)
    both = [found["flow", None, None, f"{end}_pkts"] for end in ("orig", "resp")]
    equal([sum(each[f"{side}_{end}"] for each in both) for side in "ab"
           for end in ("max",)], [max(each) for each in packets], "packets")
    check(min(sends[1]) > max(sends[0]) > 0, f"the sample: {sends}")


def check_untold(place):
    """Times that one side alone has are not compared, and that is said."""
    log = harness.SAMPLES / "accept-storm" / "strace.log"
    (place / "untimed.log").write_text(re.sub(r" <\d+\.\d+>$", "", log.read_text(), flags=re.M))
    done = diff_runs.run(log, place / "untimed.log")
    check("not compared, for only inputs of A tell: time, wait\n" in done.text and
          "not compared, for only inputs of A tell: blocked\n" in done.text, done.text)
    found = diff_runs.changes(log, place / "untimed.log")
    check({each["measure"] for each in found if each["kind"] == "syscall"} ==
          {"calls", "errors", "bytes_in", "bytes_out"}, "measures of a log without times")
    equal([each for each in found if each["status"] != "same"], [], "but for times alike")
    done = diff_runs.run(log, harness.SAMPLES / "pure-cpu" / "profile.cprof")
    check("System calls: only inputs of A tell of them" in done.text and
          "Functions: only inputs of B tell of them" in done.text, done.text)


def check_refusals(place):
    (place / "a.jsonl").write_text(function("f", 1) + "\n")
    (place / "empty").mkdir()
    a = place / "a.jsonl"
    for arguments, told in [
            ((), "no -- between A and B"), ((a,), "no -- between A and B"),
            ((a, a, a), "no -- between A and B"), ((a, "--"), "nothing stands behind --"),
            (("--", a), "nothing stands in front of --"), ((a, "--", a, "--", a), "twice"),
            (("-", "-"), "standard input is named twice"), ((place / "empty", a), "no inputs in"),
            (("--runs", "one", a, ",", a, "--", a), "--runs one contradicts"),
            ((a, ",", "--", a), "a , without inputs"), (("--runs", "two", a, a), "--runs takes"),
            (("--alpha", "0", a, a), "not between 0 and 1"),
            (("--alpha", "1", a, a), "not between 0 and 1"),
            (("--alpha", "x", a, a), "not between 0 and 1"), (("-n", "x", a, a), "not a number"),
            (("--fields", "nix", "-f", "csv", a, a), "no field nix"),
            (("-f", "zeek", a, a), "--format takes one of"),
            (("--fail-if", "function.nix > 1", a, a), "there is calls, tottime, cumtime"),
            (("--fail-if", "x", a, a), "there is function, syscall, flow, socket")]:
        status, errors, out = status_of(*arguments)
        equal((status, told in errors, out), (2, True, ""), f"{arguments}: {errors}")


def check_forms(place):
    """Every form tells the same, and an ending chooses it."""
    a, b = place / "a.jsonl", place / "b.jsonl"
    for ending in ("csv", "tsv", "jsonl", "msgpack", "callgrind", "txt"):
        out = place / f"out.{ending}"
        status, errors, _ = status_of(a, b, "-o", out)
        equal((status, errors), (0, ""), ending)
        start = out.read_bytes()[:20]
        check({"csv": b"kind,name", "tsv": b"kind\tname", "jsonl": b'{"type":"change"',
               "msgpack": b"\x85\xaatracebraid", "callgrind": b"# callgrind format",
               "txt": b"A: "}[ending] in start, f"{ending}: {start}")
    texts = [harness.run("tracebraid", "merge", "-f", "jsonl", place / f"out.{ending}").text
             for ending in ("jsonl", "msgpack")]
    check(texts[0] == texts[1] and "change" in texts[0], "the two forms of records")


with harness.folder() as folder:
    for seed in range(25):
        compare_runs(folder, seed)
    for test in (check_gates, check_runs, check_sample, check_untold, check_refusals):
        (folder / test.__name__).mkdir()
        test(folder / test.__name__)
    check_forms(folder / "check_gates")
harness.finish()
