"""A shop on Eventlet that takes one request at a time, and whose /close closes it for the night.

usage: server.py PORT-FILE PROFILE

Writes its port to PORT-FILE, and ends by a timer that /close sets.
"""

import cProfile
import os
import signal
import sys

import eventlet
from eventlet import wsgi


def fall_asleep(number, frame):
    raise SystemExit


class Shop:
    def __init__(self, listener):
        self.listener = listener

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/close":
            return self.close_shop(start_response)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"one lamp, 12.90\n"]

    def close_shop(self, start_response):
        # The next visitor is accepted meanwhile, and waits for a worker.
        eventlet.sleep(0.03)
        # Nobody tells the loop that accepts.
        self.listener.close()
        signal.signal(signal.SIGALRM, fall_asleep)
        signal.setitimer(signal.ITIMER_REAL, 0.04)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"closed\n"]


def main():
    port_file, profile = sys.argv[1:]
    listener = eventlet.listen(("127.0.0.1", 0))
    with open(port_file + ".new", "w", encoding="ascii") as out:
        out.write(str(listener.getsockname()[1]))
    os.rename(port_file + ".new", port_file)
    profiler = cProfile.Profile()
    with open(os.devnull, "w", encoding="ascii") as log:
        profiler.runcall(wsgi.server, listener, Shop(listener), log=log, max_size=1)
    profiler.dump_stats(profile)


if __name__ == "__main__":
    main()
