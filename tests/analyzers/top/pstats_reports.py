"""What pstats itself adds up, sorts and restricts, as JSON; runs under Python 2.7 and every Python 3.

usage: pstats_reports.py REQUESTS, a JSON file with a list of {"files", "strip", "sort", "reverse",
"show", "only"}. pstats' own print_stats, print_callers and print_callees do the work; what replaces
the printing of a function notes it, with its numbers. Texts are hexadecimal UTF-8 (surrogates let
through), floats are float.hex() texts.
"""
import json
import pstats
import re
import sys

PYTHON_2 = sys.version_info[0] == 2
if PYTHON_2:
    from StringIO import StringIO
else:
    from io import StringIO


def text(value):
    if hasattr(value, "co_name"):
        value = '<code object %s, file "%s", line %d>' % (
            value.co_name, value.co_filename, value.co_firstlineno)
    if not isinstance(value, bytes):
        value = value.encode("utf-8") if PYTHON_2 else value.encode("utf-8", "surrogatepass")
    return "".join("%02x" % each for each in bytearray(value))


def key(function):
    return [text(function[0]), function[1], text(function[2])]


def numbers(values):
    return [each.hex() if isinstance(each, float) else each for each in values]


class Noted(pstats.Stats):
    def print_line(self, func):
        self.noted.append([key(func), []])

    def print_call_line(self, name_size, source, call_dict, arrow="->"):
        callers = []
        for func in sorted(call_dict):
            value = call_dict[func]
            callers.append([key(func), numbers(value if isinstance(value, tuple) else (value,))])
        self.noted.append([key(source), callers])


def lost_callers(stats):
    """strip_dirs() keeps the last of callers that become equal, and loses the others."""
    lost = []
    for function, value in stats.items():
        stripped = set(pstats.func_strip_path(caller) for caller in value[4])
        if len(stripped) < len(value[4]):
            lost.append(pstats.func_strip_path(function))
            lost.extend(stripped)
    return [key(function) for function in lost]


def report(request):
    stream = StringIO()
    stats = Noted(request["files"][0], stream=stream)
    for path in request["files"][1:]:
        stats.add(path)
    lost = []
    if request["strip"]:
        lost = lost_callers(stats.stats)
        stats.strip_dirs()
    if request["sort"]:
        stats.sort_stats(*[str(word) for word in request["sort"]])
    if request["reverse"]:
        stats.reverse_order()
    stats.noted = []
    restrictions = [str(each) if PYTHON_2 and not isinstance(each, (int, float)) else each
                    for each in request["only"]]
    getattr(stats, "print_" + request["show"])(*restrictions)
    printed = stream.getvalue()
    header = re.search(r"(\d+) function calls (?:\((\d+) primitive calls\) )?in (\d+\.\d+) ", printed)
    return {"header": header.groups() if header else None, "noted": stats.noted, "lost": lost,
            "reduced": re.findall(r"List reduced from (\d+) to (\d+) due to", printed),
            "all": [[key(func), numbers(value[:4])] for func, value in stats.stats.items()]}


reports = []
with open(sys.argv[1]) as stream:
    for request in json.load(stream):
        try:
            reports.append(report(request))
        except (TypeError, ValueError, KeyError) as error:
            reports.append({"error": "%s: %s" % (type(error).__name__, error)})
json.dump(reports, sys.stdout)
