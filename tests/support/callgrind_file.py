"""Reads back the callgrind files that the programs write: a strict reader of that dialect alone.

Strict means that anything a viewer might take amiss raises ValueError: see formats/callgrind/writer.h.
"""
import collections
import re
import subprocess

HEADER = ["# callgrind format", "version: 1", "creator: "]
SPEC = re.compile(r"\((\d+)\)(?: (\S.*\S|\S))?$")
KEYS = {"ob": "object", "cob": "object", "fl": "file", "cfl": "file", "fn": "function",
        "cfn": "function"}


class CallgrindFile:
    """functions: {fn text: (file, object)}; self_cost: {fn text: {line: ns}};
    calls: {(caller text, callee text): [calls, ns]}; total: ns: of the first event.
    Of all of them: events: [name]; costs: {fn text: [cost]}; call_costs: {pair: [cost]};
    totals: [cost]."""

    def __init__(self, data, one_self_line=True):
        text = data.decode("utf-8")  # strict: invalid UTF-8 raises
        bad = re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", text)
        if bad:
            raise ValueError(f"control character {bad.group()!r}")
        if not text.endswith("\n"):
            raise ValueError("the last line does not end")
        self.lines = text.split("\n")[:-1]
        self.functions, self.self_cost, self.calls = {}, {}, {}
        self.costs, self.call_costs = {}, {}
        self.total = self.totals = None
        self.events = []
        self.descriptions = []
        self._names = {"object": {}, "file": {}, "function": {}}
        body = self._read_header()
        self._read_body(body)
        if self.total is None:
            raise ValueError("no totals")
        for name in self.functions:
            lines = len(self._self_lines.get(name, ()))
            if lines == 0 or (one_self_line and lines != 1):
                raise ValueError(f"{name!r} has {lines} self lines")
        summed = sum(sum(each.values()) for each in self.self_cost.values())
        if min(summed, 2**64 - 1) != self.total:
            raise ValueError(f"totals {self.total} are not the sum {summed}")
        for at, event in enumerate(self.events[1:], 1):
            summed = sum(costs[at] for costs in self.costs.values())
            if summed != self.totals[at]:
                raise ValueError(f"totals of {event}: {self.totals[at]} are not the sum {summed}")

    def _read_header(self):
        for line, start in zip(self.lines, HEADER):
            if not line.startswith(start):
                raise ValueError(f"header: {line!r} where {start!r} belongs")
        at = len(HEADER)
        seen = []
        while True:
            line = self.lines[at]
            at += 1
            key = line.split(":")[0]
            seen.append(key)
            if key == "desc":
                self.descriptions.append(line[6:])
            elif key not in ("cmd", "positions", "event", "events"):
                raise ValueError(f"header: {line!r}")
            if line != line.rstrip():
                raise ValueError("a blank at a line's end")
            if key == "events":
                self.events = line[8:].split()
                break
        if "positions" not in seen or "event" not in seen:
            raise ValueError("incomplete header")
        return at

    def _named(self, kind, spec):
        match = SPEC.match(spec)
        if not match:
            raise ValueError(f"not a compressed name: {spec!r}")
        number, name = int(match.group(1)), match.group(2)
        names = self._names[kind]
        if name is None:
            return names[number]  # KeyError: never defined
        if number in names:
            raise ValueError(f"{kind} {number} is defined twice")
        names[number] = name
        return name

    def _place(self, name, file, obj):
        if self.functions.setdefault(name, (file, obj)) != (file, obj):
            raise ValueError(f"{name!r} is in {self.functions[name]} and {(file, obj)}")

    def _cost_line(self, line):
        """Of a cost line: position, costs."""
        numbers = [int(number) for number in re.fullmatch(r"\d+(?: \d+)+", line).group().split(" ")]
        if len(numbers) != 1 + len(self.events):
            raise ValueError(f"not a cost for each event: {line!r}")
        return numbers[0], numbers[1:]

    @staticmethod
    def _add(costs, more):
        costs[:] = [left + right for left, right in zip(costs, more)]

    def _read_body(self, at):
        self._self_lines = {}
        current = {"object": None, "file": None, "function": None}
        callee = {}
        pending = None
        for number in range(at, len(self.lines)):
            line = self.lines[number]
            if self.total is not None:
                raise ValueError("something follows the totals")
            if line == "":
                continue
            if line.startswith("totals: "):
                self.totals = [int(number) for number in line[8:].split(" ")]
                if len(self.totals) != len(self.events):
                    raise ValueError("not a total for each event")
                self.total = self.totals[0]
                continue
            key, _, rest = line.partition("=")
            if pending is not None:
                position, costs = self._cost_line(line)
                edge = (current["function"], pending[0])
                entry = self.calls.setdefault(edge, [0, 0])
                entry[0] += pending[1]
                entry[1] += costs[0]
                self._add(self.call_costs.setdefault(edge, [0] * len(costs)), costs)
                pending = None
            elif key in ("ob", "fl", "fn"):
                current[KEYS[key]] = self._named(KEYS[key], rest)
                if key == "fn":
                    self._place(current["function"], current["file"], current["object"])
            elif key in ("cob", "cfl", "cfn"):
                callee[KEYS[key]] = self._named(KEYS[key], rest)
            elif key == "calls":
                count, _ = re.fullmatch(r"([1-9]\d*) (\d+)", rest).groups()
                name = callee["function"]
                self._place(name, callee.get("file", current["file"]),
                            callee.get("object", current["object"]))
                pending = (name, int(count))
                callee = {}
            else:
                position, costs = self._cost_line(line)
                name = current["function"]
                lines = self.self_cost.setdefault(name, {})
                lines[position] = lines.get(position, 0) + costs[0]
                self._add(self.costs.setdefault(name, [0] * len(costs)), costs)
                self._self_lines.setdefault(name, []).append(position)
        if pending is not None:
            raise ValueError("the last call has no cost")

    def keys(self):
        """{fn text: (file, line, name)}, undoing what the program adds to a name."""
        result = {}
        for text, (file, _) in self.functions.items():
            line = next(iter(self.self_cost[text]))
            name = re.sub(r" #\d+$", "", text)
            if file != "~" and text != "(root)":
                # ` (PATH:LINE)`, PATH being the end of the file's own.
                starts = [match.start() for match in re.finditer(r" \(", name)
                          if re.fullmatch(r"(.*?)(:\d+)?\)", name[match.end():], re.S)
                          and file.endswith(re.sub(r"(:\d+)?\)$", "", name[match.end():]))]
                name = name[:starts[0]]
            result[text] = (file, line, name)
        return result


def components(graph):
    """{node: a node that stands for all those that reach one another with it} (Kosaraju) of
    {node: [nodes it leads to]}."""
    leads_from = {}
    for node, targets in graph.items():
        for target in targets:
            leads_from.setdefault(target, []).append(node)
    order, seen = [], set()
    for start in graph:
        if start in seen:
            continue
        seen.add(start)
        stack = [(start, iter(graph[start]))]
        while stack:
            node, rest = stack[-1]
            for target in rest:
                if target not in seen:
                    seen.add(target)
                    stack.append((target, iter(graph.get(target, ()))))
                    break
            else:
                order.append(node)
                stack.pop()
    found = {}
    for start in reversed(order):
        if start in found:
            continue
        found[start] = start
        stack = [start]
        while stack:
            for node in leads_from.get(stack.pop(), ()):
                if node not in found:
                    found[node] = start
                    stack.append(node)
    return found


def in_cycles(graph):
    """Nodes that reach themselves through others."""
    found = components(graph)
    sizes = collections.Counter(found.values())
    return {node for node, component in found.items() if sizes[component] > 1}


def annotated(path, *options):
    """What callgrind_annotate, valgrind's own reader, shows: {file:function text: cost} by the first
    event, and its totals of all. Run from / : it strips its folder from some paths only."""
    run = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", "--show-percs=no",
                          *options, path], cwd="/", capture_output=True, text=True, check=True)
    if run.stderr or "WARNING" in run.stdout:
        raise ValueError(f"{path}: {run.stderr} {run.stdout}")
    lines = iter(run.stdout.splitlines())
    totals = next(each.group(1).replace(",", "").split() for each in
                  (re.fullmatch(r"\s*([\d,]+(?:\s+[\d,]+)*)\s+PROGRAM TOTALS", line) for line in lines)
                  if each)
    costs = {}
    for line in lines:
        match = re.fullmatch(r"\s*([\d,]+|\.)\s+" + r"(?:[\d,]+|\.)\s+" * (len(totals) - 1) + "(.*)", line)
        if match and match.group(1) != ".":
            costs[re.sub(r" \[[^\]]*\]$", "", match.group(2))] = int(match.group(1).replace(",", ""))
    return costs, [int(total) for total in totals]
