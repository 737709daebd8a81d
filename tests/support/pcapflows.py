"""Runs pcapflows, and reads the JSON Lines it writes."""
import dataclasses
import ipaddress
import json
import os
import resource
import subprocess
import sys
from decimal import Decimal

PROGRAM = os.path.join(os.environ["TRACEBRAID_BIN"], "pcapflows")
GIGABYTE = 1 << 30


@dataclasses.dataclass
class Run:
    status: int
    flows: list
    ledger: dict | None
    errors: str


def need(condition, what):
    """Ends the test as skipped when what it needs is not on this machine."""
    if not condition:
        print(f"skipped: {what}")
        sys.exit(77)


def corpus(*folders):
    """The corpus' folder; the test is skipped where it, or one of the folders, is not."""
    place = os.environ.get("TRACEBRAID_CORPUS")
    need(place, "TRACEBRAID_CORPUS names no corpus")
    for folder in folders:
        need(os.path.exists(os.path.join(place, folder)), f"the corpus has no {folder}")
    return place


def limited():
    """Whether memory can be limited: a sanitizer reserves terabytes of address space."""
    with open(PROGRAM, "rb") as file:
        return b"__asan_init" not in file.read()


def run(path, *options, seconds=60, memory=0):
    """Of one capture, or of a list that is read as one. Raises subprocess.TimeoutExpired; ValueError when the output is not JSON Lines."""
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    paths = [path] if isinstance(path, str) else path
    done = subprocess.run([PROGRAM, *options, "-f", "jsonl", *paths], capture_output=True,
                          timeout=seconds, stdin=subprocess.DEVNULL,
                          preexec_fn=limit if memory else None)
    flows, ledger = [], None
    for line in done.stdout.decode("utf-8").splitlines():
        record = json.loads(line, parse_float=Decimal)
        if record["type"] == "flow":
            flows.append(record)
        elif record["type"] == "ledger":
            if ledger is not None:
                raise ValueError("two ledgers")
            ledger = record
    return Run(done.returncode, flows, ledger, done.stderr.decode("utf-8", "replace"))


def nanoseconds(value):
    """Of a time or duration in decimal seconds; None when unset. What has more than nine digits
    after the point raises ValueError."""
    if value is None:
        return None
    ns = Decimal(value) * 10**9
    if ns != ns.to_integral_value():
        raise ValueError(f"{value} has a part of a nanosecond")
    return int(ns)


def address(text):
    return str(ipaddress.ip_address(text))
