"""Who bought without an account, as the staff look for them: known by the e-mail address of their orders only."""

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
    """:ivar email: as accounts would be known by it
    :ivar name: of who received it
    :ivar latest: their last order
    """

    email: str
    name: str
    orders: int
    latest: datetime


@dataclass(frozen=True, slots=True)
class Buyer:
    """Whose an order is.

    :ivar customer_id: the account, None for a guest's
    :ivar email: a guest's, may be empty
    """

    customer_id: int | None
    email: str


def find_guests(words: str) -> list[Guest]:
    """Guests by a part of their address, name or phone number, last ones first; at most `MAX_FOUND`.

    :param words: each must stand in the same of the three; without any there is nothing
    """
    typed = words.split()
    if not typed:
        return []
    columns = (Order.customer_email, Order.shipping_full_name, Order.shipping_phone)
    alike = or_(*(and_(*(column.icontains(word, autoescape=True) for word in typed)) for column in columns))
    latest = func.max(Order.order_date)
    found = select(Order.email_key, func.max(Order.shipping_full_name), func.count(Order.id), latest)
    chosen = found.where(*_GUESTS, alike).group_by(Order.email_key).order_by(latest.desc(), Order.email_key)
    return [Guest(*row) for row in read_session().execute(chosen.limit(MAX_FOUND))]


def find_buyer(order_id: str) -> Buyer | None:
    """Whose the order of a number is; None where there is none."""
    asked = select(Order.customer_id, Order.email_key).where(Order.order_id == order_id.strip().upper())
    row = read_session().execute(asked).first()
    return Buyer(row.customer_id, row.email_key) if row else None


def orders_of_guest(email: str) -> list[OrderSummary]:
    """The orders placed as a guest with this address, newest first; at most `MAX_SHOWN`.

    :param email: of a `Guest`
    """
    theirs = select(Order.order_id).where(*_GUESTS, Order.email_key == email).order_by(*NEWEST_FIRST)
    return summaries(list(read_session().scalars(theirs.limit(MAX_SHOWN)))) if email else []
