"""Where files of pictures lie: every store keeps the same promises, and files can be carried between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from config import ConfigurationError
from storefront.catalog import service as catalog
from storefront.catalog.media.storage import ImageStorage, StorageUnavailable, UnknownPicture, open_store
from storefront.catalog.service import gallery
from storefront.core.clock import utc_now
from tests.factories.catalog import make_product
from tests.hostile_files import picture
from tests.isolated_shop import shop_at
from tests.object_store import KEYS, object_store
from tests.page_client import Pages

NAME = "0123456789abcdef" * 2 + "-320.webp"
OTHER = "f" * 32 + ".jpeg"


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with object_store() as setting:
        yield setting


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


Open = Callable[[str], ImageStorage]


@pytest.fixture
def opened(app: Flask, bucket: str, keys: None, tmp_path: Path) -> Open:
    """Opens a store by its kind."""
    settings = {"database": "", "folder": f"file://{tmp_path}/my%20pictures", "bucket": bucket}
    return lambda kind: open_store(settings[kind])


@pytest.fixture(params=["database", "folder", "bucket"])
def store(request: pytest.FixtureRequest, opened: Open) -> Iterator[ImageStorage]:
    kept = opened(request.param)
    yield kept
    for name, _ in list(kept.names()):
        kept.delete(name)


def test_what_is_put_there_is_there(store: ImageStorage) -> None:
    store.put(NAME, b"some bytes\0" * 100_000)
    assert store.get(NAME) == b"some bytes\0" * 100_000
    assert store.exists(NAME)
    assert not store.exists(OTHER)


def test_putting_the_same_again_changes_nothing(store: ImageStorage) -> None:
    for _ in range(2):
        store.put(NAME, b"picture")
    assert store.get(NAME) == b"picture"
    assert [name for name, _ in store.names()] == [NAME]


def test_what_was_let_go_of_is_gone_and_may_be_let_go_of_again(store: ImageStorage) -> None:
    store.put(NAME, b"picture")
    for _ in range(2):
        store.delete(NAME)
    assert not store.exists(NAME)
    with pytest.raises(UnknownPicture):
        store.get(NAME)


def test_every_file_is_named_with_its_moment(store: ImageStorage) -> None:
    store.put(NAME, b"one")
    store.put(OTHER, b"two")
    found = dict(store.names())
    assert set(found) == {NAME, OTHER}
    assert all(moment.tzinfo is not None for moment in found.values())


@pytest.mark.parametrize("source", ["database", "folder", "bucket"])
@pytest.mark.parametrize("target", ["database", "folder", "bucket"])
def test_files_are_carried_from_one_store_to_another(opened: Open, source: str, target: str) -> None:
    if source == target:
        return
    here, there = opened(source), opened(target)
    here.put(NAME, b"one")
    here.put(OTHER, b"two")
    assert sorted(gallery.migrate(here, there, keeps=True)) == [NAME, OTHER]
    assert here.get(NAME) == there.get(NAME) == b"one"
    assert len(list(gallery.migrate(here, there))) == 2
    assert (list(here.names()), there.get(OTHER)) == ([], b"two")
    assert list(gallery.migrate(here, there)) == []
    for name in (NAME, OTHER):
        there.delete(name)


def test_a_move_that_broke_off_goes_on(opened: Open) -> None:
    here, there = opened("database"), opened("bucket")
    here.put(NAME, b"one")
    here.put(OTHER, b"two")
    next(gallery.migrate(here, there))  # and the power fails
    assert len(list(gallery.migrate(here, there))) == 1
    assert {name for name, _ in there.names()} == {NAME, OTHER}
    for name in (NAME, OTHER):
        there.delete(name)


def test_a_folder_keeps_what_is_not_ours(opened: Open, tmp_path: Path) -> None:
    folder = opened("folder")
    (tmp_path / "my pictures" / "notes.txt").write_text("mine")
    folder.put(NAME, b"one")
    assert [name for name, _ in folder.names()] == [NAME]


# ------------------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    "setting",
    [
        "folder",
        "file://host/path",
        "file://",
        "s3://",
        "s3:pictures",
        "https://bucket",
        "s3://b?endpoint=nowhere",
        "s3://b?key=1",
    ],
)
def test_a_setting_that_names_no_store_is_refused_at_the_start(setting: str, tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigurationError, match="IMAGE_STORAGE"),
        shop_at(f"sqlite:///{tmp_path}/{{schema}}.db", tmp_path, IMAGE_STORAGE=setting),
    ):
        pass


def test_a_folder_that_cannot_be_made_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be made"):
        open_store(f"file://{tmp_path}/file/pictures")


def test_a_store_that_is_away_says_so(keys: None) -> None:
    away = open_store("s3://pictures?endpoint=http://127.0.0.1:9")
    before = utc_now()
    for ask in (
        lambda: away.get(NAME),
        lambda: away.put(NAME, b""),
        lambda: away.exists(NAME),
        lambda: list(away.names()),
    ):
        with pytest.raises(StorageUnavailable):
            ask()
    assert utc_now() - before < timedelta(seconds=30)


def test_a_bucket_that_is_not_there_says_so(bucket: str, keys: None) -> None:
    with pytest.raises(StorageUnavailable):
        open_store(bucket.replace("pictures/", "none/")).put(NAME, b"")


# ------------------------------------------------------------------------------------------ in the shop


@contextmanager
def kept_in(app: Flask, other: ImageStorage) -> Iterator[None]:
    real, app.extensions["picture_store"] = app.extensions["picture_store"], other
    try:
        yield
    finally:
        app.extensions["picture_store"] = real


@pytest.mark.parametrize("kind", ["database", "folder", "bucket"])
def test_pictures_are_sent_and_shown_from_every_store(pages: Pages, opened: Open, kind: str) -> None:
    mug, other = make_product().id, opened(kind)
    with kept_in(pages.app, other):
        picture_id = catalog.add_picture(mug, picture("JPEG", (1600, 1200)))
        shown = catalog.cards_of([mug])[0].picture
        assert shown is not None
        assert pages.client.get(shown.source).mimetype == "image/webp"
        assert pages.client.get(f"/api/products/image/{picture_id}").mimetype == "image/jpeg"
        files = [name for name, _ in other.names()]
        assert len(files) == 4
        for name in files:
            other.delete(name)
        assert pages.client.get(shown.source).status_code == 404


def test_a_store_that_is_away_is_told_of_and_the_page_stands(pages: Pages, opened: Open, keys: None) -> None:
    mug = make_product()
    catalog.add_picture(mug.id, picture())
    shown = catalog.cards_of([mug.id])[0].picture
    assert shown is not None
    with kept_in(pages.app, open_store("s3://pictures?endpoint=http://127.0.0.1:9")):
        assert pages.client.get(shown.source).status_code == 503
        assert pages.get(f"/product/{mug.id}-{mug.slug}").one("#picture-1 img")["src"] == shown.source
