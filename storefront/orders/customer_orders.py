"""The orders of an account: list and search, claiming of guest orders, and what happens when the account is erased."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sqlalchemy import Select, and_, func, or_, select, update

from storefront.core.contact import NotAnEmail, normalize_email
from storefront.core.money import Money
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction
from storefront.orders.models import Item, Order, OrderEvent
from storefront.orders.numbers import search_part
from storefront.orders.values import OrderId, OrderPage, OrderStatus, OrderSummary

PAGE_SIZE = 20
MAX_WORDS = 5  # of a search; further ones are ignored
NEWEST_FIRST = (Order.order_date.desc(), Order.id.desc())
_ARRIVED = select(OrderEvent.id).where(OrderEvent.order_id == Order.id, OrderEvent.status == OrderStatus.DELIVERED)
# Delivered, also where all of it was refunded afterwards.
WAS_DELIVERED = or_(
    Order.status == OrderStatus.DELIVERED, and_(Order.status == OrderStatus.REFUNDED, _ARRIVED.exists())
)


def key_of(email: str) -> str:
    """Normalize an e-mail address as accounts do; empty when it is not one."""
    try:
        return normalize_email(email)
    except NotAnEmail:
        return ""


def orders_of(customer: int, words: str = "", page: int = 1, *, size: int = PAGE_SIZE) -> OrderPage:
    """A page of an account's orders, latest placed first, by three selects.

    :param words: each must be part of the number or of a product's name
    :param page: from 1; one beyond the last is empty
    :param size: orders on a page
    """
    matching = _matching(select(Order.id).where(Order.customer_id == customer), words)
    count = read_session().scalar(
        select(func.count()).select_from(matching.subquery()), bind_arguments={"mapper": Order}
    )
    newest = matching.order_by(*NEWEST_FIRST).limit(size).offset((max(1, page) - 1) * size)
    ids = list(read_session().scalars(newest))
    return OrderPage(tuple(_summaries(ids)), count or 0, page, max(1, math.ceil((count or 0) / size)))


def _matching(mine: Select[int], words: str) -> Select[int]:
    for word in words.split()[:MAX_WORDS]:
        named = select(Item.id).where(Item.order_id == Order.id, Item.product_name.icontains(word, autoescape=True))
        mine = mine.where(or_(Order.order_id.icontains(search_part(word), autoescape=True), named.exists()))
    return mine


def summaries(order_ids: Sequence[str]) -> list[OrderSummary]:
    """Summaries of orders by their numbers, newest first; unknown numbers are left out."""
    if not order_ids:
        return []
    return _summaries(list(read_session().scalars(select(Order.id).where(Order.order_id.in_(order_ids)))))


def _summaries(ids: Sequence[int]) -> list[OrderSummary]:
    if not ids:
        return []
    rows = read_session().execute(
        select(Order, func.count(Item.id), func.sum(Item.quantity), func.min(Item.product_name))
        .join(Item, Item.order_id == Order.id)
        .where(Order.id.in_(ids))
        .group_by(Order.id)
        .order_by(*NEWEST_FIRST)
    )
    return [
        OrderSummary(
            id=OrderId(order.order_id),
            customer_id=order.customer_id,
            status=OrderStatus(order.status),
            placed_at=order.order_date,
            grand_total=Money(order.total_amount, order.currency),
            line_count=lines,
            unit_count=int(units),
            first_item=name,
        )
        for order, lines, units, name in rows
    ]


def has_received(customer: int, product_id: int) -> bool:
    """Whether a delivered order of the account contains the product."""
    delivered = (
        select(Item.id)
        .join(Order, Order.id == Item.order_id)
        .where(Order.customer_id == customer, WAS_DELIVERED, Item.product_id == product_id)
    )
    return read_session().scalar(delivered.limit(1)) is not None


def count_claimable(email: str) -> int:
    """Count the orders placed as a guest with this e-mail address that no account has claimed."""
    key = key_of(email)
    unclaimed = (Order.email_key == key, Order.customer_id.is_(None))
    return (read_session().scalar(select(func.count()).where(*unclaimed)) or 0) if key else 0


@retry_on_deadlock
def claim(customer: int, email: str) -> int:
    """Assign guest orders with an e-mail address to an account.

    :param email: which the caller has verified to be the account's
    :return: how many orders were assigned
    """
    key = key_of(email)
    if not key:
        return 0
    with transaction("orders") as session:
        claimed = session.execute(
            update(Order).where(Order.email_key == key, Order.customer_id.is_(None)).values(customer_id=customer)
        )
        return rows_changed(claimed)


@retry_on_deadlock
def join_account(checkout: str, customer: int) -> None:
    """Assign a checkout's order to the account that its guest signed in to. Safe to repeat, and without an order."""
    with transaction("orders") as session:
        session.execute(
            update(Order).where(Order.checkout_id == checkout, Order.customer_id.is_(None)).values(customer_id=customer)
        )


@retry_on_deadlock
def erase_customer(customer: int) -> None:
    """Detach the orders of an erased account; they are kept for accounting. Safe to repeat."""
    with transaction("orders") as session:
        session.execute(update(Order).where(Order.customer_id == customer).values(customer_id=None))
