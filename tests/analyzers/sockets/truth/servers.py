"""Healthy servers with their clients, to be traced. What they do they write down.

usage: servers.py NAME FOLDER
"""
import asyncio
import os
import resource
import selectors
import socket
import sys
import threading
import time

import noted

HEADER = 32
# Bytes of a request, bytes of its answer, milliseconds that the server lets the request's body lie.
PLAIN = ((40, 1, 0), (40, 100, 0), (3000, 5000, 0), (64, 0, 0))
HELD = ((1000, 10, 30), (40, 20, 0), (50000, 10, 12))
LARGE = ((40, 300_000, 0), (300_000, 40, 0))
LOOPBACK = "127.0.0.1"


def header(name, request, answer, hold):
    return b"%8d%8d%8d%8d" % (name, request, answer, hold)


def fields(data):
    return [int(data[at:at + 8]) for at in range(0, HEADER, 8)]


def visit(address, name, requests, *, close=True, connect=noted.connected):
    """Header and body are sent one right after the other; the body lies while the server sleeps."""
    client = connect(address)
    client.named(name)
    for request, answer, hold in requests:
        client.sendall(header(name, request, answer, hold))
        client.sendall(b"q" * (request - HEADER))
        noted.receive(client, answer)
    if close:
        client.close()
    return client


def serve(connection, *, receive=noted.receive, sleep=time.sleep, named=None):
    named = named or connection.named
    first = True
    while True:
        head = receive(connection, HEADER)
        if len(head) < HEADER:
            break
        name, request, answer, hold = fields(head)
        if first:
            named(name)
            first = False
        if hold:
            sleep(hold / 1000)
        receive(connection, request - HEADER)
        if answer:
            connection.sendall(b"a" * answer)
    connection.close()


def all_of(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def visitors(address, names, requests):
    all_of([threading.Thread(target=visit, args=(address, name, requests)) for name in names])


def threads():
    """A thread for each connection; the clients are threads of the same process."""
    listener = noted.listener()
    port = noted.port_of(listener)

    def accept():
        serving = []
        for _ in range(15):
            connection, _ = listener.accept()
            serving.append(threading.Thread(target=serve, args=(connection,)))
            serving[-1].start()
        for thread in serving:
            thread.join()

    accepting = threading.Thread(target=accept)
    accepting.start()
    for round, requests in enumerate((PLAIN, HELD, LARGE)):
        visitors((LOOPBACK, port), range(round * 100, round * 100 + 5), requests)
    accepting.join()
    listener.close()


def fork_server():
    """Three processes accept on one socket; the clients are two more, one with a thread for each
    connection."""
    listener = noted.listener()
    port = noted.port_of(listener)

    def work():
        while True:
            connection, _ = listener.accept()
            first = connection.recv(1, socket.MSG_PEEK)
            if not first:
                connection.named(-os.getpid())
                connection.recv(1)
                connection.close()
                break
            serve(connection)
        listener.close()

    def one_by_one():
        listener.close()
        for name in range(10):
            visit((LOOPBACK, port), name, PLAIN)

    def together():
        listener.close()
        visitors((LOOPBACK, port), range(100, 106), HELD)

    workers = [noted.fork(work) for _ in range(3)]
    noted.join(noted.fork(one_by_one), noted.fork(together))
    for _ in workers:
        last = noted.connected((LOOPBACK, port))
        last.shutdown(socket.SHUT_WR)
        noted.receive(last, 1)
        last.close()
    noted.join(*workers)
    listener.close()


def passing():
    """The parent accepts, and passes each connection on to one of two workers."""
    listener = noted.listener()
    port = noted.port_of(listener)
    pairs = [socket.socketpair() for _ in range(2)]

    def work(number):
        listener.close()
        for other, (ours, theirs) in enumerate(pairs):
            ours.close()
            if other != number:
                theirs.close()
        while True:
            data, fds, _, _ = socket.recv_fds(pairs[number][1], 100, 1)
            if not data:
                break
            serve(noted.Noted(fileno=fds[0], id=data.decode()))
        pairs[number][1].close()

    def come():
        listener.close()
        for pair in pairs:
            for end in pair:
                end.close()
        for name in range(6):
            visit((LOOPBACK, port), name, PLAIN)

    workers = [noted.fork(work, number) for number in range(2)]
    clients = noted.fork(come)
    for _, theirs in pairs:
        theirs.close()
    for number in range(6):
        connection, _ = listener.accept()
        socket.send_fds(pairs[number % 2][0], [connection.id.encode()], [connection.fileno()])
        connection.close()
    noted.join(clients)
    for ours, _ in pairs:
        ours.close()
    noted.join(*workers)
    listener.close()


def eventlet():
    """Greenlets; the clients are threads of another process."""
    import eventlet as library
    from eventlet.green import socket as green
    listening = noted.listener()
    port = noted.port_of(listening)
    clients = noted.fork(lambda: (listening.close(), visitors((LOOPBACK, port), range(8), PLAIN),
                                  visitors((LOOPBACK, port), range(100, 104), HELD),
                                  visitors((LOOPBACK, port), range(200, 204), LARGE)))
    listener = green.socket(listening)

    def handle(connection):
        noted.note("greenlet", greenlet=noted.greenlet())
        serve(connection, sleep=library.sleep)

    pool = library.GreenPool()
    for _ in range(16):
        connection, _ = listener.accept()
        pool.spawn(handle, connection)
    pool.waitall()
    listener.close()
    noted.join(clients)


def wsgi():
    """Eventlet's WSGI server, and its greenlets as clients."""
    import eventlet as library
    import eventlet.wsgi
    from eventlet.green import socket as green
    listening = noted.listener()
    port = noted.port_of(listening)

    def application(environment, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        library.sleep(0.01)
        return [b"x" * int(environment["PATH_INFO"][1:])]

    def come(name):
        client = green.socket(noted.Noted())
        client.at_once()
        client.connect((LOOPBACK, port))
        client.own()
        for size in (10, 2000, 70000):
            last = "close" if size == 70000 else "keep-alive"
            client.sendall(b"GET /%d HTTP/1.1\r\nHost: x\r\nConnection: %s\r\n\r\n"
                           % (size, last.encode()))
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += client.recv(4096)
            rest = size - len(answer.split(b"\r\n\r\n", 1)[1])
            noted.receive(client, rest)
        while client.recv(100):
            pass
        client.close()

    serving = library.spawn(library.wsgi.server, green.socket(listening), application,
                            log_output=False)
    all_clients = [library.spawn(come, name) for name in range(6)]
    for each in all_clients:
        each.wait()
    serving.kill()
    try:
        serving.wait()
    except BaseException:
        pass
    listening.close()


def asyncio_streams():
    """asyncio's streams, and its sock_… calls as clients."""
    async def handle(reader, writer):
        own = writer.get_extra_info("socket")._sock
        first = True
        while True:
            try:
                head = await reader.readexactly(HEADER)
            except asyncio.IncompleteReadError:
                break
            name, request, answer, hold = fields(head)
            if first:
                own.named(name)
                first = False
            await asyncio.sleep(hold / 1000)
            await reader.readexactly(request - HEADER)
            writer.write(b"a" * answer)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def come(port, name, requests):
        loop = asyncio.get_running_loop()
        client = noted.Noted()
        client.at_once()
        client.setblocking(False)
        await loop.sock_connect(client, (LOOPBACK, port))
        client.named(name)
        for request, answer, hold in requests:
            await loop.sock_sendall(client, header(name, request, answer, hold))
            await loop.sock_sendall(client, b"q" * (request - HEADER))
            received = 0
            while received < answer:
                received += len(await loop.sock_recv(client, answer - received))
        client.close()

    async def main():
        listener = noted.listener()
        port = noted.port_of(listener)
        listener.setblocking(False)
        server = await asyncio.start_server(handle, sock=listener)
        await asyncio.gather(*(come(port, name, PLAIN) for name in range(8)))
        await asyncio.gather(*(come(port, name, LARGE) for name in range(100, 103)))
        server.close()
        await server.wait_closed()

    asyncio.run(main())


def asyncio_datagrams():
    """asyncio's datagram transport answers connected and unconnected clients."""
    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, address):
            self.transport.sendto(data * 2, address)

    def come(family, address):
        one = noted.Noted(family, socket.SOCK_DGRAM)
        one.connect(address)
        for size in (1, 100, 1000):
            one.send(b"x" * size)
            one.recv(4096)
        one.close()
        other = noted.Noted(family, socket.SOCK_DGRAM)
        for size in (2, 200, 2000):
            other.sendto(b"x" * size, address)
            if size == 2:
                other.own()
            other.recvfrom(8192)
        other.close()

    async def main():
        loop = asyncio.get_running_loop()
        transports, clients = [], []
        for family, host in ((socket.AF_INET, LOOPBACK), (socket.AF_INET6, "::1")):
            bound = noted.Noted(family, socket.SOCK_DGRAM)
            bound.bind((host, 0))
            bound.setblocking(False)
            port = noted.port_of(bound)
            transport, _ = await loop.create_datagram_endpoint(Echo, sock=bound)
            transports.append(transport)
            clients += [loop.run_in_executor(None, come, family, (host, port)) for _ in range(4)]
        await asyncio.gather(*clients)
        for transport in transports:
            transport.close()
        await asyncio.sleep(0)

    asyncio.run(main())


def datagrams():
    """A socket that several peers send to, one that is connected twice, and one that lets datagrams
    lie."""
    server = noted.Noted(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((LOOPBACK, 0))
    port = noted.port_of(server)

    def answer(count):
        for _ in range(count):
            data, address = server.recvfrom(65535)
            if data.startswith(b"hold"):
                time.sleep(0.02)
            else:
                server.sendto(data, address)

    def come():
        clients = [noted.Noted(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
        for round in range(4):
            for client in clients:
                client.sendto(b"d" * (100 + round), (LOOPBACK, port))
                if client is not clients[0]:
                    client.own()
            for client in clients:
                client.recvfrom(65535)
        for client in clients:
            client.close()

    answering = threading.Thread(target=answer, args=(12,))
    answering.start()
    come()
    answering.join()
    # The first holds the second up.
    one = noted.Noted(socket.AF_INET, socket.SOCK_DGRAM)
    one.connect((LOOPBACK, port))
    one.own()
    answering = threading.Thread(target=answer, args=(2,))
    answering.start()
    one.send(b"hold this")
    one.send(b"answer this")
    one.recv(100)
    answering.join()
    # Connected again, to another.
    other = noted.Noted(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind((LOOPBACK, 0))
    one.connect((LOOPBACK, noted.port_of(other)))
    one.send(b"elsewhere")
    other.recvfrom(100)
    for each in (one, other, server):
        each.close()
    # One port at all addresses of both families.
    any4 = noted.Noted(socket.AF_INET, socket.SOCK_DGRAM)
    any4.bind(("0.0.0.0", 0))
    port = noted.port_of(any4)
    any6 = noted.Noted(socket.AF_INET6, socket.SOCK_DGRAM)
    any6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    any6.bind(("::", port))
    asking = []
    for host, at in ((LOOPBACK, any4), ("127.0.0.2", any4), ("::1", any6), ("127.0.0.3", any4)):
        asking.append(noted.Noted(at.family, socket.SOCK_DGRAM))
        asking[-1].connect((host, port))
        asking[-1].send(b"to all")
        at.recvfrom(100)
    for each in (*asking, any4, any6):
        each.close()


def ipv6():
    """Over IPv6; and over IPv4 to a listener of both, whose addresses are mapped ones."""
    listener = noted.listener("::1")
    port = noted.port_of(listener)
    accepting = threading.Thread(target=lambda: [serve(listener.accept()[0]) for _ in range(5)])
    accepting.start()
    for name in range(5):
        visit(("::1", port), name, PLAIN)
    accepting.join()
    listener.close()
    both = noted.Noted(socket.AF_INET6)
    both.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    both.bind(("::", 0))
    both.listen()
    port = noted.port_of(both)
    accepting = threading.Thread(target=lambda: [serve(both.accept()[0]) for _ in range(4)])
    accepting.start()
    for name in range(100, 102):
        visit((LOOPBACK, port), name, PLAIN)
    for name in range(102, 104):
        visit(("::1", port), name, PLAIN)
    accepting.join()
    both.close()


def port_reuse():
    """The client's port is always the same; the server closes first, so that it is free at once."""
    listener = noted.listener()
    port = noted.port_of(listener)

    def answer():
        for name in range(20):
            connection, _ = listener.accept()
            connection.named(name)
            noted.receive(connection, 10 + name)
            connection.sendall(b"a" * (5 + name))
            connection.close()

    answering = threading.Thread(target=answer)
    answering.start()
    for name in range(20):
        client = noted.connected((LOOPBACK, port), bind=(LOOPBACK, 20021))
        client.named(name)
        client.sendall(b"q" * (10 + name))
        noted.receive(client, 5 + name + 1)
        client.close()
    answering.join()
    listener.close()


def reuse_port():
    """Two processes with a listener each, on one port."""
    first = noted.listener(reuse_port=True)
    port = noted.port_of(first)
    second = noted.listener(port=port, reuse_port=True)

    def work(own, other):
        other.close()
        poll = selectors.DefaultSelector()
        poll.register(own, selectors.EVENT_READ)
        while poll.select(0.3):
            serve(own.accept()[0])
        poll.close()
        own.close()

    workers = [noted.fork(work, first, second), noted.fork(work, second, first)]
    first.close()
    second.close()
    for name in range(16):
        visit((LOOPBACK, port), name, PLAIN[:2])
    noted.join(*workers)


def half_close():
    """The client ends its sending first; the answer comes after that, and later."""
    listener = noted.listener()
    port = noted.port_of(listener)

    def answer():
        for name in range(6):
            connection, _ = listener.accept()
            connection.named(name)
            while connection.recv(1000):
                pass
            time.sleep(0.02)
            connection.sendall(b"a" * 3000)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)
            connection.close()

    answering = threading.Thread(target=answer)
    answering.start()
    for name in range(6):
        client = noted.connected((LOOPBACK, port))
        client.named(name)
        client.sendall(b"q" * (name * 700 + 1))
        client.shutdown(socket.SHUT_WR)
        time.sleep(0.03)
        while client.recv(1000):
            pass
        client.close()
    answering.join()
    listener.close()


def many():
    """A thousand connections open at once; requests come from a few at a time."""
    count = 1000
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4 * count), most))
    listener = noted.listener(backlog=count)
    port = noted.port_of(listener)

    def come():
        listener.close()
        clients = []
        for name in range(count):
            clients.append(noted.connected((LOOPBACK, port)))
            clients[-1].named(name)
        for at in range(0, count, 25):
            some = list(enumerate(clients))[at:at + 25]
            for name, client in some:
                client.sendall(header(name, HEADER, 20 + name, 0))
            for name, client in some:
                noted.receive(client, 20 + name)
        for client in clients:
            client.close()

    child = noted.fork(come)
    poll = selectors.DefaultSelector()
    poll.register(listener, selectors.EVENT_READ)
    ended = 0
    while ended < count:
        for key, _ in poll.select():
            if key.fileobj is listener:
                poll.register(listener.accept()[0], selectors.EVENT_READ)
                continue
            head = key.fileobj.recv(HEADER)
            if head:
                name, _, answer, _ = fields(head)
                key.fileobj.named(name)
                key.fileobj.sendall(b"a" * answer)
            else:
                poll.unregister(key.fileobj)
                key.fileobj.close()
                ended += 1
    poll.close()
    listener.close()
    noted.join(child)


def untraced_clients():
    """A server alone: its clients are not traced."""
    listener = noted.listener()
    with open(f"{sys.argv[2]}/port.new", "w", encoding="ascii") as file:
        file.write(str(noted.port_of(listener)))
    os.rename(f"{sys.argv[2]}/port.new", f"{sys.argv[2]}/port")
    serving = [threading.Thread(target=serve, args=(listener.accept()[0],)) for _ in range(8)]
    all_of(serving)
    listener.close()


def untraced():
    """Those clients."""
    with open(f"{sys.argv[2]}/port", encoding="ascii") as file:
        port = int(file.read())
    visitors((LOOPBACK, port), range(8), PLAIN + HELD)
    noted.note("untraced")


if __name__ == "__main__":
    noted.use(sys.argv[2])
    globals()[sys.argv[1]]()
    noted.dump()
