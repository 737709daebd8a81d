"""The sample capture against what the server and its visitors counted while it was recorded."""
import json
import os
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import pcapflows

STATES = {"aborted": {"RSTO"}, "refused": {"REJ"}}

folder = os.path.join(os.environ["TRACEBRAID_SOURCE"], "samples", "eventlet-capture")
with open(os.path.join(folder, "truth.json"), encoding="ascii") as file:
    truth = json.load(file)
run = pcapflows.run(os.path.join(folder, "server.pcap"))
failures = []


def check(got, want, what):
    if got != want:
        failures.append(f"{what}: {got}, wanted {want}")


check(run.status, 0, "status")
flows = {flow["id.orig_p"]: flow for flow in run.flows}
check(sorted(flows), sorted(each["client_port"] for each in truth["connections"]), "client ports")
for connection in truth["connections"]:
    kind, flow = connection["kind"], flows[connection["client_port"]]
    check(flow["id.resp_p"], truth["server_port"], f"{kind}: port")
    check(flow["orig_uniq_bytes"], connection["client_sent"], f"{kind}: bytes sent")
    check(flow["resp_uniq_bytes"], connection["server_sent"], f"{kind}: bytes answered")
    check(flow["conn_state"] in STATES.get(kind, {"SF"}), True, f"{kind}: {flow['conn_state']}")
    check(flow["service"], "http" if connection["requests"] else None, f"{kind}: service")
    if connection["requests"]:
        check(flow["host"], f"127.0.0.1:{truth['server_port']}", f"{kind}: host")
print("\n".join(failures))
print(f"{len(flows)} connections, {len(failures)} failures")
sys.exit(1 if failures else 0)
