"""Runs the shop of ../eventlet-server and counts the bytes of every connection.

usage: serve.py PORT_FILE ACCESS_LOG COUNTS

When the server has ended and closed its port, COUNTS gets what its calls of send and recv
returned: {client port: [bytes sent, bytes received]}.
"""

import json
import os
import sys

import eventlet
from eventlet.greenio import GreenSocket

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "eventlet-server", "shop"))
import catalog  # noqa: E402
import server  # noqa: E402

SLOW_PRODUCT = 13
SLOW_SECONDS = 1.2

COUNTS = {}


def count(method, column):
    """The socket's method, with its result put down to the connection."""
    def counted(self, *arguments):
        result = method(self, *arguments)
        length = result if isinstance(result, int) else len(result)
        # Not getpeername(): that fails once the client has reset the connection.
        COUNTS[self.client_port][column] += length
        return result
    return counted


def count_accepted(accept):
    def counted(self):
        connection, address = accept(self)
        connection.client_port = address[1]
        COUNTS[address[1]] = [0, 0]
        return connection, address
    return counted


def slow_down(product):
    """Stands for a query that waits for a lock in the database."""
    def slowed(number):
        if number == SLOW_PRODUCT:
            eventlet.sleep(SLOW_SECONDS)
        return product(number)
    return slowed


def main():
    counts_file = sys.argv.pop()
    GreenSocket.accept = count_accepted(GreenSocket.accept)
    GreenSocket.send = count(GreenSocket.send, 0)
    GreenSocket.recv = count(GreenSocket.recv, 1)
    GreenSocket.recv_into = count(GreenSocket.recv_into, 1)
    catalog.product = slow_down(catalog.product)
    server.main()
    with open(counts_file + ".new", "w", encoding="ascii") as out:
        json.dump(COUNTS, out)
    os.rename(counts_file + ".new", counts_file)


if __name__ == "__main__":
    main()
