"""Public functions of the cart: quotes, changes of lines, merging at sign-in, and reordering."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from flask import current_app
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from storefront.cart import legacy_import
from storefront.cart.add import add_line, add_offer, add_product, refuse_excess
from storefront.cart.models import Line, new_content_id
from storefront.cart.repository import (
    account_of,
    cart_key_of,
    cart_row,
    content_of,
    count_units,
    find_cart,
    get_or_create,
    lines_of,
    open_cart,
    touch_cart_of,
)
from storefront.cart.values import (
    MAX_UNITS,
    CartLine,
    CartQuote,
    LineId,
    Merge,
    MergedLine,
    NotEnoughStock,
    PricingRules,
    ReorderResult,
    TooManyUnits,
    UnknownLine,
    price,
)
from storefront.catalog import products as catalog_products
from storefront.catalog.values import Offer, Sku, UnknownSku
from storefront.core.clock import utc_now
from storefront.core.money import Money
from storefront.db.session import retry_on_deadlock, rows_changed, transaction
from storefront.orders.values import LineItem

__all__ = [
    "account_of",
    "add_line",
    "add_offer",
    "add_product",
    "cart_key_of",
    "change_quantity",
    "clear",
    "count_units",
    "find_cart",
    "forget",
    "legacy_import",
    "merge",
    "open_cart",
    "pricing_rules",
    "quote",
    "quote_of",
    "remove_line",
    "reorder",
]


def pricing_rules(config: Mapping[str, Any]) -> PricingRules:
    """The pricing rules of the configuration."""
    currency = config["CURRENCY"]
    return PricingRules(
        shipping_fee=Money.of(config["SHIPPING_FEE"], currency),
        free_shipping_above=Money.of(config["FREE_SHIPPING_ABOVE"], currency),
        tax_rate=Decimal(config["TAX_RATE"]),
    )


def quote(token: str | None, *, checkout: str | None = None) -> CartQuote:
    """Quote a cart at current prices, with what changed since the shopper saw it.

    :param checkout: the shopper's own checkout: units reserved for it count as available
    """
    content_id, rows = content_of(token)
    offers = catalog_products.offers_of([Sku(row.variant) for row in rows], held_for=checkout)
    lines = tuple(
        CartLine(LineId(row.id), offer, row.quantity, Money(row.price_seen, row.currency))
        for row in rows
        if (offer := offers.get(Sku(row.variant))) is not None
    )
    return quote_of(lines, content_id)


def quote_of(lines: Sequence[CartLine], content_id: str = "") -> CartQuote:
    """Price lines together; those sold out or withdrawn cost nothing.

    :param content_id: of the cart that they are taken from, if they are
    """
    payable = [line.line_total for line in lines if line.offer.is_sellable and line.offer.available > 0]
    return CartQuote(tuple(lines), price(payable, pricing_rules(current_app.config)), content_id)


def change_quantity(token: str | None, line_id: int, quantity: int) -> CartLine:
    """Set the units of a line, and store its current price as seen.

    :param quantity: units, 1 to `MAX_UNITS`
    :raise UnknownLine: this cart has no such line
    :raise catalog.UnknownSku: it is no longer on sale
    :raise NotEnoughStock: more than is available
    :raise TooManyUnits: more than `MAX_UNITS`
    """
    offer = catalog_products.get_offer(_sku_of(token, line_id))
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
            raise UnknownLine(line_id)  # an order has cleared it meanwhile
        touch_cart_of(session, line_id)


def remove_line(token: str | None, line_id: int) -> CartLine:
    """Remove a line.

    :return: the line as it was, for undo
    :raise UnknownLine: this cart has no such line
    """
    line = next((line for line in quote(token).lines if line.id == line_id), None)
    if line is None:
        raise UnknownLine(line_id)
    _delete(line_id)
    return line


@retry_on_deadlock
def _delete(line_id: int) -> None:
    with transaction("cart") as session:
        touch_cart_of(session, line_id)
        session.execute(delete(Line).where(Line.id == line_id))


def _sku_of(token: str | None, line_id: int) -> Sku:
    """The SKU of a line of this cart; lines of other carts are unknown."""
    line = next((row for row in lines_of(token) if row.id == line_id), None)
    if line is None:
        raise UnknownLine(line_id)
    return Sku(line.variant)


@retry_on_deadlock
def clear(
    token: str, checkout: str, bought: Mapping[Sku, int], *, products: Collection[int] = (), content_id: str = ""
) -> None:
    """Remove what a checkout bought from a cart, once; units added since stay, as a new content.

    :param checkout: idempotency key: a repeat removes nothing
    :param bought: units by SKU
    :param products: ids of products whose lines are removed in any quantity
    :param content_id: the content that was ordered; empty for an order of goods that were not in the cart
    """
    with transaction("cart") as session:
        cart = cart_row(session, token, lock=True)
        if cart is None or cart.cleared_for == checkout:
            return
        cart.cleared_for = checkout
        cart.updated_at = utc_now()
        is_taken = cart.content_id == content_id
        lines = select(Line).where(Line.cart_id == cart.id).order_by(Line.id).with_for_update()
        for line in session.scalars(lines):
            units = bought.get(Sku(line.variant), 0)
            if units >= line.quantity or line.product_id in products:
                session.delete(line)
            elif units:
                line.quantity -= units
            else:
                continue
            is_taken = True
        if is_taken:
            cart.content_id = new_content_id()


def merge(guest: str, account: str) -> Merge:
    """Move a guest's lines into an account's cart and delete the guest's cart. Safe to repeat.

    No line is lost; none exceeds what is available or `MAX_UNITS`.

    :return: the lines that were cut to that
    """
    offers = catalog_products.offers_of([Sku(line.variant) for line in [*lines_of(guest), *lines_of(account)]])
    for _ in ("the cart", "a line"):
        with suppress(IntegrityError):  # a concurrent request inserted it first: merge into that
            return _merge(guest, account, offers)
    return _merge(guest, account, offers)


@retry_on_deadlock
def _merge(guest: str, account: str, offers: Mapping[Sku, Offer]) -> Merge:
    shortened = []
    with transaction("cart") as session:
        guest_cart = cart_row(session, guest, lock=True)
        if guest_cart is None:
            return Merge(())
        cart_id = get_or_create(session, account)
        lines = select(Line).where(Line.cart_id == cart_id).order_by(Line.id).with_for_update()
        existing = {line.variant: line for line in session.scalars(lines)}
        for line in session.scalars(select(Line).where(Line.cart_id == guest_cart.id).order_by(Line.id)):
            offer = offers.get(Sku(line.variant))
            wanted = line.quantity + (existing[line.variant].quantity if line.variant in existing else 0)
            limit = min(MAX_UNITS, wanted if offer is None else max(1, offer.available))
            if wanted > limit and offer is not None:
                shortened.append(MergedLine(offer.title, wanted, limit))
            if line.variant in existing:
                existing[line.variant].quantity = min(wanted, limit)
                session.delete(line)
            else:
                line.cart_id, line.quantity = cart_id, min(wanted, limit)
        session.flush()
        session.delete(guest_cart)
    return Merge(tuple(shortened))


def reorder(token: str, items: Sequence[LineItem]) -> ReorderResult:
    """Add the items of an order to a cart at current prices, as many of each as are available."""
    offers = catalog_products.offers_of([Sku(item.sku) for item in items])
    in_cart = {row.variant: row.quantity for row in lines_of(token)}
    added, missing = 0, []
    for item in items:
        offer = offers.get(Sku(item.sku))
        most = min(offer.available, MAX_UNITS) if offer and offer.is_sellable else 0
        units = _try_to_add(token, Sku(item.sku), min(item.quantity, most - in_cart.get(item.sku, 0)))
        added += units
        if units < item.quantity:
            title = f"{item.name}, {item.option}" if item.option else item.name
            missing.append(MergedLine(title, item.quantity, units))
    return ReorderResult(added, tuple(missing))


def _try_to_add(token: str, sku: Sku, units: int) -> int:
    """Add units if possible.

    :return: how many were added
    """
    if units <= 0:
        return 0
    try:
        add_line(token, sku, units)
    except (NotEnoughStock, TooManyUnits, UnknownSku):
        return 0  # the stock or the cart has changed since it was read
    return units


@retry_on_deadlock
def forget(token: str) -> None:
    """Delete a cart with its lines. Safe to repeat."""
    with transaction("cart") as session:
        cart = cart_row(session, token, lock=True)
        if cart is not None:
            session.execute(delete(Line).where(Line.cart_id == cart.id))
            session.delete(cart)
