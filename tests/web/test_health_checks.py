"""When a process is ready, when it is degraded, and what that costs."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask

from config import SCHEMAS
from storefront.db import worker_heartbeat
from storefront.web import health_checks
from storefront.web.health_checks import Health, Status, check_health
from tests.conftest import NOON
from tests.fakes import Clock
from tests.isolated_shop import own_shop, shop_at
from tests.run import free_port

NOWHERE = "mysql+pymysql://shop@127.0.0.1:1/shop"
PLENTY = health_checks.MIN_FREE_BYTES


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The data of a shop with a worker that has just given a sign of life."""
    with own_shop("sqlite", tmp_path) as app, app.app_context():
        worker_heartbeat.beat("here:1")
        yield tmp_path


@pytest.fixture(autouse=True)
def _a_large_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=PLENTY))


def found_in(folder: Path, **settings: str) -> Health:
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder, **settings) as app, app.app_context():
        return check_health()


def test_a_shop_with_everything_is_up(folder: Path) -> None:
    found = found_in(folder)
    assert found.status is Status.UP
    assert (set(found.schemas.values()), found.redis, found.free_bytes) == ({True}, None, PLENTY)


@pytest.mark.parametrize("away", [("orders",), ("catalog",), ("checkout", "cart", "payments", "orders", "accounts")])
def test_a_schema_that_is_away_degrades_the_shop(folder: Path, away: tuple[str, ...]) -> None:
    found = found_in(folder, **{f"{schema.upper()}_DATABASE_URL": NOWHERE for schema in away})
    assert found.status is Status.DEGRADED
    assert {schema for schema, is_up in found.schemas.items() if not is_up} == set(away)


def test_a_process_that_reaches_no_schema_is_down(folder: Path) -> None:
    schemas = [schema for schema in SCHEMAS if schema != "webhooks"]
    found = found_in(folder, **{f"{schema.upper()}_DATABASE_URL": NOWHERE for schema in schemas})
    assert (found.status, found.workers) == (Status.DOWN, None)


def test_a_worker_that_gave_no_sign_of_life_for_a_minute_is_missing(folder: Path, now: Clock) -> None:
    now.advance(seconds=60)
    assert found_in(folder).has_worker
    now.advance(seconds=1)
    found = found_in(folder)
    assert (found.has_worker, found.status) == (False, Status.DEGRADED)
    assert found.heartbeat_age == now.read() - NOON


def test_a_full_disk_degrades_the_shop(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=PLENTY - 1))
    assert found_in(folder).status is Status.DEGRADED


def test_redis_that_is_away_degrades_the_shop(folder: Path) -> None:
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder) as app, app.app_context():
        app.config["REDIS_URL"] = f"redis://127.0.0.1:{free_port()}/0"
        health_checks.init_app(app)
        found = check_health()
    assert (found.redis, found.status) == (False, Status.DEGRADED)


def test_redis_that_answers_is_up(folder: Path, redis_url: str) -> None:
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder) as app, app.app_context():
        app.config["REDIS_URL"] = redis_url
        health_checks.init_app(app)
        found = check_health()
        app.extensions["health"]._redis.close()
    assert (found.redis, found.status) == (True, Status.UP)


def test_a_schema_that_does_not_answer_in_time_counts_as_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    real = health_checks._is_schema_up

    def slow(schema: str) -> bool:
        if schema == "orders":
            answered.wait(30)
        return real(schema)

    monkeypatch.setattr(health_checks, "_is_schema_up", slow)
    monkeypatch.setattr(health_checks, "ANSWER_SECONDS", 0.3)
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder) as app, app.app_context():
        found = check_health()
        answered.set()
    assert [schema for schema, is_up in found.schemas.items() if not is_up] == ["orders"]


def test_many_who_ask_cost_no_more_than_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(health_checks, "_is_schema_up", lambda schema: asked.append(schema) or True)
    monkeypatch.setattr(health_checks, "KEPT_SECONDS", 60.0)
    with shop_at(f"sqlite:///{folder}/{{schema}}.db", folder) as app, app.app_context():
        for _ in range(5):
            check_health()
    assert len(asked) == len(SCHEMAS)


@pytest.fixture
def redis_url() -> str:
    if "TEST_REDIS_URL" not in os.environ:
        pytest.skip("no Redis: start with bin/test")
    return os.environ["TEST_REDIS_URL"]


def test_the_shop_has_a_checker(app: Flask) -> None:
    assert isinstance(app.extensions["health"], health_checks.HealthChecker)
