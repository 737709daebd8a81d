"""Programs to be traced: servers with their clients, and every way to make, copy and pass on a
descriptor. What they sent and received they count themselves.

usage: traced.py threads|fork|asyncio|eventlet|descriptors COUNTS
"""
import array
import asyncio
import fcntl
import json
import os
import select
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

HOST = "127.0.0.1"
CLIENTS = 8
SIZES = (1, 10, 1000, 5000)

counts = []  # one per connection and side that knows both its addresses


def text(address):
    return f"{address[0]}:{address[1]}"


def count(local, peer, received, sent):
    counts.append({"local": text(local), "peer": text(peer), "recv": received, "sent": sent})


def echo(connection, recv, send):
    """Sends back what comes, until the end."""
    local, peer = connection.getsockname(), connection.getpeername()
    received = sent = 0
    while True:
        data = recv(4096)
        if not data:
            break
        received += len(data)
        rest = data
        while rest:
            done = send(rest)
            sent += done
            rest = rest[done:]
    count(local, peer, received, sent)


def visit(port, number, connect=socket.create_connection):
    """Every other client asks for its own address, and only at the end."""
    with connect((HOST, port)) as client:
        sent = received = 0
        for size in SIZES[:1 + number % len(SIZES)]:
            client.sendall(b"x" * size)
            sent += size
            while received < sent:
                received += len(client.recv(65536))
        if number % 2:
            count(client.getsockname(), (HOST, port), received, sent)


def threads():
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            echo(self.request, self.request.recv, self.request.send)

    with socketserver.ThreadingTCPServer((HOST, 0), Handler) as server:
        port = server.server_address[1]
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        clients = [threading.Thread(target=visit, args=(port, number)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        server.shutdown()
        serving.join()


def fork():
    """Three processes accept on one socket; the clients are two more."""
    with tempfile.TemporaryDirectory() as folder:
        listener = socket.create_server((HOST, 0))
        port = listener.getsockname()[1]
        workers, clients = [], []
        for number in range(3):
            pid = os.fork()
            if not pid:
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        first = connection.recv(1, socket.MSG_PEEK)
                        if first == b"q":
                            connection.recv(1)
                            break
                        echo(connection, connection.recv, connection.send)
                with open(f"{folder}/w{number}", "w", encoding="ascii") as file:
                    json.dump(counts, file)
                os._exit(0)
            workers.append(pid)
        for number in range(2):
            pid = os.fork()
            if not pid:
                listener.close()
                for visitor in range(number, CLIENTS, 2):
                    visit(port, visitor)
                with open(f"{folder}/c{number}", "w", encoding="ascii") as file:
                    json.dump(counts, file)
                os._exit(0)
            clients.append(pid)
        for pid in clients:
            os.waitpid(pid, 0)
        for pid in workers:
            with socket.create_connection((HOST, port)) as last:
                last.send(b"q")
                last.recv(1)
        for pid in workers:
            os.waitpid(pid, 0)
        for name in sorted(os.listdir(folder)):
            with open(f"{folder}/{name}", encoding="ascii") as file:
                counts.extend(json.load(file))


def asynchronous():
    async def serve(reader, writer):
        received = sent = 0
        local, peer = writer.get_extra_info("sockname"), writer.get_extra_info("peername")
        while data := await reader.read(4096):
            received += len(data)
            writer.write(data)
            await writer.drain()
            sent += len(data)
        if isinstance(local, tuple):
            count(local, peer, received, sent)
        writer.close()

    async def ask(open_connection, number):
        reader, writer = await open_connection
        for size in SIZES[:1 + number % len(SIZES)]:
            writer.write(b"x" * size)
            await reader.readexactly(size)
        writer.close()
        await writer.wait_closed()

    async def work():
        with tempfile.TemporaryDirectory() as folder:
            tcp = await asyncio.start_server(serve, HOST, 0)
            port = tcp.sockets[0].getsockname()[1]
            unix = await asyncio.start_unix_server(serve, f"{folder}/socket")
            await asyncio.gather(
                *(ask(asyncio.open_connection(HOST, port), number) for number in range(CLIENTS)),
                *(ask(asyncio.open_unix_connection(f"{folder}/socket"), number)
                  for number in range(3)))
            child = await asyncio.create_subprocess_exec(
                "cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            await child.communicate(b"hello")
            await asyncio.get_running_loop().run_in_executor(None, os.listdir, "/")
            for server in (tcp, unix):
                server.close()
                await server.wait_closed()

    asyncio.run(work())


def green():
    import eventlet

    def handle(connection, _):
        with connection:
            echo(connection, connection.recv, connection.send)

    listener = eventlet.listen((HOST, 0))
    port = listener.getsockname()[1]
    server = eventlet.spawn(eventlet.serve, listener, handle)
    clients = [eventlet.spawn(visit, port, number, eventlet.connect) for number in range(CLIENTS)]
    for client in clients:
        client.wait()
    eventlet.sleep(0.05)
    server.kill()
    listener.close()


def descriptors():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with open("relative.txt", "w+", encoding="ascii") as file:
            file.write("relative")
            file.flush()
            copy = os.dup(file.fileno())
            os.dup2(copy, 77)
            os.lseek(77, 0, os.SEEK_SET)
            os.read(77, 3)
            third = fcntl.fcntl(copy, fcntl.F_DUPFD_CLOEXEC, 90)
            os.read(third, 1)
            os.close(copy)
            os.fstat(77)
        os.mkdir("below")
        at = os.open("below", os.O_RDONLY | os.O_DIRECTORY)
        inner = os.open("inner.txt", os.O_CREAT | os.O_RDWR, dir_fd=at)
        os.write(inner, b"inner")
        os.unlink("inner.txt", dir_fd=at)
        os.fstat(inner)
        os.read(inner, 1)

        one, other = socket.socketpair()
        left, right = os.pipe()
        one.sendmsg([b"F"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [left, inner]))])
        _, ancillary, _, _ = other.recvmsg(10, socket.CMSG_SPACE(8))
        passed = array.array("i", ancillary[0][2])
        os.write(right, b"through the pipe")
        os.read(passed[0], 7)
        os.lseek(passed[1], 0, os.SEEK_SET)
        for fd in passed:
            os.close(fd)

        pid = os.fork()
        if not pid:
            os.read(left, 4)
            other.close()
            os.dup2(right, 1)
            os.close(right)
            os.execv("/bin/echo", ["/bin/echo", "from the child"])
        os.waitpid(pid, 0)
        os.read(left, 100)
        subprocess.run(["cat", "/dev/fd/0"], input=b"hello", stdout=subprocess.PIPE, check=True)
        subprocess.run(["sh", "-c", f"cat <&{at} >/dev/null 2>&1; echo x | cat | wc -c"],
                       pass_fds=(at,), stdout=subprocess.DEVNULL, check=True)
        with open("spawned", "wb") as out:
            os.waitpid(os.posix_spawn("/bin/echo", ["echo", "spawned"], {}, file_actions=[
                (os.POSIX_SPAWN_DUP2, out.fileno(), 1), (os.POSIX_SPAWN_CLOSE, at)]), 0)
        os.fstat(at)

        poll = select.epoll()
        poll.register(one.fileno())
        poll.poll(0)
        poll.close()
        if hasattr(os, "eventfd"):
            event = os.eventfd(0)
            os.eventfd_write(event, 2)
            os.eventfd_read(event)
            os.close(event)
        memory = os.memfd_create("inmemory")
        os.write(memory, b"memory")
        os.lseek(memory, 0, os.SEEK_SET)
        child = subprocess.Popen(["sleep", "10"])
        process = os.pidfd_open(child.pid)
        signal.pidfd_send_signal(process, signal.SIGTERM)
        select.select([process], [], [], 5)
        os.close(process)
        child.wait()

        # A descriptor closed by one thread while another waits for it.
        reader, writer = os.pipe()
        waiting = threading.Thread(target=os.read, args=(reader, 1))
        waiting.start()
        time.sleep(0.1)
        os.close(reader)
        reused = os.open("/etc/hostname", os.O_RDONLY)
        os.fstat(reused)
        os.write(writer, b"x")
        waiting.join()
        os.close(reused)

        for family, host in ((socket.AF_INET, HOST), (socket.AF_INET6, "::1")):
            try:
                server = socket.socket(family, socket.SOCK_DGRAM)
                server.bind((host, 0))
            except OSError:
                continue
            client = socket.socket(family, socket.SOCK_DGRAM)
            client.connect(server.getsockname())
            client.send(b"datagram")
            data, address = server.recvfrom(100)
            server.sendto(data, address)
            client.recv(100)
            client.getsockname()
            client.send(b"again")
            server.recv(100)
            client.close()
            server.close()

        # Bound before it connects: strace goes on printing the text without the peer.
        listener = socket.create_server((HOST, 0))
        bound = socket.socket()
        bound.bind((HOST, 0))
        bound.getsockname()
        bound.connect(listener.getsockname())
        accepted, _ = listener.accept()
        bound.sendall(b"bound")
        accepted.recv(10)
        for each in (bound, accepted, listener, one, other):
            each.close()
        for fd in (left, right, 77, third, inner, at, memory, writer):
            os.close(fd)
        try:
            os.close(77)
        except OSError:
            pass
        os.chdir("/")


MODES = {"threads": threads, "fork": fork, "asyncio": asynchronous, "eventlet": green,
         "descriptors": descriptors}

if __name__ == "__main__":
    MODES[sys.argv[1]]()
    with open(sys.argv[2], "w", encoding="ascii") as result:
        json.dump(counts, result)
