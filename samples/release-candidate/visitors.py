"""So many visitors of the server, each after the last one has its answer.

usage: visitors.py PORT VISITORS
"""

import socket
import sys

PLACES = ["/home/1", "/near/4", "/far/20", "/home/31", "/near/2"]


def visit(port, path):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: parcels\r\nAccept: */*\r\n\r\n".encode())
        text = b""
        while piece := connection.recv(1000):
            text += piece
    head, body = text.split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK") and int(body) > 0


def main():
    port, visitors = map(int, sys.argv[1:])
    for at in range(visitors):
        visit(port, PLACES[at % len(PLACES)])


if __name__ == "__main__":
    main()
