"""Every capture there is, hostile ones too: pcapflows ends by itself, soon and in little memory,
with status 0 or 1, and its ledger adds up to the packets that a reader of our own counts.

usage: ledger_test.py [PART]
"""
import subprocess
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import capture_file
import harness
import pcapflows
from harness import nanoseconds

SECONDS = 20
FATES = ("counted", "fragments", "non_ip", "malformed", "filtered", "bad_checksum",
         "unsupported_link")


def problems_of(path):
    """What is wrong, as lines; what was counted, as a line."""
    try:
        run = pcapflows.run(path, "--ledger", seconds=SECONDS, memory=1024 * harness.MEGABYTE)
    except subprocess.TimeoutExpired:
        return [f"not done after {SECONDS} s"], ""
    if run.status not in (0, 1):
        return [f"status {run.status}: {run.errors.strip()[-500:]}"], ""
    capture = capture_file.read(path)
    problems, ledger = [], run.ledger
    if run.status == 1 and not run.errors.strip():
        problems.append("status 1 without a reason")
    if ledger is None:
        if capture.known:
            problems.append(f"no ledger: {run.errors.strip()[-300:]}")
        return problems, "no capture"

    total = sum(ledger[fate] for fate in FATES)
    if ledger["read"] != total:
        problems.append(f"read {ledger['read']}, but its parts are {total}: {ledger}")
    if ledger["flows"] != len(run.flows):
        problems.append(f"{len(run.flows)} flow records, the ledger says {ledger['flows']}")
    counted = sum(flow["orig_pkts"] + flow["resp_pkts"] for flow in run.flows)
    # A packet in a tunnel is the outer flow's and the inner one's.
    tunnels = any(flow["tunnel"] or flow["tunnel_parents"] for flow in run.flows)
    if not tunnels and counted > ledger["counted"]:
        problems.append(f"the flows have {counted} packets, {ledger['counted']} were counted")
    if ledger["counted"] and not run.flows:
        problems.append(f"{ledger['counted']} packets were counted, and no flow is there")
    if capture.damage:
        if run.status != 1:
            problems.append(f"status {run.status} with a damaged file: {capture.damage}")
    elif ledger["read"] != len(capture.packets):
        problems.append(f"read {ledger['read']} of {len(capture.packets)} packets")
    elif capture.packets and ledger["counted"] == ledger["read"]:
        known = [packet.ns for packet in capture.packets if packet.ns is not None]
        slack = 0 if all(packet.exact for packet in capture.packets) else 1
        for field, want in (("first_ts", min), ("last_ts", max)):
            mine = nanoseconds(ledger[field])
            if known and (mine is None or abs(mine - want(known)) > slack):
                problems.append(f"{field} {mine}, wanted {want(known)}")
    summary = " ".join(f"{fate} {ledger[fate]}" for fate in FATES if ledger[fate])
    return problems, f"{ledger['read']} packets: {summary or 'none'}; {len(run.flows)} flows"


harness.corpus(*capture_file.FOLDERS)
for path, name in capture_file.captures():
    if harness.part() in name:
        with harness.case(name) as problems:
            found, summary = problems_of(path)
            problems += found
            if harness.part():
                print(f"{name}: {summary}")
harness.finish()
