"""tracebraid diff of logs and captures: system calls against what regular expressions find in the
logs, flows against pcapflows' records and the captures' packets, sockets against tracebraid sockets.
"""
import collections
import itertools
import re
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import capture_file
import harness
from diff_runs import changes
from harness import check, equal, nanoseconds

LINE = re.compile(r"(\d+) +(\d+\.\d+) (.*)")
TIME = re.compile(r" <(\d+\.\d+)>$")
WHOLE = re.compile(r"([a-z_0-9]+)\((.*)\) += (\?|-?\d+|0x[0-9a-f]+)(?:<.*>(?:\(deleted\))?)?"
                   r"(?: ([A-Z]+) \(.*\))?(?: \(.*\))?$")
# What -yy prints of a descriptor.
TARGETS = [(r"<TCP(v6)?:", "tcp"), (r"<UNIX", "unix"), (r"<pipe:", "pipe"),
           (r"<anon_inode:\[eventpoll\]", "epoll"), (r"</", "file")]


def calls_of(log):
    """[(name, error, target where -yy tells it, ns, what it returned)] of a log of -f -ttt -T -yy."""
    waiting, calls = {}, []
    for line in log.read_text(errors="replace").splitlines():
        match = LINE.match(line)
        if not match:
            continue
        thread, _, text = match.groups()
        if text.startswith(("---", "+++")):
            continue
        if text.endswith("<unfinished ...>"):
            waiting[thread] = text[:-len("<unfinished ...>")].rstrip()
            continue
        resumed = re.match(r"<\.\.\. [a-z_0-9]+ resumed>(.*)", text)
        if resumed:
            text = waiting.pop(thread) + resumed.group(1)
        time = TIME.search(text)
        call = WHOLE.fullmatch(TIME.sub("", text))
        assert call, text
        name, arguments, result, error = call.groups()
        target = None
        fd = re.match(r"\d+(<.*)", arguments)
        if fd:
            target = next((kind for start, kind in TARGETS if re.match(start, fd.group(1))), None)
        calls.append((name, error, target, round(float(time.group(1)) * 10**6) * 1000 if time else 0,
                      int(result) if re.fullmatch(r"\d+", result) else 0))
    for text in waiting.values():
        calls.append((text.split("(")[0], None, None, 0, 0))
    return calls


def compare_syscalls(a, b):
    found = [each for each in changes(a, b) if each["kind"] == "syscall"]
    what = f"{a} against {b}"
    sides = [calls_of(each) for each in (a, b)]

    def sums(key, value):
        both = [collections.Counter() for _ in sides]
        for side, calls in zip(both, sides):
            for call in calls:
                side[key(call)] += value(call)
        return {each: (both[0][each], both[1][each]) for each in both[0].keys() | both[1].keys()
                if each is not None and (both[0][each] or both[1][each])}

    def told(measure, key):
        got = collections.defaultdict(lambda: (0, 0))
        for each in found:
            if each["name"] is not None and each["measure"] == measure:
                x, y = got[key(each)]
                got[key(each)] = (x + each["a"], y + each["b"])
        return {key: both for key, both in got.items() if both != (0, 0) and key is not None}
    equal(told("calls", lambda each: (each["name"], each["error"])),
          sums(lambda call: call[:2], lambda call: 1), what + ": calls by name and error")
    # exit never returns: where its line is broken, its time is that between the stamps.
    equal(told("time", lambda each: None if each["name"] == "exit" else each["name"]),
          sums(lambda call: None if call[0] == "exit" else call[0], lambda call: call[3]),
          what + ": time by name")
    # Where the log names the target; what it calls a file can be one that was opened as another.
    want = {key: both for key, both in sums(lambda call: call[:3], lambda call: 1).items()
            if key[2] in ("tcp", "epoll", "pipe")}
    got = told("calls", lambda each: (each["name"], each["error"], each["target"]))
    for key, both in want.items():
        check(got.get(key, (0, 0)) >= both, f"{what}: {key}: {got.get(key)} for {both}")
    # recvfrom and sendto tell their bytes.
    for name, measure in (("recvfrom", "bytes_in"), ("sendto", "bytes_out")):
        equal({key: both for key, both in
               told(measure, lambda each: each["name"]).items() if key == name},
              sums(lambda call: call[0] if call[0] == name else None,
                   lambda call: call[4] if call[0] == name and not call[1] else 0),
              f"{what}: {measure} of {name}")
    totals = {each["measure"]: (each["a"], each["b"]) for each in found if each["name"] is None}
    equal(totals["calls"], tuple(len(calls) for calls in sides), what + ": all calls")
    equal(totals["errors"], tuple(sum(call[1] is not None for call in calls)
                                  for calls in sides), what + ": all errors")
    for each in found:
        if each["name"] is not None and each["measure"] == "calls":
            status = ("appeared" if each["a"] == 0 else "gone" if each["b"] == 0 else
                      "same" if each["a"] == each["b"] else "changed")
            check(each["status"] == status, f"{what}: {each}")


def address(host, port):
    return f"[{host}]:{port}" if host and ":" in host else f"{host or '*'}:{port}"


def with_zeros(want, counts):
    """What a side has none of is counted all the same."""
    return {key: tuple(0 if value is None and key[2] in counts else value for value in both)
            for key, both in want.items()}


def rank_median(values):
    """The value that half are not above."""
    return sorted(values)[(len(values) + 1) // 2 - 1]


def compare_flows(a, b):
    found = [each for each in changes(a, b) if each["kind"] == "flow"]
    what = f"{a} against {b}"
    want = {}
    for side, path in enumerate((a, b)):
        groups = collections.defaultdict(list)
        for flow in harness.records("pcapflows", path):
            port = flow["id.resp_p"] if flow["id.resp_p"] < 32768 else "*"
            server = address(flow["id.resp_h"], port)
            name = flow["proto"] + (" " + flow["service"] if flow["service"] else "")
            groups[name, server].append(flow)
            groups[None, None].append(flow)
        for key, flows in groups.items():
            def add(measure, value):
                want.setdefault((*key, measure), [None, None])[side] = value
            add("flows", len(flows))
            add("failed", sum(flow["conn_state"] in ("S0", "REJ", "RSTO", "RSTR", "RSTOS0",
                                                     "RSTRH", "SH", "SHR") for flow in flows))
            for measure, fields in {"orig_bytes": ["orig_payload_bytes"],
                                    "resp_bytes": ["resp_payload_bytes"],
                                    "orig_pkts": ["orig_pkts"], "resp_pkts": ["resp_pkts"],
                                    "rexmit_pkts": ["orig_rexmit_pkts", "resp_rexmit_pkts"]}.items():
                add(measure, sum(flow[field] for flow in flows for field in fields))
            for measure in ("handshake_rtt", "response_latency", "duration"):
                values = [nanoseconds(flow[measure]) for flow in flows if flow[measure] is not None]
                if values:
                    add(measure, rank_median(values))
            means = [(nanoseconds(flow[f"{end}_rtt_avg"]), flow[f"{end}_rtt_samples"]) for flow in flows
                     for end in ("orig", "resp") if flow[f"{end}_rtt_avg"] is not None]
            if means:
                add("rtt", sum(mean * count for mean, count in means) //
                    sum(count for _, count in means))
            add("max_idle", max(nanoseconds(flow["max_idle"] or 0) for flow in flows))
    got = {(each["name"], each["target"], each["measure"]): [each["a"], each["b"]]
           for each in found}
    counts = ("flows", "failed", "orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts",
              "rexmit_pkts")
    equal({key: tuple(both) for key, both in got.items()}, with_zeros(want, counts), what)
    packets = {each["measure"]: (each["a"], each["b"]) for each in found if each["name"] is None}
    equal(tuple(x + y for x, y in zip(packets["orig_pkts"], packets["resp_pkts"])),
          tuple(len(capture_file.read(path).packets) for path in (a, b)), what + ": packets of the captures")


def compare_sockets(a, b):
    """a and b: lists of inputs, each a log with its capture."""
    found = [each for each in changes(*a, "--", *b) if each["kind"] == "socket"]
    what = f"sockets of {a[0]} against {b[0]}"
    want = {}
    for side, inputs in enumerate((a, b)):
        groups = collections.defaultdict(list)
        for socket in harness.records("tracebraid", "sockets", "--all", *inputs):
            end = "peer" if socket["role"] == "connecting" else "local"
            port = socket[end + "_p"]
            server = (socket["path"] if socket["proto"] == "unix" else
                      address(socket[end + "_h"], port if port and port < 32768 else "*"))
            name = (socket["proto"] if socket["proto"] == socket["role"] else
                    f"{socket['proto']} {socket['role']}")
            groups[name, server or None].append(socket)
            groups[None, None].append(socket)
        for key, sockets in groups.items():
            def add(measure, value):
                want.setdefault((*key, measure), [None, None])[side] = value
            add("sockets", len(sockets))
            add("unclosed", sum(socket["ended_by"] is None for socket in sockets))
            for measure in ("calls", "errors", "bytes_in", "bytes_out"):
                add(measure, sum(socket[measure] for socket in sockets))
            add("blocked", sum(nanoseconds(socket["blocked"] or 0) for socket in sockets))
            for wait in ("wait", "send_wait"):
                waited = [socket for socket in sockets if socket[wait + "_total"] is not None]
                count = sum(socket[wait + "s"] for socket in waited)
                if count:
                    add(wait + "_mean", sum(nanoseconds(socket[wait + "_total"]) for socket in waited) //
                        count)
                    add(wait + "_max", max(nanoseconds(socket[wait + "_max"]) for socket in waited))
    counts = ("sockets", "unclosed", "calls", "errors", "bytes_in", "bytes_out", "blocked")
    got = {(each["name"], each["target"], each["measure"]): (each["a"], each["b"])
           for each in found}
    equal(got, with_zeros(want, counts), what)
    check(any(key[2] == "wait_max" for key in got), what + ": no waits")


def compare_switches(a, b):
    found = {each["measure"]: (each["a"], each["b"]) for each in changes(a, b)
             if each["kind"] == "switch"}
    counts = tuple(sum(" switch " in line for line in path.read_text().splitlines())
                   for path in (a, b))
    equal(found["switches"], counts, f"switches of {a} against {b}")


scenarios = harness.corpus("scenarios") / "scenarios"
for pair in itertools.combinations(["hub-epolls", "hub-asyncio", "hub-selects", "storm", "threads-py311"],
                                   2):
    logs = [scenarios / each / "strace.log" for each in pair]
    captures = [scenarios / each / "tcpdump.pcap" for each in pair]
    compare_syscalls(*logs)
    compare_flows(*captures)
    compare_sockets(*([log, capture] for log, capture in zip(logs, captures)))
compare_switches(scenarios / "hub-epolls/greenlet.bt.txt", scenarios / "storm/greenlet.bt.txt")
# Records in place of the inputs say the same; sockets need more than calls.
hubs = [scenarios / name for name in ("hub-epolls", "hub-asyncio")]
inputs, streams = [[], []], [[], []]
with harness.folder() as folder:
    for program, name in (("stracecalls", "strace.log"), ("pcapflows", "tcpdump.pcap"),
                          ("cprofcalls", "profiling.cprof")):
        for side, form in enumerate(("jsonl", "msgpack")):
            inputs[side].append(hubs[side] / name)
            streams[side].append(folder / f"{program}.{form}")
            harness.run(program, "-q", "-o", streams[side][-1], inputs[side][-1])

    def of(a, b):
        return [each for each in changes("--runs", "one", *a, "--", *b) if each["kind"] != "socket"]
    equal(of(*streams), of(*inputs), "streams for inputs")
harness.finish()
