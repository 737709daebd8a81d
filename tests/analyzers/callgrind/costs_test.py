"""tracebraid callgrind: time against cprof2callgrind, the other events against the logs themselves,
strace's own tables and tracebraid sockets; conservation of every cost from its bearer to the roots.
"""
import re
import shutil
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from callgrind_file import CallgrindFile, annotated, components
from harness import check, nanoseconds


def merged(*arguments):
    return CallgrindFile(harness.run("tracebraid", "callgrind", *arguments).out)


def same_time(name, profile, ours):
    """Time is what cprof2callgrind has, for every function and call."""
    expected = CallgrindFile(harness.run("cprof2callgrind", profile, "-").out)
    check(ours.totals[0] == expected.total, f"{name}: total {ours.totals[0]} {expected.total}")
    for text, (file, obj) in expected.functions.items():
        check(ours.functions.get(text) == (file, obj) and
              ours.self_cost.get(text) == expected.self_cost[text],
              f"{name}: {text}: {ours.self_cost.get(text)} {expected.self_cost[text]}")
    mine = {}
    for pair, (calls, ns) in ours.calls.items():
        if all(text in expected.functions for text in pair):
            mine[pair] = (calls, ns)
        else:
            check(ns == 0, f"{name}: time in {pair}")
    for pair, (calls, ns) in expected.calls.items():
        check(mine.get(pair) == (calls, ns), f"{name}: {pair}: {mine.get(pair)} {(calls, ns)}")


def conserved(name, ours):
    """Every cost is borne by the kernel and the network alone, and arrives at the roots whole;
    what bears none hands on what it gets, outside of circles and for what circles get together."""
    for text, (_, obj) in ours.functions.items():
        if obj not in ("kernel", "network"):
            check(not any(ours.costs[text][1:]), f"{name}: {text} bears {ours.costs[text]}")
    at_roots = [0] * len(ours.events)
    into, out_of = {}, {}
    for (caller, callee), costs in ours.call_costs.items():
        if caller == "(root)":
            at_roots = [left + right for left, right in zip(at_roots, costs)]
        into.setdefault(callee, []).append(costs)
        out_of.setdefault(caller, []).append(costs)
    check(at_roots[1:] == ours.totals[1:], f"{name}: at roots {at_roots} of {ours.totals}")
    callees = {text: [] for text in ours.functions}
    for caller, callee in ours.calls:
        callees.setdefault(caller, []).append(callee)
    members = {}
    for text, number in components(callees).items():
        members.setdefault(number, set()).add(text)
    for group in members.values():
        if "(root)" in group:
            continue
        balance = [0] * len(ours.events)
        for text in group:
            balance = [left + right for left, right in zip(balance, ours.costs[text])]
        for (caller, callee), costs in ours.call_costs.items() if len(group) > 1 else ():
            if caller in group and callee not in group:
                balance = [left + right for left, right in zip(balance, costs)]
            elif callee in group and caller not in group:
                balance = [left - right for left, right in zip(balance, costs)]
        if len(group) == 1:
            text, = group
            for costs in out_of.get(text, ()):
                balance = [left + right for left, right in zip(balance, costs)]
            for costs in into.get(text, ()):
                balance = [left - right for left, right in zip(balance, costs)]
        check(not any(balance[1:]), f"{name}: {sorted(group)[:3]} keeps {balance[1:]}")


def table_of(log):
    """{call: (calls, errors)} of the tables that strace -C put into the log: one for each ABI, and for
    each log where several were joined."""
    table = {}
    text = log.read_text(errors="replace")
    for head in re.finditer(r"^% time.*\n[- ]+\n", text, re.M):
        for line in text[head.end():].splitlines():
            words = line.split()
            if line.startswith("---"):
                break
            calls, errors = table.get(words[-1], (0, 0))
            table[words[-1]] = (calls + int(words[3]),
                                errors + (int(words[4]) if len(words) == 6 else 0))
    return table


def inclusive(ours, text):
    """Of a call's node: all that came into it."""
    total = [0] * len(ours.events)
    for (_, callee), costs in ours.call_costs.items():
        if callee == text:
            total = [left + right for left, right in zip(total, costs)]
    return dict(zip(ours.events, total))


def plain_sums(log):
    """Of a log of -T, by regular expressions: calls that returned, their time, errors."""
    calls = errors = 0
    ns = 0
    for line in log.read_text(errors="replace").splitlines():
        end = re.search(r"= (-?\d\S*|\?|0x[0-9a-f]+)(.*)<(\d+)\.(\d{6})>$", line)
        if end is None or line.endswith("<unfinished ...>"):
            continue
        calls += 1
        ns += (int(end.group(3)) * 10**6 + int(end.group(4))) * 1000
        errors += end.group(1) == "-1" or end.group(1) == "?"
    return calls, ns, errors


def check_scenario(name, folder, profile, log, capture, others=()):
    inputs = [folder / profile, folder / log, folder / capture, *others]
    ours = merged(*inputs)
    same_time(name, folder / profile, ours)
    conserved(name, ours)
    total = dict(zip(ours.events, ours.totals))
    calls, ns, errors = plain_sums(folder / log)
    check((total["Syscalls"], total["SysTime"], total["Errors"]) == (calls, ns, errors),
          f"{name}: {total} {(calls, ns, errors)}")
    sockets = harness.records("tracebraid", "sockets", "--all", folder / log, folder / capture)
    waits = sum(nanoseconds(socket["wait_total"]) for socket in sockets if socket["wait_total"])
    check(total["Wait"] == waits, f"{name}: Wait {total['Wait']} {waits}")
    flows = harness.records("pcapflows", folder / capture)
    check(total["Retrans"] == sum(flow["orig_rexmit_pkts"] + flow["resp_rexmit_pkts"]
                                  for flow in flows), f"{name}: Retrans {total['Retrans']}")
    # The network's own costs are those of the calls on sockets, connection by connection.
    by_name = {}
    for text, (_, obj) in ours.functions.items():
        if obj == "network":
            by_name[text] = dict(zip(ours.events, ours.costs[text]))
    for socket in sockets:
        if socket["role"] not in ("accepted", "connecting") or not socket["uid"]:
            continue
        nodes = [costs for text, costs in by_name.items()
                 if text.startswith(f"{socket['local_h']}:{socket['local_p']}→") and
                 text.endswith(socket["uid"])]
        check(len(nodes) == 1 and
              (nodes[0]["Sent"], nodes[0]["Received"], nodes[0]["Syscalls"], nodes[0]["Errors"]) ==
              (socket["bytes_out"], socket["bytes_in"], socket["calls"], socket["errors"]),
              f"{name}: {socket['local_p']}→{socket['peer_p']}: {nodes} {socket}")
    return ours


sample = harness.SAMPLES / "accept-storm"
ours = check_scenario("accept-storm", sample, "profiling.cprof", "strace.log", "tcpdump.pcap")
storm = inclusive(ours, "accept4")
text = (sample / "strace.log").read_text()
check(storm["Errors"] == len(re.findall(r"accept4\(.*= -1", text)), f"accept-storm: {storm}")
# What Python called so often that nothing else could have made these calls.
accept, = [name for name in ours.functions if name.startswith("<method '_accept' of")]
into = ours.call_costs[(accept, "accept4")]
check(into[ours.events.index("Errors")] >= storm["Errors"] * 0.99, f"accept-storm: {into}")

# Each greenlet a root: the same totals, and errors at the greenlet that looped.
greenlets = merged("--by-greenlet", sample / "profiling.cprof", sample / "strace.log",
                   sample / "tcpdump.pcap", sample / "greenlet.bt.txt")
check(greenlets.totals == ours.totals, f"by greenlet: {greenlets.totals} {ours.totals}")
conserved("by greenlet", greenlets)
switches = [line.split() for line in (sample / "greenlet.bt.txt").read_text().splitlines()
            if " switch " in line]
failing = {}
for line in text.splitlines():
    words = line.split()
    if "= -1" not in line or len(words) < 2:
        continue
    before = [switch[4] for switch in switches if float(switch[0]) <= float(words[1])]
    name = before[-1] if before else None
    failing[name] = failing.get(name, 0) + 1
for address, count in failing.items():
    if address is None:
        continue
    node = inclusive(greenlets, f"greenlet {address}")
    check(node["Errors"] == count, f"by greenlet: {address}: {node} {count}")

# Fewer connections than there are: the others are one node, and nothing is lost.
few = merged("--connections", "1", sample / "profiling.cprof", sample / "strace.log",
             sample / "tcpdump.pcap")
check(few.totals == ours.totals, f"--connections: {few.totals}")
conserved("--connections", few)
check(sum("→" in name for name, (_, obj) in few.functions.items() if obj == "network") == 1,
      "--connections: one")

# Without system calls it is the profile; without a profile nothing is attributed.
time_only = merged(sample / "profiling.cprof")
check(time_only.events == ["Time"], f"{time_only.events}")
same_time("profile alone", sample / "profiling.cprof", time_only)
calls_only = merged(sample / "strace.log")
check(calls_only.totals[1] == ours.totals[1] and
      inclusive(calls_only, "<unattributed>")["Syscalls"] == ours.totals[1], "log alone")
conserved("log alone", calls_only)

# Records say the same as the profile.
records = harness.records("tracebraid", "callgrind", sample / "profiling.cprof",
                          sample / "strace.log", sample / "tcpdump.pcap")
check(sum(record["calls"] for record in records) == ours.totals[1], "records: calls")
check(sum(record["calls"] for record in records if record["evidence"] == "count") ==
      ours.totals[ours.events.index("Estimated")], "records: estimated")

if shutil.which("callgrind_annotate"):
    with harness.folder() as folder:
        out = folder / "callgrind.out"
        harness.run("tracebraid", "callgrind", "-q", sample / "profiling.cprof", sample / "strace.log",
                    "-o", out)
        _, shown = annotated(out)
        check(shown == ours.totals[:len(shown)], f"callgrind_annotate: {shown}")

if harness.CORPUS:
    corpus = harness.CORPUS
    for name in ("storm", "hub-asyncio", "hub-epolls", "hub-selects", "threads-py311",
                 "threads-py312-perf"):
        folder = corpus / "scenarios" / name
        others = sorted(folder.glob("perf-*.map"))
        check_scenario(name, folder, "profiling.cprof", "strace.log", "tcpdump.pcap", others)
    # strace's own tables, of logs whose lines can agree with them.
    index = [line.split("\t") for line in (corpus / "strace/index.tsv").read_text().splitlines()]
    compared = 0
    for row in index[1:]:
        log = corpus / "strace/logs" / row[0]
        if row[-1] != "exact" or log.suffix != ".log" or "-c" in row[2].split():
            continue
        try:
            table = table_of(log)
        except (IndexError, ValueError):
            continue  # columns of -U: converters/strace/corpus_test.py reads those
        if not table:
            continue
        ours = merged(log)
        compared += 1
        for call, (calls, errors) in table.items():
            node = inclusive(ours, call)
            check((node["Syscalls"], node["Errors"]) == (calls, errors),
                  f"{log.name}: {call}: {node} {(calls, errors)}")
        total = dict(zip(ours.events, ours.totals))
        check(total["Syscalls"] == sum(calls for calls, _ in table.values()),
              f"{log.name}: {total}")
    check(compared > 10, f"compared {compared} tables")

harness.finish()
