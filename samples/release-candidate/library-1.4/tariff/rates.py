"""The table of rates: a line for each zone, with a price for each step of weight."""

STEPS = (1, 2, 5, 10, 31)


class Rates:
    def __init__(self, path):
        self.by_zone = {}
        with open(path, encoding="ascii") as lines:
            for line in lines:
                zone, *prices = line.split()
                self.by_zone[zone] = [int(price) for price in prices]

    def price(self, zone, kilograms):
        step = first_step(kilograms)
        return self.by_zone[zone][step]

    def zones(self):
        return sorted(self.by_zone, key=lambda zone: self.by_zone[zone][0])


def first_step(kilograms):
    return next(at for at, most in enumerate(STEPS) if kilograms <= most)
