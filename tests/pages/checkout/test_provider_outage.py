"""What shoppers see while the card provider does not answer: the method greyed out, a refusal at once, no waiting."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.checkout import service as checkout
from storefront.checkout.values import CheckoutState
from storefront.payments import stripe as adapter
from tests.factories.catalog import make_product
from tests.factories.shopping import check_out, fill_cart, press_order
from tests.outages import end_pause, join_probes, trip
from tests.page_client import Page, Pages
from tests.stripe_process import Bank

FORM = "form.checkout__form"
WORDS = "Card is not available at the moment: the payment provider does not answer."


@pytest.fixture
def shopper(pages: Pages, stripe: Bank) -> Pages:
    fill_cart(pages, make_product(name="Clay Mug", stock=5), 2)
    return pages


def card_of(page: Page) -> str:
    """The label of the card, with its attributes."""
    return str(page.one("label.choice:has(input[value=stripe])"))


def test_the_method_is_greyed_out_with_the_reason(app: Flask, shopper: Pages) -> None:
    check_out(shopper, until="payment")
    trip(app, adapter.SERVICE)
    page = shopper.get("/checkout/payment")
    assert page.one("input[value=stripe]").has_attr("disabled")
    assert not page.one("input[value=cod]").has_attr("disabled")
    assert "Not available at the moment: the payment provider does not answer." in card_of(page)


def test_a_method_chosen_earlier_is_not_chosen_any_more(app: Flask, shopper: Pages) -> None:
    check_out(shopper, payment="stripe")
    trip(app, adapter.SERVICE)
    assert not shopper.get("/checkout/payment").one("input[value=stripe]").has_attr("checked")


def test_choosing_it_on_an_old_page_is_refused_in_words(app: Flask, shopper: Pages) -> None:
    old = check_out(shopper, until="payment")
    trip(app, adapter.SERVICE)
    page = shopper.submit(old, FORM, option="stripe", status=422)
    assert WORDS in page.words


def test_the_review_leads_to_the_payment_methods(app: Flask, shopper: Pages) -> None:
    check_out(shopper, payment="stripe")
    trip(app, adapter.SERVICE)
    page = shopper.get("/checkout/review")
    assert page.url == "/checkout/payment"
    assert WORDS in page.words


def test_an_order_is_refused_at_once_in_the_same_words_and_can_be_paid_otherwise(
    app: Flask, shopper: Pages, stripe: Bank
) -> None:
    review = check_out(shopper, payment="stripe")
    trip(app, adapter.SERVICE)
    asked = stripe.asked
    page = press_order(review, shopper)
    assert page.url == "/checkout/payment"
    assert WORDS in page.words
    assert stripe.asked == asked
    assert {state for state, _ in checkout.states().values()} == {CheckoutState.DRAFT}
    order = press_order(shopper.submit(page, FORM, option="cod"), shopper)
    assert order.url.startswith("/orders/")


def test_when_the_provider_answers_the_method_is_back(app: Flask, shopper: Pages) -> None:
    check_out(shopper, until="payment")
    trip(app, adapter.SERVICE)
    assert shopper.get("/checkout/payment").one("input[value=stripe]").has_attr("disabled")
    end_pause(app, adapter.SERVICE)
    shopper.get("/checkout/payment")  # the shop notices that the pause is over; this visitor waits for nothing
    join_probes()
    assert not shopper.get("/checkout/payment").one("input[value=stripe]").has_attr("disabled")
