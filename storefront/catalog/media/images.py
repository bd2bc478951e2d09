"""Product images: upload, storage by content hash, and reading."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.catalog.media.storage import NAME, UnknownPicture, store
from storefront.catalog.models import AuditEntry, Image, Product
from storefront.catalog.values import DEFAULT_IMAGE_SIZE, WIDTHS, Picture, UnknownProduct, media_name, media_path
from storefront.core import image_processing
from storefront.core.image_processing import FROM_ANYONE, Limits, Renditions
from storefront.db import audit_log
from storefront.db.session import read_session, retry_on_deadlock, transaction

MAX_SIDE = 1600  # pixels of the longer side of a stored original: twice the size on the product page
MAX_ALT_LENGTH = 255  # characters

_ENDINGS = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp"}


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """An image as it is stored.

    :ivar content: its bytes; None when it was not uploaded
    :ivar source: where it is then, as in `Picture.source`
    :ivar digest: SHA-256 of the bytes, hexadecimal; empty without them
    """

    content: bytes | None
    content_type: str
    source: str
    digest: str


def add_picture(product_id: int, sent: bytes, alt: str = "", *, actor: str = "", limits: Limits = FROM_ANYONE) -> int:
    """Add an image after the other images of a product; an image that the product has already is not added again.

    :param sent: the file as uploaded
    :param alt: alternative text; the product's name when empty
    :param actor: the staff member for the audit log; empty for no entry, as in an import
    :return: the image's id
    :raise UnknownProduct: no product has this id, published or not
    :raise ImageTooLarge: too many bytes or pixels
    :raise InvalidImage: it cannot be decoded
    :raise StorageUnavailable: the image store does not answer
    """
    if read_session().get(Product, product_id) is None:
        raise UnknownProduct(product_id)
    renditions = image_processing.make_renditions(sent, longest=MAX_SIDE, widths=WIDTHS, limits=limits)
    # Files first, then the row that refers to them: no row ever refers to a missing file.
    digest = store_files(renditions)
    picture = Image(
        content_type=renditions.content_type,
        digest=digest,
        image_url=media_path(digest, max(renditions.widths)),
        width=max(renditions.widths),
        height=renditions.height,
        alt_text=alt[:MAX_ALT_LENGTH],
    )
    try:
        return _add(product_id, picture, actor)
    except IntegrityError:  # a concurrent request added the same image
        known = read_session().scalar(select(Image.id).where(Image.product_id == product_id, Image.digest == digest))
        if known is None:
            raise
        return known


def store_files(renditions: Renditions) -> str:
    """Store the files of an image.

    :return: the digest from which their names are made
    """
    digest = hashlib.sha256(renditions.content).hexdigest()
    for width, content in renditions.widths.items():
        store().put(media_name(digest, width), content)
    store().put(original_name(digest, renditions.content_type), renditions.content)
    return digest


def original_name(digest: str, content_type: str) -> str:
    """Return the file name of an image in its largest stored size."""
    return f"{digest[:32]}.{_ENDINGS[content_type]}"


@retry_on_deadlock
def _add(product_id: int, picture: Image, actor: str) -> int:
    with transaction("catalog") as session:
        product = lock_product(session, product_id)
        known = session.scalar(select(Image).where(Image.product_id == product_id, Image.digest == picture.digest))
        if known is not None and known.removed_at is None:
            return known.id
        place = _next_place(session, product_id)
        if known is not None:
            known.removed_at, known.sort_order = None, place
        else:
            known = Image(
                product_id=product_id,
                content_type=picture.content_type,
                digest=picture.digest,
                image_url=picture.image_url,
                width=picture.width,
                height=picture.height,
                alt_text=picture.alt_text or product.name[:MAX_ALT_LENGTH],
                sort_order=place,
            )
            session.add(known)
        session.flush()
        update_cover(session, product_id)
        if actor:
            audit_log.record(
                session, AuditEntry, actor=actor, what="picture added", subject=product.sku, detail=known.alt_text
            )
        return known.id


def lock_product(session: Session, product_id: int) -> Product:
    """Lock the row of a product, so that changes of its images run one after another.

    :raise UnknownProduct: no product has this id
    """
    chosen = select(Product).where(Product.id == product_id).with_for_update()
    product = session.scalar(chosen)
    if product is None:
        raise UnknownProduct(product_id)
    return product


def _next_place(session: Session, product_id: int) -> int:
    last = session.scalar(select(func.max(Image.sort_order)).where(Image.product_id == product_id))
    return 0 if last is None else last + 1


def update_cover(session: Session, product_id: int) -> None:
    """Copy the first image of a product to its row, from which listings read it."""
    columns = (Image.image_url, Image.alt_text, Image.width, Image.height)
    shown = select(*columns).where(Image.product_id == product_id, Image.removed_at.is_(None))
    first = session.execute(shown.order_by(Image.sort_order, Image.id).limit(1)).one_or_none()
    url, alt, width, height = first or ("", "", DEFAULT_IMAGE_SIZE, DEFAULT_IMAGE_SIZE)
    session.execute(
        update(Product)
        .where(Product.id == product_id)
        .values(picture=url, picture_alt=alt, picture_width=width, picture_height=height)
    )


def picture_of(product: Row[Any] | Product) -> Picture | None:
    """Return the first image of a product, if it has one."""
    if not product.picture:
        return None
    return Picture(product.picture, product.picture_alt, product.picture_width, product.picture_height)


def get_picture(picture_id: int) -> StoredPicture:
    """Return an image by its id, also a removed one or one of an unpublished product: orders show it.

    :raise UnknownPicture: no image has this id
    """
    columns = (Image.image_data, Image.content_type, Image.image_url, Image.digest)
    row = read_session().execute(select(*columns).where(Image.id == picture_id)).one_or_none()
    if row is None:
        raise UnknownPicture(picture_id)
    content = row.image_data
    if content is None and row.digest:
        content = store().get(original_name(row.digest, row.content_type))
    return StoredPicture(content, row.content_type, row.image_url, row.digest or "")


def get_media(name: str) -> bytes:
    """Return the content of an image file.

    :param name: as from `media_name`
    :raise UnknownPicture: no file has this name
    """
    if not NAME.fullmatch(name) or not name.endswith(".webp"):
        raise UnknownPicture(name)
    return store().get(name)
