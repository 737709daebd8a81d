"""Rebuilds a dump's numbers from our callgrind file, and compares them with marshal.load's in the
Python that wrote the dump.

usage: roundtrip.py samples|pythons|corpus
"""
import json
import re
import subprocess
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
import pythons
from callgrind_file import CallgrindFile, in_cycles
from pythons import ns


def decode(text):
    """A hexadecimal text as the file shows it: control characters and the like escaped."""
    out = bytes.fromhex(text).decode("utf-8", "surrogatepass")
    out = re.sub("[\x00-\x1f\x7f-\x9f]", lambda match: f"\\x{ord(match.group()):02x}", out)
    return re.sub("[\ud800-\udfff\u2028\u2029]", lambda match: f"\\u{ord(match.group()):04x}", out)


def shown(key):
    file, line, name = decode(key[0]), key[1], decode(key[2])
    return (file or "~", line, name or "<unnamed>")


def compare(dump, python):
    """Raises AssertionError; returns how many numbers were compared."""
    truth = json.loads(subprocess.run(
        [python, f"{sys.path[0]}/truth.py", dump], check=True, capture_output=True).stdout)
    ours = CallgrindFile(harness.run("cprof2callgrind", dump, "-").out)
    key_of = ours.keys()
    text_of = {key: text for text, key in key_of.items() if text != "(root)"}
    compared = 0

    keys = [shown(key) for key, _, _ in truth["entries"]]
    callers = {shown(caller) for _, _, edges in truth["entries"] for caller, _ in edges}
    assert len(set(keys)) == len(keys), "the dump's names are ambiguous"
    assert set(text_of) >= set(keys)
    assert set(text_of) <= set(keys) | callers, set(text_of) - set(keys) - callers
    assert len(ours.functions) == len(text_of) + ("(root)" in ours.functions)
    identities = {(text, file.rsplit("/")[-1], obj) for text, (file, obj) in ours.functions.items()}
    assert len(identities) == len(ours.functions), "KCachegrind would take two functions for one"

    cyclic = in_cycles({key: [shown(caller) for caller, _ in edges if shown(caller) in set(keys)]
                        for key, (_, _, edges) in zip(keys, truth["entries"])})
    incoming = {}
    for (caller, callee), (calls, cost) in ours.calls.items():
        incoming.setdefault(callee, {})[caller] = (calls, cost)

    total = 0
    for key, (_, numbers, edges) in zip(keys, truth["entries"]):
        text = text_of[key]
        own, inclusive = ns(numbers[2]), ns(numbers[3])
        total += own
        assert ours.self_cost[text] == {key[1]: own}, (key, ours.self_cost[text], own)
        compared += 1
        into = dict(incoming.get(text, {}))
        timed_sum = 0
        call_sum = 0
        timed = True
        for caller, values in edges:
            caller = shown(caller)
            if len(values) == 1:
                timed = False
                calls = values[0]
            else:
                calls = sum(max(values[at], values[at + 1]) for at in range(0, len(values), 4))
                cost = sum(ns(value) for value in values[3::4])
            call_sum += calls
            if calls == 0 and (len(values) == 1 or cost == 0):
                continue
            got = into.pop(text_of[caller])
            assert got[0] == calls, (key, caller, got, calls)
            compared += 1
            if caller == key:
                assert got[1] == 0
            elif len(values) > 1:
                assert got[1] == cost, (key, caller, got, cost)
                timed_sum += cost
                compared += 1
        outside = max(numbers[0], numbers[1]) - call_sum
        root = into.pop("(root)", None)
        assert not into, (key, into)
        assert (root[0] if root else 0) == max(outside, 0), (key, root, outside)
        if root and timed and numbers[0] == numbers[1]:
            assert root[1] == max(inclusive - timed_sum, 0), (key, root)
        # What viewers show as inclusive: the dump's own, outside of recursion through others. Where
        # the dump itself disagrees with its callers (equal labels, threads) nothing can be right.
        shown_inclusive = sum(cost for _, cost in incoming.get(text, {}).values())
        consistent = not timed or root or abs(timed_sum - inclusive) <= len(edges)
        # cProfile's own view of recursion knows greenlets and threads, which the graph does not.
        by_itself = sum(values[0] for caller, values in edges if shown(caller) == key)
        recursive = key in cyclic or abs(numbers[1] - numbers[0]) != by_itself
        if not recursive and outside >= 0 and consistent and incoming.get(text):
            others = [caller for caller in incoming[text] if caller != text]
            slack = len(edges) if timed and not root else 0
            if others and (timed_sum <= inclusive or not timed):
                assert abs(shown_inclusive - inclusive) <= slack, (key, shown_inclusive, inclusive)
                compared += 1
    assert ours.total == total
    return compared


with harness.folder() as folder:
    for path, python in pythons.dumps(harness.part(), folder):
        name = path.removeprefix(f"{folder}/")
        with harness.case(name):
            print(f"{name}: {compare(path, python)} numbers")
harness.finish()
