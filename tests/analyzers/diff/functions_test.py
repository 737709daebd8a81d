"""tracebraid diff of profiles against what marshal says of them in Python, and against programs whose
lines were moved on purpose; its callgrind profile against both dumps and by callgrind_annotate.
"""
import ast
import collections
import itertools
import marshal
import os
import re
import shutil
import subprocess
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import diff_runs
import harness
import pythons
from callgrind_file import CallgrindFile, annotated
from harness import check, equal

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def ns(seconds):
    return max(pythons.ns(seconds), 0)


def load(path):
    """{(file, line, name without addresses): [calls, ns of its own, cumulative ns]} and
    {(caller, callee): [calls, ns]} of a dump."""
    with open(path, "rb") as file:
        stats = marshal.load(file)

    def known(function):
        return (function[0] or "~", function[1], ADDRESS.sub("", function[2]))
    functions, calls = {}, {}
    for function, (_, count, own, cumulative, callers) in stats.items():
        total = functions.setdefault(known(function), [0, 0, 0])
        for at, value in enumerate((count, ns(own), ns(cumulative))):
            total[at] += value
        for caller, times in callers.items():
            ends = (known(caller), known(function))
            edge = calls.setdefault(ends, [0, 0])
            edge[0] += times[0]
            edge[1] += ns(times[3]) if ends[0] != ends[1] else 0
    return functions, calls


def tail(path):
    """As people know a file: behind where libraries are, else its last three parts."""
    library = re.match(r".*/(?:site-packages|dist-packages|lib/python3\.\d+t?)/(.+)", path)
    if library:
        return library.group(1)
    return "/".join(path.split("/")[-3:])


def compare_same_code(a_path, b_path):
    """Both dumps are of the same code: functions are the same when file, line and name are."""
    (a, _), (b, _) = load(a_path), load(b_path)
    want = collections.Counter()
    for key in a.keys() | b.keys():
        numbers = [side.get(key, [0, 0, 0]) for side in (a, b)]
        status = "gone" if key not in b else "appeared" if key not in a else None
        for at, measure in enumerate(("calls", "tottime", "cumtime")):
            x, y = numbers[0][at], numbers[1][at]
            want[tail(key[0]), key[1], key[2], measure, x, y, y - x,
                 status or ("same" if x == y else "changed")] += 1
    found = diff_runs.changes(a_path, b_path)
    got = collections.Counter()
    for each in found:
        if each["name"] is None:
            continue
        lines = {each["line_a"], each["line_b"]} - {None}
        assert len(lines) == 1, each
        got[each["file"], lines.pop(), each["name"], each["measure"], each["a"], each["b"],
            each["change"], each["status"]] += 1
    equal(dict(got), dict(want), f"{a_path} against {b_path}")
    totals = {each["measure"]: (each["a"], each["b"]) for each in found if each["name"] is None}
    equal(totals, {"calls": (sum(f[0] for f in a.values()), sum(f[0] for f in b.values())),
                   "tottime": (sum(f[1] for f in a.values()), sum(f[1] for f in b.values())),
                   "cumtime": (max(f[2] for f in a.values()), max(f[2] for f in b.values()))},
          f"totals of {a_path} against {b_path}")


# The same program in another folder, with lines put in: where every line went is known.
PROGRAM = '''
import functools


def wrap(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return function(*arguments)
    return wrapper


class Basket:
    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    @property
    def half(self):
        return self.size // 2


class Shelf:
    def __init__(self, baskets):
        self.baskets = baskets

    def __len__(self):
        return sum(len(each) for each in self.baskets)

    def sorted(self):
        return sorted(self.baskets, key=lambda each: -each.size)


@wrap
def count(shelf):
    return len(shelf)


@wrap
def weigh(shelf):
    return sum(map(lambda each: each.size * 3, shelf.baskets))


def halves(shelf):
    return [each.half for each in shelf.baskets]


def main():
    shelf = Shelf([Basket(size) for size in range(30)])
    count(shelf), weigh(shelf), halves(shelf), shelf.sorted()
    pair = (lambda: 1), (lambda: 2)
    for each in pair:
        each()
    return set(map(object.__new__, [object] * 3))


main()
'''
ADDED = '''class Crate:
    def __init__(self):
        self.items = list(map(lambda each: each + 1, range(3)))


Crate()
'''


def moved(program, places):
    """The program with lines put in front of the lines at `places`, and where each line went."""
    lines, went = [], {}
    for number, line in enumerate(program.splitlines(), 1):
        if number in places:
            lines += places[number].splitlines()
        lines.append(line)
        went[number] = len(lines)
    return "\n".join(lines) + "\n", went


def record(python, folder, program):
    folder.mkdir(parents=True)
    (folder / "prog.py").write_text(program)
    dump = folder / "dump.cprof"
    subprocess.run([python, "-m", "cProfile", "-o", dump, folder / "prog.py"], check=True,
                   capture_output=True)
    return dump


def compare_moved_lines(python, version, place):
    definitions = [node.lineno for node in ast.parse(PROGRAM).body
                   if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    variants = {
        "at the top": {1: "# one\n# two\n# three\n"},
        "everywhere": {line: "#\n" * (1 + at % 3) for at, line in enumerate(definitions, 1)},
        "in the middle": {definitions[2]: "#\n" * 60},
        "with more in it": {definitions[1]: ADDED, definitions[3]: "#\n" * 2},
    }
    a_path = record(python, place / "first" / "shop", PROGRAM)
    for name, places in variants.items():
        program, went = moved(PROGRAM, places)
        b_path = record(python, place / name.replace(" ", "-") / "deeper" / "shop", program)
        (a, _), (b, _) = load(a_path), load(b_path)
        of_file = [{(line, each): numbers[0] for (file, line, each), numbers in side.items()
                    if file.endswith("prog.py")} for side in (a, b)]
        want = {(each, line, went[line]): (calls, of_file[1][went[line], each])
                for (line, each), calls in of_file[0].items() if each != "<module>"}
        new = {(each, line): calls for (line, each), calls in of_file[1].items()
               if line not in {went[line] for line, _ in of_file[0]} and each != "<module>"}
        found = [each for each in diff_runs.changes(a_path, b_path)
                 if each["kind"] == "function" and each["measure"] == "calls" and each["file"] and
                 each["file"].endswith("prog.py") and each["name"] != "<module>"]
        what = f"{version}: lines moved {name}"
        equal({(each["name"], each["line_a"], each["line_b"]): (each["a"], each["b"])
               for each in found if each["status"] in ("same", "changed")}, want, what)
        equal({(each["name"], each["line_b"]): each["b"] for each in found
               if each["status"] == "appeared"}, new, what + ": what appeared")
        equal([each for each in found if each["status"] == "gone"], [], what + ": gone")
        check(len(want) >= 12 and (name != "with more in it" or len(new) == 3),
              f"{what}: {len(want)} functions, {new}")


def compare_callgrind(a_path, b_path, place):
    """Of the same code."""
    out = place / "both.callgrind"
    harness.run("tracebraid", "diff", "-f", "callgrind", "-o", out, a_path, b_path)
    both = CallgrindFile(out.read_bytes())
    place_of = both.keys()
    sides = [load(path) for path in (a_path, b_path)]
    what = f"callgrind of {a_path} and {b_path}"
    equal(both.events, ["A", "B", "CallsA", "CallsB"], what)
    totals = [sum(numbers[at] for numbers in functions.values())
              for at in (1, 0) for functions, _ in sides]
    equal(both.totals, totals, what + ": totals")
    if shutil.which("callgrind_annotate"):
        equal(annotated(out)[1], totals, what + ": callgrind_annotate's totals")
    else:
        print("skipped: callgrind_annotate is not installed (Debian: valgrind)")
    own = {place_of[text]: tuple(costs) for text, costs in both.costs.items() if text != "(root)"}
    equal(len(own), len(both.costs) - ("(root)" in both.costs), what + ": one node a function")
    keys = set().union(*(functions for functions, _ in sides),
                       *({caller for caller, _ in calls} for _, calls in sides))
    equal(own, {key: tuple(sides[side][0].get(key, (0, 0))[at] for at in (1, 0)
                           for side in (0, 1)) for key in keys}, what + ": own costs")
    got = {(place_of[caller], place_of[callee]): (both.calls[caller, callee][0], *costs)
           for (caller, callee), costs in both.call_costs.items() if caller != "(root)"}
    want = {}
    for ends in set().union(*(calls for _, calls in sides)):
        edges = [calls.get(ends, (0, 0)) for _, calls in sides]
        if any(edge != [0, 0] and edge != (0, 0) for edge in edges):
            want[ends] = (max(edges[0][0] + edges[1][0], 1), edges[0][1], edges[1][1], edges[0][0],
                          edges[1][0])
    equal(got, want, what + ": calls")
    # Calls from outside: those of cprof2callgrind's file of each dump.
    for side, path in enumerate((a_path, b_path)):
        single = CallgrindFile(harness.run("cprof2callgrind", path, "-").out)
        places, want = single.keys(), {}
        for (caller, callee), (count, ns) in single.calls.items():
            if caller == "(root)":
                file, line, name = places[callee]
                sums = want.setdefault((file, line, ADDRESS.sub("", name)), [0, 0])
                sums[0] += count
                sums[1] += ns
        got = {place_of[callee]: [costs[2 + side], costs[side]]
               for (caller, callee), costs in both.call_costs.items()
               if caller == "(root)" and costs[2 + side]}
        equal({key: tuple(each) for key, each in got.items()},
              {key: tuple(each) for key, each in want.items()},
              f"{what}: calls from outside in {path}")


pairs = []
if harness.CORPUS:
    hubs = [harness.CORPUS / f"scenarios/hub-{hub}/profiling.cprof"
            for hub in ("epolls", "asyncio", "selects")]
    pairs += itertools.permutations(hubs, 2)
with harness.folder() as place:
    for version, python in sorted(pythons.find().items()):
        if version.startswith("3") and int(version[2:]) >= 8:
            compare_moved_lines(python, version, place / version)
    for at, argument in enumerate(("3", "9")):
        # The same code, called otherwise.
        (place / "same.py").write_text(PROGRAM.replace("range(30)", "range(int(N))").replace(
            "import functools", "import functools, os\nN = os.environ['N']"))
        subprocess.run([sys.executable, "-m", "cProfile", "-o", place / f"same{at}.cprof",
                        place / "same.py"], check=True, env={**os.environ, "N": argument},
                       capture_output=True)
    pairs.append((place / "same0.cprof", place / "same1.cprof"))
    dump = harness.SAMPLES / "pure-cpu/profile.cprof"
    pairs.append((dump, dump))
    for a, b in pairs:
        compare_same_code(a, b)
    for a, b in pairs[:2] + pairs[-2:]:
        compare_callgrind(a, b, place)
harness.finish()
