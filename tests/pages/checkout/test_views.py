"""The pages of the checkout's four steps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from storefront.catalog import inventory
from storefront.catalog.values import Hold, ProductCard
from storefront.checkout import service as checkout
from tests.checkout.purchase import at_step, no_database, raising
from tests.factories.catalog import make_product
from tests.factories.shopping import DELIVERY, check_out, fill_cart, make_cart, make_draft, press_order
from tests.factories.stock import receive
from tests.fakes import Clock
from tests.page_client import Page, Pages

STEPS = ["contact", "delivery", "payment", "review"]


@pytest.fixture
def mug(app: Flask) -> ProductCard:
    return make_product(name="Clay Mug", price=500, stock=5)


@pytest.fixture
def shopper(pages: Pages, mug: ProductCard) -> Iterator[Pages]:
    """A visitor with two mugs in the cart."""
    fill_cart(pages, mug, 2)
    return pages


def is_at(page: Page, step: str) -> bool:
    return page.url == f"/checkout/{step}"


# ------------------------------------------------------------------------------------------------ steps


@pytest.mark.parametrize("step", STEPS)
def test_the_checkout_goes_through_four_steps(shopper: Pages, step: str) -> None:
    page = check_out(shopper, until=step)
    assert is_at(page, step)
    assert page.one("#steps [aria-current=step]").get_text(strip=True).endswith(step.capitalize())


def test_a_visitor_without_a_cart_is_shown_the_empty_cart(pages: Pages) -> None:
    for step in ["", *(f"/{step}" for step in STEPS)]:
        assert pages.get(f"/checkout{step}").url == "/cart"
    assert checkout.states() == {}


@pytest.mark.parametrize(
    ("filled_until", "asked", "led_to"),
    [
        ("contact", "delivery", "contact"),
        ("contact", "payment", "contact"),
        ("contact", "review", "contact"),
        ("delivery", "payment", "delivery"),
        ("delivery", "review", "delivery"),
        ("payment", "review", "payment"),
    ],
)
def test_no_step_can_be_skipped(shopper: Pages, filled_until: str, asked: str, led_to: str) -> None:
    check_out(shopper, until=filled_until)
    assert is_at(shopper.get(f"/checkout/{asked}"), led_to)


@pytest.mark.parametrize("step", STEPS[:3])
def test_an_earlier_step_shows_what_was_entered(shopper: Pages, step: str) -> None:
    check_out(shopper)
    page = shopper.get(f"/checkout/{step}")
    assert is_at(page, step)
    assert is_at(shopper.submit(page, "form.checkout__form"), "review")


def test_what_is_changed_on_a_step_is_on_the_review(shopper: Pages) -> None:
    check_out(shopper)
    review = shopper.submit(shopper.get("/checkout/delivery"), "form.checkout__form", city="Nagpur")
    assert "Nagpur 411001, Maharashtra" in review.one("#entered").get_text()


def test_the_next_step_shows_what_was_entered_before(shopper: Pages) -> None:
    page = check_out(shopper, until="payment")
    entered = " ".join(page.one("#entered").get_text().split())
    assert "asha@example.com" in entered
    assert "12 Lake Road" in entered


# --------------------------------------------------------------------------------------------- refusals


def test_a_refused_contact_is_shown_as_typed(shopper: Pages) -> None:
    page = check_out(shopper, until="contact")
    refused = shopper.submit(page, "form.checkout__form", status=422, email="asha@", phone="98765 43210")
    assert refused.one("#email")["value"] == "asha@"
    assert refused.one("#phone")["value"] == "+91 98765 43210"
    assert "does not look like an e-mail address" in refused.one("#email-problem").get_text()
    assert refused.one("#email")["aria-invalid"] == "true"


def test_the_summary_of_problems_leads_to_each_field(shopper: Pages) -> None:
    page = check_out(shopper, until="delivery")
    refused = shopper.submit(
        page, "form.checkout__form", status=422, **DELIVERY | {"full_name": " ", "postal_code": "12"}
    )
    links = refused.all("#problems a")
    assert [link["href"] for link in links] == ["#full_name", "#postal_code"]
    for link in links:
        assert refused.one(str(link["href"])).name == "input"


def test_a_refused_address_is_shown_as_typed(shopper: Pages) -> None:
    page = check_out(shopper, until="delivery")
    typed = DELIVERY | {"postal_code": "SW1A 1AA", "line2": "3rd floor"}
    refused = shopper.submit(page, "form.checkout__form", status=422, **typed)
    for field, value in typed.items():
        assert refused.one(f"#{field}")["value"] == value


def test_a_payment_method_must_be_chosen(shopper: Pages) -> None:
    page = check_out(shopper, until="payment")
    refused = shopper.submit(page, "form.checkout__form", status=422)
    assert "Choose a payment method" in refused.words
    assert refused.one(str(refused.one("#problems a")["href"])).name == "input"


def test_a_payment_method_that_is_not_offered_is_refused(shopper: Pages) -> None:
    page = check_out(shopper, until="payment")
    refused = shopper.submit(page, "form.checkout__form", status=422, option="cheque")
    assert refused.all("#option-problem")


def test_a_step_refused_keeps_what_was_entered_before(shopper: Pages) -> None:
    page = check_out(shopper, until="contact")
    shopper.submit(page, "form.checkout__form", status=422, email="asha@", phone="12")
    assert is_at(check_out(shopper), "review")


# ----------------------------------------------------------------------------------------------- review


def test_the_button_of_the_review_has_the_total(shopper: Pages) -> None:
    review = check_out(shopper)
    button = review.one("form.checkout-submit__form button")
    assert button.get_text() == "Place order, ₹1,680"
    assert "Clay Mug" in review.one("#items").get_text()
    assert "Cash on delivery" in review.one("#entered").get_text()


def test_a_placed_order_shows_a_thank_you_and_empties_the_cart(shopper: Pages) -> None:
    page = press_order(check_out(shopper), shopper)
    assert page.one("h1").get_text() == "Thank you, your order is placed"
    assert page.url.startswith("/orders/ORD-")
    assert shopper.get("/cart").all("#cart-empty")


def test_placing_an_order_answers_with_a_redirect(shopper: Pages) -> None:
    review = check_out(shopper)
    fields = {str(field["name"]): field["value"] for field in review.all("form.checkout-submit__form input")}
    response = shopper.client.post("/checkout/review", data=fields, headers={"Sec-Fetch-Site": "same-origin"})
    assert response.status_code == 303


def test_the_same_review_sent_twice_leads_to_the_same_order(shopper: Pages) -> None:
    review = check_out(shopper)
    first = press_order(review, shopper)
    assert press_order(review, shopper).url == first.url
    assert len(shopper.get("/orders").all(".order-list__order")) == 1


def test_a_cart_changed_in_another_tab_is_shown_before_it_is_ordered(shopper: Pages, mug: ProductCard) -> None:
    review = check_out(shopper)
    fill_cart(shopper, mug, 1)
    again = press_order(review, shopper, status=409)
    assert "The order was not placed" in again.words
    assert again.one("form.checkout-submit__form button").get_text() == "Place order, ₹2,270"
    assert press_order(again, shopper).url.startswith("/orders/ORD-")


def test_stock_sold_before_the_submit_redirects_to_the_cart(shopper: Pages, mug: ProductCard) -> None:
    review = check_out(shopper)
    receive(mug.sku, -4)
    page = press_order(review, shopper)
    assert page.url == "/cart"
    assert "Only 1 left of Clay Mug. Nothing was charged; your cart is kept." in page.words
    assert "sold out" not in page.words


def test_stock_sold_during_the_submit_is_named_in_the_cart(
    shopper: Pages, mug: ProductCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = check_out(shopper)
    at_step(monkeypatch, "reserve", lambda: inventory.reserve("another-shopper", [Hold(mug.sku, 5)]))
    page = press_order(review, shopper)
    assert page.url == "/cart"
    assert "Clay Mug: sold out a moment ago. Nothing was charged; your cart is kept." in page.words
    assert "Sold out" in page.one(".cart-line").get_text()


def test_the_units_left_are_named_when_fewer_are_available(
    shopper: Pages, mug: ProductCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    bowl = make_product(name="Bowl", stock=1)
    fill_cart(shopper, bowl, 1)
    review = check_out(shopper)
    rival = [Hold(mug.sku, 4), Hold(bowl.sku, 1)]
    at_step(monkeypatch, "reserve", lambda: inventory.reserve("another-shopper", rival))
    page = press_order(review, shopper)
    expected = "Bowl: sold out a moment ago. Only 1 left of Clay Mug. Nothing was charged; your cart is kept."
    assert expected in page.words


def test_a_cart_that_cannot_be_ordered_redirects_to_the_cart_page(shopper: Pages, mug: ProductCard) -> None:
    receive(mug.sku, -4)
    page = shopper.get("/checkout")
    assert page.url == "/cart"
    assert "Check the items marked in your cart" in page.words


def test_a_payment_method_withdrawn_before_the_review_must_be_chosen_again(
    shopper: Pages, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_out(shopper, payment="sandbox-success")
    monkeypatch.setitem(app.config, "PAYMENT_PROVIDER", "none")
    page = shopper.get("/checkout/review")
    assert is_at(page, "payment")
    assert [choice["value"] for choice in page.all("input[name=option]")] == ["cod", "upi", "bnpl"]


def test_the_checkout_of_another_cart_is_not_found(shopper: Pages, mug: ProductCard) -> None:
    token = make_cart((mug, 2))
    foreign = make_draft(token)
    review = check_out(shopper)
    shopper.submit(review, "form.checkout-submit__form", status=404, key=foreign.id)
    assert checkout.outcome_of(foreign.id, token).order_id is None


def test_a_review_without_its_key_starts_over(shopper: Pages) -> None:
    review = check_out(shopper)
    assert is_at(shopper.submit(review, "form.checkout-submit__form", key=""), "review")


def test_a_review_sent_without_any_cart_leads_to_the_cart(shopper: Pages) -> None:
    review = check_out(shopper)
    shopper.client.delete_cookie("storefront")
    token = str(shopper.get("/track").one("input[name=csrf_token]")["value"])
    assert shopper.submit(review, "form.checkout-submit__form", csrf_token=token).url == "/cart"


# ---------------------------------------------------------------------------------------- other outcomes


def test_a_declined_payment_keeps_the_cart_and_shows_a_message(shopper: Pages) -> None:
    page = press_order(check_out(shopper, payment="sandbox-decline"), shopper)
    assert is_at(page, "payment")
    assert "The bank declined the card. Nothing was charged and your cart is kept" in page.words
    assert "2 ×" in page.one("#items").get_text()


def test_after_a_declined_payment_all_entries_are_kept(shopper: Pages) -> None:
    page = press_order(check_out(shopper, payment="sandbox-decline"), shopper)
    review = shopper.submit(page, "form.checkout__form", option="cod")
    assert is_at(review, "review")
    assert press_order(review, shopper).url.startswith("/orders/ORD-")


def test_an_unavailable_database_is_waited_for_and_the_same_form_works_later(
    shopper: Pages, now: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = check_out(shopper)
    at_step(monkeypatch, "create order", raising(no_database()))
    page = press_order(review, shopper)
    assert page.url.startswith("/checkout/placing/")
    now.advance(seconds=5)
    assert press_order(review, shopper).url.startswith("/orders/ORD-")
