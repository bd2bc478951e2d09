"""Offers: a variant with its price and availability now, by SKU or by product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select

from storefront.catalog.models import Category, Product, Variant
from storefront.catalog.stock import available_now
from storefront.catalog.values import Offer, Picture, ProductId, Sku, UnknownProduct, UnknownSku
from storefront.database import queries
from storefront.money import Money


def get_offer(sku: Sku) -> Offer:
    """A variant with its price and availability now.

    :raise UnknownSku: nothing sellable carries this SKU
    """
    offer = offers_of([sku]).get(sku)
    if offer is None or not offer.is_sold:
        raise UnknownSku(sku)
    return offer


def offers_of(skus: Iterable[Sku], *, held_for: str | None = None) -> dict[Sku, Offer]:
    """Offers by SKU, by one select; a SKU that never was has none, one taken off sale says so itself.

    :param held_for: the asker's own checkout: what it holds counts as available to them
    """
    wanted = set(skus)
    if not wanted:
        return {}
    rows = queries().execute(
        select(Variant, Product, Category.hue, available_now(held_for=held_for))
        .join(Product, Product.id == Variant.product_id)
        .join(Category, Category.id == Product.main_category_id)
        .where(Variant.sku.in_(wanted))
    )
    return {
        Sku(variant.sku): Offer(
            sku=Sku(variant.sku),
            product_id=ProductId(product.id),
            slug=product.slug,
            name=product.name,
            option=variant.name,
            brand=product.brand,
            price=Money(variant.price, product.currency),
            available=available,
            is_sold=product.active,
            hue=hue,
            picture=Picture(product.picture, product.picture_alt) if product.picture else None,
        )
        for variant, product, hue, available in rows
    }


def choose_offers(wanted: Mapping[int, int], *, preferred: Sequence[Sku] = ()) -> list[tuple[Offer, int]]:
    """Which variants to sell to a client that names products only.

    Those preferred come first, then the cheapest, which is the price a product is shown with. Units that one variant
    cannot give are taken from the next; what none can give is left with the first, so that it is seen to be short.

    :param wanted: units by product id
    :param preferred: SKUs the shopper chose elsewhere, such as in their cart
    :return: offers and units of each, by product
    :raise UnknownProduct: a product is not on sale
    """
    rows = queries().execute(
        select(Variant.product_id, Variant.sku)
        .join(Product, Product.id == Variant.product_id)
        .where(Product.id.in_(wanted), Product.active)
        .order_by(Variant.price, Variant.sort_order, Variant.id)
    )
    skus: dict[int, list[Sku]] = {}
    for product, sku in rows:
        skus.setdefault(product, []).append(Sku(sku))
    if missing := [product for product in wanted if product not in skus]:
        raise UnknownProduct(missing[0])
    offers = offers_of(sku for known in skus.values() for sku in known)
    chosen: list[tuple[Offer, int]] = []
    for product, units in wanted.items():
        known = sorted((offers[sku] for sku in skus[product]), key=lambda offer: offer.sku not in preferred)
        chosen += _share_out(known, units)
    return chosen


def _share_out(offers: Sequence[Offer], units: int) -> list[tuple[Offer, int]]:
    if enough := next((offer for offer in offers if offer.available >= units), None):
        return [(enough, units)]
    shares: list[tuple[Offer, int]] = []
    for offer in offers:
        share = min(units, max(0, offer.available))
        units -= share
        if share:
            shares.append((offer, share))
    if units:
        first, share = shares[0] if shares else (offers[0], 0)
        shares[:1] = [(first, share + units)]
    return shares
