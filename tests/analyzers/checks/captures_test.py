"""What check tells of a capture alone: each fault, its healthy twin, and both sides of its limits.

The packets are made here, octet by octet, by RFC 791, 793, 768, 792 and 1035.
"""
import json
import struct
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

START = 1_700_000_000
CLIENT, SERVER, DNS = "10.0.0.1", "10.0.0.2", "10.0.0.53"
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16}


class Capture:
    """Packets of raw IP (link type 101); `at` is in seconds from the start."""

    def __init__(self):
        self.packets, self.id = [], 0

    def ip(self, at, source, destination, protocol, body, ip_id=None):
        if ip_id is None:
            self.id += 1
            ip_id = self.id
        address = lambda host: bytes(int(part) for part in host.split("."))
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), ip_id, 0x4000, 64, protocol, 0,
                             address(source), address(destination))
        self.packets.append((at, header + body))
        return self

    def tcp(self, at, port, flags, seq=0, ack=0, size=0, window=1000, back=False, server=9000,
            to=SERVER, ip_id=None):
        ends = (server, port) if back else (port, server)
        bits = sum(FLAGS[flag] for flag in flags)
        body = struct.pack("!HHIIBBHHH", *ends, seq, ack, 0x50, bits, window, 0, 0) + b"x" * size
        hosts = (to, CLIENT) if back else (CLIENT, to)
        return self.ip(at, *hosts, 6, body, ip_id)

    def handshake(self, at, port, **more):
        self.tcp(at, port, "S", 100, **more).tcp(at + 0.001, port, "SA", 500, 101, back=True, **more)
        return self.tcp(at + 0.002, port, "A", 101, 501, **more)

    def udp(self, at, port, payload, back=False, server=53, to=DNS):
        ends = (server, port) if back else (port, server)
        hosts = (to, CLIENT) if back else (CLIENT, to)
        return self.ip(at, *hosts, 17, struct.pack("!HHHH", *ends, 8 + len(payload), 0) + payload)

    def dns(self, at, port, name, query_id=1, rcode=None):
        flags = 0x0100 if rcode is None else 0x8180 | rcode
        labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
        payload = struct.pack("!6H", query_id, flags, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"
        return self.udp(at, port, payload, back=rcode is not None)

    def findings(self, *ids):
        with open("capture.pcap", "wb") as file:
            file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
            for at, packet in sorted(self.packets, key=lambda each: each[0]):
                stamp = round((START + at) * 1_000_000)
                file.write(struct.pack("=IIII", *divmod(stamp, 1_000_000), len(packet), len(packet)))
                file.write(packet)
        only = ("--only", ",".join(ids)) if ids else ()
        done = harness.run("tracebraid", "check", "-f", "jsonl", *only, "capture.pcap", status={0, 1})
        return [json.loads(line) for line in done.out.splitlines()]


def told(capture, check_id, severity, *words):
    """The one finding of the check."""
    findings = capture.findings(check_id)
    equal([each["severity"] for each in findings], [severity], f"{check_id}: {findings}")
    text = " ".join(f"{each['summary']} {each['detail']} {each['evidence']}" for each in findings)
    for word in words:
        check(word in text, f"{check_id}: no {word!r} in {text!r}")


def silent(capture, *ids):
    equal(capture.findings(*ids), [], f"{ids or 'all'}: healthy")


def exchange(capture, at, port, end=True, **more):
    capture.handshake(at, port, **more)
    capture.tcp(at + 0.003, port, "PA", 101, 501, size=10, **more)
    capture.tcp(at + 0.004, port, "PA", 501, 111, size=20, back=True, **more)
    capture.tcp(at + 0.005, port, "A", 111, 521, **more)
    if end:
        capture.tcp(at + 0.006, port, "FA", 111, 521, **more)
        capture.tcp(at + 0.007, port, "FA", 521, 112, back=True, **more)
        capture.tcp(at + 0.008, port, "A", 112, 522, **more)
    return capture


def test_healthy():
    capture = Capture()
    for at in range(30):
        exchange(capture, at, 40000 + at)
        capture.dns(at + 0.5, 50000 + at, "www.example").dns(at + 0.51, 50000 + at, "www.example", rcode=0)
    silent(capture)


def test_refused():
    capture = Capture()
    for at in range(20):
        capture.tcp(at, 41000 + at, "S", 100).tcp(at + 0.001, 41000 + at, "RA", 0, 101, back=True)
    told(capture, "refused", "warning", "20 connections were refused by 10.0.0.2:9000", CLIENT)
    silent(capture, "unanswered", "broken_off")
    scan = Capture()
    for port in range(1, 101):
        scan.tcp(port, 41000, "S", 100, server=port).tcp(port + 0.1, 41000, "RA", 0, 101, back=True, server=port)
    told(scan, "refused", "warning", "100 connections were refused by 100 servers")


def test_unanswered():
    def syns(*times, port=40000):
        capture = Capture()
        for at in times:
            capture.tcp(at, port, "S", 100)
        return capture
    told(syns(0, 1, 3, 7, 15, 31), "unanswered", "warning", "1 connect to 10.0.0.2:9000", "6 SYNs in 31.0 s")
    silent(syns(0), "unanswered")  # an answer may have come behind the capture's end
    silent(exchange(syns(0.4), 1, 40001), "unanswered")
    told(exchange(syns(0), 1, 40001), "unanswered", "warning", "1 connect ", "1 SYN")
    answered = syns(0, 1, 3, 7)
    exchange(answered, 15, 40000)  # the same SYN again, and its answer
    silent(answered, "unanswered")
    two = syns(0, 1, 3)
    for at in (0.5, 1.5, 3.5):
        two.tcp(at, 40001, "S", 900)
    told(two, "unanswered", "warning", "2 connects to 10.0.0.2:9000", "6 SYNs")
    copies = syns(0).tcp(0.00001, 40000, "S", 100, ip_id=1)
    silent(copies, "unanswered")
    one_side = Capture()  # only the client's packets
    one_side.tcp(0, 40000, "S", 100).tcp(0.1, 40000, "A", 101, 501).tcp(0.2, 40000, "PA", 101, 501, size=5)
    silent(one_side.tcp(9, 40000, "FA", 106, 501), "unanswered")


def test_broken_off():
    asked = Capture().handshake(0, 40000).tcp(0.1, 40000, "PA", 101, 501, size=10)
    asked.tcp(0.2, 40000, "RA", 501, 111, back=True)
    told(asked, "broken_off", "warning", "reset 1 connection without an answer")
    given = exchange(Capture(), 0, 40000, end=False).tcp(1, 40000, "RA", 521, 111, back=True)
    told(given, "broken_off", "note", "the server 10.0.0.2:9000 reset 1 connection after data")
    client = exchange(Capture(), 0, 40000, end=False).tcp(1, 40000, "RA", 111, 521)
    told(client, "broken_off", "note", "clients reset 1 connection to 10.0.0.2:9000")
    silent(exchange(Capture(), 0, 40000), "broken_off")
    # An end that its sender confirms by a RST.
    tidy = exchange(Capture(), 0, 40000, end=False).tcp(1, 40000, "FA", 111, 521).tcp(1.1, 40000, "R", 112)
    silent(tidy, "broken_off")


def test_zero_window():
    def shut(seconds, ends=True):
        capture = Capture().handshake(0, 40000).tcp(0.1, 40000, "PA", 101, 501, size=100)
        capture.tcp(0.2, 40000, "A", 501, 201, window=0, back=True)
        if ends:
            capture.tcp(0.2 + seconds, 40000, "A", 501, 201, window=500, back=True)
        else:
            capture.tcp(0.2 + seconds, 40000, "A", 200, 501)
        return capture
    told(shut(12), "zero_window", "warning", "the server 10.0.0.2:9000", "12.0 s")
    told(shut(1.0), "zero_window", "warning")
    told(shut(0.999), "zero_window", "note")
    told(shut(0.2), "zero_window", "note")
    silent(shut(0.199), "zero_window")
    told(shut(5, ends=False), "zero_window", "warning", "5.00 s")
    silent(exchange(Capture(), 0, 40000), "zero_window")
    reset = Capture().handshake(0, 40000).tcp(1, 40000, "R", 101, window=0).tcp(9, 40000, "R", 101, window=0)
    silent(reset, "zero_window")  # of a RST it says nothing


def test_missing_packets():
    def gap(size):
        capture = Capture().handshake(0, 40000).tcp(0.1, 40000, "PA", 501, 101, size=100, back=True)
        capture.tcp(0.2, 40000, "A", 101, 601)
        capture.tcp(0.3, 40000, "PA", 601 + size, 101, size=100, back=True)
        capture.tcp(0.4, 40000, "A", 101, 701 + size)
        capture.tcp(0.5, 40000, "FA", 701 + size, 101, back=True)
        return capture.tcp(0.6, 40000, "FA", 101, 702 + size).tcp(0.7, 40000, "A", 702 + size, 102, back=True)
    for size in (1, 2_000_000, 20_000_000):
        told(gap(size), "missing_packets", "note", f"{size:,} bytes of 1 connection")
    silent(gap(0), "missing_packets")
    again = Capture().tcp(-1, 40000, "S", 100).tcp(-0.9, 40000, "SA", 3_000_000_000, 101, back=True)
    silent(exchange(again, 0, 40000), "missing_packets")  # another SYN-ACK is no gap


def test_captured_twice():
    def copies(count, apart=0.000004):
        capture = Capture()
        for at in range(20):
            exchange(capture, at, 40000 + at)
        for at, packet in list(capture.packets)[:count]:
            capture.packets.append((at + apart, packet))
        return capture
    told(copies(180), "captured_twice", "note", "180 of 360 are copies")
    silent(copies(180), "retransmissions")
    told(copies(4), "captured_twice", "note", "4 of 184")
    silent(copies(3), "captured_twice")


def test_retransmissions_on_loopback():
    def again(after, window):
        capture = Capture()
        loop = {"to": "127.0.0.1"}
        capture.handshake(0, 40000, **loop).tcp(0.1, 40000, "PA", 501, 101, size=100, back=True, **loop)
        capture.tcp(0.11, 40000, "A", 101, 501, window=window, **loop)
        capture.tcp(0.1 + after, 40000, "PA", 501, 101, size=100, back=True, **loop)
        return capture.tcp(0.2 + after, 40000, "A", 101, 601, **loop)
    told(again(0.210, 0), "retransmissions", "note", "its ACK stood still", "210 ms", "dropped")
    soon = again(0.02, 900).findings("retransmissions")
    check("dropped" not in str(soon), f"asked soon: {soon}")


def test_keep_alives_are_not_sent_again():
    capture = exchange(Capture(), 0, 40000, end=False)
    for at in range(60, 600, 60):
        capture.tcp(at, 40000, "A", 110, 521, size=1).tcp(at + 0.01, 40000, "A", 521, 111, back=True)
    silent(capture)


def test_slow_answer():
    def answers(slow, usual, count):
        capture = Capture()
        for at in range(count):
            took = slow if at == 2 else usual
            capture.handshake(at * 20, 40000 + at).tcp(at * 20 + 0.1, 40000 + at, "PA", 101, 501, size=9)
            capture.tcp(at * 20 + 0.1 + took, 40000 + at, "PA", 501, 110, size=9, back=True)
        return capture
    told(answers(4.2, 0.01, 10), "slow_answer", "warning", "1 of 10 connections", "4.20 s")
    told(answers(4.2, 0.6, 10), "slow_answer", "note")  # a server that takes its time
    told(answers(4.2, 0.01, 4), "slow_answer", "note")  # too few to tell what is usual
    told(answers(1.0, 0.01, 10), "slow_answer", "warning")
    silent(answers(0.999, 0.01, 10), "slow_answer")


def test_unreachable():
    def icmp(code, asked, kind=3):
        capture = Capture()
        if asked:
            capture.udp(0, 40000, b"stat", server=8125, to=SERVER)
        return capture.ip(0.1, SERVER, CLIENT, 1, struct.pack("!BBHI", kind, code, 0, 0) + b"\x45" + b"\0" * 27)
    told(icmp(3, True), "unreachable", "warning", "the port is unreachable", "8125", "nobody listens")
    told(icmp(3, False), "unreachable", "note", "the port is unreachable")
    told(icmp(1, False), "unreachable", "warning", "the host is unreachable", SERVER)
    silent(icmp(4, False), "unreachable")  # fragmentation needed: how the path's MTU is found
    silent(icmp(0, False, kind=8), "unreachable")


def test_half_open():
    def half(seconds):
        capture = exchange(Capture(), 0, 40000, end=False).tcp(1, 40000, "FA", 111, 521)
        capture.tcp(1.1, 40000, "A", 521, 112, back=True)
        return exchange(capture, 1.1 + seconds, 40001)
    told(half(10), "half_open", "note", "the client had closed, and the server did not")
    silent(half(9.9), "half_open")
    silent(exchange(Capture(), 0, 40000), "half_open")


def test_dns_failed():
    def asked(rcode, count=1, took=0.01):
        capture = Capture()
        for at in range(count):
            capture.dns(at, 50000 + at, f"name{at}.example")
            if rcode is not None:
                capture.dns(at + took, 50000 + at, f"name{at}.example", rcode=rcode)
        return capture.dns(60, 60000, "last.example").dns(60.01, 60000, "last.example", rcode=0)
    told(asked(2), "dns_failed", "warning", "1 SERVFAIL", "name0.example", f"{DNS}:53")
    told(asked(5), "dns_failed", "warning", "1 REFUSED")
    told(asked(3, 3), "dns_failed", "note", "3 NXDOMAIN")
    silent(asked(3, 2), "dns_failed")
    told(asked(None), "dns_failed", "warning", "1 never answered")
    told(asked(0, took=0.5), "dns_failed", "warning", "1 answered after up to 500 ms")
    silent(asked(0, took=0.499), "dns_failed")
    silent(Capture().dns(0, 50000, "a.example").dns(0.01, 50000, "a.example", rcode=0)
           .dns(1, 50001, "b.example"), "dns_failed")  # its answer may come behind the end
    # The query again after 5 s, as resolvers do: one query, answered late.
    told(Capture().dns(0, 50000, "a.example").dns(5, 50000, "a.example")
         .dns(5.01, 50000, "a.example", rcode=0), "dns_failed", "warning", "after up to 5.01 s")


def test_dns_search():
    def look_ups(count, suffixes):
        capture, port = Capture(), 50000
        for at in range(count):
            for number, suffix in enumerate(suffixes):
                name = "redis" + suffix
                capture.dns(at + number / 10, port, name)
                capture.dns(at + number / 10 + 0.01, port, name, rcode=0 if suffix == suffixes[-1] else 3)
                port += 1
        return capture
    told(look_ups(3, [".ns.svc.cluster.local", ".corp.example", ".example"]), "dns_search", "note",
         "6 NXDOMAIN answers", "3 look-ups", "9 queries", "redis.ns.svc.cluster.local")
    silent(look_ups(2, [".ns.example", ".example"]), "dns_search")  # 2 answers are few
    told(look_ups(3, [".ns.example", ".example"]), "dns_search", "note", "3 NXDOMAIN")
    silent(look_ups(9, [".example"]), "dns_search")
    others = Capture()
    for at in range(9):
        others.dns(at, 50000 + at, f"n{at}.example").dns(at + 0.1, 50000 + at, f"n{at}.example", rcode=3)
    silent(others, "dns_search")


harness.each_test(globals())
harness.finish(60)
