"""The recorded samples: bytes of every connection are those that the traced server counted itself,
with strace's full options and with none; the recorder is readable shell.
"""
import json
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import equal

folder = harness.SAMPLES / "eventlet-strace"
for log, truth in (("server.strace", "truth.json"), ("terminal.strace", "terminal-truth.json")):
    said = json.loads((folder / truth).read_text())
    wanted = {each["client_port"]: (each["server_received"], each["server_sent"])
              for each in said["connections"]}
    sums = {port: [0, 0] for port in wanted}
    for call in harness.records("stracecalls", "--records", "syscall", folder / log):
        if call["bytes"] is not None and call["peer_p"] is not None:
            sums.setdefault(call["peer_p"], [0, 0])[call["direction"] == "out"] += call["bytes"]
    equal(sorted(sums), sorted(wanted), f"{log}: connections")
    for port, both in wanted.items():
        equal(tuple(sums[port]), both, f"{log}: bytes of port {port}")

    # top's groups are the same records'.
    for row in harness.records("tracebraid", "top", "-n", "0", "--by", "peer", folder / log):
        if row["peer_p"] in wanted:
            equal((row["bytes_in"], row["bytes_out"]), wanted[row["peer_p"]],
                  f"{log}: top: port {row['peer_p']}")

harness.execute(["sh", "-n", folder / "record.sh"])
harness.finish(least=40)
