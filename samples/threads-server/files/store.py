"""The folder of documents that the server offers."""

import gzip
import hashlib
import os
import re

_DIGITS = re.compile(r"(\d+)")


class UnknownDocument(Exception):
    """There is no document of that name."""


class Store:
    """Reads documents from one folder; keeps nothing in memory."""

    def __init__(self, folder):
        self._folder = folder

    def names(self):
        """All names, with 'plan-9' before 'plan-10'."""
        return sorted(os.listdir(self._folder), key=_natural_key)

    def listing(self):
        """Name and size of every document."""
        return [
            {"name": name, "bytes": os.stat(self._path(name)).st_size}
            for name in self.names()
        ]

    def read(self, name):
        # Only names out of the folder's list: a path with dots must not lead elsewhere.
        if name not in os.listdir(self._folder):
            raise UnknownDocument(name)
        with open(self._path(name), "rb") as document:
            return document.read()

    def packed(self, name):
        return gzip.compress(self.read(name), compresslevel=9, mtime=0)

    def digest(self, name):
        return hashlib.sha256(self.read(name)).hexdigest()

    def _path(self, name):
        return os.path.join(self._folder, name)


def _natural_key(name):
    return [int(part) if part.isdigit() else part for part in _DIGITS.split(name)]
