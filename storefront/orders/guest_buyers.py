"""Search of guests, who ordered without an account and are known only by the e-mail address of their orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from storefront.db.session import read_session
from storefront.orders.customer_orders import NEWEST_FIRST, summaries
from storefront.orders.models import Order
from storefront.orders.numbers import find_orders
from storefront.orders.search import is_buyer
from storefront.orders.values import OrderSummary

MAX_FOUND = 50
MAX_SHOWN = 100  # orders of one guest

_GUESTS = (Order.customer_id.is_(None), Order.email_key != "")


@dataclass(frozen=True, slots=True)
class Guest:
    """A customer without an account.

    :ivar email: normalized as accounts do
    :ivar name: of one of their shipping addresses
    :ivar orders: how many there are
    :ivar latest: when they last ordered
    """

    email: str
    name: str
    orders: int
    latest: datetime


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who placed an order.

    :ivar customer_id: the account, None for a guest
    :ivar email: normalized; may be empty
    """

    customer_id: int | None
    email: str


def find_guests(words: str) -> list[Guest]:
    """Find guests by a part of their e-mail address, name or phone number; latest order first, at most `MAX_FOUND`.

    :param words: all must be part of the same one of the three, whatever their accents and case, and however the number
        is spelled; without words nothing is found
    """
    if not words.split():
        return []
    latest = func.max(Order.order_date)
    guests = select(Order.email_key, func.max(Order.shipping_full_name), func.count(Order.id), latest)
    matching = (
        guests.where(*_GUESTS, is_buyer(words)).group_by(Order.email_key).order_by(latest.desc(), Order.email_key)
    )
    return [Guest(*row) for row in read_session().execute(matching.limit(MAX_FOUND))]


def find_buyer(order_id: str) -> Buyer | None:
    """Find who placed an order, by its number in any spelling; None when no order, or more than one, can be meant."""
    found = find_orders(order_id)
    return Buyer(found[0].customer_id, found[0].email_key) if len(found) == 1 else None


def orders_of_guest(email: str) -> list[OrderSummary]:
    """The orders of a guest, newest first; at most `MAX_SHOWN`.

    :param email: of a `Guest`
    """
    theirs = select(Order.order_id).where(*_GUESTS, Order.email_key == email).order_by(*NEWEST_FIRST)
    return summaries(list(read_session().scalars(theirs.limit(MAX_SHOWN)))) if email else []
