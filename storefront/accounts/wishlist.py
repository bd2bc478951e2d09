"""Wishlists: of an account, or of the guest who holds a token. Which products there are is the callers' to know."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType, TypeVar

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from storefront.accounts.models import User, WishlistItem, WishlistShare
from storefront.accounts.values import Profile, UserId
from storefront.core.clock import utc_now
from storefront.core.errors import DomainError, NotFoundError
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

KEPT = timedelta(days=90)  # after its last wish; the cookie with a guest's token lives a third of it
FORGOTTEN_AT_ONCE = 200  # lists
MAX_WISHLIST_ITEMS = 200  # of one list: who sends a million forms must not fill the table

WishlistToken = NewType("WishlistToken", str)  # a guest's
WishlistOwner = UserId | WishlistToken

T = TypeVar("T")


class UnknownWishlistItem(NotFoundError):
    """This list has no such item."""


class WishlistFull(DomainError):
    """The list holds `MAX_WISHLIST_ITEMS` products already."""


class UnknownWishlist(NotFoundError):
    """No list is shared by this token."""


@dataclass(frozen=True, slots=True)
class WishlistEntry:
    """A product on a list.

    :ivar user_id: None on a guest's list
    :ivar sku: the variant chosen, "" while any will do
    :ivar quantity: units, 1 to 99
    """

    id: int
    user_id: UserId | None
    product_id: int
    sku: str
    quantity: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SharedWishlist:
    """A list as others see it.

    :ivar owner: whose; their name may be empty
    """

    owner: Profile
    wishes: tuple[WishlistEntry, ...]


def _is_of(owner: WishlistOwner) -> ColumnElement[bool]:
    return WishlistItem.user_id == owner if isinstance(owner, int) else WishlistItem.guest_token == owner


def _wish(row: WishlistItem) -> WishlistEntry:
    user = UserId(row.user_id) if row.user_id is not None else None
    return WishlistEntry(row.id, user, row.product_id, row.variant, row.quantity, row.created_at)


def items_of(owner: WishlistOwner | None) -> tuple[WishlistEntry, ...]:
    """What is on a list, newest first."""
    if owner is None:
        return ()
    mine = select(WishlistItem).where(_is_of(owner)).order_by(WishlistItem.created_at.desc(), WishlistItem.id.desc())
    return tuple(_wish(row) for row in read_session().scalars(mine))


def wishlist_product_ids(owner: WishlistOwner | None) -> frozenset[int]:
    """Ids of the products on a list, for the hearts of a page."""
    if owner is None:
        return frozenset()
    return frozenset(read_session().scalars(select(WishlistItem.product_id).where(_is_of(owner))))


def add_wishlist_item(
    owner: WishlistOwner, product_id: int, *, sku: str = "", quantity: int = 1, since: datetime | None = None
) -> WishlistEntry:
    """Put a product on a list; one that is there already stays as it is.

    :param quantity: units, 1 to 99
    :param since: its place, when it was there before; None: now
    :raise WishlistFull: there is no room
    """
    return _twice(lambda: _add(owner, product_id, sku, quantity, since or utc_now()))


def _twice(command: Callable[[], T]) -> T:
    """The twin of a double click may be first to write a row; at the second look it is there."""
    with suppress(IntegrityError):
        return command()
    return command()


@retry_on_deadlock
def _add(owner: WishlistOwner, product_id: int, sku: str, quantity: int, since: datetime) -> WishlistEntry:
    with transaction("accounts") as session:
        row = session.scalar(select(WishlistItem).where(_is_of(owner), WishlistItem.product_id == product_id))
        if row is None:
            if (
                session.scalar(select(func.count()).select_from(WishlistItem).where(_is_of(owner))) or 0
            ) >= MAX_WISHLIST_ITEMS:
                raise WishlistFull
            row = WishlistItem(product_id=product_id, variant=sku, quantity=quantity, created_at=since)
            if isinstance(owner, int):
                row.user_id = owner
            else:
                row.guest_token = owner
            session.add(row)
            session.flush()
        return _wish(row)


@retry_on_deadlock
def change_wishlist_item(owner: WishlistOwner | None, product_id: int, *, sku: str, quantity: int) -> None:
    """Choose the variant and the units of a product on a list.

    :param sku: "" for any variant
    :param quantity: units, 1 to 99
    :raise UnknownWish: the product is not on it
    """
    if owner is None:
        raise UnknownWishlistItem(product_id)
    mine = update(WishlistItem).where(_is_of(owner), WishlistItem.product_id == product_id)
    with transaction("accounts") as session:
        changed = session.execute(mine.values(variant=sku, quantity=quantity))
        if not rows_changed(changed):
            raise UnknownWishlistItem(product_id)


def remove_wishlist_item(owner: WishlistOwner | None, product_id: int) -> WishlistEntry | None:
    """Take a product off a list.

    :return: it as it was, or None when it was not there: of twins only one gets it
    """
    return _remove(owner, WishlistItem.product_id == product_id) if owner is not None else None


def remove_wishlist_item_by_id(owner: WishlistOwner, wish: int) -> None:
    """Take an item off a list.

    :raise UnknownWish: it has none of this id
    """
    if _remove(owner, WishlistItem.id == wish) is None:
        raise UnknownWishlistItem(wish)


@retry_on_deadlock
def _remove(owner: WishlistOwner, which: ColumnElement[bool]) -> WishlistEntry | None:
    with transaction("accounts") as session:
        row = session.scalar(select(WishlistItem).where(_is_of(owner), which))
        if row is None:
            return None
        gone = session.execute(delete(WishlistItem).where(WishlistItem.id == row.id))
        return _wish(row) if rows_changed(gone) else None


def merge_wishlists(guest: WishlistToken, user: UserId) -> None:
    """Put a guest's list on an account's and forget the guest's; what the account has already stays as it is there."""
    _twice(lambda: _merge(guest, user))


@retry_on_deadlock
def _merge(guest: WishlistToken, user: UserId) -> None:
    with transaction("accounts") as session:
        known = set(session.scalars(select(WishlistItem.product_id).where(_is_of(user))))
        theirs = select(WishlistItem).where(_is_of(guest)).order_by(WishlistItem.id).with_for_update()
        for row in session.scalars(theirs):
            if row.product_id in known:
                session.delete(row)
            else:
                row.user_id, row.guest_token = user, None


def purge_guest_wishlists() -> None:
    """Delete lists of guests whose browsers have forgotten the token by now; the worker asks for it."""
    last = select(WishlistItem.guest_token).where(WishlistItem.guest_token.is_not(None))
    lost = last.group_by(WishlistItem.guest_token).having(func.max(WishlistItem.created_at) < utc_now() - KEPT)
    while tokens := read_session().scalars(lost.limit(FORGOTTEN_AT_ONCE)).all():
        _forget(tokens)


@retry_on_deadlock
def _forget(tokens: Sequence[str | None]) -> None:
    with transaction("accounts") as session:
        session.execute(delete(WishlistItem).where(WishlistItem.guest_token.in_(tokens)))


# ---------------------------------------------------------------------------------------------- sharing


def share_of(user: UserId) -> str | None:
    """The token by which an account's list is shared; None when it is not."""
    return read_session().scalar(select(WishlistShare.token).where(WishlistShare.user_id == user))


def share_wishlist(user: UserId) -> str:
    """Let whoever holds a token see an account's list.

    :return: it, 192 random bits; the same until it is taken back
    """
    return _twice(lambda: _share(user))


@retry_on_deadlock
def _share(user: UserId) -> str:
    with transaction("accounts") as session:
        token = session.scalar(select(WishlistShare.token).where(WishlistShare.user_id == user))
        if token is None:
            token = secrets.token_urlsafe(24)
            session.add(WishlistShare(token=token, user_id=user, created_at=utc_now()))
        return token


@retry_on_deadlock
def stop_sharing(user: UserId) -> None:
    """Take the token back: whoever holds it sees nothing any more, also when the list is shared anew."""
    with transaction("accounts") as session:
        session.execute(delete(WishlistShare).where(WishlistShare.user_id == user))


def shared_wishlist(token: str) -> SharedWishlist:
    """The list shared by a token.

    :raise UnknownWishlist: none is
    """
    shared = select(User.id, User.name).join(WishlistShare, WishlistShare.user_id == User.id)
    row = read_session().execute(shared.where(WishlistShare.token == token)).one_or_none()
    if row is None:
        raise UnknownWishlist(token)
    user = UserId(row.id)
    return SharedWishlist(Profile(user, row.name or ""), items_of(user))
