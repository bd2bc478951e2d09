"""Generates any number of products, reproducibly, for tests of scale."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from storefront.catalog import products as catalog_products
from storefront.catalog.products import NewProduct, NewVariant
from storefront.catalog.values import Picture, Sku
from storefront.cli.demo.catalogue import PICTURES, read, slug_of
from storefront.core.money import Money

BATCH = 1000
SEED = 20261122

_MAKER_NAMES = ("Ala", "Bori", "Cinna", "Devi", "Esha", "Fenn", "Gita", "Hara", "Isla", "Juno", "Kavi", "Luma", "Mira",
           "Nila", "Oro", "Pala", "Rani", "Sona", "Tara", "Uma")  # fmt: skip
_COMPANIES = ("Works", "House", "Studio", "Mills", "& Daughters", "Supply", "Craft", "Trading", "Union", "Lane")
_ADJECTIVES = ("Quiet", "Plain", "Bright", "Long", "Short", "Warm", "Cool", "Light", "Firm", "Soft", "Early", "Late",
            "Small", "Grand", "Swift", "Still")  # fmt: skip
_LINES = ("Monsoon", "Deccan", "Konkan", "Malabar", "Nilgiri", "Sahyadri", "Coromandel", "Doab", "Ganga", "Kaveri",
          "Narmada", "Chenab", "Aravalli", "Vindhya", "Satpura", "Kutch")  # fmt: skip


def products(count: int) -> Iterator[NewProduct]:
    """Generate products in the demo categories; the n-th is always the same.

    Each has the kind and image of a demo product; one in ten has sizes, one in twelve is out of stock.
    """
    content = read()
    models: list[dict[str, Any]] = content["products"]
    for number in range(1, count + 1):
        yield _product(number, models[number % len(models)], content["currency"])


def _product(number: int, model: dict[str, Any], currency: str) -> NewProduct:
    chance = random.Random(SEED * 1_000_003 + number)
    kind = model["name"].split()[-1]
    brand = f"{chance.choice(_MAKER_NAMES)} {chance.choice(_COMPANIES)}"
    name = f"{chance.choice(_ADJECTIVES)} {chance.choice(_LINES)} {kind} {number}"
    price = Money.of(chance.choice((1, 1, 1, 5, 5, 20, 100)) * chance.randint(149, 2999), currency)
    sku = Sku(f"GEN-{number:07d}")
    sizes = ("S", "M", "L") if number % 10 == 0 else ("",)
    stock = 0 if number % 12 == 0 else chance.choice((2, 8, 25, 60, 140))
    return NewProduct(
        sku=sku,
        name=name,
        brand=brand,
        description=f"{model['description'].splitlines()[0]} Made by {brand}.",
        categories=tuple(slug_of(name) for name in model["categories"]),
        variants=tuple(NewVariant(Sku(f"{sku}-{size}") if size else sku, size, price, stock) for size in sizes),
        published_on=date(2026, 11, 1) - timedelta(days=chance.randint(0, 700)),
        option_name="Size" if len(sizes) > 1 else "",
        compare_at_price=price + Money(price.minor // 10, currency) if number % 5 == 0 else None,
        specs=(("Series", name.split()[1]), ("Made in", "India")),
        pictures=(Picture(f"{PICTURES}/{model['pictures'][0]['file']}", model["pictures"][0]["alt"]),),
        popularity=chance.randint(0, 700),
    )


def load(count: int) -> Iterator[int]:
    """Add generated products in batches, yielding the size of each."""
    batch: list[NewProduct] = []
    for product in products(count):
        batch.append(product)
        if len(batch) == BATCH:
            catalog_products.add_products(batch, actor="demo")
            yield len(batch)
            batch = []
    if batch:
        catalog_products.add_products(batch, actor="demo")
        yield len(batch)
