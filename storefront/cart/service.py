"""The cart's door."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.cart.models import Cart, Line
from storefront.cart.values import (
    MOST_UNITS,
    CartLine,
    CartQuote,
    CartToken,
    LineId,
    LineNotice,
    Merge,
    MergedLine,
    NotEnoughStock,
    Price,
    PricingRules,
    TooManyUnits,
    UnknownLine,
    price,
)
from storefront.catalog import service as catalog
from storefront.catalog.service import Offer, Sku
from storefront.clock import utc_now
from storefront.database import queries, retried, rows_changed, transaction
from storefront.money import Money

__all__ = [
    "MOST_UNITS",
    "CartLine",
    "CartQuote",
    "CartToken",
    "LineId",
    "LineNotice",
    "Merge",
    "MergedLine",
    "NotEnoughStock",
    "Price",
    "PricingRules",
    "TooManyUnits",
    "UnknownLine",
    "account_of",
    "add_line",
    "change_quantity",
    "clear",
    "count_units",
    "merge",
    "price",
    "pricing_rules",
    "quote",
    "quote_of",
    "remove_line",
    "token_of",
]

_ACCOUNT = "account:"  # a guest's token is made of letters, digits, - and _: none looks like this


def token_of(user: int) -> CartToken:
    """What names the cart of an account."""
    return CartToken(f"{_ACCOUNT}{user}")


def account_of(token: str) -> int | None:
    """The account whose cart a token names, None when it is a guest's."""
    return int(token.removeprefix(_ACCOUNT)) if token.startswith(_ACCOUNT) else None


def _is_named_by(token: str) -> ColumnElement[bool]:
    user = account_of(token)
    return Cart.guest_token == token if user is None else Cart.user_id == user


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
    return int(queries().scalar(in_cart.where(_is_named_by(token))) or 0)


def quote(token: str | None, *, checkout: str | None = None) -> CartQuote:
    """The cart at today's prices and with what changed since the shopper saw it; no line is left out.

    :param checkout: the one the shopper is going through: what it holds is not missing from their cart
    """
    rows = _lines(token)
    offers = catalog.offers_of([Sku(row.variant) for row in rows], held_for=checkout)
    lines = tuple(
        CartLine(LineId(row.id), offer, row.quantity, Money(row.price_seen, row.currency))
        for row in rows
        if (offer := offers.get(Sku(row.variant))) is not None
    )
    return quote_of(lines)


def quote_of(lines: Sequence[CartLine]) -> CartQuote:
    """Lines with what they cost together; what is sold out or withdrawn costs nothing."""
    payable = [line.line_total for line in lines if line.offer.is_sold and line.offer.available > 0]
    return CartQuote(tuple(lines), price(payable, pricing_rules(current_app.config)))


def _lines(token: str | None) -> list[Line]:
    if token is None:
        return []
    mine = select(Line).join(Cart, Cart.id == Line.cart_id).where(_is_named_by(token))
    return list(queries().scalars(mine.order_by(Line.id)))


def add_line(token: str, sku: Sku, quantity: int) -> CartLine:
    """Add units of a SKU to a cart, merging with a line already there.

    The price seen is kept only to tell the shopper if it changes; totals are always quoted afresh.

    :param quantity: units, 1 to `MOST_UNITS`
    :return: the line as it now stands
    :raise catalog.UnknownSku: nothing sellable carries this SKU
    :raise NotEnoughStock: line and `quantity` together exceed what is available
    :raise TooManyUnits: they exceed `MOST_UNITS`
    """
    offer = catalog.get_offer(sku)
    for _ in ("the cart", "the line"):
        with suppress(IntegrityError):  # the twin of a double click made it first: add to it
            return _add(token, offer, quantity)
    return _add(token, offer, quantity)


@retried
def _add(token: str, offer: Offer, quantity: int) -> CartLine:
    with transaction("cart") as session:
        cart_id = _open_cart(session, token)
        line = session.scalar(select(Line).where(Line.cart_id == cart_id, Line.variant == offer.sku).with_for_update())
        wanted = quantity + (line.quantity if line else 0)
        _refuse_excess(offer, wanted)
        if line is None:
            line = Line(cart_id=cart_id, product_id=offer.product_id, variant=offer.sku, quantity=quantity)
            session.add(line)
        line.quantity = wanted
        _note_price(line, offer)
        session.flush()
        return CartLine(LineId(line.id), offer, wanted, offer.price)


def _open_cart(session: Session, token: str) -> int:
    now = utc_now()
    cart = session.scalar(select(Cart).where(_is_named_by(token)))
    if cart is None:
        user = account_of(token)
        cart = Cart(user_id=user, guest_token=token if user is None else None, updated_at=now)
        session.add(cart)
        session.flush()
    cart.updated_at = now
    return cart.id


def _refuse_excess(offer: Offer, wanted: int) -> None:
    if wanted > MOST_UNITS:
        raise TooManyUnits(offer.sku)
    if wanted > offer.available:
        raise NotEnoughStock(max(0, offer.available))


def _note_price(line: Line, offer: Offer) -> None:
    line.price_seen = offer.price.minor
    line.currency = offer.price.currency


def change_quantity(token: str | None, line_id: int, quantity: int) -> CartLine:
    """Set the units of a line; what the shopper then sees counts as seen.

    :param quantity: units, 1 to `MOST_UNITS`
    :raise UnknownLine: this cart has no such line
    :raise catalog.UnknownSku: it is no longer sold
    :raise NotEnoughStock: more than is available
    """
    offer = catalog.get_offer(_sku_of(token, line_id))
    _refuse_excess(offer, quantity)
    _set_quantity(line_id, offer, quantity)
    return CartLine(LineId(line_id), offer, quantity, offer.price)


@retried
def _set_quantity(line_id: int, offer: Offer, quantity: int) -> None:
    with transaction("cart") as session:
        changed = session.execute(
            update(Line)
            .where(Line.id == line_id)
            .values(quantity=quantity, price_seen=offer.price.minor, currency=offer.price.currency)
        )
        if not rows_changed(changed):
            raise UnknownLine(line_id)  # an order took it out in the meantime


def remove_line(token: str | None, line_id: int) -> CartLine:
    """Take a line out. :return: the line as it was, so that it can be put back :raise UnknownLine: there is none"""
    line = next((line for line in quote(token).lines if line.id == line_id), None)
    if line is None:
        raise UnknownLine(line_id)
    _delete(line_id)
    return line


@retried
def _delete(line_id: int) -> None:
    with transaction("cart") as session:
        session.execute(delete(Line).where(Line.id == line_id))


def _sku_of(token: str | None, line_id: int) -> Sku:
    """The SKU of a line of this very cart; another cart's line is as unknown as one that never was."""
    line = next((row for row in _lines(token) if row.id == line_id), None)
    if line is None:
        raise UnknownLine(line_id)
    return Sku(line.variant)


@retried
def clear(token: str, checkout: str, bought: Mapping[Sku, int], *, products: Collection[int] = ()) -> None:
    """Take what a checkout bought out of a cart, once. Units added since stay.

    :param checkout: what makes a repeat the same clearing: what was put in after it is not taken out by it
    :param bought: units by SKU
    :param products: ids of products whose lines leave wholly
    """
    with transaction("cart") as session:
        cart = session.scalar(select(Cart).where(_is_named_by(token)).with_for_update())
        if cart is None or cart.cleared_for == checkout:
            return
        cart.cleared_for = checkout
        lines = select(Line).where(Line.cart_id == cart.id).order_by(Line.id).with_for_update()
        for line in session.scalars(lines):
            units = bought.get(Sku(line.variant), 0)
            if units >= line.quantity or line.product_id in products:
                session.delete(line)
            elif units:
                line.quantity -= units


def merge(guest: str, account: str) -> Merge:
    """Put a guest's lines into an account's cart and forget the guest's; done again there is nothing left to do.

    No line is lost, none exceeds what is available or `MOST_UNITS`, and what had no room is said.
    """
    offers = catalog.offers_of([Sku(line.variant) for line in [*_lines(guest), *_lines(account)]])
    for _ in ("the cart", "a line"):
        with suppress(IntegrityError):  # the account's other browser made it first: merge into that
            return _merge(guest, account, offers)
    return _merge(guest, account, offers)


@retried
def _merge(guest: str, account: str, offers: Mapping[Sku, Offer]) -> Merge:
    shortened = []
    with transaction("cart") as session:
        left = session.scalar(select(Cart).where(_is_named_by(guest)).with_for_update())
        if left is None:
            return Merge(())
        cart_id = _open_cart(session, account)
        mine = select(Line).where(Line.cart_id == cart_id).order_by(Line.id).with_for_update()
        kept = {line.variant: line for line in session.scalars(mine)}
        for line in session.scalars(select(Line).where(Line.cart_id == left.id).order_by(Line.id)):
            offer = offers.get(Sku(line.variant))
            wanted = line.quantity + (kept[line.variant].quantity if line.variant in kept else 0)
            room = min(MOST_UNITS, wanted if offer is None else max(1, offer.available))
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
