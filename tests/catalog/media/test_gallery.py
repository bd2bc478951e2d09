"""Images of a product: widths, order of writing, removal, orphaned files, and images in the old format."""

from __future__ import annotations

import io
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from PIL import Image as Pillow

from storefront.catalog import listing, media, products
from storefront.catalog.media import gallery
from storefront.catalog.media.storage import ImageStorage, StorageUnavailable, store
from storefront.catalog.models import Image, Product
from storefront.catalog.values import Picture, thumbnail_url
from storefront.cli.images import images as commands
from storefront.core.waiting_line import Busy
from storefront.db.session import read_session, transaction
from storefront.worker import tasks
from tests.conftest import ENGINES
from tests.factories.catalog import make_product
from tests.fakes import Clock
from tests.hostile_files import MADE_HARMLESS, SCRIPT, picture
from tests.isolated_shop import at_once, own_shop

pytestmark = pytest.mark.usefixtures("app")


def cover_of(product_id: int) -> Picture:
    shown = listing.cards_of([product_id])[0].picture
    assert shown is not None
    return shown


def files_of(product_id: int) -> dict[int, Pillow.Image]:
    """Open every width of the product's cover image."""
    return {
        width: Pillow.open(io.BytesIO(gallery.get_media(address.removeprefix("/media/"))))
        for address, width in cover_of(product_id).sources
    }


def names() -> set[str]:
    return {name for name, _ in store().names()}


# ------------------------------------------------------------------------------------------ widths


@pytest.mark.parametrize(
    ("size", "widths"),
    [
        ((3200, 800), {320: 80, 640: 160, 1280: 320}),
        ((1600, 1200), {320: 240, 640: 480, 1280: 960}),
        ((900, 900), {320: 320, 640: 640, 900: 900}),
        ((640, 10), {320: 5, 640: 10}),
        ((200, 500), {200: 500}),
        ((1000, 4000), {320: 1280, 400: 1600}),
        ((3000, 1), {320: 1, 640: 1, 1280: 1}),
    ],
)
def test_an_image_is_stored_at_three_widths_and_never_enlarged(size: tuple[int, int], widths: dict[int, int]) -> None:
    mug = make_product()
    media.add_picture(mug.id, picture("JPEG", size))
    files = files_of(mug.id)
    assert {width: file.height for width, file in files.items()} == widths
    assert all((file.format, file.width) == ("WEBP", width) for width, file in files.items())
    assert (cover_of(mug.id).width, cover_of(mug.id).height) == list(widths.items())[-1]


@pytest.mark.parametrize("name", MADE_HARMLESS)
def test_no_width_contains_metadata_of_the_file(name: str) -> None:
    mug = make_product()
    media.add_picture(mug.id, MADE_HARMLESS[name]())
    for address, _ in cover_of(mug.id).sources:
        content = gallery.get_media(address.removeprefix("/media/"))
        opened = Pillow.open(io.BytesIO(content))
        assert not any(hidden in content for hidden in (SCRIPT, b"xmpmeta", b"EXIF", b"ICCP", b"PK\x03\x04"))
        assert not dict(opened.getexif())
        assert not {"exif", "icc_profile", "xmp", "comment"} & set(opened.info)


def test_transparency_is_preserved() -> None:
    mug = make_product()
    media.add_picture(mug.id, picture("PNG", (700, 700), "RGBA"))
    assert {file.mode for file in files_of(mug.id).values()} <= {"RGBA", "RGB"}
    transparent = io.BytesIO()
    Pillow.new("RGBA", (700, 700), (255, 0, 0, 40)).save(transparent, "PNG")
    jar = make_product()
    media.add_picture(jar.id, transparent.getvalue())
    for file in files_of(jar.id).values():
        assert file.getpixel((5, 5))[3] == 40  # type: ignore[index]


def test_offers_have_the_same_image_as_cards() -> None:
    mug = make_product()
    media.add_picture(mug.id, picture("JPEG", (1600, 1200)), "A blue mug")
    assert products.get_offer(mug.sku).picture == cover_of(mug.id)
    assert cover_of(mug.id).sources[0][0] == thumbnail_url(cover_of(mug.id).source)


@pytest.mark.parametrize(
    "source", ["vendor/a.webp", "https://pictures.example/a.jpg", "/api/products/image/7", "/media/x-320.webp", ""]
)
def test_an_image_that_was_not_uploaded_has_one_width(source: str) -> None:
    assert Picture(source, "").sources == ()
    assert thumbnail_url(source) == source


# ------------------------------------------------------------------------------------------ order of writing


class FailingStore:
    """A store that fails after some files."""

    def __init__(self, real: ImageStorage, capacity: int) -> None:
        self.real, self.left = real, capacity

    def put(self, name: str, content: bytes) -> None:
        if not self.left:
            raise StorageUnavailable("full")
        self.left -= 1
        self.real.put(name, content)


@pytest.mark.parametrize("capacity", [0, 1, 3])
def test_a_store_that_fails_halfway_leaves_no_row_and_its_files_are_deleted(
    app: Flask, capacity: int, now: Clock
) -> None:
    mug = make_product()
    real = app.extensions["picture_store"]
    app.extensions["picture_store"] = FailingStore(real, capacity)
    try:
        with pytest.raises(StorageUnavailable):
            media.add_picture(mug.id, picture("JPEG", (1600, 1200)))
    finally:
        app.extensions["picture_store"] = real
    assert gallery.pictures_of(mug.id) == ()
    assert len(names()) == capacity
    now.advance(hours=2)
    assert gallery.delete_orphans() == capacity
    assert names() == set()


def test_the_worker_deletes_orphaned_files(now: Clock) -> None:
    mug = make_product()
    media.add_picture(mug.id, picture("JPEG", (1600, 1200)))
    used = names()
    store().put("f" * 32 + "-320.webp", b"orphan")
    tasks.cleanup()
    assert "f" * 32 + "-320.webp" in names()  # its row may still be written
    now.advance(hours=2)
    tasks.cleanup()
    assert names() == used


def test_a_file_uploaded_again_during_deletion_is_spared(now: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    mug, sent = make_product(), picture("PNG", (300, 200))
    picture_id = media.add_picture(mug.id, sent)
    gallery.remove(mug.id, picture_id, actor="clerk")
    now.advance(days=91)
    delete = type(store()).delete

    def after_an_upload(storage: ImageStorage, name: str, **more: datetime) -> None:
        if not gallery.pictures_of(mug.id):
            media.add_picture(mug.id, sent)
        delete(storage, name, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(type(store()), "delete", after_an_upload)
    gallery.delete_orphans()
    (image,) = gallery.pictures_of(mug.id)
    assert gallery.get_media(image.picture.source.removeprefix("/media/"))
    assert media.get_picture(image.id).content


def test_a_removed_image_is_served_until_it_is_purged(now: Clock) -> None:
    mug = make_product()
    picture_id = media.add_picture(mug.id, picture("JPEG", (1600, 1200)))
    gallery.remove(mug.id, picture_id, actor="clerk")
    now.advance(days=89)
    gallery.delete_orphans()
    assert media.get_picture(picture_id).content
    now.advance(days=2)
    gallery.delete_orphans()
    assert names() == set()
    with pytest.raises(gallery.UnknownPicture):
        media.get_picture(picture_id)


def test_files_used_by_another_product_are_not_deleted(now: Clock) -> None:
    mug, jar = make_product(), make_product()
    removed = media.add_picture(mug.id, picture())
    media.add_picture(jar.id, picture())
    gallery.remove(mug.id, removed, actor="clerk")
    now.advance(days=200)
    gallery.delete_orphans()
    assert files_of(jar.id)


def test_a_removed_image_uploaded_again_is_restored_as_the_last(now: Clock) -> None:
    mug = make_product()
    first = media.add_picture(mug.id, picture("PNG"))
    second = media.add_picture(mug.id, picture("JPEG"))
    gallery.remove(mug.id, first, actor="clerk")
    assert media.add_picture(mug.id, picture("PNG")) == first
    assert [image.id for image in gallery.pictures_of(mug.id)] == [second, first]


def test_the_etag_changes_with_the_images() -> None:
    mug = make_product()
    first = media.add_picture(mug.id, picture("PNG"))
    media.add_picture(mug.id, picture("JPEG"))
    before = products.etag_of([mug.id])
    gallery.remove(mug.id, first, actor="clerk")
    assert products.etag_of([mug.id]) != before
    (full,) = products.full_products([mug.id], reviews_each=0)
    assert [picture_id for picture_id, _ in full.pictures] == [image.id for image in gallery.pictures_of(mug.id)]


# ------------------------------------------------------------------------------------------ old format


def add_in_old_format(product_id: int, content: bytes) -> int:
    """Add an image in the old format: its bytes in the row, at one width."""
    with transaction("catalog") as session:
        row = Image(product_id=product_id, image_data=content, content_type="image/png", alt_text="Old")
        session.add(row)
        session.flush()
        row.image_url = f"/api/products/image/{row.id}"
        address = sa.update(Product).where(Product.id == product_id).values(picture=row.image_url, picture_alt="Old")
        session.execute(address)
        return row.id


def test_an_image_in_the_old_format_is_still_served() -> None:
    mug = make_product()
    picture_id = add_in_old_format(mug.id, picture())
    assert media.get_picture(picture_id).content == picture()
    assert cover_of(mug.id) == Picture(f"/api/products/image/{picture_id}", "Old")


def test_a_command_regenerates_images_in_the_old_format(app: Flask) -> None:
    mug, jar = make_product(), make_product()
    picture_id = add_in_old_format(mug.id, picture("PNG", (900, 600)))
    broken = add_in_old_format(jar.id, b"no picture")
    runner = app.test_cli_runner()
    assert "Images regenerated: 1" in runner.invoke(commands, ["regenerate"]).output
    assert "Images regenerated: 0" in runner.invoke(commands, ["regenerate"]).output
    assert set(files_of(mug.id)) == {320, 640, 900}
    assert Pillow.open(io.BytesIO(media.get_picture(picture_id).content or b"")).size == (900, 600)
    assert media.get_picture(broken).content == b"no picture"


def test_a_command_migrates_files_to_another_store(app: Flask, tmp_path: Path) -> None:
    media.add_picture(make_product().id, picture("PNG", (900, 600)))
    folder = f"file://{tmp_path}/pictures"
    runner = app.test_cli_runner()
    assert "Files moved: 4" in runner.invoke(commands, ["migrate", "database", folder, "--keep"]).output
    assert len(names()) == 4
    assert "Files moved: 4" in runner.invoke(commands, ["migrate", "database", folder]).output
    assert (names(), len(list((tmp_path / "pictures").iterdir()))) == (set(), 4)
    refused = runner.invoke(commands, ["migrate", "database", "nowhere"])
    assert (refused.exit_code, "IMAGE_STORAGE must be" in refused.output) == (1, True)
    assert runner.invoke(commands, ["migrate", folder, folder]).exit_code == 1


# ------------------------------------------------------------------------------------------ concurrency


@pytest.mark.parametrize("engine", ENGINES)
def test_the_same_image_uploaded_concurrently_is_stored_once(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            mug = make_product()

        def add(content: bytes) -> int:
            while True:
                with suppress(Busy):  # few are decoded at a time
                    return media.add_picture(mug.id, content)

        sent = [picture("PNG", (40 + number // 2, 30)) for number in range(8)]
        outcomes = at_once(app, [lambda content=content: add(content) for content in sent])
        with app.app_context():
            assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
            shown = gallery.pictures_of(mug.id)
            assert {image.id for image in shown} == set(outcomes)
            assert len(shown) == 4
            assert cover_of(mug.id) == shown[0].picture
            places = read_session().scalars(sa.select(Image.sort_order).where(Image.product_id == mug.id)).all()
            assert sorted(places) == [0, 1, 2, 3]
