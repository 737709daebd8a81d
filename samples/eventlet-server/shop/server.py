"""A small web shop on Eventlet's WSGI server.

usage: server.py PORT_FILE ACCESS_LOG

Listens on 127.0.0.1 at a port that the system picks, and writes the port to PORT_FILE.
A POST to /stop ends the server.
"""

import sys
from urllib.parse import parse_qs

import eventlet
from eventlet import event, wsgi

import catalog
import orders
import pages

HTML = "text/html; charset=utf-8"
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class NotFound(Exception):
    """There is nothing at the address that was asked for."""


class Shop:
    """The WSGI application."""

    def __init__(self):
        self.stop_wanted = event.Event()
        self._handlers = {
            ("GET", "products"): self.list_products,
            ("GET", "product"): self.show_product,
            ("GET", "report"): self.show_report,
            ("GET", "about"): self.show_about,
            ("POST", "stop"): self.stop,
        }

    def __call__(self, environ, start_response):
        status = "200 OK"
        try:
            content_type, body = self.answer(environ)
        except NotFound:
            status, content_type, body = "404 Not Found", TEXT, b"not found\n"
        start_response(status, [
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
        ])
        return [body]

    def answer(self, environ):
        """Finds the handler by the first part of the path and hands it the rest."""
        first, _, rest = environ["PATH_INFO"].lstrip("/").partition("/")
        handler = self._handlers.get((environ["REQUEST_METHOD"], first))
        if handler is None:
            raise NotFound
        # Eventlet leaves QUERY_STRING out where the address has no question mark.
        fields = parse_qs(environ.get("QUERY_STRING", ""))
        return handler(rest, {key: values[-1] for key, values in fields.items()})

    def list_products(self, _rest, query):
        page = int(query.get("page", "0"))
        country = query.get("country", "DE")
        items = catalog.products_on_page(page)
        return JSON, pages.render_json([catalog.offer(item, country) for item in items])

    def show_product(self, rest, query):
        item = catalog.product(int(rest)) if rest.isdigit() else None
        if item is None:
            raise NotFound
        return HTML, pages.render_product(catalog.offer(item, query.get("country", "DE")))

    def show_report(self, _rest, _query):
        return JSON, pages.render_json(orders.sales_report())

    def show_about(self, _rest, _query):
        return HTML, pages.ABOUT_PAGE

    def stop(self, _rest, _query):
        # A moment later, so that this answer still gets out.
        eventlet.spawn_after(0.05, self.stop_wanted.send)
        return TEXT, b"closing\n"


def main():
    port_file, access_log = sys.argv[1:]
    shop = Shop()
    listener = eventlet.listen(("127.0.0.1", 0))
    with open(access_log, "w", encoding="utf-8") as log:
        server = eventlet.spawn(wsgi.server, listener, shop, log=log)
        with open(port_file, "w", encoding="ascii") as out:
            out.write(f"{listener.getsockname()[1]}\n")
        shop.stop_wanted.wait()
        server.kill()


if __name__ == "__main__":
    main()
