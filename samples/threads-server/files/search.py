"""Looks for words in the documents."""

import re

CONTEXT = 20


def find(store, word):
    """Every place of the word, as (document, line number, surrounding text)."""
    pattern = re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE)
    return [
        (name, number, excerpt)
        for name in store.names()
        for number, excerpt in _places(store.read(name).decode("utf-8"), pattern)
    ]


def _places(text, pattern):
    for number, line in enumerate(text.splitlines(), start=1):
        for match in pattern.finditer(line):
            start = max(match.start() - CONTEXT, 0)
            yield number, line[start:match.end() + CONTEXT]
