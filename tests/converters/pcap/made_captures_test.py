"""One HTTP flow of 14 packets, wrapped in every link type, tunnel and capture format, cut and put
in disorder: the rows of $TRACEBRAID_CORPUS/made/index.tsv. Where its notes want another thing than
what Zeek gives, WANTED says so here.

Besides the rows: what a capture's stamps say to the nanosecond, by a reader of our own.

usage: made_captures_test.py [PART]
"""
import collections
import csv
import os
import re
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import capture_file
import harness
import pcapflows
from harness import nanoseconds

ETHER = {"id.orig_h": "141.142.228.5", "id.orig_p": 59856, "id.resp_h": "192.150.187.43",
         "id.resp_p": 80, "proto": "tcp", "duration": 211484000, "orig_bytes": 136,
         "resp_bytes": 5007, "conn_state": "SF", "missed_bytes": 0, "history": "ShADadFf",
         "orig_pkts": 7, "orig_ip_bytes": 512, "resp_pkts": 7, "resp_ip_bytes": 5379}
COMMUNITY_ID = "1:yvyB8h+3dnggTZW0UEITWCst97w="  # Zeek's, of http/get.pcap: the same flow
DURATION_SLACK_NS = 2000


def without(row, *fields, **changes):
    return {field: value for field, value in row.items() if field not in fields} | changes


# Where Zeek gives no row, or another than a reader of cut and disordered captures should.
WANTED = {
    "loop108.pcap": [ETHER],
    "null_be.pcap": [ETHER],
    # The TCP header is cut behind two octets of the sequence number.
    "snap40.pcap": [without(ETHER, "duration", "orig_bytes", "resp_bytes", "history",
                            conn_state="OTH", truncated_pkts=14)],
    "snap54.pcap": [ETHER],
    "snap68.pcap": [ETHER],
    # No stamps: the flow is counted all the same.
    "ng_spb.pcapng": [without(ETHER, "duration", "orig_bytes", "resp_bytes")],
    # A copy is not sent again; Zeek's letters tell of a T for each direction.
    "dup_all.pcap": [{**ETHER, "orig_pkts": 14, "orig_ip_bytes": 1024, "resp_pkts": 14, "resp_ip_bytes": 10758}],
    # One row; the SYN's place in the history is open.
    "ooo_syn_last.pcap": [without(ETHER, "duration", "history")],
    # ts is the earliest packet's, the SYN's (formats/record/flow.h); Zeek's clock never goes back,
    # and its flow begins with the SYN-ACK.
    "swap_syn_synack.pcap": [without(ETHER, history="^hSADadFf")],
}

# Rows to be of any number and content; what is wanted of them is in CHECKS.
ANY_ROWS = {"ts_jump400.pcap"}

# Exit statuses other than 0, and other than 1 when capture_file finds damage.
STATUS = {"trunc_tail.pcap": {1}, "ng_spb.pcapng": {0, 1}, "ts_jump400.pcap": {0, 1},
          "llc_snap.pcap": {0, 1}}

# What a person must be told on stderr.
WARNING = {"trunc_tail.pcap": r"cut|truncat|incomplete|end of (file|input)|missing|ends in the middle",
           "ng_spb.pcapng": r"time|stamp|Simple Packet",
           "ts_jump400.pcap": r"time|stamp|clock|back|order"}

# Fields beyond the index: by file, of the row with ETHER's addresses; tunnels by their beginning.
MORE = {
    "vlan.pcap": {"vlan": 100, "inner_vlan": None},
    "qinq_88a8.pcap": {"vlan": 100, "inner_vlan": 200},
    "vlan3.pcap": {"vlan": 100, "inner_vlan": 100},
    "mpls2.pcap": {"mpls": 16},
    "vxlan.pcap": {"tunnel": "vxlan:42"},
    "geneve.pcap": {"tunnel": "geneve:42"},
    "geneve_opts.pcap": {"tunnel": "geneve:42"},
    "gtpu.pcap": {"tunnel": "gtpu:7"},
    "gre.pcap": {"tunnel": "gre"},
    "gre_key_seq.pcap": {"tunnel": "gre:1"},
    "ether.pcap": {"vlan": None, "inner_vlan": None, "mpls": None, "tunnel": None,
                   "ip_proto": 6, "closed_by": "orig", "reset_by": None, "truncated_pkts": 0,
                   "bad_csum_pkts": 0, "dup_pkts": 0, "fragment_pkts": 0, "part": 0,
                   "orig_uniq_bytes": 136, "resp_uniq_bytes": 5007},
    "ng_dlt_mixed.pcapng": {"if_id": 0, "if_name": "eth0"},
    "dup_all.pcap": {"dup_pkts": 14, "orig_uniq_bytes": 136, "resp_uniq_bytes": 5007},
}

COUNTS = ("id.orig_p", "id.resp_p", "orig_bytes", "resp_bytes", "missed_bytes", "orig_pkts",
          "orig_ip_bytes", "resp_pkts", "resp_ip_bytes")


def expected_rows(path):
    """By file: rows; none for those where Zeek gives none."""
    rows, notes = collections.defaultdict(list), {}
    with open(path, newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file, delimiter="\t"):
            name = line["file"]
            notes[name] = line["note"] or ""
            rows[name]
            if line["row"] == "-":
                continue
            row = {field: None if line[field] == "-" else line[field] for field in ETHER}
            for field in COUNTS:
                row[field] = None if row[field] is None else int(row[field])
            row["duration"] = nanoseconds(row["duration"])
            if row["history"] is None:
                row["history"] = ""
            rows[name].append(row)
    return rows, notes


def ours(flow, field):
    value = flow[field]
    if field in ("duration", "ts"):
        return nanoseconds(value)
    if field == "history":
        return value or ""
    return None if value == "" else value


def wrong_fields(flow, row):
    out = []
    for field, value in row.items():
        mine = ours(flow, field)
        equal = mine == value
        if field == "duration" and mine is not None and value is not None:
            equal = abs(mine - value) <= DURATION_SLACK_NS
        if not equal:
            out.append(f"{field} {mine!r}, wanted {value!r}")
    return out


def match(flows, rows):
    """Each row with the flow that differs least from it; lines of what is wrong."""
    problems, left = [], list(flows)
    for row in rows:
        if not left:
            problems.append(f"no flow for {row}")
            continue
        best = min(left, key=lambda flow: len(wrong_fields(flow, row)))
        left.remove(best)
        problems += wrong_fields(best, row)
    problems += [f"one flow too many: {flow}" for flow in left]
    return problems


def stamps(flows, capture, rows):
    """The flows' times must be stamps of the capture."""
    problems = []
    exact = all(packet.exact for packet in capture.packets)
    known = {packet.ns for packet in capture.packets}

    def near(ns):
        return ns in known or not exact and bool({ns - 1, ns + 1} & known)

    for flow in flows:
        ts, last = nanoseconds(flow["ts"]), nanoseconds(flow["last_ts"])
        duration = nanoseconds(flow["duration"])
        for name, ns in (("ts", ts), ("last_ts", last), ("ts + duration", ts + (duration or 0))):
            if not near(ns):
                problems.append(f"{name} {ns} is no packet's stamp")
        if duration is not None and duration <= 0:
            problems.append(f"duration {duration}")
        if last < ts:
            problems.append(f"last_ts {last} < ts {ts}")
    # All packets are some flow's, outer or inner.
    slack = 0 if exact else 1
    first, last = min(known), max(known)
    mine = min(nanoseconds(flow["ts"]) for flow in flows)
    if abs(mine - first) > slack:
        problems.append(f"first ts {mine}, the capture's {first}")
    # A stamp 400 s ahead of its neighbours is taken as theirs.
    last = max(ns for ns in known if ns - first < 300_000_000_000)
    mine = max(nanoseconds(flow["last_ts"]) for flow in flows)
    if abs(mine - last) > slack:
        problems.append(f"last last_ts {mine}, the capture's {last}")
    return problems


def is_ether(flow):
    return flow["id.orig_h"] == ETHER["id.orig_h"] and flow["id.resp_p"] == ETHER["id.resp_p"]


def problems_of(path, rows):
    name = os.path.basename(path)
    run = pcapflows.run(path)
    capture = capture_file.read(path)
    assert capture.known and capture.packets, "our own reader does not know the capture"
    problems = []
    allowed = STATUS.get(name, {1} if capture.damage else {0})
    if run.status not in allowed:
        problems.append(f"status {run.status}: {run.errors.strip()[-300:]}")
    if name in WARNING and not re.search(WARNING[name], run.errors, re.IGNORECASE):
        problems.append(f"stderr does not say {WARNING[name]}: {run.errors.strip()!r}")
    if not run.flows:
        return problems + ["no flows"]
    if name not in ANY_ROWS:
        problems += match(run.flows, rows)
    if name == "ng_spb.pcapng":
        for flow in run.flows:
            for field in ("ts", "duration"):
                if flow[field] not in (None, 0):
                    problems.append(f"{field} {flow[field]}: there are no stamps")
    else:
        problems += stamps(run.flows, capture, rows)

    inner = [flow for flow in run.flows if is_ether(flow)]
    for flow in inner:
        if flow["community_id"] != COMMUNITY_ID:
            problems.append(f"community_id {flow['community_id']}")
    for field, value in MORE.get(name, {}).items():
        for flow in inner:
            mine = ours(flow, field)
            if mine != value and not (field == "tunnel" and value and
                                      str(mine).startswith(value)):
                problems.append(f"{field} {mine!r}, wanted {value!r}")
    cut = sum(packet.captured < packet.wire for packet in capture.packets)
    if name.startswith("snap") and sum(flow["truncated_pkts"] for flow in run.flows) != cut:
        problems.append(f"truncated_pkts is not {cut} in all")
    if name in ("any_lo_sll2_nano.pcap", "lo_http_like_nano.pcap") and \
            not all(flow["bad_csum_pkts"] > 0 for flow in run.flows):
        problems.append("bad_csum_pkts 0 on lo")
    if name in ANY_ROWS or name in ("ooo_syn_last.pcap", "swap_syn_synack.pcap"):
        # However they are divided: nothing is lost.
        for field, total in (("pkts", 14), ("ip_bytes", 512 + 5379)):
            mine = sum(flow[f"{side}_{field}"] for flow in run.flows for side in ("orig", "resp"))
            if mine != total:
                problems.append(f"{mine} {field} in all, wanted {total}")
    if name == "vxlan.pcap":
        outer = {flow["uid"] for flow in run.flows} - {flow["uid"] for flow in inner}
        for flow in inner:
            if set(filter(None, (flow["tunnel_parents"] or "").split(","))) != outer:
                problems.append(f"tunnel_parents {flow['tunnel_parents']}, wanted {outer}")
    return problems


folder = harness.corpus("made/index.tsv") / "made"
rows, notes = expected_rows(folder / "index.tsv")
for name in set(WANTED) | set(MORE) | set(STATUS) | set(WARNING) | ANY_ROWS:
    assert name in rows, f"{name} is not in index.tsv"
for name, note in notes.items():
    if "DIFFER FROM ZEEK" in note or "wanted:" in note.lower():
        assert name in WANTED or name in ANY_ROWS, f"nothing is wanted of {name}: {note}"
    assert rows[name] or name in WANTED, name
for name in sorted(rows):
    if harness.part() in name:
        with harness.case(f"{name} ({notes[name]})" if notes[name] else name) as problems:
            problems += problems_of(str(folder / name), WANTED.get(name, rows[name]))
harness.finish()
