"""Community IDs: the specification's captures against its own lists, and every flow of ours against
the specification's sum, computed here.

The lists ($TRACEBRAID_CORPUS/community-id/baseline_*.json: default seed, seed 1, default without
base64) have a line for each direction of each flow; ports are None where a protocol has none.
"""
import base64
import hashlib
import ipaddress
import json
import struct
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
import pcapflows

# ICMP types that answer one another (type: other): their flows go both ways.
ICMP = {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17, 10: 9, 9: 10}
ICMP6 = {128: 129, 129: 128, 133: 134, 134: 133, 135: 136, 136: 135, 130: 131, 131: 130,
         144: 145, 145: 144, 139: 140, 140: 139}
WITH_PORTS = {1, 6, 17, 58, 132}


def community_id(protocol, source, destination, source_port, destination_port, seed):
    """https://github.com/corelight/community-id-spec, version 1."""
    source, destination = (ipaddress.ip_address(text).packed for text in (source, destination))
    one_way = protocol in (1, 58) and source_port not in (ICMP if protocol == 1 else ICMP6)
    ends = [(source, source_port), (destination, destination_port)]
    if not one_way:
        ends.sort()
    data = struct.pack("!H", seed) + ends[0][0] + ends[1][0] + struct.pack("!BB", protocol, 0)
    if protocol in WITH_PORTS:
        data += struct.pack("!HH", ends[0][1], ends[1][1])
    return "1:" + base64.b64encode(hashlib.sha1(data).digest()).decode()


def read_list(path, coded=True):
    """By (protocol, source, destination, ports): the id."""
    with open(path, encoding="utf-8") as file:
        entries = json.load(file)
    out = {}
    for entry in entries:
        value = entry["communityid"]
        if not coded:
            version, digest = value.split(":")
            value = f"{version}:{base64.b64encode(bytes.fromhex(digest)).decode()}"
        out[(entry["proto"], pcapflows.address(entry["saddr"]), pcapflows.address(entry["daddr"]),
             entry["sport"] or 0, entry["dport"] or 0)] = value
    return out


def entry_of(flow, listed):
    """The list's key of a flow, whichever way it goes; of SCTP the ports may be left out."""
    ends = [(pcapflows.address(flow["id.orig_h"]), flow["id.orig_p"]),
            (pcapflows.address(flow["id.resp_h"]), flow["id.resp_p"])]
    for (source, source_port), (destination, destination_port) in (ends, ends[::-1]):
        for key in listed:
            if key[:3] != (flow["ip_proto"], source, destination):
                continue
            if key[3:] == (source_port, destination_port) or \
                    flow["ip_proto"] == 132 and source_port == destination_port == 0:
                return key
    return None


def problems_of(path, listed, options, seen):
    problems = []
    run = pcapflows.run(path, *options)
    if run.status != 0:
        problems.append(f"status {run.status}: {run.errors.strip()}")
    for flow in run.flows:
        key = entry_of(flow, listed)
        short = " ".join(str(flow[field]) for field in
                         ("ip_proto", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p"))
        if key is None:
            problems.append(f"not in the list: {short}")
            continue
        seen.add(listed[key])
        if flow["community_id"] != listed[key]:
            problems.append(f"{short}: {flow['community_id']}, wanted {listed[key]}")
    return problems


folder = harness.corpus("community-id") / "community-id"
default = read_list(folder / "baseline_deflt.json")
lists = [("default seed", default, []),
         ("seed 0", read_list(folder / "baseline_nob64.json", coded=False),
          ["--community-id-seed", "0"]),
         ("seed 1", read_list(folder / "baseline_seed1.json"), ["--community-id-seed", "1"])]
for seed in (2, 255, 256, 65535):
    lists.append((f"seed {seed}", {key: community_id(*key, seed) for key in default},
                  ["--community-id-seed", str(seed)]))
# The sum computed here is the lists' own.
for seed, listed in ((0, lists[0][1]), (0, lists[1][1]), (1, lists[2][1])):
    for key, value in listed.items():
        harness.equal(community_id(*key, seed), value, f"seed {seed}: {key}")

singles = sorted(folder.glob("*.pcap"))
whole = folder / "combined.pcap.gz"
for name, listed, options in lists:
    with harness.case(name) as problems:
        seen, seen_whole = set(), set()
        for path, found in [*((path, seen) for path in singles), (whole, seen_whole)]:
            problems += [f"{path.name}: {text}" for text in problems_of(path, listed, options, found)]
        for found, where in ((seen, "the single captures"), (seen_whole, whole.name)):
            for value in sorted(set(listed.values()) - found):
                keys = [key for key in listed if listed[key] == value]
                problems.append(f"no flow in {where} for {keys[0]}")
        print(f"{name}: {len(set(listed.values()))} ids")
harness.finish()
