"""Offers: variants with their current price and availability, by SKU or by product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from storefront.catalog.inventory.reservations import available_now
from storefront.catalog.media.images import picture_of
from storefront.catalog.models import Category, Product, Variant
from storefront.catalog.values import Offer, ProductId, Sku, UnknownProduct, UnknownSku
from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.db.prepared import prepared
from storefront.db.session import read_session


def get_offer(sku: Sku) -> Offer:
    """Return the offer of a variant on sale.

    :raise UnknownSku: no variant on sale has this SKU
    """
    offer = offers_of([sku]).get(sku)
    if offer is None or not offer.is_sellable:
        raise UnknownSku(sku)
    return offer


def offers_of(skus: Iterable[Sku], *, held_for: str | None = None) -> dict[Sku, Offer]:
    """Return offers by SKU, by one select; unknown SKUs are left out, variants off sale have `is_sellable` false.

    :param held_for: a checkout whose own reservations count as available
    """
    wanted = set(skus)
    if not wanted:
        return {}
    return {offer.sku: offer for offer in _offers(_by_sku(tuple(wanted), utc_now(), held_for))}


def offers_by_product(ids: Collection[int]) -> dict[int, tuple[Offer, ...]]:
    """Return the offers of all variants of products by product id, by one select; unpublished products included."""
    by_product: dict[int, list[Offer]] = defaultdict(list)
    if ids:
        for offer in _offers(_by_product(tuple(ids), utc_now())):
            by_product[offer.product_id].append(offer)
    return {product: tuple(offers) for product, offers in by_product.items()}


_Selected = Select[Variant, Product, int, int]


@prepared
def _by_sku(skus: Any, now: Any, held_for: Any) -> _Selected:
    return _selected(available_now(now, held_for=held_for)).where(Variant.sku.in_(skus))


@prepared
def _by_product(ids: Any, now: Any) -> _Selected:
    return _selected(available_now(now)).where(Variant.product_id.in_(ids))


def _selected(available: ColumnElement[int]) -> _Selected:
    return (
        select(Variant, Product, Category.hue, available)
        .join(Product, Product.id == Variant.product_id)
        .join(Category, Category.id == Product.main_category_id)
        .order_by(Variant.product_id, Variant.sort_order, Variant.id)
    )


def _offers(prepared_select: tuple[_Selected, dict[str, Any]]) -> Iterator[Offer]:
    for variant, product, hue, available in read_session().execute(*prepared_select):
        yield Offer(
            sku=Sku(variant.sku),
            product_id=ProductId(product.id),
            slug=product.slug,
            name=product.name,
            option=variant.name,
            brand=product.brand,
            price=Money(variant.price, product.currency),
            available=available,
            is_sellable=product.active and not variant.is_withdrawn,
            hue=hue,
            picture=picture_of(product),
        )


def choose_offers(
    wanted: Mapping[int, int], *, preferred: Sequence[Sku] = (), taken: Mapping[Sku, int] | None = None
) -> list[tuple[Offer, int]]:
    """Choose the variants to sell to a client that names products only.

    Preferred variants come first, then the cheapest, whose price the product shows. Units that one variant lacks are
    taken from the next; units that all lack are added to the first, so that the shortage is reported.

    :param wanted: units by product id
    :param preferred: SKUs that the shopper chose before, such as those in the cart
    :param taken: units by SKU that are in use already, such as in the cart, and not available here
    :return: pairs of offer and units, product by product
    :raise UnknownProduct: a product is not on sale
    """
    known = variants_of(wanted)
    chosen: list[tuple[Offer, int]] = []
    for product, units in wanted.items():
        offers = sorted(known[product], key=lambda offer: offer.sku not in preferred)
        chosen += _share_out(offers, units, taken or {})
    return chosen


def variants_of(products: Collection[int]) -> dict[int, list[Offer]]:
    """Return the offers on sale of products, the cheapest of each first, by one select.

    :raise UnknownProduct: a product is not on sale
    """
    known = offers_by_product(products)
    on_sale = {
        product: sorted(
            (offer for offer in known.get(product, ()) if offer.is_sellable), key=lambda offer: offer.price.minor
        )
        for product in products
    }
    if missing := [product for product, offers in on_sale.items() if not offers]:
        raise UnknownProduct(missing[0])
    return on_sale


def _share_out(offers: Sequence[Offer], units: int, taken: Mapping[Sku, int]) -> list[tuple[Offer, int]]:
    available = {offer.sku: max(0, offer.available - taken.get(offer.sku, 0)) for offer in offers}
    if enough := next((offer for offer in offers if available[offer.sku] >= units), None):
        return [(enough, units)]
    shares: list[tuple[Offer, int]] = []
    for offer in offers:
        share = min(units, available[offer.sku])
        units -= share
        if share:
            shares.append((offer, share))
    if units:
        first, share = shares[0] if shares else (offers[0], 0)
        shares[:1] = [(first, share + units)]
    return shares
