"""A made-up capture against the truth that its generator tells of every flow."""
import collections
import os
import sys
import tempfile

sys.path.append(f"{sys.path[0]}/../../support")
import json
import subprocess
from decimal import Decimal

import pcapflows

KEY = ("id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto")

with tempfile.TemporaryDirectory() as folder:
    capture, told = os.path.join(folder, "made.pcap"), os.path.join(folder, "truth")
    subprocess.run([os.path.join(os.environ["TRACEBRAID_BIN"], "tests/make_capture"), "--packets", "200000", "--open", "2000", "--seed", "7",
                    "--checksums", "--truth", told, capture], check=True,
                   stderr=subprocess.DEVNULL)
    run = pcapflows.run(capture)
    # What cannot be written ends the run, and is told once.
    full = pcapflows.run([capture, capture], "-o", "/dev/full")
    with open(told, encoding="ascii") as file:
        truth = [json.loads(line, parse_float=Decimal) for line in file]

flows = collections.defaultdict(list)
for flow in run.flows:
    flows[tuple(flow[field] for field in KEY)].append(flow)
differing = collections.Counter()
for true in truth:
    mine = flows.pop(tuple(true[field] for field in KEY), [])
    if len(mine) != 1:
        differing["rows"] += 1
        continue
    for field, value in true.items():
        # Flows that the end of the capture cut have no state in the truth.
        if mine[0][field] != value and not (field == "conn_state" and value is None):
            differing[field] += 1
    differing["bad_csum_pkts"] += mine[0]["bad_csum_pkts"]
differing["flows too many"] = len(flows)
differing["output that cannot be written"] = \
    full.status != 1 or len(full.errors.splitlines()) != 1 or "cannot write" not in full.errors
differing = {what: count for what, count in differing.items() if count}
print(f"{len(truth)} flows; differing: {differing or 'none'}")
sys.exit(1 if differing or run.status or len(truth) < 1000 else 0)
