"""Pictures of products as they come and as they are shown: kept by what they show, or a file below `static/`."""

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

MAX_SIDE = 1600  # pixels of what is kept; twice what the product page shows
MAX_ALT_LENGTH = 255  # characters

_ENDINGS = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp"}


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture as it is kept.

    :ivar content: its bytes; None when it is a file of its own
    :ivar source: then where that is, below `static/` or elsewhere
    :ivar digest: of the bytes, empty without them
    """

    content: bytes | None
    content_type: str
    source: str
    digest: str


def add_picture(product_id: int, sent: bytes, alt: str = "", *, actor: str = "", limits: Limits = FROM_ANYONE) -> int:
    """Add a picture to a product, after those it has. The same one sent again is the one it has.

    Its files come first, then the row that names them: no row ever names a file that is not there.

    :param alt: what it shows, in words; the product's name when empty
    :param actor: who of the staff sends it; empty where it is nobody's act, as in an import
    :return: its id
    :raise UnknownProduct: there is no such product, on sale or not
    :raise PictureTooLarge: too many bytes or pixels
    :raise NotAPicture: it cannot be read as a picture
    :raise StoreAway: nothing can be kept now
    """
    if read_session().get(Product, product_id) is None:
        raise UnknownProduct(product_id)
    written = image_processing.make_renditions(sent, longest=MAX_SIDE, widths=WIDTHS, limits=limits)
    digest = keep_files(written)
    picture = Image(
        content_type=written.content_type,
        digest=digest,
        image_url=media_path(digest, max(written.widths)),
        width=max(written.widths),
        height=written.height,
        alt_text=alt[:MAX_ALT_LENGTH],
    )
    try:
        return _add(product_id, picture, actor)
    except IntegrityError:  # a twin sent it at this moment
        known = read_session().scalar(select(Image.id).where(Image.product_id == product_id, Image.digest == digest))
        if known is None:
            raise
        return known


def keep_files(written: Renditions) -> str:
    """Put the files of a picture into the store.

    :return: the digest that names them
    """
    digest = hashlib.sha256(written.content).hexdigest()
    for width, content in written.widths.items():
        store().put(media_name(digest, width), content)
    store().put(original_name(digest, written.content_type), written.content)
    return digest


def original_name(digest: str, content_type: str) -> str:
    """The name of the file that is as large as is kept."""
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
    """The product whose pictures are changed, one change after the other.

    :raise UnknownProduct: there is none
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
    """Listings show a product's first picture."""
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
    """The picture that stands for a product, if it has one."""
    if not product.picture:
        return None
    return Picture(product.picture, product.picture_alt, product.picture_width, product.picture_height)


def get_picture(picture_id: int) -> StoredPicture:
    """A picture by its id, also of a product that is no longer sold: orders show it.

    :raise UnknownPicture: there is none
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
    """A file of a picture by its name, as `media_name` makes it.

    :raise UnknownPicture: there is none
    """
    if not NAME.fullmatch(name) or not name.endswith(".webp"):
        raise UnknownPicture(name)
    return store().get(name)
