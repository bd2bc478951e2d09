"""The page that waits for an order's payment, and what a shopper can do there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from storefront.catalog.values import ProductCard
from storefront.checkout import saga
from storefront.checkout import service as checkout
from storefront.payments.values import ProviderTimeout
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


def test_a_late_response_of_the_bank_is_awaited_on_a_refreshing_page(shopper: Pages, now: Clock) -> None:
    page = press_order(check_out(shopper, payment="sandbox-timeout"), shopper)
    assert page.url.startswith("/checkout/placing/")
    assert page.one("h1").get_text() == "We are checking your payment"
    assert page.response.headers["Refresh"] == "3"
    for _ in range(2):
        now.advance(seconds=3)
        page = shopper.get(page.url)
    assert page.url.startswith("/orders/ORD-")


def test_an_order_with_a_failing_step_is_awaited_on_a_refreshing_page(
    shopper: Pages, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = check_out(shopper)
    at_step(monkeypatch, "create order", raising(no_database()), times=2)
    press_order(review, shopper)
    now.advance(seconds=3)
    page = shopper.get("/checkout")
    assert page.one("h1").get_text() == "We are checking your payment"
    assert page.response.headers["Refresh"] == "3"
    now.advance(seconds=3)
    assert shopper.get(page.url).url.startswith("/orders/ORD-")


def test_a_payment_is_confirmed_on_the_banks_page(shopper: Pages) -> None:
    bank = press_order(check_out(shopper, payment="sandbox-confirm"), shopper)
    assert bank.url.startswith("/payments/sandbox/")
    page = shopper.submit(bank, "form.sandbox__form", press="approve")
    assert page.one("h1").get_text() == "Thank you, your order is placed"


def test_after_declining_at_the_bank_another_method_can_be_chosen(shopper: Pages) -> None:
    bank = press_order(check_out(shopper, payment="sandbox-confirm"), shopper)
    page = shopper.submit(bank, "form.sandbox__form", press="decline")
    assert is_at(page, "payment")
    assert "Nothing was charged" in page.words


def placing_page(shopper: Pages) -> Page:
    """The page of a shopper who left the bank's page without a decision."""
    press_order(check_out(shopper, payment="sandbox-confirm"), shopper)
    return shopper.get("/checkout")


def test_a_shopper_who_returns_undecided_is_offered_the_banks_page_again(shopper: Pages) -> None:
    page = placing_page(shopper)
    assert page.one("h1").get_text() == "Your bank asks you to confirm"
    bank = shopper.get(str(page.one("a.btn")["href"]))
    assert shopper.submit(bank, "form.sandbox__form", press="approve").url.startswith("/orders/ORD-")


@pytest.mark.parametrize("step", STEPS)
def test_while_an_order_is_being_placed_every_step_redirects_to_its_page(shopper: Pages, step: str) -> None:
    waiting = placing_page(shopper)
    assert shopper.get(f"/checkout/{step}").url == waiting.url


def test_an_unconfirmed_payment_can_be_abandoned_for_another_method(shopper: Pages) -> None:
    waiting = placing_page(shopper)
    page = shopper.submit(waiting, "main form")
    assert is_at(page, "payment")
    assert "You did not confirm the payment. Nothing was charged" in page.words
    assert press_order(shopper.submit(page, "form.checkout__form", option="cod"), shopper).url.startswith("/orders/")


def test_an_abandoned_payment_that_cannot_be_voided_yet_is_awaited(
    shopper: Pages, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = placing_page(shopper)
    at_step(monkeypatch, "authorise", raising(ProviderTimeout("nobody answers")), undoing=True)
    page = shopper.submit(waiting, "main form")
    assert page.url == waiting.url
    assert "The payment did not go through" in page.words
    assert page.response.headers["Refresh"] == "3"
    now.advance(seconds=3)
    assert is_at(shopper.get(page.url), "payment")


def test_a_payment_abandoned_while_another_runner_has_the_lease_stays_unchanged(
    shopper: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = placing_page(shopper)
    monkeypatch.setattr(saga, "_take_lease", lambda checkout: None)
    page = shopper.submit(waiting, "main form")
    assert (page.url, page.one("h1").get_text()) == (waiting.url, "Your bank asks you to confirm")


def test_another_visitor_can_neither_confirm_nor_abandon_a_checkout(shopper: Pages, app: Flask) -> None:
    waiting = placing_page(shopper)
    stranger = Pages(app)
    assert not stranger.get(waiting.url).all("main form, main a[href*=sandbox]")
    token = str(stranger.get("/track").one("input[name=csrf_token]")["value"])
    stranger.submit(waiting, "main form", status=404, csrf_token=token)
    assert shopper.get(waiting.url).one("h1").get_text() == "Your bank asks you to confirm"


@pytest.mark.parametrize("unknown", ["no-such-checkout", "00000000-0000-0000-0000-000000000000", "x" * 200])
def test_an_unknown_checkout_is_not_found(shopper: Pages, unknown: str) -> None:
    shopper.get(f"/checkout/placing/{unknown}", status=404)


def test_the_waiting_page_finds_an_order_completed_by_the_worker(shopper: Pages, app: Flask, now: Clock) -> None:
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
    press_order(review, shopper)
    with app.test_request_context():
        now.advance(minutes=2)
        checkout.resume_unfinished()
    page = shopper.get("/checkout")
    assert page.one("h1").get_text() == "Thank you, your order is placed"
    assert shopper.get("/checkout").url == "/cart"


def test_viewing_an_older_checkout_does_not_forget_the_current_one(shopper: Pages, mug: ProductCard) -> None:
    placed = placing_page(shopper)
    bank = shopper.get(str(placed.one("a.btn")["href"]))
    shopper.submit(bank, "form.sandbox__form", press="approve")
    fill_cart(shopper, mug, 1)
    check_out(shopper, until="delivery")
    assert shopper.get(placed.url).url.startswith("/orders/ORD-")
    assert is_at(shopper.get("/checkout"), "delivery")


def test_a_second_purchase_is_another_order(shopper: Pages, mug: ProductCard) -> None:
    press_order(check_out(shopper), shopper)
    fill_cart(shopper, mug, 1)
    press_order(check_out(shopper), shopper)
    assert len(shopper.get("/orders").all(".order-list__order")) == 2


def test_a_form_from_another_site_is_refused(shopper: Pages) -> None:
    review = check_out(shopper)
    fields = {str(field["name"]): field["value"] for field in review.all("form.checkout-submit__form input")}
    refused = shopper.client.post("/checkout/review", data=fields, headers={"Sec-Fetch-Site": "cross-site"})
    without_token = {name: value for name, value in fields.items() if name != "csrf_token"}
    missing = shopper.client.post("/checkout/review", data=without_token, headers={"Sec-Fetch-Site": "same-origin"})
    assert (refused.status_code, missing.status_code) == (403, 403)
    assert shopper.get("/orders").all(".order-list__order") == []
    assert len(shopper.get("/cart").all(".cart-line")) == 1
