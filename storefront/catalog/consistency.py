"""Consistency checks of the catalogue for the `doctor` command: stored figures against the rows they follow from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import aliased

from storefront.catalog.inventory.ledger import CANCELLATION, RETURN
from storefront.catalog.listing.read_model import is_lowest_wrong
from storefront.catalog.listing.search_index import outdated_products
from storefront.catalog.models import (
    ALL_CATEGORIES,
    BrowseEntry,
    Product,
    ProductCategory,
    ReservationState,
    Review,
    ReviewVote,
    StockMovement,
    StockReservation,
    Variant,
    product_search,
)
from storefront.catalog.reviews.reviews import average_shown, count_shown
from storefront.core import gtin
from storefront.db.session import read_session

A_HUNDREDTH = 0.01  # of a star; SQLite stores averages as floating-point numbers


@dataclass(frozen=True, slots=True)
class Holding:
    """The reservations of a checkout that share one state.

    :ivar units: reserved or sold, by SKU
    :ivar returned: the part of them that was returned to stock, by SKU
    """

    state: ReservationState
    units: dict[str, int]
    returned: dict[str, int]
    expires_at: datetime


def stock_violations() -> Iterator[str]:
    """Describe every stock figure that disagrees with the ledger, the reservations or the listings.

    The database computes the sums.
    """
    moved = _sum_of(select(func.sum(StockMovement.delta)), StockMovement.variant_id == Variant.id)
    held = _sum_of(
        select(func.sum(StockReservation.quantity)),
        and_(StockReservation.variant_id == Variant.id, StockReservation.state == ReservationState.HELD),
    )
    drifted = select(Variant.sku, Variant.on_hand, moved, Variant.reserved, held).where(
        or_(Variant.on_hand != moved, Variant.reserved != held)
    )
    for sku, on_hand, by_ledger, reserved, by_holds in read_session().execute(drifted):
        yield f"{sku}: {on_hand} on hand, the ledger says {by_ledger}; {reserved} reserved, holds say {by_holds}"
    counted = and_(Variant.product_id == Product.id, Variant.is_withdrawn.is_(False))
    available = _sum_of(select(func.sum(Variant.on_hand - Variant.reserved)), counted)
    for sku, stock, total in read_session().execute(
        select(Product.sku, Product.stock, available).where(Product.stock != available)
    ):
        yield f"{sku}: product says {stock} available, its variants {total}"
    listed = (
        select(Product.sku, Product.stock)
        .join(BrowseEntry, BrowseEntry.product_id == Product.id)
        .where(BrowseEntry.category_id == ALL_CATEGORIES, BrowseEntry.in_stock != (Product.stock > 0))
    )
    for sku, stock in read_session().execute(listed):
        yield f"{sku}: {stock} available, but listed otherwise"
    yield from _admin_violations()
    yield from _return_violations()


def _admin_violations() -> Iterator[str]:
    """Check the denormalised columns of the staff's stock list, and that each undo reverses its movement."""
    title = case((Variant.name == "", Product.name), else_=Product.name + ", " + Variant.name)
    copies = (
        select(Variant.sku)
        .join(Product, Product.id == Variant.product_id)
        .where(
            or_(Variant.title != title, Variant.is_sellable != and_(Product.active, Variant.is_withdrawn.is_(False)))
        )
    )
    for sku in read_session().scalars(copies):
        yield f"{sku}: title or sellable flag of the variant does not follow from its product"
    undone = aliased(StockMovement)
    unequal = (
        select(StockMovement.id)
        .outerjoin(undone, undone.id == StockMovement.undoes_id)
        .where(
            StockMovement.undoes_id.is_not(None),
            or_(
                undone.id.is_(None),
                StockMovement.delta != -undone.delta,
                StockMovement.variant_id != undone.variant_id,
            ),
        )
    )
    for movement in read_session().scalars(unequal):
        yield f"movement {movement} does not reverse the movement that it undoes"


def _return_violations() -> Iterator[str]:
    """Compare returned units by the ledger with those by the reservations they were sold from."""
    moved: dict[tuple[str, int], int] = defaultdict(int)
    returns = select(StockMovement.reference, StockMovement.variant_id, StockMovement.delta)
    for reference, variant, delta in read_session().execute(
        returns.where(StockMovement.reason.in_([CANCELLATION, RETURN]))
    ):
        moved[reference.partition("/")[0], variant] += delta
    for row, sku in read_session().execute(
        select(StockReservation, Variant.sku).join(Variant, Variant.id == StockReservation.variant_id)
    ):
        by_ledger = moved[row.checkout_id, row.variant_id]
        if row.returned != by_ledger:
            yield f"checkout {row.checkout_id}: {row.returned} of {sku} returned, the ledger says {by_ledger}"
        if (row.state == ReservationState.RETURNED) != (row.returned == row.quantity):
            yield f"checkout {row.checkout_id}: {row.returned} of {row.quantity} {sku} returned, yet it is {row.state}"


def _sum_of(total: Select[int | None], where: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(total.where(where).scalar_subquery(), 0)


def product_violations() -> Iterator[str]:
    """Describe every product whose price, compare-at price, listings or search entry do not follow from its rows."""
    for sku in read_session().scalars(select(Product.sku).where(is_lowest_wrong())):
        yield f"{sku}: its price is not that of its cheapest variant on sale"
    place = and_(ProductCategory.product_id == Product.id, ProductCategory.category_id == Product.main_category_id)
    for sku in read_session().scalars(select(Product.sku).where(~exists().where(place))):
        yield f"{sku}: not in its main category"
    in_category = exists().where(
        ProductCategory.product_id == BrowseEntry.product_id, ProductCategory.category_id == BrowseEntry.category_id
    )
    listed = select(Product.sku).join(BrowseEntry, BrowseEntry.product_id == Product.id).distinct()
    wrongly_listed = listed.where(
        or_(~Product.active, and_(BrowseEntry.category_id != ALL_CATEGORIES, ~in_category)),
    )
    for sku in read_session().scalars(wrongly_listed):
        yield f"{sku}: listed in a category it is not in, or although it is unpublished"
    other = or_(
        BrowseEntry.price != Product.price,
        BrowseEntry.brand != Product.brand,
        BrowseEntry.popularity != Product.popularity,
    )
    for sku in read_session().scalars(listed.where(other)):
        yield f"{sku}: listed with another price, brand or popularity than its own"
    entries = select(func.count()).where(BrowseEntry.product_id == Product.id).correlate(Product).scalar_subquery()
    places = select(func.count()).where(ProductCategory.product_id == Product.id).correlate(Product).scalar_subquery()
    for sku in read_session().scalars(select(Product.sku).where(Product.active, entries < places + 1)):
        yield f"{sku}: not listed in all of its categories"
    indexed = exists().where(product_search.c.product_id == Product.id)
    for sku in read_session().scalars(select(Product.sku).where(~indexed)):
        yield f"{sku}: not in the search index"
    barcodes = select(Variant.sku, Variant.barcode).where(Variant.barcode.is_not(None))
    for sku, barcode in read_session().execute(barcodes):
        if barcode and (gtin.canonical(barcode) or barcode) != barcode:
            yield f"{sku}: its barcode {barcode} is that of another variant in another spelling"
    for sku in outdated_products():
        yield f"{sku}: its search entry does not follow from its texts; flask --app wsgi search reindex rewrites all"


def review_violations() -> Iterator[str]:
    """Describe every rating, review count and vote count that disagrees with the visible reviews and the votes."""
    rated = select(Product.sku, Product.review_count, count_shown(), Product.average_rating, average_shown()).where(
        or_(
            Product.review_count != count_shown(),
            func.abs(Product.average_rating - average_shown()) > A_HUNDREDTH / 2,
        )
    )
    for sku, count, count_now, average, average_now in read_session().execute(rated):
        yield f"{sku}: {count} reviews of {average} stars, those visible are {count_now} of {average_now:.2f}"
    listed = (
        select(Product.sku, Product.average_rating, BrowseEntry.rating)
        .join(BrowseEntry, BrowseEntry.product_id == Product.id)
        .where(BrowseEntry.rating != Product.average_rating)
    )
    for sku, average, listing in read_session().execute(listed):
        yield f"{sku}: rated {average}, listed as {listing}"
    votes = select(func.count()).where(ReviewVote.review_id == Review.id).correlate(Review).scalar_subquery()
    for review, count in read_session().execute(
        select(Review.id, Review.helpful_count).where(Review.helpful_count < votes)
    ):
        yield f"review {review}: helpful count is {count}, fewer than its votes"


def holdings() -> dict[str, list[Holding]]:
    """Return the reservations of every checkout, one `Holding` for each state but released.

    :return: by checkout id
    """
    rows = read_session().execute(
        select(StockReservation, Variant.sku)
        .join(Variant, Variant.id == StockReservation.variant_id)
        .where(StockReservation.state != ReservationState.RELEASED)
    )
    by_checkout: dict[str, dict[str, Holding]] = defaultdict(dict)
    for row, sku in rows:
        empty = Holding(ReservationState(row.state), {}, {}, row.expires_at)
        holding = by_checkout[row.checkout_id].setdefault(row.state, empty)
        holding.units[sku] = row.quantity
        holding.returned[sku] = row.returned
    return {checkout: list(by_state.values()) for checkout, by_state in by_checkout.items()}
