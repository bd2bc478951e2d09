"""From the button to the order: where a shopper is while it is placed, and what they may do there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from storefront.catalog.service import ProductCard
from storefront.checkout import saga
from storefront.checkout import service as checkout
from storefront.payments import service as payments
from tests.checkout.purchase import at_step, no_database, raising
from tests.factories.catalog import make_product
from tests.factories.shopping import check_out, fill_cart, press_order
from tests.fakes import Clock
from tests.page_client import Page, Pages
from tests.pages.checkout.test_views import STEPS, is_at


@pytest.fixture
def mug(app: Flask) -> ProductCard:
    return make_product(name="Clay Mug", price=500, stock=5)


@pytest.fixture
def shopper(pages: Pages, mug: ProductCard) -> Iterator[Pages]:
    """A visitor with two mugs in the cart."""
    fill_cart(pages, mug, 2)
    return pages


def test_a_bank_that_answers_late_is_waited_for_on_a_page_that_looks_again(shopper: Pages, now: Clock) -> None:
    page = press_order(check_out(shopper, payment="sandbox-timeout"), shopper)
    assert page.url.startswith("/checkout/placing/")
    assert page.one("h1").get_text() == "We are checking your payment"
    assert page.response.headers["Refresh"] == "3"
    for _ in range(2):
        now.advance(seconds=3)
        page = shopper.get(page.url)
    assert page.url.startswith("/orders/ORD-")


def test_an_order_that_cannot_go_on_is_waited_for_on_a_page_that_looks_again(
    shopper: Pages, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = check_out(shopper)
    at_step(monkeypatch, "create order", raising(no_database()), times=2)
    press_order(review, shopper, status=503)
    now.advance(seconds=3)
    page = shopper.get("/checkout")
    assert page.one("h1").get_text() == "We are checking your payment"
    assert page.response.headers["Refresh"] == "3"
    now.advance(seconds=3)
    assert shopper.get(page.url).url.startswith("/orders/ORD-")


def test_a_bank_that_wants_a_confirmation_is_gone_to_and_come_back_from(shopper: Pages) -> None:
    bank = press_order(check_out(shopper, payment="sandbox-confirm"), shopper)
    assert bank.url.startswith("/payments/sandbox/")
    page = shopper.submit(bank, "form.sandbox__form", press="approve")
    assert page.one("h1").get_text() == "Thank you, your order is placed"


def test_a_payment_declined_at_the_bank_can_be_made_another_way(shopper: Pages) -> None:
    bank = press_order(check_out(shopper, payment="sandbox-confirm"), shopper)
    page = shopper.submit(bank, "form.sandbox__form", press="decline")
    assert is_at(page, "payment")
    assert "Nothing was charged" in page.words


def placing_page(shopper: Pages) -> Page:
    """Where a shopper is who left the bank's page without a decision."""
    press_order(check_out(shopper, payment="sandbox-confirm"), shopper)
    return shopper.get("/checkout")


def test_a_shopper_who_comes_back_undecided_is_led_to_the_bank_again(shopper: Pages) -> None:
    page = placing_page(shopper)
    assert page.one("h1").get_text() == "Your bank asks you to confirm"
    bank = shopper.get(str(page.one("a.btn")["href"]))
    assert shopper.submit(bank, "form.sandbox__form", press="approve").url.startswith("/orders/ORD-")


@pytest.mark.parametrize("step", STEPS)
def test_while_an_order_is_being_placed_every_step_leads_to_where_it_stands(shopper: Pages, step: str) -> None:
    waiting = placing_page(shopper)
    assert shopper.get(f"/checkout/{step}").url == waiting.url


def test_a_shopper_who_will_not_confirm_may_pay_another_way(shopper: Pages) -> None:
    waiting = placing_page(shopper)
    page = shopper.submit(waiting, "main form")
    assert is_at(page, "payment")
    assert "You did not confirm the payment. Nothing was charged" in page.words
    assert press_order(shopper.submit(page, "form.checkout__form", option="cod"), shopper).url.startswith("/orders/")


def test_a_payment_given_up_that_the_bank_does_not_let_go_yet_is_waited_for(
    shopper: Pages, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = placing_page(shopper)
    at_step(monkeypatch, "authorise", raising(payments.ProviderTimeout("nobody answers")), undoing=True)
    page = shopper.submit(waiting, "main form")
    assert page.url == waiting.url
    assert "The payment did not go through" in page.words
    assert page.response.headers["Refresh"] == "3"
    now.advance(seconds=3)
    assert is_at(shopper.get(page.url), "payment")


def test_a_payment_given_up_while_somebody_looks_whether_it_was_made_stays_where_it_is(
    shopper: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = placing_page(shopper)
    monkeypatch.setattr(saga, "_take_lease", lambda checkout: None)
    page = shopper.submit(waiting, "main form")
    assert (page.url, page.one("h1").get_text()) == (waiting.url, "Your bank asks you to confirm")


def test_an_order_being_placed_is_nobody_elses_to_see_or_to_give_up(shopper: Pages, app: Flask) -> None:
    waiting = placing_page(shopper)
    stranger = Pages(app)
    stranger.get(waiting.url, status=404)
    token = str(stranger.get("/track").one("input[name=csrf_token]")["value"])
    stranger.submit(waiting, "main form", status=404, csrf_token=token)
    assert shopper.get(waiting.url).one("h1").get_text() == "Your bank asks you to confirm"


@pytest.mark.parametrize("unknown", ["no-such-checkout", "00000000-0000-0000-0000-000000000000", "x" * 200])
def test_a_checkout_that_never_was_is_not_there(shopper: Pages, unknown: str) -> None:
    shopper.get(f"/checkout/placing/{unknown}", status=404)


def test_an_order_finished_by_the_worker_is_found_by_the_page_that_waits(
    shopper: Pages, app: Flask, now: Clock
) -> None:
    waiting = press_order(check_out(shopper, payment="sandbox-timeout"), shopper)
    with app.test_request_context():
        for _ in range(2):
            now.advance(minutes=2)
            checkout.resume_unfinished()
    page = shopper.get(waiting.url)
    assert page.one("h1").get_text() == "Thank you, your order is placed"
    assert len(shopper.get("/orders").all(".order-list__order")) == 1


def test_an_order_finished_by_the_worker_is_shown_to_a_shopper_who_comes_back(
    shopper: Pages, app: Flask, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = check_out(shopper)
    at_step(monkeypatch, "clear", raising(no_database()))
    press_order(review, shopper, status=503)
    with app.test_request_context():
        now.advance(minutes=2)
        checkout.resume_unfinished()
    page = shopper.get("/checkout")
    assert page.one("h1").get_text() == "Thank you, your order is placed"
    assert shopper.get("/checkout").url == "/cart"


def test_an_order_looked_at_again_forgets_nothing_of_the_checkout_that_goes_on(
    shopper: Pages, mug: ProductCard
) -> None:
    placed = placing_page(shopper)
    bank = shopper.get(str(placed.one("a.btn")["href"]))
    shopper.submit(bank, "form.sandbox__form", press="approve")
    fill_cart(shopper, mug, 1)
    check_out(shopper, until="delivery")
    assert shopper.get(placed.url).url.startswith("/orders/ORD-")
    assert is_at(shopper.get("/checkout"), "delivery")


def test_a_shopper_who_buys_again_gets_another_order(shopper: Pages, mug: ProductCard) -> None:
    press_order(check_out(shopper), shopper)
    fill_cart(shopper, mug, 1)
    press_order(check_out(shopper), shopper)
    assert len(shopper.get("/orders").all(".order-list__order")) == 2


def test_a_form_from_another_site_orders_nothing(shopper: Pages) -> None:
    review = check_out(shopper)
    fields = {str(field["name"]): field["value"] for field in review.all("form.checkout-submit__form input")}
    refused = shopper.client.post("/checkout/review", data=fields, headers={"Sec-Fetch-Site": "cross-site"})
    without_token = {name: value for name, value in fields.items() if name != "csrf_token"}
    missing = shopper.client.post("/checkout/review", data=without_token, headers={"Sec-Fetch-Site": "same-origin"})
    assert (refused.status_code, missing.status_code) == (403, 403)
    assert shopper.get("/orders").all(".order-list__order") == []
    assert len(shopper.get("/cart").all(".cart-line")) == 1
