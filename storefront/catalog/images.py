"""Pictures of products: kept by what they show, a file that was sent or one below `static/`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storefront.catalog.models import Image, Product
from storefront.catalog.values import UnknownProduct
from storefront.database import queries, transaction
from storefront.errors import DomainError
from storefront.pictures import written_anew

LONGEST_SIDE = 1600  # pixels of what is kept; twice what the product page shows
LONGEST_ALT = 255  # characters


class UnknownPicture(DomainError):
    """There is no picture of this id."""

    status = 404


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


def add_picture(product_id: int, sent: bytes, alt: str = "") -> int:
    """Add a picture to a product, after those it has. The same one sent again is the one it has.

    :param alt: what it shows, in words; the product's name when empty
    :return: its id
    :raise UnknownProduct: there is no such product, on sale or not
    :raise PictureTooLarge: too many bytes or pixels
    :raise NotAPicture: it cannot be read as a picture
    """
    if queries().get(Product, product_id) is None:
        raise UnknownProduct(product_id)
    content, content_type = written_anew(sent, longest=LONGEST_SIDE)
    digest = hashlib.sha256(content).hexdigest()
    try:
        return _keep(product_id, content, content_type, digest, alt)
    except IntegrityError:  # it was sent before
        same = select(Image.id).where(Image.product_id == product_id, Image.digest == digest)
        known = queries().scalar(same)
        if known is None:
            raise
        return known


def get_picture(picture_id: int) -> StoredPicture:
    """A picture by its id, also of a product that is no longer sold: orders show it.

    :raise UnknownPicture: there is none
    """
    columns = (Image.image_data, Image.content_type, Image.image_url, Image.digest)
    row = queries().execute(select(*columns).where(Image.id == picture_id)).one_or_none()
    if row is None:
        raise UnknownPicture(picture_id)
    return StoredPicture(row.image_data, row.content_type, row.image_url, row.digest or "")


def _keep(product_id: int, content: bytes, content_type: str, digest: str, alt: str) -> int:
    with transaction("catalog") as session:
        product = session.scalars(select(Product).where(Product.id == product_id)).one()
        picture = Image(
            product_id=product_id,
            image_data=content,
            content_type=content_type,
            digest=digest,
            alt_text=(alt or product.name)[:LONGEST_ALT],
            sort_order=_next_place(session, product_id),
        )
        session.add(picture)
        session.flush()
        picture.image_url = f"/api/products/image/{picture.id}"  # where pages find it, too
        _show_if_first(session, product_id, picture)
        return picture.id


def _next_place(session: Session, product_id: int) -> int:
    last = session.scalar(select(func.max(Image.sort_order)).where(Image.product_id == product_id))
    return 0 if last is None else last + 1


def _show_if_first(session: Session, product_id: int, picture: Image) -> None:
    """Listings show a product's first picture."""
    session.execute(
        update(Product)
        .where(Product.id == product_id, Product.picture == "")
        .values(picture=picture.image_url, picture_alt=picture.alt_text)
        .execution_options(synchronize_session=False)
    )
