"""Who may include whom: the rules below, first proven on made-up trees, then on this one."""
import graphlib
import pathlib
import re
import sys

sys.path.append(f"{sys.path[0]}/support")
import harness
from harness import check

# What no line "file -> what it includes" may be, and why.
FORBIDDEN = [
    ("what bytes mean is known to all, and knows none of them",
     r"formats/\S+ -> (converters|analyzers|tests)/"),
    ("converters know formats alone", r"converters/\S+ -> (analyzers|tests)/"),
    ("a converter knows no other", r"converters/(\w+)/\S+ -> converters/(?!\1/)\w+/"),
    ("only input/ opens files, so that analyzers know records alone",
     r"analyzers/(?!input/)\S+ -> converters/"),
    ("what all analyzers see of converters is the shape of their table's rows",
     r"analyzers/input/\w+\.h -> converters/\w+/"),
    ("a program's face is for its main; libraries have their own defaults",
     r"analyzers/\S+ -> converters/\w+/FACE\.h"),
    ("analyzers know no tests", r"analyzers/\S+ -> tests/"),
    ("all of range-v3 costs 1.8 s in every file", r"\S+ -> range/v3/all\.hpp"),
    ("range-v3 and fmt cost whoever includes the header", r"(?!tests/)\S+\.h -> (range|fmt)/"),
    # Benchmarks are compiled by themselves.
    ("includes are from the root", r"(?!tests/bench/)\S+ -> HERE/"),
]
# Folders of analyzers/, the lowest first: a folder includes itself and those of lines above.
# Of the files directly in a room, headers are below its folders (the shape of a row of its table),
# sources above (the table), which alone include its list.
ORDER = ["util", "input", "python", "sockets"]  # above them all others, side by side
ALSO = {("diff", "callgrind")}  # it writes profiles of two runs
ROOMS = ("formats", "converters", "analyzers", "tests")
FROM_ROOT = ("formats/", "converters/", "analyzers/", "tests/", "range/", "fmt/")


def includes(root):
    """(file, what it includes) of all sources."""
    for room in ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.suffix in (".h", ".cc"):
                for name in re.findall(r'^\s*#\s*include\s*(["<][^">]+)', path.read_text(), re.M):
                    # Quotes with no such folder in front: a file beside.
                    beside = name[0] == '"' and not name[1:].startswith(FROM_ROOT)
                    yield str(path.relative_to(root)), "HERE/" * beside + name[1:]


def folder_of(file):
    """analyzers/top, or analyzers/*.h of a file directly in the room."""
    folder = str(pathlib.PurePath(file).parent)
    return folder if "/" in folder else f"{folder}/*{pathlib.PurePath(file).suffix}"


def level(folder):
    return ORDER.index(folder) if folder in ORDER else len(ORDER)


def is_out_of_order(file, included):
    one, other = file.split("/"), included.split("/")
    if (one[0], other[0]) != ("analyzers", "analyzers"):
        return False
    if len(other) == 2:  # of the room itself
        return not included.endswith(".h" if len(one) > 2 else (".h", ".list"))
    if len(one) == 2:
        return file.endswith(".h")
    here, there = one[1], other[1]
    return here != there and (here, there) not in ALSO and level(here) <= level(there)


def complaints(root):
    """What breaks the rules, as lines."""
    faces = "|".join(path.name.removesuffix("_main.cc")
                     for path in root.glob("converters/*/*_main.cc"))
    rules = [(why, re.compile(rule.replace("FACE", f"({faces})"))) for why, rule in FORBIDDEN]
    wrong, graph = [], {}
    for file, included in includes(root):
        line = f"{file} -> {included}"
        wrong += [f"{line}: {why}" for why, rule in rules if rule.match(line)]
        if is_out_of_order(file, included):
            wrong.append(f"{line}: against the order of analyzers/")
        here, there = folder_of(file), folder_of(included)
        if here != there and not file.startswith("tests/") and included.split("/")[0] in ROOMS:
            graph.setdefault(here, {})[there] = line
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        # Each is included by the next.
        wrong.append("a circle of folders: " + "; ".join(
            graph[there][here] for here, there in zip(error.args[1], error.args[1][1:])))
    return wrong


# What may be: files with one include each.
GOOD = {"formats/io/source.h": "<span>",
        "formats/strace/line.cc": '"formats/io/source.h"',
        "converters/input.h": '"formats/io/source.h"',
        "converters/strace/log.cc": '"converters/input.h"',
        "converters/strace/stracecalls.cc": '"converters/strace/stracecalls.h"',
        "converters/strace/stracecalls_main.cc": '"converters/strace/stracecalls.h"',
        "converters/inputs.cc": '"converters/strace/log.h"',
        "analyzers/input/inputs.cc": '"converters/strace/log.h"',
        "analyzers/input/inputs.h": '"converters/input.h"',
        "analyzers/top/top.cc": '"analyzers/analyzer.h"',
        "analyzers/top/table.cc": "<range/v3/view/join.hpp>",
        "analyzers/diff/report.cc": "<fmt/format.h>",
        "analyzers/diff/graph.cc": '"analyzers/callgrind/graph.h"',
        "analyzers/checks/check.cc": '"analyzers/sockets/table.h"',
        "analyzers/analyzers.cc": '"analyzers/analyzers.list"',
        "analyzers/tracebraid_main.cc": '"analyzers/top/top.h"',
        "tests/analyzers/top/x_test.cc": '"analyzers/top/top.h"'}
# One line more, and what is said of it.
BAD = [
    ("formats/io/x.cc", '"converters/strace/log.h"', "knows none of them"),
    ("formats/io/x.h", '"analyzers/util/few.h"', "knows none of them"),
    ("formats/io/x.h", '"tests/support/dump.h"', "knows none of them"),
    ("formats/io/x.h", '"formats/strace/line.h"', "a circle of folders"),
    ("converters/cprof/x.cc", '"converters/pcap/flow.h"', "a converter knows no other"),
    ("converters/cprof/x.cc", '"analyzers/util/few.h"', "converters know formats alone"),
    ("converters/inputs.cc", '"analyzers/util/few.h"', "converters know formats alone"),
    ("converters/input.h", '"converters/strace/log.h"', "a circle of folders"),
    ("analyzers/top/x.cc", '"converters/strace/log.h"', "only input/ opens files"),
    ("analyzers/analyzers.cc", '"converters/strace/log.h"', "only input/ opens files"),
    ("analyzers/top/x.h", '"converters/input.h"', "only input/ opens files"),
    ("analyzers/top/x.cc", '"analyzers/analyzers.list"', "against the order"),
    ("analyzers/input/x.h", '"converters/strace/log.h"', "what all analyzers see"),
    ("analyzers/input/x.cc", '"converters/strace/stracecalls.h"', "a program's face"),
    ("analyzers/top/x.cc", '"tests/support/dump.h"', "analyzers know no tests"),
    ("analyzers/util/x.h", '"analyzers/input/typed.h"', "against the order"),
    ("analyzers/sockets/x.h", '"analyzers/top/top.h"', "against the order"),
    ("analyzers/diff/x.h", '"analyzers/checks/check.h"', "against the order"),
    ("analyzers/callgrind/x.h", '"analyzers/diff/diff.h"', "against the order"),
    ("analyzers/analyzer.h", '"analyzers/util/few.h"', "against the order"),
    ("analyzers/top/x.cc", "<range/v3/all.hpp>", "all of range-v3"),
    ("analyzers/top/x.cc", '"range/v3/all.hpp"', "all of range-v3"),
    ("tests/analyzers/top/x_test.cc", "<range/v3/all.hpp>", "all of range-v3"),
    ("converters/pcap/x.h", "<range/v3/view/zip.hpp>", "cost whoever includes"),
    ("formats/cli/x.h", "<fmt/format.h>", "cost whoever includes"),
    ("formats/cli/x.cc", '"terminal.h"', "from the root"),
]


def complaints_of(files):
    with harness.folder() as root:
        for file, include in files:
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            with open(root / file, "a") as to:
                to.write(f"// x\n  #  include {include}\n")
        return complaints(root)


harness.none(complaints_of(GOOD.items()), "a good tree")
for file, include, why in BAD:
    told = complaints_of([*GOOD.items(), (file, include)])
    check(any(why in line for line in told), f"{file} may include {include}? {told}")
check(len(set(file for file, _ in includes(harness.SOURCE))) > 100, "few sources")
harness.none(complaints(harness.SOURCE), "include")
harness.finish()
