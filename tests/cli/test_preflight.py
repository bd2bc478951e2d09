"""`flask check`: what it asks before the shop opens, and how it names what is missing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from flask import Flask

from storefront.accounts import service as accounts
from storefront.accounts.service import Role
from storefront.cli import preflight
from storefront.db import migrations
from storefront.db.session import db
from tests import demo_shop
from tests.conftest import make_databases
from tests.isolated_shop import PRODUCTION, shop_at
from tests.messaging.test_mail import Mailbox, smtp_server
from tests.run import free_port

NOWHERE = "mysql+pymysql://shop:hush@127.0.0.1:1/orders"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A template of six databases with tables, and an admin."""
    with contextmanager(make_databases)("sqlite", tmp_path) as url:
        with shop_at(url, tmp_path) as app, app.app_context():
            demo_shop.make_tables()
            accounts.create_staff("asha@example.com", "Asha", Role.ADMIN, "correct horse battery")
        yield url


@contextmanager
def origin(status: int) -> Iterator[str]:
    """A server that answers everything alike."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """It is quiet."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def found(url: str, folder: Path, **settings: str) -> list[str]:
    with shop_at(url, folder, **settings) as app, app.app_context():
        return list(preflight.problems())


def real(app: Flask, **settings: object) -> list[str]:
    """What is found in a shop that is open to the world."""
    app.config.update(ENVIRONMENT="production", **settings)
    with app.app_context():
        return list(preflight.problems())


def test_a_shop_that_may_open_hears_so(url: str, tmp_path: Path) -> None:
    with shop_at(url, tmp_path) as app:
        done = app.test_cli_runner().invoke(args=["check"])
    assert (done.exit_code, done.output) == (0, "The shop may open\n")


def test_what_stands_in_the_way_fails_a_script(url: str, tmp_path: Path) -> None:
    with shop_at(url, tmp_path, MAIL_URL=f"smtp://127.0.0.1:{free_port()}") as app:
        done = app.test_cli_runner().invoke(args=["check"])
    assert (done.exit_code, done.output.splitlines()[-1]) == (1, "Error: the shop is not ready to open")


def test_a_database_that_is_away_is_named_and_the_rest_is_asked(url: str, tmp_path: Path) -> None:
    (away, mail) = found(url, tmp_path, ORDERS_DATABASE_URL=NOWHERE, MAIL_URL=f"smtp://127.0.0.1:{free_port()}")
    assert away.startswith("orders: the database does not answer: ")
    assert "hush" not in away
    assert mail.startswith("MAIL_URL: ")


def test_tables_of_another_version_are_named(url: str, tmp_path: Path) -> None:
    with shop_at(url, tmp_path) as app, app.app_context():
        migrations.downgrade(("cart",), "-1")
        db.engines["cart"].dispose()
        assert list(preflight.problems()) == ["cart: the tables are not of this version: flask --app wsgi db upgrade"]


def test_a_shop_without_an_admin_is_told_how_to_make_one(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "staff_members", list)
    (finding,) = found(url, tmp_path)
    assert "staff create --role admin" in finding


def test_a_mail_server_is_greeted(url: str, tmp_path: Path) -> None:
    with smtp_server(Mailbox()) as post:
        assert found(url, tmp_path, MAIL_URL=post) == []
        (finding,) = found(url, tmp_path, MAIL_URL=post.replace("smtp://", "smtp://shop:hush@"))
    assert finding.startswith("MAIL_URL: ")
    assert "hush" not in finding


def test_redis_is_asked(url: str, tmp_path: Path) -> None:
    with shop_at(url, tmp_path) as app, app.app_context():
        app.config["REDIS_URL"] = f"redis://:hush@127.0.0.1:{free_port()}/0"
        (finding,) = preflight.problems()
    assert finding.startswith("REDIS_URL: ")
    assert "hush" not in finding


def test_a_disk_that_is_nearly_full_is_named(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "MIN_FREE_BYTES", 1024**5)
    assert found(url, tmp_path) == [f"{tmp_path}: less than {1024**2} GiB is free"]


def test_the_public_address_is_asked_as_customers_do(url: str, tmp_path: Path) -> None:
    known = {"SHOP_MAIL": "shop@shop.example", "PROXY_COUNT": 1}
    with shop_at(url, tmp_path) as app:
        with origin(200) as here:
            assert real(app, PUBLIC_ORIGIN=here, **known) == []
        with origin(400) as here:
            assert real(app, PUBLIC_ORIGIN=here, **known) == [
                f"PUBLIC_ORIGIN: {here} answers 400: the proxy must pass on Host and X-Forwarded-Proto"
            ]
        (finding,) = real(app, PUBLIC_ORIGIN=here, **known)
        assert "does not answer" in finding


def test_a_real_shop_is_told_what_only_seems_to_work(url: str, tmp_path: Path) -> None:
    with origin(200) as here, shop_at(url, tmp_path) as app:
        findings = real(app, PUBLIC_ORIGIN=here, STRIPE_SECRET_KEY="sk_test_1", PAYMENT_PROVIDER="none")
        assert [finding.split()[0] for finding in findings] == ["SHOP_MAIL", "STRIPE_SECRET_KEY", "PROXY_COUNT"]
        findings = real(app, PAYMENT_PROVIDER="stripe")
        assert "STRIPE_SECRET_KEY is a key for trying: no card is charged" in findings


def test_it_can_be_asked_in_production(url: str, tmp_path: Path) -> None:
    nowhere = f"smtp://127.0.0.1:{free_port()}"
    with shop_at(url, tmp_path, **{**PRODUCTION, "MAIL_URL": nowhere, "PROXY_COUNT": "1"}) as app:
        done = app.test_cli_runner().invoke(args=["check"])
    assert done.exit_code == 1
    assert [line.split()[0] for line in done.output.splitlines()] == [
        "MAIL_URL:",
        "SHOP_MAIL",
        "PUBLIC_ORIGIN:",
        "Error:",
    ]
