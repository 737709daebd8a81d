"""Shows two editions of a document side by side."""

import difflib
import threading

# A comparison takes long; several of them at a time would starve the short requests.
_TURN = threading.BoundedSemaphore(1)


def side_by_side(old, new):
    """An HTML table of the lines that differ and some around them."""
    with _TURN:
        table = difflib.HtmlDiff(wrapcolumn=60).make_table(
            old.decode("utf-8").splitlines(),
            new.decode("utf-8").splitlines(),
            fromdesc="draft",
            todesc="final",
            context=True,
            numlines=2,
        )
    return table.encode("utf-8")
