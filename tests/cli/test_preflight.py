"""`flask preflight`: the checks before a shop opens, and how it names problems."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from flask import Flask

from config import SCHEMAS
from storefront.accounts import service as accounts
from storefront.accounts.values import Role
from storefront.cli import preflight
from storefront.db import migrations
from storefront.db.replicas import Replica
from storefront.db.session import db
from tests import demo_shop
from tests.conftest import make_databases
from tests.isolated_shop import PRODUCTION, shop_at
from tests.messaging.test_mail import Mailbox, smtp_server
from tests.run import free_port

NOWHERE = "mysql+pymysql://shop:hush@127.0.0.1:1/orders"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A template of databases with tables, and an admin."""
    with contextmanager(make_databases)("sqlite", tmp_path) as url:
        with shop_at(url, tmp_path) as app, app.app_context():
            demo_shop.make_tables()
            accounts.create_staff("asha@example.com", "Asha", Role.ADMIN, "correct horse battery")
        yield url


def test_a_schema_left_in_a_file_beside_a_server_is_warned_of(url: str, tmp_path: Path) -> None:
    """A shop that names each database by itself does not know of a schema that an upgrade adds."""
    settings = {f"{schema.upper()}_DATABASE_URL": NOWHERE for schema in SCHEMAS if schema != "webhooks"}
    with shop_at(url, tmp_path, **settings) as app, app.app_context():
        (warning,) = [warning for warning in preflight.warnings() if "SQLite" in warning]
        assert warning.startswith("webhooks: ")
        assert "WEBHOOKS_DATABASE_URL" in warning
    with shop_at(url, tmp_path) as app, app.app_context():
        assert not any("SQLite" in warning for warning in preflight.warnings())


@contextmanager
def origin(status: int) -> Iterator[str]:
    """A server that answers every request with the same status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def problems_of(url: str, folder: Path, **settings: str) -> list[str]:
    with shop_at(url, folder, **settings) as app, app.app_context():
        return list(preflight.problems())


def production_problems(app: Flask, **settings: object) -> list[str]:
    """The problems of a shop in production."""
    app.config.update(ENVIRONMENT="production", **settings)
    with app.app_context():
        return list(preflight.problems())


def test_a_shop_without_problems_is_ready_to_open(url: str, tmp_path: Path) -> None:
    with shop_at(url, tmp_path, WEB_CONCURRENCY="1") as app:
        done = app.test_cli_runner().invoke(args=["preflight"])
    assert (done.exit_code, done.output) == (0, "The shop is ready to open\n")


def test_a_problem_makes_the_command_fail(url: str, tmp_path: Path) -> None:
    with shop_at(url, tmp_path, MAIL_URL=f"smtp://127.0.0.1:{free_port()}") as app:
        done = app.test_cli_runner().invoke(args=["preflight"])
    assert (done.exit_code, done.output.splitlines()[-1]) == (1, "Error: the shop is not ready to open")


def test_an_unreachable_database_is_named_and_the_other_checks_still_run(url: str, tmp_path: Path) -> None:
    (away, mail) = problems_of(url, tmp_path, ORDERS_DATABASE_URL=NOWHERE, MAIL_URL=f"smtp://127.0.0.1:{free_port()}")
    assert away.startswith("orders: the database does not answer: ")
    assert "hush" not in away
    assert mail.startswith("MAIL_URL: ")


def test_tables_of_another_version_are_named(url: str, tmp_path: Path) -> None:
    with shop_at(url, tmp_path) as app, app.app_context():
        migrations.downgrade(("cart",), "-1")
        db.engines["cart"].dispose()
        assert list(preflight.problems()) == [
            "cart: the tables are of another version: run flask --app wsgi db upgrade"
        ]


def test_a_missing_admin_is_named_with_the_command_that_makes_one(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "staff_members", list)
    (problem,) = problems_of(url, tmp_path)
    assert "staff create --role admin" in problem


def test_the_mail_server_is_connected_to(url: str, tmp_path: Path) -> None:
    with smtp_server(Mailbox()) as mail_url:
        assert problems_of(url, tmp_path, MAIL_URL=mail_url) == []
        (problem,) = problems_of(url, tmp_path, MAIL_URL=mail_url.replace("smtp://", "smtp://shop:hush@"))
    assert problem.startswith("MAIL_URL: ")
    assert "hush" not in problem


@pytest.mark.parametrize(("processes", "is_warned"), [("2", True), ("1", False)])
def test_several_processes_without_redis_are_warned_of(
    url: str, tmp_path: Path, processes: str, is_warned: bool
) -> None:
    """B6: each counts tries for itself; the shop opens all the same."""
    with shop_at(url, tmp_path, WEB_CONCURRENCY=processes) as app:
        done = app.test_cli_runner().invoke(args=["preflight"])
    assert ("Warning: REDIS_URL is not set" in done.output) is is_warned
    assert (done.exit_code, done.output.splitlines()[-1]) == (0, "The shop is ready to open")


def test_several_processes_with_redis_are_not_warned_of(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop_at(url, tmp_path, WEB_CONCURRENCY="4") as app, app.app_context():
        assert len(list(preflight.warnings())) == 1
        monkeypatch.setitem(app.config, "REDIS_URL", "redis://localhost:6379/0")
        assert list(preflight.warnings()) == []


@pytest.mark.parametrize(
    ("settings", "warnings"),
    [({}, 0), ({"METRICS_HOST": "0.0.0.0"}, 1), ({"METRICS_HOST": "0.0.0.0", "METRICS_TOKEN": "a" * 32}, 0)],  # noqa: S104
)
def test_metrics_that_anybody_may_read_are_warned_of(
    url: str, tmp_path: Path, settings: dict[str, str], warnings: int
) -> None:
    with shop_at(url, tmp_path, WEB_CONCURRENCY="1", METRICS_PORT="9464", **settings) as app, app.app_context():
        found = list(preflight.warnings())
    assert [warning.startswith("METRICS_HOST is ") for warning in found] == [True] * warnings


def test_redis_is_checked(url: str, tmp_path: Path) -> None:
    with shop_at(url, tmp_path) as app, app.app_context():
        app.config["REDIS_URL"] = f"redis://:hush@127.0.0.1:{free_port()}/0"
        (problem,) = preflight.problems()
    assert problem.startswith("REDIS_URL: ")
    assert "hush" not in problem


def test_a_nearly_full_disk_is_named(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "MIN_FREE_BYTES", 1024**5)
    assert problems_of(url, tmp_path) == [f"{tmp_path}: less than {1024**2} GiB is free"]


def test_the_public_origin_is_requested(url: str, tmp_path: Path) -> None:
    known = {"SHOP_MAIL": "shop@shop.example", "PROXY_COUNT": 1}
    with shop_at(url, tmp_path) as app:
        with origin(200) as here:
            assert production_problems(app, PUBLIC_ORIGIN=here, **known) == []
        with origin(400) as here:
            assert production_problems(app, PUBLIC_ORIGIN=here, **known) == [
                f"PUBLIC_ORIGIN: {here} answers 400: the proxy must pass on Host and X-Forwarded-Proto"
            ]
        (problem,) = production_problems(app, PUBLIC_ORIGIN=here, **known)
        assert "does not answer" in problem


def test_production_needs_a_sender_a_live_key_and_a_proxy(url: str, tmp_path: Path) -> None:
    with origin(200) as here, shop_at(url, tmp_path) as app:
        problems = production_problems(app, PUBLIC_ORIGIN=here, STRIPE_SECRET_KEY="sk_test_1", PAYMENT_PROVIDER="none")
        assert [problem.split()[0] for problem in problems] == ["SHOP_MAIL", "STRIPE_SECRET_KEY", "PROXY_COUNT"]
        problems = production_problems(app, PAYMENT_PROVIDER="stripe")
        assert "STRIPE_SECRET_KEY is a test key: no card is charged" in problems


def test_it_runs_in_production(url: str, tmp_path: Path) -> None:
    nowhere = f"smtp://127.0.0.1:{free_port()}"
    with shop_at(
        url, tmp_path, **{**PRODUCTION, "MAIL_URL": nowhere, "PROXY_COUNT": "1", "WEB_CONCURRENCY": "1"}
    ) as app:
        done = app.test_cli_runner().invoke(args=["preflight"])
    assert done.exit_code == 1
    assert [line.split()[0] for line in done.output.splitlines()] == [
        "MAIL_URL:",
        "SHOP_MAIL",
        "PUBLIC_ORIGIN:",
        "Error:",
    ]


# ------------------------------------------------------------------------------------------- several machines

READY = {
    "MACHINES": "several",
    "SECRET_KEY": PRODUCTION["SECRET_KEY"],
    "PROXY_COUNT": "1",
    "PUBLIC_ORIGIN": PRODUCTION["PUBLIC_ORIGIN"],
    "MAIL_URL": "smtp://mail.example",
}
ELSEWHERE = "mysql+pymysql://shop:hush@db.example/storefront_{schema}"


def machine_problems(folder: Path, **settings: str) -> list[str]:
    """What only matters on several machines; nothing is connected to."""
    redis_url = settings.pop("REDIS_URL", "redis://redis.example/0")
    with shop_at(settings.pop("DATABASE_URL", ELSEWHERE), folder, **READY | settings) as app, app.app_context():
        app.config["REDIS_URL"] = redis_url
        return list(preflight.several_machines())


def test_one_machine_needs_nothing_of_this(url: str, tmp_path: Path) -> None:
    assert problems_of(url, tmp_path, SECRET_KEY="") == []


def test_every_problem_of_several_machines_is_among_the_problems(url: str, tmp_path: Path) -> None:
    found = problems_of(url, tmp_path, MACHINES="several")
    assert [problem.split()[0] for problem in found][: len(SCHEMAS)] == [f"{schema}:" for schema in SCHEMAS]


def test_a_shop_with_everything_in_one_place_is_ready(tmp_path: Path) -> None:
    assert machine_problems(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "value", "count"),
    [
        ("DATABASE_URL", "sqlite:////srv/{schema}.db", len(SCHEMAS)),
        ("DATABASE_URL", "mysql+pymysql://shop:hush@127.0.0.1/storefront_{schema}", len(SCHEMAS)),
        ("ORDERS_DATABASE_URL", "sqlite:////srv/orders.db", 1),
        ("REDIS_URL", "", 1),
        ("REDIS_URL", "redis://:hush@localhost:6379/0", 1),
        ("SECRET_KEY", "", 1),
        ("MAIL_URL", "", 1),
        ("PROXY_COUNT", "0", 1),
        ("PUBLIC_ORIGIN", "http://localhost:9090", 1),
        ("DEV_CLIENT", "http://localhost:4200", 1),
    ],
)
def test_what_would_be_another_thing_on_each_machine_is_named(
    tmp_path: Path, name: str, value: str, count: int
) -> None:
    problems = machine_problems(tmp_path, **{name: value})
    assert len(problems) == count
    assert all(name.removeprefix("ORDERS_") in problem for problem in problems)
    assert "hush" not in "".join(problems)


def test_a_folder_of_images_must_be_the_same_on_each_machine(url: str, tmp_path: Path) -> None:
    images = f"file://{tmp_path}/images"
    with shop_at(url, tmp_path, WEB_CONCURRENCY="1", MACHINES="several", IMAGE_STORAGE=images) as app:
        with app.app_context():
            (warning,) = preflight.warnings()
        assert images in warning
    with shop_at(url, tmp_path, WEB_CONCURRENCY="1", IMAGE_STORAGE=images) as app, app.app_context():
        assert list(preflight.warnings()) == []


def test_the_old_name_still_works_and_names_the_new_one(url: str, tmp_path: Path) -> None:
    with shop_at(url, tmp_path) as app:
        done = app.test_cli_runner().invoke(args=["check"])
    assert (done.exit_code, done.stdout) == (0, "The shop is ready to open\n")
    assert "The command 'check' is deprecated. Use “preflight” instead." in done.stderr


def test_a_server_that_is_no_replica_is_named(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with shop_at(url, tmp_path) as app, app.app_context():
        assert list(preflight._replica()) == []
        nowhere = Replica("catalog", NOWHERE, NOWHERE, max_lag=5, pool_size=1)
        monkeypatch.setitem(app.extensions, "catalog_replica", nowhere)
        (problem,) = preflight._replica()
        nowhere.close()
    assert problem.startswith("CATALOG_REPLICA_URL: it or the primary does not answer")
    assert "hush" not in problem
