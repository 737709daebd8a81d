"""An HTTP server that runs every request thread under a profiler of its own."""

import cProfile
import pstats
import threading
from http.server import ThreadingHTTPServer


class ProfiledServer(ThreadingHTTPServer):
    """Adds up one profile per request thread and one of the thread that accepts."""

    # server_close() waits for these threads, so none of their profiles is missed.
    daemon_threads = False

    def __init__(self, address, handler_class):
        super().__init__(address, handler_class)
        self._totals = pstats.Stats()
        self._totals_lock = threading.Lock()
        self._request_count = 0

    def process_request_thread(self, request, client_address):
        # A profiler watches only the thread that enabled it.
        profile = cProfile.Profile()
        profile.enable()
        try:
            super().process_request_thread(request, client_address)
        finally:
            profile.disable()
            with self._totals_lock:
                self._totals.add(profile)
                self._request_count += 1

    def serve_profiled(self, profile_path):
        """Serves until shutdown() is called, then writes the sum of all profiles.

        Returns how many request threads there were.
        """
        profile = cProfile.Profile()
        profile.runcall(self._serve_and_close)
        self._totals.add(profile)
        self._totals.dump_stats(profile_path)
        return self._request_count

    def _serve_and_close(self):
        try:
            self.serve_forever()
        finally:
            self.server_close()
