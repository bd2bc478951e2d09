"""The staff's list of orders: search, counts and board, steps, and their consistency checks."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from storefront.db import migrations
from storefront.db.session import db, read_session, transaction
from storefront.orders import service as orders
from storefront.orders.carriers import CARRIERS, tracking_url
from storefront.orders.models import Message, Order
from storefront.orders.service import admin_list
from storefront.orders.values import OrderId, OrderStatus, StepNotAllowed
from tests.conftest import ENGINES
from tests.factories.shopping import EMAIL, make_snapshot, new_checkout_id
from tests.fakes import Clock
from tests.isolated_shop import at_once, own_shop
from tests.page_client import counted_selects

PACKING, SENT = OrderStatus.PROCESSING, OrderStatus.SHIPPED
ALL_ORDERS = admin_list.OrderQuery(filter=admin_list.OrderFilter.ALL)


def create(status: OrderStatus = OrderStatus.CONFIRMED, email: str = EMAIL) -> OrderId:
    """A confirmed order, or one whose status is set directly in the database."""
    checkout = new_checkout_id()
    order_id = orders.create_order(checkout, make_snapshot(email=email))
    orders.confirm_order(checkout)
    if status is not OrderStatus.CONFIRMED:
        with transaction("orders") as session:
            session.execute(update(Order).where(Order.order_id == order_id).values(status=status))
    return order_id


def listed(criteria: admin_list.OrderQuery) -> list[OrderId]:
    return [order.id for order in admin_list.list_orders(criteria).orders]


def messages(order_id: str) -> list[str]:
    keys = read_session().scalars(select(Message.key).order_by(Message.id))
    return [key.partition("/")[0] for key in keys if key.endswith(order_id)]


# ------------------------------------------------------------------------------------------------ finding


def test_each_filter_lists_and_counts_its_orders(app: Flask, now: Clock) -> None:
    made = {status: create(status) for status in OrderStatus}
    for status, order_id in made.items():
        assert listed(admin_list.OrderQuery(filter=admin_list.OrderFilter(status))) == [order_id]
    assert listed(admin_list.OrderQuery()) == [made[OrderStatus.CONFIRMED], made[PACKING]]
    counts = admin_list.list_orders(ALL_ORDERS).counts
    assert (
        counts[admin_list.OrderFilter.ALL],
        counts[admin_list.OrderFilter.TO_SEND],
        counts[admin_list.OrderFilter.LATE],
    ) == (
        8,
        2,
        0,
    )
    now.advance(days=8)
    is_open = [made[status] for status in (OrderStatus.PENDING, OrderStatus.CONFIRMED, PACKING, SENT)]
    assert listed(admin_list.OrderQuery(filter=admin_list.OrderFilter.LATE)) == is_open
    assert admin_list.list_orders(ALL_ORDERS).counts[admin_list.OrderFilter.LATE] == 4


@pytest.mark.parametrize("chosen", [admin_list.OrderFilter.ALL, admin_list.OrderFilter.TO_SEND])
@pytest.mark.parametrize("words", ["", "asha"])
def test_pages_go_forth_and_back_without_losing_or_repeating_an_order(
    app: Flask, monkeypatch: pytest.MonkeyPatch, chosen: admin_list.OrderFilter, words: str
) -> None:
    monkeypatch.setattr(admin_list, "PAGE_SIZE", 2)
    made = [create() for _ in range(5)]  # all in one moment: the number of the row decides
    expected = made if chosen is admin_list.OrderFilter.TO_SEND else made[::-1]
    page = admin_list.list_orders(admin_list.OrderQuery(words, chosen))
    seen = [order.id for order in page.orders]
    while page.paged.next:
        page = admin_list.list_orders(admin_list.OrderQuery(words, chosen, cursor=page.paged.next))
        seen += [order.id for order in page.orders]
    assert seen == expected
    back = admin_list.list_orders(admin_list.OrderQuery(words, chosen, cursor=page.paged.previous))
    assert [order.id for order in back.orders] == expected[2:4]


def test_a_search_takes_its_words_literally(app: Flask) -> None:
    order_id = create(email="a_b@example.com")
    create(email="axb@example.com")
    assert listed(admin_list.OrderQuery("a_b", admin_list.OrderFilter.ALL)) == [order_id]
    assert listed(admin_list.OrderQuery("%", admin_list.OrderFilter.ALL)) == []
    assert len(listed(admin_list.OrderQuery("mug", admin_list.OrderFilter.ALL))) == 2  # the beginning of a SKU
    assert listed(admin_list.OrderQuery("ug-1", admin_list.OrderFilter.ALL)) == []


def test_a_page_and_the_board_take_three_selects(app: Flask) -> None:
    for status in OrderStatus:
        create(status)
    with counted_selects() as counter:
        admin_list.list_orders(admin_list.OrderQuery("asha", admin_list.OrderFilter.ALL))
    assert counter["selects"] == 3
    with counted_selects() as counter:
        admin_list.list_orders(admin_list.OrderQuery("asha mug", admin_list.OrderFilter.ALL))
    assert counter["selects"] == 4  # an SKU may hold blanks
    with counted_selects() as counter:
        board = admin_list.show_board(ALL_ORDERS)
    assert counter["selects"] == 3
    assert [len(cards) for cards in board.columns.values()] == [1] * 8


def test_open_columns_show_the_oldest_orders_and_closed_ones_the_newest(
    app: Flask, monkeypatch: pytest.MonkeyPatch, now: Clock
) -> None:
    monkeypatch.setattr(admin_list, "MAX_CARDS", 2)
    made: dict[OrderStatus, list[OrderId]] = {PACKING: [], OrderStatus.DELIVERED: []}
    for status in [*made] * 3:
        now.advance(minutes=1)
        made[status].append(create(status))
    columns = admin_list.show_board(ALL_ORDERS).columns
    assert [order.id for order in columns[PACKING]] == made[PACKING][:2]
    assert [order.id for order in columns[OrderStatus.DELIVERED]] == made[OrderStatus.DELIVERED][:0:-1]


def test_the_export_has_every_order_of_the_filter(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_list, "ROWS_AT_ONCE", 2)
    made = [create() for _ in range(5)]
    create(SENT)
    assert [order.id for part in admin_list.export_orders(admin_list.OrderQuery()) for order in part] == made


# ------------------------------------------------------------------------------------------------ steps


def test_a_step_publishes_a_message_and_is_audited(app: Flask) -> None:
    order_id = create()
    orders.advance(order_id, PACKING, by="the shop", actor="meera@example.com")
    orders.advance(order_id, SENT, by="the shop", actor="ravi@example.com", carrier="DTDC", tracking="D 7")
    assert messages(order_id) == ["order-placed", "order-processing", "order-shipped"]
    assert [(entry.what, entry.actor, entry.detail) for entry in admin_list.acts_of(order_id)] == [
        ("processing", "meera@example.com", "from confirmed to processing"),
        ("shipped", "ravi@example.com", "from processing to shipped, DTDC D 7"),
    ]
    order = orders.get_order(order_id)
    assert (order.carrier, order.tracking_number, order.tracking_url) == ("DTDC", "D 7", CARRIERS["DTDC"])
    assert list(orders.violations()) == []


def test_a_refused_step_publishes_and_audits_nothing(app: Flask) -> None:
    order_id = create()
    with pytest.raises(StepNotAllowed):
        orders.advance(order_id, SENT, by="the shop", actor="meera@example.com")
    assert messages(order_id) == ["order-placed"]
    assert admin_list.acts_of(order_id) == []


def test_the_doctor_names_a_step_without_its_message(app: Flask) -> None:
    order_id = create()
    orders.advance(order_id, PACKING, by="the shop")
    with transaction("orders") as session:
        session.execute(delete(Message).where(Message.topic == "order-processing"))
    assert list(orders.violations()) == [f"{order_id}: never announced: order-processing"]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_order_shipped_before_such_emails_existed_is_no_violation(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app, app.app_context():
        order_id = create()
        for status in (PACKING, SENT):
            orders.advance(order_id, status, by="the shop", tracking="AWB 7")
        with transaction("orders") as session:
            session.execute(delete(Message).where(Message.topic != "order-placed"))
        migrations.downgrade(("orders",), "orders_0003")
        migrations.upgrade(("orders",))
        db.session.remove()
        assert list(orders.violations()) == []
        assert orders.get_order(order_id).tracking_number == "AWB 7"


@pytest.mark.parametrize("engine", ENGINES)
def test_concurrent_requests_take_a_step_once(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            order_id = create()
        step = [lambda n=n: orders.advance(order_id, PACKING, by="the shop", actor=f"clerk-{n}") for n in range(6)]
        outcomes = at_once(app, step)
        assert outcomes.count(None) == 1
        assert sum(isinstance(outcome, StepNotAllowed) and outcome.current is PACKING for outcome in outcomes) == 5
        with app.app_context():
            assert messages(order_id) == ["order-placed", "order-processing"]
            assert len(admin_list.acts_of(order_id)) == 1
            assert [event.status for event in orders.get_order(order_id).timeline].count(PACKING) == 1


def test_the_tracking_url_is_the_carriers() -> None:
    assert tracking_url("Blue Dart", "7 7/&") == (
        "https://www.bluedart.com/trackdartresultthirdparty?trackFor=0&trackNo=7%207%2F%26"
    )
    assert tracking_url("India Post", "EM1IN") == CARRIERS["India Post"]
    assert tracking_url("Lake Couriers", "1") == tracking_url("Blue Dart", "") == ""
