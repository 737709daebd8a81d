"""Reads the packets' stamps and lengths of pcap and pcapng files, gzip around them too: a reader of
its own, so that what pcapflows says of a capture can be compared with something.
"""
import dataclasses
import glob
import gzip
import os
import struct
import subprocess

import harness

PCAP = {b"\xa1\xb2\xc3\xd4": (">", 1000), b"\xd4\xc3\xb2\xa1": ("<", 1000),
        b"\xa1\xb2\x3c\x4d": (">", 1), b"\x4d\x3c\xb2\xa1": ("<", 1)}
MODIFIED = {b"\xa1\xb2\xcd\x34": (">", 1000), b"\x34\xcd\xb2\xa1": ("<", 1000)}
LONGEST = 262144  # libpcap's MAXIMUM_SNAPLEN; with anything longer the file is damaged
BLOCK_LIMIT = 1 << 24
FOLDERS = ("made", "tcpdump", "community-id", "scenarios", "zeek/traces", "zeek/extra")
ENDINGS = (".pcap", ".pcapng", ".cap", ".trace")


@dataclasses.dataclass
class Packet:
    ns: int | None  # since 1970; None: Simple Packet Block
    captured: int
    wire: int
    link: int
    data: bytes
    exact: bool = True  # whether the stamp is a whole number of nanoseconds


@dataclasses.dataclass
class Capture:
    packets: list
    damage: str = ""  # what is wrong, and where; packets are those before it
    known: bool = True  # whether it begins as a capture file does


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    damage = ""
    if data[:2] == b"\x1f\x8b":
        with gzip.open(path) as file:
            parts = []
            try:
                while part := file.read(1 << 20):
                    parts.append(part)
            except (EOFError, OSError) as error:
                damage = f"gzip: {error}"
        data = b"".join(parts)
    if data[:4] in PCAP or data[:4] in MODIFIED:
        capture = read_pcap(data)
    elif data[:4] == b"\x0a\x0d\x0d\x0a":
        capture = read_pcapng(data)
    else:
        capture = Capture([], "no magic", known=False)
    capture.damage = capture.damage or damage
    return capture


def read_pcap(data):
    order, unit = (PCAP | MODIFIED)[data[:4]]
    header = 24 if data[:4] in MODIFIED else 16
    if len(data) < 24:
        return Capture([], "file header cut", known=False)
    link = struct.unpack(order + "I", data[20:24])[0] & 0xFFFF
    packets, at = [], 24
    while at < len(data):
        if at + header > len(data):
            return Capture(packets, f"byte {at}: record header cut")
        seconds, fraction, captured, wire = struct.unpack(order + "4I", data[at:at + 16])
        if captured > LONGEST:
            return Capture(packets, f"byte {at}: {captured} bytes captured")
        if at + header + captured > len(data):
            return Capture(packets, f"byte {at}: record cut")
        begin = at + header
        packets.append(Packet(seconds * 10**9 + fraction * unit, captured, wire, link,
                              data[begin:begin + captured]))
        at = begin + captured
    return Capture(packets)


def options(body, order):
    found, at = {}, 0
    while at + 4 <= len(body):
        code, size = struct.unpack(order + "HH", body[at:at + 4])
        if code == 0 or at + 4 + size > len(body):
            break
        found.setdefault(code, body[at + 4:at + 4 + size])
        at += 4 + (size + 3) // 4 * 4
    return found


def read_pcapng(data):
    packets, at, order, interfaces = [], 0, "<", []

    def bad(what):
        return Capture(packets, f"byte {at}: {what}", known=at > 0)

    def stamp(interface, high, low):
        ticks = high << 32 | low
        resolution, offset = interface["resolution"], interface["offset"]
        per_second = 1 << (resolution & 127) if resolution & 128 else 10**resolution
        ns, rest = divmod(ticks * 10**9, per_second)
        return ns + offset * 10**9, rest == 0

    while at < len(data):
        if at + 12 > len(data):
            return bad("block header cut")
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            magic = data[at + 8:at + 12]
            if magic not in (b"\x1a\x2b\x3c\x4d", b"\x4d\x3c\x2b\x1a"):
                return bad("byte-order magic")
            order = ">" if magic[0] == 0x1A else "<"
            interfaces = []
        kind, size = struct.unpack(order + "II", data[at:at + 8])
        if size < 12 or size % 4 or size > BLOCK_LIMIT:
            return bad(f"block of {size} bytes")
        if at + size > len(data):
            return bad("block cut")
        if data[at + size - 4:at + size] != data[at + 4:at + 8]:
            return bad("the block's two lengths differ")
        body = data[at + 8:at + size - 4]
        if kind == 1:
            if len(body) < 8:
                return bad("interface block cut")
            link, _, snaplen = struct.unpack(order + "HHI", body[:8])
            known = options(body[8:], order)
            resolution = known.get(9, b"\x06")[0]
            if resolution > 19 and not 128 <= resolution <= 128 + 63:
                return bad(f"if_tsresol {resolution}")
            offset = struct.unpack(order + "q", known[14])[0] if len(known.get(14, b"")) == 8 else 0
            interfaces.append({"link": link, "snaplen": snaplen, "resolution": resolution,
                               "offset": offset})
        elif kind in (2, 6):  # Packet Block (obsolete), Enhanced Packet Block
            if len(body) < 20:
                return bad("packet block cut")
            number, high, low, captured, wire = struct.unpack(order + "5I", body[:20])
            if kind == 2:
                number = struct.unpack(order + "H", body[:2])[0]
            if number >= len(interfaces):
                return bad(f"interface {number} of {len(interfaces)}")
            if captured > len(body) - 20:
                return bad("packet longer than its block")
            ns, exact = stamp(interfaces[number], high, low)
            packets.append(Packet(ns, captured, wire, interfaces[number]["link"],
                                  body[20:20 + captured], exact))
        elif kind == 3:  # Simple Packet Block
            if len(body) < 4:
                return bad("packet block cut")
            if not interfaces:
                return bad("Simple Packet Block without an interface")
            wire = struct.unpack(order + "I", body[:4])[0]
            captured = min(wire, interfaces[0]["snaplen"] or wire)
            if captured > len(body) - 4:
                return bad("packet longer than its block")
            packets.append(Packet(None, captured, wire, interfaces[0]["link"],
                                  body[4:4 + captured]))
        at += size
    return Capture(packets)


def captures():
    """Paths and names: the samples', and the corpus' where it is."""
    places = [str(harness.SAMPLES)]
    if harness.CORPUS:
        places += [os.path.join(harness.CORPUS, each) for each in FOLDERS]
    for place in places:
        for path in sorted(glob.glob(f"{place}/**", recursive=True)):
            if os.path.isfile(path) and path.removesuffix(".gz").endswith(ENDINGS):
                yield path, os.path.relpath(path, os.path.dirname(place))


def generate(path, *options):
    """A made-up capture."""
    subprocess.run([harness.generator("make_capture"), *options, path], check=True,
                   stderr=subprocess.DEVNULL)
    return path


def write(path, packets):
    """As pcap with nanoseconds."""
    with open(path, "wb") as file:
        link = packets[0].link if packets else 1
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link))
        for packet in packets:
            seconds, ns = divmod(packet.ns, 10**9)
            file.write(struct.pack("<4I", seconds, ns, packet.captured, packet.wire) + packet.data)


def to_cut(folder, seed):
    """Names and packets of all captures that can be written in pieces, and of one made for it."""
    generated = generate(os.path.join(folder, "generated.pcap"), "--packets", "5000", "--open", "100",
                         "--seed", str(seed))
    skipped = 0
    for path, name in [(generated, "generated"), *captures()]:
        if harness.part() not in name:
            continue
        packets = read(path).packets
        if len(packets) > 1 and all(
                packet.ns is not None and 0 <= packet.ns < 2**32 * 10**9 and
                packet.captured <= packet.wire and packet.link == packets[0].link
                for packet in packets):
            yield name, packets
        else:
            skipped += 1
    print(f"{skipped} have no packets, times or one link type")


def cut(folder, packets, cuts):
    """Writes the packets into files, each from one cut to the next. An empty one has a link type of
    its own."""
    paths = []
    for number, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(packets)])):
        paths.append(os.path.join(folder, f"piece{number}.pcap"))
        write(paths[-1], packets[begin:end])
    return paths
