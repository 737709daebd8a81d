"""Needless work that check tells of in a log, and what DNS messages in it say: each fault, its healthy
twin, and both sides of its limits; with and without times."""
import json
import sys

sys.path.append(f"{sys.path[0]}/../../support")
import harness
from harness import check, equal

START = 1795418241
SOCKET = "4<TCP:[127.0.0.1:5000->127.0.0.1:80]>"
EBADF = "-1 EBADF (Bad file descriptor)"


class Log:
    """Lines of strace -f -ttt -T -yy, `every` so many seconds; or of strace alone."""

    def __init__(self, every=0.001, plain=False):
        self.every, self.plain, self.at, self.lines = every, plain, 0.0, []

    def call(self, text, took=0.00001, pid=7):
        line = text if self.plain else f"{pid} {START + self.at:.6f} {text} <{took:.6f}>"
        self.lines.append(line + "\n")
        self.at += max(self.every, took)
        return self

    def filled(self, count):
        for _ in range(count):
            self.call("getppid() = 1")
        return self

    def findings(self, check_id):
        with open("log", "w") as file:
            file.writelines(self.lines)
        done = harness.run("tracebraid", "check", "-f", "jsonl", "--only", check_id, "log", status={0, 1})
        return [json.loads(line) for line in done.out.splitlines()]


def told(log, check_id, *words, severity="note"):
    findings = log.findings(check_id)
    if equal([each["severity"] for each in findings], [severity], f"{check_id}: {findings}"):
        text = f"{findings[0]['summary']} {findings[0]['detail']}"
        for word in words:
            check(word in text, f"{check_id}: no {word!r} in {text!r}")


def silent(log, check_id):
    equal(log.findings(check_id), [], f"{check_id}: healthy")


def both(make, check_id, *words):
    for plain in (False, True):
        told(make(plain), check_id, *words)


def test_useless_closes():
    def closes(count, plain=False, result=EBADF, step=1):
        log = Log(plain=plain)
        for fd in range(3, 3 + count):
            log.call(f"close({3 + (fd - 3) * step}) = {result}", took=0.00002)
        return log
    both(lambda plain: closes(20000, plain), "useless_closes", "20,000 closes", "3 to 20002")
    told(closes(250), "useless_closes", "they took 5.00 ms")
    silent(closes(249), "useless_closes")
    silent(closes(1000, result="0"), "useless_closes")
    silent(closes(1000, step=0), "useless_closes")  # one number is another fault


def test_tiny_reads():
    def reads(count, call=f'recvfrom({SOCKET}, "G", 1, 0, NULL, NULL) = 1', plain=False, more=0):
        log = Log(plain=plain)
        for _ in range(count):
            log.call(call)
        return log.filled(more)
    both(lambda plain: reads(1000, plain=plain), "tiny_reads", "1,000 calls of recvfrom", "127.0.0.1:80")
    told(reads(200, more=10000), "tiny_reads")
    silent(reads(199, more=10000), "tiny_reads")
    told(reads(30), "tiny_reads")
    silent(reads(29), "tiny_reads")
    told(reads(300, r'recvfrom(4, "\n", 1, 0, NULL, NULL) = 1'), "tiny_reads", "descriptor 4")
    told(reads(300, 'read(5</srv/a.txt>, "x", 1) = 1'), "tiny_reads", "/srv/a.txt")
    silent(reads(300, 'read(0<pipe:[77]>, "x", 1) = 1'), "tiny_reads")  # as shells do
    silent(reads(300, 'read(0</dev/tty1<char 4:1>>, "x", 1) = 1'), "tiny_reads")
    silent(reads(300, f'recvfrom({SOCKET}, "G", 4096, 0, NULL, NULL) = 1'), "tiny_reads")  # sent so
    silent(reads(300, f'recvfrom({SOCKET}, "GET / HTTP", 10, 0, NULL, NULL) = 10'), "tiny_reads")


def test_same_file():
    def asked(count, text, every=0.001, plain=False, more=0, pids=(7,)):
        log = Log(every, plain)
        for pid in pids:
            for at in range(count):
                log.call(text.replace("%", str(at)), pid=pid)
        return log.filled(more)
    stat = 'newfstatat(AT_FDCWD, "/etc/localtime", {st_mode=S_IFREG|0644, st_size=114, ...}, 0) = 0'
    opened = 'openat(AT_FDCWD, "/etc/hosts", O_RDONLY|O_CLOEXEC) = 3</etc/hosts>'
    both(lambda plain: asked(3000, stat, plain=plain), "same_file", "/etc/localtime was asked for 3,000 times")
    told(asked(3000, 'stat("/srv/none", 0x7ffe) = -1 ENOENT (No such file or directory)'), "same_file")
    told(asked(500, stat, more=5000), "same_file")
    silent(asked(499, stat, more=5000), "same_file")
    told(asked(50, stat), "same_file")
    silent(asked(49, stat), "same_file")
    both(lambda plain: asked(500, opened, plain=plain), "same_file", "/etc/hosts was opened 500 times")
    told(asked(200, opened, more=9000), "same_file")
    silent(asked(199, opened, more=9000), "same_file")
    silent(asked(500, opened, every=0.11), "same_file")  # 9 a second
    silent(asked(500, 'openat(AT_FDCWD, "/proc/stat", O_RDONLY) = 3'), "same_file")
    silent(asked(500, 'openat(AT_FDCWD, "/srv/%", O_RDONLY) = 3'), "same_file")
    # Imports ask for each folder of sys.path.
    silent(asked(900, 'stat("/usr/lib/python3", {st_mode=S_IFDIR|0755, ...}) = 0'), "same_file")
    told(asked(300, opened, pids=(7, 8)), "same_file", "opened 300 times", "600 times in all")


def test_syncs():
    def records(count, call="fsync", every=0.001, plain=False, writes=1):
        log = Log(every, plain)
        for _ in range(count):
            for _ in range(writes):
                log.call('write(3</srv/f>, "x", 1) = 1')
            log.call(f"{call}(3</srv/f>) = 0", took=0.002)
        return log
    both(lambda plain: records(300, plain=plain), "syncs", "300 calls of fsync of /srv/f")
    told(records(300, "fdatasync"), "syncs", "they took 600 ms")
    told(records(100, writes=20), "syncs")
    silent(records(99, writes=20), "syncs")
    told(records(10), "syncs")
    silent(records(9), "syncs")
    silent(records(300, every=0.06), "syncs")  # 8 a second


def test_spawn_storm():
    def starts(count, path="/usr/bin/git", every=0.01, shell=None, plain=False):
        log = Log(every, plain)
        if shell:
            log.call(f'execve("{shell}", ["x"], 0x7ffd /* 9 vars */) = 0')
        for at in range(count):
            log.call(f'execve("{path}", ["x"], 0x7ffd /* 9 vars */) = 0', pid=100 + at)
        return log
    told(starts(300), "spawn_storm", "/usr/bin/git was started 300 times")
    told(starts(50), "spawn_storm")
    silent(starts(49), "spawn_storm")
    silent(starts(300, every=0.51), "spawn_storm")
    silent(starts(300, shell="/bin/bash"), "spawn_storm")  # a script
    told(starts(300, path="/bin/sh"), "spawn_storm", "/bin/sh was started 300 times")  # os.system


def test_nagle_delay():
    def turns(count, pieces=2, took=0.041, size=20):
        log = Log(0.0001)
        log.call('connect(4<TCP:[5]>, {sa_family=AF_INET, sin_port=htons(80), '
                 'sin_addr=inet_addr("127.0.0.1")}, 16) = 0')
        for _ in range(count):
            for _ in range(pieces):
                log.call(f'sendto({SOCKET}, "x", {size}, 0, NULL, 0) = {size}')
            log.call(f'recvfrom({SOCKET}, "x", 100, 0, NULL, NULL) = 9', took=took)
        return log.call(f"close({SOCKET}) = 0")
    told(turns(10), "nagle_delay", "127.0.0.1:80", "40 ms")
    told(turns(4), "nagle_delay")
    silent(turns(3), "nagle_delay")  # it looks closer from the first on
    silent(turns(10, pieces=1), "nagle_delay")
    silent(turns(10, took=0.030), "nagle_delay")
    silent(turns(10, took=0.060), "nagle_delay")
    silent(turns(10, size=1448), "nagle_delay")


def quoted(octets, shown=32):
    """As strace prints a string: octal, short where no digit follows; the first 32 octets."""
    names = {7: r"\a", 9: r"\t", 10: r"\n", 11: r"\v", 12: r"\f", 13: r"\r", 34: r'\"', 92: r"\\"}
    del names[7]
    text, octets_shown = "", octets[:shown]
    for at, octet in enumerate(octets_shown):
        follows = octets_shown[at + 1:at + 2]
        if octet in names:
            text += names[octet]
        elif 32 <= octet < 127:
            text += chr(octet)
        else:
            text += f"\\{octet:03o}" if follows.isdigit() else f"\\{octet:o}"
    return f'"{text}"' + ("..." if len(octets) > shown else "")


def message(name, query_id=0x1234, rcode=None, kind=1):
    flags = 0x0100 if rcode is None else 0x8180 | rcode
    octets = b"".join(number.to_bytes(2, "big") for number in (query_id, flags, 1, 0, 0, 0))
    for part in name.split("."):
        octets += bytes([len(part)]) + part.encode()
    return octets + b"\0" + kind.to_bytes(2, "big") + b"\0\1"


class Dns(Log):
    def ask(self, name, rcode, shown=32, form="sendto"):
        end = "4<UDP:[10.0.0.1:5000->10.0.0.53:53]>"
        self.call('connect(4<UDP:[77]>, {sa_family=AF_INET, sin_port=htons(53), '
                  'sin_addr=inet_addr("10.0.0.53")}, 16) = 0')
        query, answer = message(name), message(name, rcode=rcode)
        if form == "sendto":
            self.call(f"sendto({end}, {quoted(query, shown)}, {len(query)}, 0, NULL, 0) = {len(query)}")
            self.call(f"recvfrom({end}, {quoted(answer, shown)}, 512, 0, NULL, NULL) = {len(answer)}")
        else:  # glibc asks for A and AAAA at once
            both = "".join(f"{', ' * at}{{msg_hdr={{msg_name=NULL, msg_namelen=0, msg_iov=[{{iov_base="
                           f"{quoted(message(name, at, kind=kind), shown)}, iov_len={len(query)}}}], "
                           f"msg_iovlen=1, msg_controllen=0, msg_flags=0}}, msg_len={len(query)}}}"
                           for at, kind in enumerate((1, 28)))
            self.call(f"sendmmsg({end}, [{both}], 2, MSG_NOSIGNAL) = 2")
            for at, kind in enumerate((1, 28)):
                answer = message(name, at, rcode, kind)
                self.call(f"recvfrom({end}, {quoted(answer, shown)}, 2048, 0, NULL, NULL) = {len(answer)}")
        return self.call(f"close({end}) = 0")


SUFFIXES = (".ns.svc.cluster.local", ".svc.cluster.local", ".cluster.local", ".corp.example")


def test_dns_search():
    def look_ups(count, suffixes=SUFFIXES, last=0, **more):
        log = Dns()
        for _ in range(count):
            for suffix in suffixes:
                log.ask("redis" + suffix, 3, **more)
            log.ask("redis.example", last, **more)
        return log
    told(look_ups(30), "dns_search", "120 NXDOMAIN answers from 10.0.0.53:53", "30 look-ups", "150 queries")
    told(look_ups(30, shown=200), "dns_search", "120 NXDOMAIN", "redis.ns.svc.cluster.local")
    told(look_ups(30, last=3), "dns_search", "150 NXDOMAIN", "30 look-ups")
    told(look_ups(3, form="sendmmsg"), "dns_search", "24 NXDOMAIN", "3 look-ups", "30 queries")
    told(look_ups(1), "dns_search", "4 NXDOMAIN", "1 look-up")
    silent(look_ups(1, SUFFIXES[:2]), "dns_search")
    silent(look_ups(30, ()), "dns_search")
    silent(look_ups(30), "dns_failed")  # told once


def test_dns_failed():
    def asked(rcode, count=1):
        log = Dns()
        for at in range(count):
            log.ask(f"n{at}.example", rcode)
        return log
    told(asked(2), "dns_failed", "1 SERVFAIL", "10.0.0.53:53", severity="warning")
    told(asked(5, 4), "dns_failed", "4 REFUSED", severity="warning")
    told(asked(3, 3), "dns_failed", "3 NXDOMAIN")
    silent(asked(3, 2), "dns_failed")
    silent(asked(0, 50), "dns_failed")


harness.each_test(globals())
harness.finish(60)
