"""Inputs that could make a program take the square of their size, each a function that writes one of
size `n` in the current folder and returns its names. What they hold was found by an attack on the
programs: ordinary things that are all alike, and keys that were chosen to meet in a table."""
import json
import marshal
import random
import struct
import subprocess

import harness

START = 1795493880
SECOND = 10**6  # times are in microseconds


# Files.

def text(name, lines):
    with open(name, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
        file.write("\n")
    return [name]


def log(calls, name="a.strace", step=10):
    """Of pairs of a thread and what strace prints of it, or of what it prints of thread 100."""
    lines = []
    for at, call in enumerate(calls):
        pid, rest = call if isinstance(call, tuple) else (100, call)
        seconds, rest_of_second = divmod(START * SECOND + at * step, SECOND)
        lines.append(f"{pid} {seconds}.{rest_of_second:06} {rest}")
    return text(name, lines)


def stream(records, name="a.jsonl"):
    return text(name, map(json.dumps, records))


def profile(functions, name="a.cprof"):
    with open(name, "wb") as file:
        marshal.dump(functions, file)
    return [name]


ETHERNET = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0"


def ip(protocol, source, destination, payload, identifier=1, fragment=0):
    return ETHERNET + struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(payload), identifier, fragment,
                                  64, protocol, 0, source, destination) + payload


def tcp(source, destination, flags, number=0, ack=0, payload=b""):
    (host, port), (peer, peer_port) = source, destination
    return ip(6, host, peer, struct.pack(">HHIIBBHHH", port, peer_port, number, ack, 0x50, flags,
                                         65535, 0, 0) + payload)


def udp(source, destination, payload):
    (host, port), (peer, peer_port) = source, destination
    return ip(17, host, peer,
              struct.pack(">HHHH", port, peer_port, 8 + len(payload), 0) + payload)


def capture(packets, name="a.pcap", step=10):
    parts = [struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1)]
    for at, packet in enumerate(packets):
        seconds, rest = divmod(START * SECOND + at * step, SECOND)
        parts.append(struct.pack("<IIII", seconds, rest, len(packet), len(packet)))
        parts.append(packet)
    with open(name, "wb") as file:
        file.write(b"".join(parts))
    return [name]


SYN, ACK, PUSH = 2, 16, 8
CLIENTS = 0x0b000000
SERVER = 0x0a000001


# Captures.

def clients_of_one_port(n):
    """NTP's: both ends have port 123."""
    return capture(packet for at in range(n) for packet in (
        udp((CLIENTS + at, 123), (SERVER, 123), b"\x23" + bytes(47)),
        udp((SERVER, 123), (CLIENTS + at, 123), b"\x24" + bytes(47))))


def answered_syns_of_one_port(n):
    return capture(packet for at in range(n) for packet in (
        tcp((CLIENTS + at, 2000), (SERVER, 80), SYN, 1),
        tcp((SERVER, 80), (CLIENTS + at, 2000), SYN | ACK, 1, 2)))


def one_four_tuple(n):
    """A connection, again and again, each reset at once."""
    ends = (CLIENTS, 2000), (SERVER, 80)
    return capture(packet for at in range(n) for packet in (
        tcp(*ends, SYN, at * 1000), tcp(*reversed(ends), 4 | ACK, 0, at * 1000 + 1)))


def syn_flood(n):
    some = random.Random(1)
    return capture(tcp((CLIENTS + some.getrandbits(24), some.randrange(1024, 60000)),
                       (SERVER, 80), SYN, some.getrandbits(32)) for _ in range(n))


def dns_query(name):
    return b"\0\1\1\0\0\1\0\0\0\0\0\0" + bytes([len(name)]) + name + b"\3com\0\0\1\0\1"


def dns_flood(n):
    return capture(udp((CLIENTS + at, 1024 + at % 60000), (SERVER, 53), dns_query(b"%030x" % at))
                   for at in range(n))


def one_dns_flow(n):
    return capture(udp((CLIENTS, 1024), (SERVER, 53), dns_query(b"%030x" % at))
                   for at in range(n))


def servers(n):
    return capture(tcp((CLIENTS, 1024 + at % 60000), (SERVER + at, 80), SYN, 1)
                   for at in range(n))


def fragments(n):
    some = random.Random(1)
    return capture(ip(17, CLIENTS + some.randrange(10**6), SERVER, bytes(64), at % 65536,
                      0x2000 | some.randrange(100) * 8) for at in range(n))


def holes(n, numbers):
    ends = (CLIENTS, 2000), (SERVER, 80)
    return capture([tcp(*ends, SYN)] +
                   [tcp(*ends, ACK, number % 2**32, 0, b"x") for number in numbers])


def holes_up(n):
    return holes(n, range(3, 3 + 2 * n, 2))


def holes_down(n):
    return holes(n, range(3 + 2 * n, 3, -2))


def holes_anywhere(n):
    some = random.Random(1)
    return holes(n, [some.getrandbits(30) for _ in range(n)])


def unanswered_requests(n):
    ends = (CLIENTS, 2000), (SERVER, 80)
    return capture([tcp(*ends, SYN)] +
                   [tcp(*ends, ACK | PUSH, 1 + 10 * at, 0, b"GET / HTTP") for at in range(n)])


def retransmissions(n):
    ends = (CLIENTS, 2000), (SERVER, 80)
    return capture([tcp(*ends, SYN)] + [tcp(*ends, ACK | PUSH, 1, 0, b"GET / HTTP")] * n)


def zero_products(n):
    """Addresses that make a factor of an unseeded product 0: a hash of flows that has only one
    secret factor is the same for all of them."""
    peer = 0x7f4a7c15 ^ 6 << 8
    return capture(tcp((CLIENTS + at, 0x9e37), (peer, 0x79b9 ^ 0xffff), SYN, 1)
                   for at in range(n))


# Logs with captures.

def connects_without_ports(n):
    """Non-blocking clients of one server, all open; the log (without -yy) tells no port of theirs."""
    calls, packets = [], []
    for at in range(n):
        calls.append(f"socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = {3 + at} <0.000001>")
        calls.append(f"connect({3 + at}, {{sa_family=AF_INET, sin_port=htons(80), sin_addr="
                     'inet_addr("10.0.0.1")}, 16) = -1 EINPROGRESS (Operation now in progress) '
                     "<0.000002>")
        packets += [tcp((CLIENTS + at // 60000, 1024 + at % 60000), (SERVER, 80), SYN, 1)] * 2
    return log(calls) + capture(packets)


def queries_without_ports(n):
    """The same with datagrams."""
    calls, packets = [], []
    for at in range(n):
        query = dns_query(b"%030x" % at)
        calls.append(f"socket(AF_INET, SOCK_DGRAM, IPPROTO_IP) = {3 + at} <0.000001>")
        calls.append(f'sendto({3 + at}, ""..., {len(query)}, 0, {{sa_family=AF_INET, '
                     f'sin_port=htons(53), sin_addr=inet_addr("10.0.0.1")}}, 16) = {len(query)} '
                     "<0.000002>")
        packets += [udp((CLIENTS + at // 60000, 1024 + at % 60000), (SERVER, 53), query)] * 2
    return log(calls) + capture(packets)


def one_port_of_any_host(n):
    """Sockets bound to a port of 0.0.0.0, and as many flows of that port from other hosts."""
    calls, packets = [], []
    for at in range(n):
        calls.append(f"socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = {3 + at} <0.000001>")
        calls.append(f"connect({3 + at}<TCP:[0.0.0.0:2000]>, {{sa_family=AF_INET, sin_port="
                     'htons(80), sin_addr=inet_addr("10.0.0.1")}, 16) = 0 <0.000002>')
        packets += [tcp((CLIENTS + at, 2000), (SERVER, 80), SYN, 1)] * 2
    return log(calls) + capture(packets)


def waits(n):
    """Three bytes at a time are read of segments of ten."""
    ends = (CLIENTS, 2000), (SERVER, 80)
    packets = [tcp(*ends, SYN, 0), tcp(*reversed(ends), SYN | ACK, 0, 1)]
    packets += [tcp(*ends, ACK | PUSH, 1 + 10 * at, 1, b"0123456789") for at in range(n)]
    known = "3<TCP:[10.0.0.1:80->11.0.0.0:2000]>"
    calls = ["accept4(4<TCP:[0.0.0.0:80]>, NULL, NULL, 0) = " + known + " <0.000001>"]
    calls += [f'recvfrom({known}, "012", 3, 0, NULL, NULL) = 3 <0.000001>'] * (n * 10 // 3)
    return log(calls) + capture(packets)


# Logs.

def unfinished_calls(n):
    return log((100 + at, "futex(0x1, FUTEX_WAIT, 0, NULL <unfinished ...>") for at in range(n))


def unfinished_clones(n):
    begun = [(100 + at, "clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>")
             for at in range(n)]
    return log(begun + [(100 + at, f"<... clone resumed>) = {10**6 + at} <0.1>")
                        for at in range(n)])


def threads(n):
    flags = "CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD"
    return log(call for at in range(n) for call in (
        f"clone(child_stack=NULL, flags={flags}) = {101 + at} <0.000001>",
        (101 + at, "getpid() = 100 <0.000001>")))


def superseded(n):
    """Processes, of each of which a second thread calls execve."""
    flags = "CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_THREAD"
    begun = [(1000 + 2 * at, f"clone(child_stack=NULL, flags={flags}) = {1001 + 2 * at} <0.1>")
             for at in range(n)]
    return log(begun + [call for at in range(n) for call in (
        (1001 + 2 * at, 'execve("/bin/true", ["true"], 0x1 /* 2 vars */ <unfinished ...>'),
        (1000 + 2 * at, f"+++ superseded by execve in pid {1001 + 2 * at} +++"),
        (1000 + 2 * at, "<... execve resumed>) = 0 <0.1>"))])


def forks(n):
    return log(call for at in range(n) for call in (
        f"clone(child_stack=NULL, flags=SIGCHLD) = {101 + at} <0.000001>",
        (101 + at, "close(3) = 0 <0.000001>")))


def exits(n):
    return log(call for at in range(n) for call in (
        f"clone(child_stack=NULL, flags=SIGCHLD) = {101 + at} <0.000001>",
        (101 + at, "close(3) = 0 <0.000001>"), (101 + at, "+++ exited with 0 +++")))


def sockets(n):
    return log(call for at in range(n) for call in (
        f"socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = {3 + at}<TCP:[{at}]> <0.000001>",
        f"connect({3 + at}<TCP:[{at}]>, {{sa_family=AF_INET, sin_port=htons(80), "
        'sin_addr=inet_addr("10.0.0.1")}, 16) = 0 <0.000001>'))


def accepts(n):
    return log(call for at in range(n) for call in (
        "accept4(4<TCP:[10.0.0.1:80]>, {sa_family=AF_INET, sin_port=htons("
        f'{1024 + at % 60000}), sin_addr=inet_addr("11.0.0.1")}}, [16], 0) = '
        f"5<TCP:[10.0.0.1:80->11.0.0.1:{1024 + at % 60000}]> <0.000001>",
        f"close(5<TCP:[10.0.0.1:80->11.0.0.1:{1024 + at % 60000}]>) = 0 <0.000001>"))


def paths(n):
    return log(f'openat(AT_FDCWD, "/srv/{at}", O_RDONLY) = 3 <0.000001>' for at in range(n))


def names_of_calls(n):
    return log(f"call_{at}(1, 2) = 0 <0.000001>" for at in range(n))


def names_of_errors(n):
    return log(f"read(3, 0x1, 2) = -1 E{at} (Odd) <0.000001>" for at in range(n))


def calls_of_one_socket(n):
    return log(f"call_{at}(3<TCP:[10.0.0.1:80->11.0.0.1:2000]>) = -1 E{at} (Odd) <0.000001>"
               for at in range(n))


def descriptors_of_one_socket(n):
    known = "<TCP:[10.0.0.1:80->11.0.0.1:2000]>"
    return log(call for at in range(n) for call in (
        f"dup(3{known}) = {4 + at}{known} <0.000001>",
        f'recvfrom({4 + at}{known}, "012", 3, 0, NULL, NULL) = 3 <0.000001>'))


def chain_of_dups(n):
    return log(f"dup({3 + at}) = {4 + at} <0.000001>" for at in range(n))


def peers(n):
    return log(f'sendto(3<UDP:[0.0.0.0:5000]>, "x", 1, 0, {{sa_family=AF_INET, sin_port=htons(53), '
               f'sin_addr=inet_addr("11.{at >> 16}.{at >> 8 & 255}.{at & 255}")}}, 16) = 1 <0.000001>'
               for at in range(n))


def polled(n):
    return log(f"epoll_ctl(4, EPOLL_CTL_ADD, {5 + at}, {{events=EPOLLIN, data={{u32=5, u64=5}}}}) "
               "= 0 <0.000001>" for at in range(n))


def stacks(n):
    return log(f"getpid() = 100 <0.000001>\n > /usr/lib/libc.so.6(getpid+0x{at:x}) [0x{at:x}]\n"
               f" > /usr/bin/python3(f{at}+0x1) [0x1]" for at in range(n))


def signals(n):
    return log(f"--- SIGRT_{at} {{si_signo=SIGUSR1, si_code=SI_USER, si_pid=1, si_uid=0}} ---"
               for at in range(n))


def execs(n):
    return log(f'execve("/bin/{at}", ["x"], 0x1 /* 2 vars */) = 0 <0.000001>' for at in range(n))


def closed_and_used(n):
    return log(call for at in range(n) for call in (
        f"close({3 + at}) = 0 <0.000001>", f"close({3 + at}) = -1 EBADF (Bad file descriptor) <0.1>"))


BUCKETS = 85229  # one of the numbers of buckets that libstdc++'s tables have


def chosen_threads(n):
    some = [at * BUCKETS for at in range(1, n + 1)]
    return log([(tid, "getpid() = 1 <0.000001>") for tid in some] * 2)


def chosen_descriptors(n):
    some = [2**20 + at * BUCKETS for at in range(1, n + 1)]
    return log([f"dup(0) = {fd} <0.000001>" for fd in some] +
               [f'read({fd}, "", 1) = 0 <0.000001>' for fd in some])


def switches(n):
    lines = ["Attaching 1 probe..."]
    lines += [f"{START}.{at:06} 100 {100 + at} switch 0x{16 * at:x}" for at in range(n)]
    return text("a.bt.txt", lines)


# Record streams.

def flow(uid, at):
    return {"type": "flow", "ts": START + at, "uid": uid, "id.orig_h": "10.0.0.1",
            "id.orig_p": at % 60000, "id.resp_h": "10.0.0.2", "id.resp_p": 80, "proto": "tcp",
            "duration": 1.0}


def names_that_meet(n):
    made = subprocess.run([harness.generator("make_meeting_names"), str(n)], check=True,
                          capture_output=True, text=True)
    return made.stdout.split()


def chosen_uids(n):
    return stream(flow(uid, at) for at, uid in enumerate(names_that_meet(n)))


def equal_uids(n):
    return stream(flow("C1", at) for at in range(n))


def no_uids(n):
    return stream(flow("", at) for at in range(n))


def record_types(n):
    return stream({"type": f"t{at}", "ts": START + at} for at in range(n))


# Profiles.

def function(callers=None):
    return (1, 1, 0.001, 0.001, callers or {})


def chosen_names(n):
    return profile({("a.py", 1, name): function() for name in names_that_meet(n)})


def chosen_lines(n):
    """Of one name, lines that meet by Fibonacci hashing."""
    inverse = pow(0x9E3779B97F4A7C15, -1, 2**64)
    some = [line for line in (at * inverse % 2**31 for at in range(1, n + 1))]
    return profile({("a.py", line, "f"): function() for line in some})


def lambdas(n):
    return profile({("/srv/a.py", at, "<lambda>"): function() for at in range(n)})


def files_of_one_name(n):
    return profile({(f"/srv/p{at}/__init__.py", 1, "<module>"): function() for at in range(n)})


def all_to_all(n):
    """About n calls."""
    side = int(n**0.5)
    names = [("/srv/a.py", at, f"f{at}") for at in range(side)]
    callers = {name: (1, 1, 0.001, 0.001) for name in names}
    return profile({name: function(callers) for name in names})
