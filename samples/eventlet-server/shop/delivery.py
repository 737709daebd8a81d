"""What it costs to send a parcel, and how long it takes."""

import configparser
import os

TARIFF_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "delivery.ini")


def cost_cents(weight_grams, country):
    """The price of a parcel; every kilogram that was begun counts in full."""
    tariff = _tariff(country)
    kilograms = -(-weight_grams // 1000)
    return tariff.getint("base") + kilograms * tariff.getint("per_kilogram")


def days(country):
    """How many working days a parcel is on its way."""
    return _tariff(country).getint("days")


def _tariff(country):
    # Read anew each time, so that the office can change a price while the shop is open.
    parser = configparser.ConfigParser()
    parser.read(TARIFF_FILE, encoding="utf-8")
    return parser[country]
