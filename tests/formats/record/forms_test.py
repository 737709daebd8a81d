"""All forms that the converters write say the same, value by value, and other programs read them: Python's
msgpack, json and csv, jq, and the rules of zeek-cut.
"""
import csv
import decimal
import io
import ipaddress
import json
import re
import shutil
import subprocess
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
import packed
from harness import check

# A program with its options, the inputs, the type of its records, Zeek's name for it, and a field of
# plain text.
CASES = [(["pcapflows"], "samples/*/*.pcap*", "flow", "conn", "uid"),
         (["cprofcalls", "--type", "function"], "samples/*/profile.cprof", "function", "function",
          "name"),
         (["cprofcalls", "--type", "call"], "samples/*/profile.cprof", "call", "call",
          "callee_name")]


def run(command, form, capture):
    return harness.run(*command, "-f", form, capture).out


def text(value):
    """The bytes behind a text."""
    return value.encode("utf-8", "surrogateescape")


def plain(kind, value, true="true", false="false"):
    if kind in ("time", "duration"):
        return packed.seconds(value)
    if kind == "addr":
        return str(ipaddress.ip_address(value))
    if kind == "bool":
        return true if value else false
    return text(value) if kind == "text" else str(value)


def as_bytes(value):
    return value if isinstance(value, bytes) else value.encode("ascii")


def check_json(capture, records, content):
    lines = content.decode("utf-8").splitlines()
    check(len(lines) == len(records), f"{capture}: {len(lines)} lines, {len(records)} records")
    for line, (kind_of_record, fields) in zip(lines, records):
        got = json.loads(line, parse_float=decimal.Decimal)
        check(list(got) == ["type"] + [name for name, *_ in fields], f"{capture}: keys {list(got)}")
        check(got["type"] == kind_of_record, f"{capture}: type {got['type']}")
        for name, kind, _, value in fields:
            check(got[name] == packed.in_json(kind, value), f"{capture}: {name}: {got[name]} {value}")
        for digits in re.findall(r'"(?:ts|duration)":-?\d+\.(\d+)', line):
            check(len(digits) == 9, f"{capture}: {line}")


def check_jq(capture, field, records, content):
    if not shutil.which("jq"):
        return
    uids = subprocess.run(["jq", "-r", "." + field], input=content, capture_output=True, timeout=300)
    check(uids.returncode == 0, f"{capture}: jq: {uids.stderr}")
    expected = [value for _, fields in records for name, _, _, value in fields if name == field]
    check(uids.stdout.decode().splitlines() == expected, f"{capture}: jq: other {field}s")


def check_csv(capture, names, records, content):
    rows = list(csv.reader(io.StringIO(content.decode("utf-8", "surrogateescape"), newline="")))
    check(rows[0] == names, f"{capture}: CSV's headings")
    check(len(rows) == 1 + len(records), f"{capture}: CSV's rows")
    for row, (_, fields) in zip(rows[1:], records):
        for cell, (name, kind, _, value) in zip(row, fields):
            expected = b"" if value is None else as_bytes(plain(kind, value))
            check(text(cell) == expected, f"{capture}: CSV: {name}: {cell} {value}")


def check_tsv(capture, names, records, content):
    letters = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b"\\": b"\\", b"-": b"-"}
    rows = [line.split(b"\t") for line in content.split(b"\n")[:-1]]
    check([cell.decode() for cell in rows[0]] == names, f"{capture}: TSV's headings")
    check(len(rows) == 1 + len(records), f"{capture}: TSV's rows")
    for row, (_, fields) in zip(rows[1:], records):
        check(len(row) == len(fields), f"{capture}: TSV: {row}")
        for cell, (name, kind, _, value) in zip(row, fields):
            got = None if cell == b"-" else re.sub(rb"\\(.)", lambda each: letters[each[1]], cell)
            expected = None if value is None else as_bytes(plain(kind, value))
            check(got == expected, f"{capture}: TSV: {name}: {cell} {value}")


def check_zeek(capture, path, names, records, content):
    types = {"uint": "count", "int": "int", "time": "time", "duration": "interval",
             "text": "string", "addr": "addr", "bool": "bool"}
    units = {"port": "port", "enum": "enum", "set": "set[string]"}
    lines = content.split(b"\n")[:-1]
    meta = {line.split(None, 1)[0]: line for line in lines if line.startswith(b"#")}
    rows = [line.split(b"\t") for line in lines if not line.startswith(b"#")]
    check(meta[b"#separator"] == b"#separator \\x09", f"{capture}: Zeek's separator")
    check(meta[b"#path"] == b"#path\t" + path.encode(), f"{capture}: Zeek's path")
    check(meta[b"#fields"].decode().split("\t")[1:] == names, f"{capture}: Zeek's fields")
    check(b"#open" in meta and lines[-1].startswith(b"#close\t"), f"{capture}: Zeek's times")
    check(len(rows) == len(records), f"{capture}: Zeek's rows")
    for row, (_, fields) in zip(rows, records):
        expected_types = [units.get(unit, types[kind]) for _, kind, unit, _ in fields]
        check(meta[b"#types"].decode().split("\t")[1:] == expected_types, f"{capture}: types")
        for cell, (name, kind, _, value) in zip(row, fields):
            got = None if cell == b"-" else b"" if cell == b"(empty)" else re.sub(
                rb"\\x([0-9a-f]{2})", lambda each: bytes([int(each[1], 16)]), cell)
            expected = None if value is None else as_bytes(plain(kind, value, "T", "F"))
            check(got == expected, f"{capture}: Zeek: {name}: {cell} {value}")


def check_forms(command, capture, type_name, zeek_path, field):
    types, records = packed.read(run(command, "msgpack", capture))
    check([each["type"] for each in types] == [type_name], f"{capture}: {types}")
    check(records, f"{capture}: no records")
    names = [name for name, *_ in types[0]["fields"]]
    content = run(command, "jsonl", capture)
    check_json(capture, records, content)
    check_jq(capture, field, records, content)
    check_csv(capture, names, records, run(command, "csv", capture))
    check_tsv(capture, names, records, run(command, "tsv", capture))
    check_zeek(capture, zeek_path, names, records, run(command, "zeek", capture))
    # A stream and itself are a stream of twice as many records.
    content = run(command, "msgpack", capture)
    check(len(packed.read(content + content)[1]) == 2 * len(records), f"{capture}: cat")


for command, pattern, *case in CASES:
    captures = sorted(harness.SOURCE.glob(pattern))
    check(captures, f"no {pattern}")
    for capture in captures:
        check_forms(command, capture, *case)
# Records of two types, as one program writes them by itself.
for profile in harness.profiles():
    types, records = packed.read(run(["cprofcalls"], "msgpack", profile))
    check([each["type"] for each in types] == ["function", "call"], f"{profile}: {types}")
    check_json(profile, records, run(["cprofcalls"], "jsonl", profile))
harness.finish()
