"""Nothing from an input speaks to the terminal or forges a line: 34 hostile texts through every text
field of every record type, every kind of input and the names of files, into every output for people.

Outputs for machines take texts as they are, but for a terminal that shows them.
"""
import collections
import csv
import io
import itertools
import marshal
import os
import pathlib
import pty
import re
import struct
import sys
import threading
import tty
import unicodedata

sys.path.append(f"{sys.path[0]}/support")
import harness
import packed  # the test is run anew with a Python that has msgpack
from harness import SAMPLES, check, equal

FORGED = "ERROR error_loop: FORGED"

# What has more than one byte is written as UTF-8; bytes are no UTF-8. Each begins with what hurts.
TEXTS = [text if isinstance(text, bytes) else text.encode() for text in (
    f"\x1b]0;title\x07{FORGED}",  # ESC: a terminal's title
    f"\x1b[2J\x1b[H{FORGED}",  # clears the screen
    f"\x1b[31m{FORGED}\x1b[0m",  # colours
    f"\x1b]8;;http://evil.example/\x1b\\link\x1b]8;;\x1b\\",
    f"\n{FORGED}",
    f"\r{FORGED}",
    f"\r\n{FORGED}",
    f"\v{FORGED}",
    f"\f{FORGED}",
    "\0hidden",
    "\a\a",
    "abc\b\b\bxyz",
    "\x7f\x7f",
    f"\u009b31m{FORGED}",  # CSI as a code point
    b"\x9b31m" + FORGED.encode(),  # and as a byte
    f"\u0085{FORGED}",  # next line
    f"\u2028{FORGED}",
    f"\u2029{FORGED}",
    "\u202egnp.exe",  # the order turned round
    "\u2066a\u2069\u2067b\u2069\u2068c\u2069",
    "\u200f\u200e\u061c",
    "a\u200bb\u200cc\u200dd\u2060e",  # of no width
    "\ufeffmark",
    "so\u00adft\u034f",
    "\u3164\u115f\uffa0",  # fillers: letters that show nothing
    "".join(chr(0xE0000 + ord(each)) for each in "hidden") + "\U000e0001",  # tags
    "v\ufe0f\U000e0100",  # variation selectors
    b"\xff\xfe\xc0\x8a" + FORGED.encode(),  # no UTF-8, a line feed in two bytes
    b"\xe2\x80",  # cut
    b"\xed\xb2\x9b\xed\xa0\x80",  # surrogates
    b"\xf4\x90\x80\x80",  # beyond Unicode
    "\x1b[1m" + "long" * 1000,
    "\\33]0;as strace prints it\\7\t",
    "=HYPERLINK(\"http://evil.example\")\x1b",
)]
assert len(TEXTS) == len(set(TEXTS)) == 34

# What may not be shown: controls, surrogates, line separators, format characters that show nothing,
# and letters and marks that do not (Default_Ignorable_Code_Point, of Unicode's DerivedCoreProperties).
VISIBLE_FORMATS = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
                             "\U00013430-\U0001345f]")
IGNORABLE = ("\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
             "\U000e0000-\U000e0fff")
BAD = re.compile("[" + IGNORABLE + "".join(
    re.escape(each) for each in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") and each != "\n"
    and not VISIBLE_FORMATS.match(each)) + "]")


def text_of(content):
    return content.decode("utf-8", "surrogateescape")


def harmless(content, what, shows=True):
    """Of what a person sees: bytes, or what the harness made of them."""
    text = content if isinstance(content, str) else text_of(content)
    found = BAD.search(text)
    check(not found, f"{what}: {found and text[max(0, found.start() - 60):found.end() + 20]!r}")
    forged = next((line for line in text.splitlines() if re.match(r"(ERROR error_loop: )?FORGED", line)),
                  None)
    check(forged is None, f"{what}: a line is forged: {forged}")
    # What is not there cannot be wrong.
    check(not shows or re.search("FORGED|title|evil", text),
          f"{what}: shows no text of the input:\n{text[:500]}")


def see(program, *arguments, shows="out", **options):
    """Runs it; what it says on both outputs is harmless. The texts are on that which `shows`."""
    options.setdefault("status", (0, 1, 2))
    done = harness.run(program, *arguments, **options)
    what = ascii(f"{program} {' '.join(map(str, arguments))}"[:300])
    harmless(done.out, what, shows == "out")
    harmless(done.errors, f"{what}, standard error", shows == "errors")
    return done


def on_terminal(program, *arguments):
    """What a terminal gets as standard output, as it is."""
    main, side = pty.openpty()
    tty.setraw(side)
    shown = bytearray()

    def collect():
        while True:
            try:
                part = os.read(main, 1 << 16)
            except OSError:  # nobody writes any more
                return
            if not part:
                return
            shown.extend(part)

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        done = harness.run(program, *arguments, stdout=side, status=(0, 1, 2))
    finally:
        os.close(side)
        thread.join()
        os.close(main)
    return bytes(shown), done


# Records.

Record = collections.namedtuple("Record", "type fields values")  # fields: (name, kind, unit)


def packb(item):
    return packed.msgpack.packb(item, unicode_errors="surrogateescape", use_bin_type=True)


def write_stream(path, records):
    headers = {}
    with open(path, "wb") as file:
        for record in records:
            key = (record.type, record.fields)
            if key not in headers:
                headers[key] = len(headers)
                file.write(packb({"tracebraid": 1, "type": record.type, "index": headers[key],
                                  "fields": [list(field) for field in record.fields]}))
            file.write(packb([headers[key], *record.values]))
    return path


def read_records(content):
    return [Record(kind, tuple((name, of, unit) for name, of, unit, _ in values),
                   [value for *_, value in values]) for kind, values in packed.read(content)[1]]


def records_of(program, *arguments):
    return read_records(harness.run(program, *arguments, "-f", "msgpack", status=(0, 1)).out)


def hostile(record, at, text, before=""):
    values = list(record.values)
    values[at] = before + text_of(text)
    return record._replace(values=values)


def text_fields(record):
    return [at for at, (_, kind, _) in enumerate(record.fields) if kind == "text"]


def shifted(records, number):
    """The same of another process."""
    def value_of(name, value):
        if value is not None and name in ("pid", "tid", "child", "file", "new_file"):
            return value + number * 1000
        if name == "ts" or name.endswith("_ts"):
            return value if value is None else value + number * 10**9
        return value
    return [record._replace(values=[value_of(field[0], value)
                                    for field, value in zip(record.fields, record.values)])
            for record in records]


# Inputs of every kind.

def as_strace_prints(text):
    return "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else
                   "\\" + chr(byte) if byte in b'"\\' else f"\\{byte:03o}" for byte in text).encode()


def strace_log(quote, raw):
    """A server with what many checks tell of, one process for each text: `quote` prints a text in
    quotes or a path, `raw` anything else."""
    lines = []
    for number, text in enumerate(TEXTS):
        pid = 1000 + 10 * number
        inside, outside = quote(text), raw(text)
        clock = itertools.count(1_700_000_000_000_000 + number * 10_000_000, 1000)

        def add(line):
            now = next(clock)
            lines.append(b"%d %d.%06d " % (pid, now // 10**6, now % 10**6) + line)

        add(b'execve("/bin/%s", ["%s"], 0x7ffd /* 3 vars */) = 0 <0.000100>' % (inside, inside))
        for fd in range(3, 33):
            add(b'openat(AT_FDCWD, "/srv/%s", O_RDONLY) = %d</srv/%s> <0.000010>' % (inside, fd, inside))
        add(b'read(3</srv/%s>, "%s", 100) = 10 <0.000010>' % (inside, inside))
        for _ in range(2):
            add(b"socket(AF_UNIX, SOCK_STREAM, 0) = 40<UNIX-STREAM:[77]> <0.000010>")
            add(b'connect(40<UNIX-STREAM:[77]>, {sa_family=AF_UNIX, sun_path="/run/%s"}, 110) = '
                b"-1 ENOENT (No such file or directory) <0.000010>" % inside)
            add(b"close(40<UNIX-STREAM:[77]>) = 0 <0.000010>")
        add(b"close(4</srv/%s>) = 0 <0.000010>" % inside)
        add(b"close(4</srv/%s>) = -1 EBADF (Bad file descriptor) <0.000010>" % inside)
        for _ in range(25):
            add(b"recvfrom(4</srv/%s>, 0x1, 8, 0, NULL, NULL) = -1 EBADF (Bad file descriptor) "
                b"<0.000010>" % inside)
        for _ in range(25):
            add(b"%s(5, 0x1) = -1 E%s (%s) <0.000010>" % ((outside,) * 3))
        add(b"--- SIG%s {si_signo=SIGUSR1, si_code=%s, si_pid=1, si_uid=0} ---" % (outside, outside))
        add(b"%s" % outside)
        add(b'pread64(5, "%s' % inside)
        add(b"+++ killed by SIG%s +++" % outside)
    return b"\n".join(lines) + b"\n"


def profile(side):
    """(file, line, name): (calls, primitive calls, own time, time, callers). Names are bytes, as
    Python 2 dumped them."""
    stats = {}
    for number, text in enumerate(TEXTS):
        where = (b"/srv/" + text, 10 + number, b"f" + text)
        here = (b"/srv/mod%d.py" % number, 1, b"g" + text)
        only = (b"/srv/" + side.encode() + text, 3, side.encode() + text)
        many = 5 if side == "a" else 9
        stats[where] = (many, many, 0.5, 1.0, {here: (many, many, 0.5, 1.0)})
        stats[here] = (1, 1, 0.1, 1.1, {})
        stats[only] = (many, many, 0.25, 0.25, {where: (many, many, 0.25, 0.25)})
        stats[(b"~", 0, b"<built-in method %s>" % text)] = (
            many, many, 0.125, 0.125, {where: (many, many, 0.125, 0.125)})
    return marshal.dumps(stats, 2)


def pcapng(texts):
    """DNS queries, HTTP requests, comments and names of interfaces."""
    def padded(data):
        return data + bytes(-len(data) % 4)

    def option(code, data):
        return struct.pack("<HH", code, len(data)) + padded(data)

    def block(kind, body):
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    def ip(protocol, payload, is_back):
        ends = [b"\xc0\x00\x02\x01", b"\xc0\x00\x02\x02"]
        source, target = ends[::-1] if is_back else ends
        return (b"\2" * 12 + b"\x08\x00" + struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64,
                                                       protocol, 0) + source + target + payload)

    def udp(port, payload, is_back):
        ports = (53, port) if is_back else (port, 53)
        return ip(17, struct.pack(">4H", *ports, 8 + len(payload), 0) + payload, is_back)

    def tcp(port, flags, seq, ack, payload, is_back):
        ports = (80, port) if is_back else (port, 80)
        return ip(6, struct.pack(">HHIIBBHHH", *ports, seq, ack, 0x50, flags, 65535, 0, 0) + payload,
                  is_back)

    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + option(1, texts[0][:60000]))
    packets = []
    for number, text in enumerate(texts):
        out += block(1, struct.pack("<HHI", 1, 0, 0) + option(2, text) + option(3, text))
        port, begin = 10000 + number, (1_700_000_000 + 10 * number) * 10**6
        label = text[:60]
        query = (bytes([len(label)]) + label + b"\7example\0" + struct.pack(">HH", 1, 1))
        for at, flags, is_back in ((0, 0x100, False), (6 * 10**6, 0x8183, True)):
            message = struct.pack(">6H", 1, flags, 1, 0, 0, 0) + query
            packets.append((begin + at, number, udp(port, message, is_back), text))
        request = b"GET / HTTP/1.1\r\nHost: x" + text.replace(b"\n", b"").replace(b"\r", b"") + b"\r\n\r\n"
        for at, frame in enumerate((
                tcp(port, 2, 0, 0, b"", False), tcp(port, 0x12, 0, 1, b"", True),
                tcp(port, 0x18, 1, 1, request[:1400], False),
                tcp(port, 0x18, 1, 1 + len(request[:1400]), b"HTTP/1.1 200 OK\r\n\r\n", True),
                tcp(port, 4, 1 + len(request[:1400]), 20, b"", False))):
            packets.append((begin + 1000 * at, number, frame, text))
    for time, number, frame, text in sorted(packets, key=lambda packet: packet[0]):
        out += block(6, struct.pack("<5I", number, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
                     + padded(frame) + option(1, text))
    return out


def switch_log():
    lines = [b"Attaching 1 probe..."]
    for number, text in enumerate(TEXTS):
        lines += [b"1700000000.%06d 1000 1000 switch 0x7f%04x" % (number, number),
                  b"1700000000.%06d 1000 1000 switch %s" % (number, text), text]
    return b"\n".join(lines) + b"\n"


def perf_map():
    return b"".join(b"%x 10 py::f%s:/srv/%s\n%s\n" % (0x7f0000000000 + 16 * number, text, text, text)
                    for number, text in enumerate(TEXTS))


def file_names():
    """Those of the texts that can be one."""
    for text in TEXTS:
        name = text.replace(b"\0", b"").replace(b"/", b"_")[:200]
        yield os.fsdecode(name)


def lay_out():
    files = {"printed.strace": strace_log(as_strace_prints, lambda text: b"USR1"),
             "raw.strace": strace_log(lambda text: text, lambda text: text),
             "a.cprof": profile("a"), "b.cprof": profile("b"), "wire.pcapng": pcapng(TEXTS),
             "switches.txt": switch_log(), "perf-1.map": perf_map()}
    for name, content in files.items():
        pathlib.Path(name).write_bytes(content)


# The tests.

LOGS = ("printed.strace", "raw.strace")


def forms_of_analyzers(files):
    """Analyzers that take any of them, in each of their forms for people."""
    yield "check", *files
    yield "check", "-f", "table", *files
    yield "timeline", "--no-fold", *files
    yield "sockets", "-a", "-f", "table", *files


def test_logs():
    for log in LOGS:
        for words in forms_of_analyzers([log]):
            # A table of sockets has only their addresses and states.
            see("tracebraid", *words, shows=None if words[0] == "sockets" else "out")
        see("tracebraid", "check", "switches.txt", "wire.pcapng", log, "a.cprof")
        see("tracebraid", "callgrind", "-f", "table", "a.cprof", log, "perf-1.map", shows=None)
        see("tracebraid", "callgrind", "-f", "callgrind", "a.cprof", log, "perf-1.map")
        see("stracecalls", "-f", "table", "--fields", "args", "--records", "syscall", log)
        for field in ("path", "args", "syscall", "error", "result_text"):
            see("tracebraid", "top", "-f", "table", "-n", "0", "--by", field, log,
                shows="out" if field == "path" else None)
    found = text_of(see("tracebraid", "check", "--without", "error_loop", *LOGS).out)
    for kind in ("fd_leak", "connect_failed", "killed", "bad_descriptor"):
        check(f" {kind}: " in found, f"check finds no {kind}")
    # A finding's sentences are text for people in a record, too: jq -r prints them as they are.
    for record in harness.run("tracebraid", "check", "-f", "jsonl", *LOGS, status=1).records():
        for name in ("summary", "detail", "evidence", "hint"):
            harmless(record[name] or "", f"{name} of {record['id']}", shows=None)


def test_profiles():
    see("cprofcalls", "-f", "table", "--type", "function", "--fields", "file,name", "a.cprof")
    see("cprofcalls", "-f", "table", "--type", "call", "--fields", "caller_name,callee_name", "a.cprof")
    see("cprof2callgrind", "a.cprof", "-")
    for words in ([], ["--callers", ""], ["--callees", ""], ["--only", "srv"]):
        see("tracebraid", "top", "-f", "table", "-n", "0", *words, "a.cprof")
    for sides in (["a.cprof", "b.cprof"], ["b.cprof", "a.cprof"]):
        see("tracebraid", "diff", "-n", "0", "--all", *sides)
        see("tracebraid", "diff", "-f", "table", "--fields", "name,file", *sides)
    see("tracebraid", "diff", "a.cprof", "b.cprof", "--fail-if", "any function.calls > 0",
        "--fail-if", "any function.calls[*title*] > 0", shows="errors")
    # A pattern for each text: the line of a gate that holds shows the function's name.
    gates = [word for number in range(len(TEXTS))
             for word in ("--fail-if", f"any function.calls[*/mod{number}.py] >= 0")]
    see("tracebraid", "diff", "a.cprof", "b.cprof", *gates, shows="errors")


def test_captures():
    see("pcapflows", "-f", "table", "--fields", "host,query", "wire.pcapng")
    see("pcapflows", "-f", "table", "--fields", "host,query", "--segments", "wire.pcapng", shows=None)
    for words in forms_of_analyzers(["wire.pcapng"]):
        see("tracebraid", *words, shows=None)
    see("tracebraid", "top", "-f", "table", "-n", "0", "--by", "query", "wire.pcapng")
    see("tracebraid", "top", "-f", "table", "-n", "0", "--by", "host", "wire.pcapng")


def test_other_inputs():
    see("greenletswitches", "-f", "table", "switches.txt", shows="errors")
    see("tracebraid", "timeline", "switches.txt", shows="errors")
    see("tracebraid", "merge", "perf-1.map", "-f", "table", "--fields", "name")
    see("tracebraid", "top", "--type", "symbol", "--by", "name", "-f", "table", "-n", "0", "perf-1.map")
    # What is no input at all is quoted.
    for number, text in enumerate(TEXTS):
        pathlib.Path(f"none{number}").write_bytes(text + b"\n" + text)
    nothing = [f"none{number}" for number in range(len(TEXTS))]
    for program in ("stracecalls", "pcapflows", "cprofcalls", "greenletswitches"):
        see(program, *nothing,
            shows="errors" if program in ("stracecalls", "greenletswitches") else None)
    see("tracebraid", "check", *nothing, shows=None)
    # Bytes of every kind of input in the middle of another.
    whole = pathlib.Path("a.cprof").read_bytes()
    pathlib.Path("cut.cprof").write_bytes(whole[:len(whole) // 2])
    see("cprofcalls", "-f", "table", "cut.cprof", shows=None)


def test_file_names():
    """Names stand in messages, in what findings say to see, and in lists of runs."""
    folder = pathlib.Path("named")
    folder.mkdir()
    names = []
    log = pathlib.Path("printed.strace").read_text().splitlines(keepends=True)
    for number, name in enumerate(file_names()):
        (folder / name).write_text("".join(line.replace(f"{1000 + 10 * 4} ", f"{1000 + 10 * number} ")
                                           for line in log if line.startswith(f"{1000 + 10 * 4} ")))
        names.append(name)
    at = {"folder": folder}
    equal(len(set(names)), 34, "files")
    see("tracebraid", "check", *names, **at)
    see("tracebraid", "timeline", *names, **at, shows=None)
    see("tracebraid", "merge", "--types", "syscall", "-f", "table", "--fields", "input", *names, **at)
    see("tracebraid", "diff", names[0], "--", *names[1:], **at)
    see("tracebraid", "diff", "--runs", "one", names[0], *names[1:20], "--", *names[20:], **at)
    (folder / "run").mkdir()
    for name in names:
        (folder / "run" / name).write_text(FORGED)
    (folder / "run" / "a.cprof").write_bytes(pathlib.Path("a.cprof").read_bytes())
    see("tracebraid", "diff", "run", "run", shows="errors", **at)
    see("stracecalls", "-f", "table", "--fields", "input", *names, **at)
    for program in ("pcapflows", "cprofcalls", "greenletswitches"):
        see(program, *names, shows="errors", **at)
    for program in ("stracecalls", "pcapflows", "cprofcalls", "greenletswitches"):
        see(program, *[f"no{name}" for name in names], shows="errors", **at)
    see("tracebraid", "check", *[f"no{name}" for name in names], shows="errors", **at)
    # One at a time, where the first ends the run.
    def alone(name):
        for words in (["stracecalls", "-o", f"none/{name}", names[0]],
                      ["stracecalls", "-o", f"{name}/x", names[0]],
                      ["cprof2callgrind", f"no{name}", "-"], ["cprof2callgrind", name, "-"],
                      ["greenletswitches", "--script", name],
                      ["stracecalls", "-f", name], ["stracecalls", "--fields", name, names[0]],
                      ["stracecalls", f"--{name}"], ["tracebraid", name],
                      ["tracebraid", "top", "--by", name, names[0]],
                      ["tracebraid", "top", "--sort", name, names[0]],
                      ["tracebraid", "top", "--only", f"({name}", names[0]],
                      ["tracebraid", "check", "--explain", name],
                      ["tracebraid", "merge", "--shift", f"{name}=x", names[0]],
                      ["tracebraid", "diff", "--fail-if", name, names[0], names[0]],
                      ["tracebraid", "timeline", "--since", name, names[0]],
                      ["pcapflows", "--timeout", name, names[0]], ["stracecalls", "--tz", name, names[0]]):
            see(*words, shows="errors" if FORGED in name and words[1] != "--tz" else None, **at)
    harness.in_parallel(alone, names)


def test_every_field_of_every_record():
    """Those of a server's log are copied for each field and each text, so that checks find what they
    look for; of other types a record."""
    # One process of the log, whose text is a plain one.
    lines = [line for line in pathlib.Path("printed.strace").read_text().splitlines(keepends=True)
             if line.startswith("1040 ")]
    pathlib.Path("one.strace").write_text("".join(lines).replace(r"\012" + FORGED, "name"))
    story = records_of("stracecalls", "--records", "syscall,signal,process,problem,file", "--ledger",
                       "one.strace")
    fields = sorted({(record.type, record.fields[at][0])
                     for record in story for at in text_fields(record)})
    many, number = [], 0
    for kind, name in fields:
        for text in TEXTS:
            number += 1
            for record in shifted(story, number):
                at = [at for at in text_fields(record)
                      if (record.type, record.fields[at][0]) == (kind, name)]
                # What was there stays in front, as it may be what a check looks for.
                many.append(hostile(record, at[0], text, record.values[at[0]] or "") if at else record)
    write_stream("story.msgpack", many)
    harness.run("tracebraid", "merge", "-q", "-f", "jsonl", "-o", "story.jsonl", "story.msgpack",
                status=(0, 1))
    for stream in ("story.msgpack", "story.jsonl"):
        for words in forms_of_analyzers([stream]):
            see("tracebraid", *words)
    see("tracebraid", "diff", "-n", "0", "story.msgpack", "printed.strace")

    others = []
    for words in (["pcapflows", "--segments", "--ledger", SAMPLES / "accept-storm/tcpdump.pcap"],
                  ["cprofcalls", "a.cprof"],
                  ["greenletswitches", SAMPLES / "accept-storm/greenlet.bt.txt"],
                  ["tracebraid", "check", SAMPLES / "accept-storm/strace.log"],
                  ["tracebraid", "sockets", SAMPLES / "accept-storm/strace.log"],
                  ["tracebraid", "diff", "a.cprof", "b.cprof"],
                  ["tracebraid", "callgrind", SAMPLES / "accept-storm/profiling.cprof",
                   SAMPLES / "accept-storm/strace.log"],
                  ["tracebraid", "merge", "perf-1.map"]):
        known = {record.type for record in others}
        for record in records_of(*words):
            if record.type not in known:
                known.add(record.type)
                others.append(record)
    firsts = others + list({record.type: record for record in story}.values())
    types = {record.type for record in firsts}
    for program in (["stracecalls"], ["pcapflows"], ["cprofcalls"], ["greenletswitches"],
                    *(["tracebraid", name] for name in ("check", "diff", "sockets", "callgrind"))):
        schema = harness.run(*program, "--schema").text
        missing = set(re.findall(r"^(\w+):", schema, re.M)) - types
        check(not missing, f"{program}: no record of {missing}")
    all_of_all = [hostile(record, at, text) for record in firsts for at in text_fields(record)
                  for text in TEXTS]
    write_stream("all.msgpack", all_of_all)
    # Streams are exact.
    out = harness.run("tracebraid", "merge", "-q", "--sort", "-f", "msgpack", "all.msgpack").out
    equal(sorted(map(repr, read_records(out))), sorted(map(repr, all_of_all)), "records that are merged")
    for words in ("timeline", "check", "sockets -a -f table", "diff all.msgpack", "diff -n 0 --all a.cprof"):
        see("tracebraid", *words.split(), "all.msgpack", shows=None)
    see("tracebraid", "timeline", "--no-fold", "all.msgpack")

    def one_type(record):
        kind = record.type
        see("tracebraid", "merge", "--types", kind, "-f", "table", "all.msgpack", shows=None)
        for at in text_fields(record):
            name = record.fields[at][0]
            stream = write_stream(f"{kind}.{name}.msgpack", [hostile(record, at, text) for text in TEXTS])
            see("tracebraid", "merge", "-f", "table", "--fields", name, stream)
            see("tracebraid", "top", "--type", kind, "--by", name, "-f", "table", "-n", "0", "all.msgpack")
        for form in ("table", "csv", "tsv", "zeek", "jsonl"):
            shown, done = on_terminal("tracebraid", "merge", "-q", "--types", kind, "-f", form, "all.msgpack")
            # Columns of TSV are apart by a tab.
            harmless(shown.replace(b"\t", b" "), f"{kind} as {form} on a terminal", form != "table")
            lines = len([one for one in all_of_all if one.type == kind])
            if form in ("csv", "tsv", "jsonl"):
                equal(shown.count(b"\n"), lines + (form != "jsonl"),
                      f"lines of {kind} as {form} on a terminal")
    harness.in_parallel(one_type, [record for record in firsts if text_fields(record)])
    shown, done = on_terminal("tracebraid", "merge", "-f", "msgpack", "all.msgpack")
    equal((shown, done.status), (b"", 2), "bytes on a terminal")


def test_names_of_types_and_fields():
    """Those that no program knows."""
    records = [Record(text_of(text), (("ts", "time", ""), (text_of(text), "text", text_of(text))),
                      [number, text_of(text)]) for number, text in enumerate(TEXTS) if b"long" not in text]
    write_stream("unknown.msgpack", records)
    see("tracebraid", "merge", "-o", "unknown.jsonl", "unknown.msgpack", shows="errors")
    for record in records:
        if "\0" in record.type:
            continue
        write_stream("one.msgpack", [record])
        see("tracebraid", "merge", "-f", "table", "one.msgpack",
            shows="errors" if FORGED in record.type else None)
        see("tracebraid", "merge", "-f", "table", "--fields", record.fields[1][0], "one.msgpack", shows=None)
        see("tracebraid", "top", "--type", record.type, "--by", "ts", "-f", "table", "one.msgpack",
            shows=None)
        see("tracebraid", "check", "one.msgpack", shows=None)
    see("tracebraid", "merge", "-f", "table", "unknown.msgpack", shows=None)


def test_csv_for_machines():
    """In a file or a pipe every byte is the input's, unless --csv-safe marks what a spreadsheet takes
    for a formula."""
    texts = [text_of(text) for text in TEXTS] + ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "a=1", "", "plain"]
    fields = (("ts", "time", ""), ("name", "text", ""), ("count", "int", ""))
    write_stream("texts.msgpack", [Record("named", fields, [1, text, -1]) for text in texts])

    def cells(*options):
        done = harness.run("tracebraid", "merge", "-o", "texts.csv", *options, "texts.msgpack", status=0)
        with open("texts.csv", encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = list(csv.reader(io.StringIO(file.read(), newline=""), strict=True))
        equal(rows[0], ["ts", "name", "count"], "headings")
        check(all(row[2] == "-1" for row in rows[1:]), "numbers are numbers")
        return [row[1] for row in rows[1:]], done.errors

    formulas = [text for text in texts if text[:1] in tuple("=+-@\t\r\n")]
    got, told = cells()
    equal(got, texts, "cells")
    check(f"{len(formulas)} cells begin with = + - or @" in told, f"formulas are not told: {told}")
    got, told = cells("-q")
    equal((got, told), (texts, ""), "quiet")
    got, told = cells("--csv-safe")
    equal(got, ["'" + text if text in formulas else text for text in texts], "safe cells")
    check("begin" not in told, told)
    # Every program that writes it.
    for words in (["pcapflows", "wire.pcapng"], ["stracecalls", "raw.strace"],
                  ["cprofcalls", "--type", "function", "a.cprof"],
                  ["greenletswitches", SAMPLES / "accept-storm/greenlet.bt.txt"],
                  ["tracebraid", "top", "--by", "host", "wire.pcapng"],
                  ["tracebraid", "sockets", "printed.strace"],
                  ["tracebraid", "check", "raw.strace"],
                  ["tracebraid", "diff", "a.cprof", "b.cprof"],
                  ["tracebraid", "callgrind", "a.cprof", "printed.strace"]):
        told = harness.run(*words, "-f", "csv", "--csv-safe", status=(0, 1))
        check("csv-safe" not in told.errors, told.errors)
        for row in csv.reader(io.StringIO(text_of(told.out), newline="")):
            bad = [cell for cell in row if cell[:1] in tuple("=+@\t\r\n")]
            check(not bad, f"{words}: {bad}")
    told = harness.run("pcapflows", "-o", "flows.csv", "wire.pcapng", status=0).errors
    check("--csv-safe" in told, f"pcapflows tells of no formulas: {told}")


with harness.folder() as place:
    os.chdir(place)
    lay_out()
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            with harness.case(name):
                test()
    os.chdir("/")
harness.finish(least=1000)
