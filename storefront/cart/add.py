"""Adding to a cart: a SKU from the shop's pages, or a product from API clients that do not know SKUs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError

from storefront.cart.models import Line
from storefront.cart.repository import get_or_create, lines_of
from storefront.cart.values import MAX_UNITS, CartLine, LineId, NotEnoughStock, TooManyUnits
from storefront.catalog import products
from storefront.catalog.values import Offer, Sku, UnknownSku
from storefront.core.clock import utc_now
from storefront.db.prepared import prepared
from storefront.db.session import retry_on_deadlock, transaction


def add_line(token: str, sku: Sku, quantity: int) -> CartLine:
    """Add units of a SKU to a cart, merging with a line already there.

    The current price is stored only to tell the shopper if it changes; totals are always calculated from offers.

    :param quantity: units, 1 to `MAX_UNITS`
    :return: the resulting line
    :raise catalog.UnknownSku: nothing sellable carries this SKU
    :raise NotEnoughStock: line and `quantity` together exceed what is available
    :raise TooManyUnits: they exceed `MAX_UNITS`
    """
    return add_offer(token, products.get_offer(sku), quantity)


def add_offer(token: str, offer: Offer, quantity: int) -> CartLine:
    """Add units of an offer that the caller has just read; otherwise as `add_line`.

    :param quantity: units, 1 to `MAX_UNITS`
    :return: the resulting line
    :raise NotEnoughStock: line and `quantity` together exceed what is available
    :raise TooManyUnits: they exceed `MAX_UNITS`
    """
    return _add(token, [(offer, quantity)])[0]


def add_product(
    token: str, product_id: int, quantity: int, *, variant: str = "", resent_since: datetime | None = None
) -> None:
    """Add units of a product, for clients that may leave the choice of a variant to the shop.

    Without `variant`, variants in the cart are preferred, then the cheapest; units that one lacks are taken from the
    next.

    :param quantity: units, 1 or more
    :param variant: SKU or name of a variant; empty for any
    :param resent_since: the client may be sending its cart again: units that were added from this time on count as the
        same ones, so such a line gets the larger quantity and not the sum
    :raise catalog.UnknownProduct: it is not on sale
    :raise catalog.UnknownSku: it has no such variant
    :raise NotEnoughStock: line and `quantity` together exceed what is available
    :raise TooManyUnits: they exceed `MAX_UNITS`
    """
    current = [line for line in lines_of(token) if line.product_id == product_id]
    resent = {Sku(line.variant): line.quantity for line in current if _is_resent(line, resent_since)}
    if variant:
        offer = _variant(product_id, variant)
        missing = quantity - resent.get(offer.sku, 0)
        chosen = [(offer, missing)]
    else:
        missing = quantity - sum(resent.values())
        in_cart = {Sku(line.variant): line.quantity for line in current}
        chosen = products.choose_offers({product_id: max(1, missing)}, preferred=[*in_cart], taken=in_cart)
    if missing > 0:
        _add(token, chosen, resent_since, resent)


def _is_resent(line: Line, since: datetime | None) -> bool:
    return since is not None and line.began_at >= since


def _variant(product_id: int, name: str) -> Offer:
    for offer in products.variants_of([product_id])[product_id]:
        if offer.sku == name or offer.option.casefold() == name.casefold():
            return offer
    raise UnknownSku(name)


def _add(
    token: str,
    chosen: Sequence[tuple[Offer, int]],
    resent_since: datetime | None = None,
    resent: Mapping[Sku, int] | None = None,
) -> list[CartLine]:
    for _ in ("the cart", "the line"):
        with suppress(IntegrityError):  # a concurrent request inserted it first: try again with that one
            return _add_once(token, chosen, resent_since, resent or {})
    return _add_once(token, chosen, resent_since, resent or {})


@prepared
def _line_of(cart_id: Any, sku: Any) -> Select[Line]:
    return select(Line).where(Line.cart_id == cart_id, Line.variant == sku).with_for_update()


@retry_on_deadlock
def _add_once(
    token: str, chosen: Sequence[tuple[Offer, int]], resent_since: datetime | None, resent: Mapping[Sku, int]
) -> list[CartLine]:
    """Add the chosen units in one transaction, each line with its row lock.

    :param resent: units by SKU of lines that count as sent again, as they were when `chosen` was calculated
    """
    added = []
    with transaction("cart") as session:
        cart_id = get_or_create(session, token)
        for offer, units in chosen:
            line = session.scalar(*_line_of(cart_id, offer.sku))
            if line is None:
                wanted = units
                line = Line(cart_id=cart_id, product_id=offer.product_id, variant=offer.sku, began_at=utc_now())
                session.add(line)
            elif _is_resent(line, resent_since):
                wanted = max(line.quantity, resent.get(offer.sku, 0) + units)
            else:
                wanted = line.quantity + units
            refuse_excess(offer, wanted)
            line.quantity = wanted
            _store_price_seen(line, offer)
            session.flush()
            added.append(CartLine(LineId(line.id), offer, wanted, offer.price))
    return added


def refuse_excess(offer: Offer, wanted: int) -> None:
    """Check the quantity of a line.

    :param wanted: units of the whole line
    :raise NotEnoughStock: more than is available
    :raise TooManyUnits: more than `MAX_UNITS`
    """
    if wanted > MAX_UNITS:
        raise TooManyUnits(offer.sku)
    if wanted > offer.available:
        raise NotEnoughStock(max(0, offer.available))


def _store_price_seen(line: Line, offer: Offer) -> None:
    line.price_seen = offer.price.minor
    line.currency = offer.price.currency
