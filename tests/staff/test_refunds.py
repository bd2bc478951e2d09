"""Refunds, cancellations and returns in the staff area, with and without JavaScript."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import update

from storefront.accounts.values import Role
from storefront.cli import consistency
from storefront.db.session import transaction
from storefront.orders import service as orders
from storefront.orders.models import Order
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
def staff_pages(pages: Pages) -> Pages:
    """The pages as order staff."""
    pages.sign_in(make_staff(Role.ORDER_STAFF, email="meera@example.com"))
    return pages


@pytest.fixture
def order(app: Flask) -> OrderView:
    """An order of three items, paid by card."""
    return make_order((make_product(name="Clay Mug", stock=5), 3), payment="sandbox-success")


def show(staff_pages: Pages, order: OrderView) -> Page:
    return staff_pages.get(f"/staff/orders/{order.id}")


def preview(staff_pages: Pages, order: OrderView, **fields: str) -> Page:
    """Have the amount of a refund shown, as staff must before they confirm it."""
    return staff_pages.submit(show(staff_pages, order), REFUND, press="preview", **fields)


def units(order: OrderView, count: int | str) -> dict[str, str]:
    return {f"units-{order.items[0].id}": str(count)}


@pytest.mark.parametrize("htmx", [True, False])
def test_the_refund_amount_is_previewed_before_anything_happens(
    staff_pages: Pages, order: OrderView, htmx: bool
) -> None:
    fields = {**units(order, 2), "with_shipping": "y", "reason": "Chipped"}
    page = staff_pages.submit(show(staff_pages, order), REFUND, htmx=htmx, press="preview", **fields)
    assert page.one("#refund-worth").get_text() == "Amount ₹1,680"
    assert page.one("#refund-go").get_text() == "Refund ₹1,680"
    assert page.one(f"#units-{order.items[0].id}")["value"] == "2"
    assert page.one("#refund-reason")["value"] == "Chipped"
    assert page.one("#refund-shipping").has_attr("checked")
    assert orders.get_order(order.id).refunded.minor == 0


def test_a_refund_is_given_once_and_shown(staff_pages: Pages, order: OrderView, post: MemoryPost) -> None:
    page = preview(staff_pages, order, **units(order, 1))
    for _ in range(2):  # a double click
        done = staff_pages.submit(page, REFUND, press="refund", restock="y")
        assert "₹590 refunded" in done.words
    assert "₹590 of ₹2,270 refunded" in done.words
    assert "meera@example.com" in done.words
    deliver()
    assert tests_consistency.stock_of(order.items[0].sku) == Stock(on_hand=3, reserved=0)
    assert list(consistency.violations()) == []


def test_a_refund_with_htmx_answers_the_order_and_announces_it(staff_pages: Pages, order: OrderView) -> None:
    page = preview(staff_pages, order, amount="99.50")
    fragment = staff_pages.submit(page, REFUND, htmx=True, press="refund")
    assert fragment.one("#announcement").get_text() == "₹99.50 refunded. The customer gets an e-mail."
    assert fragment.one("#order")
    assert orders.get_order(order.id).refunded == rupees("99.50")


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({}, 422, "enter units or an amount"),
        ({"amount": "2270.01"}, 409, "at most ₹2,270"),
        ({"amount": "12,50"}, 422, "can mean 1,250 or 12.50"),
        ({"amount": "12.345"}, 422, "can mean 12,345 or 12.345"),
        ({"amount": "NaN"}, 422, "Enter an amount such as 499 or 499.50"),
        ({"amount": "1e999"}, 422, "Enter an amount such as 499 or 499.50"),
        ({"units": "4"}, 409, "the remaining units"),
        ({"units": "x"}, 422, "Units to refund: Enter a whole number"),
    ],
)
def test_an_invalid_refund_is_refused_and_keeps_what_was_entered(
    staff_pages: Pages, order: OrderView, fields: dict[str, str], status: int, words: str
) -> None:
    sent = {**fields, **({} if "units" not in fields else units(order, fields["units"]))}
    sent.pop("units", None)
    page = staff_pages.submit(
        show(staff_pages, order), REFUND, status=status, press="preview", reason="Chipped", **sent
    )
    assert words in page.words
    assert page.one("#refund-reason")["value"] == "Chipped"
    assert orders.get_order(order.id).refunded.minor == 0


def test_more_units_than_are_left_cannot_be_previewed(staff_pages: Pages, order: OrderView) -> None:
    page = staff_pages.submit(show(staff_pages, order), REFUND, status=409, press="preview", **units(order, 4))
    assert "the remaining units can be refunded" in page.words


def test_the_preview_honours_a_custom_amount(staff_pages: Pages, order: OrderView) -> None:
    """A5: "Show the amount" used to ignore the field."""
    assert preview(staff_pages, order, amount="1,250.50").one("#refund-go").get_text() == "Refund ₹1,250.50"


def test_only_the_amount_that_was_shown_is_paid_back(staff_pages: Pages, order: OrderView) -> None:
    """A5: neither an unseen amount nor one that changed since is paid back."""
    page = preview(staff_pages, order, **units(order, 1))
    changed = staff_pages.submit(page, REFUND, status=409, press="refund", **units(order, 2))
    assert "Nothing was refunded yet. ₹1,180 will be refunded" in changed.words
    unseen = staff_pages.submit(page, REFUND, status=422, press="refund", shown="", amount="500")
    assert "₹500 will be refunded: check the amount" in unseen.words
    assert orders.get_order(order.id).refunded.minor == 0
    staff_pages.submit(unseen, REFUND, press="refund")
    assert orders.get_order(order.id).refunded == rupees(500)


def test_a_reused_idempotency_key_with_other_values_is_refused(staff_pages: Pages, order: OrderView) -> None:
    page = preview(staff_pages, order, **units(order, 1))
    staff_pages.submit(page, REFUND, press="refund")
    refused = staff_pages.submit(page, REFUND, status=409, press="refund", **units(order, 2))
    assert "already sent with other values" in refused.words
    again = staff_pages.submit(refused, REFUND, press="preview", **units(order, 2))
    staff_pages.submit(again, REFUND, press="refund")
    assert orders.get_order(order.id).items[0].refunded == 3


def test_an_order_is_cancelled_with_a_reason_and_without_restocking(staff_pages: Pages, order: OrderView) -> None:
    page = show(staff_pages, order)
    assert page.one("#cancel-restock").has_attr("checked")
    form = page.one(f"details:not([open]) > {CANCEL}")
    form.select_one("#cancel-restock").attrs.pop("checked")  # type: ignore[union-attr]
    for _ in range(2):  # a double click
        done = staff_pages.submit(page, CANCEL, reason="Broken in the store")
        assert "Order cancelled" in done.words
    assert orders.get_order(order.id).timeline[-1].note == "Broken in the store"
    assert not done.all(CANCEL)
    deliver()
    assert tests_consistency.stock_of(order.items[0].sku) == Stock(on_hand=2, reserved=0)
    assert list(consistency.violations()) == []


def test_an_order_shipped_meanwhile_is_not_cancelled(staff_pages: Pages, order: OrderView) -> None:
    page = show(staff_pages, order)
    for step in (OrderStatus.PROCESSING, OrderStatus.SHIPPED):
        orders.advance(order.id, step, by="the shop")
    assert "is on its way and cannot be cancelled" in staff_pages.submit(page, CANCEL, status=409).words


def test_an_order_cancelled_meanwhile_is_not_refunded(staff_pages: Pages, order: OrderView) -> None:
    page = preview(staff_pages, order, **units(order, 1))
    orders.cancel(order.id, by="you")
    assert "is cancelled" in staff_pages.submit(page, REFUND, status=409, press="preview").words
    assert "is cancelled" in staff_pages.submit(page, REFUND, status=409, press="refund").words


@pytest.mark.parametrize(
    ("payment", "status", "words"),
    [
        ("cod", OrderStatus.CONFIRMED, "Not paid"),
        ("cod", OrderStatus.DELIVERED, "Paid in cash: refund it by hand"),
        ("upi", OrderStatus.CONFIRMED, "Paid by UPI: refund it by hand"),
        ("bnpl", OrderStatus.CONFIRMED, "Ask Klarna to reduce the loan"),
    ],
)
def test_refunds_without_a_provider_are_left_to_the_staff(
    staff_pages: Pages, payment: str, status: OrderStatus, words: str
) -> None:
    order = make_order_at(status, payment=payment)
    refund(order, 1)
    assert show(staff_pages, order).words.count(words) == 1
    if status is OrderStatus.CONFIRMED:
        orders.cancel(order.id, by="you")
        assert show(staff_pages, order).words.count(words) == 2


def test_refunds_by_the_provider_need_no_work(staff_pages: Pages, order: OrderView) -> None:
    refund(order, 1)
    orders.cancel(order.id, by="you")
    words = show(staff_pages, order).words
    assert "Order cancelled" in words
    assert "yourselves" not in words


def test_an_order_that_was_fully_refunded_in_the_past_is_to_be_cancelled(staff_pages: Pages, order: OrderView) -> None:
    refund(order, 2)
    assert "Cancel the order instead of shipping it" not in show(staff_pages, order).words
    refund(order, 1)
    with transaction("orders") as session:  # as such orders were left before the last refund closed them
        session.execute(update(Order).where(Order.order_id == order.id).values(status=OrderStatus.CONFIRMED))
    assert "Cancel the order instead of shipping it" in show(staff_pages, order).words


def test_a_return_is_shown_with_its_order(staff_pages: Pages, app: Flask) -> None:
    order = make_order_at(OrderStatus.DELIVERED, (make_product(stock=5), 3))
    number = ask_return(order, 2)
    page = show(staff_pages, order)
    assert f"Return no. {number}" in page.words
    assert page.one(f".order-return__count:has(#units-{order.items[0].id})").get_text(strip=True) == "of 1"


@pytest.mark.parametrize("htmx", [True, False])
def test_a_return_may_be_approved_for_less(staff_pages: Pages, app: Flask, htmx: bool) -> None:
    number = ask_return(make_order_at(OrderStatus.DELIVERED, (make_product(stock=5), 3)), 2)
    page = staff_pages.get("/staff/returns")
    for amount, status in (("x", 422), ("12,50", 422), ("9999", 409)):
        refused = staff_pages.submit(
            page, f"#return-{number} .return-approval", htmx=htmx, status=status, amount=amount
        )
        assert refused.one(f"#amount-{number}")["value"] == amount
    approval = f"#return-{number} .return-approval"
    shown = staff_pages.submit(page, approval, htmx=htmx, press="preview", amount="100", with_shipping="y")
    assert shown.one(f"#approve-{number}").get_text() == "Approve and refund ₹100"
    unseen = staff_pages.submit(page, approval, htmx=htmx, status=409, press="refund", amount="99")
    assert unseen.one(f"#approve-{number}").get_text() == "Approve and refund ₹99"
    done = staff_pages.submit(shown, approval, htmx=htmx, press="refund")
    assert "₹100 refunded" in done.words
    assert "No open returns" in done.words
    assert (
        staff_pages.submit(page, f"#return-{number} .return-approval", htmx=htmx, amount="100").words.count("already")
        == 1
    )


def test_a_fully_refunded_order_has_no_refund_form(staff_pages: Pages, order: OrderView) -> None:
    refund(order, 3, with_shipping=True)
    assert not show(staff_pages, order).all(REFUND)
