"""How an account calls itself and shows itself."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Literal

from flask import url_for
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from storefront.accounts import identifiers
from storefront.accounts.models import Avatar, User
from storefront.accounts.saved_values import UnknownAvatar, UnusableAvatar
from storefront.accounts.values import PhoneTaken, UnknownUser, UserId
from storefront.core import contact
from storefront.core.image_processing import reencode
from storefront.core.urls import safe_next_path
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

MAX_NAME_LENGTH = contact.MAX_NAME_LENGTH
MAX_ADDRESS_LENGTH = 500  # characters, of a picture
AVATAR_SIZE = 256  # pixels, wide and high

ProfilePart = Literal["name", "avatar", "phone"]


def change_profile(user: UserId, changes: Mapping[ProfilePart, str | None]) -> None:
    """Change several things at once, or none of them. What is not named stays as it is.

    :param changes: None takes it away; a phone is one that nobody proved; a picture's address is http(s) or
        a path of this shop, and what was uploaded before is deleted
    :raise UnusableAvatar: the picture's address is something else, or longer than `MAX_ADDRESS_LENGTH`
    :raise PhoneTaken: another account has the phone
    :raise UnknownUser: there is no such account
    """
    try:
        _change_profile(user, changes)
    except IntegrityError as error:
        raise PhoneTaken from error


@retry_on_deadlock
def _change_profile(user: UserId, changes: Mapping[ProfilePart, str | None]) -> None:
    with transaction("accounts") as session:
        row = session.scalar(select(User).where(User.id == user).with_for_update())
        if row is None:
            raise UnknownUser(user)
        if "name" in changes:
            row.name = " ".join((changes["name"] or "").split()) or None
        if "avatar" in changes and row.avatar != (avatar := usable(changes["avatar"])):
            row.avatar = avatar
            session.execute(delete(Avatar).where(Avatar.user_id == user))
        if "phone" in changes and row.phone != changes["phone"]:
            identifiers.notify_owner(session, user, row.email, "phone")
            row.phone, row.phone_verified_at = changes["phone"], None


def usable(address: str | None) -> str | None:
    """The address of a picture as it is kept; None for a blank one.

    :raise UnusableAvatar: it is neither http(s) nor a path of this shop, or too long
    """
    address = (address or "").strip() or None
    if address is not None and not _is_usable(address):
        raise UnusableAvatar
    return address


def upload_avatar(user: UserId, sent: bytes) -> str:
    """Show an account by a picture that was sent. :return: its address

    :raise storefront.core.image_processing.NotAPicture: it cannot be read as a picture
    :raise storefront.core.image_processing.PictureTooLarge: it has too many bytes or pixels
    :raise UnknownUser: there is no such account
    """
    content, _ = reencode(sent, longest=AVATAR_SIZE, kind="WEBP", is_square=True)
    digest = hashlib.sha256(content).hexdigest()
    address = url_for("account.avatar", user_id=user, digest=digest[:32])
    _keep_avatar(user, content, digest, address)
    return address


@retry_on_deadlock
def _keep_avatar(user: UserId, content: bytes, digest: str, address: str) -> None:
    with transaction("accounts") as session:
        # First the user's row: who comes second waits here, and finds the picture of who came first.
        if not rows_changed(session.execute(update(User).where(User.id == user).values(avatar=address))):
            raise UnknownUser(user)
        kept = update(Avatar).where(Avatar.user_id == user).values(digest=digest, content=content)
        if not rows_changed(session.execute(kept)):
            session.add(Avatar(user_id=user, digest=digest, content=content))


def _is_usable(address: str) -> bool:
    if len(address) > MAX_ADDRESS_LENGTH or not address.isprintable() or " " in address:
        return False
    is_elsewhere = address.lower().startswith(("http://", "https://")) and len(address.split("/", 3)[2]) > 0
    return is_elsewhere or safe_next_path(address) is not None


def avatars_of(users: Collection[int]) -> dict[int, str]:
    """The addresses of the pictures of accounts, by one select; who shows none has none."""
    if not users:
        return {}
    shown = select(User.id, User.avatar).where(User.id.in_(users), User.avatar.is_not(None))
    return {row.id: row.avatar for row in read_session().execute(shown)}


def get_avatar(user: int, digest: str) -> bytes:
    """An uploaded picture: WebP, `AVATAR_SIZE` wide and high.

    :param digest: the beginning of its hash, as its address has it
    :raise UnknownAvatar: there is no such picture, or another has taken its place
    """
    row = read_session().get(Avatar, user)
    if row is None or row.digest[:32] != digest:
        raise UnknownAvatar(user)
    return row.content
