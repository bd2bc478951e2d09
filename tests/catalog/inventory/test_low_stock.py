"""Low-stock events, published once until a recovery; sales of the last 30 days; the daily digest."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.catalog import inventory
from storefront.catalog import service as catalog
from storefront.catalog.events import STOCK_DIGEST, STOCK_LOW
from storefront.catalog.inventory import low_stock
from storefront.catalog.models import Message
from storefront.catalog.values import Hold
from storefront.db.session import read_session
from tests.factories.catalog import make_product
from tests.factories.stock import adjust, change_of, low_stock_notified, row_of, sell
from tests.fakes import Clock


@pytest.fixture(autouse=True)
def _consistent_stock(app: Flask):
    yield
    read_session().rollback()
    assert list(catalog.stock_violations()) == []


def payloads(topic: str = STOCK_LOW) -> list[dict[str, object]]:
    read_session().rollback()
    return list(read_session().scalars(sa.select(Message.payload).where(Message.topic == topic).order_by(Message.id)))


def test_low_stock_is_published_once(app: Flask) -> None:
    mug = make_product(stock=7)
    sell(mug.sku, 1)
    assert payloads() == []
    sell(mug.sku, 1)
    assert payloads() == [{"skus": [mug.sku], "count": 1}]
    sell(mug.sku, 1)
    sell(mug.sku, 4)
    assert len(payloads()) == 1


def test_low_stock_is_published_again_after_a_recovery(app: Flask) -> None:
    mug = make_product(stock=6)
    sell(mug.sku, 1)
    adjust(change_of(mug.sku, delta=10))
    assert not low_stock_notified(mug.sku)
    sell(mug.sku, 10)
    assert len(payloads()) == 2


def test_received_units_below_the_level_are_no_recovery(app: Flask) -> None:
    mug = make_product(stock=6)
    sell(mug.sku, 5)
    adjust(change_of(mug.sku, delta=3))
    sell(mug.sku, 1)
    assert len(payloads()) == 1


def test_reservations_publish_no_low_stock(app: Flask) -> None:
    mug = make_product(stock=7)
    for _ in range(3):
        inventory.reserve("a-buyer", [Hold(mug.sku, 5)])
        inventory.release("a-buyer")
    assert payloads() == []


def test_low_stock_of_one_order_is_published_in_one_event(app: Flask) -> None:
    mugs = sorted(make_product(stock=6).sku for _ in range(3))
    inventory.reserve("a-buyer", [Hold(sku, 1) for sku in mugs])
    inventory.commit_reservation("a-buyer")
    assert payloads() == [{"skus": mugs, "count": 3}]


def test_raising_a_level_publishes_nothing(app: Flask) -> None:
    mug = make_product(stock=20)
    adjust(change_of(mug.sku, level=30))
    sell(mug.sku, 1)
    assert payloads() == []
    assert low_stock_notified(mug.sku)


def test_a_lowered_level_applies_at_once(app: Flask) -> None:
    mug = make_product(stock=5)
    adjust(change_of(mug.sku, level=2))
    sell(mug.sku, 3)
    assert len(payloads()) == 1


def test_a_product_created_with_low_stock_publishes_nothing(app: Flask) -> None:
    mug = make_product(stock=2)
    sell(mug.sku, 1)
    assert payloads() == []


# ------------------------------------------------------------------------------------- sales


def test_sales_count_at_once_and_cancelled_ones_do_not(app: Flask) -> None:
    mug = make_product(stock=50)
    checkout = sell(mug.sku, 6)
    sell(mug.sku, 4)
    assert row_of(mug.sku).sold_30 == 10
    inventory.restock(checkout, reason="cancellation", actor="shop")
    assert row_of(mug.sku).sold_30 == 4


def test_returned_units_still_count_as_sold(app: Flask) -> None:
    mug = make_product(stock=50)
    inventory.restock(sell(mug.sku, 6), reason="return", actor="shop")
    assert row_of(mug.sku).sold_30 == 6


def test_sales_older_than_thirty_days_do_not_count(app: Flask, now: Clock) -> None:
    mug = make_product(stock=50)
    sell(mug.sku, 6)
    now.advance(days=20)
    sell(mug.sku, 3)
    now.advance(days=11)
    assert low_stock.recompute_sold_30() >= 1
    assert (row_of(mug.sku).sold_30, row_of(mug.sku).days_left) == (3, 410)
    now.advance(days=20)
    low_stock.recompute_sold_30()
    assert (row_of(mug.sku).sold_30, row_of(mug.sku).days_left) == (0, None)
    assert low_stock.recompute_sold_30() == 0


def test_a_cancellation_after_thirty_days_makes_no_negative_sales(app: Flask, now: Clock) -> None:
    mug = make_product(stock=50)
    checkout = sell(mug.sku, 6)
    now.advance(days=31)
    low_stock.recompute_sold_30()
    inventory.restock(checkout, reason="cancellation", actor="shop")
    assert (row_of(mug.sku).sold_30, row_of(mug.sku).days_left) == (0, None)


def test_a_digest_is_published_once_a_day(app: Flask) -> None:
    for _ in range(2):
        inventory.close_day(date(2026, 11, 22))
    inventory.close_day(date(2026, 11, 23))
    assert payloads(STOCK_DIGEST) == [{"day": "2026-11-22"}, {"day": "2026-11-23"}]
