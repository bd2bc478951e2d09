"""Orders in one request, for API clients that send the whole order and may send it twice.

They run the same saga as the checkout pages; only the way they are opened differs. From the commit that opens an order
on every answer is the order, or says that it is under way.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from storefront.cart import service as cart
from storefront.cart.values import MAX_UNITS, CartLine, CartQuote, LineId, TooManyUnits
from storefront.catalog import products
from storefront.checkout import approval, duplicates, opening, runs
from storefront.checkout import snapshot as plans
from storefront.checkout.duplicates import MAX_SHOWN_TOTAL, TOLERANCE, Guard
from storefront.checkout.models import Checkout
from storefront.checkout.opening import CartTaken, Opening, OpeningUnknown
from storefront.checkout.snapshot import PlacedOrder
from storefront.checkout.values import (
    CartNotOrderable,
    CartOrdered,
    CheckoutState,
    DirectOrder,
    Failure,
    KeyReused,
    Outcome,
    TotalChanged,
)
from storefront.db.session import read_session
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus
from storefront.payments import service as payments
from storefront.payments.values import PaymentUnavailable

ATTEMPTS = 5  # at opening an order while others of the same customer begin and end
RUNNER_TIMEOUT = 8.0  # seconds a request waits for another runner of the same order


def place_direct_order(token: str, order: DirectOrder) -> Outcome:
    """Place an order once: the same key, the same content of the cart, or a duplicate, is the same order.

    The caller notes by `duplicates.note_answer` that it told the client of the order.

    :param token: key of the customer's cart (`cart.cart_key_of`), from which the ordered products are removed
    :return: the checkout, run as far as possible now; an error on the way is retried, and not raised
    :raise catalog.UnknownProduct: a product is not on sale
    :raise cart.TooManyUnits: more units of a product than a cart may hold
    :raise CartNotOrderable: a product is short, or the cart to be ordered is empty
    :raise CartOrdered: another order has taken this cart, or is about to
    :raise TotalChanged: the client's total is lower than the price
    :raise PaymentUnavailable: the payment provider does not answer: nothing was begun
    :raise KeyReused: the key was used for another order
    """
    key = duplicates.digest(token, "key", order.key) if order.key else None
    ahead: Outcome | None = None  # another order of this cart
    for _ in range(ATTEMPTS):
        if known := _find_by_key(key, order):
            return _run(known)
        request = _look(token, order)
        if request.duplicate_of:
            return _run(request.duplicate_of)
        if ahead is not None and (ahead.is_unfinished or _has_ordered(ahead, request.wanted)):
            raise CartOrdered(ahead)
        try:
            return _begin(token, order, key, request)
        except IntegrityError:
            continue  # the same order was opened at this moment: it is found now
        except CartTaken as taken:
            if _is_same_request(taken.checkout, order):
                return _run(taken.checkout)
            ahead = _run(taken.checkout)
    raise CartOrdered(ahead) if ahead is not None else KeyReused(order.key or "")


@dataclass(frozen=True, slots=True)
class _Request:
    """An order as it is requested now.

    :ivar wanted: units by product id
    :ivar guards: what to store with it
    :ivar duplicate_of: the checkout of the order that it would be a duplicate of
    """

    wanted: Mapping[int, int]
    guards: Sequence[Guard]
    duplicate_of: str | None


def _look(token: str, order: DirectOrder) -> _Request:
    """Look for an order with the same contents.

    A cart that has lines is another one than the cart ordered before, even of equal goods; an empty one may have been
    emptied by the same request.
    """
    wanted = _in_cart(token) if order.wanted is None else order.wanted
    shown = min(order.shown_total.minor, MAX_SHOWN_TOTAL) if order.shown_total is not None else None
    products_guard, same_products = duplicates.look(duplicates.key_of(token, wanted), shown)
    if order.wanted is not None:
        return _Request(wanted, [products_guard], same_products)
    cart_guard, emptied_by = duplicates.look(duplicates.digest(token, "cart", _content(order)), None)
    return _Request(wanted, [products_guard, cart_guard], None if wanted else emptied_by)


def _begin(token: str, order: DirectOrder, key: str | None, request: _Request) -> Outcome:
    """Open the order and run it.

    :raise CartTaken: another order has taken this cart
    :raise IntegrityError: the same order was opened first
    """
    checkout = str(uuid.uuid4())
    try:
        _open(checkout, token, order, key, request)
    except OpeningUnknown:
        return runs.under_way(checkout)
    except (CartNotOrderable, PaymentUnavailable):
        read_session().rollback()  # the units may be short because the same order has reserved them
        if earlier := _find_by_key(key, order) or _look(token, order).duplicate_of:
            return _run(earlier)
        _refuse_ordered_cart(token, request.wanted)
        raise
    outcome = _run(checkout)
    if outcome.failure is Failure.ALREADY_ORDERED and outcome.first is not None:
        raise CartOrdered(runs.outcome_of(outcome.first, token))
    return outcome


def _refuse_ordered_cart(token: str, wanted: Mapping[int, int]) -> None:
    """Tell of the order for which products are short: of this very cart, or the one that emptied it.

    :raise CartOrdered: there is one, and it was not cancelled
    """
    ahead = opening.find_order_under_way(token)
    if ahead is not None and _shares_products(ahead, wanted):
        raise CartOrdered(runs.run_on(ahead))
    record = None if wanted else cart.find_cart(token)
    first = record.cleared_for if record else None
    if first is not None and orders.status_of(first) not in {None, OrderStatus.CANCELLED}:
        raise CartOrdered(runs.outcome_of(first, token))


def _content(order: DirectOrder) -> str:
    """Digest of the order as requested. A cart's lines are left out: they may have changed when it is sent again."""
    wanted = "cart" if order.wanted is None else repr(sorted(order.wanted.items()))
    return duplicates.digest(wanted, repr(order.address), order.payment.code, order.payment.details)


def _in_cart(token: str) -> dict[int, int]:
    units: Counter[int] = Counter()
    for line in cart.quote(token).lines:
        units[line.offer.product_id] += line.quantity
    return dict(units)


def _find_by_key(key: str | None, order: DirectOrder) -> str | None:
    """The checkout opened under this key.

    :raise KeyReused: it has other contents
    """
    row = read_session().scalar(select(Checkout).where(Checkout.idempotency_key == key)) if key else None
    if row is None:
        return None
    if row.progress["agreed"] != _content(order):
        raise KeyReused(order.key or "")
    return row.id


def _is_same_request(checkout: str, order: DirectOrder) -> bool:
    """Whether a checkout was opened by the same request: a double click on the cart."""
    agreed: str = read_session().get_one(Checkout, checkout).progress["agreed"]
    return agreed == _content(order)


def _has_ordered(ahead: Outcome, wanted: Mapping[int, int]) -> bool:
    """Whether an order that came first has taken some of these products, or left nothing."""
    return ahead.state is CheckoutState.COMPLETED and (not wanted or _shares_products(ahead.id, wanted))


def _shares_products(checkout: str, wanted: Mapping[int, int]) -> bool:
    placed = plans.load(read_session().get_one(Checkout, checkout).plan)
    return not placed.units_by_product.keys().isdisjoint(wanted)


def _open(checkout: str, token: str, order: DirectOrder, key: str | None, request: _Request) -> None:
    quote = _quote(token, request.wanted, is_cart=order.wanted is None)
    if not quote.can_be_ordered:
        raise CartNotOrderable(plans.shortages_of(quote))
    total = quote.price.grand_total
    if order.shown_total is not None and order.shown_total.minor < total.minor - TOLERANCE:
        raise TotalChanged(total)
    payments.check_available(order.payment)
    snapshot = plans.snapshot(order.contact, order.address, quote, order.payment, cart.account_of(token))
    emptied = () if order.wanted is None else tuple(order.wanted)
    must_wait = approval.needs_approval(snapshot, order.payment)
    placed = PlacedOrder(snapshot, order.payment, "", emptied, quote.content_id, needs_approval=must_wait)
    opening.open_new(Opening(checkout, token, placed, _content(order)), key, request.guards)


def _quote(token: str, wanted: Mapping[int, int], *, is_cart: bool) -> CartQuote:
    """Quote products at current prices.

    Where the cart holds just as many units of a product, its lines are ordered; else variants are chosen that have
    enough units. With a product that the cart holds in any quantity its content is ordered.
    """
    held = cart.quote(token)
    lines: list[CartLine] = []
    others: dict[int, int] = {}
    for product, units in wanted.items():
        mine = [line for line in held.lines if line.offer.product_id == product]
        if sum(line.quantity for line in mine) == units and (is_cart or all(line.offer.is_sellable for line in mine)):
            lines += mine
        elif units > MAX_UNITS:
            raise TooManyUnits(product)
        else:
            others[product] = units
    chosen = products.choose_offers(others, preferred=[line.sku for line in held.lines])
    lines += [CartLine(LineId(0), offer, units, offer.price) for offer, units in chosen]
    is_of_cart = any(line.offer.product_id in wanted for line in held.lines)
    return cart.quote_of(lines, held.content_id if is_of_cart else "")


def _run(checkout: str) -> Outcome:
    """Run an order. Where another runner holds the lease, wait for it, so that both requests answer with the order."""
    return runs.run_on(checkout, patience=RUNNER_TIMEOUT)
