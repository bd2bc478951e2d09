"""An order in one request, for clients that bring their cart along and may send it twice.

It walks the same saga as the pages' checkout; only how it is opened differs.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import Select, delete, select, update
from sqlalchemy.exc import IntegrityError

from storefront.cart import service as cart
from storefront.cart.service import CartLine, CartQuote, LineId
from storefront.catalog import service as catalog
from storefront.checkout import saga
from storefront.checkout import snapshot as plans
from storefront.checkout.models import Checkout, DuplicateGuard
from storefront.checkout.snapshot import PlacedOrder
from storefront.checkout.values import CartNotOrderable, CheckoutState, DirectOrder, KeyReused, TotalChanged
from storefront.core.clock import utc_now
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

DUPLICATE_WINDOW = timedelta(
    seconds=10
)  # the client sends a double click under two ids: contract/angular-api.md 2.3 rule 4
TOLERANCE = 5  # minor units that a client, which counts in doubles, may ask less than the price: ibid. section 3
PAYMENT_TIMEOUT = 8.0  # seconds an answer waits for another runner of the same order
LOOK_AGAIN = 0.05  # seconds


def place_direct_order(token: str, order: DirectOrder) -> str:
    """Order some goods, once: the same key, or the same order sent again within `TWIN_WINDOW`, is the same order.

    :param token: whose order it is, as `cart.token_of` names them; their cart loses the products ordered
    :return: the checkout, walked as far as it goes now
    :raise catalog.UnknownProduct: a product is not on sale
    :raise cart.TooManyUnits: more of a product than a cart holds
    :raise CartNotOrderable: there is not enough of something, or the cart that is to be ordered is empty
    :raise TotalChanged: the client shows less than the goods cost
    :raise KeyReused: the key stands for another order
    """
    key = _digest(token, "key", order.key) if order.key else None
    for _ in range(3):
        if known := _find_by_key(key, order):
            return _walked(known)
        wanted = _in_cart(token) if order.wanted is None else order.wanted
        twin = _digest(token, "twin", repr(sorted(wanted.items())), repr(order.shown_total))
        if known := _find_duplicate(twin):
            return _walked(known)
        try:
            return _walked(_open(token, order, wanted, key, twin))
        except IntegrityError:
            continue  # its twin came first: it is found now
        except CartNotOrderable:
            read_session().rollback()  # what is missing may be what its twin has taken
            if known := _find_by_key(key, order) or _find_duplicate(twin) or _find_cart_order(token, order):
                return _walked(known)
            raise
    raise KeyReused(order.key)


def _digest(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


def _content(order: DirectOrder) -> str:
    """Stands for what was asked for; a cart may be another when it is asked for again."""
    wanted = "cart" if order.wanted is None else repr(sorted(order.wanted.items()))
    return _digest(wanted, repr(order.address), order.payment.code, order.payment.details)


def _in_cart(token: str) -> dict[int, int]:
    units: Counter[int] = Counter()
    for line in cart.quote(token).lines:
        units[line.offer.product_id] += line.quantity
    return dict(units)


def _find_by_key(key: str | None, order: DirectOrder) -> str | None:
    """The checkout this order was opened as already."""
    row = read_session().scalar(select(Checkout).where(Checkout.idempotency_key == key)) if key else None
    if row is None:
        return None
    if row.progress["agreed"] != _content(order):
        raise KeyReused(order.key)
    return row.id


def _find_duplicate(twin: str) -> str | None:
    """The checkout of the other click; one that takes longer than clicks lie apart is still the same."""
    fresh = (
        select(Checkout.id)
        .join(DuplicateGuard, DuplicateGuard.checkout_id == Checkout.id)
        .where(DuplicateGuard.key == twin)
    )
    is_now = (DuplicateGuard.at > utc_now() - DUPLICATE_WINDOW) | Checkout.state.in_(saga.UNFINISHED)
    return read_session().scalar(fresh.where(is_now, Checkout.state != CheckoutState.FAILED))


def _find_cart_order(token: str, order: DirectOrder) -> str | None:
    """The checkout that ordered this cart a moment ago and left it empty."""
    if order.wanted is not None:
        return None
    lately = (Checkout.cart_token == token, Checkout.created_at > utc_now() - DUPLICATE_WINDOW)
    alive = Checkout.state.not_in((CheckoutState.DRAFT, CheckoutState.FAILED))
    newest = select(Checkout).where(*lately, alive).order_by(Checkout.created_at.desc())
    same = (row.id for row in read_session().scalars(newest) if row.progress["agreed"] == _content(order))
    return next(same, None)


def _open(token: str, order: DirectOrder, wanted: Mapping[int, int], key: str | None, twin: str) -> str:
    quote = _quote(token, wanted, is_cart=order.wanted is None)
    if not quote.can_be_ordered:
        raise CartNotOrderable(plans.shortages_of(quote))
    total = quote.price.grand_total
    if order.shown_total is not None and order.shown_total.minor < total.minor - TOLERANCE:
        raise TotalChanged(total)
    snapshot = plans.snapshot(order.contact, order.address, quote, order.payment, cart.account_of(token))
    emptied = () if order.wanted is None else tuple(order.wanted)
    return _insert(
        token, PlacedOrder(snapshot, order.payment, return_url="", emptied=emptied), key, twin, _content(order)
    )


def _quote(token: str, wanted: Mapping[int, int], *, is_cart: bool) -> CartQuote:
    """What is wanted at today's prices: as it lies in the cart, where that is as much; else what can be had of it."""
    in_cart = cart.quote(token).lines
    lines: list[CartLine] = []
    others: dict[int, int] = {}
    for product, units in wanted.items():
        mine = [line for line in in_cart if line.offer.product_id == product]
        if sum(line.quantity for line in mine) == units and (is_cart or all(line.offer.is_sellable for line in mine)):
            lines += mine
        elif units > cart.MAX_UNITS:
            raise cart.TooManyUnits(product)
        else:
            others[product] = units
    chosen = catalog.choose_offers(others, preferred=[line.sku for line in in_cart])
    lines += [CartLine(LineId(0), offer, units, offer.price) for offer, units in chosen]
    return cart.quote_of(lines)


@retry_on_deadlock
def _insert(token: str, plan: PlacedOrder, key: str | None, twin: str, content: str) -> str:
    """Note the order; the unique keys decide who of several comes first."""
    now = utc_now()
    identity = str(uuid.uuid4())
    with transaction("checkout") as session:
        session.add(
            Checkout(
                id=identity,
                cart_token=token,
                idempotency_key=key or identity,
                state=CheckoutState.RUNNING,
                plan=plans.dump(plan),
                progress={"placed_at": now.isoformat(), "agreed": content},
                created_at=now,
                updated_at=now,
            )
        )
        session.flush()
        over = (
            (DuplicateGuard.at <= now - DUPLICATE_WINDOW)
            & DuplicateGuard.checkout_id.not_in(_of_state(*saga.UNFINISHED))
        ) | (DuplicateGuard.checkout_id.in_(_of_state(CheckoutState.FAILED)))
        taken = session.execute(
            update(DuplicateGuard).where(DuplicateGuard.key == twin, over).values(checkout_id=identity, at=now)
        )
        if not rows_changed(taken):
            session.add(DuplicateGuard(key=twin, checkout_id=identity, at=now))
    return identity


def _of_state(*states: CheckoutState) -> Select[str]:
    return select(Checkout.id).where(Checkout.state.in_(states))


def _walked(checkout: str) -> str:
    """Walk it; where another runner is walking, wait for them, so that both requests can name the same order."""
    until = time.monotonic() + PAYMENT_TIMEOUT
    while not saga.resume(checkout) and time.monotonic() < until:
        read_session().rollback()
        state = read_session().scalar(select(Checkout.state).where(Checkout.id == checkout))
        if state not in saga.UNFINISHED:
            break
        time.sleep(LOOK_AGAIN)
    return checkout


@retry_on_deadlock
def purge_duplicate_guards() -> None:
    """Delete what only tells double clicks apart; the worker asks for it."""
    with transaction("checkout") as session:
        is_over = DuplicateGuard.checkout_id.not_in(_of_state(*saga.UNFINISHED))
        session.execute(delete(DuplicateGuard).where(DuplicateGuard.at < utc_now() - DUPLICATE_WINDOW, is_over))
