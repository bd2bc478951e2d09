"""UPI and pay later in the checkout: the details they ask for, and that a UPI id is only shown masked."""

from __future__ import annotations

import pytest
from flask import Flask

from storefront.catalog.values import ProductCard
from storefront.checkout import service as checkout
from storefront.checkout.values import CheckoutState, DraftIncomplete
from storefront.payments import service as payments
from storefront.payments.values import PaymentStatus
from tests import consistency
from tests.factories.catalog import make_product
from tests.factories.shopping import check_out, fill_cart, make_cart, make_draft, place, press_order
from tests.page_client import Page, Pages

FORM = "form.checkout__form"
OPTIONS = [("upi", "asha@okbank"), ("bnpl", "Klarna")]


@pytest.fixture
def mug(app: Flask) -> ProductCard:
    return make_product(name="Clay Mug", price=500, stock=5)


@pytest.fixture
def payment(pages: Pages, mug: ProductCard) -> Page:
    """The payment step."""
    fill_cart(pages, mug, 2)
    return check_out(pages, until="payment")


def chosen(page: Page) -> str:
    return str(page.one("input[name=option][checked]")["value"])


@pytest.mark.parametrize(
    ("option", "fields", "shown"),
    [("upi", {"upi_id": "asha@okbank"}, "UPI, ash***@okbank"), ("bnpl", {"lender": "Klarna"}, "Pay later, Klarna")],
)
def test_the_details_of_a_payment_option_are_on_the_review(
    pages: Pages, payment: Page, option: str, fields: dict[str, str], shown: str
) -> None:
    review = pages.submit(payment, FORM, option=option, **fields)
    assert review.url == "/checkout/review"
    assert shown in review.words
    assert "asha@okbank" not in review.response.text


@pytest.mark.parametrize(
    ("option", "fields", "shown"),
    [
        ("upi", {"upi_id": "asha@okbank"}, "UPI, ash***@okbank"),
        ("bnpl", {"lender": "Sezzle"}, "Pay later, Buy Now Pay Later - Sezzle"),
    ],
)
def test_the_order_shows_its_payment_method(
    pages: Pages, payment: Page, option: str, fields: dict[str, str], shown: str
) -> None:
    order = press_order(pages.submit(payment, FORM, option=option, **fields), pages)
    assert order.url.startswith("/orders/ORD-")
    assert shown in order.words
    assert "asha@okbank" not in order.response.text
    consistency.assert_balanced()


@pytest.mark.parametrize(("option", "field"), [("upi", "upi_id"), ("bnpl", "lender")])
def test_an_option_without_its_details_is_refused_with_an_error_at_the_field(
    pages: Pages, payment: Page, option: str, field: str
) -> None:
    page = pages.submit(payment, FORM, status=422, option=option)
    assert chosen(page) == option
    assert page.one(f"#{field}")["aria-invalid"] == "true"
    assert page.one(f"#problems a[href='#{field}']")


def test_a_refused_upi_id_is_shown_as_typed(pages: Pages, payment: Page) -> None:
    page = pages.submit(payment, FORM, status=422, option="upi", upi_id="asha at okbank")
    assert page.one("#upi_id")["value"] == "asha at okbank"


def test_going_back_shows_the_entered_details(pages: Pages, payment: Page) -> None:
    pages.submit(payment, FORM, option="upi", upi_id="asha@okbank")
    page = pages.get("/checkout/payment")
    assert (chosen(page), page.one("#upi_id")["value"]) == ("upi", "asha@okbank")
    pages.submit(page, FORM, option="bnpl", lender="Affirm")
    page = pages.get("/checkout/payment")
    assert (chosen(page), page.one("#lender option[selected]")["value"]) == ("bnpl", "Affirm")
    assert not page.one("#upi_id").get("value")


def test_a_shop_that_does_not_offer_them_shows_no_field_for_them(
    app: Flask, pages: Pages, payment: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "OFFLINE_PAYMENTS", ("cod",))
    page = pages.get("/checkout/payment")
    assert not page.all("#upi_id, #lender")
    pages.submit(payment, FORM, status=422, option="upi", upi_id="asha@okbank")


# --------------------------------------------------------------------------------------------- the order


@pytest.mark.parametrize(
    ("option", "entry", "status"),
    [("upi", "asha@okbank", PaymentStatus.CAPTURED), ("bnpl", "Klarna", PaymentStatus.DUE)],
)
def test_upi_is_paid_at_once_and_pay_later_is_owed(
    mug: ProductCard, option: str, entry: str, status: PaymentStatus
) -> None:
    token = make_cart((mug, 2))
    draft = make_draft(token)
    checkout.enter_payment(draft, option, entry)
    assert place(draft, token).state is CheckoutState.COMPLETED
    assert payments.status_of(draft.id) is status


@pytest.mark.parametrize(("option", "entry"), [("upi", ""), ("upi", "asha"), ("bnpl", ""), ("bnpl", "asha@okbank")])
def test_no_other_door_places_an_order_without_what_the_way_to_pay_asks_for(
    mug: ProductCard, option: str, entry: str
) -> None:
    token = make_cart((mug, 2))
    draft = make_draft(token)
    checkout.enter_payment(draft, option, entry)
    with pytest.raises(DraftIncomplete) as refusal:
        place(draft, token)
    assert refusal.value.step == "payment"


@pytest.mark.parametrize(("option", "entry"), OPTIONS)
def test_a_checkout_started_again_keeps_the_payment_details(mug: ProductCard, option: str, entry: str) -> None:
    token = make_cart((mug, 2))
    draft = make_draft(token)
    checkout.enter_payment(draft, option, entry)
    anew = checkout.start(token, like=checkout.get_draft(draft.id, token))
    assert (anew.payment, anew.payment_entry) == (option, entry)


# ------------------------------------------------------------------------------------- pages of providers


def policy_of(page: Page) -> str:
    return page.response.headers["Content-Security-Policy"]


@pytest.fixture
def stripe_shop(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "PAYMENT_PROVIDER", "stripe")


@pytest.mark.usefixtures("stripe_shop")
def test_only_the_review_allows_forms_to_redirect_to_stripe(pages: Pages, payment: Page) -> None:
    review = pages.submit(payment, FORM, option="cod")
    assert "form-action 'self' https://checkout.stripe.com;" in policy_of(review)
    assert "form-action 'self';" in policy_of(pages.get("/checkout/payment"))


def test_without_stripe_no_form_may_leave_the_shop(pages: Pages, payment: Page) -> None:
    assert "form-action 'self';" in policy_of(pages.submit(payment, FORM, option="cod"))
