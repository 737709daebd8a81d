"""Runs pcapflows, and sorts its records."""
import dataclasses
import ipaddress

import harness


@dataclasses.dataclass
class Run:
    status: int
    flows: list
    ledger: dict | None
    errors: str


def run(path, *options, **limits):
    """Of one capture, or of a list that is read as one; of any status. Raises
    subprocess.TimeoutExpired; ValueError when the output is not JSON Lines."""
    paths = path if isinstance(path, list) else [path]
    done = harness.run("pcapflows", *options, "-f", "jsonl", *paths, status=None, **limits)
    records = done.records()
    ledgers = [record for record in records if record["type"] == "ledger"]
    if len(ledgers) > 1:
        raise ValueError("two ledgers")
    return Run(done.status, [record for record in records if record["type"] == "flow"],
               ledgers[0] if ledgers else None, done.errors)


def address(text):
    return str(ipaddress.ip_address(text))
