"""tracebraid timeline: nothing is lost by order, filters and folding, counted against the records of
the converters by themselves; and its JSON for Perfetto binds every arrow to what it comes from.
"""
import collections
import json
import re
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import WHEN, check, records


def timeline(*arguments):
    return harness.run("tracebraid", "timeline", *arguments).text


def seconds(text):
    hours, minutes, rest = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


places = [harness.SAMPLES / "accept-storm"]
if harness.CORPUS:
    places += sorted((harness.CORPUS / "scenarios").iterdir())
for place in places:
    log, capture = place / "strace.log", place / "tcpdump.pcap"
    switches = place / "greenlet.bt.txt"
    inputs = [log, capture] + ([switches] if switches.exists() else [])
    calls = records("stracecalls", *WHEN, log)
    flows = records("pcapflows", "--segments", capture)
    changes = records("greenletswitches", switches) if switches.exists() else []
    kinds = collections.Counter(record["type"] for record in calls + flows + changes)
    # A flow begins and ends.
    expected = (kinds["syscall"] + kinds["signal"] + kinds["process"] + kinds["segment"] +
                2 * kinds["flow"] + kinds["switch"])
    lines = timeline("-q", "--no-fold", *WHEN, *inputs).splitlines()
    # One that began too long ago for its own line is told of at its end.
    expected -= sum(" ends: " in line and ", since " in line for line in lines)
    check(len(lines) == expected, f"{place.name}: {len(lines)} lines of {expected}")
    times = [seconds(line.split()[0]) for line in lines]
    check(times == sorted(times), f"{place.name}: not in order of time")

    folded = timeline("-q", *WHEN, *inputs).splitlines()
    more = [int(match.group(1).replace(",", "")) for line in folded
            if (match := re.search(r"^ {20,}.*… ([\d,]+) more", line))]
    check(len(folded) - len(more) + sum(more) == expected, f"{place.name}: folded lines")
    if place.name == "storm":
        check(29788 in more, f"{place.name}: {sorted(more)[-3:]}")

    failed = [record for record in calls if record["type"] == "syscall" and record["error"]]
    lines = timeline("-q", "-e", "--no-fold", *WHEN, log).splitlines()
    shown = [line for line in lines if "--- SIG" not in line and "+++ " not in line]
    check(len(shown) == len(failed), f"{place.name}: {len(shown)} of {len(failed)} failed calls")
    for fd in (3, 5):
        wanted = [record for record in calls if record["type"] == "syscall" and
                  (record["fd"] == fd or (record["new_file"] and record["result"] == fd))]
        lines = timeline("-q", "--no-fold", "--fd", str(fd), *WHEN,
                    log).splitlines()
        check(len(lines) == len(wanted), f"{place.name}: --fd {fd}: {len(lines)}, {len(wanted)}")
    uid = next(record["uid"] for record in flows if record["type"] == "flow")
    lines = timeline("-q", "--no-fold", "--flow", uid, *WHEN,
                *inputs).splitlines()
    of_flow = [record for record in flows if record.get("uid") == uid]
    wire = [line for line in lines if "  wire  " in line]
    told_at_end = sum(" ends: " in line and ", since " in line for line in wire)
    check(len(wire) == len(of_flow) + 1 - told_at_end and all(uid in line for line in wire),
          f"{place.name}: --flow: {len(wire)} of {len(of_flow)}")
    middle = times[len(times) // 2]
    text = f"{int(middle // 3600):02}:{int(middle // 60 % 60):02}:{middle % 60:09.6f}"
    since = timeline("-q", "--no-fold", "--since", text, *WHEN,
                log).splitlines()
    ends = sum(1 for record in calls if record["type"] in ("syscall", "signal", "process") and
               record["ts"] is not None and
               round(record["ts"] % 86400 * 10**6) >= round(middle * 1e6))
    check(len(since) == ends, f"{place.name}: --since {text}: {len(since)}, {ends}")

    trace = json.loads(timeline("-f", "chrome", *WHEN, *inputs))
    events = trace["traceEvents"]
    slices = collections.defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            check(event["dur"] >= 0, f"{place.name}: {event}")
            slices[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    timed = sum(1 for record in calls if record["type"] in ("syscall", "signal") and record["ts"])
    ran = sum(1 for record in changes if record["ran"] is not None)
    count = sum(len(track) for track in slices.values())
    check(count == timed + kinds["segment"] + kinds["flow"] + ran,
          f"{place.name}: {count} events")
    arrows = collections.defaultdict(dict)
    for event in events:
        if event["ph"] in "sf":
            # Decimals of a microsecond are not exact in floating point.
            check(any(begin - 0.002 <= event["ts"] <= end + 0.002
                      for begin, end in slices[event["pid"], event["tid"]]),
                  f"{place.name}: no slice for {event}")
            arrows[event["id"]][event["ph"]] = event
    check(all(set(arrow) == {"s", "f"} for arrow in arrows.values()), f"{place.name}: arrows")
    if place.name != "threads-py39-noyy":
        check(arrows, f"{place.name}: no arrows")
    names = {(event["pid"], event["tid"]) for event in events if event["ph"] == "M"}
    check(all(track in names for track in slices if track[0] != 0), f"{place.name}: names")

# Without times, order stands for them.
plain = harness.SAMPLES / "eventlet-strace/terminal.strace"
lines = timeline("-q", "--no-fold", plain).splitlines()
calls = [record for record in records("stracecalls", plain)
         if record["type"] in ("syscall", "signal", "process")]
check(len(lines) == len(calls) and all(
    (record.get("syscall") or record.get("signal") or record["event"]) in line
    for line, record in zip(lines, calls)), "terminal.strace: order")

harness.finish()
