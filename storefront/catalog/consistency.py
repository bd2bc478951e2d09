"""What the doctor asks of the catalogue: does every number explain itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import aliased

from storefront.catalog.inventory.ledger import CANCELLATION, RETURN
from storefront.catalog.listing.read_model import is_lowest_wrong
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
from storefront.db.session import read_session

A_HUNDREDTH = 0.01  # of a star; SQLite keeps averages as floating numbers


@dataclass(frozen=True, slots=True)
class Holding:
    """What a checkout has of the stock.

    :ivar units: by SKU
    :ivar returned: of them, back on the shelf
    """

    state: ReservationState
    units: dict[str, int]
    returned: dict[str, int]
    expires_at: datetime


def stock_violations() -> Iterator[str]:
    """Every count that its rows do not explain, in words; the databases do the sums."""
    moved = _sums(select(func.sum(StockMovement.delta)), StockMovement.variant_id == Variant.id)
    held = _sums(
        select(func.sum(StockReservation.quantity)),
        and_(StockReservation.variant_id == Variant.id, StockReservation.state == ReservationState.HELD),
    )
    drifted = select(Variant.sku, Variant.on_hand, moved, Variant.reserved, held).where(
        or_(Variant.on_hand != moved, Variant.reserved != held)
    )
    for sku, on_hand, by_ledger, reserved, by_holds in read_session().execute(drifted):
        yield f"{sku}: {on_hand} on hand, the ledger says {by_ledger}; {reserved} reserved, holds say {by_holds}"
    mine = and_(Variant.product_id == Product.id, Variant.is_withdrawn.is_(False))
    available = _sums(select(func.sum(Variant.on_hand - Variant.reserved)), mine)
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
    yield from _desk_faults()
    yield from _return_faults()


def _desk_faults() -> Iterator[str]:
    """What the stock desk keeps beside the figures."""
    title = case((Variant.name == "", Product.name), else_=Product.name + ", " + Variant.name)
    copies = (
        select(Variant.sku)
        .join(Product, Product.id == Variant.product_id)
        .where(
            or_(Variant.title != title, Variant.is_sellable != and_(Product.active, Variant.is_withdrawn.is_(False)))
        )
    )
    for sku in read_session().scalars(copies):
        yield f"{sku}: the stock desk calls it otherwise than its product, or takes it for sold or not"
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
        yield f"movement {movement} does not take back what it says"


def _return_faults() -> Iterator[str]:
    """Units that came back, by the ledger and by the reservations they were sold from."""
    moved: dict[tuple[str, int], int] = defaultdict(int)
    back = select(StockMovement.reference, StockMovement.variant_id, StockMovement.delta)
    for reference, variant, delta in read_session().execute(
        back.where(StockMovement.reason.in_([CANCELLATION, RETURN]))
    ):
        moved[reference.partition("/")[0], variant] += delta
    for row, sku in read_session().execute(
        select(StockReservation, Variant.sku).join(Variant, Variant.id == StockReservation.variant_id)
    ):
        by_ledger = moved[row.checkout_id, row.variant_id]
        if row.returned != by_ledger:
            yield f"checkout {row.checkout_id}: {row.returned} of {sku} came back, the ledger says {by_ledger}"
        if (row.state == ReservationState.RETURNED) != (row.returned == row.quantity):
            yield f"checkout {row.checkout_id}: {row.returned} of {row.quantity} {sku} came back, yet it is {row.state}"


def _sums(total: Select[int | None], where: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(total.where(where).scalar_subquery(), 0)


def product_violations() -> Iterator[str]:
    """Every product whose price, old price or place in the listings is not what follows from its rows, in words."""
    for sku in read_session().scalars(select(Product.sku).where(is_lowest_wrong())):
        yield f"{sku}: its price is not that of its cheapest variant on sale"
    place = and_(ProductCategory.product_id == Product.id, ProductCategory.category_id == Product.main_category_id)
    for sku in read_session().scalars(select(Product.sku).where(~exists().where(place))):
        yield f"{sku}: does not stand in its main category"
    stands = exists().where(
        ProductCategory.product_id == BrowseEntry.product_id, ProductCategory.category_id == BrowseEntry.category_id
    )
    listed = select(Product.sku).join(BrowseEntry, BrowseEntry.product_id == Product.id).distinct()
    strays = listed.where(
        or_(~Product.active, and_(BrowseEntry.category_id != ALL_CATEGORIES, ~stands)),
    )
    for sku in read_session().scalars(strays):
        yield f"{sku}: listed where it does not stand, or though it is hidden"
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
        yield f"{sku}: not listed everywhere it stands"
    found = exists().where(product_search.c.product_id == Product.id)
    for sku in read_session().scalars(select(Product.sku).where(~found)):
        yield f"{sku}: found by no word"


def review_violations() -> Iterator[str]:
    """Every rating that the reviews shown do not explain, in words."""
    rated = select(Product.sku, Product.review_count, count_shown(), Product.average_rating, average_shown()).where(
        or_(
            Product.review_count != count_shown(),
            func.abs(Product.average_rating - average_shown()) > A_HUNDREDTH / 2,
        )
    )
    for sku, count, found, average, made in read_session().execute(rated):
        yield f"{sku}: {count} reviews of {average} stars, those shown are {found} of {made:.2f}"
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
        yield f"review {review}: helpful to {count}, but more have said so"


def holdings() -> dict[str, list[Holding]]:
    """What each checkout has of the stock, by checkout and then by state; what was released is left out."""
    rows = read_session().execute(
        select(StockReservation, Variant.sku)
        .join(Variant, Variant.id == StockReservation.variant_id)
        .where(StockReservation.state != ReservationState.RELEASED)
    )
    found: dict[str, dict[str, Holding]] = defaultdict(dict)
    for row, sku in rows:
        fresh = Holding(ReservationState(row.state), {}, {}, row.expires_at)
        holding = found[row.checkout_id].setdefault(row.state, fresh)
        holding.units[sku] = row.quantity
        holding.returned[sku] = row.returned
    return {checkout: list(by_state.values()) for checkout, by_state in found.items()}
