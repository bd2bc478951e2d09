"""The images of a product: their order, alternative texts, removal and restoration."""

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
    """An image of a product, as its page and its administration show it."""

    id: int
    picture: Picture

    @property
    def digest(self) -> str:
        """Return the hash of the alternative text, to detect concurrent edits."""
        return alt_text_hash(self.picture.alt)


@dataclass(frozen=True, slots=True)
class Gallery:
    """All images of a product.

    :ivar shown: in their order; listings show the first
    :ivar removed: those removed by staff that can be restored, the last removed first
    """

    shown: tuple[GalleryImage, ...]
    removed: tuple[GalleryImage, ...]


@dataclass(frozen=True, slots=True)
class ImageEdit:
    """A change of an image; None leaves a value unchanged.

    :ivar place: position from 1; images with the same one keep their order
    :ivar alt: the new alternative text
    :ivar seen: `alt_text_hash` of the text that the new one replaces
    """

    place: int | None = None
    alt: str | None = None
    seen: str | None = None


class AltTextConflict(DomainError):
    """Another staff member changed alternative texts after the form was shown.

    :ivar pictures: ids of the images
    """

    def __init__(self, pictures: Collection[int]) -> None:
        super().__init__(f"{len(pictures)} pictures")
        self.pictures = frozenset(pictures)


def alt_text_hash(words: str) -> str:
    """Return a short hash of an alternative text, by which a form detects that it was changed meanwhile."""
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def pictures_of(product_id: int) -> tuple[GalleryImage, ...]:
    """List the images of a product in their order; listings show the first."""
    return tuple(_image_of(row) for row in read_session().execute(_of(product_id).where(Image.removed_at.is_(None))))


def gallery_of(product_id: int) -> Gallery:
    """Return the images of a product with the removed ones, by one select."""
    rows = read_session().execute(_of(product_id)).all()
    removed = sorted((row for row in rows if row.removed_at), key=lambda row: row.removed_at, reverse=True)
    return Gallery(tuple(_image_of(row) for row in rows if row.removed_at is None), tuple(map(_image_of, removed)))


def _of(product_id: int) -> Select[*tuple[Any, ...]]:
    return select(*_SHOWN).where(Image.product_id == product_id).order_by(Image.sort_order, Image.id)


def _image_of(row: Row[Any]) -> GalleryImage:
    return GalleryImage(row.id, Picture(row.image_url, row.alt_text, row.width, row.height))


@retry_on_deadlock
def reorder(product_id: int, wanted: Mapping[int, ImageEdit], *, actor: str) -> None:
    """Reorder the images of a product and change their alternative texts, all or none.

    :param wanted: edits by image id; images without one are unchanged, ids of other products are ignored
    :raise UnknownProduct: no product has this id
    :raise AltTextConflict: a text to be replaced was changed meanwhile; nothing was written
    """
    with transaction("catalog") as session:
        product = lock_product(session, product_id)
        shown = _lock_shown(session, product_id)
        if stale := [picture.id for picture in shown if _is_stale(picture, wanted.get(picture.id, ImageEdit()))]:
            raise AltTextConflict(stale)
        placed: list[tuple[int, int, int, Image]] = []
        for place, picture in enumerate(shown, start=1):
            edit = wanted.get(picture.id, ImageEdit())
            _set_alt_text(session, product, picture, edit.alt, actor)
            target = place if edit.place is None else min(max(edit.place, 1), len(shown))
            # Of images with the same target, one that moves up sorts before the one there, one that moves down after.
            placed.append((target, (target > place) - (target < place), place, picture))
            if target != place:
                moved = f"“{picture.alt_text}” from place {place} to {target}"
                _record(session, product, "picture moved", moved, actor)
        for position, (*_, picture) in enumerate(sorted(placed, key=lambda one: one[:3])):
            picture.sort_order = position
        session.flush()
        update_cover(session, product_id)


def _is_stale(picture: Image, edit: ImageEdit) -> bool:
    """Tell whether the edit replaces a text that was changed meanwhile, and not to the same."""
    if edit.alt in {None, picture.alt_text} or edit.seen is None:
        return False
    return edit.seen != alt_text_hash(picture.alt_text)


def _set_alt_text(session: Session, product: Product, picture: Image, alt: str | None, actor: str) -> None:
    text = picture.alt_text if alt is None else (alt or product.name)[:MAX_ALT_LENGTH]
    if text != picture.alt_text:
        _record(session, product, "picture described", f"from “{picture.alt_text}” to “{text}”", actor)
        picture.alt_text = text


@retry_on_deadlock
def remove(product_id: int, picture_id: int, *, actor: str) -> None:
    """Remove an image from a product; orders show it for another 90 days. Idempotent.

    :raise UnknownPicture: the product has no image of this id
    """
    with transaction("catalog") as session:
        product, picture = _lock(session, product_id, picture_id)
        if picture.removed_at is None:
            picture.removed_at = utc_now()
            session.flush()
            update_cover(session, product_id)
            _record(session, product, "picture removed", picture.alt_text, actor)


@retry_on_deadlock
def restore(product_id: int, picture_id: int, *, actor: str) -> None:
    """Restore a removed image at its former position. Idempotent.

    :raise UnknownPicture: the product has no image of this id, or it was purged
    """
    with transaction("catalog") as session:
        product, picture = _lock(session, product_id, picture_id)
        if picture.removed_at is not None:
            picture.removed_at = None
            session.flush()
            update_cover(session, product_id)
            _record(session, product, "picture restored", picture.alt_text, actor)


def _lock(session: Session, product_id: int, picture_id: int) -> tuple[Product, Image]:
    product = lock_product(session, product_id)
    picture = session.scalar(select(Image).where(Image.id == picture_id, Image.product_id == product_id))
    if picture is None:
        raise UnknownPicture(picture_id)
    return product, picture


def _lock_shown(session: Session, product_id: int) -> list[Image]:
    shown = select(Image).where(Image.product_id == product_id, Image.removed_at.is_(None))
    return list(session.scalars(shown.order_by(Image.sort_order, Image.id)))


def _record(session: Session, product: Product, what: str, detail: str, actor: str) -> None:
    audit_log.record(session, AuditEntry, actor=actor, what=what, subject=product.sku, detail=detail)
