"""Backups: made while orders are placed, restored elsewhere, and refused where they would do harm."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import Result
from flask import Flask

from config import SCHEMAS
from storefront.checkout import saga
from storefront.cli.backup import mariadb_copy, sqlite_copy
from storefront.cli.consistency import violations
from storefront.cli.demo import catalogue
from storefront.db import migrations, sqlite
from storefront.db.session import db, read_session
from storefront.orders.models import Order
from storefront.webhooks import service as webhooks
from storefront.worker import tasks
from tests import demo_shop
from tests.catalog.media.test_storage import NAME
from tests.conftest import ENGINES, make_databases
from tests.consistency import assert_balanced
from tests.factories.catalog import make_product
from tests.factories.shopping import make_order
from tests.fakes import Clock
from tests.isolated_shop import own_shop, shop_at

BUYERS = 4


@dataclass(frozen=True)
class Place:
    """Six databases and a data folder."""

    url: str
    folder: Path


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def shop(engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 60)  # however busy the machine is
    with place(engine, tmp_path / "shop") as here, shop_at(here.url, here.folder) as app:
        with app.app_context():
            demo_shop.make_tables()
        yield app


@pytest.fixture
def elsewhere(engine: str, tmp_path: Path) -> Iterator[Place]:
    with place(engine, tmp_path / "elsewhere") as there:
        yield there


@contextmanager
def place(engine: str, folder: Path) -> Iterator[Place]:
    with contextmanager(make_databases)(engine, folder) as url:
        yield Place(url, folder)


def run(app: Flask, *arguments: str | Path) -> Result:
    """A command, in a context of its own unless there is one."""
    return app.test_cli_runner().invoke(args=[str(argument) for argument in arguments])


def output_of(result: Result, code: int = 0) -> str:
    assert result.exit_code == code, (result.output, result.exception and traceback.format_exception(result.exception))
    return result.output


@contextmanager
def buyers(app: Flask) -> Iterator[threading.Semaphore]:
    """Customers who order without a pause.

    :return: counts their orders
    """
    ordered, closing, problems = threading.Semaphore(0), threading.Event(), []

    def buy(number: int) -> None:
        with app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"]):
            try:
                goods = make_product(stock=1000), 1
                while not closing.is_set():
                    make_order(goods, payment=("cod", "sandbox-success")[number % 2])
                    ordered.release()
            except Exception as error:  # noqa: BLE001 - the test looks at it
                problems.append(error)
                ordered.release(3 * BUYERS)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=buy, args=(number,)) for number in range(BUYERS)]
    for thread in threads:
        thread.start()
    try:
        yield ordered
    finally:
        closing.set()
        for thread in threads:
            thread.join(60)
    assert problems == []


@contextmanager
def slow_copy(ordered: threading.Semaphore) -> Iterator[None]:
    """Before anything is copied one more order is placed: a copy made piece by piece would fall apart."""

    def wait() -> None:
        while ordered.acquire(blocking=False):
            """What was placed before does not count."""
        assert ordered.acquire(timeout=60), "nobody could order while the shop was copied"

    class SlowConnection(sqlite3.Connection):
        def backup(self, *arguments: Any, **options: Any) -> None:
            wait()
            super().backup(*arguments, **options)

    def run(*arguments: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:
        wait()
        return program(*arguments, **options)

    program = subprocess.run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=SlowConnection))
        patch.setattr(subprocess, "run", run)
        yield


def test_a_backup_under_load_is_consistent(shop: Flask, elsewhere: Place, tmp_path: Path, now: Clock) -> None:
    with shop.app_context():
        catalogue.load()
    with buyers(shop) as ordered:
        for _ in range(3 * BUYERS):
            assert ordered.acquire(timeout=60)
        with slow_copy(ordered):
            assert "Not included" in output_of(run(shop, "backup", tmp_path / "copy"))
        assert ordered.acquire(timeout=60), "the shop did not go on"
    with shop_at(elsewhere.url, elsewhere.folder) as app:
        assert "Stock, money and messages are consistent" in output_of(run(app, "restore", tmp_path / "copy"))
        with app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"]):
            assert read_session().scalar(sa.select(sa.func.count(Order.id))) >= 3 * BUYERS
            now.at += saga.LEASE + saga.RETRY_PAUSE  # whoever walked them did not come along
            for checkout in saga.unfinished():
                saga.resume(checkout)
            tasks.deliver_outboxes()
            assert list(violations()) == []
            assert_balanced()


def test_a_restored_shop_is_checked_as_of_the_backup(shop: Flask, elsewhere: Place, tmp_path: Path, now: Clock) -> None:
    with shop.test_request_context(base_url=shop.config["PUBLIC_ORIGIN"]):
        catalogue.load()
        make_order()  # its letter waits for the worker
    output_of(run(shop, "backup", tmp_path / "copy"))
    now.advance(days=3)
    with shop_at(elsewhere.url, elsewhere.folder) as app:
        assert "consistent" in output_of(run(app, "restore", tmp_path / "copy"))
        assert "not delivered" in output_of(run(app, "doctor"), 1)
        with app.test_request_context(base_url=app.config["PUBLIC_ORIGIN"]):
            tasks.deliver_outboxes()
        assert "consistent" in output_of(run(app, "doctor"))


def test_a_failed_backup_leaves_nothing_behind(shop: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").touch()
    assert "already exists" in output_of(run(shop, "backup", tmp_path / "copy"), 1)

    def run_full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(sqlite_copy, "copy", run_full)
    monkeypatch.setattr(mariadb_copy, "copy", run_full)
    assert "no space left" in output_of(run(shop, "backup", tmp_path / "backups" / "copy"), 1)
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_backup_is_readable_by_its_owner_only(shop: Flask, tmp_path: Path) -> None:
    output_of(run(shop, "backup", tmp_path / "copy"))
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o700


def test_a_shop_without_tables_has_nothing_to_copy(elsewhere: Place, tmp_path: Path) -> None:
    for schema in SCHEMAS:
        migrations.create_database(elsewhere.url.format(schema=schema))
    with shop_at(elsewhere.url, elsewhere.folder) as app:
        assert "db upgrade" in output_of(run(app, "backup", tmp_path / "copy"), 1)


def test_a_restore_into_a_filled_shop_is_refused(shop: Flask, elsewhere: Place, tmp_path: Path) -> None:
    output_of(run(shop, "backup", tmp_path / "copy"))
    with shop.app_context():
        for schema in SCHEMAS:
            db.engines[schema].dispose()
        assert "is not empty" in output_of(run(shop, "restore", tmp_path / "copy"), 1)
        assert list(violations()) == []


def test_a_restore_into_an_open_shop_is_refused(shop: Flask, elsewhere: Place, tmp_path: Path) -> None:
    output_of(run(shop, "backup", tmp_path / "copy"))
    migrations.create_database(elsewhere.url.format(schema="orders"))
    with shop_at(elsewhere.url, elsewhere.folder) as opened, shop_at(elsewhere.url, elsewhere.folder) as app:
        with opened.app_context(), db.engines["orders"].connect() as connection:
            connection.execute(sa.text("SELECT 1 FROM (SELECT 1) AS one"))
            if db.engines["orders"].dialect.name == "sqlite":
                connection.execute(sa.text("SELECT count(*) FROM sqlite_master"))
        assert "in use" in output_of(run(app, "restore", tmp_path / "copy"), 1)
        with opened.app_context():
            db.engines["orders"].dispose()
        assert "consistent" in output_of(run(app, "restore", tmp_path / "copy"))


def test_a_backup_of_a_version_with_fewer_schemas_is_restored(
    shop: Flask, engine: str, elsewhere: Place, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    output_of(run(shop, "backup", copy))
    told = json.loads((copy / "backup.json").read_text())
    del told["databases"]["webhooks"], told["revisions"]["webhooks"]
    if engine == "sqlite":
        (copy / "webhooks.db").unlink()
        del told["checksums"]["webhooks.db"]
    (copy / "backup.json").write_text(json.dumps(told))
    with shop_at(elsewhere.url, elsewhere.folder) as app:
        assert "consistent" in output_of(run(app, "restore", copy))
        with app.app_context():
            assert migrations.revision_of("webhooks") == migrations.head_of("webhooks")
            assert webhooks.list_endpoints() == []


def test_a_backup_of_a_version_with_more_schemas_is_refused(shop: Flask, elsewhere: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    output_of(run(shop, "backup", copy))
    told = json.loads((copy / "backup.json").read_text())
    told["revisions"]["tomorrow"] = "tomorrow_0001"
    (copy / "backup.json").write_text(json.dumps(told))
    with shop_at(elsewhere.url, elsewhere.folder) as app:
        assert "newer version" in output_of(run(app, "restore", copy), 1)


def test_a_damaged_backup_is_refused(shop: Flask, elsewhere: Place, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    output_of(run(shop, "backup", copy))
    (file,) = [*copy.glob("orders.db"), *copy.glob("databases.sql")]
    whole = file.read_bytes()
    with shop_at(elsewhere.url, elsewhere.folder) as app:
        file.write_bytes(whole[:-1])
        assert "was changed" in output_of(run(app, "restore", copy), 1)
        file.write_bytes(whole)
        (copy / "backup.json").rename(tmp_path / "aside")
        assert "contains no backup" in output_of(run(app, "restore", copy), 1)
        told = json.loads((tmp_path / "aside").read_text())
        told["revisions"]["orders"] = "of-tomorrow"
        (copy / "backup.json").write_text(json.dumps(told))
        assert "newer version" in output_of(run(app, "restore", copy), 1)
        shutil.copy(tmp_path / "aside", copy / "backup.json")
        assert "consistent" in output_of(run(app, "restore", copy))


def test_images_in_a_folder_are_included(shop: Flask, engine: str, elsewhere: Place, tmp_path: Path) -> None:
    pictures = f"file://{tmp_path}/kept%20here"
    url = shop.config["SQLALCHEMY_BINDS"]["cart"]["url"].replace("cart", "{schema}")
    with shop_at(url, tmp_path, IMAGE_STORAGE=pictures) as app:
        app.extensions["picture_store"].put(NAME, b"a picture")
        assert "Image files copied: 1" in output_of(run(app, "backup", tmp_path / "copy"))
    with shop_at(elsewhere.url, elsewhere.folder, IMAGE_STORAGE=f"file://{tmp_path}/there") as app:
        output_of(run(app, "restore", tmp_path / "copy"))
        assert app.extensions["picture_store"].get(NAME) == b"a picture"


def test_the_generated_key_is_included(tmp_path: Path) -> None:
    with place("sqlite", tmp_path / "a") as here, shop_at(here.url, here.folder, SECRET_KEY="") as app:
        with app.app_context():
            demo_shop.make_tables()
        assert "SECRET_KEY" not in output_of(run(app, "backup", tmp_path / "copy"))
        key = app.config["SECRET_KEY"]
    with place("sqlite", tmp_path / "b") as there, shop_at(there.url, there.folder, SECRET_KEY="") as app:
        assert app.config["SECRET_KEY"] != key
        assert "SECRET_KEY" not in output_of(run(app, "restore", tmp_path / "copy"))
        assert (there.folder / "secret-key").read_text() == key
        assert (there.folder / "secret-key").stat().st_mode & 0o777 == 0o600
    with place("sqlite", tmp_path / "c") as there, shop_at(there.url, there.folder) as app:
        output_of(run(app, "restore", tmp_path / "copy"))
        assert not (there.folder / "secret-key").exists()


def test_a_busy_database_refuses_the_backup_after_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_copy, "LOCK_SECONDS", 0.01)
    with own_shop("sqlite", tmp_path / "shop", filled=False) as app, app.app_context():
        demo_shop.make_tables()
        writer = sqlite3.connect(tmp_path / "shop" / "cart.db", isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        assert "too busy" in output_of(run(app, "backup", tmp_path / "copy"), 1)
        writer.close()
        output_of(run(app, "backup", tmp_path / "copy"))


def test_schemas_on_several_servers_are_refused(tmp_path: Path) -> None:
    settings = {"CART_DATABASE_URL": "mysql+pymysql://shop:hush@127.0.0.1:1/cart"}
    with own_shop("sqlite", tmp_path / "shop", filled=False) as app, app.app_context():
        demo_shop.make_tables()
    with shop_at(f"sqlite:///{tmp_path}/shop/{{schema}}.db", tmp_path, **settings) as app:
        assert "close the shop" in output_of(run(app, "backup", tmp_path / "copy"), 1)
    urls = {schema: sa.make_url(f"mysql+pymysql://shop@{schema}.example/shop") for schema in SCHEMAS}
    with pytest.raises(mariadb_copy.BackupRefused, match="several servers"):
        mariadb_copy.copy(urls, tmp_path)


def test_without_the_client_the_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    urls = {schema: sa.make_url(f"mysql+pymysql://shop:hush@db.example/shop_{schema}") for schema in SCHEMAS}
    with pytest.raises(
        mariadb_copy.BackupRefused, match=r"--single-transaction .* shop_cart .*> databases\.sql"
    ) as told:
        mariadb_copy.copy(urls, tmp_path)
    assert "hush" not in str(told.value)


@pytest.mark.parametrize("password", ['with "quotes"', "back\\slash", "a#b;c", " blank "])
def test_a_password_is_quoted_for_the_client(password: str) -> None:
    url = sa.URL.create("mysql+pymysql", "shop", password, "db.example", 3307)
    with mariadb_copy._login(url) as option:
        told = Path(option.partition("=")[2])
        assert told.stat().st_mode & 0o777 == 0o600
        assert f"password={mariadb_copy._quoted(password)}\n" in told.read_text()
    assert not told.exists()
