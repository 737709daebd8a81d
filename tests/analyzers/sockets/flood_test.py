"""A flood of flows, which anybody can send: memory is within --max-flows, and what was left out is
said."""
import json
import os
import re
import sys

sys.path += [f"{sys.path[0]}/../../support", f"{sys.path[0]}/../../growth"]
import harness
import inputs
from harness import check, equal

FLOWS = 60_000
MOST = 1_000
ANALYZERS = ("check", "sockets", "timeline", "callgrind")


def test_captures():
    log, = inputs.log(["socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3 <0.000001>"])
    for make in (inputs.syn_flood, inputs.dns_flood):
        capture, = make(FLOWS)
        # The same port of the same host can be drawn twice.
        flows = len({(flow["id.orig_h"], flow["id.orig_p"])
                     for flow in harness.records("pcapflows", capture)})
        for analyzer in ANALYZERS:
            run = harness.run("tracebraid", analyzer, "--max-flows", MOST, log, capture)
            told = re.search(r"(\d+) of (\d+) flows were ended before their time: more than 1000 were "
                             r"open \(--max-flows\)", run.errors)
            check(told is not None, f"{analyzer}: evictions are not told: {run.errors}")
            if told:
                equal(int(told[2]), flows, f"{analyzer}: flows of {make.__name__}")
                equal(int(told[1]), flows - MOST, f"{analyzer}: flows that were evicted")
            run = harness.run("tracebraid", analyzer, log, capture)
            check("--max-flows" not in run.errors, f"{analyzer}: {run.errors}")


def test_memory():
    """What the limit leaves is far below what all flows take."""
    log, = inputs.log(["socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3 <0.000001>"])
    capture, = inputs.dns_flood(FLOWS)
    all_of_them = harness.run("tracebraid", "check", log, capture, peak=True).peak_kb
    few = harness.run("tracebraid", "check", "--max-flows", MOST, log, capture, peak=True).peak_kb
    if not harness.is_sanitized(harness.PROGRAMS / "tracebraid"):
        check(few < all_of_them - FLOWS * 0.7, f"{few} kB of {all_of_them}")
    # Without a log, nothing is kept but what pcapflows keeps.
    plain = harness.run("pcapflows", "-q", "-o", "/dev/null", capture, peak=True).peak_kb
    alone = harness.run("tracebraid", "check", capture, peak=True).peak_kb
    if not harness.is_sanitized(harness.PROGRAMS / "tracebraid"):
        check(alone < plain + FLOWS * 0.4, f"{alone} kB, pcapflows {plain}")


def test_streams():
    """Flows that never end, which only a stream can have: those that ended lately (100,000) are not
    known from those that go on."""
    count = 120_000
    with open("a.jsonl", "w", encoding="utf-8") as stream:
        for at in range(count):
            flow = inputs.flow(f"C{at}", 0)
            flow["final"] = False
            stream.write(json.dumps(flow) + "\n")
    run = harness.run("tracebraid", "check", "--max-flows", MOST, "a.jsonl")
    check(f"{count - 100_000 - MOST} of {count} flows were forgotten before their end" in run.errors,
          run.errors)
    run = harness.run("tracebraid", "check", "a.jsonl")
    check("forgotten" not in run.errors, run.errors)


def test_options():
    for analyzer in ANALYZERS:
        run = harness.run("tracebraid", analyzer, "--max-flows", "0", os.devnull, status=2)
        check("--max-flows" in run.errors, run.errors)


harness.each_test(globals())
harness.finish(30)
