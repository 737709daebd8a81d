"""tracebraid top on profiles against pstats, in the Python that wrote them: which functions, callers
and callees print_stats, print_callers and print_callees show, in which order, with which numbers; for
every sort key and its beginnings, restrictions, strip_dirs, reverse_order, and profiles added up.

Functions that a sort leaves equal are in the order of pstats' dictionary, which is the dump's from
Python 3.6 on. Where the order of equal ones is open, because the dictionary has none or because times
differ by less than a nanosecond, what is compared is what they are equal to.

usage: profiles.py samples|pythons|corpus
"""
import collections
import fractions
import json
import os
import re
import subprocess
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
import packed
import pythons
from pythons import ns

# Places in (cc, nc, tt, ct, file, line, name, stdname), as in pstats.
SORT_KEYS = {"calls": [1], "ncalls": [1], "cumtime": [3], "cumulative": [3], "filename": [4],
             "line": [5], "module": [4], "name": [6], "nfl": [6, 4, 5], "pcalls": [0],
             "stdname": [7], "time": [2], "tottime": [2]}
# Every beginning that get_sort_arg_defs() of Python 2.7 and 3.13 knows.
BEGINNINGS = """ca cal call cu cumt cumti cumtim cumu cumul cumula cumulat cumulati cumulativ f fi fil
    file filen filena filenam l li lin m mo mod modu modul na nam nc nca ncal ncall nf p pc pca pcal
    pcall s st std stdn stdna stdnam ti tim to tot tott totti tottim""".split()
SEVERAL = [["cumulative", "name"], ["calls", "cumulative", "stdname"], ["time", "nfl"],
           ["filename", "line"], ["module", "pcalls", "cumtime"], ["line", "line", "name"]]
RESTRICTIONS = [["main"], [0.1], [5], [r"\(\w+\)$", 0.5, 3], [8, "e"], ["(?i)MAIN|SEND"], ["^[~{]"],
                ["^(?!.*python)"], [r"(\w)\1"], ["(?P<x>a)(?<=a)"], [r"\d\(", 0.25, "a", 2], [0], [0.0],
                [1000000], [1.0], [0.99], ["no such function"], [""], [r"\bf|\Ap"], [0.5, 0.5]]
# For Python 3, where texts are characters.
UNICODE = [["é|ß|名"], [r"^\w+\.py:\d+\([^\x00-\x7f]"], ["(?i)É"], [r"\W\w{3,}é"]]
OF = [[""], ["main|fib|even"], ["", 3], ["e", 0.5, 4], ["^{"], ["no such function"]]


def is_asked_less(files):
    """Large dumps, and those that say the same in another form."""
    return sum(map(os.path.getsize, files)) > 300_000 or (
        len(files) == 1 and "marshal" in os.path.basename(files[0]))


def requests_of(files, python, with_beginnings):
    """What is asked of one dump, or of several together."""
    def request(show="stats", sort=("tottime",), only=(), reverse=False, strip=False):
        return {"files": files, "show": show, "sort": list(sort), "only": list(only),
                "reverse": reverse, "strip": strip}
    yield from (request(sort=[key]) for key in [*SORT_KEYS, *(BEGINNINGS if with_beginnings else [])])
    if is_asked_less(files):
        yield request(sort=["name"], only=[r"\(\w+\)$", 0.5, 30])
        yield request("callers", ["cumulative"], ["", 0.1])
        yield request("callees", ["cumulative"], ["e", 50])
        return
    yield from (request(sort=keys) for keys in SEVERAL)
    yield from (request(sort=[key], only=only) for key in ("cumulative", "name")
                for only in RESTRICTIONS)
    if "2.7" not in python:
        yield from (request(sort=["nfl"], only=only) for only in UNICODE)
    for show in ("callers", "callees"):
        yield from (request(show, ["cumulative"], only) for only in OF)
        yield request(show, ["stdname"], ["e", 7], strip=True)
    yield from (request(sort=[key], reverse=True, only=[6]) for key in ("calls", "cumtime", "stdname"))
    yield from (request(sort=[key], strip=True) for key in ("cumtime", "nfl", "stdname"))


def options(request):
    words = ["--sort", ",".join(request["sort"]), "-n", "0"]
    words += ["--reverse"] * request["reverse"] + ["--strip-dirs"] * request["strip"]
    only = list(map(str, request["only"]))
    if request["show"] != "stats":
        words += ["--" + request["show"], only.pop(0)]
    return words + [word for each in only for word in ("--only", each)]


def top(words, stdin=None):
    run = harness.run("tracebraid", "top", *words, content=stdin)
    return run.out, run.errors


def key(function):
    return bytes.fromhex(function[0]), function[1], bytes.fromhex(function[2])


def place(record, of=""):
    file, name = ((record[of + each] or "").encode("utf-8", "surrogateescape")
                  for each in ("file", "name"))
    return file, record[of + "line"], name


def standard_name(function):
    file, line, name = function
    if (file, line) == (b"~", 0):
        return b"{%s}" % name[1:-1] if name.startswith(b"<") and name.endswith(b">") else name
    return b"%s:%d(%s)" % (file, line, name)


def edge(numbers):
    """Calls, primitive calls, own and cumulative time of a caller; pstats of old had several groups,
    and the profile module calls alone."""
    if len(numbers) == 1:
        return [numbers[0], None, None, None]
    groups = [numbers[at:at + 4] for at in range(0, len(numbers), 4)]
    return [sum(max(group[:2]) for group in groups), sum(min(group[:2]) for group in groups),
            sum(ns(group[2]) for group in groups), sum(ns(group[3]) for group in groups)]


def near(ours, theirs, slack):
    return ours == theirs or (None not in (ours, theirs) and abs(ours - theirs) <= slack)


def check_costs(record, values, slack):
    ours = [record[name] for name in ("primitive_calls", "calls", "tottime", "cumtime")]
    assert ours[:2] == values[:2] and all(map(near, ours[2:], values[2:], [slack] * 2)), (record, values)
    for time, calls, each in ((ours[2], ours[1], record["percall_tottime"]),
                              (ours[3], ours[0], record["percall_cumtime"])):
        if calls:
            assert abs(fractions.Fraction(time, calls) - each) <= fractions.Fraction(1, 2), record
        else:
            assert each is None, record


def calls_by_function(request, records):
    """[(function, [(caller or callee, numbers)])] of our rows."""
    of, other = ("callee_", "caller_") if request["show"] == "callers" else ("caller_", "callee_")
    functions = []
    for record in records:
        function = place(record, of)
        numbers = [record[name] for name in ("calls", "primitive_calls", "tottime", "cumtime")]
        if not functions or functions[-1][0] != function:
            functions.append((function, []))
        if record[other + "line"] is None:
            assert numbers == [None] * 4 and not functions[-1][1], record
        else:
            functions[-1][1].append((place(record, other), numbers))
    return functions


def compare(request, report, is_ordered):
    """Raises AssertionError. Whether the order was defined wholly, and how many numbers there were."""
    content, messages = top([*options(request), "-f", "msgpack", *request["files"]])
    records = [{name: value for name, _, _, value in record} for _, record in packed.read(content)[1]]
    slack = len(request["files"]) - 1  # each is rounded, pstats' sum once
    exact, rounded = {}, {}
    sort = [at for word in request["sort"]
            for at in next(SORT_KEYS[name] for name in SORT_KEYS if name.startswith(word))]
    values = {}
    for function, numbers in report["all"]:
        function = key(function)
        cc, nc = sorted(numbers[:2])
        values[function] = [cc, nc, ns(numbers[2]), ns(numbers[3])]
        tail = (*function, standard_name(function))
        exact[function] = [(cc, nc, *map(float.fromhex, map(str, numbers[2:])), *tail)[at] for at in sort]
        rounded[function] = [(*values[function], *tail)[at] for at in sort]
    theirs = [key(function) for function, _ in report["noted"]]
    numbers = 0
    if request["show"] == "stats":
        ours = [place(record) for record in records]
        for record in records:
            check_costs(record, values[place(record)], slack)
        numbers = 6 * len(records)
    else:
        functions = calls_by_function(request, records)
        ours = [function for function, _ in functions]
        expected = {key(function): callers for function, callers in report["noted"]}
        lost = {key(function) for function in report["lost"]}
        for function, calls in functions:
            if function not in expected or function in lost:
                continue
            wanted = [(key(caller), edge(each)) for caller, each in expected[function]]
            assert [each for each, _ in calls] == [each for each, _ in wanted], (function, calls, wanted)
            for (caller, got), (_, wanted_numbers) in zip(calls, wanted):
                assert caller in lost or all(map(near, got, wanted_numbers, [0, 0, slack, slack])), (
                    function, got, wanted_numbers)
                numbers += 4
    # The restrictions' and the header's numbers.
    told = re.findall(r"list reduced from (\d+) to (\d+) due to restriction", messages)
    reduced = [tuple(each) for each in report["reduced"]]
    if report["header"]:
        header = re.search(r"(\d+) function calls? (?:\((\d+) primitive calls?\) )?in (\S+) seconds",
                           messages).groups()
        assert header[:2] == tuple(report["header"][:2]), (header, report["header"])
        assert abs(float(header[2]) - float(report["header"][2])) <= 0.00050001, (header, report)
    by_value = collections.defaultdict(set)
    for function, value in rounded.items():
        for at, each in enumerate(value):
            by_value[at, each].add(exact[function][at])
    is_defined = is_ordered and max(map(len, by_value.values())) == 1
    if is_defined:
        # pstats tells no reductions where nothing is left.
        assert ours == theirs, [pair for pair in zip(ours, theirs) if pair[0] != pair[1]][:2]
        assert not theirs or told == reduced, (messages, reduced)
    elif not any(isinstance(each, str) for each in request["only"][1:]) and slack == 0:
        # A pattern behind a number chooses among those that the order chose; a second key decides
        # between equal ones.
        assert [rounded[each][0] for each in ours] == [rounded[each][0] for each in theirs]
        assert not theirs or told == reduced, (messages, reduced)
    return is_defined, numbers


def shows_addresses(request, report):
    """Whether pstats shows code objects in the place of names, and their addresses matter."""
    codes = any(key(function)[2].startswith(b"<code object") for function, _ in report["all"])
    return codes and ("stdname" in request["sort"] or any(isinstance(each, str) for each in request["only"]))


def check_forms(files):
    """ncalls in tables; record streams of both forms say the same as the dump itself."""
    plain, _ = top(["-n", "0", "-f", "jsonl", *files])
    shown = harness.json_lines(plain)
    table, _ = top(["-n", "0", "-f", "table", "--fields", "ncalls,line", *files])
    ncalls = [line.split()[0].decode() for line in table.splitlines()[1:]]
    assert ncalls == [str(each["calls"]) if each["calls"] == each["primitive_calls"] else
                      f"{each['calls']}/{each['primitive_calls']}" for each in shown]
    for form in ("msgpack", "jsonl"):
        stream = harness.run("cprofcalls", "-q", "-f", form, *files).out
        assert top(["-n", "0", "-f", "jsonl", "-"], stream)[0] == plain, form
        if form == "jsonl" and b"\\ufffd" in stream + "\ufffd".encode() and "\ufffd".encode() in stream:
            continue
        for words in (["--callers", "e"], ["--callees", "e"]):
            words += ["-n", "0", "-f", "jsonl"]
            assert top([*words, "-"], stream)[0] == top([*words, *files])[0], (form, words)


def together(jobs):
    """Sets of dumps that pstats adds up, with their Python: those that stand together."""
    groups = collections.defaultdict(list)
    for path, python in jobs:
        if not re.search(r"empty|pure|profile\.cprof$|code|old|hostile", os.path.basename(path)) or (
                "samples" in path):
            groups[python, os.path.dirname(os.path.dirname(path)) if "samples" in path else
                   os.path.dirname(path)].append(path)
    for (python, _), paths in groups.items():
        if len(paths) > 1:
            yield paths[:4], python


def reports_of(python, asked, folder):
    """What pstats says to each request, in the Python that wrote the dumps; and whether its
    dictionaries have an order."""
    path = folder / "requests.json"
    path.write_text(json.dumps(asked))
    run = subprocess.run([python, f"{sys.path[0]}/pstats_reports.py", path], capture_output=True,
                         check=True)
    version = subprocess.run([python, "-c", "import sys; print(sys.version_info >= (3, 6))"],
                             capture_output=True, text=True, check=True).stdout
    return json.loads(run.stdout), version == "True\n"


defined = open_orders = numbers = 0
refused = collections.Counter()
with harness.folder() as folder:
    jobs = pythons.dumps(harness.part(), folder)
    pythons_seen = set()
    for files, python in [*(([path], python) for path, python in jobs), *together(jobs)]:
        with_beginnings = python not in pythons_seen and not is_asked_less(files)
        if with_beginnings:
            pythons_seen.add(python)
        asked = list(requests_of(files, python, with_beginnings))
        reports, is_ordered = reports_of(python, asked, folder)
        name = " + ".join(path.removeprefix(f"{folder}/") for path in files)
        with harness.case(name) as problems:
            for request, report in zip(asked, reports, strict=True):
                if "error" in report or shows_addresses(request, report):
                    why = report.get("error", "addresses of code objects").split(" object from ")[0]
                    refused[why] += 1
                    continue
                try:
                    is_defined, count = compare(request, report, is_ordered)
                except AssertionError as error:
                    problems.append(f"{request}: {str(error)[:1000]}")
                    continue
                defined += is_defined
                open_orders += not is_defined
                numbers += count
            check_forms(files)
for why, count in refused.items():
    print(f"pstats makes no comparable report, {count} times: {why}")
print(f"{defined} reports compared in order, {open_orders} where the order is partly open, {numbers} "
      "numbers")
harness.check(defined, "no report was compared in order")
harness.finish()
