"""The checkout of a signed-in customer: their own saved addresses and payment methods are offered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storefront.accounts import service as accounts
from storefront.accounts.values import Account
from storefront.orders import service as orders
from tests.accounts.test_addresses import HOME, add, lines_of
from tests.factories.accounts import PASSWORD, make_account
from tests.factories.catalog import make_product
from tests.factories.shopping import DELIVERY, fill_cart, press_order
from tests.page_client import Page, Pages

FORM = "form.checkout__form"


@pytest.fixture
def asha(pages: Pages) -> Account:
    """The signed-in account, with a product in the cart."""
    account = make_account(phone="+919876543210")
    pages.sign_in(account)
    fill_cart(pages, make_product())
    return account


def at_delivery(pages: Pages) -> Page:
    return pages.submit(pages.get("/checkout"), FORM)


def at_payment(pages: Pages) -> Page:
    return pages.submit(at_delivery(pages), FORM)


def chosen(page: Page) -> str:
    return str(page.one("input[type=radio][checked]")["value"])


def test_the_contact_step_is_filled_from_the_account(pages: Pages, asha: Account) -> None:
    page = pages.get("/checkout")
    assert (page.one("#email")["value"], page.one("#phone")["value"]) == (asha.email, asha.phone)


def test_a_contact_entered_for_an_order_does_not_change_the_account(pages: Pages, asha: Account) -> None:
    pages.submit(pages.get("/checkout"), FORM, email="elsewhere@example.com")
    assert pages.get("/checkout/contact").one("#email")["value"] == "elsewhere@example.com"
    assert accounts.get_account(asha.id).email == asha.email


def test_the_default_address_is_preselected_and_used(pages: Pages, asha: Account) -> None:
    add(asha.id, "Elsewhere")
    default = add(asha.id, "12 Lake Road", is_default=True)
    page = at_delivery(pages)
    assert chosen(page) == str(default)
    page = pages.submit(page, FORM)
    placed = press_order(pages.submit(page, FORM, option="cod"), pages)
    order = orders.get_order(placed.one(".order-number").get_text())
    assert (order.address.line1, order.address.full_name, order.customer_id) == ("12 Lake Road", "Asha Rao", asha.id)


def test_an_order_of_an_account_is_hidden_from_the_next_account_in_the_browser(pages: Pages, asha: Account) -> None:
    add(asha.id, "12 Lake Road")
    placed = press_order(pages.submit(pages.submit(at_delivery(pages), FORM), FORM, option="cod"), pages)
    next_one = {"email": make_account().email, "password": PASSWORD}
    assert pages.client.post("/auth/login", json=next_one, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200
    assert pages.get(placed.url).one("h1").get_text() == "Track an order"


def test_another_address_is_saved_only_on_request(pages: Pages, asha: Account) -> None:
    add(asha.id, "Saved")
    page = at_delivery(pages)
    pages.submit(page, FORM, saved="new", **DELIVERY)
    assert lines_of(asha.id) == [("Saved", True)]
    back = pages.get("/checkout/delivery")
    assert (chosen(back), back.one("#line1")["value"]) == ("new", "12 Lake Road")
    for _ in range(2):
        pages.submit(back, FORM, keep="y")
    assert lines_of(asha.id) == [("Saved", True), ("12 Lake Road", False)]
    assert chosen(pages.get("/checkout/delivery")) != "new"


def test_an_account_without_addresses_enters_one(pages: Pages, asha: Account) -> None:
    page = pages.submit(at_delivery(pages), FORM, keep="y", **DELIVERY)
    assert page.url == "/checkout/payment"
    assert lines_of(asha.id) == [("12 Lake Road", True)]


def test_a_refused_new_address_is_shown_as_typed(pages: Pages, asha: Account) -> None:
    add(asha.id, "Saved")
    refused = pages.submit(at_delivery(pages), FORM, status=422, saved="new", **DELIVERY | {"postal_code": "12"})
    assert refused.one("#problems a")["href"] == "#postal_code"
    assert (chosen(refused), refused.one("#postal_code")["value"]) == ("new", "12")


def test_address_fields_are_ignored_when_a_saved_address_is_chosen(pages: Pages, asha: Account) -> None:
    add(asha.id, "Saved")
    page = pages.submit(at_delivery(pages), FORM, postal_code="12", line1="x" * 500)
    assert page.url == "/checkout/payment"
    assert "Saved" in page.one("#entered").get_text()


@pytest.mark.parametrize("which", ["another's", "0", "x", "-1"])
def test_an_address_that_is_not_in_the_address_book_is_refused(pages: Pages, asha: Account, which: str) -> None:
    add(asha.id, "Saved")
    foreign = str(add(make_account().id, "His")) if which == "another's" else which
    refused = pages.submit(at_delivery(pages), FORM, status=422, saved=foreign)
    assert refused.all("#saved-problem")
    assert "His" not in refused.words
    assert pages.get("/checkout/payment").url == "/checkout/delivery"


def test_a_saved_address_without_a_name_uses_the_accounts_name_or_is_refused(pages: Pages) -> None:
    for name, led_to in (("Asha Rao", "/checkout/payment"), (None, "/checkout/delivery")):
        account = make_account(name=name, phone=None)
        accounts.add_address(account.id, replace(HOME, full_name=""))
        pages.sign_in(account)
        fill_cart(pages, make_product())
        page = pages.submit(pages.get("/checkout"), FORM, phone="98765 43210")
        done = pages.submit(page, FORM, status=200 if name else 422)
        assert done.url == led_to


def test_saved_payment_methods_are_offered_with_the_default_preselected(pages: Pages, asha: Account) -> None:
    add(asha.id, "Saved")
    accounts.add_method(asha.id, "VISA", "card_1_4242")
    upi = accounts.add_method(asha.id, "UPI", "asha@okbank", is_default=True)
    lender = accounts.add_method(asha.id, "BNPL", "Klarna")
    page = at_payment(pages)
    assert chosen(page) == f"saved-{upi.id}"
    assert [tile["value"] for tile in page.all("input[value^=saved-]")] == [f"saved-{upi.id}", f"saved-{lender.id}"]
    review = pages.submit(page, FORM)
    assert "UPI, ash***@okbank" in review.one("#entered").get_text()
    assert chosen(pages.get("/checkout/payment")) == f"saved-{upi.id}"
    placed = press_order(review, pages)
    order = orders.get_order(placed.one(".order-number").get_text())
    assert (order.payment_kind, order.payment_details) == ("upi", "ash***@okbank")


def test_a_saved_lender_is_used_for_the_order(pages: Pages, asha: Account) -> None:
    add(asha.id, "Saved")
    method = accounts.add_method(asha.id, "BNPL", "Klarna")
    review = pages.submit(at_payment(pages), FORM, option=f"saved-{method.id}")
    placed = press_order(review, pages)
    assert orders.get_order(placed.one(".order-number").get_text()).payment_details == "Buy Now Pay Later - Klarna"


def test_the_payment_method_of_another_account_is_refused(pages: Pages, asha: Account) -> None:
    add(asha.id, "Saved")
    his = accounts.add_method(make_account().id, "UPI", "ravi@okbank")
    refused = pages.submit(at_payment(pages), FORM, status=422, option=f"saved-{his.id}")
    assert refused.all("#option-problem")
    assert "rav***" not in refused.words


def test_markup_in_a_saved_address_is_escaped_in_the_checkout(pages: Pages, asha: Account) -> None:
    accounts.add_address(asha.id, replace(HOME, full_name="<script>alert(1)</script>", city="<b>Pune</b>"))
    for page in (at_delivery(pages), pages.submit(pages.get("/checkout/delivery"), FORM)):
        assert page.all("script:not([src])") == []
        assert "<b>Pune</b>" in page.words


def test_a_guest_enters_everything_and_is_offered_to_sign_in(pages: Pages) -> None:
    fill_cart(pages, make_product())
    page = pages.get("/checkout")
    assert page.one("#email").get("value", "") == ""
    assert page.one(".checkout__step a[href^='/login']")
