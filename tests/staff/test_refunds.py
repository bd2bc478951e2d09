"""Money back at the order desk: worked out, given, refused plainly, with and without JavaScript."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.accounts.values import Role
from storefront.cli import consistency
from storefront.orders import service as orders
from storefront.orders.values import OrderStatus, OrderView
from tests import consistency as tests_consistency
from tests.consistency import Stock
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product, rupees
from tests.factories.refunds import ask_return, deliver, make_order_at, refund
from tests.factories.shopping import make_order
from tests.fakes import MemoryPost
from tests.page_client import Page, Pages

pytestmark = pytest.mark.both_engines

REFUND, CANCEL = "#refund", "#cancellation"


@pytest.fixture
def desk(pages: Pages) -> Pages:
    """The pages of somebody who looks after orders."""
    pages.sign_in(make_staff(Role.ORDER_STAFF, email="meera@example.com"))
    return pages


@pytest.fixture
def order(app: Flask) -> OrderView:
    """Three mugs, paid by card."""
    return make_order((make_product(name="Clay Mug", stock=5), 3), payment="sandbox-success")


def show(desk: Pages, order: OrderView) -> Page:
    return desk.get(f"/staff/orders/{order.id}")


def units(order: OrderView, count: int | str) -> dict[str, str]:
    return {f"units-{order.items[0].id}": str(count)}


@pytest.mark.parametrize("htmx", [True, False])
def test_what_units_are_worth_is_worked_out_before_anything_happens(desk: Pages, order: OrderView, htmx: bool) -> None:
    fields = {**units(order, 2), "with_shipping": "y", "reason": "Chipped"}
    page = desk.submit(show(desk, order), REFUND, htmx=htmx, press="preview", **fields)
    assert page.one("#refund-worth").get_text() == "Worth ₹1,680"
    assert page.one(f"#units-{order.items[0].id}")["value"] == "2"
    assert page.one("#refund-reason")["value"] == "Chipped"
    assert page.one("#refund-shipping").has_attr("checked")
    assert orders.get_order(order.id).refunded.minor == 0


def test_a_refund_is_given_once_and_shown(desk: Pages, order: OrderView, post: MemoryPost) -> None:
    page = show(desk, order)
    for _ in range(2):  # a double click
        done = desk.submit(page, REFUND, press="refund", restock="y", **units(order, 1))
        assert "₹590 goes back" in done.words
    assert "₹590 of ₹2,270 given back" in done.words
    assert "meera@example.com" in done.words
    deliver()
    assert tests_consistency.stock_of(order.items[0].sku) == Stock(on_hand=3, reserved=0)
    assert list(consistency.violations()) == []


def test_a_refund_with_htmx_answers_the_order_and_says_so(desk: Pages, order: OrderView) -> None:
    fragment = desk.submit(show(desk, order), REFUND, htmx=True, press="refund", amount="99.50")
    assert fragment.one("#announcement").get_text() == "₹99.50 goes back. The customer is written to."
    assert fragment.one("#order")
    assert orders.get_order(order.id).refunded == rupees("99.50")


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({}, 422, "say how many of which, or an amount"),
        ({"amount": "2270.01"}, 409, "at most ₹2,270"),
        ({"amount": "12.345"}, 422, "Enter an amount such as 499.50"),
        ({"amount": "NaN"}, 422, "Enter an amount such as 499.50"),
        ({"amount": "1e999"}, 422, "Enter an amount such as 499.50"),
        ({"units": "4"}, 409, "the units that are left"),
        ({"units": "x"}, 422, "Units are whole numbers"),
    ],
)
def test_what_cannot_go_back_is_refused_with_what_was_typed(
    desk: Pages, order: OrderView, fields: dict[str, str], status: int, words: str
) -> None:
    sent = {**fields, **({} if "units" not in fields else units(order, fields["units"]))}
    sent.pop("units", None)
    page = desk.submit(show(desk, order), REFUND, status=status, press="refund", reason="Chipped", **sent)
    assert words in page.words
    assert page.one("#refund-reason")["value"] == "Chipped"
    assert orders.get_order(order.id).refunded.minor == 0


def test_more_units_than_are_left_have_no_worth(desk: Pages, order: OrderView) -> None:
    page = desk.submit(show(desk, order), REFUND, status=422, press="preview", **units(order, 4))
    assert "not so many units left" in page.words


def test_a_form_sent_again_with_other_contents_is_refused(desk: Pages, order: OrderView) -> None:
    page = show(desk, order)
    desk.submit(page, REFUND, press="refund", **units(order, 1))
    refused = desk.submit(page, REFUND, status=409, press="refund", **units(order, 2))
    assert "sent already, with other contents" in refused.words
    desk.submit(refused, REFUND, press="refund", **units(order, 2))
    assert orders.get_order(order.id).items[0].refunded == 3


def test_an_order_is_cancelled_with_a_reason_and_its_goods_stay_off_the_shelf(desk: Pages, order: OrderView) -> None:
    page = show(desk, order)
    assert page.one("#cancel-restock").has_attr("checked")
    form = page.one(f"details:not([open]) > {CANCEL}")
    form.select_one("#cancel-restock").attrs.pop("checked")  # type: ignore[union-attr]
    for _ in range(2):  # a double click
        done = desk.submit(page, CANCEL, reason="Broken in the store")
        assert "The order is cancelled" in done.words
    assert orders.get_order(order.id).timeline[-1].note == "Broken in the store"
    assert not done.all(CANCEL)
    deliver()
    assert tests_consistency.stock_of(order.items[0].sku) == Stock(on_hand=2, reserved=0)
    assert list(consistency.violations()) == []


def test_what_was_sent_meanwhile_is_not_cancelled(desk: Pages, order: OrderView) -> None:
    page = show(desk, order)
    for step in (OrderStatus.PROCESSING, OrderStatus.SHIPPED):
        orders.advance(order.id, step, by="the shop")
    assert "is on its way and cannot be cancelled" in desk.submit(page, CANCEL, status=409).words


def test_of_an_order_cancelled_meanwhile_nothing_is_refunded(desk: Pages, order: OrderView) -> None:
    page = show(desk, order)
    orders.cancel(order.id, by="you")
    assert "is cancelled" in desk.submit(page, REFUND, status=409, press="refund", **units(order, 1)).words


@pytest.mark.parametrize(
    ("payment", "status", "words"),
    [
        ("cod", OrderStatus.CONFIRMED, "so much less is collected"),
        ("cod", OrderStatus.DELIVERED, "Collected in cash: hand it back yourselves"),
        ("upi", OrderStatus.CONFIRMED, "Paid by UPI: send it back yourselves"),
        ("bnpl", OrderStatus.CONFIRMED, "Tell Klarna to ask for that much less, the shop cannot"),
    ],
)
def test_money_that_no_provider_moves_is_the_staffs_to_give_back(
    desk: Pages, payment: str, status: OrderStatus, words: str
) -> None:
    order = make_order_at(status, payment=payment)
    refund(order, 1)
    assert show(desk, order).words.count(words) == 1
    if status is OrderStatus.CONFIRMED:
        orders.cancel(order.id, by="you")
        assert show(desk, order).words.count(words) == 2


def test_money_that_the_bank_gives_back_is_nobodys_work(desk: Pages, order: OrderView) -> None:
    refund(order, 1)
    orders.cancel(order.id, by="you")
    words = show(desk, order).words
    assert "The order was cancelled" in words
    assert "yourselves" not in words


def test_what_was_refunded_wholly_is_to_be_cancelled_rather_than_sent(desk: Pages, order: OrderView) -> None:
    refund(order, 2)
    assert "cancel the order rather than send it" not in show(desk, order).words
    refund(order, 1)
    assert "cancel the order rather than send it" in show(desk, order).words


def test_a_return_is_shown_with_its_order(desk: Pages, app: Flask) -> None:
    order = make_order_at(OrderStatus.DELIVERED, (make_product(stock=5), 3))
    number = ask_return(order, 2)
    page = show(desk, order)
    assert f"Return no. {number}" in page.words
    assert page.one(f"#units-{order.items[0].id}")["max"] == "1"


@pytest.mark.parametrize("htmx", [True, False])
def test_a_return_may_be_approved_for_less(desk: Pages, app: Flask, htmx: bool) -> None:
    number = ask_return(make_order_at(OrderStatus.DELIVERED, (make_product(stock=5), 3)), 2)
    page = desk.get("/staff/returns")
    for amount, status in (("x", 422), ("9999", 409)):
        refused = desk.submit(page, f"#return-{number} .return-approval", htmx=htmx, status=status, amount=amount)
        assert refused.one(f"#amount-{number}")["value"] == amount
    done = desk.submit(page, f"#return-{number} .return-approval", htmx=htmx, amount="100")
    assert "₹100 goes back" in done.words
    assert "No return waits" in done.words
    assert desk.submit(page, f"#return-{number} .return-approval", htmx=htmx, amount="100").words.count("already") == 1


def test_everything_refunded_leaves_nothing_to_refund(desk: Pages, order: OrderView) -> None:
    refund(order, 3, with_shipping=True)
    assert not show(desk, order).all(REFUND)
