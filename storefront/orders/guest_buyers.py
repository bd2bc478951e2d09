"""Search of guests, who ordered without an account and are known only by the e-mail address of their orders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select

from storefront.db.session import read_session
from storefront.orders.customer_orders import NEWEST_FIRST, summaries
from storefront.orders.models import Order
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

    :param words: all must be part of the same one of the three; without words nothing is found
    """
    typed = words.split()
    if not typed:
        return []
    columns = (Order.customer_email, Order.shipping_full_name, Order.shipping_phone)
    matches = or_(*(and_(*(column.icontains(word, autoescape=True) for word in typed)) for column in columns))
    latest = func.max(Order.order_date)
    guests = select(Order.email_key, func.max(Order.shipping_full_name), func.count(Order.id), latest)
    matching = guests.where(*_GUESTS, matches).group_by(Order.email_key).order_by(latest.desc(), Order.email_key)
    return [Guest(*row) for row in read_session().execute(matching.limit(MAX_FOUND))]


def find_buyer(order_id: str) -> Buyer | None:
    """Find who placed an order, by its number; None when there is no such order."""
    asked = select(Order.customer_id, Order.email_key).where(Order.order_id == order_id.strip().upper())
    row = read_session().execute(asked).first()
    return Buyer(row.customer_id, row.email_key) if row else None


def orders_of_guest(email: str) -> list[OrderSummary]:
    """The orders of a guest, newest first; at most `MAX_SHOWN`.

    :param email: of a `Guest`
    """
    theirs = select(Order.order_id).where(*_GUESTS, Order.email_key == email).order_by(*NEWEST_FIRST)
    return summaries(list(read_session().scalars(theirs.limit(MAX_SHOWN)))) if email else []
