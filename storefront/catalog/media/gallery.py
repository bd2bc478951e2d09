"""The pictures of one product: their order, what they show in words, taken away and brought back; and their files."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from storefront.catalog.media.images import MAX_ALT_LENGTH, get_media, lock_product, update_cover
from storefront.catalog.media.maintenance import delete_orphans, migrate, regenerate
from storefront.catalog.media.storage import StorageUnavailable, UnknownPicture, open_store
from storefront.catalog.models import AuditEntry, Image, Product
from storefront.catalog.values import Picture
from storefront.core.clock import utc_now
from storefront.core.errors import DomainError
from storefront.db import audit_log
from storefront.db.session import read_session, retry_on_deadlock, transaction

__all__ = [
    "MAX_ALT_LENGTH",
    "AltTextConflict",
    "Gallery",
    "GalleryImage",
    "ImageEdit",
    "StorageUnavailable",
    "UnknownPicture",
    "alt_text_hash",
    "delete_orphans",
    "gallery_of",
    "get_media",
    "migrate",
    "open_store",
    "pictures_of",
    "regenerate",
    "remove",
    "reorder",
    "restore",
]

_SHOWN = (Image.id, Image.image_url, Image.alt_text, Image.width, Image.height, Image.removed_at)


@dataclass(frozen=True, slots=True)
class GalleryImage:
    """A picture of a product, as its page and its desk show it."""

    id: int
    picture: Picture

    @property
    def digest(self) -> str:
        return alt_text_hash(self.picture.alt)


@dataclass(frozen=True, slots=True)
class Gallery:
    """:ivar shown: in their order, the first is the one that listings show
    :ivar removed: taken away, the last one first; they can be brought back
    """

    shown: tuple[GalleryImage, ...]
    removed: tuple[GalleryImage, ...]


@dataclass(frozen=True, slots=True)
class ImageEdit:
    """What a picture is to be; what is None stays as it is.

    :ivar place: from 1; pictures that want the same stay as they stand
    :ivar alt: what it shows, in words
    :ivar seen: `digest_of` the words that these are to replace
    """

    place: int | None = None
    alt: str | None = None
    seen: str | None = None


class AltTextConflict(DomainError):
    """Somebody else described pictures since they were looked at.

    :ivar pictures: their ids
    """

    def __init__(self, pictures: Collection[int]) -> None:
        super().__init__(f"{len(pictures)} pictures")
        self.pictures = frozenset(pictures)


def alt_text_hash(words: str) -> str:
    """Stands for the words of a picture; another one means that somebody changed them."""
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def pictures_of(product_id: int) -> tuple[GalleryImage, ...]:
    """The pictures of a product in their order; the first is the one that listings show."""
    return tuple(_kept(row) for row in read_session().execute(_of(product_id).where(Image.removed_at.is_(None))))


def gallery_of(product_id: int) -> Gallery:
    """What the desk shows of a product's pictures, by one select."""
    rows = read_session().execute(_of(product_id)).all()
    removed = sorted((row for row in rows if row.removed_at), key=lambda row: row.removed_at, reverse=True)
    return Gallery(tuple(_kept(row) for row in rows if row.removed_at is None), tuple(map(_kept, removed)))


def _of(product_id: int) -> Select[*tuple[Any, ...]]:
    return select(*_SHOWN).where(Image.product_id == product_id).order_by(Image.sort_order, Image.id)


def _kept(row: Row[Any]) -> GalleryImage:
    return GalleryImage(row.id, Picture(row.image_url, row.alt_text, row.width, row.height))


@retry_on_deadlock
def reorder(product_id: int, wanted: Mapping[int, ImageEdit], *, actor: str) -> None:
    """Put the pictures of a product in order and say what they show, all at once.

    :param wanted: by id; pictures that are not named stay as they are, and ids that are none of its are passed over
    :raise UnknownProduct: there is no such product
    :raise WordsChanged: words that are to be replaced are others by now; nothing was written
    """
    with transaction("catalog") as session:
        product = lock_product(session, product_id)
        shown = _lock_shown(session, product_id)
        if changed := [picture.id for picture in shown if _is_stale(picture, wanted.get(picture.id, ImageEdit()))]:
            raise AltTextConflict(changed)
        placed: list[tuple[int, int, int, Image]] = []
        for place, picture in enumerate(shown, start=1):
            asked = wanted.get(picture.id, ImageEdit())
            _describe(session, product, picture, asked.alt, actor)
            target = place if asked.place is None else min(max(asked.place, 1), len(shown))
            # One that goes up stands before the one whose place it wants, one that goes down behind it.
            placed.append((target, (target > place) - (target < place), place, picture))
            if target != place:
                moved = f"“{picture.alt_text}” from place {place} to {target}"
                _note(session, product, "picture moved", moved, actor)
        for position, (*_, picture) in enumerate(sorted(placed, key=lambda one: one[:3])):
            picture.sort_order = position
        session.flush()
        update_cover(session, product_id)


def _is_stale(picture: Image, asked: ImageEdit) -> bool:
    """Whether words were typed for others than it has, and are not what it has by now."""
    if asked.alt in {None, picture.alt_text} or asked.seen is None:
        return False
    return asked.seen != alt_text_hash(picture.alt_text)


def _describe(session: Session, product: Product, picture: Image, alt: str | None, actor: str) -> None:
    words = picture.alt_text if alt is None else (alt or product.name)[:MAX_ALT_LENGTH]
    if words != picture.alt_text:
        _note(session, product, "picture described", f"from “{picture.alt_text}” to “{words}”", actor)
        picture.alt_text = words


@retry_on_deadlock
def remove(product_id: int, picture_id: int, *, actor: str) -> None:
    """Take a picture away; orders show it for a while yet. Pressed twice it is taken away once.

    :raise UnknownPicture: the product has none of this id
    """
    with transaction("catalog") as session:
        product, picture = _lock(session, product_id, picture_id)
        if picture.removed_at is None:
            picture.removed_at = utc_now()
            session.flush()
            update_cover(session, product_id)
            _note(session, product, "picture removed", picture.alt_text, actor)


@retry_on_deadlock
def restore(product_id: int, picture_id: int, *, actor: str) -> None:
    """Show a picture again that was taken away, where it stood.

    :raise UnknownPicture: the product has none of this id, or no more
    """
    with transaction("catalog") as session:
        product, picture = _lock(session, product_id, picture_id)
        if picture.removed_at is not None:
            picture.removed_at = None
            session.flush()
            update_cover(session, product_id)
            _note(session, product, "picture brought back", picture.alt_text, actor)


def _lock(session: Session, product_id: int, picture_id: int) -> tuple[Product, Image]:
    product = lock_product(session, product_id)
    mine = select(Image).where(Image.id == picture_id, Image.product_id == product_id)
    picture = session.scalar(mine)
    if picture is None:
        raise UnknownPicture(picture_id)
    return product, picture


def _lock_shown(session: Session, product_id: int) -> list[Image]:
    mine = select(Image).where(Image.product_id == product_id, Image.removed_at.is_(None))
    ordered = mine.order_by(Image.sort_order, Image.id)
    return list(session.scalars(ordered))


def _note(session: Session, product: Product, what: str, detail: str, actor: str) -> None:
    audit_log.record(session, AuditEntry, actor=actor, what=what, subject=product.sku, detail=detail)
