"""An account's profile: name, phone number and avatar."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Literal

from flask import url_for
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from storefront.accounts import identifiers
from storefront.accounts.models import Avatar, User
from storefront.accounts.values import PhoneTaken, UnknownAvatar, UnknownUser, UnusableAvatar, UserId
from storefront.core import contact
from storefront.core.image_processing import reencode
from storefront.core.text import or_blank
from storefront.core.urls import safe_next_path
from storefront.db.session import read_session, retry_on_deadlock, rows_changed, transaction

MAX_NAME_LENGTH = contact.MAX_NAME_LENGTH
MAX_ADDRESS_LENGTH = 500  # characters of an avatar's URL
AVATAR_SIZE = 256  # pixels, wide and high

ProfilePart = Literal["name", "avatar", "phone"]


def change_profile(user: UserId, changes: Mapping[ProfilePart, str | None]) -> None:
    """Change parts of a profile, all or none. Parts that are not named stay as they are.

    :param changes: new values, None to remove one. A new phone number is unverified. An avatar is an http(s) URL or a
        path of this shop, and replaces an uploaded picture
    :raise UnusableAvatar: the avatar's URL is not valid, or longer than `MAX_ADDRESS_LENGTH`
    :raise PhoneTaken: another account has the phone number
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
            row.name = " ".join(or_blank(changes["name"] or "").split()) or None
        if "avatar" in changes and row.avatar != (avatar := clean_avatar_url(changes["avatar"])):
            row.avatar = avatar
            session.execute(delete(Avatar).where(Avatar.user_id == user))
        if "phone" in changes and row.phone != changes["phone"]:
            identifiers.notify_owner(session, row, "phone")
            row.phone, row.phone_verified_at = changes["phone"], None


def clean_avatar_url(address: str | None) -> str | None:
    """Validate the URL of an avatar and strip blanks around it.

    :return: None for a blank one
    :raise UnusableAvatar: it is neither http(s) nor a path of this shop, or too long
    """
    address = (address or "").strip() or None
    if address is not None and not _is_valid_avatar_url(address):
        raise UnusableAvatar
    return address


def upload_avatar(user: UserId, sent: bytes) -> str:
    """Store an uploaded picture as the avatar of an account, cropped to a square and re-encoded as WebP.

    :param sent: content of the uploaded file
    :return: the avatar's URL
    :raise storefront.core.image_processing.InvalidImage: it is not a supported image
    :raise storefront.core.image_processing.ImageTooLarge: it has too many bytes or pixels
    :raise UnknownUser: there is no such account
    """
    content, _ = reencode(sent, longest=AVATAR_SIZE, kind="WEBP", is_square=True)
    digest = hashlib.sha256(content).hexdigest()
    address = url_for("account.avatar", user_id=user, digest=digest[:32])
    _store_avatar(user, content, digest, address)
    return address


@retry_on_deadlock
def _store_avatar(user: UserId, content: bytes, digest: str, address: str) -> None:
    with transaction("accounts") as session:
        # The user's row first: concurrent uploads wait for its lock, and the later one sees the earlier avatar row.
        if not rows_changed(session.execute(update(User).where(User.id == user).values(avatar=address))):
            raise UnknownUser(user)
        replacement = update(Avatar).where(Avatar.user_id == user).values(digest=digest, content=content)
        if not rows_changed(session.execute(replacement)):
            session.add(Avatar(user_id=user, digest=digest, content=content))


def _is_valid_avatar_url(address: str) -> bool:
    if len(address) > MAX_ADDRESS_LENGTH or not address.isprintable() or " " in address:
        return False
    has_host = address.lower().startswith(("http://", "https://")) and len(address.split("/", 3)[2]) > 0
    return has_host or safe_next_path(address) is not None


def avatars_of(users: Collection[int]) -> dict[int, str]:
    """URLs of uploaded avatars by account id, in one query, for pages that others see.

    An address elsewhere is left out: whoever owns it would learn who reads the page.
    """
    if not users:
        return {}
    uploaded = select(User.id, User.avatar).join(Avatar, Avatar.user_id == User.id)
    avatars = uploaded.where(User.id.in_(users), User.avatar.is_not(None))
    return {row.id: row.avatar for row in read_session().execute(avatars)}


def get_avatar(user: int, digest: str) -> bytes:
    """Return the content of an uploaded avatar: WebP, `AVATAR_SIZE` pixels wide and high.

    :param digest: first 32 characters of its hash, as in its URL
    :raise UnknownAvatar: there is no such avatar, or it was replaced
    """
    row = read_session().get(Avatar, user)
    if row is None or row.digest[:32] != digest:
        raise UnknownAvatar(user)
    return row.content
