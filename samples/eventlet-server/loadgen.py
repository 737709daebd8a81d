"""Visits the shop like a handful of customers, then tells it to stop.

usage: loadgen.py PORT
"""

import http.client
import sys
import threading

VISITS = 240
VISITORS_AT_A_TIME = 4
COUNTRIES = ("DE", "FR", "PL", "SE", "PT", "AT", "CZ")
# The office looks at the report now and then, between the customers.
VISITS_PER_REPORT = 13


def paths_of_visit(visit):
    """What one visitor asks for, one after the other."""
    country = COUNTRIES[visit % len(COUNTRIES)]
    paths = [
        f"/products?page={visit % 6}&country={country}",
        f"/product/{visit % 48}?country={country}",
        f"/product/{visit * 7 % 48}?country={country}",
        "/about",
    ]
    if visit % VISITS_PER_REPORT == 0:
        paths.append("/report")
    if visit % 20 == 0:
        # A link that went stale.
        paths.append("/product/999")
    return paths


def ask(connection, method, path):
    connection.request(method, path)
    response = connection.getresponse()
    response.read()
    return response.status


class Load:
    """Shares the visits out among the threads and counts the answers."""

    def __init__(self, port):
        self._port = port
        self._lock = threading.Lock()
        self._visits = iter(range(VISITS))
        self.answers = {}

    def run(self):
        threads = [threading.Thread(target=self._visit_often) for _ in range(VISITORS_AT_A_TIME)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)

    def _visit_often(self):
        while True:
            with self._lock:
                visit = next(self._visits, None)
            if visit is None:
                return
            # A visitor keeps the connection, as a browser does; the next one opens another.
            connection = self.connect()
            try:
                for path in paths_of_visit(visit):
                    self._count(ask(connection, "GET", path))
            finally:
                connection.close()

    def _count(self, status):
        with self._lock:
            self.answers[status] = self.answers.get(status, 0) + 1


def main():
    load = Load(int(sys.argv[1]))
    try:
        load.run()
    finally:
        connection = load.connect()
        stop_status = ask(connection, "POST", "/stop")
        connection.close()
    for status, count in sorted(load.answers.items()):
        print(f"{count} answers with status {status}")
    if stop_status != 200 or not set(load.answers) <= {200, 404}:
        sys.exit("loadgen.py: the server answered with an error")


if __name__ == "__main__":
    main()
