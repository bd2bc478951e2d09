"""The cart's door."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from flask import current_app
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from storefront.cart import legacy_import
from storefront.cart.add import add_line, add_offer, add_product, refuse_excess
from storefront.cart.models import Cart, Line
from storefront.cart.repository import (
    account_of,
    cart_key_of,
    get_or_create,
    get_or_create_of,
    is_named_by,
    lines_of,
    open_cart,
)
from storefront.cart.values import (
    MAX_UNITS,
    CartLine,
    CartQuote,
    CartRecord,
    CartToken,
    LineId,
    LineNotice,
    Merge,
    MergedLine,
    NotEnoughStock,
    Price,
    PricingRules,
    ReorderResult,
    TooManyUnits,
    UnknownLine,
    price,
)
from storefront.catalog import service as catalog
from storefront.catalog.service import Offer, Sku
from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction
from storefront.orders.service import LineItem

__all__ = [
    "MAX_UNITS",
    "CartLine",
    "CartQuote",
    "CartRecord",
    "CartToken",
    "LineId",
    "LineNotice",
    "Merge",
    "MergedLine",
    "NotEnoughStock",
    "Price",
    "PricingRules",
    "ReorderResult",
    "TooManyUnits",
    "UnknownLine",
    "account_of",
    "add_line",
    "add_offer",
    "add_product",
    "cart_key_of",
    "change_quantity",
    "clear",
    "count_units",
    "forget",
    "legacy_import",
    "merge",
    "open_cart",
    "price",
    "pricing_rules",
    "quote",
    "quote_of",
    "remove_line",
    "reorder",
]


def pricing_rules(config: Mapping[str, Any]) -> PricingRules:
    """The rules the shop is configured with."""
    currency = config["CURRENCY"]
    return PricingRules(
        shipping_fee=Money.of(config["SHIPPING_FEE"], currency),
        free_shipping_above=Money.of(config["FREE_SHIPPING_ABOVE"], currency),
        tax_rate=Decimal(config["TAX_RATE"]),
    )


def count_units(token: str | None) -> int:
    """Units in a cart, for the badge."""
    if token is None:
        return 0
    in_cart = select(func.coalesce(func.sum(Line.quantity), 0)).join(Cart, Cart.id == Line.cart_id)
    return int(read_session().scalar(in_cart.where(is_named_by(token))) or 0)


def quote(token: str | None, *, checkout: str | None = None) -> CartQuote:
    """The cart at today's prices and with what changed since the shopper saw it; no line is left out.

    :param checkout: the one the shopper is going through: what it holds is not missing from their cart
    """
    rows = lines_of(token)
    offers = catalog.offers_of([Sku(row.variant) for row in rows], held_for=checkout)
    lines = tuple(
        CartLine(LineId(row.id), offer, row.quantity, Money(row.price_seen, row.currency))
        for row in rows
        if (offer := offers.get(Sku(row.variant))) is not None
    )
    return quote_of(lines)


def quote_of(lines: Sequence[CartLine]) -> CartQuote:
    """Lines with what they cost together; what is sold out or withdrawn costs nothing."""
    payable = [line.line_total for line in lines if line.offer.is_sellable and line.offer.available > 0]
    return CartQuote(tuple(lines), price(payable, pricing_rules(current_app.config)))


def change_quantity(token: str | None, line_id: int, quantity: int) -> CartLine:
    """Set the units of a line; what the shopper then sees counts as seen.

    :param quantity: units, 1 to `MAX_UNITS`
    :raise UnknownLine: this cart has no such line
    :raise catalog.UnknownSku: it is no longer sold
    :raise NotEnoughStock: more than is available
    """
    offer = catalog.get_offer(_sku_of(token, line_id))
    refuse_excess(offer, quantity)
    _set_quantity(line_id, offer, quantity)
    return CartLine(LineId(line_id), offer, quantity, offer.price)


@retry_on_deadlock
def _set_quantity(line_id: int, offer: Offer, quantity: int) -> None:
    with transaction("cart") as session:
        changed = session.execute(
            update(Line)
            .where(Line.id == line_id)
            .values(quantity=quantity, price_seen=offer.price.minor, currency=offer.price.currency)
        )
        if not rows_changed(changed):
            raise UnknownLine(line_id)  # an order took it out in the meantime
        get_or_create_of(session, line_id)


def remove_line(token: str | None, line_id: int) -> CartLine:
    """Take a line out.

    :return: the line as it was, so that it can be put back
    :raise UnknownLine: there is none
    """
    line = next((line for line in quote(token).lines if line.id == line_id), None)
    if line is None:
        raise UnknownLine(line_id)
    _delete(line_id)
    return line


@retry_on_deadlock
def _delete(line_id: int) -> None:
    with transaction("cart") as session:
        get_or_create_of(session, line_id)
        session.execute(delete(Line).where(Line.id == line_id))


def _sku_of(token: str | None, line_id: int) -> Sku:
    """The SKU of a line of this very cart; another cart's line is as unknown as one that never was."""
    line = next((row for row in lines_of(token) if row.id == line_id), None)
    if line is None:
        raise UnknownLine(line_id)
    return Sku(line.variant)


@retry_on_deadlock
def clear(token: str, checkout: str, bought: Mapping[Sku, int], *, products: Collection[int] = ()) -> None:
    """Take what a checkout bought out of a cart, once. Units added since stay.

    :param checkout: what makes a repeat the same clearing: what was put in after it is not taken out by it
    :param bought: units by SKU
    :param products: ids of products whose lines leave wholly
    """
    with transaction("cart") as session:
        cart = session.scalar(select(Cart).where(is_named_by(token)).with_for_update())
        if cart is None or cart.cleared_for == checkout:
            return
        cart.cleared_for = checkout
        cart.updated_at = utc_now()
        lines = select(Line).where(Line.cart_id == cart.id).order_by(Line.id).with_for_update()
        for line in session.scalars(lines):
            units = bought.get(Sku(line.variant), 0)
            if units >= line.quantity or line.product_id in products:
                session.delete(line)
            elif units:
                line.quantity -= units


def merge(guest: str, account: str) -> Merge:
    """Put a guest's lines into an account's cart and forget the guest's; done again there is nothing left to do.

    No line is lost, none exceeds what is available or `MAX_UNITS`, and what had no room is said.
    """
    offers = catalog.offers_of([Sku(line.variant) for line in [*lines_of(guest), *lines_of(account)]])
    for _ in ("the cart", "a line"):
        with suppress(IntegrityError):  # the account's other browser made it first: merge into that
            return _merge(guest, account, offers)
    return _merge(guest, account, offers)


@retry_on_deadlock
def _merge(guest: str, account: str, offers: Mapping[Sku, Offer]) -> Merge:
    shortened = []
    with transaction("cart") as session:
        left = session.scalar(select(Cart).where(is_named_by(guest)).with_for_update())
        if left is None:
            return Merge(())
        cart_id = get_or_create(session, account)
        mine = select(Line).where(Line.cart_id == cart_id).order_by(Line.id).with_for_update()
        kept = {line.variant: line for line in session.scalars(mine)}
        for line in session.scalars(select(Line).where(Line.cart_id == left.id).order_by(Line.id)):
            offer = offers.get(Sku(line.variant))
            wanted = line.quantity + (kept[line.variant].quantity if line.variant in kept else 0)
            room = min(MAX_UNITS, wanted if offer is None else max(1, offer.available))
            if wanted > room and offer is not None:
                shortened.append(MergedLine(offer.title, wanted, room))
            if line.variant in kept:
                kept[line.variant].quantity = min(wanted, room)
                session.delete(line)
            else:
                line.cart_id, line.quantity = cart_id, min(wanted, room)
        session.flush()
        session.delete(left)
    return Merge(tuple(shortened))


def reorder(token: str, items: Sequence[LineItem]) -> ReorderResult:
    """Put the goods of an order into a cart at today's prices, as many of each as can be had."""
    offers = catalog.offers_of([Sku(item.sku) for item in items])
    held = {row.variant: row.quantity for row in lines_of(token)}
    added, missing = 0, []
    for item in items:
        offer = offers.get(Sku(item.sku))
        most = min(offer.available, MAX_UNITS) if offer and offer.is_sellable else 0
        units = _add_some(token, Sku(item.sku), min(item.quantity, most - held.get(item.sku, 0)))
        added += units
        if units < item.quantity:
            title = f"{item.name}, {item.option}" if item.option else item.name
            missing.append(MergedLine(title, item.quantity, units))
    return ReorderResult(added, tuple(missing))


def _add_some(token: str, sku: Sku, units: int) -> int:
    if units <= 0:
        return 0
    try:
        add_line(token, sku, units)
    except (NotEnoughStock, TooManyUnits, catalog.UnknownSku):
        return 0  # somebody else was quicker
    return units


@retry_on_deadlock
def forget(token: str) -> None:
    """Delete a cart with all its lines. Safe to repeat."""
    with transaction("cart") as session:
        cart = session.scalar(select(Cart).where(is_named_by(token)).with_for_update())
        if cart is not None:
            session.execute(delete(Line).where(Line.cart_id == cart.id))
            session.delete(cart)
