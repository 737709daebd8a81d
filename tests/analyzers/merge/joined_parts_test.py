"""tracebraid merge --join-parts: flows reported in parts, and those of a capture that was cut into files
which were converted apart, add up to the flows of the whole.

usage: joined_parts_test.py [PART]
"""
import collections
import os
import random
import sys
from decimal import Decimal

sys.path.append(f"{sys.path[0]}/../../support")
import capture_file
import harness
import pcapflows

SEED = 20240303
# What may be 1 ns less.
MEANS = {"orig_rtt_avg", "resp_rtt_avg"}
# Exact of files that were converted apart, as the manual has it.
EXACT = ["type", "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "ip_proto", "last_ts",
         "community_id", "truncated_pkts", "bad_csum_pkts", "fragment_pkts", "closed_by", "reset_by",
         "vlan", "inner_vlan", "mpls", "tunnel", "if_id", "if_name", "icmp_type", "icmp_code", "part",
         "final"]
EXACT += [f"{side}_{name}" for side in ("orig", "resp") for name in
          ("pkts", "ip_bytes", "payload_bytes", "first_ts", "last_ts", "first_data", "last_data", "ttl", "tcp_flags")]
# Of those, too, although the manual does not promise it: records carry all that these need.
EXACT += ["syn_ts", "response_latency", "max_idle", "conn_state", "host", "query", "input"]
EXACT += [f"{side}_{name}" for side in ("orig", "resp") for name in ("mss", "zero_win")]
# Others are of packets in two files (round trips), or of what a file did not see: of few flows.
FEW, ROUND_TRIPS = 0.01, 0.05
# A connection that begins anew in its flow: how many bytes it had then, its parts count twice.
RESTARTED = {"traces/vlan-collisions.pcap": {"orig_bytes", "resp_bytes"}}
MINUTE = 60 * 10**9


def joined(*arguments, content=None):
    done = harness.run("tracebraid", "merge", "-q", "--join-parts", "-f", "jsonl", *arguments,
                       content=content, status=None)
    if done.status or done.errors:
        raise ValueError(f"{arguments}: {done.status} {done.errors}")
    return done.records()


def stream(path, *options):
    return harness.run("pcapflows", "-q", "-f", "msgpack", *options, path, status=None).out


def differences(mine, wanted, fields=None, without=()):
    """Of two lists of flows, as lines."""
    def by_uid(flows):
        all_ = collections.defaultdict(list)
        for flow in flows:
            all_[flow["uid"]].append(flow)
        return all_

    mine, wanted = by_uid(mine), by_uid(wanted)
    lines = [f"no {uid}" for uid in wanted if len(mine[uid]) < len(wanted[uid])]
    lines += [f"{uid} too much: {each['ts']} {each['history']}" for uid in list(mine) for each in mine[uid]
              if len(mine[uid]) > len(wanted[uid])]
    for uid, flows in wanted.items():
        for one, other in zip(mine[uid], flows):
            for name in fields or other:
                is_near = name in MEANS and one[name] and other[name] and \
                    0 <= other[name] - one[name] <= Decimal("1e-9")
                if one[name] != other[name] and not is_near and name not in without:
                    lines.append(f"{uid}: {name} {one[name]}, wanted {other[name]} ({other['history']})")
    return lines


def problems_of(name, packets, folder, tally):
    """What is wrong, as lines."""
    draw = random.Random(f"{SEED} {name}")
    whole = os.path.join(folder, "whole.pcap")
    capture_file.write(whole, packets)
    wanted = sorted(pcapflows.run(whole).flows, key=lambda flow: flow["ts"])
    problems = ["of a whole: " + line for line in
                differences(joined("-", content=stream(whole)), wanted)]
    # Flows of the same addresses and first time have the same name.
    if len({flow["uid"] for flow in wanted}) < len(wanted):
        return problems

    span = max(packet.ns for packet in packets) - min(packet.ns for packet in packets)
    seconds = max(span * draw.random() / 5 / 1e9, 1e-6)
    parts = stream(whole, "--active-timeout", f"{seconds:.9f}")
    mine = joined("-", content=parts)
    if any(one["ts"] > two["ts"] for one, two in zip(mine, mine[1:])):
        problems.append("not in order")
    back = max(one.ns - two.ns for one, two in zip(packets, packets[1:]))
    problems += ["in parts: " + line for line in
                 differences(mine, wanted, without={"max_idle"} if back > 0 else RESTARTED.get(name, ()))]

    # Fragments of one datagram may be in two files; then it is in neither.
    # Which times are believed depends on the packets around them.
    if not any(flow["fragment_pkts"] for flow in wanted) and back < MINUTE:
        # Where all before it is earlier: flows of files go on in order of time.
        cuts = sorted(cut for cut in {draw.randint(0, len(packets)) for _ in range(draw.randint(1, 3))}
                      if max((packet.ns for packet in packets[:cut]), default=0) <=
                      min((packet.ns for packet in packets[cut:]), default=2**63))
        pieces = []
        for piece in capture_file.cut(folder, packets, cuts):
            pieces.append(f"{piece}.msgpack")
            with open(pieces[-1], "wb") as file:
                file.write(stream(piece))
        # A packet and its copy may be in two files: then it is none.
        copied = {flow["uid"] for flow in wanted if flow["dup_pkts"]}
        mine = [flow for flow in joined(*pieces) if flow["uid"] not in copied]
        wanted = [flow for flow in wanted if flow["uid"] not in copied]
        problems += ["apart: " + line for line in differences(mine, wanted, EXACT)]
        flows = {flow["uid"]: flow for flow in mine}
        for flow in wanted:
            for field in flow:
                if field not in EXACT and flow["uid"] in flows:
                    tally[field] += flows[flow["uid"]][field] != flow[field]
        tally["flows"] += len(wanted)
    return problems


tally = collections.Counter()
with harness.folder() as folder:
    for name, packets in capture_file.to_cut(folder, SEED):
        with harness.case(name) as problems:
            problems += problems_of(name, packets, folder, tally)
print("of files converted apart, flows with another", dict(tally))
for field, count in tally.items():
    share = ROUND_TRIPS if "_rtt" in field else FEW
    # Of the samples alone, a few are more than that.
    harness.check(field == "flows" or count <= max(5, share * tally["flows"]),
                  f"{field} differs in {count} of {tally['flows']} flows of files converted apart")
harness.finish()
