"""A few visits to the shop, some of which go wrong, and what the programs themselves know of them.

usage: visitors.py PORT SERVER_COUNTS TRUTH

Tells the server to stop, waits for the file SERVER_COUNTS from serve.py, tries to connect once
more, and writes TRUTH: one object per connection, in the order in which they were opened.
"""

import json
import os
import socket
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "eventlet-server"))
from loadgen import paths_of_visit  # noqa: E402

# Of loadgen.py's visits: the first has the report and the link that went stale.
VISITS = range(7)
VISITORS_AT_A_TIME = 3
SLOW_PATH = "/product/13?country=SE"  # see serve.py


def empty_truth(kind, client_socket):
    return {
        "kind": kind,
        "client_port": client_socket.getsockname()[1],
        "requests": 0,
        "answers": 0,
        "client_sent": 0,
        "client_received": 0,
        "longest_wait_ms": 0,
    }


class Connection:
    """A connection that counts what send and recv return."""

    def __init__(self, port, kind):
        self._address = ("127.0.0.1", port)
        self._socket = socket.create_connection(self._address, timeout=30)
        self.truth = empty_truth(kind, self._socket)

    def request(self, method, path, *headers):
        lines = (f"{method} {path} HTTP/1.1", "Host: {}:{}".format(*self._address),
                 "User-Agent: visitors", *headers, "", "")
        rest = "\r\n".join(lines).encode("ascii")
        self.truth["requests"] += 1
        while rest:
            sent = self._socket.send(rest)
            self.truth["client_sent"] += sent
            rest = rest[sent:]

    def answer(self):
        """Reads one answer, as long as its Content-Length says."""
        start = time.monotonic()
        received = self._receive()
        waited_ms = round((time.monotonic() - start) * 1000)
        while b"\r\n\r\n" not in received:
            received += self._receive()
        head, _, body = received.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        while len(body) < int(fields[b"Content-Length"]):
            body += self._receive()
        self.truth["answers"] += 1
        self.truth["longest_wait_ms"] = max(self.truth["longest_wait_ms"], waited_ms)
        return head.split()[1].decode("ascii")

    def _receive(self):
        data = self._socket.recv(65536)
        if not data:
            sys.exit("visitors.py: the server closed a connection early")
        self.truth["client_received"] += len(data)
        return data

    def wait_for_end(self):
        if self._socket.recv(1):
            sys.exit("visitors.py: the server sent more than it had announced")

    def close(self):
        self._socket.close()

    def abort(self):
        """Closes with a RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


class Day:
    """All the connections, by several threads."""

    def __init__(self, port):
        self._port = port
        self._lock = threading.Lock()
        self._visits = iter(VISITS)
        self.connections = []

    def connect(self, kind):
        with self._lock:
            connection = Connection(self._port, kind)
            self.connections.append(connection.truth)
        return connection

    def visit_often(self):
        while True:
            with self._lock:
                visit = next(self._visits, None)
            if visit is None:
                return
            connection = self.connect("keep-alive")
            for path in paths_of_visit(visit):
                connection.request("GET", path)
                connection.answer()
            connection.close()

    def wait_long(self):
        connection = self.connect("slow")
        connection.request("GET", "/about")
        connection.answer()
        connection.request("GET", SLOW_PATH)
        connection.answer()
        connection.close()

    def lose_patience(self):
        connection = self.connect("aborted")
        connection.request("GET", SLOW_PATH)
        time.sleep(0.4)
        connection.abort()

    def ask_once(self):
        connection = self.connect("closed by the server")
        connection.request("GET", "/about", "Connection: close")
        connection.answer()
        connection.wait_for_end()
        connection.close()

    def stop_server(self):
        connection = self.connect("stop")
        connection.request("POST", "/stop", "Content-Length: 0")
        connection.answer()
        connection.close()

    def come_too_late(self):
        """Asks for the local port first: a connection that failed cannot tell it."""
        late = socket.socket()
        late.bind(("127.0.0.1", 0))
        self.connections.append(empty_truth("refused", late))
        if late.connect_ex(("127.0.0.1", self._port)) == 0:
            sys.exit("visitors.py: the server still listens")
        late.close()


def main():
    port, server_counts, truth_file = sys.argv[1:]
    day = Day(int(port))
    visitors = [threading.Thread(target=day.visit_often) for _ in range(VISITORS_AT_A_TIME)]
    visitors += [threading.Thread(target=visitor)
                 for visitor in (day.wait_long, day.lose_patience, day.ask_once)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    time.sleep(1)  # the server still works for the visitor who has gone
    day.stop_server()
    for _ in range(100):
        if os.path.exists(server_counts):
            break
        time.sleep(0.1)
    day.come_too_late()
    with open(server_counts, encoding="ascii") as counts_file:
        counts = json.load(counts_file)
    for truth in day.connections:
        sent, received = counts.pop(str(truth["client_port"]), (0, 0))
        truth["server_sent"], truth["server_received"] = sent, received
        if truth["client_sent"] != received or truth["client_received"] != sent:
            sys.exit(f"visitors.py: client and server disagree: {truth}")
    if counts:
        sys.exit(f"visitors.py: connections of somebody else: {counts}")
    with open(truth_file, "w", encoding="ascii") as out:
        lines = ",\n  ".join(json.dumps(truth) for truth in day.connections)
        out.write(f'{{"server_port": {port}, "connections": [\n  {lines}\n]}}\n')


if __name__ == "__main__":
    main()
