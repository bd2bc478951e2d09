"""Uploaded images: only their pixels are stored."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from PIL import Image as Pillow

from storefront.catalog import listing, media
from storefront.catalog.models import Image, Product
from storefront.catalog.values import Picture, UnknownProduct
from storefront.core.image_processing import ImageTooLarge, InvalidImage
from storefront.db.session import read_session, transaction
from tests.factories.catalog import make_product
from tests.hostile_files import EITHER, MADE_HARMLESS, REFUSED, picture

pytestmark = pytest.mark.usefixtures("app")


def add(product_id: int, sent: bytes, alt: str = "") -> int:
    return media.add_picture(product_id, sent, alt, actor="tests")


def stored_image(picture_id: int) -> Pillow.Image:
    content = media.get_picture(picture_id).content
    assert content is not None
    opened = Pillow.open(io.BytesIO(content))
    opened.load()
    return opened


def rows(product_id: int) -> list[Image]:
    chosen = sa.select(Image).where(Image.product_id == product_id).order_by(Image.sort_order)
    return list(read_session().scalars(chosen))


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/png")],
)
def test_an_image_keeps_its_format(kind: str, content_type: str) -> None:
    stored = media.get_picture(add(make_product().id, picture(kind)))
    assert stored.content_type == content_type
    assert Pillow.open(io.BytesIO(stored.content or b"")).size == (40, 30)


def test_a_large_image_is_scaled_down_in_proportion() -> None:
    assert stored_image(add(make_product().id, picture("JPEG", (3200, 800)))).size == (1600, 400)


@pytest.mark.parametrize("mode", ["L", "P", "1", "RGBA", "LA", "I;16"])
def test_every_pixel_mode_is_read(mode: str) -> None:
    assert stored_image(add(make_product().id, picture("PNG", mode=mode))).mode in {"L", "RGB", "RGBA"}


def test_a_cmyk_photo_is_read() -> None:
    assert stored_image(add(make_product().id, picture("JPEG", mode="CMYK"))).mode == "RGB"


def test_a_photo_is_rotated_by_its_exif_orientation() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    turned = stored_image(add(make_product().id, picture("JPEG", (40, 30), exif=exif)))
    assert turned.size == (30, 40)
    assert not dict(turned.getexif())


def test_listings_show_the_first_image() -> None:
    mug = make_product(name="Clay Mug")
    first = add(mug.id, picture("PNG"))
    add(mug.id, picture("JPEG"), "From the side")
    shown = listing.cards_of([mug.id])[0].picture
    assert shown is not None
    digest = media.get_picture(first).digest
    assert shown == Picture(f"/media/{digest[:32]}-40.webp", "Clay Mug", 40, 30)
    assert [(row.sort_order, row.alt_text) for row in rows(mug.id)] == [(0, "Clay Mug"), (1, "From the side")]


def test_a_further_image_does_not_replace_the_cover() -> None:
    before = listing.cards_of([1])[0].picture
    add(1, picture())
    assert listing.cards_of([1])[0].picture == before


def test_the_same_image_is_stored_once_for_each_product() -> None:
    mug, pot = make_product().id, make_product().id
    first = add(mug, picture())
    assert add(mug, picture()) == first
    assert add(pot, picture()) != first
    assert len(rows(mug)) == len(rows(pot)) == 1


def test_an_unknown_product_takes_no_image() -> None:
    with pytest.raises(UnknownProduct):
        add(999_999, picture())
    with pytest.raises(media.gallery.UnknownPicture):
        media.get_picture(999_999)


def test_an_unpublished_product_takes_images_that_orders_show() -> None:
    mug = make_product().id
    with transaction("catalog") as session:
        session.execute(sa.update(Product).where(Product.id == mug).values(active=False))
    assert media.get_picture(add(mug, picture())).content_type == "image/png"


@pytest.mark.parametrize("name", REFUSED)
def test_an_invalid_image_is_refused(name: str) -> None:
    status, make = REFUSED[name]
    mug = make_product().id
    with pytest.raises((InvalidImage, ImageTooLarge)) as refusal:
        add(mug, make())
    assert refusal.value.status == status
    assert rows(mug) == []


@pytest.mark.parametrize("name", MADE_HARMLESS)
def test_hidden_content_is_stripped(name: str) -> None:
    assert_harmless(MADE_HARMLESS[name])


@pytest.mark.parametrize("name", EITHER)
def test_ambiguous_files_are_refused_or_harmless(name: str) -> None:
    with contextlib.suppress(InvalidImage):
        assert_harmless(EITHER[name])


def assert_harmless(make: Callable[[], bytes]) -> None:
    opened = stored_image(add(make_product().id, make()))
    content = media.get_picture(rows_last()).content or b""
    for hidden in (b"script", b"doctype", b"xmpmeta", b"PK\x03\x04", b"home"):
        assert hidden not in content
    assert not dict(opened.getexif())
    assert not {"exif", "icc_profile", "comment", "xmp", "Comment"} & set(opened.info)
    assert getattr(opened, "n_frames", 1) == 1


def rows_last() -> int:
    return read_session().scalar(sa.select(sa.func.max(Image.id))) or 0
