"""Compares pcapflows' flows with the conn.log that Zeek's own tests expect of the same captures.

usage: zeek_agreement_test.py [-v] [PART]

$TRACEBRAID_CORPUS/zeek/pairs.tsv names the pairs of capture and log, their class, and how Zeek was
run. Only pairs with PART in their class, trace or baseline are compared. -v lists what differs in
pairs that may differ, too.

Rows are matched irrespective of their order: first those that agree in everything, then each of the
rest with the one it agrees with most. A pair is exact when all rows are matched and all fields that
both sides have agree: times to 2 us, history without X (analysis stopped at a limit),
tunnel_parents by their number. A pair's class says whether it may fail the test:
  A, A-part  at least 95 % must be exact, and every other pair be named in EXPLAINED
  B, C       must be exact where EXACT names them (they need options or a way to read of Zeek's own)
  X          not compared
service is reported only: Zeek's comes from its protocol analyzers.
"""
import collections
import csv
import os
import re
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
import pcapflows
from harness import check, nanoseconds

# (trace, baseline) as pairs.tsv has them: why the two may differ.
EXPLAINED = {
    ("traces/cisco-fabric-path.pcap", "baselines/core.cisco-fabric-path.conn.log"):
        "SCTP: Zeek counts no payload of transports it does not know; it was on the wire",
    ("traces/communityid/sctp.pcap", "baselines/core.unknown-ip-protocol.conn.log"):
        "SCTP: as above",
    ("traces/vntag.pcap", "baselines/core.vntag.conn.log"):
        "a transport that Zeek does not know: as above",
    ("traces/tcp/retransmit-fast009.pcap", "baselines/core.tcp.rxmit-history.conn-1.log"):
        "payload cut by the snaplen: Zeek says that it is missing, but its headers are there",
    ("traces/vntag_vlan_sandwich_clean.pcap", "baselines/core.vntag-in-vlan.conn.log"):
        "a packet cut by the snaplen: Zeek counts none",
}

# (trace, baseline) of the pairs of class B and C that are known to be exact.
EXACT = {
    ("traces/wikipedia.pcap", "baselines/core.pcap.read-trace-with-filter.conn.log"),
    ("traces/ncp.pcap", "baselines/scripts.base.protocols.ncp.frame_size_tuning.conn.log"),
    ("traces/vlan-collisions.pcap",
     "baselines/scripts.policy.frameworks.conn_key.vlan_fivetuple-2.conn.log.cut"),
    ("traces/vlan-collisions.pcap",
     "baselines/scripts.policy.frameworks.conn_key.vlan_fivetuple-3.conn.log.cut"),
    ("traces/vlan-collisions.pcap",
     "baselines/scripts.policy.frameworks.conn_key.vlan_fivetuple-4.conn.log.cut"),
    ("traces/vlan-collisions.pcap",
     "baselines/scripts.policy.frameworks.conn_key.vlan_fivetuple-5.conn.log.cut"),
    ("traces/vlan-collisions.pcap",
     "baselines/scripts.policy.frameworks.conn_key.vlan_fivetuple-6.conn.log.cut"),
    ("traces/vlan-collisions.pcap",
     "baselines/scripts.policy.frameworks.conn_key.vlan_fivetuple_lookup_connection.conn.log.cut"),
}

# Ports that a script of Zeek's makes likely servers' (likely_server_ports, register_for_ports), and
# the scripts it loads. Scripts that do neither: conn and what is below it, pop3 (no port is
# registered since DPD finds it), the packet analyzers' tunnels (BARE has theirs).
PORTS = {
    "base/protocols/dhcp": "67/udp 4011/udp",
    "base/protocols/dns": "53/udp 53/tcp 137/udp 5353/udp 5355/udp",
    "base/protocols/ftp": "21/tcp 2811/tcp",
    "base/protocols/http": "80/tcp 81/tcp 631/tcp 1080/tcp 3128/tcp 8000/tcp 8080/tcp 8888/tcp",
    "base/protocols/imap": "143/tcp",
    "base/protocols/irc": "6666/tcp 6667/tcp 6668/tcp 6669/tcp",
    "base/protocols/krb": "88/tcp 88/udp",
    "base/protocols/mysql": "1434/tcp 3306/tcp",
    "base/protocols/ntp": "123/udp",
    "base/protocols/rdp": "3389/tcp 3389/udp",
    "base/protocols/redis": "6379/tcp",
    "base/protocols/smtp": "25/tcp 587/tcp",
    "base/protocols/ssh": "22/tcp",
    "base/protocols/ssl": "443/tcp 563/tcp 585/tcp 614/tcp 636/tcp 989/tcp 990/tcp 992/tcp 993/tcp "
                          "995/tcp 5223/tcp 443/udp",
    "base/protocols/xmpp": "5222/tcp 5269/tcp",
}
LOADS = {
    "base/protocols/ftp": ["base/protocols/ssl"],  # by gridftp.zeek
    "base/protocols/websocket": ["base/protocols/http"],
}
NO_PORTS = {"base/protocols/conn", "base/protocols/pop3", "base/protocols/tunnels",
            "base/protocols/websocket"}
# What the packet analyzers register, without any script.
BARE = "2123/udp 2152/udp 3544/udp 4754/udp 4789/udp 5072/udp 6081/udp"
# What a test registers in lines of its own, which pairs.tsv cuts.
TEST_PORTS = {"scripts.base.protocols.redis.django-cloud.conn.log": "10625/tcp"}

TIMES = {"ts", "duration"}
COUNTS = {"orig_bytes", "resp_bytes", "missed_bytes", "orig_pkts", "resp_pkts", "orig_ip_bytes",
          "resp_ip_bytes", "ip_proto", "vlan", "inner_vlan", "id.orig_p", "id.resp_p"}
ADDRESSES = {"id.orig_h", "id.resp_h"}
FIELDS = ["ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "duration",
          "orig_bytes", "resp_bytes", "conn_state", "missed_bytes", "history", "orig_pkts",
          "orig_ip_bytes", "resp_pkts", "resp_ip_bytes", "ip_proto", "vlan", "inner_vlan", "community_id",
          "tunnel_parents", "service"]
REPORTED = {"service"}
STRICT = ("A", "A-part")  # classes
SLACK_NS = 2000
MANY = 200  # rows left over, of one address pair: matched in their order


def text_value(field, text):
    if text in ("-", "", "(empty)"):
        return None
    if field in TIMES:
        return None if text.startswith("X") else nanoseconds(text)
    if field in COUNTS:
        return int(text)
    if field in ADDRESSES:
        return pcapflows.address(text)
    if field == "history":
        return text.replace("X", "") or None
    return text


def our_value(field, value):
    if value is None or value == "":
        return None
    if field in TIMES:
        return nanoseconds(value)
    if field in COUNTS:
        assert isinstance(value, int), (field, value)
        return value
    if field in ADDRESSES:
        return pcapflows.address(value)
    if field == "history":
        return value.replace("X", "") or None
    return value


def parents(value):
    if isinstance(value, str):
        value = value.split(",")
    return [uid for uid in value or [] if uid]


def read_baseline(path, columns):
    """Rows as dictionaries of the fields that can be compared; the fields."""
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file]
    names, rows = columns, []
    known = set(FIELDS) | {"uid", "pppoe_session_id"}
    headed = False
    for line in lines:
        cells = line.split("\t")
        if cells[0] == "#fields":
            names, headed = cells[1:], True
        elif line.startswith("#") or not line:
            continue
        elif not headed and not rows and all(not cell or cell.removeprefix("id.ctx.") in known
                                             for cell in cells):
            names, headed = cells, True
        else:
            assert names and len(cells) == len(names), (path, names, cells)
            rows.append(dict(zip(names, cells)))
    fields = [name for name in names if name in FIELDS]
    for inner in ("vlan", "inner_vlan"):  # VLANs in the key say what the columns say
        context = f"id.ctx.{inner}"
        if inner not in fields and context in names and any(row[context] != "-" for row in rows):
            fields.append(inner)
            for row in rows:
                row[inner] = row[context]
    # The stamp is of the run in most logs.
    if "ts" in fields and all(row["ts"].startswith("X") for row in rows):
        fields.remove("ts")
    logged = {row.get("uid") for row in rows}
    out = []
    for row in rows:
        values = {field: text_value(field, row[field]) for field in fields}
        if "tunnel_parents" in fields:
            # Outer IP and GRE packets make no row in the log; their uid is one of nothing.
            count = sum(uid in logged for uid in parents(values["tunnel_parents"]))
            values["tunnel_parents"] = count or None
        out.append(values)
    return out, fields


def our_rows(flows, fields):
    known = {flow["uid"] for flow in flows}
    out = []
    for flow in flows:
        values = {field: our_value(field, flow[field]) for field in fields
                  if field != "tunnel_parents"}
        if "tunnel_parents" in fields:
            uids = parents(flow["tunnel_parents"])
            assert set(uids) <= known, ("tunnel_parents names no flow", uids)
            values["tunnel_parents"] = len(uids)
        out.append(values)
    return out


def same(field, ours, theirs):
    if field == "tunnel_parents":
        return theirs is None or ours == theirs
    if field in TIMES and ours is not None and theirs is not None:
        return abs(ours - theirs) <= SLACK_NS
    return ours == theirs


def agreement(ours, theirs, fields):
    return sum(same(field, ours[field], theirs[field]) for field in fields)


def identity(row, fields, either_way=False):
    ends = [tuple(row[field] for field in side if field in fields)
            for side in (("id.orig_h", "id.orig_p"), ("id.resp_h", "id.resp_p"))]
    if either_way:
        ends.sort(key=repr)
    return (*ends, row.get("proto"))


def match(ours, theirs, fields):
    """Pairs of rows: (ours, theirs); what is left over of ours; of theirs."""
    judged = [field for field in fields if field not in REPORTED]
    sharp = [field for field in judged if field not in TIMES and field != "tunnel_parents"]

    def key(row):
        return tuple(row[field] for field in sharp)

    candidates = collections.defaultdict(list)
    for row in ours:
        candidates[key(row)].append(row)
    for rows in candidates.values():
        rows.sort(key=lambda row: tuple(row.get(field) or 0 for field in ("ts", "duration")))
    pairs, left_theirs = [], []
    for row in sorted(theirs, key=lambda row: tuple(row.get(f) or 0 for f in ("ts", "duration"))):
        for at, other in enumerate(candidates[key(row)]):
            if agreement(other, row, judged) == len(judged):
                pairs.append((candidates[key(row)].pop(at), row))
                break
        else:
            left_theirs.append(row)
    left_ours = [row for rows in candidates.values() for row in rows]

    for group_of in (lambda row: identity(row, fields), lambda row: identity(row, fields, True),
                     lambda row: None):
        groups = collections.defaultdict(lambda: ([], []))
        for side, rows in enumerate((left_ours, left_theirs)):
            for row in rows:
                groups[group_of(row)][side].append(row)
        left_ours, left_theirs = [], []
        for mine, his in groups.values():
            if len(mine) > MANY or len(his) > MANY:
                both = min(len(mine), len(his))
                pairs += zip(mine[:both], his[:both])
                left_ours += mine[both:]
                left_theirs += his[both:]
                continue
            scores = sorted(((agreement(a, b, judged), -i, -j) for i, a in enumerate(mine)
                             for j, b in enumerate(his)), reverse=True)
            used_mine, used_his = set(), set()
            for score, i, j in scores:
                # Without addresses to go by, two rows with nothing in common are two.
                if -i not in used_mine and -j not in used_his and (score > 0 or len(judged) < 2):
                    used_mine.add(-i)
                    used_his.add(-j)
                    pairs.append((mine[-i], his[-j]))
            left_ours += [row for i, row in enumerate(mine) if i not in used_mine]
            left_theirs += [row for j, row in enumerate(his) if j not in used_his]
    return pairs, left_ours, left_theirs


def ports_of(pair):
    """The argument of --server-ports."""
    if pair["scripts"] == "default":
        return "default"
    ports, todo = set(BARE.split()), [name for name in pair["loaded_protocols"].split(",") if name]
    while todo:
        name = todo.pop()
        if "base/protocols/" in name and name not in PORTS and name not in NO_PORTS:
            raise ValueError(f"which ports does {name} register?")
        ports.update(PORTS.get(name, "").split())
        todo += LOADS.get(name, [])
    for redef in pair["redefs"].split(";"):
        if "ports" in redef:
            ports.update(re.findall(r"\b\d+/(?:tcp|udp)\b", redef))
    ports.update(TEST_PORTS.get(os.path.basename(pair["baseline"]), "").split())
    return ",".join(sorted(ports, key=lambda port: (port[-3:], int(port[:-4]))))


def options_of(pair):
    options = ["--server-ports", ports_of(pair)]
    if pair["checksums"] == "validate":
        options.append("--check-checksums")
    expression = re.search(r'BPF -f "([^"]+)"', pair["notes"])
    if expression:
        options += ["--filter", expression.group(1)]
    if "vlan_fivetuple" in pair["loaded_protocols"] and "plain 5-tuple key" not in pair["notes"]:
        options += ["--key", "vlan"]
    # None of the tests changes a timeout; one that did would need its own option here.
    assert not re.search(r"timeout|_delay|_linger", pair["redefs"]), pair["redefs"]
    return options


def shown(row, fields):
    parts = []
    for field in fields:
        value = row[field]
        if field in TIMES and value is not None:
            value = f"{value // 10**9}.{value % 10**9:09d}"
        parts.append("-" if value is None else str(value))
    return " ".join(parts)


class Table:
    def __init__(self):
        self.equal, self.compared = collections.Counter(), collections.Counter()

    def add(self, field, equal):
        self.compared[field] += 1
        self.equal[field] += equal


def compare(folder, pair, table):
    """What differs, as lines; none when the pair is exact."""
    theirs, fields = read_baseline(folder / pair["baseline"], pair["fields"].split(","))
    assert len(theirs) == int(pair["records"]), (len(theirs), pair["records"])
    options = options_of(pair)
    run = pcapflows.run(folder / pair["trace"], *options)
    if run.status not in (0, 1):
        return [f"status {run.status}: {run.errors.strip()[-300:]}"]
    pairs, left_ours, left_theirs = match(our_rows(run.flows, fields), theirs, fields)
    differing = []
    for ours, his in pairs:
        wrong = []
        for field in fields:
            if field == "tunnel_parents" and his[field] is None:
                continue
            equal = same(field, ours[field], his[field])
            table.add(field, equal)
            if not equal and field not in REPORTED:
                wrong.append(field)
        if wrong:
            differing += [f"differs in {' '.join(wrong)}", f"  ours {shown(ours, fields)}",
                          f"  Zeek {shown(his, fields)}"]
    for row in left_ours:
        differing.append(f"only ours {shown(row, fields)}")
    for row in left_theirs:
        differing.append(f"only Zeek {shown(row, fields)}")
        for field in fields:
            table.add(field, False)
    if differing:
        differing.insert(0, f"fields {' '.join(fields)}")
        differing.insert(0, f"pcapflows {' '.join(options)}")
        if run.status:
            differing.insert(1, f"status {run.status}: {run.errors.strip()[-300:]}")
    return differing


verbose = "-v" in sys.argv
part = next((word for word in sys.argv[1:] if word != "-v"), "")
folder = harness.corpus("zeek/pairs.tsv") / "zeek"
with open(folder / "pairs.tsv", newline="", encoding="utf-8") as file:
    listed = list(csv.DictReader(file, delimiter="\t"))
known = {(pair["trace"], pair["baseline"]) for pair in listed}
for name in set(EXPLAINED) | set(EXACT):
    assert name in known, f"{name} is not in pairs.tsv"

table = Table()
exact, total = collections.Counter(), collections.Counter()
for pair in listed:
    kind, name = pair["class"], (pair["trace"], pair["baseline"])
    if kind == "X" or part not in f"{kind} {pair['trace']} {pair['baseline']}":
        continue
    try:
        differing = compare(folder, pair, table)
    except Exception as error:
        differing = [f"{type(error).__name__}: {error}"]
    total[kind] += 1
    exact[kind] += not differing
    if not differing and name in EXPLAINED:
        print(f"exact, though explained: {' '.join(name)}")
    may_differ = name in EXPLAINED if kind in STRICT else name not in EXACT
    check(not differing or may_differ, f"{kind} {' '.join(name)}")
    if differing and (verbose or not may_differ):
        print(f"{kind} {' '.join(name)} differs: {EXPLAINED.get(name) or pair['notes']}")
        shown_lines = differing if verbose else differing[:12]
        print("\n".join(f"  {line}" for line in shown_lines))
        if len(differing) > len(shown_lines):
            print(f"  and {len(differing) - len(shown_lines)} more lines (-v)")

print(f"\n{'field':<16}{'equal':>8}{'compared':>10}")
for field in FIELDS:
    if table.compared[field]:
        note = "" if table.equal[field] == table.compared[field] else \
            f"  {100 * table.equal[field] / table.compared[field]:.2f} %"
        if field in REPORTED:
            note += "  (reported only)"
        print(f"{field:<16}{table.equal[field]:>8}{table.compared[field]:>10}{note}")
print(f"\n{'class':<16}{'exact':>8}{'pairs':>10}")
for kind in sorted(total):
    print(f"{kind:<16}{exact[kind]:>8}{total[kind]:>10}")
if not part:
    strict_exact, strict_total = (sum(counts[kind] for kind in STRICT) for counts in (exact, total))
    check(strict_exact >= 0.95 * strict_total,
          f"only {strict_exact} of {strict_total} pairs of class {' and '.join(STRICT)} are exact")
harness.finish()
