"""Runs a program under strace, with tcpdump beside it, in a network of its own where that may be.

usage: record.py FOLDER own|shared lo|lossy [--switches SCRIPT] [--beside SCRIPT] [STRACE-OPTION…] --
                 COMMAND…

own: this process has a network of its own, whose loopback is to be set up. lossy: it gets another
one, 10.99.0.0/24, which loses some of the segments that are sent to 10.99.0.2; how many, it writes
to FOLDER/lost. When there is FOLDER/dead, it loses all. --beside: a Python program that is not
traced, run with `untraced FOLDER` when there is FOLDER/port. Writes FOLDER/strace.log, FOLDER/tcpdump.pcap, with bpftrace's SCRIPT also
FOLDER/greenlet.bt.txt, and to FOLDER/errors what the program says. Exits with the program's status.
"""
import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import sys
import threading
import time

PATIENCE, NAP = 20, 0.005
LOSSY = "lossy0"
# Every so many segments with payload, one is lost.
LOST = 5


def comes(condition, seconds):
    """Within so many seconds, counted in naps: a virtual machine that stands still for a minute, as
    for a snapshot, has not waited."""
    for _ in range(int(seconds / NAP)):
        if condition():
            return True
        time.sleep(NAP)
    return False


def until(condition, what):
    if not comes(condition, PATIENCE):
        raise SystemExit(f"record.py: waited in vain for {what}")


def has(path, text):
    with open(path, encoding="utf-8", errors="replace") as file:
        return text in file.read()


def size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def lossy_network(folder):
    """A device whose other end is this process: what is sent to 10.99.0.2 comes back to 10.99.0.1 as
    if from there, and the other way round. Sums of TCP do not change with the order of addresses."""
    tunnel = os.open("/dev/net/tun", os.O_RDWR)
    set_interface, tun_without_head = 0x400454ca, 0x1001
    fcntl.ioctl(tunnel, set_interface, struct.pack("16sH22x", LOSSY.encode(), tun_without_head))
    subprocess.run(["ip", "address", "add", "10.99.0.1/24", "dev", LOSSY], check=True)
    subprocess.run(["ip", "link", "set", LOSSY, "up"], check=True)

    def forward():
        highest, segments, lost = {}, 0, 0
        while True:
            packet = os.read(tunnel, 70_000)
            if packet[0] >> 4 != 4 or packet[9] != 6 or os.path.exists(f"{folder}/dead"):
                continue
            head = packet[0] % 16 * 4
            ports, number = packet[head:head + 4], struct.unpack(">I", packet[head + 4:head + 8])[0]
            has_payload = len(packet) > head + (packet[head + 12] >> 4) * 4
            is_new = (number - highest.get(ports, number)) % (1 << 32) < 1 << 31
            if has_payload and is_new:
                highest[ports] = number + 1
                segments += 1
                if segments % LOST == 0:
                    lost += 1
                    with open(f"{folder}/lost", "w", encoding="ascii") as file:
                        file.write(str(lost))
                    continue
            os.write(tunnel, packet[:12] + packet[16:20] + packet[12:16] + packet[20:])

    threading.Thread(target=forward, daemon=True).start()


def start(running, command, **options):
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    running.callback(stop, process)
    return process


def start_switches(running, folder, script, python):
    """It says that it attaches before it does: switches that it tells of show that it has."""
    log = f"{folder}/greenlet.bt.txt"
    with open(log, "wb") as switches, open(f"{folder}/bpftrace.err", "wb") as said:
        process = start(running, ["bpftrace", "-B", "line", script], stdout=switches, stderr=said)
    until(lambda: process.poll() is not None or has(log, "Attaching"), "bpftrace")

    def is_told():
        subprocess.run([python, "-c", "import greenlet; greenlet.greenlet(int).switch()"], check=True)
        return process.poll() is not None or has(log, " switch ")

    until(is_told, "a switch in bpftrace's log")
    if process.poll() is not None:
        with open(f"{folder}/bpftrace.err", encoding="utf-8", errors="replace") as said:
            raise SystemExit(f"record.py: bpftrace has ended: {said.read()}")


def stop(process):
    """More than once: a signal interrupts what bpftrace 0.17 waits in, and one that comes while it
    handles an event goes unnoticed. Its end takes the kernel seconds when there is much to do."""
    for _ in range(30):
        process.send_signal(signal.SIGINT)
        if comes(lambda: process.poll() is not None, 2):
            return
    process.kill()
    raise SystemExit(f"record.py: {process.args[0]} does not end")


def run_beside(folder, script):
    until(lambda: os.path.exists(f"{folder}/port"), "a port")
    subprocess.run([sys.executable, script, "untraced", folder], check=True)


def main(folder, network, device, *rest):
    with contextlib.ExitStack() as running:
        return record(running, folder, network, device, *rest)


def record(running, folder, network, device, *rest):
    options, command = list(rest[:rest.index("--")]), rest[rest.index("--") + 1:]
    if options[:1] == ["--switches"]:
        start_switches(running, folder, options[1], command[0])
        del options[:2]
    beside = None
    if options[:1] == ["--beside"]:
        beside = threading.Thread(target=run_beside, args=(folder, options[1]))
        del options[:2]
    if network == "own":
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if device == "lossy":
        lossy_network(folder)
    log, capture = f"{folder}/strace.log", f"{folder}/tcpdump.pcap"
    with open(f"{folder}/errors", "wb") as errors, open(f"{folder}/tcpdump.err", "wb") as said:
        # Short packets, so that many of them have room while tcpdump has to wait.
        start(running,
              ["tcpdump", "-Z", "root", "-n", "-U", "--immediate-mode", "-B", "16384", "-s", "256",
               "--time-stamp-precision=nano", "-i", LOSSY if device == "lossy" else device, "-w",
               capture], stdout=subprocess.DEVNULL, stderr=said)
        until(lambda: has(f"{folder}/tcpdump.err", "listening on"), "tcpdump")
        if beside:
            beside.start()
        status = subprocess.run(
            ["strace", "-f", "-ttt", "-T", "-yy", "-s", "40", *options, "-o", log, *command],
            stdout=errors, stderr=errors, env={**os.environ, "OWN_NETWORK": "1"} if
            network == "own" else None, check=False).returncode
        # What is on its way to the file.
        before = -1
        while size(capture) != before:
            before = size(capture)
            time.sleep(0.1)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
