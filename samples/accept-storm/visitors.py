"""Two visitors of the shop: one that closes it, and one that comes too late.

usage: visitors.py PORT
"""

import socket
import sys
import time


def visit(port, path):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".encode())
    return connection


def main():
    port = int(sys.argv[1])
    first = visit(port, "/close")
    time.sleep(0.01)
    second = visit(port, "/lamps")
    for connection in (first, second):
        try:
            while connection.recv(1000):
                pass
        except ConnectionResetError:
            pass
        connection.close()


if __name__ == "__main__":
    main()
