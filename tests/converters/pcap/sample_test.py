"""The sample capture against what the server and its visitors counted while it was recorded."""
import json
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
import pcapflows
from harness import equal

STATES = {"aborted": {"RSTO"}, "refused": {"REJ"}}

folder = harness.SAMPLES / "eventlet-capture"
truth = json.loads((folder / "truth.json").read_text())
run = pcapflows.run(folder / "server.pcap")
equal(run.status, 0, "status")
flows = {flow["id.orig_p"]: flow for flow in run.flows}
equal(sorted(flows), sorted(each["client_port"] for each in truth["connections"]), "client ports")
for connection in truth["connections"]:
    kind, flow = connection["kind"], flows[connection["client_port"]]
    equal(flow["id.resp_p"], truth["server_port"], f"{kind}: port")
    equal(flow["orig_uniq_bytes"], connection["client_sent"], f"{kind}: bytes sent")
    equal(flow["resp_uniq_bytes"], connection["server_sent"], f"{kind}: bytes answered")
    equal(flow["conn_state"] in STATES.get(kind, {"SF"}), True, f"{kind}: {flow['conn_state']}")
    equal(flow["service"], "http" if connection["requests"] else None, f"{kind}: service")
    if connection["requests"]:
        equal(flow["host"], f"127.0.0.1:{truth['server_port']}", f"{kind}: host")
harness.finish()
