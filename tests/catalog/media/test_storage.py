"""Image stores: all behave alike, and files can be migrated between them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from storefront.catalog import listing, media
from storefront.catalog.media import gallery, storage
from storefront.catalog.media.storage import ImageStorage, StorageUnavailable, UnknownPicture, open_store
from storefront.core.clock import utc_now
from storefront.core.environment import ConfigurationError
from tests.factories.catalog import make_product
from tests.hostile_files import picture
from tests.isolated_shop import shop_at
from tests.object_store import KEYS, object_store
from tests.outages import bare_app
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
    """Return a function that opens a store by its kind."""
    settings = {"database": "", "folder": f"file://{tmp_path}/my%20pictures", "bucket": bucket}
    return lambda kind: open_store(settings[kind])


@pytest.fixture(params=["database", "folder", "bucket"])
def store(request: pytest.FixtureRequest, opened: Open) -> Iterator[ImageStorage]:
    storage = opened(request.param)
    yield storage
    for name, _ in list(storage.names()):
        storage.delete(name)


def test_a_stored_file_can_be_read(store: ImageStorage) -> None:
    store.put(NAME, b"some bytes\0" * 100_000)
    assert store.get(NAME) == b"some bytes\0" * 100_000
    assert store.exists(NAME)
    assert not store.exists(OTHER)


def test_storing_a_file_again_changes_nothing(store: ImageStorage) -> None:
    for _ in range(2):
        store.put(NAME, b"picture")
    assert store.get(NAME) == b"picture"
    assert [name for name, _ in store.names()] == [NAME]


def test_deleting_is_idempotent(store: ImageStorage) -> None:
    store.put(NAME, b"picture")
    for _ in range(2):
        store.delete(NAME)
    assert not store.exists(NAME)
    with pytest.raises(UnknownPicture):
        store.get(NAME)


def test_files_are_listed_with_their_time(store: ImageStorage) -> None:
    store.put(NAME, b"one")
    store.put(OTHER, b"two")
    found = dict(store.names())
    assert set(found) == {NAME, OTHER}
    assert all(moment.tzinfo is not None for moment in found.values())


@pytest.mark.parametrize("source", ["database", "folder", "bucket"])
@pytest.mark.parametrize("target", ["database", "folder", "bucket"])
def test_files_are_migrated_between_stores(opened: Open, source: str, target: str) -> None:
    if source == target:
        return
    source_store, target_store = opened(source), opened(target)
    source_store.put(NAME, b"one")
    source_store.put(OTHER, b"two")
    assert sorted(gallery.migrate(source_store, target_store, keeps=True)) == [NAME, OTHER]
    assert source_store.get(NAME) == target_store.get(NAME) == b"one"
    assert len(list(gallery.migrate(source_store, target_store))) == 2
    assert (list(source_store.names()), target_store.get(OTHER)) == ([], b"two")
    assert list(gallery.migrate(source_store, target_store)) == []
    for name in (NAME, OTHER):
        target_store.delete(name)


def test_an_interrupted_migration_can_be_resumed(opened: Open) -> None:
    source_store, target_store = opened("database"), opened("bucket")
    source_store.put(NAME, b"one")
    source_store.put(OTHER, b"two")
    next(gallery.migrate(source_store, target_store))  # then it is interrupted
    assert len(list(gallery.migrate(source_store, target_store))) == 1
    assert {name for name, _ in target_store.names()} == {NAME, OTHER}
    for name in (NAME, OTHER):
        target_store.delete(name)


def test_foreign_files_in_a_folder_are_ignored(opened: Open, tmp_path: Path) -> None:
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
def test_an_invalid_setting_is_refused_at_startup(setting: str, tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigurationError, match="IMAGE_STORAGE"),
        shop_at(f"sqlite:///{tmp_path}/{{schema}}.db", tmp_path, IMAGE_STORAGE=setting),
    ):
        pass


def test_a_folder_that_cannot_be_created_is_refused_at_startup(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be made"):
        open_store(f"file://{tmp_path}/file/pictures")


@pytest.fixture
def bare(keys: None) -> Iterator[None]:
    with bare_app():
        yield


@pytest.mark.usefixtures("bare")
def test_an_unreachable_store_raises_storage_unavailable() -> None:
    unreachable = open_store("s3://pictures?endpoint=http://127.0.0.1:9")
    before = utc_now()
    for call in (
        lambda: unreachable.get(NAME),
        lambda: unreachable.put(NAME, b""),
        lambda: unreachable.exists(NAME),
        lambda: list(unreachable.names()),
    ):
        with pytest.raises(StorageUnavailable):
            call()
    assert utc_now() - before < timedelta(seconds=30)


@pytest.mark.usefixtures("bare")
def test_a_missing_bucket_raises_storage_unavailable(bucket: str) -> None:
    missing = open_store(bucket.replace("pictures/", "none/"))
    with pytest.raises(StorageUnavailable):
        missing.put(NAME, b"")
    with pytest.raises(StorageUnavailable):
        list(missing.names())


@pytest.mark.usefixtures("bare")
def test_a_bucket_that_fails_repeatedly_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "BUCKET", replace(storage.BUCKET, pause_seconds=3600))
    with socket.create_server(("127.0.0.1", 0)) as server:  # it hangs up at once
        thread = threading.Thread(target=hang_up_on_all, args=(server,))
        thread.start()
        store = open_store(f"s3://pictures?endpoint=http://127.0.0.1:{server.getsockname()[1]}")
        for _ in range(3):
            with pytest.raises(StorageUnavailable):
                store.get(NAME)
        server.shutdown(socket.SHUT_RDWR)
    thread.join()
    with pytest.raises(StorageUnavailable, match="not asked"):
        store.get(NAME)


def hang_up_on_all(server: socket.socket) -> None:
    with suppress(OSError):
        while True:
            server.accept()[0].close()


@pytest.mark.usefixtures("bare")
def test_a_file_that_is_missing_is_an_answer(bucket: str) -> None:
    store = open_store(bucket)
    for _ in range(5):
        with pytest.raises(UnknownPicture):
            store.get(NAME)
    assert not store.exists(NAME)


# ------------------------------------------------------------------------------------------ in the shop


@contextmanager
def storing_in(app: Flask, other: ImageStorage) -> Iterator[None]:
    real, app.extensions["picture_store"] = app.extensions["picture_store"], other
    try:
        yield
    finally:
        app.extensions["picture_store"] = real


@pytest.mark.parametrize("kind", ["database", "folder", "bucket"])
def test_images_are_uploaded_to_and_served_from_every_store(pages: Pages, opened: Open, kind: str) -> None:
    mug, other = make_product().id, opened(kind)
    with storing_in(pages.app, other):
        picture_id = media.add_picture(mug, picture("JPEG", (1600, 1200)))
        shown = listing.cards_of([mug])[0].picture
        assert shown is not None
        assert pages.client.get(shown.source).mimetype == "image/webp"
        assert pages.client.get(f"/api/products/image/{picture_id}").mimetype == "image/jpeg"
        files = [name for name, _ in other.names()]
        assert len(files) == 4
        for name in files:
            other.delete(name)
        assert pages.client.get(shown.source).status_code == 404


def test_the_page_reports_an_unreachable_store(pages: Pages, opened: Open, keys: None) -> None:
    mug = make_product()
    media.add_picture(mug.id, picture())
    shown = listing.cards_of([mug.id])[0].picture
    assert shown is not None
    with storing_in(pages.app, open_store("s3://pictures?endpoint=http://127.0.0.1:9")):
        assert pages.client.get(shown.source).status_code == 503
        assert pages.get(f"/product/{mug.id}-{mug.slug}").one("#picture-1 img")["src"] == shown.source
