"""Programs with one fault each, and their healthy twins, to be traced. A fault's process writes down
what is wrong with it: planted().

usage: faults.py NAME FOLDER

Each function below connection() and what helps it is a program: it runs twice, in a process of its
own each time, first healthy, then with the fault.
"""
import asyncio
import cProfile
import gc
import itertools
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import noted
from noted import now

LOOPBACK = "127.0.0.1"
TCP_USER_TIMEOUT = 18
NAMES = itertools.count()


def planted(id, severity, count, **what):
    """ts and last: between which times it began and was seen last. says: what its sentences have.
    pid is of this process, or None where it is several's."""
    noted.note("planted", id=id, severity=severity, count=count, **{"of": noted.pid(), **what})


def connection():
    """Both ends of a new one."""
    listener = noted.listener()
    client = noted.connected((LOOPBACK, noted.port_of(listener)))
    server, _ = listener.accept()
    listener.close()
    name = f"{noted.pid()}.{next(NAMES)}"
    client.named(name)
    server.named(name)
    return client, server


def last_note(do, of):
    return next(each for each in reversed(noted.notes)
                if each["do"] == do and each["socket"] == of.id)


def bounds(call):
    return [call["before"], call["after"]]


def failing(call, times):
    """Of repeated failing calls the times of the first and the last."""
    first = last = None
    for _ in range(times):
        before = now()
        try:
            call()
        except OSError:
            pass
        last = [before, now()]
        first = first or last
    return {"ts": first, "last": last}


# The same error again and again.

def accept_loop(is_healthy):
    """What Eventlet's WSGI server does when its listener is closed. With a profile."""
    listener = noted.listener()
    port = noted.port_of(listener)
    client = noted.connected((LOOPBACK, port))
    profile = cProfile.Profile()

    def serve():
        listener.accept()[0].close()
        listener.close()
        if not is_healthy:
            return failing(listener.accept, 400)

    times = profile.runcall(serve)
    client.recv(1)
    client.close()
    if not is_healthy:
        profile.dump_stats(f"{sys.argv[2]}/profile.cprof")
        planted("error_loop", "error", 400, fd=-1, **times, function="accept (",
                says=["accept4(-1) failed with EBADF 400 times", "after the close of the listener "
                      f"{LOOPBACK}:{port}"])


def read_loop(is_healthy):
    """A number that is closed is read again and again."""
    reading, writing = os.pipe()
    os.write(writing, b"x")
    os.read(reading, 1)
    before = now()
    os.close(reading)
    after = now()
    if not is_healthy:
        times = failing(lambda: os.read(reading, 1), 40)
        planted("error_loop", "error", 40, fd=reading, **times,
                says=[f"read({reading}) failed with EBADF 40 times", "after the close of the"])
        # From the close to the first.
        noted.note("distance", low=times["ts"][0] - after, high=times["ts"][1] - before)
    os.close(writing)


def asking_again(is_healthy):
    """A socket that has nothing is asked at once again, instead of being waited for."""
    client, server = connection()
    server.setblocking(False)
    if is_healthy:
        for _ in range(60):
            failing(lambda: server.recv(10), 1)
            select.select([server], [], [], 0.002)
    else:
        times = failing(lambda: server.recv(10), 120)
        planted("error_loop", "warning", 120, fd=server.fileno(), **times,
                says=["recvfrom", "EAGAIN 120 times"])
    client.send(b"x")
    select.select([server], [], [], 1)
    server.recv(10)
    client.close()
    server.recv(10)
    server.close()


# Descriptors.

def closed_descriptor(is_healthy):
    """Used after it was closed: by its number, by an object that has forgotten it, and one that
    never was."""
    client, server = connection()
    number = server.fileno()
    server.send(b"1")
    client.recv(1)
    client.close()
    server.close()
    if is_healthy:
        return
    planted("bad_descriptor", "warning", 3, fd=number, **failing(lambda: os.write(number, b"x"), 3),
            says=["write failed with EBADF 3 times", "that the process had closed"])
    planted("bad_descriptor", "note", 2, fd=-1,
            **failing(lambda: server.shutdown(socket.SHUT_RDWR), 2), says=["shutdown(-1)"])
    planted("bad_descriptor", "note", 1, fd=777, **failing(lambda: os.fsync(777), 1),
            says=["fsync failed with EBADF 1 time", "that was not open"])


def close_of_another(is_healthy):
    """A thread closes a number twice; in between, another has opened a socket of that number."""
    listener = noted.listener()
    port = noted.port_of(listener)
    number = os.open("/dev/null", os.O_RDONLY)
    steps = [threading.Event() for _ in range(2)]
    during = []

    tids = []

    def closer():
        tids.append(noted.tid())
        os.close(number)
        steps[0].set()
        steps[1].wait()
        if not is_healthy:
            os.close(number)

    def opener():
        steps[0].wait()
        client = noted.connected((LOOPBACK, port))
        server, _ = listener.accept()
        if client.fileno() != number:
            raise SystemExit("another number")
        client.send(b"x")
        server.recv(1)
        steps[1].set()
        closing.join()
        during.append(failing(lambda: client.send(b"x"), 1))
        during.append(failing(client.close, 1)["ts"])
        server.recv(1)
        server.close()

    closing, opening = threading.Thread(target=closer), threading.Thread(target=opener)
    closing.start()
    opening.start()
    opening.join()
    listener.close()
    if not is_healthy:
        planted("bad_descriptor", "error", 1, fd=number, **during[0],
                says=["sendto failed with EBADF", "had closed that number before",
                      f"by thread {tids[0]}"])
        planted("double_close", "warning", 1, fd=number, ts=during[1], says=["1 time"])


def double_close(is_healthy):
    numbers = [os.open("/dev/null", os.O_RDONLY) for _ in range(3)]
    for number in numbers:
        os.close(number)
    if not is_healthy:
        times = [failing(lambda: os.close(number), 1) for number in numbers]
        planted("double_close", "warning", 3, fd=numbers[0], ts=times[0]["ts"],
                last=times[-1]["last"], says=["3 times"])


def leak(is_healthy):
    """Files and sockets that are opened and never closed."""
    files, sockets = [], []
    begin = now()
    for _ in range(30):
        files.append(os.open("/etc/hostname", os.O_RDONLY))
        if is_healthy:
            os.close(files.pop())
    middle = now()
    for _ in range(25):
        sockets.append(noted.Noted(socket.AF_INET, socket.SOCK_DGRAM))
        sockets[-1].connect((LOOPBACK, 9))
        if is_healthy:
            sockets.pop().close()
    if not is_healthy:
        planted("fd_leak", "warning", 30, ts=[begin, middle], last=[begin, middle],
                says=["30 of 30", "openat", "/etc/hostname"])
        planted("fd_leak", "warning", 25, ts=[middle, now()], last=[middle, now()],
                says=["25 of 25", "socket", LOOPBACK])
        # Without the interpreter's end, which would collect them.
        noted.dump()
        os._exit(0)


def no_more_descriptors(is_healthy):
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    opened = [os.open("/dev/null", os.O_RDONLY) for _ in range(40 if is_healthy else 0)]
    if not is_healthy:
        try:
            while True:
                opened.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        times = failing(lambda: os.open("/dev/null", os.O_RDONLY), 4)
        planted("fd_leak", "error", 5, last=times["last"], says=["EMFILE 5 times"])
    for number in opened:
        os.close(number)


# Loops.

def polling_without_waiting(is_healthy):
    poll = select.epoll()
    reading, writing = os.pipe()
    poll.register(reading, select.EPOLLIN)
    times = []
    for _ in range(60 if is_healthy else 200):
        before = now()
        poll.poll(0.002 if is_healthy else 0)
        times.append([before, now()])
    if not is_healthy:
        planted("busy_poll", "warning", 200, ts=times[0], last=times[-1],
                says=["epoll_wait returned at once without an event 200 times"])
    poll.close()
    os.close(reading)
    os.close(writing)


def unserved_event(is_healthy):
    """A level-triggered event that nobody takes."""
    poll = select.poll()
    reading, writing = os.pipe()
    poll.register(reading, select.POLLIN)
    os.write(writing, b"x")
    times = []
    for _ in range(120):
        before = now()
        poll.poll(100)
        times.append([before, now()])
        if is_healthy:
            os.read(reading, 1)
            os.write(writing, b"x")
    if not is_healthy:
        planted("busy_poll", "warning", 120, fd=reading, ts=times[0], last=times[-1],
                says=[f"found descriptor {reading} ready 120 times"])
    os.close(reading)
    os.close(writing)


def compute(seconds):
    """Without a system call: the clock is none."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def served(hold):
    """asyncio's streams with a client in a thread; before the second answer, the server holds its
    loop. The client sends a request on another connection then, which has to wait."""
    found = {}

    async def handle(reader, writer):
        own = writer.get_extra_info("socket")._sock
        while True:
            data = await reader.read(10)
            if not data:
                break
            if data == b"hold":
                hold()
            if data == b"waits":
                found["last"] = bounds(last_note("in", own))
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    def come(port):
        one, other = [noted.connected((LOOPBACK, port)) for _ in range(2)]
        one.own()
        other.own()
        for client in (one, other) * 3:
            client.send(b"plain")
            client.recv(10)
        one.send(b"hold")
        time.sleep(0.03)
        other.send(b"waits")
        found["ts"] = bounds(last_note("out", other))
        for client in (one, other):
            client.recv(10)
            client.close()

    async def main():
        listener = noted.listener()
        port = noted.port_of(listener)
        listener.setblocking(False)
        server = await asyncio.start_server(handle, sock=listener)
        await asyncio.get_running_loop().run_in_executor(None, come, port)
        await asyncio.sleep(0.02)
        server.close()
        await server.wait_closed()

    asyncio.run(main())
    return found


def computing_loop(is_healthy):
    times = served(lambda: compute(0 if is_healthy else 0.3))
    if not is_healthy:
        planted("loop_stall", "warning", 1, **times, waited=True,
                says=["the event loop left 1 socket", "computing without a system call"])


def long_computing_loop(is_healthy):
    times = served(lambda: compute(0 if is_healthy else 1.4))
    if not is_healthy:
        planted("loop_stall", "error", 1, **times, waited=True,
                says=["the event loop left 1 socket", "computing without a system call"])


def sleeping_loop(is_healthy):
    slept = []

    def sleep():
        if not is_healthy:
            before = now()
            time.sleep(0.25)
            slept.append([before, now()])

    times = served(sleep)
    if not is_healthy:
        planted("loop_stall", "warning", 1, **times, waited=True,
                says=["the event loop left 1 socket", "in clock_nanosleep"])
        planted("blocking_call", "warning", 1, ts=slept[0], last=slept[0], total=slept,
                says=["slept in clock_nanosleep"])


def late_timer(is_healthy):
    """A timer is due while the loop computes, and nothing else waits. The request for that is made 0.4 s
    before, so that it comes before on a slow machine, too."""
    during = []
    due = []

    async def main():
        listener = noted.listener()
        port = noted.port_of(listener)
        listener.setblocking(False)

        async def handle(reader, writer):
            await reader.read(10)
            if not is_healthy:
                during.append(now())
                compute((due[0] - during[0]) / 1e9 + 0.25)
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(handle, sock=listener)
        for _ in range(3):
            await asyncio.sleep(0.02)
        clients = []
        asking = threading.Timer(0.1, lambda: clients.append(noted.connected((LOOPBACK, port))) or
                                 clients[0].send(b"x"))
        asking.start()
        due.append(now() + 500_000_000)
        await asyncio.sleep(0.5)
        during.append([due[0], now()])
        await asyncio.sleep(0.05)
        asking.join()
        clients[0].recv(1)
        clients[0].close()
        server.close()
        await server.wait_closed()

    asyncio.run(main())
    if not is_healthy:
        planted("loop_stall", "warning", 1, ts=[during[0] - 10 ** 8, during[0]], last=during[1],
                says=["the event loop was away from its poll", "its next timer was due",
                      "computing without a system call"])


def greenlet_that_holds(is_healthy):
    """One greenlet computes, the other's request waits. Who held the hub is the one that computed."""
    import eventlet
    from eventlet.green import socket as green
    listening = noted.listener()
    port = noted.port_of(listening)
    listener = green.socket(listening)
    clients = {}
    found = {}

    def come():
        one, other = [noted.connected((LOOPBACK, port)) for _ in range(2)]
        one.own()
        other.own()
        for client in (one, other) * 3:
            client.send(b"plain")
            client.recv(10)
        one.send(b"hold")
        time.sleep(0.03)
        other.send(b"waits")
        found["sent"] = bounds(last_note("out", other))
        for client in (one, other):
            client.recv(10)
            client.close()

    def handle(own):
        while True:
            data = own.recv(10)
            if not data:
                break
            if data == b"hold":
                found["greenlet"] = noted.greenlet()
                compute(0 if is_healthy else 0.3)
            if data == b"waits":
                found["read"] = bounds(last_note("in", own.fd))
            own.sendall(data)
        own.close()

    coming = threading.Thread(target=come)
    coming.start()
    pool = eventlet.GreenPool()
    for _ in range(2):
        pool.spawn(handle, listener.accept()[0])
    pool.waitall()
    coming.join()
    listener.close()
    if not is_healthy:
        planted("loop_stall", "warning", 1, ts=found["sent"], last=found["read"], waited=True,
                greenlet=found["greenlet"], says=["the event loop", "computing without"])


def look_up(port, name, wait=None):
    """A question to a name server, as a resolver asks it."""
    asking = noted.Noted(socket.AF_INET, socket.SOCK_DGRAM)
    asking.connect((LOOPBACK, port))
    question = struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + bytes([len(name)]) + name + bytes(5)
    asking.send(question)
    poll = select.poll()
    poll.register(asking, select.POLLIN)
    before = now()
    if poll.poll(wait):
        asking.recv(512)
    after = now()
    asking.close()
    return [before, after]


def name_server(port, waits):
    """Answers after so many seconds each; None: never."""
    server = noted.Noted(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((LOOPBACK, port))

    def answer():
        for wait in waits:
            question, address = server.recvfrom(512)
            if wait is not None:
                time.sleep(wait)
                server.sendto(question[:2] + b"\x81\x80" + question[4:], address)
        server.close()

    answering = threading.Thread(target=answer)
    answering.start()
    return answering, noted.port_of(server)


def blocking_loop(is_healthy):
    """A loop's thread sleeps, waits for the disk (strace delays its fsync), for a child, for a name
    server and for another peer."""
    poll = select.epoll()
    reading, writing = os.pipe()
    poll.register(reading, select.EPOLLIN)
    file = os.open(f"{sys.argv[2]}/synced", os.O_WRONLY | os.O_CREAT)
    client, server = connection()
    answering, port = name_server(0, [0.1])
    sending = threading.Thread(target=lambda: (time.sleep(0.1), client.send(b"x")))

    def turn():
        os.write(writing, b"x")
        poll.poll(1)
        os.read(reading, 1)

    def blocked(call):
        turn()
        before = now()
        call()
        after = now()
        turn()
        return [before, after]

    def child():
        process = subprocess.Popen(["/bin/sleep", "0" if is_healthy else "0.1"])
        return process.wait()

    for _ in range(3):
        turn()
    if is_healthy:
        elsewhere = threading.Thread(target=lambda: (time.sleep(0.1), os.fsync(file), child(),
                                                     look_up(port, b"x")))
        elsewhere.start()
        while elsewhere.is_alive():
            turn()
            poll.poll(0.02)
        client.send(b"x")
        turn()
        server.recv(1)
    else:
        for says, call in [("slept in clock_nanosleep", lambda: time.sleep(0.08)),
                           ("waited for the disk in fsync", lambda: os.fsync(file)),
                           ("waited for another process in wait4", child),
                           ("waited for one descriptor alone in poll", lambda: look_up(port, b"x")),
                           ("waited for a peer in recvfrom",
                            lambda: (sending.start(), server.recv(1)))]:
            during = blocked(call)
            planted("blocking_call", "warning", 1, ts=during, last=during, says=[says])
    turn()
    answering.join()
    for each in (client, server, poll):
        each.close()
    for number in (reading, writing, file):
        os.close(number)


def connecting_loop(is_healthy):
    """A loop's thread connects to a listener whose queue is full: the SYN is dropped, and sent again
    after a second."""
    listener = noted.listener(backlog=1)
    port = noted.port_of(listener)
    filling = [noted.connected((LOOPBACK, port)) for _ in range(1 if is_healthy else 2)]
    poll = select.epoll()
    reading, writing = os.pipe()
    poll.register(reading, select.EPOLLIN)

    def later():
        time.sleep(0.3)
        for _ in range(len(filling) + 1):
            listener.accept()[0].close()

    def turn():
        os.write(writing, b"x")
        poll.poll(1)
        os.read(reading, 1)

    for _ in range(4):
        turn()
    accepting = threading.Thread(target=later)
    accepting.start()
    last = noted.connected((LOOPBACK, port))
    turn()
    during = bounds(last_note("connect", last))
    accepting.join()
    for each in (*filling, last):
        each.recv(1)
        each.close()
    for each in (poll, listener):
        each.close()
    os.close(reading)
    os.close(writing)
    if not is_healthy:
        planted("blocking_call", "error", 1, ts=during, last=during,
                says=["waited for a connection in connect"])
        planted("backlog_overflow", "warning", 1, ts=during, says=[f"listener {LOOPBACK}:{port}"])


# Connections.

def peer_that_does_not_read(is_healthy):
    """A blocking send, and one that is tried again and again."""
    def reader(end, wait):
        time.sleep(wait)
        while end.recv(1 << 20):
            pass
        end.close()

    wait = 0.05 if is_healthy else 1.3
    for is_blocking in (True, False):
        client, server = connection()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
        reading = threading.Thread(target=reader, args=(client, wait))
        reading.start()
        server.setblocking(is_blocking)
        begin = now()
        if is_blocking:
            server.sendall(bytes(8 << 20))
        else:
            rest = memoryview(bytes(8 << 20))
            while rest:
                select.select([], [server], [])
                try:
                    while rest:
                        rest = rest[server.send(rest):]
                except BlockingIOError:
                    pass
        during = [begin, now()]
        server.close()
        reading.join()
        if not is_healthy:
            planted("peer_not_reading", "warning", 1, ts=during, last=during,
                    says=["did not read: sending was stuck for 1.",
                          f":{last_note('connect', client)['peer'][1]}→"])
    if not is_healthy:
        planted("loop_stall", "warning", 2, waited=True,
                says=["a thread left 2 sockets", "clock_nanosleep"])


def kept_open(is_healthy):
    """The peer has finished, and nobody closes."""
    ends = [connection() for _ in range(3)]
    for client, server in ends:
        client.send(b"bye")
        client.close()
    for _, server in ends:
        while server.recv(10):
            pass
        if is_healthy:
            server.close()
    if not is_healthy:
        first = bounds(last_note("in", ends[0][1]))
        time.sleep(1.1)
        ends[0][1].close()
        closed = bounds(last_note("close", ends[0][1]))
        planted("close_wait", "warning", 3, of=None, ts=first, last=[closed[0], closed[1] + 10 ** 10],
                says=["3 connections were kept open", "2 of them to the end"])
        noted.dump()
        os._exit(0)


def refused(is_healthy):
    """At once, and as a connect that is not waited for is told later; and without a way."""
    listener = noted.listener()
    port = noted.port_of(listener)
    if is_healthy:
        noted.connected((LOOPBACK, port)).close()
        accepted, _ = listener.accept()
        accepted.recv(1)
        accepted.close()
        listener.close()
        return
    listener.close()

    def later():
        client = noted.Noted()
        client.setblocking(False)
        failing(lambda: client.connect((LOOPBACK, port)), 1)
        select.select([], [client], [])
        client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        client.close()

    def at_once(address):
        client = noted.Noted()
        failing(lambda: client.connect(address), 1)
        client.close()

    begin = now()
    for _ in range(2):
        at_once((LOOPBACK, port))
    later()
    end = now()
    planted("connect_failed", "warning", 3, ts=[begin, end], last=[begin, end],
            says=[f"3 connections to {LOOPBACK}:{port} failed: ECONNREFUSED"])
    if os.environ.get("OWN_NETWORK"):
        at_once(("203.0.113.1", 80))
        planted("connect_failed", "warning", 1, ts=[end, now()], last=[end, now()],
                says=["203.0.113.1:80 failed: ENETUNREACH"])


def reset(is_healthy):
    """The peer breaks off: what is read then, and what is sent then."""
    for is_reading in (True, False):
        client, server = connection()
        server.send(b"x")
        client.recv(1)
        peer = last_note("connect", client)["peer"]
        if is_healthy:
            client.close()
            server.recv(1)
            server.close()
            continue
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        if is_reading:
            times = failing(lambda: server.recv(1), 1)
            planted("connection_reset", "warning", 1, **times, fd=server.fileno(),
                    says=["ECONNRESET: the peer broke it off", f"{LOOPBACK}:{peer[1]}",
                          "the peer sent the RST"])
        else:
            planted("connection_reset", "warning", 1, **failing(lambda: server.recv(1), 1),
                    fd=server.fileno(), says=["ECONNRESET", f"{LOOPBACK}:{peer[1]}"])
            times = failing(lambda: server.send(b"more"), 2)
            planted("connection_reset", "warning", 2, **times, fd=server.fileno(),
                    says=["EPIPE"])
        server.close()


def full_queue(is_healthy):
    """Connects that are given up, and one that sends its SYN again."""
    listener = noted.listener(backlog=1)
    port = noted.port_of(listener)
    clients = []
    begin = now()
    for _ in range(1 if is_healthy else 5):
        client = noted.Noted()
        client.setblocking(False)
        failing(lambda: client.connect((LOOPBACK, port)), 1)
        clients.append(client)
    time.sleep(0.2 if is_healthy else 1.2)
    for client in clients:
        client.close()
    listener.close()
    if not is_healthy:
        planted("backlog_overflow", "warning", 3, ts=[begin, now()],
                says=[f"listener {LOOPBACK}:{port}"])


def never_read(is_healthy):
    """An answer that nobody reads, and one that is read in part."""
    for part in (0, 100):
        client, server = connection()
        client.send(b"question")
        server.recv(100)
        server.send(b"a" * 500)
        peer = last_note("connect", client)["peer"]
        time.sleep(0.02)
        client.recv(500 if is_healthy else part or 1, 0 if is_healthy or part else socket.MSG_PEEK)
        client.close()
        if is_healthy:
            server.recv(1)
        server.close()
        if not is_healthy:
            during = bounds(last_note("close", client))
            planted("unread_data", "note" if part else "warning", 1, ts=during, last=during,
                    says=[f"1 connection to {LOOPBACK}:{peer[1]} ended with {500 - part} bytes",
                          "They had come before the close"])


def sent_too_late(is_healthy):
    """The peer sends when the socket is closed: to a client that does not wait for its answer, and to
    a server."""
    def closed(own, peer, size, to, says):
        if is_healthy:
            peer.send(b"l" * size)
            noted.receive(own, size)
        own.close()
        if not is_healthy:
            time.sleep(0.005)
            peer.send(b"l" * size)
            during = bounds(last_note("close", own))
            planted("unread_data", "note", 1, ts=during, last=during,
                    says=[each.format(to) for each in says])
        peer.close()

    def talking():
        client, server = connection()
        port = last_note("connect", client)["peer"][1]
        client.send(b"question")
        server.recv(100)
        return client, server, f"{LOOPBACK}:{port}"

    client, server, to = talking()
    closed(client, server, 600, to, ["600 bytes arrived after the close of 1 connection to {}; it had "
                                     "read none", "The peer was still sending"])
    client, server, to = talking()
    closed(server, client, 70, to, ["70 bytes arrived after the close of 1 connection of clients to {}",
                                    "The peer was still sending"])


def rest_not_sent(is_healthy):
    """send() takes a part, and nobody looks how much."""
    client, server = connection()
    server.setblocking(False)
    payload = bytes(6 << 20)

    def read():
        time.sleep(0.05)
        while client.recv(1 << 20):
            pass
        client.close()

    reading = threading.Thread(target=read)
    reading.start()
    sent = server.send(payload)
    call = last_note("out", server)
    if is_healthy:
        rest = memoryview(payload)[sent:]
        while rest:
            select.select([], [server], [])
            rest = rest[server.send(rest):]
    server.close()
    reading.join()
    if not is_healthy:
        planted("partial_write", "warning", 1, ts=bounds(call), fd=call["fd"],
                says=[f"{len(payload) - sent:,} bytes are missing"])


def tiny_writes(is_healthy):
    client, server = connection()
    times = []
    for _ in range(80 if is_healthy else 150):
        client.send(b"x")
        times.append(bounds(last_note("out", client)))
    client.close()
    while server.recv(1000):
        pass
    server.close()
    if not is_healthy:
        planted("tiny_writes", "warning", 150, ts=times[0], last=times[-1],
                says=["150 sends of 1 byte each", "150 bytes in all"])


def left_to_the_collector(is_healthy):
    times = []
    for _ in range(4):
        client, server = connection()
        client.close()
        server.recv(1)
        if is_healthy:
            server.close()
        before = now()
        del server
        gc.collect()
        times.append([before, now()])
    # The interpreter's end is far.
    for _ in range(500):
        os.stat("/")
    if not is_healthy:
        planted("collected_socket", "warning", 4, ts=times[0], last=times[-1], says=["4 sockets"])


# Others.

def slow_name_server(is_healthy):
    """Its first answer is late, the second never comes."""
    if not os.environ.get("OWN_NETWORK"):
        return
    answering, port = name_server(53, [0.01, 0.01] if is_healthy else [0.6, None])
    asked = [look_up(port, b"late"), look_up(port, b"never", 600)]
    answering.join()
    if not is_healthy:
        planted("slow_dns", "warning", 2, ts=[asked[0][0] - 10 ** 7, asked[0][0]],
                says=["2 queries late or not at all", "1 without an answer"])


def slow_disk(is_healthy):
    """strace delays the twentieth fsync of a thread."""
    file = os.open(f"{sys.argv[2]}/synced", os.O_WRONLY | os.O_CREAT)
    for _ in range(15 if is_healthy else 25):
        before = now()
        os.fsync(file)
        if now() - before > 140_000_000:
            times = [before, now()]
    os.close(file)
    if not is_healthy:
        planted("slow_call", "note", 1, ts=times, last=times,
                says=["fsync took 100 ms or more 1 time"])


def interrupted(is_healthy):
    """A timer interrupts a sleep before it can end."""
    fired = []
    signal.signal(signal.SIGALRM, lambda *_: fired.append(now()))
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.1 if is_healthy else 0.004)
    time.sleep(0.3)
    signal.setitimer(signal.ITIMER_REAL, 0)
    if not is_healthy:
        planted("interrupted_loop", "warning", [len(fired) - 2, len(fired)],
                last=[fired[-4] - 10 ** 7, fired[-1]], says=["clock_nanosleep was interrupted",
                                                             "SIGALRM"])


def killed(is_healthy):
    for number, severity in ((signal.SIGSEGV, "error"), (signal.SIGKILL, "warning"),
                             (signal.SIGTERM, "note")):
        child = os.fork()
        if not child:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if is_healthy:
                os._exit(0)
            os.kill(os.getpid(), number)
        before = now()
        os.waitpid(child, 0)
        if not is_healthy:
            planted("killed", severity, 1, of=child, ts=[before - 10 ** 8, now()],
                    says=[f"killed by {signal.Signals(number).name}"])


def lossy_network(is_healthy):
    """Between two addresses of a network that loses some of what is sent (record.py): the client
    sends to an address whose packets come back as if from there."""
    if is_healthy:
        return
    listener = noted.listener("10.99.0.1")
    port = noted.port_of(listener)
    size = 400_000

    def serve():
        server, _ = listener.accept()
        noted.receive(server, size)
        server.sendall(b"done")
        server.close()

    serving = threading.Thread(target=serve)
    serving.start()
    client = noted.connected(("10.99.0.2", port))
    client.sendall(bytes(size))
    noted.receive(client, 4)
    client.close()
    serving.join()
    listener.close()
    planted("retransmissions", None, None, of=None, says=[f"with 10.99.0.2:{port}"], resent=("10.99.0.2", port))


def dead_network(is_healthy):
    """A network in which, from some time on, nothing arrives: what is sent, what is connected, and
    what is given up."""
    listener = noted.listener("10.99.0.1")
    port = noted.port_of(listener)
    address = ("10.99.0.2", port)
    client = noted.connected(address)
    server, _ = listener.accept()
    if is_healthy:
        client.close()
        server.recv(1)
        server.close()
        listener.close()
        return
    client.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 500)
    with open(f"{sys.argv[2]}/dead", "w", encoding="ascii"):
        pass
    client.send(b"who is there?")
    planted("connection_reset", "warning", 1, **failing(lambda: client.recv(1), 1),
            fd=client.fileno(), says=["ETIMEDOUT", "did not answer any more"])
    client.close()
    given_up = noted.Noted()
    given_up.setblocking(False)
    failing(lambda: given_up.connect(address), 1)
    during = bounds(last_note("connect", given_up))
    time.sleep(0.15)
    given_up.close()
    planted("connect_failed", "warning", 1, ts=during, says=["10.99.0.2", "no answer"])
    late = noted.Noted()
    late.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
    during = failing(lambda: late.connect(address), 1)
    planted("connect_failed", "warning", 1, **during, says=["10.99.0.2", "ETIMEDOUT"])
    late.close()
    server.close()
    listener.close()
    planted("retransmissions", "note", None, of=None, says=[f"with 10.99.0.2:{port}"],
            resent=("10.99.0.2", port))


if __name__ == "__main__":
    noted.use(sys.argv[2])
    planting = globals()[sys.argv[1]]
    noted.join(noted.fork(planting, True))
    noted.join(noted.fork(planting, False))
    noted.dump()
