"""Invoices: numbers without a gap, one for each order, with the seller's data of the day of issue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, event, insert, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from storefront.core import clock
from storefront.db.session import db, read_session, transaction
from storefront.orders import service as orders
from storefront.orders.invoice_models import Invoice, InvoiceSeries
from storefront.orders.models import Order
from storefront.orders.service import INVOICE, IssuedDocument
from storefront.orders.values import OrderView
from tests.conftest import ENGINES
from tests.factories.catalog import make_product, rupees
from tests.factories.refunds import deliver, refund
from tests.factories.shopping import make_order, make_snapshot, new_checkout_id
from tests.fakes import Clock, MemoryPost
from tests.isolated_shop import at_once, own_shop


def confirmed() -> OrderView:
    """A confirmed order whose e-mail was not sent yet."""
    checkout = new_checkout_id()
    order_id = orders.create_order(checkout, make_snapshot())
    orders.confirm_order(checkout)
    return orders.get_order(order_id)


def issue(order: OrderView) -> dict[int, IssuedDocument]:
    return orders.issue_documents(orders.get_order(order.id))


def number_of(order: OrderView) -> str:
    return issue(order)[INVOICE].number


def positions(series: str) -> list[int]:
    asked = select(Invoice.position).where(Invoice.series == series)
    return list(read_session().scalars(asked.order_by(Invoice.position)))


# ---------------------------------------------------------------------------------------------- numbers


def test_invoices_are_numbered_in_the_order_of_their_issue(app: Flask) -> None:
    first, second = confirmed(), confirmed()
    assert [number_of(order) for order in (second, first, second)] == ["2026-000001", "2026-000002", "2026-000001"]


def test_the_invoice_is_issued_before_the_first_email(app: Flask, post: MemoryPost) -> None:
    order = confirmed()
    assert orders.get_order(order.id).invoice_number == ""
    deliver()
    assert orders.get_order(order.id).invoice_number == "2026-000001"
    deliver()
    assert positions("2026") == [1]


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_an_order_that_was_never_confirmed_has_no_invoice(app: Flask, is_cancelled: bool) -> None:
    checkout = new_checkout_id()
    order_id = orders.create_order(checkout, make_snapshot())
    if is_cancelled:
        orders.cancel_order(checkout, "never paid")
    assert orders.issue_documents(orders.get_order(order_id)) == {}
    assert positions("2026") == []


def test_each_year_in_the_shops_time_zone_has_its_own_series(app: Flask) -> None:
    number_of(confirmed())
    orders_ = [confirmed() for _ in range(2)]
    with clock.at_time(datetime(2026, 12, 31, 18, 29, tzinfo=UTC)):  # a minute before midnight in Kolkata
        assert number_of(orders_[0]) == "2026-000002"
    with clock.at_time(datetime(2026, 12, 31, 18, 31, tzinfo=UTC)):
        assert number_of(orders_[1]) == "2027-000001"


def test_credit_notes_have_their_own_series_and_follow_their_invoice(app: Flask, post: MemoryPost) -> None:
    order = make_order((make_product(name="Clay Mug"), 3), payment="sandbox-success")
    refund(order, 1)
    refund(order, amount=rupees(5))
    assert {credit: paper.number for credit, paper in issue(order).items()} == {
        INVOICE: "2026-000001",
        1: "CN-2026-000001",
        2: "CN-2026-000002",
    }
    orders.cancel(order.id, by="you")
    deliver()
    assert positions("CN-2026") == [1, 2, 3]
    assert list(orders.violations()) == []


# ------------------------------------------------------------------------------------------------ rivals


@pytest.mark.parametrize("engine", ENGINES)
def test_twenty_concurrent_orders_get_numbers_without_a_gap(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            waiting = [confirmed() for _ in range(20)]
        numbers = at_once(app, [lambda order=order: number_of(order) for order in waiting])
        assert sorted(map(str, numbers)) == [f"2026-{n:06d}" for n in range(1, 21)]
        with app.app_context():
            assert positions("2026") == list(range(1, 21))
            assert list(orders.violations()) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_ten_concurrent_requests_issue_one_invoice_and_one_credit_note(engine: str, tmp_path: Path) -> None:
    with own_shop(engine, tmp_path) as app:
        with app.app_context():
            order = confirmed()
            refund(order, 1)
        papers = at_once(app, [lambda: issue(order)] * 10)
        assert papers[0] == papers[-1]
        assert papers.count(papers[0]) == 10
        with app.app_context():
            assert number_of(confirmed()) == "2026-000002"
            assert positions("CN-2026") == [1]
            assert list(orders.violations()) == []


def test_a_failed_issue_frees_its_number(app: Flask) -> None:
    first, second = confirmed(), confirmed()

    def fail(conn: object, cursor: object, statement: str, *rest: object) -> None:
        if statement.startswith("INSERT INTO invoices"):
            raise OperationalError(statement, {}, RuntimeError("the disk is full"))

    event.listen(Engine, "before_cursor_execute", fail)
    try:
        with pytest.raises(OperationalError, match="the disk is full"):
            issue(first)
    finally:
        event.remove(Engine, "before_cursor_execute", fail)
    assert positions("2026") == []
    assert [number_of(second), number_of(first)] == ["2026-000001", "2026-000002"]
    assert list(orders.violations()) == []


def test_a_clock_set_back_does_not_issue_earlier_than_the_previous_invoice(app: Flask, now: Clock) -> None:
    first, second = confirmed(), confirmed()
    at = issue(first)[INVOICE].issued_at
    now.advance(seconds=-30)
    assert issue(second)[INVOICE].issued_at == at


# ------------------------------------------------------------------------------------------------ seller


def test_an_invoice_keeps_its_seller_when_the_shop_moves(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = confirmed(), confirmed()
    monkeypatch.setitem(app.config, "SHOP_ADDRESS", "1 Market Street | Pune 411001")
    monkeypatch.setitem(app.config, "SHOP_TAX_NUMBER", "27ABCDE1234F1Z5")
    before = issue(old)[INVOICE]
    assert (before.seller.address, before.seller.tax_number) == (("1 Market Street", "Pune 411001"), "27ABCDE1234F1Z5")
    monkeypatch.setitem(app.config, "SHOP_NAME", "calendula")
    monkeypatch.setitem(app.config, "SHOP_ADDRESS", "2 Hill Road | Mumbai 400050")
    assert issue(old)[INVOICE] == before
    seller = issue(new)[INVOICE].seller
    assert (seller.name, seller.address) == ("calendula", ("2 Hill Road", "Mumbai 400050"))


@pytest.mark.parametrize("tamper", [update(Invoice).values(position=7), delete(Invoice)])
def test_the_database_itself_refuses_to_change_an_invoice(app: Flask, tamper: object) -> None:
    number = number_of(order := confirmed())
    with pytest.raises(DBAPIError, match="invoices are never changed"), transaction("orders") as session:
        session.execute(tamper)  # type: ignore[call-overload]
    assert number_of(order) == number


# ------------------------------------------------------------------------------------------------ doctor


def insert_invoice(order: OrderView, position: int, at: datetime) -> None:
    """Insert an invoice without a series."""
    row = {"number": f"2026-{position:06d}", "series": "2026", "position": position, "issued_at": at, "credit": 0}
    seller = {"seller_name": "", "seller_address": "", "seller_mail": "", "seller_tax_number": ""}
    with transaction("orders") as session:
        session.execute(insert(Invoice).values(order_id=order.row_id, **row, **seller))
        session.execute(update(InvoiceSeries).where(InvoiceSeries.series == "2026").values(last_position=position))
    db.session.rollback()


def test_the_doctor_names_a_gap(app: Flask) -> None:
    number_of(confirmed())
    insert_invoice(confirmed(), 4, clock.utc_now())
    assert list(orders.violations()) == ["invoices 2026: a gap before 2026-000004, 2 are missing"]


def test_the_doctor_names_a_counted_number_without_an_invoice(app: Flask) -> None:
    number_of(confirmed())
    with transaction("orders") as session:
        session.execute(update(InvoiceSeries).values(last_position=2).where(InvoiceSeries.series == "2026"))
    assert list(orders.violations()) == ["invoices 2026: the last is 1, 2 were counted"]


def test_the_doctor_names_an_invoice_older_than_the_previous_one(app: Flask) -> None:
    number_of(confirmed())
    insert_invoice(confirmed(), 2, clock.utc_now() - timedelta(hours=1))
    assert list(orders.violations()) == ["invoice 2026-000002: issued before the one before it"]


@pytest.fixture
def confirmed_without_invoice(
    app: Flask, post: MemoryPost, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], OrderView]:
    """Makes orders that are confirmed by e-mail without an invoice, as by an older worker."""

    def tell() -> OrderView:
        now.advance(minutes=1)
        order = confirmed()
        with monkeypatch.context() as patch:
            patch.setattr(orders, "issue_documents", lambda order: {})
            deliver()
        return order

    return tell


def test_the_doctor_names_an_order_confirmed_by_email_without_an_invoice(
    confirmed_without_invoice: Callable[[], OrderView],
) -> None:
    number_of(confirmed_without_invoice())
    order = confirmed_without_invoice()
    assert list(orders.violations()) == [f"{order.id}: confirmed by e-mail, but it has no invoice"]
    issue(order)
    assert list(orders.violations()) == []


def test_imported_orders_and_those_before_the_first_invoice_need_none(
    confirmed_without_invoice: Callable[[], OrderView],
) -> None:
    confirmed_without_invoice()
    number_of(confirmed())
    old = confirmed_without_invoice()
    with transaction("orders") as session:
        session.execute(update(Order).where(Order.id == old.row_id).values(checkout_id="old-7"))
    assert list(orders.violations()) == []
