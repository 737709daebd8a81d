"""Traffic on lo, recorded here: what pcapflows says of each flow against sums over tshark's
packets, and against what the sockets' own programs sent and received.

Needs tcpdump, tshark, and the right to capture on lo.
"""
import collections
import contextlib
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from decimal import Decimal

sys.path.append(f"{sys.path[0]}/../../support")
import harness
import pcapflows
from harness import equal, nanoseconds

HOSTS = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
PORTS = 8  # in a row, that tcpdump records
SHORT = 1000  # connections of a few bytes
SIZES = (0, 1, 1000, 65536, 1 << 20)
DATAGRAMS = (1, 512, 1472, 9000, 40000)
END = b"end"  # a datagram that is not echoed
FIELDS = ["frame.number", "frame.time_epoch", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "ip.len",
          "ipv6.plen", "tcp.stream", "tcp.srcport", "tcp.dstport", "tcp.flags.syn", "tcp.flags.ack",
          "tcp.flags.reset", "tcp.len", "tcp.analysis.retransmission", "udp.stream", "udp.srcport",
          "udp.dstport", "udp.length"]


def free_ports():
    """The first of PORTS ports in a row, below the range clients get theirs of."""
    for _ in range(100):
        first = random.randrange(12000, 30000)
        try:
            with contextlib.ExitStack() as stack:
                for port in range(first, first + PORTS):
                    for family in HOSTS:
                        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                            probe = stack.enter_context(socket.socket(family, kind))
                            probe.bind((HOSTS[family], port))
            return first
        except OSError:
            continue
    harness.need(False, "no free ports on both 127.0.0.1 and ::1")


def start_tcpdump(first, path, errors):
    process = subprocess.Popen(
        ["tcpdump", "-i", "lo", "-n", "-s", "0", "-B", "65536", "--time-stamp-precision=nano",
         "--immediate-mode", "-U", "-w", path, f"portrange {first}-{first + PORTS - 1}"],
        stdout=subprocess.DEVNULL, stderr=errors)
    for _ in range(200):
        with open(errors.name, encoding="utf-8") as said:
            text = said.read()
        if "listening on" in text:
            return process
        if process.poll() is not None:
            harness.need(False, f"tcpdump cannot capture on lo: {text.strip()[-200:]}")
        time.sleep(0.05)
    process.kill()
    process.wait()
    harness.need(False, "tcpdump does not begin to listen")


def echo(connection):
    with connection, contextlib.suppress(ConnectionResetError):
        while data := connection.recv(1 << 16):
            connection.sendall(data)


def serve_tcp(listener):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=echo, args=(connection,), daemon=True).start()


def serve_udp(server):
    while True:
        data, client = server.recvfrom(1 << 16)
        if data == END:
            return
        server.sendto(data, client)


def receive(connection, count):
    while data := connection.recv(1 << 16):
        count[0] += len(data)


def client(family, port, size, truth, reset=False):
    """Sends, says so with a FIN, and reads the echo to its end."""
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.connect((HOSTS[family], port))
        key = ("tcp", pcapflows.address(HOSTS[family]), connection.getsockname()[1], port)
        count = [0]
        reader = threading.Thread(target=receive, args=(connection, count))
        if reset:
            connection.sendall(bytes(size))
            while count[0] < size:
                count[0] += len(connection.recv(1 << 16))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            reader.start()
            connection.sendall(bytes(size))
            connection.shutdown(socket.SHUT_WR)
            reader.join()
        truth[key] = (size, count[0], "reset" if reset else "closed")


def refused(family, port, truth):
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.bind((HOSTS[family], 0))
        own = connection.getsockname()[1]
        with contextlib.suppress(ConnectionRefusedError):
            connection.connect((HOSTS[family], port))
        truth[("tcp", pcapflows.address(HOSTS[family]), own, port)] = (0, 0, "refused")


def datagrams(family, port, truth):
    with socket.socket(family, socket.SOCK_DGRAM) as connection:
        connection.settimeout(5)
        connection.connect((HOSTS[family], port))
        total = 0
        for size in DATAGRAMS:
            connection.send(bytes(size))
            total += len(connection.recv(1 << 16))
        assert total == sum(DATAGRAMS)
        truth[("udp", pcapflows.address(HOSTS[family]), connection.getsockname()[1], port)] = (
            total, total, "")


def make_traffic(first):
    """By (proto, address, client's port, server's port): bytes sent, received, and the end."""
    truth = {}
    with contextlib.ExitStack() as stack:
        for family in HOSTS:
            for port in (first, first + 1):
                listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((HOSTS[family], port))
                listener.listen(512)
                threading.Thread(target=serve_tcp, args=(listener,), daemon=True).start()
                # close() alone does not wake who accepts.
                stack.callback(listener.shutdown, socket.SHUT_RDWR)
            server = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            server.bind((HOSTS[family], first + 2))
            thread = threading.Thread(target=serve_udp, args=(server,), daemon=True)
            thread.start()
            datagrams(family, first + 2, truth)
            datagrams(family, first + 2, truth)

            def end(family=family, thread=thread):
                with socket.socket(family, socket.SOCK_DGRAM) as connection:
                    connection.sendto(END, (HOSTS[family], first + 2))
                    key = ("udp", pcapflows.address(HOSTS[family]), connection.getsockname()[1],
                           first + 2)
                    truth[key] = (len(END), 0, "")
                thread.join()
            stack.callback(end)

        jobs = [(family, first, size, truth) for family in HOSTS for size in SIZES * 2]
        jobs += [(family, first, 1000, truth, True) for family in HOSTS]
        threads = [threading.Thread(target=client, args=job) for job in jobs]

        def several(number):
            for at in range(number, SHORT, 4):
                client((socket.AF_INET, socket.AF_INET6)[at % 8 < 4], first + 1, at % 7, truth)

        threads += [threading.Thread(target=several, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for family in HOSTS:
            refused(family, first + PORTS - 1, truth)
    wanted = len(jobs) + SHORT + 2 + 6
    assert len(truth) == wanted, f"{len(truth)} of {wanted} clients: one failed, or a port came twice"
    return truth


def record(folder):
    path = os.path.join(folder, "lo.pcap")
    first = free_ports()
    with open(os.path.join(folder, "tcpdump.err"), "w", encoding="utf-8") as errors:
        process = start_tcpdump(first, path, errors)
        try:
            truth = make_traffic(first)
            size = -1
            while size != os.path.getsize(path):  # until nothing more is written
                size = os.path.getsize(path)
                time.sleep(0.5)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
    with open(errors.name, encoding="utf-8") as said:
        text = said.read()
    harness.need("\n0 packets dropped by kernel" in text, f"packets were lost: {text.strip()}")
    return path, truth


class Sums:
    def __init__(self):
        self.pkts, self.ip_bytes, self.payload = [0, 0], [0, 0], [0, 0]
        self.first = self.last = None
        self.reset_by = None
        self.retransmissions = 0
        self.key = None


def tshark_sums(path):
    """By (proto, originator's address, its port, responder's port): sums per direction."""
    done = subprocess.run(
        ["tshark", "-n", "-r", path, "-o", "tcp.desegment_tcp_streams:FALSE", "-T", "fields",
         "-E", "separator=/t", *(word for field in FIELDS for word in ("-e", field))],
        capture_output=True, check=True, timeout=60, encoding="utf-8")
    streams = collections.defaultdict(Sums)
    for line in done.stdout.splitlines():
        packet = dict(zip(FIELDS, line.split("\t")))
        proto = "tcp" if packet["tcp.stream"] else "udp"
        source = pcapflows.address(packet["ip.src"] or packet["ipv6.src"])
        ports = int(packet[f"{proto}.srcport"]), int(packet[f"{proto}.dstport"])
        sums = streams[(proto, packet[f"{proto}.stream"])]
        if sums.key is None:
            sums.key = (proto, source, *ports)
        syn, ack = (packet[f"tcp.flags.{flag}"] in ("1", "True") for flag in ("syn", "ack"))
        assert not (syn and not ack) or sums.key == (proto, source, *ports), \
            f"frame {packet['frame.number']}: the originator is not who sent the SYN"
        side = sums.key != (proto, source, *ports)
        length = int(packet["ip.len"]) if packet["ip.len"] else int(packet["ipv6.plen"]) + 40
        if packet["tcp.flags.reset"] in ("1", "True") and sums.reset_by is None:
            sums.reset_by = ("orig", "resp")[side]
        sums.pkts[side] += 1
        sums.ip_bytes[side] += length
        sums.payload[side] += int(packet["tcp.len"]) if proto == "tcp" else \
            int(packet["udp.length"]) - 8
        ns = nanoseconds(Decimal(packet["frame.time_epoch"]))
        sums.first = ns if sums.first is None else min(sums.first, ns)
        sums.last = ns if sums.last is None else max(sums.last, ns)
        sums.retransmissions += bool(packet["tcp.analysis.retransmission"])
    out = {}
    for sums in streams.values():
        assert sums.key not in out, f"{sums.key} twice"
        out[sums.key] = sums
    return out


def key_of(flow):
    return (flow["proto"], pcapflows.address(flow["id.orig_h"]), flow["id.orig_p"],
            flow["id.resp_p"])


def compare(flow, sums, truth):
    sent, received, end = truth
    wanted = {"orig_pkts": sums.pkts[0], "resp_pkts": sums.pkts[1],
              "orig_ip_bytes": sums.ip_bytes[0], "resp_ip_bytes": sums.ip_bytes[1],
              "orig_payload_bytes": sums.payload[0], "resp_payload_bytes": sums.payload[1],
              "orig_uniq_bytes": sent, "resp_uniq_bytes": received, "missed_bytes": 0,
              "ts": sums.first, "last_ts": sums.last, "reset_by": sums.reset_by}
    if end == "closed":
        wanted |= {"conn_state": "SF", "orig_bytes": sent, "resp_bytes": received,
                   "closed_by": "orig", "end_reason": "closed"}
    elif end == "reset":
        wanted |= {"conn_state": "RSTO", "end_reason": "reset"}
    elif end == "refused":
        wanted |= {"conn_state": "REJ"}
    else:
        wanted |= {"conn_state": "SF" if received else "S0"}
    problems = []
    for field, value in wanted.items():
        mine = flow[field]
        if field in ("ts", "last_ts"):
            mine = nanoseconds(mine)
        if (None if mine == "" else mine) != value:
            problems.append(f"{field} {mine}, wanted {value}")
    return problems


def compare_all(theirs, truth, run):
    equal(run.status, 0, run.errors)
    equal(set(theirs), set(truth), "tshark's streams are the clients'")
    ours = collections.defaultdict(list)
    for flow in run.flows:
        ours[key_of(flow)].append(flow)
    for key in sorted(set(ours) | set(theirs)):
        with harness.case(f"{' '.join(map(str, key))} ({truth.get(key)})") as problems:
            if key not in theirs or len(ours[key]) != 1:
                problems.append(f"{len(ours[key])} flows of ours, {int(key in theirs)} of tshark's")
            else:
                problems += compare(ours[key][0], theirs[key], truth[key])
    packets = sum(sum(sums.pkts) for sums in theirs.values())
    equal(run.ledger and run.ledger["counted"], packets, "packets")
    rexmit = sum(flow["orig_rexmit_pkts"] + flow["resp_rexmit_pkts"] for flow in run.flows)
    print(f"{packets} packets; retransmissions: {rexmit}, tshark says "
          f"{sum(sums.retransmissions for sums in theirs.values())}")


harness.need_programs("tcpdump", "tshark")
harness.need(os.path.exists("/proc/net/if_inet6"), "no IPv6")
with harness.folder() as folder:
    os.chmod(folder, 0o777)  # tcpdump gives up root before it opens the file
    path, truth = record(folder)
    compare_all(tshark_sums(path), truth, pcapflows.run(path, "--ledger"))
harness.finish()
