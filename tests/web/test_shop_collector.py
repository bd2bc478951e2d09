"""Figures that are read when somebody scrapes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import insert, update

from storefront.checkout.models import Checkout
from storefront.checkout.values import CheckoutState
from storefront.db import outbox, worker_heartbeat
from storefront.db.session import transaction
from storefront.orders.models import Message
from storefront.web import shop_collector
from storefront.web.shop_collector import ShopCollector
from tests.conftest import ENGINES, NOON
from tests.fakes import Clock
from tests.isolated_shop import own_shop, shop_at

Figures = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture(params=ENGINES)
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5))
    with own_shop(request.param, tmp_path) as app, app.app_context():
        app.extensions["huey"].storage.flush_queue()
        yield app


def figures(app: Flask) -> Figures:
    """All samples by name and label values, read anew."""
    families = ShopCollector(app).collect()
    return {(sample.name, tuple(sample.labels.values())): sample.value for one in families for sample in one.samples}


def publish(topic: str, *keys: str) -> None:
    with transaction("orders") as session:
        for key in keys:
            outbox.publish(session, Message, topic, key, {})


def test_health_is_part_of_the_figures(shop: Flask, now: Clock) -> None:
    worker_heartbeat.beat("here:1")
    worker_heartbeat.beat("there:1")
    now.advance(seconds=40)
    found = figures(shop)
    assert found["storefront_ready", ()] == 1
    assert found["storefront_schema_up", ("orders",)] == 1
    assert found["storefront_data_free_bytes", ()] == 5
    assert found["storefront_workers", ()] == 2
    assert found["storefront_worker_heartbeat_age_seconds", ()] == 40


def test_messages_that_wait_and_those_given_up_are_counted_by_topic(shop: Flask, now: Clock) -> None:
    publish("first", "a", "b")
    publish("second", "c")
    now.advance(minutes=10)
    publish("first", "d")
    with transaction("orders") as session:
        session.execute(update(Message).where(Message.key == "a").values(delivered_at=now.read()))
        session.execute(update(Message).where(Message.key == "c").values(failed_at=now.read()))
    now.advance(minutes=5)
    found = figures(shop)
    assert found["storefront_outbox_messages", ("orders", "first", "waiting")] == 2
    assert found["storefront_outbox_messages", ("orders", "first", "parked")] == 0
    assert found["storefront_outbox_oldest_age_seconds", ("orders", "first")] == 15 * 60
    assert found["storefront_outbox_messages", ("orders", "second", "parked")] == 1
    assert found["storefront_outbox_oldest_age_seconds", ("orders", "second")] == 0


def test_orders_under_way_are_counted_by_state(shop: Flask, now: Clock) -> None:
    with transaction("checkout") as session:
        for number, state in enumerate((CheckoutState.WAITING, CheckoutState.WAITING, CheckoutState.COMPLETED)):
            row = {"id": f"checkout-{number}", "cart_token": "cart", "state": state, "created_at": NOON}
            session.execute(insert(Checkout).values(**row, updated_at=now.read(), draft={}, plan={}, progress={}))
            now.advance(minutes=1)
    found = figures(shop)
    states = ("running", "waiting", "undoing")
    assert [found["storefront_checkouts_unfinished", (state,)] for state in states] == [0, 2, 0]
    assert found["storefront_checkout_idle_seconds", ("waiting",)] == 180


def test_jobs_in_the_queue_are_counted_with_the_age_of_the_next(shop: Flask, now: Clock) -> None:
    assert figures(shop)["storefront_queue_oldest_job_age_seconds", ()] == 0
    huey = shop.extensions["huey"]
    shop.extensions["import_stock"](1)
    now.advance(seconds=90)
    shop.extensions["import_stock"](2)
    found = figures(shop)
    assert (found["storefront_queue_jobs", ()], found["storefront_queue_oldest_job_age_seconds", ()]) == (2, 90)
    assert [huey.dequeue().args[0] for _ in range(2)] == [1, 2]


def test_a_source_that_cannot_be_read_is_named_and_the_others_are_read(
    shop: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> int:
        raise ConnectionError("away")

    monkeypatch.setattr(shop.extensions["huey"].storage, "queue_size", fail)
    found = figures(shop)
    assert [found["storefront_source_up", (source,)] for source in ("queue", "checkouts", "outboxes")] == [0, 1, 1]
    assert ("storefront_queue_jobs", ()) not in found


def test_while_a_schema_is_away_the_other_figures_are_read(tmp_path: Path) -> None:
    with own_shop("sqlite", tmp_path):
        away = {"CHECKOUT_DATABASE_URL": "mysql+pymysql://shop@127.0.0.1:1/shop"}
        with shop_at(f"sqlite:///{tmp_path}/{{schema}}.db", tmp_path, **away) as app, app.app_context():
            found = figures(app)
    assert found["storefront_schema_up", ("checkout",)] == 0
    assert [found["storefront_source_up", (source,)] for source in ("queue", "checkouts", "outboxes")] == [1, 0, 1]
    assert ("storefront_workers", ()) not in found


def test_several_who_scrape_cost_no_more_than_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop_collector, "KEPT_SECONDS", 60.0)
    with own_shop("sqlite", tmp_path) as app, app.app_context():
        collector = ShopCollector(app)
        first = collector.collect()
        publish("news", "a")
        assert collector.collect() is first
