"""Every form of the records says the same: JSON Lines as jq and Python read it, the binary stream as
Python's msgpack reads it, CSV, TSV and Zeek's log.
"""
import csv
import io
import subprocess
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
import packed
from harness import check

CAPTURE = harness.SAMPLES / "eventlet-capture/server.pcap"


def output(form, *options):
    return harness.run("pcapflows", "-q", "-f", form, *options, CAPTURE).out


def texts(value):
    """As text forms write it; missing is None."""
    if value is None:
        return None
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) \
        else str(value)


flows = harness.json_lines(output("jsonl"))
check(len(flows) >= 10 and list(flows[0])[0] == "type", "JSON Lines")
names = [name for name in flows[0] if name != "type"]
wanted = [[texts(flow[name]) for name in names] for flow in flows]

rows = list(csv.reader(io.StringIO(output("csv").decode(), newline="")))
check(rows[0] == names and [[cell or None for cell in row] for row in rows[1:]] == wanted, "CSV")
rows = [line.split("\t") for line in output("tsv").decode().splitlines()]
check(rows[0] == names and
      [[None if cell == "-" else cell for cell in row] for row in rows[1:]] == wanted, "TSV")
lines = output("zeek").decode().splitlines()
head = {line.split("\t")[0]: line.split("\t")[1:] for line in lines if line.startswith("#")}
rows = [line.split("\t") for line in lines if not line.startswith("#")]
zeek = [[{"T": "true", "F": "false"}.get(cell, cell) if kind == "bool" else
         None if cell == "-" else cell for cell, kind in zip(row, head["#types"])] for row in rows]
check(head["#fields"] == names and zeek == wanted and "#close" in head, "Zeek's log")

everything = ("--segments", "--ledger")
texts_of_all = harness.json_lines(output("jsonl", *everything))
headers, packed_records = packed.read(output("msgpack", *everything))
check(all(header["producer"].startswith("pcapflows ") for header in headers), "headers")
records = [{"type": kind_of_record, **{name: packed.in_json(kind, value)
                                       for name, kind, _, value in fields}}
           for kind_of_record, fields in packed_records]
check(records == texts_of_all, "msgpack")
check({record["type"] for record in records} == {"flow", "segment", "ledger"}, "types")

# Segments add up to the flows' bytes.
for flow in flows:
    for side, is_orig in (("orig", True), ("resp", False)):
        mine = [record for record in records if record["type"] == "segment" and
                record["uid"] == flow["uid"] and record["is_orig"] is is_orig]
        check(sum(record["length"] for record in mine) == flow[f"{side}_payload_bytes"],
              f"segments of {flow['uid']}")
        fresh = sorted((record["offset"], record["length"]) for record in mine
                       if not record["is_rexmit"])
        at = 0
        for offset, length in fresh:
            check(offset == at, f"offset {offset} after {at}")
            at = offset + length

selected = output("csv", "--fields", "uid,ts").decode().splitlines()
check(selected[0] == "uid,ts" and len(selected) == len(flows) + 1, "--fields")
jq = subprocess.run(["jq", "-s", "map(.resp_uniq_bytes) | add"], input=output("jsonl"), check=True,
                    capture_output=True).stdout
check(int(jq) == sum(flow["resp_uniq_bytes"] for flow in flows), "jq")

# From a pipe, in pieces, from several files, compressed, and by libpcap: the same.
whole = output("jsonl")


def piped(script):
    return harness.shell(script, environment={"CAPTURE": CAPTURE}).out


check(piped('cat "$CAPTURE" | pcapflows -q -f jsonl -') == whole, "a pipe")
check(piped('(head -c 1000 "$CAPTURE"; sleep 0.2; tail -c +1001 "$CAPTURE") | pcapflows -q -f jsonl')
      == whole, "a slow pipe")
check(piped('gzip < "$CAPTURE" | pcapflows -q -f jsonl -') == whole, "gzip")
check(piped('zstd -q < "$CAPTURE" | pcapflows -q -f jsonl -') == whole, "zstd")
check(output("jsonl", "--reader", "libpcap") == whole, "libpcap")

# Parts of flows add up to the flows.
parts = harness.json_lines(output("jsonl", "--active-timeout", "0.05"))
check(len(parts) > len(flows), "parts")
for flow in flows:
    mine = [part for part in parts if part["uid"] == flow["uid"]]
    check([part["part"] for part in mine] == list(range(len(mine))) and
          [part["final"] for part in mine] == [False] * (len(mine) - 1) + [True], "numbers of parts")
    for name in names:
        if name.endswith(("_pkts", "_ip_bytes", "_payload_bytes", "_uniq_bytes")):
            check(sum(part[name] for part in mine) == flow[name], f"parts: {name}")
harness.finish()
