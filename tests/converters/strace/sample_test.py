"""The recorded samples: bytes of every connection are those that the traced server counted itself,
with strace's full options and with none; the recorder is readable shell.
"""
import json
import os
import pathlib
import subprocess
import sys

source = pathlib.Path(os.environ["TRACEBRAID_SOURCE"])
programs = pathlib.Path(os.environ["TRACEBRAID_BIN"])
folder = source / "samples" / "eventlet-strace"
failures = []


def check(truth, what):
    if not truth:
        failures.append(what)
        print("FAIL", what)


def rows(*command):
    run = subprocess.run([str(programs / command[0]), *map(str, command[1:])], capture_output=True,
                         text=True, timeout=60)
    check(run.returncode == 0, f"{command}: {run.returncode} {run.stderr}")
    return [json.loads(line) for line in run.stdout.splitlines()]


checked = 0
for log, truth in (("server.strace", "truth.json"), ("terminal.strace", "terminal-truth.json")):
    said = json.loads((folder / truth).read_text())
    sums = {}
    for call in rows("stracecalls", "-f", "jsonl", "--records", "syscall", folder / log):
        if call["bytes"] is not None and call["peer_p"] is not None:
            sums.setdefault(call["peer_p"], {"in": 0, "out": 0})[call["direction"]] += call["bytes"]
    for connection in said["connections"]:
        port = connection["client_port"]
        wanted = {"in": connection["server_received"], "out": connection["server_sent"]}
        got = sums.pop(port, {"in": 0, "out": 0})
        check(got == wanted, f"{log}: port {port} ({connection['kind']}): {got}, wanted {wanted}")
        checked += 1
    check(not sums, f"{log}: connections that there were not: {sums}")

    # top's groups are the same records'.
    for row in rows("tracebraid", "top", "-n", "0", "--by", "peer", folder / log):
        match = [each for each in said["connections"] if each["client_port"] == row["peer_p"]]
        if match:
            check((row["bytes_in"], row["bytes_out"]) ==
                  (match[0]["server_received"], match[0]["server_sent"]), f"{log}: top: {row}")
            checked += 1

run = subprocess.run(["sh", "-n", str(folder / "record.sh")], check=False)
check(run.returncode == 0, "record.sh")
print(f"{checked} connections compared, {len(failures)} failures")
sys.exit(1 if failures or checked < 40 else 0)
