"""Wishlists of accounts and of guests, who are identified by a token. Product ids are not checked here."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NewType

from sqlalchemy import ColumnElement, Select, delete, func, select, update

from storefront.accounts.models import User, WishlistItem, WishlistShare
from storefront.accounts.values import Profile, UserId
from storefront.core.clock import utc_now
from storefront.core.errors import DomainError, NotFoundError
from storefront.db.prepared import prepared
from storefront.db.session import read_session, retry_on_conflict, retry_on_deadlock, rows_changed, transaction

GUEST_RETENTION = timedelta(days=90)  # after the last item was added; the guest's cookie lives a third of it
PURGE_BATCH = 200  # lists deleted in one transaction
MAX_WISHLIST_ITEMS = 200  # per list, so that automated requests cannot fill the table

WishlistToken = NewType("WishlistToken", str)  # identifies a guest's list
WishlistOwner = UserId | WishlistToken


class UnknownWishlistItem(NotFoundError):
    """The wishlist has no such item."""


class WishlistFull(DomainError):
    """The wishlist already holds `MAX_WISHLIST_ITEMS` products."""


class UnknownWishlist(NotFoundError):
    """No wishlist is shared under this token."""


@dataclass(frozen=True, slots=True)
class WishlistEntry:
    """A product on a wishlist.

    :ivar user_id: None on a guest's list
    :ivar sku: the chosen variant, "" for any
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
    """A shared wishlist.

    :ivar owner: their name may be empty
    """

    owner: Profile
    items: tuple[WishlistEntry, ...]


def _owned_by(owner: WishlistOwner) -> ColumnElement[bool]:
    return _has_owner(owner, is_account=isinstance(owner, int))


def _has_owner(owner: Any, *, is_account: bool) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = (WishlistItem.user_id if is_account else WishlistItem.guest_token) == owner
    return condition


def _to_entry(row: WishlistItem) -> WishlistEntry:
    user = UserId(row.user_id) if row.user_id is not None else None
    return WishlistEntry(row.id, user, row.product_id, row.variant, row.quantity, row.created_at)


def items_of(owner: WishlistOwner | None) -> tuple[WishlistEntry, ...]:
    """The items of a wishlist, newest first. None stands for a visitor without a list."""
    if owner is None:
        return ()
    query = (
        select(WishlistItem).where(_owned_by(owner)).order_by(WishlistItem.created_at.desc(), WishlistItem.id.desc())
    )
    return tuple(_to_entry(row) for row in read_session().scalars(query))


@prepared
def _product_ids(owner: Any, *, is_account: bool) -> Select[int]:
    return select(WishlistItem.product_id).where(_has_owner(owner, is_account=is_account))


def wishlist_product_ids(owner: WishlistOwner | None) -> frozenset[int]:
    """Ids of the products on a wishlist, for the wishlist toggles of a page."""
    if owner is None:
        return frozenset()
    return frozenset(read_session().scalars(*_product_ids(owner, is_account=isinstance(owner, int))))


@retry_on_conflict
@retry_on_deadlock
def add_wishlist_item(
    owner: WishlistOwner, product_id: int, *, sku: str = "", quantity: int = 1, since: datetime | None = None
) -> WishlistEntry:
    """Add a product to a wishlist; a product already on it is left unchanged.

    :param quantity: units, 1 to 99
    :param since: creation time to restore, so that the item returns to its place in the list; None: now
    :raise WishlistFull: the list holds `MAX_WISHLIST_ITEMS` already
    """
    with transaction("accounts") as session:
        row = session.scalar(select(WishlistItem).where(_owned_by(owner), WishlistItem.product_id == product_id))
        if row is None:
            count = session.scalar(select(func.count()).select_from(WishlistItem).where(_owned_by(owner))) or 0
            if count >= MAX_WISHLIST_ITEMS:
                raise WishlistFull
            row = WishlistItem(product_id=product_id, variant=sku, quantity=quantity, created_at=since or utc_now())
            if isinstance(owner, int):
                row.user_id = owner
            else:
                row.guest_token = owner
            session.add(row)
            session.flush()
        return _to_entry(row)


@retry_on_deadlock
def change_wishlist_item(owner: WishlistOwner | None, product_id: int, *, sku: str, quantity: int) -> None:
    """Set the variant and the quantity of a product on a wishlist.

    :param sku: "" for any variant
    :param quantity: units, 1 to 99
    :raise UnknownWishlistItem: the product is not on the list
    """
    if owner is None:
        raise UnknownWishlistItem(product_id)
    statement = update(WishlistItem).where(_owned_by(owner), WishlistItem.product_id == product_id)
    with transaction("accounts") as session:
        changed = session.execute(statement.values(variant=sku, quantity=quantity))
        if not rows_changed(changed):
            raise UnknownWishlistItem(product_id)


def remove_wishlist_item(owner: WishlistOwner | None, product_id: int) -> WishlistEntry | None:
    """Remove a product from a wishlist.

    :return: the removed item; None when it was not on the list or a concurrent request removed it
    """
    return _remove(owner, WishlistItem.product_id == product_id) if owner is not None else None


def remove_wishlist_item_by_id(owner: WishlistOwner, item_id: int) -> None:
    """Remove an item from a wishlist by its id.

    :raise UnknownWishlistItem: the list has no item of this id
    """
    if _remove(owner, WishlistItem.id == item_id) is None:
        raise UnknownWishlistItem(item_id)


@retry_on_deadlock
def _remove(owner: WishlistOwner, condition: ColumnElement[bool]) -> WishlistEntry | None:
    with transaction("accounts") as session:
        row = session.scalar(select(WishlistItem).where(_owned_by(owner), condition))
        if row is None:
            return None
        deleted = session.execute(delete(WishlistItem).where(WishlistItem.id == row.id))
        return _to_entry(row) if rows_changed(deleted) else None


@retry_on_conflict
@retry_on_deadlock
def merge_wishlists(guest: WishlistToken, user: UserId) -> None:
    """Move a guest's items to an account's wishlist. Products already on the account's list are left unchanged."""
    with transaction("accounts") as session:
        existing = set(session.scalars(select(WishlistItem.product_id).where(_owned_by(user))))
        guest_items = select(WishlistItem).where(_owned_by(guest)).order_by(WishlistItem.id).with_for_update()
        for row in session.scalars(guest_items):
            if row.product_id in existing:
                session.delete(row)
            else:
                row.user_id, row.guest_token = user, None


def purge_guest_wishlists() -> None:
    """Delete guests' wishlists without a new item for `GUEST_RETENTION`; their cookies have expired. For the worker."""
    last_added = func.max(WishlistItem.created_at)
    guests = select(WishlistItem.guest_token).where(WishlistItem.guest_token.is_not(None))
    expired = guests.group_by(WishlistItem.guest_token).having(last_added < utc_now() - GUEST_RETENTION)
    while tokens := read_session().scalars(expired.limit(PURGE_BATCH)).all():
        _delete_guest_lists(tokens)


@retry_on_deadlock
def _delete_guest_lists(tokens: Sequence[str | None]) -> None:
    with transaction("accounts") as session:
        session.execute(delete(WishlistItem).where(WishlistItem.guest_token.in_(tokens)))


# ---------------------------------------------------------------------------------------------- sharing


def share_of(user: UserId) -> str | None:
    """The token under which an account's wishlist is shared; None when it is not shared."""
    return read_session().scalar(select(WishlistShare.token).where(WishlistShare.user_id == user))


@retry_on_conflict
@retry_on_deadlock
def share_wishlist(user: UserId) -> str:
    """Share an account's wishlist under a link. Sharing again keeps the token.

    :return: the token, 192 random bits
    """
    with transaction("accounts") as session:
        token = session.scalar(select(WishlistShare.token).where(WishlistShare.user_id == user))
        if token is None:
            token = secrets.token_urlsafe(24)
            session.add(WishlistShare(token=token, user_id=user, created_at=utc_now()))
        return token


@retry_on_deadlock
def stop_sharing(user: UserId) -> None:
    """Revoke the token of a shared wishlist. Sharing the list later makes a new token."""
    with transaction("accounts") as session:
        session.execute(delete(WishlistShare).where(WishlistShare.user_id == user))


def shared_wishlist(token: str) -> SharedWishlist:
    """Return the wishlist shared under a token.

    :raise UnknownWishlist: no list is shared under it
    """
    shared = select(User.id, User.name).join(WishlistShare, WishlistShare.user_id == User.id)
    row = read_session().execute(shared.where(WishlistShare.token == token)).one_or_none()
    if row is None:
        raise UnknownWishlist(token)
    user = UserId(row.id)
    return SharedWishlist(Profile(user, row.name or ""), items_of(user))
