"""Orders in one request, for API clients that send the whole order and may send it twice.

They run the same saga as the checkout pages; only the way they are opened differs.
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
from storefront.cart.values import MAX_UNITS, CartLine, CartQuote, LineId, TooManyUnits
from storefront.catalog import products
from storefront.checkout import approval, saga
from storefront.checkout import snapshot as plans
from storefront.checkout.models import Checkout, DuplicateGuard
from storefront.checkout.snapshot import PlacedOrder
from storefront.checkout.values import CartNotOrderable, CheckoutState, DirectOrder, KeyReused, TotalChanged
from storefront.core.clock import utc_now
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

# A double click arrives as two orders with different ids: contract/angular-api.md 2.3 rule 4.
DUPLICATE_WINDOW = timedelta(seconds=10)
TOLERANCE = 5  # minor units by which a client's total, a sum of doubles, may be too low: ibid. section 3
RUNNER_TIMEOUT = 8.0  # seconds a request waits for another runner of the same order
POLL_INTERVAL = 0.05  # seconds


def place_direct_order(token: str, order: DirectOrder) -> str:
    """Place an order once: the same key, or the same contents within `DUPLICATE_WINDOW`, is the same order.

    :param token: key of the customer's cart (`cart.cart_key_of`), from which the ordered products are removed
    :return: id of the checkout, run as far as possible now
    :raise catalog.UnknownProduct: a product is not on sale
    :raise cart.TooManyUnits: more units of a product than a cart may hold
    :raise CartNotOrderable: a product is short, or the cart to be ordered is empty
    :raise TotalChanged: the client's total is lower than the price
    :raise KeyReused: the key was used for another order
    """
    key = _digest(token, "key", order.key) if order.key else None
    for _ in range(3):
        if known := _find_by_key(key, order):
            return _run(known)
        wanted = _in_cart(token) if order.wanted is None else order.wanted
        duplicate_key = _digest(token, "duplicate", repr(sorted(wanted.items())), repr(order.shown_total))
        if known := _find_duplicate(duplicate_key):
            return _run(known)
        try:
            return _run(_open(token, order, wanted, key, duplicate_key))
        except IntegrityError:
            continue  # the same order was opened at this moment: it is found now
        except CartNotOrderable:
            read_session().rollback()  # the units may be short because the same order has reserved them
            if known := _find_by_key(key, order) or _find_duplicate(duplicate_key) or _find_cart_order(token, order):
                return _run(known)
            raise
    raise KeyReused(order.key)


def _digest(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()


def _content(order: DirectOrder) -> str:
    """Digest of the order as requested. A cart's lines are left out: they may have changed when it is sent again."""
    wanted = "cart" if order.wanted is None else repr(sorted(order.wanted.items()))
    return _digest(wanted, repr(order.address), order.payment.code, order.payment.details)


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
        raise KeyReused(order.key)
    return row.id


def _find_duplicate(duplicate_key: str) -> str | None:
    """The checkout of the same contents: opened within `DUPLICATE_WINDOW`, or unfinished; not a failed one."""
    same_contents = (
        select(Checkout.id)
        .join(DuplicateGuard, DuplicateGuard.checkout_id == Checkout.id)
        .where(DuplicateGuard.key == duplicate_key)
    )
    is_recent = (DuplicateGuard.at > utc_now() - DUPLICATE_WINDOW) | Checkout.state.in_(saga.UNFINISHED)
    return read_session().scalar(same_contents.where(is_recent, Checkout.state != CheckoutState.FAILED))


def _find_cart_order(token: str, order: DirectOrder) -> str | None:
    """The checkout that ordered, and emptied, this cart within `DUPLICATE_WINDOW`; None for an order of products."""
    if order.wanted is not None:
        return None
    recent = (Checkout.cart_token == token, Checkout.created_at > utc_now() - DUPLICATE_WINDOW)
    is_placed = Checkout.state.not_in((CheckoutState.DRAFT, CheckoutState.FAILED))
    newest = select(Checkout).where(*recent, is_placed).order_by(Checkout.created_at.desc())
    same = (row.id for row in read_session().scalars(newest) if row.progress["agreed"] == _content(order))
    return next(same, None)


def _open(token: str, order: DirectOrder, wanted: Mapping[int, int], key: str | None, duplicate_key: str) -> str:
    quote = _quote(token, wanted, is_cart=order.wanted is None)
    if not quote.can_be_ordered:
        raise CartNotOrderable(plans.shortages_of(quote))
    total = quote.price.grand_total
    if order.shown_total is not None and order.shown_total.minor < total.minor - TOLERANCE:
        raise TotalChanged(total)
    snapshot = plans.snapshot(order.contact, order.address, quote, order.payment, cart.account_of(token))
    emptied = () if order.wanted is None else tuple(order.wanted)
    must_wait = approval.needs_approval(snapshot, order.payment)
    placed = PlacedOrder(snapshot, order.payment, return_url="", emptied=emptied, needs_approval=must_wait)
    return _insert(token, placed, key, duplicate_key, _content(order))


def _quote(token: str, wanted: Mapping[int, int], *, is_cart: bool) -> CartQuote:
    """Quote products at current prices.

    Where the cart holds just as many units of a product, its lines are ordered; else variants are chosen that have
    enough units.
    """
    in_cart = cart.quote(token).lines
    lines: list[CartLine] = []
    others: dict[int, int] = {}
    for product, units in wanted.items():
        mine = [line for line in in_cart if line.offer.product_id == product]
        if sum(line.quantity for line in mine) == units and (is_cart or all(line.offer.is_sellable for line in mine)):
            lines += mine
        elif units > MAX_UNITS:
            raise TooManyUnits(product)
        else:
            others[product] = units
    chosen = products.choose_offers(others, preferred=[line.sku for line in in_cart])
    lines += [CartLine(LineId(0), offer, units, offer.price) for offer, units in chosen]
    return cart.quote_of(lines)


@retry_on_deadlock
def _insert(token: str, placed: PlacedOrder, key: str | None, duplicate_key: str, content: str) -> str:
    """Write the record from which the saga starts.

    :raise IntegrityError: the same order was opened first; its unique keys decide
    """
    now = utc_now()
    checkout = str(uuid.uuid4())
    with transaction("checkout") as session:
        session.add(
            Checkout(
                id=checkout,
                cart_token=token,
                idempotency_key=key or checkout,
                state=CheckoutState.RUNNING,
                plan=plans.dump(placed),
                progress={"placed_at": now.isoformat(), "agreed": content},
                created_at=now,
                updated_at=now,
            )
        )
        session.flush()
        is_over = (
            (DuplicateGuard.at <= now - DUPLICATE_WINDOW)
            & DuplicateGuard.checkout_id.not_in(_of_state(*saga.UNFINISHED))
        ) | (DuplicateGuard.checkout_id.in_(_of_state(CheckoutState.FAILED)))
        taken = session.execute(
            update(DuplicateGuard)
            .where(DuplicateGuard.key == duplicate_key, is_over)
            .values(checkout_id=checkout, at=now)
        )
        if not rows_changed(taken):
            session.add(DuplicateGuard(key=duplicate_key, checkout_id=checkout, at=now))
    return checkout


def _of_state(*states: CheckoutState) -> Select[str]:
    return select(Checkout.id).where(Checkout.state.in_(states))


def _run(checkout: str) -> str:
    """Run the saga. Where another runner holds the lease, wait for it, so that both requests answer with the order."""
    until = time.monotonic() + RUNNER_TIMEOUT
    while not saga.resume(checkout) and time.monotonic() < until:
        read_session().rollback()
        state = read_session().scalar(select(Checkout.state).where(Checkout.id == checkout))
        if state not in saga.UNFINISHED:
            break
        time.sleep(POLL_INTERVAL)
    return checkout


@retry_on_deadlock
def purge_duplicate_guards() -> None:
    """Delete the guards of past orders; the worker calls it regularly."""
    with transaction("checkout") as session:
        is_over = DuplicateGuard.checkout_id.not_in(_of_state(*saga.UNFINISHED))
        session.execute(delete(DuplicateGuard).where(DuplicateGuard.at < utc_now() - DUPLICATE_WINDOW, is_over))
