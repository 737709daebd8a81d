"""A made-up capture against the truth that its generator tells of every flow."""
import collections
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import capture_file
import harness
import pcapflows
from harness import check, equal

KEY = ("id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto")

with harness.folder() as folder:
    told = folder / "truth"
    capture = capture_file.generate(folder / "made.pcap", "--packets", "200000", "--open", "2000",
                                    "--seed", "7", "--checksums", "--truth", told)
    run = pcapflows.run(capture)
    # What cannot be written ends the run, and is told once.
    full = pcapflows.run([capture, capture], "-o", "/dev/full")
    truth = harness.json_lines(told.read_bytes())

equal(run.status, 0, run.errors)
check(len(truth) >= 1000, f"{len(truth)} flows made")
flows = collections.defaultdict(list)
for flow in run.flows:
    flows[tuple(flow[field] for field in KEY)].append(flow)
for true in truth:
    key = tuple(true[field] for field in KEY)
    mine = flows.pop(key, [])
    if equal(len(mine), 1, f"flows of {key}"):
        # Flows that the end of the capture cut have no state in the truth.
        equal({field: mine[0][field] for field, value in true.items()
               if field != "conn_state" or value is not None},
              {field: value for field, value in true.items()
               if field != "conn_state" or value is not None}, key)
        equal(mine[0]["bad_csum_pkts"], 0, f"{key}: bad checksums")
equal(list(flows), [], "flows too many")
check(full.status == 1 and len(full.errors.splitlines()) == 1 and "cannot write" in full.errors,
      f"output that cannot be written: {full.status} {full.errors}")
harness.finish()
