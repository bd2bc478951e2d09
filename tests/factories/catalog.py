"""Products, created through the catalog's service."""

from __future__ import annotations

import itertools
from datetime import date

from storefront.catalog import listing, products
from storefront.catalog import service as catalog
from storefront.catalog.products import NewProduct, NewVariant
from storefront.catalog.values import ProductCard, Sku
from storefront.core.money import Money

_numbers = itertools.count(1)


def rupees(amount: str | int) -> Money:
    return Money.of(amount, "INR")


def make_product(
    *,
    name: str = "Clay Mug",
    price: str | int = 500,
    stock: int = 10,
    options: tuple[tuple[str, int], ...] = (),
    brand: str = "Kiln",
    category: str = "home-living",
) -> ProductCard:
    """Create a product that is on sale.

    :param price: in rupees
    :param options: name and stock of each variant; a single variant with `stock` units by default
    :param category: its slug
    """
    sku = Sku(f"TEST-{next(_numbers):05d}")
    variants = [NewVariant(Sku(f"{sku}-{option}"), option, rupees(price), units) for option, units in options]
    products.add_products(
        [
            NewProduct(
                sku=sku,
                name=name,
                brand=brand,
                description="For tests.",
                categories=(category,),
                variants=tuple(variants) or (NewVariant(sku, "", rupees(price), stock),),
                published_on=date(2026, 11, 1),
                option_name="Size" if options else "",
            )
        ],
        actor="tests",
    )
    box = catalog.get_purchase_box(variants[0].sku if variants else sku)
    return listing.cards_of([box.product_id])[0]
