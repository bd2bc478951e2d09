"""The rows of carts: whose they are, what lies in them, that they exist."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.cart.models import Cart, Line
from storefront.cart.values import CartId, CartRecord, CartToken
from storefront.core.clock import utc_now
from storefront.db.session import read_session, retry_on_deadlock, transaction

_ACCOUNT = "account:"  # a guest's token is made of letters, digits, - and _: none looks like this


def cart_key_of(user: int) -> CartToken:
    """What names the cart of an account."""
    return CartToken(f"{_ACCOUNT}{user}")


def account_of(token: str) -> int | None:
    """The account whose cart a token names, None when it is a guest's."""
    return int(token.removeprefix(_ACCOUNT)) if token.startswith(_ACCOUNT) else None


def is_named_by(token: str) -> ColumnElement[bool]:
    """The cart that this token names."""
    user = account_of(token)
    return Cart.guest_token == token if user is None else Cart.user_id == user


def lines_of(token: str | None) -> list[Line]:
    """What lies in a cart, oldest first."""
    if token is None:
        return []
    mine = select(Line).join(Cart, Cart.id == Line.cart_id).where(is_named_by(token))
    return list(read_session().scalars(mine.order_by(Line.id)))


def open_cart(token: str) -> CartRecord:
    """The record of a cart, made if there is none yet; of several first calls at one moment one makes it."""
    found = _find_cart(token)
    if found is None:
        with suppress(IntegrityError):
            _make_cart(token)
        found = _find_cart(token)
        assert found is not None  # noqa: S101 - it was made a moment ago, by whomever
    return found


def _find_cart(token: str) -> CartRecord | None:
    row = read_session().execute(select(Cart.id, Cart.updated_at).where(is_named_by(token))).one_or_none()
    return None if row is None else CartRecord(CartId(row.id), row.updated_at)


@retry_on_deadlock
def _make_cart(token: str) -> None:
    with transaction("cart") as session:
        get_or_create(session, token)


def get_or_create(session: Session, token: str) -> int:
    """The id of a cart that is written to now, made if there is none yet."""
    now = utc_now()
    cart = session.scalar(select(Cart).where(is_named_by(token)))
    if cart is None:
        user = account_of(token)
        cart = Cart(user_id=user, guest_token=token if user is None else None, updated_at=now)
        session.add(cart)
        session.flush()
    cart.updated_at = now
    return cart.id


def get_or_create_of(session: Session, line_id: int) -> None:
    """Note that the cart of a line is written to."""
    its_cart = select(Line.cart_id).where(Line.id == line_id).scalar_subquery()
    session.execute(update(Cart).where(Cart.id == its_cart).values(updated_at=utc_now()))
