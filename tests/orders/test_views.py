"""The order pages as a shopper meets them; a number that was not earned here is as unknown as one that never was."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.orders import service as orders
from storefront.orders.service import OrderStatus, OrderView
from tests.factories.catalog import make_product
from tests.factories.shopping import EMAIL, buy, make_order
from tests.pages import Page, Pages

NOT_FOUND = "No order has this number and this e-mail address. Check both and try again."
TRACK = "form.order-track__form"


@pytest.fixture
def order(app: Flask) -> OrderView:
    """An order that no browser knows of yet."""
    return make_order((make_product(name="Clay Mug", price=500), 2))


def track(pages: Pages, number: str, email: str = EMAIL, *, status: int = 200, htmx: bool = False) -> Page:
    return pages.submit(pages.get("/track"), TRACK, status=status, htmx=htmx, order_id=number, email=email)


# ------------------------------------------------------------------------------------------------- index


def test_a_browser_without_orders_is_told_how_to_find_one(pages: Pages) -> None:
    page = pages.get("/orders")
    assert "No order is known here" in page.words
    assert page.one("main a.btn")["href"] == "/track"


def test_the_orders_of_this_browser_are_listed_newest_first(pages: Pages) -> None:
    buy(pages, make_product(name="Clay Mug"), 2)
    buy(pages, make_product(name="Iron Pan"))
    names = [" ".join(row.get_text().split()) for row in pages.get("/orders").all(".order-list__goods")]
    assert names == ["Iron Pan", "Clay Mug and 1 more"]


def test_the_orders_of_another_browser_are_not_listed(pages: Pages, app: Flask) -> None:
    buy(pages, make_product())
    assert Pages(app).get("/orders").all(".order-list__order") == []


# --------------------------------------------------------------------------------------------- one order


def test_an_order_just_placed_is_thanked_for_once(pages: Pages) -> None:
    page = buy(pages, make_product(name="Clay Mug", price=500), 2)
    number = page.one(".order-number").get_text()
    assert page.one("h1").get_text() == "Thank you, your order is placed"
    assert pages.get(f"/orders/{number}").one("h1").get_text() == f"Order {number}"


def test_an_order_shows_goods_figures_address_and_story(pages: Pages, order: OrderView) -> None:
    page = track(pages, order.id)
    assert "Clay Mug" in page.one("#items").get_text()
    for words in ("2 × ₹500", "₹1,000", "₹180", "₹1,680", "Cash on delivery", "Asha Rao", "Pune, Maharashtra 411001"):
        assert words in page.words
    told = [step.get_text() for step in page.all("#timeline .order-timeline__status")]
    assert told == ["Received", "Confirmed", "Next"]
    assert "Arrives by Sun, 29 Nov" in page.words.replace("Sun 29", "Sun, 29")


def test_the_story_grows_with_the_order(pages: Pages, order: OrderView) -> None:
    orders.advance(order.id, OrderStatus.PROCESSING, by="Meera")
    orders.advance(order.id, OrderStatus.SHIPPED, by="Meera", tracking="AWB 77")
    page = track(pages, order.id)
    assert page.one("#order-progress").get_text() == "On its way"
    assert "AWB 77" in page.one("#timeline").get_text()


@pytest.mark.parametrize("number", ["ORD-261122000000", "no-such-order", "%", "x" * 300])
def test_an_order_that_never_was_is_not_there(pages: Pages, number: str) -> None:
    assert "nothing here" in pages.get(f"/orders/{number}", status=404).words


def test_an_order_that_was_not_earned_looks_as_if_it_never_was(pages: Pages, order: OrderView) -> None:
    foreign = pages.get(f"/orders/{order.id}", status=404)
    unknown = pages.get("/orders/ORD-261122000000", status=404)
    # But for where the visitor may come back to after signing in.
    assert foreign.response.text.replace(order.id, "ORD-261122000000") == unknown.response.text


# ----------------------------------------------------------------------------------------------- tracking


def test_an_order_is_tracked_by_number_and_address(pages: Pages, order: OrderView) -> None:
    page = track(pages, order.id)
    assert page.url == f"/orders/{order.id}"
    assert [row.get_text(strip=True) for row in pages.get("/orders").all(".order-list__number")] == [order.id]


def test_an_order_is_tracked_with_htmx_by_going_to_its_page(pages: Pages, order: OrderView) -> None:
    answer = track(pages, order.id, htmx=True, status=204)
    assert answer.response.headers["HX-Redirect"] == f"/orders/{order.id}"
    assert pages.get(f"/orders/{order.id}").one("h1").get_text() == f"Order {order.id}"


def test_an_order_is_tracked_however_number_and_address_are_typed(pages: Pages, order: OrderView) -> None:
    page = track(pages, f"  {order.id.lower()} ", EMAIL.upper())
    assert page.url == f"/orders/{order.id}"


def test_a_wrong_address_and_a_wrong_number_get_the_same_answer(pages: Pages, order: OrderView) -> None:
    wrong_email = track(pages, order.id, "ravi@example.com", status=422)
    wrong_number = track(pages, "ORD-261122000000", EMAIL, status=422)
    for page in (wrong_email, wrong_number):
        assert page.one(".notice--problem").get_text(strip=True) == NOT_FOUND
    assert pages.get("/orders").all(".order-list__order") == []


def test_what_was_typed_comes_back_with_the_refusal(pages: Pages) -> None:
    page = track(pages, "ORD-1", "ravi@example.com", status=422)
    assert page.one("#order_id")["value"] == "ORD-1"
    assert page.one("#email")["value"] == "ravi@example.com"


def test_a_wrong_pair_is_refused_with_htmx_too(pages: Pages, order: OrderView) -> None:
    assert NOT_FOUND in track(pages, order.id, "ravi@example.com", status=422, htmx=True).words


def test_empty_fields_are_named(pages: Pages) -> None:
    page = track(pages, "", "", status=422)
    assert [link["href"] for link in page.all("#problems a")] == ["#order_id", "#email"]


@pytest.mark.parametrize("number", ["x" * 33, "' OR 1=1 --", "<script>alert(1)</script>", "\0"])
def test_whatever_is_typed_is_text(pages: Pages, number: str) -> None:
    page = track(pages, number, status=422)
    assert page.all("#problems, .notice--problem")
    assert not page.all("script:not([src])")


# --------------------------------------------------------------------------------------------- cancelling

CANCEL = "form[action$=cancellation]"


def test_an_order_is_cancelled_by_who_may_see_it(pages: Pages, order: OrderView) -> None:
    page = pages.submit(track(pages, order.id), CANCEL)
    assert page.url == f"/orders/{order.id}"
    assert "Your order is cancelled" in page.words
    assert page.all(CANCEL) == []


def test_an_order_cancelled_twice_is_cancelled_once(pages: Pages, order: OrderView) -> None:
    page = track(pages, order.id)
    for _ in range(2):
        assert "Your order is cancelled" in pages.submit(page, CANCEL).words
    assert [event.status for event in orders.get_order(order.id).timeline].count(OrderStatus.CANCELLED) == 1


def test_an_order_on_its_way_is_not_cancelled(pages: Pages, order: OrderView) -> None:
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
