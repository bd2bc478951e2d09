"""The orders of an account: list, search, claiming, export, and after its deletion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from storefront.db import migrations
from storefront.db.session import db, read_session
from storefront.orders import service as orders
from storefront.orders.models import Order
from tests.conftest import ENGINES
from tests.factories.shopping import make_snapshot, new_checkout_id
from tests.isolated_shop import at_once, own_shop
from tests.page_client import counted_selects

ASHA, RAVI = 70_001, 70_002  # accounts that no demo data knows


def order(customer: int | None = ASHA, name: str = "Clay Mug", email: str = "asha@example.com") -> str:
    return orders.create_order(new_checkout_id(), replace(make_snapshot(name=name, email=email), customer_id=customer))


def listed(words: str = "", page: int = 1, customer: int = ASHA) -> list[str]:
    return [one.id for one in orders.orders_of(customer, words, page).orders]


def test_an_account_lists_its_own_orders_newest_first(app: Flask) -> None:
    numbers = [order() for _ in range(3)]
    order(RAVI)
    order(None)
    assert listed() == numbers[::-1]


def test_a_page_has_twenty_orders(app: Flask) -> None:
    numbers = [order() for _ in range(21)][::-1]
    first = orders.orders_of(ASHA)
    assert (first.count, first.page_count) == (21, 2)
    assert listed() == numbers[:20]
    assert listed(page=2) == numbers[20:]
    assert listed(page=3) == []
    assert listed(page=-1) == numbers[:20]


def test_a_page_of_orders_takes_three_selects(app: Flask) -> None:
    for count in (1, 5):
        for _ in range(count):
            order()
        with counted_selects() as counter:
            orders.orders_of(ASHA, "mug")
        assert counter["selects"] == 3


def test_orders_are_searched_by_number_and_by_product(app: Flask) -> None:
    mug, pan = order(name="Clay Mug"), order(name="Iron Pan, 100% iron")
    order(RAVI, "Clay Mug")
    assert listed("clay") == [mug]
    assert listed("IRON pan") == [pan]
    assert listed(pan[-6:]) == [pan]
    assert listed(f"{mug.lower()} mug") == [mug]
    assert listed("clay pan") == []


@pytest.mark.parametrize("words", ["%", "_", "100%", "'", "\\", "%mug%"])
def test_search_words_are_taken_literally(app: Flask, words: str) -> None:
    order(name="Clay Mug")
    pan = order(name="Iron Pan, 100% iron")
    assert listed(words) == ([pan] if words in {"%", "100%"} else [])


@pytest.mark.parametrize(
    ("placed_with", "is_theirs"),
    [
        ("asha@example.com", True),
        ("Asha@EXAMPLE.com", True),
        ("ásha@example.com", False),
        ("asha@example.co", False),
        ("asha@éxample.com", False),
    ],
)
def test_guest_orders_are_claimed_only_by_their_email_address(app: Flask, placed_with: str, is_theirs: bool) -> None:
    number = order(None, email=placed_with)
    assert orders.count_claimable("asha@example.com") == is_theirs
    assert orders.claim(ASHA, "asha@example.com") == is_theirs
    assert (orders.get_order(number).customer_id == ASHA) is is_theirs


def test_the_order_of_another_account_is_not_claimed(app: Flask) -> None:
    number = order(RAVI)
    assert orders.claim(ASHA, "asha@example.com") == 0
    assert orders.get_order(number).customer_id == RAVI


@pytest.mark.parametrize("email", ["", "nobody"])
def test_nothing_is_claimed_without_an_email_address(app: Flask, email: str) -> None:
    order(None, email="")
    assert orders.claim(ASHA, email) == 0


def test_orders_of_an_erased_account_are_detached_from_it(app: Flask) -> None:
    number, other = order(), order(RAVI)
    for _ in range(2):
        orders.erase_customer(ASHA)
    assert listed() == []
    assert orders.get_order(number).customer_id is None
    assert orders.get_order(other).customer_id == RAVI


def test_the_export_has_every_order_with_items_and_timeline(app: Flask) -> None:
    numbers = [order(), order(name="Iron Pan")]
    order(RAVI)
    with counted_selects() as counter:
        exported = orders.export_of(ASHA)
    assert [one.id for one in exported] == numbers
    assert exported[1].items[0].name == "Iron Pan"
    assert [len(one.timeline) for one in exported] == [1, 1]
    assert counter["selects"] == 3


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_claims_assign_each_order_once(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            for _ in range(4):
                order(None)
        claimed = at_once(app, [lambda user=user: orders.claim(user, "asha@example.com") for user in (ASHA, RAVI) * 2])
        assert sum(one for one in claimed if isinstance(one, int)) == 4


@pytest.mark.parametrize("engine", ENGINES)
def test_orders_from_before_the_migration_can_be_claimed_too(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app, app.app_context():
        typed = {"Asha@example.com": "asha@example.com", "asha@bücher.example": "asha@xn--bcher-kva.example", "": ""}
        numbers = {order(None, email=email): key for email, key in typed.items()}
        migrations.downgrade(("orders",), "orders_0001")
        migrations.upgrade(("orders",))
        db.session.remove()
        rows = read_session().execute(select(Order.order_id, Order.email_key))
        assert {row.order_id: row.email_key for row in rows} == numbers
