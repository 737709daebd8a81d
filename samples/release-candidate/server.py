"""Tells the prices of parcels to so many visitors, one after another.

usage: server.py LIBRARY VISITORS PORT-FILE PROFILE

LIBRARY is the folder of the package tariff. Writes its port to PORT-FILE.
"""

import cProfile
import os
import socket
import sys

sys.path.insert(0, sys.argv[1])
import tariff


def serve(listener, rates, visitors):
    for _ in range(visitors):
        connection, _ = listener.accept()
        request = tariff.read_request(connection)
        _, zone, kilograms = request.path.split("/")
        tariff.answer(connection, f"{rates.price(zone, int(kilograms))}\n")
        connection.close()


def main():
    _, visitors, port_file, profile = sys.argv[1:]
    rates = tariff.Rates(os.path.join(os.path.dirname(os.path.abspath(__file__)), "rates.txt"))
    listener = socket.create_server(("127.0.0.1", 0))
    with open(port_file + ".new", "w", encoding="ascii") as out:
        out.write(str(listener.getsockname()[1]))
    os.rename(port_file + ".new", port_file)
    profiler = cProfile.Profile()
    profiler.runcall(serve, listener, rates, int(visitors))
    profiler.dump_stats(profile)


if __name__ == "__main__":
    main()
