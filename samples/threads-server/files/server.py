"""Offers a folder of documents over HTTP, one thread per request.

usage: server.py STORE_FOLDER PORT_FILE ACCESS_LOG PROFILE

Listens on 127.0.0.1 at a port that the system picks, and writes the port to PORT_FILE.
A POST to /stop ends the server; then it writes PROFILE.
"""

import json
import logging
import sys
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import compare
import search
from profiled import ProfiledServer
from store import Store, UnknownDocument

JSON = "application/json"


class DocumentHandler(BaseHTTPRequestHandler):
    """Answers one request; the subclass made by main() knows the store."""

    store = None

    def do_GET(self):
        url = urlsplit(self.path)
        action, _, name = url.path.lstrip("/").partition("/")
        answer = getattr(self, f"get_{action}", None)
        if answer is None:
            self.send_error(404)
            return
        try:
            content_type, body = answer(name, parse_qs(url.query))
        except UnknownDocument:
            self.send_error(404)
        else:
            self.send_body(content_type, body)

    def do_POST(self):
        if self.path != "/stop":
            self.send_error(404)
            return
        self.send_body("text/plain", b"closing\n")
        self.server.shutdown()

    def get_list(self, _name, _query):
        return JSON, json.dumps(self.store.listing()).encode("utf-8")

    def get_packed(self, name, _query):
        return "application/gzip", self.store.packed(name)

    def get_digest(self, name, _query):
        return "text/plain", self.store.digest(name).encode("ascii")

    def get_search(self, _name, query):
        found = search.find(self.store, query["word"][0])
        return JSON, json.dumps(found).encode("utf-8")

    def get_compare(self, name, _query):
        old = self.store.read(f"{name}-draft.txt")
        new = self.store.read(f"{name}-final.txt")
        return "text/html; charset=utf-8", compare.side_by_side(old, new)

    def send_body(self, content_type, body):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        # The name "format" is the base class's.
        logging.info("%s %s", self.address_string(), format % args)


def main():
    store_folder, port_file, access_log, profile_path = sys.argv[1:]
    logging.basicConfig(
        filename=access_log, level=logging.INFO, format="%(asctime)s %(threadName)s %(message)s"
    )
    handler_class = type("Handler", (DocumentHandler,), {"store": Store(store_folder)})
    server = ProfiledServer(("127.0.0.1", 0), handler_class)
    with open(port_file, "w", encoding="ascii") as out:
        out.write(f"{server.server_port}\n")
    count = server.serve_profiled(profile_path)
    print(f"{count} request threads")


if __name__ == "__main__":
    main()
