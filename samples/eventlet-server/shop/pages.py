"""Turns the shop's data into the bytes of an answer."""

import html
import json
import os
from string import Template

ABOUT_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "about.html")

_PRODUCT_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>$name</title></head>
<body>
<h1>$name</h1>
<p>Price: $price, delivery: $delivery, together: <strong>$total</strong></p>
<p>With you in $days working days.</p>
</body>
</html>
""")


def render_json(value):
    """An answer for programs."""
    return json.dumps(value, sort_keys=True).encode("utf-8")


def render_product(offer):
    """The page of one product."""
    escaped = {key: html.escape(str(value)) for key, value in offer.items()}
    return _PRODUCT_PAGE.substitute(escaped).encode("utf-8")


def _read_about_page():
    with open(ABOUT_FILE, "rb") as page:
        return page.read()


# This page changes only with a new release, so it is read once.
ABOUT_PAGE = _read_about_page()
