"""The worker's signs of life."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from storefront.db import worker_heartbeat
from storefront.db.session import db
from storefront.db.worker_heartbeat import WorkersSeen, workers_seen
from storefront.worker import heartbeat
from tests.conftest import ENGINES, NOON
from tests.fakes import Clock
from tests.isolated_shop import own_shop, shop_at
from tests.live_server import eventually


@pytest.fixture(params=ENGINES)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with own_shop(request.param, tmp_path) as app, app.app_context():
        yield app


def seen() -> WorkersSeen:
    db.session.rollback()
    return workers_seen()


def test_a_worker_is_alive_while_it_gives_signs_of_life(shop: Flask, now: Clock) -> None:
    assert seen() == WorkersSeen(0, None)
    worker_heartbeat.beat("here:1")
    now.advance(seconds=45)
    worker_heartbeat.beat("here:1")
    worker_heartbeat.beat("there:1")
    assert seen() == WorkersSeen(2, NOON + timedelta(seconds=45))
    now.advance(seconds=61)
    assert seen() == WorkersSeen(0, NOON + timedelta(seconds=45))


def test_workers_that_ended_long_ago_are_forgotten(shop: Flask, now: Clock) -> None:
    worker_heartbeat.beat("here:1")
    now.advance(days=2)
    worker_heartbeat.beat("here:2")
    worker_heartbeat.sign_off("here:2")
    assert seen() == WorkersSeen(0, None)


def test_a_running_worker_beats_and_signs_off(shop: Flask) -> None:
    with heartbeat.beating(shop):
        eventually(lambda: seen().alive == 1, "the sign of life")
    assert seen() == WorkersSeen(0, None)


def test_a_worker_goes_on_while_the_database_is_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with own_shop("sqlite", tmp_path):
        away = {"CHECKOUT_DATABASE_URL": "mysql+pymysql://shop@127.0.0.1:1/shop"}
        with shop_at(f"sqlite:///{tmp_path}/{{schema}}.db", tmp_path, **away) as app, heartbeat.beating(app):
            eventually(lambda: "could not be written" in caplog.text, "the warning")


def test_a_name_fits_into_its_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "x" * 200)
    assert len(heartbeat.own_name()) == worker_heartbeat.MAX_NAME_LENGTH
