"""The orders of the last days and the report that the office makes from them."""

import random
from collections import Counter

import eventlet

ORDER_COUNT = 700


class Order:
    """A customer ordered some pieces of a product on a day."""

    def __init__(self, number, customer, product_number, day):
        self.number = number
        self.customer = customer
        self.product_number = product_number
        self.day = day

    def repeats(self, other):
        """Whether this looks like the other order, sent a second time by mistake."""
        return (
            self.customer == other.customer
            and self.product_number == other.product_number
            and abs(self.day - other.day) <= 1
        )


def _build_orders():
    # A fixed seed: every recording works on the same orders.
    chance = random.Random(20)
    return [
        Order(number, chance.randrange(60), chance.randrange(48), chance.randrange(14))
        for number in range(ORDER_COUNT)
    ]


_ORDERS = _build_orders()


def sales_report():
    """The best sold products and the pairs of orders that look like mistakes."""
    # Stands for the query that fetches the orders.
    eventlet.sleep(0.02)
    sold = Counter(order.product_number for order in _ORDERS)
    return {
        "orders": len(_ORDERS),
        "best_sold": sold.most_common(5),
        "repeated": find_repeated(_ORDERS),
    }


def find_repeated(orders):
    """Pairs of order numbers; compares every order with every later one."""
    pairs = []
    for index, order in enumerate(orders):
        for other in orders[index + 1:]:
            if other.repeats(order):
                pairs.append((order.number, other.number))
    return pairs
