"""Bulk changes of products: previewed first, then applied to all or none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.catalog.inventory.availability import refresh_products
from storefront.catalog.listing.read_model import lock_products
from storefront.catalog.models import AuditEntry, Product, Variant
from storefront.catalog.products import idempotency
from storefront.catalog.products.admin.audit_messages import money_words
from storefront.catalog.products.admin.changes import publish_within
from storefront.catalog.products.admin.values import MAX_MINOR_UNITS
from storefront.core.errors import DomainError
from storefront.core.money import Money
from storefront.db import audit_log
from storefront.db.session import read_session, retry_on_deadlock, transaction

MAX_PRODUCTS = 200  # of one bulk change


class BulkAct(StrEnum):
    """The kinds of bulk changes: visibility, or prices by percent or by amount."""

    PUBLISH = "publish"
    HIDE = "hide"
    PERCENT = "percent"
    AMOUNT = "amount"

    @property
    def is_price(self) -> bool:
        return self in {BulkAct.PERCENT, BulkAct.AMOUNT}


class PriceEnding(StrEnum):
    """The last two digits to which new prices are rounded."""

    ANY = ""
    WHOLE = "00"
    NINETY_NINE = "99"


@dataclass(frozen=True, slots=True)
class BulkChange:
    """A change to apply to many products.

    :ivar figure: percent, or major units of money, to add to prices; negative to subtract
    """

    act: BulkAct
    figure: Decimal = Decimal(0)
    ending: PriceEnding = PriceEnding.ANY

    def new_price(self, price: Money) -> Money:
        """Return the changed price, rounded half up to the minor unit, or to the nearest price with the ending."""
        if self.act is BulkAct.PERCENT:
            changed = price.times_rate(1 + self.figure / 100)
        else:
            changed = price + Money.of(self.figure, price.currency)
        if self.ending is PriceEnding.ANY:
            return changed
        below = Decimal("0.01") if self.ending is PriceEnding.NINETY_NINE else Decimal(0)
        whole = (changed.amount + below).quantize(Decimal(1), ROUND_HALF_UP)
        return Money.of(whole - below, price.currency)


@dataclass(frozen=True, slots=True)
class BulkLine:
    """The effect of a bulk change on one variant; for publishing and hiding, on one product.

    :ivar old: the current price
    :ivar new: the price after the change, None when prices are not changed
    """

    product_id: int
    product_sku: str
    variant_id: int
    sku: str
    title: str
    is_published: bool
    old: Money
    compare_at_price: Money | None
    new: Money | None

    @property
    def is_possible(self) -> bool:
        return self.new is None or 0 < self.new.minor <= MAX_MINOR_UNITS

    @property
    def loses_compare_at_price(self) -> bool:
        """Tell whether the compare-at price is dropped, because it would not be higher than the new price."""
        return self.new is not None and self.compare_at_price is not None and not self.compare_at_price > self.new


class BulkConflict(DomainError):
    """Prices or variants changed after the preview.

    :ivar lines: the lines that changed, with their current values
    """

    def __init__(self, lines: Sequence[BulkLine]) -> None:
        super().__init__(f"{len(lines)} lines")
        self.lines = tuple(lines)


class BulkImpossible(DomainError):
    """Some new prices would be zero, negative or above the maximum.

    :ivar lines: the lines with such a price
    """

    status = 422

    def __init__(self, lines: Sequence[BulkLine]) -> None:
        super().__init__(f"{len(lines)} lines")
        self.lines = tuple(lines)


def preview(product_ids: Collection[int], change: BulkChange) -> tuple[BulkLine, ...]:
    """List the effects of a change by product, by one select. Withdrawn variants keep their prices."""
    columns = select(
        Product.id,
        Product.sku.label("product_sku"),
        Product.active,
        Product.name,
        Product.currency,
        Variant.id.label("variant_id"),
        Variant.sku,
        Variant.title,
        Variant.price,
        Variant.compare_at_price,
    ).join(Variant, Variant.product_id == Product.id)
    chosen = columns.where(Product.id.in_(product_ids), Variant.is_withdrawn.is_(False))
    lines: list[BulkLine] = []
    for row in read_session().execute(chosen.order_by(Product.name, Product.id, Variant.sort_order, Variant.id)):
        if not change.act.is_price and lines and lines[-1].product_id == row.id:
            continue
        old = Money(row.price, row.currency)
        lines.append(
            BulkLine(
                product_id=row.id,
                product_sku=row.product_sku,
                variant_id=row.variant_id,
                sku=row.sku,
                title=row.title if change.act.is_price else row.name,
                is_published=row.active,
                old=old,
                compare_at_price=None if row.compare_at_price is None else Money(row.compare_at_price, row.currency),
                new=change.new_price(old) if change.act.is_price else None,
            )
        )
    return tuple(lines)


@retry_on_deadlock
def apply_bulk(
    product_ids: Collection[int], change: BulkChange, *, seen: Mapping[int, int], key: str, actor: str
) -> int | None:
    """Apply a change to many products, all or none.

    :param seen: prices that the preview showed, in minor units by variant id
    :param key: idempotency key
    :return: number of products or prices changed; None when the change was applied before
    :raise BulkConflict: prices or variants changed after the preview
    :raise BulkImpossible: a new price is out of range
    """
    try:
        with transaction("catalog") as session:
            lock_products(session, product_ids)
            if idempotency.lookup(key):
                return None
            idempotency.record(session, key)
            if not change.act.is_price:
                return publish_within(session, product_ids, change.act is BulkAct.PUBLISH, actor=actor)
            return _change_prices(session, product_ids, change, seen, actor)
    except IntegrityError:
        if idempotency.lookup(key):  # a concurrent request with this key was first
            return None
        raise


def _change_prices(
    session: Session, product_ids: Collection[int], change: BulkChange, seen: Mapping[int, int], actor: str
) -> int:
    lines = preview(product_ids, change)
    if moved := [line for line in lines if seen.get(line.variant_id) != line.old.minor]:
        raise BulkConflict(moved)
    if impossible := [line for line in lines if not line.is_possible]:
        raise BulkImpossible(impossible)
    changed = [line for line in lines if line.new is not None and line.new != line.old]
    for line in sorted(changed, key=lambda line: line.variant_id):
        new = line.new or line.old
        compare_at_price = None if line.loses_compare_at_price else line.compare_at_price
        values = {"price": new.minor, "compare_at_price": compare_at_price.minor if compare_at_price else None}
        session.execute(update(Variant).where(Variant.id == line.variant_id).values(**values))
        detail = f"{money_words(line.old, line.compare_at_price)} to {money_words(new, compare_at_price)}"
        audit_log.record(session, AuditEntry, actor=actor, what="price", subject=line.sku, detail=detail)
    products = sorted({line.product_id for line in changed})
    session.execute(update(Product).where(Product.id.in_(products)).values(version=Product.version + 1))
    refresh_products(session, products)
    return len(changed)
