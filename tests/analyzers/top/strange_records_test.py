"""Sums that 64 bits do not hold, messages without end, and types that are not counted: what strangers' files can ask for."""
import json
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

MOST = (1 << 64) - 1
LARGE = (1 << 63) - 1
TOLD = "sums beyond what 64 bits hold"


def read(count):
    line = f'7 1795418241.%06d read(3, "a", 9223372036854775807) = {LARGE} <0.000010>\n'
    return "".join(line % number for number in range(count))


def test_bytes_of_a_log():
    for count, want, is_told in ((2, 2 * LARGE, False), (3, MOST, True)):
        with open("log", "w") as log:
            log.write(read(count))
        done = harness.run("tracebraid", "top", "-f", "jsonl", "log")
        row = json.loads(done.out)
        equal(row["bytes_in"], want, f"bytes of {count} reads")
        equal(TOLD in done.errors, is_told, f"top says so of {count} reads")
        done = harness.run("tracebraid", "callgrind", "-f", "jsonl", "log")
        equal(sum(json.loads(line)["received"] for line in done.out.splitlines()), want,
              f"callgrind's bytes of {count} reads")
        equal(TOLD in done.errors, is_told, f"callgrind says so of {count} reads")


def test_flows():
    with open("flows.jsonl", "w") as flows:
        for _ in range(3):
            flows.write(json.dumps({"type": "flow", "ts": 1.0, "orig_payload_bytes": LARGE,
                                    "orig_pkts": MOST, "id.resp_h": "192.0.2.1", "id.resp_p": 80,
                                    "proto": "tcp"}) + "\n")
    done = harness.run("tracebraid", "top", "-f", "jsonl", "flows.jsonl")
    row = json.loads(done.out)
    equal((row["orig_bytes"], row["orig_pkts"]), (MOST, MOST), "sums of flows")
    check(TOLD in done.errors, "top says so of flows")


def test_messages_have_an_end():
    with open("bad.jsonl", "w") as bad:
        bad.write('{"type":"signal","ts":1.0}\n' + "not a record\n" * 1000)
    done = harness.run("tracebraid", "merge", "-f", "jsonl", "bad.jsonl", status=None)
    equal(sum("bad.jsonl" in line for line in done.errors.splitlines()), 4, "lines about damage")
    check("997 more" in done.errors, "the others are counted")
    check(done.status != 0, "and it is damage")


def test_other_types():
    with open("signals.jsonl", "w") as signals:
        signals.write('{"type":"signal","ts":1.0,"signal":"SIGTERM"}\n')
    done = harness.run("tracebraid", "top", "signals.jsonl")
    check("--type counts others: signal" in done.errors, "what top does not count is named")


harness.each_test(globals())
harness.finish(10)
