"""Reads the binary stream of records with Python's msgpack; runs the test anew with Debian's Python
where only that one has the module, or ends it as skipped.
"""
import decimal
import io
import ipaddress
import os
import re
import subprocess
import sys

import harness

try:
    import msgpack
except ImportError:
    DEBIAN = "/usr/bin/python3"
    if sys.executable != DEBIAN and os.path.exists(DEBIAN) and subprocess.run(
            [DEBIAN, "-c", "import msgpack"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        os.execv(DEBIAN, [DEBIAN, *sys.argv])
    harness.skip("Python's msgpack is not installed")


def read(content):
    """The headers, and the records: each its type and a list of (name, kind, unit, value). Bytes that
    are no UTF-8 are surrogates in texts. ValueError when the stream contradicts itself."""
    headers, records = {}, []
    for item in msgpack.Unpacker(io.BytesIO(content), unicode_errors="surrogateescape"):
        if isinstance(item, dict):
            if item["tracebraid"] != 1:
                raise ValueError(f"version {item['tracebraid']}")
            headers[item.get("index", 0)] = item
            continue
        header = headers[item[0]]
        if len(item) != 1 + len(header["fields"]):
            raise ValueError(f"a record of {len(item)} values")
        records.append((header["type"], [(*field, value) for field, value
                                         in zip(header["fields"], item[1:])]))
    return list(headers.values()), records


def seconds(ns):
    sign, rest = ("-", -ns) if ns < 0 else ("", ns)
    return f"{sign}{rest // 10**9}.{rest % 10**9:09}"


def in_json(kind, value):
    """What JSON Lines show of it, as json.loads(…, parse_float=Decimal) reads that."""
    if value is None or kind == "bool":
        return value
    if kind in ("time", "duration"):
        return decimal.Decimal(seconds(value))
    if kind == "addr":
        return str(ipaddress.ip_address(value))
    return re.sub("[\udc80-\udcff]", "\ufffd", value) if kind == "text" else value
