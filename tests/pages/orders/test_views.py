"""The order pages of guests; an order without proven access looks like an unknown one."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlencode

import pytest
from flask import Flask

from storefront.accounts.values import Role
from storefront.orders import service as orders
from storefront.orders.refund_values import RefundRequest
from storefront.orders.service import MAX_TYPED_LENGTH
from storefront.orders.values import OrderStatus, OrderView
from tests.factories.accounts import make_staff
from tests.factories.catalog import make_product
from tests.factories.shopping import EMAIL, buy, fill_cart, make_order
from tests.page_client import Page, Pages

NOT_FOUND = "No order matches this number and e-mail address. Check both and try again."
TRACK = "form.order-track__form"


@pytest.fixture
def order(app: Flask) -> OrderView:
    """An order that no browser knows of yet."""
    return make_order((make_product(name="Clay Mug", price=500), 2))


def track_form_number(page: Page) -> str:
    return str(page.one(f"{TRACK} input[name=order_id]")["value"])


def without_token(page: Page) -> str:
    return re.sub(r'name="csrf_token" value="[^"]*"', "", page.response.text)


def track(pages: Pages, number: str, email: str = EMAIL, *, status: int = 200, htmx: bool = False) -> Page:
    return pages.submit(pages.get("/track"), TRACK, status=status, htmx=htmx, order_id=number, email=email)


# ------------------------------------------------------------------------------------------------- index


def test_a_browser_without_orders_links_to_tracking(pages: Pages) -> None:
    page = pages.get("/orders")
    assert "There are no orders in this browser" in page.words
    assert page.one("main a.btn")["href"] == "/track"


def test_the_orders_of_this_browser_are_listed_newest_first(pages: Pages) -> None:
    buy(pages, make_product(name="Clay Mug"), 2)
    buy(pages, make_product(name="Iron Pan"))
    fill_cart(pages, make_product(name="Blue Jug"))
    buy(pages, make_product(name="Red Jug"), 2)
    names = [" ".join(row.get_text().split()) for row in pages.get("/orders").all(".order-list__goods")]
    assert names == ["Blue Jug and 1 more product, 3 units", "Iron Pan", "Clay Mug, 2 units"]


def test_the_orders_of_another_browser_are_not_listed(pages: Pages, app: Flask) -> None:
    buy(pages, make_product())
    assert Pages(app).get("/orders").all(".order-list__order") == []


# --------------------------------------------------------------------------------------------- one order


def test_the_thank_you_of_a_new_order_is_shown_once(pages: Pages) -> None:
    page = buy(pages, make_product(name="Clay Mug", price=500), 2)
    number = page.one(".order-number").get_text()
    assert page.one("h1").get_text() == "Thank you, your order is placed"
    assert pages.get(f"/orders/{number}").one("h1").get_text() == f"Order {number}"


def test_an_order_page_shows_items_figures_address_and_timeline(pages: Pages, order: OrderView) -> None:
    page = track(pages, order.id)
    assert "Clay Mug" in page.one("#items").get_text()
    for words in ("2 × ₹500", "₹1,000", "₹180", "₹1,680", "Cash on delivery", "Asha Rao", "Pune 411001"):
        assert words in page.words
    told = [step.get_text() for step in page.all("#timeline .order-timeline__status")]
    assert told == ["Received", "Confirmed", "Next"]
    assert "Arrives by Sun, 29 Nov" in page.words.replace("Sun 29", "Sun, 29")


def test_the_timeline_grows_with_the_order(pages: Pages, order: OrderView) -> None:
    orders.advance(order.id, OrderStatus.PROCESSING, by="Meera")
    orders.advance(order.id, OrderStatus.SHIPPED, by="Meera", tracking="AWB 77")
    page = track(pages, order.id)
    assert page.one("#order-progress").get_text() == "On its way"
    assert "AWB 77" in page.one("#timeline").get_text()


@pytest.mark.parametrize("number", ["ORD-261122000000", "no-such-order", "%25", "x" * 300, "%00", "%22%3E%3Cb%3E"])
def test_an_unknown_order_asks_for_an_email_address_too(pages: Pages, number: str) -> None:
    page = pages.get(f"/orders/{number}")
    assert page.one("h1").get_text() == "Track an order"
    assert track_form_number(page) == unquote(number).replace("\0", "")[:MAX_TYPED_LENGTH]


@pytest.mark.parametrize("path", ["", "/invoice", "/invoice.pdf", "/return", "/credit-notes/1"])
def test_an_order_without_proven_access_looks_like_an_unknown_one(pages: Pages, order: OrderView, path: str) -> None:
    foreign = pages.get(f"/orders/{order.id}{path}")
    unknown = pages.get(f"/orders/ORD-261122000000{path}")
    assert foreign.url.replace(order.id, "ORD-261122000000") == unknown.url
    assert without_token(foreign).replace(order.id, "ORD-261122000000") == without_token(unknown)


def test_the_email_address_gives_access_to_an_order_in_a_new_browser(pages: Pages, order: OrderView) -> None:
    asked = pages.get(f"/orders/{order.id}")
    assert asked.url == f"/track?number={order.id}"
    assert track_form_number(asked) == order.id
    shown = pages.submit(asked, TRACK, email=EMAIL)
    assert shown.url == f"/orders/{order.id}"
    assert pages.get(f"/orders/{order.id}").one("h1").get_text() == f"Order {order.id}"


def test_a_document_is_reached_by_the_email_address_even_after_a_mistake(pages: Pages, order: OrderView) -> None:
    asked = pages.get(f"/orders/{order.id}/invoice")
    slipped = pages.submit(asked, TRACK, email="meera@example.com", status=422)
    assert pages.submit(slipped, TRACK, email=EMAIL).url == f"/orders/{order.id}/invoice"


@pytest.mark.parametrize("further", ["//evil.example", "https://evil.example/", "/orders/ORD-1/invoice", "/cart"])
def test_tracking_redirects_only_to_pages_of_the_order(pages: Pages, order: OrderView, further: str) -> None:
    asked = pages.get(f"/track?{urlencode({'number': order.id, 'next': further})}")
    assert pages.submit(asked, TRACK, email=EMAIL).url == f"/orders/{order.id}"


@pytest.mark.parametrize("role", [Role.ORDER_STAFF, Role.ADMIN])
def test_order_staff_are_redirected_to_the_admin_page(pages: Pages, order: OrderView, role: Role) -> None:
    pages.sign_in(make_staff(role))
    assert pages.get(f"/orders/{order.id}").url == f"/staff/orders/{order.id}"


def test_other_staff_need_the_email_address_too(pages: Pages, order: OrderView) -> None:
    pages.sign_in(make_staff(Role.STOCK_STAFF))
    assert pages.get(f"/orders/{order.id}").url == f"/track?number={order.id}"


# ----------------------------------------------------------------------------------------------- tracking


def test_an_order_is_tracked_by_number_and_address(pages: Pages, order: OrderView) -> None:
    page = track(pages, order.id)
    assert page.url == f"/orders/{order.id}"
    assert [row.get_text(strip=True) for row in pages.get("/orders").all(".order-list__number")] == [order.id]


def test_tracking_with_htmx_redirects_to_the_order(pages: Pages, order: OrderView) -> None:
    answer = track(pages, order.id, htmx=True, status=204)
    assert answer.response.headers["HX-Redirect"] == f"/orders/{order.id}"
    assert pages.get(f"/orders/{order.id}").one("h1").get_text() == f"Order {order.id}"


def test_tracking_ignores_case_and_spaces(pages: Pages, order: OrderView) -> None:
    page = track(pages, f"  {order.id.lower()} ", EMAIL.upper())
    assert page.url == f"/orders/{order.id}"


@pytest.mark.parametrize("typed", ["#{}", "{}.", "no. {}", "{} "])
def test_tracking_reads_a_number_in_any_spelling(pages: Pages, order: OrderView, typed: str) -> None:
    """C12: as it stands in an e-mail, with a dash of any kind, or digits alone; also in a link."""
    digits = order.id.removeprefix("ORD-")
    for number in (order.id, f"ORD\u2013{digits}", digits):
        assert track(pages, typed.format(number)).url == f"/orders/{order.id}"
    assert pages.get(f"/orders/ord-{digits}.").url.startswith("/track?number=ord-")


def test_a_customer_withdraws_while_the_order_is_being_packed(pages: Pages, order: OrderView) -> None:
    """A10: neither too late to cancel nor too early to withdraw."""
    track(pages, order.id)
    orders.advance(order.id, OrderStatus.PROCESSING, by="Meera")
    page = pages.get(f"/orders/{order.id}")
    assert "You can withdraw from the whole order or from some products" in page.words
    form = pages.get(f"/orders/{order.id}/return")
    assert "we do not ship what you withdraw from" in form.words
    units = {str(field["name"]): "2" for field in form.all("#return-form input[name^=units-]")}
    done = pages.submit(form, "#return-form", **units)
    assert "We have received your return no." in done.words
    assert "Waiting for approval" in done.words
    assert not done.all("#order-return")  # nothing is left to withdraw from


def test_the_page_of_a_closed_order_has_no_next_step(pages: Pages, order: OrderView) -> None:
    """A8, A9: the customer reads what became of the order, and that nothing is owed."""
    track(pages, order.id)
    units = {item.id or 0: item.quantity for item in order.items}
    orders.refund(order.id, RefundRequest(units), key="0" * 32, actor="meera@example.com")
    page = pages.get(f"/orders/{order.id}")
    assert page.one("#order-progress").get_text() == "Refunded"
    assert "Next" not in page.one("#timeline").get_text()
    assert "the courier collects nothing for it" in page.words
    assert not page.all("form[action$=cancellation]")


def test_a_wrong_address_and_a_wrong_number_get_the_same_response(pages: Pages, order: OrderView) -> None:
    wrong_email = track(pages, order.id, "ravi@example.com", status=422)
    wrong_number = track(pages, "ORD-261122000000", EMAIL, status=422)
    for page in (wrong_email, wrong_number):
        assert page.one(".notice--problem").get_text(strip=True) == NOT_FOUND
    assert pages.get("/orders").all(".order-list__order") == []


def test_a_refused_form_is_shown_as_typed(pages: Pages) -> None:
    page = track(pages, "ORD-1", "ravi@example.com", status=422)
    assert page.one("#order_id")["value"] == "ORD-1"
    assert page.one("#email")["value"] == "ravi@example.com"


def test_a_wrong_pair_is_refused_with_htmx_too(pages: Pages, order: OrderView) -> None:
    assert NOT_FOUND in track(pages, order.id, "ravi@example.com", status=422, htmx=True).words


def test_empty_fields_have_errors(pages: Pages) -> None:
    page = track(pages, "", "", status=422)
    assert [link["href"] for link in page.all("#problems a")] == ["#order_id", "#email"]


@pytest.mark.parametrize("number", ["x" * 33, "' OR 1=1 --", "<script>alert(1)</script>", "\0"])
def test_typed_text_is_escaped(pages: Pages, number: str) -> None:
    page = track(pages, number, status=422)
    assert page.all("#problems, .notice--problem")
    assert not page.all("script:not([src])")


# --------------------------------------------------------------------------------------------- cancelling

CANCEL = "form[action$=cancellation]"


def test_a_visitor_with_access_can_cancel_an_order(pages: Pages, order: OrderView) -> None:
    shown = track(pages, order.id)
    assert shown.one(f"details:not([open]) > {CANCEL}").get_text().strip().endswith("Yes, cancel order")
    page = pages.submit(shown, CANCEL)
    assert page.url == f"/orders/{order.id}"
    assert "Your order is cancelled" in page.words
    assert page.all(CANCEL) == []


def test_an_order_cancelled_twice_is_cancelled_once(pages: Pages, order: OrderView) -> None:
    page = track(pages, order.id)
    for _ in range(2):
        assert "Your order is cancelled" in pages.submit(page, CANCEL).words
    assert [event.status for event in orders.get_order(order.id).timeline].count(OrderStatus.CANCELLED) == 1


def test_a_shipped_order_is_not_cancelled(pages: Pages, order: OrderView) -> None:
    page = track(pages, order.id)
    orders.advance(order.id, OrderStatus.PROCESSING, by="Meera")
    refused = pages.submit(page, CANCEL, status=409)
    assert "can no longer be cancelled" in refused.words
    assert orders.get_order(order.id).status is OrderStatus.PROCESSING


def test_the_order_of_another_browser_cannot_be_cancelled(pages: Pages, app: Flask, order: OrderView) -> None:
    page = track(pages, order.id)
    stranger = Pages(app)
    token = str(stranger.get("/track").one(f"{TRACK} input[name=csrf_token]")["value"])
    stranger.submit(page, CANCEL, status=404, csrf_token=token)
    assert orders.get_order(order.id).status is OrderStatus.CONFIRMED
