"""What engines do is counted by schema, and counts of connections do not drift."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import OperationalError

from storefront.db import engine_metrics
from storefront.db.session import db
from tests.conftest import ENGINES
from tests.isolated_shop import own_shop
from tests.metric_values import growth, value_of


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    with own_shop(request.param, tmp_path) as app, app.app_context():
        for each in db.engines.values():
            each.dispose()
        yield db.engines["orders"]


def connections() -> tuple[float, float]:
    """Open, and in use."""
    name = "storefront_database_connections"
    return value_of(name, schema="orders", state="open"), value_of(name, schema="orders", state="in_use")


def test_statements_are_counted_and_timed_by_schema(engine: sa.Engine) -> None:
    before = value_of("storefront_database_seconds_total", schema="orders")
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
        with growth("storefront_database_statements_total", by=2, schema="orders"):
            connection.execute(sa.text("SELECT 1"))
            connection.execute(sa.text("SELECT 2"))
    assert value_of("storefront_database_seconds_total", schema="orders") > before


def test_a_statement_that_fails_is_an_error(engine: sa.Engine) -> None:
    with (
        engine.connect() as connection,
        growth("storefront_database_errors_total", schema="orders"),
        pytest.raises(sa.exc.DBAPIError),
    ):
        connection.execute(sa.text("SELECT nothing FROM nowhere"))


def test_connections_are_counted_while_they_are_open_and_in_use(engine: sa.Engine) -> None:
    opened, used = connections()
    with engine.connect(), engine.connect():
        assert connections() == (opened + 2, used + 2)
    now_open, now_used = connections()
    assert now_used == used
    assert now_open in {opened + 1, opened + 2}  # the pool may keep one only
    engine.dispose()
    assert connections() == (opened, used)


def test_a_connection_that_leaves_the_pool_is_not_counted_any_more(engine: sa.Engine) -> None:
    before = connections()
    raw = engine.raw_connection()
    raw.detach()
    assert connections() == before
    raw.close()
    assert connections() == before


def test_a_connection_that_breaks_is_not_counted_any_more(engine: sa.Engine) -> None:
    before = connections()
    with engine.connect() as connection:
        connection.invalidate()
    engine.dispose()
    assert connections() == before


def test_attempts_to_connect_that_fail_change_no_count() -> None:
    nowhere = sa.create_engine("mysql+pymysql://shop@127.0.0.1:1/shop")
    engine_metrics.install(nowhere, "nowhere")
    for _ in range(3):
        with growth("storefront_database_errors_total", schema="nowhere"), pytest.raises(OperationalError):
            nowhere.connect()
    assert value_of("storefront_database_connections", schema="nowhere", state="in_use") == 0
    assert value_of("storefront_database_connections", schema="nowhere", state="open") == 0


def test_every_schema_of_a_shop_is_counted(app: Flask) -> None:
    for schema in app.config["SQLALCHEMY_BINDS"]:
        assert value_of("storefront_database_statements_total", schema=schema) > 0
