"""Putting things into a cart: a SKU by the shop's own pages, a product by clients that know no SKUs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storefront.cart.models import Line
from storefront.cart.repository import get_or_create, lines_of
from storefront.cart.values import MAX_UNITS, CartLine, LineId, NotEnoughStock, TooManyUnits
from storefront.catalog import service as catalog
from storefront.catalog.service import Offer, Sku
from storefront.core.clock import utc_now
from storefront.db.session import retry_on_deadlock, transaction


def add_line(token: str, sku: Sku, quantity: int) -> CartLine:
    """Add units of a SKU to a cart, merging with a line already there.

    The price seen is kept only to tell the shopper if it changes; totals are always quoted afresh.

    :param quantity: units, 1 to `MAX_UNITS`
    :return: the line as it now stands
    :raise catalog.UnknownSku: nothing sellable carries this SKU
    :raise NotEnoughStock: line and `quantity` together exceed what is available
    :raise TooManyUnits: they exceed `MAX_UNITS`
    """
    return add_offer(token, catalog.get_offer(sku), quantity)


def add_offer(token: str, offer: Offer, quantity: int) -> CartLine:
    """Do what `add_line` does, for a caller who has just read the offer.

    :param quantity: units, 1 to `MAX_UNITS`
    :return: the line as it now stands
    :raise NotEnoughStock: line and `quantity` together exceed what is available
    :raise TooManyUnits: they exceed `MAX_UNITS`
    """
    return _add(token, [(offer, quantity)])[0]


def add_product(
    token: str, product_id: int, quantity: int, *, variant: str = "", resent_since: datetime | None = None
) -> None:
    """Add units of a product, for a client that need not name a variant.

    Where none is named, those in the cart come first, then the cheapest; what one cannot give is taken from the next.

    :param quantity: units, 1 or more
    :param variant: SKU or name of the one wanted
    :param resent_since: these units may be the very ones that brought forth the cart's lines from this moment on, sent
        again; such a line then holds the greater number, not the sum
    :raise catalog.UnknownProduct: it is not on sale
    :raise catalog.UnknownSku: it has no such variant
    :raise NotEnoughStock: line and `quantity` together exceed what is available
    :raise TooManyUnits: they exceed `MAX_UNITS`
    """
    mine = [line for line in lines_of(token) if line.product_id == product_id]
    resent = {Sku(line.variant): line.quantity for line in mine if _is_resent(line, resent_since)}
    if variant:
        offer = _variant(product_id, variant)
        missing = quantity - resent.get(offer.sku, 0)
        chosen = [(offer, missing)]
    else:
        missing = quantity - sum(resent.values())
        held = {Sku(line.variant): line.quantity for line in mine}
        chosen = catalog.choose_offers({product_id: max(1, missing)}, preferred=[*held], taken=held)
    if missing > 0:
        _add(token, chosen, resent_since, resent)


def _is_resent(line: Line, since: datetime | None) -> bool:
    return since is not None and line.began_at >= since


def _variant(product_id: int, name: str) -> Offer:
    for offer in catalog.variants_of([product_id])[product_id]:
        if offer.sku == name or offer.option.casefold() == name.casefold():
            return offer
    raise catalog.UnknownSku(name)


def _add(
    token: str,
    chosen: Sequence[tuple[Offer, int]],
    resent_since: datetime | None = None,
    resent: Mapping[Sku, int] | None = None,
) -> list[CartLine]:
    for _ in ("the cart", "the line"):
        with suppress(IntegrityError):  # the twin of a double click made it first: add to it
            return _add_once(token, chosen, resent_since, resent or {})
    return _add_once(token, chosen, resent_since, resent or {})


@retry_on_deadlock
def _add_once(
    token: str, chosen: Sequence[tuple[Offer, int]], resent_since: datetime | None, resent: Mapping[Sku, int]
) -> list[CartLine]:
    """:param resent: units of the lines that are sent again, as they were when `chosen` was made up"""
    added = []
    with transaction("cart") as session:
        cart_id = get_or_create(session, token)
        for offer, units in chosen:
            line = session.scalar(
                select(Line).where(Line.cart_id == cart_id, Line.variant == offer.sku).with_for_update()
            )
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
            _note_price(line, offer)
            session.flush()
            added.append(CartLine(LineId(line.id), offer, wanted, offer.price))
    return added


def refuse_excess(offer: Offer, wanted: int) -> None:
    """What no line may hold.

    :raise NotEnoughStock: more than is available
    :raise TooManyUnits: more than `MAX_UNITS`
    """
    if wanted > MAX_UNITS:
        raise TooManyUnits(offer.sku)
    if wanted > offer.available:
        raise NotEnoughStock(max(0, offer.available))


def _note_price(line: Line, offer: Offer) -> None:
    line.price_seen = offer.price.minor
    line.currency = offer.price.currency
