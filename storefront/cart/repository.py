"""Rows of carts: their keys, their lines, and their creation."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.cart.models import Cart, Line
from storefront.cart.values import CartId, CartRecord, CartToken
from storefront.core.clock import utc_now
from storefront.db.prepared import prepared
from storefront.db.session import read_session, retry_on_deadlock, transaction

_ACCOUNT = "account:"  # a guest's token has letters, digits, - and _ only, so it cannot start like this


def cart_key_of(user: int) -> CartToken:
    """The key of an account's cart."""
    return CartToken(f"{_ACCOUNT}{user}")


def account_of(token: str) -> int | None:
    """The account whose cart has this key; None for a guest's token."""
    return int(token.removeprefix(_ACCOUNT)) if token.startswith(_ACCOUNT) else None


@prepared
def _cart_of(key: Any, *, is_account: bool, lock: bool) -> Select[Cart]:
    found = select(Cart).where(_has_key(key, is_account))
    return found.with_for_update() if lock else found


@prepared
def _lines_of(key: Any, *, is_account: bool) -> Select[Line, str]:
    lines = select(Line, Cart.content_id).join(Cart, Cart.id == Line.cart_id)
    return lines.where(_has_key(key, is_account)).order_by(Line.id)


@prepared
def _units_of(key: Any, *, is_account: bool) -> Select[int]:
    units = select(func.coalesce(func.sum(Line.quantity), 0)).join(Cart, Cart.id == Line.cart_id)
    return units.where(_has_key(key, is_account))


def _has_key(key: Any, is_account: bool) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = Cart.user_id == key if is_account else Cart.guest_token == key
    return condition


def _key_in_columns(token: str) -> tuple[int | str, bool]:
    """The value of the column that has the key, and whether that is the one for accounts."""
    user = account_of(token)
    return (token, False) if user is None else (user, True)


def cart_row(session: Session, token: str, *, lock: bool = False) -> Cart | None:
    """The row of a cart; None when there is none.

    :param lock: lock it until the transaction ends
    """
    key, is_account = _key_in_columns(token)
    statement, values = _cart_of(key, is_account=is_account, lock=lock)
    return session.scalar(statement, values)


def count_units(token: str | None) -> int:
    """Count the units in a cart, for the badge in the header."""
    if token is None:
        return 0
    key, is_account = _key_in_columns(token)
    return int(read_session().scalar(*_units_of(key, is_account=is_account)) or 0)


def lines_of(token: str | None) -> list[Line]:
    """The lines of a cart, oldest first; none without a token."""
    return content_of(token)[1]


def content_of(token: str | None) -> tuple[str, list[Line]]:
    """What a cart holds, read at one moment.

    :return: the id of its content, and its lines, oldest first; empty without lines
    """
    if token is None:
        return "", []
    key, is_account = _key_in_columns(token)
    rows = read_session().execute(*_lines_of(key, is_account=is_account)).all()
    return (rows[0].content_id if rows else "", [row.Line for row in rows])


def open_cart(token: str) -> CartRecord:
    """The record of a cart, created if there is none; of concurrent first calls one creates it."""
    record = find_cart(token)
    if record is None:
        with suppress(IntegrityError):
            _create_cart(token)
        record = find_cart(token)
        assert record is not None  # noqa: S101 - this call or a concurrent one has just created it
    return record


def find_cart(token: str) -> CartRecord | None:
    """The record of a cart; None when there is none."""
    row = cart_row(read_session(), token)
    return None if row is None else CartRecord(CartId(row.id), row.updated_at, row.content_id, row.cleared_for)


@retry_on_deadlock
def _create_cart(token: str) -> None:
    with transaction("cart") as session:
        get_or_create(session, token)


def get_or_create(session: Session, token: str) -> int:
    """The id of a cart, created if there is none; its `updated_at` is set to now."""
    now = utc_now()
    cart = cart_row(session, token)
    if cart is None:
        user = account_of(token)
        cart = Cart(user_id=user, guest_token=token if user is None else None, updated_at=now)
        session.add(cart)
        session.flush()
    cart.updated_at = now
    return cart.id


def touch_cart_of(session: Session, line_id: int) -> None:
    """Set `updated_at` of the cart of a line to now."""
    cart_id = select(Line.cart_id).where(Line.id == line_id).scalar_subquery()
    session.execute(update(Cart).where(Cart.id == cart_id).values(updated_at=utc_now()))
