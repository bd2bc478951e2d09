"""Low-stock levels: told once when something runs low, again only after it recovered; how fast things sell."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa
from flask import Flask

from storefront.catalog import service as catalog
from storefront.catalog.events import STOCK_DIGEST, STOCK_LOW
from storefront.catalog.inventory import low_stock
from storefront.catalog.models import Message
from storefront.catalog.service import Hold
from storefront.db.session import read_session
from tests.factories.catalog import make_product
from tests.factories.stock import adjust, change_of, low_stock_notified, row_of, sell
from tests.fakes import Clock


@pytest.fixture(autouse=True)
def _books_that_balance(app: Flask):
    yield
    read_session().rollback()
    assert list(catalog.stock_violations()) == []


def words(topic: str = STOCK_LOW) -> list[dict[str, object]]:
    read_session().rollback()
    return list(read_session().scalars(sa.select(Message.payload).where(Message.topic == topic).order_by(Message.id)))


def test_what_runs_low_is_told_once(app: Flask) -> None:
    mug = make_product(stock=7)
    sell(mug.sku, 1)
    assert words() == []
    sell(mug.sku, 1)
    assert words() == [{"skus": [mug.sku], "count": 1}]
    sell(mug.sku, 1)
    sell(mug.sku, 4)
    assert len(words()) == 1


def test_what_recovered_and_runs_low_again_is_told_again(app: Flask) -> None:
    mug = make_product(stock=6)
    sell(mug.sku, 1)
    adjust(change_of(mug.sku, delta=10))
    assert not low_stock_notified(mug.sku)
    sell(mug.sku, 10)
    assert len(words()) == 2


def test_a_few_units_that_leave_it_low_are_no_recovery(app: Flask) -> None:
    mug = make_product(stock=6)
    sell(mug.sku, 5)
    adjust(change_of(mug.sku, delta=3))
    sell(mug.sku, 1)
    assert len(words()) == 1


def test_holds_come_and_go_without_a_word(app: Flask) -> None:
    mug = make_product(stock=7)
    for _ in range(3):
        catalog.reserve("a-buyer", [Hold(mug.sku, 5)])
        catalog.release("a-buyer")
    assert words() == []


def test_all_that_one_order_makes_low_is_told_in_one_word(app: Flask) -> None:
    mugs = sorted(make_product(stock=6).sku for _ in range(3))
    catalog.reserve("a-buyer", [Hold(sku, 1) for sku in mugs])
    catalog.commit_reservation("a-buyer")
    assert words() == [{"skus": mugs, "count": 3}]


def test_a_level_that_staff_raise_needs_no_letter_to_them(app: Flask) -> None:
    mug = make_product(stock=20)
    adjust(change_of(mug.sku, level=30))
    sell(mug.sku, 1)
    assert words() == []
    assert low_stock_notified(mug.sku)


def test_a_level_that_staff_lower_is_watched_from_there(app: Flask) -> None:
    mug = make_product(stock=5)
    adjust(change_of(mug.sku, level=2))
    sell(mug.sku, 3)
    assert len(words()) == 1


def test_goods_that_come_in_few_are_nothing_to_tell(app: Flask) -> None:
    mug = make_product(stock=2)
    sell(mug.sku, 1)
    assert words() == []


# ------------------------------------------------------------------------------------- what was sold


def test_what_is_sold_counts_at_once_and_what_is_cancelled_does_not(app: Flask) -> None:
    mug = make_product(stock=50)
    checkout = sell(mug.sku, 6)
    sell(mug.sku, 4)
    assert row_of(mug.sku).sold_30 == 10
    catalog.restock(checkout, reason="cancellation", actor="shop")
    assert row_of(mug.sku).sold_30 == 4


def test_what_comes_back_was_sold_all_the_same(app: Flask) -> None:
    mug = make_product(stock=50)
    catalog.restock(sell(mug.sku, 6), reason="return", actor="shop")
    assert row_of(mug.sku).sold_30 == 6


def test_sales_older_than_thirty_days_are_let_go(app: Flask, now: Clock) -> None:
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


def test_a_cancellation_that_outlives_its_sale_makes_no_negative_sales(app: Flask, now: Clock) -> None:
    mug = make_product(stock=50)
    checkout = sell(mug.sku, 6)
    now.advance(days=31)
    low_stock.recompute_sold_30()
    catalog.restock(checkout, reason="cancellation", actor="shop")
    assert (row_of(mug.sku).sold_30, row_of(mug.sku).days_left) == (0, None)


def test_the_day_is_closed_once(app: Flask) -> None:
    for _ in range(2):
        catalog.close_day(date(2026, 11, 22))
    catalog.close_day(date(2026, 11, 23))
    assert words(STOCK_DIGEST) == [{"day": "2026-11-22"}, {"day": "2026-11-23"}]
