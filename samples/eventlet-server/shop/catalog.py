"""The goods of the shop, kept in memory, and the offers made from them."""

import eventlet

import delivery

MATERIALS = ("oak", "beech", "pine", "steel", "glass", "linen", "wool", "clay")
GOODS = (
    ("table", 8900, 17500),
    ("chair", 4500, 5200),
    ("shelf", 6900, 11000),
    ("lamp", 3900, 1800),
    ("basket", 1900, 700),
    ("mirror", 5900, 6400),
)
PAGE_SIZE = 8


class Product:
    """One thing that can be bought."""

    def __init__(self, number, name, price_cents, weight_grams):
        self.number = number
        self.name = name
        self.price_cents = price_cents
        self.weight_grams = weight_grams


def _build_products():
    products = []
    for material_index, material in enumerate(MATERIALS):
        for good, price_cents, weight_grams in GOODS:
            products.append(Product(
                number=len(products),
                name=f"{material} {good}",
                price_cents=price_cents + 250 * material_index,
                weight_grams=weight_grams + 90 * material_index,
            ))
    return products


_PRODUCTS = _build_products()


def _wait_for_database():
    # Stands for a query: the green thread gives way while the answer is on its way.
    eventlet.sleep(0.002)


def products_on_page(page):
    """The products of a page, counted from 0; the pages start over after the last one."""
    _wait_for_database()
    start = page * PAGE_SIZE % len(_PRODUCTS)
    return _PRODUCTS[start:start + PAGE_SIZE]


def product(number):
    """The product of that number, or None."""
    _wait_for_database()
    return _PRODUCTS[number] if 0 <= number < len(_PRODUCTS) else None


def offer(item, country):
    """What a customer in the country sees of a product."""
    delivery_cents = delivery.cost_cents(item.weight_grams, country)
    return {
        "number": item.number,
        "name": item.name,
        "price": format_cents(item.price_cents),
        "delivery": format_cents(delivery_cents),
        "total": format_cents(item.price_cents + delivery_cents),
        "days": delivery.days(country),
    }


def format_cents(cents):
    """An amount of money for people."""
    return f"{cents // 100}.{cents % 100:02d} EUR"
