"""The recorded logs: counts against the reference counts and strace's own tables, records against
the lines they are of, connections against what the traced programs and tcpdump saw.

usage: corpus_test.py [PART-OF-A-NAME]
"""
import bisect
import collections
import json
import os
import re
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
import stracecalls
from harness import WHEN, check, equal, nanoseconds, none

# The reference parser that made index.tsv did not join these; the rule of the missing pid (lines
# without one are the only live process') does: a28's wait4 begins as [pid 7429] and ends without.
JOINED = {"a28_q_stderr.log": {"pending": 0, "orphans": 0}}
UNKNOWN_CALL = "syscall_0x3e7"
PREFIX = re.compile(
    r"(?:\[pid +(?P<pid1>\d+)(?:<[^>]*>)?\] |(?P<pid2>\d{1,8})(?:<[^>]*>)? +)?"
    r"(?:(?P<tod>\d\d:\d\d:\d\d(?:\.\d+)?) |(?P<epoch>\d{9,}(?:\.\d+)?) )?"
    r"(?:\(\+ *(?P<delta1>\d+\.\d+)\) | *(?P<delta2>\d+\.\d+) )?"
    r"(?:\[(?P<nr> *\d+|\?+)\] )?(?:\[(?P<ip>[0-9a-f]{16}|\?{16})\] )?")
BEGIN = re.compile(r"(?P<name>[a-z_][a-z_0-9]*)\(")
IN = ("read", "recvfrom", "pread64", "readv", "recvmsg")
OUT = ("write", "sendto", "pwrite64", "writev", "sendmsg")
DAY_START_NS = 1795392000 * 10**9  # 2026-11-23 00:00 UTC
SEND_WITHIN_NS = 60_000_000  # a delayed ACK is 40 ms

def check_counts(name, row, run, content):
    got = stracecalls.counts(run)
    want = {column: int(row[column]) for column in got} | JOINED.get(name, {})
    equal(got, want, f"{name}: counts")
    equal(run.status, 0, f"{name}: status ({run.errors.strip()[-300:]})")
    none(stracecalls.ledger_problems(run, content), f"{name}: ledger")
    equal(run.ledger["dumps"], int(row["hexdump"]), f"{name}: lines of dumps")
    equal(run.ledger["frames"], int(row["frames"]), f"{name}: lines of stacks")
    equal(run.of("problem"), [], f"{name}: problems")
    ends = [call["end_line"] for call in run.calls if call["state"] not in stracecalls.PENDING]
    check(ends == sorted(ends), f"{name}: calls are not in the order in which they ended")


def check_table(name, row, run, content, path):
    tables = stracecalls.tables(content)
    equal(bool(tables), bool(row["table_calls"]), f"{name}: has a table")
    if not tables:
        return
    table, mine = stracecalls.table_counts(tables), stracecalls.record_counts(run.calls)
    # That this test reads the table as it is meant:
    for column in ("calls", "errors"):
        index = int(row[f"table_{column}"])
        total = sum(table.total[column] or 0 for table in tables)
        equal((sum(values[column == "errors"] for values in table.values()), total),
              (index, index), f"{name}: sum of {column} of the table")
    match, differs = row["table_match"], False
    if match == "differs:c-only":
        # A table alone has nothing that it could be compared with.
        equal(mine, {}, f"{name}: calls in a log without any")
    elif match == "differs:z/Z on 6.1":
        # Only calls that succeeded are in the log; the table has the others, too.
        table = {call: (calls - errors, 0) for call, (calls, errors) in table.items()
                 if calls > errors}
        differs = True
    elif match == "differs:syscall_0x3e7 not counted before 7.1":
        equal(mine.pop(UNKNOWN_CALL, None), (1, 1), f"{name}: the unknown call")
        differs = True
    else:
        equal(match, "exact", f"{name}: reason")
    if match != "differs:c-only":
        for call in sorted(set(mine) | set(table)):
            equal(mine.get(call), table.get(call), f"{name}: (calls, errors) of {call}")

    verified = stracecalls.run("--verify", *WHEN, path)
    mismatches = [each for each in verified.of("problem") if each["kind"] == "mismatch"]
    equal((verified.status, bool(mismatches)), (int(differs), differs),
          f"{name}: --verify: status, mismatches {mismatches[:2]}")
    if match.startswith("differs:sys"):
        check(len(mismatches) <= 2 and UNKNOWN_CALL in mismatches[0]["text"],
              f"{name}: --verify: {mismatches}")


def check_forged_table(folder):
    """--verify finds one changed number of a table, and says which call it is of."""
    with open(f"{folder}/e01_thr_yy.log", "rb") as file:
        content = file.read()
    changed = re.sub(rb"(\s)(\d+)(\s+openat\n)", lambda match: match[1] + b"%d" % (
        int(match[2]) + 1) + match[3], content, count=1)
    # The table is at the end: nothing else ends with the name of a call alone.
    check(changed != content, "the table has no openat")
    run = stracecalls.run("--verify", content=changed)
    mismatches = [each["text"] for each in run.of("problem") if each["kind"] == "mismatch"]
    equal(run.status, 1, "a changed table: status")
    check(any("openat" in text for text in mismatches), f"a changed table: {mismatches}")
    check(not any(re.search(r"\bmmap\b", text) for text in mismatches),
          f"a changed table: others too: {mismatches}")


def stamp_ns(match):
    """When the line says it was written: ns since 1970, of day or since the log began; its digits."""
    if match["epoch"] or match["tod"]:
        text = match["epoch"] or match["tod"]
        whole, _, fraction = text.partition(".")
        if match["tod"]:
            hours, minutes, seconds = whole.split(":")
            whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
        ns = int(whole) * 10**9 + int(fraction.ljust(9, "0") or 0)
        return ns + (DAY_START_NS if match["tod"] else 0), len(fraction)
    return None, None


def check_args(where, args, text):
    """The arguments begin the text, and the end of the call follows."""
    check(text.startswith(args) and re.match(r"( <unfinished \.\.\.>)? ?\) *= "
                                             r"| <detached \.\.\.>$|$|strace: Process",
                                             text[len(args):]),
          f"{where}: args {args!r} of {text[:200]!r}")


def check_lines(name, run, content):
    """Each record against the lines that it says it is of, read here by regular expressions."""
    lines = [line.rstrip("\r") for line in content.decode("latin-1").split("\n")]
    begins, prefixes, since_ns, start_ns = {}, {}, 0, {}
    for number, line in enumerate(lines, 1):
        prefix = PREFIX.match(line)
        delta = prefix["delta2"]
        if delta and not line.startswith((" | ", " * ", " = ")):
            # Three blanks of a percentage in a table look like -r's.
            since_ns += int(round(float(delta) * 1e9))
            start_ns[number] = since_ns
        begin = BEGIN.match(line, prefix.end())
        if begin:
            begins[number], prefixes[number] = begin, prefix
    calls = run.calls
    mine = [call["line"] for call in calls if call["state"] != "orphan"]
    equal(len(mine), len(set(mine)), f"{name}: two records begin on one line")
    equal(sorted(set(begins) ^ set(mine))[:5], [], f"{name}: lines that begin calls")
    relative = any(prefix["delta2"] for prefix in prefixes.values())
    durations = 0
    for call in calls:
        begin = begins.get(call["line"])
        if not begin:
            continue
        prefix, where = prefixes[call["line"]], f"{name}:{call['line']}"
        equal(call["syscall"], begin["name"], f"{where}: name")
        first, last = lines[call["line"] - 1][begin.end():], lines[call["end_line"] - 1]
        args = call["args"] or ""
        if call["line"] != call["end_line"] and call["split"]:
            head = first.removesuffix(" <unfinished ...>")
            tail = last.split(" resumed>", 1)[-1]
            check_args(where, args, head + tail)
        elif call["line"] == call["end_line"]:
            check_args(where, args, first)
        if call["result_text"] is not None:
            # From the last " = ": a text or path may hold others, but only before.
            text = f"= {call['result_text']}"
            rest = last[last.rfind(text):].removeprefix(text)
            check(text in last and re.fullmatch(
                r"( [A-Z][A-Z_0-9]+| \(errno \d+\))?( \(.*\))*( <[\d.]+>)?", rest),
                f"{where}: result {call['result_text']} of {last[-80:]}")
            if call["error"]:
                check(f" {call['error']} " in rest or call["error"] in rest,
                      f"{where}: error {call['error']} of {last[-80:]}")
        pid = prefix["pid1"] or prefix["pid2"]
        if pid:
            # A thread that execs takes the leader's number while it is in execve.
            after = call["syscall"] == "execve" and PREFIX.match(last)["pid2"] or pid
            check(call["tid"] in (int(pid), int(after)), f"{where}: tid {call['tid']}")
        if prefix["nr"] and prefix["nr"].strip("?"):
            equal(call["nr"], int(prefix["nr"]), f"{where}: nr")
        if prefix["ip"] and prefix["ip"].strip("?"):
            equal(call["ip"], int(prefix["ip"], 16), f"{where}: ip")
        ns, digits = stamp_ns(prefix)
        if ns is not None:
            clock = "epoch" if prefix["epoch"] else "time_of_day"
            equal((nanoseconds(call["ts"]), call["clock"],
                   nanoseconds(call["ts_resolution"])),
                  (ns, clock, 10**(9 - digits)), f"{where}: ts, clock, resolution")
        elif relative:
            equal(call["clock"], "start", f"{where}: clock")
            first_ns = start_ns[min(start_ns)]
            equal(nanoseconds(call["ts"]), start_ns[call["line"]] - first_ns,
                  f"{where}: ts of -r")
        else:
            equal((call["ts"], call["clock"]), (None, None), f"{where}: ts")
        duration = re.search(r" <(\d+(?:\.\d+)?)>$", last)
        if duration and call["state"] not in stracecalls.PENDING:
            durations += 1
            equal((nanoseconds(call["duration"]), call["duration_src"]),
                  (nanoseconds(duration[1]), "T"), f"{where}: duration")
        check_bytes(where, call)
    for call in calls:
        if call["restart_of"] is not None:
            before = [each for each in calls if each["line"] == call["restart_of"]]
            check(before and before[0]["state"] == "restarted"
                  and before[0]["tid"] == call["tid"]
                  and call["syscall"] in (before[0]["syscall"], "restart_syscall"),
                  f"{name}:{call['line']}: restart of line {call['restart_of']}")
    restarted = sum(call["state"] == "restarted" for call in calls)
    # -e raw prints -1 for the question mark.
    equal(restarted, sum(bool(re.search(r"= (\?|-1) ERESTART", line)) for line in lines),
          f"{name}: restarted calls")
    return durations


def check_bytes(where, call):
    """What a call moved is what it returned."""
    for names, direction in ((IN, "in"), (OUT, "out")):
        if call["syscall"] in names:
            if call["result"] is not None and call["result"] >= 0 and not call["error"] \
                    and "MSG_PEEK" not in call["args"] and "MSG_ERRQUEUE" not in call["args"]:
                equal((call["bytes"], call["direction"]), (call["result"], direction),
                      f"{where}: bytes")
            elif call["error"]:
                check(not call["bytes"], f"{where}: bytes of a call that failed")


def check_truth(name, run, path):
    if not os.path.exists(path):
        return
    with open(path, encoding="utf-8") as file:
        text = file.read()
    found = stracecalls.connections(run)
    if name.startswith("d11"):
        # What went through the ring is not in the log, and not to be made up.
        check("io_uring" in run.errors, f"{name}: no word of io_uring")
        enter = [call for call in run.calls if call["syscall"] == "io_uring_enter"]
        equal([(call["kind"], call["bytes"]) for call in enter], [("io_uring", None)],
              f"{name}: io_uring_enter")
        return
    truth = json.loads(text)
    if name.startswith("e13"):
        clients = collections.defaultdict(lambda: [0, 0])
        for each in truth:
            clients[each["client"]][0] += each["q"]
            clients[each["client"]][1] += each["r"]
        server = truth[0]["server"]
        for client, (sent, received) in clients.items():
            port = client.rsplit(":", 1)[1]
            mine = [moved for (local, _), moved in found.items()
                    if local and local.rsplit(":", 1)[1] == port]
            equal(mine, [(received, sent)], f"{name}: bytes of {client}")
        sums = collections.defaultdict(lambda: [0, 0])  # by datagram, at the server
        for call in run.calls:
            if call["local_p"] and stracecalls.end_text(call["local_h"], call["local_p"]) == server \
                    and call["bytes"]:
                peer = stracecalls.end_text(call["peer_h"], call["peer_p"])
                sums[peer][call["direction"] == "out"] += call["bytes"]
        equal({peer: tuple(each) for peer, each in sums.items()},
              {peer: tuple(each) for peer, each in clients.items()},
              f"{name}: bytes at the server")
        return
    if name.startswith("e16"):
        local, peer = truth["writes"][0]["sock"].split("->")
        equal(found.get((local, peer)), (0, truth["total"]), f"{name}: bytes sent")
        equal(found.get((peer, local)), (truth["total"], 0), f"{name}: bytes received")
        writes = [(call["tid"], call["fd"], call["bytes"]) for call in run.calls
                  if call["kind"] == "tcp" and call["direction"] == "out"]
        want = [(each["pid"], each["fd"], each["bytes"]) for each in truth["writes"]]
        # The ninth is written by bash's echo, as its descriptor 1.
        want = [(pid, 1, size) if size == 9 else (pid, fd, size) for pid, fd, size in want]
        equal(writes, want, f"{name}: writes")
        return
    for each in truth:
        key = (each["local"], each["remote"])
        equal(found.get(key), (each["recv"], each["sent"]), f"{name}: bytes of {key}")


def segments(pcap):
    """{flow's ends: {is_orig: [(offset, length, ns)]}}."""
    flows, found = {}, collections.defaultdict(lambda: {True: [], False: []})
    for record in harness.records("pcapflows", "--segments", pcap):
        if record["type"] == "segment" and not record["is_rexmit"]:
            found[record["uid"]][record["is_orig"]].append(
                (record["offset"], record["length"], nanoseconds(record["ts"])))
        elif record["type"] == "flow":
            begin = nanoseconds(record["ts"])
            flows[record["uid"]] = (
                stracecalls.end_text(record["id.orig_h"], record["id.orig_p"]),
                stracecalls.end_text(record["id.resp_h"], record["id.resp_p"]), begin,
                begin + nanoseconds(record["duration"] or 0))
    return [(*ends, {side: sorted(parts) for side, parts in found[uid].items()})
            for uid, ends in flows.items()]


def check_capture(name, run, pcap):
    """Every send on a TCP socket has its bytes on the wire, at once."""
    if not os.path.exists(pcap):
        return
    flows, files = segments(pcap), {}
    for call in run.calls:
        if call["kind"] == "tcp" and call["file"] is not None:
            files.setdefault(call["file"], []).append(call)
    met, delays = 0, []
    for number, calls in files.items():
        sends = [call for call in calls if call["direction"] == "out" and call["bytes"]]
        if not sends:
            continue
        local = next((stracecalls.end_text(call["local_h"], call["local_p"]) for call in reversed(calls)
                      if call["local_p"]), None)
        peer = next((stracecalls.end_text(call["peer_h"], call["peer_p"]) for call in reversed(calls)
                     if call["peer_p"]), None)
        ts = nanoseconds(sends[0]["ts"])
        slack = nanoseconds(sends[0]["ts_resolution"])
        # A client whose port no call names: by its peer and time.
        flow = [(each, each[0] == local or (local is None and each[1] == peer)) for each in flows
                if peer in each[:2] and local in (None, *each[:2])
                and each[2] - 10**6 - slack <= ts <= each[3] + slack]
        if not equal(len(flow), 1, f"{name}: flows of {local} -> {peer}, file {number}"):
            continue
        (_, _, _, _, parts), orig = flow[0]
        parts, offset = parts[orig], 0
        for call in sorted(sends, key=lambda call: call["line"]):
            where = f"{name}:{call['line']}: {call['syscall']} of {call['bytes']} bytes"
            covered = sum(min(begin + length, offset + call["bytes"]) - max(begin, offset)
                          for begin, length, _ in parts
                          if begin < offset + call["bytes"] and begin + length > offset)
            equal(covered, call["bytes"], f"{where}: bytes on the wire")
            first = [ns for begin, length, ns in parts if begin <= offset < begin + length]
            if first:
                late = first[0] - nanoseconds(call["ts"])
                check(-20_000 <= late <= slack + SEND_WITHIN_NS,
                      f"{where}: its packet comes {late} ns later")
                delays.append(late)
                met += 1
            offset += call["bytes"]
        equal(offset, sum(length for _, length, _ in parts),
              f"{name}: all bytes of {local} -> {peer}")
    check(met > 0, f"{name}: no send met its packet")
    delays.sort()
    print(f"{name}: {met} sends met their packets, {delays[0] / 1e6:.3f} to "
          f"{delays[-1] / 1e6:.3f} ms later, median {delays[len(delays) // 2] / 1e6:.3f} ms")


def check_dumps(name, path, content):
    """The bytes of a call's dump, read here from the hexadecimal columns, and its result."""
    want, number = collections.defaultdict(bytes), 0
    for count, line in enumerate(content.decode("latin-1").split("\n"), 1):
        match = re.match(r" \| [0-9a-f]{5,}  ((?:[0-9a-f]{2} | {3}){8}) ((?:[0-9a-f]{2} | {3}){8})",
                         line)
        if match:
            want[number] += bytes.fromhex(match[1] + match[2])
        elif not line.startswith((" * ", " = ")):
            number = count
    if not want:
        return
    got, simple = {}, 0
    for line, call, args, result, state, dump in stracecalls.columns(
            path, ("end_line", "syscall", "args", "result", "state", "dump")):
        if dump:
            got[int(line)] = dump.encode("latin-1")
            if call in IN + OUT + ("recv", "send"):
                simple += 1
                # readv's and recvmsg's dumps have every buffer whole, also its unused rest, and
                # those of write what it should write, also when it fails.
                longer = call in ("readv", "recvmsg") or call in OUT and int(result) < 0
                check(len(dump) == int(result) or longer and len(dump) > int(result),
                      f"{name}:{line}: {call} = {result}, {len(dump)} bytes in the dump")
    equal({line: text.hex() for line, text in got.items()},
          {line: text.hex() for line, text in want.items()}, f"{name}: dumps")
    check(simple > 5, f"{name}: {simple} dumps of simple calls")


class PerfMap:
    def __init__(self, path):
        self.entries = []
        with open(path, encoding="utf-8") as file:
            for line in file:
                begin, size, symbol = line.rstrip("\n").split(" ", 2)
                self.entries.append((int(begin, 16), int(size, 16), symbol))
        self.entries.sort()

    def find(self, address):
        index = bisect.bisect_right(self.entries, (address, 1 << 64, "")) - 1
        if index >= 0:
            begin, size, symbol = self.entries[index]
            if address < begin + size:
                return symbol
        return None


def check_perf_maps(name, run, folder, pattern):
    """Stacks that end at an address: the address is in the map of the process, or of one that it
    was forked from; where the traced program says which function that is, it is that."""
    maps = {}
    for entry in os.listdir(folder):
        match = re.fullmatch(pattern, entry)
        if match:
            maps[int(match[1])] = PerfMap(os.path.join(folder, entry))
    if not maps:
        return
    parents, groups = {}, {}
    for each in run.of("process"):
        if each["event"] == "clone":
            if each["is_thread"]:
                groups[each["child"]] = groups.get(each["tid"], each["tid"])
            else:
                parents[each["child"]] = groups.get(each["tid"], each["tid"])
    named = resolved = 0
    for call in run.calls:
        address = re.search(r"^unexpected_backtracing_error \[0x([0-9a-f]+)\]$",
                            call["stack"] or "", re.MULTILINE)
        if not address:
            continue
        process = groups.get(call["tid"], call["tid"])
        if call["pid"] is not None:
            equal(call["pid"], process, f"{name}:{call['line']}: pid")
        symbol = None
        while process is not None and symbol is None:
            symbol = maps[process].find(int(address[1], 16)) if process in maps else None
            process = parents.get(process)
        where = f"{name}:{call['line']}: {call['path']}"
        if check(symbol and symbol.startswith("py::"), f"{where}: {address[0]} -> {symbol}"):
            resolved += 1
        function = re.fullmatch(r"/T/(.*)", call["path"] or "")
        if function and symbol:
            named += 1
            # All of an expression's lambdas are called so; a comprehension is its function.
            equal(symbol.split(":")[2], function[1], f"{where}: function")
    check(resolved > 20, f"{name}: {resolved} addresses resolved")
    print(f"{name}: {resolved} addresses are Python functions, {named} of them named by the log")


def check_storm(run):
    """The corpus' README: 29,790 accept4(-1) with EBADF of 29,793 EBADF."""
    failed = [call for call in run.calls if call["error"] == "EBADF"]
    accepts = [call for call in failed if call["syscall"] == "accept4" and call["fd"] == -1]
    equal((len(accepts), len(failed)), (29790, 29793), "storm: EBADF")
    closed = [call for call in run.calls if call["syscall"] == "close" and call["fd"] == 16
              and call["local_p"] == 34949 and call["peer_p"] is None]
    equal([(call["kind"], call["local_h"]) for call in closed], [("tcp", "127.0.0.1")],
          "storm: the listening socket's close")
    check(all(call["kind"] in (None, "closed") and call["local_p"] is None
              and call["file"] is None for call in accepts),
          "storm: descriptor -1 is said to be something")


def check_log(name, row, folder):
    """Returns how many durations were compared."""
    path, stem = folder / name, str(folder / name.removesuffix(".log"))
    content = path.read_bytes()
    run = stracecalls.run(*WHEN, path)
    check_counts(name, row, run, content)
    check_table(name, row, run, content, path)
    durations = check_lines(name, run, content)
    check_truth(name, run, f"{stem}.truth")
    check_capture(name, run, f"{stem}.pcap")
    if name.startswith("e12"):
        check_capture(name, run, f"{folder}/e10_curl.pcap")
    check_dumps(name, path, content)
    if name.startswith("k03"):
        check_perf_maps(name, run, folder, r"k03_jit_py312\.perf-(\d+)\.map")
    return durations


def check_scenario(scenario):
    name, path = scenario.name, scenario / "strace.log"
    run = stracecalls.run(path)
    equal(run.status, 0, f"{name}: status")
    none(stracecalls.ledger_problems(run, path.read_bytes()), f"{name}: ledger")
    equal(run.of("problem"), [], f"{name}: problems")
    if name == "storm":
        check_storm(run)
    else:
        check_perf_maps(name, run, scenario, r"perf-(\d+)\.map")
    if run.calls[0]["clock"] == "epoch":
        check_capture(name, run, scenario / "tcpdump.pcap")


part = harness.part()
folder, index = stracecalls.corpus()
durations = sum(check_log(row["file"], row, folder) for row in index if part in row["file"])
if not part:
    check_forged_table(folder)
    check(durations > 5000, f"only {durations} durations")
for log in sorted(harness.CORPUS.glob("scenarios/*/strace.log")):
    if part in log.parent.name:
        check_scenario(log.parent)
harness.finish()
