"""A capture that was cut into several files is still that capture: read together, they give its flows;
read apart, or reported in parts, flows whose numbers add up to the same.

usage: cut_captures_test.py [PART]
"""
import collections
import os
import random
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import capture_file
import harness
import pcapflows

SEED = 20240229
# Of a flow; with a side in front of it.
ADD_UP = ("missed_bytes", "truncated_pkts", "bad_csum_pkts", "dup_pkts", "fragment_pkts")
ADD_UP_EACH = ("pkts", "ip_bytes", "payload_bytes", "uniq_bytes", "bytes", "rexmit_pkts",
               "rexmit_bytes", "ooo_pkts", "dupacks", "zero_win", "rtt_samples")
# Even where the beginning of a flow is not known.
ADD_UP_APART = ("pkts", "ip_bytes", "payload_bytes")


def without(flows, *fields):
    return [{name: value for name, value in flow.items() if name not in fields} for flow in flows]


def differences(mine, wanted):
    """Of two lists of records, as lines."""
    if len(mine) != len(wanted):
        return [f"{len(mine)} flows, wanted {len(wanted)}"]
    return [f"{one['uid']}: {name} {one[name]}, wanted {other[name]}"
            for one, other in zip(mine, wanted) for name in other if one[name] != other[name]][:5]


def by_sender(flows):
    """Sums for each conversation and sender, whoever is taken for the originator."""
    sums = collections.Counter()
    for flow in flows:
        for side in ("orig", "resp"):
            sender = (flow["community_id"], flow[f"id.{side}_h"], flow[f"id.{side}_p"])
            for name in ADD_UP_APART:
                sums[(*sender, name)] += flow[f"{side}_{name}"]
    return +sums


def by_uid(flows):
    names = ADD_UP + tuple(f"{side}_{name}" for side in ("orig", "resp") for name in ADD_UP_EACH)
    sums = collections.Counter()
    for flow in flows:
        for name in names:
            sums[(flow["uid"], name)] += flow[name] or 0
    return +sums


def unequal(mine, wanted):
    return [f"{key} {mine[key]}, wanted {wanted[key]}" for key in sorted(set(mine) | set(wanted), key=str)
            if mine[key] != wanted[key]][:5]


def times_of_parts(parts, whole, is_in_order):
    """What is wrong with the times that a part tells: of itself alone, and of its flow as the whole
    has it."""
    for part in parts:
        idle, latency = part["max_idle"], part["response_latency"]
        if idle is not None and not 0 <= idle <= part["last_ts"] - part["ts"]:
            yield f"{part['uid']}: silent for {idle} of {part['last_ts'] - part['ts']}"
        if latency is not None and is_in_order and not (
                part["orig_first_data"] and
                0 <= latency <= part["resp_first_data"] - part["orig_first_data"]):
            yield f"{part['uid']}: an answer after {latency}, which the part has not"
    answered = [part for part in parts if part["resp_first_data"] is not None]
    if not is_in_order or not answered or whole["response_latency"] is None or \
            any(part["id.orig_p"] != whole["id.orig_p"] for part in parts):
        return
    # The answer is in the first of them; the question, too, or in one before.
    asked = whole["resp_first_data"] - whole["response_latency"]
    wanted = whole["response_latency"] if asked >= answered[0]["ts"] else None
    if answered[0]["response_latency"] != wanted:
        yield f"{whole['uid']}: an answer after {answered[0]['response_latency']}, wanted {wanted}"


def problems_of(name, packets, folder):
    """What is wrong, as lines."""
    draw = random.Random(f"{SEED} {name}")
    whole = os.path.join(folder, "whole.pcap")
    capture_file.write(whole, packets)
    wanted = pcapflows.run(whole, "--ledger")
    problems = []

    cuts = sorted(draw.randint(0, len(packets)) for _ in range(draw.randint(1, 5)))
    pieces = capture_file.cut(folder, packets, cuts)
    together = pcapflows.run(pieces, "--ledger")
    problems += differences(without(together.flows, "input"), without(wanted.flows, "input"))
    if together.ledger != wanted.ledger:
        problems.append(f"ledger {together.ledger}, wanted {wanted.ledger}")
    inputs = {flow["input"] for flow in together.flows}
    if not inputs <= set(pieces):
        problems.append(f"inputs {inputs}")

    # Fragments of one datagram may be in two files; then it is in neither. A packet and its copy may be,
    # too; then both count.
    if wanted.ledger["fragments"] == 0 and not any(flow["dup_pkts"] for flow in wanted.flows):
        apart = [flow for piece in pieces for flow in pcapflows.run(piece).flows]
        problems += unequal(by_sender(apart), by_sender(wanted.flows))

    span = max(packet.ns for packet in packets) - min(packet.ns for packet in packets)
    seconds = max(span * draw.random() / 5 / 1e9, 1e-6)
    parts = pcapflows.run(whole, "--active-timeout", f"{seconds:.9f}").flows
    problems += unequal(by_uid(parts), by_uid(wanted.flows))
    following = collections.defaultdict(int)
    for flow in parts:
        if flow["part"] != following[flow["uid"]]:
            problems.append(f"part {flow['part']} of {flow['uid']}")
        # Flows of the same addresses and first time have the same name.
        following[flow["uid"]] = 0 if flow["final"] else flow["part"] + 1
    problems += [f"{uid} has no last part" for uid, number in following.items() if number]
    is_in_order = all(one.ns <= two.ns for one, two in zip(packets, packets[1:]))
    of_uid = collections.defaultdict(lambda: ([], []))
    for flow in wanted.flows:
        of_uid[flow["uid"]][0].append(flow)
    for part in parts:
        of_uid[part["uid"]][1].append(part)
    for wholes, its_parts in of_uid.values():
        if len(wholes) == 1:
            problems += times_of_parts(its_parts, wholes[0], is_in_order)
    return problems


with harness.folder() as folder:
    for name, packets in capture_file.to_cut(folder, SEED):
        with harness.case(name) as problems:
            problems += problems_of(name, packets, folder)
harness.finish()
