"""Prices of parcels."""

from tariff.rates import Rates
from tariff.wire import answer, read_request

__all__ = ["Rates", "answer", "read_request"]
